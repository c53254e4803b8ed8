/* SPDX-License-Identifier: MIT */
/* loader and repair: whole runs that change disks with Windows NT on them. What stands in the way of the registry or of
 * the other half is said, and what is left out then. */
#include "ntpair.h"
#include "unit.h"

#define SECOND_START (RIG_MEMBER_START + NTPAIR_SECTORS)
#define SECOND_SECTORS 30u

static struct rigfw rig;
static uint8_t before[2][NTPAIR_DISK_SECTORS * SECTOR_BYTES];

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void remember_disks(void)
{
    for (unsigned i = 0; i < 2; i++)
        memcpy(before[i], rig.disk[i].bytes, sizeof before[i]);
}

/* So many bytes of a disk are not as remembered. */
static unsigned changed_bytes(unsigned disk)
{
    unsigned count = 0;
    for (size_t i = 0; i < sizeof before[disk]; i++)
        count += rig.disk[disk].bytes[i] != before[disk][i];
    return count;
}

static void pair(const char *primary, const char *shadow, const char *lines)
{
    if (rig.disks > 0)
        rig_free(&rig);
    ntpair_init(&rig, primary, shadow, lines);
    remember_disks();
}

static bool on_screen(const char *text)
{
    return strstr(rig.screen, text) != NULL;
}

static void expect_start(unsigned disk)
{
    assert_int_equal(rig_run(&rig), RIG_HANDOFF);
    assert_int_equal(rig.plan.drive, rig.drive_of[disk]);
}

static uint8_t type_of(unsigned disk)
{
    return rig.disk[disk].bytes[446 + 4];
}

/* Why the registry cannot be edited, for each kind of shadow beside which there is nothing else. */
static const struct {
    const char *volume;
    const char *where;
    const char *why;
} obstacles[] = {
    {"fat-version-4", "\\WINNT: SYSTEM", "it or its DISK\\Information is of a version that is not known"},
    {"fat-lying-record", "\\WINNT: SYSTEM", "it is damaged"},
    {"fat-bad-alternate", "\\WINNT: SYSTEM.ALT", "it is damaged"},
    {"fat-unclean-alternate", "\\WINNT: SYSTEM", "a write to it was cut off, which NT will finish from its log"},
};

static void unattended_an_obstacle_leaves_the_partition_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof obstacles / sizeof obstacles[0]; i++) {
        char event[200];
        pair("fat-healthy", obstacles[i].volume, "break=auto\r\n");
        rig.absent[0] = true;
        expect_start(1);
        assert_int_equal(type_of(1), 0x06);
        assert_int_equal(changed_bytes(1), 1);
        (void)snprintf(event, sizeof event, "ft: break extent=types disk=bbbb0002 file=\"%s\" why=\"%s\"\n",
                       obstacles[i].where, obstacles[i].why);
        assert_true(rig_event(&rig, event));
        assert_true(on_screen("The registry stays as it is: disk bbbb0002"));
        assert_true(on_screen(obstacles[i].why));
        assert_false(on_screen("Q147690)?"));
    }
}

/* Promote (no), only the types (yes), write (yes). */
static void a_person_is_asked_whether_the_type_alone_is_enough(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof obstacles / sizeof obstacles[0]; i++) {
        pair("fat-healthy", obstacles[i].volume, "break=ask\r\n");
        rig.absent[0] = true;
        rig_keys(&rig, "2nn");
        assert_int_equal(rig_run(&rig), RIG_WAITING);
        assert_true(on_screen("Change only the partition types (Q147690)?"));
        assert_false(on_screen("Write this?"));
        assert_int_equal(rig.writes, 0);
        rig_keys(&rig, "2nyn");
        assert_int_equal(rig_run(&rig), RIG_WAITING);
        assert_true(on_screen("Write this?"));
        assert_int_equal(rig.writes, 0);
        rig_keys(&rig, "2nyy");
        expect_start(1);
        assert_int_equal(type_of(1), 0x06);
        assert_int_equal(changed_bytes(1), 1);
    }
}

static void the_letter_is_said_before_it_is_written(void **state)
{
    (void)state;
    pair("fat-healthy", "fat-orphaned", "break=ask\r\n");
    rig_keys(&rig, "2nn");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(on_screen("C: stays with the shadow of mirror 1; the other half gets the next free letter.\n"));
    assert_true(rig_event(&rig, "ft: letter set=1 before=C after=C\n"));
    assert_int_equal(rig.writes, 0);
}

/* A mirror that could not be started is broken and started at once: NT stops while its registry does not know it. */
static void D05_a_survivor_that_its_registry_does_not_know(void **state)
{
    (void)state;
    pair("fat-healthy", "fat-unrecorded", "break=ask\r\n");
    rig.absent[0] = true;
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    pair("fat-healthy", "fat-unrecorded", "break=auto\r\n");
    rig.absent[0] = true;
    expect_start(1);
    assert_int_equal(type_of(1), 0x06);
    assert_int_equal(changed_bytes(1), 1);
}

/* ---- the other half stays, because of a second mirror on the same disks ---- */

struct second {
    const char *why;
    uint8_t type[2]; /* 0: no such partition */
    bool different;
};

static const struct second seconds[] = {
    {"it has the half that is trusted", {0x06, 0x06}, false}, /* broken long ago, and the same still */
    {"the other half cannot be used: what is on this disk is all there is", {0xC6, 0}, false},
    {"its mirror is not broken: break it first, or both in one step", {0x86, 0x86}, true},
};

static void pair_with_second(const struct second *second, const char *lines)
{
    char ini[600];
    pair("fat-healthy", "fat-orphaned", NULL);
    (void)snprintf(ini, sizeof ini,
                   "[loader]\r\ntimeout=5\r\n%s[set 1]\r\nprimary=aaaa0001 start 63 sectors 5000\r\n"
                   "shadow=bbbb0002 start 63 sectors 5000\r\n[set 2]\r\nprimary=aaaa0001 start 5063 sectors 30\r\n"
                   "shadow=bbbb0002 start 5063 sectors 30\r\n",
                   lines);
    fx_floppy(&rig.floppy);
    fx_boot_files(&rig.floppy, ini);
    for (unsigned i = 0; i < 2; i++) {
        if (second->type[i] != 0)
            fx_entry(rig.disk[i].bytes, 1, 0, second->type[i], SECOND_START, SECOND_SECTORS);
        fx_volume(&rig.disk[i], SECOND_START, SECOND_SECTORS, 'S');
    }
    if (second->different)
        memdev_sector(&rig.disk[1], SECOND_START + 1)[9] ^= 1;
    remember_disks();
}

static void by_choice_a_refusal_to_retire_stops_everything(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        pair_with_second(&seconds[i], "break=ask\r\n");
        rig_keys(&rig, "2nyy");
        assert_int_equal(rig_run(&rig), RIG_WAITING);
        assert_true(on_screen(seconds[i].why));
        assert_true(rig_event(&rig, "ft: refused why="));
        assert_false(on_screen("Write this?"));
        assert_int_equal(rig.writes, 0);
    }
}

static void unattended_a_refusal_to_retire_leaves_the_break(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        pair_with_second(&seconds[i], "break=auto\r\nretire=yes\r\n");
        expect_start(1);
        assert_true(on_screen(seconds[i].why));
        assert_int_equal(type_of(1), 0x06);
        assert_int_equal(changed_bytes(0), 0);
        assert_int_equal(rig.disk[1].bytes[446 + 16 + 4], seconds[i].type[1]);
    }
}

/* The same disks, and of their second mirror the other half is the good one: it must not be broken in favour of the one
 * that is stale, whatever is done about the first. */
static void a_second_mirror_that_lost_the_other_half_is_left_alone(void **state)
{
    (void)state;
    static const struct second second = {"", {0x86, 0xC6}, true};
    pair_with_second(&second, "break=auto\r\nretire=yes\r\n");
    expect_start(1);
    assert_true(rig_event(&rig, "verdict set=2 state=degraded source=primary"));
    assert_int_equal(type_of(1), 0x06);
    assert_int_equal(rig.disk[1].bytes[446 + 16 + 4], 0xC6);
    assert_int_equal(changed_bytes(0), 0);
}

/* ---- writes that go wrong ---- */

/* The change of break and retire: the survivor's type and two hives, the other disk's sector 0. Three records of three
 * sectors each more than a mark come before. */
static void unattended_a_write_that_goes_wrong_leaves_out_retiring(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (enum write_fault kind = WRITE_FAILS; kind <= WRITE_TORN; kind++)
        for (unsigned nth = 4 * 3 + 1 + 1; nth <= 4 * 3 + 1 + 4; nth++) {
            pair("fat-healthy", "fat-orphaned", "break=auto\r\nretire=yes\r\n");
            rig.faulty_write = nth;
            rig.write_fault = kind;
            expect_start(1);
            assert_false(on_screen("The change failed."));
            assert_int_equal(changed_bytes(0), 0);
            assert_int_equal(type_of(1), 0x06);
            tried++;
        }
    assert_int_equal(tried, 12);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(unattended_an_obstacle_leaves_the_partition_type),
    TEST(a_person_is_asked_whether_the_type_alone_is_enough),
    TEST(the_letter_is_said_before_it_is_written),
    TEST(D05_a_survivor_that_its_registry_does_not_know),
    TEST(by_choice_a_refusal_to_retire_stops_everything),
    TEST(unattended_a_refusal_to_retire_leaves_the_break),
    TEST(a_second_mirror_that_lost_the_other_half_is_left_alone),
    TEST(unattended_a_write_that_goes_wrong_leaves_out_retiring),
};

UNIT_MAIN(tests)
