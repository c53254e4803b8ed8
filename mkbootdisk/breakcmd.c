/* SPDX-License-Identifier: MIT */
/* `mkbootdisk break`: the loader's break, offline. */
#include <getopt.h>
#include <string.h>

#include "change/break.h"
#include "repairs.h"
#include "report.h"
#include "writing.h"

struct request {
    struct writing writing;
    long set; /* 0: all */
    enum role keep;
    bool partial;
    bool promote;
    bool retire;
    struct geometry geometry;
};

enum option_code { OPT_SET = 256, OPT_KEEP, OPT_PARTIAL, OPT_PROMOTE, OPT_RETIRE, OPT_GEOMETRY, OPT_HELP };

static const struct option options[] = {{"set", required_argument, NULL, OPT_SET},
                                        {"keep", required_argument, NULL, OPT_KEEP},
                                        {"partial", no_argument, NULL, OPT_PARTIAL},
                                        {"promote", no_argument, NULL, OPT_PROMOTE},
                                        {"retire", no_argument, NULL, OPT_RETIRE},
                                        {"geometry", required_argument, NULL, OPT_GEOMETRY},
                                        {"help", no_argument, NULL, OPT_HELP},
                                        WRITING_OPTIONS,
                                        {NULL, 0, NULL, 0}};

static bool take_keep(const char *value, enum role *out)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (strcmp(value, role_name((enum role)role)) == 0) {
            *out = (enum role)role;
            return true;
        }
    complain(EXIT_USAGE, "--keep takes primary or shadow, not '%s'", value);
    return false;
}

static bool take_option(struct request *request, int option)
{
    switch (option) {
    case OPT_SET:
        return parse_number("--set", optarg, 1, SETS_MAX, &request->set);
    case OPT_KEEP:
        return take_keep(optarg, &request->keep);
    case OPT_PARTIAL:
        return request->partial = true;
    case OPT_PROMOTE:
        return request->promote = true;
    case OPT_RETIRE:
        return request->retire = true;
    case OPT_GEOMETRY:
        return repairs_take_geometry(optarg, &request->geometry);
    default:
        return writing_take_option(&request->writing, option, optarg);
    }
}

/* Which half to keep: the person's word, or the verdict's where it is beyond doubt. */
static enum exit_code choose(const struct request *request, const struct host_set *set, unsigned index, enum role *keep)
{
    const struct set_survey *survey = &set->survey[index];
    char sentence[512];
    *keep = request->keep;
    if (*keep == ROLE_NONE && survey->verdict.may_break)
        *keep = survey->verdict.source;
    report_sentence(set, index, sentence, sizeof sentence);
    if (*keep == ROLE_NONE && survey->verdict.state == SET_RESYNCING)
        return complain(EXIT_REFUSED, "mirror %u is resyncing: %s To give the copy up and break it now, say --keep %s",
                        index + 1, sentence, role_name(survey->verdict.source));
    if (*keep == ROLE_NONE)
        return complain(EXIT_REFUSED, "mirror %u is %s: %s Say which half to keep: --keep primary or --keep shadow",
                        index + 1, set_state_name(survey->verdict.state), sentence);
    if (survey->place[*keep].partition == NULL)
        return complain(EXIT_REFUSED, "mirror %u: the %s is not there: %s. Use --keep %s", index + 1, role_name(*keep),
                        report_why(set, index, *keep), role_name((enum role)(1 - *keep)));
    if (survey->verdict.source != ROLE_NONE && *keep != survey->verdict.source && survey->verdict.state != SET_HEALTHY)
        return complain(EXIT_REFUSED, "mirror %u: %s Keeping the %s would lose it: use --keep %s; nothing was changed",
                        index + 1, sentence, role_name(*keep), role_name(survey->verdict.source));
    return EXIT_DONE;
}

static enum exit_code plan(const struct request *request, struct host_set *set, struct repairs *repairs)
{
    for (unsigned i = 0; i < set->config.set_count; i++) {
        if (request->set != 0 && (unsigned)request->set != i + 1)
            continue;
        enum exit_code code = choose(request, set, i, &repairs->job.what.keep[i]);
        if (code != EXIT_DONE)
            return code;
        repairs->job.what.wanted[i] = true;
    }
    enum exit_code code = repairs_break(repairs, request->partial ? BREAK_TYPES_ONLY : BREAK_COMPLETE);
    for (unsigned i = 0; i < set->config.set_count && code == EXIT_DONE; i++) {
        enum role keep = repairs->job.what.keep[i];
        if (!repairs->job.what.wanted[i])
            continue;
        struct disk *kept = set->survey[i].place[keep].disk;
        struct disk *other = set->survey[i].place[1 - keep].disk;
        if (request->promote && repairs->promoted != kept) /* two mirrors on the same disks are one promotion */
            code = repairs_promote(repairs, kept, request->geometry);
        if (code == EXIT_DONE && request->retire && (other == NULL || repairs->retired != other))
            code = repairs_retire(repairs, other);
    }
    return code;
}

static enum exit_code carry_out(const struct request *request, struct host_set *set)
{
    static struct repairs repairs;
    enum exit_code code = host_set_check_tables(set);
    if (code != EXIT_DONE)
        return code;
    if (set->config.set_count == 0)
        return host_set_require_mirror(set);
    if ((unsigned)request->set > set->config.set_count)
        return complain(EXIT_USAGE, "there is no mirror %ld on these disks; see 'mkbootdisk survey'", request->set);
    repairs_begin(&repairs, set, &request->writing);
    code = plan(request, set, &repairs);
    if (code != EXIT_DONE)
        return code;
    repairs_tell_letters(&repairs);
    return writing_carry_out(&request->writing, set, &repairs.changes, "the mirror is broken already");
}

static enum exit_code run(int argc, char **argv)
{
    static struct host_set set;
    struct request request = {.writing = {.undo_file = UNDO_FILE_DEFAULT}, .keep = ROLE_NONE};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPT_HELP)
            return show_usage(&break_command);
        if (!take_option(&request, option))
            return bad_usage(&break_command);
    }
    enum exit_code code = host_set_open(argv + optind, argc - optind, true, &set);
    if (code != EXIT_DONE)
        return code;
    code = carry_out(&request, &set);
    host_set_close(&set);
    return code;
}

const struct command break_command = {
    .name = "break",
    .summary = "break a mirror offline: the half to keep becomes an ordinary volume",
    .usage =
        "usage: mkbootdisk break [OPTIONS] DISK...\n\n"
        "Clears the fault-tolerance bits in the partition entry of the half to keep (Q147690) and takes the mirror\n"
        "out of DISK\\Information in SYSTEM and SYSTEM.ALT of each Windows NT that may be started afterwards, so\n"
        "that Disk Administrator sees an ordinary volume with its old letter. Give both disks, or the surviving\n"
        "one alone.\n\n"
        "  --keep primary|shadow  the half to keep; needed unless only one half can be used\n"
        "  --set N                only mirror N of 'mkbootdisk survey'\n"
        "  --partial              only the partition type: NT starts, and Disk Administrator finishes the break\n"
        "  --promote              also make the disk that is kept start by itself ('mkbootdisk promote --help')\n"
        "  --retire               also retire the other disk ('mkbootdisk retire --help')\n"
        "  --geometry H/S         for --promote\n" WRITING_USAGE,
    .run = run,
};
