/* SPDX-License-Identifier: MIT */
/* mirror/config: there and back, and every line that is not understood. */
#include "mirror/config.h"
#include "unit.h"

#define MEMBERS "primary=1a2b3c4d start 63 sectors 80000\nshadow=5e6f7a8b start 64 sectors 80001\n"

static struct config config;
static unsigned bad_line;

static enum status parse(const char *text)
{
    config_init(&config);
    return config_parse(text, strlen(text), &config, &bad_line);
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(""), ST_OK);
    assert_int_equal(config.timeout_s, 10);
    assert_int_equal(config.policy, BREAK_ASK);
    assert_true(config.serial);
    assert_false(config.retire);
    assert_int_equal(config.set_count, 0);
    assert_int_equal(config.system_set, 0);
    assert_int_equal(config.disk_count, 0);
}

static void reads_a_file(void **state)
{
    (void)state;
    assert_int_equal(
        parse("; comment\r\n\r\n[LOADER]\r\n\ttimeout=7 \r\nBreak=AUTO\r\nserial=none\r\n[set 1]\r\n" MEMBERS
              "[set 2]\n" MEMBERS "break=never"),
        ST_OK);
    assert_int_equal(config.timeout_s, 7);
    assert_int_equal(config.policy, BREAK_NEVER);
    assert_false(config.serial);
    assert_int_equal(config.set_count, 2);
    assert_int_equal(config.set[1].member[ROLE_PRIMARY].signature, 0x1A2B3C4D);
    assert_int_equal(config.set[1].member[ROLE_SHADOW].start_lba, 64);
    assert_int_equal(config.set[1].member[ROLE_SHADOW].sectors, 80001);
}

static void there_and_back(void **state)
{
    (void)state;
    static const int timeouts[] = {0, 1, 10, 999, TIMEOUT_FOREVER};
    for (unsigned i = 0; i < 5 * 3 * 2 * (SETS_MAX + 1); i++) {
        struct config original = {.timeout_s = timeouts[i % 5],
                                  .retire = i % 7 < 3,
                                  .policy = (enum break_policy)(i / 5 % 3),
                                  .serial = i / 15 % 2 != 0,
                                  .set_count = i / 30};
        for (unsigned set = 0; set < original.set_count; set++)
            for (unsigned role = 0; role < ROLE_COUNT; role++)
                original.set[set].member[role] = (struct member_id){0xFFFFFFFF - set - role, set * 100, 0xFFFFFFFF};
        char file[CONFIG_BYTES_MAX];
        struct text text;
        text_init(&text, file, sizeof file);
        config_write(&original, &text);
        assert_false(text.truncated);
        assert_int_equal(parse(file), ST_OK);
        assert_int_equal(config.timeout_s, original.timeout_s);
        assert_int_equal(config.policy, original.policy);
        assert_int_equal(config.serial, original.serial);
        assert_int_equal(config.retire, original.retire);
        assert_int_equal(config.set_count, original.set_count);
        assert_memory_equal(config.set, original.set, sizeof config.set);
    }
}

static void what_an_unattended_break_does_with_the_other_half(void **state)
{
    (void)state;
    assert_int_equal(parse("break=auto\nretire=yes\n"), ST_OK);
    assert_true(config.retire);
    assert_int_equal(parse("retire=yes\nRetire=NO\n"), ST_OK);
    assert_false(config.retire);
    assert_int_equal(parse("retire=no\nretire = yes\n"), ST_CORRUPT);
    assert_int_equal(bad_line, 2);
}

/* Who does not wish it reads nothing of it in the file. */
static void a_wish_that_nobody_has_is_not_written(void **state)
{
    (void)state;
    struct config original;
    char file[CONFIG_BYTES_MAX];
    struct text text;
    config_init(&original);
    text_init(&text, file, sizeof file);
    config_write(&original, &text);
    assert_null(strstr(file, "retire"));
    original.retire = true;
    text_init(&text, file, sizeof file);
    config_write(&original, &text);
    assert_non_null(strstr(file, "\r\nretire=yes\r\n"));
}

/* Where Windows NT is, and how the disks were partitioned: told by the tool that builds the boot disk. */
static void what_the_boot_disk_was_built_for(void **state)
{
    (void)state;
    assert_int_equal(parse("[loader]\r\nSystem= 2 \\My Folder\\WINNT \r\ndisk=1a2b3c4d layout 00c0ffee\r\n"
                           "disk=0 layout ffffffff\r\n[set 1]\r\n" MEMBERS "[set 2]\r\n" MEMBERS),
                     ST_OK);
    assert_int_equal(config.system_set, 2);
    assert_string_equal(config.system_path, "\\My Folder\\WINNT");
    assert_int_equal(config.disk_count, 2);
    assert_int_equal(config.disk[0].signature, 0x1A2B3C4D);
    assert_int_equal(config.disk[0].layout, 0xC0FFEE);
    assert_int_equal(config.disk[1].signature, 0);
    assert_int_equal(config.disk[1].layout, 0xFFFFFFFF);
}

static void what_was_built_for_there_and_back(void **state)
{
    (void)state;
    struct config original;
    char file[CONFIG_BYTES_MAX];
    struct text text;
    config_init(&original);
    original.set_count = original.system_set = SETS_MAX;
    for (unsigned set = 0; set < SETS_MAX; set++)
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            original.set[set].member[role] = (struct member_id){0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF};
    memset(original.system_path, 'W', sizeof original.system_path - 1);
    original.system_path[0] = '\\';
    original.disk_count = CONFIG_DISKS_MAX;
    for (unsigned i = 0; i < CONFIG_DISKS_MAX; i++)
        original.disk[i] = (struct disk_id){0xFFFFFFFF - i, 0x12345678 * i};
    text_init(&text, file, sizeof file);
    config_write(&original, &text); /* as long as it can be */
    assert_false(text.truncated);
    assert_int_equal(parse(file), ST_OK);
    assert_int_equal(config.system_set, SETS_MAX);
    assert_string_equal(config.system_path, original.system_path);
    assert_int_equal(config.disk_count, CONFIG_DISKS_MAX);
    assert_memory_equal(config.disk, original.disk, sizeof config.disk);
}

/* One letter more than fits, one disk more than is held, a set that is not there. */
static void too_much_of_it(void **state)
{
    (void)state;
    char text[1024];
    char path[CONFIG_PATH_BYTES + 1] = "\\";
    for (size_t bytes = CONFIG_PATH_BYTES - 1; bytes <= CONFIG_PATH_BYTES; bytes++) {
        memset(path + 1, 'W', bytes - 1);
        path[bytes] = '\0';
        (void)snprintf(text, sizeof text, "system=1 %s\n[set 1]\n" MEMBERS, path);
        assert_int_equal(parse(text), bytes < CONFIG_PATH_BYTES ? ST_OK : ST_CORRUPT);
    }
    assert_int_equal(bad_line, 1);
    text[0] = '\0';
    for (unsigned i = 0; i < CONFIG_DISKS_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "disk=%x layout 1\n", i);
    assert_int_equal(parse(text), ST_OK);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "disk=ff layout 1\n");
    assert_int_equal(parse(text), ST_CORRUPT);
    assert_int_equal(bad_line, CONFIG_DISKS_MAX + 1);
    assert_int_equal(parse("system=1 \\WINNT\n"), ST_CORRUPT);
    assert_int_equal(parse("system=2 \\WINNT\n[set 1]\n" MEMBERS), ST_CORRUPT);
}

static void every_bad_line_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"x",
                                      "[set 2]",
                                      "[set 0]",
                                      "[set]",
                                      "[set 1",
                                      "[set 1]x",
                                      "[sets 1]",
                                      "[loader",
                                      "[loader] x",
                                      "timeout=",
                                      "timeout=-1",
                                      "timeout=1000",
                                      "timeout=5s",
                                      "timeout=99999999999",
                                      "timeout",
                                      "timeout 5",
                                      "break=",
                                      "break=maybe",
                                      "break=ask auto",
                                      "break=asks",
                                      "retire",
                                      "retire=",
                                      "retire=maybe",
                                      "retire=yes no",
                                      "retire=yesno",
                                      "serial=com2",
                                      "serial=",
                                      "primary=1 start 63 sectors 9",
                                      "unknown=1",
                                      "system=",
                                      "system=0 \\WINNT",
                                      "system=5 \\WINNT",
                                      "system=1",
                                      "system=1 \\",
                                      "system=1 WINNT",
                                      "system=\\WINNT",
                                      "disk=",
                                      "disk=1a2b3c4d",
                                      "disk=1a2b3c4d layout",
                                      "disk=1a2b3c4d layout 1 x",
                                      "disk=1a2b3c4d layout 100000000",
                                      "disk=layout 1",
                                      "\x1a"};
    static const char *const bad_member[] = {"primary=0 start 63 sectors 9",
                                             "primary=1 start 63 sectors 0",
                                             "primary=1 start 63",
                                             "primary=1 start sectors 9",
                                             "primary=100000000 start 63 sectors 9",
                                             "primary=1 start 4294967296 sectors 9",
                                             "primary=1 start 63 sectors 9 x",
                                             "primary=1 start 6f sectors 9",
                                             "secondary=1 start 63 sectors 9"};
    char text[512];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(text, sizeof text, "; one\n[loader]\n%s\ntimeout=77\n", bad[i]);
        assert_int_equal(parse(text), ST_CORRUPT);
        assert_int_equal(bad_line, 3);
        assert_int_not_equal(config.timeout_s, 77); /* nothing behind it was read */
    }
    for (size_t i = 0; i < sizeof bad_member / sizeof bad_member[0]; i++) {
        (void)snprintf(text, sizeof text, "[set 1]\n%s\n", bad_member[i]);
        assert_int_equal(parse(text), ST_CORRUPT);
        assert_int_equal(bad_line, 2);
    }
}

static void incomplete_sets(void **state)
{
    (void)state;
    assert_int_equal(parse("[set 1]\nprimary=1 start 63 sectors 9\n"), ST_CORRUPT);
    assert_int_equal(parse("[set 1]\n" MEMBERS "[set 2]\nshadow=1 start 63 sectors 9\n"), ST_CORRUPT);
    assert_int_equal(parse("[set 1]\n"), ST_CORRUPT);
}

static void number_of_sets(void **state)
{
    (void)state;
    char text[2048] = "";
    for (unsigned set = 1; set <= SETS_MAX; set++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "[set %u]\n" MEMBERS, set);
    assert_int_equal(parse(text), ST_OK);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "[set %u]\n" MEMBERS, SETS_MAX + 1);
    assert_int_equal(parse(text), ST_CORRUPT);
    assert_int_equal(bad_line, 3 * SETS_MAX + 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(defaults),
    cmocka_unit_test(reads_a_file),
    cmocka_unit_test(there_and_back),
    cmocka_unit_test(every_bad_line_is_named),
    cmocka_unit_test(incomplete_sets),
    cmocka_unit_test(number_of_sets),
    cmocka_unit_test(what_an_unattended_break_does_with_the_other_half),
    cmocka_unit_test(a_wish_that_nobody_has_is_not_written),
    cmocka_unit_test(what_the_boot_disk_was_built_for),
    cmocka_unit_test(what_was_built_for_there_and_back),
    cmocka_unit_test(too_much_of_it),
};

UNIT_MAIN(tests)
