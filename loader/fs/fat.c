/* SPDX-License-Identifier: MIT */
/* FAT. A chain is walked no further than its file or the largest directory needs, so a looping chain ends. */
#include "fs/fat.h"

#include "fs/fat_name.h"
#include "fs/fs.h"
#include "fs/path.h"

#define FIRST_CLUSTER 26u
#define FIRST_CLUSTER_HIGH 20u
#define FILE_WRITTEN 22u /* time, then date */
#define FILE_BYTES 28u
#define FAT12_MASK 0xFFFu
#define RESERVED_VALUES 11u /* of a FAT entry, which are no numbers of clusters */
#define FAT32_MASK 0x0FFFFFFFu
#define END_MARKS 7u /* below entry_mask, which ends a chain like these */
#define NOT_MIRRORED 0x80u
#define ACTIVE_FAT 0x0Fu
#define READ_SECTORS_MAX 64u
#define ENTRIES_MAX 65536u /* of a directory */
#define ENTRIES_PER_SECTOR (SECTOR_BYTES / FAT_ENTRY_BYTES)
#define NOTHING_CACHED 0xFFFFFFFFu

/* Sectors of a volume that lie side by side. */
struct piece {
    uint32_t lba;
    uint32_t sectors;
};

/* Have a sector in fat->cached. The cache is no part of what a caller knows as the volume, so it may change in a const
 * one. */
static enum status load(const struct fat *fat, uint32_t lba)
{
    struct fat *cache = (struct fat *)fat;
    if (fat->cached_lba == lba)
        return ST_OK;
    cache->cached_lba = NOTHING_CACHED;
    enum status status = blockdev_read(fat->device, fat->start_lba + lba, 1, cache->cached);
    if (status == ST_OK)
        cache->cached_lba = lba;
    return status;
}

enum status fat_fetch(struct blockdev *device, uint64_t start_lba, struct fat *out)
{
    *out = (struct fat){.device = device, .start_lba = start_lba, .cached_lba = NOTHING_CACHED};
    return load(out, 0);
}

static bool is_cluster(const struct fat *fat, uint32_t cluster)
{
    return cluster - 2 < fat->clusters;
}

/* FAT32 has a root directory that is a chain; the other two differ by how many clusters there are. */
static enum status choose_kind(struct fat *fat)
{
    uint32_t clusters = fat->clusters;
    fat->entry_bits = 16;
    fat->entry_mask = 0xFFFF;
    if (fat->root_sectors == 0) {
        fat->entry_bits = 32;
        fat->entry_mask = FAT32_MASK;
    } else if (clusters <= FAT12_MASK - RESERVED_VALUES) {
        fat->entry_bits = 12;
        fat->entry_mask = 0xFFF;
    }
    return clusters > fat->entry_mask - RESERVED_VALUES ? ST_UNSUPPORTED : ST_OK;
}

/* Numbers that are too large wrap around. What comes out is no worse than any other lie: no read leaves the device, and
 * no cluster is believed that lies outside of the volume or the FAT. */
static enum status lay_out(struct fat *fat, const uint8_t *boot)
{
    uint32_t sector_bytes = get_le16(boot + 0x0B);
    uint32_t scale = sector_bytes / SECTOR_BYTES;
    uint32_t per_cluster = boot[0x0D] * scale;
    uint32_t reserved = get_le16(boot + 0x0E) * scale;
    uint32_t copies = boot[0x10];
    uint32_t root_sectors = (get_le16(boot + 0x11) + ENTRIES_PER_SECTOR - 1) / ENTRIES_PER_SECTOR;
    uint32_t sectors = get_le16(boot + 0x13) * scale;
    uint32_t fat_sectors = get_le16(boot + 0x16) * scale;
    uint32_t active = 0;
    if (sectors == 0)
        sectors = get_le32(boot + 0x20) * scale;
    if (root_sectors == 0 && fat_sectors == 0) {
        fat_sectors = get_le32(boot + 0x24) * scale;
        fat->root_cluster = get_le32(boot + 0x2C);
        if ((boot[0x28] & NOT_MIRRORED) != 0)
            active = boot[0x28] & ACTIVE_FAT;
    }
    if (per_cluster == 0 || ((per_cluster & (per_cluster - 1)) | sector_bytes % SECTOR_BYTES) != 0 || reserved == 0 ||
        fat_sectors == 0 || active >= copies || (root_sectors | fat->root_cluster) == 0)
        return ST_CORRUPT;
    fat->sectors_per_cluster = per_cluster;
    fat->fat_sectors = fat_sectors;
    fat->fat_lba = reserved + active * fat_sectors;
    fat->root_lba = reserved + copies * fat_sectors;
    fat->root_sectors = root_sectors;
    fat->data_lba = fat->root_lba + root_sectors;
    if (sectors <= fat->data_lba)
        return ST_CORRUPT;
    fat->clusters = (sectors - fat->data_lba) / per_cluster;
    return choose_kind(fat);
}

enum status fat_understand(struct fat *fat)
{
    enum status status = lay_out(fat, fat->cached);
    return status != ST_CORRUPT ? status : blockdev_fail(fat->device, SITE_FAT_SHAPE, status, fat->start_lba);
}

enum status fat_mount(struct blockdev *device, uint64_t start_lba, struct fat *out)
{
    enum status status = fat_fetch(device, start_lba, out);
    return status != ST_OK ? status : fat_understand(out);
}

static enum status read_entry(const struct fat *fat, uint32_t cluster, uint32_t *out)
{
    uint32_t value = 0;
    uint32_t offset = cluster * (fat->entry_bits / 4) / 2;
    for (uint32_t bit = 0; bit < fat->entry_bits; bit += 8, offset++) {
        if (offset / SECTOR_BYTES >= fat->fat_sectors) {
            value = 0;
            break;
        }
        enum status status = load(fat, fat->fat_lba + offset / SECTOR_BYTES);
        if (status != ST_OK)
            return status;
        value |= (uint32_t)fat->cached[offset % SECTOR_BYTES] << bit;
    }
    *out = value >> cluster * fat->entry_bits % 8 & fat->entry_mask;
    return ST_OK;
}

static enum status chain_error(const struct fat *fat, const struct fat_node *node)
{
    return blockdev_fail(fat->device, SITE_FAT_CHAIN, ST_CORRUPT, node->first_cluster);
}

/* Have cluster `number` of the chain in the node's piece. Going back within the piece costs nothing, and a file that is
 * not fragmented is one piece. ST_NOT_FOUND: the chain is shorter. */
static enum status seek(const struct fat *fat, struct fat_node *node, uint32_t number)
{
    if (number < node->number)
        node->number = node->clusters = 0;
    while (number - node->number >= node->clusters) {
        uint32_t next = node->first_cluster;
        uint32_t behind = node->cluster + node->clusters;
        if (node->clusters != 0) {
            enum status status = read_entry(fat, behind - 1, &next);
            if (status != ST_OK)
                return status;
            if (next >= fat->entry_mask - END_MARKS)
                return ST_NOT_FOUND;
        }
        if (!is_cluster(fat, next))
            return chain_error(fat, node);
        if (next != behind) {
            node->number += node->clusters;
            node->cluster = next;
            node->clusters = 0;
        }
        node->clusters++;
    }
    return ST_OK;
}

/* Where sector `sector` of a file or directory lies, and how many of the `wanted` ones from there on lie in one piece.
 * Only files want any, whose chain was checked before; for a directory ST_NOT_FOUND tells where it ends. */
static enum status find_piece(const struct fat *fat, struct fat_node *node, uint32_t sector, uint32_t wanted,
                              struct piece *out)
{
    uint32_t number = sector / fat->sectors_per_cluster;
    if (node->first_cluster == 0 && wanted == 0) {
        out->lba = fat->root_lba + sector;
        return sector < fat->root_sectors ? ST_OK : ST_NOT_FOUND;
    }
    enum status status = seek(fat, node, number);
    out->lba = fat->data_lba + sector + (node->cluster - 2 - node->number) * fat->sectors_per_cluster;
    while (status == ST_OK && node->number <= number) {
        out->sectors = (node->number + node->clusters) * fat->sectors_per_cluster - sector;
        if (out->sectors >= wanted) {
            out->sectors = wanted;
            return ST_OK;
        }
        status = seek(fat, node, node->number + node->clusters);
    }
    return status;
}

static uint32_t sectors_of(uint32_t bytes)
{
    return bytes / SECTOR_BYTES + (bytes % SECTOR_BYTES != 0);
}

/* The sectors of the clusters that so many bytes take. */
static uint32_t whole_sectors(const struct fat *fat, uint32_t bytes)
{
    return (sectors_of(bytes) + fat->sectors_per_cluster - 1) & ~(fat->sectors_per_cluster - 1);
}

/* A chain that is as long as its file and ends cannot run in a circle, so no byte is taken for one of another place. It
 * may be longer: NT allocates ahead of a file that grows, and writes down its size when the file is closed. */
static enum status check_chain(const struct fat *fat, struct fat_node *node, uint32_t bytes)
{
    uint32_t clusters = whole_sectors(fat, bytes) / fat->sectors_per_cluster;
    enum status status = ST_OK;
    if (clusters == 0)
        return ST_OK;
    if (clusters <= fat->clusters)
        status = seek(fat, node, clusters);
    if (status == ST_OK)
        status = seek(fat, node, fat->clusters);
    if (status == ST_NOT_FOUND && node->number + node->clusters >= clusters)
        return ST_OK;
    return status == ST_OK || status == ST_NOT_FOUND ? chain_error(fat, node) : status;
}

static enum status read_sectors(const struct fat *fat, struct fat_node *node, uint32_t sector, uint32_t sectors,
                                uint8_t *buffer)
{
    while (sectors > 0) {
        struct piece piece;
        uint32_t wanted = sectors < READ_SECTORS_MAX ? sectors : READ_SECTORS_MAX;
        enum status status = find_piece(fat, node, sector, wanted, &piece);
        if (status == ST_OK)
            status = blockdev_read(fat->device, fat->start_lba + piece.lba, piece.sectors, buffer);
        if (status != ST_OK)
            return status;
        buffer += (size_t)piece.sectors * SECTOR_BYTES;
        sector += piece.sectors;
        sectors -= piece.sectors;
    }
    return ST_OK;
}

enum status fat_read(const struct fat_file *file, void *buffer, uint32_t room_bytes)
{
    struct fat_node node = {.first_cluster = file->first_cluster};
    uint32_t sectors = sectors_of(file->bytes);
    if (sectors > room_bytes / SECTOR_BYTES)
        return ST_NO_SPACE;
    enum status status = check_chain(file->fat, &node, file->bytes);
    return status != ST_OK ? status : read_sectors(file->fat, &node, 0, sectors, buffer);
}

enum status fat_locate(const struct fat_file *file, uint64_t *lba)
{
    struct fat_node node = {.first_cluster = file->first_cluster};
    struct piece piece;
    uint32_t sectors = sectors_of(file->bytes);
    enum status status = check_chain(file->fat, &node, file->bytes);
    if (status == ST_OK)
        status = find_piece(file->fat, &node, 0, sectors, &piece);
    if (status != ST_OK)
        return status;
    *lba = file->fat->start_lba + piece.lba;
    return sectors != 0 && piece.sectors == sectors ? ST_OK : ST_UNSUPPORTED;
}

/* Entry number `*at` of a directory, and step on. ST_NOT_FOUND: there are no more. */
static enum status next_entry(const struct fat *fat, struct fat_node *directory, uint32_t *at, const uint8_t **entry)
{
    struct piece piece;
    if (*at > ENTRIES_MAX)
        return chain_error(fat, directory);
    enum status status = find_piece(fat, directory, *at / ENTRIES_PER_SECTOR, 0, &piece);
    if (status == ST_OK)
        status = load(fat, piece.lba);
    if (status != ST_OK)
        return status;
    *entry = fat->cached + *at % ENTRIES_PER_SECTOR * FAT_ENTRY_BYTES;
    ++*at;
    return **entry != 0 ? ST_OK : ST_NOT_FOUND;
}

static uint32_t first_cluster_of(const struct fat *fat, const uint8_t *entry)
{
    uint32_t high = fat->entry_bits == 32 ? get_le16(entry + FIRST_CLUSTER_HIGH) : 0;
    return high << 16 | get_le16(entry + FIRST_CLUSTER);
}

enum status fat_open(const struct fat *fat, const char *name, struct fat_file *out)
{
    struct fat_node root = {.first_cluster = fat->root_cluster};
    const uint8_t *entry = 0;
    uint32_t at = 0;
    do {
        enum status status = next_entry(fat, &root, &at, &entry);
        if (status != ST_OK)
            return status;
    } while ((entry[FAT_ATTRIBUTE] & (FAT_IS_LABEL | FAT_IS_DIRECTORY)) != 0 ||
             memcmp(entry, name, FAT_NAME_BYTES) != 0);
    *out = (struct fat_file){
        .fat = fat, .first_cluster = first_cluster_of(fat, entry), .bytes = get_le32(entry + FILE_BYTES)};
    return ST_OK;
}

enum status fat_is_dirty(const struct fat *fat, bool *dirty)
{
    uint32_t first = 0;
    enum status status = load(fat, 0);
    *dirty = (fat->cached[fat->entry_bits == 32 ? 0x41 : 0x25] & 1) != 0;
    if (status != ST_OK || fat->entry_bits == 12)
        return status;
    status = read_entry(fat, 1, &first);
    *dirty |= (first & (fat->entry_mask + 1) / 2) == 0;
    return status;
}

static enum status next_name(const struct fat *fat, struct fat_node *directory, uint32_t *at, struct fat_name *name,
                             const uint8_t **entry)
{
    name->long_count = name->awaited = 0;
    do {
        enum status status = next_entry(fat, directory, at, entry);
        if (status != ST_OK)
            return status;
    } while (!fat_name_take(name, *entry));
    return ST_OK;
}

/* Turn the open directory into the file or directory in it that has this name. */
static enum status enter(struct fs_file *file, const char *text, size_t bytes)
{
    const struct fat *fat = &file->volume->as.fat;
    struct fat_name name;
    const uint8_t *entry = 0;
    uint32_t at = 0;
    if ((file->flags & FS_DIRECTORY) == 0)
        return ST_NOT_FOUND;
    do {
        enum status status = next_name(fat, &file->at.fat, &at, &name, &entry);
        if (status != ST_OK)
            return status;
    } while (!fat_name_is(&name, text, bytes));
    file->at.fat = (struct fat_node){.first_cluster = first_cluster_of(fat, entry)};
    if ((entry[FAT_ATTRIBUTE] & FAT_IS_DIRECTORY) != 0) /* one that begins nowhere must not pass for the root */
        return is_cluster(fat, file->at.fat.first_cluster) ? ST_OK : chain_error(fat, &file->at.fat);
    file->flags = 0;
    file->bytes = get_le32(entry + FILE_BYTES);
    file->written = get_le32(entry + FILE_WRITTEN);
    return check_chain(fat, &file->at.fat, (uint32_t)file->bytes);
}

static enum status open_path(struct fs_volume *volume, const char *path, struct fs_file *out)
{
    const char *name;
    size_t bytes;
    enum status status = ST_OK;
    *out = (struct fs_file){.volume = volume, .flags = FS_DIRECTORY};
    out->at.fat = (struct fat_node){.first_cluster = volume->as.fat.root_cluster};
    while (status == ST_OK && path_take(&path, &name, &bytes))
        status = enter(out, name, bytes);
    return status;
}

static enum status read_file(struct fs_file *file, uint64_t offset, void *buffer, uint32_t bytes)
{
    const struct fat *fat = &file->volume->as.fat;
    uint8_t *to = buffer;
    enum status status = ST_OK;
    for (uint32_t at = (uint32_t)offset, part = 0; bytes > 0 && status == ST_OK;
         at += part, to += part, bytes -= part) {
        uint32_t skip = at % SECTOR_BYTES;
        struct piece piece;
        if (skip == 0 && bytes >= SECTOR_BYTES) {
            part = bytes & ~(SECTOR_BYTES - 1);
            status = read_sectors(fat, &file->at.fat, at / SECTOR_BYTES, part / SECTOR_BYTES, to);
            continue;
        }
        part = SECTOR_BYTES - skip < bytes ? SECTOR_BYTES - skip : bytes;
        status = find_piece(fat, &file->at.fat, at / SECTOR_BYTES, 1, &piece);
        if (status == ST_OK)
            status = load(fat, piece.lba);
        memcpy(to, fat->cached + skip, part);
    }
    return status;
}

static enum status list_next(struct fs_file *directory, struct fs_cursor *cursor, struct fs_entry *out)
{
    struct fat_name name;
    struct text text;
    const uint8_t *entry = 0;
    uint32_t at = (uint32_t)cursor->at;
    enum status status = next_name(&directory->volume->as.fat, &directory->at.fat, &at, &name, &entry);
    if (status != ST_OK)
        return status;
    cursor->at = at;
    text_init(&text, out->name, sizeof out->name);
    fat_name_add(&name, &text);
    bool is_directory = (entry[FAT_ATTRIBUTE] & FAT_IS_DIRECTORY) != 0;
    out->flags = is_directory ? FS_DIRECTORY : 0;
    out->bytes = is_directory ? 0 : get_le32(entry + FILE_BYTES);
    return ST_OK;
}

static enum status find_extent(struct fs_file *file, uint64_t offset, struct fs_extent *out)
{
    const struct fat *fat = &file->volume->as.fat;
    struct piece piece;
    uint32_t sector = (uint32_t)offset / SECTOR_BYTES;
    uint32_t left = sectors_of((uint32_t)file->bytes) - sector;
    enum status status = find_piece(fat, &file->at.fat, sector, left, &piece);
    out->lba = fat->start_lba + piece.lba;
    out->sectors = piece.sectors;
    return status;
}

const struct fs_driver fat_driver = {
    .name = "fat", .open = open_path, .read = read_file, .next = list_next, .extent = find_extent};
