/* SPDX-License-Identifier: MIT */
/* Changing disks. */
#include "repair.h"

#include "change/break.h"
#include "change/promote.h"
#include "change/retire.h"
#include "ui/screen.h"

#define LISTED_AT_ONCE 10u /* changes of two lines each; a screen has 25 */

static void show_progress(struct applier *applier, unsigned index, bool undone)
{
    struct loader *loader = applier->owner;
    loader->changed = true;
    screen_change(loader, index, undone ? "undone" : "done");
}

static struct applier make_applier(struct loader *loader)
{
    return (struct applier){.inventory = &loader->inventory,
                            .writer = &loader->fw->writer,
                            .store = loader->boot.journal_status == ST_OK ? &loader->boot.store : 0,
                            .journal = &loader->boot.journal,
                            .trail = &loader->trail,
                            .progress = show_progress,
                            .owner = loader};
}

static bool ask_yes(struct loader *loader, const char *question)
{
    screen_say(loader, question, COLOUR_BAD);
    return loader->fw->key(loader->fw, KEY_WAIT_FOREVER) == 'y';
}

/* The mirrors to break: the first one, and those on the same disks, which have lost the same half. Any other stays. */
static void choose_sets(const struct loader *loader, enum role keep, struct dissolution *out)
{
    for (unsigned i = 0; i < loader->config.set_count; i++) {
        const struct set_survey *survey = &loader->survey[i];
        out->keep[i] = keep;
        out->wanted[i] = i == 0 || (survey->verdict.may_break && survey->verdict.source == keep &&
                                    survey->place[keep].disk == loader->survey[0].place[keep].disk);
    }
}

static enum status plan_break(struct loader *loader, struct break_job *job, bool attended)
{
    enum status status = break_plan(job, BREAK_COMPLETE);
    if (status == ST_REFUSED && job->obstacle != OBSTACLE_NONE) {
        screen_obstacle(loader, job);
        if (attended && !ask_yes(loader, "Change only the partition types (Q147690)? NT starts then, and Disk\n"
                                         "Administrator can finish the break. (y/n)\n"))
            return ST_REFUSED;
        return break_plan(job, BREAK_TYPES_ONLY);
    }
    if (status == ST_OK)
        screen_letters(loader, job);
    return status;
}

static enum status plan_promotion(struct loader *loader, const struct break_job *broken, enum role keep)
{
    struct disk *disk = loader->survey[0].place[keep].disk;
    struct promote_job job = {
        .config = &loader->config, .survey = loader->survey, .work = loader->fw->work, .changes = &loader->changes};
    memcpy(job.breaking, broken->what.wanted, sizeof job.breaking);
    if (disk == 0)
        return ST_REFUSED;
    job.geometry = disk->geometry;
    enum status status = promote_plan(&job, disk);
    if (status == ST_REFUSED)
        screen_refusal(loader, promote_text(job.refusal));
    if (job.is_nt && (status == ST_OK || job.refusal == PROMOTE_BOOT_INI))
        screen_note(loader, bootpath_text(job.boot_ini));
    if (status == ST_OK && job.code == PROMOTE_CODE_VENDOR)
        screen_note(loader, "the MBR code of the machine's vendor stays; it may not start this disk (A02)");
    return status;
}

static enum status plan_retirement(struct loader *loader, const struct break_job *broken, enum role other)
{
    struct disk *disk = loader->survey[0].place[other].disk;
    struct retire_job job = {.inventory = &loader->inventory,
                             .config = &loader->config,
                             .survey = loader->survey,
                             .changes = &loader->changes};
    memcpy(job.breaking, broken->what.wanted, sizeof job.breaking);
    memcpy(job.keep, broken->what.keep, sizeof job.keep);
    job.refusal = RETIRE_NO_HALF;
    enum status status = disk != 0 ? retire_plan(&job, disk) : ST_REFUSED;
    if (status == ST_REFUSED)
        screen_refusal(loader, retire_text(job.refusal));
    return status;
}

enum status repair_plan(struct loader *loader, const struct repair *wish, bool attended)
{
    struct break_job job = {.inventory = &loader->inventory,
                            .survey = loader->survey,
                            .work = loader->fw->work,
                            .changes = &loader->changes,
                            .what = {.config = &loader->config}};
    enum status status = ST_OK;
    loader->changes.count = 0;
    if (wish->break_mirror) {
        choose_sets(loader, wish->keep, &job.what);
        status = plan_break(loader, &job, attended);
    }
    if (status == ST_OK && wish->promote)
        status = plan_promotion(loader, &job, wish->keep);
    if (status != ST_OK || !wish->retire)
        return status;
    status = plan_retirement(loader, &job, (enum role)(1 - wish->keep));
    /* Unattended, a disk that cannot be retired is no reason to leave the mirror whole. */
    return status == ST_REFUSED && !attended ? ST_OK : status;
}

void repair_list(struct loader *loader, const char *state, bool attended)
{
    for (unsigned i = 0; i < loader->changes.count; i++) {
        if (attended && i > 0 && i % LISTED_AT_ONCE == 0) {
            screen_say(loader, "More: any key.\n", COLOUR_NORMAL);
            (void)loader->fw->key(loader->fw, KEY_WAIT_FOREVER);
        }
        screen_change(loader, i, state);
    }
}

/* What was written has changed the facts. */
static void look_again(struct loader *loader)
{
    for (unsigned i = 0; i < loader->inventory.count; i++)
        inventory_refresh(&loader->inventory.disk[i]);
    loader_decide(loader);
}

void repair_ask(struct loader *loader, struct repair *wish)
{
    static const char *const retire[ROLE_COUNT] = {"Shall the primary be retired, so that it can do no harm? (y/n)\n",
                                                   "Shall the shadow be retired, so that it can do no harm? (y/n)\n"};
    const struct member_place *other = &loader->survey[0].place[1 - wish->keep];
    wish->promote = ask_yes(loader, "Shall it start without this boot disk from now on? (y/n)\n");
    if (other->partition != 0 && other->disk->table.status == ST_OK)
        wish->retire = ask_yes(loader, retire[1 - wish->keep]);
}

static enum status apply(struct loader *loader, bool attended)
{
    struct applier applier = make_applier(loader);
    bool replace = false;
    enum status status = ST_REFUSED;
    if (attended && !ask_yes(loader, "Write this? (y/n)\n"))
        return status;
    if (applier.store != 0) {
        if (loader->boot.journal.state == JOURNAL_DONE)
            replace = attended && ask_yes(loader, "Give up the undo of the last change? (y/n)\n");
        status = bootdisk_check(&loader->boot);
        if (status == ST_OK)
            status = apply_changes(&applier, &loader->changes, replace);
        if (!applier.unrecorded)
            return status;
    }
    /* The boot disk has no journal, or cannot be written. */
    if (!attended || !ask_yes(loader, "No journal. Go on without an undo? (y/n)\n"))
        return status;
    applier.store = 0;
    return apply_changes(&applier, &loader->changes, false);
}

static enum status run_once(struct loader *loader, const struct repair *wish, bool attended)
{
    enum status status = repair_plan(loader, wish, attended);
    if (status == ST_OK && attended)
        repair_list(loader, "planned", true);
    if (status == ST_OK && loader->changes.count > 0)
        status = apply(loader, attended);
    else if (status == ST_OK)
        screen_note(loader, "there is nothing to change");
    look_again(loader);
    return status;
}

enum status repair_run(struct loader *loader, const struct repair *wish, bool attended)
{
    struct repair less = *wish;
    enum status status = run_once(loader, wish, attended);
    /* A disk that dies may well be readable and not writable: then the survivor's half of the work is done alone. */
    less.retire = false;
    if (status == ST_IO && wish->retire && !attended && loader->boot.journal.state == JOURNAL_UNDONE)
        status = run_once(loader, &less, attended);
    return status;
}

enum status repair_replay(struct loader *loader, bool undo)
{
    struct applier applier = make_applier(loader);
    enum status status = journal_changes(&loader->boot.store, &loader->boot.journal, &loader->changes);
    if (status == ST_OK) {
        repair_list(loader, "recorded", true);
        status = ask_yes(loader, undo ? "Undo this? (y/n)\n" : "Finish this? (y/n)\n") ? bootdisk_check(&loader->boot)
                                                                                       : ST_REFUSED;
    }
    if (status == ST_OK)
        status = apply_journal(&applier, undo, &loader->changes);
    look_again(loader);
    return status;
}
