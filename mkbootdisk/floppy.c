/* SPDX-License-Identifier: MIT */
/* Floppy layout. On an empty file system mtools hand out clusters in ascending order, so the order of the files is
 * their place; build.c proves it afterwards with the loader's own eyes. */
#include "floppy.h"

#include <string.h>

#include "fs/fat.h"
#include "hostdisk.h"
#include "mtools.h"
#include "target.h"

#define FILE_BYTES_MAX (4u << 20)

struct geometry_of_floppy {
    struct fat fat;
    uint32_t sectors_per_track;
};

static enum exit_code read_geometry(const char *path, struct geometry_of_floppy *out)
{
    static struct host_disk image;
    uint8_t boot[SECTOR_BYTES];
    enum exit_code code = host_disk_open(path, 0, &image);
    if (code != EXIT_DONE)
        return code;
    if (blockdev_read(&image.device, 0, 1, boot) != ST_OK || fat_mount(&image.device, 0, &out->fat) != ST_OK)
        code = complain(EXIT_IO, "%s: mformat did not make a FAT12 floppy", path);
    out->sectors_per_track = get_le16(boot + 0x18);
    host_disk_close(&image);
    return code;
}

static uint32_t clusters_of(const struct geometry_of_floppy *geometry, size_t bytes)
{
    size_t cluster_bytes = (size_t)geometry->fat.sectors_per_cluster * SECTOR_BYTES;
    return (uint32_t)((bytes + cluster_bytes - 1) / cluster_bytes);
}

/* How many clusters file `index` takes, padded so that the next one begins where it wants to. */
static uint32_t padded_clusters(const struct floppy *floppy, unsigned index, const struct geometry_of_floppy *geometry,
                                uint32_t first)
{
    uint32_t clusters = clusters_of(geometry, floppy->file[index].count);
    if (index + 1 == floppy->files || !floppy->file[index + 1].track_begin)
        return clusters;
    for (;; clusters++) {
        uint32_t lba = geometry->fat.data_lba + (first + clusters) * geometry->fat.sectors_per_cluster;
        if (lba % geometry->sectors_per_track < geometry->fat.sectors_per_cluster)
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

static enum exit_code stage_all(const struct floppy *floppy, const struct geometry_of_floppy *geometry)
{
    size_t cluster_bytes = (size_t)geometry->fat.sectors_per_cluster * SECTOR_BYTES;
    uint32_t first = 0;
    for (unsigned i = 0; i < floppy->files; i++) {
        const struct floppy_file *file = &floppy->file[i];
        uint32_t clusters = padded_clusters(floppy, i, geometry, first);
        first += clusters;
        if (first > geometry->fat.clusters)
            return complain(EXIT_IO,
                            "%s: with its %zu bytes the boot disk would need %zu bytes more than a %u KB floppy has. "
                            "%s a file out",
                            file->source != NULL ? file->source : file->name, file->count,
                            (size_t)(first - geometry->fat.clusters) * cluster_bytes, floppy->kilobytes,
                            floppy->kilobytes < 2880 ? "Use --format 2880, or leave" : "Leave");
        bool is_padded = clusters > clusters_of(geometry, file->count);
        enum exit_code code = stage_file(file, is_padded ? clusters * cluster_bytes : file->count);
        if (code != EXIT_DONE)
            return code;
    }
    return EXIT_DONE;
}

enum exit_code floppy_make(const struct floppy *floppy, const char *image)
{
    const char *paths[FLOPPY_FILES_MAX + 1] = {NULL};
    struct geometry_of_floppy geometry;
    enum exit_code code = work_write("boot.bin", floppy->boot_sector, SECTOR_BYTES);
    if (code == EXIT_DONE)
        code = mtools_format(work_path(image), floppy->kilobytes, work_path("boot.bin"));
    if (code == EXIT_DONE)
        code = read_geometry(work_path(image), &geometry);
    if (code == EXIT_DONE)
        code = stage_all(floppy, &geometry);
    for (unsigned i = 0; i < floppy->files; i++)
        paths[i] = work_path(floppy->file[i].name);
    return code == EXIT_DONE ? mtools_copy(work_path(image), paths) : code;
}
