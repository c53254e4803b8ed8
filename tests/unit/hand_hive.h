/* SPDX-License-Identifier: MIT */
/* A SYSTEM hive made by hand: a root, the key DISK and its value Information, with the value's cell and its data where
 * a test wants them. What a hive looks like is known here a second time (nt-facts 3). Owns no test. */
#ifndef HAND_HIVE_H
#define HAND_HIVE_H

#include <string.h>

#include "unit.h"

#define HAND_BASE_BYTES 4096u
#define HAND_BINS_BYTES 0x6000u
#define HAND_HIVE_BYTES (HAND_BASE_BYTES + HAND_BINS_BYTES)

/* Places are those of cells, in the file: multiples of 8 (in format 1.1 of 16) from 1200h on. */
struct hand_hive {
    const void *information;
    uint32_t bytes;
    uint32_t value_at;
    uint32_t data_at;
    uint32_t sequence[2];
    uint32_t minor; /* of format 1.x */
    bool old_cells; /* with the head of format 1.1 whatever the format */
};

#define HAND_VALUE_AT 0x1200u
#define HAND_DATA_AT 0x1300u
#define HAND_HIVE(what)                                                                                                \
    {                                                                                                                  \
        .information = (what), .bytes = sizeof(what), .value_at = HAND_VALUE_AT, .data_at = HAND_DATA_AT,              \
        .sequence = {7, 7}, .minor = 3, .old_cells = false                                                             \
    }

static inline void hand_le(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* The head of a cell in use; format 1.1 has the offset of the cell before it there, which nobody reads. */
static inline uint32_t hand_cell_head(const struct hand_hive *hive)
{
    return hive->minor == 1 || hive->old_cells ? 8 : 4;
}

static inline uint8_t *hand_cell(const struct hand_hive *hive, uint8_t *file, uint32_t at, uint32_t bytes)
{
    uint32_t head = hand_cell_head(hive);
    uint32_t whole = (bytes + head + 15) / 16 * 16;
    hand_le(file + at, 0u - whole, 4);
    return file + at + head;
}

static inline uint32_t hand_offset(uint32_t at)
{
    return at - HAND_BASE_BYTES;
}

/* A key without subkeys and values, which the caller adds. */
static inline uint8_t *hand_key(const struct hand_hive *hive, uint8_t *file, uint32_t at, const char *name)
{
    uint32_t bytes = (uint32_t)strlen(name);
    uint8_t *key = hand_cell(hive, file, at, 76 + bytes);
    memcpy(key, "nk", 2);
    hand_le(key + 2, 0x20, 2); /* one byte for each letter */
    hand_le(key + 72, bytes, 2);
    memcpy(key + 76, name, bytes);
    return key;
}

/* The sum that seals the base block, after something in it was changed. */
static inline void hand_seal(uint8_t *file)
{
    uint8_t sum[4] = {0};
    for (unsigned at = 0; at < 508; at++)
        sum[at % 4] ^= file[at];
    memcpy(file + 508, sum, 4);
}

static inline void hand_base(const struct hand_hive *hive, uint8_t *file, uint32_t root)
{
    memcpy(file, "regf", 4);
    hand_le(file + 4, hive->sequence[0], 4);
    hand_le(file + 8, hive->sequence[1], 4);
    hand_le(file + 12, 125331840000000000u, 8); /* 1998-03-01 */
    hand_le(file + 20, 1, 4);
    hand_le(file + 24, hive->minor, 4);
    hand_le(file + 32, 1, 4);
    hand_le(file + 36, hand_offset(root), 4);
    hand_le(file + 40, HAND_BINS_BYTES, 4);
    hand_seal(file);
}

static inline void hand_value(const struct hand_hive *hive, uint8_t *file)
{
    uint8_t *value = hand_cell(hive, file, hive->value_at, 20 + 11);
    memset(value, 0, 20);
    memcpy(value, "vk", 2);
    hand_le(value + 2, 11, 2);
    hand_le(value + 4, hive->bytes, 4);
    hand_le(value + 8, hand_offset(hive->data_at), 4);
    hand_le(value + 12, 3, 4); /* REG_BINARY */
    hand_le(value + 16, 1, 2); /* its name has one byte for each letter */
    memcpy(value + 20, "Information", 11);
    memcpy(hand_cell(hive, file, hive->data_at, hive->bytes), hive->information, hive->bytes);
}

/* Fill `file`, which has HAND_HIVE_BYTES. What no cell has is a pattern, so that a byte too much shows. */
static inline void hand_hive(const struct hand_hive *hive, uint8_t *file)
{
    static const uint32_t root_at = 0x1020;
    static const uint32_t keys_at = 0x10A0;
    static const uint32_t disk_at = 0x10C0;
    static const uint32_t values_at = 0x1140;
    memset(file, 0, HAND_BASE_BYTES);
    for (uint32_t at = HAND_BASE_BYTES; at < HAND_HIVE_BYTES; at++)
        file[at] = (uint8_t)(0x40 + at % 61);
    memset(file + HAND_BASE_BYTES, 0, values_at + 32 - HAND_BASE_BYTES);
    memcpy(file + HAND_BASE_BYTES, "hbin", 4);
    hand_le(file + HAND_BASE_BYTES + 8, HAND_BINS_BYTES, 4);
    uint8_t *root = hand_key(hive, file, root_at, "$$$PROTO.HIV");
    hand_le(root + 20, 1, 4); /* subkeys, and their list */
    hand_le(root + 28, hand_offset(keys_at), 4);
    uint8_t *list = hand_cell(hive, file, keys_at, 8);
    memcpy(list, "li\1", 3);
    hand_le(list + 4, hand_offset(disk_at), 4);
    uint8_t *disk = hand_key(hive, file, disk_at, "DISK");
    hand_le(disk + 36, 1, 4); /* values, and their list */
    hand_le(disk + 40, hand_offset(values_at), 4);
    hand_le(hand_cell(hive, file, values_at, 4), hand_offset(hive->value_at), 4);
    hand_value(hive, file);
    hand_base(hive, file, root_at);
}

/* Where the value's length and its data stand in the file. */
static inline uint32_t hand_length_at(const struct hand_hive *hive)
{
    return hive->value_at + hand_cell_head(hive) + 4;
}

static inline uint32_t hand_information_at(const struct hand_hive *hive)
{
    return hive->data_at + hand_cell_head(hive);
}

#endif
