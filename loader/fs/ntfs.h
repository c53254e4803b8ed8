/* SPDX-License-Identifier: MIT */
/* NTFS 1.2 (Windows NT 3.x and 4.0), 3.0 and 3.1, reading. Owns the format (the public Linux-NTFS documentation,
 * [MS-XCA] 2.5 for LZNT1); writes nothing, replays no log. What is in the caches of a mounted volume is never read
 * again: mount it anew after something was written.
 *
 * Reparse points are not followed: a junction is an empty directory, a symbolic link an empty file, and a file whose
 * data lie elsewhere (remote storage) cannot be read. Sizes in a listing are those the directory keeps, which NT
 * brings up to date when a file is closed; those of an opened file are exact.
 *
 * A listing gives the entries of the directory's root node first and then those of its index blocks as they lie on the
 * disk: in order of name inside each of them, not over all. The metadata files (records 0 to 15: $MFT to $Extend, and
 * the root's own ".") are left out, but open by name. */
#ifndef FS_NTFS_H
#define FS_NTFS_H

#include <stdbool.h>

#include "disk/blockdev.h"

#define NTFS_RECORD_BYTES_MAX 4096u
#define NTFS_BLOCK_BYTES_MAX 65536u /* an index block, a compression unit, a page of the log */
#define NTFS_CHUNK_BYTES 4096u
#define NTFS_WINDOW_SECTORS 8u
#define NTFS_SLOTS 4u

/* One attribute of a file as a stream of bytes, and the piece of it that was used last. For a directory it is the
 * $INDEX_ALLOCATION, empty if everything is in the root node. */
struct ntfs_node {
    uint32_t record;
    uint32_t type;
    uint64_t bytes;
    uint64_t initialized_bytes; /* what follows reads as zeros */
    uint32_t run_first;         /* its first sector, counted from the start of the stream */
    uint32_t run_lba;           /* of the volume */
    uint32_t run_sectors;       /* 0: no run yet */
    uint16_t attribute_flags;
    uint8_t unit_shift;  /* log2 of the clusters of a compression unit */
    uint8_t index_shift; /* log2 of the sectors of an index block */
    bool resident;
};

struct ntfs_slot {
    uint32_t number;
    bool valid;
    uint8_t bytes[NTFS_RECORD_BYTES_MAX];
};

/* What is used most stands first: near fields make short code. */
struct ntfs {
    struct blockdev *device;
    uint64_t start_lba;
    uint32_t clusters;
    uint32_t mirror_lba;   /* of $MFTMirr, of the volume */
    uint8_t cluster_shift; /* log2 of the sectors of a cluster, a record */
    uint8_t record_shift;
    uint8_t major; /* version; 0 before ntfs_is_dirty() was asked */
    uint8_t minor;
    uint8_t depth;
    bool upcase_tried;
    uint32_t window_lba; /* the sectors that were read last for something small, of the volume */
    uint32_t window_sectors;
    uint32_t block_record; /* whose block, which of its attributes (0: none), and where in it */
    uint32_t block_type;
    uint32_t block_at;
    uint32_t block_bytes;
    uint32_t chunk_record;
    uint32_t chunk_number; /* from 1; 0: none */
    struct ntfs_node mft;
    struct ntfs_node upcase;
    struct ntfs_slot slot[NTFS_SLOTS]; /* $MFT's record, an extent record of it; a file's record, an extent of that */
    uint8_t window[NTFS_WINDOW_SECTORS * SECTOR_BYTES];
    uint8_t block[NTFS_BLOCK_BYTES_MAX];
    uint8_t chunk[NTFS_CHUNK_BYTES];
};

struct fs_driver;
struct fs_file;
struct fs_place;
extern const struct fs_driver ntfs_driver;

/** fs_place() for a file whose data lie in its record. */
MUST_CHECK enum status ntfs_place_resident(struct fs_file *file, uint32_t offset, struct fs_place *out);

/** Mount the volume at `start_lba` of `device`, `sectors` long. Costs two reads.
 * Errors: ST_CORRUPT, ST_UNSUPPORTED (2^32 sectors and more), I/O. */
MUST_CHECK enum status ntfs_mount(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct ntfs *out);

/** Whether $Volume says that the volume must be checked; fills in the version. Errors: ST_CORRUPT, I/O. */
MUST_CHECK enum status ntfs_is_dirty(struct ntfs *ntfs, bool *dirty);

/** The newest log sequence number of $LogFile's restart pages, and whether the log was closed. It grows with every
 * change of metadata, so of two halves of a mirror the one with the larger number went on longer.
 * Errors: ST_NOT_FOUND (the log was reset: no valid restart page), ST_CORRUPT, I/O. */
MUST_CHECK enum status ntfs_log_lsn(struct ntfs *ntfs, uint64_t *lsn, bool *clean);

#endif
