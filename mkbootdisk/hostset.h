/* SPDX-License-Identifier: MIT */
/* The disks of one call, looked at with the core's own eyes: inventory, pairs, verdicts. What every command that takes
 * DISK... starts with. Prints nothing but complaints. */
#ifndef HOSTSET_H
#define HOSTSET_H

#include "change/apply.h"
#include "hostdisk.h"
#include "mirror/evidence.h"
#include "mirror/pair.h"

/* How many sectors of each half the host compares. The loader takes SAMPLES; here reads are cheap. */
#define HOST_SAMPLES 1024u

struct host_set {
    unsigned count;
    struct host_disk disk[DISKS_MAX];
    struct trail trail;
    struct inventory inventory;
    struct pair_hints hints;
    struct config config;
    struct pair_report report;
    struct set_survey survey[SETS_MAX];
    struct disk_writer writer; /* writes to the disks by their drive number */
};

/** Open 1 to DISKS_MAX disks and look at them; the registries on them tell which belong together. `lone`: a member
 * without a twin counts as a set (see pair_find).
 * Complains and returns its exit code when a disk cannot be opened or is given twice. */
enum exit_code host_set_open(char **paths, int count, bool lone, struct host_set *set);

/** Look at every set's halves again, after its description was changed. */
void host_set_look(struct host_set *set);

/** The half of set `index` to ask for what both have in common: the primary, or if it is not there, the shadow. */
const struct member_place *host_set_half(const struct host_set *set, unsigned index);

/** The one workspace of this process. */
struct workspace *host_workspace(void);

/** Complain about what stands in the way of using these disks as a mirror; EXIT_DONE if nothing does. A half alone will
 * do if a registry names its twin, which then is a member that is not there. */
enum exit_code host_set_require_mirror(const struct host_set *set);

/** Complain about the disk's damaged or unreadable partition table; returns the exit code for it. */
enum exit_code host_set_complain_about_table(const struct host_set *set, unsigned index);

/** Make every disk that a change set is about writable. */
enum exit_code host_set_make_writable(struct host_set *set, const struct changeset *changes);

/** Whether just one of the disks is the one that `changes` calls by this signature; its place in `*index`. */
bool host_set_has(const struct host_set *set, const struct changeset *changes, uint32_t signature, unsigned *index);

/** The path of the disk that `changes` calls by this signature, or words for one that was not given. */
const char *host_set_path(const struct host_set *set, const struct changeset *changes, uint32_t signature);

/** Complain about every disk without a sound partition table; EXIT_REFUSED only if one is dynamic. */
enum exit_code host_set_check_tables(const struct host_set *set);

/** The disk that --disk names: primary or shadow of mirror `index`, or a signature in hex. Complains if there is none.
 */
enum exit_code host_set_take_disk(const struct host_set *set, const char *name, unsigned index, unsigned *disk);

void host_set_close(struct host_set *set);

#endif
