/* SPDX-License-Identifier: MIT */
/* The sentence behind a site code. Only the host has room for them. */
#ifndef SITETEXT_H
#define SITETEXT_H

#include "base/trail.h"

const char *site_text(enum site site);

#endif
