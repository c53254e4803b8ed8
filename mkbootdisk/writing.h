/* SPDX-License-Identifier: MIT */
/* What the writing commands share: the rule that nothing is written without --write or a yes at a terminal, and the
 * applying itself. */
#ifndef WRITING_H
#define WRITING_H

#include "hostset.h"
#include "journalfile.h"

struct writing {
    bool dry_run;
    bool json;
    bool write;            /* --write: do not ask */
    const char *bootdisk;  /* where the undo goes: a boot disk ... */
    const char *undo_file; /* ... or a file */
};

/** True if the person agrees: --write, or a yes at a terminal. Complains otherwise. */
bool writing_agreed(const struct writing *writing);

/** Show the change set as the options ask for. */
void writing_show(const struct writing *writing, const struct host_set *set, const struct changeset *changes);

/** Open the journal, and write the change set through it. Reports every sector. */
enum exit_code writing_apply(const struct writing *writing, struct host_set *set, const struct changeset *changes);

/** Undo, or finish, what an open journal holds. `changes` is what journal_changes gave. */
enum exit_code writing_replay(struct host_journal *journal, struct host_set *set, bool undo, struct changeset *changes);

#endif
