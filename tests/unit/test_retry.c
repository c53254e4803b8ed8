/* SPDX-License-Identifier: MIT */
/* disk/blockdev, disk/retry and disk/readahead: piles of devices over one that fails. */
#include "disk/readahead.h"
#include "disk/retry.h"
#include "faultdev.h"
#include "memdev.h"
#include "unit.h"

#define SECTORS 100u

static struct memdev disk;
static struct faultdev fault;
static struct retry retry;
static struct readahead cache;
static struct trail trail;
static uint8_t buffer[8 * SECTOR_BYTES];

static int set_up(void **state)
{
    (void)state;
    memdev_init(&disk, SECTORS, 0x81);
    for (unsigned i = 0; i < SECTORS * SECTOR_BYTES; i++)
        disk.bytes[i] = (uint8_t)(i / SECTOR_BYTES + i % 7);
    faultdev_init(&fault, &disk.device);
    trail = (struct trail){0};
    fault.device.trail = &trail;
    retry_init(&retry, &fault.device);
    readahead_init(&cache, &retry.device, 18);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static void expect_read(struct blockdev *device, uint64_t lba, uint32_t sectors)
{
    memset(buffer, 0x5A, sizeof buffer);
    assert_int_equal(blockdev_read(device, lba, sectors, buffer), ST_OK);
    assert_memory_equal(buffer, memdev_sector(&disk, lba), sectors * SECTOR_BYTES);
}

static void bounds(void **state)
{
    (void)state;
    expect_read(&retry.device, SECTORS - 1, 1);
    expect_read(&retry.device, SECTORS - 8, 8);
    fault.reads = 0;
    assert_int_equal(blockdev_read(&retry.device, SECTORS, 1, buffer), ST_BOUNDS);
    assert_int_equal(blockdev_read(&retry.device, SECTORS - 7, 8, buffer), ST_BOUNDS);
    assert_int_equal(blockdev_read(&retry.device, UINT64_MAX, 2, buffer), ST_BOUNDS);
    assert_int_equal(blockdev_read(&retry.device, 0, SECTORS + 1, buffer), ST_BOUNDS);
    assert_int_equal(fault.reads, 0);
    assert_int_equal(trail.entry[0].site, SITE_RANGE);
    assert_int_equal(trail.entry[0].drive, 0x81);
}

static void tries_twice_on_every_kind(void **state)
{
    for (int kind = FAULT_ERROR; kind <= FAULT_TAIL; kind++) {
        for (uint32_t sectors = 1; sectors <= 8; sectors++) {
            tear_down(state);
            set_up(state);
            faultdev_nth(&fault, 1, SPAN_ONCE, (enum fault_kind)kind);
            expect_read(&retry.device, 5, sectors);
            assert_int_equal(fault.reads, 2);
            assert_false(retry.tired);
        }
    }
}

static void gives_up_after_two_and_is_tired(void **state)
{
    for (int kind = FAULT_ERROR; kind <= FAULT_TAIL; kind++) {
        tear_down(state);
        set_up(state);
        faultdev_range(&fault, 9, 9, (enum fault_kind)kind);
        assert_int_equal(blockdev_read(&retry.device, 8, 2, buffer), ST_IO);
        assert_int_equal(fault.reads, 2);
        assert_int_equal(retry.device.fault, 0x20);
        assert_int_equal(trail.entry[trail.used - 1].site, SITE_READ);
        assert_int_equal(blockdev_read(&retry.device, 9, 1, buffer), ST_IO);
        assert_int_equal(fault.reads, 3);
        expect_read(&retry.device, 10, 1);
        assert_int_equal(fault.reads, 4);
    }
}

static void silence_is_on_the_trail(void **state)
{
    (void)state;
    faultdev_range(&fault, 9, 9, FAULT_SILENT);
    assert_int_equal(blockdev_read(&retry.device, 9, 1, buffer), ST_IO);
    assert_int_equal(trail.entry[0].site, SITE_SILENT);
    assert_int_equal(trail.entry[0].lba, 9);
}

static void neighbours_come_along(void **state)
{
    (void)state;
    expect_read(&cache.device, 20, 1);
    assert_int_equal(fault.reads, 1);
    for (unsigned lba = 20; lba < 20 + READAHEAD_SECTORS; lba++)
        expect_read(&cache.device, lba, 1);
    assert_int_equal(fault.reads, 1);
    expect_read(&cache.device, 20 + READAHEAD_SECTORS, 1);
    assert_int_equal(fault.reads, 2);
}

static void never_across_a_track_or_the_end(void **state)
{
    (void)state;
    expect_read(&cache.device, 17, 1); /* the last of its track of 18 */
    expect_read(&cache.device, 18, 1);
    assert_int_equal(fault.reads, 2);
    expect_read(&cache.device, SECTORS - 1, 1);
    assert_int_equal(blockdev_read(&cache.device, SECTORS, 1, buffer), ST_BOUNDS);
}

static void every_sector_whatever_the_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        expect_read(&cache.device, i * 37 % SECTORS, i % 9 == 0 && i * 37 % SECTORS < SECTORS - 2 ? 2 : 1);
}

static void a_bad_neighbour_costs_nothing(void **state)
{
    (void)state;
    faultdev_range(&fault, 22, 22, FAULT_ERROR);
    expect_read(&cache.device, 21, 1);
    assert_int_equal(blockdev_read(&cache.device, 22, 1, buffer), ST_IO);
    expect_read(&cache.device, 23, 1);
}

static void seeds_and_forgetting(void **state)
{
    (void)state;
    uint8_t seed[SECTOR_BYTES];
    memset(seed, 0x77, sizeof seed);
    readahead_seed(&cache, 40, seed);
    assert_int_equal(blockdev_read(&cache.device, 40, 1, buffer), ST_OK);
    assert_memory_equal(buffer, seed, SECTOR_BYTES);
    assert_int_equal(fault.reads, 0);
    readahead_forget(&cache);
    expect_read(&cache.device, 40, 1);
    assert_int_equal(fault.reads, 1);
}

static void faults_are_not_cached(void **state)
{
    (void)state;
    faultdev_kill(&fault, FAULT_SILENT);
    assert_int_equal(blockdev_read(&cache.device, 60, 1, buffer), ST_IO);
    fault.dead = false;
    expect_read(&cache.device, 60, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(bounds),
    TEST(tries_twice_on_every_kind),
    TEST(gives_up_after_two_and_is_tired),
    TEST(silence_is_on_the_trail),
    TEST(neighbours_come_along),
    TEST(never_across_a_track_or_the_end),
    TEST(every_sector_whatever_the_order),
    TEST(a_bad_neighbour_costs_nothing),
    TEST(seeds_and_forgetting),
    TEST(faults_are_not_cached),
};

UNIT_MAIN(tests)
