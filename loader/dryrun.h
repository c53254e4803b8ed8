/* SPDX-License-Identifier: MIT */
/* The dry run: the whole start that a boot plan leads to, from NTLDR to the last boot driver, looked up and read
 * through the ARC path as NTLDR would, without starting anything. The loader offers it in its menu, the host tool's
 * `check` does it for every scenario. Writes nothing. */
#ifndef DRYRUN_H
#define DRYRUN_H

#include "bootdisk.h"
#include "nt/start.h"
#include "plan.h"

enum dryrun_mark {
    DRYRUN_FINE,
    DRYRUN_DOUBT, /* here the dry run cannot tell how a start goes on */
    DRYRUN_BAD
};

#define DRYRUN_NAME_BYTES 13u /* 8.3 */

enum dryrun_result {
    DRYRUN_STARTS,
    DRYRUN_STOPS,
    DRYRUN_UNKNOWN /* what was told as a doubt says why */
};

struct dryrun {
    struct inventory *inventory;
    const struct set_survey *survey; /* all sets; the first one is the set that is started */
    unsigned set_count;
    const struct boot_plan *plan;
    struct bootdisk *boot;
    struct workspace *work;
    /* Called for every file and every decision; `path` is a file's or BOOT.INI's, `what` says how it is. */
    void (*tell)(struct dryrun *run, enum dryrun_mark mark, const char *path, const char *what);
    void *owner;
    unsigned files; /* that were read to their end */
    unsigned doubts;
    unsigned problems;
    unsigned far_files;           /* of NTLDR's own, which lie where that of NT 4.0 does not reach */
    struct banner ntldr;          /* its release */
    char path[ARC_DIRECTORY_MAX]; /* the installation it leads to */
    const char *kernel;           /* as in struct start_walk, these two */
    const char *hal;
    char name[2][DRYRUN_NAME_BYTES];
};

/** Walk. The fields above `files` are the caller's; the rest is filled in. */
enum dryrun_result dryrun_walk(struct dryrun *run);

const char *dryrun_name(enum dryrun_result result);

#endif
