/* SPDX-License-Identifier: MIT */
/* What the commands print of disks, verdicts and change sets, for a person and as JSON (the format is in
 * docs/json.md and may only grow). Prints; decides nothing. */
#ifndef REPORT_H
#define REPORT_H

#include <cjson/cJSON.h>

#include "findings.h"

#define REPORT_SENTENCE_BYTES 512
#define REPORT_PRODUCT_BYTES 160

/** The first of these paths that is a boot disk of ours, for complaints about the order of a call; null if none is. */
const char *report_boot_disk_among(char *const *paths, int count);

/** Warn of images that end within a sector. */
void report_odd_sizes(const struct host_set *set);

/** Print and free. */
void report_json(cJSON *object);

/** A word, quoted as a shell wants it where it needs to be. */
void report_word(const char *word, FILE *to);

/** The paths of the disks, each behind a blank, and a line end: the tail of a command to be pasted. */
void report_paths(const struct host_set *set);

/* Everything a survey tells. */
struct report {
    const struct host_set *set;
    const struct nt_survey *nt;
    const struct findings *findings;
};

/** The whole survey. */
void report_survey(const struct report *report);
cJSON *report_survey_json(const struct report *report);

/** Why a half is in the state it is in; the empty string if it is good. */
const char *report_why(const struct host_set *set, unsigned index, enum role role);

/** One sentence on a set, for an administrator. */
void report_sentence(const struct host_set *set, unsigned index, char *buffer, size_t bytes);

/** What a change set would write, byte by byte. */
void report_changes(const struct host_set *set, const struct changeset *changes);
cJSON *report_changes_json(const struct changeset *changes);

#endif
