/* SPDX-License-Identifier: MIT */
/* dump partitions IMAGE | dump file IMAGE LBA NAME11: what the core makes of an image, for other programs to compare.
 * Partitions come out as JSON, one a line; a file as its bytes. Judges nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/mbr.h"
#include "fs/fat.h"
#include "image.h"

#define FILE_MAX (4u << 20)

static int dump_partitions(struct image *image)
{
    static struct disk_table table;
    uint8_t sector0[SECTOR_BYTES];
    if (blockdev_read(&image->device, 0, 1, sector0) != ST_OK)
        return 3;
    mbr_read(&image->device, sector0, &table);
    (void)printf("{\"signature\": \"%08x\", \"status\": \"%s\"}\n", table.signature, status_name(table.status));
    for (unsigned i = 0; i < table.count; i++) {
        const struct partition *partition = &table.partition[i];
        (void)printf("{\"number\": %u, \"type\": %u, \"start\": %u, \"size\": %u, \"active\": %s, \"logical\": %s, "
                     "\"entry\": [%u, %u]}\n",
                     partition->number, partition->type, partition->start_lba, partition->sectors,
                     partition->active ? "true" : "false", partition->logical ? "true" : "false", partition->entry_lba,
                     partition->entry_offset);
    }
    return 0;
}

static int dump_file(struct image *image, uint64_t lba, const char *name)
{
    struct fat fat;
    struct fat_file file;
    static uint8_t buffer[FILE_MAX];
    enum status status = fat_mount(&image->device, lba, &fat);
    if (status == ST_OK)
        status = fat_open(&fat, name, &file);
    if (status == ST_OK)
        status = fat_read(&file, buffer, sizeof buffer);
    if (status == ST_OK && fwrite(buffer, 1, file.bytes, stdout) == file.bytes)
        return 0;
    (void)fprintf(stderr, "%s\n", status_name(status));
    return 1;
}

int main(int argc, char **argv)
{
    struct image image;
    if (argc == 3 && strcmp(argv[1], "partitions") == 0 && open_image(&image, argv[2]))
        return dump_partitions(&image);
    if (argc == 5 && strcmp(argv[1], "file") == 0 && strlen(argv[4]) == FAT_NAME_BYTES && open_image(&image, argv[2]))
        return dump_file(&image, strtoull(argv[3], NULL, 10), argv[4]);
    (void)fprintf(stderr, "usage: dump partitions IMAGE | dump file IMAGE LBA NAME11\n");
    return 2;
}
