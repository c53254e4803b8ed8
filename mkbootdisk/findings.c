/* SPDX-License-Identifier: MIT */
/* Findings. Each is named once a disk, however many sets or installations show it. All that is read here is whether a
 * half has a file system. */
#include "findings.h"
#include "nt/start.h"

#include <stdarg.h>
#include <string.h>

#include "nt/fttype.h"
#include "nt/start.h"
#include "sitetext.h"

#define TYPE_NTFS 0x07u

__attribute__((format(printf, 4, 5))) static void add(struct findings *out, const char *id, unsigned disk,
                                                      const char *format, ...)
{
    va_list arguments;
    for (unsigned i = 0; i < out->count; i++)
        if (out->item[i].disk == disk && strcmp(out->item[i].id, id) == 0)
            return;
    if (out->count == FINDINGS_MAX)
        return;
    struct finding *finding = &out->item[out->count++];
    *finding = (struct finding){.id = id, .disk = disk};
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

static void add_tables(const struct host_set *set, struct findings *out)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct disk *disk = &set->inventory.disk[i];
        if (disk->table.gpt_backup)
            add(out, site_code(SITE_GPT_BACKUP), i, "%s", site_text(SITE_GPT_BACKUP));
        if (!disk->dead && disk->table.status != ST_OK)
            add(out, site_code(disk->table.problem), i, "%s", site_text(disk->table.problem));
    }
}

static unsigned disk_of(const struct host_set *set, const struct member_place *place)
{
    return (unsigned)(place->disk - set->inventory.disk);
}

const char *finding_of_boot_sector(const struct partition *partition)
{
    return ft_plain_type(partition->type) == TYPE_NTFS ? "A15" : "A16";
}

/* A half of a type that promises a file system, and none can be read, although its sectors can: not even NTLDR from the
 * boot disk finds its files then. */
static void add_file_system(const struct host_set *set, unsigned index, unsigned role, struct findings *out)
{
    const struct member_place *place = &set->survey[index].place[role];
    const struct partition *partition = place->partition;
    if (partition == NULL || !ft_is_file_system(ft_plain_type(partition->type)))
        return;
    enum status status =
        fs_probe(&place->disk->reader.device, partition->start_lba, partition->sectors, &host_workspace()->volume);
    if (status != ST_CORRUPT && status != ST_UNSUPPORTED)
        return;
    add(out, finding_of_boot_sector(partition), disk_of(set, place),
        "the %s of mirror %u has no %s file system that can be read: its boot sector (sector %u) is damaged, or "
        "another system uses it",
        role_name((enum role)role), index + 1, ft_plain_type(partition->type) == TYPE_NTFS ? "NTFS" : "FAT",
        partition->start_lba);
}

static void add_member(const struct host_set *set, unsigned index, unsigned role, struct findings *out)
{
    const struct set_survey *survey = &set->survey[index];
    const struct member_place *place = &survey->place[role];
    const char *name = role_name((enum role)role);
    if (place->disk == NULL)
        return;
    unsigned disk = disk_of(set, place);
    switch (survey->verdict.why[role]) {
    case WHY_ORPHANED:
    case WHY_OLDER:
    case WHY_LOG_OLDER:
    case WHY_TAKEN_OUT:
        add(out, "D04", disk,
            "the %s of mirror %u missed changes: if it is started while the other half is there, "
            "Windows NT stops with 0x58",
            name, index + 1);
        break;
    case WHY_REBUILDING:
        add(out, "D02", disk, "the copy to the %s of mirror %u was not finished: it cannot be started yet", name,
            index + 1);
        break;
    case WHY_DISABLED:
        add(out, "D08", disk, "Windows NT disabled the %s of mirror %u after a failed write", name, index + 1);
        break;
    default:
        break;
    }
    if (survey->facts.member[role].unrecorded && survey->facts.member[role].ft_bit)
        add(out, "D05", disk,
            "the %s of mirror %u has the fault-tolerance bit, but the registry does not know it: "
            "Windows NT stops with C000021A",
            name, index + 1);
}

/* A set whose member carries a signature that is not its own any more, or that two disks carry. */
static void add_signatures(const struct host_set *set, struct findings *out)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct disk_table *table = &set->inventory.disk[i].table;
        for (unsigned p = 0; !set->inventory.disk[i].dead && p < table->count; p++)
            if (ft_is_member(table->partition[p].type) && table->signature == 0)
                add(out, "A19", i,
                    "half of a mirror is on a disk without a signature: FDISK /MBR or a like tool wiped it");
        for (unsigned other = i + 1; other < set->count; other++)
            if (!set->inventory.disk[i].dead && !set->inventory.disk[other].dead && table->signature != 0 &&
                table->signature == set->inventory.disk[other].table.signature)
                add(out, "A20", other, "has the same signature as %s: Windows NT takes one for the other",
                    set->disk[i].path);
    }
}

static void add_installation(const struct nt_installation *item, struct findings *out)
{
    const struct partition *partition = item->partition;
    if (item->testimony.state == REGISTRY_DAMAGED)
        add(out, "B09", item->disk, "the registry of %s on partition %u is damaged", item->directory,
            partition->number);
    if (item->testimony.state == REGISTRY_UNKNOWN)
        add(out, site_code(SITE_INFO_VERSION), item->disk,
            "%s on partition %u has DISK\\Information of a version that is not known: it is not "
            "used and never changed",
            item->directory, partition->number);
    if (ft_is_member(partition->type) && item->has_ftdisk && item->ftdisk_start != SYSTEM_START_BOOT)
        add(out, "D15", item->disk,
            "%s does not start FTDISK with the system (Start is %u, not 0): its mirrors are not "
            "seen",
            item->directory, item->ftdisk_start);
    if (item->has_services && item->storage == 0)
        add(out, "E06", item->disk,
            "%s starts no driver of a disk controller with the system: on this machine's controller Windows NT stops "
            "with 0x7B",
            item->directory);
    if (item->missing > 0)
        add(out, "D16", item->disk, "%s still lists disk %08x, which is not here: harmless for a start",
            item->directory, item->missing_signature[0]);
    if (partition->start_lba >= START_PAST_4_GB_LBA && !item->testimony.is_windows_2000)
        add(out, "E08", item->disk,
            "partition %u with %s begins past 4 GB: NT 4.0 starts it only from Service Pack 5 on", partition->number,
            item->directory);
}

/* Two installations on one disk that know different things of the same mirror. */
static void add_claims(const struct host_set *set, const struct nt_survey *survey, struct findings *out)
{
    for (unsigned i = 0; i < survey->count; i++)
        for (unsigned j = i + 1; j < survey->count; j++)
            for (unsigned s = 0; s < set->config.set_count; s++)
                if (survey->item[i].disk == survey->item[j].disk && survey->item[i].knows_set[s] &&
                    survey->item[j].knows_set[s])
                    add(out, site_code(SITE_INFO_CLAIMS), survey->item[i].disk,
                        "%s and %s both know mirror %u: whichever ran last knows best, so the worse of both counts",
                        survey->item[i].directory, survey->item[j].directory, s + 1);
}

void findings_collect(const struct host_set *set, const struct nt_survey *survey, struct findings *out)
{
    out->count = 0;
    add_tables(set, out);
    for (unsigned i = 0; i < set->config.set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            add_member(set, i, role, out);
            add_file_system(set, i, role, out);
        }
    add_signatures(set, out);
    for (unsigned i = 0; i < survey->count; i++)
        add_installation(&survey->item[i], out);
    add_claims(set, survey, out);
}
