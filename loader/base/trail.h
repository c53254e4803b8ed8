/* SPDX-License-Identifier: MIT */
/* The failure trail: where each error was born, on which drive and LBA, so that a person can read it over the phone.
 * Only the place that detects an error adds to it. Knows no text: the shells turn site ids into sentences. */
#ifndef BASE_TRAIL_H
#define BASE_TRAIL_H

#include <stdint.h>

#include "base/status.h"

/* SITE(name, code, text): the code is shown, `mkbootdisk explain CODE` prints the text. */
enum site {
#define SITE(name, code, text) SITE_##name,
#include "base/sites.def"
#undef SITE
    SITE_COUNT
};

#define TRAIL_MAX 8u

struct trail_entry {
    enum site site;
    enum status status;
    uint8_t drive;
    uint64_t lba;
};

/* The first TRAIL_MAX failures: the first one is the cause, the rest are usually its echo. */
struct trail {
    unsigned used;
    struct trail_entry entry[TRAIL_MAX];
};

/** Note a failure and hand its status back: `return trail_fail(trail, SITE_X, ST_IO, drive, lba);`
 * A null trail is allowed. */
enum status trail_fail(struct trail *trail, enum site site, enum status status, uint8_t drive, uint64_t lba);

/** The short code of a site, such as "M1". */
const char *site_code(enum site site);

#endif
