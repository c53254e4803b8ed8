/* SPDX-License-Identifier: MIT */
/* fs/fs: where single bytes of a file stand, on FAT and NTFS; what a volume's log may do to an edit; and looking for a
 * file system where there may be none. A byte that is changed in its place must change in the file, and no other. */
#include "disk/retry.h"
#include "fat_tree.h"

#define NTFS_SECTORS 220u
#define RECORD_22 112u /* LISTED's, in ntfs-good.hex; the next one, 23, holds a part of it */

static uint32_t volume_sectors;

static uint8_t *first_byte(const struct fs_place *place)
{
    assert_in_range(place->offset, 0, SECTOR_BYTES - 1);
    return memdev_sector(&disk, place->lba) + place->offset;
}

static enum status fetch(const char *path)
{
    enum status status = fs_mount(&fault.device, 0, volume_sectors, &volume);
    if (status == ST_OK)
        status = fs_open(&volume, path, &file);
    return status == ST_OK ? fs_read(&file, 0, buffer, (uint32_t)file.bytes) : status;
}

/* Change each byte of the file in its place, and read the file again. */
static void every_byte_has_a_place_of_its_own(const char *path)
{
    struct fs_place place;
    assert_int_equal(fetch(path), ST_OK);
    memcpy(content, buffer, (size_t)file.bytes);
    for (uint32_t offset = 0; offset < file.bytes; offset++) {
        assert_int_equal(fs_place(&file, offset, &place), ST_OK);
        uint8_t *byte = first_byte(&place);
        assert_int_equal(*byte, content[offset]);
        *byte ^= 0xA5;
        assert_int_equal(fetch(path), ST_OK);
        content[offset] ^= 0xA5;
        assert_memory_equal(buffer, content, (size_t)file.bytes);
        content[offset] ^= 0xA5;
        *byte ^= 0xA5;
    }
    assert_int_equal(fs_place(&file, file.bytes, &place), ST_BOUNDS);
    assert_int_equal(fs_place(&file, (1ull << 32) + 1, &place), ST_BOUNDS);
    assert_int_equal(trail.used, 0);
}

/* ---- FAT ---- */

static void bytes_of_a_fat_file(void **state)
{
    (void)state;
    struct fs_place place;
    for (const struct tree *tree = trees; tree->bits != 0; tree++) {
        mount_tree(tree);
        write_chain(tree, tree->long_chain, LONG_CLUSTERS, content);
        assert_int_equal(open_path(LONG), ST_OK);
        for (uint32_t offset = 0; offset < file.bytes; offset++) {
            uint32_t cluster = offset / SECTOR_BYTES / tree->per_cluster;
            uint32_t lba = START + cluster_lba(tree, tree->long_chain[cluster]);
            assert_int_equal(fs_place(&file, offset, &place), ST_OK);
            assert_int_equal(place.lba, lba + offset / SECTOR_BYTES % tree->per_cluster);
            assert_int_equal(place.offset, offset % SECTOR_BYTES);
            assert_int_equal(*first_byte(&place), content[offset]);
        }
        assert_int_equal(fs_place(&file, file.bytes, &place), ST_BOUNDS);
        assert_int_equal(fs_place(&file, UINT64_MAX, &place), ST_BOUNDS);
        assert_int_equal(open_path("System Files"), ST_OK);
        assert_int_not_equal(fs_place(&file, 0, &place), ST_OK);
        assert_int_equal(open_path("readme.txt"), ST_OK); /* empty */
        assert_int_equal(fs_place(&file, 0, &place), ST_BOUNDS);
        memdev_free(&disk);
    }
}

/* FAT has no log, however dirty it is. */
static void fat_replays_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        load_tree(&trees[i]);
        sector(0)[i == 2 ? 0x41 : 0x25] = 1;
        assert_int_equal(fs_mount(&fault.device, START, trees[i].sectors, &volume), ST_OK);
        assert_false(fs_will_replay(&volume));
        memdev_free(&disk);
    }
}

/* That there is no file system is no failure; that it cannot be read is one. */
static void probing_leaves_no_trail_but_of_errors(void **state)
{
    (void)state;
    load_tree(&trees[1]);
    (void)trail_fail(&trail, SITE_FAT_CHAIN, ST_CORRUPT, 0x81, 7); /* somebody else's, before */
    assert_int_equal(fs_probe(&fault.device, START, trees[1].sectors, &volume), ST_OK);
    assert_int_equal(fs_probe(&fault.device, START, 10, &volume), ST_CORRUPT);
    memset(sector(0), 0, SECTOR_BYTES);
    assert_int_equal(fs_probe(&fault.device, START, trees[1].sectors, &volume), ST_CORRUPT);
    memcpy(sector(0) + 3, "NTFS    ", 8);
    assert_int_equal(fs_probe(&fault.device, START, trees[1].sectors, &volume), ST_CORRUPT);
    assert_int_equal(trail.used, 1);
    assert_int_equal(trail.entry[0].lba, 7);
    assert_int_equal(fs_mount(&fault.device, START, trees[1].sectors, &volume), ST_CORRUPT);
    assert_int_equal(trail.used, 2);
    assert_int_equal(fs_probe(&fault.device, START + 5000, 10, &volume), ST_BOUNDS);
    fault.device.trail = NULL;
    assert_int_equal(fs_probe(&fault.device, START, trees[1].sectors, &volume), ST_CORRUPT);
    struct retry reader; /* who reads through it notes what cannot be read */
    faultdev_kill(&fault, FAULT_ERROR);
    trail.used = 0;
    fault.device.trail = &trail;
    retry_init(&reader, &fault.device);
    assert_int_equal(fs_probe(&reader.device, START, trees[1].sectors, &volume), ST_IO);
    assert_int_equal(trail.used, 1);
    memdev_free(&disk);
}

/* ---- NTFS ---- */

static int set_up(void **state)
{
    (void)state;
    use(NTFS_SECTORS);
    volume_sectors = NTFS_SECTORS;
    fx_vector("ntfs-good.hex", disk.bytes, NTFS_SECTORS * SECTOR_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static void bytes_of_files_in_clusters_and_in_records(void **state)
{
    (void)state;
    struct fs_place place;
    every_byte_has_a_place_of_its_own("NTLDR");
    assert_int_equal(file.flags, FS_RESIDENT);
    every_byte_has_a_place_of_its_own("WINNT\\SYSTEM32\\CONFIG\\SYSTEM");
    every_byte_has_a_place_of_its_own("LISTED");
    assert_int_equal(fetch("WINNT\\SYSTEM32\\CONFIG\\SYSTEM"), ST_OK);
    assert_int_equal(fs_place(&file, 5 * 512 + 3, &place), ST_OK); /* its second piece */
    assert_int_equal(place.lba, 85);
    assert_int_equal(place.offset, 3);
}

static void files_that_have_no_bytes_in_places(void **state)
{
    (void)state;
    struct fs_place place;
    assert_int_equal(fetch("PACKED"), ST_OK);
    assert_int_equal(fs_place(&file, 9000, &place), ST_UNSUPPORTED);
    assert_int_equal(fetch("SPARSE.BIN"), ST_OK);
    assert_int_equal(fs_place(&file, 4 * 512 + 1, &place), ST_UNSUPPORTED); /* the hole */
    assert_int_equal(fs_place(&file, 700, &place), ST_OK);
    assert_int_equal(place.lba, 95);
    assert_int_equal(place.offset, 700 - 512);
    assert_int_equal(fs_open(&volume, "WINNT", &file), ST_OK);
    assert_int_equal(fs_place(&file, 0, &place), ST_BOUNDS);
    static const uint8_t flags[][2] = {{0x01, 0x00}, {0x00, 0x40}}; /* compressed, encrypted */
    uint8_t *data = memdev_sector(&disk, 108) + 0xE0;               /* of NTLDR, in its record */
    for (unsigned i = 0; i < 2; i++) {
        memcpy(data + 0x0C, flags[i], 2);
        assert_int_equal(fs_mount(&fault.device, 0, NTFS_SECTORS, &volume), ST_OK);
        assert_int_equal(fs_open(&volume, "NTLDR", &file), ST_OK);
        assert_int_equal(fs_place(&file, 0, &place), ST_UNSUPPORTED);
    }
}

/* NTLDR's data fill their record as far as they can: behind them stands the end of the list of attributes. The last two
 * bytes of the first sector are kept in the update sequence array, behind the number that stands in their place. */
static void the_last_bytes_of_a_records_sector(void **state)
{
    (void)state;
    struct fs_place place;
    uint8_t *record = memdev_sector(&disk, 108);
    uint8_t *data = record + 0xE0;
    uint32_t value = 0xE0 + 0x18;
    const uint8_t *array = record + get_le16(record + 4);
    put_le32(record + 0x18, 1024);
    put_le32(data + 4, 1016 - 0xE0);
    put_le32(data + 0x10, 1016 - value);
    put_le32(record + 1016, 0xFFFFFFFF);
    every_byte_has_a_place_of_its_own("NTLDR");
    assert_int_equal(file.bytes, 1016 - value);
    for (uint32_t at = 509; at < 513; at++) {
        bool is_moved = at == 510 || at == 511;
        assert_int_equal(fs_place(&file, at - value, &place), ST_OK);
        assert_ptr_equal(first_byte(&place), is_moved ? array + 2 + (at - 510) : record + at);
    }
}

/* LISTED's data move into the record that its attribute list names, as they do in a record that became too small. */
static void a_file_in_a_record_of_another(void **state)
{
    (void)state;
    uint8_t *list = memdev_sector(&disk, RECORD_22) + 0x78;
    uint8_t *at = list + get_le16(list + 0x14);
    const uint8_t *end = at + get_le32(list + 0x10);
    for (; at < end; at += get_le16(at + 4)) {
        bool is_data = get_le32(at) == 0x80 && at[6] == 0;
        if (is_data && get_le32(at + 8) == 0)
            put_le32(at + 0x10, 23);
        else if (is_data)
            put_le32(at, 0x100); /* there is one piece only */
    }
    uint8_t *record = memdev_sector(&disk, RECORD_22 + 2);
    uint8_t *data = record + 0x30;
    memset(data, 0, 400);
    put_le32(data, 0x80);
    put_le32(data + 4, 0x18 + 304);
    put_le32(data + 0x10, 300);
    put_le16(data + 0x14, 0x18);
    for (unsigned i = 0; i < 300; i++)
        data[0x18 + i] = (uint8_t)(i * 3);
    put_le32(data + 0x18 + 304, 0xFFFFFFFF);
    put_le32(record + 0x18, 0x30 + 0x18 + 304 + 8);
    every_byte_has_a_place_of_its_own("LISTED");
    assert_int_equal(file.bytes, 300);
    struct fs_place place;
    assert_int_equal(fs_place(&file, 0, &place), ST_OK);
    assert_int_equal(place.lba, RECORD_22 + 2);
}

static void load_image(const char *path)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    (void)fseek(stream, 0, SEEK_END);
    volume_sectors = (uint32_t)(ftell(stream) / (long)SECTOR_BYTES);
    rewind(stream);
    memdev_free(&disk);
    use(volume_sectors);
    assert_int_equal(fread(disk.bytes, SECTOR_BYTES, volume_sectors, stream), volume_sectors);
    (void)fclose(stream);
}

/* A volume with records of `record` bytes, and in one of them a file of `bytes`. */
static void make_volume(unsigned record, unsigned cluster, unsigned bytes)
{
    char directory[] = "/tmp/test_fs_place_XXXXXX";
    char command[600];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(command, sizeof command,
                   "python3 -B -c \"import sys; sys.path.insert(0, 'images'); import ntfs12; ntfs12.make('%s/i', 4000, "
                   "{'DIR/FILE': bytes((i * 7 + i // 256) %% 251 for i in range(%u))}, record=%u, cluster=%u, "
                   "log_bytes=65536)\"",
                   directory, bytes, record, cluster);
    int made = system(command);
    (void)snprintf(command, sizeof command, "%s/i", directory);
    if (made == 0)
        load_image(command);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(made, 0);
}

/* How many of the file's bytes are kept in the update sequence array. */
static unsigned count_moved(void)
{
    struct fs_place place;
    unsigned moved = 0;
    assert_int_equal(fetch("DIR\\FILE"), ST_OK);
    for (uint32_t offset = 0; offset < file.bytes; offset++) {
        assert_int_equal(fs_place(&file, offset, &place), ST_OK);
        moved += place.offset < 0x40 && memcmp(memdev_sector(&disk, place.lba), "FILE", 4) == 0;
    }
    return moved;
}

static void records_that_others_made(void **state)
{
    (void)state;
    static const struct {
        unsigned record;
        unsigned cluster;
        unsigned bytes;
        unsigned moved; /* two at the end of each of its sectors but the last, which no file's data reach */
    } cases[] = {{1024, 512, 500, 2}, {2048, 512, 1400, 6}, {4096, 512, 3400, 14}, {4096, 4096, 3400, 14}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_volume(cases[i].record, cases[i].cluster, cases[i].bytes);
        every_byte_has_a_place_of_its_own("DIR\\FILE");
        assert_int_equal(file.flags, FS_RESIDENT);
        assert_int_equal(file.bytes, cases[i].bytes);
        assert_int_equal(content[300], (300 * 7 + 300 / 256) % 251);
        assert_int_equal(count_moved(), cases[i].moved);
    }
}

static void a_record_that_cannot_be_read_any_more(void **state)
{
    (void)state;
    struct fs_place place;
    assert_int_equal(fetch("NTLDR"), ST_OK);
    struct fs_file ntldr = file;
    volume.as.ntfs.slot[2].valid = false; /* nothing of it is at hand */
    volume.as.ntfs.window_sectors = 0;
    faultdev_range(&fault, 108, 109, FAULT_ERROR);
    assert_int_equal(fs_place(&ntldr, 0, &place), ST_IO);
    fault.range_set = false;
    memdev_sector(&disk, 108)[0xE0 + 8] = 1; /* it is no resident one any more */
    assert_int_equal(fs_mount(&fault.device, 0, NTFS_SECTORS, &volume), ST_OK);
    assert_int_equal(fs_place(&ntldr, 0, &place), ST_CORRUPT);
}

/* ---- logs ---- */

static bool will_replay(void)
{
    assert_int_equal(fs_mount(&fault.device, 0, NTFS_SECTORS, &volume), ST_OK);
    return fs_will_replay(&volume);
}

static void what_the_restart_pages_say(void **state)
{
    (void)state;
    uint8_t *first = memdev_sector(&disk, 48);
    uint8_t *second = memdev_sector(&disk, 56);
    assert_false(will_replay()); /* the newer one has no client */
    put_le16(second + 0x30 + 0x0C, 0);
    assert_true(will_replay()); /* one, which did not say good-bye */
    second[0x30 + 0x0E] = 2;
    assert_false(will_replay()); /* as later systems say it */
    second[1022] ^= 1;
    assert_true(will_replay()); /* torn: the older one counts, which is open */
    memset(first, 0xFF, 4096);
    memset(second, 0xFF, 4096);
    assert_false(will_replay()); /* never used */
    faultdev_range(&fault, 56, 56, FAULT_ERROR);
    assert_true(will_replay()); /* nobody knows */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bytes_of_a_fat_file),
    cmocka_unit_test(fat_replays_nothing),
    cmocka_unit_test(probing_leaves_no_trail_but_of_errors),
    TEST(bytes_of_files_in_clusters_and_in_records),
    TEST(files_that_have_no_bytes_in_places),
    TEST(the_last_bytes_of_a_records_sector),
    TEST(a_file_in_a_record_of_another),
    TEST(records_that_others_made),
    TEST(a_record_that_cannot_be_read_any_more),
    TEST(what_the_restart_pages_say),
};

UNIT_MAIN(tests)
