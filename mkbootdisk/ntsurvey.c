/* SPDX-License-Identifier: MIT */
/* Installations. */
#include "ntsurvey.h"

#include <string.h>
#include <strings.h>

#include "nt/fttype.h"

#define MINIPORT_GROUP "SCSI miniport"
#define DISK_GROUP "Primary disk" /* ATDISK of NT 3.x and 4.0 */
#define MOUNT_BYTES 12u           /* MountedDevices: signature, offset of the partition in bytes */

static bool is_on_a_disk(const struct host_set *set, uint32_t signature)
{
    for (unsigned i = 0; i < set->count; i++)
        if (!set->inventory.disk[i].dead && set->inventory.disk[i].table.signature == signature)
            return true;
    return false;
}

static void note_missing(const struct host_set *set, const struct ftdisk *info, struct nt_installation *out)
{
    for (unsigned i = 0; i < info->disk_count; i++)
        if (!is_on_a_disk(set, info->disk[i].signature) && out->missing < NT_MISSING_MAX)
            out->missing_signature[out->missing++] = info->disk[i].signature;
}

static bool is_letter(uint8_t letter)
{
    return letter >= 'A' && letter <= 'Z';
}

static void note_sets(const struct host_set *set, const struct ftdisk *info, struct nt_installation *out)
{
    for (unsigned i = 0; i < set->config.set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            const struct member_id *id = &set->config.set[i].member[role];
            const struct ftdisk_partition *partition = ftdisk_find(info, id->signature, id->start_lba);
            if (partition == NULL)
                continue;
            out->knows_set[i] |= partition->type == FT_MIRROR;
            if (out->letter[i] == 0 && is_letter(partition->letter))
                out->letter[i] = (char)partition->letter;
        }
}

static void note_letter(const struct host_set *set, const struct workspace *work, const char *name,
                        const struct hive_value *value, struct nt_installation *out)
{
    static const char prefix[] = "\\DosDevices\\";
    uint8_t bytes[MOUNT_BYTES];
    char letter = name[sizeof prefix - 1];
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || !is_letter((uint8_t)letter) || value->bytes != MOUNT_BYTES ||
        hive_data(&work->hive.hive, value, bytes, sizeof bytes) != ST_OK)
        return;
    for (unsigned i = 0; i < set->config.set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            const struct member_id *id = &set->config.set[i].member[role];
            if (get_le32(bytes) == id->signature && get_le64(bytes + 4) == (uint64_t)id->start_lba * SECTOR_BYTES)
                out->letter[i] = letter;
        }
}

/* Windows 2000 keeps its letters here. */
static void note_mounted_devices(const struct host_set *set, const struct workspace *work, struct nt_installation *out)
{
    const struct hive *hive = &work->hive.hive;
    char name[HIVE_NAME_BYTES];
    struct hive_value value;
    uint32_t key = 0;
    if (hive_key(hive, hive->root, "MountedDevices", &key) != ST_OK)
        return;
    for (uint32_t i = 0; hive_value_at(hive, key, i, name, &value) == ST_OK; i++)
        note_letter(set, work, name, &value, out);
}

static void note_services(const struct workspace *work, struct nt_installation *out)
{
    const struct hive *hive = &work->hive.hive;
    struct system_driver driver;
    uint32_t control_set = 0;
    if (system_control_set(hive, &control_set) != ST_OK)
        return;
    out->has_ftdisk = system_service_start(hive, control_set, "Ftdisk", &out->ftdisk_start) == ST_OK;
    out->has_services = true;
    for (uint32_t i = 0; system_next_boot_driver(hive, control_set, &i, &driver) == ST_OK;) {
        bool is_miniport = strcasecmp(driver.group, MINIPORT_GROUP) == 0;
        if (is_miniport && out->miniports < NT_MINIPORTS_MAX)
            memcpy(out->miniport[out->miniports++], driver.path, sizeof driver.path);
        if ((is_miniport || strcasecmp(driver.group, DISK_GROUP) == 0) && out->storage < NT_MINIPORTS_MAX)
            memcpy(out->storage_driver[out->storage++], driver.name, sizeof driver.name);
    }
}

static void note_product(struct workspace *work, struct nt_installation *out)
{
    if (install_open_hive(&work->volume, out->directory, "SOFTWARE", &work->hive) == ST_OK)
        (void)!system_product(&work->hive.hive, &out->product);
}

static void look_at(struct host_set *set, struct workspace *work, struct nt_installation *out)
{
    if (evidence_ask(work, out->directory, &out->testimony) != ST_OK)
        return;
    if (out->testimony.state == REGISTRY_SPEAKS || out->testimony.state == REGISTRY_UNKNOWN) {
        out->information_bytes = work->value.bytes;
        memcpy(out->information, work->buffer, work->value.bytes);
    }
    if (out->testimony.state == REGISTRY_SPEAKS) {
        note_missing(set, &work->ftdisk, out);
        note_sets(set, &work->ftdisk, out);
    }
    if (out->testimony.file == NULL)
        return;
    note_mounted_devices(set, work, out);
    note_services(work, out);
    note_product(work, out);
}

static void search_volume(struct host_set *set, unsigned disk, const struct partition *partition, struct nt_survey *out)
{
    struct workspace *work = host_workspace();
    struct blockdev *device = &set->inventory.disk[disk].reader.device;
    enum status status = fs_mount(device, partition->start_lba, partition->sectors, &work->volume);
    if (status == ST_OK)
        status = install_search_go_on(&work->search, &work->volume);
    while (status == ST_OK) {
        struct nt_installation *item = &out->item[out->count];
        out->more = out->count == NT_INSTALLATIONS_MAX;
        if (out->more)
            return;
        memset(item, 0, sizeof *item);
        item->disk = disk;
        item->partition = partition;
        status = install_search_next(&work->search, item->directory);
        if (status != ST_OK)
            return;
        look_at(set, work, item);
        out->count++;
    }
}

/* The BOOT.INI of the disk's active partition names folders of the other partitions as well. */
static void read_boot_ini(struct host_set *set, unsigned disk)
{
    struct workspace *work = host_workspace();
    struct blockdev *device = &set->inventory.disk[disk].reader.device;
    const struct disk_table *table = &set->inventory.disk[disk].table;
    work->search.ini.count = 0;
    for (unsigned i = 0; i < table->count; i++)
        if (table->partition[i].active && ft_is_file_system(ft_plain_type(table->partition[i].type)) &&
            fs_mount(device, table->partition[i].start_lba, table->partition[i].sectors, &work->volume) == ST_OK)
            (void)!install_search_begin(&work->search, &work->volume);
}

void nt_survey(struct host_set *set, struct nt_survey *out)
{
    out->count = 0;
    out->more = false;
    unsigned failures = set->trail.used;
    for (unsigned disk = 0; disk < set->count; disk++) {
        const struct disk_table *table = &set->inventory.disk[disk].table;
        if (set->inventory.disk[disk].dead)
            continue;
        read_boot_ini(set, disk);
        for (unsigned i = 0; i < table->count; i++)
            if (ft_is_file_system(ft_plain_type(table->partition[i].type)))
                search_volume(set, disk, &table->partition[i], out);
    }
    set->trail.used = failures;
}

const struct nt_installation *nt_survey_of_half(const struct host_set *set, const struct nt_survey *survey,
                                                unsigned index, enum role role)
{
    for (unsigned i = 0; i < survey->count; i++)
        if (survey->item[i].partition == set->survey[index].place[role].partition)
            return &survey->item[i];
    return NULL;
}

void nt_product_text(const struct nt_installation *installation, char *buffer, size_t bytes)
{
    const struct system_product *product = &installation->product;
    if (product->version[0] == '\0') {
        snprintf(buffer, bytes, "Windows NT of unknown version");
        return;
    }
    const char *name = product->name[0] != '\0' ? product->name : "Windows NT";
    snprintf(buffer, bytes, "%s %s, build %s%s%s", name, product->version,
             product->build[0] != '\0' ? product->build : "unknown", product->service_pack[0] != '\0' ? ", " : "",
             product->service_pack);
}
