/* SPDX-License-Identifier: MIT */
/* loader, bootdisk and ui/screen: whole runs on a machine made of memory. The sweeps disturb them; here they are as
 * they should be. */
#include "rigfw.h"
#include "unit.h"

static struct rigfw rig;

static int set_up(void **state)
{
    (void)state;
    rig_mirror(&rig, "ask");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void again(const char *policy)
{
    rig_free(&rig);
    rig_mirror(&rig, policy);
}

static void set_type(unsigned disk, uint8_t type)
{
    fx_entry(rig.disk[disk].bytes, 0, disk == 0 ? 0x80 : 0, type, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
}

static uint8_t type_of(unsigned disk)
{
    return rig.disk[disk].bytes[446 + 4];
}

static const char *log_text(void)
{
    static char text[SECTOR_BYTES + 1];
    memcpy(text, memdev_sector(&rig.floppy, FLOPPY_DATA_LBA + 1), SECTOR_BYTES);
    return text;
}

static void expect_start(enum role source, uint8_t drive)
{
    assert_int_equal(rig_run(&rig), RIG_HANDOFF);
    assert_int_equal(rig.plan.source, source);
    assert_int_equal(rig.plan.drive, drive);
    assert_int_equal(rig.plan.method, METHOD_VBR);
    assert_string_equal((char *)rig.plan.boot_sector + 0x40, "volume M");
}

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
    rig_keys(&rig, "2");
    expect_start(ROLE_PRIMARY, 0x80);
    assert_int_equal(type_of(0), 0x06);
    assert_int_equal(type_of(1), 0x86);
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

static void break_auto(void **state)
{
    (void)state;
    again("auto");
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    assert_int_equal(type_of(0), 0x86);
    assert_true(rig_event(&rig, "change done n=1 disk=bbbb0002 lba=0"));
    assert_int_equal(rig.disk_writes, 1);
    assert_non_null(strstr(log_text(), ", disks changed"));
    expect_start(ROLE_SHADOW, 0x81); /* the second start has nothing left to do */
    assert_int_equal(rig.disk_writes, 0);
}

static void break_never_and_healthy_auto(void **state)
{
    (void)state;
    again("never");
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 0);
    assert_null(strstr(rig.screen, "Break the mirror"));
    again("auto");
    expect_start(ROLE_PRIMARY, 0x80);
    assert_int_equal(rig.writes, 0);
}

static void break_asked_for_then_undone(void **state)
{
    (void)state;
    static uint8_t before[RIG_DISK_SECTORS * SECTOR_BYTES];
    memcpy(before, rig.disk[1].bytes, sizeof before);
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    rig_keys(&rig, "2");
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    rig_keys(&rig, "2");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_non_null(strstr(rig.screen, "2  Undo the last change"));
    assert_true(rig_event(&rig, "change undone n=1"));
    assert_memory_equal(rig.disk[1].bytes, before, sizeof before);
    rig_keys(&rig, "4");
    assert_int_equal(rig_run(&rig), RIG_RESTART);
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

static void changes_by_choice_are_listed_before_they_are_made(void **state)
{
    (void)state;
    rig.absent[0] = true;
    rig_keys(&rig, "2");
    expect_start(ROLE_SHADOW, 0x80);
    const char *planned = strstr(rig.events, "change planned n=1 disk=bbbb0002 lba=0");
    const char *done = strstr(rig.events, "change done n=1");
    assert_non_null(planned);
    assert_non_null(done);
    assert_true(planned < done);
}

/* Two mirrors on four disks, each degraded: breaking the system's must not touch the other's disks. */
static void a_mirror_on_other_disks_is_not_broken_along(void **state)
{
    (void)state;
    static const uint32_t signature[4] = {RIG_SIGNATURE_A, RIG_SIGNATURE_B, 0xCCCC0003, 0xDDDD0004};
    static const uint8_t type[4] = {0xC6, 0x86, 0xC6, 0x86};
    char ini[512];
    size_t used = (size_t)snprintf(ini, sizeof ini, "[loader]\r\nbreak=ask\r\n");
    rig_free(&rig);
    rig_init(&rig, 4, RIG_DISK_SECTORS);
    for (unsigned i = 0; i < 4; i++) {
        fx_mbr(&rig.disk[i], signature[i]);
        fx_entry(memdev_sector(&rig.disk[i], 0), 0, 0, type[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS);
        fx_volume(&rig.disk[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS, 'M');
        if (i % 2 == 0)
            used += (size_t)snprintf(ini + used, sizeof ini - used, "[set %u]\r\n", i / 2 + 1);
        used += (size_t)snprintf(ini + used, sizeof ini - used, "%s=%08x start %u sectors %u\r\n",
                                 i % 2 == 0 ? "primary" : "shadow", signature[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    }
    fx_boot_files(&rig.floppy, ini);
    rig_keys(&rig, "2");
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    assert_int_equal(type_of(3), 0x86);
    assert_int_equal(rig.disk_writes, 1);
}

static void only_yes_is_yes(void **state)
{
    (void)state;
    memset(memdev_sector(&rig.floppy, FLOPPY_ROOT_LBA) + 64, 0xE5, 11);
    rig.absent[0] = true;
    rig_keys(&rig, "2 ");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_int_equal(rig.disk_writes, 0);
}

/* The slot that cannot be read may be the newer one, and the records those of a change that can be undone. */
static void a_journal_with_an_unreadable_slot_is_not_overwritten(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot < JOURNAL_SLOTS; slot++) {
        again("auto");
        rig.absent[0] = true;
        faultdev_range(&rig.floppy_fault, FLOPPY_DATA_LBA + 2 + slot, FLOPPY_DATA_LBA + 2 + slot, FAULT_ERROR);
        expect_start(ROLE_SHADOW, 0x80);
        assert_int_equal(rig.disk_writes, 0);
        assert_true(rig_event(&rig, "error site=J3"));
    }
}

static void a_change_that_failed_is_not_noted_as_made(void **state)
{
    (void)state;
    again("auto");
    memset(memdev_sector(&rig.floppy, FLOPPY_ROOT_LBA) + 64, 0xE5, 11);
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_null(strstr(log_text(), "disks changed"));
}

static void a_write_protected_floppy(void **state)
{
    (void)state;
    again("auto");
    rig.absent[0] = true;
    rig.faulty_write = 1;
    rig.write_fault = WRITE_FAIL_ALL;
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 0);
    assert_int_equal(type_of(1), 0x86);
    assert_non_null(strstr(rig.screen, "The change failed."));
    assert_non_null(strstr(rig.screen, "FTLOG.TXT"));
}

/* No FTJOURNL.DAT, so no undo: unattended nothing is written; a person may choose to go on. */
static void a_floppy_without_a_journal(void **state)
{
    (void)state;
    again("auto");
    memset(memdev_sector(&rig.floppy, FLOPPY_ROOT_LBA) + 64, 0xE5, 11);
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 0);
    again("ask");
    memset(memdev_sector(&rig.floppy, FLOPPY_ROOT_LBA) + 64, 0xE5, 11);
    rig.absent[0] = true;
    rig_keys(&rig, "2n");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_int_equal(rig.disk_writes, 0);
    rig_keys(&rig, "2y");
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 1);
    assert_int_equal(type_of(1), 0x06);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(healthy),
    TEST(primary_absent),
    TEST(primary_dead),
    TEST(stale_types),
    TEST(split_asks),
    TEST(without_mirror_ini),
    TEST(without_a_floppy_that_reads),
    TEST(a_bad_line_is_named),
    TEST(break_auto),
    TEST(break_never_and_healthy_auto),
    TEST(break_asked_for_then_undone),
    TEST(the_half_left_behind_is_not_started_unasked),
    TEST(an_interrupted_break_is_evidence_too),
    TEST(a_journal_that_cannot_be_read_back_makes_it_ask),
    TEST(a_half_found_by_type_beside_another_disk_asks),
    TEST(a_damaged_mirror_ini_does_not_break_by_itself),
    TEST(changes_by_choice_are_listed_before_they_are_made),
    TEST(a_mirror_on_other_disks_is_not_broken_along),
    TEST(only_yes_is_yes),
    TEST(a_journal_with_an_unreadable_slot_is_not_overwritten),
    TEST(a_change_that_failed_is_not_noted_as_made),
    TEST(a_write_protected_floppy),
    TEST(a_floppy_without_a_journal),
    TEST(nothing_to_start),
    TEST(no_mirror_is_not_called_a_primary),
    TEST(dead_disks_alone_are_not_started),
    TEST(the_log_keeps_the_newest),
    TEST(ntldr_from_the_floppy),
};

UNIT_MAIN(tests)
