/* SPDX-License-Identifier: MIT */
/* The engine of the crash sweeps. */
#include "powercut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media.h"

#define MBR_CODE_BYTES 440u
#define SIGNATURE 0x1B8u
#define LOST_MASKS 8u /* any of the three writes before the last one */

/* What all sweeps of a program did. */
static struct {
    unsigned scenarios;
    unsigned cuts;
    unsigned lost; /* of them with writes lost from a cache */
    unsigned asked;
    unsigned undone;
    unsigned finished;
    unsigned refused;
    unsigned reads;
    unsigned less;
} count;

static struct rigfw *rig;
static const struct powercut *change;
static uint8_t *original[MEDIA_DISKS];
static uint8_t *finished[MEDIA_DISKS];
static struct snapshot before, cut, after;
static bool writes_lost;
/* In the last cut a part of the journal was lost; or it was closed as undone while what was written back was lost, for
 * no disk can be made to empty its cache. */
static bool journal_lost;
static char what[160];

static void fail(const char *why)
{
    (void)printf("FAILED: %s, %s: %s\n%s", change->name, what, why, rig->events);
    exit(1);
}

static void expect(bool holds, const char *why)
{
    if (!holds)
        fail(why);
}

static size_t disk_bytes(unsigned disk)
{
    return (size_t)rig->disk[disk].sectors * SECTOR_BYTES;
}

/* ---- the media ---- */

/* The machine is switched off and on again, on media as they were then; null: before the change. */
static void restore(const struct snapshot *from)
{
    media_restore(from);
    rig_heal(rig);
    rig_keys(rig, "");
    if (change->other_dead)
        faultdev_kill(&rig->fault[1 - change->keep], FAULT_ERROR);
}

static bool disks_are_earlier(void)
{
    uint8_t *wanted[MEDIA_DISKS] = {original[0], original[1]};
    wanted[change->keep] = change->earlier;
    return change->earlier != NULL && media_disks_are(wanted);
}

/* Every byte of the disks holds what it held, or what it shall hold. */
static void expect_no_other_byte(void)
{
    const struct touched *at;
    for (unsigned i = 0; (at = media_touched(i)) != NULL; i++) {
        if (at->medium == MEDIA_FLOPPY)
            continue;
        const uint8_t *now = media_now(at);
        const uint8_t *old = original[at->medium] + at->lba * SECTOR_BYTES;
        const uint8_t *new = finished[at->medium] + at->lba *SECTOR_BYTES;
        for (unsigned byte = 0; byte < SECTOR_BYTES; byte++)
            expect(now[byte] == old[byte] || now[byte] == new[byte], "a byte that belongs to no change");
    }
}

/* Behind the sector with the partition table a disk is as it was, or finished: the registry above all. */
static bool is_all_or_nothing(unsigned disk)
{
    const struct touched *at;
    unsigned changes = 0;
    unsigned made = 0;
    for (unsigned i = 0; (at = media_touched(i)) != NULL; i++) {
        if (at->medium != disk || at->lba == 0)
            continue;
        const uint8_t *old = original[disk] + at->lba * SECTOR_BYTES;
        changes += memcmp(old, finished[disk] + at->lba * SECTOR_BYTES, SECTOR_BYTES) != 0;
        made += memcmp(old, media_now(at), SECTOR_BYTES) != 0;
    }
    return made == 0 || made == changes;
}

/* ---- runs ---- */

static enum rig_end run(void)
{
    enum rig_end end = rig_run(rig);
    media_note();
    return end;
}

/* The menu's number of the line with `text` in the last run, or 0. The last drawing counts. */
static int item_of(const char *text)
{
    const char *found = NULL;
    for (const char *at = rig->screen; (at = strstr(at, text)) != NULL; at++)
        found = at;
    if (found == NULL)
        return 0;
    while (found > rig->screen && found[-1] != '\n')
        found--;
    return found[3];
}

static void look_at_menu(const struct snapshot *from)
{
    restore(from);
    rig_key(rig, ' ');
    expect(run() == RIG_WAITING, "no menu");
}

/* How the power goes. */
struct fault {
    unsigned nth; /* write; 0: it stays */
    enum write_fault kind;
    unsigned lost;
};

static const struct fault none;

static enum rig_end run_with(const struct fault *fault)
{
    rig->faulty_write = fault->nth;
    rig->write_fault = fault->kind;
    rig->lost = fault->lost;
    return run();
}

/* Choose a line on these media. RIG_RETURNED: there is no such line. Null: nobody is there. */
static enum rig_end choose(const struct snapshot *from, const char *line, const char *answers,
                           const struct fault *fault)
{
    int key = 0;
    if (line != NULL) {
        look_at_menu(from);
        key = item_of(line);
        if (key == 0)
            return RIG_RETURNED;
    }
    restore(from);
    if (line != NULL)
        rig_key(rig, key);
    for (; line != NULL && *answers != '\0'; answers++)
        rig_key(rig, *answers);
    return run_with(fault);
}

static void describe(const char *line, const struct fault *fault)
{
    static const char *const kinds[] = {[CUT_BEFORE] = "before",
                                        [CUT_AFTER] = "behind",
                                        [CUT_TORN_HEAD] = "in the middle (head) of",
                                        [CUT_TORN_TAIL] = "in the middle (tail) of"};
    (void)snprintf(what, sizeof what, "'%s', power cut %s write %u, lost %x", line != NULL ? line : "unattended",
                   fault->nth != 0 ? kinds[fault->kind] : "never at", fault->nth, fault->lost);
}

/* ---- what others shall look at ---- */

static FILE *states;

/* The disk that is kept, as it was. */
static void tell_disk(void)
{
    const char *path = getenv("POWERCUT_STATES");
    states = path != NULL ? fopen(path, "ab") : NULL;
    if (path != NULL && states == NULL)
        abort();
    if (states == NULL)
        return;
    (void)fprintf(states, "disk %zu %s\n", disk_bytes(change->keep), change->name);
    (void)fwrite(original[change->keep], 1, disk_bytes(change->keep), states);
}

/* ... and its sectors that differ now. */
static void tell_state(void)
{
    const struct touched *at;
    for (unsigned i = 0; states != NULL && (at = media_touched(i)) != NULL; i++) {
        const uint8_t *old = original[change->keep] + at->lba * SECTOR_BYTES;
        if (at->medium != change->keep || memcmp(media_now(at), old, SECTOR_BYTES) == 0)
            continue;
        (void)fprintf(states, "sector %llu\n", (unsigned long long)at->lba);
        (void)fwrite(media_now(at), 1, SECTOR_BYTES, states);
    }
    if (states != NULL)
        (void)fprintf(states, "end %s\n", what);
}

/* ---- what must hold after a cut ---- */

static void expect_right_half(void)
{
    uint8_t expected[SECTOR_BYTES];
    memcpy(expected, memdev_sector(&rig->disk[change->keep], RIG_MEMBER_START), SECTOR_BYTES);
    memcpy(expected + 0x18, "\x3F\0\x10\0\x3F\0\0\0", 8);
    expected[0x24] = 0x80;
    expect(rig->plan.drive == rig->drive_of[change->keep] && rig->plan.method == METHOD_VBR, "the wrong half starts");
    expect(memcmp(expected, rig->plan.boot_sector, SECTOR_BYTES) == 0, "it starts with wrong bytes");
}

/* The next start, with nobody there. It may break the mirror once more, if nothing is known of the first time. */
static void check_start(void)
{
    restore(&cut);
    bool may_ask = writes_lost || (change->asks && media_disks_are(original));
    enum rig_end end = run();
    if (end == RIG_WAITING && may_ask)
        count.asked++; /* such as: its registry does not know the mirror any more, its type still does */
    else {
        expect(end == RIG_HANDOFF, "the next start does not start");
        expect_right_half();
    }
    expect_no_other_byte();
}

/* Undo (or finish) on these media must give the wanted disks, or change nothing where the journal itself was lost. An
 * undo where nothing was changed yet may still be that of the change before. */
static bool check_offer(const struct snapshot *from, const char *line, uint8_t *const wanted[MEDIA_DISKS])
{
    restore(from);
    bool unchanged = media_disks_are(original);
    if (choose(from, line, "y", &none) == RIG_RETURNED)
        return false;
    expect(journal_lost || (strstr(rig->screen, "The change failed.") == NULL &&
                            strstr(rig->screen, "Nothing was changed.") == NULL),
           "it is offered, and fails");
    if (media_disks_are(wanted) || (unchanged && disks_are_earlier()))
        return true;
    expect(journal_lost, media_disks_are_as_in(from) ? "it is refused" : "it gives other disks");
    expect(media_disks_are_as_in(from) || media_disks_are_as_in(&cut), "it gives yet other disks");
    count.refused += media_disks_are_as_in(from);
    return true;
}

static void check_undo(const struct snapshot *from)
{
    restore(from);
    bool changed = !media_disks_are(original);
    bool offered = check_offer(from, "Undo the", original);
    expect(offered || !changed || journal_lost, "something was written, and cannot be undone");
    count.undone += offered;
}

static void check_cut(void)
{
    media_save(&cut);
    tell_state();
    expect_no_other_byte();
    check_start();
    media_save(&after);
    if (!media_disks_are_as_in(&cut))
        check_undo(&after);
    check_undo(&cut);
    if (check_offer(&cut, "Finish the", finished))
        count.finished++;
}

/* ---- sweeps ---- */

/* During an undo the boot disk is written before and behind the disks only. */
static bool is_closed_early(const char *line, const struct fault *fault)
{
    bool undo = line != NULL && strncmp(line, "Undo", 4) == 0;
    return undo && fault->lost != 0 && rig->disk_writes > 0 && rig->write[rig->writes - 1].drive == RIG_FLOPPY_DRIVE;
}

/* One cut. Returns false when the change was over before it. */
static bool sweep_one(const struct snapshot *from, const char *line, const char *answers, const struct fault *fault)
{
    describe(line, fault);
    enum rig_end end = choose(from, line, answers, fault);
    expect(end != RIG_RETURNED, "no such choice");
    if (end != RIG_CUT)
        return false;
    writes_lost = fault->lost != 0;
    journal_lost = rig_lost_on_floppy(rig) || is_closed_early(line, fault);
    if (fault->kind == CUT_AFTER && fault->lost == 0 && change->holds != NULL)
        expect(change->holds(rig), "the disks contradict themselves");
    check_cut();
    count.cuts++;
    count.lost += writes_lost;
    return true;
}

static void sweep_change(const struct snapshot *from, const char *line, const char *answers)
{
    for (enum write_fault kind = CUT_BEFORE; kind <= CUT_TORN_TAIL; kind++)
        for (unsigned lost = 0; lost < (kind == CUT_AFTER ? LOST_MASKS : 1); lost++) {
            struct fault fault = {1, kind, lost};
            while (sweep_one(from, line, answers, &fault))
                fault.nth++;
        }
}

/* The media of a change that was cut when its first sector had been written. */
static void interrupt(void)
{
    struct fault fault = {1, CUT_AFTER, 0};
    describe(change->choice, &fault);
    for (;; fault.nth++) {
        expect(choose(NULL, change->choice, change->answers, &fault) == RIG_CUT, "nothing is written");
        if (rig->disk_writes > 0)
            break;
    }
    media_save(&before);
}

void powercut_run(void)
{
    writes_lost = journal_lost = false;
    describe(change->choice, &none);
    enum rig_end end = choose(NULL, change->choice, change->answers, &none);
    expect(end != RIG_RETURNED, "no such choice");
    expect(end == (change->starts ? RIG_HANDOFF : RIG_WAITING), "the wrong end");
    if (change->starts)
        expect_right_half();
    expect(rig->disk_writes > 0, "nothing is written");
}

void powercut_sweep(void)
{
    for (unsigned i = 0; i < MEDIA_DISKS; i++)
        for (size_t at = 0; at < disk_bytes(i); at += SECTOR_BYTES)
            if (memcmp(original[i] + at, finished[i] + at, SECTOR_BYTES) != 0)
                media_touch(i, at / SECTOR_BYTES);
    powercut_run();
    expect(media_disks_are(finished), "the change is not what it should be");
    media_save(&before);
    media_save(&cut);
    check_undo(&cut);
    sweep_change(NULL, change->choice, change->answers);
    powercut_run();
    media_save(&before);
    sweep_change(&before, "Undo the", "y");
    interrupt();
    sweep_change(&before, "Undo the", "y");
    sweep_change(&before, "Finish the", "y");
    restore(NULL);
    expect(media_are_untouched(), "a sector that was never written has changed");
    count.scenarios++;
}

/* All errors; of all other faults a third. */
static bool is_swept(unsigned nth, enum fault_span span, enum fault_kind kind)
{
    return kind == FAULT_ERROR || (nth + (unsigned)span + (unsigned)kind) % 3 == 0;
}

/* Returns whether the nth read was reached. */
static bool disturb(unsigned nth, enum fault_span span, enum fault_kind kind)
{
    struct faultdev *devices[] = {&rig->fault[0], &rig->fault[1], &rig->floppy_fault};
    (void)snprintf(what, sizeof what, "read %u fails (span %d, kind %d)", nth, (int)span, (int)kind);
    restore(NULL);
    for (unsigned i = 0; i < MEDIA; i++)
        if (!devices[i]->dead)
            faultdev_nth(devices[i], nth, span, kind);
    enum rig_end end = run();
    bool reached = rig->reads >= nth;
    media_save(&cut);
    expect_no_other_byte();
    count.reads++;
    if (span == SPAN_ONCE)
        expect(end == RIG_HANDOFF && media_disks_are(finished), "a single fault changed the change");
    else if (!media_disks_are(original)) {
        expect(is_all_or_nothing(0) && is_all_or_nothing(1), "a registry is changed in part");
        count.less += !media_disks_are(finished);
        check_undo(&cut);
    }
    return reached;
}

void powercut_sweep_reads(bool lasting)
{
    for (enum fault_span span = SPAN_ONCE; span <= (lasting ? SPAN_SECTOR : SPAN_ONCE); span++)
        for (enum fault_kind kind = FAULT_ERROR; kind <= FAULT_TAIL; kind++) {
            bool reached = true;
            for (unsigned nth = 1; reached; nth++)
                reached = !is_swept(nth, span, kind) || disturb(nth, span, kind);
        }
}

void powercut_begin(struct rigfw *machine, const struct powercut *what_is_done)
{
    rig = machine;
    change = what_is_done;
    journal_lost = false;
    media_begin(machine);
    for (unsigned i = 0; i < MEDIA_DISKS; i++) {
        original[i] = media_beginning(i);
        finished[i] = malloc(disk_bytes(i));
        if (finished[i] == NULL)
            abort();
        memcpy(finished[i], original[i], disk_bytes(i));
    }
    tell_disk();
}

void powercut_end(void)
{
    if (states != NULL && fclose(states) != 0)
        abort();
    media_end();
    for (unsigned i = 0; i < MEDIA_DISKS; i++)
        free(finished[i]);
}

uint8_t *powercut_finished(unsigned disk, uint64_t lba)
{
    return finished[disk] + lba * SECTOR_BYTES;
}

void powercut_finish_code(unsigned disk)
{
    char path[512];
    const char *build = getenv("MKB_BUILD");
    (void)snprintf(path, sizeof path, "%s/mbr.bin", build != NULL ? build : "build");
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(finished[disk], 1, MBR_CODE_BYTES, file) != MBR_CODE_BYTES)
        abort();
    (void)fclose(file);
}

void powercut_finish_signature(unsigned disk)
{
    uint32_t signature;
    powercut_run();
    memcpy(&signature, rig->disk[disk].bytes + SIGNATURE, sizeof signature);
    expect(signature != 0 && signature != RIG_SIGNATURE_A && signature != RIG_SIGNATURE_B, "no new signature");
    memcpy(finished[disk] + SIGNATURE, &signature, sizeof signature);
}

void powercut_report(const char *program)
{
    (void)printf("%s: %u scenarios, %u power cuts (%u with writes lost in a cache), %u times undone, %u finished, "
                 "%u refused, %u asked; %u failing reads, %u times less was changed; all good\n",
                 program, count.scenarios, count.cuts, count.lost, count.undone, count.finished, count.refused,
                 count.asked, count.reads, count.less);
}
