/* SPDX-License-Identifier: MIT */
/* fs/fs and the FAT driver behind it: the same tree on FAT12, FAT16 and FAT32, what reading costs, and volumes that
 * mtools made. */
#include "fat_tree.h"

static void check_list(const char *path, const char *const *names, unsigned count)
{
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    assert_int_equal(open_path(path), ST_OK);
    assert_int_equal(file.flags, FS_DIRECTORY);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(fs_next(&file, &cursor, &entry), ST_OK);
        assert_string_equal(entry.name, names[i]);
    }
    assert_int_equal(fs_next(&file, &cursor, &entry), ST_NOT_FOUND);
    assert_int_equal(fs_next(&file, &cursor, &entry), ST_NOT_FOUND);
}

static const char *const root_names[] = {LONG,        "PLAIN.BIN",    "readme.txt",
                                         "ÄRGER.TXT", "System Files", "\xEF\x83\xA5\xEF\x82\xB0.C"};
static const char *const tree_names[] = {"Größe 𝄞.dat", "FILL00", "FILL01", "FILL02", "FILL03", "FILL04",
                                         "FILL05",      "FILL06", "FILL07", "FILL08", "FILL09", "FILL10"};
static const char *const config_names[] = {"SYSTEM"};

static void lists(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        char name[8];
        (void)snprintf(name, sizeof name, "fat%u", tree->bits);
        assert_string_equal(fs_name(&volume), name);
        check_list("", root_names, 6);
        check_list("\\", root_names, 6);
        check_list("system files/config", config_names, 1);
        struct fs_cursor cursor = {0};
        struct fs_entry entry;
        assert_int_equal(open_path("System Files"), ST_OK);
        for (unsigned i = 0; i < 12; i++) {
            assert_int_equal(fs_next(&file, &cursor, &entry), ST_OK);
            assert_string_equal(entry.name, tree_names[i]);
            assert_int_equal(entry.flags, 0);
        }
        memdev_free(&disk);
    }
}

static void entries_tell_kind_and_size(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        uint32_t cluster_bytes = tree->per_cluster * SECTOR_BYTES;
        const uint64_t sizes[] = {3 * cluster_bytes + 100, 1, 0, cluster_bytes < 700 ? cluster_bytes : 700, 0, 5};
        mount_tree(tree);
        assert_int_equal(open_path(""), ST_OK);
        struct fs_cursor cursor = {0};
        for (unsigned i = 0; i < 6; i++) {
            struct fs_entry entry;
            assert_int_equal(fs_next(&file, &cursor, &entry), ST_OK);
            assert_int_equal(entry.flags, i == 4 ? FS_DIRECTORY : 0);
            assert_int_equal(entry.bytes, sizes[i]);
        }
        memdev_free(&disk);
    }
}

static void a_listing_goes_on_where_it_stopped(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        struct fs_file other;
        struct fs_cursor cursor = {0};
        struct fs_cursor inner = {0};
        struct fs_entry entry;
        mount_tree(tree);
        assert_int_equal(fs_open(&volume, "System Files", &other), ST_OK);
        assert_int_equal(open_path(""), ST_OK);
        for (unsigned i = 0; i < 6; i++) { /* two in turn, over one cache */
            assert_int_equal(fs_next(&file, &cursor, &entry), ST_OK);
            assert_string_equal(entry.name, root_names[i]);
            assert_int_equal(fs_next(&other, &inner, &entry), ST_OK);
            assert_string_equal(entry.name, tree_names[i]);
        }
        inner = (struct fs_cursor){0};
        assert_int_equal(fs_next(&other, &inner, &entry), ST_OK);
        assert_string_equal(entry.name, tree_names[0]);
        memdev_free(&disk);
    }
}

/* `bytes` tells which file it is; 0 stands for a directory. */
static void check_path(const char *path, uint64_t bytes)
{
    assert_int_equal(open_path(path), ST_OK);
    assert_int_equal(file.flags, bytes == 0 ? FS_DIRECTORY : 0);
    assert_int_equal(file.bytes, bytes);
}

static void paths_that_lead_there(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        uint32_t cluster_bytes = tree->per_cluster * SECTOR_BYTES;
        uint32_t umlaut_bytes = cluster_bytes < 700 ? cluster_bytes : 700;
        static const char *const long_paths[] = {LONG,
                                                 "\\" LONG,
                                                 "LONG NAME WITH SPACES.TXT",
                                                 "LONGNA~1.TXT",
                                                 "/longna~1.txt",
                                                 "\\\\longna~1.TXT",
                                                 "//\\/LongNa~1.txt"};
        mount_tree(tree);
        for (unsigned i = 0; i < sizeof long_paths / sizeof long_paths[0]; i++)
            check_path(long_paths[i], 3 * cluster_bytes + 100);
        check_path("plain.bin", 1);
        check_path("Ärger.txt", umlaut_bytes);
        check_path("äRGER.TXT", umlaut_bytes);
        check_path("\xEF\x83\xA5\xEF\x82\xB0.c", 5);
        check_path("\\system files\\\\CONFIG/system", 7 * cluster_bytes);
        check_path("system~1//config\\SYSTEM", 7 * cluster_bytes);
        check_path("System Files", 0);
        check_path("SYSTEM~1", 0);
        check_path("system~1/", 0);
        check_path("System Files/config\\\\", 0);
        assert_int_equal(open_path("README.TXT"), ST_OK);
        assert_int_equal(open_path("SYSTEM~1\\FILL00"), ST_OK);
        assert_int_equal(open_path("System Files/grÖßE 𝄞.DAT"), ST_OK);
        assert_int_equal(open_path("System Files\\GRE~1.dat"), ST_OK);
        memdev_free(&disk);
    }
}

/* Letters of code page 437, and bytes that are none there or that other code pages disagree about. */
static void letters_of_dos(void **state)
{
    (void)state;
    static const char *const names[] = {"ÇüÉÄåÖÜß.ñÑó", "\xEF\x82\x9E\xEF\x82\xB1\xEF\x83\xBF"};
    load_tree(&trees[1]);
    uint8_t *root = sector(trees[1].root_lba);
    memset(root, 0, SECTOR_BYTES);
    memcpy(root, "\x80\x81\x90\x8E\x86\x99\x9A\xE1\xA4\xA5\xA2", 11);
    memcpy(root + 32, "\x9E\xB1\xFF        ", 11);
    assert_int_equal(fs_mount(&fault.device, START, trees[1].sectors, &volume), ST_OK);
    check_list("", names, 2);
    assert_int_equal(open_path("çÜéäÅöüß.ÑñÓ"), ST_OK);
    memdev_free(&disk);
}

static void paths_that_lead_nowhere(void **state)
{
    (void)state;
    static const char *const paths[] = {"nothing",
                                        "Long Name With Spaces.tx",
                                        "Long Name With Spaces.txtx",
                                        "LONGNA~1",
                                        "LONGNA~1TXT",
                                        "LONGNA~1.TX",
                                        "MIRROR DISK",
                                        "MIRROR D.ISK",
                                        "Orphan name.bin",
                                        "Gone for good.txt",
                                        "GONEFO~1.TXT",
                                        "README",
                                        "README.",
                                        "README  .TXT",
                                        ".",
                                        "..",
                                        "System Files\\.",
                                        "System Files\\..",
                                        "PLAIN.BIN\\x",
                                        "System Files\\CONFIG\\SYSTEM\\x",
                                        "System Files\\nothing\\SYSTEM",
                                        "System",
                                        "CONFIG",
                                        "RGER.TXT",
                                        "\xEF\xBF\xBD.C",
                                        "\x8ERGER.TXT"};
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
            assert_int_equal(open_path(paths[i]), ST_NOT_FOUND);
        assert_int_equal(trail.used, 0);
        memdev_free(&disk);
    }
}

static void reads_of_any_length_anywhere(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 2, 511, 512, 513, 1024, 1500, 2048};
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        assert_int_equal(open_path(SYSTEM), ST_OK);
        assert_int_equal(file.bytes, SYSTEM_CLUSTERS * tree->per_cluster * SECTOR_BYTES);
        assert_int_equal(file.flags, 0);
        check_read(0, (uint32_t)file.bytes);
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
            for (uint32_t back = lengths[i]; back <= file.bytes; back += 37)
                check_read(file.bytes - back, lengths[i]);
        for (uint32_t at = 0; at + 700 <= file.bytes; at += 131)
            check_read(at, 700);
        write_chain(tree, tree->long_chain, LONG_CLUSTERS, content);
        assert_int_equal(open_path(LONG), ST_OK);
        assert_int_equal(file.bytes, 3 * tree->per_cluster * SECTOR_BYTES + 100);
        check_read(0, (uint32_t)file.bytes);
        check_read(file.bytes - 1, 1);
        check_read(file.bytes, 0);
        memdev_free(&disk);
    }
}

static void what_cannot_be_asked(void **state)
{
    (void)state;
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    struct fs_extent extent;
    mount_tree(&trees[1]);
    assert_int_equal(open_path("readme.txt"), ST_OK);
    assert_int_equal(fs_read(&file, 0, buffer, 0), ST_OK);
    assert_int_equal(fs_read(&file, 0, buffer, 1), ST_BOUNDS);
    assert_int_equal(fs_extent(&file, 0, &extent), ST_BOUNDS);
    assert_int_equal(fs_next(&file, &cursor, &entry), ST_UNSUPPORTED);
    assert_int_equal(open_path(LONG), ST_OK);
    assert_int_equal(fs_read(&file, file.bytes - 10, buffer, 11), ST_BOUNDS);
    assert_int_equal(fs_read(&file, file.bytes + 1, buffer, 0), ST_BOUNDS);
    assert_int_equal(fs_read(&file, 1ull << 32, buffer, 1), ST_BOUNDS);
    assert_int_equal(fs_read(&file, UINT64_MAX, buffer, 2), ST_BOUNDS);
    assert_int_equal(fs_read(&file, 1, buffer, UINT32_MAX), ST_BOUNDS);
    assert_int_equal(fs_extent(&file, 100, &extent), ST_BOUNDS);
    assert_int_equal(fs_extent(&file, 4 * SECTOR_BYTES, &extent), ST_BOUNDS);
    assert_int_equal(fs_extent(&file, 1ull << 32, &extent), ST_BOUNDS);
    assert_int_equal(open_path("System Files"), ST_OK);
    assert_int_equal(fs_read(&file, 0, buffer, 0), ST_UNSUPPORTED);
    assert_int_equal(fs_extent(&file, 0, &extent), ST_UNSUPPORTED);
    memdev_free(&disk);
}

/* `lengths`: how many clusters lie side by side. */
static void check_extents(const struct tree *tree, const uint32_t *chain, const uint32_t *lengths,
                          uint32_t last_sectors)
{
    uint32_t number = 0;
    for (uint64_t offset = 0; offset < file.bytes; lengths++) {
        struct fs_extent extent;
        uint32_t sectors = *lengths * tree->per_cluster;
        if (lengths[1] == 0)
            sectors = last_sectors;
        for (uint32_t skip = 0; skip < sectors; skip++) {
            assert_int_equal(fs_extent(&file, offset + (uint64_t)skip * SECTOR_BYTES, &extent), ST_OK);
            assert_int_equal(extent.lba, START + cluster_lba(tree, chain[number]) + skip);
            assert_int_equal(extent.sectors, sectors - skip);
        }
        number += *lengths;
        offset += (uint64_t)sectors * SECTOR_BYTES;
    }
}

static void extents(void **state)
{
    (void)state;
    static const uint32_t system_lengths[] = {4, 1, 1, 1, 0};
    static const uint32_t long_lengths[] = {3, 1, 0};
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        assert_int_equal(open_path(SYSTEM), ST_OK);
        check_extents(tree, tree->system_chain, system_lengths, tree->per_cluster);
        check_extents(tree, tree->system_chain, system_lengths, tree->per_cluster); /* back to the first */
        assert_int_equal(open_path(LONG), ST_OK);
        check_extents(tree, tree->long_chain, long_lengths,
                      1); /* 100 bytes: the rest of the cluster is not the file's */
        memdev_free(&disk);
    }
}

static void dirty(void **state)
{
    (void)state;
    static const uint32_t clean[] = {0xFFF, 0xFFFF, 0x0FFFFFFF};
    static const uint32_t bit[] = {0x800, 0x8000, 0x08000000};
    static const unsigned flag_at[] = {0x25, 0x25, 0x41};
    for (unsigned i = 0; i < 3; i++) {
        bool is_dirty = true;
        mount_tree(&trees[i]);
        assert_int_equal(fs_is_dirty(&volume, &is_dirty), ST_OK);
        assert_false(is_dirty);
        sector(0)[flag_at[i]] = 2; /* only a surface scan was asked for */
        assert_int_equal(fs_mount(&fault.device, START, trees[i].sectors, &volume), ST_OK);
        assert_int_equal(fs_is_dirty(&volume, &is_dirty), ST_OK);
        assert_false(is_dirty);
        sector(0)[flag_at[i]] = 1;
        assert_int_equal(fs_mount(&fault.device, START, trees[i].sectors, &volume), ST_OK);
        assert_int_equal(fs_is_dirty(&volume, &is_dirty), ST_OK);
        assert_true(is_dirty);
        sector(0)[flag_at[i]] = 0;
        set_entry(&trees[i], 1, clean[i] & ~bit[i]);
        assert_int_equal(fs_mount(&fault.device, START, trees[i].sectors, &volume), ST_OK);
        assert_int_equal(fs_is_dirty(&volume, &is_dirty), ST_OK);
        assert_int_equal(is_dirty, i != 0); /* FAT12 has no such bit */
        memdev_free(&disk);
    }
}

static void a_volume_must_fit_its_partition(void **state)
{
    (void)state;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        uint32_t used = tree->sectors - (tree->sectors - tree->data_lba) % tree->per_cluster;
        mount_tree(tree);
        assert_int_equal(fs_mount(&fault.device, START, used, &volume), ST_OK);
        assert_int_equal(fs_mount(&fault.device, START, used - 1, &volume), ST_CORRUPT);
        assert_int_equal(trail.entry[0].site, SITE_FAT_SHAPE);
        memdev_free(&disk);
    }
}

static void ntfs_is_left_to_its_driver(void **state)
{
    (void)state;
    load_tree(&trees[1]);
    memcpy(sector(0) + 3, "NTFS    ", 8);
    assert_int_equal(fs_mount(&fault.device, START, trees[1].sectors, &volume), ST_CORRUPT);
    assert_string_equal(fs_name(&volume), "ntfs");
    assert_int_not_equal(trail.entry[0].site, SITE_FAT_SHAPE);
    memdev_free(&disk);
}

static void fill(size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        content[i] = (uint8_t)(i * 7 + i / 512 + i / 65536);
}

static void what_reading_costs(void **state)
{
    (void)state;
    enum { BIG = 300000, PIECES = 200 * 512 };
    struct fs_extent extent;
    use(FLOPPY_SECTORS);
    fx_floppy(&disk);
    fill(BIG);
    fx_file(&disk, "BIG     BIN", content, BIG);
    fx_file_step(&disk, "PIECES  BIN", content, PIECES, 2);
    assert_int_equal(fs_mount(&fault.device, 0, FLOPPY_SECTORS, &volume), ST_OK);
    assert_int_equal(fault.reads, 1);
    assert_int_equal(open_path("big.bin"), ST_OK);
    assert_int_equal(fault.reads, 1 + 1 + 2); /* root directory, 587 entries of the FAT */
    check_read(0, BIG);
    assert_int_equal(fault.reads, 4 + 9 + 2); /* 585 sectors by 64, ... and the ragged end */
    unsigned before = fault.reads;
    for (uint32_t i = 1; i <= 100; i++) /* backwards: a sector each, and no walk */
        check_read(BIG - 1 - 2900 * i, 1);
    assert_int_equal(fault.reads - before, 100);
    assert_int_equal(fs_extent(&file, 0, &extent), ST_OK);
    assert_int_equal(extent.sectors, 586);
    assert_int_equal(fault.reads - before, 100);
    assert_int_equal(open_path("pieces.bin"), ST_OK);
    before = fault.reads;
    for (uint32_t at = 0; at < PIECES; at += 64)
        check_read(at, 64);
    assert_in_range(fault.reads - before, 200, 2 * 200 + 2); /* a sector of the FAT and one of data for each cluster */
    memdev_free(&disk);
}

/* seq FIRST LAST, as the recipe below runs it. */
static size_t numbers(unsigned first, unsigned last)
{
    size_t bytes = 0;
    for (unsigned i = first; i <= last; i++)
        bytes += (size_t)snprintf((char *)content + bytes, 16, "%u\n", i);
    return bytes;
}

static void load_image(const char *path)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    (void)fseek(stream, 0, SEEK_END);
    long bytes = ftell(stream);
    rewind(stream);
    use((uint32_t)(bytes / (long)SECTOR_BYTES));
    assert_int_equal(fread(disk.bytes, SECTOR_BYTES, disk.sectors, stream), disk.sectors);
    (void)fclose(stream);
}

/* Files of growing length; every third goes, and larger ones fill the holes. */
#define FILL                                                                                                           \
    "; export LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1; mmd -i $D/i ::/WINNT ::/WINNT/System32 \"::/WINNT/Ein Ürdner\";"    \
    "for i in $(seq 1 40); do seq $i $((i*20)) > \"$D/file number $i.txt\"; done;"                                     \
    "mcopy -i $D/i $D/file* ::/WINNT/System32; for i in $(seq 3 3 40); do"                                             \
    "  mdel -i $D/i \"::/WINNT/System32/file number $i.txt\"; done;"                                                   \
    "seq 1 9000 > $D/NTOSKRNL.EXE; mcopy -i $D/i $D/NTOSKRNL.EXE ::/WINNT/System32;"                                   \
    "seq 5 777 > $D/lower.dat; mcopy -i $D/i $D/lower.dat \"::/WINNT/Ein Ürdner\""

static void check_made(const char *recipe, const char *name)
{
    char directory[] = "/tmp/test_fs_XXXXXX";
    char command[2000];
    char path[80];
    unsigned found = 0;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(command, sizeof command, "D=%s; %s" FILL, directory, recipe);
    int made = system(command);
    (void)snprintf(path, sizeof path, "%s/i", directory);
    if (made == 0)
        load_image(path);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(made, 0);
    assert_int_equal(fs_mount(&fault.device, 0, disk.sectors, &volume), ST_OK);
    assert_string_equal(fs_name(&volume), name);
    for (unsigned i = 1; i <= 40; i++) {
        (void)snprintf(path, sizeof path, "\\winnt\\SYSTEM32\\File Number %u.TXT", i);
        enum status status = open_path(path);
        assert_int_equal(status, i % 3 == 0 ? ST_NOT_FOUND : ST_OK);
        if (status != ST_OK)
            continue;
        assert_int_equal(file.bytes, numbers(i, i * 20));
        check_read(0, (uint32_t)file.bytes);
    }
    assert_int_equal(open_path("WINNT\\System32\\NTOSKRNL.EXE"), ST_OK);
    assert_int_equal(file.bytes, numbers(1, 9000));
    check_read(0, (uint32_t)file.bytes);
    check_read(12345, 23456);
    assert_int_equal(open_path("WINNT\\ein ürdner\\LOWER.DAT"), ST_OK);
    assert_int_equal(file.bytes, numbers(5, 777));
    check_read(0, (uint32_t)file.bytes);
    assert_int_equal(open_path("WINNT\\System32"), ST_OK);
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    while (fs_next(&file, &cursor, &entry) == ST_OK)
        found += entry.bytes != 0;
    assert_int_equal(found, 40 - 13 + 1);
    memdev_free(&disk);
}

static void volumes_nobody_here_made(void **state)
{
    (void)state;
    check_made("mformat -C -i $D/i -f 1440 ::", "fat12");
    check_made("/sbin/mkfs.fat -C -F 12 -s 1 $D/i 2000 >/dev/null", "fat12");
    check_made("/sbin/mkfs.fat -C -F 16 -s 1 $D/i 8192 >/dev/null", "fat16");
    check_made("/sbin/mkfs.fat -C -F 16 -s 16 $D/i 65536 >/dev/null", "fat16");
    check_made("/sbin/mkfs.fat -C -F 32 -s 1 $D/i 40000 >/dev/null", "fat32");
    check_made("/sbin/mkfs.fat -C -F 32 -S 1024 -s 2 $D/i 140000 >/dev/null", "fat32");
    check_made("/sbin/mkfs.fat -C -F 16 -S 2048 -s 1 $D/i 16384 >/dev/null", "fat16");
    check_made("/sbin/mkfs.fat -C -F 16 -S 4096 -s 1 $D/i 32768 >/dev/null", "fat16");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lists),
    cmocka_unit_test(entries_tell_kind_and_size),
    cmocka_unit_test(a_listing_goes_on_where_it_stopped),
    cmocka_unit_test(paths_that_lead_there),
    cmocka_unit_test(paths_that_lead_nowhere),
    cmocka_unit_test(letters_of_dos),
    cmocka_unit_test(reads_of_any_length_anywhere),
    cmocka_unit_test(what_cannot_be_asked),
    cmocka_unit_test(extents),
    cmocka_unit_test(dirty),
    cmocka_unit_test(a_volume_must_fit_its_partition),
    cmocka_unit_test(ntfs_is_left_to_its_driver),
    cmocka_unit_test(what_reading_costs),
    cmocka_unit_test(volumes_nobody_here_made),
};

UNIT_MAIN(tests)
