/* SPDX-License-Identifier: MIT */
/* What the loader changes on disks: it plans, shows each sector, asks, and applies. Decides nothing about which half is
 * good, and starts nothing. */
#ifndef REPAIR_H
#define REPAIR_H

#include "loader.h"

/* What is wished for, in favour of one half. */
struct repair {
    enum role keep;
    bool break_mirror;
    bool promote; /* `keep` shall start without the boot disk */
    bool retire;  /* the other half shall do no harm */
};

/** Plan it into loader->changes and say what will not be as it was wished. Unattended, what the registry does not allow
 * is left out: the partition types alone are a state NT starts from (Q147690). Errors: those of the plans. */
MUST_CHECK enum status repair_plan(struct loader *loader, const struct repair *wish, bool attended);

/** Ask a person who breaks a mirror what else shall be done with it. */
void repair_ask(struct loader *loader, struct repair *wish);

/** Show loader->changes, which are in this state: "planned", "recorded"; a screenful at a time if `attended`. */
void repair_list(struct loader *loader, const char *state, bool attended);

/** Plan, show, ask (if `attended`), apply, and look at the disks again.
 * Errors: ST_REFUSED (a rule forbids it, or the person did not agree: nothing was written), I/O. */
MUST_CHECK enum status repair_run(struct loader *loader, const struct repair *wish, bool attended);

/** Show what the journal holds, ask, and undo or finish it. Errors: those of apply_journal; ST_REFUSED also where the
 * person did not agree. */
MUST_CHECK enum status repair_replay(struct loader *loader, bool undo);

#endif
