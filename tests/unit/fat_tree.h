/* SPDX-License-Identifier: MIT */
/* The tree of tests/vectors/fat-tree-*.hex as their author laid it out, loaded behind a device that fails as told. What
 * the tests of fs.h share; owns no test. */
#ifndef FAT_TREE_H
#define FAT_TREE_H

#include "faultdev.h"
#include "fixture.h"
#include "fs/fs.h"
#include "unit.h"

#define START 63u
#define LONG "Long Name With Spaces.txt"
#define SYSTEM "System Files\\CONFIG\\SYSTEM"
#define LONG_CLUSTERS 4u
#define SYSTEM_CLUSTERS 7u

struct tree {
    uint32_t bits;
    uint32_t sectors;
    uint32_t per_cluster;
    uint32_t fat_lba;
    uint32_t fat_sectors;
    uint32_t root_lba;
    uint32_t data_lba;
    uint32_t tree[2]; /* clusters of the directory "System Files" */
    uint32_t config;
    uint32_t long_chain[LONG_CLUSTERS];
    uint32_t system_chain[SYSTEM_CLUSTERS];
};

static const struct tree trees[] = {
    {12, 600, 1, 1, 3, 7, 11, {2, 4}, 5, {339, 340, 341, 343}, {350, 351, 352, 353, 363, 362, 373}},
    {16, 4200, 1, 1, 17, 35, 39, {2, 4}, 5, {254, 255, 256, 300}, {350, 351, 352, 353, 363, 362, 373}},
    {32, 600, 2, 8, 3, 14, 14, {3, 5}, 6, {126, 127, 128, 200}, {210, 211, 212, 213, 223, 222, 233}},
    {0},
};

static struct memdev disk;
static struct faultdev fault;
static struct trail trail;
static struct fs_volume volume;
static struct fs_file file;
static uint8_t buffer[400000];
static uint8_t content[400000]; /* what the file is expected to hold */

static inline uint8_t *sector(uint32_t lba)
{
    return memdev_sector(&disk, START + lba);
}

static inline void use(uint32_t sectors)
{
    memdev_init(&disk, sectors, 0x80);
    faultdev_init(&fault, &disk.device);
    trail = (struct trail){0};
    fault.device.trail = &trail;
}

static inline uint32_t cluster_lba(const struct tree *tree, uint32_t cluster)
{
    return tree->data_lba + (cluster - 2) * tree->per_cluster;
}

/* Every sector of the chain gets bytes that tell where it lies; `expected` is the file. */
static inline void write_chain(const struct tree *tree, const uint32_t *chain, uint32_t clusters, uint8_t *expected)
{
    for (uint32_t i = 0; i < clusters * tree->per_cluster; i++) {
        uint32_t lba = cluster_lba(tree, chain[i / tree->per_cluster]) + i % tree->per_cluster;
        for (unsigned at = 0; at < SECTOR_BYTES; at++)
            sector(lba)[at] = (uint8_t)(lba * 41 + lba / 256 + at * 7 + at / 256);
        memcpy(expected + (size_t)i * SECTOR_BYTES, sector(lba), SECTOR_BYTES);
    }
}

static inline void load_tree(const struct tree *tree)
{
    char vector[40];
    (void)snprintf(vector, sizeof vector, "fat-tree-%u.hex", tree->bits);
    use(START + tree->sectors);
    fx_vector(vector, sector(0), (size_t)tree->sectors * SECTOR_BYTES);
    write_chain(tree, tree->long_chain, LONG_CLUSTERS, content);
    write_chain(tree, tree->system_chain, SYSTEM_CLUSTERS, content);
}

static inline void mount_tree(const struct tree *tree)
{
    load_tree(tree);
    assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
}

/* Put a value into both FATs. */
static inline void set_entry(const struct tree *tree, uint32_t cluster, uint32_t value)
{
    for (unsigned copy = 0; copy < 2; copy++) {
        uint8_t *fat = sector(tree->fat_lba + copy * tree->fat_sectors);
        if (tree->bits == 12)
            fx_fat12_set(fat, cluster, value & 0xFFF);
        for (unsigned i = 0; tree->bits != 12 && i < tree->bits / 8; i++)
            fat[cluster * tree->bits / 8 + i] = (uint8_t)(value >> 8 * i);
    }
}

static inline enum status open_path(const char *path)
{
    return fs_open(&volume, path, &file);
}

/* Where the entry of a directory that has this 8.3 name stands. */
static inline uint8_t *entry_at(const struct tree *tree, const char *name)
{
    for (uint32_t lba = tree->root_lba; lba < tree->root_lba + 8; lba++)
        for (unsigned at = 0; at < SECTOR_BYTES; at += 32)
            if (memcmp(sector(lba) + at, name, 11) == 0)
                return sector(lba) + at;
    fail();
    return NULL;
}

static inline void check_read(uint64_t offset, uint32_t bytes)
{
    memset(buffer, 0xEE, bytes + 2);
    assert_int_equal(fs_read(&file, offset, buffer + 1, bytes), ST_OK);
    assert_memory_equal(buffer + 1, content + offset, bytes);
    assert_int_equal(buffer[0], 0xEE);
    assert_int_equal(buffer[bytes + 1], 0xEE);
}

#endif
