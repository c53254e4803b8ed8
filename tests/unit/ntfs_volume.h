/* SPDX-License-Identifier: MIT */
/* The volume of vectors/ntfs-good.hex, written by hand (ORIGIN.md lists its contents), behind a device that fails as
 * told. What NTFS looks like is known here a second time, so that defects land where they should. Owns no test. */
#ifndef NTFS_VOLUME_H
#define NTFS_VOLUME_H

#include "faultdev.h"
#include "fixture.h"
#include "fs/fs.h"
#include "unit.h"

#define SECTORS 220u
#define SYSTEM "WINNT\\SYSTEM32\\CONFIG\\SYSTEM"

static struct memdev disk;
static struct faultdev fault;
static struct trail trail;
static struct fs_volume volume;
static struct fs_file file;
static uint8_t buffer[32768];

static inline int set_up(void **state)
{
    (void)state;
    memdev_init(&disk, SECTORS, 0x80);
    fx_vector("ntfs-good.hex", disk.bytes, SECTORS * SECTOR_BYTES);
    faultdev_init(&fault, &disk.device);
    trail = (struct trail){0};
    fault.device.trail = &trail;
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static inline enum status mount_it(void)
{
    return fs_mount(&fault.device, 0, SECTORS, &volume);
}

/* Mount, open, read all of it. */
static inline enum status fetch(const char *path)
{
    memset(buffer, 0x55, sizeof buffer);
    enum status status = mount_it();
    if (status == ST_OK)
        status = fs_open(&volume, path, &file);
    return status == ST_OK ? fs_read(&file, 0, buffer, (uint32_t)file.bytes) : status;
}

/* ---- where things are in the vector ---- */

static inline uint8_t *record(unsigned number)
{
    return memdev_sector(&disk, number < 16 ? 4 + 2 * number : 100 + 2 * (number - 16));
}

static inline uint8_t *attribute(unsigned number, unsigned type)
{
    uint8_t *at = record(number) + 0x30;
    while (at[0] != type)
        at += at[4] | at[5] << 8;
    return at;
}

static inline uint8_t *runs(unsigned number)
{
    return attribute(number, 0x80) + attribute(number, 0x80)[0x20];
}

/* A name's entry in a node of the root directory. */
static inline uint8_t *entry(uint8_t *first, unsigned index)
{
    for (; index > 0; index--)
        first += first[8] | first[9] << 8;
    return first;
}

#define LEAF_LBA 66u /* block 0 of the root directory; 1 is at 70, 2 at 72 */
#define LEAF_ENTRIES (memdev_sector(&disk, LEAF_LBA) + 0x30)

static inline void assert_system(void)
{
    assert_int_equal(file.bytes, 5000);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(get_le32(buffer + i * 512), 0x53595300 + i);
        if (i < 9)
            assert_int_equal(get_le32(buffer + i * 512 + 504), 0xEE00 + i);
    }
    assert_int_equal(buffer[5000], 0x55);
}

static inline void assert_packed(void)
{
    assert_int_equal(file.bytes, 20000);
    for (unsigned i = 0; i < 4096; i++)
        assert_int_equal(buffer[i], 'A');
    assert_memory_equal(buffer + 4096, "F# F# G A A G F# E D D E ", 25);
    for (unsigned i = 4096 + 142; i < 8192; i++)
        assert_int_equal(buffer[i], 0);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(get_le32(buffer + 8192 + i * 512), 0x52415700 + i);
    for (unsigned i = 16384; i < 20000; i++)
        assert_int_equal(buffer[i], 0);
}

static inline void assert_listed(void)
{
    assert_int_equal(file.bytes, 3000);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(get_le32(buffer + i * 512), 0x4C495300 + i);
}

static inline enum status open_it(const char *path)
{
    return fs_open(&volume, path, &file);
}

static inline enum status extent_at(uint64_t offset, uint64_t *lba, uint32_t *sectors)
{
    struct fs_extent extent = {0};
    enum status status = fs_extent(&file, offset, &extent);
    *lba = extent.lba;
    *sectors = extent.sectors;
    return status;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
