/* SPDX-License-Identifier: MIT */
/* NTFS: FILE records and their attributes, also those that moved to other records by way of an attribute list. Knows
 * where attributes are, not what they mean.
 *
 * Reading a record needs $MFT's runs, which may be in records themselves: $MFT's own record and its extents have slots
 * apart from those of other files, and the depth of this circle is bounded. */
#include "fs/ntfs_internal.h"

#define MIRRORED_RECORDS 4u
#define DEPTH_MAX 4u
#define RECORD_HEADER_BYTES 0x2Au
#define RECORD_IN_USE 1u
#define RESIDENT_HEADER_BYTES 0x18u
#define RUNS_HEADER_BYTES 0x40u
#define LIST_ENTRY_BYTES 0x1Au
#define LIST_BYTES_MAX 0x40000u
#define NAME_BYTES 8u
#define NO_BASE 0xFFFFFFFFu
#define TYPE_END 0xFFFFFFFFu

static const char index_name[NAME_BYTES] = {'$', 0, 'I', 0, '3', 0, '0', 0};

enum status ntfs_corrupt(const struct ntfs *ntfs, enum site site, uint32_t number)
{
    return blockdev_fail(ntfs->device, site, ST_CORRUPT, number);
}

bool ntfs_fix_up(uint8_t *block, uint32_t bytes, uint32_t magic)
{
    uint32_t offset = get_le16(block + 4);
    uint32_t count = bytes / SECTOR_BYTES;
    if (get_le32(block) != magic || get_le16(block + 6) != count + 1 || offset + 2 * count + 2 > SECTOR_BYTES - 2)
        return false;
    const uint8_t *number = block + offset;
    for (uint32_t i = 1; i <= count; i++) {
        uint8_t *last = block + i * SECTOR_BYTES - 2;
        if (get_le16(last) != get_le16(number))
            return false;
        memcpy(last, number + 2 * (size_t)i, 2);
    }
    return true;
}

static bool is_record(const struct ntfs *ntfs, uint8_t *record)
{
    uint32_t bytes = SECTOR_BYTES << ntfs->record_shift;
    return ntfs_fix_up(record, bytes, MAGIC_FILE) && (record[0x16] & RECORD_IN_USE) != 0 &&
           get_le32(record + 0x18) <= bytes && get_le16(record + 0x14) >= RECORD_HEADER_BYTES &&
           get_le16(record + 0x14) <= get_le32(record + 0x18);
}

static enum status fill_slot(struct ntfs *ntfs, struct ntfs_slot *slot, uint32_t number)
{
    uint32_t sectors = 1u << ntfs->record_shift;
    uint32_t first = number << ntfs->record_shift;
    slot->valid = false;
    slot->number = number;
    if (first >> ntfs->record_shift != number || ntfs->depth == DEPTH_MAX)
        return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, number);
    ntfs->depth++;
    enum status status =
        ntfs_read(ntfs, &ntfs->mft, (uint64_t)first * SECTOR_BYTES, slot->bytes, sectors * SECTOR_BYTES);
    ntfs->depth--;
    slot->valid = status == ST_OK && is_record(ntfs, slot->bytes);
    if (!slot->valid && number < MIRRORED_RECORDS) { /* $MFTMirr begins with a copy of them */
        status = blockdev_read(ntfs->device, ntfs->start_lba + ntfs->mirror_lba + first, sectors, slot->bytes);
        slot->valid = status == ST_OK && is_record(ntfs, slot->bytes);
    }
    if (slot->valid || status == ST_IO)
        return status;
    return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, number);
}

/* `base` is the record that an extent record must name, or NO_BASE. */
static enum status load(struct ntfs *ntfs, struct ntfs_slot *slot, uint64_t reference, uint32_t base)
{
    const uint8_t *record = slot->bytes;
    uint32_t number = (uint32_t)reference;
    uint32_t high = (uint32_t)(reference >> 32);
    enum status status = ST_OK;
    if (!slot->valid || slot->number != number)
        status = fill_slot(ntfs, slot, number);
    if (status != ST_OK)
        return status;
    bool fits = base == NO_BASE ? get_le64(record + 0x20) == 0 : get_le32(record + 0x20) == base;
    if (!fits || (high != 0 && high != (uint32_t)get_le16(record + 0x10) << 16))
        return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, number);
    return ST_OK;
}

static struct ntfs_slot *slot_of(struct ntfs *ntfs, uint32_t record)
{
    return &ntfs->slot[record == 0 ? 0 : 2];
}

enum status ntfs_load(struct ntfs *ntfs, uint64_t reference, const uint8_t **record)
{
    struct ntfs_slot *slot = slot_of(ntfs, (uint32_t)reference);
    *record = slot->bytes;
    return load(ntfs, slot, reference, NO_BASE);
}

static bool is_named(uint32_t type, unsigned units, const uint8_t *name)
{
    if (type < TYPE_INDEX_ROOT || type > TYPE_INDEX_BITMAP)
        return units == 0;
    return units == NAME_BYTES / 2 && memcmp(name, index_name, NAME_BYTES) == 0;
}

/* Whether the parts of an attribute lie inside its `bytes`. */
static bool is_attribute(const uint8_t *at, uint32_t bytes)
{
    if (bytes < RESIDENT_HEADER_BYTES || get_le16(at + 0xA) + 2u * at[9] > bytes)
        return false;
    if (at[8] != 0)
        return bytes >= RUNS_HEADER_BYTES && get_le16(at + 0x20) <= bytes && get_le32(at + 0x14) == 0;
    uint32_t value = get_le16(at + 0x14);
    return value <= bytes && get_le32(at + 0x10) <= bytes - value;
}

static enum status find_here(const struct ntfs *ntfs, const struct ntfs_slot *slot, uint32_t type, uint32_t first_vcn,
                             const uint8_t **attribute)
{
    const uint8_t *at = slot->bytes + get_le16(slot->bytes + 0x14);
    uint32_t left = get_le32(slot->bytes + 0x18) - get_le16(slot->bytes + 0x14);
    while (left >= 8) {
        uint32_t bytes = get_le32(at + 4);
        if (get_le32(at) == TYPE_END)
            return ST_NOT_FOUND;
        if (bytes > left || !is_attribute(at, bytes))
            break;
        if (get_le32(at) == type && is_named(type, at[9], at + get_le16(at + 0xA)) &&
            (at[8] != 0 ? get_le32(at + 0x10) : 0) == first_vcn) {
            *attribute = at;
            return ST_OK;
        }
        at += bytes;
        left -= bytes;
    }
    return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, slot->number);
}

/* Of an attribute's pieces the last one that does not begin behind `*vcn`: the record it is in, and where it begins. */
static enum status search_list(struct ntfs *ntfs, uint32_t record, uint32_t type, uint32_t *vcn, uint64_t *reference)
{
    struct ntfs_node list;
    uint8_t entry[LIST_ENTRY_BYTES + NAME_BYTES] = {0};
    uint32_t best = 0;
    uint32_t bytes = 0;
    *reference = 0;
    enum status status = ntfs_stream(ntfs, record, TYPE_LIST, &list);
    if (status != ST_OK)
        return status;
    if (list.bytes > LIST_BYTES_MAX)
        return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, record);
    for (uint32_t left = (uint32_t)list.bytes; left > 0; left -= bytes) {
        status = ntfs_read(ntfs, &list, (uint32_t)list.bytes - left, entry, left < sizeof entry ? left : sizeof entry);
        if (status != ST_OK)
            return status;
        bytes = get_le16(entry + 4);
        if (bytes < LIST_ENTRY_BYTES || bytes > left)
            return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, record);
        uint32_t first_vcn = get_le32(entry + 8);
        if (get_le32(entry) != type || !is_named(type, entry[6], entry + LIST_ENTRY_BYTES) || first_vcn > *vcn ||
            first_vcn < best)
            continue;
        best = first_vcn;
        *reference = get_le64(entry + 0x10);
    }
    *vcn = best;
    return *reference != 0 ? ST_OK : ST_NOT_FOUND;
}

enum status ntfs_find(struct ntfs *ntfs, uint32_t record, uint32_t type, uint32_t vcn, const uint8_t **attribute)
{
    struct ntfs_slot *slot = slot_of(ntfs, record);
    uint64_t reference = record;
    enum status status = load(ntfs, slot, record, NO_BASE);
    if (status == ST_OK)
        status = find_here(ntfs, slot, TYPE_LIST, 0, attribute);
    if (status == ST_NOT_FOUND)
        return find_here(ntfs, slot, type, 0, attribute);
    if (status != ST_OK || type == TYPE_LIST)
        return status;
    status = search_list(ntfs, record, type, &vcn, &reference);
    if (status == ST_OK && (uint32_t)reference != record)
        status = load(ntfs, ++slot, reference, record);
    if (status != ST_OK)
        return status;
    status = find_here(ntfs, slot, type, vcn, attribute);
    return status == ST_NOT_FOUND ? ntfs_corrupt(ntfs, SITE_NTFS_RECORD, record) : status;
}

/* Of a sector of a record only the first 510 bytes stand where they belong; its last two are kept in the array. */
enum status ntfs_place_resident(struct fs_file *file, uint32_t offset, struct fs_place *out)
{
    struct ntfs *ntfs = &file->volume->as.ntfs;
    const struct ntfs_node *node = &file->at.ntfs;
    const uint8_t *attribute = 0;
    enum status status = ntfs_find(ntfs, node->record, node->type, 0, &attribute);
    if (status != ST_OK)
        return status;
    if (attribute[8] != 0 || offset >= get_le32(attribute + 0x10))
        return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, node->record);
    const struct ntfs_slot *slot = slot_of(ntfs, node->record);
    slot += attribute > slot->bytes + NTFS_RECORD_BYTES_MAX; /* an extent record's slot is the next one */
    uint32_t at = (uint32_t)(attribute - slot->bytes) + get_le16(attribute + 0x14) + offset;
    uint32_t sector = at / SECTOR_BYTES;
    uint32_t inside = at % SECTOR_BYTES;
    if (inside >= SECTOR_BYTES - 2) {
        inside = (uint32_t)get_le16(slot->bytes + 4) + 2 * (sector + 1) + inside - (SECTOR_BYTES - 2);
        sector = 0;
    }
    uint32_t first = (slot->number << ntfs->record_shift) + sector;
    status = ntfs_map(ntfs, &ntfs->mft, first);
    *out = (struct fs_place){ntfs->start_lba + ntfs->mft.run_lba + first - ntfs->mft.run_first, inside};
    return status;
}
