/* SPDX-License-Identifier: MIT */
/* change/retire: which disk may be retired and which must not, and the bytes that it takes. */
#include "change/retire.h"
#include "planning.h"

#define OTHER 0x77777777u

static struct retire_job job;

/* Two mirrors on two disks, of which the second one is a pair of logical drives, and a third disk. */
static int set_up(void **state)
{
    (void)state;
    machine(3, 2000);
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(sector_of(i, 0), 0, i == 0 ? 0x80 : 0, 0x86, 63, 900);
        fx_entry(sector_of(i, 0), 1, 0, 5, 1037, 900);
        fx_entry(sector_of(i, 0), 2, 0, 0x82, 1950, 50); /* Linux's swap, and no member */
        fx_ebr(&rig.disk[i], 1037, 0xC7, 63, 800, 0);
        for (unsigned lba = 63; lba < 963; lba++)
            memset(sector_of(i, lba), (int)lba & 0x7F, SECTOR_BYTES);
        for (unsigned lba = 1100; lba < 1900; lba++)
            memset(sector_of(i, lba), 0x33, SECTOR_BYTES);
    }
    fx_entry(sector_of(2, 0), 0, 0, 0x06, 63, 901);
    add_mirror(63, 900);
    add_mirror(1100, 800);
    return 0;
}

/* Look, and let both mirrors be broken in favour of this half; ROLE_NONE: they are not, and no verdict trusts one. */
static void keep(enum role role)
{
    look(false);
    changes.count = 0;
    job = (struct retire_job){.inventory = &inventory, .config = &config, .survey = survey, .changes = &changes};
    for (unsigned i = 0; i < 2; i++) {
        survey[i].verdict.source = role;
        job.breaking[i] = role != ROLE_NONE;
        job.keep[i] = role;
    }
}

static void expect_refusal(unsigned disk, enum retire_refusal refusal)
{
    unsigned before = changes.count;
    assert_int_equal(retire_plan(&job, &inventory.disk[disk]), refusal == RETIRE_OK ? ST_OK : ST_REFUSED);
    assert_int_equal(job.refusal, refusal);
    if (refusal != RETIRE_OK)
        assert_int_equal(changes.count, before);
}

/* A signature that nobody has, which is all that a test needs to know of it. */
static void expect_signature(unsigned disk)
{
    uint8_t *signature = expected[disk] + 0x1B8;
    memcpy(signature, changes.change[changes.count - 1].new_bytes + 0x1B8, 4);
    assert_memory_not_equal(signature, "\0\0\0\0", 4);
    for (unsigned i = 0; i < rig.disks; i++)
        assert_memory_not_equal(signature, sector_of(i, 0) + 0x1B8, 4);
}

static void a_half_that_is_left_is_retired(void **state)
{
    for (unsigned disk = 0; disk < 2; disk++) {
        (void)machine_off(state);
        (void)set_up(state);
        sector_of(disk, 0)[446 + 32] = 0x80; /* a second active flag does not belong there, and goes as well */
        keep(disk == 0 ? ROLE_SHADOW : ROLE_PRIMARY);
        expect_refusal(disk, RETIRE_OK);
        const struct planned order[] = {{disk, 1037}, {disk, 0}};
        expect_order(order, 2);
        assert_string_equal(changes.change[0].id, "H05");
        expect_type(disk, 0, 0x06);
        expected_at(disk, 1037)[446 + 4] = 0x07;
        for (unsigned i = 0; i < 4; i++)
            expected[disk][446 + 16 * i] = 0;
        expect_signature(disk);
        expect_written();
    }
}

static void a_disk_that_is_damaged_is_not_touched(void **state)
{
    (void)state;
    fx_entry(sector_of(1, 0), 3, 0, 6, 500, 10); /* overlaps */
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_DAMAGED);
    fx_entry(sector_of(1, 0), 3, 0, 0, 0, 0);
    keep(ROLE_PRIMARY);
    inventory.disk[1].dead = true; /* it died since it was looked at */
    expect_refusal(1, RETIRE_DAMAGED);
    faultdev_kill(&rig.fault[1], FAULT_ERROR);
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_DAMAGED);
}

static void a_disk_without_a_half(void **state)
{
    (void)state;
    keep(ROLE_PRIMARY);
    expect_refusal(2, RETIRE_NO_HALF);
}

/* What is on it is nobody else's copy. */
static void a_disk_with_a_member_of_another_set_stays(void **state)
{
    (void)state;
    config.set_count = 1; /* nobody knows the mirror of the logical drives */
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_OTHER_SET);
    config.set_count = 2;
    fx_entry(sector_of(1, 0), 2, 0, 0x87, 1950, 50);
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_OTHER_SET);
    fx_entry(sector_of(1, 0), 2, 0, 0x07, 1950, 50);
    fx_entry(sector_of(0, 0), 2, 0, 0x87, 1950, 49); /* on the disk that is kept it harms nobody */
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_OK);
}

static void the_half_that_is_trusted_stays(void **state)
{
    (void)state;
    keep(ROLE_PRIMARY);
    expect_refusal(0, RETIRE_TRUSTED);
    job.keep[0] = ROLE_SHADOW; /* of one mirror at least */
    expect_refusal(0, RETIRE_TRUSTED);
    expect_refusal(1, RETIRE_TRUSTED);
    keep(ROLE_PRIMARY);
    survey[0].verdict.source = ROLE_SHADOW; /* a break has the last word ... */
    expect_refusal(1, RETIRE_OK);
    job.breaking[0] = false; /* ... on the mirror that it breaks */
    changes.count = 0;
    expect_refusal(1, RETIRE_TRUSTED);
}

/* The other half is gone, is elsewhere, or cannot be read: this one holds all there is. */
static void the_last_half_stays(void **state)
{
    (void)state;
    rig.absent[0] = true;
    keep(ROLE_PRIMARY);
    expect_refusal(0, RETIRE_LAST); /* the first disk there is now: the shadow's */
    rig.absent[0] = false;
    fx_ebr(&rig.disk[0], 1037, 0xC7, 62, 800, 0);
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_LAST);
    fx_ebr(&rig.disk[0], 1037, 0xC7, 63, 800, 0);
    faultdev_range(&rig.fault[0], 1100, 1899, FAULT_ERROR);
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_LAST);
    rig_heal(&rig);
    keep(ROLE_PRIMARY);
    expect_refusal(1, RETIRE_OK);
}

/* NT would miss this half, and orphan it, whichever of them is trusted. */
static void while_the_other_half_is_a_member_this_one_stays(void **state)
{
    (void)state;
    keep(ROLE_NONE);
    expect_refusal(0, RETIRE_MEMBER);
    expect_refusal(1, RETIRE_MEMBER);
    survey[0].verdict.source = survey[1].verdict.source = ROLE_PRIMARY;
    expect_refusal(1, RETIRE_MEMBER);
    job.breaking[0] = true;
    job.keep[0] = ROLE_PRIMARY;
    expect_refusal(1, RETIRE_MEMBER); /* the second mirror still is one */
    job.breaking[1] = true;
    job.keep[1] = ROLE_PRIMARY;
    expect_refusal(1, RETIRE_OK);
}

/* The twins are no members any more: a break in their favour came to its end. */
static void the_twin_of_a_half_that_was_broken_out(void **state)
{
    (void)state;
    sector_of(0, 0)[446 + 4] = 0x06;
    keep(ROLE_NONE);
    expect_refusal(1, RETIRE_MEMBER); /* one of them is, yet */
    sector_of(0, 1037)[446 + 4] = 0x07;
    keep(ROLE_NONE);
    expect_refusal(0, RETIRE_MEMBER);
    expect_refusal(1, RETIRE_OK);
}

/* Nothing tells of the mirror any more but that another disk has a member just where this one has a volume. */
static void a_half_that_was_kept_by_a_break_stays(void **state)
{
    (void)state;
    config.set_count = 0;
    sector_of(0, 0)[446 + 4] = 0x06;
    sector_of(0, 1037)[446 + 4] = 0x07;
    keep(ROLE_NONE);
    expect_refusal(0, RETIRE_TRUSTED);
    fx_entry(sector_of(1, 0), 0, 0, 0x86, 63, 899);
    keep(ROLE_NONE);
    expect_refusal(0, RETIRE_TRUSTED); /* the logical drive's like is there */
    fx_ebr(&rig.disk[1], 1037, 0xC7, 62, 800, 0);
    keep(ROLE_NONE);
    expect_refusal(0, RETIRE_NO_HALF);
    fx_entry(sector_of(2, 0), 0, 0, 0x86, 63, 900);
    keep(ROLE_NONE);
    expect_refusal(0, RETIRE_TRUSTED); /* ... on any disk */
    fx_entry(sector_of(2, 0), 0, 0, 0x06, 63, 900);
    keep(ROLE_NONE);
    expect_refusal(0, RETIRE_NO_HALF);
}

static void what_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    for (unsigned room = 0; room < 2; room++) {
        keep(ROLE_PRIMARY);
        leave_room(room);
        assert_int_equal(retire_plan(&job, &inventory.disk[1]), ST_NO_SPACE);
        expect_as_before(room);
    }
    keep(ROLE_PRIMARY);
    faultdev_range(&rig.fault[1], 0, 0, FAULT_SILENT);
    assert_int_equal(retire_plan(&job, &inventory.disk[1]), ST_IO);
    assert_int_equal(changes.count, 0);
}

/* ---- signatures ---- */

static bool is_free(uint32_t signature)
{
    bool taken = signature == 0;
    for (unsigned i = 0; i < inventory.count; i++)
        taken = taken || inventory.disk[i].table.signature == signature;
    for (unsigned i = 0; i < config.set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            taken = taken || config.set[i].member[role].signature == signature;
    return !taken;
}

static void a_new_signature_is_nobodys(void **state)
{
    (void)state;
    look(false);
    uint32_t first = retire_signature(&inventory, &config, OTHER);
    assert_int_not_equal(first, OTHER);
    assert_true(is_free(first));
    assert_int_equal(retire_signature(&inventory, &config, OTHER), first); /* the same every time */
    inventory.disk[2].table.signature = first;
    uint32_t second = retire_signature(&inventory, &config, OTHER);
    assert_true(is_free(second));
    assert_int_not_equal(second, OTHER);
    config.set[1].member[ROLE_SHADOW].signature = second; /* of a disk that is away */
    uint32_t third = retire_signature(&inventory, &config, OTHER);
    assert_true(is_free(third));
    assert_int_not_equal(third, OTHER);
}

/* Whatever the old one is, also the one from which a step leads to zero. */
static void a_new_signature_is_not_zero(void **state)
{
    (void)state;
    look(false);
    uint32_t step = retire_signature(&inventory, &config, OTHER) - OTHER;
    uint32_t signature = 0u - step;
    assert_true(is_free(retire_signature(&inventory, &config, signature)));
    for (unsigned i = 0; i < 10000; i++) {
        uint32_t next = retire_signature(&inventory, &config, signature);
        assert_true(is_free(next));
        assert_int_not_equal(next, signature);
        signature = next;
    }
}

static void every_refusal_has_a_clause(void **state)
{
    (void)state;
    assert_string_equal(retire_text(RETIRE_OK), "");
    for (int i = RETIRE_OK + 1; i < RETIRE_COUNT; i++)
        for (int other = RETIRE_OK; other < i; other++)
            assert_string_not_equal(retire_text((enum retire_refusal)i), retire_text((enum retire_refusal)other));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, machine_off)

static const struct CMUnitTest tests[] = {
    TEST(a_half_that_is_left_is_retired),
    TEST(a_disk_that_is_damaged_is_not_touched),
    TEST(a_disk_without_a_half),
    TEST(a_disk_with_a_member_of_another_set_stays),
    TEST(the_half_that_is_trusted_stays),
    TEST(the_last_half_stays),
    TEST(while_the_other_half_is_a_member_this_one_stays),
    TEST(the_twin_of_a_half_that_was_broken_out),
    TEST(a_half_that_was_kept_by_a_break_stays),
    TEST(what_does_not_fit_changes_nothing),
    TEST(a_new_signature_is_nobodys),
    TEST(a_new_signature_is_not_zero),
    TEST(every_refusal_has_a_clause),
};

UNIT_MAIN(tests)
