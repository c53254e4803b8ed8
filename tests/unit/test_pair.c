/* SPDX-License-Identifier: MIT */
/* mirror/pair: which partitions belong together, judged from tables alone. */
#include "mirror/pair.h"
#include "unit.h"

static struct inventory inventory;
static struct config config;
static struct pair_report report;

static void add_disk(uint32_t signature)
{
    struct disk *disk = &inventory.disk[inventory.count++];
    memset(disk, 0, sizeof *disk);
    disk->table.signature = signature;
}

static void add_part(uint8_t type, uint32_t start, uint32_t sectors)
{
    struct disk_table *table = &inventory.disk[inventory.count - 1].table;
    table->partition[table->count++] = (struct partition){.type = type, .start_lba = start, .sectors = sectors};
}

static int set_up(void **state)
{
    (void)state;
    memset(&inventory, 0, sizeof inventory);
    return 0;
}

static void find(bool lone)
{
    memset(&config, 0xC3, sizeof config);
    pair_find(&inventory, lone, &config, &report);
}

static void expect_set(unsigned index, uint32_t primary, uint32_t primary_start, uint32_t shadow, uint32_t shadow_start)
{
    assert_true(index < config.set_count);
    assert_int_equal(config.set[index].member[ROLE_PRIMARY].signature, primary);
    assert_int_equal(config.set[index].member[ROLE_PRIMARY].start_lba, primary_start);
    assert_int_equal(config.set[index].member[ROLE_SHADOW].signature, shadow);
    assert_int_equal(config.set[index].member[ROLE_SHADOW].start_lba, shadow_start);
}

static void expect_problem(enum pair_problem problem)
{
    assert_int_equal(report.problem, problem);
    assert_int_equal(config.set_count, 0);
}

static void two_halves(uint32_t first_length, uint32_t second_length, uint8_t second_type)
{
    set_up(NULL);
    add_disk(1);
    add_part(0x86, 63, first_length);
    add_disk(2);
    add_part(0x06, 63, 500);
    add_part(second_type, 900, second_length);
    find(false);
}

static void a_pair(void **state)
{
    (void)state;
    two_halves(20000, 20000, 0x86);
    assert_int_equal(report.problem, PAIR_OK);
    assert_int_equal(config.set_count, 1);
    expect_set(0, 1, 63, 2, 900);
    assert_int_equal(config.set[0].member[ROLE_SHADOW].sectors, 20000);
}

static void lengths(void **state)
{
    (void)state;
    two_halves(20000, 20000 + PAIR_SLACK_SECTORS - 1, 0x86);
    expect_set(0, 1, 63, 2, 900);
    two_halves(20000, 20000 + PAIR_SLACK_SECTORS, 0x86);
    expect_problem(PAIR_UNEQUAL);
    two_halves(20000, 19999, 0x86);
    expect_problem(PAIR_UNEQUAL);
}

static void types(void **state)
{
    (void)state;
    two_halves(20000, 20000, 0xC6); /* one half was disabled: still its twin */
    expect_set(0, 1, 63, 2, 900);
    two_halves(20000, 20000, 0x87);
    expect_problem(PAIR_UNEQUAL);
    two_halves(20000, 20000, 0x06);
    expect_problem(PAIR_LONE);
    two_halves(20000, 20000, 0x82); /* Linux swap carries bit 7 by chance */
    expect_problem(PAIR_LONE);
}

static void nothing(void **state)
{
    (void)state;
    add_disk(1);
    add_part(0x06, 63, 500);
    add_part(0x83, 600, 500);
    find(true);
    expect_problem(PAIR_NONE);
}

static void three_alike(void **state)
{
    (void)state;
    for (uint32_t disk = 1; disk <= 3; disk++) {
        add_disk(disk);
        add_part(0x86, 63, 20000);
    }
    find(true);
    expect_problem(PAIR_THREE);
}

static void a_lone_half_may_be_started(void **state)
{
    (void)state;
    two_halves(20000, 20000, 0x06);
    find(true);
    assert_int_equal(config.set_count, 1);
    assert_int_equal(report.problem, PAIR_OK);
    assert_int_equal(config.set[0].member[ROLE_PRIMARY].signature, 0);
    assert_int_equal(config.set[0].member[ROLE_SHADOW].signature, 1);
    assert_int_equal(config.set[0].member[ROLE_SHADOW].start_lba, 63);
}

static void signatures(void **state)
{
    (void)state;
    two_halves(20000, 20000, 0x86);
    inventory.disk[1].table.signature = 1;
    find(false);
    expect_problem(PAIR_SAME_SIGNATURE);
    inventory.disk[1].table.signature = 0;
    find(false);
    expect_problem(PAIR_NO_SIGNATURE);
    inventory.disk[0].table.signature = 0;
    find(false);
    expect_problem(PAIR_NO_SIGNATURE);
}

static void dead_disks_have_no_halves(void **state)
{
    (void)state;
    two_halves(20000, 20000, 0x86);
    inventory.disk[1].dead = true;
    find(false);
    expect_problem(PAIR_LONE);
}

static void several_equal_sets_pair_in_order(void **state)
{
    (void)state;
    for (uint32_t disk = 1; disk <= 2; disk++) {
        add_disk(disk);
        for (uint32_t i = 0; i < SETS_MAX; i++)
            add_part(0x87, 100000 * i + 63 * disk, 20000);
    }
    find(false);
    assert_int_equal(report.problem, PAIR_OK);
    assert_int_equal(config.set_count, SETS_MAX);
    for (uint32_t i = 0; i < SETS_MAX; i++)
        expect_set(i, 1, 100000 * i + 63, 2, 100000 * i + 126);
}

static void too_many_sets(void **state)
{
    (void)state;
    for (uint32_t disk = 1; disk <= 2; disk++) {
        add_disk(disk);
        for (uint32_t i = 0; i <= SETS_MAX; i++)
            add_part(0x87, 100000 * i + 63, 20000 + i * PAIR_SLACK_SECTORS);
    }
    find(false);
    assert_int_equal(report.problem, PAIR_TOO_MANY);
    assert_int_equal(config.set_count, SETS_MAX);
}

/* The first set is a cylinder longer than the second: the second's primary must not take the first's shadow. */
static void an_exact_length_goes_before_one_within_the_slack(void **state)
{
    (void)state;
    for (uint32_t disk = 1; disk <= 2; disk++) {
        add_disk(disk);
        add_part(0x86, 63, 20063);
        add_part(0x86, 30000, 20000);
    }
    find(false);
    assert_int_equal(config.set_count, 2);
    expect_set(0, 1, 63, 2, 63);
    expect_set(1, 1, 30000, 2, 30000);
}

/* NT disabled the first set's primary; that must not move the second set's primary to the first's shadow. */
static void a_disabled_half_keeps_its_rank(void **state)
{
    (void)state;
    for (uint32_t disk = 1; disk <= 2; disk++) {
        add_disk(disk);
        add_part(disk == 1 ? 0xC6 : 0x86, 63, 20000);
        add_part(0x86, 30000, 20000);
    }
    find(false);
    assert_int_equal(config.set_count, 2);
    expect_set(0, 1, 63, 2, 63);
    expect_set(1, 1, 30000, 2, 30000);
}

static void pairs_across_several_disks(void **state)
{
    (void)state;
    for (uint32_t disk = 1; disk <= 4; disk++) {
        add_disk(disk);
        add_part(0x86, 63, disk % 2 != 0 ? 20000 : 60000);
    }
    find(false);
    assert_int_equal(config.set_count, 2);
    expect_set(0, 1, 63, 3, 63);
    expect_set(1, 2, 63, 4, 63);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

static const struct CMUnitTest tests[] = {
    TEST(a_pair),
    TEST(lengths),
    TEST(types),
    TEST(nothing),
    TEST(three_alike),
    TEST(a_lone_half_may_be_started),
    TEST(signatures),
    TEST(dead_disks_have_no_halves),
    TEST(several_equal_sets_pair_in_order),
    TEST(too_many_sets),
    TEST(an_exact_length_goes_before_one_within_the_slack),
    TEST(a_disabled_half_keeps_its_rank),
    TEST(pairs_across_several_disks),
};

UNIT_MAIN(tests)
