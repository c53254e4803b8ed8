/* SPDX-License-Identifier: MIT */
/* `mkbootdisk undo`: write back what the journal of a boot disk or an undo file recorded. */
#include <getopt.h>

#include "report.h"
#include "writing.h"

enum option_code { OPT_FINISH = 256, OPT_DRY, OPT_JSON, OPT_WRITE, OPT_HELP };

static const struct option options[] = {
    {"finish", no_argument, NULL, OPT_FINISH}, {"dry-run", no_argument, NULL, OPT_DRY},
    {"json", no_argument, NULL, OPT_JSON},     {"write", no_argument, NULL, OPT_WRITE},
    {"help", no_argument, NULL, OPT_HELP},     {NULL, 0, NULL, 0}};

static enum exit_code check_state(const struct host_journal *journal, bool finish)
{
    enum journal_state state = journal->journal->state;
    if (state == JOURNAL_PENDING || (state == JOURNAL_DONE && !finish))
        return EXIT_DONE;
    return complain(EXIT_FOUND, "%s: there is nothing to %s (state %s)", journal->path, finish ? "finish" : "undo",
                    journal_state_name(state));
}

/* An undo shows the bytes it will write as the new ones. */
static void turn_round(struct changeset *changes)
{
    for (unsigned i = 0; i < changes->count; i++) {
        uint8_t sector[SECTOR_BYTES];
        memcpy(sector, changes->change[i].old_bytes, sizeof sector);
        memcpy(changes->change[i].old_bytes, changes->change[i].new_bytes, sizeof sector);
        memcpy(changes->change[i].new_bytes, sector, sizeof sector);
        snprintf(changes->change[i].why, sizeof changes->change[i].why, "as it was before the change");
    }
}

static enum exit_code replay(const struct writing *writing, bool finish, struct host_journal *journal,
                             struct host_set *set)
{
    static struct changeset changes;
    enum exit_code code = check_state(journal, finish);
    if (code != EXIT_DONE)
        return code;
    if (journal_changes(journal->store, journal->journal, &changes) != ST_OK)
        return complain(
            EXIT_IO,
            "%s: the recorded sectors (from offset 1024) do not match their checksum; nothing was changed. Take a "
            "copy of it, or restore the sectors from SAVED.BIN of the boot disk",
            journal->path);
    if (!finish)
        turn_round(&changes);
    writing_show(writing, set, &changes);
    if (writing->dry_run)
        return writing_look(journal, set, !finish, &changes);
    return writing_agreed(writing) ? writing_replay(journal, set, !finish, &changes) : EXIT_REFUSED;
}

static enum exit_code run(int argc, char **argv)
{
    static struct host_set set;
    static struct host_journal journal;
    struct writing writing = {0};
    bool finish = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPT_HELP)
            return show_usage(&undo_command);
        if (option == '?')
            return bad_usage(&undo_command);
        finish |= option == OPT_FINISH;
        writing.dry_run |= option == OPT_DRY;
        writing.json |= option == OPT_JSON;
        writing.write |= option == OPT_WRITE;
    }
    if (argc - optind < 2)
        return complain(EXIT_USAGE, "give a boot disk or undo file, and the disks; see 'mkbootdisk undo --help'");
    enum exit_code code = journal_file_open(argv[optind], &journal);
    if (code != EXIT_DONE)
        return code;
    code = host_set_open(argv + optind + 1, argc - optind - 1, true, &set);
    if (code == EXIT_DONE) {
        code = replay(&writing, finish, &journal, &set);
        host_set_close(&set);
    }
    journal_file_close(&journal);
    return code;
}

const struct command undo_command = {
    .name = "undo",
    .summary = "write back what was changed, or finish a change that was interrupted",
    .usage = "usage: mkbootdisk undo [OPTIONS] BOOTDISK|UNDOFILE DISK...\n\n"
             "Writes the old sectors back. Each sector must still hold what was written, or what was there before;\n"
             "otherwise nothing is changed.\n\n"
             "  --finish   complete an interrupted change instead of undoing it\n"
             "  --dry-run  show what would be written\n"
             "  --json     as JSON\n"
             "  --write    write without asking\n",
    .run = run,
};
