/* SPDX-License-Identifier: MIT */
/* What break=auto and retire=yes do by themselves, for every state of two halves with Windows NT on them: whole runs,
 * judged by what they wrote. The table is the manual's. */
#include "ntpair.h"
#include "unit.h"

enum kind { ABSENT, DEAD, FAILING, NO_PARTITION, NO_SIGNATURE, STALE, REBUILDING, GOOD, KINDS };

/* What happens: p or s: the mirror is broken in favour of this half; P or S: and the other one is retired; .: nothing
 * is written. Rows are the primary's state, columns the shadow's, both in the order of enum kind. */
static const char table[KINDS][KINDS + 1] = {
    ".......s", /* absent */
    ".......s", /* dead */
    ".......S", /* failing */
    ".......s", /* its partition is not there */
    ".......s", /* its disk has another signature */
    ".......S", /* stale */
    "........", /* rebuilding */
    "ppPppP..", /* good */
};

static struct rigfw rig;
static uint8_t before[2][SECTOR_BYTES];

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void pair(const char *primary, const char *shadow, const char *lines)
{
    if (rig.disks > 0)
        rig_free(&rig);
    ntpair_init(&rig, primary, shadow, lines);
}

static void remember(void)
{
    for (unsigned i = 0; i < 2; i++)
        memcpy(before[i], rig.disk[i].bytes, SECTOR_BYTES);
}

/* The record of each disk's registry: what NT had not finished copying is known to both of them. */
static void load(enum kind primary, enum kind shadow, const char *lines)
{
    const char *volume = "fat-healthy";
    if (primary == REBUILDING && shadow == REBUILDING)
        pair("fat-initializing", "fat-regenerating", lines);
    else {
        if (primary == REBUILDING)
            volume = "fat-regenerating";
        if (shadow == REBUILDING)
            volume = "fat-initializing";
        pair(volume, volume, lines);
    }
}

static void arrange(unsigned half, enum kind kind)
{
    uint8_t *table_sector = rig.disk[half].bytes;
    if (kind == ABSENT)
        rig.absent[half] = true;
    if (kind == DEAD)
        faultdev_kill(&rig.fault[half], FAULT_ERROR);
    if (kind == FAILING)
        faultdev_range(&rig.fault[half], RIG_MEMBER_START + 4, RIG_MEMBER_START + 4, FAULT_ERROR);
    if (kind == NO_PARTITION)
        memset(table_sector + 446, 0, 16);
    if (kind == NO_SIGNATURE)
        table_sector[0x1B8] ^= 0x55;
    if (kind == STALE)
        table_sector[446 + 4] = 0xC6;
}

/* The arrangement is what it is called. A disk that is not found may be the one that does not answer, or the one whose
 * signature nobody knows. */
static void expect_kind(unsigned half, enum kind kind, enum kind other)
{
    static const enum member_state states[KINDS] = {MEMBER_ABSENT,  MEMBER_DEAD,  MEMBER_FAILING,    MEMBER_FOREIGN,
                                                    MEMBER_FOREIGN, MEMBER_STALE, MEMBER_REBUILDING, MEMBER_GOOD};
    enum member_state wanted = states[kind];
    if (kind == ABSENT && other == DEAD)
        wanted = MEMBER_DEAD;
    if ((kind == ABSENT || kind == DEAD) && other == NO_SIGNATURE)
        wanted = MEMBER_FOREIGN;
    assert_int_equal(rig.loader.survey[0].verdict.member[half], wanted);
}

/* What was written, in the letters of the table. */
static char what_was_done(void)
{
    char done = '.';
    for (unsigned half = 0; half < 2; half++) {
        const uint8_t *now = rig.disk[half].bytes;
        const uint8_t *other = rig.disk[1 - half].bytes;
        if (now[446 + 4] != 0x06 || before[half][446 + 4] != 0x86 || memcmp(now + 0x1B8, before[half] + 0x1B8, 4) != 0)
            continue;
        assert_int_equal(done, '.');
        done = half == 0 ? 'p' : 's';
        if (memcmp(other + 0x1B8, before[1 - half] + 0x1B8, 4) != 0) {
            assert_true(other[446] == 0 && (other[446 + 4] & 0x80) == 0);
            done = half == 0 ? 'P' : 'S';
        } else
            assert_memory_equal(other, before[1 - half], SECTOR_BYTES);
    }
    assert_int_equal(rig.disk_writes > 0, done != '.');
    return done;
}

static char lower(char letter)
{
    return letter == 'P' ? 'p' : letter == 'S' ? 's' : letter;
}

static char run(void)
{
    rig_keys(&rig, "");
    remember();
    (void)rig_run(&rig);
    return what_was_done();
}

static void every_pair_of_states(void **state)
{
    (void)state;
    static const char *const lines[] = {"break=auto\r\nretire=yes\r\n", "break=auto\r\n", "break=ask\r\nretire=yes\r\n",
                                        "break=never\r\nretire=yes\r\n"};
    for (unsigned l = 0; l < sizeof lines / sizeof lines[0]; l++)
        for (enum kind primary = ABSENT; primary < KINDS; primary++)
            for (enum kind shadow = ABSENT; shadow < KINDS; shadow++) {
                char wanted = l == 0 ? table[primary][shadow] : l == 1 ? lower(table[primary][shadow]) : '.';
                load(primary, shadow, lines[l]);
                arrange(0, primary);
                arrange(1, shadow);
                char done = run();
                if (done == '.') {
                    expect_kind(0, primary, shadow);
                    expect_kind(1, shadow, primary);
                }
                assert_int_equal(done, wanted);
            }
}

/* Two halves that are both there and sound, as far as one can see. */
static void good_halves_that_are_not_the_same(void **state)
{
    (void)state;
    static const char auto_retire[] = "break=auto\r\nretire=yes\r\n";
    static const struct {
        const char *volume[2];
        char wanted;
    } rows[] = {
        {{"fat-healthy", "fat-orphaned"}, 'S'},        /* NT went on without the primary */
        {{"fat-other-orphaned", "fat-healthy"}, 'P'},  /* ... or without the shadow */
        {{"fat-other-orphaned", "fat-orphaned"}, '.'}, /* each without the other */
        {{"fat-healthy", "fat-newer"}, 'S'},           /* one registry is older */
        {{"fat-newer", "fat-healthy"}, 'P'},
        {{"fat-healthy", "fat-contrary"}, '.'},   /* the evidence contradicts itself */
        {{"fat-unrecorded", "fat-healthy"}, 'S'}, /* NT does not know the mirror on one half */
        {{"fat-healthy", "fat-unrecorded"}, 'P'},
        {{"fat-unrecorded", "fat-unrecorded"}, '.'},
        {{"fat-no-nt", "fat-no-nt"}, '.'}, /* nothing says anything, and they are the same */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pair(rows[i].volume[0], rows[i].volume[1], auto_retire);
        assert_int_equal(run(), rows[i].wanted);
    }
}

static void a_survivor_that_is_broken_already_is_left_alone(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 2; half++) {
        pair("fat-healthy", "fat-healthy", "break=auto\r\nretire=yes\r\n");
        rig.disk[half].bytes[446 + 4] = 0x06;
        assert_int_equal(run(), '.');
        assert_int_equal(rig.plan.drive, rig.drive_of[half]);
        rig.absent[1 - half] = true;
        assert_int_equal(run(), '.');
    }
}

static void two_disks_with_one_signature_are_left_alone(void **state)
{
    (void)state;
    pair("fat-healthy", "fat-healthy", "break=auto\r\nretire=yes\r\n");
    memcpy(rig.disk[0].bytes + 0x1B8, rig.disk[1].bytes + 0x1B8, 4);
    assert_int_equal(run(), '.');
}

static void an_installation_that_the_survivor_has_not_is_a_reason_to_ask(void **state)
{
    (void)state;
    static const char second[] = "[set 2]\r\nprimary=cccc0003 start 63 sectors 5000\r\n"
                                 "shadow=dddd0004 start 63 sectors 5000\r\n";
    char ini[700];
    for (unsigned system = 1; system <= 2; system++) {
        pair("fat-healthy", "fat-healthy", "");
        arrange(0, STALE);
        (void)snprintf(ini, sizeof ini,
                       "[loader]\r\ntimeout=5\r\nbreak=auto\r\nsystem=%u \\WINNT\r\n[set 1]\r\n"
                       "primary=aaaa0001 start 63 sectors 5000\r\nshadow=bbbb0002 start 63 sectors 5000\r\n%s",
                       system, second);
        fx_floppy(&rig.floppy);
        fx_boot_files(&rig.floppy, ini);
        assert_int_equal(run(), system == 1 ? 's' : '.');
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(every_pair_of_states),
    TEST(good_halves_that_are_not_the_same),
    TEST(a_survivor_that_is_broken_already_is_left_alone),
    TEST(two_disks_with_one_signature_are_left_alone),
    TEST(an_installation_that_the_survivor_has_not_is_a_reason_to_ask),
};

UNIT_MAIN(tests)
