/* SPDX-License-Identifier: MIT */
/* The names of FAT directory entries: the 8.3 name, and the long one that lies in pieces in the entries before it.
 * Knows only entries of 32 bytes, and neither volumes nor chains. */
#ifndef FS_FAT_NAME_H
#define FS_FAT_NAME_H

#include "base/text.h"

#define FAT_ENTRY_BYTES 32u
#define FAT_ATTRIBUTE 11u
#define FAT_IS_LABEL 0x08u
#define FAT_IS_DIRECTORY 0x10u

#define FAT_LONG_PIECES 20u
#define FAT_PIECE_UNITS 13u

/* Starts as zeros in `long_count` and `awaited`. */
struct fat_name {
    uint32_t long_count; /* UTF-16 units; 0: there is no long name */
    uint32_t short_count;
    uint8_t awaited; /* the number of the long name's next piece; 0: it is complete */
    uint8_t sum;     /* of the 8.3 name that the long one belongs to */
    uint8_t long_units[2 * FAT_PIECE_UNITS * FAT_LONG_PIECES];
    uint8_t short_units[2 * (8 + 1 + 3)];
};

/** Take the next entry of a directory. True when it is a file or a directory, whose names are complete then. */
bool fat_name_take(struct fat_name *name, const uint8_t *entry);

/** Whether either name is `text`, which is UTF-8 of `bytes` bytes; case does not count. */
bool fat_name_is(const struct fat_name *name, const char *text, size_t bytes);

/** Append the long name, or the 8.3 name where there is none. */
void fat_name_add(const struct fat_name *name, struct text *out);

#endif
