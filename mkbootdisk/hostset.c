/* SPDX-License-Identifier: MIT */
/* Opening and judging the disks of a call. */
#include "hostset.h"

#include <stdlib.h>
#include <string.h>

#include "nt/fttype.h"
#include "sitetext.h"

struct workspace *host_workspace(void)
{
    static struct workspace work;
    return &work;
}

static enum status write_by_drive(struct disk_writer *writer, uint8_t drive, uint64_t lba, const void *sector)
{
    struct host_set *set = (struct host_set *)((char *)writer - offsetof(struct host_set, writer));
    for (unsigned i = 0; i < set->count; i++)
        if (set->disk[i].device.drive == drive)
            return host_disk_write(&set->disk[i], lba, sector);
    return ST_BOUNDS;
}

static enum exit_code open_one(const char *path, struct host_set *set)
{
    struct host_disk *disk = &set->disk[set->count];
    enum exit_code code = host_disk_open(path, (uint8_t)(0x80 + set->count), disk);
    if (code != EXIT_DONE)
        return code;
    set->count++;
    for (unsigned i = 0; i + 1 < set->count; i++)
        if (host_disk_same(&set->disk[i], disk))
            return complain(EXIT_USAGE, "%s and %s are the same file; give each disk once", set->disk[i].path, path);
    disk->device.trail = &set->trail;
    inventory_add(&set->inventory, &disk->device, &(struct geometry){0});
    return EXIT_DONE;
}

static bool same_boot_sector(const struct member_place *left, const struct member_place *right)
{
    uint8_t sector[2][SECTOR_BYTES];
    return blockdev_read(&left->disk->reader.device, left->partition->start_lba, 1, sector[0]) == ST_OK &&
           blockdev_read(&right->disk->reader.device, right->partition->start_lba, 1, sector[1]) == ST_OK &&
           memcmp(sector[0], sector[1], SECTOR_BYTES) == 0;
}

/* The partition that looks like the twin of `lone`, but is no member of a set any more. */
static bool find_former_twin(struct host_set *set, const struct member_place *lone, struct member_place *out)
{
    for (unsigned i = 0; i < set->count; i++) {
        struct disk *disk = &set->inventory.disk[i];
        for (unsigned p = 0; disk != lone->disk && !disk->dead && p < disk->table.count; p++) {
            *out = (struct member_place){disk, &disk->table.partition[p]};
            if (out->partition->type == ft_plain_type(lone->partition->type) &&
                out->partition->sectors == lone->partition->sectors && same_boot_sector(lone, out))
                return true;
        }
    }
    return false;
}

static struct member_id id_of(const struct member_place *place)
{
    return (struct member_id){place->disk->table.signature, place->partition->start_lba, place->partition->sectors};
}

/* A half found alone. A mirror that was broken leaves one half with the fault-tolerance bits and one without: seen
 * together they still are a pair, of which the former is the older half. Without any twin the active flag tells its
 * role, since NT sets it on primaries only. */
static void judge_lone(struct host_set *set, struct mirror_set *mirror)
{
    struct member_place lone = {NULL, NULL};
    struct member_place twin;
    const struct member_id id = mirror->member[ROLE_SHADOW];
    unsigned index = 0;
    if (mirror->member[ROLE_PRIMARY].signature != 0 || inventory_find(&set->inventory, id.signature, &index) != 1)
        return;
    lone.disk = &set->inventory.disk[index];
    lone.partition = mbr_find(&lone.disk->table, id.start_lba, id.sectors);
    if (lone.partition == NULL)
        return;
    if (find_former_twin(set, &lone, &twin) && twin.disk->table.signature != 0) {
        mirror->member[ROLE_PRIMARY] = id_of(lone.disk < twin.disk ? &lone : &twin);
        mirror->member[ROLE_SHADOW] = id_of(lone.disk < twin.disk ? &twin : &lone);
    } else if (lone.partition->active)
        *mirror = (struct mirror_set){.member = {[ROLE_PRIMARY] = id}};
}

/* The machine starts from the first set of MIRROR.INI: the one whose primary is active. */
static void put_system_set_first(struct host_set *set)
{
    for (unsigned i = 0; i < set->config.set_count; i++) {
        const struct mirror_set mirror = set->config.set[i];
        const struct member_id *primary = &mirror.member[ROLE_PRIMARY];
        unsigned index = 0;
        if (inventory_find(&set->inventory, primary->signature, &index) != 1)
            continue;
        const struct partition *partition =
            mbr_find(&set->inventory.disk[index].table, primary->start_lba, primary->sectors);
        if (partition == NULL || !partition->active)
            continue;
        set->config.set[i] = set->config.set[0];
        set->config.set[0] = mirror;
        return;
    }
}

void host_set_look(struct host_set *set)
{
    for (unsigned i = 0; i < set->config.set_count; i++)
        facts_gather(&set->inventory, &set->config, i, HOST_SAMPLES, &set->survey[i]);
    evidence_gather(&set->inventory, &set->config, set->survey, host_workspace());
}

enum exit_code host_set_open(char **paths, int count, bool lone, struct host_set *set)
{
    memset(set, 0, sizeof *set);
    set->writer.write = write_by_drive;
    if (count < 1 || count > (int)DISKS_MAX)
        return complain(EXIT_USAGE, "give one to %u disks, not %d", DISKS_MAX, count);
    for (int i = 0; i < count; i++) {
        enum exit_code code = open_one(paths[i], set);
        if (code != EXIT_DONE) {
            host_set_close(set);
            return code;
        }
    }
    unsigned failures = set->trail.used;
    config_init(&set->config);
    evidence_hints(&set->inventory, host_workspace(), &set->hints);
    set->trail.used = failures; /* what cannot be read is met again below */
    pair_find(&set->inventory, &set->hints, lone, &set->config, &set->report);
    for (unsigned i = 0; lone && i < set->config.set_count; i++)
        judge_lone(set, &set->config.set[i]);
    put_system_set_first(set);
    host_set_look(set);
    return EXIT_DONE;
}

const struct member_place *host_set_half(const struct host_set *set, unsigned index)
{
    const struct member_place *place = set->survey[index].place;
    return place[ROLE_PRIMARY].partition != NULL ? &place[ROLE_PRIMARY] : &place[ROLE_SHADOW];
}

enum exit_code host_set_complain_about_table(const struct host_set *set, unsigned index)
{
    const struct disk *disk = &set->inventory.disk[index];
    const char *path = set->disk[index].path;
    const struct disk_table *table = &disk->table;
    if (disk->dead)
        return complain(EXIT_IO,
                        "%s: sector 0 (offset 0) cannot be read. The disk is dead or the image damaged: try "
                        "another cable, or copy the image again",
                        path);
    return complain(table->problem == SITE_DYNAMIC ? EXIT_REFUSED : EXIT_FOUND,
                    "%s: sector %u (offset %llu): %s ('mkbootdisk explain %s')", path, table->problem_lba,
                    (unsigned long long)table->problem_lba * SECTOR_BYTES, site_text(table->problem),
                    site_code(table->problem));
}

/* A half, for a person. The texts of two calls are good at a time. */
static const char *describe_place(const struct host_set *set, unsigned disk, const struct partition *partition)
{
    static char texts[2][512];
    static unsigned which;
    which = 1 - which;
    snprintf(texts[which], sizeof texts[which], "%s: partition %u (type %02Xh, LBA %u, offset %llu, %u sectors)",
             set->disk[disk].path, partition->number, partition->type, partition->start_lba,
             (unsigned long long)partition->start_lba * SECTOR_BYTES, partition->sectors);
    return texts[which];
}

/* A half of the report. */
static const char *describe(const struct host_set *set, unsigned which)
{
    unsigned disk = set->report.disk[which];
    return describe_place(set, disk, &set->inventory.disk[disk].table.partition[set->report.partition[which]]);
}

/* The registry of the first names another twin than the second. */
static enum exit_code complain_about_stranger(const struct host_set *set)
{
    const struct pair_report *report = &set->report;
    const struct pair_hint *hint = &set->hints.of[report->disk[0]][report->partition[0]];
    unsigned number = set->inventory.disk[report->disk[0]].table.partition[report->partition[0]].number;
    uint32_t wanted = hint->set.member[1 - hint->role].signature;
    const char *path = set->disk[report->disk[0]].path;
    const char *stranger = set->disk[report->disk[1]].path;
    unsigned index = 0;
    if (inventory_find(&set->inventory, wanted, &index) != 0)
        return complain(EXIT_FOUND,
                        "the registry of %s names disk %08x (%s) as the other half of its partition %u, so %s is not. "
                        "Leave %s out, or give it alone",
                        path, wanted, set->disk[index].path, number, describe(set, 1), stranger);
    return complain(EXIT_FOUND,
                    "the registry of %s names disk %08x as the other half of its partition %u, and that is not among "
                    "these disks: %s belongs to another mirror. Give disk %08x with %s, or %s alone",
                    path, wanted, number, describe(set, 1), wanted, path, path);
}

static enum exit_code complain_about_lone(const char *half)
{
    return complain(EXIT_FOUND, "%s has no twin on the other disks. Give both disks of the mirror", half);
}

static enum exit_code complain_about_pairing(const struct host_set *set)
{
    switch (set->report.problem) {
    case PAIR_NONE:
        return complain(EXIT_FOUND,
                        "%s: no partition of a fault-tolerance type (81h-8Eh, C1h-CEh) in the table at "
                        "offset 446, nor on the other disks. Give the two disks of a mirror",
                        set->disk[0].path);
    case PAIR_LONE:
        return complain_about_lone(describe(set, 0));
    case PAIR_UNEQUAL:
        return complain(EXIT_FOUND,
                        "%s and %s differ in length or file system, so they are not the two halves of one "
                        "mirror. Give the two disks of one mirror",
                        describe(set, 0), describe(set, 1));
    case PAIR_STRANGER:
        return complain_about_stranger(set);
    case PAIR_THREE:
        return complain(EXIT_FOUND,
                        "%s has more than one twin, among them %s. Leave out the disk that is not part of the mirror",
                        describe(set, 0), describe(set, 1));
    case PAIR_NO_SIGNATURE:
        return complain(EXIT_FOUND,
                        "%s: its disk, or that of %s, has signature 0 at offset 440. Disk Administrator "
                        "writes one when it is started; then make the images again (A19)",
                        describe(set, 0), describe(set, 1));
    case PAIR_SAME_SIGNATURE:
        return complain(EXIT_FOUND,
                        "%s and %s are on disks with the same signature at offset 440, so they cannot be "
                        "told apart. One is a copy: leave it out (A20)",
                        describe(set, 0), describe(set, 1));
    default:
        return complain(EXIT_FOUND, "%s: there are more than %u mirrors on these disks. Leave some disks out",
                        describe(set, 0), SETS_MAX);
    }
}

/* A member that was found alone must not be all that is known of its mirror, nor may its twin have left it. */
static enum exit_code require_twin(const struct host_set *set, unsigned index, enum role role)
{
    const struct set_survey *survey = &set->survey[index];
    const struct member_place *place = &survey->place[role];
    const struct member_place *twin = &survey->place[1 - role];
    if (place->partition == NULL || set->config.set[index].kind != SET_NT)
        return EXIT_DONE;
    const char *half = describe_place(set, (unsigned)(place->disk - set->inventory.disk), place->partition);
    if (set->config.set[index].member[1 - role].signature == 0)
        return complain_about_lone(half);
    if (twin->partition == NULL || survey->facts.member[1 - role].ft_bit)
        return EXIT_DONE;
    return complain(EXIT_FOUND,
                    "%s has left the mirror (type %02Xh) that %s still is a half of. Mirror them again, then make this "
                    "boot disk; until then see 'mkbootdisk promote --help'",
                    set->disk[twin->disk - set->inventory.disk].path, twin->partition->type, half);
}

enum exit_code host_set_require_mirror(const struct host_set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->inventory.disk[i].dead || set->inventory.disk[i].table.status != ST_OK)
            return host_set_complain_about_table(set, i);
    if (set->report.problem != PAIR_OK)
        return complain_about_pairing(set);
    enum exit_code code = EXIT_DONE;
    for (unsigned i = 0; i < ROLE_COUNT * set->config.set_count && code == EXIT_DONE; i++)
        code = require_twin(set, i / ROLE_COUNT, (enum role)(i % ROLE_COUNT));
    return code;
}

enum exit_code host_set_make_writable(struct host_set *set, const struct changeset *changes)
{
    for (unsigned i = 0; i < set->count; i++)
        for (unsigned c = 0; c < changes->count; c++) {
            uint32_t signature = changes->change[c].signature;
            uint32_t own = set->inventory.disk[i].table.signature;
            if (set->inventory.disk[i].dead || (own != signature && own != changeset_alias(changes, signature)))
                continue;
            enum exit_code code = host_disk_make_writable(&set->disk[i]);
            if (code != EXIT_DONE)
                return code;
            break;
        }
    return EXIT_DONE;
}

bool host_set_has(const struct host_set *set, const struct changeset *changes, uint32_t signature, unsigned *index)
{
    uint32_t alias = changeset_alias(changes, signature);
    unsigned found = inventory_find(&set->inventory, signature, index);
    if (alias != signature)
        found += inventory_find(&set->inventory, alias, index);
    return found == 1;
}

const char *host_set_path(const struct host_set *set, const struct changeset *changes, uint32_t signature)
{
    unsigned index = 0;
    return host_set_has(set, changes, signature, &index) ? set->disk[index].path : "a disk that was not given";
}

enum exit_code host_set_check_tables(const struct host_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (!set->inventory.disk[i].dead && set->inventory.disk[i].table.status == ST_OK)
            continue;
        enum exit_code bad = host_set_complain_about_table(set, i);
        if (bad == EXIT_REFUSED)
            return bad; /* a dynamic disk: whatever it is half of, it is not our kind of mirror */
    }
    return EXIT_DONE;
}

enum exit_code host_set_take_disk(const struct host_set *set, const char *name, unsigned index, unsigned *disk)
{
    char *end;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        if (strcmp(name, role_name((enum role)role)) != 0)
            continue;
        if (index >= set->config.set_count)
            return complain(EXIT_FOUND, "there is no mirror %u on these disks; give --disk the signature of one",
                            index + 1);
        if (set->survey[index].place[role].disk == NULL)
            return complain(EXIT_FOUND, "mirror %u: the %s is not among these disks", index + 1, name);
        *disk = (unsigned)(set->survey[index].place[role].disk - set->inventory.disk);
        return EXIT_DONE;
    }
    unsigned long signature = strtoul(name, &end, 16);
    if (*name == '\0' || *end != '\0' || signature > UINT32_MAX)
        return complain(EXIT_USAGE, "--disk takes primary, shadow or a signature such as 1a2b3c4d, not '%s'", name);
    unsigned found = inventory_find(&set->inventory, (uint32_t)signature, disk);
    if (found == 1)
        return EXIT_DONE;
    return complain(EXIT_FOUND, "%s of these disks has the signature %08lx; see 'mkbootdisk survey'",
                    found == 0 ? "none" : "more than one", signature);
}

void host_set_close(struct host_set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        host_disk_close(&set->disk[i]);
    set->count = 0;
}
