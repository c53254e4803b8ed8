/* SPDX-License-Identifier: MIT */
/* fs/bpb: the numbers in a boot sector that speak of its disk, and where its copies lie. The sectors are written by
 * hand (nt-facts 8). */
#include "fs/bpb.h"
#include "hand_hive.h"
#include "unit.h"

#define START 0x00123456u

static const struct geometry unknown;
static const struct geometry known = {.heads = 255, .sectors_per_track = 63};

/* A boot sector with the numbers of another disk, and a pattern wherever nothing is said. */
static void base(uint8_t *sector, const char *oem)
{
    for (unsigned at = 0; at < SECTOR_BYTES; at++)
        sector[at] = (uint8_t)(at * 5 + 1);
    memcpy(sector, "\xEB\x3C\x90", 3);
    memcpy(sector + 3, oem, 8);
    hand_le(sector + 0x0B, 512, 2);
    hand_le(sector + 0x18, 17, 2);
    hand_le(sector + 0x1A, 4, 2);
    hand_le(sector + 0x1C, 63, 4);
    memcpy(sector + 510, "\x55\xAA", 2);
}

static void make_fat16(uint8_t *sector)
{
    base(sector, "MSDOS5.0");
    hand_le(sector + 0x11, 512, 2);
    hand_le(sector + 0x16, 100, 2);
    sector[0x24] = 0x81;
}

static void make_fat32(uint8_t *sector)
{
    base(sector, "MSWIN4.1");
    hand_le(sector + 0x11, 0, 2);
    hand_le(sector + 0x16, 0, 2);
    hand_le(sector + 0x32, 6, 2);
    sector[0x40] = 0x81;
}

static void make_ntfs(uint8_t *sector, uint64_t sectors)
{
    base(sector, "NTFS    ");
    hand_le(sector + 0x11, 0, 2);
    hand_le(sector + 0x16, 0, 2);
    memcpy(sector + 0x24, "\x81\0\x80", 4);
    hand_le(sector + 0x28, sectors, 8);
}

/* What `sector` becomes: nothing but the numbers given changes. `drive_at` 0: not at all. */
static void expect_mended(const uint8_t *sector, const struct geometry *geometry, unsigned drive_at)
{
    uint8_t expected[SECTOR_BYTES];
    uint8_t mended[SECTOR_BYTES];
    memcpy(expected, sector, SECTOR_BYTES);
    memcpy(mended, sector, SECTOR_BYTES);
    if (drive_at != 0) {
        memcpy(expected + 0x1C, "\x56\x34\x12\x00", 4);
        expected[drive_at] = 0x80;
    }
    if (drive_at != 0 && geometry->heads != 0)
        memcpy(expected + 0x18, "\x3F\x00\xFF\x00", 4);
    bpb_mend(mended, START, geometry);
    assert_memory_equal(mended, expected, SECTOR_BYTES);
}

static void a_boot_sector_is_mended(void **state)
{
    (void)state;
    uint8_t sector[SECTOR_BYTES];
    for (unsigned with_geometry = 0; with_geometry < 2; with_geometry++) {
        const struct geometry *geometry = with_geometry != 0 ? &known : &unknown;
        make_fat16(sector);
        expect_mended(sector, geometry, 0x24);
        make_fat32(sector);
        expect_mended(sector, geometry, 0x40);
        make_ntfs(sector, 5000);
        expect_mended(sector, geometry, 0x24);
        hand_le(sector + 0x0B, 4096, 2);
        expect_mended(sector, geometry, 0);
        hand_le(sector + 0x0B, 0x1200, 2); /* the upper byte counts, too */
        expect_mended(sector, geometry, 0);
    }
}

static void what_can_be_started(void **state)
{
    (void)state;
    uint8_t sector[SECTOR_BYTES];
    for (unsigned first = 0; first < 256; first++) {
        make_fat16(sector);
        sector[0] = (uint8_t)first;
        assert_int_equal(bpb_is_bootable(sector), first == 0xEB || first == 0xE9);
    }
    make_fat16(sector);
    sector[510] = 0x54;
    assert_false(bpb_is_bootable(sector));
    make_fat16(sector);
    sector[511] = 0;
    assert_false(bpb_is_bootable(sector));
}

static void expect_backup(const uint8_t *sector, unsigned index, uint64_t expected)
{
    uint64_t lba = 0;
    assert_true(bpb_backup(sector, 63, index, &lba));
    assert_int_equal(lba, expected);
}

static void where_copies_lie(void **state)
{
    (void)state;
    uint8_t sector[SECTOR_BYTES];
    uint64_t lba;
    make_fat16(sector);
    assert_false(bpb_backup(sector, 63, 0, &lba));
    make_fat32(sector);
    expect_backup(sector, 0, 63 + 6);
    assert_false(bpb_backup(sector, 63, 1, &lba));
    hand_le(sector + 0x32, 0, 2); /* it has none */
    assert_false(bpb_backup(sector, 63, 0, &lba));
    hand_le(sector + 0x32, 0xFFFF, 2);
    assert_false(bpb_backup(sector, 63, 0, &lba));
    make_ntfs(sector, 4999); /* of a partition of 5000 */
    expect_backup(sector, 0, 63 + 4999);
    expect_backup(sector, 1, 63 + 2499);
    assert_false(bpb_backup(sector, 63, 2, &lba));
    make_ntfs(sector, 0xFFFFFFFE);
    expect_backup(sector, 0, 0x10000003Dull);
    make_ntfs(sector, 0xFFFFFFFF); /* no disk with such a table has so many */
    assert_false(bpb_backup(sector, 63, 0, &lba));
    make_ntfs(sector, 1ull << 40);
    assert_false(bpb_backup(sector, 63, 0, &lba));
}

/* `drive_at`: where this file system keeps the drive. */
static void check_copies(const uint8_t *sector, unsigned drive_at)
{
    uint8_t copy[SECTOR_BYTES];
    for (unsigned at = 0; at < SECTOR_BYTES; at++) {
        bool of_the_disk = (at >= 0x18 && at < 0x20) || at == drive_at;
        bool of_the_code = at >= 0x54 && at < 510;
        memcpy(copy, sector, SECTOR_BYTES);
        copy[at] ^= 0x40;
        assert_int_equal(bpb_is_copy(sector, copy), of_the_disk || of_the_code);
    }
    assert_true(bpb_is_copy(sector, sector));
}

static void a_copy_may_speak_of_another_disk_but_of_no_other_volume(void **state)
{
    (void)state;
    uint8_t sector[SECTOR_BYTES];
    make_fat32(sector);
    check_copies(sector, 0x40);
    make_ntfs(sector, 4999);
    check_copies(sector, 0x24);
    memset(sector, 0, SECTOR_BYTES);
    assert_false(bpb_is_copy(sector, sector)); /* two empty sectors are no boot sectors */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_boot_sector_is_mended),
    cmocka_unit_test(what_can_be_started),
    cmocka_unit_test(where_copies_lie),
    cmocka_unit_test(a_copy_may_speak_of_another_disk_but_of_no_other_volume),
};

UNIT_MAIN(tests)
