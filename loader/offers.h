/* SPDX-License-Identifier: MIT */
/* What the loader offers to do with what it has found, and what it does if nobody is there. Decides from struct loader
 * alone; does none of it and shows nothing. */
#ifndef OFFERS_H
#define OFFERS_H

#include "loader.h"
#include "ui/menu.h"

enum action { ACT_START, ACT_BREAK, ACT_PROMOTE, ACT_RETIRE, ACT_FINISH, ACT_UNDO, ACT_DRYRUN, ACT_COPY, ACT_RESTART };

struct choice {
    enum action action;
    enum role role;
};

struct choices {
    struct menu menu;
    struct choice choice[MENU_ITEMS_MAX];
};

/** Fill in the menu and what each of its lines stands for. */
void offers_make(struct loader *loader, struct choices *choices);

/** Whether the first mirror is one of EFI system partitions. */
bool offers_is_esp(const struct loader *loader);

/** Why this firmware cannot start a half of the first mirror; null if it can. */
const char *offers_cannot_start(const struct loader *loader);

/** Whether the mirror is broken before the start, if nobody interferes. Unattended nothing is changed that could not be
 * undone. */
bool offers_will_break(const struct loader *loader);

#endif
