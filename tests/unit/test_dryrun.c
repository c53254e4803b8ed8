/* SPDX-License-Identifier: MIT */
/* dryrun: where a start would end, on volumes that others' tools have made. It is asked for as a person does it, from
 * the loader's menu. */
#include "ntpair.h"
#include "unit.h"

static struct rigfw rig;

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void load(const char *primary, const char *shadow)
{
    rig_free(&rig);
    ntpair_init(&rig, primary, shadow, "");
}

/* Take item `key` of the menu, which must be the dry run, and come back. */
static void dry_run(const char *key)
{
    char item[64];
    rig_keys(&rig, key);
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    (void)snprintf(item, sizeof item, "%s  Dry run: would the", key);
    assert_non_null(strstr(rig.screen, item));
    assert_int_equal(rig.writes, 0);
}

static void expect_event(const char *part)
{
    if (!rig_event(&rig, part))
        fail_msg("no event with: %s\n%s", part, rig.events);
}

static void where_a_start_ends(void **state)
{
    (void)state;
    static const struct {
        const char *volume;
        const char *result;
        const char *told; /* null: nothing else */
    } cases[] = {
        {"fat-healthy", "yes files=15 problems=0", NULL},
        {"ntfs-healthy", "yes files=15 problems=0", NULL},
        {"fat-deep", "yes files=15 problems=0", "file=\"\\OS\\NT4\\SYSTEM32\\HAL.DLL\" state=ok"},
        {"fat-windows-2000", "yes files=16 problems=0", "file=\"\\WINNT\\SYSTEM32\\BOOTVID.DLL\" state=ok"},
        {"fat-own-signature", "yes files=15 problems=0", NULL},
        {"fat-empty-alternate", "yes files=15 problems=0", NULL}, /* NT takes SYSTEM.ALT */
        {"fat-scsi", "unknown", "file=\"scsi(0)disk(1)rdisk(0)partition(1)\\WINNT\" state=doubt"},
        {"fat-no-nt", "unknown", "why=\"holds no Windows NT\""},
        {"fat-other-half", "no", "why=\"leads to the other half\""},
        {"fat-no-partition", "no", "why=\"leads to no partition (C01)\""},
        {"fat-no-disk", "no", "why=\"leads to no partition (C01)\""},
        {"fat-no-path", "no", "why=\"cannot be read, or its default= is no path (C02)\""},
        {"fat-no-boot-ini", "yes files=14",
         "file=\"BOOT.INI\" state=ok why=\"is missing or names nothing: NTLDR tries \\WINNT\""},
        {"fat-2000-old-ntldr", "unknown files=16 problems=0",
         "file=\"NTLDR\" state=doubt why=\"is of an older release than this Windows NT (B07)\""},
        {"fat-kernel", "yes files=15 problems=0", "file=\"\\WINNT\\SYSTEM32\\NTKRNLMP.EXE\" state=ok"},
        {"fat-kernel", "yes files=15 problems=0", "file=\"\\WINNT\\SYSTEM32\\HALMPS.DLL\" state=ok"},
        {"fat-kernel-lost", "no files=15 problems=2", "NTKRNLMP.EXE\" state=bad why=\"is missing\""},
        {"fat-kernel-lost", "no files=15 problems=2", "HALMPS.DLL\" state=bad why=\"is missing\""},
        {"fat-kernel-long", "unknown files=14 problems=0", "file=\"BOOT.INI\" state=doubt"},
        {"fat-hal-long", "unknown files=14 problems=0", "file=\"BOOT.INI\" state=doubt"},
        {"fat-no-ntldr", "no files=15 problems=1", "file=\"NTLDR\" state=bad why=\"is missing\""},
        {"fat-no-hal", "no files=15 problems=1", "file=\"\\WINNT\\SYSTEM32\\HAL.DLL\" state=bad why=\"is missing\""},
        {"fat-no-driver", "no", "file=\"\\WINNT\\System32\\DRIVERS\\atapi.sys\" state=bad why=\"is missing\""},
        {"fat-no-import", "no", "file=\"\\WINNT\\SYSTEM32\\DRIVERS\\CLASS2.SYS\" state=bad why=\"is missing\""},
        {"fat-not-a-program", "no", "file=\"\\WINNT\\SYSTEM32\\DRIVERS\\Disk.SYS\" state=bad why=\"is damaged\""},
        {"fat-damaged", "no", "file=\"the registry\" state=bad why=\"is damaged\""},
    };
    char result[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        load(cases[i].volume, cases[i].volume);
        dry_run("3"); /* 1 start the primary, 2 the shadow */
        (void)snprintf(result, sizeof result, "dryrun role=primary result=%s", cases[i].result);
        expect_event(result);
        if (cases[i].told != NULL)
            expect_event(cases[i].told);
        else
            assert_false(rig_event(&rig, "state=bad") || rig_event(&rig, "state=doubt"));
    }
}

/* The BIOS counts one head and so many sectors: 1024 cylinders end before the volume does (E07). */
static void expect_reach(const char *volume, unsigned sectors_per_track, const char *far)
{
    char event[96];
    load(volume, volume);
    rig.geometry[0] = (struct geometry){.heads = 1, .sectors_per_track = (uint16_t)sectors_per_track};
    dry_run("3");
    (void)snprintf(event, sizeof event, "file=\"%s\" state=bad why=\"lies in part where NT 4.0's NTLDR",
                   far != NULL ? far : "");
    assert_int_equal(rig_event(&rig, event), far != NULL);
    expect_event(far == NULL ? "result=yes" : "result=no");
}

static void as_far_as_the_bios_counts(void **state)
{
    (void)state;
    expect_reach("fat-far", 2, "\\WINNT");
    expect_reach("fat-far", 3, NULL);
    expect_reach("fat-far", 0, NULL); /* it does not tell */
    expect_reach("fat-far-ntldr", 1, "NTLDR");
    expect_reach("fat-far-ntldr", 3, NULL);
    expect_reach("fat-far-2000", 1, NULL); /* by LBA */
    expect_reach("fat-far-new-ntldr", 2, NULL);
}

/* Its first sector stands before the one in which its lines begin. */
static void damage_hal(unsigned disk)
{
    static const char line[] = "HAL.DLL     00000000\n";
    uint8_t *at = ntpair_find(&rig.disk[disk], line, sizeof line - 1, 0, false);
    size_t sector = (size_t)(at - rig.disk[disk].bytes) / SECTOR_BYTES - 1;
    assert_memory_equal(memdev_sector(&rig.disk[disk], sector), "MZ", 2);
    memset(memdev_sector(&rig.disk[disk], sector), 0, 2);
}

/* rdisk(0) is the half that is started, wherever the BIOS has it. */
static void the_shadow_as_drive_80h(void **state)
{
    (void)state;
    load("fat-healthy", "fat-orphaned");
    dry_run("4"); /* 1 start the shadow, 2 break, 3 start the primary */
    expect_event("dryrun role=shadow result=yes files=15 problems=0");
    damage_hal(1);
    dry_run("4");
    expect_event("file=\"\\WINNT\\SYSTEM32\\HAL.DLL\" state=bad why=\"is damaged\"");
    expect_event("result=no files=15 problems=1");
    load("fat-healthy", "fat-orphaned");
    damage_hal(0); /* the primary's files are not those */
    dry_run("4");
    expect_event("result=yes");
}

static void a_file_that_cannot_be_read(void **state)
{
    (void)state;
    load("fat-healthy", "fat-healthy");
    const char line[] = "c_437.nls   00000000\n";
    size_t at = (size_t)(ntpair_find(&rig.disk[0], line, sizeof line - 1, 0, true) - rig.disk[0].bytes);
    faultdev_range(&rig.fault[0], at / SECTOR_BYTES + 2, at / SECTOR_BYTES + 2, FAULT_ERROR);
    dry_run("3");
    expect_event("file=\"\\WINNT\\SYSTEM32\\c_437.nls\" state=bad why=\"cannot be read\"");
    expect_event("result=no files=15 problems=1");
}

/* The half's own boot sector does not start: NTLDR comes from the boot disk, and so does its BOOT.INI. */
static void ntldr_from_the_boot_disk(void **state)
{
    (void)state;
    static const char ini[] = "[boot loader]\r\ndefault=multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n";
    static const char ntldr[600] = "NTLDR";
    load("ntfs-healthy", "ntfs-healthy");
    for (unsigned i = 0; i < 2; i++)
        memdev_sector(&rig.disk[i], RIG_MEMBER_START)[0] = 0;
    uint32_t lba = fx_file(&rig.floppy, "NTLDR      ", ntldr, sizeof ntldr);
    (void)fx_file(&rig.floppy, "NTDETECTCOM", ntldr, sizeof ntldr);
    (void)fx_file(&rig.floppy, "BOOT    INI", ini, sizeof ini - 1);
    dry_run("3");
    expect_event("result=yes files=15 problems=0");
    faultdev_range(&rig.floppy_fault, lba + 1, lba + 1, FAULT_ERROR);
    dry_run("3");
    expect_event("file=\"NTLDR\" state=bad why=\"cannot be read\"");
    expect_event("result=no files=15 problems=1");
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(where_a_start_ends),         TEST(as_far_as_the_bios_counts), TEST(the_shadow_as_drive_80h),
    TEST(a_file_that_cannot_be_read), TEST(ntldr_from_the_boot_disk),
};

UNIT_MAIN(tests)
