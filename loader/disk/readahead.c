/* SPDX-License-Identifier: MIT */
/* Read-ahead. */
#include "disk/readahead.h"

static const uint8_t *find(const struct readahead *cache, uint64_t lba)
{
    for (unsigned i = 0; i < cache->used; i++)
        if (cache->lba[i] == lba)
            return cache->sector[i];
    return 0;
}

void readahead_seed(struct readahead *cache, uint64_t lba, const void *sector)
{
    unsigned slot = cache->next_slot;
    cache->next_slot = (slot + 1) % READAHEAD_SLOTS;
    if (cache->used < READAHEAD_SLOTS)
        cache->used++;
    cache->lba[slot] = lba;
    memcpy(cache->sector[slot], sector, SECTOR_BYTES);
}

void readahead_forget(struct readahead *cache)
{
    cache->used = 0;
    cache->next_slot = 0;
}

static uint32_t neighbours(const struct readahead *cache, uint64_t lba)
{
    uint64_t left = cache->device.sectors - lba;
    uint32_t in_track = cache->sectors_per_track - (uint32_t)lba % cache->sectors_per_track;
    uint32_t count = in_track < READAHEAD_SECTORS ? in_track : READAHEAD_SECTORS;
    return left < count ? (uint32_t)left : count;
}

static enum status readahead_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct readahead *cache = (struct readahead *)device;
    uint8_t ahead[READAHEAD_SECTORS * SECTOR_BYTES];
    if (sectors != 1)
        return cache->below->read(cache->below, lba, sectors, buffer);
    const uint8_t *hit = find(cache, lba);
    if (hit == 0) {
        uint32_t count = neighbours(cache, lba);
        /* A bad neighbour must not cost the sector that was asked for. */
        if (count > 1 && cache->below->read(cache->below, lba, count, ahead) != ST_OK)
            count = 1;
        if (count == 1) {
            enum status status = cache->below->read(cache->below, lba, 1, ahead);
            if (status != ST_OK)
                return status;
        }
        for (uint32_t i = count; i-- > 0;)
            readahead_seed(cache, lba + i, ahead + (size_t)i * SECTOR_BYTES);
        hit = ahead;
    }
    memcpy(buffer, hit, SECTOR_BYTES);
    return ST_OK;
}

void readahead_init(struct readahead *cache, struct blockdev *below, uint32_t sectors_per_track)
{
    cache->device = *below;
    cache->below = below;
    cache->sectors_per_track = sectors_per_track;
    readahead_forget(cache);
    cache->device.read = readahead_read;
}
