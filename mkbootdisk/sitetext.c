/* SPDX-License-Identifier: MIT */
/* Texts of the sites. */
#include "sitetext.h"

const char *site_text(enum site site)
{
    static const char *const texts[SITE_COUNT] = {
#define SITE(name, code, text) text,
#include "base/sites.def"
#undef SITE
    };
    return texts[site];
}
