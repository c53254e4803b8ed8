/* SPDX-License-Identifier: MIT */
/* What NT itself recorded about the sets: each disk's installation is found and its registry read, and each half's file
 * system is asked how far it got. All of the I/O, none of the judgement; evidence that cannot be had is none. */
#ifndef MIRROR_EVIDENCE_H
#define MIRROR_EVIDENCE_H

#include "mirror/facts.h"
#include "mirror/pair.h"
#include "nt/workspace.h"

/* How the registry of an installation answered. */
enum registry_state {
    REGISTRY_NONE,   /* there is no installation */
    REGISTRY_SILENT, /* it holds no DISK\Information: Disk Administrator never ran */
    REGISTRY_SPEAKS,
    REGISTRY_UNKNOWN, /* DISK\Information is of a version that is not known: never edited */
    REGISTRY_DAMAGED  /* SYSTEM and SYSTEM.ALT, or DISK\Information, contradict themselves */
};

/* What one installation says. */
struct testimony {
    enum registry_state state;
    bool is_windows_2000; /* or later: sets may be described on the disks themselves (Q231376) */
    const char *file;     /* "SYSTEM" or "SYSTEM.ALT"; null when none could be opened */
    struct hive_stamp stamp;
};

/** Ask the installation in `directory` of the mounted work->volume. What it knows is left in work->ftdisk when the
 * state is REGISTRY_SPEAKS. Errors: ST_NOT_FOUND (no installation there), I/O. */
MUST_CHECK enum status evidence_ask(struct workspace *work, const char *directory, struct testimony *out);

/** What the record in `info` says of the half with this id. */
enum record evidence_of_member(const struct ftdisk *info, const struct member_id *id);

/** Ask every disk which mirror each half on it belongs to, and as which member. A registry that is old, unclean or
 * calls a half orphaned still knows that. What only the twin's disk knows of a half is noted as well. */
void evidence_hints(struct inventory *inventory, struct workspace *work, struct pair_hints *hints);

/** Ask every disk about every set of `config`, add it to the facts in `survey` and decide again. `work` may be null:
 * then there is no evidence. */
void evidence_gather(struct inventory *inventory, const struct config *config, struct set_survey *survey,
                     struct workspace *work);

#endif
