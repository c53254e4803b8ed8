/* SPDX-License-Identifier: MIT */
/* nt/arcpath: there and back, and what is no ARC path. */
#include "nt/arcpath.h"
#include "unit.h"

static void round_trip(const char *path, const char *expected, enum arc_kind kind)
{
    char back[160];
    struct arc_path parsed;
    struct text text;
    assert_int_equal(arc_parse(path, strlen(path), &parsed), ST_OK);
    assert_int_equal(parsed.kind, kind);
    text_init(&text, back, sizeof back);
    arc_format(&text, &parsed);
    assert_string_equal(back, expected);
}

static void there_and_back(void **state)
{
    (void)state;
    round_trip("multi(0)disk(0)rdisk(1)partition(2)\\WINNT", "multi(0)disk(0)rdisk(1)partition(2)\\WINNT", ARC_MULTI);
    round_trip("MULTI(0)Disk(0)RDisk(1)PARTITION(2)", "multi(0)disk(0)rdisk(1)partition(2)", ARC_MULTI);
    round_trip("scsi(1)disk(35)rdisk(0)partition(1)\\", "scsi(1)disk(35)rdisk(0)partition(1)\\", ARC_SCSI);
    round_trip("signature(8B467C12)disk(0)rdisk(0)partition(1)\\W", "signature(8b467c12)disk(0)rdisk(0)partition(1)\\W",
               ARC_SIGNATURE);
    round_trip("signature(1)disk(0)rdisk(0)partition(1)", "signature(00000001)disk(0)rdisk(0)partition(1)",
               ARC_SIGNATURE);
    round_trip("multi()disk()rdisk()partition()", "multi(0)disk(0)rdisk(0)partition(0)", ARC_MULTI);
    round_trip("multi(4294967295)disk(0)rdisk(0)partition(1)", "multi(4294967295)disk(0)rdisk(0)partition(1)",
               ARC_MULTI);
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "C:\\",
                                      "multi",
                                      "multi(0",
                                      "multi(0)",
                                      "multi(a)disk(0)rdisk(0)partition(1)",
                                      "multi(-1)disk(0)rdisk(0)partition(1)",
                                      "multi(4294967296)disk(0)rdisk(0)partition(1)",
                                      "signature(100000000)disk(0)rdisk(0)partition(1)",
                                      "signature(1g)disk(0)rdisk(0)partition(1)",
                                      "multi(0)rdisk(0)partition(1)",
                                      "multi(0)disk(0)rdisk(0)partition(1)WINNT",
                                      " multi(0)disk(0)rdisk(0)partition(1)",
                                      "multi(0)disk(0)rdisk(0)partition(1"};
    struct arc_path parsed;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(arc_parse(bad[i], strlen(bad[i]), &parsed), ST_CORRUPT);
}

static void every_prefix_ends(void **state)
{
    (void)state;
    static const char whole[] = "signature(8b467c12)disk(0)rdisk(0)partition(1)";
    struct arc_path parsed;
    for (size_t bytes = 0; bytes < sizeof whole - 1; bytes++) {
        char *exact = malloc(bytes + 1); /* so that the sanitizer sees a byte too many */
        memcpy(exact, whole, bytes);
        assert_int_equal(arc_parse(exact, bytes, &parsed), ST_CORRUPT);
        free(exact);
    }
}

static void directory_length(void **state)
{
    (void)state;
    char path[256] = "multi(0)disk(0)rdisk(0)partition(1)\\";
    size_t head = strlen(path) - 1;
    struct arc_path parsed;
    memset(path + head + 1, 'x', ARC_DIRECTORY_MAX);
    assert_int_equal(arc_parse(path, head + ARC_DIRECTORY_MAX - 1, &parsed), ST_OK);
    assert_int_equal(strlen(parsed.directory), ARC_DIRECTORY_MAX - 1);
    assert_int_equal(arc_parse(path, head + ARC_DIRECTORY_MAX, &parsed), ST_NO_SPACE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(there_and_back),
    cmocka_unit_test(refused),
    cmocka_unit_test(every_prefix_ends),
    cmocka_unit_test(directory_length),
};

UNIT_MAIN(tests)
