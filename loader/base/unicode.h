/* SPDX-License-Identifier: MIT */
/* UTF-8, UTF-16 and upper case, for names on a disk. Bad input never stops it: what is no UTF-8 becomes U+FFFD. Knows
 * no file system; NTFS brings its own table of upper case and needs unicode_upper only where that cannot be read. */
#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define UNICODE_BAD 0xFFFDu

/* A name as a stream of UTF-16 units, whatever it is stored as. */
struct units {
    const uint8_t *at;
    const uint8_t *end;
    uint16_t low; /* second half of a surrogate pair that was begun, or 0 */
};

/** The UTF-16 units of UTF-8 text. */
struct units units_of(const char *text, size_t bytes);

/** Take the next unit; false at the end. */
bool units_take(struct units *units, uint16_t *unit);

/** Append UTF-16LE to `out` as UTF-8. */
void utf16_add(struct text *out, const uint8_t *units, size_t count);

/** Upper case of a unit as NT folds it: Latin-1, Latin Extended-A, Greek without accents, and Cyrillic; any other unit
 * is itself. */
uint16_t unicode_upper(uint16_t unit);

#endif
