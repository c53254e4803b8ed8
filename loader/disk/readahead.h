/* SPDX-License-Identifier: MIT */
/* A small cache in front of a slow medium: a floppy pays for read commands, not for bytes, so neighbours of a sector
 * come along in the same command. Caches only what was read without error. Knows no file system. */
#ifndef DISK_READAHEAD_H
#define DISK_READAHEAD_H

#include "disk/blockdev.h"

#define READAHEAD_SECTORS 4u /* MIRROR.INI, FTLOG.TXT and the journal's two state slots, which lie side by side */
#define READAHEAD_SLOTS 10u

struct readahead {
    struct blockdev device;
    struct blockdev *below;
    uint32_t sectors_per_track; /* no command reads across a multiple of this */
    unsigned next_slot;
    unsigned used;
    uint64_t lba[READAHEAD_SLOTS];
    uint8_t sector[READAHEAD_SLOTS][SECTOR_BYTES];
};

/** Wrap `below`, which must outlive `cache`. */
void readahead_init(struct readahead *cache, struct blockdev *below, uint32_t sectors_per_track);

/** Give the cache a sector that somebody else has already read. */
void readahead_seed(struct readahead *cache, uint64_t lba, const void *sector);

/** Forget everything: something was written, and what is read next must come from the medium. */
void readahead_forget(struct readahead *cache);

#endif
