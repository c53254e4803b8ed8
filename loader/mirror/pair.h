/* SPDX-License-Identifier: MIT */
/* Finding mirror sets without being told: by fault-tolerance types, file system and length (nt-facts 1), and by what
 * the registries name as each other's half where the caller knows that. The host tool builds from it; the loader falls
 * back to it when MIRROR.INI cannot be read. Reads nothing: it judges tables. */
#ifndef MIRROR_PAIR_H
#define MIRROR_PAIR_H

#include "disk/inventory.h"
#include "mirror/config.h"

/* A shadow may be longer than its primary by less than a cylinder of 255 x 63: NT rounds it up (Q101629). */
#define PAIR_SLACK_SECTORS (255u * 63u)

enum pair_problem {
    PAIR_OK,
    PAIR_NONE,           /* no partition with a fault-tolerance type */
    PAIR_LONE,           /* a member without a twin */
    PAIR_UNEQUAL,        /* a member without a twin, but another disk has one that does not fit */
    PAIR_STRANGER,       /* the registry of the first names another partition than the second as its twin */
    PAIR_THREE,          /* three members alike: which two belong together cannot be told */
    PAIR_NO_SIGNATURE,   /* a member's disk has signature 0 */
    PAIR_SAME_SIGNATURE, /* both members' disks have the same signature */
    PAIR_TOO_MANY,       /* more than SETS_MAX sets */
};

enum hint_state { HINT_NONE, HINT_KNOWN, HINT_DISPUTED };

/* The mirror that a half belongs to, by the registry on its own disk. Two registries there may dispute it: then it is
 * not known. */
struct pair_hint {
    enum hint_state state;
    enum role role;        /* which member the half is */
    struct mirror_set set; /* in the registry's words: a disk may carry another signature by now (A19) */
};

/* By indices into the inventory and its tables. */
struct pair_hints {
    struct pair_hint of[DISKS_MAX][PARTITIONS_MAX];
};

/* The partitions a problem is about: indices into the inventory and its tables. */
struct pair_report {
    enum pair_problem problem;
    unsigned disk[2];
    unsigned partition[2];
};

/** Where no half of NT's is found, two EFI system partitions on two disks are a set of kind SET_ESP.
 * Fill `config->set` with the pairs found. `hints` (may be null) overrule tables: they tell twins from strangers, and
 * primaries from shadows. With `lone`, a member of which no other disk has even the like becomes a set as well, so that
 * it can still be started: with the twin that its hint names, else as the shadow of a primary whose signature is 0. The
 * first problem is reported. */
void pair_find(const struct inventory *inventory, const struct pair_hints *hints, bool lone, struct config *config,
               struct pair_report *report);

#endif
