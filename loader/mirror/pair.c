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

static bool is_like(const struct partition *first, const struct partition *second)
{
    return ft_is_member(second->type) && ft_plain_type(first->type) == ft_plain_type(second->type);
}

static bool is_equal(const struct partition *first, const struct partition *second)
{
    return is_like(first, second) && first->sectors == second->sectors;
}

/* The partitions of a disk that may hold halves: none of a dead one. */
static unsigned halves_from(const struct inventory *inventory, unsigned disk)
{
    return inventory->disk[disk].dead ? 0 : inventory->disk[disk].table.count;
}

/* How many of the first `count` partitions of a disk are equal to this one. */
static unsigned count_equal(const struct inventory *inventory, unsigned disk, unsigned count,
                            const struct partition *self)
{
    unsigned equal = 0;
    for (unsigned i = 0; i < count; i++)
        equal += is_equal(self, &inventory->disk[disk].table.partition[i]);
    return equal;
}

/* Whether partition `index` of another disk is the twin: of equal ones, the one of the same rank; if the disk has no
 * equal one, one that is longer by less than a cylinder on the disk that comes later. */
static bool is_twin(const struct inventory *inventory, struct candidate self, unsigned disk, unsigned index)
{
    const struct disk_table *table = &inventory->disk[disk].table;
    const struct partition *first = partition_of(inventory, self);
    const struct partition *second = &table->partition[index];
    if (count_equal(inventory, disk, table->count, first) > 0)
        return is_equal(first, second) &&
               count_equal(inventory, disk, index, first) == count_equal(inventory, self.disk, self.partition, first);
    uint32_t excess = disk > self.disk ? second->sectors - first->sectors : first->sectors - second->sectors;
    return is_like(first, second) && excess < PAIR_SLACK_SECTORS;
}

static void report_problem(struct pair_report *report, enum pair_problem problem, struct candidate first,
                           struct candidate second)
{
    if (report->problem == PAIR_OK)
        *report = (struct pair_report){problem, {first.disk, second.disk}, {first.partition, second.partition}};
}

/* The twin of `self` on other disks. Returns how many there are; the first in `*twin`. If there is none, `*twin` is
 * another disk's member that does not fit, or stays as it is. */
static unsigned find_twins(const struct inventory *inventory, struct candidate self, struct candidate *twin)
{
    unsigned found = 0;
    for (unsigned disk = 0; disk < inventory->count; disk++)
        for (unsigned i = 0; disk != self.disk && i < halves_from(inventory, disk); i++) {
            bool fits = is_twin(inventory, self, disk, i);
            if (found == 0 && (fits || ft_is_member(inventory->disk[disk].table.partition[i].type)))
                *twin = (struct candidate){disk, i};
            found += fits;
        }
    return found;
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
    unsigned found = find_twins(inventory, self, &twin);
    enum pair_problem problem = PAIR_OK;
    struct mirror_set set = {.member = {{0}, id_of(inventory, self)}};
    if (found > 1)
        problem = PAIR_THREE;
    else if (found == 0)
        problem = twin.disk == self.disk ? PAIR_LONE : PAIR_UNEQUAL;
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
        report_problem(report, problem, self, twin);
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
        for (unsigned i = 0; i < halves_from(inventory, disk); i++)
            if (ft_is_member(table->partition[i].type))
                pair_one(inventory, (struct candidate){disk, i}, lone, config, report);
    }
    if (config->set_count == 0 && report->problem == PAIR_OK)
        report->problem = PAIR_NONE;
}
