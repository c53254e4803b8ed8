/* SPDX-License-Identifier: MIT */
/* plan: the drive map, the boot sector mended in memory, the MBR's copy, and which method. */
#include "plan.h"
#include "rigfw.h"
#include "unit.h"

static struct rigfw rig;
static struct inventory inventory;
static struct set_survey survey;
static struct boot_plan plan;
static struct fat floppy_fat;

static int set_up(void **state)
{
    (void)state;
    rig_mirror(&rig, "ask");
    rig.geometry[0] = rig.geometry[1] = (struct geometry){.heads = 255, .sectors_per_track = 63};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void gather(void)
{
    static const struct mirror_set set = {.member = {{RIG_SIGNATURE_A, RIG_MEMBER_START, RIG_MEMBER_SECTORS},
                                                     {RIG_SIGNATURE_B, RIG_MEMBER_START, RIG_MEMBER_SECTORS}}};
    memset(&inventory, 0, sizeof inventory);
    for (unsigned i = 0; i < rig.disks; i++) {
        if (rig.absent[i])
            continue;
        rig.fault[i].device.drive = (uint8_t)(0x80 + inventory.count);
        (void)inventory_add(&inventory, &rig.fault[i].device, &rig.geometry[i]);
    }
    facts_gather(&inventory, &(struct config){.set_count = 1, .set = {set}}, 0, SAMPLES, &survey);
}

static enum status make(enum role source, const struct fat *boot_disk)
{
    gather();
    memset(&plan, 0xC3, sizeof plan);
    return plan_make(&inventory, &survey, source, boot_disk, &plan);
}

static void expect_map(bool remap, unsigned visible, uint8_t first, uint8_t second)
{
    assert_int_equal(plan.remap, remap);
    assert_int_equal(plan.visible, visible);
    assert_int_equal(plan.map[0], first);
    if (visible > 1)
        assert_int_equal(plan.map[1], second);
}

static void add_third_disk(void)
{
    rig.disks = 3;
    memdev_init(&rig.disk[2], RIG_DISK_SECTORS, 0x82);
    fx_mbr(&rig.disk[2], 0xCCCC0003);
    rig_heal(&rig);
}

static void healthy_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(make(ROLE_PRIMARY, NULL), ST_OK);
    expect_map(false, 2, 0x80, 0x81);
    assert_int_equal(plan.source, ROLE_PRIMARY);
    assert_int_equal(plan.drive, 0x80);
    assert_int_equal(plan.method, METHOD_VBR);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK); /* by a person's choice: the order is swapped */
    expect_map(true, 2, 0x81, 0x80);
    assert_int_equal(plan.drive, 0x81);
}

static void dead_failing_and_stale_twins_are_hidden(void **state)
{
    (void)state;
    add_third_disk();
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    expect_map(true, 2, 0x81, 0x82);
    rig_heal(&rig);
    faultdev_range(&rig.fault[0], 500, 1100, FAULT_ERROR);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(survey.verdict.member[ROLE_PRIMARY], MEMBER_FAILING);
    expect_map(true, 2, 0x81, 0x82);
    rig_heal(&rig);
    fx_entry(rig.disk[1].bytes, 0, 0, 0xC6, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    assert_int_equal(make(ROLE_PRIMARY, NULL), ST_OK);
    expect_map(true, 2, 0x80, 0x82);
}

static void an_absent_primary_needs_no_map(void **state)
{
    (void)state;
    rig.absent[0] = true;
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    expect_map(false, 1, 0x80, 0);
    assert_int_equal(plan.drive, 0x80);
    assert_int_equal(make(ROLE_PRIMARY, NULL), ST_REFUSED);
}

/* What the plan hands over must be the sector on disk but for exactly these bytes. */
static void expect_patched(unsigned drive_at, bool geometry)
{
    uint8_t expected[SECTOR_BYTES];
    memcpy(expected, memdev_sector(&rig.disk[1], RIG_MEMBER_START), SECTOR_BYTES);
    memcpy(expected + 0x1C, "\x3F\0\0\0", 4);
    expected[drive_at] = 0x80;
    if (geometry)
        memcpy(expected + 0x18, "\x3F\0\xFF\0", 4);
    assert_memory_equal(plan.boot_sector, expected, SECTOR_BYTES);
}

static void boot_sectors_are_mended(void **state)
{
    (void)state;
    uint8_t *boot = memdev_sector(&rig.disk[1], RIG_MEMBER_START);
    rig.absent[0] = true;
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    expect_patched(0x24, true); /* FAT16 */
    rig.geometry[1].heads = 0;
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    expect_patched(0x24, false);
    rig.geometry[1].heads = 255;
    memcpy(boot + 3, "NTFS    ", 8);
    memset(boot + 0x11, 0, 2);
    memset(boot + 0x16, 0, 2);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    expect_patched(0x24, true);
    memcpy(boot + 3, "MSWIN4.1", 8);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    expect_patched(0x40, true); /* FAT32 */
    memset(boot + 0x0B, 0, 2);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_memory_equal(plan.boot_sector, boot, SECTOR_BYTES); /* no BPB: not touched */
}

static void the_mbr_is_as_if_its_code_had_run(void **state)
{
    (void)state;
    uint8_t expected[SECTOR_BYTES];
    memcpy(expected, rig.disk[1].bytes, SECTOR_BYTES);
    expected[446] = 0x80; /* NT never marks a shadow active */
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(plan.entry, 0);
    assert_memory_equal(plan.mbr, expected, SECTOR_BYTES);
}

static void only_one_entry_is_active(void **state)
{
    (void)state;
    fx_entry(rig.disk[1].bytes, 2, 0x80, 0x06, 1000, 100);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(plan.mbr[446], 0x80);
    assert_int_equal(plan.mbr[446 + 32], 0); /* a standard MBR stops at two of them */
}

static void a_logical_drive_gets_an_entry(void **state)
{
    (void)state;
    uint8_t expected[16] = {0x80, 0, 0, 0, 0x86};
    for (unsigned i = 0; i < 2; i++) {
        memset(rig.disk[i].bytes + 446, 0, 64);
        fx_entry(rig.disk[i].bytes, 0, 0, 5, 30, 1100);
        fx_ebr(&rig.disk[i], 30, 0x86, RIG_MEMBER_START - 30, RIG_MEMBER_SECTORS, 0);
    }
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(plan.entry, 3);
    expected[8] = RIG_MEMBER_START;
    expected[12] = RIG_MEMBER_SECTORS & 0xFF;
    expected[13] = RIG_MEMBER_SECTORS >> 8;
    assert_memory_equal(plan.mbr + 446 + 48, expected, 16);
    assert_memory_equal(plan.mbr + 446, rig.disk[1].bytes + 446, 48);
}

static void mount_floppy(void)
{
    fx_file(&rig.floppy, "NTLDR      ", "loader", 6);
    assert_int_equal(fat_mount(&rig.floppy_fault.device, 0, &floppy_fat), ST_OK);
}

/* A FAT12 volume of 900 sectors with NTLDR, without boot code, where the members are. */
static void make_volume_with_ntldr(void)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *boot = memdev_sector(&rig.disk[i], RIG_MEMBER_START);
        memcpy(boot, rig.floppy.bytes, 34 * (size_t)SECTOR_BYTES);
        boot[0] = 0;
        boot[0x13] = RIG_MEMBER_SECTORS & 0xFF;
        boot[0x14] = RIG_MEMBER_SECTORS >> 8;
    }
}

static void methods_in_order(void **state)
{
    (void)state;
    mount_floppy();
    assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
    assert_int_equal(plan.method, METHOD_VBR);
    make_volume_with_ntldr();
    assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
    assert_int_equal(plan.method, METHOD_NTLDR_DISK);
    memset(memdev_sector(&rig.disk[1], RIG_MEMBER_START), 0, SECTOR_BYTES);
    assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
    assert_int_equal(plan.method, METHOD_NTLDR_FLOPPY);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(plan.method, METHOD_MBR);
    memset(rig.disk[1].bytes, 0, 16); /* a data disk: a signature, a table, no code */
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_NOT_FOUND);
}

/* What mkfs.fat and mkntfs leave where a boot sector should be: it jumps, has its mark, and says this when started. */
static void a_boot_sector_that_starts_nothing_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "This is not a bootable disk.  Please insert a bootable floppy and\r\npress any key to try again ... \r\n",
        "This is not a bootable disk. Please insert a bootable floppy and\r\npress any key to try again ... \r\n"};
    static const unsigned places[] = {0x5B, 0x77, 0x79, SECTOR_BYTES - 2 - 100};
    uint8_t *boot = memdev_sector(&rig.disk[1], RIG_MEMBER_START);
    uint8_t good[SECTOR_BYTES];
    memcpy(good, boot, sizeof good);
    mount_floppy();
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        memcpy(boot, good, sizeof good);
        memcpy(boot + places[i], texts[i % 2], strlen(texts[i % 2]));
        assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
        assert_int_equal(plan.method, METHOD_NTLDR_FLOPPY);
        assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
        assert_int_equal(plan.method, METHOD_MBR);
        boot[places[i] + 8] = 'N'; /* "This is Not a ...": some other text */
        assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
        assert_int_equal(plan.method, METHOD_VBR);
    }
}

/* The volumes as they are now on the floppy, with a boot sector that loads `name` from the root directory. */
static void make_volume_that_loads(const char *name)
{
    make_volume_with_ntldr();
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *boot = memdev_sector(&rig.disk[i], RIG_MEMBER_START);
        boot[0] = 0xEB;
        memcpy(boot + 0x1F1, name, 11);
    }
}

/* NT's boot sector of a FAT volume would say "Couldn't find NTLDR" (B01). */
static void a_boot_sector_without_its_ntldr_is_helped(void **state)
{
    (void)state;
    make_volume_that_loads("NTLDR      "); /* and has none */
    mount_floppy();
    assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
    assert_int_equal(plan.method, METHOD_NTLDR_FLOPPY);
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(plan.method, METHOD_VBR); /* there is no other way */
    make_volume_that_loads("NTLDR      ");     /* and has it */
    assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
    assert_int_equal(plan.method, METHOD_VBR);
}

static void another_system_needs_no_ntldr(void **state)
{
    (void)state;
    make_volume_that_loads("IO      SYS");
    mount_floppy();
    assert_int_equal(make(ROLE_SHADOW, &floppy_fat), ST_OK);
    assert_int_equal(plan.method, METHOD_VBR);
}

static void no_mark_no_boot_sector(void **state)
{
    (void)state;
    uint8_t *boot = memdev_sector(&rig.disk[1], RIG_MEMBER_START);
    boot[511] = 0;
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(plan.method, METHOD_MBR);
    boot[511] = 0xAA;
    boot[0] = 0xE9;
    assert_int_equal(make(ROLE_SHADOW, NULL), ST_OK);
    assert_int_equal(plan.method, METHOD_VBR);
}

static void an_unreadable_boot_sector_is_not_handed_over(void **state)
{
    (void)state;
    gather();
    faultdev_range(&rig.fault[1], RIG_MEMBER_START, RIG_MEMBER_START, FAULT_SILENT);
    assert_int_equal(plan_make(&inventory, &survey, ROLE_SHADOW, NULL, &plan), ST_OK);
    assert_int_equal(plan.method, METHOD_MBR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(healthy_changes_nothing),
    TEST(dead_failing_and_stale_twins_are_hidden),
    TEST(an_absent_primary_needs_no_map),
    TEST(boot_sectors_are_mended),
    TEST(the_mbr_is_as_if_its_code_had_run),
    TEST(only_one_entry_is_active),
    TEST(a_logical_drive_gets_an_entry),
    TEST(methods_in_order),
    TEST(a_boot_sector_that_starts_nothing_is_none),
    TEST(a_boot_sector_without_its_ntldr_is_helped),
    TEST(another_system_needs_no_ntldr),
    TEST(no_mark_no_boot_sector),
    TEST(an_unreadable_boot_sector_is_not_handed_over),
};

UNIT_MAIN(tests)
