/* SPDX-License-Identifier: MIT */
/* Which release an NTLDR belongs to, by the banner it prints: "OS Loader V4.01" somewhere in the file. Takes the file
 * in pieces of any size. Knows no file system. Sources: Q142610 ("OS Loader V3.51"); UNVERIFIED that every release
 * keeps it as one ASCII text, so that a file without it is of no known release and no error. */
#ifndef NT_BANNER_H
#define NT_BANNER_H

#include <stdint.h>

#define BANNER_AT_NUMBER 11u /* as `stage`: the text that is fed begins with the number */

/* Zero it before the first piece. */
struct banner {
    uint8_t stage; /* letters found; then one step for each half of the number */
    uint8_t digits;
    uint16_t number[2];
};

/** The next bytes of the file. What follows the first release found is not looked at. */
void banner_feed(struct banner *banner, const uint8_t *bytes, uint32_t count);

/** The release's number before the point; 0: none was found. */
uint16_t banner_major(const struct banner *banner);

/** The number behind the point. "3.5" and "3.1" are 3.50 and 3.10, as NT calls itself in its resources; since 5.0 a
 * single digit is all. */
uint16_t banner_minor(const struct banner *banner);

#endif
