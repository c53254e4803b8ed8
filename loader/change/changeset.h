/* SPDX-License-Identifier: MIT */
/* A change set: what would be written, as data. Whole sectors, old and new, each with its reason; made by pure
 * functions, so that it can be shown, journaled, applied and undone. Writes nothing. */
#ifndef CHANGE_CHANGESET_H
#define CHANGE_CHANGESET_H

#include "base/bytes.h"
#include "base/status.h"

#define CHANGES_MAX 8u
#define CHANGE_WHY_BYTES 48u
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

/** Plan one byte: `sector` is what the disk holds at `lba` now. Several edits of a sector become one change.
 * `why` and `id` are copied. Errors: ST_NO_SPACE. */
MUST_CHECK enum status changeset_edit(struct changeset *set, const struct change *where, uint32_t offset,
                                      uint8_t new_byte);

#endif
