/* SPDX-License-Identifier: MIT */
/* change/edit: single bytes become changes of whole sectors; what stands there already becomes none. */
#include "change/edit.h"
#include "faultdev.h"
#include "hand_volume.h"
#include "unit.h"

#define SECTORS 400u
#define SIGNATURE 0x1A2B3C4Du
#define START 63u

static struct memdev disk;
static struct faultdev fault;
static struct inventory inventory;
static struct changeset changes;
static struct edit edit;

static int set_up(void **state)
{
    static const struct geometry none;
    (void)state;
    memdev_init(&disk, SECTORS, 0x80);
    fx_mbr(&disk, SIGNATURE);
    for (uint32_t lba = 1; lba < SECTORS; lba++)
        for (unsigned at = 0; at < SECTOR_BYTES; at++)
            memdev_sector(&disk, lba)[at] = (uint8_t)(lba * 3 + at * 7);
    faultdev_init(&fault, &disk.device);
    memset(&inventory, 0, sizeof inventory);
    changes.count = 0;
    edit = (struct edit){&changes, inventory_add(&inventory, &fault.device, &none), "a reason", "D05"};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static void a_byte_becomes_a_change_of_its_sector(void **state)
{
    (void)state;
    uint8_t expected[SECTOR_BYTES];
    memcpy(expected, memdev_sector(&disk, 9), SECTOR_BYTES);
    expected[511] ^= 0x80;
    assert_int_equal(edit_byte(&edit, 9, 511, expected[511]), ST_OK);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.change[0].signature, SIGNATURE);
    assert_int_equal(changes.change[0].lba, 9);
    assert_string_equal(changes.change[0].why, "a reason");
    assert_string_equal(changes.change[0].id, "D05");
    assert_memory_equal(changes.change[0].old_bytes, memdev_sector(&disk, 9), SECTOR_BYTES);
    assert_memory_equal(changes.change[0].new_bytes, expected, SECTOR_BYTES);
}

static void what_stands_there_already_is_no_change(void **state)
{
    (void)state;
    uint8_t now = memdev_sector(&disk, 9)[5];
    assert_int_equal(edit_byte(&edit, 9, 5, now), ST_OK);
    assert_int_equal(edit_bytes(&edit, 8, 100, memdev_sector(&disk, 8) + 100, 412), ST_OK);
    assert_int_equal(changes.count, 0);
    assert_int_equal(edit_byte(&edit, 9, 6, 0xEE), ST_OK);
    edit.why = "another reason";
    assert_int_equal(edit_byte(&edit, 9, 6, 0xEE), ST_OK); /* planned already: no second reason */
    assert_int_equal(edit_byte(&edit, 9, 5, now), ST_OK);
    assert_int_equal(changes.count, 1);
    assert_string_equal(changes.change[0].why, "a reason");
    assert_int_equal(edit_byte(&edit, 9, 6, memdev_sector(&disk, 9)[6]), ST_OK); /* and taken back */
    assert_memory_equal(changes.change[0].new_bytes, memdev_sector(&disk, 9), SECTOR_BYTES);
}

static void some_bytes_of_a_sector(void **state)
{
    (void)state;
    uint8_t expected[SECTOR_BYTES];
    memcpy(expected, memdev_sector(&disk, 7), SECTOR_BYTES);
    memcpy(expected + 500, "twelve bytes", 12);
    assert_int_equal(edit_bytes(&edit, 7, 500, "twelve bytes", 12), ST_OK);
    assert_int_equal(changes.count, 1);
    assert_memory_equal(changes.change[0].old_bytes, memdev_sector(&disk, 7), SECTOR_BYTES);
    assert_memory_equal(changes.change[0].new_bytes, expected, SECTOR_BYTES);
}

static void a_sector_that_cannot_be_read_is_not_planned(void **state)
{
    (void)state;
    faultdev_range(&fault, 9, 9, FAULT_SILENT);
    assert_int_equal(edit_byte(&edit, 9, 5, 0xEE), ST_IO);
    assert_int_equal(edit_bytes(&edit, 9, 5, "abc", 3), ST_IO);
    assert_int_equal(edit_byte(&edit, SECTORS, 5, 0xEE), ST_BOUNDS);
    assert_int_equal(changes.count, 0);
}

static void a_full_change_set(void **state)
{
    (void)state;
    for (uint32_t lba = 1; changes.count < CHANGES_MAX; lba++)
        assert_int_equal(edit_byte(&edit, lba, 0, (uint8_t)~memdev_sector(&disk, lba)[0]), ST_OK);
    assert_int_equal(edit_byte(&edit, 200, 0, (uint8_t)~memdev_sector(&disk, 200)[0]), ST_NO_SPACE);
    assert_int_equal(edit_byte(&edit, 200, 0, memdev_sector(&disk, 200)[0]), ST_OK); /* needs none */
    assert_int_equal(edit_byte(&edit, 1, 1, 0xEE), ST_OK);                           /* has one */
    assert_int_equal(changes.count, CHANGES_MAX);
}

static void long_reasons_are_cut(void **state)
{
    (void)state;
    char why[200];
    memset(why, 'w', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    edit.why = why;
    edit.id = "A10x";
    assert_int_equal(edit_byte(&edit, 9, 5, 0xEE), ST_OK);
    assert_int_equal(strlen(changes.change[0].why), CHANGE_WHY_BYTES - 1);
    assert_string_equal(changes.change[0].id, "A10");
}

/* ---- files ---- */

static struct fs_volume volume;
static struct fs_file file;

/* A file of 1300 bytes, three sectors of which the second one lies in front of the others. Returns the first one. */
static uint32_t make_file(uint8_t *bytes)
{
    struct hand_volume made;
    uint8_t *root;
    for (unsigned i = 0; i < 1300; i++)
        bytes[i] = (uint8_t)(i * 11);
    hand_format(&made, &disk, START, 300);
    (void)hand_file(&made, "BEFORE", "x", 1);
    uint32_t first = hand_file(&made, "FILE", bytes, 1300);
    root = hand_sector(&made, HAND_ROOT_LBA);
    hand_link(&made, 3, 2); /* clusters 3, 2 and 5 */
    hand_link(&made, 2, 5);
    memset(root, 0xE5, 1); /* BEFORE was deleted */
    memcpy(memdev_sector(&disk, first - 1), bytes + 512, SECTOR_BYTES);
    assert_int_equal(fs_mount(&fault.device, START, 300, &volume), ST_OK);
    assert_int_equal(fs_open(&volume, "FILE", &file), ST_OK);
    assert_int_equal(file.bytes, 1300);
    return first;
}

static void a_file_is_planned_from_its_end(void **state)
{
    (void)state;
    uint8_t now[1300];
    uint8_t wanted[1300];
    uint32_t first = make_file(now);
    const uint32_t lba[] = {first + 2, first - 1, first}; /* of the last piece, the middle one, the first one */
    memcpy(wanted, now, sizeof wanted);
    wanted[0] ^= 1;
    wanted[511] ^= 1;
    wanted[512] ^= 1;
    wanted[1299] ^= 1;
    assert_int_equal(edit_file(&edit, &file, 0, now, wanted, sizeof now), ST_OK);
    assert_int_equal(changes.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t offset = 1024 - 512 * i;
        uint32_t bytes = i == 0 ? 1300 - 1024 : 512;
        assert_int_equal(changes.change[i].lba, lba[i]);
        assert_memory_equal(changes.change[i].old_bytes, memdev_sector(&disk, lba[i]), SECTOR_BYTES);
        assert_memory_equal(changes.change[i].new_bytes, wanted + offset, bytes);
        assert_memory_equal(changes.change[i].new_bytes + bytes, changes.change[i].old_bytes + bytes,
                            SECTOR_BYTES - bytes);
    }
}

static void a_piece_of_a_file(void **state)
{
    (void)state;
    uint8_t now[1300];
    uint32_t first = make_file(now);
    const uint8_t wanted[4] = {now[510], (uint8_t)~now[511], now[512], now[513]};
    assert_int_equal(edit_file(&edit, &file, 510, now + 510, wanted, 4), ST_OK);
    assert_int_equal(changes.count, 1); /* only the sector with the byte that differs */
    assert_int_equal(changes.change[0].lba, first);
    assert_int_equal(changes.change[0].new_bytes[511], (uint8_t)~now[511]);
    assert_int_equal(edit_file(&edit, &file, 1299, now + 1299, now + 1298, 1), ST_OK);
    assert_int_equal(edit_file(&edit, &file, 1300, now, now + 1, 1), ST_BOUNDS);
}

static void a_file_that_is_compressed_is_not_edited(void **state)
{
    (void)state;
    struct memdev ntfs;
    memdev_init(&ntfs, 220, 0x80);
    fx_vector("ntfs-good.hex", ntfs.bytes, 220 * SECTOR_BYTES);
    assert_int_equal(fs_mount(&ntfs.device, 0, 220, &volume), ST_OK);
    assert_int_equal(fs_open(&volume, "PACKED", &file), ST_OK);
    assert_int_equal(edit_file(&edit, &file, 0, "a", "a", 1), ST_OK); /* nothing differs */
    assert_int_equal(edit_file(&edit, &file, 0, "a", "b", 1), ST_UNSUPPORTED);
    assert_int_equal(changes.count, 0);
    memdev_free(&ntfs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(a_byte_becomes_a_change_of_its_sector),
    TEST(what_stands_there_already_is_no_change),
    TEST(some_bytes_of_a_sector),
    TEST(a_sector_that_cannot_be_read_is_not_planned),
    TEST(a_full_change_set),
    TEST(long_reasons_are_cut),
    TEST(a_file_is_planned_from_its_end),
    TEST(a_piece_of_a_file),
    TEST(a_file_that_is_compressed_is_not_edited),
};

UNIT_MAIN(tests)
