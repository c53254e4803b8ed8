/* SPDX-License-Identifier: MIT */
/* mirror/md: superblocks at the end of a member, as the kernel's own header lays them out, damaged ones, and disks that
 * cannot be read there. The vectors are the second half of a member of 256 sectors. */
#include "mirror/md.h"

#include <linux/raid/md_p.h>

#include "faultdev.h"
#include "fixture.h"
#include "unit.h"

#define START 40u /* of the member on its disk */
#define SECTORS 256u
#define OLD_LBA (START + 128u)
#define NEW_PLACE 240u
#define NEW_LBA (START + NEW_PLACE)

static struct memdev disk;
static struct faultdev fault;
static struct trail trail;
static struct md_member member;

static const uint8_t vector_uuid[] = {0xA0, 0xA1, 0xA2, 0xA3, 0xB0, 0xB1, 0xB2, 0xB3,
                                      0xC0, 0xC1, 0xC2, 0xC3, 0xD0, 0xD1, 0xD2, 0xD3};

static int set_up(void **state)
{
    (void)state;
    memdev_init(&disk, START + SECTORS, 0x80);
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

static enum status read_member(void)
{
    memset(&member, 0xC3, sizeof member);
    return md_read(&fault.device, START, SECTORS, &member);
}

static enum status read_vector(const char *name)
{
    fx_vector(name, memdev_sector(&disk, OLD_LBA), 128 * SECTOR_BYTES);
    return read_member();
}

/* A vector that is good: its numbers, and what it says of the two disks. */
static void expect_vector(const char *name, uint32_t role, bool in_sync, bool other_faulty)
{
    assert_int_equal(read_vector(name), ST_OK);
    assert_memory_equal(member.uuid, vector_uuid, MD_UUID_BYTES);
    assert_int_equal(member.level, 1);
    assert_int_equal(member.disks, 2);
    assert_int_equal(member.events, 0x100000002);
    assert_int_equal(member.updated_s, 1700000000);
    assert_int_equal(member.role, role);
    assert_int_equal(member.in_sync, in_sync);
    assert_int_equal(member.other_faulty, other_faulty);
    assert_int_equal(trail.used, 0);
}

static void expect_zeros(void)
{
    static const struct md_member zeros;
    assert_memory_equal(&member, &zeros, sizeof zeros);
}

static void what_each_kind_says_of_the_two_disks(void **state)
{
    (void)state;
    expect_vector("md-0.90-good.hex", 0, true, false);
    assert_int_equal(member.minor, 90);
    expect_vector("md-0.90-alone.hex", 1, true, true);
    expect_vector("md-0.90-spare.hex", MD_ROLE_SPARE, false, false);
    expect_vector("md-0.90-faulty.hex", MD_ROLE_FAULTY, false, false);
    expect_vector("md-1.0-good.hex", 0, true, false);
    assert_int_equal(member.minor, 0);
    expect_vector("md-1.0-alone.hex", 1, true, true);
    expect_vector("md-1.0-replaced.hex", 1, true, false);
    expect_vector("md-1.0-copying.hex", 1, false, false);
}

static void a_damaged_superblock_is_told(void **state)
{
    static const struct {
        const char *name;
        uint32_t lba;
    } vectors[] = {{"md-0.90-checksum.hex", OLD_LBA}, {"md-1.0-checksum.hex", NEW_LBA}, {"md-1.0-roles.hex", NEW_LBA}};
    (void)state;
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        trail.used = 0;
        assert_int_equal(read_vector(vectors[i].name), ST_CORRUPT);
        expect_zeros();
        assert_int_equal(trail.used, 1);
        assert_int_equal(trail.entry[0].site, SITE_MD_SUM);
        assert_int_equal(trail.entry[0].lba, vectors[i].lba);
    }
}

static void another_devices_superblock_is_passed_over(void **state)
{
    (void)state;
    expect_vector("md-1.0-elsewhere.hex", 0, true, false);
    assert_int_equal(member.minor, 90);
    memset(memdev_sector(&disk, OLD_LBA), 0, 8 * SECTOR_BYTES);
    assert_int_equal(read_member(), ST_NOT_FOUND);
    expect_zeros();
    assert_int_equal(trail.used, 0);
}

static void a_disk_that_cannot_be_read_there_is_told(void **state)
{
    static const char *const vectors[] = {"md-0.90-good.hex", "md-1.0-good.hex"};
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        for (unsigned nth = 1; nth <= 2 - i; nth++) {
            faultdev_init(&fault, &disk.device);
            faultdev_nth(&fault, nth, SPAN_DEVICE, FAULT_ERROR);
            assert_int_equal(read_vector(vectors[i]), ST_IO);
            assert_int_equal(fault.reads, nth);
            expect_zeros();
        }
}

static void a_superblock_that_arrives_in_part_is_not_believed(void **state)
{
    (void)state;
    faultdev_range(&fault, OLD_LBA + 4, OLD_LBA + 4, FAULT_TAIL);
    assert_int_equal(read_vector("md-0.90-good.hex"), ST_CORRUPT);
}

static void a_member_without_one_costs_two_reads(void **state)
{
    (void)state;
    assert_int_equal(read_member(), ST_NOT_FOUND);
    assert_int_equal(fault.reads, 2);
    assert_int_equal(trail.used, 0);
}

static void a_member_is_read_only_in_its_own_bounds(void **state)
{
    (void)state;
    faultdev_range(&fault, 0, START - 1, FAULT_ERROR);
    for (uint64_t sectors = 0; sectors <= SECTORS; sectors++) {
        assert_int_equal(md_read(&fault.device, START, sectors, &member), ST_NOT_FOUND);
        assert_int_equal(fault.faults, 0);
    }
    /* More than the disk has: the bounds of the disk hold. */
    assert_int_equal(md_read(&fault.device, START, SECTORS + 16, &member), ST_BOUNDS);
}

/* The sum of md_p.h, of `bytes` with the sum's own place at zero. */
static uint32_t sum(const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += (uint64_t)at[i] << 8 * (i % 4);
    return (uint32_t)total + (uint32_t)(total >> 32);
}

static void the_kernels_header_agrees_on_0_90(void **state)
{
    static mdp_super_t super;
    (void)state;
    super = (mdp_super_t){.md_magic = MD_SB_MAGIC,
                          .minor_version = 90,
                          .set_uuid0 = 0x03020100,
                          .set_uuid1 = 0x07060504,
                          .set_uuid2 = 0x0B0A0908,
                          .set_uuid3 = 0x0F0E0D0C,
                          .level = 1,
                          .raid_disks = 2,
                          .utime = 0xF0000001,
                          .events_lo = 0x11223344,
                          .events_hi = 0x55667788,
                          .this_disk = {.number = 1, .raid_disk = 1, .state = 1 << MD_DISK_SYNC | 1 << MD_DISK_ACTIVE}};
    super.disks[0] = (mdp_disk_t){.number = 0, .raid_disk = 0, .state = 1 << MD_DISK_REMOVED};
    super.disks[1] = super.this_disk;
    super.sb_csum = sum(&super, sizeof super);
    assert_int_equal(sizeof super, MD_SB_BYTES);
    memcpy(memdev_sector(&disk, START + SECTORS - MD_RESERVED_SECTORS), &super, sizeof super);
    assert_int_equal(read_member(), ST_OK);
    for (uint8_t i = 0; i < MD_UUID_BYTES; i++)
        assert_int_equal(member.uuid[i], i);
    assert_int_equal(member.minor, 90);
    assert_int_equal(member.level, 1);
    assert_int_equal(member.disks, 2);
    assert_int_equal(member.events, 0x5566778811223344);
    assert_int_equal(member.updated_s, 0xF0000001);
    assert_int_equal(member.role, 1);
    assert_true(member.in_sync);
    assert_true(member.other_faulty);
}

static void the_kernels_header_agrees_on_1_0(void **state)
{
    static struct {
        struct mdp_superblock_1 super;
        uint16_t roles[3];
    } all;
    struct mdp_superblock_1 *super = &all.super;
    (void)state;
    *super = (struct mdp_superblock_1){.magic = MD_SB_MAGIC,
                                       .major_version = 1,
                                       .feature_map = MD_FEATURE_RECOVERY_OFFSET,
                                       .level = 1,
                                       .raid_disks = 2,
                                       .super_offset = NEW_PLACE,
                                       .dev_number = 2,
                                       .utime = 0x1122334455,
                                       .events = 0x5566778811223344,
                                       .max_dev = 3};
    super->utime |= 0xABCDEFull << 40; /* microseconds */
    memset(super->set_uuid, 0x5A, sizeof super->set_uuid);
    all.roles[0] = MD_DISK_ROLE_SPARE;
    all.roles[1] = MD_DISK_ROLE_FAULTY;
    all.roles[2] = 1;
    super->sb_csum = sum(&all, sizeof *super + sizeof all.roles);
    memcpy(memdev_sector(&disk, NEW_LBA), &all, sizeof *super + sizeof all.roles);
    assert_int_equal(read_member(), ST_OK);
    for (uint8_t i = 0; i < MD_UUID_BYTES; i++)
        assert_int_equal(member.uuid[i], 0x5A);
    assert_int_equal(member.minor, 0);
    assert_int_equal(member.level, 1);
    assert_int_equal(member.disks, 2);
    assert_int_equal(member.events, 0x5566778811223344);
    assert_int_equal(member.updated_s, 0x1122334455);
    assert_int_equal(member.role, 1);
    assert_false(member.in_sync);
    assert_true(member.other_faulty);
    assert_int_equal(MD_ROLE_SPARE, MD_DISK_ROLE_SPARE);
    assert_int_equal(MD_ROLE_FAULTY, MD_DISK_ROLE_FAULTY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(what_each_kind_says_of_the_two_disks),
    TEST(a_damaged_superblock_is_told),
    TEST(another_devices_superblock_is_passed_over),
    TEST(a_disk_that_cannot_be_read_there_is_told),
    TEST(a_superblock_that_arrives_in_part_is_not_believed),
    TEST(a_member_without_one_costs_two_reads),
    TEST(a_member_is_read_only_in_its_own_bounds),
    TEST(the_kernels_header_agrees_on_0_90),
    TEST(the_kernels_header_agrees_on_1_0),
};

UNIT_MAIN(tests)
