/* SPDX-License-Identifier: MIT */
/* `mkbootdisk survey`: what is on these disks, and which half holds the truth. */
#include <getopt.h>

#include "report.h"

static enum exit_code run(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static struct host_set set;
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h')
            return show_usage(&survey_command);
        if (option != 'j')
            return bad_usage(&survey_command);
        json = true;
    }
    enum exit_code code = host_set_open(argv + optind, argc - optind, true, &set);
    if (code != EXIT_DONE)
        return code;
    static struct nt_survey nt;
    static struct findings findings;
    const struct report report = {&set, &nt, &findings};
    nt_survey(&set, &nt);
    findings_collect(&set, &nt, &findings);
    if (json)
        report_json(report_survey_json(&report));
    else
        report_survey(&report);
    for (unsigned i = 0; i < set.count && code == EXIT_DONE; i++)
        if (set.inventory.disk[i].dead || set.inventory.disk[i].table.status != ST_OK)
            code = EXIT_FOUND;
    /* Two disks say enough to find fault with a pair; of a single disk the twin is simply not here. */
    if (code == EXIT_DONE && set.report.problem != PAIR_OK)
        code = host_set_require_mirror(&set);
    for (unsigned i = 0; i < set.config.set_count; i++)
        if (set.survey[i].verdict.state != SET_HEALTHY)
            code = EXIT_FOUND;
    host_set_close(&set);
    return code;
}

const struct command survey_command = {
    .name = "survey",
    .summary = "what is on these disks, and which half holds the truth",
    .usage = "usage: mkbootdisk survey [--json] DISK...\n\n"
             "Shows partitions, mirrors, the state of each half and the verdict. Reads a sample of each half, not all\n"
             "of it, and writes nothing. Exit code 0: a healthy mirror; 1: something is wrong, and it says what.\n",
    .run = run,
};
