/* SPDX-License-Identifier: MIT */
/* What the loader tells a person and a machine: the screen's sentences and COM1's event lines, side by side so that
 * they cannot contradict each other. Shows; decides nothing. */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include "loader.h"

void screen_start(struct loader *loader);

/** Before a disk is touched for the first time, and when its first sector was read or not. */
void screen_disk_before(struct loader *loader, uint8_t drive);
void screen_disk(struct loader *loader, const struct disk *disk);

void screen_set(struct loader *loader, unsigned index);

/** What will be started and changed if nobody interferes. */
void screen_intention(struct loader *loader, bool will_break);

/** The failures of this run so far. */
void screen_errors(struct loader *loader);

void screen_boot(struct loader *loader);

/** One change; `state` is "planned", "done" or "undone". */
void screen_change(struct loader *loader, unsigned index, const char *state);

/** A sentence on the screen. */
void screen_say(struct loader *loader, const char *sentence, enum colour colour);

#endif
