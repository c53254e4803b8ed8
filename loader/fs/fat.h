/* SPDX-License-Identifier: MIT */
/* FAT12 and FAT16, reading files of the root directory: the boot disk's own files, and NTLDR on a mirrored volume.
 * Owns the format (Microsoft's FAT specification, nt-facts 8); writes nothing. */
#ifndef FS_FAT_H
#define FS_FAT_H

#include <stdbool.h>

#include "disk/blockdev.h"

#define FAT_NAME_BYTES 11u

struct fat {
    struct blockdev *device;
    uint64_t start_lba;
    uint32_t sectors_per_cluster;
    uint32_t fat_lba; /* all LBAs below are relative to start_lba */
    uint32_t root_lba;
    uint32_t root_sectors;
    uint32_t data_lba;
    uint32_t clusters;
    bool is_fat16;
};

struct fat_file {
    const struct fat *fat;
    uint32_t first_cluster;
    uint32_t bytes;
};

/** Mount the volume at `start_lba` of `device`. Errors: ST_CORRUPT (not a FAT volume), ST_UNSUPPORTED (FAT32), I/O. */
MUST_CHECK enum status fat_mount(struct blockdev *device, uint64_t start_lba, struct fat *out);

/** Open a file of the root directory by its 11-byte name, such as "NTLDR      ". Errors: ST_NOT_FOUND, I/O. */
MUST_CHECK enum status fat_open(const struct fat *fat, const char *name, struct fat_file *out);

/** Read the whole file; `buffer` must hold its size rounded up to a cluster. Errors: ST_NO_SPACE, ST_CORRUPT, I/O. */
MUST_CHECK enum status fat_read(const struct fat_file *file, void *buffer, uint32_t room_bytes);

/** Where a file that lies in one piece begins, as an LBA of the device. Errors: ST_UNSUPPORTED (it is fragmented). */
MUST_CHECK enum status fat_locate(const struct fat_file *file, uint64_t *lba);

#endif
