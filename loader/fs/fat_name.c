/* SPDX-License-Identifier: MIT */
/* FAT names. */
#include "fs/fat_name.h"

#include "base/bytes.h"
#include "base/unicode.h"

#define ERASED 0xE5u
#define ATTRIBUTES 0x3Fu
#define IS_LONG 0x0Fu
#define LAST_PIECE 0x40u
#define PIECE_SUM 13u
#define LONG_UNITS_MAX 255u
#define NT_CASE 12u
#define LOWER_STEM 0x08u
#define LOWER_EXTENSION 0x10u
#define OEM_ERASED 0x05u /* stands for a first letter that would read as ERASED */
#define OEM_PRIVATE 0xF000u

/* A letter of an 8.3 name. Only its code page knows what the upper half means: the Latin letters are those of code page
 * 437, most of which 850 has in the same place; any other byte gets a unit of the private use area, so that two names
 * never look the same. */
static uint16_t oem_unit(uint8_t byte)
{
    static const uint8_t latin[] = {0xC7, 0xFC, 0xE9, 0xE2, 0xE4, 0xE0, 0xE5, 0xE7, 0xEA, 0xEB, 0xE8, 0xEF, 0xEE,
                                    0xEC, 0xC4, 0xC5, 0xC9, 0xE6, 0xC6, 0xF4, 0xF6, 0xF2, 0xFB, 0xF9, 0xFF, 0xD6,
                                    0xDC, 0xA2, 0xA3, 0xA5, 0,    0,    0xE1, 0xED, 0xF3, 0xFA, 0xF1, 0xD1};
    unsigned index = byte - 0x80u;
    if (byte == OEM_ERASED)
        byte = ERASED;
    if (byte < 0x80)
        return byte;
    if (byte == 0xE1)
        return 0xDF;
    return index < sizeof latin && latin[index] != 0 ? latin[index] : (uint16_t)(OEM_PRIVATE | byte);
}

static void take_part(struct fat_name *name, const uint8_t *at, unsigned bytes, bool lower)
{
    while (bytes > 0 && at[bytes - 1] == ' ')
        bytes--;
    for (; bytes > 0; bytes--, at++) {
        uint16_t unit = oem_unit(*at);
        if (lower && unit >= 'A' && unit <= 'Z')
            unit = (uint16_t)(unit + 'a' - 'A');
        put_le16(name->short_units + (size_t)2 * name->short_count++, unit);
    }
}

static void take_short(struct fat_name *name, const uint8_t *entry)
{
    name->short_count = 0;
    take_part(name, entry, 8, (entry[NT_CASE] & LOWER_STEM) != 0);
    uint32_t stem = name->short_count;
    take_part(name, (const uint8_t *)".", 1, false);
    take_part(name, entry + 8, 3, (entry[NT_CASE] & LOWER_EXTENSION) != 0);
    if (name->short_count == stem + 1)
        name->short_count = stem;
}

/* The last piece comes first. A piece that does not follow on the one before is an orphan, like all before it. */
static void take_piece(struct fat_name *name, const uint8_t *entry)
{
    unsigned number = entry[0] & ~LAST_PIECE;
    if ((entry[0] & LAST_PIECE) != 0) {
        name->awaited = (uint8_t)number;
        name->sum = entry[PIECE_SUM];
        name->long_count = number * FAT_PIECE_UNITS;
    }
    if (number - 1 >= FAT_LONG_PIECES || number != name->awaited || entry[PIECE_SUM] != name->sum) {
        name->long_count = name->awaited = 0;
        return;
    }
    name->awaited--;
    uint8_t *units = name->long_units + (size_t)name->awaited * 2 * FAT_PIECE_UNITS;
    memcpy(units, entry + 1, 10);
    memcpy(units + 10, entry + 14, 12);
    memcpy(units + 22, entry + 28, 4);
}

static uint8_t sum_of(const uint8_t *entry)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum << 7 | sum >> 1) + entry[i]);
    return sum;
}

bool fat_name_take(struct fat_name *name, const uint8_t *entry)
{
    if ((entry[FAT_ATTRIBUTE] & ATTRIBUTES) == IS_LONG) {
        take_piece(name, entry); /* an erased one has no number that fits */
        return false;
    }
    uint32_t count = 0;
    if (name->awaited == 0 && name->sum == sum_of(entry))
        while (count < name->long_count && get_le16(name->long_units + (size_t)2 * count) != 0)
            count++;
    name->long_count = count <= LONG_UNITS_MAX ? count : 0;
    take_short(name, entry);
    if (entry[0] != ERASED && entry[0] != '.' && (entry[FAT_ATTRIBUTE] & FAT_IS_LABEL) == 0)
        return true;
    name->long_count = 0;
    return false;
}

static bool is_same(const uint8_t *units, uint32_t count, struct units wanted)
{
    uint16_t unit;
    for (; units_take(&wanted, &unit); units += 2, count--)
        if (count == 0 || unicode_upper(unit) != unicode_upper(get_le16(units)))
            return false;
    return count == 0;
}

bool fat_name_is(const struct fat_name *name, const char *text, size_t bytes)
{
    struct units wanted = units_of(text, bytes);
    return is_same(name->long_units, name->long_count, wanted) || is_same(name->short_units, name->short_count, wanted);
}

void fat_name_add(const struct fat_name *name, struct text *out)
{
    if (name->long_count != 0)
        utf16_add(out, name->long_units, name->long_count);
    else
        utf16_add(out, name->short_units, name->short_count);
}
