/* SPDX-License-Identifier: MIT */
/* Writing to disks. */
#include "writing.h"

#include <string.h>
#include <unistd.h>

#include "report.h"
#include "sitetext.h"

bool writing_agreed(const struct writing *writing)
{
    char answer[8] = "";
    if (writing->write)
        return true;
    if (!isatty(STDIN_FILENO)) {
        complain(EXIT_REFUSED, "nothing was written; say --write to do it, or --dry-run to look");
        return false;
    }
    fputs("Write this? (yes/no) ", stdout);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0)
        return true;
    complain(EXIT_REFUSED, "nothing was written");
    return false;
}

void writing_show(const struct writing *writing, const struct host_set *set, const struct changeset *changes)
{
    if (writing->json)
        report_json(report_changes_json(changes));
    else
        report_changes(set, changes);
}

struct progress {
    const struct host_set *set;
    const struct changeset *changes;
};

static void show_progress(struct applier *applier, unsigned index, bool undone)
{
    const struct progress *progress = applier->owner;
    const struct change *change = &progress->changes->change[index];
    printf("%s: %s, sector %llu: %s\n", undone ? "undone" : "written", host_set_path(progress->set, change->signature),
           (unsigned long long)change->lba, change->why);
}

/* The last entry of the trail is where the refusal was born; what came before it is its cause. */
static enum exit_code complain_about(const struct host_set *set, enum status status)
{
    const struct trail *trail = &set->trail;
    enum exit_code code = status == ST_IO ? EXIT_IO : EXIT_REFUSED;
    if (trail->used == 0)
        return complain(code, "the change was refused (%s)", status_name(status));
    for (unsigned i = 0; i < trail->used; i++)
        complain(code, "%s, disk %u, sector %llu: %s", site_code(trail->entry[i].site),
                 trail->entry[i].drive >= 0x80 ? trail->entry[i].drive - 0x80u + 1 : 0,
                 (unsigned long long)trail->entry[i].lba, site_text(trail->entry[i].site));
    return code;
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

static enum exit_code open_journal(const struct writing *writing, struct host_journal *journal)
{
    if (writing->bootdisk == NULL)
        return journal_file_create(writing->undo_file, journal);
    return journal_file_open(writing->bootdisk, journal);
}

enum exit_code writing_apply(const struct writing *writing, struct host_set *set, const struct changeset *changes)
{
    static struct host_journal journal;
    struct progress progress = {set, changes};
    enum exit_code code = open_journal(writing, &journal);
    if (code != EXIT_DONE)
        return code;
    code = journal_file_make_writable(&journal);
    if (code == EXIT_DONE)
        code = host_set_make_writable(set, changes);
    if (code == EXIT_DONE) {
        struct applier applier = make_applier(set, &journal, &progress);
        enum status status = apply_changes(&applier, changes, false);
        if (status != ST_OK)
            code = complain_about(set, status);
        else
            printf("To undo it: mkbootdisk undo %s DISK...\n", journal.path);
    }
    journal_file_close(&journal);
    return code;
}

enum exit_code writing_replay(struct host_journal *journal, struct host_set *set, bool undo, struct changeset *changes)
{
    struct progress progress = {set, changes};
    enum exit_code code = journal_file_make_writable(journal);
    if (code == EXIT_DONE)
        code = host_set_make_writable(set, changes);
    if (code != EXIT_DONE)
        return code;
    struct applier applier = make_applier(set, journal, &progress);
    enum status status = apply_journal(&applier, undo, changes);
    return status == ST_OK ? EXIT_DONE : complain_about(set, status);
}
