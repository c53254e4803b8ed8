/* SPDX-License-Identifier: MIT */
/* mirror/facts: what is found of each member on real (memory) disks. Verdicts are test_decide's affair. */
#include "mirror/facts.h"
#include "rigfw.h"
#include "unit.h"

static struct rigfw rig;
static struct inventory inventory;
static struct set_survey survey;
static struct mirror_set set;

static int set_up(void **state)
{
    (void)state;
    rig_mirror(&rig, "ask");
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        set.member[role] =
            (struct member_id){role == 0 ? RIG_SIGNATURE_A : RIG_SIGNATURE_B, RIG_MEMBER_START, RIG_MEMBER_SECTORS};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void gather(void)
{
    memset(&inventory, 0, sizeof inventory);
    for (unsigned i = 0; i < rig.disks; i++)
        if (!rig.absent[i])
            (void)inventory_add(&inventory, &rig.fault[i].device, &rig.geometry[i]);
    memset(&survey, 0xC3, sizeof survey);
    facts_gather(&inventory, &(struct config){.set_count = 1, .set = {set}}, 0, SAMPLES, &survey);
}

static const struct member_facts *primary(void)
{
    return &survey.facts.member[ROLE_PRIMARY];
}

static void healthy(void **state)
{
    (void)state;
    gather();
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        const struct member_facts *member = &survey.facts.member[role];
        assert_true(member->present && member->has_extent && member->readable && member->ft_bit);
        assert_false(member->ambiguous || member->dead_candidate || member->disabled || member->lost_signature);
        assert_ptr_equal(survey.place[role].disk, &inventory.disk[role]);
        assert_int_equal(survey.place[role].partition->start_lba, RIG_MEMBER_START);
    }
    assert_false(survey.facts.different);
    assert_int_equal(survey.verdict.state, SET_HEALTHY);
}

static void absent_and_dead(void **state)
{
    (void)state;
    rig.absent[0] = true;
    gather();
    assert_false(primary()->present || primary()->dead_candidate || primary()->readable);
    assert_null(survey.place[ROLE_PRIMARY].disk);
    rig.absent[0] = false;
    faultdev_kill(&rig.fault[0], FAULT_SILENT);
    gather();
    assert_false(primary()->present);
    assert_true(primary()->dead_candidate);
    assert_null(survey.place[ROLE_PRIMARY].disk);
    assert_int_equal(survey.verdict.member[ROLE_PRIMARY], MEMBER_DEAD);
}

static void ambiguous(void **state)
{
    (void)state;
    fx_mbr(&rig.disk[1], RIG_SIGNATURE_A);
    gather();
    assert_true(primary()->ambiguous);
    assert_false(primary()->present);
    assert_null(survey.place[ROLE_PRIMARY].partition);
}

/* FDISK /MBR writes over the signature, not over the table (A19). */
static void lost_signature(void **state)
{
    (void)state;
    fx_mbr(&rig.disk[0], 0);
    fx_entry(rig.disk[0].bytes, 0, 0x80, 0x86, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    for (uint32_t signature = 0; signature < 2; signature++) {
        rig.disk[0].bytes[0x1B8] = (uint8_t)signature;
        gather();
        assert_true(primary()->lost_signature);
        assert_false(primary()->present || primary()->ambiguous);
        assert_null(survey.place[ROLE_PRIMARY].disk);
        assert_false(survey.facts.member[ROLE_SHADOW].lost_signature);
        assert_int_equal(survey.verdict.why[ROLE_PRIMARY], WHY_NO_SIGNATURE);
        assert_int_equal(survey.verdict.source, ROLE_SHADOW);
    }
    fx_entry(rig.disk[0].bytes, 0, 0x80, 0x06, RIG_MEMBER_START, RIG_MEMBER_SECTORS); /* any volume */
    gather();
    assert_false(primary()->lost_signature);
    fx_entry(rig.disk[0].bytes, 0, 0x80, 0x86, RIG_MEMBER_START, RIG_MEMBER_SECTORS - 1);
    gather();
    assert_false(primary()->lost_signature);
    rig.absent[0] = true; /* the shadow's own disk has its own signature, and is not the primary's */
    gather();
    assert_false(primary()->lost_signature);
}

static void moved(void **state)
{
    (void)state;
    set.member[ROLE_PRIMARY].start_lba++;
    gather();
    assert_true(primary()->present);
    assert_false(primary()->has_extent || primary()->readable);
    assert_non_null(survey.place[ROLE_PRIMARY].disk);
    set.member[ROLE_PRIMARY].start_lba--;
    set.member[ROLE_PRIMARY].sectors--;
    gather();
    assert_false(primary()->has_extent);
}

static void types(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        bool ft_bit;
        bool disabled;
    } cases[] = {{0x86, true, false}, {0xC6, true, true},   {0x06, false, false}, {0x87, true, false},
                 {0xC7, true, true},  {0x46, false, false}, {0x82, false, false}, {0x8B, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_entry(rig.disk[0].bytes, 0, 0, cases[i].type, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
        gather();
        assert_int_equal(primary()->ft_bit, cases[i].ft_bit);
        assert_int_equal(primary()->disabled, cases[i].disabled);
    }
}

/* Upgraded to a dynamic disk, or given to another system: whatever stands there now, it is no half. */
static void a_type_that_cannot_be_mirrored_is_no_half(void **state)
{
    (void)state;
    static const uint8_t types[] = {0x42, 0x82, 0x83, 0xA5};
    for (size_t i = 0; i < sizeof types; i++) {
        fx_entry(rig.disk[0].bytes, 0, 0x80, types[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS);
        gather();
        assert_true(primary()->present);
        assert_false(primary()->has_extent || primary()->ft_bit || primary()->readable);
        assert_ptr_equal(survey.place[ROLE_PRIMARY].disk, &inventory.disk[0]);
        assert_null(survey.place[ROLE_PRIMARY].partition);
        assert_int_equal(survey.verdict.member[ROLE_PRIMARY], MEMBER_FOREIGN);
        assert_int_equal(survey.verdict.source, ROLE_SHADOW);
    }
}

static void contents(void **state)
{
    (void)state;
    memdev_sector(&rig.disk[1], RIG_MEMBER_START)[100] ^= 1;
    gather();
    assert_true(survey.facts.different);
    faultdev_range(&rig.fault[0], RIG_MEMBER_START + 4, RIG_MEMBER_START + 4, FAULT_ERROR);
    gather();
    assert_false(primary()->readable);
    assert_true(survey.facts.member[ROLE_SHADOW].readable);
}

/* A set found by its type alone has no primary; its shadow's own sectors must be tried, and no others. */
static void a_lone_half_is_sampled_where_it_lies(void **state)
{
    (void)state;
    set.member[ROLE_PRIMARY] = (struct member_id){0};
    rig.absent[0] = true;
    faultdev_range(&rig.fault[1], RIG_MEMBER_START, RIG_MEMBER_START, FAULT_ERROR);
    gather();
    assert_false(survey.facts.member[ROLE_SHADOW].readable);
    rig_heal(&rig);
    rig.absent[0] = true;
    faultdev_range(&rig.fault[1], 1, RIG_MEMBER_START - 1, FAULT_ERROR);
    gather();
    assert_true(survey.facts.member[ROLE_SHADOW].readable);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(healthy),
    TEST(absent_and_dead),
    TEST(ambiguous),
    TEST(lost_signature),
    TEST(moved),
    TEST(types),
    TEST(a_type_that_cannot_be_mirrored_is_no_half),
    TEST(contents),
    TEST(a_lone_half_is_sampled_where_it_lies),
};

UNIT_MAIN(tests)
