/* SPDX-License-Identifier: MIT */
/* The core's plans as the host's commands use them: one change set, and complaints for a person about what a rule
 * forbids. Writes nothing. */
#ifndef REPAIRS_H
#define REPAIRS_H

#include "change/break.h"
#include "change/promote.h"
#include "change/retire.h"
#include "writing.h"

struct repairs {
    struct host_set *set;
    bool json; /* remarks go to standard error */
    struct break_job job;
    const struct disk *promoted; /* the last disk that was; null: none */
    const struct disk *retired;
    struct changeset changes;
};

void repairs_begin(struct repairs *repairs, struct host_set *set, const struct writing *writing);

/** Plan the break of the mirrors wanted in repairs->job.what. */
enum exit_code repairs_break(struct repairs *repairs, enum break_extent extent);

/** Tell the drive letters before and after the break. */
void repairs_tell_letters(const struct repairs *repairs);

enum exit_code repairs_promote(struct repairs *repairs, struct disk *disk, struct geometry geometry);
enum exit_code repairs_retire(struct repairs *repairs, struct disk *disk);

/** Parse "255/63". Complains and returns false if it is no geometry. */
bool repairs_take_geometry(const char *text, struct geometry *out);

#endif
