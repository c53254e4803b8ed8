/* SPDX-License-Identifier: MIT */
/* gptdump IMAGE: what the core makes of the table of an image, for other programs to compare. One line of JSON about
 * the table, one for each partition. Judges nothing. */
#include <stdio.h>

#include "disk/gpt.h"
#include "image.h"

int main(int argc, char **argv)
{
    static struct disk_table table;
    struct image image;
    uint8_t sector0[SECTOR_BYTES];
    if (argc != 2 || !open_image(&image, argv[1]) || blockdev_read(&image.device, 0, 1, sector0) != ST_OK) {
        (void)fprintf(stderr, "usage: gptdump IMAGE\n");
        return 2;
    }
    mbr_read(&image.device, sector0, &table);
    (void)printf("{\"gpt\": %s, \"backup\": %s, \"signature\": %u, \"status\": \"%s\", \"site\": \"%s\"}\n",
                 table.is_gpt ? "true" : "false", table.gpt_backup ? "true" : "false", table.signature,
                 status_name(table.status), table.status != ST_OK ? site_code(table.problem) : "");
    for (unsigned i = 0; i < table.count; i++) {
        const struct partition *partition = &table.partition[i];
        (void)printf("{\"number\": %u, \"type\": %u, \"start\": %u, \"size\": %u, \"active\": %s}\n", partition->number,
                     partition->type, partition->start_lba, partition->sectors, partition->active ? "true" : "false");
    }
    return 0;
}
