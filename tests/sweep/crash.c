/* SPDX-License-Identifier: MIT */
/* The crash sweep: the loader breaks a mirror unattended, and the power goes at every single write, before, behind and
 * in the middle of it. Whatever that leaves must start the same half again, and can be finished or undone from the
 * journal, to the byte. The oracle computes the broken disk by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rigfw.h"

#define DISK_BYTES (RIG_DISK_SECTORS * SECTOR_BYTES)
#define FLOPPY_BYTES (FLOPPY_SECTORS * SECTOR_BYTES)

/* All media of the machine. */
struct media {
    uint8_t disk[2][DISK_BYTES];
    uint8_t floppy[FLOPPY_BYTES];
};

struct scenario {
    const char *name;
    bool two_sets;
    bool logical; /* the second set's members are logical drives */
    bool dead;    /* the primary is dead; otherwise NT disabled it */
};

static const struct scenario scenarios[] = {
    {"one set, primary dead", false, false, true},
    {"one set, primary disabled", false, false, false},
    {"two sets in one sector, primary dead", true, false, true},
    {"two sets in two sectors, primary disabled", true, true, false},
};

static struct rigfw rig;
static const struct scenario *scenario;
static struct media original, before;
static struct media broken; /* the disks as a complete break leaves them */
static struct media cut;    /* what the power cut left */
static char what[128];
static unsigned cuts;
static unsigned offers;

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

static void save(struct media *media)
{
    for (unsigned i = 0; i < 2; i++)
        memcpy(media->disk[i], rig.disk[i].bytes, DISK_BYTES);
    memcpy(media->floppy, rig.floppy.bytes, FLOPPY_BYTES);
}

static void restore(const struct media *media)
{
    for (unsigned i = 0; i < 2; i++)
        memcpy(rig.disk[i].bytes, media->disk[i], DISK_BYTES);
    memcpy(rig.floppy.bytes, media->floppy, FLOPPY_BYTES);
    rig_heal(&rig);
    rig_keys(&rig, "");
    if (scenario->dead)
        faultdev_kill(&rig.fault[0], FAULT_ERROR);
}

static bool disks_are(const struct media *media)
{
    return memcmp(rig.disk[0].bytes, media->disk[0], DISK_BYTES) == 0 &&
           memcmp(rig.disk[1].bytes, media->disk[1], DISK_BYTES) == 0;
}

static void second_set(void)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t type = i == 0 && !scenario->dead ? 0xC7 : 0x87;
        if (scenario->logical) {
            fx_entry(rig.disk[i].bytes, 1, 0, 5, 1000, 150);
            fx_ebr(&rig.disk[i], 1000, type, 10, 100, 0);
        } else
            fx_entry(rig.disk[i].bytes, 1, 0, type, 1010, 100);
        fx_volume(&rig.disk[i], 1010, 100, 'S');
    }
}

static void write_ini(void)
{
    char ini[600];
    (void)snprintf(ini, sizeof ini,
                   "[loader]\r\ntimeout=0\r\nbreak=auto\r\n[set 1]\r\nprimary=%08x start %u sectors %u\r\n"
                   "shadow=%08x start %u sectors %u\r\n%s",
                   RIG_SIGNATURE_A, RIG_MEMBER_START, RIG_MEMBER_SECTORS, RIG_SIGNATURE_B, RIG_MEMBER_START,
                   RIG_MEMBER_SECTORS,
                   scenario->two_sets ? "[set 2]\r\nprimary=aaaa0001 start 1010 sectors 100\r\n"
                                        "shadow=bbbb0002 start 1010 sectors 100\r\n"
                                      : "");
    fx_floppy(&rig.floppy);
    fx_boot_files(&rig.floppy, ini);
}

static void arrange(void)
{
    rig_mirror(&rig, "auto");
    if (!scenario->dead)
        fx_entry(rig.disk[0].bytes, 0, 0x80, 0xC6, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    if (scenario->two_sets)
        second_set();
    write_ini();
    save(&original);
    broken = original;
    broken.disk[1][446 + 4] = 0x06;
    if (scenario->two_sets)
        broken.disk[1][scenario->logical ? 1000 * SECTOR_BYTES + 446 + 4 : 446 + 16 + 4] = 0x07;
}

static void expect_right_half(const char *when)
{
    uint8_t expected[SECTOR_BYTES];
    memcpy(expected, memdev_sector(&rig.disk[1], RIG_MEMBER_START), SECTOR_BYTES);
    memcpy(expected + 0x18, "\x3F\0\x10\0\x3F\0\0\0", 8);
    expected[0x24] = 0x80;
    expect(rig.plan.source == ROLE_SHADOW && rig.plan.method == METHOD_VBR, when);
    expect(memcmp(expected, rig.plan.boot_sector, SECTOR_BYTES) == 0, when);
}

/* The menu's number of the line with `text` in the last run, or 0. The last drawing counts. */
static int item_of(const char *text)
{
    const char *found = NULL;
    for (const char *at = rig.screen; (at = strstr(at, text)) != NULL; at++)
        found = at;
    if (found == NULL)
        return 0;
    while (found > rig.screen && found[-1] != '\n')
        found--;
    return found[3];
}

/* A time-out of nothing shows no menu: one of nine seconds does. */
static void set_timeout(char digit)
{
    uint8_t *ini = memdev_sector(&rig.floppy, FLOPPY_DATA_LBA);
    strstr((char *)ini, "timeout=")[8] = digit;
}

/* Choose the line with `text` on these media, with a fault at a write (0: none). RIG_RETURNED: there is no such line.
 */
static enum rig_end choose_and_fail(const struct media *media, const char *text, unsigned nth, enum write_fault kind)
{
    restore(media);
    set_timeout('9');
    rig_key(&rig, ' ');
    expect(rig_run(&rig) == RIG_WAITING, "no menu");
    int key = item_of(text);
    if (key == 0)
        return RIG_RETURNED;
    restore(media);
    set_timeout('9');
    rig_key(&rig, key);
    rig.faulty_write = nth;
    rig.write_fault = kind;
    enum rig_end end = rig_run(&rig);
    set_timeout('0');
    return end;
}

static bool choose(const char *text)
{
    return choose_and_fail(&cut, text, 0, WRITE_GOOD) != RIG_RETURNED;
}

static void check_offers(void)
{
    bool changed = memcmp(cut.disk[1], original.disk[1], DISK_BYTES) != 0;
    bool undone = choose("Undo the");
    expect(!undone || disks_are(&original), "undo does not give the original disks");
    expect(undone || !changed, "something was written, and cannot be undone");
    offers += undone;
    if (choose("Finish the")) {
        expect(disks_are(&broken), "finish does not give the broken disks");
        offers++;
    }
}

/* Every sector of the disks holds what it held, or what it shall hold. */
static void check_cut(void)
{
    for (unsigned i = 0; i < 2; i++)
        for (size_t at = 0; at < DISK_BYTES; at++)
            expect(cut.disk[i][at] == original.disk[i][at] || cut.disk[i][at] == broken.disk[i][at],
                   "a byte that belongs to no change");
    restore(&cut);
    expect(rig_run(&rig) == RIG_HANDOFF, "the next start does not start");
    expect_right_half("the next start starts something else");
    check_offers();
}

static void sweep_cut(unsigned total, enum write_fault kind)
{
    for (unsigned nth = 1; nth <= total; nth++) {
        (void)snprintf(what, sizeof what, "power cut %d at write %u of %u", (int)kind, nth, total);
        restore(&original);
        rig.faulty_write = nth;
        rig.write_fault = kind;
        expect(rig_run(&rig) == RIG_CUT, "the cut was not reached");
        save(&cut);
        check_cut();
        cuts++;
    }
}

/* The power goes during an undo, and during the finishing of a change that was interrupted. */
static void sweep_choice(const struct media *media, const char *text)
{
    for (int kind = CUT_BEFORE; kind <= CUT_TORN_TAIL; kind++)
        for (unsigned nth = 1;; nth++) {
            (void)snprintf(what, sizeof what, "'%s', power cut %d at write %u", text, kind, nth);
            enum rig_end end = choose_and_fail(media, text, nth, (enum write_fault)kind);
            expect(end != RIG_RETURNED, "no such choice");
            if (end != RIG_CUT)
                break;
            save(&cut);
            check_cut();
            cuts++;
        }
}

/* The media of a change that was cut when its first sector had been written. */
static void interrupt(unsigned total)
{
    for (unsigned nth = 1; nth <= total; nth++) {
        restore(&original);
        rig.faulty_write = nth;
        rig.write_fault = CUT_AFTER;
        (void)rig_run(&rig);
        save(&before);
        if (rig.disk_writes > 0)
            return;
    }
}

static void sweep(void)
{
    arrange();
    (void)snprintf(what, sizeof what, "undisturbed");
    restore(&original);
    expect(rig_run(&rig) == RIG_HANDOFF, "no start");
    expect_right_half("the wrong half");
    expect(disks_are(&broken), "the break is not what it should be");
    unsigned total = rig.writes;
    save(&cut);
    check_offers();
    for (int kind = CUT_BEFORE; kind <= CUT_TORN_TAIL; kind++)
        sweep_cut(total, (enum write_fault)kind);
    restore(&original);
    expect(rig_run(&rig) == RIG_HANDOFF, "no start");
    save(&before);
    sweep_choice(&before, "Undo the");
    interrupt(total);
    sweep_choice(&before, "Undo the");
    sweep_choice(&before, "Finish the");
    rig_free(&rig);
}

int main(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        scenario = &scenarios[i];
        sweep();
    }
    (void)printf("crash: %zu scenarios, %u power cuts, %u times finished or undone, all good\n",
                 sizeof scenarios / sizeof scenarios[0], cuts, offers);
    return 0;
}
