/* SPDX-License-Identifier: MIT */
/* The loader, step by step. Each step leaves its result in struct loader; loader_run at the end is the story. */
#include "loader.h"

#include "change/retire.h"
#include "mirror/esp.h"
#include "mirror/evidence.h"
#include "mirror/pair.h"
#include "repair.h"
#include "ui/menu.h"
#include "ui/screen.h"

enum action { ACT_START, ACT_BREAK, ACT_PROMOTE, ACT_RETIRE, ACT_FINISH, ACT_UNDO, ACT_DRYRUN, ACT_COPY, ACT_RESTART };

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
    for (unsigned i = 0; i < DISKS_MAX; i++) {
        enum status status = fw->disk_open(fw, i, &device, &geometry);
        if (status == ST_NOT_FOUND)
            return;
        screen_disk_before(loader, device->drive);
        if (status != ST_OK) {
            screen_disk_unsupported(loader, device->drive);
            continue;
        }
        device->trail = &loader->trail;
        screen_disk(loader, inventory_add(&loader->inventory, device, &geometry));
    }
}

/* The file that a server has for all its machines may speak of another one's disks. A boot disk is taken at its word.
 */
static bool is_for_others(const struct loader *loader)
{
    const struct inventory *inventory = &loader->inventory;
    bool answers = false;
    unsigned index;
    for (unsigned i = 0; i < inventory->count; i++)
        answers |= !inventory->disk[i].dead;
    for (unsigned i = 0; i < ROLE_COUNT * loader->config.set_count; i++)
        if (inventory_find(inventory, loader->config.set[i / ROLE_COUNT].member[i % ROLE_COUNT].signature, &index) > 0)
            return false;
    return loader->fw->net != 0 && loader->boot.config_status == ST_OK && answers;
}

static void find_sets(struct loader *loader)
{
    struct pair_report report;
    if (is_for_others(loader)) {
        screen_note(loader, "MIRROR.INI is for other disks; mirrors are looked for by type");
        loader->boot.config_status = ST_NOT_FOUND;
    }
    if (loader->config.set_count > 0 && loader->boot.config_status == ST_OK)
        return;
    /* Whatever was understood of a damaged file is no reason to write to a disk. */
    loader->config.policy = BREAK_ASK;
    loader->config.system_set = 0;
    pair_find(&loader->inventory, 0, true, &loader->config, &report);
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

/* Whether a recorded change was made to the half that is kept, not to the one that was retired. */
static bool is_of_kept_half(const struct change *change)
{
    return !text_same(change->id, CHANGE_ID_RETIRE, sizeof CHANGE_ID_RETIRE);
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
        left |= loader->changes.change[i].signature == twin && is_of_kept_half(&loader->changes.change[i]);
    for (unsigned i = 0; i < loader->inventory.count; i++)
        left |= twin == 0 && &loader->inventory.disk[i] != survey->place[role].disk && !loader->inventory.disk[i].dead;
    return left && !survey->facts.member[1 - role].ft_bit;
}

void loader_decide(struct loader *loader)
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
    loader_decide(loader);
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

static bool is_esp(const struct loader *loader)
{
    return loader->config.set_count > 0 && loader->config.set[0].kind == SET_ESP;
}

/* Why this firmware cannot start a half of the first mirror; null if it can. */
static const char *cannot_start(const struct loader *loader)
{
    if (!is_esp(loader))
        return loader->fw->cannot_start;
    return loader->fw->start_file != 0 ? 0 : "An EFI system partition is started by UEFI firmware only";
}

/* Unattended nothing is changed that could not be undone. */
static bool will_break(const struct loader *loader)
{
    return loader->config.policy == BREAK_AUTO && loader->boot.journal_status == ST_OK && cannot_start(loader) == 0 &&
           loader->survey[0].verdict.may_break && !loader->changed && certain_source(loader) != ROLE_NONE;
}

/* The half that is started if nobody presses a key. NT stops while its registry does not know the mirror; only a
 * person, or the policy, may break it. */
enum role loader_default(const struct loader *loader)
{
    enum role source = certain_source(loader);
    bool stops = source != ROLE_NONE && loader->survey[0].verdict.must_break && !will_break(loader);
    return stops || cannot_start(loader) != 0 ? ROLE_NONE : source;
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
    if (cannot_start(loader) != 0)
        ; /* but what is on the disks can be changed */
    else if (both_stale)
        offer(choices, ACT_START, role, "Start the %s: what only the other half has would be lost");
    else if (verdict->member[role] == MEMBER_STALE)
        offer(choices, ACT_START, role, "Start the %s, which is OLDER: later changes would be lost");
    else if (verdict->member[role] == MEMBER_REBUILDING)
        offer(choices, ACT_START, role, "Start the %s, an UNFINISHED copy");
    else if (!chosen && verdict->state == SET_HEALTHY && !is_esp(loader))
        offer(choices, ACT_START, role, "Start the %s (NT stops while the primary is connected)");
    else
        offer(choices, ACT_START, role, "Start the %s");
    if (loader->config.policy == BREAK_NEVER || is_esp(loader))
        return;
    if (broken && chosen)
        offer(choices, ACT_PROMOTE, role, "Make the %s start without this boot disk");
    if (!broken && !will_break(loader) && (chosen ? verdict->may_break : by_choice))
        offer(choices, ACT_BREAK, role,
              cannot_start(loader) != 0 ? "Break the mirror, keeping the %s"
                                        : "Break the mirror, keeping the %s, then start it");
}

/* The other half of a mirror that is broken, if it is there: it looks like a half still. */
static bool may_retire(const struct loader *loader)
{
    const struct set_survey *survey = &loader->survey[0];
    enum role source = loader->config.set_count > 0 ? survey->verdict.source : ROLE_NONE;
    return source != ROLE_NONE && loader->config.policy != BREAK_NEVER && !is_esp(loader) &&
           !survey->facts.member[source].ft_bit && survey->place[1 - source].partition != 0 &&
           survey->place[1 - source].disk->table.status == ST_OK;
}

/* A half that is no member of an array, beside one that is trusted: what is on that can be copied. md copies by itself.
 */
static bool may_copy(const struct loader *loader)
{
    const struct set_survey *survey = &loader->survey[0];
    enum role source = is_esp(loader) ? survey->verdict.source : ROLE_NONE;
    return source != ROLE_NONE && loader->fw->copy_files != 0 && survey->place[1 - source].partition != 0 &&
           !survey->esp[source].has_md && !survey->esp[1 - source].has_md && !survey->place[1 - source].disk->dead;
}

static bool has_nt(const struct loader *loader)
{
    return loader->fw->work != 0 && loader->config.set_count > 0 && !is_esp(loader);
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
    if (may_retire(loader))
        offer(choices, ACT_RETIRE, (enum role)(1 - source), "Retire the %s: no member, not active, new signature");
    if (has_journal(loader, JOURNAL_PENDING)) {
        offer(choices, ACT_FINISH, ROLE_NONE, "Finish the interrupted change");
        offer(choices, ACT_UNDO, ROLE_NONE, "Undo the interrupted change");
    } else if (has_journal(loader, JOURNAL_DONE))
        offer(choices, ACT_UNDO, ROLE_NONE, "Undo the last change");
    if (may_copy(loader))
        offer(choices, ACT_COPY, (enum role)(1 - source), "Bring the %s up to date, file by file");
    for (unsigned role = 0; role < ROLE_COUNT && has_nt(loader); role++)
        if (loader->survey[0].place[role].partition != 0 && (source == ROLE_NONE || source == role))
            offer(choices, ACT_DRYRUN, (enum role)role, "Dry run: would the %s start? Nothing is started or written");
    offer(choices, ACT_RESTART, ROLE_NONE,
          loader->fw->restart_text != 0 ? loader->fw->restart_text : "Restart the machine");
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
    if ((verdict->state == SET_HEALTHY && !loader->changed) || loader->fw->boot_device == 0)
        return; /* a healthy machine's floppy is not written to */
    text_init(&text, line, sizeof line);
    text_add(&text, "%s: started the %s by %s%s\r\n", set_state_name(verdict->state), role_name(loader->plan.source),
             method_name(loader->plan.method), loader->changed ? ", disks changed" : "");
    if (bootdisk_log(&loader->boot, line) != ST_OK)
        screen_say(loader, "FTLOG.TXT cannot be written.\n", COLOUR_NORMAL);
}

/* What was started may come back: a shell that was left, a menu that was escaped from. */
static void start_esp(struct loader *loader, enum role role)
{
    const struct member_place *place = &loader->survey[0].place[role];
    loader->plan = (struct boot_plan){.source = role, .method = METHOD_EFI, .drive = place->disk->drive};
    write_log(loader);
    screen_boot(loader);
    enum status status = loader->fw->start_file(loader->fw, place->disk->drive, place->partition->start_lba,
                                                esp_path(&loader->config.set[0]));
    if (status != ST_OK)
        (void)trail_fail(&loader->trail, status == ST_DENIED ? SITE_SECURE_BOOT : SITE_HANDOFF, status,
                         place->disk->drive, place->partition->start_lba);
}

static void copy_esp(struct loader *loader, enum role to)
{
    struct esp_copy copy = {0};
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        const struct member_place *place = &loader->survey[0].place[i == 0 ? 1 - to : to];
        copy.drive[i] = place->disk->drive;
        copy.start_lba[i] = place->partition->start_lba;
    }
    enum status status = loader->fw->copy_files(loader->fw, &copy);
    screen_copied(loader, to, copy.copied, status);
    loader->changed = true;
    loader_decide(loader);
    screen_set(loader, 0);
}

static void start_half(struct loader *loader, enum role role)
{
    if (is_esp(loader)) {
        start_esp(loader, role);
        return;
    }
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

static void tell_dryrun(struct dryrun *run, enum dryrun_mark mark, const char *path, const char *what)
{
    screen_dryrun_file(run->owner, mark, path, what);
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

static enum status change(struct loader *loader, struct choice choice, bool attended)
{
    struct repair wish = {.keep = choice.role};
    wish.break_mirror = choice.action == ACT_BREAK;
    wish.promote = choice.action == ACT_PROMOTE;
    wish.retire = choice.action == ACT_RETIRE || (!attended && wish.break_mirror && loader->config.retire);
    if (choice.action == ACT_RETIRE)
        wish.keep = (enum role)(1 - choice.role);
    if (wish.break_mirror && attended)
        repair_ask(loader, &wish);
    return repair_run(loader, &wish, attended);
}

/* What came of a change. Why one was refused stands above, or below among the errors. */
static void say_outcome(struct loader *loader, enum status status)
{
    if (status == ST_REFUSED && !loader->changed)
        screen_say(loader, "Nothing was changed.\n", COLOUR_NORMAL);
    else if (status != ST_OK)
        screen_say(loader, "The change failed.\n", COLOUR_BAD);
}

static void act(struct loader *loader, struct choice choice, bool attended)
{
    enum status status = ST_OK;
    bool before = loader->changed;
    loader->changed = false;
    if (choice.action == ACT_FINISH || choice.action == ACT_UNDO)
        status = repair_replay(loader, choice.action == ACT_UNDO);
    else if (choice.action == ACT_BREAK || choice.action == ACT_PROMOTE || choice.action == ACT_RETIRE)
        status = change(loader, choice, attended);
    say_outcome(loader, status);
    loader->changed |= before;
    screen_errors(loader); /* before a hand-off, which does not come back */
    /* Unattended, a break that failed must not keep the machine from starting: the half starts unbroken as well. */
    bool starts = choice.action == ACT_START || (choice.action == ACT_BREAK && (status == ST_OK || !attended));
    if (starts && cannot_start(loader) == 0)
        start_half(loader, choice.role);
    if (choice.action == ACT_DRYRUN)
        dry_run(loader, choice.role);
    if (choice.action == ACT_COPY)
        copy_esp(loader, choice.role);
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
    if (cannot_start(loader) != 0)
        screen_cannot_start(loader, cannot_start(loader));
    else
        screen_intention(loader, loader_default(loader), will_break(loader));
    if (loader->boot.journal_status != ST_OK && loader->config.policy != BREAK_NEVER && !is_esp(loader))
        screen_note(loader, "there is no journal: a change could not be undone");
    struct repair wish = {
        .keep = loader->survey[0].verdict.source, .break_mirror = true, .retire = loader->config.retire};
    if (will_break(loader) && repair_plan(loader, &wish, false) == ST_OK)
        repair_list(loader, "planned", false);
}

/* Who only listens to the events must not wait for a start that nobody will ask for. */
static void tell_of_waiting(struct loader *loader)
{
    if (loader->config.set_count > 0 && cannot_start(loader) != 0)
        return; /* it was told with the firmware's advice */
    if (loader->inventory.count == 0)
        screen_end(loader, "no hard disk answers");
    else if (loader->config.set_count == 0)
        screen_end(loader, "no mirror was found");
    else if (loader_default(loader) == ROLE_NONE)
        screen_end(loader, "no half is started unasked");
    else if (loader->config.timeout_s == TIMEOUT_FOREVER)
        screen_end(loader, "MIRROR.INI says to wait for a key");
}

void loader_run(struct loader *loader, struct firmware *fw)
{
    struct choices choices;
    loader_look(loader, fw);
    if (loader->config.set_count == 0 || loader->inventory.count == 0)
        report_nothing_to_start(loader);
    int timeout_s = loader->config.timeout_s;
    bool first = true;
    for (;;) {
        build_choices(loader, &choices);
        if (loader->config.set_count > 0)
            show_intention(loader);
        if (first)
            tell_of_waiting(loader);
        first = false;
        unsigned chosen = menu_choose(&choices.menu, fw, timeout_s);
        bool attended = timeout_s == TIMEOUT_FOREVER || chosen > 0 || !choices.menu.has_default;
        act(loader, choices.choice[chosen], attended);
        timeout_s = TIMEOUT_FOREVER; /* whatever did not work shall not be tried again and again */
        if (fw->stopped)
            return;
        if (!attended)
            screen_end(loader, "the start failed");
    }
}
