/* SPDX-License-Identifier: MIT */
/* The read sweep: whole runs of the loader over scenarios, in which every single read goes wrong in every way. Each
 * run must end in a hand-off of a half that may be started, byte for byte, or in a question; never in wrong bytes, and
 * never in a write to a hard disk. The oracle knows the scenarios, not the loader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rigfw.h"

/* Which halves may be handed over without a question. */
#define MAY_A 1u
#define MAY_B 2u

struct scenario {
    const char *name;
    void (*arrange)(struct rigfw *rig);
    const char *policy;
    unsigned undisturbed; /* the half that is started when nothing else goes wrong; 0: it asks */
    unsigned disturbed;   /* ... or when a read does */
};

static struct rigfw rig;
static const struct scenario *scenario;
static char what[128];
static unsigned runs;
static unsigned handoffs;

static void set_type(struct rigfw *at, unsigned disk, uint8_t type)
{
    fx_entry(at->disk[disk].bytes, 0, disk == 0 ? 0x80 : 0, type, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
}

static void healthy(struct rigfw *at)
{
    (void)at;
}

static void primary_absent(struct rigfw *at)
{
    at->absent[0] = true;
}

static void shadow_absent(struct rigfw *at)
{
    at->absent[1] = true;
}

static void primary_dead(struct rigfw *at)
{
    faultdev_kill(&at->fault[0], FAULT_ERROR);
}

static void primary_silent(struct rigfw *at)
{
    faultdev_kill(&at->fault[0], FAULT_SILENT);
}

static void shadow_dead(struct rigfw *at)
{
    faultdev_kill(&at->fault[1], FAULT_ERROR);
}

static void primary_failing(struct rigfw *at)
{
    faultdev_range(&at->fault[0], RIG_MEMBER_START + 4, RIG_MEMBER_START + 4, FAULT_ERROR);
}

static void primary_disabled(struct rigfw *at)
{
    set_type(at, 0, 0xC6);
    memdev_sector(&at->disk[0], RIG_MEMBER_START + 1)[7] ^= 1;
}

static void primary_taken_out(struct rigfw *at)
{
    set_type(at, 1, 0x06);
    memdev_sector(&at->disk[0], RIG_MEMBER_START + 2)[7] ^= 1;
}

static void shadow_disabled(struct rigfw *at)
{
    set_type(at, 1, 0xC6);
}

static void split(struct rigfw *at)
{
    memdev_sector(&at->disk[1], RIG_MEMBER_START + 1)[7] ^= 1;
}

static void logical(struct rigfw *at)
{
    for (unsigned i = 0; i < 2; i++) {
        memset(at->disk[i].bytes + 446, 0, 64);
        fx_entry(at->disk[i].bytes, 0, 0, 5, 30, 1100);
        fx_ebr(&at->disk[i], 30, 0x86, RIG_MEMBER_START - 30, RIG_MEMBER_SECTORS, 0);
    }
}

static void logical_absent(struct rigfw *at)
{
    logical(at);
    at->absent[0] = true;
}

static const struct scenario scenarios[] = {
    {"healthy", healthy, "ask", MAY_A, MAY_A | MAY_B},
    {"primary absent", primary_absent, "ask", MAY_B, MAY_B},
    {"shadow absent", shadow_absent, "ask", MAY_A, MAY_A},
    {"primary dead", primary_dead, "ask", MAY_B, MAY_B},
    {"primary silently dead", primary_silent, "ask", MAY_B, MAY_B},
    {"shadow dead", shadow_dead, "never", MAY_A, MAY_A},
    {"primary failing", primary_failing, "ask", MAY_B, MAY_A | MAY_B},
    {"primary disabled", primary_disabled, "ask", MAY_B, MAY_B},
    {"primary taken out", primary_taken_out, "ask", MAY_B, MAY_B},
    {"shadow disabled", shadow_disabled, "ask", MAY_A, MAY_A},
    {"split", split, "ask", 0, MAY_A | MAY_B},
    {"logical drives", logical, "ask", MAY_A, MAY_A | MAY_B},
    {"logical drive, primary absent", logical_absent, "ask", MAY_B, MAY_B},
    {"no MIRROR.INI", healthy, NULL, MAY_A, MAY_A | MAY_B},
    {"no MIRROR.INI, primary dead", primary_dead, NULL, MAY_B, MAY_B},
};

static void fail(const char *why)
{
    (void)printf("FAILED: %s, %s: %s\n%s", scenario->name, what, why, rig.events);
    exit(1);
}

static void expect(bool holds, const char *why)
{
    if (!holds)
        fail(why);
}

/* The half's boot sector as the disk's owner would mend it by hand. */
static void mended(unsigned disk, uint8_t *sector)
{
    memcpy(sector, memdev_sector(&rig.disk[disk], RIG_MEMBER_START), SECTOR_BYTES);
    memcpy(sector + 0x18, "\x3F\0\x10\0\x3F\0\0\0", 8);
    sector[0x24] = 0x80;
}

/* Without the evidence on disk B, or the names in MIRROR.INI, nothing tells that disk A is the older half. */
static unsigned without_evidence(unsigned allowed)
{
    const struct faultdev *b = &rig.fault[1];
    bool lost = b->dead || (b->range_set && b->first_lba == 0) || (rig.loader.boot.config_status != ST_OK);
    return lost && scenario->arrange == primary_taken_out ? allowed | MAY_A : allowed;
}

/* A half whose twin is not there is called the shadow when MIRROR.INI could not be read; its disk is what counts. */
static unsigned disk_of_plan(void)
{
    bool b_is_there = !rig.absent[1] && rig.plan.drive == rig.drive_of[1];
    unsigned disk = b_is_there ? 1 : 0;
    expect(b_is_there || (!rig.absent[0] && rig.plan.drive == rig.drive_of[0]), "the plan names another drive");
    expect(rig.plan.source == (disk == 0 ? ROLE_PRIMARY : ROLE_SHADOW) || (rig.loader.boot.config_status != ST_OK),
           "the wrong role");
    return disk;
}

static void check_plan(unsigned allowed)
{
    uint8_t expected[SECTOR_BYTES];
    unsigned disk = disk_of_plan();
    handoffs++;
    expect(rig.plan.source == ROLE_PRIMARY || rig.plan.source == ROLE_SHADOW, "no half was named");
    expect((without_evidence(allowed) & (disk == 0 ? MAY_A : MAY_B)) != 0, "that half must not be started unasked");
    expect(rig.plan.visible >= 1 && rig.plan.map[0] == rig.plan.drive, "the half does not become drive 80h");
    if (rig.plan.method == METHOD_VBR) {
        mended(disk, expected);
        expect(memcmp(expected, rig.plan.boot_sector, SECTOR_BYTES) == 0, "wrong bytes in the boot sector");
    } else {
        expect(rig.plan.method == METHOD_MBR, "an unexpected method");
        expect(memcmp(rig.plan.boot_sector, rig.plan.mbr, SECTOR_BYTES) == 0, "not the MBR");
    }
    expect(memcmp(rig.disk[disk].bytes, rig.plan.mbr, 446) == 0, "wrong bytes in the MBR");
    expect(memcmp(rig.disk[disk].bytes + 510, rig.plan.mbr + 510, 2) == 0, "no mark in the MBR");
}

static void check_end(enum rig_end end, unsigned allowed)
{
    runs++;
    if (end == RIG_HANDOFF)
        check_plan(allowed);
    else {
        expect(end == RIG_WAITING || end == RIG_RESTART, "the loader returned");
        expect(strlen(rig.screen) > 60, "it stops without a word");
    }
    expect(rig.disk_writes == 0, "a hard disk was written");
    expect(rig.writes <= 1, "more than the log was written");
}

/* The media of the scenario, as they are before each run. */
static uint8_t *media[3];

static struct memdev *medium(unsigned index)
{
    return index < 2 ? &rig.disk[index] : &rig.floppy;
}

static void make_scenario(void)
{
    rig_mirror(&rig, scenario->policy);
    scenario->arrange(&rig);
    for (unsigned i = 0; i < 3; i++) {
        size_t bytes = (size_t)medium(i)->sectors * SECTOR_BYTES;
        media[i] = malloc(bytes);
        if (media[i] == NULL)
            abort();
        memcpy(media[i], medium(i)->bytes, bytes);
    }
}

static void arrange(void)
{
    rig_heal(&rig);
    scenario->arrange(&rig);
    for (unsigned i = 0; i < 3; i++)
        memcpy(medium(i)->bytes, media[i], (size_t)medium(i)->sectors * SECTOR_BYTES);
}

static void drop_scenario(void)
{
    rig_free(&rig);
    for (unsigned i = 0; i < 3; i++)
        free(media[i]);
}

/* One fault in one run. Returns whether the nth read was reached. */
static bool disturb(unsigned nth, enum fault_span span, enum fault_kind kind)
{
    static const char *const spans[] = {"once", "sector", "device"};
    static const char *const kinds[] = {"none", "error", "short", "silent", "tail"};
    (void)snprintf(what, sizeof what, "read %u fails (%s, %s)", nth, spans[span], kinds[kind]);
    arrange();
    struct faultdev *devices[] = {&rig.fault[0], &rig.fault[1], &rig.floppy_fault};
    bool was_dead[] = {rig.fault[0].dead, rig.fault[1].dead};
    for (unsigned i = 0; i < 3; i++)
        if (!devices[i]->dead && !devices[i]->range_set)
            faultdev_nth(devices[i], nth, span, kind);
    enum rig_end end = rig_run(&rig);
    bool reached = rig.reads >= nth;
    check_end(end, scenario->disturbed);
    for (unsigned i = 0; i < 2; i++)
        expect(!was_dead[i] || rig.fault[i].reads <= 2, "a dead disk was read more than twice");
    if (span == SPAN_ONCE && end != RIG_HANDOFF && scenario->undisturbed != 0 && kind != FAULT_NONE)
        fail("a single fault kept the machine from starting");
    return reached;
}

static void sweep(void)
{
    (void)snprintf(what, sizeof what, "undisturbed");
    arrange();
    enum rig_end end = rig_run(&rig);
    check_end(end, scenario->undisturbed);
    expect((end == RIG_HANDOFF) == (scenario->undisturbed != 0), "the wrong end");
    for (int span = SPAN_ONCE; span <= SPAN_DEVICE; span++)
        for (int kind = FAULT_ERROR; kind <= FAULT_TAIL; kind++)
            for (unsigned nth = 1; disturb(nth, (enum fault_span)span, (enum fault_kind)kind); nth++)
                ;
}

int main(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        scenario = &scenarios[i];
        make_scenario();
        sweep();
        drop_scenario();
    }
    (void)printf("sweep: %zu scenarios, %u runs, %u hand-offs, all good\n", sizeof scenarios / sizeof scenarios[0],
                 runs, handoffs);
    return 0;
}
