/* SPDX-License-Identifier: MIT */
/* mirror/freshness: what may change on a disk without the boot disk being outdated, and what may not. */
#include "mirror/freshness.h"
#include "unit.h"

#define A 0xAAAA0001u
#define B 0xBBBB0002u

static struct inventory inventory;
static struct config config;
static struct freshness freshness;

static struct partition mirrored(uint32_t start_lba, uint32_t sectors)
{
    return (struct partition){.number = 1, .type = 0x86, .start_lba = start_lba, .sectors = sectors};
}

/* Two disks with one mirror, and the boot disk that was built for them. */
static int set_up(void **state)
{
    (void)state;
    memset(&inventory, 0, sizeof inventory);
    config_init(&config);
    inventory.count = config.disk_count = 2;
    config.set_count = 1;
    for (unsigned i = 0; i < 2; i++) {
        struct disk_table *table = &inventory.disk[i].table;
        table->signature = i == 0 ? A : B;
        table->count = 2;
        table->partition[0] = mirrored(63, 1000);
        table->partition[1] = (struct partition){.number = 2, .type = 0x07, .start_lba = 1063, .sectors = 500};
        config.set[0].member[i] = (struct member_id){table->signature, 63, 1000};
        config.disk[i] = (struct disk_id){table->signature, freshness_layout(table)};
    }
    return 0;
}

static struct disk_table *table_of(unsigned disk)
{
    return &inventory.disk[disk].table;
}

static bool is_outdated(enum outdated kind, uint32_t signature)
{
    for (unsigned i = 0; i < freshness.count; i++)
        if (freshness.item[i].kind == kind && freshness.item[i].signature == signature)
            return true;
    return false;
}

static void check(void)
{
    memset(&freshness, 0xC3, sizeof freshness);
    freshness_check(&inventory, &config, &freshness);
}

static void nothing_has_changed(void **state)
{
    (void)state;
    check();
    assert_int_equal(freshness.count, 0);
}

/* Breaking a mirror, starting its shadow, and NT's own marks do not outdate a boot disk. */
static void what_breaking_and_starting_change(void **state)
{
    (void)state;
    static const uint8_t types[] = {0x06, 0x86, 0xC6, 0x46};
    for (unsigned i = 0; i < sizeof types; i++) {
        table_of(1)->partition[0].type = types[i];
        table_of(1)->partition[0].active = i % 2 == 0;
        check();
        assert_int_equal(freshness.count, 0);
    }
}

static void a_disk_was_partitioned_anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        set_up(state);
        struct partition *second = &table_of(1)->partition[1];
        second->number = (uint8_t)(second->number + (i == 0));
        second->type = i == 1 ? 0x06 : second->type;
        second->start_lba += i == 2;
        second->sectors += i == 3;
        table_of(1)->count -= i == 4;
        check();
        assert_int_equal(freshness.count, 1);
        assert_true(is_outdated(OUTDATED_LAYOUT, B));
    }
}

static void a_half_is_no_longer_there(void **state)
{
    (void)state;
    table_of(0)->partition[0].start_lba++;
    check();
    assert_true(is_outdated(OUTDATED_LOST_MEMBER, A));
    assert_true(is_outdated(OUTDATED_LAYOUT, A));
    assert_true(is_outdated(OUTDATED_NEW_SET, A)); /* its place is that of an unknown mirror now */
    assert_int_equal(freshness.count, 3);
}

static void a_mirror_that_is_not_known(void **state)
{
    (void)state;
    table_of(1)->partition[1].type = 0x87; /* set up since: the layout is the same */
    check();
    assert_int_equal(freshness.count, 1);
    assert_true(is_outdated(OUTDATED_NEW_SET, B));
    set_up(state);
    inventory.count = 3; /* a disk the boot disk has never seen */
    table_of(2)->signature = 0xCCCC0003;
    table_of(2)->count = 1;
    table_of(2)->partition[0] = (struct partition){.number = 1, .type = 0x06, .start_lba = 63, .sectors = 1000};
    check();
    assert_int_equal(freshness.count, 0);
    table_of(2)->partition[0] = mirrored(63, 1000);
    check();
    assert_true(is_outdated(OUTDATED_NEW_SET, 0xCCCC0003));
}

/* A disk that is not there, or does not answer, says nothing of the boot disk. */
static void disks_that_do_not_answer(void **state)
{
    (void)state;
    table_of(0)->count = table_of(1)->count = 0;
    inventory.disk[0].dead = true;
    table_of(1)->status = ST_CORRUPT;
    check();
    assert_int_equal(freshness.count, 0);
    inventory.count = 0;
    check();
    assert_int_equal(freshness.count, 0);
}

static void each_thing_is_noted_once_and_never_too_many(void **state)
{
    (void)state;
    freshness.count = 0;
    for (unsigned i = 0; i < 2 * FRESHNESS_MAX; i++)
        freshness_add(&freshness, OUTDATED_SYSTEM, A + i / 2);
    assert_int_equal(freshness.count, FRESHNESS_MAX);
    freshness_add(&freshness, OUTDATED_LAYOUT, B);
    assert_int_equal(freshness.count, FRESHNESS_MAX);
    assert_int_equal(freshness.item[FRESHNESS_MAX - 1].signature, A + FRESHNESS_MAX - 1);
    for (int i = OUTDATED_LAYOUT; i <= OUTDATED_SYSTEM; i++)
        for (int k = OUTDATED_LAYOUT; k < i; k++)
            assert_string_not_equal(outdated_text((enum outdated)i), outdated_text((enum outdated)k));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

static const struct CMUnitTest tests[] = {
    TEST(nothing_has_changed),
    TEST(what_breaking_and_starting_change),
    TEST(a_disk_was_partitioned_anew),
    TEST(a_half_is_no_longer_there),
    TEST(a_mirror_that_is_not_known),
    TEST(disks_that_do_not_answer),
    TEST(each_thing_is_noted_once_and_never_too_many),
};

UNIT_MAIN(tests)
