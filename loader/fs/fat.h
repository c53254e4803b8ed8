/* SPDX-License-Identifier: MIT */
/* FAT12, FAT16 and FAT32: the boot disk's own files and NTLDR by their 11-byte names in the root directory, and any
 * file by its path behind fs.h. Owns the format (Microsoft's FAT specification, nt-facts 8); writes nothing.
 *
 * One sector of the FAT, of a directory or of a file's ragged end is kept in `struct fat`. After something was written
 * to the volume, mount it again. */
#ifndef FS_FAT_H
#define FS_FAT_H

#include <stdbool.h>

#include "disk/blockdev.h"

#define FAT_NAME_BYTES 11u

struct fs_driver;

/* Sectors are of 512 bytes, whatever the volume calls a sector, and count from start_lba. */
struct fat {
    struct blockdev *device;
    uint64_t start_lba;
    uint32_t sectors_per_cluster;
    uint32_t fat_lba;
    uint32_t fat_sectors;
    uint32_t root_lba;
    uint32_t root_sectors;
    uint32_t root_cluster; /* FAT32; 0: the root directory lies at root_lba */
    uint32_t data_lba;
    uint32_t clusters;
    uint32_t entry_bits; /* of the FAT: 12, 16 or 32, of which entry_mask counts */
    uint32_t entry_mask;
    uint32_t cached_lba;
    uint8_t cached[SECTOR_BYTES];
};

struct fat_file {
    const struct fat *fat;
    uint32_t first_cluster;
    uint32_t bytes;
};

/* An open file or directory of fs.h: its chain, and the piece without a gap that was walked last. */
struct fat_node {
    uint32_t first_cluster; /* 0: the root directory that is no chain */
    uint32_t cluster;
    uint32_t number; /* of `cluster` within the chain */
    uint32_t clusters;
};

extern const struct fs_driver fat_driver;

/** Mount the volume at `start_lba` of `device`. Errors: ST_CORRUPT (not a FAT volume), ST_UNSUPPORTED (more clusters
 * than its kind of FAT can count), I/O. */
MUST_CHECK enum status fat_mount(struct blockdev *device, uint64_t start_lba, struct fat *out);

/** The two steps of mounting: have the boot sector in `out->cached`, then understand it. */
MUST_CHECK enum status fat_fetch(struct blockdev *device, uint64_t start_lba, struct fat *out);
MUST_CHECK enum status fat_understand(struct fat *fat);

/** Open a file of the root directory by its 11-byte name, such as "NTLDR      ". Errors: ST_NOT_FOUND, I/O. */
MUST_CHECK enum status fat_open(const struct fat *fat, const char *name, struct fat_file *out);

/** Read the whole file; `buffer` must hold its size rounded up to a sector. Errors: ST_NO_SPACE, ST_CORRUPT, I/O. */
MUST_CHECK enum status fat_read(const struct fat_file *file, void *buffer, uint32_t room_bytes);

/** Where a file that lies in one piece begins, as an LBA of the device. Errors: ST_UNSUPPORTED (it is fragmented). */
MUST_CHECK enum status fat_locate(const struct fat_file *file, uint64_t *lba);

/** Whether the volume was not shut down cleanly. Errors: I/O. */
MUST_CHECK enum status fat_is_dirty(const struct fat *fat, bool *dirty);

#endif
