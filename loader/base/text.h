/* SPDX-License-Identifier: MIT */
/* Text that cannot overflow: a bounded builder with a small printf, and the comparisons that INI files and 8.3 names
 * need. Owns no storage; knows no screen. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *start;
    size_t used_bytes; /* without the closing NUL; start[used_bytes] is always NUL */
    size_t size_bytes;
    bool truncated;
};

/** Start an empty text in `buffer` of `size_bytes` (at least 1). */
void text_init(struct text *text, char *buffer, size_t size_bytes);

/** Append; what does not fit is cut and remembered in `truncated`.
 * Knows %s %c %u %x %llu %llx %%, with an optional zero flag and width (%-8s pads to the right). */
__attribute__((format(printf, 2, 3))) void text_add(struct text *text, const char *format, ...);

void text_add_list(struct text *text, const char *format, va_list arguments);

size_t text_length(const char *string);
char ascii_lower(char letter);

/** Append a FILETIME (100 ns since 1601, UTC) as "1998-03-14 09:22". */
void text_add_time(struct text *text, uint64_t time_100ns);

/** The same of seconds since 1970, UTC. */
void text_add_unix_time(struct text *text, uint64_t time_s);

/** The value of a digit in any base up to 36; 99 if it is none. */
unsigned ascii_digit(char letter);

/** Whether the first `bytes` letters are equal when case is ignored (ASCII only). */
bool text_same(const char *left, const char *right, size_t bytes);

#endif
