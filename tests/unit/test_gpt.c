/* SPDX-License-Identifier: MIT */
/* disk/gpt: which of the two copies is believed, and what a disk costs that cannot be read or lies. All vectors have
 * the same two partitions; the backup's second one is a sector shorter, and so tells which copy was used. */
#include "disk/gpt.h"
#include "disk/retry.h"
#include "faultdev.h"
#include "fixture.h"
#include "unit.h"

#define SECTORS 128u
#define LIST_LBA 2u
#define BACKUP_LIST_LBA 126u
#define BACKUP_LBA 127u
#define IN_MAIN 50u /* sectors of the second partition */
#define IN_BACKUP 49u
#define DISK_SIGNATURE 0x1BC0AE80u /* zlib's CRC-32 of the disk's GUID */
#define MOST_READS 6u              /* a header and twice its list, of both copies */

static struct memdev disk;
static struct faultdev fault;
static struct trail trail;
static struct disk_table table;

static int set_up(void **state)
{
    (void)state;
    memdev_init(&disk, SECTORS, 0x80);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static void load(const char *name)
{
    fx_vector(name, disk.bytes, SECTORS * SECTOR_BYTES);
    faultdev_init(&fault, &disk.device);
    trail = (struct trail){0};
    fault.device.trail = &trail;
}

static void read_table(void)
{
    memset(&table, 0xC3, sizeof table);
    mbr_read(&fault.device, disk.bytes, &table);
    assert_true(table.is_gpt);
    assert_in_range(table.count, 0, 2);
    assert_true(fault.reads <= MOST_READS);
}

static void expect(unsigned index, uint8_t type, uint32_t start, uint32_t sectors)
{
    const struct partition *partition = &table.partition[index];
    assert_true(index < table.count);
    assert_int_equal(partition->number, index + 1);
    assert_int_equal(partition->type, type);
    assert_int_equal(partition->start_lba, start);
    assert_int_equal(partition->sectors, sectors);
    assert_int_equal(partition->entry_lba, 0);
    assert_int_equal(partition->entry_offset, 0);
    assert_false(partition->logical);
}

static void expect_pair(uint32_t sectors)
{
    assert_int_equal(table.status, ST_OK);
    assert_int_equal(table.signature, DISK_SIGNATURE);
    assert_int_equal(table.count, 2);
    assert_int_equal(table.gpt_backup, sectors == IN_BACKUP);
    expect(0, TYPE_ESP, 40, 10);
    expect(1, TYPE_RAID, 50, sectors);
    assert_false(table.partition[0].active);
    assert_true(table.partition[1].active);
}

static void expect_problem(enum status status, enum site site, uint32_t lba, unsigned count)
{
    assert_int_equal(table.status, status);
    assert_int_equal(table.problem, site);
    assert_int_equal(table.problem_lba, lba);
    assert_int_equal(table.count, count);
    assert_false(table.gpt_backup);
    assert_int_equal(trail.entry[trail.used - 1].site, site);
}

/* Neither copy: nothing of what was read stays. */
static void expect_nothing(enum status status)
{
    expect_problem(status, SITE_GPT, 1, 0);
    assert_int_equal(table.signature, 0);
}

static void the_first_copy_counts(void **state)
{
    (void)state;
    load("gpt-good.hex");
    read_table();
    expect_pair(IN_MAIN);
    assert_int_equal(fault.reads, 3);
    assert_int_equal(trail.used, 0);
    load("gpt-hybrid.hex");
    read_table();
    expect_pair(IN_MAIN);
    load("gpt-entries-256.hex");
    read_table();
    expect_pair(IN_MAIN);
}

static void a_damaged_first_copy_gives_way_to_the_backup(void **state)
{
    static const char *const vectors[] = {"gpt-header-damaged.hex", "gpt-list-damaged.hex", "gpt-header-elsewhere.hex",
                                          "gpt-backup-elsewhere.hex", "gpt-list-outside.hex"};
    (void)state;
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        load(vectors[i]);
        read_table();
        expect_pair(IN_BACKUP);
    }
}

static void a_first_copy_that_cannot_be_read_gives_way_to_the_backup(void **state)
{
    (void)state;
    for (unsigned lba = 1; lba <= LIST_LBA; lba++) {
        load("gpt-good.hex");
        faultdev_range(&fault, lba, lba, FAULT_ERROR);
        read_table();
        expect_pair(IN_BACKUP);
    }
}

static void a_backup_that_cannot_be_read_does_not_matter(void **state)
{
    (void)state;
    load("gpt-good.hex");
    faultdev_range(&fault, BACKUP_LIST_LBA, BACKUP_LBA, FAULT_ERROR);
    read_table();
    expect_pair(IN_MAIN);
    assert_int_equal(fault.faults, 0);
}

static void with_both_copies_bad_there_is_no_table(void **state)
{
    (void)state;
    load("gpt-both-damaged.hex");
    read_table();
    expect_nothing(ST_CORRUPT);
    load("gpt-header-damaged.hex");
    faultdev_range(&fault, BACKUP_LIST_LBA, BACKUP_LIST_LBA, FAULT_ERROR);
    read_table();
    expect_nothing(ST_IO);
    load("gpt-good.hex");
    faultdev_kill(&fault, FAULT_ERROR);
    read_table();
    expect_nothing(ST_IO);
    assert_int_equal(fault.reads, 2);
    load("gpt-list-too-long.hex");
    read_table();
    expect_nothing(ST_CORRUPT);
    assert_int_equal(fault.reads, 2);
}

/* Through the retries that stand before every disk: the header, the list, and the list once more. */
static void a_sector_that_goes_bad_at_any_read_gives_way_to_the_backup(void **state)
{
    static const enum fault_kind kinds[] = {FAULT_ERROR, FAULT_SHORT, FAULT_SILENT, FAULT_TAIL};
    struct retry retry;
    (void)state;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (unsigned nth = 1; nth <= 3; nth++) {
            load("gpt-good.hex");
            retry_init(&retry, &fault.device);
            faultdev_nth(&fault, nth, SPAN_SECTOR, kinds[i]);
            mbr_read(&retry.device, disk.bytes, &table);
            assert_int_equal(fault.faults, 2);
            expect_pair(IN_BACKUP);
        }
}

static void contradictions_are_told_and_the_rest_stays(void **state)
{
    (void)state;
    load("gpt-overlap.hex");
    read_table();
    expect_problem(ST_CORRUPT, SITE_OVERLAP, 0, 1);
    expect(0, TYPE_ESP, 40, 11);
    load("gpt-backwards.hex");
    read_table();
    expect_problem(ST_CORRUPT, SITE_OVERLAP, 0, 1);
    load("gpt-beyond-end.hex");
    read_table();
    expect_problem(ST_BOUNDS, SITE_BEYOND_END, 50, 2);
    assert_true(table.partition[1].beyond_end);
    load("gpt-beyond-end.hex");
    fault.device.short_reach = true;
    read_table();
    assert_int_equal(table.status, ST_OK); /* the disk is larger than the firmware reaches */
    assert_false(table.partition[1].beyond_end);
}

static void a_disk_is_asked_only_for_sectors_it_has(void **state)
{
    (void)state;
    for (uint32_t sectors = 0; sectors <= 3; sectors++) {
        load("gpt-header-damaged.hex");
        disk.sectors = sectors; /* a read past these ends the test */
        fault.device.sectors = sectors;
        read_table();
        assert_int_not_equal(table.status, ST_OK);
        disk.sectors = SECTORS;
    }
}

static void any_of_the_four_entries_announces_it(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < 4; slot++) {
        uint8_t sector[SECTOR_BYTES] = {[510] = 0x55, [511] = 0xAA};
        assert_false(gpt_is_announced(sector));
        fx_entry(sector, slot, 0, 0xEE, 1, 1);
        assert_true(gpt_is_announced(sector));
        sector[511] = 0;
        assert_false(gpt_is_announced(sector));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(the_first_copy_counts),
    TEST(a_damaged_first_copy_gives_way_to_the_backup),
    TEST(a_first_copy_that_cannot_be_read_gives_way_to_the_backup),
    TEST(a_backup_that_cannot_be_read_does_not_matter),
    TEST(with_both_copies_bad_there_is_no_table),
    TEST(a_sector_that_goes_bad_at_any_read_gives_way_to_the_backup),
    TEST(contradictions_are_told_and_the_rest_stays),
    TEST(a_disk_is_asked_only_for_sectors_it_has),
    TEST(any_of_the_four_entries_announces_it),
};

UNIT_MAIN(tests)
