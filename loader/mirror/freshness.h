/* SPDX-License-Identifier: MIT */
/* Whether the disks are still what the boot disk was built for (F06): it is found out at every start, not on the day
 * the boot disk is needed. Compares tables; reads nothing. */
#ifndef MIRROR_FRESHNESS_H
#define MIRROR_FRESHNESS_H

#include "mirror/pair.h"

#define FRESHNESS_MAX 8u

enum outdated {
    OUTDATED_LAYOUT,      /* a disk was partitioned anew */
    OUTDATED_NEW_SET,     /* there is a mirror that the boot disk does not know */
    OUTDATED_LOST_MEMBER, /* a disk is there, but without the member's partition */
    OUTDATED_SYSTEM       /* Windows NT is no longer where it was */
};

struct freshness {
    unsigned count;
    struct {
        enum outdated kind;
        uint32_t signature; /* of the disk */
    } item[FRESHNESS_MAX];
};

/** A checksum over a disk's partitions: numbers, places and file system types. Fault-tolerance bits and the active flag
 * are left out, since breaking and starting a mirror change them. */
uint32_t freshness_layout(const struct disk_table *table);

/** Compare the disks with `config`. `out` is filled anew. */
void freshness_check(const struct inventory *inventory, const struct config *config, struct freshness *out);

/** Note one more thing, once. */
void freshness_add(struct freshness *freshness, enum outdated kind, uint32_t signature);

/** A sentence without its subject, such as "was partitioned anew". */
const char *outdated_text(enum outdated kind);

#endif
