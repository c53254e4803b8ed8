/* SPDX-License-Identifier: MIT */
/* Planning to break a mirror: the survivor's partition entry loses its fault-tolerance bits, after which NT starts
 * from it as from any partition (Q147690, Q139843). Plans only; writes nothing. */
#ifndef CHANGE_BREAK_H
#define CHANGE_BREAK_H

#include "change/changeset.h"
#include "mirror/facts.h"

/** Add to `out` what breaking the set in favour of `keep` would write. A survivor whose bits are already clear adds
 * nothing. Errors: ST_REFUSED (the half to keep is not there or its disk's table is damaged), ST_NO_SPACE, I/O. */
MUST_CHECK enum status break_plan(const struct set_survey *survey, enum role keep, struct changeset *out);

#endif
