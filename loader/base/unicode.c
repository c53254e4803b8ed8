/* SPDX-License-Identifier: MIT */
/* Unicode. */
#include "base/unicode.h"

#define SURROGATE_HIGH 0xD800u
#define SURROGATE_LOW 0xDC00u
#define SURROGATE_END 0xE000u
#define ASTRAL 0x10000u
#define UNICODE_LAST 0x10FFFFu

struct units units_of(const char *text, size_t bytes)
{
    return (struct units){.at = (const uint8_t *)text, .end = (const uint8_t *)text + bytes};
}

/* One character; a lead byte without its followers is a bad character of one byte. */
static uint32_t take_character(struct units *units)
{
    uint32_t lead = *units->at++;
    unsigned follow = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0x80)
        return lead;
    if (lead < 0xC2 || lead > 0xF4 || (size_t)(units->end - units->at) < follow)
        return UNICODE_BAD;
    uint32_t value = lead & (0x3Fu >> follow);
    for (unsigned i = 0; i < follow; i++) {
        if ((units->at[i] & 0xC0) != 0x80)
            return UNICODE_BAD;
        value = value << 6 | (units->at[i] & 0x3Fu);
    }
    /* Longer than it need be, half of a pair, or past the last character. */
    if (value < 1u << (5 * follow + 1) || value >> 11 == SURROGATE_HIGH >> 11 || value > UNICODE_LAST)
        return UNICODE_BAD;
    units->at += follow;
    return value;
}

bool units_take(struct units *units, uint16_t *unit)
{
    if (units->low != 0) {
        *unit = units->low;
        units->low = 0;
        return true;
    }
    if (units->at == units->end)
        return false;
    uint32_t value = take_character(units);
    if (value >= ASTRAL) {
        units->low = (uint16_t)(SURROGATE_LOW | (value & 0x3FF));
        value = SURROGATE_HIGH | (value - ASTRAL) >> 10;
    }
    *unit = (uint16_t)value;
    return true;
}

static void add_character(struct text *out, uint32_t value)
{
    if (value < 0x80) {
        text_add(out, "%c", (int)value);
        return;
    }
    unsigned follow = value < 0x800 ? 1 : value < ASTRAL ? 2 : 3;
    uint32_t lead = follow == 1 ? 0xC0u : follow == 2 ? 0xE0u : 0xF0u;
    text_add(out, "%c", (int)(lead | value >> (6 * follow)));
    while (follow-- > 0)
        text_add(out, "%c", (int)(0x80u | (value >> (6 * follow) & 0x3Fu)));
}

void utf16_add(struct text *out, const uint8_t *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t unit = (uint32_t)(units[2 * i] | units[2 * i + 1] << 8);
        uint32_t next = i + 1 < count ? (uint32_t)(units[2 * i + 2] | units[2 * i + 3] << 8) : 0;
        if (unit >= SURROGATE_HIGH && unit < SURROGATE_LOW && next >= SURROGATE_LOW && next < SURROGATE_END) {
            add_character(out, ASTRAL + ((unit & 0x3FF) << 10) + (next & 0x3FF));
            i++;
        } else
            add_character(out, unit >= SURROGATE_HIGH && unit < SURROGATE_END ? UNICODE_BAD : unit);
    }
}

/* Ranges of lower case letters and how their upper case is found: by distance, or (0) as the even or odd neighbour. */
static const struct {
    uint16_t first;
    uint16_t last;
    uint8_t down; /* distance to the upper case; 0: letters come in pairs, the upper case first */
} lower_case[] = {
    {'a', 'z', 32},     {0xE0, 0xF6, 32},   {0xF8, 0xFE, 32},  {0x100, 0x12F, 0},  {0x132, 0x137, 0},
    {0x139, 0x148, 0},  {0x14A, 0x177, 0},  {0x179, 0x17E, 0}, {0x3B1, 0x3C1, 32}, {0x3C3, 0x3CB, 32},
    {0x430, 0x44F, 32}, {0x450, 0x45F, 80}, {0x460, 0x481, 0}, {0x490, 0x4BF, 0},
};

uint16_t unicode_upper(uint16_t unit)
{
    if (unit == 0xFF)
        return 0x178;
    for (unsigned i = 0; i < sizeof lower_case / sizeof lower_case[0]; i++) {
        if (unit < lower_case[i].first || unit > lower_case[i].last)
            continue;
        if (lower_case[i].down != 0)
            return (uint16_t)(unit - lower_case[i].down);
        return (uint16_t)(unit - (unit - lower_case[i].first) % 2);
    }
    return unit;
}
