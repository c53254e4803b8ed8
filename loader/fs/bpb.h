/* SPDX-License-Identifier: MIT */
/* What a boot sector says of the disk it is on: hidden sectors, geometry, drive number (nt-facts 8). A mirrored one
 * says it of its twin's (A10, A11, A12). Mends a copy in memory; reads and writes nothing. */
#ifndef FS_BPB_H
#define FS_BPB_H

#include <stdbool.h>

#include "disk/inventory.h"

/** Make `sector` speak of a volume at `start_lba` of drive 80h; without heads the geometry stays. A sector that does
 * not describe FAT or NTFS with sectors of 512 bytes is left alone. */
void bpb_mend(uint8_t *sector, uint32_t start_lba, const struct geometry *geometry);

/** Whether a boot sector can be started: 55AA, it begins with a jump, and does not say itself that it starts nothing,
 * as those of mkfs.fat and mkntfs do. */
bool bpb_is_bootable(const uint8_t *sector);

/** Whether a text stands anywhere in it. */
bool bpb_has_text(const uint8_t *sector, const char *text);

/** Where the volume at `start_lba` may keep copy number `index` of its boot sector: FAT32 where the sector says, NTFS
 * behind its last sector (4.0) or in the middle (3.x; Q153973, Q121517). Returns false when there is no such place. */
bool bpb_backup(const uint8_t *sector, uint32_t start_lba, unsigned index, uint64_t *lba);

/** Whether `copy` is a copy of `sector`, whatever disk each of them speaks of. */
bool bpb_is_copy(const uint8_t *sector, const uint8_t *copy);

#endif
