/* SPDX-License-Identifier: MIT */
/* change/break: the partition types of the halves that are kept, exactly these bytes and no others. What happens to
 * installations of NT is test_break_nt's affair. */
#include "breaking.h"

/* One mirror, 86h at 63, with a boot sector but no file system behind it. */
static int set_up(void **state)
{
    (void)state;
    machine(2, RIG_DISK_SECTORS);
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(sector_of(i, 0), 0, i == 0 ? 0x80 : 0, 0x86, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
        fx_volume(&rig.disk[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS, 'M');
    }
    add_mirror(RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    return 0;
}

static void the_half_that_is_kept_loses_its_bits(void **state)
{
    (void)state;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        assert_int_equal(plan((enum role)role, BREAK_COMPLETE), ST_OK);
        expect_order(&(struct planned){role, 0}, 1);
        expect_type(role, 0, 0x06);
        expect_written();
        expect_type(role, 0, 0x86);
        sector_of(role, 0)[446 + 4] = 0x86;
    }
}

/* 81h to 8Eh and C1h to CEh, as far as there are such file systems. Without the bits there is nothing to do, and what
 * is none of NT's, such as 83h, is nobody's half: its type stays. */
static void every_type_of_a_member(void **state)
{
    (void)state;
    static const uint8_t plain[] = {0x01, 0x04, 0x06, 0x07, 0x0B, 0x0C, 0x0E};
    for (unsigned type = 0; type < 256; type++) {
        bool is_member = false;
        bool is_volume = false;
        for (size_t i = 0; i < sizeof plain; i++) {
            is_member = is_member || type == (0x80u | plain[i]) || type == (0xC0u | plain[i]);
            is_volume = is_volume || type % 0x40 == plain[i];
        }
        sector_of(0, 0)[446 + 4] = (uint8_t)type;
        assert_int_equal(plan(ROLE_PRIMARY, BREAK_TYPES_ONLY), is_volume ? ST_OK : ST_REFUSED);
        assert_int_equal(changes.count, is_member);
        expect_type(0, 0, (uint8_t)(is_member ? type % 0x40 : type));
        expect_written();
    }
}

static void a_logical_drive_is_edited_in_its_ebr(void **state)
{
    (void)state;
    config.set_count = 0;
    add_mirror(1040, 30);
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(sector_of(i, 0), 1, 0, 5, 1000, 150);
        fx_ebr(&rig.disk[i], 1000, 6, 1, 10, 35);
        fx_ebr(&rig.disk[i], 1035, 0xC7, 5, 30, 0);
    }
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
    EXPECT_ORDER({1, 1035});
    expected_at(1, 1035)[446 + 4] = 0x07;
    expect_written();
}

static void two_sets_of_one_table_are_one_sector(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        fx_entry(sector_of(i, 0), 1, 0, 0x87, 1000, 100);
    add_mirror(1000, 100);
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
    EXPECT_ORDER({1, 0});
    expect_type(1, 0, 0x06);
    expect_type(1, 1, 0x07);
    expect_written();
}

/* Only the mirrors that are wanted; one after the other comes to the same. */
static void sets_one_by_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        fx_entry(sector_of(i, 0), 1, 0, 0x87, 1000, 100);
    add_mirror(1000, 100);
    look(false);
    want_all(ROLE_SHADOW);
    job.what.wanted[0] = false;
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    assert_int_equal(changes.change[0].new_bytes[446 + 4], 0x86);
    want_all(ROLE_PRIMARY);
    job.what.wanted[1] = false;
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_OK);
    EXPECT_ORDER({1, 0}, {0, 0});
    expect_type(1, 1, 0x07);
    expect_type(0, 0, 0x06);
    expect_written();
}

static void what_is_broken_already_takes_nothing(void **state)
{
    (void)state;
    sector_of(0, 0)[446 + 4] = 0x06;
    assert_int_equal(plan(ROLE_PRIMARY, BREAK_COMPLETE), ST_OK);
    assert_int_equal(changes.count, 0);
}

static void expect_refused(void)
{
    assert_int_equal(job.obstacle, OBSTACLE_NONE);
    assert_int_equal(changes.count, 0);
}

static void a_half_that_is_not_there_cannot_be_kept(void **state)
{
    (void)state;
    config.set[0].member[ROLE_PRIMARY].start_lba++;
    assert_int_equal(plan(ROLE_PRIMARY, BREAK_COMPLETE), ST_REFUSED);
    expect_refused();
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_OK);
    config.set[0].member[ROLE_PRIMARY].start_lba--;
    fx_entry(sector_of(0, 0), 1, 0, 6, 500, 100); /* overlaps: this table is not to be trusted */
    assert_int_equal(plan(ROLE_PRIMARY, BREAK_COMPLETE), ST_REFUSED);
    expect_refused();
    faultdev_kill(&rig.fault[1], FAULT_ERROR);
    assert_int_equal(plan(ROLE_SHADOW, BREAK_COMPLETE), ST_REFUSED);
    expect_refused();
}

static void an_unreadable_table_is_an_error(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_PRIMARY);
    faultdev_range(&rig.fault[0], 0, 0, FAULT_SILENT);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_IO);
    expect_refused();
}

static void a_type_that_does_not_fit(void **state)
{
    (void)state;
    look(false);
    want_all(ROLE_PRIMARY);
    leave_room(0);
    assert_int_equal(break_plan(&job, BREAK_COMPLETE), ST_NO_SPACE);
    expect_as_before(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, machine_off)

static const struct CMUnitTest tests[] = {
    TEST(the_half_that_is_kept_loses_its_bits),
    TEST(every_type_of_a_member),
    TEST(a_logical_drive_is_edited_in_its_ebr),
    TEST(two_sets_of_one_table_are_one_sector),
    TEST(sets_one_by_one),
    TEST(what_is_broken_already_takes_nothing),
    TEST(a_half_that_is_not_there_cannot_be_kept),
    TEST(an_unreadable_table_is_an_error),
    TEST(a_type_that_does_not_fit),
};

UNIT_MAIN(tests)
