/* SPDX-License-Identifier: MIT */
/* Freshness. */
#include "mirror/freshness.h"

#include "base/crc32.h"
#include "nt/fttype.h"

const char *outdated_text(enum outdated kind)
{
    static const char *const texts[] = {
        "was partitioned anew",
        "is in a mirror that the boot disk does not know",
        "no longer has its half of the mirror",
        "no longer has Windows NT where it was",
    };
    return texts[kind];
}

uint32_t freshness_layout(const struct disk_table *table)
{
    uint32_t crc = 0;
    for (unsigned i = 0; i < table->count; i++) {
        const struct partition *partition = &table->partition[i];
        uint8_t bytes[10];
        bytes[0] = partition->number;
        bytes[1] = ft_plain_type(partition->type);
        put_le32(bytes + 2, partition->start_lba);
        put_le32(bytes + 6, partition->sectors);
        crc = crc32_add(crc, bytes, sizeof bytes);
    }
    return crc;
}

void freshness_add(struct freshness *freshness, enum outdated kind, uint32_t signature)
{
    for (unsigned i = 0; i < freshness->count; i++)
        if (freshness->item[i].kind == kind && freshness->item[i].signature == signature)
            return;
    if (freshness->count == FRESHNESS_MAX)
        return;
    freshness->item[freshness->count].kind = kind;
    freshness->item[freshness->count++].signature = signature;
}

static bool is_member(const struct config *config, uint32_t signature, const struct partition *partition)
{
    for (unsigned i = 0; i < config->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            const struct member_id *id = &config->set[i].member[role];
            if (id->signature == signature && id->start_lba == partition->start_lba)
                return true;
        }
    return false;
}

static void check_members(const struct disk_table *table, const struct config *config, struct freshness *out)
{
    for (unsigned i = 0; i < config->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            const struct member_id *id = &config->set[i].member[role];
            if (id->signature == table->signature && mbr_find(table, id->start_lba, id->sectors) == 0)
                freshness_add(out, OUTDATED_LOST_MEMBER, table->signature);
        }
    for (unsigned i = 0; i < table->count; i++)
        if (ft_is_member(table->partition[i].type) && !is_member(config, table->signature, &table->partition[i]))
            freshness_add(out, OUTDATED_NEW_SET, table->signature);
}

void freshness_check(const struct inventory *inventory, const struct config *config, struct freshness *out)
{
    *out = (struct freshness){0};
    for (unsigned i = 0; i < inventory->count; i++) {
        const struct disk_table *table = &inventory->disk[i].table;
        if (inventory->disk[i].dead || table->status != ST_OK)
            continue;
        check_members(table, config, out);
        for (unsigned d = 0; d < config->disk_count; d++)
            if (config->disk[d].signature == table->signature && config->disk[d].layout != freshness_layout(table))
                freshness_add(out, OUTDATED_LAYOUT, table->signature);
    }
}
