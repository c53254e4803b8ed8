/* SPDX-License-Identifier: MIT */
/* The FAT driver behind fs.h on volumes that lie, one defect at a time, and on devices that fail. */
#include "fat_tree.h"
#include "fs/fat_name.h"

/* Opening SYSTEM with one entry of its chain changed. */
static void check_chain(const struct tree *tree, uint32_t cluster, uint32_t value, enum status expected)
{
    load_tree(tree);
    set_entry(tree, cluster, value);
    assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
    assert_int_equal(open_path(SYSTEM), expected);
    if (expected == ST_CORRUPT) {
        assert_int_equal(trail.used, 1);
        assert_int_equal(trail.entry[0].site, SITE_FAT_CHAIN);
    }
    memdev_free(&disk);
}

static void damaged_chains(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        const uint32_t *chain = tree->system_chain;
        check_chain(tree, chain[6], 0xFFFFFFF8, ST_OK); /* any of the end marks */
        check_chain(tree, chain[2], chain[0], ST_CORRUPT);
        check_chain(tree, chain[2], chain[2], ST_CORRUPT);
        check_chain(tree, chain[6], chain[6], ST_CORRUPT);   /* right length, and then a circle */
        check_chain(tree, chain[6], 400, ST_CORRUPT);        /* longer than the file */
        check_chain(tree, chain[5], 0xFFFFFFFF, ST_CORRUPT); /* shorter */
        check_chain(tree, chain[3], 0, ST_CORRUPT);          /* free, reserved, bad */
        check_chain(tree, chain[3], 1, ST_CORRUPT);
        check_chain(tree, chain[3], 0xFFFFFFF7, ST_CORRUPT);
        check_chain(tree, chain[6], 0, ST_CORRUPT);
        check_chain(tree, chain[6], 0xFFFFFFF7, ST_CORRUPT);
        check_chain(tree, chain[3], 2 + (tree->sectors - tree->data_lba) / tree->per_cluster, ST_CORRUPT);
        check_chain(tree, tree->tree[0], 0, ST_CORRUPT); /* directories */
        check_chain(tree, tree->tree[0], 0xFFFFFFF7, ST_CORRUPT);
        check_chain(tree, tree->config, 0, ST_OK); /* is not asked for: its first entries are enough */
    }
}

/* The first number that is no cluster any more, with an entry in the FAT that would let it pass. */
static void a_cluster_behind_the_last(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++)
        for (unsigned past = 0; past < 2; past++) {
            uint32_t last = 1 + (tree->sectors - tree->data_lba) / tree->per_cluster;
            load_tree(tree);
            set_entry(tree, tree->system_chain[5], last + past);
            set_entry(tree, last + past, 0xFFFFFFFF);
            assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
            assert_int_equal(open_path(SYSTEM), past == 0 ? ST_OK : ST_CORRUPT);
            memdev_free(&disk);
        }
}

static void a_looping_directory_ends(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        struct fs_cursor cursor = {0};
        struct fs_entry entry;
        unsigned entries = 0;
        load_tree(tree);
        uint8_t *config = sector(cluster_lba(tree, tree->config));
        for (unsigned at = 96; at < tree->per_cluster * SECTOR_BYTES; at += 32)
            memcpy(config + at, config + 64, 32); /* no entry ends it */
        set_entry(tree, tree->config, tree->config);
        assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
        assert_int_equal(open_path("System Files\\CONFIG\\nothing"), ST_CORRUPT);
        assert_int_equal(trail.entry[0].site, SITE_FAT_CHAIN);
        assert_int_equal(open_path("System Files\\CONFIG"), ST_OK);
        enum status status = ST_OK;
        while ((status = fs_next(&file, &cursor, &entry)) == ST_OK)
            entries++;
        assert_int_equal(status, ST_CORRUPT);
        assert_in_range(entries, 50000, 65536);
        memdev_free(&disk);
    }
}

static void directories_that_begin_nowhere(void **state)
{
    (void)state;
    static const uint8_t firsts[][4] = {{0, 0, 0, 0}, {1, 0, 0, 0}, {0xF8, 0xFF, 0xFF, 0x0F}};
    for (const struct tree *tree = trees; tree->bits != 0; tree++)
        for (unsigned i = 0; i < 3; i++) {
            load_tree(tree);
            uint8_t *entry = entry_at(tree, "SYSTEM~1   ");
            memcpy(entry + 26, firsts[i], 2);
            memcpy(entry + 20, firsts[i] + 2, 2);
            assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
            assert_int_equal(open_path("System Files"), ST_CORRUPT);
            assert_int_equal(open_path("System Files\\System Files"), ST_CORRUPT);
            memdev_free(&disk);
        }
}

/* What a file holds is never taken for a directory, whatever it looks like; and a directory has no size. */
static void files_and_directories_are_told_apart(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        struct fs_cursor cursor = {0};
        struct fs_entry entry;
        load_tree(tree);
        memcpy(sector(cluster_lba(tree, tree->long_chain[0])), sector(tree->root_lba), SECTOR_BYTES);
        entry_at(tree, "SYSTEM~1   ")[29] = 7;
        assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
        assert_int_equal(open_path(LONG "\\" LONG), ST_NOT_FOUND);
        assert_int_equal(open_path("System Files"), ST_OK);
        assert_int_equal(file.bytes, 0);
        assert_int_equal(open_path(""), ST_OK);
        do
            assert_int_equal(fs_next(&file, &cursor, &entry), ST_OK);
        while (entry.flags != FS_DIRECTORY);
        assert_int_equal(entry.bytes, 0);
        memdev_free(&disk);
    }
}

static void sizes_that_lie(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        uint32_t cluster_bytes = tree->per_cluster * SECTOR_BYTES;
        const uint32_t wrong[] = {4 * cluster_bytes + 1, 0x80000000, UINT32_MAX};
        for (unsigned i = 0; i < 3; i++) {
            load_tree(tree);
            for (unsigned byte = 0; byte < 4; byte++)
                entry_at(tree, "LONGNA~1TXT")[28 + byte] = (uint8_t)(wrong[i] >> 8 * byte);
            assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
            assert_int_equal(open_path(LONG), ST_CORRUPT);
            memdev_free(&disk);
        }
    }
}

/* NT allocates ahead, and writes down the size when the file is closed. */
static void a_chain_longer_than_its_file(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        load_tree(tree);
        uint8_t *size = entry_at(tree, "LONGNA~1TXT") + 28;
        memset(size, 0, 4);
        size[0] = 1;
        assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
        assert_int_equal(open_path(LONG), ST_OK);
        assert_int_equal(file.bytes, 1);
        memdev_free(&disk);
    }
}

/* The upper half of a first cluster is something else on FAT12 and FAT16. */
static void the_upper_half_counts_on_fat32_only(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        load_tree(tree);
        entry_at(tree, "LONGNA~1TXT")[20] = 7;
        assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
        assert_int_equal(open_path(LONG), tree->bits == 32 ? ST_CORRUPT : ST_OK);
        memdev_free(&disk);
    }
}

/* A long name one of whose entries was changed is none, and the 8.3 name is there as before. */
static void check_long_name(unsigned back, unsigned at, uint8_t value)
{
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    load_tree(&trees[1]);
    uint8_t *found = entry_at(&trees[1], "LONGNA~1TXT");
    *(found - (size_t)32 * back + at) = value;
    assert_int_equal(fs_mount(&fault.device, START, trees[1].sectors, &volume), ST_OK);
    assert_int_equal(open_path(LONG), ST_NOT_FOUND);
    assert_int_equal(open_path("LONGNA~1.TXT"), ST_OK);
    assert_int_equal(open_path(""), ST_OK);
    assert_int_equal(fs_next(&file, &cursor, &entry), ST_OK);
    assert_string_equal(entry.name, "LONGNA~1.TXT");
    assert_int_equal(fs_next(&file, &cursor, &entry), ST_OK);
    assert_string_equal(entry.name, "PLAIN.BIN");
    memdev_free(&disk);
}

static void long_names_that_do_not_fit(void **state)
{
    (void)state;
    check_long_name(1, 13, 0); /* another sum in each of the two pieces */
    check_long_name(2, 13, 0);
    check_long_name(2, 0, 2);    /* the last piece is not marked */
    check_long_name(2, 0, 0x43); /* pieces are missing: the second, the first, any */
    check_long_name(1, 0, 2);
    check_long_name(1, 0, 0x20);
    check_long_name(1, 0, 0x81);
    check_long_name(2, 0, 0x40);
    check_long_name(2, 0, 0x55);
    check_long_name(2, 0, 0x7F);
    check_long_name(1, 0, 0xE5); /* erased; a label; a file */
    check_long_name(1, 11, 0x08);
    check_long_name(1, 1, 0); /* ends before it begins */
}

/* Entries for fat_name_take, of a name on the heap, so that the sanitizer sees a byte too many. */
static void set_name(uint8_t *entry, const char *name, uint8_t attributes)
{
    memset(entry, 0, 32);
    memcpy(entry, name, 11);
    entry[11] = attributes;
}

static void set_piece(uint8_t *entry, uint8_t number, const char *name, char letter)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = ((sum & 1) * 0x80 + (sum >> 1) + (uint8_t)name[i]) & 0xFF;
    memset(entry, letter, 32);
    for (unsigned i = 0; i < 13; i++)
        entry[2 + 2 * i + (i > 4 ? 3 : 0) + (i > 10 ? 2 : 0)] = 0;
    entry[0] = number;
    entry[11] = 0x0F;
    entry[12] = 0;
    entry[13] = (uint8_t)sum;
}

static void pieces_in_the_wrong_place(void **state)
{
    (void)state;
    static const char short_name[] = "ABCDEFGHIJK";
    uint8_t entry[32];
    struct fat_name *name = calloc(1, offsetof(struct fat_name, short_units) + sizeof name->short_units);
    assert_non_null(name);
    memset(name->long_units, 'x', sizeof name->long_units); /* what was there before is no part of a name */
    for (unsigned number = 0; number < 256; number++) {
        if (number == 0x41)
            continue;
        set_piece(entry, (uint8_t)number, short_name, 'a');
        assert_false(fat_name_take(name, entry));
        set_name(entry, short_name, 0x20);
        assert_true(fat_name_take(name, entry));
        assert_int_equal(name->long_count, 0); /* one alone is enough only if it is number 1 of 1 */
    }
    set_piece(entry, 0x41, short_name, 'b');
    assert_false(fat_name_take(name, entry));
    set_name(entry, short_name, 0x20);
    assert_true(fat_name_take(name, entry));
    assert_true(fat_name_is(name, "bbbbbbbbbbbbb", 13));
    assert_false(fat_name_is(name, "bbbbbbbbbbbbbb", 14));
    assert_true(fat_name_is(name, "abcdefgh.ijk", 12));
    assert_false(fat_name_is(name, "abcdefgh.ijkl", 13));
    assert_false(fat_name_is(name, "abcdefgh.ij", 11));
    set_piece(entry, 0x41, short_name, 'c'); /* a label of that name, or an erased file, comes between */
    assert_false(fat_name_take(name, entry));
    set_name(entry, short_name, 0x08);
    assert_false(fat_name_take(name, entry));
    set_name(entry, short_name, 0x20);
    assert_true(fat_name_take(name, entry));
    assert_int_equal(name->long_count, 0);
    free(name);
}

/* 20 pieces of 13 letters, of which the last `letters` fit. */
static void check_longest(unsigned letters, bool fits)
{
    char name[300];
    load_tree(&trees[1]);
    uint8_t *root = sector(trees[1].root_lba);
    memset(root, 0, SECTOR_BYTES * 4);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t *piece = root + (size_t)32 * (19 - i);
        piece[0] = (uint8_t)(i + 1 + (i == 19 ? 0x40 : 0));
        piece[11] = 0x0F;
        for (unsigned unit = 0; unit < 13 && i * 13 + unit < letters; unit++)
            piece[1 + 2 * unit + (unit > 4 ? 3 : 0) + (unit > 10 ? 2 : 0)] = (uint8_t)('a' + (i + unit) % 26);
    }
    for (unsigned i = 0; i < letters; i++)
        name[i] = (char)('a' + (i / 13 + i % 13) % 26);
    name[letters] = '\0';
    memcpy(root + 640, "X          ", 11);
    unsigned sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = ((sum & 1) * 0x80 + (sum >> 1) + root[640 + i]) & 0xFF;
    for (unsigned i = 0; i < 20; i++)
        root[32 * i + 13] = (uint8_t)sum;
    assert_int_equal(fs_mount(&fault.device, START, trees[1].sectors, &volume), ST_OK);
    assert_int_equal(open_path(name), fits ? ST_OK : ST_NOT_FOUND);
    assert_int_equal(open_path("x"), ST_OK);
    memdev_free(&disk);
}

static void the_longest_name(void **state)
{
    (void)state;
    check_longest(254, true);
    check_longest(255, true);
    check_longest(256, false);
    check_longest(260, false);
}

static void check_mount(const struct tree *tree, unsigned at, uint8_t value, enum status expected)
{
    load_tree(tree);
    sector(0)[at] = value;
    assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), expected);
    assert_int_equal(trail.used, expected == ST_CORRUPT);
    memdev_free(&disk);
}

static void boot_sectors_that_lie(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        check_mount(tree, 0x0B, 1, ST_CORRUPT);
        check_mount(tree, 0x0C, 0, ST_CORRUPT);
        check_mount(tree, 0x0C, 3, ST_CORRUPT);
        check_mount(tree, 0x0D, 0, ST_CORRUPT);
        check_mount(tree, 0x0D, 3, ST_CORRUPT);
        check_mount(tree, 0x0E, 0, ST_CORRUPT);
        check_mount(tree, 0x10, 0, ST_CORRUPT);
    }
    check_mount(&trees[0], 0x16, 0, ST_CORRUPT);
    check_mount(&trees[1], 0x17, 0x80, ST_CORRUPT);
    check_mount(&trees[0], 0x12, 0xFF, ST_CORRUPT);
    check_mount(&trees[0], 0x14, 0, ST_OK); /* a volume of 88 sectors */
    check_mount(&trees[0], 0x14, 0xFF, ST_CORRUPT);
    check_mount(&trees[1], 0x14, 0x11, ST_CORRUPT);
    check_mount(&trees[2], 0x24, 0, ST_CORRUPT);
    check_mount(&trees[2], 0x26, 0xFF, ST_CORRUPT);
    check_mount(&trees[2], 0x2C, 0, ST_CORRUPT);
    check_mount(&trees[2], 0x22, 1, ST_CORRUPT);
    check_mount(&trees[2], 0x11, 1, ST_CORRUPT);
    check_mount(&trees[2], 0x28, 0x82, ST_CORRUPT);
}

static void a_root_that_is_no_cluster(void **state)
{
    (void)state;
    static const uint8_t firsts[] = {1, 0xFF};
    for (unsigned i = 0; i < 2; i++) {
        load_tree(&trees[2]);
        memset(sector(0) + 0x2D, firsts[i] == 1 ? 0 : 0xFF, 3);
        sector(0)[0x2C] = firsts[i];
        assert_int_equal(fs_mount(&fault.device, START, trees[2].sectors, &volume), ST_OK);
        assert_int_equal(open_path(LONG), ST_CORRUPT);
        memdev_free(&disk);
    }
}

static void a_device_that_ends_too_early(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        fault.device.sectors = START + cluster_lba(tree, tree->system_chain[6]);
        assert_int_equal(open_path(SYSTEM), ST_OK);
        check_read(0, (uint32_t)file.bytes - tree->per_cluster * SECTOR_BYTES);
        assert_int_equal(fs_read(&file, 0, buffer, (uint32_t)file.bytes), ST_BOUNDS);
        assert_int_equal(trail.entry[0].site, SITE_RANGE);
        memdev_free(&disk);
    }
}

static void the_fat_that_is_active(void **state)
{
    (void)state;
    const struct tree *tree = &trees[2];
    load_tree(tree);
    memset(sector(tree->fat_lba), 0, (size_t)tree->fat_sectors * SECTOR_BYTES);
    sector(0)[0x28] = 0x81;
    assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
    assert_int_equal(open_path(SYSTEM), ST_OK);
    sector(0)[0x28] = 0x01; /* both are */
    assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
    assert_int_equal(open_path(SYSTEM), ST_CORRUPT);
    memdev_free(&disk);
}

/* Six copies of one sector instead of two of three: what lies behind is no part of the FAT any more. */
static void clusters_without_an_entry(void **state)
{
    (void)state;
    load_tree(&trees[0]);
    sector(0)[0x10] = 6;
    sector(0)[0x16] = 1;
    assert_int_equal(fs_mount(&fault.device, START, trees[0].sectors, &volume), ST_OK);
    assert_int_equal(open_path("PLAIN.BIN"), ST_OK);
    assert_int_equal(open_path(LONG), ST_CORRUPT);
    memdev_free(&disk);
}

/* Everything fs.h offers, in one go. */
static enum status use_all(const struct tree *tree)
{
    bool is_dirty;
    struct fs_extent extent;
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    enum status status = fs_mount(&fault.device, START, tree->sectors, &volume);
    if (status == ST_OK)
        status = fs_is_dirty(&volume, &is_dirty);
    if (status == ST_OK)
        status = open_path("System Files");
    for (unsigned i = 0; i < 15 && status == ST_OK; i++)
        status = fs_next(&file, &cursor, &entry);
    if (status == ST_OK)
        status = open_path(SYSTEM);
    memset(buffer, 0, sizeof buffer);
    for (uint32_t at = 0; at < 3500 && status == ST_OK; at += 700)
        status = fs_read(&file, at, buffer + at, 700);
    if (status == ST_OK)
        status = fs_extent(&file, 512, &extent);
    return status;
}

static void every_read_error_comes_out(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        unsigned nth = 1;
        load_tree(tree);
        for (;; nth++) {
            faultdev_init(&fault, &disk.device);
            faultdev_nth(&fault, nth, SPAN_ONCE, nth % 2 != 0 ? FAULT_ERROR : FAULT_SHORT);
            enum status status = use_all(tree);
            if (fault.faults == 0)
                break;
            assert_int_equal(status, ST_IO);
        }
        assert_memory_equal(buffer, content, 3500);
        assert_in_range(nth, 15, 60);
        memdev_free(&disk);
    }
}

/* What failed once is read again, and not taken from where it did not arrive. */
static void after_an_error_the_next_try_counts(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        for (unsigned nth = 1; nth < 20; nth++) {
            faultdev_init(&fault, &disk.device);
            assert_int_equal(fs_mount(&fault.device, START, tree->sectors, &volume), ST_OK);
            faultdev_nth(&fault, fault.reads + nth, SPAN_ONCE, FAULT_SHORT);
            enum status status = open_path(SYSTEM);
            assert_int_equal(status, fault.faults == 0 ? ST_OK : ST_IO);
            if (status != ST_OK)
                assert_int_equal(open_path(SYSTEM), ST_OK);
            for (uint32_t at = 0; at < 3500; at += 350) {
                status = fs_read(&file, at, buffer, 350);
                if (status != ST_OK)
                    status = fs_read(&file, at, buffer, 350);
                assert_int_equal(status, ST_OK);
                assert_memory_equal(buffer, content + at, 350);
            }
        }
        memdev_free(&disk);
    }
}

static enum status (*read_below)(struct blockdev *device, uint64_t lba, uint32_t sectors, void *into);

/* A read that fails may leave anything. */
static enum status read_or_scribble(struct blockdev *device, uint64_t lba, uint32_t sectors, void *into)
{
    enum status status = read_below(device, lba, sectors, into);
    if (status != ST_OK)
        memset(into, 0xDB, (size_t)sectors * SECTOR_BYTES);
    return status;
}

static void what_is_kept_is_not_half_a_sector(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        assert_int_equal(open_path(SYSTEM), ST_OK);
        check_read(10, 20);
        read_below = fault.device.read;
        fault.device.read = read_or_scribble;
        faultdev_nth(&fault, fault.reads + 1, SPAN_ONCE, FAULT_ERROR);
        assert_int_equal(fs_read(&file, 522, buffer, 20), ST_IO);
        check_read(10, 20);
        check_read(522, 20);
        memdev_free(&disk);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(damaged_chains),
    cmocka_unit_test(a_cluster_behind_the_last),
    cmocka_unit_test(a_looping_directory_ends),
    cmocka_unit_test(directories_that_begin_nowhere),
    cmocka_unit_test(files_and_directories_are_told_apart),
    cmocka_unit_test(sizes_that_lie),
    cmocka_unit_test(a_chain_longer_than_its_file),
    cmocka_unit_test(the_upper_half_counts_on_fat32_only),
    cmocka_unit_test(long_names_that_do_not_fit),
    cmocka_unit_test(pieces_in_the_wrong_place),
    cmocka_unit_test(the_longest_name),
    cmocka_unit_test(what_is_kept_is_not_half_a_sector),
    cmocka_unit_test(boot_sectors_that_lie),
    cmocka_unit_test(a_root_that_is_no_cluster),
    cmocka_unit_test(a_device_that_ends_too_early),
    cmocka_unit_test(the_fat_that_is_active),
    cmocka_unit_test(clusters_without_an_entry),
    cmocka_unit_test(every_read_error_comes_out),
    cmocka_unit_test(after_an_error_the_next_try_counts),
};

UNIT_MAIN(tests)
