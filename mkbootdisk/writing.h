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
    bool replace;          /* --replace-undo: an undo that is still possible may be given up */
    const char *bootdisk;  /* where the undo goes: a boot disk ... */
    const char *undo_file; /* ... or a file */
};

/* The options that every change has, for the tables of getopt_long, and their part of a usage. */
enum writing_option { WRITING_DRY = 512, WRITING_JSON, WRITING_WRITE, WRITING_BOOTDISK, WRITING_UNDO, WRITING_REPLACE };

#define WRITING_OPTIONS                                                                                                \
    {"dry-run", no_argument, NULL, WRITING_DRY}, {"json", no_argument, NULL, WRITING_JSON},                            \
        {"write", no_argument, NULL, WRITING_WRITE}, {"bootdisk", required_argument, NULL, WRITING_BOOTDISK},          \
        {"undo-file", required_argument, NULL, WRITING_UNDO},                                                          \
    {                                                                                                                  \
        "replace-undo", no_argument, NULL, WRITING_REPLACE                                                             \
    }

#define WRITING_USAGE                                                                                                  \
    "  --dry-run              show what would be written, byte by byte\n"                                              \
    "  --json                 as JSON\n"                                                                               \
    "  --write                write without asking\n"                                                                  \
    "  --bootdisk BOOTDISK    keep the undo in the journal of this boot disk\n"                                        \
    "  --undo-file FILE       keep it in this file (default ./" UNDO_FILE_DEFAULT ")\n"                                \
    "  --replace-undo         give up the undo of an earlier change that is kept there\n"

/** Take one of these options; false if `option` is none of them. */
bool writing_take_option(struct writing *writing, int option, const char *value);

/** Show a planned change set, ask, and write it. `nothing` is said when it is empty. */
enum exit_code writing_carry_out(const struct writing *writing, struct host_set *set, const struct changeset *changes,
                                 const char *nothing);

/** True if the person agrees: --write, or a yes at a terminal. Complains otherwise. */
bool writing_agreed(const struct writing *writing);

/** Show the change set as the options ask for. */
void writing_show(const struct writing *writing, const struct host_set *set, const struct changeset *changes);

/** Open the journal, and write the change set through it. Reports every sector. */
enum exit_code writing_apply(const struct writing *writing, struct host_set *set, const struct changeset *changes);

/** Whether what an open journal holds can be undone, or finished, on these disks. Writes nothing. */
enum exit_code writing_look(struct host_journal *journal, struct host_set *set, bool undo, struct changeset *changes);

/** Undo, or finish, what an open journal holds. `changes` is what journal_changes gave. */
enum exit_code writing_replay(struct host_journal *journal, struct host_set *set, bool undo, struct changeset *changes);

#endif
