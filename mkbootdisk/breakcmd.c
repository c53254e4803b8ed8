/* SPDX-License-Identifier: MIT */
/* `mkbootdisk break`: the loader's break, offline. */
#include <getopt.h>
#include <string.h>

#include "change/break.h"
#include "report.h"
#include "writing.h"

struct request {
    struct writing writing;
    long set; /* 0: all */
    enum role keep;
};

enum option_code { OPT_SET = 256, OPT_KEEP, OPT_DRY, OPT_JSON, OPT_WRITE, OPT_BOOTDISK, OPT_UNDO, OPT_HELP };

static const struct option options[] = {{"set", required_argument, NULL, OPT_SET},
                                        {"keep", required_argument, NULL, OPT_KEEP},
                                        {"dry-run", no_argument, NULL, OPT_DRY},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"write", no_argument, NULL, OPT_WRITE},
                                        {"bootdisk", required_argument, NULL, OPT_BOOTDISK},
                                        {"undo-file", required_argument, NULL, OPT_UNDO},
                                        {"help", no_argument, NULL, OPT_HELP},
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
    case OPT_DRY:
        return request->writing.dry_run = true;
    case OPT_JSON:
        return request->writing.json = true;
    case OPT_WRITE:
        return request->writing.write = true;
    case OPT_BOOTDISK:
        request->writing.bootdisk = optarg;
        return true;
    case OPT_UNDO:
        request->writing.undo_file = optarg;
        return true;
    default:
        return false;
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

static enum exit_code plan(const struct request *request, const struct host_set *set, struct changeset *changes)
{
    for (unsigned i = 0; i < set->config.set_count; i++) {
        enum role keep;
        if (request->set != 0 && (unsigned)request->set != i + 1)
            continue;
        enum exit_code code = choose(request, set, i, &keep);
        if (code != EXIT_DONE)
            return code;
        enum status status = break_plan(&set->survey[i], keep, changes);
        if (status != ST_OK)
            return complain(status == ST_IO ? EXIT_IO : EXIT_REFUSED, "mirror %u cannot be broken: %s", i + 1,
                            status == ST_REFUSED ? "the partition table of the half to keep is damaged"
                                                 : "the sector of its partition entry cannot be read");
    }
    return EXIT_DONE;
}

static enum exit_code carry_out(const struct request *request, struct host_set *set)
{
    static struct changeset changes;
    changes.count = 0;
    for (unsigned i = 0; i < set->count; i++) {
        if (!set->inventory.disk[i].dead && set->inventory.disk[i].table.status == ST_OK)
            continue;
        enum exit_code bad = host_set_complain_about_table(set, i);
        if (bad == EXIT_REFUSED)
            return bad; /* a dynamic disk: whatever it is half of, it is not our kind of mirror */
    }
    if (set->config.set_count == 0)
        return host_set_require_mirror(set);
    if ((unsigned)request->set > set->config.set_count)
        return complain(EXIT_USAGE, "there is no mirror %ld on these disks; see 'mkbootdisk survey'", request->set);
    enum exit_code code = plan(request, set, &changes);
    if (code != EXIT_DONE)
        return code;
    writing_show(&request->writing, set, &changes);
    if (changes.count == 0 && !request->writing.json)
        puts("Nothing to do: the fault-tolerance bits are clear already.");
    if (changes.count == 0 || request->writing.dry_run)
        return EXIT_DONE;
    return writing_agreed(&request->writing) ? writing_apply(&request->writing, set, &changes) : EXIT_REFUSED;
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
    .usage = "usage: mkbootdisk break [OPTIONS] DISK...\n\n"
             "Clears the fault-tolerance bits in the partition entry of the half to keep, so that Windows NT starts\n"
             "from it as from any volume (Q147690). Give both disks, or the surviving one alone.\n\n"
             "  --keep primary|shadow  the half to keep; needed unless only one half can be used\n"
             "  --set N                only mirror N of 'mkbootdisk survey'\n"
             "  --dry-run              show what would be written, byte by byte\n"
             "  --json                 as JSON\n"
             "  --write                write without asking\n"
             "  --bootdisk BOOTDISK    keep the undo in the journal of this boot disk\n"
             "  --undo-file FILE       keep it in this file (default ./" UNDO_FILE_DEFAULT ")\n",
    .run = run,
};
