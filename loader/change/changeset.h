/* SPDX-License-Identifier: MIT */
/* A change set: what would be written, as data. Whole sectors, old and new, each with its reason; made by pure
 * functions, so that it can be shown, journaled, applied and undone. Writes nothing. */
#ifndef CHANGE_CHANGESET_H
#define CHANGE_CHANGESET_H

#include "base/bytes.h"
#include "base/status.h"

/* A break of one set on NTFS takes seven; SYSTEM and SYSTEM.ALT with large records, several sets or installations more.
 */
#define CHANGES_MAX 32u
#define CHANGE_WHY_BYTES 96u
#define CHANGE_ID_BYTES 4u

struct change {
    uint32_t signature; /* of the disk */
    uint64_t lba;
    char why[CHANGE_WHY_BYTES]; /* NUL-terminated */
    char id[CHANGE_ID_BYTES];   /* of the failure mode it cures, or empty */
    uint8_t old_bytes[SECTOR_BYTES];
    uint8_t new_bytes[SECTOR_BYTES];
};

struct changeset {
    unsigned count;
    struct change change[CHANGES_MAX];
};

/** The change planned for a sector, or null. */
const struct change *changeset_find(const struct changeset *set, uint32_t signature, uint64_t lba);

/** Plan one byte: `sector` is what the disk holds at `lba` now. Several edits of a sector become one change.
 * `why` and `id` are copied; a later edit's `why` is added to the first one's. Errors: ST_NO_SPACE. */
MUST_CHECK enum status changeset_edit(struct changeset *set, const struct change *where, uint32_t offset,
                                      uint8_t new_byte);

/** The other signature of a disk: a set may change the signature itself, and then the disk is found under the old one
 * before the write and under the new one behind it. `signature` again if the set does not change it. */
uint32_t changeset_alias(const struct changeset *set, uint32_t signature);

#endif
