/* SPDX-License-Identifier: MIT */
/* Opening and judging the disks of a call. */
#include "hostset.h"

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
    for (unsigned i = 1; i < set->config.set_count; i++) {
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
    config_init(&set->config);
    pair_find(&set->inventory, lone, &set->config, &set->report);
    for (unsigned i = 0; lone && i < set->config.set_count; i++)
        judge_lone(set, &set->config.set[i]);
    put_system_set_first(set);
    for (unsigned i = 0; i < set->config.set_count; i++)
        facts_gather(&set->inventory, &set->config, i, HOST_SAMPLES, &set->survey[i]);
    evidence_gather(&set->inventory, &set->config, set->survey, host_workspace());
    return EXIT_DONE;
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

/* A half of the report, for a person. */
static const char *describe(const struct host_set *set, unsigned which)
{
    static char texts[2][512];
    unsigned disk = set->report.disk[which];
    const struct disk_table *table = &set->inventory.disk[disk].table;
    const struct partition *partition = &table->partition[set->report.partition[which]];
    snprintf(texts[which], sizeof texts[which], "%s: partition %u (type %02Xh, LBA %u, offset %llu, %u sectors)",
             set->disk[disk].path, partition->number, partition->type, partition->start_lba,
             (unsigned long long)partition->start_lba * SECTOR_BYTES, partition->sectors);
    return texts[which];
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
        return complain(EXIT_FOUND, "%s has no twin on the other disks. Give both disks of the mirror",
                        describe(set, 0));
    case PAIR_UNEQUAL:
        return complain(EXIT_FOUND,
                        "%s and %s differ in length or file system, so they are not the two halves of one "
                        "mirror. Give the two disks of one mirror",
                        describe(set, 0), describe(set, 1));
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

enum exit_code host_set_require_mirror(const struct host_set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->inventory.disk[i].dead || set->inventory.disk[i].table.status != ST_OK)
            return host_set_complain_about_table(set, i);
    return set->report.problem != PAIR_OK ? complain_about_pairing(set) : EXIT_DONE;
}

enum exit_code host_set_make_writable(struct host_set *set, const struct changeset *changes)
{
    for (unsigned i = 0; i < set->count; i++)
        for (unsigned c = 0; c < changes->count; c++) {
            if (set->inventory.disk[i].dead || set->inventory.disk[i].table.signature != changes->change[c].signature)
                continue;
            enum exit_code code = host_disk_make_writable(&set->disk[i]);
            if (code != EXIT_DONE)
                return code;
            break;
        }
    return EXIT_DONE;
}

const char *host_set_path(const struct host_set *set, uint32_t signature)
{
    unsigned index = 0;
    return inventory_find(&set->inventory, signature, &index) == 1 ? set->disk[index].path
                                                                   : "a disk that was not given";
}

void host_set_close(struct host_set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        host_disk_close(&set->disk[i]);
    set->count = 0;
}
