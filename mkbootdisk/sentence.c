/* SPDX-License-Identifier: MIT */
/* One sentence on a set that an administrator understands: what happened, since when, and what must not be done. Words
 * only; the verdict is made elsewhere. */
#include <string.h>

#include "report.h"

#define DATE_BYTES 24

/* What a sentence is made from. */
struct words {
    const char *good; /* the role that is started, and the path of its disk */
    const char *good_path;
    const char *other;
    const char *other_path;
    char since[DATE_BYTES]; /* the last moment the other half took part in, or empty */
};

static void date_of(const struct set_survey *survey, unsigned role, char *buffer)
{
    struct text text;
    text_init(&text, buffer, DATE_BYTES);
    if (survey->evidence[role].has_stamp)
        text_add_time(&text, survey->evidence[role].written_100ns);
    else if (survey->esp[role].has_md)
        text_add_unix_time(&text, survey->esp[role].updated_s);
}

static const char *path_of(const struct host_set *set, unsigned index, unsigned role)
{
    const struct member_place *place = &set->survey[index].place[role];
    return place->disk != NULL ? set->disk[place->disk - set->inventory.disk].path : "not given";
}

/* A half that is older because the other one went on without it. */
static bool was_left_behind(enum why why)
{
    return why == WHY_ORPHANED || why == WHY_OLDER || why == WHY_LOG_OLDER || why == WHY_TAKEN_OUT ||
           why == WHY_DISABLED || why == WHY_EVENTS;
}

static void say_left_behind(const struct words *words, char *buffer, size_t bytes)
{
    snprintf(buffer, bytes,
             "The %s (%s) went on without the %s (%s)%s%s%s; starting the %s would lose everything written since.",
             words->good, words->good_path, words->other, words->other_path, words->since[0] != '\0' ? " after " : "",
             words->since, words->since[0] != '\0' ? " UTC" : "", words->other);
}

static void say_one_good(const struct host_set *set, unsigned index, char *buffer, size_t bytes)
{
    const struct set_survey *survey = &set->survey[index];
    const struct mirror_verdict *verdict = &survey->verdict;
    enum role other = (enum role)(1 - verdict->source);
    struct words words = {.good = role_name(verdict->source),
                          .good_path = path_of(set, index, verdict->source),
                          .other = role_name(other),
                          .other_path = path_of(set, index, other)};
    date_of(survey, other, words.since);
    if (verdict->why[other] == WHY_UNFINISHED)
        snprintf(buffer, bytes,
                 "Linux md had not finished copying the %s to the %s; only the %s is complete. Nothing has to be done "
                 "but to start it and wait until /proc/mdstat shows [UU].",
                 words.good, words.other, words.good);
    else if (verdict->state == SET_RESYNCING)
        snprintf(buffer, bytes,
                 "Windows NT had not finished copying the %s to the %s; only the %s is complete. Nothing has to be "
                 "done but to start it and wait until Disk Administrator calls the mirror healthy.",
                 words.good, words.other, words.good);
    else if (was_left_behind(verdict->why[other]))
        say_left_behind(&words, buffer, bytes);
    else
        snprintf(buffer, bytes, "The %s holds the truth; the %s cannot be used: %s.", words.good, words.other,
                 report_why(set, index, other));
    size_t used = strlen(buffer);
    if (verdict->why[verdict->source] == WHY_UNRECORDED)
        snprintf(buffer + used, bytes - used,
                 " Its registry does not know the mirror: Windows NT stops with C000021A until the mirror is broken.");
}

/* Whether the registry of each half says that NT went on without the other one. */
static bool accuse_each_other(const struct set_survey *survey)
{
    const struct member_facts *member = survey->facts.member;
    return member[ROLE_PRIMARY].record[ROLE_SHADOW] == RECORD_ORPHANED &&
           member[ROLE_SHADOW].record[ROLE_PRIMARY] == RECORD_ORPHANED;
}

static void say_two_disks(const struct host_set *set, unsigned index, char *buffer, size_t bytes)
{
    const struct member_facts *member = set->survey[index].facts.member;
    enum role role = member[ROLE_PRIMARY].ambiguous ? ROLE_PRIMARY : ROLE_SHADOW;
    snprintf(buffer, bytes,
             "Two disks carry the signature %08x of the %s: one of them is a copy, and has to be unplugged before that "
             "half can be started.",
             set->config.set[index].member[role].signature, role_name(role));
}

/* Each half was left behind by the other, or so it seems: unless both registries say so, it cannot be. */
static void say_both_left_behind(const struct host_set *set, unsigned index, char *buffer, size_t bytes)
{
    const struct set_survey *survey = &set->survey[index];
    char date[ROLE_COUNT][DATE_BYTES];
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        date_of(survey, role, date[role]);
    if (accuse_each_other(survey))
        snprintf(buffer, bytes,
                 "Each half went on without the other (the primary's registry is of %s, the shadow's of %s, UTC): "
                 "either choice loses what the other one holds, so a person must choose.",
                 date[ROLE_PRIMARY][0] != '\0' ? date[ROLE_PRIMARY] : "an unknown time",
                 date[ROLE_SHADOW][0] != '\0' ? date[ROLE_SHADOW] : "an unknown time");
    else
        snprintf(buffer, bytes,
                 "What is recorded contradicts itself. Of the primary: %s. Of the shadow: %s. Either choice may lose "
                 "what the other half holds, so a person must choose.",
                 report_why(set, index, ROLE_PRIMARY), report_why(set, index, ROLE_SHADOW));
}

static void say_split(const struct host_set *set, unsigned index, char *buffer, size_t bytes)
{
    const struct set_survey *survey = &set->survey[index];
    const enum why *why = survey->verdict.why;
    char date[ROLE_COUNT][DATE_BYTES];
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        date_of(survey, role, date[role]);
    if (survey->facts.member[ROLE_PRIMARY].ambiguous || survey->facts.member[ROLE_SHADOW].ambiguous)
        say_two_disks(set, index, buffer, bytes);
    else if (was_left_behind(why[ROLE_PRIMARY]) && was_left_behind(why[ROLE_SHADOW]))
        say_both_left_behind(set, index, buffer, bytes);
    else if (why[ROLE_PRIMARY] == WHY_UNRECORDED)
        snprintf(buffer, bytes,
                 "Both halves are there and agree, but the registry does not know this mirror: Windows NT stops with "
                 "C000021A. Break the mirror on the half that shall start.");
    else if (survey->facts.events == AGE_CONTRADICTION)
        snprintf(buffer, bytes,
                 "The md superblocks of the halves contradict each other (the primary's is of %s, the shadow's of %s, "
                 "UTC): if each half went on without the other, either choice loses what the other one holds, so a "
                 "person must choose.",
                 date[ROLE_PRIMARY], date[ROLE_SHADOW]);
    else if (survey->facts.registry == AGE_CONTRADICTION)
        snprintf(buffer, bytes,
                 "The halves differ, and their registries contradict each other: one has the later time (%s and %s "
                 "UTC), the other was written more often.",
                 date[ROLE_PRIMARY], date[ROLE_SHADOW]);
    else if (survey->sample.different)
        snprintf(buffer, bytes,
                 "The halves differ (first at sector %u of the volume) and nothing says which one is newer.",
                 survey->sample.different_at);
    else
        snprintf(buffer, bytes, "Which half holds the truth cannot be told.");
}

void report_sentence(const struct host_set *set, unsigned index, char *buffer, size_t bytes)
{
    const struct mirror_verdict *verdict = &set->survey[index].verdict;
    switch (verdict->state) {
    case SET_HEALTHY:
        snprintf(buffer, bytes, "Both halves are there and agree in all %u sectors that were compared.", HOST_SAMPLES);
        break;
    case SET_DEGRADED:
    case SET_STALE:
    case SET_RESYNCING:
        say_one_good(set, index, buffer, bytes);
        break;
    case SET_SPLIT:
        say_split(set, index, buffer, bytes);
        break;
    case SET_FAILING:
        snprintf(buffer, bytes,
                 verdict->source == ROLE_NONE ? "Neither half can be started."
                                              : "No half can be read completely; the %s is the better one.",
                 role_name(verdict->source));
        break;
    }
}
