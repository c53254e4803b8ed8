/* SPDX-License-Identifier: MIT */
/* The contents of a boot disk's files, made from what was found on the disks: BOOT.INI, MIRROR.INI, SAVED.BIN, the
 * empty journal and log. Makes bytes; writes no file. */
#ifndef MEDIA_H
#define MEDIA_H

#include "hostset.h"

#define MEDIA_BOOTINI_BYTES 2048u
#define MEDIA_SAVED_SECTORS_MAX 64u
#define MEDIA_JOURNAL_SECTORS 56u /* at least: the layout may make it longer */

/* What the person gave to be copied, and knows about the installation. */
struct media_options {
    const char *nt_path; /* such as \WINNT */
    bool has_ntbootdd;
    bool has_bootsect;
    bool classic; /* NTLDR is started by the boot sector, without the loader's drive map */
};

/** BOOT.INI with an entry for every situation. */
void media_boot_ini(const struct host_set *set, const struct media_options *options, struct text *out);

/** SAVED.BIN: sector 0, the extended chain and the members' boot sectors of all disks (see docs/saved.md).
 * Returns the bytes used of `buffer`, which has MEDIA_SAVED_SECTORS_MAX sectors; 0 if a sector cannot be read. */
size_t media_saved(struct host_set *set, uint8_t *buffer);

#endif
