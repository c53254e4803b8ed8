/* SPDX-License-Identifier: MIT */
/* What the parts of `mkbootdisk build` share: what was asked for, and what was found. */
#ifndef BUILD_H
#define BUILD_H

#include "bootfiles.h"
#include "medium.h"
#include "signing.h"

struct build {
    struct medium medium;
    bool classic;
    bool accept_different;
    bool dry_run;
    const char *nt_path;
    enum break_policy policy;
    bool retire;
    const char *efi_path;
    struct signing signing;
    int timeout_s;
    bool serial;
    struct gathered gathered;
    struct nt_survey nt;
    struct host_set set;
    struct floppy floppy;
};

/** A good half alone: what is left when a disk has failed already. */
bool build_is_survivor(const struct set_survey *survey);

/** Tell what was built, for what, and how to look at it. */
void build_tell(const struct build *build);

/** Show what would be written. */
void build_show_plan(const struct build *build);

#endif
