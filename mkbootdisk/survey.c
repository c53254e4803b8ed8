/* SPDX-License-Identifier: MIT */
/* `mkbootdisk survey`: what is on these disks, and which half holds the truth. */
#include <getopt.h>

#include "nt/fttype.h"
#include "report.h"

/* Whether a registry lists a partition as a half of some mirror. */
static bool lists(const struct nt_installation *item, uint32_t signature, const struct partition *partition)
{
    static struct ftdisk info;
    if (ftdisk_decode(item->information, (uint32_t)item->information_bytes, &info) != ST_OK)
        return true;
    const struct ftdisk_partition *found = ftdisk_find(&info, signature, partition->start_lba);
    return found != NULL && found->type == FT_MIRROR;
}

/* Disks without a mirror: they may be what is left of one. A registry that Disk Administrator has written, and that
 * knows of no mirror either, says that nothing is left to do. */
static enum exit_code explain_no_mirror(const struct host_set *set, const struct nt_survey *nt, bool json)
{
    bool any = false;
    for (unsigned i = 0; i < nt->count; i++) {
        const struct nt_installation *item = &nt->item[i];
        const char *path = set->disk[item->disk].path;
        if (item->testimony.state != REGISTRY_SPEAKS)
            continue;
        any = true;
        if (lists(item, set->inventory.disk[item->disk].table.signature, item->partition))
            return complain(
                EXIT_FOUND,
                "%s, partition %u: is an ordinary volume by its type, but the registry of %s still lists it "
                "in a mirror. Start Windows NT from it, and break the mirror in Disk Administrator",
                path, item->partition->number, item->directory);
        if (!json)
            printf("%s, partition %u: an ordinary volume now; the registry of %s knows of no mirror.\n", path,
                   item->partition->number, item->directory);
    }
    return any ? EXIT_DONE : host_set_require_mirror(set);
}

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
    const char *boot_disk = report_boot_disk_among(argv + optind, argc - optind);
    if (boot_disk != NULL)
        return complain(
            EXIT_USAGE,
            "%s: is a boot disk; survey takes the disks alone. In 'mkbootdisk check' the boot disk comes first",
            boot_disk);
    enum exit_code code = host_set_open(argv + optind, argc - optind, true, &set);
    if (code != EXIT_DONE)
        return code;
    static struct nt_survey nt;
    static struct findings findings;
    const struct report report = {&set, &nt, &findings};
    report_odd_sizes(&set);
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
    if (code == EXIT_DONE && set.report.problem == PAIR_NONE)
        code = explain_no_mirror(&set, &nt, json);
    else if (code == EXIT_DONE && set.report.problem != PAIR_OK)
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
    .usage =
        "usage: mkbootdisk survey [--json] DISK...\n\n"
        "Shows partitions, mirrors, the state of each half and the verdict. Reads a sample of each half, not all\n"
        "of it, and writes nothing. Exit code 0: a healthy mirror, or ordinary volumes that the registry takes for\n"
        "such (after a break); 1: something is wrong, and it says what.\n",
    .run = run,
};
