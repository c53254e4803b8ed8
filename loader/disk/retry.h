/* SPDX-License-Identifier: MIT */
/* The one retry policy: a block device around a block device that tries twice, and does not believe a success which
 * left the buffer untouched. Knows no firmware: resetting a controller before the second try is the shell's affair. */
#ifndef DISK_RETRY_H
#define DISK_RETRY_H

#include <stdbool.h>

#include "disk/blockdev.h"

struct retry {
    struct blockdev device;
    struct blockdev *below;
    bool tired; /* a sector failed for good: from here on one attempt each, since each may cost half a minute */
};

/** Wrap `below`, which must outlive `retry`. */
void retry_init(struct retry *retry, struct blockdev *below);

#endif
