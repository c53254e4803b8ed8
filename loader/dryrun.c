/* SPDX-License-Identifier: MIT */
/* The dry run. */
#include "dryrun.h"

static const char default_directory[] = "\\WINNT";
static const char too_far[] = "lies in part where NT 4.0's NTLDR does not reach (E07)";

const char *dryrun_name(enum dryrun_result result)
{
    static const char *const names[] = {"yes", "no", "unknown"};
    return names[result];
}

static void tell(struct dryrun *run, enum dryrun_mark mark, const char *path, const char *what)
{
    run->doubts += mark == DRYRUN_DOUBT;
    run->problems += mark == DRYRUN_BAD;
    run->tell(run, mark, path, what);
}

static const char *finding_text(enum start_finding finding)
{
    static const char *const texts[] = {"read", "is missing", "cannot be read", "is damaged", "lies far"};
    return texts[finding];
}

static void tell_file(struct start_walk *walk, const char *path, enum start_finding finding)
{
    struct dryrun *run = walk->owner;
    bool good = finding == START_FINE || finding == START_FAR;
    tell(run, good ? DRYRUN_FINE : DRYRUN_BAD, path, finding_text(finding));
}

static bool from_boot_disk(const struct dryrun *run)
{
    return run->plan->method == METHOD_NTLDR_FLOPPY;
}

/* Mount the volume whose root directory holds NTLDR's own files. */
static enum status mount_system(struct dryrun *run)
{
    const struct member_place *place = &run->survey->place[run->plan->source];
    struct fs_volume *volume = &run->work->volume;
    if (from_boot_disk(run)) {
        struct blockdev *device = &run->boot->cache.device;
        return fs_mount(device, 0, device->sectors, volume);
    }
    return fs_mount(&place->disk->reader.device, place->partition->start_lba, place->partition->sectors, volume);
}

/* NTLDR's own files: without any of them, and without an installation, the volume holds some other system. */
static bool is_windows(struct dryrun *run)
{
    struct fs_file file;
    return from_boot_disk(run) || run->survey->evidence[run->plan->source].directory[0] != '\0' ||
           fs_open(&run->work->volume, "NTLDR", &file) == ST_OK ||
           fs_open(&run->work->volume, "BOOT.INI", &file) == ST_OK;
}

/* The file that an option of the entry names: null if there is no such option, empty if it is too long a name. */
static const char *option(const struct bootini_line *entry, const char *name, char *file)
{
    return bootini_option(entry, name, file, DRYRUN_NAME_BYTES) == ST_NOT_FOUND ? 0 : file;
}

static void take_options(struct dryrun *run, const struct bootini_line *entry)
{
    run->kernel = option(entry, "/KERNEL=", run->name[0]);
    run->hal = option(entry, "/HAL=", run->name[1]);
    if ((run->kernel != 0 && run->kernel[0] == '\0') || (run->hal != 0 && run->hal[0] == '\0'))
        tell(run, DRYRUN_DOUBT, "BOOT.INI", "names a kernel or HAL that is no 8.3 name");
}

/* The path NTLDR takes when nobody presses a key: default=, else the first entry; without BOOT.INI its own guess. */
static bool choose_path(struct dryrun *run, struct arc_path *out)
{
    struct install_search *search = &run->work->search;
    *out = (struct arc_path){.kind = ARC_MULTI, .partition = 1};
    memcpy(out->directory, default_directory, sizeof default_directory);
    if (install_search_begin(search, &run->work->volume) != ST_OK)
        return false;
    const struct bootini_line *chosen = 0;
    for (unsigned i = search->ini.count; i-- > 0;)
        if (search->ini.line[i].kind == BOOTINI_DEFAULT ||
            (search->ini.line[i].kind == BOOTINI_ENTRY && (chosen == 0 || chosen->kind != BOOTINI_DEFAULT)))
            chosen = &search->ini.line[i];
    if (chosen == 0) {
        tell(run, DRYRUN_FINE, "BOOT.INI", "is missing or names nothing: NTLDR tries \\WINNT");
        return true;
    }
    const struct bootini_line *entry = bootini_entry_of(&search->ini, chosen);
    if (entry != 0)
        take_options(run, entry);
    return bootini_path(chosen, out) == ST_OK;
}

static struct disk *disk_by_drive(struct dryrun *run, uint8_t drive)
{
    for (unsigned i = 0; i < run->inventory->count; i++)
        if (run->inventory->disk[i].drive == drive)
            return &run->inventory->disk[i];
    return 0;
}

/* The disk that an ARC path leads to once the plan has mapped the drives. */
static struct disk *disk_of(struct dryrun *run, const struct arc_path *path)
{
    unsigned index = 0;
    if (path->kind == ARC_SIGNATURE)
        return inventory_find(run->inventory, path->adapter, &index) == 1 ? &run->inventory->disk[index] : 0;
    return path->rdisk < run->plan->visible ? disk_by_drive(run, run->plan->map[path->rdisk]) : 0;
}

static const struct partition *partition_of(const struct disk *disk, uint32_t number)
{
    for (unsigned i = 0; disk != 0 && i < disk->table.count; i++)
        if (disk->table.partition[i].number == number)
            return &disk->table.partition[i];
    return 0;
}

/* Whether a partition is a half of some mirror that missed changes. */
static bool is_left_out(const struct dryrun *run, const struct partition *partition)
{
    for (unsigned i = 0; i < run->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            enum member_state state = run->survey[i].verdict.member[role];
            if (run->survey[i].place[role].partition == partition)
                return state == MEMBER_STALE || state == MEMBER_REBUILDING;
        }
    return false;
}

/* As far as 1024 of the BIOS's cylinders; where it does not tell, as far as they can be. */
static uint32_t reach_of(const struct disk *disk)
{
    uint32_t sectors = 1024u * disk->geometry.heads * disk->geometry.sectors_per_track;
    return sectors != 0 ? sectors : START_REACH_SECTORS;
}

/* Whether this NTLDR is of NT 4.0 or before. One that does not tell its release is taken for the installation's own. */
static bool is_old(const struct dryrun *run, const struct start_walk *walk)
{
    unsigned major = banner_major(&run->ntldr);
    return major != 0 ? major < 5 : !walk->is_windows_2000;
}

/* Every NTLDR before Windows 2000's addresses sectors by cylinder, head and sector (Q224526), and no system before it
 * reads FAT32 (Q148821). Which service pack an NTLDR of NT 4.0 is of, it does not tell. */
static void judge_version(struct dryrun *run, const struct start_walk *walk, const struct partition *partition)
{
    const struct fs_volume *volume = &run->work->volume;
    bool old = is_old(run, walk);
    if (old && run->far_files > 0)
        tell(run, DRYRUN_BAD, "NTLDR", too_far);
    if (old && walk->far_files > 0)
        tell(run, DRYRUN_BAD, run->path, too_far);
    if (!walk->is_windows_2000 && volume->driver == &fat_driver && volume->as.fat.entry_bits == 32)
        tell(run, DRYRUN_BAD, run->path, "is on FAT32, which Windows NT reads from 2000 on");
    if (old && walk->is_windows_2000)
        tell(run, DRYRUN_DOUBT, "NTLDR", "is of an older release than this Windows NT (B07)");
    if (old && partition->start_lba >= START_PAST_4_GB_LBA)
        tell(run, DRYRUN_DOUBT, run->path, "begins past 4 GB: only NTLDR of Service Pack 5 or later gets there (E08)");
}

static void walk_installation(struct dryrun *run, const char *arc, struct disk *disk, const struct partition *partition)
{
    struct start_walk walk = {
        .work = run->work, .directory = run->path, .reach_sectors = reach_of(disk), .tell = tell_file, .owner = run};
    walk.kernel = run->kernel;
    walk.hal = run->hal;
    const struct member_place *own = &run->survey->place[run->plan->source];
    const struct member_place *twin = &run->survey->place[1 - run->plan->source];
    if (partition == twin->partition)
        tell(run, DRYRUN_BAD, arc, "leads to the other half");
    else if (partition != own->partition && is_left_out(run, partition))
        tell(run, DRYRUN_BAD, arc, "leads to a half that missed changes (D04)");
    else if (fs_mount(&disk->reader.device, partition->start_lba, partition->sectors, &run->work->volume) != ST_OK)
        tell(run, DRYRUN_BAD, arc, "leads to a volume that cannot be read");
    else {
        start_walk(&walk);
        judge_version(run, &walk, partition);
    }
    run->files += walk.files;
}

/* Follow BOOT.INI to the installation and walk through it. */
static void follow(struct dryrun *run)
{
    struct arc_path path;
    char arc[ARC_TEXT_BYTES];
    struct text text;
    if (!choose_path(run, &path)) {
        tell(run, DRYRUN_BAD, "BOOT.INI", "cannot be read, or its default= is no path (C02)");
        return;
    }
    text_init(&text, arc, sizeof arc);
    arc_format(&text, &path);
    memcpy(run->path, path.directory, sizeof run->path);
    if (path.kind == ARC_SCSI) {
        tell(run, DRYRUN_DOUBT, arc, "depends on NTBOOTDD.SYS");
        return;
    }
    struct disk *disk = disk_of(run, &path);
    const struct partition *partition = partition_of(disk, path.partition);
    if (partition == 0)
        tell(run, DRYRUN_BAD, arc, "leads to no partition (C01)");
    else
        walk_installation(run, arc, disk, partition);
}

enum dryrun_result dryrun_walk(struct dryrun *run)
{
    static const char *const files[] = {"NTLDR", "NTDETECT.COM"};
    struct fs_file file;
    const struct member_place *place = &run->survey->place[run->plan->source];
    struct start_walk walk = {
        .work = run->work, .reach_sectors = reach_of(place->disk), .tell = tell_file, .owner = run};
    run->files = run->doubts = run->problems = 0;
    run->path[0] = '\0';
    run->kernel = run->hal = 0;
    run->ntldr = (struct banner){0};
    if (mount_system(run) != ST_OK) {
        tell(run, DRYRUN_DOUBT, "the volume", "has no file system that Windows NT starts from");
        return DRYRUN_UNKNOWN;
    }
    if (!is_windows(run)) {
        tell(run, DRYRUN_DOUBT, "the volume", "holds no Windows NT");
        return DRYRUN_UNKNOWN;
    }
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        walk.banner = i == 0 ? &run->ntldr : 0;
        start_look_at(&walk, files[i], false);
    }
    if (fs_open(&run->work->volume, "BOOT.INI", &file) != ST_NOT_FOUND)
        start_look_at(&walk, "BOOT.INI", false);
    run->files += walk.files;
    run->far_files = walk.far_files;
    follow(run);
    if (run->problems > 0)
        return DRYRUN_STOPS;
    return run->doubts > 0 ? DRYRUN_UNKNOWN : DRYRUN_STARTS;
}
