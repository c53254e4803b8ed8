/* SPDX-License-Identifier: MIT */
/* Layout. On an empty file system mtools hand out clusters in ascending order, so the order of the files is their
 * place; medium.c proves it afterwards with the loader's own eyes. */
#include "floppy.h"

#include <string.h>

#include "base/crc32.h"
#include "fs/fat.h"
#include "hostdisk.h"
#include "mtools.h"
#include "target.h"

#define FILE_BYTES_MAX (4u << 20)
#define EFI_FOLDER_CLUSTERS 2u /* \EFI and \EFI\BOOT */

/* A formatted volume. */
struct volume {
    const char *name; /* for mtools */
    struct fat fat;
    uint32_t sectors_per_track; /* 1: there are none that matter */
};

static enum exit_code read_shape(const char *path, uint32_t start_lba, struct volume *out)
{
    static struct host_disk image;
    uint8_t boot[SECTOR_BYTES];
    enum exit_code code = host_disk_open(path, 0, &image);
    if (code != EXIT_DONE)
        return code;
    if (blockdev_read(&image.device, start_lba, 1, boot) != ST_OK ||
        fat_mount(&image.device, start_lba, &out->fat) != ST_OK)
        code = complain(EXIT_IO, "%s: mformat did not make a FAT file system. Install another version of mtools", path);
    out->sectors_per_track = start_lba == 0 ? get_le16(boot + 0x18) : 1;
    host_disk_close(&image);
    return code;
}

static uint32_t clusters_of(const struct volume *volume, size_t bytes)
{
    size_t cluster_bytes = (size_t)volume->fat.sectors_per_cluster * SECTOR_BYTES;
    return (uint32_t)((bytes + cluster_bytes - 1) / cluster_bytes);
}

/* How many clusters file `index` takes, padded so that the next one begins where it wants to. */
static uint32_t padded_clusters(const struct floppy *floppy, unsigned index, const struct volume *volume,
                                uint32_t first)
{
    uint32_t clusters = clusters_of(volume, floppy->file[index].count);
    if (index + 1 == floppy->files || !floppy->file[index + 1].track_begin)
        return clusters;
    for (;; clusters++) {
        uint32_t lba = volume->fat.data_lba + (first + clusters) * volume->fat.sectors_per_cluster;
        if (lba % volume->sectors_per_track < volume->fat.sectors_per_cluster)
            return clusters;
    }
}

static enum exit_code stage_file(const struct floppy_file *file, size_t padded_bytes)
{
    static uint8_t padded[FILE_BYTES_MAX];
    if (padded_bytes < file->count)
        padded_bytes = file->count;
    memset(padded, 0, padded_bytes);
    memcpy(padded, file->bytes, file->count);
    return work_write(file->name, padded, padded_bytes);
}

/* The files of the root directory. `used` is how many clusters they take. */
static enum exit_code stage_root(const struct floppy *floppy, const struct volume *volume, uint32_t *used)
{
    size_t cluster_bytes = (size_t)volume->fat.sectors_per_cluster * SECTOR_BYTES;
    *used = 0;
    for (unsigned i = 0; i < floppy->files; i++) {
        const struct floppy_file *file = &floppy->file[i];
        if (file->efi)
            continue;
        uint32_t clusters = padded_clusters(floppy, i, volume, *used);
        *used += clusters;
        if (*used > volume->fat.clusters)
            return complain(EXIT_IO,
                            "%s: with its %zu bytes the boot disk would need %zu bytes more than a %u KB floppy has. "
                            "%s a file out",
                            file->source != NULL ? file->source : file->name, file->count,
                            (size_t)(*used - volume->fat.clusters) * cluster_bytes, floppy->kilobytes,
                            floppy->kilobytes < 2880 ? "Use --format 2880, or leave" : "Leave");
        bool is_padded = clusters > clusters_of(volume, file->count);
        enum exit_code code = stage_file(file, is_padded ? clusters * cluster_bytes : file->count);
        if (code != EXIT_DONE)
            return code;
    }
    return EXIT_DONE;
}

static enum exit_code copy_files(const struct floppy *floppy, const struct volume *volume, bool efi)
{
    const char *paths[FLOPPY_FILES_MAX + 1] = {NULL};
    unsigned count = 0;
    enum exit_code code = EXIT_DONE;
    for (unsigned i = 0; i < floppy->files; i++)
        if (floppy->file[i].efi == efi && !floppy->file[i].left_out)
            paths[count++] = work_path(floppy->file[i].name);
    if (count == 0)
        return EXIT_DONE;
    if (efi)
        code = mtools_folder(volume->name, "::EFI");
    if (efi && code == EXIT_DONE)
        code = mtools_folder(volume->name, "::EFI/BOOT");
    return code == EXIT_DONE ? mtools_copy(volume->name, paths, efi ? "::EFI/BOOT" : "::") : code;
}

/* What the BIOS loader does not need comes last, so that it is read as fast as without. */
static enum exit_code add_efi(struct floppy *floppy, const struct volume *volume, uint32_t used)
{
    enum exit_code code = EXIT_DONE;
    used += EFI_FOLDER_CLUSTERS;
    for (unsigned i = 0; i < floppy->files && code == EXIT_DONE; i++) {
        struct floppy_file *file = &floppy->file[i];
        if (!file->efi)
            continue;
        uint32_t clusters = clusters_of(volume, file->count);
        file->left_out = used + clusters > volume->fat.clusters;
        if (file->left_out)
            continue;
        used += clusters;
        code = stage_file(file, file->count);
    }
    return code == EXIT_DONE ? copy_files(floppy, volume, true) : code;
}

uint32_t floppy_identity(const struct floppy *floppy)
{
    uint32_t crc = 0;
    for (unsigned i = 0; i < floppy->files; i++)
        crc = crc32_add(crc, floppy->file[i].bytes, floppy->file[i].count);
    return crc != 0 ? crc : 1;
}

enum exit_code floppy_fill(struct floppy *floppy, const char *image, uint32_t start_lba)
{
    struct volume volume;
    char name[PATH_BYTES + 64];
    uint32_t used = 0;
    snprintf(name, sizeof name, "%s@@%llu", work_path(image), (unsigned long long)start_lba * SECTOR_BYTES);
    volume.name = start_lba == 0 ? work_path(image) : name;
    enum exit_code code = read_shape(work_path(image), start_lba, &volume);
    if (code == EXIT_DONE)
        code = stage_root(floppy, &volume, &used);
    if (code == EXIT_DONE)
        code = copy_files(floppy, &volume, false);
    return code == EXIT_DONE ? add_efi(floppy, &volume, used) : code;
}

enum exit_code floppy_make(struct floppy *floppy, const char *image)
{
    enum exit_code code = work_write("boot.bin", floppy->boot_sector, SECTOR_BYTES);
    if (code == EXIT_DONE)
        code = mtools_format(work_path(image), floppy->kilobytes, work_path("boot.bin"), floppy_identity(floppy));
    return code == EXIT_DONE ? floppy_fill(floppy, image, 0) : code;
}
