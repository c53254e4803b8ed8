/* SPDX-License-Identifier: MIT */
/* The crash sweep over disks with Windows NT: the mirror leaves the registry too, and the survivor is promoted together
 * with its BOOT.INI. The finished volumes are made by tests/rig/ntdisks.py; only what stands around them, and what in
 * them speaks of the disk, is computed here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ntpair.h"
#include "powercut.h"

#define BREAK "Break the mirror, keeping the shadow"
#define PROMOTE "Make the shadow start"
#define RETIRE "Retire the primary"
#define OTHER_START (RIG_MEMBER_START + NTPAIR_SECTORS)
#define OTHER_SECTORS 30u
#define NTFS_COPY_LBA (RIG_MEMBER_START + NTPAIR_SECTORS - 1)

struct scenario {
    struct powercut change;
    const char *volume; /* of the shadow, behind "fat-" or "ntfs-" */
    const char *finished;
    const char *lines; /* of MIRROR.INI */
    bool broken_before;
    bool promotes;
    bool retires;
    enum { READS_GOOD, READS_FAIL_ONCE, READS_FAIL } reads; /* how they are swept as well */
};

static bool set_is_whole_or_gone(struct rigfw *rig);

static const struct scenario scenarios[] = {
    {{"primary dead", .starts = true, .keep = 1, .other_dead = true, .holds = set_is_whole_or_gone},
     .volume = "healthy",
     .finished = "broken",
     .lines = "break=auto\r\nsystem=1 \\WINNT\r\n",
     .reads = READS_FAIL},
    {{"primary orphaned, retired too", .starts = true, .keep = 1, .holds = set_is_whole_or_gone},
     .volume = "orphaned",
     .finished = "orphaned-broken",
     .lines = "break=auto\r\nretire=yes\r\nsystem=1 \\WINNT\r\n",
     .retires = true},
    {{"a record of several sectors", .starts = true, .keep = 1, .holds = set_is_whole_or_gone},
     .volume = "spread",
     .finished = "spread-broken",
     .lines = "break=auto\r\nretire=yes\r\n",
     .retires = true,
     .reads = READS_FAIL_ONCE},
    {{"all by choice", BREAK, "yyy", .starts = true, .keep = 1, .holds = set_is_whole_or_gone},
     .volume = "orphaned",
     .finished = "orphaned-promoted",
     .lines = "break=ask\r\n",
     .promotes = true,
     .retires = true},
    {{"one of two that contradict each other", BREAK, "nny", .starts = true, .keep = 1, .asks = true},
     .volume = "contrary",
     .finished = "contrary-broken",
     .lines = "break=ask\r\n"},
    {{"promoted afterwards", PROMOTE, "y", .keep = 1},
     .volume = "orphaned-broken",
     .finished = "orphaned-promoted",
     .lines = "break=ask\r\nsystem=1 \\WINNT\r\n",
     .broken_before = true,
     .promotes = true},
    {{"retired afterwards", RETIRE, "y", .keep = 1},
     .volume = "orphaned-broken",
     .finished = "orphaned-broken",
     .lines = "break=auto\r\nsystem=1 \\WINNT\r\n",
     .broken_before = true,
     .retires = true},
};

static struct rigfw rig;
static const struct scenario *scenario;
static const char *fs;
static uint8_t member_type;

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Where the records begin: one in SYSTEM, one in SYSTEM.ALT. The files are in one piece each. */
static const uint8_t *find_record(struct memdev *disk, unsigned which)
{
    static const uint8_t header[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0};
    return ntpair_find(disk, header, sizeof header, which, false);
}

/* Behind each write the survivor's record lists the set with both members as members, or lists no set. */
static bool set_is_whole_or_gone(struct rigfw *at)
{
    for (unsigned which = 0; which < 2; which++) {
        const uint8_t *record = find_record(&at->disk[1], which);
        const uint8_t *disk_a = record + 44 + 4;
        const uint8_t *disk_b = disk_a + 8 + 52 * (size_t)disk_a[0];
        const uint8_t *sets = record + get32(record + 0x14);
        bool members = get32(disk_a + 8) == 0 && get32(disk_b + 8) == 0 && disk_a[8 + 40] == 'C';
        if (sets[0] != 0 && (sets[0] != 1 || !members))
            return false;
    }
    return true;
}

static bool is_ntfs(void)
{
    return strcmp(fs, "ntfs") == 0;
}

/* A boot sector that came from another disk: its geometry, hidden sectors and drive are wrong. What mkfs.fat puts there
 * says that it starts nothing; this one does not say so. */
static void spoil(uint8_t *boot)
{
    memcpy(boot + 0x18, "\x11\0\x04\0\x11\0\0\0", 8);
    boot[0x24] = 0x81;
    if (!is_ntfs())
        memset(boot + 0x3E, 0x90, 0x1C0);
}

static void mend(uint8_t *boot)
{
    memcpy(boot + 0x18, "\x3F\0\x10\0\x3F\0\0\0", 8);
    boot[0x24] = 0x80;
}

/* The shadow is its disk's second partition. */
static void arrange(void)
{
    char volume[2][40];
    (void)snprintf(volume[0], sizeof volume[0], "%s-healthy", fs);
    (void)snprintf(volume[1], sizeof volume[1], "%s-%s", fs, scenario->volume);
    ntpair_init(&rig, volume[0], volume[1], scenario->lines);
    member_type = is_ntfs() ? 7 : 6;
    fx_entry(rig.disk[1].bytes, 0, 0, 0x06, OTHER_START, OTHER_SECTORS);
    fx_entry(rig.disk[1].bytes, 1, 0, scenario->broken_before ? member_type : member_type | 0x80, RIG_MEMBER_START,
             NTPAIR_SECTORS);
    for (unsigned i = 0; i < 2; i++) {
        spoil(memdev_sector(&rig.disk[i], RIG_MEMBER_START));
        if (is_ntfs())
            spoil(memdev_sector(&rig.disk[i], NTFS_COPY_LBA));
    }
}

/* 16 heads, 63 sectors: LBA 63 is 0/1/1, and 5062 is 5/0/23. */
static void finish_promoted(void)
{
    static const uint8_t chs[8] = {0x80, 1, 1, 0, 0, 0, 23, 5};
    uint8_t *entry = powercut_finished(1, 0) + 446 + 16;
    powercut_finish_code(1);
    memcpy(entry, chs, sizeof chs);
    entry[4] = member_type;
    mend(powercut_finished(1, RIG_MEMBER_START));
    if (is_ntfs())
        mend(powercut_finished(1, NTFS_COPY_LBA));
}

static void finish_retired(void)
{
    powercut_finish_signature(0);
    powercut_finished(0, 0)[446] = 0;
    powercut_finished(0, 0)[446 + 4] = member_type;
}

static void compute_finished(void)
{
    struct memdev made;
    char volume[40];
    (void)snprintf(volume, sizeof volume, "%s-%s", fs, scenario->finished);
    memdev_init(&made, NTPAIR_SECTORS, 0);
    ntpair_load(&made, 0, volume);
    memcpy(powercut_finished(1, RIG_MEMBER_START), made.bytes, (size_t)NTPAIR_SECTORS * SECTOR_BYTES);
    memdev_free(&made);
    spoil(powercut_finished(1, RIG_MEMBER_START));
    if (is_ntfs())
        spoil(powercut_finished(1, NTFS_COPY_LBA));
    powercut_finished(1, 0)[446 + 16 + 4] = member_type;
    if (scenario->promotes)
        finish_promoted();
    if (scenario->retires)
        finish_retired();
}

static void sweep(void)
{
    char name[80];
    struct powercut change = scenario->change;
    (void)snprintf(name, sizeof name, "%s, %s", fs, change.name);
    change.name = name;
    arrange();
    powercut_begin(&rig, &change);
    compute_finished();
    powercut_sweep();
    if (scenario->reads != READS_GOOD)
        powercut_sweep_reads(scenario->reads == READS_FAIL);
    powercut_end();
    rig_free(&rig);
}

int main(void)
{
    static const char *const systems[] = {"fat", "ntfs"};
    for (size_t s = 0; s < sizeof systems / sizeof systems[0]; s++)
        for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
            fs = systems[s];
            scenario = &scenarios[i];
            sweep();
        }
    powercut_report("crash with Windows NT");
    return 0;
}
