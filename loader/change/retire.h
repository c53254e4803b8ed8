/* SPDX-License-Identifier: MIT */
/* Planning to retire the other half of a broken mirror: its disk loses its active flag, its fault-tolerance bits and
 * its signature, so that it can neither be started, nor be taken for a member, nor be mixed up with the survivor (H05,
 * D03, A20). Its files stay. Plans only; writes nothing. */
#ifndef CHANGE_RETIRE_H
#define CHANGE_RETIRE_H

#include "change/edit.h"
#include "mirror/facts.h"

/* The failure mode it cures, by which its changes are known in a journal. */
#define CHANGE_ID_RETIRE "H05"

enum retire_refusal {
    RETIRE_OK,
    RETIRE_DAMAGED,   /* the disk does not answer, or its partition table is damaged */
    RETIRE_NO_HALF,   /* no half of a mirror is on it */
    RETIRE_TRUSTED,   /* it has the half that the verdict trusts, of some mirror */
    RETIRE_LAST,      /* the other half of one of its mirrors cannot be used */
    RETIRE_MEMBER,    /* the other half is still a member of the mirror: NT would miss this one */
    RETIRE_OTHER_SET, /* it holds a member of a set that is no known mirror: stripes, parity, volume sets */
    RETIRE_COUNT
};

/* What the rules look at. */
struct retire_job {
    const struct inventory *inventory;
    const struct config *config;
    const struct set_survey *survey; /* of each mirror of the configuration */
    struct changeset *changes;       /* added to */
    bool breaking[SETS_MAX];         /* the same change set breaks this mirror */
    enum role keep[SETS_MAX];        /* ... in favour of this half */
    enum retire_refusal refusal;     /* filled in */
};

/** Add what retiring `disk` takes; sector 0 is the last. Errors: ST_REFUSED (`job->refusal`), ST_NO_SPACE, I/O. */
MUST_CHECK enum status retire_plan(struct retire_job *job, struct disk *disk);

/** A clause for a person; empty for RETIRE_OK. */
const char *retire_text(enum retire_refusal refusal);

/** A signature that no disk here and no mirror of the configuration has; it depends on nothing but these. */
uint32_t retire_signature(const struct inventory *inventory, const struct config *config, uint32_t old);

#endif
