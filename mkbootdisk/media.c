/* SPDX-License-Identifier: MIT */
/* Contents of the boot disk's files. */
#include "media.h"

#include <string.h>

#define SAVED_MAGIC "FTSAVED1"
#define SAVED_COUNT 8u
#define SAVED_INDEX 16u
#define SAVED_INDEX_BYTES 16u
#define SAVED_INDEX_MAX ((SECTOR_BYTES - SAVED_INDEX) / SAVED_INDEX_BYTES)
#define SAVED_INFORMATION 0x80000000u /* bit of an index entry's disk: not a sector, but DISK\Information */

#define LINE_BYTES_MAX 127u /* what every NTLDR reads of a line */

struct writer {
    const struct gathered *gathered;
    struct text *out;
    unsigned entries;
    bool dry; /* only the path of the first entry is wanted */
};

/* The beginning of a text in whole words, but with its end if that is in brackets: "[VGA mode]" tells two entries of
 * one system apart. */
static void shorten(const char *text, size_t room, char out[SYSTEM_TEXT_BYTES])
{
    size_t length = strlen(text);
    const char *tail = length > 0 && text[length - 1] == ']' ? strrchr(text, '[') : NULL;
    size_t tail_bytes = tail != NULL ? strlen(tail) : 0;
    snprintf(out, SYSTEM_TEXT_BYTES, "%.*s", (int)room, text);
    if (length <= room)
        return;
    if (tail_bytes + 1 >= room)
        tail_bytes = 0;
    size_t keep = tail_bytes > 0 ? room - tail_bytes - 1 : room;
    while (keep > 0 && text[keep] != ' ')
        keep--;
    while (keep > 0 && strchr(" ,[(", text[keep - 1]) != NULL)
        keep--;
    if (keep == 0)
        return; /* one long word */
    snprintf(out, SYSTEM_TEXT_BYTES, "%.*s%s%s", (int)keep, text, tail_bytes > 0 ? " " : "",
             tail_bytes > 0 ? tail : "");
}

/* One entry, while there is room: `hint` says when to use it, the system's own text comes first. */
static void add(struct writer *writer, const struct own_system *system, const struct arc_path *place, const char *hint)
{
    struct arc_path path = *place;
    if (writer->entries++ >= (writer->dry ? 1 : BOOTINI_ENTRIES_MAX))
        return;
    memcpy(path.directory, system->path.directory, sizeof path.directory);
    size_t start = writer->out->used_bytes;
    arc_format(writer->out, &path);
    if (writer->dry)
        return;
    bool has_text = system->text[0] != '\0';
    /* What a line may have besides path, switches and punctuation; the hint is worth more than the system's own text.
     */
    size_t fixed = writer->out->used_bytes - start + strlen(system->switches) + strlen("=\"\" ");
    size_t room = fixed < LINE_BYTES_MAX ? LINE_BYTES_MAX - fixed : 0;
    size_t hint_bytes = strlen(hint) < room ? strlen(hint) : room;
    size_t text_bytes = room > hint_bytes + 2 && has_text ? room - hint_bytes - 2 : 0;
    char text[SYSTEM_TEXT_BYTES];
    char shown[LINE_BYTES_MAX];
    shorten(system->text, text_bytes, text);
    snprintf(shown, sizeof shown, "%.*s", (int)hint_bytes, hint);
    text_add(writer->out, "=\"%s%s%s\"%s%s\r\n", text, text_bytes > 0 ? ": " : "", shown,
             system->switches[0] != '\0' ? " " : "", system->switches);
}

static struct arc_path multi(uint32_t rdisk, uint32_t partition)
{
    return (struct arc_path){.kind = ARC_MULTI, .rdisk = rdisk, .partition = partition};
}

static uint32_t arc_number(const struct host_set *set, unsigned index, enum role role)
{
    const struct partition *partition = set->survey[index].place[role].partition;
    if (partition == NULL) /* the disk that is gone most likely was laid out like the one that is here */
        partition = host_set_half(set, index)->partition;
    return partition->number;
}

/* The scsi() path of the other half: the next SCSI id, which is how the two disks of a mirror usually are set. */
static void add_by_driver(struct writer *writer, const struct host_set *set, const struct own_system *system)
{
    const struct mirror_set *mirror = &set->config.set[system->set];
    bool is_scsi = system->path.kind == ARC_SCSI;
    struct arc_path primary = is_scsi ? system->path : (struct arc_path){.kind = ARC_SCSI};
    primary.partition = arc_number(set, system->set, ROLE_PRIMARY);
    struct arc_path shadow = primary;
    shadow.disk++;
    shadow.partition = arc_number(set, system->set, ROLE_SHADOW);
    add(writer, system, &primary, is_scsi ? "primary by NTBOOTDD.SYS" : "primary by NTBOOTDD.SYS, SCSI id 0");
    add(writer, system, &shadow,
        is_scsi ? "shadow by NTBOOTDD.SYS, next SCSI id" : "shadow by NTBOOTDD.SYS, SCSI id 1");
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        struct arc_path path = {.kind = ARC_SIGNATURE,
                                .adapter = mirror->member[role].signature,
                                .partition = arc_number(set, system->set, (enum role)role)};
        add(writer, system, &path,
            role == ROLE_PRIMARY ? "primary by signature (Windows 2000)" : "shadow by signature (Windows 2000)");
    }
}

/* The system the machine starts from, in every place where its halves may turn up. */
static void add_mirrored(struct writer *writer, const struct host_set *set, const struct own_system *system,
                         bool classic)
{
    uint32_t primary = arc_number(set, system->set, ROLE_PRIMARY);
    uint32_t shadow = arc_number(set, system->set, ROLE_SHADOW);
    struct arc_path path = multi(0, primary);
    add(writer, system, &path, classic ? "primary; or shadow, once that is the first disk" : "the started half");
    path = multi(0, shadow);
    if (primary != shadow)
        add(writer, system, &path, "shadow as first disk: its partition number differs");
    path = multi(1, shadow);
    add(writer, system, &path, "shadow as second disk, the BIOS shows the primary");
    if (writer->gathered->file[OWN_NTBOOTDD].bytes != NULL)
        add_by_driver(writer, set, system);
}

static void add_all(struct writer *writer, const struct host_set *set, bool classic)
{
    for (unsigned i = 0; i < writer->gathered->systems; i++) {
        const struct own_system *system = &writer->gathered->system[i];
        struct arc_path path = multi(system->has_set ? 0 : system->disk, system->partition);
        if (i == 0 && system->has_set)
            add_mirrored(writer, set, system, classic);
        else
            add(writer, system, &path, system->has_set ? "the started half" : "as it was when this was made");
    }
}

void media_boot_ini(const struct host_set *set, const struct gathered *gathered, bool classic, struct text *out)
{
    struct writer writer = {.gathered = gathered, .out = out, .dry = true};
    text_add(out, "[boot loader]\r\ntimeout=30\r\ndefault=");
    add_all(&writer, set, classic);
    text_add(out, "\r\n[operating systems]\r\n");
    writer = (struct writer){.gathered = gathered, .out = out};
    add_all(&writer, set, classic);
    if (gathered->file[OWN_BOOTSECT].bytes != NULL)
        text_add(out, "C:\\=\"the system that BOOTSECT.DOS starts\"\r\n");
}

struct saved {
    uint8_t *buffer;
    uint32_t count;   /* of index entries */
    uint32_t sectors; /* used, the index included */
};

/* Room for one more thing of `sectors`, or null: a disk with that many logical drives is saved as far as it fits. */
static uint8_t *reserve(struct saved *saved, uint32_t what, uint32_t signature, uint64_t where, uint32_t sectors)
{
    uint8_t *index = saved->buffer + SAVED_INDEX + saved->count * SAVED_INDEX_BYTES;
    uint8_t *room = saved->buffer + saved->sectors * SECTOR_BYTES;
    if (saved->count == SAVED_INDEX_MAX || saved->sectors + sectors > MEDIA_SAVED_SECTORS_MAX)
        return NULL;
    put_le32(index, what);
    put_le32(index + 4, signature);
    put_le64(index + 8, where);
    put_le32(saved->buffer + SAVED_COUNT, ++saved->count);
    saved->sectors += sectors;
    return room;
}

static bool save(struct host_set *set, struct saved *saved, unsigned disk, uint32_t lba)
{
    uint8_t *room = reserve(saved, disk, set->inventory.disk[disk].table.signature, lba, 1);
    return room == NULL || blockdev_read(&set->inventory.disk[disk].reader.device, lba, 1, room) == ST_OK;
}

/* The first record found on each disk. */
static void save_information(const struct host_set *set, const struct nt_survey *survey, struct saved *saved)
{
    bool done[DISKS_MAX] = {false};
    for (unsigned i = 0; i < survey->count; i++) {
        const struct nt_installation *item = &survey->item[i];
        uint32_t bytes = (uint32_t)item->information_bytes;
        if (bytes == 0 || done[item->disk])
            continue;
        uint8_t *room = reserve(saved, item->disk | SAVED_INFORMATION, set->inventory.disk[item->disk].table.signature,
                                bytes, (bytes + SECTOR_BYTES - 1) / SECTOR_BYTES);
        if (room != NULL)
            memcpy(room, item->information, bytes);
        done[item->disk] = true;
    }
}

size_t media_saved(struct host_set *set, const struct nt_survey *survey, uint8_t *buffer)
{
    struct saved saved = {.buffer = buffer, .sectors = 1};
    memset(buffer, 0, MEDIA_SAVED_SECTORS_MAX * SECTOR_BYTES);
    memcpy(buffer, SAVED_MAGIC, strlen(SAVED_MAGIC));
    bool good = true;
    for (unsigned disk = 0; disk < set->count; disk++) {
        const struct disk_table *table = &set->inventory.disk[disk].table;
        good = good && save(set, &saved, disk, 0);
        for (unsigned i = 0; i < table->count && good; i++) {
            if (table->partition[i].logical)
                good = save(set, &saved, disk, table->partition[i].entry_lba);
            good = good && save(set, &saved, disk, table->partition[i].start_lba);
        }
    }
    save_information(set, survey, &saved);
    return good ? saved.sectors * SECTOR_BYTES : 0;
}
