/* SPDX-License-Identifier: MIT */
/* The judgement: facts about two members in, one verdict out. Pure and total; reads nothing, prints nothing. The table
 * it implements is in the README under "Which half is started". */
#ifndef MIRROR_DECIDE_H
#define MIRROR_DECIDE_H

#include <stdbool.h>

#include "mirror/config.h"

struct member_facts {
    bool present;        /* exactly one readable disk carries the member's signature */
    bool ambiguous;      /* more than one does */
    bool dead_candidate; /* none does, but a disk is there whose sector 0 cannot be read */
    bool has_extent;     /* the partition is where it was */
    bool readable;       /* every sector that was tried could be read */
    bool ft_bit;         /* its type says that it belongs to a set */
    bool disabled;       /* its type says that NT wrote it off (C0h) */
    bool left_behind;    /* the journal says that the other half was taken out of the mirror */
};

struct set_facts {
    struct member_facts member[ROLE_COUNT];
    bool different; /* both are readable and their contents disagree */
};

enum member_state { MEMBER_ABSENT, MEMBER_DEAD, MEMBER_FAILING, MEMBER_FOREIGN, MEMBER_STALE, MEMBER_GOOD };
enum set_state { SET_HEALTHY, SET_DEGRADED, SET_STALE, SET_SPLIT, SET_FAILING };

enum why {
    WHY_NOTHING,
    WHY_NO_DISK,   /* no disk with this signature answers */
    WHY_NO_ANSWER, /* a disk is there, but its first sector cannot be read */
    WHY_TWO_DISKS, /* two disks carry this signature */
    WHY_NO_EXTENT, /* the disk is there, the partition is not */
    WHY_BAD_SECTOR,
    WHY_DISABLED,  /* NT disabled it after a failed write */
    WHY_TAKEN_OUT, /* the other half was taken out of the mirror and went on alone */
    WHY_DIFFERENT, /* the halves differ and nothing says which one is newer */
    WHY_COUNT
};

struct mirror_verdict {
    enum member_state member[ROLE_COUNT];
    enum why why[ROLE_COUNT];
    enum set_state state;
    enum role source; /* the half to start, or ROLE_NONE: ask, never guess */
    bool may_break;   /* the source still carries FT bits and the other half is out of the game */
};

void mirror_decide(const struct set_facts *facts, struct mirror_verdict *out);

const char *member_state_name(enum member_state state);
const char *set_state_name(enum set_state state);

/** A clause for a person, such as "no disk with this signature answers"; empty for WHY_NOTHING. */
const char *why_text(enum why why);

#endif
