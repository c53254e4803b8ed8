/* SPDX-License-Identifier: MIT */
/* What the tests of whole runs share: the machine of rig_mirror() before each test, and what a run must have come to.
 * Owns no test. */
#ifndef LOADER_RUNS_H
#define LOADER_RUNS_H

#include "rigfw.h"
#include "unit.h"

#define LOG_LBA (FLOPPY_DATA_LBA + 1)
#define JOURNAL_LBA (FLOPPY_DATA_LBA + 2)
#define ROOT_ENTRY_BYTES 32u
#define JOURNAL_ENTRY (2 * ROOT_ENTRY_BYTES) /* in the root directory: behind MIRROR.INI and FTLOG.TXT */

#define BREAK "Break the mirror, keeping the shadow"
#define PROMOTE "Make the shadow start without this boot disk"
#define RETIRE "Retire the primary"
#define UNDO "Undo the last change"
#define MBR_CODE_BYTES 440u
#define JOURNAL_FILE_BYTES 28u /* in its directory entry */

static struct rigfw rig;
static uint8_t before[2][RIG_DISK_SECTORS * SECTOR_BYTES];

static inline int set_up(void **state)
{
    (void)state;
    rig_mirror(&rig, "ask");
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* The same machine anew, with another policy. */
static inline void again(const char *policy)
{
    rig_free(&rig);
    rig_mirror(&rig, policy);
}

/* The machine is switched off, and on again with nothing in its way and nobody at the keyboard. */
static inline void heal(void)
{
    rig_heal(&rig);
    rig_keys(&rig, "");
}

static inline void set_type(unsigned disk, uint8_t type)
{
    fx_entry(rig.disk[disk].bytes, 0, disk == 0 ? 0x80 : 0, type, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
}

static inline uint8_t type_of(unsigned disk)
{
    return rig.disk[disk].bytes[446 + 4];
}

static inline uint32_t signature_of(unsigned disk)
{
    const uint8_t *at = rig.disk[disk].bytes + 0x1B8;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void drop_journal(void)
{
    memset(memdev_sector(&rig.floppy, FLOPPY_ROOT_LBA) + JOURNAL_ENTRY, 0xE5, 11);
}

static inline const char *log_text(void)
{
    static char text[SECTOR_BYTES + 1];
    memcpy(text, memdev_sector(&rig.floppy, LOG_LBA), SECTOR_BYTES);
    return text;
}

static inline bool on_screen(const char *text)
{
    return strstr(rig.screen, text) != NULL;
}

static inline void expect_handoff(enum role source, uint8_t drive)
{
    assert_int_equal(rig_run(&rig), RIG_HANDOFF);
    assert_int_equal(rig.plan.source, source);
    assert_int_equal(rig.plan.drive, drive);
}

/* ... by the boot sector of rig_mirror()'s volumes. */
static inline void expect_start(enum role source, uint8_t drive)
{
    expect_handoff(source, drive);
    assert_int_equal(rig.plan.method, METHOD_VBR);
    assert_string_equal((char *)rig.plan.boot_sector + 0x40, "volume M");
}

/* The number of the last drawn line of the menu with this text. */
static inline int number_of(const char *line)
{
    const char *found = NULL;
    for (const char *at = rig.screen; (at = strstr(at, line)) != NULL; at++)
        found = at;
    assert_non_null(found);
    while (found > rig.screen && found[-1] != '\n')
        found--;
    return found[3];
}

/* The keys of a person who chooses the line with this text and answers what is asked then. */
static inline void choose(const char *line, const char *answers)
{
    rig_keys(&rig, " ");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    int key = number_of(line);
    rig_keys(&rig, "");
    rig_key(&rig, key);
    for (; *answers != '\0'; answers++)
        rig_key(&rig, *answers);
}

/* The menu is on the screen, and no hard disk was written. */
static inline void expect_menu_and_no_write(void)
{
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_int_equal(rig.disk_writes, 0);
}

static inline void remember_disks(void)
{
    for (unsigned i = 0; i < 2; i++)
        memcpy(before[i], rig.disk[i].bytes, sizeof before[i]);
}

static inline void expect_disks_as_remembered(void)
{
    for (unsigned i = 0; i < 2; i++)
        assert_memory_equal(rig.disk[i].bytes, before[i], sizeof before[i]);
}

/* The machine whose primary NT has disabled. */
static inline void disabled_primary(const char *policy)
{
    again(policy);
    set_type(0, 0xC6);
    remember_disks();
}

/* ... and whose other half is to be retired as well, unattended. */
static inline void retiring(void)
{
    char ini[512];
    disabled_primary("auto");
    (void)snprintf(ini, sizeof ini,
                   "[loader]\r\ntimeout=5\r\nbreak=auto\r\nretire=yes\r\n[set 1]\r\n"
                   "primary=aaaa0001 start %u sectors %u\r\nshadow=bbbb0002 start %u sectors %u\r\n",
                   RIG_MEMBER_START, RIG_MEMBER_SECTORS, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    fx_floppy(&rig.floppy);
    fx_boot_files(&rig.floppy, ini);
}

/* A journal in which only so many sectors are left. */
static inline void shrink_journal(uint32_t sectors)
{
    uint8_t *entry = memdev_sector(&rig.floppy, FLOPPY_ROOT_LBA) + JOURNAL_ENTRY;
    entry[JOURNAL_FILE_BYTES] = 0;
    entry[JOURNAL_FILE_BYTES + 1] = (uint8_t)(sectors * 2);
}

static inline void expect_retired(void)
{
    assert_int_equal(type_of(0), 0x06);
    assert_int_equal(rig.disk[0].bytes[446], 0);
    assert_int_not_equal(signature_of(0), 0);
    assert_int_not_equal(signature_of(0), RIG_SIGNATURE_A);
    assert_int_not_equal(signature_of(0), RIG_SIGNATURE_B);
}

#endif
