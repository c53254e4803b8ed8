/* SPDX-License-Identifier: MIT */
/* A blockdev around a blockdev that fails as told, and counts. Slides in at any height of a pile of devices; knows
 * nothing of what it disturbs. */
#ifndef RIG_FAULTDEV_H
#define RIG_FAULTDEV_H

#include <stdbool.h>

#include "disk/blockdev.h"

/* How a read fails. */
enum fault_kind {
    FAULT_NONE,
    FAULT_ERROR,  /* an error; the buffer is left alone */
    FAULT_SHORT,  /* the first half arrives, then an error */
    FAULT_SILENT, /* success is claimed, the buffer is left alone */
    FAULT_TAIL,   /* success is claimed, but the last sector did not arrive */
};

/* How long the nth read's fault lasts. */
enum fault_span {
    SPAN_ONCE,
    SPAN_SECTOR, /* these sectors fail from then on */
    SPAN_DEVICE, /* every read of this device fails from then on */
};

struct faultdev {
    struct blockdev device;
    struct blockdev *below;
    unsigned reads;  /* seen so far */
    unsigned faults; /* answered with a fault */
    unsigned *clock; /* counts reads; several devices may share one. Initially it is `reads` */
    unsigned nth;    /* the read by `clock`, from 1, that begins to fail; 0 = none */
    enum fault_span span;
    enum fault_kind kind;
    bool range_set; /* reads that touch first_lba..last_lba fail with `kind` */
    uint64_t first_lba;
    uint64_t last_lba;
    bool dead; /* every read fails with `kind` */
};

void faultdev_init(struct faultdev *fault, struct blockdev *below);

/** The nth read (by the clock) fails. */
void faultdev_nth(struct faultdev *fault, unsigned nth, enum fault_span span, enum fault_kind kind);

/** Reads that touch these sectors fail for ever. */
void faultdev_range(struct faultdev *fault, uint64_t first_lba, uint64_t last_lba, enum fault_kind kind);

/** Every read fails for ever. */
void faultdev_kill(struct faultdev *fault, enum fault_kind kind);

#endif
