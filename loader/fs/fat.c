/* SPDX-License-Identifier: MIT */
/* FAT. A chain may visit at most as many clusters as the file needs, so a looping chain ends. */
#include "fs/fat.h"

#define ENTRY_BYTES 32u
#define ATTRIBUTE 11u
#define ATTRIBUTE_NOT_A_FILE 0x18u /* volume label or directory */
#define FAT12_CLUSTERS_MAX 4084u
#define FAT16_CLUSTERS_MAX 65524u
#define READ_SECTORS_MAX 64u

enum status fat_mount(struct blockdev *device, uint64_t start_lba, struct fat *out)
{
    uint8_t boot[SECTOR_BYTES];
    enum status status = blockdev_read(device, start_lba, 1, boot);
    if (status != ST_OK)
        return status;
    uint32_t sectors = get_le16(boot + 0x13) != 0 ? get_le16(boot + 0x13) : get_le32(boot + 0x20);
    uint32_t fat_sectors = get_le16(boot + 0x16);
    uint32_t per_cluster = boot[0x0D];
    *out = (struct fat){.device = device, .start_lba = start_lba, .sectors_per_cluster = per_cluster};
    out->fat_lba = get_le16(boot + 0x0E);
    out->root_lba = out->fat_lba + boot[0x10] * fat_sectors;
    out->root_sectors = (get_le16(boot + 0x11) * ENTRY_BYTES + SECTOR_BYTES - 1) / SECTOR_BYTES;
    out->data_lba = out->root_lba + out->root_sectors;
    if (get_le16(boot + 0x0B) != SECTOR_BYTES || per_cluster == 0 || (per_cluster & (per_cluster - 1)) != 0 ||
        out->fat_lba == 0 || fat_sectors == 0 || boot[0x10] == 0 || out->root_sectors == 0 || sectors <= out->data_lba)
        return blockdev_fail(device, SITE_FAT_SHAPE, ST_CORRUPT, start_lba);
    out->clusters = (sectors - out->data_lba) / per_cluster;
    if (out->clusters > FAT16_CLUSTERS_MAX)
        return ST_UNSUPPORTED;
    out->is_fat16 = out->clusters > FAT12_CLUSTERS_MAX;
    return ST_OK;
}

static enum status next_byte(const struct fat *fat, uint32_t offset, uint8_t *out)
{
    uint8_t sector[SECTOR_BYTES];
    enum status status = blockdev_read(fat->device, fat->start_lba + fat->fat_lba + offset / SECTOR_BYTES, 1, sector);
    *out = sector[offset % SECTOR_BYTES];
    return status;
}

static enum status next_cluster(const struct fat *fat, uint32_t cluster, uint32_t *out)
{
    uint8_t low = 0;
    uint8_t high = 0;
    uint32_t offset = fat->is_fat16 ? cluster * 2 : cluster + cluster / 2;
    enum status status = next_byte(fat, offset, &low);
    if (status == ST_OK)
        status = next_byte(fat, offset + 1, &high);
    *out = (uint32_t)(low | high << 8);
    if (!fat->is_fat16)
        *out = cluster % 2 != 0 ? *out >> 4 : *out & 0xFFF;
    return status;
}

static bool is_cluster(const struct fat *fat, uint32_t cluster)
{
    return cluster >= 2 && cluster < fat->clusters + 2;
}

/* How many clusters from `cluster` on lie side by side, at most `wanted`; `*next` is what follows them. */
static enum status run_length(const struct fat *fat, uint32_t cluster, uint32_t wanted, uint32_t *run, uint32_t *next)
{
    for (*run = 1;; ++*run) {
        enum status status = next_cluster(fat, cluster + *run - 1, next);
        if (status != ST_OK || *run == wanted || *next != cluster + *run)
            return status;
    }
}

static uint64_t cluster_lba(const struct fat *fat, uint32_t cluster)
{
    return fat->start_lba + fat->data_lba + (uint64_t)(cluster - 2) * fat->sectors_per_cluster;
}

static uint32_t clusters_of(const struct fat_file *file)
{
    uint32_t cluster_bytes = file->fat->sectors_per_cluster * SECTOR_BYTES;
    return file->bytes / cluster_bytes + (file->bytes % cluster_bytes != 0);
}

static enum status chain_error(const struct fat_file *file)
{
    return blockdev_fail(file->fat->device, SITE_FAT_CHAIN, ST_CORRUPT, file->first_cluster);
}

static enum status read_run(struct blockdev *device, uint64_t lba, uint32_t sectors, uint8_t *buffer)
{
    enum status status = ST_OK;
    while (sectors > 0 && status == ST_OK) {
        uint32_t part = sectors < READ_SECTORS_MAX ? sectors : READ_SECTORS_MAX;
        status = blockdev_read(device, lba, part, buffer);
        buffer += (size_t)part * SECTOR_BYTES;
        lba += part;
        sectors -= part;
    }
    return status;
}

enum status fat_read(const struct fat_file *file, void *buffer, uint32_t room_bytes)
{
    const struct fat *fat = file->fat;
    uint32_t left = clusters_of(file);
    uint32_t cluster = file->first_cluster;
    uint8_t *at = buffer;
    if (file->bytes > room_bytes || left > room_bytes / (fat->sectors_per_cluster * SECTOR_BYTES))
        return ST_NO_SPACE;
    while (left > 0) {
        uint32_t run = 0;
        uint32_t next = 0;
        if (!is_cluster(fat, cluster))
            return chain_error(file);
        enum status status = run_length(fat, cluster, left, &run, &next);
        if (status == ST_OK)
            status = read_run(fat->device, cluster_lba(fat, cluster), run * fat->sectors_per_cluster, at);
        if (status != ST_OK)
            return status;
        at += (size_t)run * fat->sectors_per_cluster * SECTOR_BYTES;
        left -= run;
        cluster = next;
        /* A chain that goes on behind the file's end is a circle, or another file's. */
        if (left == 0 && is_cluster(fat, next))
            return chain_error(file);
    }
    return ST_OK;
}

enum status fat_locate(const struct fat_file *file, uint64_t *lba)
{
    uint32_t run = 0;
    uint32_t next = 0;
    if (!is_cluster(file->fat, file->first_cluster))
        return chain_error(file);
    *lba = cluster_lba(file->fat, file->first_cluster);
    enum status status = run_length(file->fat, file->first_cluster, clusters_of(file), &run, &next);
    return status != ST_OK ? status : run == clusters_of(file) ? ST_OK : ST_UNSUPPORTED;
}

enum status fat_open(const struct fat *fat, const char *name, struct fat_file *out)
{
    uint8_t sector[SECTOR_BYTES];
    for (uint32_t i = 0; i < fat->root_sectors; i++) {
        enum status status = blockdev_read(fat->device, fat->start_lba + fat->root_lba + i, 1, sector);
        if (status != ST_OK)
            return status;
        for (const uint8_t *entry = sector; entry < sector + SECTOR_BYTES; entry += ENTRY_BYTES) {
            if (entry[0] == 0)
                return ST_NOT_FOUND;
            if ((entry[ATTRIBUTE] & ATTRIBUTE_NOT_A_FILE) != 0 || memcmp(entry, name, FAT_NAME_BYTES) != 0)
                continue;
            *out = (struct fat_file){.fat = fat, .first_cluster = get_le16(entry + 26), .bytes = get_le32(entry + 28)};
            return ST_OK;
        }
    }
    return ST_NOT_FOUND;
}
