/* SPDX-License-Identifier: MIT */
/* Planning edits: single bytes of a disk's sectors or of a file's data become changes of a change set. Reads what
 * stands there now; writes nothing, and knows no reason why anything should be edited. */
#ifndef CHANGE_EDIT_H
#define CHANGE_EDIT_H

#include "change/changeset.h"
#include "disk/inventory.h"
#include "fs/fs.h"

/* What a run of edits has in common. */
struct edit {
    struct changeset *changes;
    struct disk *disk;
    const char *why;
    const char *id; /* of the failure mode it cures */
};

/** Plan one byte of a sector; one that stands there already (or is planned) adds nothing. Errors: ST_NO_SPACE, I/O. */
MUST_CHECK enum status edit_byte(const struct edit *edit, uint64_t lba, uint32_t offset, uint8_t value);

/** Plan some bytes of a sector. Errors: as above. */
MUST_CHECK enum status edit_bytes(const struct edit *edit, uint64_t lba, uint32_t offset, const void *bytes,
                                  uint32_t count);

/** Plan the bytes of an open file by which `bytes` differs from `now`, the last ones first. Both are what stands from
 * `offset` on. Errors: those of fs_place and of edit_byte. */
MUST_CHECK enum status edit_file(const struct edit *edit, struct fs_file *file, uint64_t offset, const void *now,
                                 const void *bytes, uint32_t count);

#endif
