/* SPDX-License-Identifier: MIT */
/* nt/bootini: files of real life, byte for byte. */
#include "nt/bootini.h"
#include "unit.h"

#define ENTRY "multi(0)disk(0)rdisk(0)partition(1)\\WINNT"

static struct bootini ini;

static void parse(const char *text)
{
    assert_int_equal(bootini_parse(text, strlen(text), &ini), ST_OK);
}

static void round_trip(const char *file)
{
    char bytes[4096];
    char back[4096];
    struct text text;
    FILE *stream = fopen(file, "rb");
    assert_non_null(stream);
    size_t size = fread(bytes, 1, sizeof bytes, stream);
    (void)fclose(stream);
    assert_in_range(size, 1, sizeof bytes - 1);
    assert_int_equal(bootini_parse(bytes, size, &ini), ST_OK);
    text_init(&text, back, sizeof back);
    bootini_write(&ini, &text);
    assert_int_equal(text.used_bytes, size);
    assert_memory_equal(back, bytes, size);
}

static void byte_for_byte(void **state)
{
    (void)state;
    round_trip("tests/fuzz/corpus/bootini-nt4.ini");
    round_trip("tests/fuzz/corpus/bootini-2000.ini");
    round_trip("tests/fuzz/corpus/mirror-two-sets.ini");
}

static unsigned count(enum bootini_kind kind)
{
    unsigned found = 0;
    for (unsigned i = 0; i < ini.count; i++)
        found += ini.line[i].kind == kind;
    return found;
}

static void understands_what_ntldr_reads(void **state)
{
    (void)state;
    struct arc_path path;
    round_trip("tests/fuzz/corpus/bootini-nt4.ini");
    assert_int_equal(count(BOOTINI_ENTRY), 3);
    assert_int_equal(count(BOOTINI_DEFAULT), 1);
    assert_int_equal(count(BOOTINI_SECTION), 2);
    assert_int_equal(bootini_timeout_s(&ini), 30);
    assert_int_equal(bootini_path(&ini.line[2], &path), ST_OK);
    assert_string_equal(path.directory, "\\WINNT");
    assert_int_equal(bootini_path(&ini.line[4], &path), ST_OK);
    assert_string_equal(path.directory, "\\WINNT");
    assert_int_equal(bootini_path(&ini.line[6], &path), ST_NOT_FOUND);
    assert_memory_equal(ini.line[4].value.at, "\"Windows NT Server Version 4.00\"", ini.line[4].value.bytes);
    round_trip("tests/fuzz/corpus/bootini-2000.ini");
    assert_int_equal(count(BOOTINI_ENTRY), 3); /* the vendor's section is none of ours */
    assert_int_equal(bootini_timeout_s(&ini), -1);
}

static void timeouts(void **state)
{
    (void)state;
    parse("[boot loader]\ntimeout=0\n");
    assert_int_equal(bootini_timeout_s(&ini), 0);
    parse("[Boot Loader]\r\n TimeOut = 25 \r\n");
    assert_int_equal(bootini_timeout_s(&ini), 25);
    parse("[operating systems]\ntimeout=5\n");
    assert_int_equal(bootini_timeout_s(&ini), 30);
    parse("timeout=5\n");
    assert_int_equal(bootini_timeout_s(&ini), 30);
    parse("[boot loader]\ntimeout=99999999999999999999\n");
    assert_true(bootini_timeout_s(&ini) > 30);
    parse("");
    assert_int_equal(bootini_timeout_s(&ini), 30);
}

static void odd_lines(void **state)
{
    (void)state;
    parse("[operating systems]\n=nokey\n;" ENTRY "=\"comment\"\n\n  \t\r\n" ENTRY "\n" ENTRY "=last");
    assert_int_equal(ini.count, 7);
    assert_int_equal(count(BOOTINI_ENTRY), 1);
    assert_int_equal(ini.line[6].kind, BOOTINI_ENTRY);
    assert_int_equal(ini.line[6].value.bytes, 4);
}

/* The option of the only entry. */
static const char *option(const char *value, enum status expected)
{
    static char name[8];
    char text[160];
    (void)snprintf(text, sizeof text, "[operating systems]\n" ENTRY "=%s", value);
    parse(text);
    assert_int_equal(bootini_option(&ini.line[1], "/HAL=", name, sizeof name), expected);
    return name;
}

static void options_of_an_entry(void **state)
{
    (void)state;
    assert_string_equal(option("\"NT\" /HAL=a.dll", ST_OK), "a.dll");
    assert_string_equal(option("\"NT\" /sos /hal=a.dll /HAL=b.dll", ST_OK), "a.dll");
    assert_string_equal(option("\"NT\"/hal=a.dll/sos", ST_OK), "a.dll");
    assert_string_equal(option("NT /HAL=1234567", ST_OK), "1234567");
    assert_string_equal(option("\"NT\" /HAL=12345678", ST_NO_SPACE), "");
    option("\"NT /HAL=a.dll\"", ST_NOT_FOUND);
    option("\"NT /HAL=a.dll", ST_NOT_FOUND);
    option("\"NT\" /HAL=", ST_NOT_FOUND);
    option("\"NT\" /HAL= a.dll", ST_NOT_FOUND);
    assert_string_equal(option("\"NT\" /HAL=a\tb", ST_OK), "a");
    option("\"NT\" /HA", ST_NOT_FOUND);
    option("", ST_NOT_FOUND);
}

static void the_entry_of_the_default(void **state)
{
    (void)state;
    parse("[boot loader]\ndefault=multi(0)disk(0)rdisk(1)partition(1)\\WINNT\n[operating systems]\n" ENTRY "=a\n"
          "MULTI(0)disk(0)rdisk(1)partition(1)\\winnt = b\nmulti(0)disk(0)rdisk(1)partition(1)\\WINNT=c\n");
    assert_ptr_equal(bootini_entry_of(&ini, &ini.line[1]), &ini.line[4]);
    assert_ptr_equal(bootini_entry_of(&ini, &ini.line[3]), &ini.line[3]);
    parse("[boot loader]\ndefault=C:\\\n[operating systems]\n" ENTRY "=a\n");
    assert_null(bootini_entry_of(&ini, &ini.line[1]));
}

static void limit_of_lines(void **state)
{
    (void)state;
    char text[BOOTINI_LINES_MAX + 1];
    memset(text, '\n', sizeof text);
    assert_int_equal(bootini_parse(text, BOOTINI_LINES_MAX, &ini), ST_OK);
    assert_int_equal(ini.count, BOOTINI_LINES_MAX);
    assert_int_equal(bootini_parse(text, BOOTINI_LINES_MAX + 1, &ini), ST_NO_SPACE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(byte_for_byte),
    cmocka_unit_test(understands_what_ntldr_reads),
    cmocka_unit_test(timeouts),
    cmocka_unit_test(odd_lines),
    cmocka_unit_test(options_of_an_entry),
    cmocka_unit_test(the_entry_of_the_default),
    cmocka_unit_test(limit_of_lines),
};

UNIT_MAIN(tests)
