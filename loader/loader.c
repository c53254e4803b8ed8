/* SPDX-License-Identifier: MIT */
/* The loader, step by step. Each step leaves its result in struct loader; loader_run at the end is the story. */
#include "loader.h"

#include "mirror/evidence.h"
#include "mirror/pair.h"
#include "ui/menu.h"
#include "ui/screen.h"

enum action { ACT_START, ACT_BREAK, ACT_FINISH, ACT_UNDO, ACT_DRYRUN, ACT_RESTART };

struct choice {
    enum action action;
    enum role role;
};

struct choices {
    struct menu menu;
    struct choice choice[MENU_ITEMS_MAX];
};

#define LOG_LINE_BYTES 160u

static void look_at_disks(struct loader *loader)
{
    struct firmware *fw = loader->fw;
    struct blockdev *device;
    struct geometry geometry;
    for (unsigned i = 0; i < DISKS_MAX && fw->disk_open(fw, i, &device, &geometry) == ST_OK; i++) {
        screen_disk_before(loader, device->drive);
        device->trail = &loader->trail;
        screen_disk(loader, inventory_add(&loader->inventory, device, &geometry));
    }
}

static void find_sets(struct loader *loader)
{
    struct pair_report report;
    if (loader->config.set_count > 0 && loader->boot.config_status == ST_OK)
        return;
    /* Whatever was understood of a damaged file is no reason to write to a disk. */
    loader->config.policy = BREAK_ASK;
    loader->config.system_set = 0;
    pair_find(&loader->inventory, true, &loader->config, &report);
}

static bool has_journal(const struct loader *loader, enum journal_state state)
{
    return loader->boot.journal_status == ST_OK && loader->boot.journal.state == state;
}

/* A change was begun and not undone: from then on one half may have gone on alone. */
static bool went_alone(const struct loader *loader)
{
    enum journal_state state = loader->boot.journal.state;
    return state == JOURNAL_PENDING || state == JOURNAL_DONE;
}

/* Whether this member may be the older half because its twin was kept by a break. The journal names the disk that was
 * kept; a journal that cannot be read leaves every half under suspicion. The twin of a half that was found by its type
 * may be any other disk. A twin that is a member again was mirrored anew. */
static bool was_left_behind(const struct loader *loader, const struct set_survey *survey, const struct member_id *set,
                            unsigned role)
{
    uint32_t twin = set[1 - role].signature;
    bool left = went_alone(loader) && loader->changes.count == 0;
    for (unsigned i = 0; i < loader->changes.count; i++)
        left |= loader->changes.change[i].signature == twin;
    for (unsigned i = 0; i < loader->inventory.count; i++)
        left |= twin == 0 && &loader->inventory.disk[i] != survey->place[role].disk && !loader->inventory.disk[i].dead;
    return left && !survey->facts.member[1 - role].ft_bit;
}

static void decide(struct loader *loader)
{
    if (!went_alone(loader) || journal_changes(&loader->boot.store, &loader->boot.journal, &loader->changes) != ST_OK)
        loader->changes.count = 0;
    for (unsigned i = 0; i < loader->config.set_count; i++) {
        const struct member_id *member = loader->config.set[i].member;
        struct set_survey *survey = &loader->survey[i];
        facts_gather(&loader->inventory, &loader->config, i, SAMPLES, survey);
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            survey->facts.member[role].left_behind = was_left_behind(loader, survey, member, role);
    }
    evidence_gather(&loader->inventory, &loader->config, loader->survey, loader->fw->work);
}

/* Windows NT may have moved to another folder since the boot disk was built. */
static void check_system(struct loader *loader)
{
    const struct config *config = &loader->config;
    if (config->system_set == 0 || config->system_set > config->set_count)
        return;
    const struct set_survey *survey = &loader->survey[config->system_set - 1];
    size_t bytes = text_length(config->system_path) + 1;
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (survey->facts.member[role].readable && loader->fw->work != 0 &&
            !text_same(config->system_path, survey->evidence[role].directory, bytes))
            freshness_add(&loader->freshness, OUTDATED_SYSTEM, survey->place[role].disk->table.signature);
}

/* What the boot disk was built for, against what is here. */
static void check_freshness(struct loader *loader)
{
    if (loader->boot.config_status != ST_OK)
        return;
    freshness_check(&loader->inventory, &loader->config, &loader->freshness);
    check_system(loader);
    screen_freshness(loader);
}

void loader_look(struct loader *loader, struct firmware *fw)
{
    memset(loader, 0, sizeof *loader);
    loader->fw = fw;
    config_init(&loader->config);
    bootdisk_open(&loader->boot, fw, &loader->trail, &loader->config);
    fw->serial = loader->config.serial;
    screen_start(loader);
    look_at_disks(loader);
    find_sets(loader);
    decide(loader);
    for (unsigned i = 0; i < loader->config.set_count; i++)
        screen_set(loader, i);
    check_freshness(loader);
    screen_errors(loader);
}

static void offer(struct choices *choices, enum action action, enum role role, const char *text)
{
    struct menu *menu = &choices->menu;
    struct text item;
    if (menu->count == MENU_ITEMS_MAX)
        return;
    choices->choice[menu->count] = (struct choice){action, role};
    text_init(&item, menu->item[menu->count++], MENU_ITEM_BYTES);
    text_add(&item, text, role_name(role));
}

/* Windows NT may be on another mirror than the one that is started: then the disk that is started must have the good
 * half of both. */
static bool system_is_elsewhere(const struct loader *loader, enum role source)
{
    if (loader->config.system_set < 2)
        return false;
    const struct set_survey *system = &loader->survey[loader->config.system_set - 1];
    if (system->verdict.state == SET_HEALTHY)
        return false;
    return system->verdict.source == ROLE_NONE ||
           system->place[system->verdict.source].disk != loader->survey[0].place[source].disk;
}

/* The half that the verdict would start, if that is beyond doubt for every mirror that matters. */
static enum role certain_source(const struct loader *loader)
{
    enum role source = loader->config.set_count > 0 ? loader->survey[0].verdict.source : ROLE_NONE;
    return source != ROLE_NONE && system_is_elsewhere(loader, source) ? ROLE_NONE : source;
}

static bool will_break(const struct loader *loader)
{
    return loader->config.policy == BREAK_AUTO && loader->survey[0].verdict.may_break && !loader->changed &&
           certain_source(loader) != ROLE_NONE;
}

/* The half that is started if nobody presses a key. NT stops while its registry does not know the mirror; only a
 * person, or the policy, may break it. */
enum role loader_default(const struct loader *loader)
{
    enum role source = certain_source(loader);
    bool stops = source != ROLE_NONE && loader->survey[0].verdict.must_break && !will_break(loader);
    return stops ? ROLE_NONE : source;
}

/* Only a half that is there can be started; one that is not the verdict's choice only by a person's own choice. */
static void offer_half(struct loader *loader, struct choices *choices, enum role role)
{
    const struct set_survey *survey = &loader->survey[0];
    const struct mirror_verdict *verdict = &survey->verdict;
    bool chosen = role == verdict->source;
    bool broken = !survey->facts.member[role].ft_bit;
    bool both_stale = verdict->member[ROLE_PRIMARY] == MEMBER_STALE && verdict->member[ROLE_SHADOW] == MEMBER_STALE;
    bool by_choice = verdict->state == SET_SPLIT && (both_stale || verdict->member[role] == MEMBER_GOOD);
    if (survey->place[role].partition == 0)
        return;
    if (both_stale)
        offer(choices, ACT_START, role, "Start the %s: what only the other half has would be lost");
    else if (verdict->member[role] == MEMBER_STALE)
        offer(choices, ACT_START, role, "Start the %s, which is OLDER: later changes would be lost");
    else if (verdict->member[role] == MEMBER_REBUILDING)
        offer(choices, ACT_START, role, "Start the %s, an UNFINISHED copy");
    else if (!chosen && verdict->state == SET_HEALTHY)
        offer(choices, ACT_START, role, "Start the %s (NT stops while the primary is connected)");
    else
        offer(choices, ACT_START, role, "Start the %s");
    if (broken || will_break(loader) || loader->config.policy == BREAK_NEVER ||
        !(chosen ? verdict->may_break : by_choice))
        return;
    offer(choices, ACT_BREAK, role, "Break the mirror, keeping the %s, then start it");
}

static void build_choices(struct loader *loader, struct choices *choices)
{
    enum role source = loader->config.set_count > 0 ? loader->survey[0].verdict.source : ROLE_NONE;
    memset(choices, 0, sizeof *choices);
    choices->menu.has_default = loader_default(loader) != ROLE_NONE;
    if (will_break(loader))
        offer(choices, ACT_BREAK, source, "Break the mirror, keeping the %s, then start it");
    if (source != ROLE_NONE)
        offer_half(loader, choices, source);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (role != source && loader->config.set_count > 0)
            offer_half(loader, choices, (enum role)role);
    if (has_journal(loader, JOURNAL_PENDING)) {
        offer(choices, ACT_FINISH, ROLE_NONE, "Finish the interrupted change");
        offer(choices, ACT_UNDO, ROLE_NONE, "Undo the interrupted change");
    } else if (has_journal(loader, JOURNAL_DONE))
        offer(choices, ACT_UNDO, ROLE_NONE, "Undo the last change");
    for (unsigned role = 0; role < ROLE_COUNT && loader->fw->work != 0 && loader->config.set_count > 0; role++)
        if (loader->survey[0].place[role].partition != 0 && (source == ROLE_NONE || source == role))
            offer(choices, ACT_DRYRUN, (enum role)role, "Dry run: would the %s start? Nothing is started or written");
    offer(choices, ACT_RESTART, ROLE_NONE, "Restart the machine");
}

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

/* What was written has changed the facts. */
static void look_again(struct loader *loader)
{
    for (unsigned i = 0; i < loader->inventory.count; i++)
        inventory_refresh(&loader->inventory.disk[i]);
    decide(loader);
}

static bool ask_yes(struct loader *loader, const char *question)
{
    screen_say(loader, question, COLOUR_BAD);
    return loader->fw->key(loader->fw, KEY_WAIT_FOREVER) == 'y';
}

static enum status plan_break(struct loader *loader, enum role keep)
{
    enum status status = ST_OK;
    loader->changes.count = 0;
    for (unsigned i = 0; i < loader->config.set_count && status == ST_OK; i++)
        /* A second set on the same disks has lost the same half; any other set stays as it is. */
        if (i == 0 || (loader->survey[i].verdict.may_break &&
                       loader->survey[i].place[keep].disk == loader->survey[0].place[keep].disk))
            status = break_plan(&loader->survey[i], keep, &loader->changes);
    return status;
}

static void list_changes(struct loader *loader)
{
    for (unsigned i = 0; i < loader->changes.count; i++)
        screen_change(loader, i, "planned");
}

/* Break the mirror. `attended`: a person is there to be asked. */
static enum status break_mirror(struct loader *loader, enum role keep, bool attended)
{
    struct applier applier = make_applier(loader);
    bool replace = false;
    enum status status = plan_break(loader, keep);
    if (status == ST_OK && has_journal(loader, JOURNAL_DONE))
        replace = attended && ask_yes(loader, "Give up the undo of the last change? (y/n)\n");
    if (status == ST_OK && applier.store == 0 &&
        !(attended && ask_yes(loader, "No journal. Go on without an undo? (y/n)\n")))
        status = ST_REFUSED;
    if (attended)
        list_changes(loader);
    if (status == ST_OK)
        status = apply_changes(&applier, &loader->changes, replace);
    look_again(loader);
    return status;
}

static enum status replay(struct loader *loader, bool undo)
{
    struct applier applier = make_applier(loader);
    enum status status = apply_journal(&applier, undo, &loader->changes);
    look_again(loader);
    return status;
}

static enum status load_ntldr(struct loader *loader, const struct fat *fat)
{
    struct fat_file file;
    enum status status = fat_open(fat, FILE_NTLDR, &file);
    return status != ST_OK ? status : fat_read(&file, loader->fw->loader_room, loader->fw->loader_room_bytes);
}

/* NTLDR finds its files through the boot sector at 0000:7C00: the boot disk's own when it comes from there. */
static enum status prepare_method(struct loader *loader)
{
    struct boot_plan *plan = &loader->plan;
    struct set_survey *survey = &loader->survey[0];
    struct fat fat;
    if (plan->method == METHOD_NTLDR_FLOPPY) {
        enum status status = load_ntldr(loader, &loader->boot.fat);
        return status != ST_OK ? status : blockdev_read(&loader->boot.cache.device, 0, 1, plan->boot_sector);
    }
    if (plan->method == METHOD_MBR)
        memcpy(plan->boot_sector, plan->mbr, SECTOR_BYTES);
    if (plan->method != METHOD_NTLDR_DISK)
        return ST_OK;
    const struct member_place *place = &survey->place[plan->source];
    enum status status = fat_mount(&place->disk->reader.device, place->partition->start_lba, &fat);
    return status != ST_OK ? status : load_ntldr(loader, &fat);
}

static void write_log(struct loader *loader)
{
    const struct mirror_verdict *verdict = &loader->survey[0].verdict;
    char line[LOG_LINE_BYTES];
    struct text text;
    if (verdict->state == SET_HEALTHY && !loader->changed)
        return; /* a healthy machine's floppy is not written to */
    text_init(&text, line, sizeof line);
    text_add(&text, "%s: started the %s by %s%s\r\n", set_state_name(verdict->state), role_name(loader->plan.source),
             method_name(loader->plan.method), loader->changed ? ", disks changed" : "");
    if (bootdisk_log(&loader->boot, line) != ST_OK)
        screen_say(loader, "FTLOG.TXT cannot be written.\n", COLOUR_NORMAL);
}

static void start_half(struct loader *loader, enum role role)
{
    const struct fat *floppy = loader->boot.has_ntldr ? &loader->boot.fat : 0;
    enum status status = plan_make(&loader->inventory, &loader->survey[0], role, floppy, &loader->plan);
    if (status == ST_OK)
        status = prepare_method(loader);
    if (status != ST_OK) {
        (void)trail_fail(&loader->trail, SITE_HANDOFF, status, loader->plan.drive, 0); /* shown with its causes */
        return;
    }
    write_log(loader);
    screen_boot(loader);
    loader->fw->handoff(loader->fw, &loader->plan);
}

static void tell_dryrun(struct dryrun *run, bool good, const char *path, const char *what)
{
    screen_dryrun_file(run->owner, good, path, what);
}

static void dry_run(struct loader *loader, enum role role)
{
    const struct fat *floppy = loader->boot.has_ntldr ? &loader->boot.fat : 0;
    struct dryrun run = {.inventory = &loader->inventory,
                         .survey = loader->survey,
                         .set_count = loader->config.set_count,
                         .plan = &loader->plan,
                         .boot = &loader->boot,
                         .work = loader->fw->work,
                         .tell = tell_dryrun,
                         .owner = loader};
    enum dryrun_result result = DRYRUN_STOPS;
    if (plan_make(&loader->inventory, &loader->survey[0], role, floppy, &loader->plan) == ST_OK)
        result = dryrun_walk(&run);
    screen_dryrun(loader, role, &run, result);
}

static void act(struct loader *loader, struct choice choice, bool attended)
{
    enum status status = ST_OK;
    if (choice.action == ACT_FINISH || choice.action == ACT_UNDO)
        status = replay(loader, choice.action == ACT_UNDO);
    else if (choice.action == ACT_BREAK)
        status = break_mirror(loader, choice.role, attended);
    if (status != ST_OK)
        screen_say(loader, "The change failed.\n", COLOUR_BAD);
    screen_errors(loader); /* before a hand-off, which does not come back */
    /* Unattended, a break that failed must not keep the machine from starting: the half starts unbroken as well. */
    if (choice.action == ACT_START || (choice.action == ACT_BREAK && (status == ST_OK || !attended)))
        start_half(loader, choice.role);
    if (choice.action == ACT_DRYRUN)
        dry_run(loader, choice.role);
    if (choice.action == ACT_RESTART)
        loader->fw->restart(loader->fw);
    screen_errors(loader);
}

static void report_nothing_to_start(struct loader *loader)
{
    bool no_disk = loader->inventory.count == 0;
    (void)trail_fail(&loader->trail, no_disk ? SITE_NO_DISK : SITE_NO_SET, ST_NOT_FOUND, DRIVE_FIRST, 0);
    screen_say(loader,
               no_disk ? "No hard disk answers. Check power, cables, BIOS set-up.\n"
                       : "No mirror was found on these disks.\n",
               COLOUR_BAD);
    screen_errors(loader);
}

/* What will be started, and each sector that will be written, if nobody interferes. */
static void show_intention(struct loader *loader)
{
    screen_intention(loader, loader_default(loader), will_break(loader));
    if (will_break(loader) && plan_break(loader, loader->survey[0].verdict.source) == ST_OK)
        list_changes(loader);
}

void loader_run(struct loader *loader, struct firmware *fw)
{
    struct choices choices;
    loader_look(loader, fw);
    if (loader->config.set_count == 0 || loader->inventory.count == 0)
        report_nothing_to_start(loader);
    int timeout_s = loader->config.timeout_s;
    for (;;) {
        build_choices(loader, &choices);
        if (loader->config.set_count > 0)
            show_intention(loader);
        unsigned chosen = menu_choose(&choices.menu, fw, timeout_s);
        act(loader, choices.choice[chosen], timeout_s == TIMEOUT_FOREVER || chosen > 0);
        timeout_s = TIMEOUT_FOREVER; /* whatever did not work shall not be tried again and again */
        if (fw->stopped)
            return;
    }
}
