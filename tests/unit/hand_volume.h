/* SPDX-License-Identifier: MIT */
/* A FAT12 volume of a hard disk made by hand, with the files a test wants, each in one piece: what is at which sector
 * is known here without the core's help. Owns no test. */
#ifndef HAND_VOLUME_H
#define HAND_VOLUME_H

#include "fixture.h"
#include "hand_hive.h"

#define HAND_FAT_SECTORS 3u
#define HAND_ROOT_LBA 7u /* behind the boot sector and two FATs; 16 entries */
#define HAND_DATA_LBA 8u
#define HAND_SECTORS_MAX 1020u /* what its FAT can count */
#define HAND_PATH_BYTES 64u

struct hand_volume {
    struct memdev *disk;
    uint32_t start;
    uint32_t next; /* free cluster, of one sector */
};

static inline uint8_t *hand_sector(const struct hand_volume *volume, uint32_t lba)
{
    return memdev_sector(volume->disk, volume->start + lba);
}

static inline uint32_t hand_cluster_lba(uint32_t cluster)
{
    return HAND_DATA_LBA - 2 + cluster;
}

static inline void hand_link(const struct hand_volume *volume, uint32_t cluster, uint32_t value)
{
    for (uint32_t copy = 0; copy < 2; copy++)
        fx_fat12_set(hand_sector(volume, 1 + copy * HAND_FAT_SECTORS), cluster, value);
}

/* An empty volume; its boot sector speaks of another disk, as a shadow's does. */
static inline void hand_format(struct hand_volume *volume, struct memdev *disk, uint32_t start, uint32_t sectors)
{
    static const uint8_t head[] = {
        0xEB, 0x3C, 0x90, 'M', 'S', 'D', 'O', 'S', '5', '.', '0', 0, 2, 1, 1, 0, 2, 16, 0, 0, 0, 0xF8, HAND_FAT_SECTORS,
        0,    17,   0,    4,   0,   0x11};
    if (sectors > HAND_SECTORS_MAX)
        abort();
    *volume = (struct hand_volume){.disk = disk, .start = start, .next = 2};
    for (uint32_t i = 0; i < sectors; i++)
        memset(hand_sector(volume, i), i < HAND_DATA_LBA ? 0 : 0xF6, SECTOR_BYTES);
    uint8_t *boot = hand_sector(volume, 0);
    memcpy(boot, head, sizeof head);
    hand_le(boot + 0x13, sectors, 2);
    boot[0x24] = 0x81;
    boot[0x26] = 0x29;
    memcpy(boot + 0x36, "FAT12   ", 8);
    memcpy(boot + 0x80, "code", 4);
    memcpy(boot + 510, "\x55\xAA", 2);
    hand_link(volume, 0, 0xFF8);
    hand_link(volume, 1, 0xFFF);
}

/* "SYSTEM.ALT" as "SYSTEM  ALT". */
static inline void hand_name(const char *name, size_t bytes, char out[11])
{
    size_t at = 0;
    memset(out, ' ', 11);
    for (size_t i = 0; i < bytes; i++)
        if (name[i] == '.')
            at = 8;
        else
            out[at++] = name[i];
}

/* The entry of that name in a directory of one sector, or the first free one. */
static inline uint8_t *hand_entry(uint8_t *directory, const char name[11])
{
    for (unsigned at = 0; at < SECTOR_BYTES; at += 32)
        if (directory[at] == 0 || memcmp(directory + at, name, 11) == 0)
            return directory + at;
    abort();
}

static inline uint32_t hand_new(struct hand_volume *volume, uint8_t *entry, const char name[11], uint8_t attributes,
                                uint32_t clusters)
{
    uint32_t first = volume->next;
    memcpy(entry, name, 11);
    entry[11] = attributes;
    hand_le(entry + 26, first, 2);
    for (uint32_t i = 0; i < clusters; i++)
        hand_link(volume, first + i, i + 1 < clusters ? first + i + 1 : 0xFFF);
    volume->next += clusters;
    return hand_cluster_lba(first);
}

/* Add a file, and the directories on the way; a directory holds 16 entries. Returns its first sector, on the disk. */
static inline uint32_t hand_file(struct hand_volume *volume, const char *path, const void *bytes, uint32_t count)
{
    char name[11];
    uint8_t *directory = hand_sector(volume, HAND_ROOT_LBA);
    for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        hand_name(path, (size_t)(slash - path), name);
        uint8_t *entry = hand_entry(directory, name);
        uint32_t lba = hand_cluster_lba((uint32_t)(entry[26] | entry[27] << 8));
        if (entry[0] == 0) {
            lba = hand_new(volume, entry, name, 0x10, 1);
            memset(hand_sector(volume, lba), 0, SECTOR_BYTES);
        }
        directory = hand_sector(volume, lba);
    }
    hand_name(path, strlen(path), name);
    uint8_t *entry = hand_entry(directory, name);
    uint32_t lba = hand_new(volume, entry, name, 0x20, (count + SECTOR_BYTES - 1) / SECTOR_BYTES);
    hand_le(entry + 28, count, 4);
    if (count > 0)
        memcpy(hand_sector(volume, lba), bytes, count);
    return volume->start + lba;
}

/* Where an installation's hives begin, on the disk; 0: it has no such file. */
struct hand_installation {
    uint32_t system;
    uint32_t alternate;
};

/* Windows NT as far as a registry's reader looks for it. `alternate` may be null: there is no SYSTEM.ALT. */
static inline struct hand_installation hand_install(struct hand_volume *volume, const char *directory,
                                                    const struct hand_hive *system, const struct hand_hive *alternate)
{
    static uint8_t hive[HAND_HIVE_BYTES];
    char path[HAND_PATH_BYTES];
    struct hand_installation made = {0};
    (void)snprintf(path, sizeof path, "%s/SYSTEM32/NTOSKRNL.EXE", directory);
    (void)hand_file(volume, path, "kernel", 6);
    hand_hive(system, hive);
    (void)snprintf(path, sizeof path, "%s/SYSTEM32/CONFIG/SYSTEM", directory);
    made.system = hand_file(volume, path, hive, sizeof hive);
    if (alternate == NULL)
        return made;
    hand_hive(alternate, hive);
    (void)snprintf(path, sizeof path, "%s/SYSTEM32/CONFIG/SYSTEM.ALT", directory);
    made.alternate = hand_file(volume, path, hive, sizeof hive);
    return made;
}

#endif
