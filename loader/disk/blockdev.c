/* SPDX-License-Identifier: MIT */
/* Bounds of a block device. */
#include "disk/blockdev.h"

enum status blockdev_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    if (sectors > device->sectors || lba > device->sectors - sectors)
        return trail_fail(device->trail, SITE_RANGE, ST_BOUNDS, device->drive, lba);
    return device->read(device, lba, sectors, buffer);
}
