/* SPDX-License-Identifier: MIT */
/* base/unicode: the examples of RFC 3629, text that is no UTF-8, and letters whose case people know. */
#include "base/unicode.h"
#include "unit.h"

static void check_units(const char *text, const uint16_t *expected, size_t count)
{
    struct units units = units_of(text, strlen(text));
    uint16_t unit;
    for (size_t i = 0; i < count; i++) {
        assert_true(units_take(&units, &unit));
        assert_int_equal(unit, expected[i]);
    }
    assert_false(units_take(&units, &unit));
    assert_false(units_take(&units, &unit));
}

#define CHECK(text, ...)                                                                                               \
    do {                                                                                                               \
        static const uint16_t expected[] = {__VA_ARGS__};                                                              \
        check_units(text, expected, sizeof expected / sizeof expected[0]);                                             \
    } while (0)

static void utf8_becomes_utf16(void **state)
{
    (void)state;
    check_units("", NULL, 0);
    CHECK("\x41\xE2\x89\xA2\xCE\x91\x2E", 0x0041, 0x2262, 0x0391, 0x002E);
    CHECK("\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4", 0xD55C, 0xAD6D, 0xC5B4);
    CHECK("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", 0x65E5, 0x672C, 0x8A9E);
    CHECK("\xEF\xBB\xBF\xF0\xA3\x8E\xB4", 0xFEFF, 0xD84C, 0xDFB4);
    CHECK("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF", 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF);
    CHECK("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 0xD800, 0xDC00, 0xDBFF, 0xDFFF);
}

static void what_is_no_utf8_is_replaced(void **state)
{
    (void)state;
    CHECK("a\x80z", 'a', 0xFFFD, 'z');
    CHECK("a\xC3", 'a', 0xFFFD);
    CHECK("\xE2\x89", 0xFFFD, 0xFFFD);
    CHECK("\xE2\x89z", 0xFFFD, 0xFFFD, 'z');
    CHECK("\xF0\xA3\x8Ez", 0xFFFD, 0xFFFD, 0xFFFD, 'z');
    CHECK("\xC0\xAF", 0xFFFD, 0xFFFD);             /* '/' in two bytes */
    CHECK("\xE0\x80\xAF", 0xFFFD, 0xFFFD, 0xFFFD); /* and in three */
    CHECK("\xF0\x80\x80\xAF", 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD);
    CHECK("\xED\xA0\x80", 0xFFFD, 0xFFFD, 0xFFFD); /* half of a pair */
    CHECK("\xF4\x90\x80\x80", 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD);
    CHECK("\xFE\xFF", 0xFFFD, 0xFFFD);
}

static void nothing_is_read_past_the_end(void **state)
{
    (void)state;
    char *exact = malloc(3); /* the sanitizer sees a byte too many */
    assert_non_null(exact);
    memcpy(exact, "a\xF0\xA3", 3);
    struct units units = units_of(exact, 3);
    uint16_t unit;
    unsigned count = 0;
    while (units_take(&units, &unit))
        count++;
    assert_int_equal(count, 3);
    free(exact);
}

static void utf16_becomes_utf8(void **state)
{
    (void)state;
    static const uint8_t units[] = {0x41, 0x00, 0x62, 0x22, 0x91, 0x03, 0x4C, 0xD8, 0xB4, 0xDF, 0xFC, 0x00};
    static const uint8_t halves[] = {0x4C, 0xD8, 'x', 0, 0xB4, 0xDF, 0x4C, 0xD8};
    char buffer[40];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add(&text, "=");
    utf16_add(&text, units, 6);
    assert_string_equal(buffer, "=A\xE2\x89\xA2\xCE\x91\xF0\xA3\x8E\xB4\xC3\xBC");
    text_init(&text, buffer, sizeof buffer);
    utf16_add(&text, halves, 4);
    assert_string_equal(buffer, "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD");
    static const uint8_t edges[] = {0x7F, 0, 0x80, 0, 0xFF, 0x07, 0x00, 0x08, 0xFF, 0xFF, 0x00, 0xD8, 0x00, 0xE0};
    text_init(&text, buffer, sizeof buffer);
    utf16_add(&text, edges, 7); /* the shortest and longest of each length, and half of a pair before what is no half */
    assert_string_equal(buffer, "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xEF\xBF\xBD\xEE\x80\x80");
    text_init(&text, buffer, 4);
    utf16_add(&text, units, 6);
    assert_true(text.truncated);
}

static void check_pair(uint16_t upper, uint16_t lower)
{
    assert_int_equal(unicode_upper(lower), upper);
    assert_int_equal(unicode_upper(upper), upper);
}

static void letters_have_an_upper_case(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 26; i++)
        check_pair((uint16_t)('A' + i), (uint16_t)('a' + i));
    check_pair(0xC4, 0xE4); /* German, Icelandic, French */
    check_pair(0xD6, 0xF6);
    check_pair(0xDE, 0xFE);
    check_pair(0x178, 0xFF);
    check_pair(0x104, 0x105); /* Polish, Hungarian, Turkish, Czech */
    check_pair(0x150, 0x151);
    check_pair(0x15E, 0x15F);
    check_pair(0x132, 0x133);
    check_pair(0x136, 0x137);
    check_pair(0x139, 0x13A);
    check_pair(0x147, 0x148);
    check_pair(0x17D, 0x17E);
    check_pair(0x391, 0x3B1); /* alpha, sigma, omega */
    check_pair(0x3A3, 0x3C3);
    check_pair(0x3A9, 0x3C9);
    check_pair(0x410, 0x430); /* Russian, Ukrainian */
    check_pair(0x42F, 0x44F);
    check_pair(0x401, 0x451);
    check_pair(0x40F, 0x45F);
    check_pair(0x490, 0x491);
}

static void what_has_no_case_stays(void **state)
{
    (void)state;
    static const uint16_t same[] = {0,     '@',   '[',   '`',   '{',    '0',    0xD7,   0xF7,   0xDF,   0x130, 0x131,
                                    0x138, 0x149, 0x3C2, 0x5D0, 0x3042, 0x4E00, 0xD84C, 0xDFB4, 0xFFFD, 0xFFFF};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_int_equal(unicode_upper(same[i]), same[i]);
    for (unsigned unit = 0; unit < 0x10000; unit++) { /* an upper case is its own */
        uint16_t upper = unicode_upper((uint16_t)unit);
        assert_int_equal(unicode_upper(upper), upper);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(utf8_becomes_utf16),           cmocka_unit_test(what_is_no_utf8_is_replaced),
    cmocka_unit_test(nothing_is_read_past_the_end), cmocka_unit_test(utf16_becomes_utf8),
    cmocka_unit_test(letters_have_an_upper_case),   cmocka_unit_test(what_has_no_case_stays),
};

UNIT_MAIN(tests)
