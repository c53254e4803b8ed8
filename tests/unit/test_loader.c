/* SPDX-License-Identifier: MIT */
/* loader, bootdisk and ui/screen: whole runs on a machine made of memory, up to the start of a half. What changes disks
 * is in test_loader_changes. The sweeps disturb such runs; here they are as they should be. */
#include "loader_runs.h"

static void healthy(void **state)
{
    (void)state;
    expect_start(ROLE_PRIMARY, 0x80);
    assert_string_equal(rig.events, "ft: start version=" LOADER_VERSION " firmware=rig bootdrive=0x00\n"
                                    "ft: disk drive=0x80 sectors=1200 signature=aaaa0001 state=ok status=0x00\n"
                                    "ft: disk drive=0x81 sectors=1200 signature=bbbb0002 state=ok status=0x00\n"
                                    "ft: member set=1 role=primary drive=0x80 state=good why=\"\"\n"
                                    "ft: member set=1 role=shadow drive=0x81 state=good why=\"\"\n"
                                    "ft: verdict set=1 state=healthy source=primary\n"
                                    "ft: boot source=primary drive=0x80 as=0x80 method=vbr\n");
    assert_int_equal(rig.writes, 0);
    assert_false(rig.plan.remap);
}

static void primary_absent(void **state)
{
    (void)state;
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_true(rig_event(&rig, "role=primary drive=0x00 state=absent why=\"no disk with this signature answers\""));
    assert_true(rig_event(&rig, "verdict set=1 state=degraded source=shadow"));
    assert_int_equal(rig.disk_writes, 0);
    assert_memory_equal(log_text(), "degraded: started the shadow by vbr\r\n", 37);
}

static void primary_dead(void **state)
{
    (void)state;
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    expect_start(ROLE_SHADOW, 0x81);
    assert_true(rig_event(&rig, "disk drive=0x80 sectors=1200 signature=00000000 state=dead status=0x20"));
    assert_true(rig_event(&rig, "error site=R1 status=io drive=0x80 lba=0"));
    assert_int_equal(rig.fault[0].reads, 2);
    assert_true(rig.plan.remap);
    assert_int_equal(rig.plan.visible, 1);
    assert_int_equal(rig.disk_writes, 0);
}

static void odd_sectors_are_left_alone(void **state)
{
    (void)state;
    rig.odd_sectors[0] = true;
    expect_start(ROLE_SHADOW, 0x81);
    assert_true(rig_event(&rig, "disk drive=0x80 state=unsupported\n"));
    assert_true(rig_event(&rig, "disk drive=0x81 sectors=1200 signature=bbbb0002 state=ok"));
    assert_true(rig_event(&rig, "role=primary drive=0x00 state=absent"));
    assert_non_null(strstr(rig.screen, "Disk 80h  left alone: its sectors are not of 512 bytes\n"));
    assert_int_equal(rig.fault[0].reads, 0);
}

static void stale_types(void **state)
{
    (void)state;
    set_type(0, 0xC6);
    expect_start(ROLE_SHADOW, 0x81);
    assert_true(rig_event(&rig, "verdict set=1 state=stale source=shadow"));
    set_type(0, 0x86);
    set_type(1, 0x06); /* somebody broke the mirror and went on with the shadow */
    expect_start(ROLE_SHADOW, 0x81);
    assert_true(rig_event(&rig, "role=primary drive=0x80 state=stale"));
    set_type(1, 0xC6);
    expect_start(ROLE_PRIMARY, 0x80);
    assert_true(rig_event(&rig, "verdict set=1 state=degraded source=primary"));
}

static void split_asks(void **state)
{
    (void)state;
    memdev_sector(&rig.disk[1], RIG_MEMBER_START + 1)[9] ^= 1;
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(rig_event(&rig, "verdict set=1 state=split source=none"));
    assert_int_equal(rig.writes, 0);
    rig_keys(&rig, "3"); /* 1 start primary, 2 break keeping it, 3 start shadow */
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(rig.disk_writes, 0);
}

static void without_mirror_ini(void **state)
{
    (void)state;
    again(NULL);
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_non_null(strstr(rig.screen, "Looking for mirrors by type"));
    rig.absent[0] = false;
    expect_start(ROLE_PRIMARY, 0x80);
}

static void without_a_floppy_that_reads(void **state)
{
    (void)state;
    faultdev_kill(&rig.floppy_fault, FAULT_SILENT);
    faultdev_kill(&rig.fault[0], FAULT_SILENT);
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(rig.writes, 0);
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    fx_floppy(&rig.floppy);
    fx_boot_files(&rig.floppy, "[loader]\r\ntimeout=5\r\nbrake=auto\r\n");
    expect_start(ROLE_PRIMARY, 0x80);
    assert_true(rig_event(&rig, "error site=N1 status=corrupt drive=0x00 lba=3"));
}

/* The journal remembers which half went on alone, even when that half is not there to show it. */
static void the_half_left_behind_is_not_started_unasked(void **state)
{
    (void)state;
    again("auto");
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    expect_start(ROLE_SHADOW, 0x81);
    rig_heal(&rig);
    rig.absent[1] = true;
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(rig_event(&rig, "role=primary drive=0x80 state=stale"));
    assert_int_equal(rig.disk_writes, 0);
}

/* The power went after the disk was written and before the journal said so. */
static void an_interrupted_break_is_evidence_too(void **state)
{
    (void)state;
    again("auto");
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    unsigned done = 0;
    while (rig.write[done].drive != 0x80)
        done++;
    again("auto");
    rig.absent[0] = true;
    rig.faulty_write = done + 1;
    rig.write_fault = CUT_AFTER;
    assert_int_equal(rig_run(&rig), RIG_CUT);
    assert_int_equal(type_of(1), 0x06);
    rig_heal(&rig);
    rig.absent[0] = false;
    rig.absent[1] = true;
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(rig_event(&rig, "role=primary drive=0x80 state=stale"));
}

static void a_journal_that_cannot_be_read_back_makes_it_ask(void **state)
{
    (void)state;
    again("auto");
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    memdev_sector(&rig.floppy, FLOPPY_DATA_LBA + 2 + 3)[0] ^= 1; /* in the first record */
    rig.absent[0] = false;
    rig.absent[1] = true;
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_int_equal(rig.disk_writes, 0);
}

/* Found by its type, a half alone may have its twin, taken out of the mirror, on any other disk. */
static void a_half_found_by_type_beside_another_disk_asks(void **state)
{
    (void)state;
    again(NULL);
    set_type(1, 0x06);
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    rig.absent[1] = true;
    expect_start(ROLE_SHADOW, 0x80);
}

static void a_damaged_mirror_ini_does_not_break_by_itself(void **state)
{
    (void)state;
    fx_floppy(&rig.floppy);
    fx_boot_files(&rig.floppy, "[loader]\r\nbreak=auto\r\nbrake=auto\r\n");
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 0);
}

static void nothing_to_start(void **state)
{
    (void)state;
    rig.absent[0] = rig.absent[1] = true;
    enum rig_end end = rig_run(&rig);
    assert_int_not_equal(end, RIG_HANDOFF);
    assert_true(rig_event(&rig, "error site=S2"));
    assert_non_null(strstr(rig.screen, "No hard disk answers"));
}

static void no_mirror_is_not_called_a_primary(void **state)
{
    (void)state;
    again(NULL);
    set_type(0, 0x06);
    set_type(1, 0x06);
    (void)rig_run(&rig);
    assert_true(rig_event(&rig, "error site=S3"));
    assert_null(strstr(rig.screen, "The primary will be started"));
}

static void dead_disks_alone_are_not_started(void **state)
{
    (void)state;
    again(NULL);
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    faultdev_kill(&rig.fault[1], FAULT_ERROR);
    assert_int_not_equal(rig_run(&rig), RIG_HANDOFF);
}

static void the_log_keeps_the_newest(void **state)
{
    (void)state;
    rig.absent[0] = true;
    for (unsigned i = 0; i < 20; i++)
        expect_start(ROLE_SHADOW, 0x80);
    const char *text = log_text();
    assert_memory_equal(text, "degraded: started the shadow", 28);
    assert_int_equal(text[SECTOR_BYTES - 1], ' ');
    unsigned lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, SECTOR_BYTES / 37);
}

static void ntldr_from_the_floppy(void **state)
{
    (void)state;
    static char ntldr[1300];
    memset(ntldr, 'N', sizeof ntldr);
    fx_file(&rig.floppy, "NTLDR      ", ntldr, sizeof ntldr);
    rig.absent[0] = true;
    memset(memdev_sector(&rig.disk[1], RIG_MEMBER_START), 0, SECTOR_BYTES);
    assert_int_equal(rig_run(&rig), RIG_HANDOFF);
    assert_int_equal(rig.plan.method, METHOD_NTLDR_FLOPPY);
    assert_memory_equal(rig.room, ntldr, sizeof ntldr);
    assert_memory_equal(rig.plan.boot_sector, rig.floppy.bytes, SECTOR_BYTES);
}

static const struct CMUnitTest tests[] = {
    TEST(healthy),
    TEST(primary_absent),
    TEST(primary_dead),
    TEST(odd_sectors_are_left_alone),
    TEST(stale_types),
    TEST(split_asks),
    TEST(without_mirror_ini),
    TEST(without_a_floppy_that_reads),
    TEST(a_bad_line_is_named),
    TEST(the_half_left_behind_is_not_started_unasked),
    TEST(an_interrupted_break_is_evidence_too),
    TEST(a_journal_that_cannot_be_read_back_makes_it_ask),
    TEST(a_half_found_by_type_beside_another_disk_asks),
    TEST(a_damaged_mirror_ini_does_not_break_by_itself),
    TEST(nothing_to_start),
    TEST(no_mirror_is_not_called_a_primary),
    TEST(dead_disks_alone_are_not_started),
    TEST(the_log_keeps_the_newest),
    TEST(ntldr_from_the_floppy),
};

UNIT_MAIN(tests)
