/* SPDX-License-Identifier: MIT */
/* Systems of BOOT.INI. */
#include "systems.h"

#include <string.h>

static const char default_path[] = "\\WINNT";

/* Put a system on a partition; a mirror's is told by its primary half. */
static void place(const struct host_set *set, unsigned disk, const struct partition *partition,
                  struct own_system *system)
{
    system->disk = disk;
    system->partition = partition->number;
    for (unsigned i = 0; i < set->config.set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            if (set->survey[i].place[role].partition != partition)
                continue;
            system->has_set = true;
            system->set = i;
        }
}

static const struct partition *partition_by_number(const struct host_set *set, unsigned disk, uint32_t number)
{
    if (disk >= set->count || set->inventory.disk[disk].dead)
        return NULL;
    const struct disk_table *table = &set->inventory.disk[disk].table;
    for (unsigned i = 0; i < table->count; i++)
        if (table->partition[i].number == number)
            return &table->partition[i];
    return NULL;
}

/* scsi() counts adapters and targets that nobody here can see: the first disk that has the installation is meant. */
static bool resolve_by_directory(const struct host_set *set, const struct nt_survey *survey, struct own_system *system)
{
    size_t bytes = strlen(system->path.directory) + 1;
    for (unsigned i = 0; i < survey->count; i++) {
        const struct nt_installation *item = &survey->item[i];
        if (item->partition->number != system->path.partition ||
            !text_same(item->directory, system->path.directory, bytes))
            continue;
        place(set, item->disk, item->partition, system);
        return true;
    }
    return false;
}

static bool resolve(const struct host_set *set, const struct nt_survey *survey, struct own_system *system)
{
    unsigned disk = system->path.rdisk;
    if (system->path.kind == ARC_SCSI)
        return resolve_by_directory(set, survey, system);
    if (system->path.kind == ARC_SIGNATURE && inventory_find(&set->inventory, system->path.adapter, &disk) != 1)
        return false;
    const struct partition *partition = partition_by_number(set, disk, system->path.partition);
    if (partition != NULL)
        place(set, disk, partition, system);
    return partition != NULL;
}

static bool is_plain(char letter)
{
    return letter >= ' ' && letter <= '~';
}

/* Bytes that are no plain text can crash NTLDR (B09: Q303418): they are not copied. */
static void copy_span(char *buffer, size_t room, const char *from, size_t bytes)
{
    size_t used = 0;
    for (size_t i = 0; i < bytes && used + 1 < room; i++)
        if (is_plain(from[i]))
            buffer[used++] = from[i];
    buffer[used] = '\0';
}

static bool is_plain_path(const struct arc_path *path)
{
    for (const char *at = path->directory; *at != '\0'; at++)
        if (!is_plain(*at))
            return false;
    return true;
}

/* `"text" /switches`: switches go through unchanged, whatever they are. */
static void take_value(const struct bootini_span *value, struct own_system *system)
{
    const char *end = value->at + value->bytes;
    const char *open = memchr(value->at, '"', value->bytes);
    const char *close = open != NULL ? memchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
    if (close == NULL)
        return;
    copy_span(system->text, sizeof system->text, open + 1, (size_t)(close - open - 1));
    for (close++; close < end && *close == ' '; close++)
        ;
    copy_span(system->switches, sizeof system->switches, close, (size_t)(end - close));
}

static bool is_same(const struct own_system *left, const struct own_system *right)
{
    bool same_place = left->has_set && right->has_set
                          ? left->set == right->set
                          : left->disk == right->disk && left->partition == right->partition;
    return same_place && strcmp(left->switches, right->switches) == 0 &&
           text_same(left->path.directory, right->path.directory, strlen(left->path.directory) + 1);
}

static void add(struct gathered *out, const struct own_system *system, bool first)
{
    for (unsigned i = 0; i < out->systems; i++)
        if (is_same(&out->system[i], system))
            return;
    if (out->systems == SYSTEMS_MAX)
        return;
    out->system[out->systems++] = *system;
    if (!first)
        return;
    struct own_system last = out->system[out->systems - 1];
    memmove(&out->system[1], &out->system[0], (out->systems - 1) * sizeof last);
    out->system[0] = last;
}

static bool is_default(const struct bootini *ini, const struct bootini_line *entry)
{
    for (unsigned i = 0; i < ini->count; i++) {
        const struct bootini_line *line = &ini->line[i];
        if (line->kind == BOOTINI_DEFAULT && line->value.bytes == entry->key.bytes &&
            text_same(line->value.at, entry->key.at, entry->key.bytes))
            return true;
    }
    return false;
}

/* C:\, which NTLDR starts by way of BOOTSECT.DOS. */
static bool is_other_system(const struct bootini_span *key)
{
    static const char drive[] = "C:\\";
    return key->bytes == sizeof drive - 1 && text_same(key->at, drive, key->bytes);
}

static void collect_from_ini(const struct host_set *set, const struct nt_survey *survey, const struct bootini *ini,
                             struct gathered *out)
{
    bool has_default = false;
    for (unsigned i = 0; i < ini->count; i++) {
        struct own_system system = {0};
        out->wants_bootsect |= ini->line[i].kind == BOOTINI_ENTRY && is_other_system(&ini->line[i].key);
        if (ini->line[i].kind != BOOTINI_ENTRY || bootini_path(&ini->line[i], &system.path) != ST_OK ||
            !is_plain_path(&system.path))
            continue;
        out->wants_ntbootdd |= system.path.kind != ARC_MULTI;
        take_value(&ini->line[i].value, &system);
        if (!resolve(set, survey, &system))
            continue;
        bool first = !has_default && is_default(ini, &ini->line[i]);
        has_default |= first;
        add(out, &system, first);
    }
}

static void collect_from_survey(const struct host_set *set, const struct nt_survey *survey, struct gathered *out)
{
    for (unsigned i = 0; i < survey->count; i++) {
        struct own_system system = {.path = {.kind = ARC_MULTI}};
        snprintf(system.path.directory, sizeof system.path.directory, "%s", survey->item[i].directory);
        place(set, survey->item[i].disk, survey->item[i].partition, &system);
        add(out, &system, false);
    }
}

static void add_named(const struct host_set *set, const char *nt_path, struct gathered *out)
{
    struct own_system system = {.path = {.kind = ARC_MULTI}};
    const struct member_place *primary = host_set_half(set, 0);
    snprintf(system.path.directory, sizeof system.path.directory, "%s", nt_path);
    if (primary->partition != NULL)
        place(set, (unsigned)(primary->disk - set->inventory.disk), primary->partition, &system);
    add(out, &system, true);
}

void systems_collect(const struct host_set *set, const struct nt_survey *survey, const struct bootini *ini,
                     const char *nt_path, struct gathered *out)
{
    if (ini != NULL)
        collect_from_ini(set, survey, ini, out);
    if (nt_path != NULL) {
        out->systems = 0;
        add_named(set, nt_path, out);
    }
    if (out->systems == 0)
        collect_from_survey(set, survey, out);
    out->guessed = out->systems == 0;
    if (out->guessed)
        add_named(set, default_path, out);
}
