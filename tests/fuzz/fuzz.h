/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share: libFuzzer's entry point, and a disk over the fuzzer's bytes. Owns no target. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "disk/blockdev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_disk {
    struct blockdev device;
    const uint8_t *data;
    size_t size;
};

/* A sector that begins so cannot be read. */
#define FUZZ_BAD "BAD!"

static inline bool fuzz_is_bad(const uint8_t *bytes, size_t count)
{
    for (size_t at = 0; at + SECTOR_BYTES <= count; at += SECTOR_BYTES)
        if (memcmp(bytes + at, FUZZ_BAD, sizeof FUZZ_BAD - 1) == 0)
            return true;
    return false;
}

/* Sectors past the end of the data are zero; a read past the end of the device is a bug, and ends the run. */
static inline enum status fuzz_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    const struct fuzz_disk *disk = (const struct fuzz_disk *)device;
    if (sectors == 0 || sectors > device->sectors || lba > device->sectors - sectors)
        abort();
    memset(buffer, 0, (size_t)sectors * SECTOR_BYTES);
    if (lba < disk->size / SECTOR_BYTES + 1 && lba * SECTOR_BYTES < disk->size) {
        size_t left = disk->size - (size_t)lba * SECTOR_BYTES;
        size_t wanted = (size_t)sectors * SECTOR_BYTES;
        memcpy(buffer, disk->data + lba * SECTOR_BYTES, left < wanted ? left : wanted);
    }
    return fuzz_is_bad(buffer, (size_t)sectors * SECTOR_BYTES) ? ST_IO : ST_OK;
}

static inline struct fuzz_disk fuzz_disk(const uint8_t *data, size_t size, uint64_t sectors)
{
    return (struct fuzz_disk){.device = {.read = fuzz_read, .sectors = sectors}, .data = data, .size = size};
}

#endif
