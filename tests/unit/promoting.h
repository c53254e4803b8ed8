/* SPDX-License-Identifier: MIT */
/* What the tests of promote share: a disk with half of a mirror and NT on it, and a plan for it. Owns no test. */
#ifndef PROMOTING_H
#define PROMOTING_H

#include "change/promote.h"
#include "ntpair.h"
#include "planning.h"
#include "raw_ntfs.h"

#define SECTORS 20000u
#define INI(path) "[boot loader]\r\ndefault=" path "\r\n[operating systems]\r\n" path "=\"NT\"\r\n"
#define HERE INI("multi(0)disk(0)rdisk(0)partition(1)\\WINNT")
#define ELSEWHERE INI("multi(0)disk(0)rdisk(1)partition(1)\\WINNT")

static struct promote_job job;
static struct hand_volume volume;

/* An entry of the first disk's table with a FAT volume in it. */
static inline void put_volume(unsigned index, uint8_t flag, uint8_t type, uint32_t start)
{
    fx_entry(sector_of(0, 0), index, flag, type, start, 500);
    hand_format(&volume, &rig.disk[0], start, 500);
}

/* ... from which NT can be started; the text is its BOOT.INI's. Returns where that is. */
static inline uint32_t put_nt(const char *text)
{
    (void)hand_file(&volume, "NTLDR", "loader", 6);
    (void)hand_file(&volume, "WINNT/SYSTEM32/NTOSKRNL.EXE", "kernel", 6);
    return hand_file(&volume, "BOOT.INI", text, (uint32_t)strlen(text));
}

/* The first disk has half of a mirror, which is broken in its favour, and NT on it. */
static inline int set_up(void **state)
{
    (void)state;
    machine(2, SECTORS);
    put_volume(0, 0, 0x06, 63);
    (void)put_nt(HERE);
    fx_entry(sector_of(1, 0), 0, 0x80, 0x86, 63, 500);
    memcpy(sector_of(1, 63), sector_of(0, 63), (size_t)500 * SECTOR_BYTES);
    add_mirror(63, 500);
    return 0;
}

static inline void prepare(uint16_t heads, uint16_t sectors)
{
    look(false);
    changes.count = 0;
    job = (struct promote_job){.config = &config,
                               .survey = survey,
                               .work = &rig.work,
                               .changes = &changes,
                               .geometry = {.heads = heads, .sectors_per_track = sectors}};
}

static inline enum status plan(uint16_t heads, uint16_t sectors)
{
    prepare(heads, sectors);
    return promote_plan(&job, &inventory.disk[0]);
}

/* The boot sector of another disk, as a mirror's shadow has it. */
static inline void make_foreign(uint8_t *boot, unsigned drive_at)
{
    memcpy(boot + 0x18, "\x11\0\x04\0\x22\0\0", 8);
    boot[drive_at] = 0x81;
}

/* NT 4's volume; its boot sector counts a sector less than the partition has, and the copy is behind these. */
static inline void load_ntfs(void)
{
    (void)machine_off(NULL);
    machine(1, NTPAIR_DISK_SECTORS);
    fx_entry(sector_of(0, 0), 0, 0, 0x07, 63, NTPAIR_SECTORS);
    ntpair_load(&rig.disk[0], 63, "ntfs-healthy");
    make_foreign(sector_of(0, 63), 0x24);
    memcpy(sector_of(0, 63 + NTPAIR_SECTORS - 1), sector_of(0, 63), SECTOR_BYTES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, machine_off)

#endif
