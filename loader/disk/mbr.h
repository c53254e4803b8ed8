/* SPDX-License-Identifier: MIT */
/* Sector 0 and the extended partition's chain, decoded once into plain structs. Owns the MBR format (nt-facts 2 and 5;
 * Q114841, Q135308); knows nothing of mirrors. */
#ifndef DISK_MBR_H
#define DISK_MBR_H

#include <stdbool.h>

#include "disk/blockdev.h"

#define PARTITIONS_MAX 24u

#define MBR_SIGNATURE_OFFSET 0x1B8u
#define MBR_TABLE_OFFSET 0x1BEu
#define MBR_ENTRY_BYTES 16u
#define MBR_ENTRY_TYPE 4u
#define MBR_MARK_OFFSET 0x1FEu
#define MBR_ACTIVE 0x80u

#define TYPE_EXTENDED 0x05u
#define TYPE_EXTENDED_LBA 0x0Fu
#define TYPE_DYNAMIC 0x42u

struct partition {
    uint8_t number; /* ARC partition(): primaries first, then logical drives, from 1; empty and extended not counted */
    uint8_t type;
    bool active;
    bool logical;
    bool beyond_end;       /* ends past the end of the disk */
    uint16_t entry_offset; /* where its 16-byte entry stands: byte in the sector ... */
    uint32_t entry_lba;    /* ... and the sector: 0, or an EBR */
    uint32_t start_lba;    /* absolute */
    uint32_t sectors;
};

struct disk_table {
    uint32_t signature;
    enum status status; /* of the table as a whole: ST_OK, ST_CORRUPT, ST_UNSUPPORTED (dynamic disk), ST_IO, ... */
    enum site problem;  /* where status was born, if not ST_OK ... */
    uint32_t problem_lba;
    bool is_gpt;
    bool gpt_backup; /* the first header is damaged, and the copy at the end of the disk was used */
    unsigned count;  /* partitions that are trustworthy in spite of a problem further on */
    struct partition partition[PARTITIONS_MAX];
};

/** Decode the disk's table, its GPT if it has one. `sector0` is the already read sector 0 (512 bytes); the chain is
 * read through `device`. What could be decoded before a problem stays in `out`; `out->status` says whether it is the
 * whole truth. */
void mbr_read(struct blockdev *device, const uint8_t *sector0, struct disk_table *out);

/** For those who decode tables: add a partition, which gets the next number, or note why it cannot be. */
void table_add(struct disk_table *table, struct blockdev *device, const struct partition *found);

/** Note what is wrong with a table; the first problem stays. */
void table_problem(struct disk_table *table, struct blockdev *device, enum site site, enum status status, uint32_t lba);

/** Whether a sector carries 55 AA. */
bool mbr_has_mark(const uint8_t *sector);

/** The partition that starts at `start_lba` with `sectors`, or null. */
const struct partition *mbr_find(const struct disk_table *table, uint32_t start_lba, uint32_t sectors);

#endif
