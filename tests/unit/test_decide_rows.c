/* SPDX-License-Identifier: MIT */
/* mirror/decide: the rows of nt-facts 4 ("who is authoritative") and the failure modes that the verdict is for, one by
 * one. That nothing else happens in between is test_decide's affair. */
#include "mirror/decide.h"
#include "unit.h"

static struct set_facts facts;
static struct mirror_verdict verdict;

static void judge(void)
{
    memset(&verdict, 0xC3, sizeof verdict);
    mirror_decide(&facts, &verdict);
}

/* Two halves of a mirror on two good disks, of which nothing else is known. */
static struct member_facts *two_good_halves(void)
{
    facts = (struct set_facts){0};
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        facts.member[role] =
            (struct member_facts){.present = true, .has_extent = true, .readable = true, .ft_bit = true};
    return facts.member;
}

/* The registry on the disk of `witness` says this of the primary and of the shadow. */
static void says(unsigned witness, enum record primary, enum record shadow)
{
    facts.member[witness].record[ROLE_PRIMARY] = primary;
    facts.member[witness].record[ROLE_SHADOW] = shadow;
}

static void expect(enum set_state set, enum role source, bool may_break)
{
    judge();
    assert_int_equal(verdict.must_break, source != ROLE_NONE && verdict.why[source] == WHY_UNRECORDED);
    assert_int_equal(verdict.state, set);
    assert_int_equal(verdict.source, source);
    assert_int_equal(verdict.may_break, may_break);
}

static void expect_member(enum role role, enum member_state member, enum why why)
{
    assert_int_equal(verdict.member[role], member);
    assert_int_equal(verdict.why[role], why);
}

static void D04_the_shadow_says_that_the_primary_is_orphaned(void **state)
{
    (void)state;
    two_good_halves();
    says(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_HEALTHY);
    says(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    for (unsigned different = 0; different < 2; different++) {
        facts.different = different;
        expect(SET_STALE, ROLE_SHADOW, true);
        expect_member(ROLE_PRIMARY, MEMBER_STALE, WHY_ORPHANED);
        expect_member(ROLE_SHADOW, MEMBER_GOOD, WHY_NOTHING);
    }
}

static void the_primary_says_that_the_shadow_is_orphaned(void **state)
{
    (void)state;
    two_good_halves();
    says(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_ORPHANED);
    says(ROLE_SHADOW, RECORD_HEALTHY, RECORD_HEALTHY);
    facts.different = true;
    expect(SET_DEGRADED, ROLE_PRIMARY, true);
    expect_member(ROLE_SHADOW, MEMBER_STALE, WHY_ORPHANED);
}

static void both_say_healthy(void **state)
{
    (void)state;
    two_good_halves();
    says(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_HEALTHY);
    says(ROLE_SHADOW, RECORD_HEALTHY, RECORD_HEALTHY);
    facts.registry = AGE_SAME;
    expect(SET_HEALTHY, ROLE_PRIMARY, false);
    facts.different = true;
    expect(SET_SPLIT, ROLE_NONE, false);
    expect_member(ROLE_PRIMARY, MEMBER_GOOD, WHY_DIFFERENT);
    facts.registry = AGE_PRIMARY_OLDER;
    expect(SET_STALE, ROLE_SHADOW, true);
    expect_member(ROLE_PRIMARY, MEMBER_STALE, WHY_OLDER);
    facts.registry = AGE_SHADOW_OLDER;
    expect(SET_DEGRADED, ROLE_PRIMARY, true);
    facts.registry = AGE_CONTRADICTION;
    expect(SET_SPLIT, ROLE_NONE, false);
    facts.registry = AGE_SAME; /* not written to since: the log of the file system knows more */
    facts.log = AGE_PRIMARY_OLDER;
    expect(SET_STALE, ROLE_SHADOW, true);
    expect_member(ROLE_PRIMARY, MEMBER_STALE, WHY_LOG_OLDER);
    facts.different = false;
    expect(SET_HEALTHY, ROLE_PRIMARY, false);
}

static void each_says_that_the_other_is_orphaned(void **state)
{
    (void)state;
    two_good_halves();
    says(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_ORPHANED);
    says(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    expect(SET_SPLIT, ROLE_NONE, false);
    expect_member(ROLE_PRIMARY, MEMBER_STALE, WHY_ORPHANED);
    expect_member(ROLE_SHADOW, MEMBER_STALE, WHY_ORPHANED);
}

/* Whatever else is said, a half that NT had not finished is not started, and the mirror is not broken for its sake. */
static void D02_a_half_made_copy_is_not_started(void **state)
{
    (void)state;
    for (unsigned witness = 0; witness < ROLE_COUNT; witness++)
        for (unsigned half = 0; half < ROLE_COUNT; half++) {
            two_good_halves()[witness].record[half] = RECORD_REBUILDING;
            facts.different = true;
            expect(SET_RESYNCING, (enum role)(1 - half), false);
            expect_member((enum role)half, MEMBER_REBUILDING, WHY_REBUILDING);
            facts.member[1 - half] = (struct member_facts){0};
            facts.member[half].record[half] = RECORD_REBUILDING;
            expect(SET_SPLIT, ROLE_NONE, false);
        }
}

static void the_primary_cannot_be_read_and_the_shadow_is_sane(void **state)
{
    (void)state;
    static const struct member_facts gone[] = {
        {0}, {.dead_candidate = true}, {.present = true}, {.present = true, .has_extent = true, .ft_bit = true}};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        two_good_halves()[ROLE_PRIMARY] = gone[i];
        says(ROLE_SHADOW, RECORD_HEALTHY, RECORD_HEALTHY);
        expect(SET_DEGRADED, ROLE_SHADOW, true);
        says(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
        judge();
        assert_int_equal(verdict.source, ROLE_SHADOW);
        says(ROLE_SHADOW, RECORD_HEALTHY, RECORD_ORPHANED); /* ... unless its own record speaks against it */
        judge();
        assert_int_not_equal(verdict.source, ROLE_SHADOW);
        expect_member(ROLE_SHADOW, MEMBER_STALE, WHY_ORPHANED);
        says(ROLE_SHADOW, RECORD_HEALTHY, RECORD_REBUILDING);
        judge();
        assert_int_not_equal(verdict.source, ROLE_SHADOW);
        expect_member(ROLE_SHADOW, MEMBER_REBUILDING, WHY_REBUILDING);
    }
}

/* NT stops with C000021A: the half is the one to keep, but it is not started by itself (see the loader). */
static void D05_a_half_that_its_registry_does_not_know(void **state)
{
    (void)state;
    two_good_halves()[ROLE_PRIMARY].unrecorded = true;
    expect(SET_DEGRADED, ROLE_SHADOW, true);
    expect_member(ROLE_PRIMARY, MEMBER_FAILING, WHY_UNRECORDED);
    two_good_halves()[ROLE_SHADOW].unrecorded = true;
    expect(SET_DEGRADED, ROLE_PRIMARY, true);
    facts.member[ROLE_PRIMARY] = (struct member_facts){0};
    expect(SET_DEGRADED, ROLE_SHADOW, true);
    expect_member(ROLE_SHADOW, MEMBER_GOOD, WHY_UNRECORDED);
    facts.member[ROLE_SHADOW].ft_bit = false; /* broken: NT starts it */
    expect(SET_DEGRADED, ROLE_SHADOW, false);
    expect_member(ROLE_SHADOW, MEMBER_GOOD, WHY_NOTHING);
}

static void D15_neither_registry_knows_the_mirror(void **state)
{
    (void)state;
    two_good_halves()[ROLE_PRIMARY].unrecorded = true;
    facts.member[ROLE_SHADOW].unrecorded = true;
    expect(SET_SPLIT, ROLE_NONE, false);
    expect_member(ROLE_PRIMARY, MEMBER_GOOD, WHY_UNRECORDED);
    expect_member(ROLE_SHADOW, MEMBER_GOOD, WHY_UNRECORDED);
    facts.member[ROLE_PRIMARY].ft_bit = facts.member[ROLE_SHADOW].ft_bit = false;
    expect(SET_HEALTHY, ROLE_PRIMARY, false);
}

static void D08_a_disabled_half_is_stale(void **state)
{
    (void)state;
    two_good_halves()[ROLE_PRIMARY].disabled = true;
    expect(SET_STALE, ROLE_SHADOW, true);
    expect_member(ROLE_PRIMARY, MEMBER_STALE, WHY_DISABLED);
    facts.registry = AGE_SHADOW_OLDER; /* both are accused */
    expect(SET_SPLIT, ROLE_NONE, false);
    two_good_halves()[ROLE_SHADOW].disabled = true;
    expect(SET_DEGRADED, ROLE_PRIMARY, true);
    facts.member[ROLE_PRIMARY] = (struct member_facts){0};
    expect(SET_SPLIT, ROLE_NONE, false);
}

static void A19_a_lost_signature(void **state)
{
    (void)state;
    two_good_halves()[ROLE_PRIMARY] = (struct member_facts){.lost_signature = true, .dead_candidate = true};
    expect(SET_DEGRADED, ROLE_SHADOW, true);
    expect_member(ROLE_PRIMARY, MEMBER_FOREIGN, WHY_NO_SIGNATURE);
}

static void A20_two_disks_with_one_signature(void **state)
{
    (void)state;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        two_good_halves()[role] = (struct member_facts){.ambiguous = true};
        expect(SET_SPLIT, ROLE_NONE, false);
        expect_member((enum role)role, MEMBER_FOREIGN, WHY_TWO_DISKS);
        expect_member((enum role)(1 - role), MEMBER_GOOD, WHY_NOTHING);
    }
}

static void a_damaged_registry_is_not_preferred(void **state)
{
    (void)state;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        two_good_halves()[role].registry_bad = true;
        expect(SET_DEGRADED, (enum role)(1 - role), true);
        expect_member((enum role)role, MEMBER_FAILING, WHY_BAD_REGISTRY);
        facts.member[1 - role] = (struct member_facts){0}; /* ... but it is all there is */
        expect(SET_DEGRADED, (enum role)role, true);
    }
    two_good_halves()[ROLE_PRIMARY].registry_bad = true;
    facts.member[ROLE_SHADOW].registry_bad = true;
    expect(SET_HEALTHY, ROLE_PRIMARY, false);
}

/* The log of a file system that went on for a moment after a power cut is no proof where the registries agree. */
static void the_log_speaks_where_the_registry_is_silent(void **state)
{
    (void)state;
    two_good_halves();
    facts.log = AGE_PRIMARY_OLDER;
    expect(SET_STALE, ROLE_SHADOW, true);
    expect_member(ROLE_PRIMARY, MEMBER_STALE, WHY_LOG_OLDER);
    facts.registry = AGE_SHADOW_OLDER;
    expect(SET_DEGRADED, ROLE_PRIMARY, true);
    expect_member(ROLE_SHADOW, MEMBER_STALE, WHY_OLDER);
    facts.registry = AGE_SAME;
    expect(SET_HEALTHY, ROLE_PRIMARY, false);
}

/* EFI system partitions: what md says holds, whatever the dates of the loaders are. */
static void md_knows_which_half_is_older(void **state)
{
    (void)state;
    two_good_halves();
    facts.member[ROLE_PRIMARY].ft_bit = facts.member[ROLE_SHADOW].ft_bit = false;
    facts.events = AGE_SAME;
    facts.loaders = AGE_PRIMARY_OLDER;
    expect(SET_HEALTHY, ROLE_PRIMARY, false);
    facts.events = AGE_SHADOW_OLDER;
    expect(SET_DEGRADED, ROLE_PRIMARY, false);
    expect_member(ROLE_SHADOW, MEMBER_STALE, WHY_EVENTS);
    facts.events = AGE_PRIMARY_OLDER;
    expect(SET_STALE, ROLE_SHADOW, false);
    expect_member(ROLE_PRIMARY, MEMBER_STALE, WHY_EVENTS);
    facts.events = AGE_CONTRADICTION;
    expect(SET_SPLIT, ROLE_NONE, false);
    expect_member(ROLE_PRIMARY, MEMBER_GOOD, WHY_DIFFERENT);
}

static void what_md_had_not_finished_is_not_started(void **state)
{
    (void)state;
    for (unsigned half = 0; half < ROLE_COUNT; half++) {
        two_good_halves()[half].unfinished = true;
        facts.events = AGE_SAME;
        expect(SET_RESYNCING, (enum role)(1 - half), false);
        expect_member((enum role)half, MEMBER_REBUILDING, WHY_UNFINISHED);
        facts.member[1 - half] = (struct member_facts){0};
        expect(SET_SPLIT, ROLE_NONE, false);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(D04_the_shadow_says_that_the_primary_is_orphaned),
    cmocka_unit_test(the_primary_says_that_the_shadow_is_orphaned),
    cmocka_unit_test(both_say_healthy),
    cmocka_unit_test(each_says_that_the_other_is_orphaned),
    cmocka_unit_test(D02_a_half_made_copy_is_not_started),
    cmocka_unit_test(the_primary_cannot_be_read_and_the_shadow_is_sane),
    cmocka_unit_test(D05_a_half_that_its_registry_does_not_know),
    cmocka_unit_test(D15_neither_registry_knows_the_mirror),
    cmocka_unit_test(D08_a_disabled_half_is_stale),
    cmocka_unit_test(A19_a_lost_signature),
    cmocka_unit_test(A20_two_disks_with_one_signature),
    cmocka_unit_test(a_damaged_registry_is_not_preferred),
    cmocka_unit_test(the_log_speaks_where_the_registry_is_silent),
    cmocka_unit_test(md_knows_which_half_is_older),
    cmocka_unit_test(what_md_had_not_finished_is_not_started),
};

UNIT_MAIN(tests)
