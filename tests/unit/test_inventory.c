/* SPDX-License-Identifier: MIT */
/* disk/inventory: dead disks, signatures, and how many reads they cost. */
#include "disk/inventory.h"
#include "faultdev.h"
#include "fixture.h"
#include "unit.h"

#define DISKS 3u

static struct memdev disk[DISKS];
static struct faultdev fault[DISKS];
static struct inventory inventory;
static const struct geometry geometry = {16, 63};

static int set_up(void **state)
{
    (void)state;
    memset(&inventory, 0, sizeof inventory);
    for (unsigned i = 0; i < DISKS; i++) {
        memdev_init(&disk[i], 2000, (uint8_t)(0x80 + i));
        fx_mbr(&disk[i], 0x100 + i);
        fx_entry(disk[i].bytes, 0, 0, 0x86, 63, 500);
        faultdev_init(&fault[i], &disk[i].device);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DISKS; i++)
        memdev_free(&disk[i]);
    return 0;
}

static void add_all(void)
{
    for (unsigned i = 0; i < DISKS; i++)
        assert_non_null(inventory_add(&inventory, &fault[i].device, &geometry));
}

static void finds_by_signature(void **state)
{
    (void)state;
    unsigned index = 99;
    add_all();
    assert_int_equal(inventory_find(&inventory, 0x101, &index), 1);
    assert_int_equal(index, 1);
    assert_int_equal(inventory_find(&inventory, 0x103, &index), 0);
    assert_int_equal(inventory.disk[1].drive, 0x81);
    assert_int_equal(inventory.disk[1].geometry.heads, 16);
    assert_int_equal(inventory.disk[1].table.count, 1);
    assert_memory_equal(inventory.disk[1].sector0, disk[1].bytes, SECTOR_BYTES);
    assert_int_equal(fault[0].reads, 1);
}

static void dead_costs_two_reads_however_it_dies(void **state)
{
    for (int kind = FAULT_ERROR; kind <= FAULT_SILENT; kind++) {
        unsigned index;
        tear_down(state);
        set_up(state);
        faultdev_kill(&fault[1], (enum fault_kind)kind);
        add_all();
        assert_true(inventory.disk[1].dead);
        assert_int_equal(inventory.count, DISKS);
        inventory_refresh(&inventory.disk[1]);
        assert_int_equal(inventory_find(&inventory, 0x101, &index), 0);
        assert_int_equal(fault[1].reads, 2);
    }
}

static void twins_are_counted(void **state)
{
    (void)state;
    unsigned index = 99;
    fx_mbr(&disk[2], 0x101);
    add_all();
    assert_int_equal(inventory_find(&inventory, 0x101, &index), 2);
    assert_int_equal(index, 1);
}

static void what_identifies_nothing(void **state)
{
    (void)state;
    unsigned index;
    fx_mbr(&disk[0], 0);
    disk[1].bytes[511] = 0;
    add_all();
    assert_int_equal(inventory_find(&inventory, 0, &index), 0);
    assert_int_equal(inventory_find(&inventory, 0x101, &index), 0); /* no 55 AA: its signature is not believed */
}

static void refresh_sees_what_was_written_and_what_died(void **state)
{
    (void)state;
    add_all();
    fx_entry(disk[0].bytes, 0, 0, 0x06, 63, 500);
    inventory_refresh(&inventory.disk[0]);
    assert_int_equal(inventory.disk[0].table.partition[0].type, 0x06);
    faultdev_kill(&fault[0], FAULT_ERROR);
    inventory_refresh(&inventory.disk[0]);
    assert_true(inventory.disk[0].dead);
}

static void full(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DISKS_MAX; i++)
        assert_non_null(inventory_add(&inventory, &fault[0].device, &geometry));
    assert_null(inventory_add(&inventory, &fault[0].device, &geometry));
    assert_int_equal(inventory.count, DISKS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(finds_by_signature),      TEST(dead_costs_two_reads_however_it_dies),        TEST(twins_are_counted),
    TEST(what_identifies_nothing), TEST(refresh_sees_what_was_written_and_what_died), TEST(full),
};

UNIT_MAIN(tests)
