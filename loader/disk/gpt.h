/* SPDX-License-Identifier: MIT */
/* GUID partition tables (UEFI specification 2.10, chapter 5), decoded into the same structs as an MBR's. Owns the
 * format: both headers, their checksums, and the copy at the end of the disk where the first one is bad. Knows no
 * mirrors. */
#ifndef DISK_GPT_H
#define DISK_GPT_H

#include "disk/mbr.h"

#define TYPE_GPT_PROTECTIVE 0xEEu

/* The types that GUIDs are told as; an MBR uses the same numbers. */
#define TYPE_ESP 0xEFu
#define TYPE_RAID 0xFDu
#define TYPE_LINUX 0x83u
#define TYPE_BASIC_DATA 0x07u
#define TYPE_OTHER TYPE_GPT_PROTECTIVE

/** Whether sector 0 says that the disk has a GPT: one entry of type EEh, beside which a hybrid MBR has others. */
bool gpt_is_announced(const uint8_t *sector0);

/** Decode the disk's GPT into `out`, which is cleared. Its signature is the CRC-32 of the disk's GUID. Partitions that
 * do not end before sector 2^32 - 1 are left out. `out->gpt_backup`: the first header or its list of partitions is
 * damaged, and the copy was used: where the first header says it is, or else at the end of the disk. */
void gpt_read(struct blockdev *device, struct disk_table *out);

#endif
