/* SPDX-License-Identifier: MIT */
/* The read-only block device: what every disk, partition and cache looks like to the core. It has no write member, so
 * that a disk cannot be written by mistake; writing goes through change/apply.h alone. */
#ifndef DISK_BLOCKDEV_H
#define DISK_BLOCKDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/trail.h"

struct blockdev {
    /* One attempt: all `count` sectors, or not ST_OK and the buffer is garbage. Never retries, prints or allocates. */
    enum status (*read)(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer);
    uint64_t sectors;    /* of 512 bytes */
    bool short_reach;    /* the firmware reaches only these, but the disk is larger: CHS hides its last cylinders */
    uint8_t drive;       /* BIOS drive number, or the disk's ordinal where there is no BIOS; for messages only */
    uint8_t fault;       /* what the firmware said when the last read failed (INT 13h AH); 0 if nothing */
    struct trail *trail; /* may be null */
};

/** Read inside the bounds of the device. Errors: ST_BOUNDS, and those of the device. */
MUST_CHECK enum status blockdev_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer);

/** Note a failure of this device on its trail, and hand `status` back. */
enum status blockdev_fail(const struct blockdev *device, enum site site, enum status status, uint64_t lba);

#endif
