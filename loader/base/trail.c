/* SPDX-License-Identifier: MIT */
/* The failure trail. */
#include "base/trail.h"

enum status trail_fail(struct trail *trail, enum site site, enum status status, uint8_t drive, uint64_t lba)
{
    if (trail != 0 && trail->used < TRAIL_MAX)
        trail->entry[trail->used++] = (struct trail_entry){.site = site, .status = status, .drive = drive, .lba = lba};
    return status;
}

const char *site_code(enum site site)
{
    static const char codes[SITE_COUNT][3] = {
#define SITE(name, code, text) code,
#include "base/sites.def"
#undef SITE
    };
    return codes[site];
}
