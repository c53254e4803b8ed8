/* SPDX-License-Identifier: MIT */
/* The contents of a boot disk's files, made from what was found on the disks: BOOT.INI, MIRROR.INI, SAVED.BIN, the
 * empty journal and log. Makes bytes; writes no file. */
#ifndef MEDIA_H
#define MEDIA_H

#include "gather.h"

#define MEDIA_BOOTINI_BYTES 2048u
#define MEDIA_SAVED_SECTORS_MAX 192u
#define MEDIA_JOURNAL_SECTORS JOURNAL_MIN_SECTORS /* at least: the layout may make it longer */

/** BOOT.INI with an entry for every system and situation. `classic`: NTLDR is started by the boot sector, without the
 * loader's drive map. */
void media_boot_ini(const struct host_set *set, const struct gathered *gathered, bool classic, struct text *out);

/** SAVED.BIN: sector 0, the extended chain, the boot sectors and DISK\\Information of all disks (see docs/formats.md).
 * Returns the bytes used of `buffer`, which has MEDIA_SAVED_SECTORS_MAX sectors; 0 if a sector cannot be read. */
size_t media_saved(struct host_set *set, const struct nt_survey *survey, uint8_t *buffer);

#endif
