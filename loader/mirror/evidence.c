/* SPDX-License-Identifier: MIT */
/* Evidence. A disk that cannot be read to the end testifies to nothing more; every volume costs a few dozen reads. */
#include "mirror/evidence.h"

#include "mirror/esp.h"
#include "nt/fttype.h"
#include "nt/system.h"

#define INFORMATION_KEY "DISK"
#define INFORMATION_VALUE "Information"

struct gathering {
    const struct config *config;
    struct set_survey *survey;
    struct workspace *work;
    struct disk *disk;
    /* What to do with the testimony of an installation on this disk. */
    void (*hear)(struct gathering *gathering, const struct partition *partition, const char *directory,
                 const struct testimony *testimony);
    struct inventory *inventory; /* these two for hints only */
    struct pair_hints *hints;
    bool any_sound; /* an installation on this disk has a registry that can be used */
    bool any_2000;  /* ... or is Windows 2000 */
};

static enum registry_state read_information(struct workspace *work, enum status *io)
{
    const struct hive *hive = &work->hive.hive;
    uint32_t key = 0;
    enum status status = hive_key(hive, hive->root, INFORMATION_KEY, &key);
    if (status == ST_OK)
        status = hive_value(hive, key, INFORMATION_VALUE, &work->value);
    if (status == ST_NOT_FOUND)
        return REGISTRY_SILENT;
    if (status == ST_OK)
        status = hive_data(hive, &work->value, work->buffer, FTDISK_BYTES_MAX);
    if (status == ST_OK)
        status = ftdisk_decode(work->buffer, work->value.bytes, &work->ftdisk);
    if (status == ST_IO)
        *io = status;
    if (status == ST_OK)
        return REGISTRY_SPEAKS;
    return status == ST_UNSUPPORTED ? REGISTRY_UNKNOWN : REGISTRY_DAMAGED;
}

enum status evidence_ask(struct workspace *work, const char *directory, struct testimony *out)
{
    *out = (struct testimony){.state = REGISTRY_NONE};
    enum status status = install_check(&work->volume, directory);
    if (status != ST_OK)
        return status;
    out->state = REGISTRY_DAMAGED;
    status = install_open_system(&work->volume, directory, &work->hive);
    if (status == ST_IO)
        return status;
    if (status != ST_OK)
        return ST_OK;
    out->file = work->hive.name;
    out->stamp = work->hive.hive.stamp;
    out->is_windows_2000 = system_is_windows_2000(&work->hive.hive);
    out->state = read_information(work, &status);
    return status;
}

static enum record record_of(uint32_t state)
{
    if (state == FT_ORPHANED)
        return RECORD_ORPHANED;
    /* A number nobody has explained accuses nobody. */
    return state == FT_HEALTHY || state > FT_SYNC_COPY ? RECORD_HEALTHY : RECORD_REBUILDING;
}

/* A set that is being initialized or regenerated, without a word on which member: it is the second one (Q115579). */
static enum record record_in_set(const struct ftdisk *info, const struct ftdisk_set *set, unsigned position)
{
    enum record own = record_of(info->member[set->first_member + position].state);
    bool copying = set->state == FT_SET_REGENERATING || set->state == FT_SET_INITIALIZING;
    for (unsigned i = 0; i < set->member_count; i++)
        copying = copying && record_of(info->member[set->first_member + i].state) <= RECORD_HEALTHY;
    return copying && position > 0 && own <= RECORD_HEALTHY ? RECORD_REBUILDING : own;
}

enum record evidence_of_member(const struct ftdisk *info, const struct member_id *id)
{
    const struct ftdisk_partition *partition = ftdisk_find(info, id->signature, id->start_lba);
    if (partition == 0 || partition->type != FT_MIRROR)
        return RECORD_NONE;
    enum record worst = record_of(partition->state);
    for (unsigned s = 0; s < info->set_count; s++)
        for (unsigned i = 0; i < info->set[s].member_count; i++) {
            unsigned index = info->member[info->set[s].first_member + i].partition;
            if (info->set[s].type != FT_MIRROR || index >= info->partition_count ||
                &info->partition[index] != partition)
                continue;
            enum record record = record_in_set(info, &info->set[s], i);
            worst = record > worst ? record : worst;
        }
    return worst;
}

static void hear_of_half(struct gathering *gathering, unsigned set, unsigned role, const struct testimony *testimony)
{
    struct member_facts *facts = &gathering->survey[set].facts.member[role];
    facts->registry_bad = !gathering->any_sound;
    if (testimony->state != REGISTRY_SPEAKS && testimony->state != REGISTRY_SILENT)
        return;
    for (unsigned of = 0; of < ROLE_COUNT && testimony->state == REGISTRY_SPEAKS; of++) {
        enum record record = evidence_of_member(&gathering->work->ftdisk, &gathering->config->set[set].member[of]);
        if (record > facts->record[of])
            facts->record[of] = record;
    }
    facts->unrecorded = facts->record[role] == RECORD_NONE && !gathering->any_2000;
}

static void keep_stamp(struct half_evidence *evidence, const char *directory, const struct testimony *testimony)
{
    if (evidence->directory[0] != '\0')
        return; /* the first installation is the one that is compared */
    memcpy(evidence->directory, directory, INSTALL_PATH_BYTES);
    evidence->has_stamp = testimony->file != 0 && testimony->file[6] == '\0';
    evidence->clean = testimony->stamp.clean;
    evidence->sequence = testimony->stamp.sequence;
    evidence->written_100ns = testimony->stamp.written_100ns;
}

/* An installation on the disk may know every set that has a half there. */
static void hear_of_sets(struct gathering *gathering, const struct partition *partition, const char *directory,
                         const struct testimony *testimony)
{
    gathering->any_sound |= testimony->state != REGISTRY_DAMAGED;
    gathering->any_2000 |= testimony->is_windows_2000;
    for (unsigned set = 0; set < gathering->config->set_count; set++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            struct set_survey *survey = &gathering->survey[set];
            if (survey->place[role].disk != gathering->disk)
                continue;
            hear_of_half(gathering, set, role, testimony);
            if (survey->place[role].partition == partition)
                keep_stamp(&survey->evidence[role], directory, testimony);
        }
}

static enum status ask(struct gathering *gathering, const struct partition *partition, const char *directory)
{
    struct testimony testimony;
    enum status status = evidence_ask(gathering->work, directory, &testimony);
    if (status != ST_OK && testimony.file == 0)
        return status;
    /* Of a registry that can be read in part, its age still counts. */
    if (status != ST_OK)
        testimony.state = REGISTRY_UNKNOWN;
    gathering->hear(gathering, partition, directory, &testimony);
    return status;
}

/* The set and role of a partition; false if it is no half. */
static bool find_half(const struct gathering *gathering, const struct partition *partition, unsigned *set,
                      unsigned *role)
{
    for (*set = 0; *set < gathering->config->set_count; ++*set)
        for (*role = 0; *role < ROLE_COUNT; ++*role)
            if (gathering->survey[*set].place[*role].partition == partition)
                return true;
    return false;
}

/* NTFS marks the volume only when it finds damage; that it was in use to the end shows in its log. */
static enum status look_at_file_system(struct workspace *work, struct half_evidence *evidence)
{
    bool clean = true;
    enum status status = fs_is_dirty(&work->volume, &evidence->dirty);
    if (status == ST_IO || work->volume.driver != &ntfs_driver)
        return status;
    status = ntfs_log_lsn(&work->volume.as.ntfs, &evidence->log_lsn, &clean);
    evidence->has_log = status == ST_OK;
    evidence->dirty |= !clean;
    return status;
}

static enum status search(struct gathering *gathering, const struct partition *partition)
{
    char directory[INSTALL_PATH_BYTES];
    struct install_search *search = &gathering->work->search;
    enum status status = install_search_go_on(search, &gathering->work->volume);
    while (status == ST_OK) {
        status = install_search_next(search, directory);
        if (status == ST_OK)
            status = ask(gathering, partition, directory);
    }
    return status;
}

/* Whether the boot disk knows that Windows NT is on this half. */
static bool is_system_half(const struct gathering *gathering, bool is_half, unsigned set)
{
    return is_half && gathering->config->system_set == set + 1;
}

static enum status look_at_volume(struct gathering *gathering, const struct partition *partition)
{
    struct workspace *work = gathering->work;
    unsigned set;
    unsigned role;
    bool is_half = find_half(gathering, partition, &set, &role);
    enum status status =
        fs_probe(&gathering->disk->reader.device, partition->start_lba, partition->sectors, &work->volume);
    if (status != ST_OK)
        return status;
    if (is_half && look_at_file_system(work, &gathering->survey[set].evidence[role]) == ST_IO)
        return ST_IO;
    status = ST_NOT_FOUND;
    if (is_system_half(gathering, is_half, set))
        status = ask(gathering, partition, gathering->config->system_path);
    else if (gathering->config->system_set != 0)
        return ST_OK; /* the installation is known to be elsewhere */
    return status == ST_NOT_FOUND ? search(gathering, partition) : status;
}

/* Active partitions come first: there is the BOOT.INI that names folders of the others. */
static void look_at_disk(struct gathering *gathering)
{
    const struct disk_table *table = &gathering->disk->table;
    unsigned set;
    unsigned role;
    gathering->work->search.ini.count = 0;
    for (unsigned i = 0; i < 2 * table->count; i++) {
        const struct partition *partition = &table->partition[i % table->count];
        if (partition->active != (i < table->count) || !ft_is_file_system(ft_plain_type(partition->type)) ||
            look_at_volume(gathering, partition) != ST_IO)
            continue;
        /* A half whose own files cannot be read is failing, however well the samples did. */
        if (find_half(gathering, partition, &set, &role))
            gathering->survey[set].facts.member[role].readable = false;
        return;
    }
}

static enum age older(bool primary_is)
{
    return primary_is ? AGE_PRIMARY_OLDER : AGE_SHADOW_OLDER;
}

/* Sequence numbers count writes, and wrap; a clock may have been set back. Only both together make a proof. Where a
 * write was cut off, a distance of one is that very write. */
static enum age compare_stamps(const struct half_evidence *primary, const struct half_evidence *shadow)
{
    int32_t writes = (int32_t)(shadow->sequence - primary->sequence);
    bool same_time = primary->written_100ns == shadow->written_100ns;
    bool later = shadow->written_100ns > primary->written_100ns;
    size_t bytes = text_length(primary->directory) + 1;
    if (!primary->has_stamp || !shadow->has_stamp || !text_same(primary->directory, shadow->directory, bytes))
        return AGE_UNKNOWN;
    bool cut = !primary->clean || !shadow->clean;
    if ((writes == 0 && same_time) || (cut && writes >= -1 && writes <= 1))
        return AGE_SAME;
    if (writes != 0 && !same_time && (writes > 0) != later)
        return AGE_CONTRADICTION;
    return older(writes > 0 || later);
}

static enum age compare_logs(const struct half_evidence *primary, const struct half_evidence *shadow)
{
    if (!primary->has_log || !shadow->has_log)
        return AGE_UNKNOWN;
    return primary->log_lsn == shadow->log_lsn ? AGE_SAME : older(primary->log_lsn < shadow->log_lsn);
}

void evidence_gather(struct inventory *inventory, const struct config *config, struct set_survey *survey,
                     struct workspace *work)
{
    for (unsigned i = 0; work != 0 && i < inventory->count; i++) {
        struct gathering gathering = {
            .config = config, .survey = survey, .work = work, .disk = &inventory->disk[i], .hear = hear_of_sets};
        if (!gathering.disk->dead)
            look_at_disk(&gathering);
    }
    for (unsigned i = 0; i < config->set_count; i++) {
        if (config->set[i].kind == SET_ESP) {
            esp_gather(&config->set[i], &survey[i], work);
            continue;
        }
        const struct half_evidence *evidence = survey[i].evidence;
        survey[i].facts.registry = compare_stamps(&evidence[ROLE_PRIMARY], &evidence[ROLE_SHADOW]);
        survey[i].facts.log = compare_logs(&evidence[ROLE_PRIMARY], &evidence[ROLE_SHADOW]);
        mirror_decide(&survey[i].facts, &survey[i].verdict);
    }
}

/* The two members of a mirror in a registry's words; false if it does not tell two disks and a partition on each. */
static bool read_mirror(const struct ftdisk *info, const struct ftdisk_set *set, struct mirror_set *out)
{
    if (set->type != FT_MIRROR || set->member_count != ROLE_COUNT)
        return false;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        const struct ftdisk_member *member = &info->member[set->first_member + role];
        if (member->partition >= info->partition_count)
            return false;
        const struct ftdisk_partition *partition = &info->partition[member->partition];
        uint64_t end_bytes = partition->start_bytes + partition->length_bytes;
        if (member->signature == 0 || partition->length_bytes < SECTOR_BYTES || end_bytes < partition->start_bytes ||
            end_bytes / SECTOR_BYTES > UINT32_MAX)
            return false;
        out->member[role] = (struct member_id){member->signature, (uint32_t)(partition->start_bytes / SECTOR_BYTES),
                                               (uint32_t)(partition->length_bytes / SECTOR_BYTES)};
    }
    return out->member[ROLE_PRIMARY].signature != out->member[ROLE_SHADOW].signature;
}

/* Whether a partition of a disk that the registry does not know is this member: its disk is the one that is missing,
 * and lost its signature (A19). */
static bool has_lost_signature(const struct gathering *gathering, const struct partition *partition,
                               const struct member_id *id, const struct member_id *twin)
{
    unsigned index;
    uint32_t own = gathering->disk->table.signature;
    return id->sectors == partition->sectors && twin->signature != own &&
           inventory_find(gathering->inventory, id->signature, &index) == 0 &&
           inventory_find(gathering->inventory, twin->signature, &index) != 0 &&
           ftdisk_find(&gathering->work->ftdisk, own, partition->start_lba) == 0;
}

/* Which member of the mirror a partition of this disk is, or ROLE_NONE. */
static enum role role_in(const struct gathering *gathering, const struct partition *partition,
                         const struct mirror_set *mirror)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        const struct member_id *id = &mirror->member[role];
        if (id->start_lba == partition->start_lba &&
            (id->signature == gathering->disk->table.signature ||
             has_lost_signature(gathering, partition, id, &mirror->member[1 - role])))
            return (enum role)role;
    }
    return ROLE_NONE;
}

static bool is_same_member(const struct member_id *first, const struct member_id *second)
{
    return first->signature == second->signature && first->start_lba == second->start_lba;
}

static void note_hint(struct pair_hint *hint, enum role role, const struct mirror_set *mirror)
{
    if (hint->state == HINT_NONE)
        *hint = (struct pair_hint){HINT_KNOWN, role, *mirror};
    else if (hint->role != role || !is_same_member(&hint->set.member[1 - role], &mirror->member[1 - role]))
        hint->state = HINT_DISPUTED;
}

static void hear_of_twins(struct gathering *gathering, const struct partition *partition, const char *directory,
                          const struct testimony *testimony)
{
    const struct ftdisk *info = &gathering->work->ftdisk;
    const struct disk_table *table = &gathering->disk->table;
    struct pair_hint *hints = gathering->hints->of[gathering->disk - gathering->inventory->disk];
    struct mirror_set mirror;
    (void)partition;
    (void)directory;
    for (unsigned s = 0; testimony->state == REGISTRY_SPEAKS && s < info->set_count; s++) {
        bool is_mirror = read_mirror(info, &info->set[s], &mirror);
        for (unsigned i = 0; is_mirror && i < table->count; i++) {
            enum role role = role_in(gathering, &table->partition[i], &mirror);
            if (role != ROLE_NONE)
                note_hint(&hints[i], role, &mirror);
        }
    }
}

/* A half that is named as a twin, and of which its own disk says nothing, is what it is named. */
static void answer(const struct inventory *inventory, const struct pair_hint *hint, struct pair_hints *hints)
{
    unsigned index = 0;
    enum role role = (enum role)(1 - hint->role);
    const struct member_id *twin = &hint->set.member[role];
    if (hint->state != HINT_KNOWN || inventory_find(inventory, twin->signature, &index) != 1)
        return;
    const struct disk_table *table = &inventory->disk[index].table;
    for (unsigned i = 0; i < table->count; i++)
        if (table->partition[i].start_lba == twin->start_lba && hints->of[index][i].state == HINT_NONE)
            hints->of[index][i] = (struct pair_hint){HINT_KNOWN, role, hint->set};
}

void evidence_hints(struct inventory *inventory, struct workspace *work, struct pair_hints *hints)
{
    static const struct config no_sets; /* every volume is searched */
    memset(hints, 0, sizeof *hints);
    for (unsigned i = 0; i < inventory->count; i++) {
        struct gathering gathering = {.config = &no_sets,
                                      .work = work,
                                      .disk = &inventory->disk[i],
                                      .hear = hear_of_twins,
                                      .inventory = inventory,
                                      .hints = hints};
        if (!gathering.disk->dead)
            look_at_disk(&gathering);
    }
    for (unsigned disk = 0; disk < inventory->count; disk++)
        for (unsigned i = 0; i < inventory->disk[disk].table.count; i++)
            answer(inventory, &hints->of[disk][i], hints);
}
