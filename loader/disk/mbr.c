/* SPDX-License-Identifier: MIT */
/* Decoding of partition tables. Every EBR must lie inside the extended partition and may be visited once, so a hostile
 * chain ends; the order on disk is free, since partition tools do write chains out of order. Two orders of numbering
 * exist; this is ARC's: primaries, then logical drives (Q102873). */
#include "disk/mbr.h"

#include "disk/gpt.h"

#define PRIMARIES 4u

struct entry {
    uint8_t flag;
    uint8_t type;
    uint32_t start_lba;
    uint32_t sectors;
};

static struct entry entry_at(const uint8_t *sector, unsigned index)
{
    const uint8_t *raw = sector + MBR_TABLE_OFFSET + index * MBR_ENTRY_BYTES;
    return (struct entry){
        .flag = raw[0], .type = raw[MBR_ENTRY_TYPE], .start_lba = get_le32(raw + 8), .sectors = get_le32(raw + 12)};
}

static bool is_extended(uint8_t type)
{
    return type == TYPE_EXTENDED || type == TYPE_EXTENDED_LBA || type == 0x85; /* 85h: Linux's hidden extended */
}

bool mbr_has_mark(const uint8_t *sector)
{
    return get_le16(sector + MBR_MARK_OFFSET) == 0xAA55;
}

void table_problem(struct disk_table *out, struct blockdev *device, enum site site, enum status status, uint32_t lba)
{
    if (out->status != ST_OK)
        return; /* the first one is the cause */
    out->status = status;
    out->problem = site;
    out->problem_lba = lba;
    (void)blockdev_fail(device, site, status, lba); /* status is kept in `out` */
}

static bool overlaps(const struct disk_table *table, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct partition *other = &table->partition[i];
        if (start < (uint64_t)other->start_lba + other->sectors && other->start_lba < end)
            return true;
    }
    return false;
}

void table_add(struct disk_table *out, struct blockdev *device, const struct partition *found)
{
    struct partition *slot = &out->partition[out->count];
    uint64_t end = (uint64_t)found->start_lba + found->sectors;
    if (out->count == PARTITIONS_MAX) {
        table_problem(out, device, SITE_EBR_COUNT, ST_UNSUPPORTED, found->entry_lba);
        return;
    }
    /* A logical drive whose start wraps past 2^32 comes out in front of its own EBR (entry_lba is 0 for primaries). */
    if (found->sectors == 0 || found->start_lba <= found->entry_lba || overlaps(out, found->start_lba, end)) {
        table_problem(out, device, SITE_OVERLAP, ST_CORRUPT, found->entry_lba);
        return;
    }
    *slot = *found;
    slot->number = (uint8_t)++out->count;
    slot->beyond_end = end > device->sectors && !device->short_reach;
    if (slot->beyond_end)
        table_problem(out, device, SITE_BEYOND_END, ST_BOUNDS, found->start_lba);
    if (found->type == TYPE_DYNAMIC)
        table_problem(out, device, SITE_DYNAMIC, ST_UNSUPPORTED, found->start_lba);
}

/* One EBR: its first non-extended entry is a logical drive, its extended entry points at the next EBR. Returns the
 * next EBR's absolute LBA, or 0 at the end of the chain. */
static uint32_t decode_ebr(struct disk_table *out, struct blockdev *device, const struct entry *container,
                           uint32_t ebr_lba)
{
    uint8_t sector[SECTOR_BYTES];
    uint32_t next = 0;
    if (blockdev_read(device, ebr_lba, 1, sector) != ST_OK) {
        table_problem(out, device, SITE_READ, ST_IO, ebr_lba);
        return 0;
    }
    if (!mbr_has_mark(sector)) {
        table_problem(out, device, SITE_EBR_MARK, ST_CORRUPT, ebr_lba);
        return 0;
    }
    for (unsigned i = 0; i < PRIMARIES; i++) {
        struct entry entry = entry_at(sector, i);
        if (is_extended(entry.type) && next == 0)
            next = container->start_lba + entry.start_lba;
        else if (entry.type != 0 && !is_extended(entry.type))
            table_add(out, device,
                      &(struct partition){.type = entry.type,
                                          .active = entry.flag == MBR_ACTIVE,
                                          .logical = true,
                                          .entry_offset = (uint16_t)(MBR_TABLE_OFFSET + i * MBR_ENTRY_BYTES),
                                          .entry_lba = ebr_lba,
                                          .start_lba = ebr_lba + entry.start_lba,
                                          .sectors = entry.sectors});
    }
    return next;
}

static bool was_seen(const uint32_t *seen, unsigned count, uint32_t lba)
{
    for (unsigned i = 0; i < count; i++)
        if (seen[i] == lba)
            return true;
    return false;
}

static void walk_chain(struct disk_table *out, struct blockdev *device, const struct entry *container)
{
    uint32_t seen[PARTITIONS_MAX];
    uint64_t end = (uint64_t)container->start_lba + container->sectors;
    uint32_t ebr_lba = container->start_lba;
    unsigned steps = 0;
    do {
        if (ebr_lba == 0 || ebr_lba < container->start_lba || ebr_lba >= end || was_seen(seen, steps, ebr_lba)) {
            table_problem(out, device, SITE_EBR_LOOP, ST_CORRUPT, ebr_lba);
            return;
        }
        if (steps == PARTITIONS_MAX) {
            table_problem(out, device, SITE_EBR_COUNT, ST_UNSUPPORTED, ebr_lba);
            return;
        }
        seen[steps++] = ebr_lba;
        ebr_lba = decode_ebr(out, device, container, ebr_lba);
    } while (ebr_lba != 0);
}

void mbr_read(struct blockdev *device, const uint8_t *sector0, struct disk_table *out)
{
    *out = (struct disk_table){.signature = get_le32(sector0 + MBR_SIGNATURE_OFFSET)};
    if (!mbr_has_mark(sector0)) {
        table_problem(out, device, SITE_MBR_MARK, ST_CORRUPT, 0);
        return;
    }
    if (gpt_is_announced(sector0)) {
        gpt_read(device, out);
        return;
    }
    for (unsigned i = 0; i < PRIMARIES; i++) {
        struct entry entry = entry_at(sector0, i);
        if (entry.type != 0 && !is_extended(entry.type))
            table_add(out, device,
                      &(struct partition){.type = entry.type,
                                          .active = entry.flag == MBR_ACTIVE,
                                          .entry_offset = (uint16_t)(MBR_TABLE_OFFSET + i * MBR_ENTRY_BYTES),
                                          .start_lba = entry.start_lba,
                                          .sectors = entry.sectors});
    }
    for (unsigned i = 0; i < PRIMARIES; i++) {
        struct entry entry = entry_at(sector0, i);
        if (is_extended(entry.type))
            walk_chain(out, device, &entry);
    }
}

const struct partition *mbr_find(const struct disk_table *table, uint32_t start_lba, uint32_t sectors)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->partition[i].start_lba == start_lba && table->partition[i].sectors == sectors)
            return &table->partition[i];
    return 0;
}
