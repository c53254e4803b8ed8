/* SPDX-License-Identifier: MIT */
/* fs/ntfs: a good volume, and what it says about itself. */
#include "ntfs_volume.h"

/* ---- a good volume ---- */

static void files_of_all_kinds(void **state)
{
    (void)state;
    assert_int_equal(fetch("NTLDR"), ST_OK);
    assert_int_equal(file.bytes, 100);
    assert_int_equal(file.flags, FS_RESIDENT);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(buffer[i], i);
    assert_int_equal(fetch(SYSTEM), ST_OK);
    assert_int_equal(file.flags, 0);
    assert_system();
    assert_int_equal(fetch("PACKED"), ST_OK);
    assert_int_equal(file.flags, FS_COMPRESSED);
    assert_packed();
    assert_int_equal(fetch("LISTED"), ST_OK);
    assert_listed();
    assert_int_equal(fetch("SPARSE.BIN"), ST_OK);
    assert_int_equal(file.flags, FS_SPARSE);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(get_le32(buffer + i * 512), 0x53500000 + i);
    for (uint32_t i = 4 * 512; i < 10 * 512; i++)
        assert_int_equal(buffer[i], 0); /* the hole */
    assert_int_equal(get_le32(buffer + 10 * 512), 0x53500004);
    assert_int_equal(buffer[11 * 512 + 11], 0xAA);
    for (uint32_t i = 6000; i < 10000; i++)
        assert_int_equal(buffer[i], 0); /* behind what is valid */
    assert_int_equal(buffer[10000], 0x55);
    assert_int_equal(fs_read(&file, 9999, buffer, 2), ST_BOUNDS);
}

static void names(void **state)
{
    (void)state;
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(open_it(""), ST_OK);
    assert_int_equal(file.flags, FS_DIRECTORY);
    assert_int_equal(fs_read(&file, 0, buffer, 1), ST_UNSUPPORTED);
    assert_int_equal(open_it("\\"), ST_OK);
    assert_int_equal(open_it("/winnt//System32\\CONFIG/system"), ST_OK);
    assert_int_equal(file.bytes, 5000);
    assert_int_equal(open_it("LONG NAME.TXT"), ST_OK);
    assert_int_equal(file.bytes, 100);
    assert_int_equal(open_it("longna~1.txt"), ST_OK);
    assert_int_equal(open_it("$mftMirr"), ST_NOT_FOUND);
    assert_int_equal(open_it("$mft"), ST_OK);
    assert_int_equal(file.bytes, 28 * 1024);
    assert_int_equal(open_it("NTLD"), ST_NOT_FOUND);
    assert_int_equal(open_it("NTLDRS"), ST_NOT_FOUND);
    assert_int_equal(open_it("STALE.TXT"), ST_NOT_FOUND);
    assert_int_equal(open_it("NTLDR\\X"), ST_NOT_FOUND);
    assert_int_equal(open_it("WINNT\\SYSTEM"), ST_NOT_FOUND);
    assert_int_equal(open_it("\xC3\xA4.txt"), ST_OK); /* a-umlaut, stored as A-umlaut */
    assert_int_equal(open_it("\xC3\xB7"), ST_OK);
    assert_int_equal(trail.used, 0);
}

/* The volume's table makes the sign of multiplication the upper case of that of division, which no other table does. */
static void the_volumes_own_upper_case(void **state)
{
    (void)state;
    assert_int_equal(fetch("\xC3\x97"), ST_OK);
    assert_memory_equal(buffer, "divided", 7);
    record(10)[0] = 'B';
    assert_int_equal(fetch("\xC3\x97"), ST_NOT_FOUND);
    assert_int_equal(fetch("\xC3\xA4.txt"), ST_OK);
    assert_memory_equal(buffer, "umlauts", 7);
}

static void listing(void **state)
{
    (void)state;
    static const char *const expected[] = {"NTLDR",      "LISTED", "long name.txt", "PACKED",
                                           "SPARSE.BIN", "WINNT",  "\xC3\x84.TXT",  "\xC3\xB7"};
    struct fs_cursor cursor = {0};
    struct fs_entry item;
    struct fs_file other;
    memdev_sector(&disk, 72)[0] = 'B'; /* a free block may hold anything */
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(open_it(""), ST_OK);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(fs_next(&file, &cursor, &item), ST_OK);
        assert_string_equal(item.name, expected[i]);
        assert_int_equal(item.bytes, i == 0 || i == 2 ? 100
                                     : i == 1         ? 3000
                                     : i == 3         ? 20000
                                     : i == 4         ? 10000
                                     : i == 5         ? 0
                                                      : 7);
        assert_int_equal(item.flags, i == 3 ? FS_COMPRESSED : i == 4 ? FS_SPARSE : i == 5 ? FS_DIRECTORY : 0);
        /* Something else in between must not disturb it. */
        assert_int_equal(fs_open(&volume, "PACKED", &other), ST_OK);
        assert_int_equal(fs_read(&other, 5000, buffer, 1), ST_OK);
    }
    assert_int_equal(fs_next(&file, &cursor, &item), ST_NOT_FOUND);
    assert_int_equal(fs_next(&file, &cursor, &item), ST_NOT_FOUND);
    assert_int_equal(open_it(SYSTEM), ST_OK);
    cursor = (struct fs_cursor){0};
    assert_int_equal(fs_next(&file, &cursor, &item), ST_UNSUPPORTED);
}

/* A registry reader reads a few bytes here and there. */
static void small_reads_are_right_and_cheap(void **state)
{
    (void)state;
    struct fs_file system;
    struct fs_file packed;
    struct fs_file listed;
    uint8_t whole[3][20000];
    assert_int_equal(fetch(SYSTEM), ST_OK);
    memcpy(whole[0], buffer, 5000);
    assert_int_equal(fetch("PACKED"), ST_OK);
    memcpy(whole[1], buffer, 20000);
    assert_int_equal(fetch("LISTED"), ST_OK);
    memcpy(whole[2], buffer, 3000);
    assert_int_equal(fs_open(&volume, SYSTEM, &system), ST_OK);
    assert_int_equal(fs_open(&volume, "PACKED", &packed), ST_OK);
    assert_int_equal(fs_open(&volume, "LISTED", &listed), ST_OK);
    for (uint32_t i = 0; i < 3000; i++) {
        struct fs_file *from = i % 3 == 0 ? &system : i % 3 == 1 ? &packed : &listed;
        uint32_t bytes = i % 61 + 1;
        uint32_t at = i * 2654435761u % ((uint32_t)from->bytes - bytes);
        assert_int_equal(fs_read(from, at, buffer, bytes), ST_OK);
        assert_memory_equal(buffer, whole[i % 3] + at, bytes);
    }
    unsigned before = fault.reads;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(fs_read(&system, i % 2000, buffer, 4), ST_OK);
        assert_memory_equal(buffer, whole[0] + i % 2000, 4);
    }
    assert_in_range(fault.reads - before, 0, 2);
}

static void mounting_and_opening_are_cheap(void **state)
{
    (void)state;
    assert_int_equal(mount_it(), ST_OK);
    assert_in_range(fault.reads, 2, 3);
    unsigned before = fault.reads;
    assert_int_equal(open_it(SYSTEM), ST_OK);
    assert_in_range(fault.reads - before, 2, 8);
}

static void extents(void **state)
{
    (void)state;
    uint64_t lba;
    uint32_t sectors;
    assert_int_equal(fetch(SYSTEM), ST_OK);
    assert_int_equal(extent_at(0, &lba, &sectors), ST_OK);
    assert_int_equal(lba, 90);
    assert_int_equal(sectors, 4);
    assert_int_equal(extent_at(5 * 512, &lba, &sectors), ST_OK);
    assert_int_equal(lba, 85);
    assert_int_equal(sectors, 3);
    assert_int_equal(extent_at(9 * 512, &lba, &sectors), ST_OK);
    assert_int_equal(lba, 79);
    assert_int_equal(sectors, 1);
    assert_int_equal(extent_at(10 * 512, &lba, &sectors), ST_BOUNDS);
    assert_int_equal(fetch("SPARSE.BIN"), ST_OK);
    assert_int_equal(extent_at(512, &lba, &sectors), ST_OK);
    assert_int_equal(lba, 95);
    assert_int_equal(sectors, 3);
    assert_int_equal(extent_at(4 * 512, &lba, &sectors), ST_UNSUPPORTED); /* the hole */
    assert_int_equal(extent_at(10 * 512, &lba, &sectors), ST_OK);
    assert_int_equal(lba, 204);
    assert_int_equal(sectors, 1); /* 6000 bytes are valid: 11 sectors and a part */
    assert_int_equal(extent_at(11 * 512, &lba, &sectors), ST_UNSUPPORTED);
    assert_int_equal(fetch("PACKED"), ST_OK);
    assert_int_equal(extent_at(8192, &lba, &sectors), ST_UNSUPPORTED);
    assert_int_equal(fetch("NTLDR"), ST_OK);
    assert_int_equal(extent_at(0, &lba, &sectors), ST_UNSUPPORTED);
    assert_int_equal(fetch("LISTED"), ST_OK);
    assert_int_equal(extent_at(5 * 512, &lba, &sectors), ST_OK);
    assert_int_equal(lba, 77);
}

static void a_volume_that_begins_elsewhere(void **state)
{
    (void)state;
    struct memdev moved;
    uint64_t lba;
    uint32_t sectors;
    memdev_init(&moved, SECTORS + 63, 0x80);
    memcpy(memdev_sector(&moved, 63), disk.bytes, SECTORS * SECTOR_BYTES);
    assert_int_equal(fs_mount(&moved.device, 63, SECTORS, &volume), ST_OK);
    assert_int_equal(open_it(SYSTEM), ST_OK);
    assert_int_equal(fs_read(&file, 0, buffer, 5000), ST_OK);
    assert_int_equal(get_le32(buffer + 4 * 512), 0x53595304);
    assert_int_equal(extent_at(0, &lba, &sectors), ST_OK);
    assert_int_equal(lba, 63 + 90);
    memdev_free(&moved);
}

/* ---- what the volume says about itself ---- */

static void dirty_and_version(void **state)
{
    (void)state;
    bool dirty = true;
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(fs_is_dirty(&volume, &dirty), ST_OK);
    assert_false(dirty);
    assert_int_equal(volume.as.ntfs.major, 1);
    assert_int_equal(volume.as.ntfs.minor, 2);
    attribute(3, 0x70)[0x18 + 10] = 1;
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(fs_is_dirty(&volume, &dirty), ST_OK);
    assert_true(dirty);
    /* Its record is unreadable: the copy in $MFTMirr still says no. */
    faultdev_range(&fault, 10, 11, FAULT_ERROR);
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(fs_is_dirty(&volume, &dirty), ST_OK);
    assert_false(dirty);
    faultdev_kill(&fault, FAULT_ERROR);
    volume.as.ntfs.slot[2].valid = false;
    volume.as.ntfs.window_sectors = 0;
    assert_int_equal(fs_is_dirty(&volume, &dirty), ST_IO);
}

static enum status log_state(uint64_t *lsn, bool *clean)
{
    assert_int_equal(mount_it(), ST_OK);
    return ntfs_log_lsn(&volume.as.ntfs, lsn, clean);
}

static void log_sequence_numbers(void **state)
{
    (void)state;
    uint64_t lsn;
    bool clean;
    uint8_t *first = memdev_sector(&disk, 48);
    uint8_t *second = memdev_sector(&disk, 56);
    assert_int_equal(log_state(&lsn, &clean), ST_OK);
    assert_int_equal(lsn, 0x123999);
    assert_true(clean); /* no client */
    first[0x32] = 0x20; /* the first page is the newer one ... */
    assert_int_equal(log_state(&lsn, &clean), ST_OK);
    assert_int_equal(lsn, 0x203456);
    first[0x11] = 0x20; /* ... but is of another size than it says */
    assert_int_equal(log_state(&lsn, &clean), ST_OK);
    assert_int_equal(lsn, 0x123999);
    first[0x11] = 0x10;
    first[0x32] = 0x12;
    second[1022] ^= 1; /* torn while it was written */
    assert_int_equal(log_state(&lsn, &clean), ST_OK);
    assert_int_equal(lsn, 0x123456);
    assert_false(clean);
    first[0x30 + 0xE] = 2; /* as later systems say it */
    assert_int_equal(log_state(&lsn, &clean), ST_OK);
    assert_true(clean);
    memcpy(first, "CHKD", 4);
    first[8] = 0x77;
    assert_int_equal(log_state(&lsn, &clean), ST_OK);
    assert_int_equal(lsn, 0x77);
    first[0x18] = 0xF1; /* the restart area would end behind the page */
    first[0x19] = 0x0F;
    assert_int_equal(log_state(&lsn, &clean), ST_NOT_FOUND);
    second[1022] ^= 1; /* only the second one is good */
    assert_int_equal(log_state(&lsn, &clean), ST_OK);
    assert_int_equal(lsn, 0x123999);
    memset(first, 0xFF, 4096);
    memset(second, 0xFF, 4096);
    assert_int_equal(log_state(&lsn, &clean), ST_NOT_FOUND);
    assert_int_equal(trail.used, 0);
    faultdev_range(&fault, 56, 56, FAULT_ERROR);
    assert_int_equal(log_state(&lsn, &clean), ST_IO);
}

static const struct CMUnitTest tests[] = {
    TEST(files_of_all_kinds),
    TEST(names),
    TEST(the_volumes_own_upper_case),
    TEST(listing),
    TEST(small_reads_are_right_and_cheap),
    TEST(mounting_and_opening_are_cheap),
    TEST(extents),
    TEST(a_volume_that_begins_elsewhere),
    TEST(dirty_and_version),
    TEST(log_sequence_numbers),
};

UNIT_MAIN(tests)
