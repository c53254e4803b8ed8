/* SPDX-License-Identifier: MIT */
/* A disk in memory. It is the bottom of the pile, so it checks bounds itself: a read past its end is a bug in what
 * stands above it, and ends the test. */
#include "memdev.h"

#include <stdlib.h>
#include <string.h>

static enum status memdev_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct memdev *disk = (struct memdev *)device;
    if (lba + sectors > disk->sectors || sectors == 0)
        abort();
    memcpy(buffer, memdev_sector(disk, lba), (size_t)sectors * SECTOR_BYTES);
    return ST_OK;
}

void memdev_init(struct memdev *disk, uint32_t sectors, uint8_t drive)
{
    *disk = (struct memdev){.device = {.read = memdev_read, .sectors = sectors, .drive = drive},
                            .bytes = calloc(sectors, SECTOR_BYTES),
                            .sectors = sectors};
    if (disk->bytes == NULL)
        abort();
}

void memdev_free(struct memdev *disk)
{
    free(disk->bytes);
    disk->bytes = NULL;
}

uint8_t *memdev_sector(struct memdev *disk, uint64_t lba)
{
    if (lba >= disk->sectors)
        abort();
    return disk->bytes + lba * SECTOR_BYTES;
}
