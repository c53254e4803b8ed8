/* SPDX-License-Identifier: MIT */
/* ui/menu: keys in, a choice out; the clock. */
#include "mirror/config.h"
#include "ui/menu.h"
#include "unit.h"

static int keys[16]; /* 0: the second passes without a key */
static unsigned key_count;
static unsigned key_next;
static unsigned waits;
static unsigned waits_forever;
static char shown[4096];
static int ups;

static void put(struct firmware *fw, const char *text, enum colour colour)
{
    (void)fw;
    (void)colour;
    assert_true(strlen(shown) + strlen(text) < sizeof shown);
    strcat(shown, text);
}

static void up(struct firmware *fw, unsigned lines)
{
    (void)fw;
    ups += (int)lines;
}

static int key(struct firmware *fw, uint32_t wait_ms)
{
    (void)fw;
    waits++;
    waits_forever += wait_ms == KEY_WAIT_FOREVER;
    assert_true(wait_ms == KEY_WAIT_FOREVER || wait_ms == 1000);
    if (key_next < key_count)
        return keys[key_next++];
    assert_true(wait_ms != KEY_WAIT_FOREVER);
    return KEY_NONE;
}

static struct firmware fw = {.put = put, .up = up, .key = key};
static struct menu menu;

static unsigned choose(unsigned items, bool has_default, int timeout_s, unsigned count, const int *pressed)
{
    menu = (struct menu){.count = items, .has_default = has_default};
    for (unsigned i = 0; i < items; i++)
        (void)snprintf(menu.item[i], MENU_ITEM_BYTES, "Item %c", 'A' + (int)i);
    key_count = count;
    key_next = waits = waits_forever = 0;
    ups = 0;
    shown[0] = '\0';
    memcpy(keys, pressed, count * sizeof keys[0]);
    return menu_choose(&menu, &fw, timeout_s);
}

#define CHOOSE(items, has_default, timeout_s, ...)                                                                     \
    choose(items, has_default, timeout_s, sizeof((int[]){__VA_ARGS__}) / sizeof(int), (int[]){__VA_ARGS__})

static void the_clock_runs_out(void **state)
{
    (void)state;
    assert_int_equal(choose(3, true, 5, 0, keys), 0);
    assert_int_equal(waits, 5);
    assert_non_null(strstr(shown, "in 5 s"));
    assert_non_null(strstr(shown, "in 1 s"));
    assert_null(strstr(shown, "in 0 s"));
    assert_in_range(ups, 4, 6); /* each line of the clock is drawn over the one before */
}

static void no_time_no_menu(void **state)
{
    (void)state;
    assert_int_equal(choose(3, true, 0, 0, keys), 0);
    assert_int_equal(waits, 0);
    assert_string_equal(shown, "");
}

static void numbers(void **state)
{
    (void)state;
    assert_int_equal(CHOOSE(3, true, 5, '3'), 2);
    assert_int_equal(CHOOSE(3, true, 5, 0, 0, '1'), 0);
    assert_int_equal(CHOOSE(3, true, 5, '4', '0', 'x', 27, '2'), 1);
    assert_int_equal(CHOOSE(9, false, TIMEOUT_FOREVER, '9'), 8);
    assert_int_equal(CHOOSE(1, false, TIMEOUT_FOREVER, '2', '/', ':', '1'), 0);
}

static void any_key_stops_the_clock(void **state)
{
    (void)state;
    assert_int_equal(CHOOSE(3, true, 5, 0, 'x', KEY_ENTER), 0);
    assert_int_equal(waits, 3);
    assert_int_equal(waits_forever, 1);
}

static void arrows(void **state)
{
    (void)state;
    assert_int_equal(CHOOSE(3, true, 5, KEY_DOWN, KEY_ENTER), 1);
    assert_int_equal(CHOOSE(3, true, 5, KEY_DOWN, KEY_DOWN, KEY_DOWN, KEY_DOWN, KEY_ENTER), 2);
    assert_int_equal(CHOOSE(3, true, 5, KEY_UP, KEY_ENTER), 0);
    assert_int_equal(CHOOSE(3, true, 5, KEY_DOWN, KEY_DOWN, KEY_UP, KEY_ENTER), 1);
    assert_non_null(strstr(shown, " > 3  Item C"));
}

static void no_default_waits_for_ever(void **state)
{
    (void)state;
    assert_int_equal(CHOOSE(2, false, 5, '2'), 1);
    assert_int_equal(waits_forever, 1);
    assert_int_equal(CHOOSE(2, false, 0, '2'), 1);
    assert_int_equal(CHOOSE(2, true, TIMEOUT_FOREVER, '2'), 1);
    assert_int_equal(waits_forever, 1);
    assert_null(strstr(shown, "clock"));
}

static void shows_all_items_and_marks_one(void **state)
{
    (void)state;
    (void)CHOOSE(9, true, 5, '1');
    assert_non_null(strstr(shown, " > 1  Item A\n   2  Item B\n"));
    assert_non_null(strstr(shown, "   9  Item I\n"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_clock_runs_out),
    cmocka_unit_test(no_time_no_menu),
    cmocka_unit_test(numbers),
    cmocka_unit_test(any_key_stops_the_clock),
    cmocka_unit_test(arrows),
    cmocka_unit_test(no_default_waits_for_ever),
    cmocka_unit_test(shows_all_items_and_marks_one),
};

UNIT_MAIN(tests)
