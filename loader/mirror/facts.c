/* SPDX-License-Identifier: MIT */
/* Facts about a set. */
#include "mirror/facts.h"

#include "disk/gpt.h"
#include "nt/fttype.h"

static bool any_dead(const struct inventory *inventory)
{
    for (unsigned i = 0; i < inventory->count; i++)
        if (inventory->disk[i].dead)
            return true;
    return false;
}

static bool is_known(const struct config *config, uint32_t signature)
{
    for (unsigned i = 0; i < config->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            if (config->set[i].member[role].signature == signature)
                return true;
    return false;
}

/* Whether a disk that carries no signature of a set has the member's partition: its own was overwritten (A19). */
static bool has_lost_signature(const struct inventory *inventory, const struct config *config,
                               const struct member_id *id)
{
    for (unsigned i = 0; i < inventory->count; i++) {
        const struct disk_table *table = &inventory->disk[i].table;
        if (inventory->disk[i].dead || is_known(config, table->signature))
            continue;
        const struct partition *partition = mbr_find(table, id->start_lba, id->sectors);
        if (partition != 0 && ft_is_member(partition->type))
            return true;
    }
    return false;
}

/* Whether a partition of this type can be a half. Of another type it is another's by now: a dynamic disk's, or another
 * system's. */
static bool can_be_half(enum set_kind kind, uint8_t type)
{
    return kind == SET_ESP ? type == TYPE_ESP || type == TYPE_RAID : ft_is_file_system(ft_plain_type(type));
}

static void find_member(struct inventory *inventory, const struct mirror_set *set, unsigned role,
                        struct member_facts *facts, struct member_place *place)
{
    const struct member_id *id = &set->member[role];
    unsigned index = 0;
    unsigned found = inventory_find(inventory, id->signature, &index);
    facts->ambiguous = found > 1;
    facts->present = found == 1;
    facts->dead_candidate = found == 0 && any_dead(inventory);
    if (found != 1)
        return;
    place->disk = &inventory->disk[index];
    const struct partition *partition = mbr_find(&place->disk->table, id->start_lba, id->sectors);
    if (partition == 0 || !can_be_half(set->kind, partition->type))
        return;
    place->partition = partition;
    facts->has_extent = true;
    if (set->kind != SET_NT)
        return;
    facts->ft_bit = ft_is_member(partition->type);
    facts->disabled = ft_is_disabled(partition->type);
}

void facts_gather(struct inventory *inventory, const struct config *config, unsigned index, unsigned samples,
                  struct set_survey *out)
{
    const struct mirror_set *set = &config->set[index];
    struct extent extent[ROLE_COUNT] = {{0}};
    uint32_t sectors = set->member[ROLE_PRIMARY].sectors; /* a shadow may be longer; 0 for a half found alone */
    *out = (struct set_survey){0};
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        find_member(inventory, set, role, &out->facts.member[role], &out->place[role]);
        if (set->member[role].signature != 0 && !out->facts.member[role].present)
            out->facts.member[role].lost_signature = has_lost_signature(inventory, config, &set->member[role]);
        if (out->place[role].partition != 0)
            extent[role] = (struct extent){&out->place[role].disk->reader.device, set->member[role].start_lba,
                                           sectors != 0 ? sectors : set->member[role].sectors};
    }
    sample_compare(extent, samples, &out->sample);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        out->facts.member[role].readable = out->sample.readable[role];
    out->facts.different = out->sample.different;
    mirror_decide(&out->facts, &out->verdict);
}
