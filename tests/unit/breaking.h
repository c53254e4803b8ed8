/* SPDX-License-Identifier: MIT */
/* What the tests of break share: a job for the machine of planning.h. Owns no test. */
#ifndef BREAKING_H
#define BREAKING_H

#include "change/break.h"
#include "planning.h"

static struct break_job job;

/* A job that breaks all mirrors in favour of this half. */
static inline void want_all(enum role keep)
{
    job = (struct break_job){
        .inventory = &inventory, .survey = survey, .work = &rig.work, .changes = &changes, .what = {.config = &config}};
    for (unsigned i = 0; i < SETS_MAX; i++) {
        job.what.wanted[i] = i < config.set_count;
        job.what.keep[i] = keep;
    }
}

static inline enum status plan(enum role keep, enum break_extent extent)
{
    look(false);
    changes.count = 0;
    want_all(keep);
    return break_plan(&job, extent);
}

#endif
