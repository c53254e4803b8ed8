/* SPDX-License-Identifier: MIT */
/* Bounds and failures of a block device. */
#include "disk/blockdev.h"

enum status blockdev_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    if (sectors > device->sectors || lba > device->sectors - sectors)
        return blockdev_fail(device, SITE_RANGE, ST_BOUNDS, lba);
    return device->read(device, lba, sectors, buffer);
}

enum status blockdev_fail(const struct blockdev *device, enum site site, enum status status, uint64_t lba)
{
    return trail_fail(device->trail, site, status, device->drive, lba);
}
