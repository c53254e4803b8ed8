/* SPDX-License-Identifier: MIT */
/* Two disks with one mirror on which Windows NT is installed: the volumes come from tests/rig/ntdisks.py, the tables
 * around them are written by hand. Knows nothing of what the volumes say. */
#ifndef RIG_NTPAIR_H
#define RIG_NTPAIR_H

#include "rigfw.h"

#define NTPAIR_SECTORS 5000u /* of a volume; ntdisks.py says the same */
#define NTPAIR_DISK_SECTORS 5100u

/** Read a volume of ntdisks.py, such as "fat-healthy", into the sectors of `disk` from `start_lba` on. */
void ntpair_load(struct memdev *disk, uint32_t start_lba, const char *volume);

/** The machine of rig_mirror, but with these volumes as its halves (type 86h or 87h), and `lines` in [loader] of its
 * MIRROR.INI (null: there is no MIRROR.INI). */
void ntpair_init(struct rigfw *rig, const char *primary, const char *shadow, const char *lines);

/** The first byte of the first (`which` 0), second ... place in the sectors of a disk that begins with `bytes`, on a
 * sector boundary if `aligned`. Ends the test if there is none. */
uint8_t *ntpair_find(struct memdev *disk, const void *bytes, size_t count, unsigned which, bool aligned);

#endif
