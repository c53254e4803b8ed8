/* SPDX-License-Identifier: MIT */
/* Reading files, whatever the file system: one table of drivers (FAT12/16/32, NTFS) behind five calls. Reads only;
 * editing a file in place goes by fs_extent and a change set. Knows nothing of what is in the files.
 *
 * Paths are UTF-8, separated by '\' or '/', case ignored as NT ignores it; "" and "\" are the root directory. */
#ifndef FS_FS_H
#define FS_FS_H

#include "fs/fat.h"
#include "fs/ntfs.h"

#define FS_NAME_BYTES 768u /* 255 UTF-16 units as UTF-8, and a NUL */

/* What a file is, besides bytes. All but FS_DIRECTORY stand in the way of editing it in place. */
#define FS_DIRECTORY 0x01u
#define FS_RESIDENT 0x02u   /* its bytes lie in an MFT record */
#define FS_COMPRESSED 0x04u /* NTFS: LZNT1 */
#define FS_SPARSE 0x08u
#define FS_ENCRYPTED 0x10u /* cannot be read either */

struct fs_volume {
    const struct fs_driver *driver;
    union {
        struct fat fat;
        struct ntfs ntfs;
    } as;
};

struct fs_file {
    struct fs_volume *volume;
    uint64_t bytes;
    unsigned flags;
    uint32_t written; /* FAT: DOS date and time of the last write; 0 elsewhere */
    union {
        struct fat_node fat;
        struct ntfs_node ntfs;
    } at;
};

/* Where in a directory a listing stands; starts as all zeros. */
struct fs_cursor {
    uint64_t at;
    uint32_t inner;
};

struct fs_entry {
    char name[FS_NAME_BYTES];
    unsigned flags;
    uint64_t bytes;
};

struct fs_extent {
    uint64_t lba;     /* of the device, in units of 512 bytes */
    uint32_t sectors; /* that follow it without a gap and belong to the file */
};

/* Where a byte of a file stands on the device. */
struct fs_place {
    uint64_t lba;
    uint32_t offset; /* in that sector */
};

struct fs_driver {
    const char *name; /* "fat" or "ntfs" */
    enum status (*open)(struct fs_volume *volume, const char *path, struct fs_file *out);
    enum status (*read)(struct fs_file *file, uint64_t offset, void *buffer, uint32_t bytes);
    enum status (*next)(struct fs_file *directory, struct fs_cursor *cursor, struct fs_entry *out);
    enum status (*extent)(struct fs_file *file, uint64_t offset, struct fs_extent *out);
};

/** Mount the volume that begins at `start_lba` of `device` and has `sectors` sectors of 512 bytes. `device` must
 * outlive it. Errors: ST_CORRUPT (neither FAT nor NTFS, or its description contradicts itself), ST_UNSUPPORTED, I/O. */
MUST_CHECK enum status fs_mount(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct fs_volume *out);

/** As fs_mount, where a partition without a file system is no failure: only I/O errors go onto the device's trail. */
MUST_CHECK enum status fs_probe(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct fs_volume *out);

/** Open a file or directory. The cost does not depend on how many files the volume has (NTFS) or the other directories
 * have (FAT). Errors: ST_NOT_FOUND, ST_CORRUPT, I/O. */
MUST_CHECK enum status fs_open(struct fs_volume *volume, const char *path, struct fs_file *out);

/** Read exactly `bytes` at `offset`. Holes read as zeros. Errors: ST_BOUNDS (past the end), ST_UNSUPPORTED (encrypted),
 * ST_CORRUPT, I/O. */
MUST_CHECK enum status fs_read(struct fs_file *file, uint64_t offset, void *buffer, uint32_t bytes);

/** The next entry of a directory; "." and ".." and FAT volume labels are left out, NTFS's DOS-only names too.
 * Errors: ST_NOT_FOUND (that was the last one), ST_CORRUPT, I/O. */
MUST_CHECK enum status fs_next(struct fs_file *directory, struct fs_cursor *cursor, struct fs_entry *out);

/** Where the byte at `offset` (a multiple of 512) lies on the device. Errors: ST_UNSUPPORTED (FS_RESIDENT,
 * FS_COMPRESSED, FS_ENCRYPTED or a hole: it cannot be edited in place), ST_BOUNDS, ST_CORRUPT, I/O. */
MUST_CHECK enum status fs_extent(struct fs_file *file, uint64_t offset, struct fs_extent *out);

/** Where one byte of a file stands, also of a resident one, whose bytes lie in an MFT record (or, the last two of each
 * sector of it, in its update sequence array). A change of it in place is complete: no other byte depends on it.
 * Errors: ST_UNSUPPORTED (FS_COMPRESSED, FS_ENCRYPTED or a hole), ST_BOUNDS, ST_CORRUPT, I/O. */
MUST_CHECK enum status fs_place(struct fs_file *file, uint64_t offset, struct fs_place *out);

/** How the volume calls itself: "fat12", "fat16", "fat32" or "ntfs". */
const char *fs_name(const struct fs_volume *volume);

/** Whether the volume was not shut down cleanly: FAT's dirty bit (boot sector 25h bit 0, or FAT entry 1), NTFS's
 * $Volume flag. Errors: I/O, ST_CORRUPT. */
MUST_CHECK enum status fs_is_dirty(struct fs_volume *volume, bool *dirty);

/** Whether mounting the volume will replay a log, which may take back what was edited in place. A log that cannot be
 * read may. */
bool fs_will_replay(struct fs_volume *volume);

#endif
