/* SPDX-License-Identifier: MIT */
/* The loader's story, firmware-free: look at the disks, decide, show, ask, change if asked, start. The host tool's
 * `check` runs the looking part of it; BIOS, UEFI and the tests run all of it. */
#ifndef LOADER_H
#define LOADER_H

#include "bootdisk.h"
#include "change/break.h"
#include "dryrun.h"
#include "fw.h"
#include "mirror/freshness.h"

#define LOADER_VERSION "0.1.0"

/* Everything one run knows; the shell provides the memory, and need not clear it. */
struct loader {
    struct firmware *fw;
    bool changed; /* something was written in this run */
    struct config config;
    struct set_survey survey[SETS_MAX];
    struct freshness freshness;
    struct bootdisk boot;
    struct trail trail;
    struct boot_plan plan;
    struct inventory inventory;
    struct changeset changes;
};

/** Read the boot disk, take stock of the hard disks and decide about every set; emits the event lines of it. */
void loader_look(struct loader *loader, struct firmware *fw);

/** Gather the facts of every set again and decide. */
void loader_decide(struct loader *loader);

/** The half that is started if nobody presses a key, or ROLE_NONE. */
enum role loader_default(const struct loader *loader);

/** The whole story. Returns only when it cannot go on and the person chose to leave. */
void loader_run(struct loader *loader, struct firmware *fw);

#endif
