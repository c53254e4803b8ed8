/* SPDX-License-Identifier: MIT */
/* Contents of the boot disk's files. */
#include "media.h"

#include <string.h>

#include "nt/arcpath.h"
#include "nt/bootini.h"

#define SAVED_MAGIC "FTSAVED1"
#define SAVED_COUNT 8u
#define SAVED_INDEX 16u
#define SAVED_INDEX_BYTES 16u
#define SAVED_INDEX_MAX ((SECTOR_BYTES - SAVED_INDEX) / SAVED_INDEX_BYTES)

struct entry {
    enum arc_kind kind;
    uint32_t adapter;
    uint32_t disk;
    uint32_t rdisk;
    uint32_t partition;
    const char *text;
};

struct entries {
    unsigned count;
    struct entry entry[BOOTINI_ENTRIES_MAX];
};

static void add(struct entries *entries, enum arc_kind kind, uint32_t adapter, uint32_t disk, uint32_t rdisk,
                uint32_t partition, const char *text)
{
    if (entries->count < BOOTINI_ENTRIES_MAX)
        entries->entry[entries->count++] = (struct entry){kind, adapter, disk, rdisk, partition, text};
}

static uint32_t arc_number(const struct host_set *set, enum role role)
{
    const struct partition *partition = set->survey[0].place[role].partition;
    return partition != NULL ? partition->number : 1;
}

static void collect(const struct host_set *set, const struct media_options *options, struct entries *entries)
{
    const struct mirror_set *mirror = &set->config.set[0];
    uint32_t primary = arc_number(set, ROLE_PRIMARY);
    uint32_t shadow = arc_number(set, ROLE_SHADOW);
    add(entries, ARC_MULTI, 0, 0, 0, primary,
        options->classic ? "primary; or shadow, once the primary is out of the BIOS" : "the half that was started");
    if (primary != shadow)
        add(entries, ARC_MULTI, 0, 0, 0, shadow, "shadow as first disk: its partition number differs");
    add(entries, ARC_MULTI, 0, 0, 1, shadow, "shadow as second disk: the BIOS still shows the primary");
    if (options->has_ntbootdd) {
        add(entries, ARC_SCSI, 0, 0, 0, primary, "primary by NTBOOTDD.SYS, SCSI id 0");
        add(entries, ARC_SCSI, 0, 1, 0, shadow, "shadow by NTBOOTDD.SYS, SCSI id 1");
        add(entries, ARC_SIGNATURE, mirror->member[ROLE_PRIMARY].signature, 0, 0, primary,
            "primary by signature (Windows 2000)");
        add(entries, ARC_SIGNATURE, mirror->member[ROLE_SHADOW].signature, 0, 0, shadow,
            "shadow by signature (Windows 2000)");
    }
}

static void add_path(struct text *out, const struct entry *entry, const char *nt_path)
{
    struct arc_path path = {.kind = entry->kind,
                            .adapter = entry->adapter,
                            .disk = entry->disk,
                            .rdisk = entry->rdisk,
                            .partition = entry->partition};
    snprintf(path.directory, sizeof path.directory, "%s", nt_path);
    arc_format(out, &path);
}

void media_boot_ini(const struct host_set *set, const struct media_options *options, struct text *out)
{
    struct entries entries = {0};
    collect(set, options, &entries);
    text_add(out, "[boot loader]\r\ntimeout=30\r\ndefault=");
    add_path(out, &entries.entry[0], options->nt_path);
    text_add(out, "\r\n[operating systems]\r\n");
    for (unsigned i = 0; i < entries.count; i++) {
        add_path(out, &entries.entry[i], options->nt_path);
        text_add(out, "=\"%s\"\r\n", entries.entry[i].text);
    }
    if (options->has_bootsect)
        text_add(out, "C:\\=\"the system that BOOTSECT.DOS starts\"\r\n");
}

/* The index is one sector; what it describes follows, one sector each, in its order. */
static bool save(struct host_set *set, uint8_t *buffer, unsigned disk, uint32_t lba)
{
    uint32_t count = get_le32(buffer + SAVED_COUNT);
    uint8_t *index = buffer + SAVED_INDEX + count * SAVED_INDEX_BYTES;
    uint8_t *sector = buffer + (count + 1) * SECTOR_BYTES;
    if (count == SAVED_INDEX_MAX)
        return true; /* the tables of a disk with that many logical drives are saved as far as there is room */
    if (blockdev_read(&set->inventory.disk[disk].reader.device, lba, 1, sector) != ST_OK)
        return false;
    put_le32(index, disk);
    put_le32(index + 4, set->inventory.disk[disk].table.signature);
    put_le64(index + 8, lba);
    put_le32(buffer + SAVED_COUNT, count + 1);
    return true;
}

size_t media_saved(struct host_set *set, uint8_t *buffer)
{
    memset(buffer, 0, MEDIA_SAVED_SECTORS_MAX * SECTOR_BYTES);
    memcpy(buffer, SAVED_MAGIC, strlen(SAVED_MAGIC));
    bool good = true;
    for (unsigned disk = 0; disk < set->count; disk++) {
        const struct disk_table *table = &set->inventory.disk[disk].table;
        good = good && save(set, buffer, disk, 0);
        for (unsigned i = 0; i < table->count && good; i++) {
            if (table->partition[i].logical)
                good = save(set, buffer, disk, table->partition[i].entry_lba);
            good = good && save(set, buffer, disk, table->partition[i].start_lba);
        }
    }
    return good ? (get_le32(buffer + SAVED_COUNT) + 1) * SECTOR_BYTES : 0;
}
