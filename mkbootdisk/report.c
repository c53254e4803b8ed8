/* SPDX-License-Identifier: MIT */
/* Reports. */
#include "report.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/gpt.h"
#include "hostboot.h"
#include "nt/fttype.h"
#include "sitetext.h"

static const char *file_system_name(uint8_t type)
{
    if (type == TYPE_ESP || type == TYPE_RAID)
        return type == TYPE_ESP ? "esp" : "raid";
    switch (ft_plain_type(type)) {
    case 0x01:
        return "fat12";
    case 0x04:
    case 0x06:
    case 0x0E:
        return "fat16";
    case 0x0B:
    case 0x0C:
        return "fat32";
    case 0x07:
        return "ntfs";
    default:
        return "other";
    }
}

static const char *disk_state(const struct disk *disk)
{
    if (disk->dead)
        return "dead";
    return disk->table.status == ST_OK ? "ok" : "damaged";
}

void report_word(const char *word, FILE *to)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./,:=+@%-";
    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        fputs(word, to);
        return;
    }
    fputc('\'', to);
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            fputs("'\\'", to);
        fputc(*word, to);
    }
    fputc('\'', to);
}

void report_paths(const struct host_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        putchar(' ');
        report_word(set->disk[i].path, stdout);
    }
    putchar('\n');
}

/* By the file that its boot sector loads. */
static bool is_boot_disk(const char *path)
{
    uint8_t sector[SECTOR_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool whole = fd >= 0 && read(fd, sector, sizeof sector) == (ssize_t)sizeof sector;
    if (fd >= 0)
        close(fd);
    return whole && mbr_has_mark(sector) &&
           (memcmp(sector + BOOT_NAME_OFFSET, FILE_STAGE2, FAT_NAME_BYTES) == 0 ||
            memcmp(sector + BOOT_NAME_OFFSET, FILE_NTLDR, FAT_NAME_BYTES) == 0);
}

const char *report_boot_disk_among(char *const *paths, int count)
{
    for (int i = 0; i < count; i++)
        if (is_boot_disk(paths[i]))
            return paths[i];
    return NULL;
}

void report_odd_sizes(const struct host_set *set)
{
    struct stat info;
    for (unsigned i = 0; i < set->count; i++)
        if (fstat(set->disk[i].fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size % SECTOR_BYTES != 0)
            fprintf(stderr, "mkbootdisk: warning: %s: ends %u bytes into a sector; was it copied completely?\n",
                    set->disk[i].path, (unsigned)(info.st_size % SECTOR_BYTES));
}

void report_json(cJSON *object)
{
    char *text = cJSON_Print(object);
    puts(text);
    free(text);
    cJSON_Delete(object);
}

static cJSON *partition_json(const struct partition *partition)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddNumberToObject(out, "number", partition->number);
    cJSON_AddNumberToObject(out, "type", partition->type);
    cJSON_AddNumberToObject(out, "start_lba", partition->start_lba);
    cJSON_AddNumberToObject(out, "sectors", partition->sectors);
    cJSON_AddBoolToObject(out, "active", partition->active);
    cJSON_AddBoolToObject(out, "logical", partition->logical);
    cJSON_AddStringToObject(out, "fs", file_system_name(partition->type));
    return out;
}

static void add_hex(cJSON *object, const char *name, uint32_t value)
{
    char text[16];
    snprintf(text, sizeof text, "%08x", value);
    cJSON_AddStringToObject(object, name, text);
}

static cJSON *disk_json(const struct host_set *set, unsigned index)
{
    const struct disk *disk = &set->inventory.disk[index];
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "path", set->disk[index].path);
    cJSON_AddNumberToObject(out, "sectors", (double)disk->reader.device.sectors);
    add_hex(out, "signature", disk->table.signature);
    cJSON_AddStringToObject(out, "state", disk_state(disk));
    cJSON *partitions = cJSON_AddArrayToObject(out, "partitions");
    for (unsigned i = 0; i < disk->table.count; i++)
        cJSON_AddItemToArray(partitions, partition_json(&disk->table.partition[i]));
    return out;
}

static cJSON *member_json(const struct host_set *set, unsigned index, enum role role)
{
    const struct set_survey *survey = &set->survey[index];
    const struct member_place *place = &survey->place[role];
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "role", role_name(role));
    if (place->disk != NULL)
        cJSON_AddNumberToObject(out, "disk", (double)(place->disk - set->inventory.disk));
    if (place->partition != NULL)
        cJSON_AddNumberToObject(out, "partition", place->partition->number);
    cJSON_AddStringToObject(out, "state", member_state_name(survey->verdict.member[role]));
    cJSON *why = cJSON_AddArrayToObject(out, "why");
    if (survey->verdict.why[role] != WHY_NOTHING)
        cJSON_AddItemToArray(why, cJSON_CreateString(report_why(set, index, role)));
    return out;
}

static void add_evidence(cJSON *member, const struct half_evidence *evidence)
{
    char date[32];
    struct text text;
    if (evidence->has_log)
        cJSON_AddNumberToObject(member, "log", (double)evidence->log_lsn);
    cJSON_AddBoolToObject(member, "dirty", evidence->dirty);
    if (!evidence->has_stamp)
        return;
    text_init(&text, date, sizeof date);
    text_add_time(&text, evidence->written_100ns);
    cJSON *registry = cJSON_AddObjectToObject(member, "registry");
    cJSON_AddStringToObject(registry, "path", evidence->directory);
    cJSON_AddStringToObject(registry, "written", date);
    cJSON_AddNumberToObject(registry, "sequence", evidence->sequence);
    cJSON_AddBoolToObject(registry, "clean", evidence->clean);
}

/* The letter NT gives the set, by the installation that knows it. */
static char letter_of(const struct nt_survey *nt, unsigned index)
{
    for (unsigned i = 0; i < nt->count; i++)
        if (nt->item[i].letter[index] != 0)
            return nt->item[i].letter[index];
    return 0;
}

static cJSON *set_json(const struct report *report, unsigned index)
{
    const struct host_set *set = report->set;
    const struct mirror_verdict *verdict = &set->survey[index].verdict;
    char letter[2] = {letter_of(report->nt, index), '\0'};
    char sentence[REPORT_SENTENCE_BYTES];
    cJSON *out = cJSON_CreateObject();
    report_sentence(set, index, sentence, sizeof sentence);
    cJSON_AddNumberToObject(out, "id", index + 1);
    cJSON_AddStringToObject(out, "kind", set->config.set[index].kind == SET_ESP ? "esp" : "mirror");
    cJSON_AddStringToObject(out, "state", set_state_name(verdict->state));
    cJSON_AddStringToObject(out, "source", role_name(verdict->source));
    if (letter[0] != '\0')
        cJSON_AddStringToObject(out, "letter", letter);
    cJSON_AddStringToObject(out, "text", sentence);
    cJSON *members = cJSON_AddArrayToObject(out, "members");
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        cJSON *member = member_json(set, index, (enum role)role);
        add_evidence(member, &set->survey[index].evidence[role]);
        cJSON_AddItemToArray(members, member);
    }
    return out;
}

static cJSON *installation_json(const struct nt_installation *item)
{
    static const char *const states[] = {"none", "silent", "speaks", "unknown", "damaged"};
    char product[REPORT_PRODUCT_BYTES];
    cJSON *out = cJSON_CreateObject();
    nt_product_text(item, product, sizeof product);
    cJSON_AddNumberToObject(out, "disk", item->disk);
    cJSON_AddNumberToObject(out, "partition", item->partition->number);
    cJSON_AddStringToObject(out, "path", item->directory);
    cJSON_AddStringToObject(out, "version", item->product.version);
    cJSON_AddStringToObject(out, "product", product);
    cJSON_AddStringToObject(out, "disk_information", states[item->testimony.state]);
    if (item->testimony.file != NULL)
        cJSON_AddStringToObject(out, "registry", item->testimony.file);
    cJSON *drivers = cJSON_AddArrayToObject(out, "boot_storage");
    for (unsigned i = 0; i < item->storage; i++)
        cJSON_AddItemToArray(drivers, cJSON_CreateString(item->storage_driver[i]));
    return out;
}

static void add_findings(cJSON *out, const struct findings *findings)
{
    cJSON *list = cJSON_AddArrayToObject(out, "findings");
    for (unsigned i = 0; i < findings->count; i++) {
        cJSON *finding = cJSON_CreateObject();
        cJSON_AddStringToObject(finding, "id", findings->item[i].id);
        cJSON_AddNumberToObject(finding, "disk", findings->item[i].disk);
        cJSON_AddStringToObject(finding, "text", findings->item[i].text);
        cJSON_AddItemToArray(list, finding);
    }
}

cJSON *report_survey_json(const struct report *report)
{
    cJSON *out = cJSON_CreateObject();
    cJSON *disks = cJSON_AddArrayToObject(out, "disks");
    for (unsigned i = 0; i < report->set->count; i++)
        cJSON_AddItemToArray(disks, disk_json(report->set, i));
    cJSON *sets = cJSON_AddArrayToObject(out, "sets");
    for (unsigned i = 0; i < report->set->config.set_count; i++)
        cJSON_AddItemToArray(sets, set_json(report, i));
    cJSON *installations = cJSON_AddArrayToObject(out, "installations");
    for (unsigned i = 0; i < report->nt->count; i++)
        cJSON_AddItemToArray(installations, installation_json(&report->nt->item[i]));
    add_findings(out, report->findings);
    return out;
}

const char *report_why(const struct host_set *set, unsigned index, enum role role)
{
    /* A half that was found alone: its twin's signature is not known. */
    if (set->config.set[index].member[role].signature == 0)
        return "no usable half of it is on the disks given";
    return why_text(set->survey[index].verdict.why[role]);
}

static const char *plural(unsigned long long count)
{
    return count == 1 ? "" : "s";
}

static void print_disk(const struct host_set *set, unsigned index)
{
    const struct disk *disk = &set->inventory.disk[index];
    unsigned long long sectors = disk->reader.device.sectors;
    printf("%s: %llu sector%s, signature %08x, %s\n", set->disk[index].path, sectors, plural(sectors),
           disk->table.signature, disk_state(disk));
    for (unsigned i = 0; i < disk->table.count; i++) {
        const struct partition *partition = &disk->table.partition[i];
        printf("  partition %u: type %02Xh (%s%s%s), LBA %u, %u sector%s%s%s\n", partition->number, partition->type,
               file_system_name(partition->type), ft_is_member(partition->type) ? ", mirrored" : "",
               ft_is_disabled(partition->type) ? ", disabled" : "", partition->start_lba, partition->sectors,
               plural(partition->sectors), partition->logical ? ", logical" : "", partition->active ? ", active" : "");
    }
}

static void print_member(const struct host_set *set, unsigned index, enum role role)
{
    const struct set_survey *survey = &set->survey[index];
    const struct half_evidence *evidence = &survey->evidence[role];
    const char *why = report_why(set, index, role);
    char date[32];
    struct text text;
    printf("  %-8s %s%s%s", role_name(role), member_state_name(survey->verdict.member[role]), *why != '\0' ? ": " : "",
           why);
    if (survey->place[role].partition != NULL)
        printf(" (%s, partition %u)", set->disk[survey->place[role].disk - set->inventory.disk].path,
               survey->place[role].partition->number);
    putchar('\n');
    if (evidence->has_stamp) {
        text_init(&text, date, sizeof date);
        text_add_time(&text, evidence->written_100ns);
        printf("           registry of %s UTC, written %u time%s%s\n", date, evidence->sequence,
               plural(evidence->sequence), evidence->clean ? "" : ", the last write was cut off");
    }
    if (evidence->has_log)
        printf("           NTFS log at %llu\n", (unsigned long long)evidence->log_lsn);
    if (evidence->dirty)
        puts("           the volume was not shut down");
}

static void print_sets(const struct report *report)
{
    char sentence[REPORT_SENTENCE_BYTES];
    for (unsigned i = 0; i < report->set->config.set_count; i++) {
        char letter = letter_of(report->nt, i);
        report_sentence(report->set, i, sentence, sizeof sentence);
        printf("\nmirror %u", i + 1);
        if (letter != 0)
            printf(" (%c:)", letter);
        printf(": %s. %s\n", set_state_name(report->set->survey[i].verdict.state), sentence);
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            print_member(report->set, i, (enum role)role);
    }
}

/* After a move to another controller Windows NT starts only if that one's driver is among them (E06). */
static void print_storage(const struct nt_installation *item)
{
    if (item->storage == 0)
        return;
    printf("           starts from disks by");
    for (unsigned i = 0; i < item->storage; i++)
        printf("%s %s", i > 0 ? "," : "", item->storage_driver[i]);
    putchar('\n');
}

void report_survey(const struct report *report)
{
    const struct nt_survey *nt = report->nt;
    for (unsigned i = 0; i < report->set->count; i++)
        print_disk(report->set, i);
    print_sets(report);
    for (unsigned i = 0; i < nt->count; i++) {
        char product[REPORT_PRODUCT_BYTES];
        nt_product_text(&nt->item[i], product, sizeof product);
        const char *hive = nt->item[i].testimony.file;
        printf("%s%s, partition %u: %s in %s%s\n", i == 0 ? "\n" : "", report->set->disk[nt->item[i].disk].path,
               nt->item[i].partition->number, product, nt->item[i].directory,
               hive != NULL && strcmp(hive, "SYSTEM") != 0
                   ? "; SYSTEM is damaged or was not written to its end, so SYSTEM.ALT was read"
                   : "");
        print_storage(&nt->item[i]);
    }
    for (unsigned i = 0; i < report->findings->count; i++) {
        const struct finding *finding = &report->findings->item[i];
        printf("%s%s %s: %s\n", i == 0 ? "\n" : "", finding->id, report->set->disk[finding->disk].path, finding->text);
    }
}

#define RUN_GAP 3u    /* equal bytes between two that differ, which are shown as one run */
#define RUN_SHOWN 16u /* bytes; JSON has them all */

/* The first and last byte that differ: what a person wants to see of a sector. */
static void changed_range(const struct change *change, unsigned *first, unsigned *last)
{
    *first = 0;
    *last = SECTOR_BYTES - 1;
    while (*first < *last && change->old_bytes[*first] == change->new_bytes[*first])
        ++*first;
    while (*last > *first && change->old_bytes[*last] == change->new_bytes[*last])
        --*last;
}

static void hex(const uint8_t *bytes, unsigned first, unsigned last, char *out)
{
    for (unsigned i = first; i <= last; i++)
        out += sprintf(out, "%02x", bytes[i]);
}

/* The next run of bytes that differ, from `*first` on; up to RUN_GAP equal bytes do not end it. */
static bool next_run(const struct change *change, unsigned *first, unsigned *last)
{
    while (*first < SECTOR_BYTES && change->old_bytes[*first] == change->new_bytes[*first])
        ++*first;
    *last = *first;
    for (unsigned i = *first; i < SECTOR_BYTES && i <= *last + RUN_GAP; i++)
        if (change->old_bytes[i] != change->new_bytes[i])
            *last = i;
    return *first < SECTOR_BYTES;
}

static void print_bytes(const uint8_t *bytes, unsigned first, unsigned last)
{
    char text[2 * RUN_SHOWN + 1];
    unsigned end = last - first < RUN_SHOWN ? last : first + RUN_SHOWN - 1;
    hex(bytes, first, end, text);
    printf("%s%s", text, end < last ? "..." : "");
}

void report_changes(const struct host_set *set, const struct changeset *changes)
{
    for (unsigned i = 0; i < changes->count; i++) {
        const struct change *change = &changes->change[i];
        unsigned last;
        printf("%u. %s (disk %08x), sector %llu: %s (%s)\n", i + 1,
               set != NULL ? host_set_path(set, changes, change->signature) : "on", change->signature,
               (unsigned long long)change->lba, change->why, change->id);
        for (unsigned first = 0; next_run(change, &first, &last); first = last + 1) {
            printf("     byte %u: ", first);
            print_bytes(change->old_bytes, first, last);
            fputs(" -> ", stdout);
            print_bytes(change->new_bytes, first, last);
            printf("  (%u byte%s)\n", last - first + 1, last > first ? "s" : "");
        }
    }
}

cJSON *report_changes_json(const struct changeset *changes)
{
    char bytes[SECTOR_BYTES * 2 + 1];
    cJSON *out = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(out, "changes");
    for (unsigned i = 0; i < changes->count; i++) {
        const struct change *change = &changes->change[i];
        unsigned first;
        unsigned last;
        cJSON *item = cJSON_CreateObject();
        changed_range(change, &first, &last);
        add_hex(item, "disk", change->signature);
        cJSON_AddNumberToObject(item, "lba", (double)change->lba);
        cJSON_AddNumberToObject(item, "offset", first);
        hex(change->old_bytes, first, last, bytes);
        cJSON_AddStringToObject(item, "old", bytes);
        hex(change->new_bytes, first, last, bytes);
        cJSON_AddStringToObject(item, "new", bytes);
        cJSON_AddStringToObject(item, "why", change->why);
        cJSON_AddStringToObject(item, "id", change->id);
        cJSON_AddItemToArray(list, item);
    }
    return out;
}
