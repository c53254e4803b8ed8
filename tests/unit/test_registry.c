/* SPDX-License-Identifier: MIT */
/* change/registry: DISK\Information of an installation, byte for byte, wherever in the hive it lies; the drive letters;
 * and everything that stands in the way. The records before and afterwards are written down in information.h. */
#include "change/registry.h"
#include "ntpair.h"
#include "planning.h"
#include "raw_ntfs.h"

#define HIVE_SECTOR(at) ((at) / SECTOR_BYTES)

static struct hand_volume volume;
static struct hand_installation nt;
static struct dissolution wish;
static const char *file;

/* Both mirrors shall be broken: the first one in favour of its shadow, the second one of its primary. */
static void want(bool first, bool second)
{
    wish = (struct dissolution){.config = &config, .wanted = {first, second}, .keep = {ROLE_SHADOW, ROLE_PRIMARY}};
}

static int set_up(void **state)
{
    (void)state;
    two_mirror_machine();
    want(true, true);
    return 0;
}

/* An installation with these hives on the first disk. */
static void install(const struct hand_hive *system, const struct hand_hive *alternate)
{
    hand_format(&volume, &rig.disk[0], 63, 900);
    nt = hand_install(&volume, "WINNT", system, alternate);
}

static enum obstacle plan_at(uint32_t start, uint32_t sectors, const char *directory)
{
    look(false);
    changes.count = 0;
    file = NULL;
    struct edit edit = {&changes, &inventory.disk[0], "registry", "D05"};
    assert_int_equal(fs_mount(&inventory.disk[0].reader.device, start, sectors, &rig.work.volume), ST_OK);
    return registry_plan(&edit, &rig.work, directory, &wish, &file);
}

static enum obstacle plan(void)
{
    return plan_at(63, 900, "\\WINNT");
}

/* The record `before` becomes `after`, in a hive of this shape, and nothing else changes. */
static void expect_becomes(const struct hand_hive *hive, const uint8_t *after, size_t bytes)
{
    install(hive, hive);
    assert_int_equal(plan(), OBSTACLE_NONE);
    expect_information(0, nt.system, hive, after, (uint32_t)bytes);
    expect_information(0, nt.alternate, hive, after, (uint32_t)bytes);
    expect_written();
}

/* ---- what it becomes ---- */

static void both_mirrors_at_once(void **state)
{
    (void)state;
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    expect_becomes(&hive, two_both_broken, sizeof two_both_broken);
}

static void one_mirror_and_the_other_later(void **state)
{
    (void)state;
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    static const struct hand_hive first = HAND_HIVE(two_first_broken);
    static const struct hand_hive second = HAND_HIVE(two_second_broken);
    want(true, false);
    expect_becomes(&hive, two_first_broken, sizeof two_first_broken);
    want(false, true);
    expect_becomes(&hive, two_second_broken, sizeof two_second_broken);
    expect_becomes(&first, two_both_broken, sizeof two_both_broken);
    want(true, false);
    expect_becomes(&second, two_both_broken, sizeof two_both_broken);
}

static void the_shape_of_the_hive(void **state)
{
    (void)state;
    struct hand_hive hive = HAND_HIVE(two_mirrors);
    hive.value_at = 0x1FF8; /* its name is in one sector, its length in the next */
    assert_int_not_equal(HIVE_SECTOR(hive.value_at + 4), HIVE_SECTOR(hand_length_at(&hive)));
    expect_becomes(&hive, two_both_broken, sizeof two_both_broken);
    hive.value_at = 0x3000;
    for (hive.data_at = 0x1300; hive.data_at <= 0x1500; hive.data_at += 8)
        expect_becomes(&hive, two_both_broken, sizeof two_both_broken);
    hive.data_at = 0x1300;
    hive.minor = 1; /* cells have a head of eight bytes */
    expect_becomes(&hive, two_both_broken, sizeof two_both_broken);
    hive.minor = 5;
    expect_becomes(&hive, two_both_broken, sizeof two_both_broken);
}

/* A record so wide that what changes in it lies in three sectors: the size of the sets' part in the header; the first
 * half, and ten partitions behind it; the second half and the set. */
#define WIDE_PLAIN(start) INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, start, 9, 0, 1, 0, 0)
#define WIDE_PLAINS                                                                                                    \
    WIDE_PLAIN(2000), WIDE_PLAIN(2010), WIDE_PLAIN(2020), WIDE_PLAIN(2030), WIDE_PLAIN(2040), WIDE_PLAIN(2050),        \
        WIDE_PLAIN(2060), WIDE_PLAIN(2070), WIDE_PLAIN(2080), WIDE_PLAIN(2090)
static const uint8_t wide[] = {INFO_HEADER(644, 48),
                               INFO_DISKS(2),
                               INFO_DISK(11, DISK_A),
                               INFO_PARTITION(INFO_MIRROR, INFO_HEALTHY, 63, 900, 'C', 1, 0, 0),
                               WIDE_PLAINS,
                               INFO_DISK(1, DISK_B),
                               INFO_PARTITION(INFO_MIRROR, INFO_ORPHANED, 63, 900, 0, 1, 0, 1),
                               INFO_SETS(1),
                               INFO_SET(2, INFO_MIRROR, 1),
                               INFO_MEMBER(INFO_HEALTHY, DISK_A, 56),
                               INFO_MEMBER(INFO_ORPHANED, DISK_B, 636)};
static const uint8_t wide_broken[] = {INFO_HEADER(644, 4),
                                      INFO_DISKS(2),
                                      INFO_DISK(11, DISK_A),
                                      INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, 63, 900, 'C', 1, 0, 0),
                                      WIDE_PLAINS,
                                      INFO_DISK(1, DISK_B),
                                      INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, 63, 900, 0, 1, 0, 1),
                                      INFO_SETS(0)};

static void data_from_the_last_sector_to_the_first_then_the_length(void **state)
{
    (void)state;
    struct hand_hive hive = HAND_HIVE(wide);
    hive.data_at = 0x13E0;
    hive.value_at = 0x3000;
    want(true, false);
    wish.keep[0] = ROLE_PRIMARY;
    expect_becomes(&hive, wide_broken, sizeof wide_broken);
    const struct planned order[] = {{0, nt.system + 11},   {0, nt.system + 10},    {0, nt.system + 9},
                                    {0, nt.system + 24},   {0, nt.alternate + 11}, {0, nt.alternate + 10},
                                    {0, nt.alternate + 9}, {0, nt.alternate + 24}};
    expect_order(order, sizeof order / sizeof order[0]);
    hive.value_at = 0x1200; /* in the data's first sector: it is written with the rest of that, and once */
    expect_becomes(&hive, wide_broken, sizeof wide_broken);
    assert_int_equal(changes.count, 6);
}

/* Some NTs count the members' offsets from DISK_REGISTRY. They go on doing so. */
static void offsets_that_are_counted_from_the_registry(void **state)
{
    (void)state;
    static uint8_t before[sizeof two_mirrors];
    static uint8_t after[sizeof two_first_broken];
    struct hand_hive hive = HAND_HIVE(before);
    memcpy(before, two_mirrors, sizeof before);
    memcpy(after, two_first_broken, sizeof after);
    for (unsigned set = 0; set < 3; set++)
        for (unsigned member = 0; member < 2; member++) {
            unsigned at = 436 + 4 + 44 * set + 12 + 16 * member + 8;
            hand_le(before + at, (before[at] | (unsigned)before[at + 1] << 8) - 44, 2);
            if (set < 2)
                hand_le(after + at, (after[at] | (unsigned)after[at + 1] << 8) - 44, 2);
        }
    want(true, false);
    expect_becomes(&hive, after, sizeof after);
}

static void one_hive_is_enough(void **state)
{
    (void)state;
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    install(&hive, NULL);
    assert_int_equal(plan(), OBSTACLE_NONE);
    expect_information(0, nt.system, &hive, two_both_broken, sizeof two_both_broken);
    expect_written();
    hand_format(&volume, &rig.disk[0], 63, 900); /* and if it is the other one */
    static uint8_t bytes[HAND_HIVE_BYTES];
    hand_hive(&hive, bytes);
    nt.alternate = hand_file(&volume, "WINNT/SYSTEM32/CONFIG/SYSTEM.ALT", bytes, sizeof bytes);
    assert_int_equal(plan(), OBSTACLE_NONE);
    expect_information(0, nt.alternate, &hive, two_both_broken, sizeof two_both_broken);
    expect_written();
    hand_format(&volume, &rig.disk[0], 63, 900);
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_int_equal(changes.count, 0);
}

/* ---- drive letters ---- */

static void expect_letters(unsigned set, char before, char after)
{
    assert_true(wish.letters[set].known);
    assert_int_equal(wish.letters[set].before, before);
    assert_int_equal(wish.letters[set].after, after);
}

static void letters_as_the_first_registry_has_them(void **state)
{
    (void)state;
    static uint8_t other[sizeof two_mirrors];
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    static const struct hand_hive alternate = HAND_HIVE(other);
    memcpy(other, two_mirrors, sizeof other);
    other[56 + 40] = 'X';
    install(&hive, &alternate);
    want(true, false);
    assert_int_equal(plan(), OBSTACLE_NONE);
    expect_letters(0, 'C', 'C');
    assert_false(wish.letters[1].known);
    want(false, true);
    assert_int_equal(plan(), OBSTACLE_NONE);
    expect_letters(1, 'D', 'D');
    assert_false(wish.letters[0].known);
}

/* The half that is kept is in no record, or nobody gave the mirror a letter. */
static void letters_that_nobody_knows(void **state)
{
    (void)state;
    static uint8_t other[sizeof two_mirrors];
    static const struct hand_hive hive = HAND_HIVE(other);
    memcpy(other, two_mirrors, sizeof other);
    other[220 + 8] ^= 2; /* the shadow begins elsewhere */
    install(&hive, NULL);
    want(true, false);
    assert_int_equal(plan(), OBSTACLE_NONE);
    expect_letters(0, 'C', 0);
    memcpy(other, two_mirrors, sizeof other);
    other[56 + 40] = 0;
    install(&hive, NULL);
    want(true, false);
    assert_int_equal(plan(), OBSTACLE_NONE);
    expect_letters(0, 0, 0);
}

/* ---- what stands in the way ---- */

static void expect_obstacle(enum obstacle obstacle, const char *name)
{
    assert_int_equal(plan(), obstacle);
    assert_string_equal(file, name);
}

/* Which file it is that is bad. */
static void in_either_file(const struct hand_hive *bad, enum obstacle obstacle)
{
    static const struct hand_hive good = HAND_HIVE(two_mirrors);
    install(bad, &good);
    expect_obstacle(obstacle, "SYSTEM");
    install(&good, bad);
    expect_obstacle(obstacle, "SYSTEM.ALT");
    install(bad, NULL);
    expect_obstacle(obstacle, "SYSTEM");
}

static void sectors_that_cannot_be_read(void **state)
{
    (void)state;
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    install(&hive, &hive);
    faultdev_range(&rig.fault[0], nt.system + 8, nt.system + 8, FAULT_SILENT); /* the keys */
    expect_obstacle(OBSTACLE_UNREADABLE, "SYSTEM");
    faultdev_range(&rig.fault[0], nt.alternate + 10, nt.alternate + 10, FAULT_ERROR); /* the data's end */
    expect_obstacle(OBSTACLE_UNREADABLE, "SYSTEM.ALT");
}

static void a_hive_or_a_record_that_contradicts_itself(void **state)
{
    (void)state;
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    static uint8_t lies[sizeof two_mirrors];
    static const struct hand_hive lying = HAND_HIVE(lies);
    install(&hive, &hive);
    sector_of(0, nt.system)[100] ^= 1;
    expect_obstacle(OBSTACLE_DAMAGED, "SYSTEM");
    sector_of(0, nt.system)[100] ^= 1;
    sector_of(0, nt.alternate + 9)[4] = 'X'; /* the value's cell is none */
    expect_obstacle(OBSTACLE_DAMAGED, "SYSTEM.ALT");
    memcpy(lies, two_mirrors, sizeof lies);
    hand_le(lies + 0x10, 60000, 4); /* more disks than the value has bytes */
    in_either_file(&lying, OBSTACLE_DAMAGED);
}

static void a_write_that_was_cut_off(void **state)
{
    (void)state;
    static const struct hand_hive unclean = {two_mirrors, sizeof two_mirrors, HAND_VALUE_AT, HAND_DATA_AT, {8, 7}, 3,
                                             false};
    in_either_file(&unclean, OBSTACLE_UNCLEAN);
}

/* Its log fits: NT will finish the write, and take back whatever was edited. */
static void a_write_that_the_log_will_finish(void **state)
{
    (void)state;
    static const struct hand_hive unclean = {two_mirrors, sizeof two_mirrors, HAND_VALUE_AT, HAND_DATA_AT, {8, 7}, 3,
                                             false};
    static uint8_t made[HAND_HIVE_BYTES];
    static uint8_t log[1024 + HAND_BINS_BYTES];
    static const uint8_t every_page[] = "DIRT\xFF\xFF\xFF\xFF\xFF\xFF";
    install(&unclean, NULL);
    hand_hive(&unclean, made);
    memcpy(log, made, 512);
    hand_le(log + 4, 7, 4);
    log[28] = 1; /* a log */
    hand_seal(log);
    memcpy(log + 512, every_page, sizeof every_page - 1);
    memcpy(log + 1024, made + HAND_BASE_BYTES, HAND_BINS_BYTES);
    (void)hand_file(&volume, "WINNT/SYSTEM32/CONFIG/SYSTEM.LOG", log, sizeof log);
    assert_int_equal(plan(), OBSTACLE_UNCLEAN);
    assert_non_null(rig.work.hive.hive.log); /* it did fit */
}

static void a_version_that_is_not_known(void **state)
{
    (void)state;
    static uint8_t other[sizeof two_mirrors];
    static const struct hand_hive hive = HAND_HIVE(other);
    memcpy(other, two_mirrors, sizeof other);
    other[0] = 4;
    in_either_file(&hive, OBSTACLE_VERSION);
}

/* A hive of format 1.0 is read, but not written: nobody has described it. Where it names none of the mirrors nothing is
 * in the way. */
static void a_hive_of_format_1_0(void **state)
{
    (void)state;
    static struct hand_hive hive = HAND_HIVE(two_mirrors);
    hive.minor = 0;
    in_either_file(&hive, OBSTACLE_VERSION);
    install(&hive, &hive);
    want(false, false);
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_int_equal(changes.count, 0);
    want(true, true);
    /* That DISK is not found in such a hive proves nothing. */
    static const uint32_t root_subkeys = 0x1024 + 20;
    install(&hive, NULL);
    hand_le(memdev_sector(&rig.disk[0], nt.system + HIVE_SECTOR(root_subkeys)) + root_subkeys % SECTOR_BYTES, 0, 4);
    assert_int_equal(plan(), OBSTACLE_VERSION);
}

/* Bytes behind the sets; a record larger than is held; more disks than are held. */
static void bytes_that_would_be_lost(void **state)
{
    (void)state;
    static uint8_t longer[sizeof two_mirrors + 4];
    static uint8_t huge[FTDISK_BYTES_MAX + 8];
    static uint8_t many[44 + 4 + 33 * 8];
    static const uint8_t head[] = {INFO_HEADER(4 + 33 * 8, 0), INFO_DISKS(33)};
    static const struct hand_hive hives[] = {HAND_HIVE(longer), HAND_HIVE(huge), HAND_HIVE(many)};
    memcpy(longer, two_mirrors, sizeof two_mirrors);
    memcpy(huge, two_mirrors, sizeof two_mirrors);
    memcpy(many, head, sizeof head);
    for (unsigned i = 0; i < 3; i++)
        in_either_file(&hives[i], OBSTACLE_LAYOUT);
}

static void more_than_a_change_set_holds(void **state)
{
    (void)state;
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    install(&hive, NULL);
    look(false);
    struct edit edit = {&changes, &inventory.disk[0], "registry", "D05"};
    for (unsigned room = 0; room <= 2; room++) { /* two sectors are needed */
        leave_room(room);
        assert_int_equal(fs_mount(&inventory.disk[0].reader.device, 63, 900, &rig.work.volume), ST_OK);
        enum obstacle obstacle = registry_plan(&edit, &rig.work, "\\WINNT", &wish, &file);
        assert_int_equal(obstacle, room < 2 ? OBSTACLE_SPACE : OBSTACLE_NONE);
    }
}

/* A registry that does not know the mirrors is no obstacle, whatever else may be said of it. */
static void a_registry_that_does_not_know_the_mirror(void **state)
{
    (void)state;
    static uint8_t other[sizeof two_mirrors + 4];
    struct hand_hive hive = HAND_HIVE(other);
    memcpy(other, two_mirrors, sizeof two_mirrors);
    hive.sequence[0]++;
    config.set[0].member[0].start_lba = config.set[0].member[1].start_lba = 64;
    want(true, false);
    install(&hive, &hive);
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_int_equal(changes.count, 0);
    assert_false(wish.letters[0].known);
    static const struct hand_hive good = HAND_HIVE(two_mirrors);
    want(false, true);
    install(&good, NULL);
    memcpy(sector_of(0, nt.system + 8) + 0xC0 + 4 + 76, "DISX", 4); /* the key */
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_int_equal(changes.count, 0);
    memcpy(sector_of(0, nt.system + 8) + 0xC0 + 4 + 76, "DISK", 4);
    sector_of(0, nt.system + 9)[4 + 20] = 'J'; /* the value */
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_int_equal(changes.count, 0);
    sector_of(0, nt.system + 9)[4 + 20] = 'I';
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_true(changes.count > 0);
}

/* It was copied here, or the disk was retired: NT is not started from it, and what it says is of other disks. */
static void a_registry_that_does_not_know_its_own_disk(void **state)
{
    (void)state;
    static const struct hand_hive hive = HAND_HIVE(two_mirrors);
    install(&hive, &hive);
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_true(changes.count > 0);
    sector_of(0, 0)[0x1B8] ^= 0x10;
    want(true, true);
    assert_int_equal(plan(), OBSTACLE_NONE);
    assert_int_equal(changes.count, 0);
    assert_false(wish.letters[0].known);
}

/* ---- NTFS ---- */

static enum obstacle plan_ntfs(void)
{
    return plan_at(RIG_MEMBER_START, NTPAIR_SECTORS, "\\WINNT");
}

static void load_ntfs(void)
{
    (void)machine_off(NULL);
    ntpair_init(&rig, "ntfs-healthy", "ntfs-healthy", NULL);
    for (unsigned i = 0; i < 2; i++)
        expected[i] = malloc((size_t)NTPAIR_DISK_SECTORS * SECTOR_BYTES);
    config_init(&config);
    add_mirror(RIG_MEMBER_START, NTPAIR_SECTORS);
    want(true, false);
}

static void a_hive_that_is_compressed(void **state)
{
    (void)state;
    load_ntfs();
    assert_int_equal(plan_ntfs(), OBSTACLE_NONE);
    assert_true(changes.count > 0);
    raw_compress(&rig.disk[0], "SYSTEM.ALT");
    assert_int_equal(plan_ntfs(), OBSTACLE_IN_PLACE);
    assert_string_equal(file, "SYSTEM.ALT");
    raw_compress(&rig.disk[0], "SYSTEM");
    assert_int_equal(plan_ntfs(), OBSTACLE_IN_PLACE);
    assert_string_equal(file, "SYSTEM");
}

static void a_volume_whose_log_will_be_replayed(void **state)
{
    (void)state;
    load_ntfs();
    raw_open_log(&rig.disk[0]);
    assert_int_equal(plan_ntfs(), OBSTACLE_LOG);
    config.set[0].member[0].start_lba = config.set[0].member[1].start_lba = 64;
    assert_int_equal(plan_ntfs(), OBSTACLE_NONE); /* there is nothing it could take back */
    assert_int_equal(changes.count, 0);
}

static void every_obstacle_has_a_clause(void **state)
{
    (void)state;
    assert_string_equal(obstacle_text(OBSTACLE_NONE), "");
    for (int i = OBSTACLE_NONE + 1; i < OBSTACLE_COUNT; i++)
        for (int other = OBSTACLE_NONE; other < i; other++)
            assert_string_not_equal(obstacle_text((enum obstacle)i), obstacle_text((enum obstacle)other));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, machine_off)

static const struct CMUnitTest tests[] = {
    TEST(both_mirrors_at_once),
    TEST(one_mirror_and_the_other_later),
    TEST(the_shape_of_the_hive),
    TEST(data_from_the_last_sector_to_the_first_then_the_length),
    TEST(offsets_that_are_counted_from_the_registry),
    TEST(one_hive_is_enough),
    TEST(letters_as_the_first_registry_has_them),
    TEST(letters_that_nobody_knows),
    TEST(sectors_that_cannot_be_read),
    TEST(a_hive_or_a_record_that_contradicts_itself),
    TEST(a_write_that_was_cut_off),
    TEST(a_write_that_the_log_will_finish),
    TEST(a_version_that_is_not_known),
    TEST(a_hive_of_format_1_0),
    TEST(bytes_that_would_be_lost),
    TEST(more_than_a_change_set_holds),
    TEST(a_registry_that_does_not_know_the_mirror),
    TEST(a_registry_that_does_not_know_its_own_disk),
    TEST(a_hive_that_is_compressed),
    TEST(a_volume_whose_log_will_be_replayed),
    TEST(every_obstacle_has_a_clause),
};

UNIT_MAIN(tests)
