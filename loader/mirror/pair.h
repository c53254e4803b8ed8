/* SPDX-License-Identifier: MIT */
/* Finding mirror sets without being told: by fault-tolerance types, file system and length (nt-facts 1). The host tool
 * builds from it; the loader falls back to it when MIRROR.INI cannot be read. Reads nothing: it judges tables. */
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
    PAIR_THREE,          /* three members alike: which two belong together cannot be told */
    PAIR_NO_SIGNATURE,   /* a member's disk has signature 0 */
    PAIR_SAME_SIGNATURE, /* both members' disks have the same signature */
    PAIR_TOO_MANY,       /* more than SETS_MAX sets */
};

/* The partitions a problem is about: indices into the inventory and its tables. */
struct pair_report {
    enum pair_problem problem;
    unsigned disk[2];
    unsigned partition[2];
};

/** Fill `config->set` with the pairs found. With `lone`, a member whose twin is missing becomes the shadow of a set
 * whose primary has signature 0, so that it can still be started. The first problem is reported. */
void pair_find(const struct inventory *inventory, bool lone, struct config *config, struct pair_report *report);

#endif
