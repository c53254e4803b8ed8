/* SPDX-License-Identifier: MIT */
/* Where things stand in an NTFS volume that others' tools made, so that a test can bend them. Looks for names in the
 * whole volume and follows nothing. Owns no test. */
#ifndef RAW_NTFS_H
#define RAW_NTFS_H

#include <stdlib.h>
#include <string.h>

#include "memdev.h"

#define RAW_FILE_NAME 0x30u
#define RAW_DATA 0x80u

static inline uint32_t raw_number(const uint8_t *at, unsigned bytes)
{
    uint32_t number = 0;
    for (unsigned i = bytes; i-- > 0;)
        number = number << 8 | at[i];
    return number;
}

/* A record's first attribute of this type, or null. */
static inline uint8_t *raw_in_record(uint8_t *record, unsigned type)
{
    uint8_t *at = record + raw_number(record + 0x14, 2);
    while (raw_number(at, 4) < type && raw_number(at, 4) != 0xFFFFFFFF)
        at += raw_number(at + 4, 4);
    return raw_number(at, 4) == type ? at : NULL;
}

static inline bool raw_is_named(uint8_t *record, const char *name)
{
    const uint8_t *at = raw_in_record(record, RAW_FILE_NAME);
    size_t letters = strlen(name);
    if (at == NULL)
        return false;
    at += raw_number(at + 0x14, 2) + 0x40; /* how many letters, of which kind, and the letters */
    for (size_t i = 0; i < letters; i++)
        if (at[2 + 2 * i] != (uint8_t)name[i])
            return false;
    return at[0] == letters;
}

/* The MFT record of a file with this name, which nothing else in the volume has. */
static inline uint8_t *raw_record(struct memdev *disk, const char *name)
{
    for (uint32_t lba = 0; lba < disk->sectors; lba++) {
        uint8_t *record = memdev_sector(disk, lba);
        if (memcmp(record, "FILE", 4) == 0 && raw_is_named(record, name))
            return record;
    }
    abort();
}

/* The file says that it is compressed; since every unit of 8 clusters has all of its own, it reads as before. */
static inline void raw_compress(struct memdev *disk, const char *name)
{
    uint8_t *data = raw_in_record(raw_record(disk, name), RAW_DATA);
    data[0x0C] = 1;
    if (data[8] != 0) /* not in the record */
        data[0x22] = 3;
}

/* The volume was not shut down: both restart pages of its log say so. */
static inline void raw_open_log(struct memdev *disk)
{
    for (uint32_t lba = 0; lba < disk->sectors; lba++)
        if (memcmp(memdev_sector(disk, lba), "RSTR", 4) == 0)
            memdev_sector(disk, lba)[0x30 + 0x0E] = 0;
}

#endif
