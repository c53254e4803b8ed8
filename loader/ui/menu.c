/* SPDX-License-Identifier: MIT */
/* The menu. */
#include "ui/menu.h"

#include "mirror/config.h"

#define SECOND_MS 1000u
#define LINE_BYTES 96u
#define CLEAR_LINE "                                                       \n" /* over the clock's line */

static void draw(const struct menu *menu, struct firmware *fw, unsigned marked)
{
    char line[LINE_BYTES];
    struct text text;
    for (unsigned i = 0; i < menu->count; i++) {
        text_init(&text, line, sizeof line);
        text_add(&text, " %c %u  %s\n", i == marked ? '>' : ' ', i + 1, menu->item[i]);
        fw->put(fw, line, i == marked ? COLOUR_BRIGHT : COLOUR_NORMAL);
    }
}

static void draw_clock(struct firmware *fw, unsigned left_s)
{
    char line[LINE_BYTES];
    struct text text;
    text_init(&text, line, sizeof line);
    text_add(&text, "Number 1 is taken in %u s. Any key stops the clock. \n", left_s);
    fw->put(fw, line, COLOUR_NORMAL);
}

/* Count down. Returns false when the time is out, true when a key stopped the clock. */
static bool was_stopped(struct firmware *fw, unsigned timeout_s, int *key)
{
    for (unsigned left = timeout_s; left > 0; left--) {
        if (left != timeout_s)
            fw->up(fw, 1);
        draw_clock(fw, left);
        *key = fw->key(fw, SECOND_MS);
        if (*key != KEY_NONE) {
            fw->up(fw, 1);
            fw->put(fw, CLEAR_LINE, COLOUR_NORMAL);
            fw->up(fw, 1);
            return true;
        }
    }
    return false;
}

/* One key. Returns the index it chose, or `count` if it only moved the mark. */
static unsigned press(const struct menu *menu, int key, unsigned *marked)
{
    if (key > '0' && key <= (int)('0' + menu->count))
        return (unsigned)(key - '1');
    if (key == KEY_ENTER)
        return *marked;
    if (key == KEY_UP && *marked > 0)
        --*marked;
    if (key == KEY_DOWN && *marked + 1 < menu->count)
        ++*marked;
    return menu->count;
}

unsigned menu_choose(const struct menu *menu, struct firmware *fw, int timeout_s)
{
    unsigned marked = 0;
    int key = KEY_NONE;
    if (menu->has_default && timeout_s == 0)
        return 0;
    draw(menu, fw, marked);
    if (menu->has_default && timeout_s != TIMEOUT_FOREVER) {
        if (!was_stopped(fw, (unsigned)timeout_s, &key))
            return 0;
    }
    fw->put(fw, "A number, or arrows and Enter.\n", COLOUR_NORMAL);
    for (;;) {
        unsigned before = marked;
        unsigned chosen = press(menu, key, &marked);
        if (chosen < menu->count)
            return chosen;
        if (marked != before) {
            fw->up(fw, menu->count + 1);
            draw(menu, fw, marked);
            fw->put(fw, "\n", COLOUR_NORMAL);
        }
        key = fw->key(fw, KEY_WAIT_FOREVER);
    }
}
