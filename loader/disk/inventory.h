/* SPDX-License-Identifier: MIT */
/* The disks as they are at this moment: each one's sector 0 and partition table, or the fact that it cannot be read.
 * Knows nothing of mirrors. */
#ifndef DISK_INVENTORY_H
#define DISK_INVENTORY_H

#include "disk/mbr.h"
#include "disk/retry.h"

#define DISKS_MAX 8u

struct geometry {
    uint16_t heads; /* as the firmware reports it now; 0 = it has no CHS for this disk */
    uint16_t sectors_per_track;
};

struct disk {
    struct retry reader; /* what everyone reads this disk through */
    uint8_t drive;
    bool dead; /* sector 0 cannot be read: nothing else is read from it, and it is never written */
    struct geometry geometry;
    uint8_t sector0[SECTOR_BYTES];
    struct disk_table table;
};

struct inventory {
    unsigned count;
    struct disk disk[DISKS_MAX];
};

/** Add the disk behind `below` (one attempt per read, must outlive the inventory) and read its table. A disk that
 * cannot be read is added as dead. Null when the inventory is full. */
struct disk *inventory_add(struct inventory *inventory, struct blockdev *below, const struct geometry *geometry);

/** Read a living disk's table again, after something was written to it. */
void inventory_refresh(struct disk *disk);

/** How many living disks carry `signature`; the first of them in `*index`. */
unsigned inventory_find(const struct inventory *inventory, uint32_t signature, unsigned *index);

#endif
