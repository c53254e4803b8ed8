/* SPDX-License-Identifier: MIT */
/* change/break: which installations of Windows NT are edited, in which order, and which of them stand in the way. What
 * stands in the way inside of a registry is test_registry's affair. */
#include "breaking.h"
#include "ntpair.h"

static const struct hand_hive hive_before = {.information = two_mirrors,
                                             .bytes = sizeof two_mirrors,
                                             .value_at = 0x3000,
                                             .data_at = 0x1300,
                                             .sequence = {7, 7},
                                             .minor = 3};
/* The sectors of the hive's file that a break of both mirrors changes, in their order: two of data, then the length. */
#define DATA_1 10
#define DATA_0 9
#define LENGTH 24

static struct hand_volume volume;
static struct hand_installation nt[2][2]; /* by disk and mirror */

/* Both halves of both mirrors hold an installation that knows both mirrors. */
static int set_up_nt(void **state)
{
    (void)state;
    two_mirror_machine();
    for (unsigned i = 0; i < 2; i++) {
        hand_format(&volume, &rig.disk[i], 63, 900);
        nt[i][0] = hand_install(&volume, "WINNT", &hive_before, &hive_before);
        hand_format(&volume, &rig.disk[i], 1100, 800);
        nt[i][1] = hand_install(&volume, "WINNT", &hive_before, NULL);
    }
    return 0;
}

static void expect_installation(unsigned disk, const struct hand_installation *in, const void *bytes, uint32_t count)
{
    expect_information(disk, in->system, &hive_before, bytes, count);
    if (in->alternate != 0)
        expect_information(disk, in->alternate, &hive_before, bytes, count);
}

static void types_come_first_then_data_from_the_end_then_their_length(void **state)
{
    (void)state;
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
    uint32_t system = nt[1][0].system;
    uint32_t alternate = nt[1][0].alternate;
    uint32_t other = nt[1][1].system; /* the second mirror's volume has no SYSTEM.ALT */
    const struct planned order[] = {{1, 0},
                                    {1, system + DATA_1},
                                    {1, system + DATA_0},
                                    {1, system + LENGTH},
                                    {1, alternate + DATA_1},
                                    {1, alternate + DATA_0},
                                    {1, alternate + LENGTH},
                                    {1, other + DATA_1},
                                    {1, other + DATA_0},
                                    {1, other + LENGTH}};
    expect_order(order, sizeof order / sizeof order[0]);
    assert_string_equal(changes.change[0].id, "D05");
    assert_string_equal(changes.change[1].id, "D05");
}

/* Each mirror has its own half that is kept: the registries on these halves change, those on the others do not. */
static void only_what_may_be_started_is_edited(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_SHADOW);
    job.what.keep[1] = ROLE_PRIMARY;
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    expect_type(1, 0, 0x06);
    expect_type(0, 1, 0x07);
    expect_installation(1, &nt[1][0], two_both_broken, sizeof two_both_broken);
    expect_installation(0, &nt[0][1], two_both_broken, sizeof two_both_broken);
    expect_written();
    assert_true(job.what.letters[0].known && job.what.letters[1].known);
    assert_int_equal(job.what.letters[0].before, 'C');
    assert_int_equal(job.what.letters[0].after, 'C');
    assert_int_equal(job.what.letters[1].after, 'D');
    want_all(ROLE_SHADOW);
    job.what.keep[1] = ROLE_PRIMARY;
    look(false);
    changes.count = 0;
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK); /* once more: there is nothing left to do */
    assert_int_equal(changes.count, 0);
}

/* Of the mirror that is not broken now, NT starts from the half that the verdict trusts. */
static void a_mirror_that_stays_is_known_by_its_verdict(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_SHADOW);
    job.what.wanted[1] = false;
    survey[1].verdict.source = ROLE_PRIMARY;
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    expect_type(1, 0, 0x06);
    expect_installation(1, &nt[1][0], two_first_broken, sizeof two_first_broken);
    expect_installation(0, &nt[0][1], two_first_broken, sizeof two_first_broken);
    expect_written();
}

static void where_nobody_knows_which_half_to_trust_both_are_edited(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_SHADOW);
    job.what.wanted[1] = false;
    survey[1].verdict.source = ROLE_NONE;
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    expect_type(1, 0, 0x06);
    expect_installation(1, &nt[1][0], two_first_broken, sizeof two_first_broken);
    expect_installation(0, &nt[0][1], two_first_broken, sizeof two_first_broken);
    expect_installation(1, &nt[1][1], two_first_broken, sizeof two_first_broken);
    expect_written();
}

/* Two installations on the half that is kept, and one beside the mirrors, on a disk that has none. */
static void every_installation_that_may_be_started(void **state)
{
    (void)state;
    two_mirror_machine();
    fx_entry(sector_of(2, 0), 0, 0, 0x06, 63, 900);
    hand_format(&volume, &rig.disk[2], 63, 900);
    struct hand_installation beside = hand_install(&volume, "WINNT", &hive_before, &hive_before);
    hand_format(&volume, &rig.disk[0], 63, 900);
    struct hand_installation first = hand_install(&volume, "WINNT", &hive_before, &hive_before);
    struct hand_installation second = hand_install(&volume, "WINNT.2", &hive_before, &hive_before);
    config.set_count = 1;
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
    assert_int_equal(changes.count, 1 + 6); /* not those on the half that is left */
    expect_type(1, 0, 0x06);
    expect_installation(2, &beside, two_first_broken, sizeof two_first_broken);
    expect_written();
    sector_of(1, 0)[446 + 4] = 0x86;
    sector_of(0, 0)[446 + 4] = 0x86;
    hand_format(&volume, &rig.disk[2], 63, 900); /* nothing in it now */
    assert_int_equal(plan(ROLE_PRIMARY, BREAK_COMPLETE), ST_OK);
    expect_type(0, 0, 0x06);
    for (unsigned i = 0; i < 2; i++) {
        static uint8_t kept[sizeof two_first_broken]; /* in favour of the primary: it keeps its letter */
        memcpy(kept, two_first_broken, sizeof kept);
        kept[56 + 40] = 'C';
        kept[220 + 40] = 0;
        expect_installation(0, i == 0 ? &first : &second, kept, sizeof kept);
    }
    expect_written();
}

/* The mirror, and NT in it, is a logical drive. */
static void an_installation_on_a_logical_drive(void **state)
{
    (void)state;
    machine(2, 2000);
    add_mirror(1100, 800);
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(sector_of(i, 0), 1, 0, 5, 1037, 900);
        fx_ebr(&rig.disk[i], 1037, 0x87, 63, 800, 0);
        hand_format(&volume, &rig.disk[i], 1100, 800);
        nt[i][0] = hand_install(&volume, "WINNT", &hive_before, &hive_before);
    }
    assert_int_equal(plan(ROLE_PRIMARY, BREAK_COMPLETE), ST_OK);
    assert_int_equal(changes.change[0].lba, 1037);
    expected_at(0, 1037)[446 + 4] = 0x07;
    expect_installation(0, &nt[0][0], two_second_broken, sizeof two_second_broken);
    expect_written();
}

/* ---- what stands in the way ---- */

static void expect_obstacle(enum obstacle obstacle, const char *where, unsigned on)
{
    assert_int_equal(job.obstacle, obstacle);
    assert_string_equal(job.where, where);
    assert_ptr_equal(job.on, &inventory.disk[on]);
    assert_true(strlen(obstacle_text(job.obstacle)) > 10);
}

static void break_the_hive(unsigned disk, uint32_t lba)
{
    sector_of(disk, lba)[100] ^= 1; /* its sum does not fit any more */
}

static void an_obstacle_leaves_the_changes_as_they_were(void **state)
{
    (void)state;
    break_the_hive(1, nt[1][0].alternate);
    look(false);
    want_all(ROLE_SHADOW);
    leave_room(20);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_REFUSED);
    expect_obstacle(OBSTACLE_DAMAGED, "\\WINNT: SYSTEM.ALT", 1);
    expect_as_before(20);
    changes.count = 0;
    assert_int_equal(break_plan(&job, BREAK_TYPES_ONLY), ST_OK); /* the types alone can change all the same */
    assert_int_equal(job.obstacle, OBSTACLE_NONE);
    EXPECT_ORDER({1, 0});
    assert_int_equal(plan(ROLE_PRIMARY, BREAK_COMPLETE), ST_OK); /* nor does it hinder who keeps the other half */
}

static void what_does_not_fit_is_an_obstacle(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_SHADOW);
    leave_room(9); /* ten are needed */
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_REFUSED);
    expect_obstacle(OBSTACLE_SPACE, "\\WINNT: SYSTEM", 1);
    expect_as_before(9);
    leave_room(10);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    assert_int_equal(changes.count, CHANGES_MAX);
}

static void a_volume_that_cannot_be_looked_through(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_SHADOW);
    faultdev_range(&rig.fault[1], 1100, 1100, FAULT_ERROR);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_REFUSED);
    expect_obstacle(OBSTACLE_UNREADABLE, "partition 2", 1);
    rig_heal(&rig);
    look(false);
    want_all(ROLE_SHADOW);
    faultdev_range(&rig.fault[1], 1100 + HAND_ROOT_LBA, 1100 + HAND_ROOT_LBA, FAULT_ERROR);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_REFUSED);
    expect_obstacle(OBSTACLE_UNREADABLE, "partition 2", 1);
    assert_int_equal(changes.count, 0);
}

/* The first cluster of the folder lies outside of the volume: whether NT is in it, nobody can tell. */
static void a_volume_that_contradicts_itself(void **state)
{
    (void)state;
    hand_le(sector_of(1, 1100 + HAND_ROOT_LBA) + 26, 4000, 2);
    look(false);
    want_all(ROLE_SHADOW);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_REFUSED);
    expect_obstacle(OBSTACLE_DAMAGED, "partition 2", 1);
    assert_int_equal(changes.count, 0);
}

/* A partition without a file system, one of a type that NT does not start from, and a dead disk hinder nobody. */
static void what_is_no_volume_is_passed_by(void **state)
{
    (void)state;
    memset(sector_of(1, 1100), 0, SECTOR_BYTES);
    fx_entry(sector_of(2, 0), 0, 0, 0x83, 63, 900);
    hand_format(&volume, &rig.disk[2], 63, 900);
    break_the_hive(2, hand_install(&volume, "WINNT", &hive_before, NULL).system);
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
    assert_int_equal(changes.count, 7); /* of the first mirror's volume alone */
    fx_entry(sector_of(2, 0), 0, 0, 0x06, 63, 900);
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_REFUSED);
    expect_obstacle(OBSTACLE_DAMAGED, "\\WINNT: SYSTEM", 2);
    inventory.disk[2].dead = true; /* it died since it was looked at ... */
    want_all(ROLE_SHADOW);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    faultdev_kill(&rig.fault[2], FAULT_ERROR); /* ... or before */
    unsigned reads = rig.fault[2].reads;
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
    assert_int_equal(changes.count, 7);
    assert_int_equal(rig.fault[2].reads - reads, 2); /* both to find out that it is dead */
}

static void without_memory_only_types_change(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_SHADOW);
    job.work = NULL;
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    EXPECT_ORDER({1, 0});
}

/* ---- volumes that others' tools made ---- */

/* The record of a healthy mirror on such a volume: images/ftinfo.py writes the same bytes. */
#define NT_PARTITION(type, letter, member)                                                                             \
    INFO_U32(type), INFO_U32(0), INFO_U64(63 * 512), INFO_U64(5000 * 512), INFO_U64(5000 * 512), INFO_U64(0), letter,  \
        1, INFO_U16(1), INFO_U16(0), INFO_U16(member), 0, 0, 0, 0
#define NT_HEADER(set_bytes)                                                                                           \
    INFO_U32(3), INFO_U64(0), INFO_U32(44), INFO_U32(124), INFO_U32(168), INFO_U32(set_bytes), INFO_U64(0),            \
        INFO_U64(0), INFO_U32(2), INFO_U32(1), INFO_U32(DISK_A)
static const uint8_t nt_before[] = {NT_HEADER(48),
                                    NT_PARTITION(0, 'C', 0),
                                    INFO_U32(1),
                                    INFO_U32(DISK_B),
                                    NT_PARTITION(0, 0, 1),
                                    INFO_U32(1),
                                    INFO_U32(2),
                                    INFO_U64(0),
                                    INFO_U32(0),
                                    INFO_U32(DISK_A),
                                    INFO_U32(56),
                                    INFO_U64(0),
                                    INFO_U32(DISK_B),
                                    INFO_U32(116),
                                    INFO_U32(1)};
static const uint8_t nt_after[] = {NT_HEADER(4),     NT_PARTITION(4, 0, 0),   INFO_U32(1),
                                   INFO_U32(DISK_B), NT_PARTITION(4, 'C', 1), INFO_U32(0)};
static const uint8_t nt_value[] = {'v', 'k', 11, 0, sizeof nt_before, 0, 0, 0}; /* the begin of the value's cell */

static void expect_nt_changed(unsigned which)
{
    struct memdev shall_be = rig.disk[1];
    shall_be.bytes = expected[1];
    uint8_t *record = ntpair_find(&shall_be, nt_before, sizeof nt_before, which, false);
    uint8_t *value = ntpair_find(&shall_be, nt_value, sizeof nt_value, which, false);
    assert_int_equal(sizeof nt_before, 216);
    assert_int_equal(sizeof nt_after, 172);
    memcpy(record, nt_after, sizeof nt_after);
    value[4] = sizeof nt_after;
}

static void volumes_that_others_made(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-healthy", "ntfs-healthy"};
    for (unsigned i = 0; i < 2; i++) {
        ntpair_init(&rig, volumes[i], volumes[i], NULL);
        for (unsigned disk = 0; disk < 2; disk++)
            expected[disk] = malloc((size_t)NTPAIR_DISK_SECTORS * SECTOR_BYTES);
        config_init(&config);
        add_mirror(RIG_MEMBER_START, NTPAIR_SECTORS);
        assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
        expect_type(1, 0, i == 0 ? 0x06 : 0x07);
        expect_nt_changed(1); /* SYSTEM.ALT, so that the search finds the other one first */
        expect_nt_changed(0);
        expect_written();
        assert_in_range(changes.count, 1 + 2 * 1, 1 + 2 * 3);
        assert_int_equal(trail.used, 0);
        (void)machine_off(state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_nt, machine_off)

static const struct CMUnitTest tests[] = {
    TEST(types_come_first_then_data_from_the_end_then_their_length),
    TEST(only_what_may_be_started_is_edited),
    TEST(a_mirror_that_stays_is_known_by_its_verdict),
    TEST(where_nobody_knows_which_half_to_trust_both_are_edited),
    cmocka_unit_test_teardown(every_installation_that_may_be_started, machine_off),
    cmocka_unit_test_teardown(an_installation_on_a_logical_drive, machine_off),
    TEST(an_obstacle_leaves_the_changes_as_they_were),
    TEST(what_does_not_fit_is_an_obstacle),
    TEST(a_volume_that_cannot_be_looked_through),
    TEST(a_volume_that_contradicts_itself),
    TEST(what_is_no_volume_is_passed_by),
    TEST(without_memory_only_types_change),
    cmocka_unit_test(volumes_that_others_made),
};

UNIT_MAIN(tests)
