/* SPDX-License-Identifier: MIT */
/* ui/screen: the evidence that stands beside each half, in whole runs of the loader. What follows from it is
 * test_evidence's and test_decide's affair. */
#include "ntpair.h"
#include "unit.h"

static struct rigfw rig;

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void pair(const char *primary, const char *shadow)
{
    if (rig.disks > 0)
        rig_free(&rig);
    ntpair_init(&rig, primary, shadow, "");
}

/* The lines of the screen between the primary's and the shadow's (`role` 0), or below the shadow's up to the first that
 * is not indented (1). */
static const char *beside(unsigned role)
{
    static char text[400];
    const char *from = strstr(rig.screen, role == 0 ? "  primary " : "  shadow ");
    if (from == NULL)
        fail_msg("no such half on the screen:\n%s", rig.screen);
    from = strchr(from, '\n') + 1;
    size_t bytes = 0;
    while (strncmp(from + bytes, "           ", 11) == 0)
        bytes += strcspn(from + bytes, "\n") + 1;
    if (bytes >= sizeof text)
        fail_msg("too much text:\n%s", from);
    memcpy(text, from, bytes);
    text[bytes] = '\0';
    return text;
}

static void expect(const char *primary, const char *shadow)
{
    assert_int_not_equal(rig_run(&rig), RIG_RETURNED);
    assert_string_equal(beside(0), primary);
    assert_string_equal(beside(1), shadow);
}

static void registries(void **state)
{
    (void)state;
    pair("fat-healthy", "fat-orphaned");
    expect("           \\WINNT: registry of 1998-03-01 00:00 UTC, written 7 times\n",
           "           \\WINNT: registry of 1998-03-04 00:00 UTC, written 40 times\n");
    pair("fat-healthy", "fat-unclean");
    rig.absent[0] = true;
    expect("", "           \\WINNT: registry of 1998-03-01 00:00 UTC, written 8 times, cut off\n");
}

static void logs(void **state)
{
    (void)state;
    pair("ntfs-no-nt", "ntfs-no-nt-newer");
    expect("           NTFS log at 1000\n", "           NTFS log at 1001\n");
    assert_true(rig_event(&rig, "role=primary path=\"\" written=\"\" sequence=0 log=1000 dirty=0"));
    pair("ntfs-orphaned", "ntfs-dirty");
    expect("           \\WINNT: registry of 1998-03-04 00:00 UTC, written 40 times\n           NTFS log at 2000\n",
           "           \\WINNT: registry of 1998-03-01 00:00 UTC, written 7 times\n           NTFS log at 1000\n"
           "           the volume was not shut down\n");
}

/* Where neither a registry nor a log speaks, all there is to see is which half was still in use. */
static void a_volume_in_use(void **state)
{
    (void)state;
    pair("fat-no-nt", "fat-no-nt");
    memdev_sector(&rig.disk[0], RIG_MEMBER_START)[0x25] |= 1;
    expect("           the volume was not shut down\n", "");
    assert_true(rig_event(&rig, "verdict set=1 state=split source=none"));
    assert_true(rig_event(&rig, "registry set=1 role=primary path=\"\" written=\"\" sequence=0 log=0 dirty=1"));
    assert_false(rig_event(&rig, "registry set=1 role=shadow"));
}

/* Nothing has to be decided: the screen stays short, and the event lines have it all. */
static void healthy(void **state)
{
    (void)state;
    pair("ntfs-dirty", "ntfs-dirty");
    expect("", "");
    for (unsigned role = 0; role < 2; role++)
        assert_true(rig_event(&rig, role == 0 ? "role=primary path=\"\\WINNT\" written=\"1998-03-01 00:00\" sequence=7 "
                                                "log=1000 dirty=1"
                                              : "role=shadow path=\"\\WINNT\" written=\"1998-03-01 00:00\" sequence=7 "
                                                "log=1000 dirty=1"));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(registries),
    TEST(logs),
    TEST(a_volume_in_use),
    TEST(healthy),
};

UNIT_MAIN(tests)
