/* SPDX-License-Identifier: MIT */
/* change/changeset and change/break: exactly the bytes that a break means, and no others. */
#include "change/break.h"
#include "change/changeset.h"
#include "rigfw.h"
#include "unit.h"

static struct rigfw rig;
static struct inventory inventory;
static struct set_survey survey;
static struct changeset changes;

static void gather(const struct mirror_set *set)
{
    memset(&inventory, 0, sizeof inventory);
    for (unsigned i = 0; i < rig.disks; i++)
        (void)inventory_add(&inventory, &rig.fault[i].device, &rig.geometry[i]);
    facts_gather(&inventory, &(struct config){.set_count = 1, .set = {*set}}, 0, SAMPLES, &survey);
}

static struct mirror_set set_at(uint32_t start, uint32_t sectors)
{
    return (struct mirror_set){.member = {{RIG_SIGNATURE_A, start, sectors}, {RIG_SIGNATURE_B, start, sectors}}};
}

static int set_up(void **state)
{
    (void)state;
    rig_mirror(&rig, "ask");
    changes.count = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void expect_change(unsigned index, uint32_t signature, uint64_t lba, const uint8_t *sector, unsigned bytes)
{
    const struct change *change = &changes.change[index];
    unsigned different = 0;
    assert_true(index < changes.count);
    assert_int_equal(change->signature, signature);
    assert_int_equal(change->lba, lba);
    assert_memory_equal(change->old_bytes, sector, SECTOR_BYTES);
    for (unsigned i = 0; i < SECTOR_BYTES; i++)
        different += change->old_bytes[i] != change->new_bytes[i];
    assert_int_equal(different, bytes);
    assert_true(strlen(change->why) > 0);
}

static void edits_of_a_sector_become_one_change(void **state)
{
    (void)state;
    struct change where = {.signature = 1, .lba = 9, .why = "x", .old_bytes = {1, 2, 3}};
    assert_int_equal(changeset_edit(&changes, &where, 0, 7), ST_OK);
    assert_int_equal(changeset_edit(&changes, &where, 2, 8), ST_OK);
    where.lba = 10;
    assert_int_equal(changeset_edit(&changes, &where, 2, 8), ST_OK);
    where.signature = 2;
    assert_int_equal(changeset_edit(&changes, &where, 511, 8), ST_OK);
    assert_int_equal(changes.count, 3);
    assert_memory_equal(changes.change[0].new_bytes, "\x07\x02\x08", 3);
    assert_memory_equal(changes.change[0].old_bytes, "\x01\x02\x03", 3);
    assert_int_equal(changes.change[2].new_bytes[511], 8);
    for (uint64_t lba = 100; changes.count < CHANGES_MAX; lba++) {
        where.lba = lba;
        assert_int_equal(changeset_edit(&changes, &where, 0, 1), ST_OK);
    }
    where.lba = 99;
    assert_int_equal(changeset_edit(&changes, &where, 0, 1), ST_NO_SPACE);
    assert_int_equal(changes.count, CHANGES_MAX);
}

static void a_primary_loses_its_bits(void **state)
{
    (void)state;
    struct mirror_set set = set_at(RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_SHADOW, &changes), ST_OK);
    assert_int_equal(changes.count, 1);
    expect_change(0, RIG_SIGNATURE_B, 0, rig.disk[1].bytes, 1);
    assert_int_equal(changes.change[0].new_bytes[446 + 4], 0x06);
    assert_int_equal(rig.writes, 0);
}

static void both_bits_of_a_disabled_half(void **state)
{
    (void)state;
    struct mirror_set set = set_at(RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    static const uint8_t types[][2] = {{0xC6, 6}, {0xC7, 7}, {0x87, 7}, {0x8B, 0x0B}, {0x81, 1}, {0x8E, 0x0E}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        changes.count = 0;
        fx_entry(rig.disk[0].bytes, 0, 0, types[i][0], RIG_MEMBER_START, RIG_MEMBER_SECTORS);
        gather(&set);
        assert_int_equal(break_plan(&survey, ROLE_PRIMARY, &changes), ST_OK);
        expect_change(0, RIG_SIGNATURE_A, 0, rig.disk[0].bytes, 1);
        assert_int_equal(changes.change[0].new_bytes[446 + 4], types[i][1]);
    }
}

static void a_logical_drive_is_edited_in_its_ebr(void **state)
{
    (void)state;
    struct mirror_set set = set_at(1040, 30);
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(rig.disk[i].bytes, 1, 0, 5, 1000, 150);
        fx_ebr(&rig.disk[i], 1000, 6, 1, 10, 35);
        fx_ebr(&rig.disk[i], 1035, 0x86, 5, 30, 0);
    }
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_PRIMARY, &changes), ST_OK);
    assert_int_equal(changes.count, 1);
    expect_change(0, RIG_SIGNATURE_A, 1035, memdev_sector(&rig.disk[0], 1035), 1);
    assert_int_equal(changes.change[0].new_bytes[446 + 4], 0x06);
}

static void two_sets_of_one_table_are_one_sector(void **state)
{
    (void)state;
    struct mirror_set set = set_at(RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    for (unsigned i = 0; i < 2; i++)
        fx_entry(rig.disk[i].bytes, 1, 0, 0x87, 1000, 100);
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_SHADOW, &changes), ST_OK);
    set = set_at(1000, 100);
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_SHADOW, &changes), ST_OK);
    assert_int_equal(changes.count, 1);
    expect_change(0, RIG_SIGNATURE_B, 0, rig.disk[1].bytes, 2);
    assert_int_equal(changes.change[0].new_bytes[446 + 4], 0x06);
    assert_int_equal(changes.change[0].new_bytes[462 + 4], 0x07);
}

static void nothing_to_do(void **state)
{
    (void)state;
    struct mirror_set set = set_at(RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    fx_entry(rig.disk[0].bytes, 0, 0, 0x06, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_PRIMARY, &changes), ST_OK);
    assert_int_equal(changes.count, 0);
}

static void refused(void **state)
{
    (void)state;
    struct mirror_set set = set_at(RIG_MEMBER_START + 1, RIG_MEMBER_SECTORS);
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_PRIMARY, &changes), ST_REFUSED);
    set = set_at(RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    fx_entry(rig.disk[0].bytes, 1, 0, 6, 500, 100); /* overlaps: this table is not to be trusted */
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_PRIMARY, &changes), ST_REFUSED);
    faultdev_kill(&rig.fault[1], FAULT_ERROR);
    gather(&set);
    assert_int_equal(break_plan(&survey, ROLE_SHADOW, &changes), ST_REFUSED);
    assert_int_equal(changes.count, 0);
}

static void an_unreadable_table_is_an_error(void **state)
{
    (void)state;
    struct mirror_set set = set_at(RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    gather(&set);
    faultdev_range(&rig.fault[0], 0, 0, FAULT_SILENT);
    assert_int_equal(break_plan(&survey, ROLE_PRIMARY, &changes), ST_IO);
    assert_int_equal(changes.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(edits_of_a_sector_become_one_change),
    TEST(a_primary_loses_its_bits),
    TEST(both_bits_of_a_disabled_half),
    TEST(a_logical_drive_is_edited_in_its_ebr),
    TEST(two_sets_of_one_table_are_one_sector),
    TEST(nothing_to_do),
    TEST(refused),
    TEST(an_unreadable_table_is_an_error),
};

UNIT_MAIN(tests)
