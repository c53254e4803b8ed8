/* SPDX-License-Identifier: MIT */
/* The banner, one byte after the other. Its first letter stands in it only once: after any other byte the search begins
 * anew. */
#include "nt/banner.h"

#include <stdbool.h>

#define AT_MAJOR BANNER_AT_NUMBER
#define AT_MINOR (AT_MAJOR + 1)
#define AT_END (AT_MAJOR + 2)
#define DIGITS_MAX 4u

static void search_again(struct banner *banner, uint8_t byte)
{
    *banner = (struct banner){.stage = byte == 'O'};
}

static bool has_release(const struct banner *banner)
{
    return banner->stage >= AT_MINOR && banner->number[0] != 0 && (banner->stage == AT_END || banner->digits > 0);
}

static void take_number(struct banner *banner, uint8_t byte)
{
    uint16_t *number = &banner->number[banner->stage - AT_MAJOR];
    if (byte >= '0' && byte <= '9' && banner->digits < DIGITS_MAX) {
        *number = (uint16_t)(*number * 10 + byte - '0');
        banner->digits++;
    } else if (banner->stage == AT_MAJOR && byte == '.' && banner->digits > 0) {
        banner->stage = AT_MINOR;
        banner->digits = 0;
    } else if (has_release(banner)) {
        banner->stage = AT_END;
    } else {
        search_again(banner, byte);
    }
}

void banner_feed(struct banner *banner, const uint8_t *bytes, uint32_t count)
{
    static const char letters[] = "OS Loader V";
    for (uint32_t i = 0; i < count && banner->stage < AT_END; i++) {
        if (banner->stage >= AT_MAJOR)
            take_number(banner, bytes[i]);
        else if (bytes[i] == (uint8_t)letters[banner->stage])
            banner->stage++;
        else
            search_again(banner, bytes[i]);
    }
}

uint16_t banner_major(const struct banner *banner)
{
    return has_release(banner) ? banner->number[0] : 0;
}

uint16_t banner_minor(const struct banner *banner)
{
    bool is_short = banner->digits == 1 && banner->number[0] < 5;
    return (uint16_t)(banner->number[1] * (is_short ? 10 : 1));
}
