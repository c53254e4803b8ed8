/* SPDX-License-Identifier: MIT */
/* The loader, step by step. Each step leaves its result in struct loader; loader_run at the end is the story. */
#include "loader.h"

#include "change/retire.h"
#include "mirror/esp.h"
#include "mirror/evidence.h"
#include "mirror/pair.h"
#include "offers.h"
#include "repair.h"
#include "ui/screen.h"

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
    if (offers_is_esp(loader)) {
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
    if (starts && offers_cannot_start(loader) == 0)
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
    if (offers_cannot_start(loader) != 0)
        screen_cannot_start(loader, offers_cannot_start(loader));
    else
        screen_intention(loader, loader_default(loader), offers_will_break(loader));
    if (loader->boot.journal_status != ST_OK && loader->config.policy != BREAK_NEVER && !offers_is_esp(loader))
        screen_note(loader, "there is no journal: a change could not be undone");
    struct repair wish = {
        .keep = loader->survey[0].verdict.source, .break_mirror = true, .retire = loader->config.retire};
    if (offers_will_break(loader) && repair_plan(loader, &wish, false) == ST_OK)
        repair_list(loader, "planned", false);
}

/* Who only listens to the events must not wait for a start that nobody will ask for. */
static void tell_of_waiting(struct loader *loader)
{
    if (loader->config.set_count > 0 && offers_cannot_start(loader) != 0)
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
        offers_make(loader, &choices);
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
