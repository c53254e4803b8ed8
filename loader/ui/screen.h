/* SPDX-License-Identifier: MIT */
/* What the loader tells a person and a machine: the screen's sentences and COM1's event lines, side by side so that
 * they cannot contradict each other. Shows; decides nothing. */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include "change/break.h"
#include "loader.h"

void screen_start(struct loader *loader);

/** Before a disk is touched for the first time, and when its first sector was read or not. */
void screen_disk_before(struct loader *loader, uint8_t drive);
void screen_disk(struct loader *loader, const struct disk *disk);
void screen_disk_unsupported(struct loader *loader, uint8_t drive);

void screen_set(struct loader *loader, unsigned index);

/** What will be started and changed if nobody interferes; ROLE_NONE: nothing. */
void screen_intention(struct loader *loader, enum role source, bool will_break);

/** The loader has looked, and starts nothing until somebody presses a key. */
void screen_end(struct loader *loader, const char *why);

/** This firmware starts no half. */
void screen_cannot_start(struct loader *loader, const char *why);

/** How far one EFI system partition was brought up to date. */
void screen_copied(struct loader *loader, enum role to, unsigned files, enum status status);

/** The failures of this run so far. */
void screen_errors(struct loader *loader);

void screen_boot(struct loader *loader);

/** One change; `state` is "planned", "done" or "undone". */
void screen_change(struct loader *loader, unsigned index, const char *state);

/** Why the registry is not part of a break. */
void screen_obstacle(struct loader *loader, const struct break_job *job);

/** Which drive letters the halves will have. */
void screen_letters(struct loader *loader, const struct break_job *job);

/** A rule that forbids a change, and a remark about one. */
void screen_refusal(struct loader *loader, const char *why);
void screen_note(struct loader *loader, const char *note);

/** What has changed since the boot disk was built; nothing if nothing has. */
void screen_freshness(struct loader *loader);

/** One file of a dry run: only what is wrong is shown. */
void screen_dryrun_file(struct loader *loader, enum dryrun_mark mark, const char *path, const char *what);
void screen_dryrun(struct loader *loader, enum role role, const struct dryrun *run, enum dryrun_result result);

/** A sentence on the screen. */
void screen_say(struct loader *loader, const char *sentence, enum colour colour);

#endif
