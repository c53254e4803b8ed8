/* SPDX-License-Identifier: MIT */
/* Pairing. The disk that comes first holds the primary. Several equal sets on the same two disks pair in order. */
#include "mirror/pair.h"

#include "nt/fttype.h"

struct candidate {
    unsigned disk;
    unsigned partition;
};

static const struct partition *partition_of(const struct inventory *inventory, struct candidate candidate)
{
    return &inventory->disk[candidate.disk].table.partition[candidate.partition];
}

static bool may_be_twins(const struct partition *first, const struct partition *second)
{
    return ft_is_member(second->type) && ft_plain_type(first->type) == ft_plain_type(second->type) &&
           second->sectors >= first->sectors && second->sectors - first->sectors < PAIR_SLACK_SECTORS;
}

/* How many members like this one come before it on its own disk: its rank among its likes. */
static unsigned rank_of(const struct inventory *inventory, struct candidate candidate)
{
    const struct partition *self = partition_of(inventory, candidate);
    unsigned rank = 0;
    for (unsigned i = 0; i < candidate.partition; i++) {
        const struct partition *other = &inventory->disk[candidate.disk].table.partition[i];
        rank += ft_is_member(other->type) && other->type == self->type && other->sectors == self->sectors;
    }
    return rank;
}

static void report_problem(struct pair_report *report, enum pair_problem problem, struct candidate first,
                           struct candidate second)
{
    if (report->problem == PAIR_OK)
        *report = (struct pair_report){problem, {first.disk, second.disk}, {first.partition, second.partition}};
}

/* The twin of `self` on other disks. Returns how many disks offer one; the first in `*twin`. `*near` is any other
 * member of the same kind, for the message. */
static unsigned find_twins(const struct inventory *inventory, struct candidate self, struct candidate *twin,
                           struct candidate *near)
{
    unsigned offers = 0;
    unsigned rank = rank_of(inventory, self);
    for (unsigned disk = 0; disk < inventory->count; disk++) {
        const struct disk_table *table = &inventory->disk[disk].table;
        unsigned seen = 0;
        for (unsigned i = 0; disk != self.disk && !inventory->disk[disk].dead && i < table->count; i++) {
            const struct partition *first = partition_of(inventory, self);
            bool fits = disk > self.disk ? may_be_twins(first, &table->partition[i])
                                         : may_be_twins(&table->partition[i], first);
            if (!fits && ft_is_member(table->partition[i].type))
                *near = (struct candidate){disk, i};
            if (!fits || seen++ != rank)
                continue;
            if (offers++ == 0)
                *twin = (struct candidate){disk, i};
        }
    }
    return offers;
}

static enum pair_problem check_signatures(uint32_t first, uint32_t second)
{
    if (first == 0 || second == 0)
        return PAIR_NO_SIGNATURE;
    return first == second ? PAIR_SAME_SIGNATURE : PAIR_OK;
}

static struct member_id id_of(const struct inventory *inventory, struct candidate candidate)
{
    const struct partition *partition = partition_of(inventory, candidate);
    return (struct member_id){inventory->disk[candidate.disk].table.signature, partition->start_lba,
                              partition->sectors};
}

static void pair_one(const struct inventory *inventory, struct candidate self, bool lone, struct config *config,
                     struct pair_report *report)
{
    struct candidate twin = self;
    struct candidate near = self;
    unsigned offers = find_twins(inventory, self, &twin, &near);
    enum pair_problem problem = PAIR_OK;
    struct mirror_set set = {.member = {{0}, id_of(inventory, self)}};
    if (offers > 1)
        problem = PAIR_THREE;
    else if (offers == 0)
        problem = near.disk != self.disk ? PAIR_UNEQUAL : PAIR_LONE;
    else if (twin.disk < self.disk)
        return; /* already paired from the other side */
    else
        problem = check_signatures(set.member[ROLE_SHADOW].signature, id_of(inventory, twin).signature);
    if (config->set_count == SETS_MAX)
        problem = PAIR_TOO_MANY;
    if (problem == PAIR_OK) {
        set.member[ROLE_PRIMARY] = set.member[ROLE_SHADOW];
        set.member[ROLE_SHADOW] = id_of(inventory, twin);
    } else if (problem != PAIR_LONE || !lone) {
        report_problem(report, problem, self, offers > 0 ? twin : near);
        return;
    }
    config->set[config->set_count++] = set;
}

void pair_find(const struct inventory *inventory, bool lone, struct config *config, struct pair_report *report)
{
    *report = (struct pair_report){.problem = PAIR_OK};
    config->set_count = 0;
    for (unsigned disk = 0; disk < inventory->count; disk++) {
        const struct disk_table *table = &inventory->disk[disk].table;
        for (unsigned i = 0; !inventory->disk[disk].dead && i < table->count; i++)
            if (ft_is_member(table->partition[i].type))
                pair_one(inventory, (struct candidate){disk, i}, lone, config, report);
    }
    if (config->set_count == 0 && report->problem == PAIR_OK)
        report->problem = PAIR_NONE;
}
