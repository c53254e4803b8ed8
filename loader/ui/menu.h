/* SPDX-License-Identifier: MIT */
/* A menu: lines to choose from, one of them marked, a clock that any key stops. Works over the four console calls of a
 * firmware, so it looks the same on a screen and on a serial line. Knows nothing of what the choices mean. */
#ifndef UI_MENU_H
#define UI_MENU_H

#include "fw.h"

#define MENU_ITEMS_MAX 9u
#define MENU_ITEM_BYTES 76u

struct menu {
    unsigned count;
    char item[MENU_ITEMS_MAX][MENU_ITEM_BYTES];
    bool has_default; /* item 0 is taken when the time is out; otherwise the menu waits for ever */
};

/** Show the menu and return the index chosen. `timeout_s` as in MIRROR.INI. */
unsigned menu_choose(const struct menu *menu, struct firmware *fw, int timeout_s);

#endif
