/* SPDX-License-Identifier: MIT */
/* Running mtools, which make the FAT of every boot disk. Knows their command lines; knows nothing of boot disks. An
 * image is named as mtools name it: PATH, or PATH@@OFFSET for a partition in it. */
#ifndef MTOOLS_H
#define MTOOLS_H

#include <stdint.h>

#include "command.h"

/* A partition's file system. */
struct mtools_shape {
    uint32_t start_lba;
    uint32_t sectors;
    uint32_t sectors_per_cluster;
    bool fat32; /* else FAT12 or FAT16, as the number of clusters wants it */
};

/** Format `image` as a floppy of `kilobytes` (720, 1200, 1440 or 2880) with the boot sector in the file `boot_sector`.
 */
enum exit_code mtools_format(const char *image, unsigned kilobytes, const char *boot_sector, uint32_t serial);

/** Format a partition. `boot_sector` may be null: mformat's own. */
enum exit_code mtools_format_partition(const char *image, const struct mtools_shape *shape, const char *boot_sector,
                                       uint32_t serial);

/** Make a folder, such as "::EFI". */
enum exit_code mtools_folder(const char *image, const char *folder);

/** Copy files (host paths) into `folder` ("::" is the root), in this order; the end of the list is a null pointer. */
enum exit_code mtools_copy(const char *image, const char *const *files, const char *folder);

#endif
