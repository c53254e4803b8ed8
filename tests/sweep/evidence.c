/* SPDX-License-Identifier: MIT */
/* The evidence sweep: whole runs of the loader over two disks with Windows NT, in which every single read of its way
 * through FAT, NTFS and the registry goes wrong. A single fault changes nothing; a lasting one must never lead to the
 * start of a half that NT left behind, nor to a dry run's "yes" for a file that cannot be read. The oracle knows the
 * volumes, not the loader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ntpair.h"

#define NONE 2u

struct scenario {
    const char *name;
    const char *volume[2];
    const char *lines; /* of MIRROR.INI */
    unsigned absent;   /* the disk that is not there, or NONE */
    unsigned starts;   /* the half that is started undisturbed */
    unsigned stale;    /* the half that must never be started unasked, or NONE */
    bool dry;          /* the dry run is swept too */
};

static const struct scenario scenarios[] = {
    {"FAT, healthy", {"fat-healthy", "fat-healthy"}, "system=1 \\WINNT\r\n", NONE, 0, NONE, true},
    {"FAT, NT is searched for", {"fat-healthy", "fat-healthy"}, "", NONE, 0, NONE, false},
    {"FAT, primary orphaned", {"fat-healthy", "fat-orphaned"}, "system=1 \\WINNT\r\n", NONE, 1, 0, true},
    {"FAT, shadow orphaned", {"fat-other-orphaned", "fat-healthy"}, "system=1 \\WINNT\r\n", NONE, 0, 1, false},
    {"FAT, shadow absent", {"fat-healthy", "fat-healthy"}, "system=1 \\WINNT\r\n", 1, 0, NONE, false},
    {"FAT, primary orphaned and absent", {"fat-healthy", "fat-orphaned"}, "system=1 \\WINNT\r\n", 0, 1, 0, false},
    {"NTFS, healthy", {"ntfs-healthy", "ntfs-healthy"}, "system=1 \\WINNT\r\n", NONE, 0, NONE, false},
    {"NTFS, NT is searched for", {"ntfs-healthy", "ntfs-healthy"}, "", NONE, 0, NONE, false},
    {"NTFS, primary orphaned", {"ntfs-healthy", "ntfs-orphaned"}, "system=1 \\WINNT\r\n", NONE, 1, 0, true},
    {"NTFS, shadow absent", {"ntfs-healthy", "ntfs-healthy"}, "system=1 \\WINNT\r\n", 1, 0, NONE, false},
};

static struct rigfw rig;
static const struct scenario *scenario;
static struct mirror_verdict undisturbed;
static uint8_t *floppy;
static char what[128];
static unsigned runs;
static unsigned dry_runs;

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

static void heal(void)
{
    rig_heal(&rig);
    if (scenario->absent != NONE)
        rig.absent[scenario->absent] = true;
    memcpy(rig.floppy.bytes, floppy, (size_t)FLOPPY_SECTORS * SECTOR_BYTES);
}

static void begin(void)
{
    ntpair_init(&rig, scenario->volume[0], scenario->volume[1], scenario->lines);
    floppy = malloc((size_t)FLOPPY_SECTORS * SECTOR_BYTES);
    if (floppy == NULL)
        abort();
    memcpy(floppy, rig.floppy.bytes, (size_t)FLOPPY_SECTORS * SECTOR_BYTES);
}

static void finish(void)
{
    rig_free(&rig);
    free(floppy);
}

static enum rig_end run(void)
{
    enum rig_end ended = rig_run(&rig);
    runs++;
    expect(ended == RIG_HANDOFF || ended == RIG_WAITING, "the loader returned");
    expect(rig.disk_writes == 0, "a hard disk was written");
    expect(rig.writes <= 1, "more than the log was written");
    return ended;
}

static unsigned started(void)
{
    return !rig.absent[1] && rig.plan.drive == rig.drive_of[1] ? 1 : 0;
}

/* The nth read of a hard disk goes wrong; where it is 0, a sector of both disks cannot be read. */
struct fault {
    unsigned nth;
    enum fault_span span;
    enum fault_kind kind;
    uint64_t lba;
};

static void disturb(const struct fault *fault)
{
    static const char *const spans[] = {"once", "sector", "device"};
    static const char *const kinds[] = {"none", "error", "short", "silent", "tail"};
    heal();
    (void)snprintf(what, sizeof what, "read %u, sector %u fails (%s, %s)", fault->nth, (unsigned)fault->lba,
                   spans[fault->span], kinds[fault->kind]);
    for (unsigned i = 0; i < 2; i++) {
        faultdev_nth(&rig.fault[i], fault->nth, fault->span, fault->kind);
        if (fault->lba != 0)
            faultdev_range(&rig.fault[i], fault->lba, fault->lba, fault->kind);
    }
}

static bool same_verdict(void)
{
    const struct mirror_verdict *now = &rig.loader.survey[0].verdict;
    return now->state == undisturbed.state && now->source == undisturbed.source &&
           now->member[0] == undisturbed.member[0] && now->member[1] == undisturbed.member[1];
}

/* The other half's registry alone knows that this one is stale. Where that disk fails for good, nobody does; then it
 * must be called failing. */
static bool witness_is_lost(void)
{
    unsigned witness = 1 - scenario->stale;
    enum member_state member = rig.loader.survey[0].verdict.member[witness];
    return rig.fault[witness].faults > 1 && !rig.loader.survey[0].facts.different &&
           (member == MEMBER_FAILING || member == MEMBER_DEAD);
}

static void one_fault(const struct fault *fault)
{
    rig_keys(&rig, "");
    disturb(fault);
    enum rig_end ended = run();
    if (fault->span == SPAN_ONCE) {
        expect(ended == RIG_HANDOFF && started() == scenario->starts, "a single fault kept the machine from starting");
        expect(same_verdict(), "a single fault changed the verdict");
    }
    if (ended == RIG_HANDOFF && scenario->stale != NONE && started() == scenario->stale)
        expect(fault->span != SPAN_ONCE && witness_is_lost(), "the half that NT left behind was started unasked");
}

/* An error at every read, once and for ever; of all other faults a third. */
static bool is_swept(const struct fault *fault)
{
    return (fault->kind == FAULT_ERROR && fault->span != SPAN_DEVICE) ||
           (fault->nth + (unsigned)fault->span + (unsigned)fault->kind) % 3 == 0;
}

static void for_each_fault(unsigned reads, void (*test)(const struct fault *fault))
{
    struct fault fault = {0};
    for (fault.nth = 1; fault.nth <= reads; fault.nth++)
        for (fault.span = SPAN_ONCE; fault.span <= SPAN_DEVICE; fault.span++)
            for (fault.kind = FAULT_ERROR; fault.kind <= FAULT_TAIL; fault.kind++)
                if (is_swept(&fault))
                    test(&fault);
}

static unsigned look_undisturbed(void)
{
    (void)snprintf(what, sizeof what, "undisturbed");
    rig_keys(&rig, "");
    heal();
    expect(run() == RIG_HANDOFF && started() == scenario->starts, "the wrong end");
    undisturbed = rig.loader.survey[0].verdict;
    return rig.reads;
}

/* ---- the dry run ---- */

/* A file of ntdisks.py names itself in every line of 21 bytes. */
static bool is_line(const uint8_t *at)
{
    for (unsigned i = 12; i < 20; i++)
        if (strchr("0123456789abcdef", at[i]) == NULL || at[i] == 0)
            return false;
    return at[20] == '\n';
}

/* Whether the sector holds a piece of a file that a start of NT needs. */
static bool is_needed(struct memdev *disk, uint64_t lba)
{
    static const char *const files[] = {"NTLDR       ", "NTDETECT.COM", "NTOSKRNL.EXE", "HAL.DLL     ",
                                        "c_1252.nls  ", "c_437.nls   ", "l_intl.nls  ", "atapi.sys   ",
                                        "SCSIPORT.SYS", "Disk.sys    ", "CLASS2.SYS  ", "Ftdisk.sys  "};
    const uint8_t *sector = memdev_sector(disk, lba);
    for (unsigned at = 0; at + 42 <= SECTOR_BYTES; at++)
        for (size_t i = 0; is_line(sector + at) && i < sizeof files / sizeof files[0]; i++)
            if (memcmp(sector + at, files[i], 12) == 0)
                return true;
    return false;
}

/* Whether a sector that fails for ever is one of a needed file. */
static bool lost_a_needed_file(unsigned disk)
{
    const struct faultdev *fault = &rig.fault[disk];
    for (uint64_t lba = fault->first_lba; fault->range_set && lba <= fault->last_lba; lba++)
        if (is_needed(&rig.disk[disk], lba))
            return true;
    return false;
}

/* The number of the menu's first dry run. */
static char dry_run_key(void)
{
    const char *item = strstr(rig.screen, "Dry run: would the ");
    expect(item != NULL && item - rig.screen > 3, "the menu offers no dry run");
    return item[-3];
}

/* Look at the menu under these faults, then do the same again and ask for the dry run. Returns the disk it was for. */
static unsigned run_dry(const struct fault *fault)
{
    char keys[] = " ?";
    rig_keys(&rig, " ");
    disturb(fault);
    expect(run() == RIG_WAITING, "the clock was not stopped");
    keys[1] = dry_run_key();
    rig_keys(&rig, keys);
    disturb(fault);
    expect(run() == RIG_WAITING, "the dry run started something");
    expect(rig_event(&rig, "dryrun role="), "there was no dry run");
    dry_runs++;
    return rig_event(&rig, "dryrun role=shadow") ? 1 : 0;
}

static unsigned last_needed; /* the last read that fetches a needed file */

static void one_dry_fault(const struct fault *fault)
{
    unsigned disk = run_dry(fault);
    bool yes = rig_event(&rig, "result=yes");
    bool lost = lost_a_needed_file(disk);
    if (fault->span == SPAN_SECTOR && lost && fault->nth > last_needed)
        last_needed = fault->nth;
    expect(fault->nth == 0 || fault->span != SPAN_ONCE || yes, "a single fault made the dry run fail");
    expect(!yes || !lost, "yes, though a file cannot be read");
    expect(!yes || !rig.fault[disk].dead || fault->nth > last_needed, "yes, though the disk died");
}

static void sweep_dry(void)
{
    struct fault fault = {.kind = FAULT_ERROR};
    unsigned needed = 0;
    unsigned disk = run_dry(&(struct fault){0});
    expect(rig_event(&rig, "result=yes files=15 problems=0"), "the half would not start undisturbed");
    unsigned reads = rig.reads;
    for (fault.lba = RIG_MEMBER_START; fault.lba < RIG_MEMBER_START + NTPAIR_SECTORS; fault.lba++)
        if (is_needed(&rig.disk[disk], fault.lba)) {
            needed++;
            one_dry_fault(&fault);
        }
    expect(needed > 100, "the oracle finds no files");
    last_needed = 0;
    fault = (struct fault){.span = SPAN_SECTOR, .kind = FAULT_ERROR};
    for (fault.nth = 1; fault.nth <= reads; fault.nth++)
        one_dry_fault(&fault);
    expect(last_needed > reads / 2, "no read fetches a file");
    for_each_fault(reads, one_dry_fault);
}

int main(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        scenario = &scenarios[i];
        begin();
        for_each_fault(look_undisturbed(), one_fault);
        if (scenario->dry)
            sweep_dry();
        finish();
    }
    (void)printf("evidence sweep: %zu scenarios, %u runs, %u of them dry, all good\n",
                 sizeof scenarios / sizeof scenarios[0], runs, dry_runs);
    return 0;
}
