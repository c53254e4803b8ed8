/* SPDX-License-Identifier: MIT */
/* base/text: formatting against the C library's, bounds, comparisons. */
#include "base/text.h"
#include "unit.h"

static void check_format(const char *expected, const char *got)
{
    assert_string_equal(got, expected);
}

#define SAME_AS_PRINTF(...)                                                                                            \
    do {                                                                                                               \
        char ours[128], theirs[128];                                                                                   \
        struct text text;                                                                                              \
        text_init(&text, ours, sizeof ours);                                                                           \
        text_add(&text, __VA_ARGS__);                                                                                  \
        (void)snprintf(theirs, sizeof theirs, __VA_ARGS__);                                                            \
        check_format(theirs, ours);                                                                                    \
        assert_int_equal(text.used_bytes, strlen(theirs));                                                             \
        assert_false(text.truncated);                                                                                  \
    } while (0)

static void numbers_match_printf(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0,          1,          9,          10,          15,          16,         65535,          65536,     99999,
        0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 4294967296u, 10000000000, 0xA7A7A7A7, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        unsigned small = (unsigned)values[i];
        unsigned long long big = values[i];
        SAME_AS_PRINTF("%u|%x|%08x|%5u|%02x", small, small, small, small, small);
        SAME_AS_PRINTF("%llu|%llx|%016llx", big, big, big);
    }
}

static void strings_match_printf(void **state)
{
    (void)state;
    SAME_AS_PRINTF("%s|%-8s|%c|%%|%-3s|", "abc", "de", 'x', "longer");
    SAME_AS_PRINTF("%s", "");
    SAME_AS_PRINTF("plain");
}

static void cuts_what_does_not_fit(void **state)
{
    (void)state;
    char buffer[8];
    memset(buffer, '#', sizeof buffer);
    struct text text;
    text_init(&text, buffer, 5);
    text_add(&text, "%s", "abcd");
    assert_false(text.truncated);
    text_add(&text, "%u", 77u);
    assert_true(text.truncated);
    assert_string_equal(buffer, "abcd");
    assert_memory_equal(buffer + 5, "###", 3);
    text_init(&text, buffer, 1);
    text_add(&text, "%08x", 1u);
    assert_string_equal(buffer, "");
    assert_true(text.truncated);
}

static void digits_and_case(void **state)
{
    (void)state;
    assert_int_equal(ascii_digit('0'), 0);
    assert_int_equal(ascii_digit('9'), 9);
    assert_int_equal(ascii_digit('a'), 10);
    assert_int_equal(ascii_digit('F'), 15);
    assert_int_equal(ascii_digit('z'), 35);
    for (const char *bad = "/:@[`{ \x80\xff"; *bad != '\0'; bad++)
        assert_int_equal(ascii_digit(*bad), 99);
    assert_int_equal(ascii_lower('Z'), 'z');
    assert_int_equal(ascii_lower('['), '[');
    assert_int_equal(ascii_lower('@'), '@');
    assert_true(text_same("BoOt", "bOoT", 4));
    assert_false(text_same("boot", "boos", 4));
    assert_true(text_same("boot", "boos", 3));
    assert_int_equal(text_length(""), 0);
    assert_int_equal(text_length("abc"), 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(numbers_match_printf),
    cmocka_unit_test(strings_match_printf),
    cmocka_unit_test(cuts_what_does_not_fit),
    cmocka_unit_test(digits_and_case),
};

UNIT_MAIN(tests)
