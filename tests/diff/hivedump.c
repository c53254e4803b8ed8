/* SPDX-License-Identifier: MIT */
/* hivedump HIVE [--log LOG] tree | value PATH NAME | information PATH NAME | place PATH NAME | cost PATH NAME: what the
 * core makes of a hive, as JSON for other programs to compare. Judges nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "nt/ftdisk.h"
#include "nt/hive.h"

#define DEPTH_MAX 64u
#define DATA_MAX (4u << 20)
#define PATH_MAX_BYTES (DEPTH_MAX * HIVE_NAME_BYTES)

struct file_source {
    struct source source;
    uint8_t *bytes;
    uint8_t *touched; /* one for each sector */
};

static uint8_t data[DATA_MAX];

static enum status source_read(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    struct file_source *file = (struct file_source *)source;
    if (offset > source->bytes || bytes > source->bytes - offset)
        abort(); /* the core asks for what is not there */
    memcpy(buffer, file->bytes + offset, bytes);
    for (uint32_t at = offset / SECTOR_BYTES; bytes > 0 && at <= (offset + bytes - 1) / SECTOR_BYTES; at++)
        file->touched[at] = 1;
    return ST_OK;
}

static void load(struct file_source *file, const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0)
        exit(2);
    size_t bytes = (size_t)ftell(stream);
    rewind(stream);
    file->bytes = malloc(bytes + 1);
    file->touched = calloc(bytes / SECTOR_BYTES + 1, 1);
    if (file->bytes == NULL || file->touched == NULL || fread(file->bytes, 1, bytes, stream) != bytes)
        exit(2);
    (void)fclose(stream);
    file->source = (struct source){.read = source_read, .bytes = (uint32_t)bytes};
}

static void finish(enum status status)
{
    if (status == ST_OK)
        return;
    (void)printf("{\"status\": \"%s\"}\n", status_name(status));
    exit(3);
}

static void print_string(const char *name, const char *text)
{
    (void)printf("\"%s\": \"", name);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\' || (uint8_t)*text < 0x20)
            (void)printf("\\u%04x", (uint8_t)*text);
        else
            (void)putchar(*text);
    (void)putchar('"');
}

static void print_hex(const uint8_t *bytes, uint32_t count)
{
    (void)putchar('"');
    for (uint32_t i = 0; i < count; i++)
        (void)printf("%02x", bytes[i]);
    (void)putchar('"');
}

/* Its data are in `data` already. */
static void print_value(const struct hive_value *value)
{
    (void)printf("\"type\": %u, \"data\": ", value->type);
    print_hex(data, value->bytes);
    (void)puts("}");
}

static void dump_values(const struct hive *hive, uint32_t key, const char *path)
{
    char name[HIVE_NAME_BYTES];
    struct hive_value value;
    for (uint32_t index = 0;; index++) {
        enum status status = hive_value_at(hive, key, index, name, &value);
        if (status == ST_NOT_FOUND)
            return;
        finish(status);
        finish(hive_data(hive, &value, data, sizeof data));
        (void)putchar('{');
        print_string("path", path);
        (void)printf(", ");
        print_string("name", name);
        (void)printf(", ");
        print_value(&value);
    }
}

static void dump_tree(const struct hive *hive)
{
    static char path[PATH_MAX_BYTES];
    static struct {
        uint32_t key;
        uint32_t next;
        size_t path_bytes;
    } stack[DEPTH_MAX];
    unsigned depth = 1;
    stack[0].key = hive->root;
    (void)printf("{\"sequence\": %u, \"written\": %llu, \"clean\": %s, \"logged\": %s}\n", hive->stamp.sequence,
                 (unsigned long long)hive->stamp.written_100ns, hive->stamp.clean ? "true" : "false",
                 hive->log != NULL ? "true" : "false");
    while (depth > 0) {
        size_t end = stack[depth - 1].path_bytes;
        path[end] = '\0';
        if (stack[depth - 1].next == 0) {
            (void)putchar('{');
            print_string("path", path);
            (void)puts("}");
            dump_values(hive, stack[depth - 1].key, path);
        }
        uint32_t key;
        path[end] = '\\';
        enum status status = hive_subkey(hive, stack[depth - 1].key, stack[depth - 1].next++, path + end + 1, &key);
        if (status == ST_NOT_FOUND) {
            depth--;
            continue;
        }
        finish(status);
        if (depth == DEPTH_MAX)
            finish(ST_NO_SPACE);
        stack[depth].key = key;
        stack[depth].next = 0;
        stack[depth++].path_bytes = strlen(path);
    }
}

static void dump_places(const struct hive *hive, const struct hive_value *value)
{
    for (uint32_t offset = 0; offset < value->bytes;) {
        uint32_t at;
        uint32_t bytes;
        finish(hive_data_place(hive, value, offset, &at, &bytes));
        (void)printf("{\"offset\": %u, \"file_offset\": %u, \"bytes\": %u}\n", offset, at, bytes);
        offset += bytes;
    }
}

static void dump_partition(const struct ftdisk_partition *part)
{
    (void)printf(
        "{\"type\": %u, \"state\": %u, \"start\": %llu, \"length\": %llu, \"ft_length\": %llu, \"letter\": %u, "
        "\"assign\": %u, \"logical\": %u, \"group\": %u, \"member\": %u, \"modified\": %u}",
        part->type, part->state, (unsigned long long)part->start_bytes, (unsigned long long)part->length_bytes,
        (unsigned long long)part->ft_length_bytes, part->letter, part->assign_letter, part->logical_number, part->group,
        part->member, part->modified);
}

static void dump_disks(const struct ftdisk *info)
{
    (void)printf("\"disks\": [");
    for (unsigned i = 0; i < info->disk_count; i++) {
        (void)printf("%s{\"signature\": %u, \"partitions\": [", i > 0 ? ", " : "", info->disk[i].signature);
        for (unsigned p = 0; p < info->disk[i].partition_count; p++) {
            (void)printf("%s", p > 0 ? ", " : "");
            dump_partition(&info->partition[info->disk[i].first_partition + p]);
        }
        (void)printf("]}");
    }
    (void)printf("], \"sets\": [");
    for (unsigned i = 0; i < info->set_count; i++) {
        const struct ftdisk_set *set = &info->set[i];
        (void)printf("%s{\"type\": %u, \"state\": %u, \"members\": [", i > 0 ? ", " : "", set->type, set->state);
        for (unsigned m = 0; m < set->member_count; m++) {
            const struct ftdisk_member *member = &info->member[set->first_member + m];
            (void)printf("%s{\"state\": %u, \"signature\": %u, \"partition\": %u, \"logical\": %u}", m > 0 ? ", " : "",
                         member->state, member->signature, member->partition, member->logical_number);
        }
        (void)printf("]}");
    }
    (void)printf("]");
}

static void dump_information(const struct hive *hive, const struct hive_value *value)
{
    static struct ftdisk info;
    static uint8_t again[FTDISK_BYTES_MAX];
    uint32_t count = 0;
    finish(hive_data(hive, value, data, sizeof data));
    finish(ftdisk_decode(data, value->bytes, &info));
    finish(ftdisk_encode(&info, again, sizeof again, &count));
    (void)printf("{\"base\": \"%s\", \"editable\": %s, \"has_ft\": %s, ",
                 info.base == FTDISK_FROM_VALUE ? "value" : "registry", info.editable ? "true" : "false",
                 info.has_ft ? "true" : "false");
    dump_disks(&info);
    (void)printf(", \"again\": ");
    print_hex(again, count);
    (void)puts("}");
}

int main(int argc, char **argv)
{
    static struct file_source file;
    static struct file_source log;
    struct hive hive;
    struct hive_value value;
    uint32_t key;
    if (argc < 3)
        return 2;
    bool has_log = argc > 4 && strcmp(argv[2], "--log") == 0;
    load(&file, argv[1]);
    if (has_log)
        load(&log, argv[3]);
    char **what = argv + (has_log ? 4 : 2);
    finish(hive_open(&file.source, has_log ? &log.source : NULL, &hive));
    if (strcmp(what[0], "tree") == 0) {
        dump_tree(&hive);
        return 0;
    }
    if (argv + argc != what + 3)
        return 2;
    finish(hive_key(&hive, hive.root, what[1], &key));
    finish(hive_value(&hive, key, what[2], &value));
    if (strcmp(what[0], "place") == 0)
        dump_places(&hive, &value);
    else if (strcmp(what[0], "information") == 0)
        dump_information(&hive, &value);
    else if (strcmp(what[0], "value") == 0) {
        finish(hive_data(&hive, &value, data, sizeof data));
        (void)putchar('{');
        print_value(&value);
    } else {
        uint32_t sectors = 0;
        finish(hive_data(&hive, &value, data, sizeof data));
        for (uint32_t at = 0; at <= file.source.bytes / SECTOR_BYTES; at++)
            sectors += file.touched[at];
        (void)printf("{\"sectors\": %u}\n", sectors);
    }
    return 0;
}
