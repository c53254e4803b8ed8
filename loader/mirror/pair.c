/* SPDX-License-Identifier: MIT */
/* Pairing. Without a registry's word the disk that comes first holds the primary, and several equal sets on the same
 * two disks pair in order. */
#include "mirror/pair.h"

#include "disk/gpt.h"
#include "nt/fttype.h"

/* A partition, and the index of its disk. */
struct half {
    unsigned disk;
    const struct partition *partition;
};

static unsigned index_of(const struct inventory *inventory, struct half half)
{
    return (unsigned)(half.partition - inventory->disk[half.disk].table.partition);
}

static struct member_id id_of(const struct inventory *inventory, struct half half)
{
    return (struct member_id){inventory->disk[half.disk].table.signature, half.partition->start_lba,
                              half.partition->sectors};
}

static bool is_like(const struct partition *first, const struct partition *second)
{
    return ft_is_member(first->type) && ft_is_member(second->type) &&
           ft_plain_type(first->type) == ft_plain_type(second->type);
}

static bool is_equal(const struct partition *first, const struct partition *second)
{
    return is_like(first, second) && first->sectors == second->sectors;
}

/* Whether these could be the halves of one mirror. */
static bool is_near(const struct partition *primary, const struct partition *shadow)
{
    return is_like(primary, shadow) && shadow->sectors - primary->sectors < PAIR_SLACK_SECTORS;
}

/* The partitions of a disk that may hold halves: none of a dead one. */
static unsigned halves_from(const struct inventory *inventory, unsigned disk)
{
    return inventory->disk[disk].dead ? 0 : inventory->disk[disk].table.count;
}

/* How many partitions of a disk before `end` are equal to this one. */
static unsigned count_equal(const struct disk *disk, const struct partition *end, const struct partition *self)
{
    unsigned equal = 0;
    for (const struct partition *at = disk->table.partition; at < end; at++)
        equal += is_equal(self, at);
    return equal;
}

/* Whether a partition of another disk is the twin by the tables: of equal ones, the one of the same rank; if the disk
 * has no equal one, one that is longer on the disk that comes later. */
static bool is_twin(const struct inventory *inventory, struct half self, struct half other)
{
    const struct disk *disk = &inventory->disk[other.disk];
    if (count_equal(disk, disk->table.partition + disk->table.count, self.partition) == 0)
        return other.disk < self.disk ? is_near(other.partition, self.partition)
                                      : is_near(self.partition, other.partition);
    return is_equal(self.partition, other.partition) &&
           count_equal(disk, other.partition, self.partition) ==
               count_equal(&inventory->disk[self.disk], self.partition, self.partition);
}

/* What is known of a half, or null. */
static const struct pair_hint *hint_of(const struct inventory *inventory, const struct pair_hints *hints,
                                       struct half half)
{
    const struct pair_hint *hint = hints != 0 ? &hints->of[half.disk][index_of(inventory, half)] : 0;
    return hint != 0 && hint->state == HINT_KNOWN ? hint : 0;
}

/* Whether it is known of `self` that its twin is another than `other`. */
static bool objects(const struct inventory *inventory, const struct pair_hints *hints, struct half self,
                    struct half other)
{
    const struct pair_hint *own = hint_of(inventory, hints, self);
    const struct pair_hint *others = hint_of(inventory, hints, other);
    struct member_id id = others != 0 ? others->set.member[others->role] : id_of(inventory, other);
    if (own == 0)
        return false;
    const struct member_id *twin = &own->set.member[1 - own->role];
    return twin->signature != id.signature || twin->start_lba != id.start_lba;
}

static bool are_strangers(const struct inventory *inventory, const struct pair_hints *hints, struct half self,
                          struct half other)
{
    return hints != 0 && (objects(inventory, hints, self, other) || objects(inventory, hints, other, self));
}

/* Of two halves that belong together. Registries that each claim the same role settle nothing. */
static bool is_shadow(const struct inventory *inventory, const struct pair_hints *hints, struct half self,
                      struct half other)
{
    const struct pair_hint *own = hint_of(inventory, hints, self);
    const struct pair_hint *others = hint_of(inventory, hints, other);
    if ((own == 0 && others == 0) || (own != 0 && others != 0 && own->role == others->role))
        return other.disk < self.disk;
    return own != 0 ? own->role == ROLE_SHADOW : others->role == ROLE_PRIMARY;
}

static bool belong_together(const struct inventory *inventory, const struct pair_hints *hints, struct half self,
                            struct half other)
{
    if (hint_of(inventory, hints, self) == 0 && hint_of(inventory, hints, other) == 0)
        return is_twin(inventory, self, other);
    if (are_strangers(inventory, hints, self, other))
        return false;
    return is_shadow(inventory, hints, self, other) ? is_near(other.partition, self.partition)
                                                    : is_near(self.partition, other.partition);
}

/* The twin of `self` on other disks. Returns how many there are; the first in `*twin`. If there is none, `*twin` is the
 * member that its registry names, or another disk's that does not fit, or stays as it is. */
static unsigned find_twins(const struct inventory *inventory, const struct pair_hints *hints, struct half self,
                           struct half *twin)
{
    unsigned found = 0;
    bool settled = false;
    for (unsigned disk = 0; disk < inventory->count; disk++)
        for (unsigned i = 0; disk != self.disk && i < halves_from(inventory, disk); i++) {
            struct half other = {disk, &inventory->disk[disk].table.partition[i]};
            bool fits = belong_together(inventory, hints, self, other);
            bool member = ft_is_member(other.partition->type);
            if (found == 0 && (fits || (member && !settled)))
                *twin = other;
            found += fits;
            settled |= member && hint_of(inventory, hints, self) != 0 && !objects(inventory, hints, self, other);
        }
    return found;
}

static enum pair_problem check_signatures(const struct inventory *inventory, struct half self, struct half other)
{
    uint32_t first = inventory->disk[self.disk].table.signature;
    uint32_t second = inventory->disk[other.disk].table.signature;
    if (first == 0 || second == 0)
        return PAIR_NO_SIGNATURE;
    return first == second ? PAIR_SAME_SIGNATURE : PAIR_OK;
}

/* Why a half has no twin; `other` is what another disk has instead, or `self` if none has any. */
static enum pair_problem why_alone(const struct inventory *inventory, const struct pair_hints *hints, struct half self,
                                   struct half other)
{
    if (other.disk == self.disk)
        return PAIR_LONE;
    if (!are_strangers(inventory, hints, self, other))
        return PAIR_UNEQUAL;
    enum pair_problem problem = check_signatures(inventory, self, other);
    return problem == PAIR_OK ? PAIR_STRANGER : problem;
}

static void report_problem(const struct inventory *inventory, enum pair_problem problem, struct half first,
                           struct half second, struct pair_report *report)
{
    if (report->problem == PAIR_OK)
        *report = (struct pair_report){
            problem, {first.disk, second.disk}, {index_of(inventory, first), index_of(inventory, second)}};
}

/* Fill in the members of the set of `self`: its twin is `twin`, or `self` if it has none. */
static void fill_set(const struct inventory *inventory, const struct pair_hints *hints, struct half self,
                     struct half twin, struct mirror_set *set)
{
    const struct pair_hint *hint = hint_of(inventory, hints, self);
    bool shadow = is_shadow(inventory, hints, self, twin);
    if (twin.disk != self.disk) {
        set->member[!shadow] = id_of(inventory, twin);
    } else if (hint != 0) {
        *set = hint->set;
        shadow = hint->role == ROLE_SHADOW;
    } else {
        *set = (struct mirror_set){0};
        shadow = true;
    }
    set->member[shadow] = id_of(inventory, self);
}

static void pair_one(const struct inventory *inventory, const struct pair_hints *hints, struct half self, bool lone,
                     struct config *config, struct pair_report *report)
{
    struct half twin = self;
    struct half its_twin;
    enum pair_problem problem;
    unsigned found = find_twins(inventory, hints, self, &twin);
    /* Two copies of one disk name the same twin. */
    bool twice = hints != 0 && found == 1 && find_twins(inventory, hints, twin, &its_twin) > 1;
    if (found == 0)
        problem = why_alone(inventory, hints, self, twin);
    else if (found == 1 && twin.disk < self.disk)
        return; /* already paired from the other side */
    else
        problem = found > 1 || twice ? PAIR_THREE : check_signatures(inventory, self, twin);
    if (config->set_count == SETS_MAX)
        problem = PAIR_TOO_MANY;
    if (problem == PAIR_OK || (problem == PAIR_LONE && lone))
        fill_set(inventory, hints, self, twin, &config->set[config->set_count++]);
    else if (twice || (problem == PAIR_STRANGER && !objects(inventory, hints, self, twin)))
        report_problem(inventory, problem, twin, self, report); /* it is the other one that has the word */
    else
        report_problem(inventory, problem, self, twin, report);
}

/* The only EFI system partition of a disk, or null. */
static const struct partition *only_esp(const struct disk *disk)
{
    const struct partition *found = 0;
    for (unsigned i = 0; i < disk->table.count; i++) {
        if (disk->table.partition[i].type != TYPE_ESP)
            continue;
        if (found != 0)
            return 0;
        found = &disk->table.partition[i];
    }
    return found;
}

/* Two disks of which each has one EFI system partition, and no third such disk: these two are meant to be twins. */
static void pair_esps(const struct inventory *inventory, struct config *config)
{
    struct mirror_set set = {.kind = SET_ESP};
    unsigned found = 0;
    for (unsigned i = 0; i < inventory->count; i++) {
        const struct disk *disk = &inventory->disk[i];
        const struct partition *esp = disk->dead || !disk->table.is_gpt ? 0 : only_esp(disk);
        if (esp != 0 && found < ROLE_COUNT)
            set.member[found] = (struct member_id){disk->table.signature, esp->start_lba, esp->sectors};
        found += esp != 0;
    }
    if (found == ROLE_COUNT && set.member[0].signature != set.member[1].signature)
        config->set[config->set_count++] = set;
}

void pair_find(const struct inventory *inventory, const struct pair_hints *hints, bool lone, struct config *config,
               struct pair_report *report)
{
    *report = (struct pair_report){.problem = PAIR_OK};
    config->set_count = 0;
    for (unsigned disk = 0; disk < inventory->count; disk++) {
        const struct disk_table *table = &inventory->disk[disk].table;
        for (unsigned i = 0; i < halves_from(inventory, disk); i++)
            if (ft_is_member(table->partition[i].type))
                pair_one(inventory, hints, (struct half){disk, &table->partition[i]}, lone, config, report);
    }
    if (config->set_count == 0)
        pair_esps(inventory, config);
    if (config->set_count == 0 && report->problem == PAIR_OK)
        report->problem = PAIR_NONE;
}
