/* SPDX-License-Identifier: MIT */
/* base/text: formatting against the C library's, bounds, comparisons. */
#include "base/text.h"

#include <time.h>

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

static void check_time(uint64_t seconds_since_1601, uint64_t ticks)
{
    char ours[64], theirs[64];
    struct text text;
    struct tm date;
    time_t seconds = (time_t)(seconds_since_1601 - 11644473600u); /* of 1 January 1970 */
    assert_non_null(gmtime_r(&seconds, &date));
    assert_int_not_equal(strftime(theirs, sizeof theirs, "%Y-%m-%d %H:%M", &date), 0);
    text_init(&text, ours, sizeof ours);
    text_add_time(&text, seconds_since_1601 * 10000000u + ticks);
    check_format(theirs, ours);
    if (seconds < 0)
        return;
    text_init(&text, ours, sizeof ours);
    text_add_unix_time(&text, (uint64_t)seconds);
    check_format(theirs, ours);
}

/* Against the C library: the last tick of a minute and the first of the next, every few days for 700 years; then where
 * calendars go wrong. */
static void times_match_strftime(void **state)
{
    (void)state;
    static const uint64_t days[] = {0,     58,    59,    60,     364,    365,    36218,
                                    36583, 72683, 72743, 109207, 145730, 146096, 146097};
    for (uint64_t minute = 1; minute < 700u * 366 * 1440; minute += 4321) {
        check_time(minute * 60, 0);
        check_time(minute * 60 - 1, 9999999);
    }
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        check_time(days[i] * 86400, 0);
        check_time(days[i] * 86400 + 86399, 9999999);
    }
    check_time(UINT64_MAX / 10000000u, UINT64_MAX % 10000000u); /* the year 60056 */
}

static void times_by_hand(void **state)
{
    (void)state;
    char buffer[64];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add_time(&text, 0);
    check_format("1601-01-01 00:00", buffer);
    text_init(&text, buffer, sizeof buffer);
    text_add_time(&text, 125331840000000000u);
    check_format("1998-03-01 00:00", buffer);
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
    cmocka_unit_test(numbers_match_printf),   cmocka_unit_test(strings_match_printf),
    cmocka_unit_test(cuts_what_does_not_fit), cmocka_unit_test(digits_and_case),
    cmocka_unit_test(times_match_strftime),   cmocka_unit_test(times_by_hand),
};

UNIT_MAIN(tests)
