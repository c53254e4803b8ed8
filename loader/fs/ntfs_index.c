/* SPDX-License-Identifier: MIT */
/* NTFS: directories, which are B+ trees of names. Owns the order of names; knows blocks and streams, not records. */
#include "base/unicode.h"
#include "fs/ntfs_internal.h"

#define DEPTH_MAX 16u
#define ENTRY_HEADER_BYTES 16u
#define ENTRY_HAS_NODE 1u
#define ENTRY_IS_LAST 2u
#define KEY(entry) ((entry) + ENTRY_HEADER_BYTES) /* a $FILE_NAME */
#define KEY_BYTES 0x42u
#define KEY_NAME_LENGTH 0x40u
#define KEY_NAME_SPACE 0x41u
#define NAME_SPACE_DOS 2u
#define KEY_COMPRESSED 0x800u
#define KEY_SPARSE 0x200u
#define KEY_ENCRYPTED 0x4000u
#define KEY_DIRECTORY 0x10000000u

/* Nodes are numbered: 0 is the root node, the others are the index blocks from 1 on. */
struct entries {
    const uint8_t *at;
    const uint8_t *end;
};

static enum status bad_index(const struct fs_file *directory)
{
    return ntfs_corrupt(&directory->volume->as.ntfs, SITE_NTFS_INDEX, directory->at.ntfs.record);
}

/* Index blocks are counted in clusters, or in sectors if a cluster is larger than a block. */
static unsigned vcn_shift(const struct fs_file *directory)
{
    unsigned shift = directory->volume->as.ntfs.cluster_shift;
    return shift <= directory->at.ntfs.index_shift ? shift : 0;
}

static enum status read_root_node(struct fs_file *directory)
{
    struct ntfs *ntfs = &directory->volume->as.ntfs;
    uint32_t record = directory->at.ntfs.record;
    enum status status = ntfs_peek(ntfs, record, TYPE_INDEX_ROOT, 0, ntfs->block, 0x20);
    if (status != ST_OK)
        return status;
    uint32_t used = get_le32(ntfs->block + 0x14);
    if (used > NTFS_RECORD_BYTES_MAX)
        return bad_index(directory);
    ntfs->block_bytes = used + 0x10;
    return ntfs_peek(ntfs, record, TYPE_INDEX_ROOT, 0, ntfs->block, ntfs->block_bytes);
}

static enum status read_block(struct fs_file *directory, uint32_t number)
{
    struct ntfs *ntfs = &directory->volume->as.ntfs;
    struct ntfs_node *blocks = &directory->at.ntfs;
    uint32_t sector = (number - 1) << blocks->index_shift;
    ntfs->block_bytes = SECTOR_BYTES << blocks->index_shift;
    enum status status = ntfs_read(ntfs, blocks, (uint64_t)sector * SECTOR_BYTES, ntfs->block, ntfs->block_bytes);
    if (status != ST_OK && status != ST_BOUNDS)
        return status;
    if (status == ST_BOUNDS || !ntfs_fix_up(ntfs->block, ntfs->block_bytes, MAGIC_INDX) ||
        get_le64(ntfs->block + 0x10) != sector >> vcn_shift(directory))
        return bad_index(directory);
    return ST_OK;
}

/* Have a node in the block buffer. */
static enum status load_node(struct fs_file *directory, uint32_t number, struct entries *out)
{
    struct ntfs *ntfs = &directory->volume->as.ntfs;
    if (ntfs->block_type != TYPE_INDEX_ROOT || ntfs->block_record != directory->at.ntfs.record ||
        ntfs->block_at != number) {
        ntfs->block_type = 0;
        enum status status = number == 0 ? read_root_node(directory) : read_block(directory, number);
        if (status != ST_OK)
            return status;
        ntfs->block_type = TYPE_INDEX_ROOT;
        ntfs->block_record = directory->at.ntfs.record;
        ntfs->block_at = number;
    }
    uint32_t header = number == 0 ? 0x10 : 0x18;
    uint32_t first = get_le32(ntfs->block + header);
    uint32_t used = get_le32(ntfs->block + header + 4);
    if (used > ntfs->block_bytes - header || first > used)
        return bad_index(directory);
    *out = (struct entries){ntfs->block + header + first, ntfs->block + header + used};
    return ST_OK;
}

static bool is_entry(const struct entries *entries)
{
    size_t left = (size_t)(entries->end - entries->at);
    if (left < ENTRY_HEADER_BYTES)
        return false;
    uint32_t bytes = get_le16(entries->at + 8);
    uint32_t flags = entries->at[12];
    uint32_t least = ENTRY_HEADER_BYTES + ((flags & ENTRY_HAS_NODE) != 0 ? 8 : 0);
    if (bytes > left || bytes < least)
        return false;
    if ((flags & ENTRY_IS_LAST) != 0)
        return true;
    least += KEY_BYTES;
    return bytes >= least && bytes >= least + 2u * KEY(entries->at)[KEY_NAME_LENGTH];
}

/* Upper case by the volume's own table: that is what its directories are sorted by. */
static uint32_t fold(struct ntfs *ntfs, uint16_t unit)
{
    uint8_t raw[2];
    if (unit < 0x80)
        return unit >= 'a' && unit <= 'z' ? unit - 32u : unit;
    /* A table that cannot be read is not tried again: it stays as it is here, empty. */
    if (!ntfs->upcase_tried && ntfs_stream(ntfs, RECORD_UPCASE, TYPE_DATA, &ntfs->upcase) != ST_OK)
        ntfs->upcase.bytes = 0;
    ntfs->upcase_tried = true;
    if (ntfs_read(ntfs, &ntfs->upcase, 2u * unit, raw, 2) == ST_OK)
        return get_le16(raw);
    ntfs->upcase.bytes = 0;
    return unicode_upper(unit);
}

/* Below 0: `name` comes before the entry. */
static int compare(struct ntfs *ntfs, struct units name, const uint8_t *entry)
{
    const uint8_t *other = KEY(entry) + KEY_BYTES;
    unsigned left = KEY(entry)[KEY_NAME_LENGTH];
    uint16_t unit = 0;
    for (; units_take(&name, &unit); left--, other += 2) {
        if (left == 0)
            return 1;
        int order = (int)fold(ntfs, unit) - (int)fold(ntfs, get_le16(other));
        if (order != 0)
            return order;
    }
    return left == 0 ? 0 : -1;
}

enum status ntfs_lookup(struct fs_file *directory, const char *name, size_t bytes, uint64_t *reference)
{
    struct ntfs *ntfs = &directory->volume->as.ntfs;
    struct entries entries;
    uint64_t vcn = 0;
    uint32_t number = 0;
    for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
        enum status status = load_node(directory, number, &entries);
        if (status != ST_OK)
            return status;
        if (number != 0 && get_le64(ntfs->block + 0x10) != vcn)
            break;
        for (;; entries.at += get_le16(entries.at + 8)) {
            if (!is_entry(&entries))
                return bad_index(directory);
            if ((entries.at[12] & ENTRY_IS_LAST) != 0)
                break;
            int order = compare(ntfs, units_of(name, bytes), entries.at);
            *reference = get_le64(entries.at);
            if (order == 0)
                return ST_OK;
            if (order < 0)
                break;
        }
        if ((entries.at[12] & ENTRY_HAS_NODE) == 0)
            return ST_NOT_FOUND;
        vcn = get_le64(entries.at + get_le16(entries.at + 8) - 8);
        number = ((uint32_t)vcn << vcn_shift(directory) >> directory->at.ntfs.index_shift) + 1;
    }
    return bad_index(directory);
}

/* Whether the index block `number` is in use; free ones hold stale names. ST_NOT_FOUND: there is none. */
static enum status is_used(struct fs_file *directory, uint32_t number, bool *used)
{
    struct ntfs *ntfs = &directory->volume->as.ntfs;
    struct ntfs_node *blocks = &directory->at.ntfs;
    uint8_t bits = 0;
    if (number >= (uint32_t)(blocks->bytes / SECTOR_BYTES) >> blocks->index_shift)
        return ST_NOT_FOUND;
    /* A directory cannot be larger than its volume. */
    if (number > ntfs->clusters << ntfs->cluster_shift >> blocks->index_shift)
        return bad_index(directory);
    enum status status = ntfs_peek(ntfs, blocks->record, TYPE_INDEX_BITMAP, number / 8, &bits, 1);
    *used = (bits >> number % 8 & 1) != 0;
    return status;
}

static void describe(const uint8_t *key, struct fs_entry *out)
{
    struct text text;
    uint32_t attributes = get_le32(key + 0x38);
    text_init(&text, out->name, sizeof out->name);
    utf16_add(&text, key + KEY_BYTES, key[KEY_NAME_LENGTH]);
    out->bytes = get_le64(key + 0x30);
    out->flags = ((attributes & KEY_COMPRESSED) != 0 ? FS_COMPRESSED : 0) |
                 ((attributes & KEY_SPARSE) != 0 ? FS_SPARSE : 0) |
                 ((attributes & KEY_ENCRYPTED) != 0 ? FS_ENCRYPTED : 0);
    if ((attributes & KEY_DIRECTORY) != 0)
        out->flags = FS_DIRECTORY;
}

/* `cursor->at` is the number of a node, `inner` where its next entry begins. */
enum status ntfs_next(struct fs_file *directory, struct fs_cursor *cursor, struct fs_entry *out)
{
    struct entries entries;
    for (;; cursor->at++, cursor->inner = 0) {
        uint32_t number = (uint32_t)cursor->at;
        bool used = true;
        enum status status = number == 0 ? ST_OK : is_used(directory, number - 1, &used);
        if (status == ST_OK && used)
            status = load_node(directory, number, &entries);
        if (status != ST_OK)
            return status;
        if (!used)
            continue;
        if (cursor->inner > (size_t)(entries.end - entries.at))
            return bad_index(directory);
        for (entries.at += cursor->inner;; entries.at += get_le16(entries.at + 8)) {
            if (!is_entry(&entries))
                return bad_index(directory);
            if ((entries.at[12] & ENTRY_IS_LAST) != 0)
                break;
            cursor->inner += get_le16(entries.at + 8);
            if (KEY(entries.at)[KEY_NAME_SPACE] == NAME_SPACE_DOS || get_le32(entries.at) < RECORD_FIRST_USER)
                continue;
            describe(KEY(entries.at), out);
            return ST_OK;
        }
    }
}
