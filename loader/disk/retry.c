/* SPDX-License-Identifier: MIT */
/* Retry, bounded. The buffer is poisoned before each attempt: some firmware (OVMF's AHCI driver, measured) reports
 * success for a failed read and leaves the buffer as it was. */
#include "disk/retry.h"

#include <stdbool.h>

#define ATTEMPTS 2u
#define POISON 0xA7

static bool is_poison(const uint8_t *sector)
{
    for (unsigned i = 0; i < SECTOR_BYTES; i++)
        if (sector[i] != POISON)
            return false;
    return true;
}

static enum status attempt(struct blockdev *below, uint64_t lba, uint32_t sectors, uint8_t *buffer)
{
    memset(buffer, POISON, (size_t)sectors * SECTOR_BYTES);
    enum status status = below->read(below, lba, sectors, buffer);
    for (uint32_t i = 0; status == ST_OK && i < sectors; i++)
        if (is_poison(buffer + (size_t)i * SECTOR_BYTES))
            status = blockdev_fail(below, SITE_SILENT, ST_IO, lba + i);
    return status;
}

static enum status retry_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct retry *retry = (struct retry *)device;
    enum status status = ST_IO;
    for (unsigned left = retry->tired ? 1 : ATTEMPTS; left > 0; left--) {
        status = attempt(retry->below, lba, sectors, buffer);
        if (status == ST_OK)
            return ST_OK;
    }
    retry->tired = true;
    device->fault = retry->below->fault;
    return blockdev_fail(device, SITE_READ, status, lba);
}

void retry_init(struct retry *retry, struct blockdev *below)
{
    *retry = (struct retry){.device = *below, .below = below};
    retry->device.read = retry_read;
}
