/* SPDX-License-Identifier: MIT */
/* Evidence about two EFI system partitions that are to hold the same: Linux md's superblocks at their ends, and the
 * boot loader on each. All of the I/O, none of the judgement. */
#ifndef MIRROR_ESP_H
#define MIRROR_ESP_H

#include "mirror/facts.h"
#include "nt/workspace.h"

/* What a 64-bit firmware starts from a medium it knows nothing about (UEFI specification, 3.5). */
#define ESP_DEFAULT_PATH "\\EFI\\BOOT\\BOOTX64.EFI"

/** What is started from a half of this set. */
const char *esp_path(const struct mirror_set *set);

/** Look at both halves of a set of kind SET_ESP, add it to the facts in `survey` and decide again. `work` may be null:
 * then the loaders are not looked at. */
void esp_gather(const struct mirror_set *set, struct set_survey *survey, struct workspace *work);

#endif
