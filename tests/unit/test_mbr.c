/* SPDX-License-Identifier: MIT */
/* disk/mbr: numbering, chains, and tables that lie. */
#include "disk/mbr.h"
#include "faultdev.h"
#include "fixture.h"
#include "unit.h"

#define SECTORS 2048u

static struct memdev disk;
static struct faultdev fault;
static struct trail trail;
static struct disk_table table;

static int set_up(void **state)
{
    (void)state;
    memdev_init(&disk, SECTORS, 0x80);
    faultdev_init(&fault, &disk.device);
    trail = (struct trail){0};
    fault.device.trail = &trail;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static void read_table(void)
{
    memset(&table, 0xC3, sizeof table);
    mbr_read(&fault.device, disk.bytes, &table);
    assert_in_range(table.count, 0, PARTITIONS_MAX);
}

static void read_vector(const char *name)
{
    fx_vector(name, disk.bytes, SECTORS * SECTOR_BYTES);
    read_table();
}

static void expect(unsigned index, uint8_t type, uint32_t start, uint32_t sectors, uint32_t entry_lba, unsigned offset)
{
    const struct partition *partition = &table.partition[index];
    assert_true(index < table.count);
    assert_int_equal(partition->number, index + 1);
    assert_int_equal(partition->type, type);
    assert_int_equal(partition->start_lba, start);
    assert_int_equal(partition->sectors, sectors);
    assert_int_equal(partition->entry_lba, entry_lba);
    assert_int_equal(partition->entry_offset, offset);
    assert_int_equal(partition->logical, entry_lba != 0);
}

static void expect_problem(enum status status, enum site site, uint32_t lba, unsigned count)
{
    assert_int_equal(table.status, status);
    assert_int_equal(table.problem, site);
    assert_int_equal(table.problem_lba, lba);
    assert_int_equal(table.count, count);
    assert_int_equal(trail.entry[trail.used - 1].site, site);
}

static void primaries_then_logicals(void **state)
{
    (void)state;
    fx_mbr(&disk, 0x12345678);
    fx_entry(disk.bytes, 0, 0, 0x0F, 1000, 1000); /* extended first: its drives still come last */
    fx_entry(disk.bytes, 1, 0x80, 0x86, 63, 100);
    fx_entry(disk.bytes, 3, 0, 0xC7, 200, 100);
    fx_ebr(&disk, 1000, 0x86, 63, 100, 200);
    fx_ebr(&disk, 1200, 0x07, 63, 50, 0);
    read_table();
    assert_int_equal(table.status, ST_OK);
    assert_int_equal(table.signature, 0x12345678);
    assert_int_equal(table.count, 4);
    expect(0, 0x86, 63, 100, 0, 446 + 16);
    expect(1, 0xC7, 200, 100, 0, 446 + 48);
    expect(2, 0x86, 1063, 100, 1000, 446);
    expect(3, 0x07, 1263, 50, 1200, 446);
    assert_true(table.partition[0].active);
    assert_false(table.partition[1].active);
    assert_int_equal(trail.used, 0);
    assert_ptr_equal(mbr_find(&table, 1063, 100), &table.partition[2]);
    assert_null(mbr_find(&table, 1063, 99));
    assert_null(mbr_find(&table, 1062, 100));
}

static void chain_out_of_order_is_valid(void **state)
{
    (void)state;
    read_vector("ebr-out-of-order.hex");
    assert_int_equal(table.status, ST_OK);
    assert_int_equal(table.count, 4);
    expect(1, 6, 1010, 50, 1000, 446);
    expect(2, 7, 1610, 60, 1600, 446);
    expect(3, 0x87, 1310, 70, 1300, 446);
}

static void damaged_tables(void **state)
{
    (void)state;
    read_vector("mbr-no-mark.hex");
    expect_problem(ST_CORRUPT, SITE_MBR_MARK, 0, 0);
    assert_int_equal(table.signature, 0x4D4B4244);
    read_vector("mbr-overlap.hex");
    expect_problem(ST_CORRUPT, SITE_OVERLAP, 0, 1);
    read_vector("mbr-zero-length.hex");
    expect_problem(ST_CORRUPT, SITE_OVERLAP, 0, 0);
    read_vector("mbr-beyond-end.hex");
    expect_problem(ST_BOUNDS, SITE_BEYOND_END, 63, 1);
    assert_true(table.partition[0].beyond_end);
    fault.device.short_reach = true;
    read_vector("mbr-beyond-end.hex");
    assert_int_equal(table.status, ST_OK); /* the disk is larger than the firmware reaches */
    fault.device.short_reach = false;
    read_vector("mbr-dynamic-42.hex");
    expect_problem(ST_UNSUPPORTED, SITE_DYNAMIC, 63, 1);
}

static void damaged_chains(void **state)
{
    (void)state;
    read_vector("ebr-loop.hex");
    expect_problem(ST_CORRUPT, SITE_EBR_LOOP, 1000, 3);
    read_vector("ebr-out-of-bounds.hex");
    expect_problem(ST_CORRUPT, SITE_EBR_LOOP, 2000, 1);
    read_vector("ebr-no-mark.hex");
    expect_problem(ST_CORRUPT, SITE_EBR_MARK, 1100, 1);
}

static void a_logical_drive_in_front_of_its_container_is_refused(void **state)
{
    (void)state;
    read_vector("ebr-logical-wraps.hex");
    assert_int_not_equal(table.status, ST_OK);
    assert_int_equal(table.count, 0);
}

static void unreadable_ebr_keeps_what_came_before(void **state)
{
    (void)state;
    fx_vector("ebr-out-of-order.hex", disk.bytes, SECTORS * SECTOR_BYTES);
    faultdev_range(&fault, 1600, 1600, FAULT_ERROR);
    read_table();
    expect_problem(ST_IO, SITE_READ, 1600, 2);
}

static void adjacent_partitions_do_not_overlap(void **state)
{
    (void)state;
    fx_mbr(&disk, 1);
    fx_entry(disk.bytes, 0, 0, 6, 100, 100);
    fx_entry(disk.bytes, 1, 0, 6, 200, 100);
    fx_entry(disk.bytes, 2, 0, 6, 99, 1);
    fx_entry(disk.bytes, 3, 0, 6, SECTORS - 1, 1);
    read_table();
    assert_int_equal(table.status, ST_OK);
    assert_int_equal(table.count, 4);
    fx_entry(disk.bytes, 3, 0, 6, 299, 1);
    read_table();
    assert_int_equal(table.problem, SITE_OVERLAP);
    fx_entry(disk.bytes, 3, 0, 6, SECTORS - 1, 2);
    read_table();
    assert_int_equal(table.problem, SITE_BEYOND_END);
    fx_entry(disk.bytes, 3, 0, 6, 0xFFFFFFFF, 0xFFFFFFFF);
    read_table();
    assert_int_equal(table.problem, SITE_BEYOND_END);
}

/* A chain of `count` logical drives, two sectors each. */
static void long_chain(unsigned count)
{
    fx_mbr(&disk, 1);
    fx_entry(disk.bytes, 0, 0, 5, 100, 1900);
    for (unsigned i = 0; i < count; i++)
        fx_ebr(&disk, 100 + i * 2, 6, 1, 1, i + 1 < count ? (i + 1) * 2 : 0);
    read_table();
}

static void as_many_as_fit_and_no_more(void **state)
{
    (void)state;
    long_chain(PARTITIONS_MAX);
    assert_int_equal(table.status, ST_OK);
    assert_int_equal(table.count, PARTITIONS_MAX);
    long_chain(PARTITIONS_MAX + 1);
    expect_problem(ST_UNSUPPORTED, SITE_EBR_COUNT, 100 + PARTITIONS_MAX * 2, PARTITIONS_MAX);
    assert_true(fault.reads <= 2 * PARTITIONS_MAX + 1);
    long_chain(200);
    assert_int_equal(table.count, PARTITIONS_MAX);
}

static void primaries_count_too(void **state)
{
    (void)state;
    long_chain(PARTITIONS_MAX);
    fx_entry(disk.bytes, 1, 0, 6, 63, 10);
    read_table();
    assert_int_equal(table.count, PARTITIONS_MAX);
    assert_int_equal(table.problem, SITE_EBR_COUNT);
}

static void empty_table(void **state)
{
    (void)state;
    fx_mbr(&disk, 7);
    read_table();
    assert_int_equal(table.status, ST_OK);
    assert_int_equal(table.count, 0);
    assert_int_equal(fault.reads, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(primaries_then_logicals),
    TEST(chain_out_of_order_is_valid),
    TEST(damaged_tables),
    TEST(damaged_chains),
    TEST(a_logical_drive_in_front_of_its_container_is_refused),
    TEST(unreadable_ebr_keeps_what_came_before),
    TEST(adjacent_partitions_do_not_overlap),
    TEST(as_many_as_fit_and_no_more),
    TEST(primaries_count_too),
    TEST(empty_table),
};

UNIT_MAIN(tests)
