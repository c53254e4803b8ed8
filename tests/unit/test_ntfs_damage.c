/* SPDX-License-Identifier: MIT */
/* fs/ntfs: the good volume with one thing wrong at a time, and on a disk that fails. */
#include "ntfs_volume.h"

/* ---- defects ---- */

static void boot_sectors_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        uint16_t offset;
        uint8_t value;
    } defect[] = {
        {0x0C, 3}, {0x0C, 0x20}, {0x0D, 0},    {0x0D, 3},    {0x0D, 0xF7}, {0x0D, 0xE0},
        {0x29, 1}, {0x2F, 1},    {0x30, 219},  {0x37, 0x80}, {0x38, 219},  {0x40, 3},
        {0x40, 0}, {0x40, 0xF8}, {0x40, 0xF3}, {0x40, 0xD6}, {0x40, 16},   {0x28, 0},
    };
    for (unsigned i = 0; i < sizeof defect / sizeof *defect; i++) {
        uint8_t *byte = disk.bytes + defect[i].offset;
        uint8_t good = *byte;
        *byte = defect[i].value;
        trail.used = 0;
        assert_int_equal(mount_it(), ST_CORRUPT);
        assert_int_equal(trail.entry[0].site, SITE_NTFS_SHAPE);
        *byte = good;
    }
    assert_int_equal(fs_mount(&fault.device, 0, 218, &volume), ST_CORRUPT); /* larger than its partition */
    assert_int_equal(fs_mount(&fault.device, 0, 219, &volume), ST_OK);
    assert_int_equal(fs_mount(&fault.device, 0, UINT64_C(1) << 32, &volume), ST_UNSUPPORTED);
    disk.bytes[0x40] = 0xF6; /* 1024 bytes, said the other way */
    assert_int_equal(fetch(SYSTEM), ST_OK);
    assert_system();
}

static void torn_blocks(void **state)
{
    (void)state;
    record(19)[1022] ^= 1;
    assert_int_equal(fetch(SYSTEM), ST_CORRUPT);
    assert_int_equal(trail.entry[0].site, SITE_NTFS_RECORD);
    assert_int_equal(trail.entry[0].lba, 19);
    assert_int_equal(fetch("NTLDR"), ST_OK);
    memdev_sector(&disk, 70)[510] ^= 1;
    trail.used = 0;
    assert_int_equal(fetch("PACKED"), ST_CORRUPT);
    assert_int_equal(trail.entry[0].site, SITE_NTFS_INDEX);
    assert_int_equal(fetch("LISTED"), ST_OK);
}

static void the_mirror_of_the_mft(void **state)
{
    (void)state;
    faultdev_range(&fault, 4, 5, FAULT_ERROR);
    assert_int_equal(fetch(SYSTEM), ST_OK);
    assert_system();
    faultdev_init(&fault, &disk.device);
    record(0)[0] = 'B';
    assert_int_equal(fetch(SYSTEM), ST_OK);
    assert_system();
    memdev_sector(&disk, 41)[510] ^= 1; /* and now the mirror too */
    assert_int_equal(fetch(SYSTEM), ST_CORRUPT);
    faultdev_range(&fault, 40, 41, FAULT_ERROR);
    assert_int_equal(fetch(SYSTEM), ST_IO);
}

static void run_lists_that_lie(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[10];
        unsigned count;
    } defect[] = {
        {{0x31, 10, 0xDB, 0x00, 0x00, 0}, 6},                    /* cluster 219 of 219 */
        {{0x21, 10, 0xD2, 0x00, 0}, 5},                          /* ends one behind the volume */
        {{0x11, 4, 90, 0x11, 6, 0x80, 0}, 7},                    /* cluster -38 */
        {{0x11, 4, 90, 0x11, 0, 0x00, 0x11, 6, 0, 0}, 10},       /* no length */
        {{0x11, 4, 90, 0x10, 0x00, 0}, 6},                       /* no length at all */
        {{0x11, 4, 90, 0}, 4},                                   /* ends early */
        {{0x11, 4, 90, 0x15, 6, 0, 0, 0, 0, 1}, 10},             /* five bytes of length */
        {{0x11, 4, 90, 0x51, 6, 0, 0, 0, 0, 0}, 10},             /* five bytes of distance */
        {{0x11, 4, 90, 0x04, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0}, 10}, /* a hole past 2^32 */
        {{0x11, 4, 90, 0xFF, 1, 1, 1, 1, 1, 1}, 10},             /* ends behind the attribute */
    };
    uint8_t *at = runs(19);
    for (unsigned i = 0; i < sizeof defect / sizeof *defect; i++) {
        memset(at, 0, 16);
        memcpy(at, defect[i].bytes, defect[i].count);
        trail.used = 0;
        assert_int_equal(fetch(SYSTEM), ST_CORRUPT);
        assert_int_equal(trail.entry[0].site, SITE_NTFS_RUNS);
        assert_int_equal(trail.entry[0].lba, 19);
    }
    /* The same cluster twice is not nice, but no circle. A hole may be written as cluster -1. */
    memcpy(at, "\x11\x04\x5A\x11\x04\x00\x11\x02\xA5\0", 10);
    assert_int_equal(fetch(SYSTEM), ST_OK);
    assert_int_equal(get_le32(buffer + 4 * 512), 0x53595300);
    assert_int_equal(get_le32(buffer + 8 * 512), 0);
    attribute(19, 0x80)[0x20] = 0xF0; /* the runs begin behind the attribute */
    assert_int_equal(fetch(SYSTEM), ST_CORRUPT);
}

static void an_mft_that_ends_early(void **state)
{
    (void)state;
    attribute(0, 0x80)[0x31] = 0x4C; /* 19 records */
    assert_int_equal(fetch(SYSTEM), ST_CORRUPT);
    assert_int_equal(trail.entry[0].site, SITE_NTFS_RECORD);
    assert_int_equal(fetch("WINNT"), ST_UNSUPPORTED);
}

static void attributes_that_lie(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint8_t offset;
        uint8_t value;
    } defect[] = {
        {0x10, 4, 0},    /* no length: a circle */
        {0x10, 7, 1},    /* longer than the record */
        {0x80, 4, 0x10}, /* shorter than its header */
        {0x80, 8, 1},    /* resident, but says it has runs */
        {0x80, 0x10, 200}, {0x80, 0x15, 1}, {0x80, 0x13, 1}, {0x80, 9, 200},
    };
    for (unsigned i = 0; i < sizeof defect / sizeof *defect; i++) {
        uint8_t *byte = attribute(20, defect[i].type) + defect[i].offset;
        uint8_t good = *byte;
        *byte = defect[i].value;
        trail.used = 0;
        assert_int_equal(fetch("NTLDR"), ST_CORRUPT);
        assert_int_equal(trail.entry[0].site, SITE_NTFS_RECORD);
        *byte = good;
    }
    static const struct {
        uint8_t offset;
        uint8_t value;
    } header[] = {{0x14, 0x20}, {0x15, 4}, {0x19, 4}, {0x16, 0}, {0x20, 1}, {0x10, 2}, {4, 0x29}, {6, 2}, {5, 2}};
    for (unsigned i = 0; i < sizeof header / sizeof *header; i++) {
        uint8_t *byte = record(20) + header[i].offset;
        uint8_t good = *byte;
        *byte = header[i].value;
        trail.used = 0;
        assert_int_equal(fetch("NTLDR"), ST_CORRUPT);
        assert_int_equal(trail.entry[0].lba, 20);
        *byte = good;
    }
    assert_int_equal(fetch("NTLDR"), ST_OK);
}

static void attribute_lists_that_lie(void **state)
{
    (void)state;
    uint8_t *last = attribute(22, 0x20) + 0x18 + 4 * 32 + 8; /* the fourth entry is longer: it is named */
    assert_int_equal(last[0], 0x80);
    assert_int_equal(last[0x10], 23);
    last[0x10] = 20; /* a base record */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    last[0x10] = 23;
    last[0x16] = 9; /* another one that was in that record */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    last[0x16] = 1;
    last[8] = 3; /* no piece begins there */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    last[8] = 2;
    assert_int_equal(fetch("LISTED"), ST_OK);
    assert_listed();
    last[4] = 0;
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    last[4] = 0x28;
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    last[4] = 0x20;
    record(23)[0x20] = 21; /* the extent says it is of another file */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
}

static void directories_that_lie(void **state)
{
    (void)state;
    uint8_t *leaf = memdev_sector(&disk, LEAF_LBA);
    uint8_t *second = entry(LEAF_ENTRIES, 1);
    static const struct {
        uint8_t offset;
        uint8_t value;
    } defect[] = {{8, 0}, {8, 4}, {9, 0x80}, {16 + 0x40, 0xFF}};
    for (unsigned i = 0; i < sizeof defect / sizeof *defect; i++) {
        uint8_t good = second[defect[i].offset];
        second[defect[i].offset] = defect[i].value;
        trail.used = 0;
        assert_int_equal(fetch("LISTED"), ST_CORRUPT);
        assert_int_equal(trail.entry[0].site, SITE_NTFS_INDEX);
        second[defect[i].offset] = good;
    }
    assert_int_equal(fetch("LISTED"), ST_OK);
    leaf[0x10] = 2; /* another block than the one asked for */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    leaf[0x10] = 0;
    leaf[0x1D] = 4; /* its entries end behind it */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    leaf[0x1D] = 2;
    record(22)[0x10]++; /* the entry is of a file that was deleted */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
}

static void a_tree_that_is_a_circle(void **state)
{
    (void)state;
    uint8_t *leaf = memdev_sector(&disk, LEAF_LBA);
    uint8_t *end = entry(LEAF_ENTRIES, 5);
    uint8_t *child = attribute(5, 0x90) + 0x20 + 0x20; /* the root's first entry; what is in front of it is its end */
    child += child[8] - 8;
    child[0] = 1; /* between two blocks */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    child[0] = 0;
    child[5] = 1; /* far outside */
    assert_int_equal(fetch("LISTED"), ST_CORRUPT);
    child[5] = 0;
    assert_int_equal(fetch("LISTED"), ST_OK);
    trail.used = 0;
    assert_int_equal(end[12], 2);
    end[8] = 24;
    end[12] = 3; /* what is behind the last name is in this same block */
    memset(end + 16, 0, 8);
    leaf[0x1C] = (uint8_t)(leaf[0x1C] + 8);
    assert_int_equal(fetch("MISSING"), ST_CORRUPT);
    assert_int_equal(trail.entry[0].site, SITE_NTFS_INDEX);
    assert_int_equal(trail.entry[0].lba, 5);
    end[16] = 0xFF; /* or in a block that does not exist */
    assert_int_equal(fetch("MISSING"), ST_CORRUPT);
    end[16] = 1; /* or between two */
    assert_int_equal(fetch("MISSING"), ST_CORRUPT);
    end[16] = 0;
    end[23] = 0x40;
    assert_int_equal(fetch("MISSING"), ST_CORRUPT);
    assert_int_equal(fetch("LISTED"), ST_OK);
}

static void listings_of_damaged_directories(void **state)
{
    (void)state;
    struct fs_entry item;
    struct fs_cursor cursor = {0};
    enum status status = ST_OK;
    attribute(5, 0xB0)[0x20] = 7; /* the third block is in use now, and whole */
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(open_it(""), ST_OK);
    unsigned count = 0;
    while ((status = fs_next(&file, &cursor, &item)) == ST_OK)
        count++;
    assert_int_equal(status, ST_NOT_FOUND);
    assert_int_equal(count, 9);
    memdev_sector(&disk, 72)[0] = 'B';
    cursor = (struct fs_cursor){0};
    assert_int_equal(mount_it(), ST_OK);
    for (count = 0; (status = fs_next(&file, &cursor, &item)) == ST_OK; count++)
        assert_in_range(count, 0, 8);
    assert_int_equal(status, ST_CORRUPT);
    cursor = (struct fs_cursor){.at = 1, .inner = 0xFFFFFFF0};
    assert_int_equal(fs_next(&file, &cursor, &item), ST_CORRUPT);
    attribute(5, 0xB0)[0x1A] = 'X'; /* no bitmap of that name */
    cursor = (struct fs_cursor){.at = 1};
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(fs_next(&file, &cursor, &item), ST_CORRUPT);
}

static void compressed_data_that_lie(void **state)
{
    (void)state;
    uint64_t lsn;
    bool clean;
    /* The log uses the same buffer as the unit. */
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(open_it("PACKED"), ST_OK);
    assert_int_equal(fs_read(&file, 0, buffer, 4), ST_OK);
    assert_int_equal(ntfs_log_lsn(&volume.as.ntfs, &lsn, &clean), ST_OK);
    assert_int_equal(fs_read(&file, 4096, buffer, 4), ST_OK);
    assert_memory_equal(buffer, "F# F", 4);
    uint8_t good_runs[8];
    memcpy(good_runs, runs(21), 8); /* stored clusters behind a hole of the same unit */
    memcpy(runs(21), "\x11\x01\x4C\x01\x0E\x11\x0A\x30", 8);
    assert_int_equal(mount_it(), ST_OK);
    assert_int_equal(open_it("PACKED"), ST_OK);
    assert_int_equal(fs_read(&file, 0, buffer, 4), ST_CORRUPT);
    memcpy(runs(21), good_runs, 8);
    trail.used = 0;
    memdev_sector(&disk, 76)[4] = 0x55; /* more than a chunk holds */
    memdev_sector(&disk, 76)[5] = 0xFF;
    assert_int_equal(fetch("PACKED"), ST_CORRUPT);
    assert_int_equal(trail.entry[0].site, SITE_LZNT1);
    assert_int_equal(fs_read(&file, 8192, buffer, 4), ST_OK); /* the next unit is whole */
    assert_int_equal(get_le32(buffer), 0x52415700);
    attribute(21, 0x80)[0x22] = 8; /* a unit of 128 KB */
    assert_int_equal(fetch("PACKED"), ST_UNSUPPORTED);
    attribute(21, 0x80)[0x0C] = 2; /* another method */
    assert_int_equal(fetch("PACKED"), ST_UNSUPPORTED);
}

static void data_that_are_not_for_us(void **state)
{
    (void)state;
    uint64_t lba;
    uint32_t sectors;
    attribute(19, 0x80)[0x0D] = 0x40;
    assert_int_equal(fetch(SYSTEM), ST_UNSUPPORTED);
    assert_int_equal(file.flags, FS_ENCRYPTED);
    assert_int_equal(extent_at(0, &lba, &sectors), ST_UNSUPPORTED);
    /* A reparse point in place of the name: the data are elsewhere, what is here are holes. */
    uint8_t *name = attribute(24, 0x30);
    uint8_t swapped[0x100];
    size_t bytes = (size_t)(attribute(24, 0x80) - name);
    size_t data_bytes = attribute(24, 0x80)[4];
    memcpy(swapped, name + bytes, data_bytes);
    memcpy(swapped + data_bytes, name, bytes);
    memcpy(name, swapped, bytes + data_bytes);
    name[data_bytes] = 0xC0;
    assert_int_equal(fetch("SPARSE.BIN"), ST_UNSUPPORTED);
    assert_int_equal(file.bytes, 10000);
    assert_int_equal(extent_at(0, &lba, &sectors), ST_UNSUPPORTED);
}

/* ---- a failing disk ---- */

/* What was read, if it was, is right; a listing is whole, or an error. */
static enum status read_everything(void)
{
    struct fs_cursor cursor = {0};
    struct fs_entry item;
    unsigned names_seen = 0;
    bool dirty = true;
    uint64_t lsn = 0;
    enum status status = fetch(SYSTEM);
    if (status == ST_OK)
        assert_system();
    if (status == ST_OK && (status = fetch("PACKED")) == ST_OK)
        assert_packed();
    if (status == ST_OK && (status = fetch("LISTED")) == ST_OK)
        assert_listed();
    if (status == ST_OK && (status = fetch("\xC3\xA4.txt")) == ST_OK)
        assert_memory_equal(buffer, "umlauts", 7);
    if (status == ST_OK)
        status = open_it("");
    while (status == ST_OK && (status = fs_next(&file, &cursor, &item)) == ST_OK)
        names_seen++;
    if (status != ST_NOT_FOUND)
        return status;
    assert_int_equal(names_seen, 8);
    status = fs_is_dirty(&volume, &dirty);
    if (status == ST_OK)
        status = ntfs_log_lsn(&volume.as.ntfs, &lsn, &dirty);
    if (status == ST_OK)
        assert_int_equal(lsn, 0x123999);
    return status;
}

static void every_read_fails_once(void **state)
{
    (void)state;
    for (enum fault_kind kind = FAULT_ERROR; kind <= FAULT_SHORT; kind++)
        for (enum fault_span span = SPAN_ONCE; span <= SPAN_DEVICE; span++) {
            unsigned failures = 0;
            for (unsigned nth = 1;; nth++) {
                faultdev_init(&fault, &disk.device);
                faultdev_nth(&fault, nth, span, kind);
                enum status status = read_everything();
                if (fault.faults == 0) {
                    assert_int_equal(status, ST_OK);
                    break;
                }
                failures += status != ST_OK;
                assert_true(status == ST_OK || status == ST_IO);
            }
            assert_in_range(failures, span == SPAN_DEVICE ? 30 : 5, 80);
        }
}

static void a_bad_sector_costs_only_its_own_file(void **state)
{
    (void)state;
    faultdev_range(&fault, 86, 86, FAULT_ERROR);
    assert_int_equal(fetch(SYSTEM), ST_IO);
    assert_int_equal(fs_read(&file, 5 * 512, buffer, 512), ST_OK); /* its neighbours can be read */
    assert_int_equal(get_le32(buffer), 0x53595305);
    assert_int_equal(fs_read(&file, 7 * 512, buffer, 512), ST_OK);
    assert_int_equal(get_le32(buffer), 0x53595307);
    assert_int_equal(fs_read(&file, 6 * 512 + 8, buffer, 4), ST_IO);
    assert_int_equal(fs_read(&file, 6 * 512 + 8, buffer, 4), ST_IO);
    assert_int_equal(fetch("PACKED"), ST_OK);
    assert_packed();
}

static const struct CMUnitTest tests[] = {
    TEST(boot_sectors_that_make_no_sense), TEST(torn_blocks),
    TEST(the_mirror_of_the_mft),           TEST(run_lists_that_lie),
    TEST(an_mft_that_ends_early),          TEST(attributes_that_lie),
    TEST(attribute_lists_that_lie),        TEST(directories_that_lie),
    TEST(a_tree_that_is_a_circle),         TEST(listings_of_damaged_directories),
    TEST(compressed_data_that_lie),        TEST(data_that_are_not_for_us),
    TEST(every_read_fails_once),           TEST(a_bad_sector_costs_only_its_own_file),
};

UNIT_MAIN(tests)
