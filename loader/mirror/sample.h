/* SPDX-License-Identifier: MIT */
/* Reading the same sectors of both members: can they be read, and do they agree? A sample, not a proof: it finds a
 * half that went its own way, and it costs two dozen sectors instead of the whole disk. */
#ifndef MIRROR_SAMPLE_H
#define MIRROR_SAMPLE_H

#include <stdbool.h>

#include "disk/blockdev.h"

/* The loader compares this many sectors: the eight sectors 0, 1, 2, 4 ... 64, then evenly over the volume. */
#define SAMPLES 24u

/* A member's place: `device` is null when the member is not there. */
struct extent {
    struct blockdev *device;
    uint32_t start_lba;
    uint32_t sectors;
};

struct sample_result {
    bool readable[2];    /* every sample of that member could be read */
    uint32_t bad_lba[2]; /* absolute LBA of the first one that could not */
    bool compared;       /* at least one pair was compared */
    bool different;
    uint32_t different_at; /* offset in the volume of the first pair that differs */
};

/** The offset of sample `index` of `samples` in a volume of `sectors`. */
uint32_t sample_offset(uint32_t sectors, unsigned index, unsigned samples);

/** Compare `samples` sectors of the members that are there. Stops reading a member at its first bad sector. */
void sample_compare(const struct extent member[2], unsigned samples, struct sample_result *out);

#endif
