/* SPDX-License-Identifier: MIT */
/* Taking stock of the disks. A dead disk costs two reads, never more. */
#include "disk/inventory.h"

struct disk *inventory_add(struct inventory *inventory, struct blockdev *below, const struct geometry *geometry)
{
    if (inventory->count == DISKS_MAX)
        return 0;
    struct disk *disk = &inventory->disk[inventory->count++];
    memset(disk, 0, sizeof *disk);
    disk->drive = below->drive;
    disk->geometry = *geometry;
    retry_init(&disk->reader, below);
    inventory_refresh(disk);
    return disk;
}

void inventory_refresh(struct disk *disk)
{
    if (disk->dead)
        return;
    disk->dead = blockdev_read(&disk->reader.device, 0, 1, disk->sector0) != ST_OK;
    if (!disk->dead)
        mbr_read(&disk->reader.device, disk->sector0, &disk->table);
}

unsigned inventory_find(const struct inventory *inventory, uint32_t signature, unsigned *index)
{
    unsigned found = 0;
    if (signature == 0)
        return 0; /* no signature identifies nothing */
    for (unsigned i = 0; i < inventory->count; i++) {
        const struct disk *disk = &inventory->disk[i];
        if (disk->dead || disk->table.signature != signature || disk->table.problem == SITE_MBR_MARK)
            continue;
        if (found++ == 0)
            *index = i;
    }
    return found;
}
