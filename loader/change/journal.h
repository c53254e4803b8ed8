/* SPDX-License-Identifier: MIT */
/* The journal: a change set, old bytes included, kept on the boot disk (FTJOURNL.DAT) or in an undo file, so that a
 * power cut at any write can be finished or undone. Owns the encoding; knows nothing of the disks it is about.
 *
 * Sectors 0 and 1 are the state slots, written in turn: each state change is one sector with its own checksum, so a
 * torn write leaves the previous state valid. From sector 2 on: per change a header, the old and the new sector. */
#ifndef CHANGE_JOURNAL_H
#define CHANGE_JOURNAL_H

#include <stdbool.h>

#include "change/changeset.h"

#define JOURNAL_SLOTS 2u
#define JOURNAL_RECORD_SECTORS 3u
#define JOURNAL_MIN_SECTORS (JOURNAL_SLOTS + JOURNAL_RECORD_SECTORS * CHANGES_MAX)

enum journal_state {
    JOURNAL_EMPTY,
    JOURNAL_PENDING, /* writing may have begun: finish or undo */
    JOURNAL_DONE,    /* all written: undo is possible */
    JOURNAL_UNDONE,
};

/* Where a journal lives: a contiguous run of sectors. */
struct journal_store {
    enum status (*read)(struct journal_store *store, uint32_t sector, void *buffer);
    enum status (*write)(struct journal_store *store, uint32_t sector, const void *buffer);
    uint32_t sectors;
    struct trail *trail; /* may be null */
};

struct journal {
    enum journal_state state;
    uint32_t sequence;
    uint32_t count; /* of changes recorded */
    uint32_t records_crc;
    bool doubtful; /* a slot could not be read, and it may be the newer one: nothing may be recorded over it */
};

/** Read the state. Errors: ST_CORRUPT (neither slot is valid), I/O. */
MUST_CHECK enum status journal_load(struct journal_store *store, struct journal *out);

/** Read the recorded changes. Errors: ST_CORRUPT (checksum), I/O. */
MUST_CHECK enum status journal_changes(struct journal_store *store, const struct journal *journal,
                                       struct changeset *out);

/** Record a change set and mark it pending, records first. An undo that is still possible is overwritten only when
 * `replace`; a pending one never. Errors: ST_REFUSED, ST_NO_SPACE, I/O. */
MUST_CHECK enum status journal_begin(struct journal_store *store, struct journal *journal,
                                     const struct changeset *changes, bool replace);

/** Move to another state, in the other slot, and read it back. Errors: I/O. */
MUST_CHECK enum status journal_mark(struct journal_store *store, struct journal *journal, enum journal_state state);

/** The two slots of an empty journal, to preallocate a file with. */
void journal_format(uint8_t slots[JOURNAL_SLOTS * SECTOR_BYTES]);

const char *journal_state_name(enum journal_state state);

#endif
