/* SPDX-License-Identifier: MIT */
/* Writing an image onto a medium and reading it back, sector by sector where the medium is bad. Its first sector, from
 * which a machine starts, is blank until all the rest was found to be right: what is not complete does not start. Knows
 * nothing of what the image holds. */
#ifndef COPYING_H
#define COPYING_H

#include "hostdisk.h"

enum sector_fate { FATE_GOOD, FATE_NOT_WRITTEN, FATE_NOT_READ, FATE_DIFFERENT };

enum copy_end {
    COPY_DONE,
    COPY_BAD,       /* sectors are bad: see `fate` */
    COPY_STOPPED,   /* by a person */
    COPY_NO_IMAGE,  /* the image cannot be read at `failed_lba` */
    COPY_NO_MEDIUM, /* the medium takes or gives nothing from `failed_lba` on: it was taken out, or is full */
    COPY_NO_FLUSH,  /* what was written may not have reached the medium */
};

struct copy {
    struct host_disk *image;
    struct host_disk *medium;
    uint64_t sectors;
    bool blanked;     /* its first sector is blank: it does not start, whatever else is on it */
    uint64_t written; /* sectors that were tried */
    uint64_t compared;
    uint64_t bad;
    uint8_t *fate; /* of each sector: enum sector_fate */
    uint64_t failed_lba;
    int error;       /* errno of what ended it */
    bool past_cache; /* reading and writing go past the kernel's cache */
    int shown_percent;
};

/** Write `copy->sectors` sectors. Shows how far it is when standard error is a terminal. Ctrl-C ends it at the next
 * piece. Complains about nothing. The caller frees `fate`. */
enum copy_end copy_image(struct copy *copy);

#endif
