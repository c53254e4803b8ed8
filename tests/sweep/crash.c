/* SPDX-License-Identifier: MIT */
/* The crash sweep over disks made by hand: mirrors are broken, unattended and by choice, the other half is retired and
 * the survivor promoted, and the power goes at every single write. The oracle computes the finished disks by hand.
 * Disks with Windows NT on them are crash_nt's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "powercut.h"

#define SECOND_START 1010u
#define SECOND_SECTORS 100u
#define SECOND_EBR 1000u

struct scenario {
    struct powercut change;
    const char *lines; /* of MIRROR.INI */
    bool two_sets;
    bool logical;       /* the second set's members are logical drives */
    bool broken_before; /* by whom, the boot disk does not know */
    bool broken_here;   /* by the loader, whose journal holds the undo */
    bool promotes;
    bool retires;
};

#define BREAK "Break the mirror, keeping the shadow"
#define PROMOTE "Make the shadow start"
#define RETIRE "Retire the primary"

static const struct scenario scenarios[] = {
    {{"one set, primary dead", .starts = true, .keep = 1, .other_dead = true}, .lines = "break=auto\r\n"},
    {{"one set, primary disabled", .starts = true, .keep = 1}, .lines = "break=auto\r\n"},
    {{"two sets in one sector, primary dead", .starts = true, .keep = 1, .other_dead = true},
     .lines = "break=auto\r\n",
     .two_sets = true},
    {{"two sets in two sectors, primary disabled", .starts = true, .keep = 1},
     .lines = "break=auto\r\n",
     .two_sets = true,
     .logical = true},
    {{"retired too", .starts = true, .keep = 1}, .lines = "break=auto\r\nretire=yes\r\n", .retires = true},
    {{"two sets in two sectors, retired too", .starts = true, .keep = 1},
     .lines = "break=auto\r\nretire=yes\r\n",
     .two_sets = true,
     .logical = true,
     .retires = true},
    {{"the primary kept, the shadow retired", .starts = true, .keep = 0},
     .lines = "break=auto\r\nretire=yes\r\n",
     .retires = true},
    {{"all by choice", BREAK, "yyy", .starts = true, .keep = 1},
     .lines = "break=ask\r\n",
     .two_sets = true,
     .promotes = true,
     .retires = true},
    {{"promoted afterwards", PROMOTE, "y", .keep = 1},
     .lines = "break=ask\r\n",
     .broken_before = true,
     .promotes = true},
    {{"promoted, the undo of the break given up", PROMOTE, "yy", .keep = 1},
     .lines = "break=ask\r\n",
     .broken_here = true,
     .promotes = true},
    {{"retired afterwards", RETIRE, "y", .keep = 1},
     .lines = "break=auto\r\n",
     .two_sets = true,
     .logical = true,
     .broken_before = true,
     .retires = true},
};

static struct rigfw rig;
static const struct scenario *scenario;
static struct powercut change;
static unsigned kept, other;
static uint8_t earlier[RIG_DISK_SECTORS * SECTOR_BYTES];

static void second_set(void)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t type = i == other && !scenario->change.other_dead ? 0xC7 : 0x87;
        if (i == kept && scenario->broken_before)
            type = 0x07;
        if (scenario->logical) {
            fx_entry(rig.disk[i].bytes, 1, 0, 5, SECOND_EBR, 150);
            fx_ebr(&rig.disk[i], SECOND_EBR, type, SECOND_START - SECOND_EBR, SECOND_SECTORS, 0);
        } else
            fx_entry(rig.disk[i].bytes, 1, 0, type, SECOND_START, SECOND_SECTORS);
        fx_volume(&rig.disk[i], SECOND_START, SECOND_SECTORS, 'S');
    }
}

static void write_ini(void)
{
    char ini[600];
    (void)snprintf(ini, sizeof ini,
                   "[loader]\r\ntimeout=5\r\n%s[set 1]\r\nprimary=%08x start %u sectors %u\r\n"
                   "shadow=%08x start %u sectors %u\r\n%s",
                   scenario->lines, RIG_SIGNATURE_A, RIG_MEMBER_START, RIG_MEMBER_SECTORS, RIG_SIGNATURE_B,
                   RIG_MEMBER_START, RIG_MEMBER_SECTORS,
                   scenario->two_sets ? "[set 2]\r\nprimary=aaaa0001 start 1010 sectors 100\r\n"
                                        "shadow=bbbb0002 start 1010 sectors 100\r\n"
                                      : "");
    fx_floppy(&rig.floppy);
    fx_boot_files(&rig.floppy, ini);
}

static void arrange(void)
{
    rig_mirror(&rig, "ask");
    if (!scenario->change.other_dead)
        rig.disk[other].bytes[446 + 4] = 0xC6;
    if (scenario->broken_before)
        rig.disk[kept].bytes[446 + 4] = 0x06;
    if (scenario->two_sets)
        second_set();
    write_ini();
    change = scenario->change;
    if (scenario->broken_here) {
        memcpy(earlier, rig.disk[kept].bytes, sizeof earlier);
        change.earlier = earlier;
        rig_keys(&rig, "2nny"); /* break it; neither promote nor retire; write */
        if (rig_run(&rig) != RIG_HANDOFF || rig.disk_writes != 1)
            abort();
    }
}

/* Where the second set's type stands on a disk that is finished. */
static uint8_t *second_type(unsigned disk)
{
    return powercut_finished(disk, scenario->logical ? SECOND_EBR : 0) + 446 + (scenario->logical ? 0 : 16) + 4;
}

/* 16 heads, 63 sectors: LBA 63 is 0/1/1, and 962 is 0/15/18. */
static void finish_promoted(void)
{
    static const uint8_t entry[8] = {0x80, 1, 1, 0, 0x06, 15, 18, 0};
    powercut_finish_code(kept);
    memcpy(powercut_finished(kept, 0) + 446, entry, sizeof entry);
}

static void finish_retired(void)
{
    powercut_finish_signature(other);
    powercut_finished(other, 0)[446] = 0;
    powercut_finished(other, 0)[446 + 4] = 0x06;
    if (scenario->two_sets)
        *second_type(other) = 0x07;
}

static void compute_finished(void)
{
    powercut_finished(kept, 0)[446 + 4] = 0x06;
    if (scenario->two_sets)
        *second_type(kept) = 0x07;
    if (scenario->promotes)
        finish_promoted();
    if (scenario->retires)
        finish_retired();
}

int main(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        scenario = &scenarios[i];
        kept = scenario->change.keep;
        other = 1 - kept;
        arrange();
        powercut_begin(&rig, &change);
        compute_finished();
        powercut_sweep();
        if (scenario->change.choice == NULL)
            powercut_sweep_reads(true);
        powercut_end();
        rig_free(&rig);
    }
    powercut_report("crash");
    return 0;
}
