/* SPDX-License-Identifier: MIT */
/* Planning to break mirrors, as Disk Administrator would: the partition entry of each half that is kept loses its
 * fault-tolerance bits (Q147690, Q139843), and the mirror's records leave the registry of every installation that may
 * be started afterwards. Plans only; writes nothing. */
#ifndef CHANGE_BREAK_H
#define CHANGE_BREAK_H

#include "change/registry.h"
#include "mirror/facts.h"

/* The failure mode that a break cures, by which its changes are known in a journal. */
#define CHANGE_ID_BREAK "D05"
#define BREAK_WHERE_BYTES 80u

enum break_extent {
    BREAK_COMPLETE,
    BREAK_TYPES_ONLY /* the partition types: NT starts, and Disk Administrator finishes the break (Q139843) */
};

struct break_job {
    struct inventory *inventory;
    const struct set_survey *survey; /* of each mirror of the configuration */
    struct workspace *work;          /* null: there is no memory to read file systems with, so only types can change */
    struct changeset *changes;       /* added to */
    struct dissolution what;
    /* Filled in: what stands in the way of a complete break. */
    enum obstacle obstacle;
    char where[BREAK_WHERE_BYTES]; /* "\WINNT: SYSTEM.ALT", or "partition 2" */
    const struct disk *on;
};

/** Add what breaking the wanted mirrors takes, partition entries first: from the first write on, NT starts from what is
 * on the disk. A mirror that is broken already adds nothing.
 * Errors: ST_REFUSED (`job->obstacle`; or, if that is OBSTACLE_NONE, the half to keep is not there or its disk's table
 * is damaged): `changes` is as it was; ST_NO_SPACE, I/O. */
MUST_CHECK enum status break_plan(struct break_job *job, enum break_extent extent);

#endif
