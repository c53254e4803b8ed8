/* SPDX-License-Identifier: MIT */
/* mirror/sample: where samples lie, and what comparing them finds out. */
#include "faultdev.h"
#include "memdev.h"
#include "mirror/sample.h"
#include "unit.h"

#define SECTORS 4000u
#define START 63u

static struct memdev disk[2];
static struct faultdev fault[2];
static struct extent extent[2];
static struct sample_result result;

static int set_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        memdev_init(&disk[i], START + SECTORS, (uint8_t)(0x80 + i));
        faultdev_init(&fault[i], &disk[i].device);
        extent[i] = (struct extent){&fault[i].device, START, SECTORS};
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk[0]);
    memdev_free(&disk[1]);
    return 0;
}

static void offsets_stay_inside(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 7, 15, 16, 17, 64, 65, 1000, 80000, 0x7FFFFFFF, 0xFFFFFFFF};
    for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++)
        for (unsigned i = 0; i < SAMPLES; i++)
            assert_true(sample_offset(sizes[size], i, SAMPLES) < sizes[size]);
}

static void offsets_are_dense_then_even(void **state)
{
    (void)state;
    static const uint32_t dense[] = {0, 1, 2, 4, 8, 16, 32, 64};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(sample_offset(16000, i, SAMPLES), dense[i]);
    for (unsigned i = 8; i < SAMPLES; i++)
        assert_int_equal(sample_offset(16000, i, SAMPLES), 1000 * (i - 7) - 1);
}

static void equal_halves(void **state)
{
    (void)state;
    sample_compare(extent, SAMPLES, &result);
    assert_true(result.readable[0] && result.readable[1] && result.compared);
    assert_false(result.different);
    assert_int_equal(fault[0].reads, SAMPLES);
    assert_int_equal(fault[1].reads, SAMPLES);
}

static void each_sampled_sector_counts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint32_t offset = sample_offset(SECTORS, i, SAMPLES);
        disk[1].bytes[(START + offset + 1) * SECTOR_BYTES - 1] = 1;
        sample_compare(extent, SAMPLES, &result);
        assert_true(result.different);
        assert_int_equal(result.different_at, offset);
        disk[1].bytes[(START + offset + 1) * SECTOR_BYTES - 1] = 0;
    }
}

static void a_bad_sector_ends_its_half_only(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 2; half++) {
        tear_down(state);
        set_up(state);
        faultdev_range(&fault[half], START + 8, START + 8, FAULT_ERROR);
        sample_compare(extent, SAMPLES, &result);
        assert_false(result.readable[half]);
        assert_true(result.readable[1 - half]);
        assert_int_equal(result.bad_lba[half], START + 8);
        assert_true(result.compared);
        assert_int_equal(fault[half].reads, 5);
        assert_int_equal(fault[1 - half].reads, SAMPLES);
    }
}

static void missing_halves(void **state)
{
    (void)state;
    extent[0].device = NULL;
    sample_compare(extent, SAMPLES, &result);
    assert_false(result.readable[0]);
    assert_true(result.readable[1]);
    assert_false(result.compared || result.different);
    assert_int_equal(fault[1].reads, SAMPLES);
    extent[1].device = NULL;
    sample_compare(extent, SAMPLES, &result);
    assert_false(result.readable[0] || result.readable[1] || result.compared);
}

/* A BIOS without extensions hides the last cylinders: what lies there says nothing of the disk. */
static void what_is_out_of_reach_says_nothing(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 2; half++) {
        tear_down(state);
        set_up(state);
        fault[half].device.sectors = START + 100;
        fault[half].device.short_reach = true;
        sample_compare(extent, SAMPLES, &result);
        assert_true(result.readable[0] && result.readable[1] && result.compared);
        fault[half].device.sectors = START; /* not even the boot sector */
        sample_compare(extent, SAMPLES, &result);
        assert_false(result.readable[half]);
        fault[half].device.sectors = START + 100;
        fault[half].device.short_reach = false; /* the disk itself is shorter than its partition */
        sample_compare(extent, SAMPLES, &result);
        assert_false(result.readable[half]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(offsets_stay_inside),
    TEST(offsets_are_dense_then_even),
    TEST(equal_halves),
    TEST(each_sampled_sector_counts),
    TEST(a_bad_sector_ends_its_half_only),
    TEST(missing_halves),
    TEST(what_is_out_of_reach_says_nothing),
};

UNIT_MAIN(tests)
