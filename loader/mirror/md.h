/* SPDX-License-Identifier: MIT */
/* Superblocks of Linux md, of the two kinds that lie at the end of a member, so that firmware can read its file system:
 * metadata 0.90 and 1.0 (kernel's md_p.h, mdadm's md(4)). Reads; judges nothing. */
#ifndef MIRROR_MD_H
#define MIRROR_MD_H

#include <stdbool.h>

#include "disk/blockdev.h"

#define MD_UUID_BYTES 16u
#define MD_ROLE_SPARE 0xFFFFu
#define MD_ROLE_FAULTY 0xFFFEu

struct md_member {
    uint8_t minor; /* of the metadata: 90 or 0 */
    uint8_t uuid[MD_UUID_BYTES];
    uint32_t level;     /* 1: a mirror */
    uint32_t disks;     /* the array has */
    uint64_t events;    /* counts every change of the array's state: the member with more of them went on longer */
    uint64_t updated_s; /* since 1970, UTC */
    uint32_t role;      /* this member's place in the array (below `disks`), MD_ROLE_SPARE or MD_ROLE_FAULTY */
    bool in_sync;       /* by its own account all of it was copied */
    bool other_faulty;  /* of two disks: by this one's account the other is faulty, or was taken out of the array */
};

/** Read the superblock of the member at `start_lba`, `sectors` long. Errors: ST_NOT_FOUND (there is none of these
 * kinds, or it is that of another device, which ends in the same place), ST_CORRUPT (its checksum does not fit), I/O.
 * `out` is zeros then. */
MUST_CHECK enum status md_read(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct md_member *out);

#endif
