/* SPDX-License-Identifier: MIT */
/* `mkbootdisk journal` and `mkbootdisk log`: what a boot disk (or an undo file) recorded, for a person to read. */
#include <getopt.h>
#include <string.h>

#include "journalfile.h"
#include "report.h"

enum option_code { OPT_JSON = 256, OPT_HELP };

static const struct option options[] = {
    {"json", no_argument, NULL, OPT_JSON}, {"help", no_argument, NULL, OPT_HELP}, {NULL, 0, NULL, 0}};

/* What a person can do in this state. */
static const char *advice(enum journal_state state)
{
    static const char *const texts[] = {
        "no change was recorded",
        "a change was begun and not completed: 'mkbootdisk undo' takes it back, with --finish it is completed",
        "the change was written; 'mkbootdisk undo' takes it back",
        "the change was taken back",
    };
    return texts[state];
}

static enum exit_code show_journal(const struct host_journal *journal, bool json)
{
    static struct changeset changes;
    const struct journal *state = journal->journal;
    if (state->state != JOURNAL_EMPTY && journal_changes(journal->store, state, &changes) != ST_OK)
        return complain(EXIT_IO,
                        "%s: state %s, but the recorded sectors (from offset 1024) do not match their checksum. Take a "
                        "copy of it, or restore the sectors from SAVED.BIN of the boot disk",
                        journal->path, journal_state_name(state->state));
    if (json) {
        cJSON *out = report_changes_json(&changes);
        cJSON_AddStringToObject(out, "state", journal_state_name(state->state));
        cJSON_AddBoolToObject(out, "doubtful", state->doubtful);
        report_json(out);
        return EXIT_DONE;
    }
    printf("%s: %s; %s.\n", journal->path, journal_state_name(state->state), advice(state->state));
    if (state->doubtful)
        puts("One of its two state records cannot be read: the state may be an older one.");
    report_changes(NULL, &changes);
    return EXIT_DONE;
}

static enum exit_code show_log(const char *path, struct bootdisk *boot, bool json)
{
    uint8_t sector[SECTOR_BYTES + 1];
    size_t used = 0;
    if (bootdisk_read_log(boot, sector, &used) != ST_OK)
        return complain(EXIT_IO, "%s: FTLOG.TXT is missing or cannot be read. Build the boot disk again", path);
    sector[used] = '\0';
    cJSON *out = cJSON_CreateObject();
    cJSON *starts = cJSON_AddArrayToObject(out, "starts");
    for (char *line = strtok((char *)sector, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        cJSON_AddItemToArray(starts, cJSON_CreateString(line));
        if (!json)
            puts(line);
    }
    if (!json && used == 0)
        printf("%s: no start of a machine that was not healthy.\n", path);
    if (json)
        report_json(out);
    else
        cJSON_Delete(out);
    return EXIT_DONE;
}

/* The options, and the one operand. */
static bool take_arguments(const struct command *command, int argc, char **argv, bool *json, enum exit_code *code)
{
    *code = EXIT_USAGE;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPT_HELP)
            *code = show_usage(command);
        else if (option == OPT_JSON)
            *json = true;
        else
            *code = bad_usage(command);
        if (option != OPT_JSON)
            return false;
    }
    if (argc - optind == 1)
        return true;
    *code = complain(EXIT_USAGE, "give one boot disk; see 'mkbootdisk %s --help'", command->name);
    return false;
}

static enum exit_code run_journal(int argc, char **argv)
{
    static struct host_journal journal;
    bool json = false;
    enum exit_code code;
    if (!take_arguments(&journal_command, argc, argv, &json, &code))
        return code;
    code = journal_file_open(argv[optind], &journal);
    if (code != EXIT_DONE)
        return code;
    code = show_journal(&journal, json);
    journal_file_close(&journal);
    return code;
}

static enum exit_code run_log(int argc, char **argv)
{
    static struct host_boot boot;
    bool json = false;
    enum exit_code code;
    if (!take_arguments(&log_command, argc, argv, &json, &code))
        return code;
    code = host_boot_open(argv[optind], &boot);
    if (code != EXIT_DONE)
        return code;
    code = show_log(argv[optind], &boot.boot, json);
    host_boot_close(&boot);
    return code;
}

const struct command journal_command = {
    .name = "journal",
    .summary = "print the change that a boot disk or an undo file recorded",
    .usage = "usage: mkbootdisk journal [--json] BOOTDISK|UNDOFILE\n\n"
             "Prints the state of the journal and each sector of the change: old bytes, new bytes, reason.\n",
    .run = run_journal,
};

const struct command log_command = {
    .name = "log",
    .summary = "print the last starts that the loader noted on a boot disk",
    .usage = "usage: mkbootdisk log [--json] BOOTDISK\n\n"
             "Prints FTLOG.TXT: one line for each start of a machine that was not healthy, the oldest first.\n",
    .run = run_log,
};
