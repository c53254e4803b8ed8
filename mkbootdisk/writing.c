/* SPDX-License-Identifier: MIT */
/* Writing to disks. */
#include "writing.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "report.h"
#include "sitetext.h"

bool writing_take_option(struct writing *writing, int option, const char *value)
{
    switch (option) {
    case WRITING_DRY:
        return writing->dry_run = true;
    case WRITING_JSON:
        return writing->json = true;
    case WRITING_WRITE:
        return writing->write = true;
    case WRITING_REPLACE:
        return writing->replace = true;
    case WRITING_BOOTDISK:
        writing->bootdisk = value;
        return true;
    case WRITING_UNDO:
        writing->undo_file = value;
        return true;
    default:
        return false;
    }
}

bool writing_agreed(const struct writing *writing)
{
    char answer[8] = "";
    if (writing->write)
        return true;
    if (!isatty(STDIN_FILENO)) {
        complain(EXIT_REFUSED, "nothing was written; say --write to do it, or --dry-run to look");
        return false;
    }
    for (bool again = true; again;) {
        fputs("Write this? (yes/no) ", stdout);
        fflush(stdout);
        if (fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0)
            return true;
        again = strcasecmp(answer, "y\n") == 0; /* meant well, but it takes the whole word */
        if (again)
            puts("Please type yes in full, or no.");
    }
    complain(EXIT_REFUSED, "nothing was written");
    return false;
}

void writing_show(const struct writing *writing, const struct host_set *set, const struct changeset *changes)
{
    if (writing->json)
        report_json(report_changes_json(changes));
    else
        report_changes(set, changes);
    fflush(stdout); /* what will be written is told before it is, in a log as well */
}

struct progress {
    const struct host_set *set;
    const struct changeset *changes;
    const struct host_journal *journal;
};

/* To standard error: standard output may be JSON. */
static void show_progress(struct applier *applier, unsigned index, bool undone)
{
    const struct progress *progress = applier->owner;
    const struct change *change = &progress->changes->change[index];
    fprintf(stderr, "%s: %s, sector %llu: %s\n", undone ? "undone" : "written",
            host_set_path(progress->set, progress->changes, change->signature), (unsigned long long)change->lba,
            change->why);
}

/* The file an error is about: the journal's sites say J, and have no drive; a disk that is not there has none either.
 */
static const char *subject_of(const struct trail_entry *entry, const struct progress *progress)
{
    static char missing[512];
    int used = 0;
    uint32_t signature = 0;
    unsigned index;
    if (site_code(entry->site)[0] == 'J')
        return progress->journal->path;
    for (unsigned i = 0; i < progress->set->count; i++)
        if (progress->set->disk[i].device.drive == entry->drive)
            return progress->set->disk[i].path;
    for (unsigned i = 0; i < progress->set->count && used < (int)sizeof missing; i++)
        used += snprintf(missing + used, sizeof missing - (size_t)used, "%s%s", i > 0 ? ", " : "",
                         progress->set->disk[i].path);
    for (unsigned i = 0; i < progress->changes->count; i++)
        if (progress->changes->change[i].lba == entry->lba &&
            !host_set_has(progress->set, progress->changes, progress->changes->change[i].signature, &index))
            signature = progress->changes->change[i].signature;
    if (used < (int)sizeof missing)
        snprintf(missing + used, sizeof missing - (size_t)used, " (wanted: signature %08x)", signature);
    return missing;
}

static enum exit_code complain_about(const struct progress *progress, enum status status)
{
    const struct trail *trail = &progress->set->trail;
    enum exit_code code = status == ST_IO ? EXIT_IO : EXIT_REFUSED;
    if (trail->used == 0)
        return complain(code, "%s: the change was refused (%s)", progress->journal->path, status_name(status));
    for (unsigned i = 0; i < trail->used; i++) {
        const struct trail_entry *entry = &trail->entry[i];
        complain(code, "%s, sector %llu: %s ('mkbootdisk explain %s')", subject_of(entry, progress),
                 (unsigned long long)entry->lba, site_text(entry->site), site_code(entry->site));
    }
    return code;
}

/* The command that undoes it, ready to be pasted. */
static void print_undo_command(const struct host_journal *journal, const struct host_set *set)
{
    fputs("To undo it: mkbootdisk undo ", stdout);
    report_word(journal->path, stdout);
    report_paths(set);
}

static struct applier make_applier(struct host_set *set, struct host_journal *journal, struct progress *progress)
{
    set->trail.used = 0; /* what follows shall be told alone */
    journal->store->trail = &set->trail;
    return (struct applier){.inventory = &set->inventory,
                            .writer = &set->writer,
                            .store = journal->store,
                            .journal = journal->journal,
                            .trail = &set->trail,
                            .progress = show_progress,
                            .owner = progress};
}

enum exit_code writing_apply(const struct writing *writing, struct host_set *set, const struct changeset *changes)
{
    static struct host_journal journal;
    struct progress progress = {set, changes, &journal};
    enum exit_code code = journal_file_use(writing->bootdisk, writing->undo_file, writing->replace, &journal);
    if (code != EXIT_DONE)
        return code;
    code = journal_file_make_writable(&journal);
    if (code == EXIT_DONE)
        code = host_set_make_writable(set, changes);
    if (code == EXIT_DONE) {
        struct applier applier = make_applier(set, &journal, &progress);
        enum status status = apply_changes(&applier, changes, writing->replace);
        if (status != ST_OK)
            code = complain_about(&progress, status);
        else if (!writing->json)
            print_undo_command(&journal, set);
    }
    journal_file_close(&journal);
    return code;
}

enum exit_code writing_look(struct host_journal *journal, struct host_set *set, bool undo, struct changeset *changes)
{
    struct progress progress = {set, changes, journal};
    struct applier applier = make_applier(set, journal, &progress);
    enum status status = apply_look(&applier, undo, changes);
    return status == ST_OK ? EXIT_DONE : complain_about(&progress, status);
}

enum exit_code writing_replay(struct host_journal *journal, struct host_set *set, bool undo, struct changeset *changes)
{
    struct progress progress = {set, changes, journal};
    enum exit_code code = journal_file_make_writable(journal);
    if (code == EXIT_DONE)
        code = host_set_make_writable(set, changes);
    if (code != EXIT_DONE)
        return code;
    struct applier applier = make_applier(set, journal, &progress);
    enum status status = apply_journal(&applier, undo, changes);
    return status == ST_OK ? EXIT_DONE : complain_about(&progress, status);
}

/* Whether what is given to keep the undo in can take it. An undo file that is not there yet is not made. */
static enum exit_code look_at_journal(const struct writing *writing)
{
    static struct host_journal journal;
    if (writing->bootdisk == NULL && access(writing->undo_file, F_OK) != 0)
        return EXIT_DONE;
    enum exit_code code = journal_file_use(writing->bootdisk, writing->undo_file, writing->replace, &journal);
    if (code == EXIT_DONE)
        journal_file_close(&journal);
    return code;
}

enum exit_code writing_carry_out(const struct writing *writing, struct host_set *set, const struct changeset *changes,
                                 const char *nothing)
{
    writing_show(writing, set, changes);
    if (changes->count == 0 && !writing->json)
        printf("Nothing to do: %s.\n", nothing);
    if (changes->count == 0)
        return EXIT_DONE;
    if (writing->dry_run)
        return look_at_journal(writing);
    return writing_agreed(writing) ? writing_apply(writing, set, changes) : EXIT_REFUSED;
}
