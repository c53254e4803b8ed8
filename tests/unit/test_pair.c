/* SPDX-License-Identifier: MIT */
/* mirror/pair: which partitions belong together, judged from tables and from what registries name. */
#include "mirror/pair.h"
#include "unit.h"

#define NOT_HERE 9u /* the signature of a disk that is not among them */

static struct inventory inventory;
static struct pair_hints hints;
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
    memset(&hints, 0, sizeof hints);
    return 0;
}

static void find(bool lone)
{
    memset(&config, 0xC3, sizeof config);
    pair_find(&inventory, NULL, lone, &config, &report);
}

static void find_hinted(bool lone)
{
    memset(&config, 0xC3, sizeof config);
    pair_find(&inventory, &hints, lone, &config, &report);
}

/* The registry on a disk says of a partition there: it has this role, and its twin is at that place. */
static void hint(unsigned disk, unsigned partition, enum role role, uint32_t twin, uint32_t twin_start)
{
    const struct disk_table *table = &inventory.disk[disk].table;
    struct pair_hint *out = &hints.of[disk][partition];
    *out = (struct pair_hint){.state = HINT_KNOWN, .role = role};
    out->set.member[role] = (struct member_id){table->signature, table->partition[partition].start_lba,
                                               table->partition[partition].sectors};
    out->set.member[1 - role] = (struct member_id){twin, twin_start, 20000};
}

/* Disks with the signatures 1, 2, ... and one half each at LBA 63; all are alike. */
static void alike(unsigned count)
{
    set_up(NULL);
    for (uint32_t disk = 1; disk <= count; disk++) {
        add_disk(disk);
        add_part(0x86, 63, 20000);
    }
}

/* The registry of disk `speaker` names another than `stranger`, by their indices. */
static void expect_stranger(unsigned speaker, unsigned stranger)
{
    assert_int_equal(report.problem, PAIR_STRANGER);
    assert_int_equal(report.disk[0], speaker);
    assert_int_equal(report.disk[1], stranger);
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

/* Two machines, installed alike: by their tables four halves are one too many, by their registries two mirrors. */
static void registries_tell_four_alike_apart(void **state)
{
    (void)state;
    alike(4);
    find(false);
    expect_problem(PAIR_THREE);
    hint(0, 0, ROLE_PRIMARY, 3, 63);
    hint(1, 0, ROLE_PRIMARY, 4, 63);
    hint(2, 0, ROLE_SHADOW, 1, 63);
    hint(3, 0, ROLE_SHADOW, 2, 63);
    find_hinted(false);
    assert_int_equal(report.problem, PAIR_OK);
    assert_int_equal(config.set_count, 2);
    expect_set(0, 1, 63, 3, 63);
    expect_set(1, 2, 63, 4, 63);
}

static void disks_of_two_machines_are_strangers(void **state)
{
    (void)state;
    for (enum role role = ROLE_PRIMARY; role < ROLE_COUNT; role++)
        for (unsigned lone = 0; lone < 2; lone++) {
            alike(2);
            hint(0, 0, ROLE_PRIMARY, NOT_HERE, 63);
            hint(1, 0, role, NOT_HERE + 1, 63);
            find_hinted(lone);
            expect_stranger(0, 1);
            assert_int_equal(config.set_count, 0); /* nor is either a half that was found alone */
        }
}

static void one_registry_is_enough_to_object(void **state)
{
    (void)state;
    for (unsigned speaker = 0; speaker < 2; speaker++) {
        alike(2);
        hint(speaker, 0, ROLE_SHADOW, NOT_HERE, 63);
        find_hinted(true);
        expect_stranger(speaker, 1 - speaker);
        assert_int_equal(config.set_count, 0);
        alike(2);
        hint(speaker, 0, ROLE_SHADOW, 2 - speaker, 64); /* the right disk, another place */
        find_hinted(true);
        expect_stranger(speaker, 1 - speaker);
    }
}

/* The third disk's own registry is silent: by its table it could be anybody's. */
static void a_pair_has_no_room_for_a_third(void **state)
{
    (void)state;
    alike(3);
    hint(0, 0, ROLE_PRIMARY, 3, 63);
    hint(2, 0, ROLE_SHADOW, 1, 63);
    find_hinted(true);
    assert_int_equal(report.problem, PAIR_STRANGER);
    assert_int_equal(report.disk[1], 1);
    assert_int_equal(config.set_count, 1);
    expect_set(0, 1, 63, 3, 63);
}

/* Disk 2 was the twin of disk 1 until that was mirrored onto disk 3. What disk 2 says is past: it is the one to leave
 * out, wherever it stands in the call. */
static void a_twin_that_was_replaced(void **state)
{
    (void)state;
    static const unsigned orders[][3] = {
        {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {2, 1, 0}}; /* of machine, old twin, new twin */
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        const unsigned *at = orders[i];
        alike(3);
        hint(at[0], 0, ROLE_PRIMARY, at[2] + 1, 63);
        hint(at[1], 0, ROLE_SHADOW, at[0] + 1, 63);
        hint(at[2], 0, ROLE_SHADOW, at[0] + 1, 63);
        find_hinted(true);
        expect_stranger(at[0], at[1]);
        assert_int_equal(config.set_count, 1);
        expect_set(0, at[0] + 1, 63, at[2] + 1, 63);
    }
}

static void the_registry_knows_the_primary(void **state)
{
    (void)state;
    for (unsigned words = 1; words < 4; words++) { /* of the first disk's registry, the second's, both */
        alike(2);
        if (words & 1)
            hint(0, 0, ROLE_SHADOW, 2, 63);
        if (words & 2)
            hint(1, 0, ROLE_PRIMARY, 1, 63);
        find_hinted(false);
        assert_int_equal(report.problem, PAIR_OK);
        assert_int_equal(config.set_count, 1);
        expect_set(0, 2, 63, 1, 63);
    }
    alike(2); /* each was the other's shadow once */
    hint(0, 0, ROLE_SHADOW, 2, 63);
    hint(1, 0, ROLE_SHADOW, 1, 63);
    find_hinted(false);
    expect_set(0, 1, 63, 2, 63);
}

/* The shadow is the one that may be longer, also where it is given first. */
static void the_slack_belongs_to_the_shadow(void **state)
{
    (void)state;
    alike(2);
    inventory.disk[0].table.partition[0].sectors = 20063;
    find_hinted(false);
    expect_problem(PAIR_UNEQUAL);
    hint(0, 0, ROLE_SHADOW, 2, 63);
    find_hinted(false);
    expect_set(0, 2, 63, 1, 63);
    inventory.disk[0].table.partition[0].sectors = 19999; /* named, and yet it cannot be */
    find_hinted(false);
    expect_problem(PAIR_UNEQUAL);
}

/* Two equal sets whose shadows lie in the other order. */
static void a_registry_goes_before_the_order(void **state)
{
    (void)state;
    for (uint32_t disk = 1; disk <= 2; disk++) {
        add_disk(disk);
        add_part(0x87, 63, 20000);
        add_part(0x87, 30000, 20000);
    }
    hint(0, 0, ROLE_PRIMARY, 2, 30000);
    hint(0, 1, ROLE_PRIMARY, 2, 63);
    find_hinted(false);
    assert_int_equal(report.problem, PAIR_OK);
    assert_int_equal(config.set_count, 2);
    expect_set(0, 1, 63, 2, 30000);
    expect_set(1, 1, 30000, 2, 63);
}

static void a_lone_half_whose_twin_is_known(void **state)
{
    (void)state;
    for (enum role role = ROLE_PRIMARY; role < ROLE_COUNT; role++) {
        alike(1);
        hint(0, 0, role, NOT_HERE, 126);
        find_hinted(false);
        expect_problem(PAIR_LONE);
        find_hinted(true);
        assert_int_equal(report.problem, PAIR_OK);
        assert_int_equal(config.set_count, 1);
        const struct member_id *member = config.set[0].member;
        assert_memory_equal(&member[role], (&(struct member_id){1, 63, 20000}), sizeof *member);
        assert_memory_equal(&member[1 - role], (&(struct member_id){NOT_HERE, 126, 20000}), sizeof *member);
        hints.of[0][0].state = HINT_DISPUTED;
        find_hinted(true);
        assert_int_equal(config.set[0].member[ROLE_PRIMARY].signature, 0);
    }
}

/* Disk 1 was disk 7 when its registry was written (A19); its twin still knows it as that. */
static void a_disk_whose_signature_was_overwritten(void **state)
{
    (void)state;
    alike(2);
    inventory.disk[0].table.signature = 7;
    hint(0, 0, ROLE_PRIMARY, 2, 63);
    hint(1, 0, ROLE_SHADOW, 7, 63);
    inventory.disk[0].table.signature = 1;
    find_hinted(false);
    assert_int_equal(report.problem, PAIR_OK);
    expect_set(0, 1, 63, 2, 63); /* by the one it has */
    inventory.disk[0].table.signature = 0;
    find_hinted(true);
    expect_problem(PAIR_NO_SIGNATURE);
}

static void copies(void **state)
{
    (void)state;
    alike(2); /* both are the primary, and miss their shadow */
    inventory.disk[1].table.signature = 1;
    hint(0, 0, ROLE_PRIMARY, NOT_HERE, 63);
    hint(1, 0, ROLE_PRIMARY, NOT_HERE, 63);
    find_hinted(true);
    expect_problem(PAIR_SAME_SIGNATURE);
    alike(3); /* ... and here it is */
    inventory.disk[1].table.signature = 1;
    for (unsigned disk = 0; disk < 2; disk++)
        hint(disk, 0, ROLE_PRIMARY, 3, 63);
    hint(2, 0, ROLE_SHADOW, 1, 63);
    find_hinted(true);
    expect_problem(PAIR_THREE);
    assert_int_equal(report.disk[0], 2); /* the one that has more than one twin */
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
    TEST(registries_tell_four_alike_apart),
    TEST(disks_of_two_machines_are_strangers),
    TEST(one_registry_is_enough_to_object),
    TEST(a_pair_has_no_room_for_a_third),
    TEST(a_twin_that_was_replaced),
    TEST(the_registry_knows_the_primary),
    TEST(the_slack_belongs_to_the_shadow),
    TEST(a_registry_goes_before_the_order),
    TEST(a_lone_half_whose_twin_is_known),
    TEST(a_disk_whose_signature_was_overwritten),
    TEST(copies),
};

UNIT_MAIN(tests)
