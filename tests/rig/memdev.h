/* SPDX-License-Identifier: MIT */
/* A disk in memory: a blockdev over bytes that tests may look at and change. Knows no format and no faults. */
#ifndef RIG_MEMDEV_H
#define RIG_MEMDEV_H

#include "disk/blockdev.h"

struct memdev {
    struct blockdev device;
    uint8_t *bytes;
    uint32_t sectors;
};

/** Make a zeroed disk; memdev_free() it. */
void memdev_init(struct memdev *disk, uint32_t sectors, uint8_t drive);
void memdev_free(struct memdev *disk);

/** The bytes of one sector. */
uint8_t *memdev_sector(struct memdev *disk, uint64_t lba);

#endif
