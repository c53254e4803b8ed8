/* SPDX-License-Identifier: MIT */
/* `mkbootdisk check`: for each thing that may fail, what would this boot disk do? The answers are not predicted but
 * found by running the loader's own code over the disks, with one of them missing, dead or moved. */
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "hostboot.h"
#include "loader.h"
#include "mirror/esp.h"
#include "ntmenu.h"
#include "report.h"

#define SIMULATED_MAX (DISKS_MAX + 1)
#define PROBLEMS_MAX 8u
#define PROBLEM_BYTES 256u

struct simulated {
    struct blockdev device;
    struct blockdev *below; /* null: nothing can be read */
};

enum fate { FATE_PRESENT, FATE_ABSENT, FATE_DEAD };

struct scenario {
    const char *name; /* for JSON */
    const char *text;
    enum fate fate[ROLE_COUNT];
    bool swapped;
    bool third_in_front;
};

static const struct scenario scenarios[] = {
    {"both-present", "both disks are there", {FATE_PRESENT, FATE_PRESENT}, false, false},
    {"primary-absent", "the primary is gone", {FATE_ABSENT, FATE_PRESENT}, false, false},
    {"primary-dead", "the primary cannot be read", {FATE_DEAD, FATE_PRESENT}, false, false},
    {"shadow-absent", "the shadow is gone", {FATE_PRESENT, FATE_ABSENT}, false, false},
    {"shadow-dead", "the shadow cannot be read", {FATE_PRESENT, FATE_DEAD}, false, false},
    {"swapped", "the cables are swapped", {FATE_PRESENT, FATE_PRESENT}, true, false},
    {"third-disk", "a third disk was added in front", {FATE_PRESENT, FATE_PRESENT}, false, true},
};

#define SCENARIOS (sizeof scenarios / sizeof scenarios[0])

struct machine {
    struct firmware fw;
    unsigned count;
    struct simulated disk[SIMULATED_MAX];
};

struct outcome {
    enum set_state state;
    enum role source;
    enum boot_method method;
    bool breaks;
    bool waits;     /* for a key, for ever: timeout=forever */
    bool starts;    /* by itself, without a key press */
    unsigned entry; /* by NTLDR from the floppy: the entry of its menu that must be chosen, from 1; 0: none */
    bool walked;    /* a dry run was made */
    enum dryrun_result dry;
    unsigned files; /* it read to their end */
    char path[ARC_DIRECTORY_MAX];
    char doubt[PROBLEM_BYTES]; /* why a dry run could not tell */
    bool two_disks;            /* carry the signature of a half */
    unsigned problems;
    char problem[PROBLEMS_MAX][PROBLEM_BYTES];
    struct freshness freshness;
};

static enum status simulated_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct simulated *disk = (struct simulated *)device;
    if (disk->below == NULL)
        return ST_IO;
    return disk->below->read(disk->below, lba, sectors, buffer);
}

static enum status blank_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    (void)device;
    (void)lba;
    memset(buffer, 0, (size_t)sectors * SECTOR_BYTES);
    return ST_OK;
}

static enum status machine_open(struct firmware *fw, unsigned index, struct blockdev **device,
                                struct geometry *geometry)
{
    struct machine *machine = (struct machine *)fw;
    if (index >= machine->count)
        return ST_NOT_FOUND;
    *device = &machine->disk[index].device;
    *geometry = (struct geometry){0};
    return ST_OK;
}

static void no_text(struct firmware *fw, const char *text, enum colour colour)
{
    (void)fw, (void)text, (void)colour;
}

static void no_event(struct firmware *fw, const char *line)
{
    (void)fw, (void)line;
}

/* What a UEFI firmware can, and what nobody calls: a loader that only looks starts nothing. */
static enum status no_start(struct firmware *fw, uint8_t drive, uint32_t start_lba, const char *path)
{
    (void)fw, (void)drive, (void)start_lba, (void)path;
    return ST_REFUSED;
}

static void attach(struct machine *machine, struct blockdev *below, enum fate fate)
{
    struct simulated *disk = &machine->disk[machine->count];
    if (fate == FATE_ABSENT || machine->count == DISKS_MAX)
        return;
    disk->device = (struct blockdev){
        .read = simulated_read, .sectors = below->sectors, .drive = (uint8_t)(DRIVE_FIRST + machine->count)};
    disk->below = fate == FATE_DEAD ? NULL : below;
    machine->count++;
}

/* The index of the disk that carries a member of the boot disk's first set, or count when it is not among them. */
static unsigned disk_of(const struct host_set *set, const struct config *config, enum role role)
{
    unsigned index = set->count;
    if (inventory_find(&set->inventory, config->set[0].member[role].signature, &index) != 1)
        return set->count;
    return index;
}

static void set_up(struct machine *machine, struct host_set *set, const struct host_boot *boot,
                   const struct scenario *scenario)
{
    static struct blockdev blank = {.read = blank_read, .sectors = 1u << 21};
    unsigned place[ROLE_COUNT];
    *machine = (struct machine){.fw = boot->fw};
    machine->fw.disk_open = machine_open;
    machine->fw.put = no_text;
    machine->fw.event = no_event;
    machine->fw.work = host_workspace();
    machine->fw.start_file = boot->config.set[0].kind == SET_ESP ? no_start : NULL;
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        place[role] = disk_of(set, &boot->config, (enum role)role);
    if (scenario->third_in_front)
        attach(machine, &blank, FATE_PRESENT);
    for (unsigned i = 0; i < set->count; i++) {
        unsigned index = i;
        if (scenario->swapped && place[ROLE_PRIMARY] < set->count && place[ROLE_SHADOW] < set->count &&
            (i == place[ROLE_PRIMARY] || i == place[ROLE_SHADOW]))
            index = place[ROLE_PRIMARY] + place[ROLE_SHADOW] - i;
        enum fate fate = FATE_PRESENT;
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            if (index == place[role])
                fate = scenario->fate[role];
        if (index < set->count)
            attach(machine, &set->disk[index].device, fate);
    }
}

/* NTLDR from the floppy reads the floppy's BOOT.INI, and counts the disks as the BIOS shows them. */
static void judge_ntldr(const struct nt_menu *menu, const struct member_place *place, unsigned position,
                        struct outcome *out)
{
    bool is_default = false;
    unsigned entry = nt_menu_find(menu, position, place->partition->number, &is_default);
    out->method = METHOD_NTLDR_FLOPPY;
    out->entry = is_default ? 0 : entry;
    out->starts = is_default;
}

static void note(struct outcome *out, const char *problem)
{
    if (out->problems < PROBLEMS_MAX)
        snprintf(out->problem[out->problems++], PROBLEM_BYTES, "%s", problem);
}

static void note_finding(struct dryrun *run, enum dryrun_mark mark, const char *path, const char *what)
{
    struct outcome *out = run->owner;
    char told[PROBLEM_BYTES];
    snprintf(told, sizeof told, "%s %s", path, what);
    if (mark == DRYRUN_BAD)
        note(out, told);
    else if (mark == DRYRUN_DOUBT)
        memcpy(out->doubt, told, sizeof told);
}

static void note_boot_sector(struct outcome *out, const struct member_place *place)
{
    char problem[PROBLEM_BYTES];
    snprintf(problem, sizeof problem,
             "its boot sector starts nothing (%s), and the boot disk has no NTLDR that could (build --ntldr FILE)",
             finding_of_boot_sector(place->partition));
    note(out, problem);
}

/* Walk through the start that was planned, with the loader's own code. */
static void walk(struct loader *loader, struct outcome *out)
{
    struct dryrun run = {.inventory = &loader->inventory,
                         .survey = loader->survey,
                         .set_count = loader->config.set_count,
                         .plan = &loader->plan,
                         .boot = &loader->boot,
                         .work = host_workspace(),
                         .tell = note_finding,
                         .owner = out};
    out->walked = true;
    out->dry = dryrun_walk(&run);
    out->files = run.files;
    out->starts = out->starts && out->dry != DRYRUN_STOPS;
    memcpy(out->path, run.path, sizeof out->path);
}

/* A classic floppy's NTLDR sees the disks as the BIOS shows them. */
static void plan_classic(struct loader *loader, enum role source)
{
    loader->plan = (struct boot_plan){.source = source, .method = METHOD_NTLDR_FLOPPY};
    for (unsigned i = 0; i < loader->inventory.count; i++)
        loader->plan.map[loader->plan.visible++] = loader->inventory.disk[i].drive;
}

/* Mirrored EFI system partitions: there is a loader's file on a good half, or the half is not good. */
static void plan_efi(const struct loader *loader, struct outcome *out)
{
    const struct mirror_verdict *verdict = &loader->survey[0].verdict;
    out->method = METHOD_EFI;
    out->starts = loader_default(loader) != ROLE_NONE && loader->config.timeout_s != TIMEOUT_FOREVER;
    snprintf(out->path, sizeof out->path, "%s", esp_path(&loader->config.set[0]));
    if (verdict->why[out->source] != WHY_NOTHING)
        note(out, why_text(verdict->why[out->source]));
}

static struct outcome try_scenario(struct host_set *set, const struct host_boot *boot, const struct nt_menu *menu,
                                   const struct scenario *scenario)
{
    static struct loader loader;
    static struct machine machine;
    set_up(&machine, set, boot, scenario);
    loader_look(&loader, &machine.fw);
    const struct mirror_verdict *verdict = &loader.survey[0].verdict;
    if (loader.config.set_count == 0) /* what the network has is for other disks, and these have no mirror */
        return (struct outcome){.state = SET_FAILING, .source = ROLE_NONE, .method = METHOD_NONE};
    struct outcome out = {.state = verdict->state, .source = verdict->source, .method = METHOD_NONE};
    out.freshness = loader.freshness;
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        out.two_disks |= loader.survey[0].facts.member[role].ambiguous;
    if (verdict->source == ROLE_NONE)
        return out;
    out.waits = loader.config.timeout_s == TIMEOUT_FOREVER && !boot->classic;
    if (loader.config.set[0].kind == SET_ESP) {
        plan_efi(&loader, &out);
        return out;
    }
    const struct member_place *place = &loader.survey[0].place[verdict->source];
    if (boot->classic) {
        judge_ntldr(menu, place, place->disk->drive - DRIVE_FIRST, &out);
        plan_classic(&loader, verdict->source);
        if (out.starts)
            walk(&loader, &out);
        return out;
    }
    const struct fat *floppy = loader.boot.has_ntldr ? &loader.boot.fat : NULL;
    bool planned = plan_make(&loader.inventory, &loader.survey[0], verdict->source, floppy, &loader.plan) == ST_OK;
    out.method = planned ? loader.plan.method : METHOD_NONE;
    /* MBR code loads the boot sector that was just found not to be bootable: a last try, not a start. */
    bool good = planned && out.method != METHOD_MBR;
    out.starts = good && loader.config.timeout_s != TIMEOUT_FOREVER;
    if (!good)
        note_boot_sector(&out, place);
    out.breaks = loader.config.policy == BREAK_AUTO && verdict->may_break;
    if (out.method == METHOD_NTLDR_FLOPPY && !out.waits)
        judge_ntldr(menu, place, 0, &out); /* through the drive map the half is the first disk */
    if (planned && (out.starts || out.waits))
        walk(&loader, &out);
    bool unasked = loader_default(&loader) != ROLE_NONE;
    out.starts = out.starts && unasked;
    if (!unasked && !verdict->must_break)
        note(&out, "Windows NT is on another mirror, whose good half is not on this disk: the loader asks");
    if (!unasked && verdict->must_break)
        note(&out, "its registry does not know the mirror: Windows NT stops with C000021A until it is broken (D05)");
    return out;
}

/* The half that must be started: of a healthy mirror any half that is left, the primary first; otherwise the half that
 * holds the truth now, and if that is the one which fails, none without being asked. */
static enum role expected(const struct outcome *now, const struct scenario *scenario)
{
    bool left[ROLE_COUNT];
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        left[role] = scenario->fate[role] == FATE_PRESENT;
    if (now->state != SET_HEALTHY)
        return now->source != ROLE_NONE && left[now->source] ? now->source : ROLE_NONE;
    return left[ROLE_PRIMARY] ? ROLE_PRIMARY : ROLE_SHADOW;
}

static bool is_good(const struct outcome *outcome, enum role wanted)
{
    return wanted != ROLE_NONE && outcome->source == wanted && outcome->starts;
}

/* Without one of its disks a machine cannot have both. */
static const char *text_of(const struct scenario *scenario, const bool here[ROLE_COUNT])
{
    if (scenario != &scenarios[0] || (here[ROLE_PRIMARY] && here[ROLE_SHADOW]))
        return scenario->text;
    if (here[ROLE_PRIMARY])
        return "as now, without the shadow";
    return here[ROLE_SHADOW] ? "as now, without the primary" : "as now, without either half";
}

static void print_outcome(const struct outcome *outcome, const char *text, bool good)
{
    const char *mark = good ? "ok " : outcome->source == ROLE_NONE || outcome->waits ? "ask" : "BAD";
    printf("%s %-32s %-9s ", mark, text, set_state_name(outcome->state));
    if (outcome->source == ROLE_NONE)
        puts("starts nothing unasked");
    else if (outcome->entry > 0)
        printf("NTLDR needs a person: choose entry %u for the %s\n", outcome->entry, role_name(outcome->source));
    else if (outcome->waits)
        printf("waits for a key (timeout=forever), then starts the %s\n", role_name(outcome->source));
    else if (!outcome->starts)
        printf("cannot start the %s\n", role_name(outcome->source));
    else if (outcome->method == METHOD_EFI)
        printf("starts %s of the %s (%s)\n", outcome->path, role_name(outcome->source), method_name(outcome->method));
    else
        printf("%sstarts the %s as drive 80h (%s)\n", outcome->breaks ? "breaks the mirror, " : "",
               role_name(outcome->source), method_name(outcome->method));
    for (unsigned i = 0; i < outcome->problems; i++)
        printf("        %s\n", outcome->problem[i]);
}

static void add_problems(cJSON *out, const struct outcome *outcome)
{
    cJSON *problems = cJSON_AddArrayToObject(out, "problems");
    for (unsigned i = 0; i < outcome->problems; i++)
        cJSON_AddItemToArray(problems, cJSON_CreateString(outcome->problem[i]));
}

static cJSON *dryrun_json(const struct outcome *outcome)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "result", dryrun_name(outcome->dry));
    cJSON_AddNumberToObject(out, "files", outcome->files);
    cJSON_AddStringToObject(out, "path", outcome->path);
    if (outcome->doubt[0] != '\0')
        cJSON_AddStringToObject(out, "doubt", outcome->doubt);
    add_problems(out, outcome);
    return out;
}

static cJSON *outcome_json(const struct outcome *outcome, const struct scenario *scenario, bool good)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "scenario", scenario->name);
    cJSON_AddStringToObject(out, "state", set_state_name(outcome->state));
    cJSON_AddStringToObject(out, "source", role_name(outcome->source));
    cJSON_AddStringToObject(out, "method", method_name(outcome->method));
    cJSON_AddBoolToObject(out, "starts", outcome->starts);
    cJSON_AddBoolToObject(out, "breaks", outcome->breaks);
    cJSON_AddBoolToObject(out, "ok", good);
    add_problems(out, outcome);
    if (outcome->walked)
        cJSON_AddItemToObject(out, "dryrun", dryrun_json(outcome));
    return out;
}

/* What is wrong with the disks themselves, and whether they are the ones the boot disk was built for: `here` tells
 * which of them answer. */
static enum exit_code check_disks(const struct host_boot *boot, const struct host_set *set, bool here[ROLE_COUNT])
{
    const struct member_id *member = boot->config.set[0].member;
    enum exit_code code = EXIT_DONE;
    unsigned index;
    for (unsigned i = 0; i < set->count; i++)
        if (set->inventory.disk[i].dead || set->inventory.disk[i].table.status != ST_OK) {
            (void)host_set_complain_about_table(set, i);
            code = EXIT_FOUND;
        }
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        here[role] = inventory_find(&set->inventory, member[role].signature, &index) > 0;
    if (!here[ROLE_PRIMARY] && !here[ROLE_SHADOW])
        return complain(EXIT_FOUND, "%s: was built for the disks %08x and %08x, which are not here. Build it again",
                        boot->file.path, member[ROLE_PRIMARY].signature, member[ROLE_SHADOW].signature);
    for (unsigned role = 0; role < ROLE_COUNT && code == EXIT_DONE; role++)
        if (!here[role])
            code = complain(EXIT_FOUND, "the %s, disk %08x, is not among the disks given: give both, if both are left",
                            role_name((enum role)role), member[role].signature);
    return code;
}

static void explain_now(const struct outcome *now)
{
    if (now->two_disks)
        puts("Two of these disks carry the signature of one half (A20): one of them has to be unplugged before the\n"
             "boot disk starts that half.");
    else if (now->state == SET_SPLIT)
        puts("Which half is newer cannot be told now: a half that starts may be the older one.");
    if (now->walked && now->dry == DRYRUN_STARTS)
        printf("Dry run: all %u files that Windows NT in %s reads to start are there and can be read.\n", now->files,
               now->path);
    else if (now->walked && now->dry == DRYRUN_UNKNOWN)
        printf("Dry run: %s; only a start can tell.\n", now->doubt);
}

/* What the boot disk was built for, against the disks as they are (F06). */
static bool is_fresh(const struct host_boot *boot, const struct freshness *freshness)
{
    for (unsigned i = 0; i < freshness->count; i++)
        complain(EXIT_FOUND, "%s: outdated (F06): disk %08x %s. Build it again", boot->file.path,
                 freshness->item[i].signature, outdated_text(freshness->item[i].kind));
    return freshness->count == 0;
}

static enum exit_code check(struct host_boot *boot, struct host_set *set, bool json)
{
    enum exit_code code = host_boot_check_loader(boot);
    bool here[ROLE_COUNT];
    if (check_disks(boot, set, here) != EXIT_DONE)
        code = EXIT_FOUND;
    report_odd_sizes(set);
    static struct nt_menu menu;
    if ((boot->classic || boot->boot.has_ntldr) && nt_menu_open(boot, &menu) != EXIT_DONE)
        code = EXIT_FOUND;
    cJSON *list = cJSON_CreateArray();
    struct outcome now = try_scenario(set, boot, &menu, &scenarios[0]);
    if (!is_fresh(boot, &now.freshness))
        code = EXIT_FOUND;
    for (size_t i = 0; i < SCENARIOS; i++) {
        struct outcome outcome = try_scenario(set, boot, &menu, &scenarios[i]);
        bool good = is_good(&outcome, expected(&now, &scenarios[i]));
        if (json)
            cJSON_AddItemToArray(list, outcome_json(&outcome, &scenarios[i], good));
        else
            print_outcome(&outcome, text_of(&scenarios[i], here), good);
        if (!good)
            code = EXIT_FOUND;
    }
    if (json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToObject(object, "scenarios", list);
        report_json(object);
    } else {
        cJSON_Delete(list);
        explain_now(&now);
    }
    return code;
}

static enum exit_code run(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static struct host_boot boot;
    static struct host_set set;
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h')
            return show_usage(&check_command);
        if (option != 'j')
            return bad_usage(&check_command);
        json = true;
    }
    if (argc - optind < 2)
        return complain(EXIT_USAGE, "give a boot disk and the disks; see 'mkbootdisk check --help'");
    const char *boot_disk = report_boot_disk_among(argv + optind, argc - optind);
    if (boot_disk != NULL && boot_disk != argv[optind])
        return complain(EXIT_IO, "%s: is no boot disk, but %s is: the boot disk comes first; give it before the disks",
                        argv[optind], boot_disk);
    struct stat info;
    if (stat(argv[optind], &info) == 0 && S_ISDIR(info.st_mode))
        return complain(EXIT_USAGE, "%s: is a folder; of a server's give the machine's MIRROR.INI in it", argv[optind]);
    bool is_config = host_boot_is_config(argv[optind]);
    enum exit_code code = is_config ? host_boot_open_config(argv[optind], &boot) : host_boot_open(argv[optind], &boot);
    if (code != EXIT_DONE)
        return code;
    code = host_set_open(argv + optind + 1, argc - optind - 1, true, &set);
    if (code == EXIT_DONE) {
        code = check(&boot, &set, json);
        host_set_close(&set);
    }
    host_boot_close(&boot);
    return code;
}

const struct command check_command = {
    .name = "check",
    .summary = "for each thing that may fail: what would this boot disk do?",
    .usage =
        "usage: mkbootdisk check [--json] BOOTDISK DISK...\n\n"
        "Runs the loader's own decision over the disks as they are, and with each of them missing, dead or moved, and\n"
        "walks through the start it leads to: every file from NTLDR to the last boot driver is read to its end.\n"
        "Nothing is written. Exit code 0: in every case the right half starts by itself; 1: not so.\n",
    .run = run,
};
