/* SPDX-License-Identifier: MIT */
/* The one place that writes to a disk: journal first, then sector by sector with read-back, undone at the first
 * mismatch. Host tool and loader both write through it. Decides nothing: see break.h for what to write. */
#ifndef CHANGE_APPLY_H
#define CHANGE_APPLY_H

#include "change/journal.h"
#include "disk/inventory.h"

/* The only way to write a sector. */
struct disk_writer {
    enum status (*write)(struct disk_writer *writer, uint8_t drive, uint64_t lba, const void *sector);
};

struct applier {
    struct inventory *inventory;
    struct disk_writer *writer;
    struct journal_store *store; /* null: the person chose to go on without an undo */
    struct journal *journal;
    struct trail *trail;
    const struct changeset *changes; /* set by the functions below: what they are at */
    /* Called after change `index` (from 0) was written, or written back. May be null. */
    void (*progress)(struct applier *applier, unsigned index, bool undone);
    void *owner;     /* of `progress` */
    bool unrecorded; /* set by apply_changes: the journal cannot be written, so nothing else was */
};

/** Write a change set. Nothing is written unless every target is there, readable and unchanged and the journal holds
 * it all. After an error nothing is left changed, as far as the disks let themselves be written back.
 * Errors: ST_REFUSED, ST_NO_SPACE, ST_NOT_FOUND, ST_IO. */
MUST_CHECK enum status apply_changes(struct applier *applier, const struct changeset *changes, bool replace);

/** Complete (`undo` false) or revert what the journal holds. Each sector must hold its old or its new bytes, or some of
 * both where a write may have been cut off. `scratch` receives the changes. Errors: as above, ST_CORRUPT for a damaged
 * journal. */
MUST_CHECK enum status apply_journal(struct applier *applier, bool undo, struct changeset *scratch);

/** What apply_journal looks at before its first write. Errors: the same. */
MUST_CHECK enum status apply_look(struct applier *applier, bool undo, struct changeset *scratch);

#endif
