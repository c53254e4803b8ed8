/* SPDX-License-Identifier: MIT */
/* Names of the results. */
#include "base/status.h"

const char *status_name(enum status status)
{
    static const char *const names[] = {"ok",        "io",       "bounds",    "corrupt", "unsupported",
                                        "not-found", "no-space", "ambiguous", "refused", "denied"};
    return names[status];
}
