/* SPDX-License-Identifier: MIT */
/* The judgement: facts about two members in, one verdict out. Pure and total; reads nothing, prints nothing. The table
 * it implements is in the README under "Which half is started". */
#ifndef MIRROR_DECIDE_H
#define MIRROR_DECIDE_H

#include <stdbool.h>

#include "mirror/config.h"

/* What a registry says of a half, from harmless to fatal: where several registries or records speak, the worst holds.
 */
enum record {
    RECORD_NONE,
    RECORD_HEALTHY,
    RECORD_REBUILDING, /* regenerating or initializing: NT had not finished copying to it */
    RECORD_ORPHANED    /* NT went on without it */
};

struct member_facts {
    bool present;                   /* exactly one readable disk carries the member's signature */
    bool ambiguous;                 /* more than one does */
    bool dead_candidate;            /* none does, but a disk is there whose sector 0 cannot be read */
    bool lost_signature;            /* none does, but a disk with another signature has the member's partition */
    bool has_extent;                /* the partition is where it was */
    bool readable;                  /* every sector that was tried could be read */
    bool ft_bit;                    /* its type says that it belongs to a set */
    bool disabled;                  /* its type says that NT wrote it off (C0h) */
    bool left_behind;               /* the journal says that the other half was taken out of the mirror */
    bool registry_bad;              /* an installation is on it whose registry is damaged */
    bool no_loader;                 /* of an EFI system partition: what is to be started is not on it */
    bool unfinished;                /* by its own md superblock md had not finished copying to it */
    bool unrecorded;                /* the registry on its disk is sound, and does not know this member */
    enum record record[ROLE_COUNT]; /* what the registry on its disk says of each half */
};

/* Which half is the older one, by one kind of evidence. */
enum age { AGE_UNKNOWN, AGE_SAME, AGE_PRIMARY_OLDER, AGE_SHADOW_OLDER, AGE_CONTRADICTION };

struct set_facts {
    struct member_facts member[ROLE_COUNT];
    bool different;    /* both are readable and their contents disagree */
    enum age registry; /* by the sequence numbers and time stamps of the same hive on both halves */
    enum age log;      /* by the last sequence number in NTFS's $LogFile */
    enum age events;   /* by the superblocks of Linux md */
    enum age loaders;  /* by the dates of the loaders on two EFI system partitions, if these differ */
};

enum member_state {
    MEMBER_ABSENT,
    MEMBER_DEAD,
    MEMBER_FAILING,
    MEMBER_FOREIGN,
    MEMBER_STALE,
    MEMBER_REBUILDING,
    MEMBER_GOOD
};

enum set_state { SET_HEALTHY, SET_DEGRADED, SET_STALE, SET_RESYNCING, SET_SPLIT, SET_FAILING };

enum why {
    WHY_NOTHING,
    WHY_NO_DISK,      /* no disk with this signature answers */
    WHY_NO_ANSWER,    /* a disk is there, but its first sector cannot be read */
    WHY_TWO_DISKS,    /* two disks carry this signature */
    WHY_NO_SIGNATURE, /* its disk carries another signature now (A19) */
    WHY_NO_EXTENT,    /* the disk is there, the partition is not */
    WHY_BAD_SECTOR,
    WHY_DISABLED,     /* NT disabled it after a failed write */
    WHY_TAKEN_OUT,    /* the other half was taken out of the mirror and went on alone */
    WHY_ORPHANED,     /* a registry recorded it as orphaned (D04) */
    WHY_REBUILDING,   /* a registry says that copying to it was not finished (D02) */
    WHY_OLDER,        /* its registry is older than the other half's */
    WHY_LOG_OLDER,    /* its NTFS log is older than the other half's */
    WHY_BAD_REGISTRY, /* its registry is damaged, the other half's is not */
    WHY_UNRECORDED,   /* its registry does not know it: NT stops with C000021A (D05) */
    WHY_EVENTS,       /* by the md superblocks the other half went on without it */
    WHY_UNFINISHED,   /* by its md superblock copying to it was not finished */
    WHY_LOADER_OLDER, /* its boot loader is the older one */
    WHY_NO_LOADER,    /* what is to be started is not on it */
    WHY_DIFFERENT,    /* the halves differ and nothing says which one is newer */
    WHY_COUNT
};

struct mirror_verdict {
    enum member_state member[ROLE_COUNT];
    enum why why[ROLE_COUNT];
    enum set_state state;
    enum role source; /* the half to start, or ROLE_NONE: ask, never guess */
    bool must_break;  /* the source's registry does not know the mirror: NT stops unless it is broken first */
    bool may_break;   /* the source still carries FT bits and the other half is out of the game */
};

void mirror_decide(const struct set_facts *facts, struct mirror_verdict *out);

const char *member_state_name(enum member_state state);
const char *set_state_name(enum set_state state);

/** A clause for a person, such as "no disk with this signature answers"; empty for WHY_NOTHING. */
const char *why_text(enum why why);

#endif
