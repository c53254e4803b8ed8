/* SPDX-License-Identifier: MIT */
/* Gathering facts about the members of a set from the disks: all of the I/O, none of the judgement. */
#ifndef MIRROR_FACTS_H
#define MIRROR_FACTS_H

#include "disk/inventory.h"
#include "mirror/config.h"
#include "mirror/decide.h"
#include "mirror/sample.h"

/* Where a member was found; null when it was not. */
struct member_place {
    struct disk *disk;
    const struct partition *partition;
};

struct set_survey {
    struct set_facts facts;
    struct member_place place[ROLE_COUNT];
    struct sample_result sample;
    struct mirror_verdict verdict;
};

/** Find both members, compare `samples` sectors and decide. */
void facts_gather(struct inventory *inventory, const struct mirror_set *set, unsigned samples, struct set_survey *out);

#endif
