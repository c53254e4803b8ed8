/* SPDX-License-Identifier: MIT */
/* Fuzz target: a hive; when there is a base block half-way through the bytes, a log begins there. Its keys are walked,
 * and every value is read, placed and read as text; then it is asked what a start of NT asks it. A read outside of the
 * file ends the run, and one of a sector that cannot be read is an error. The base block's checksum is made right
 * first, or nothing behind it would ever be seen. */
#include "fuzz.h"
#include "nt/hive.h"
#include "nt/system.h"

#define BASE_BYTES 512u
#define KEYS_MAX 200u
#define VALUES_MAX 20u

struct fuzz_source {
    struct source source;
    uint8_t *bytes;
};

static enum status source_read(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    const struct fuzz_source *file = (const struct fuzz_source *)source;
    if (offset > source->bytes || bytes > source->bytes - offset)
        abort();
    uint32_t first = offset / SECTOR_BYTES * SECTOR_BYTES;
    uint32_t whole = (source->bytes - first) / SECTOR_BYTES * SECTOR_BYTES;
    uint32_t wanted = (offset - first + bytes + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    memcpy(buffer, file->bytes + offset, bytes);
    return fuzz_is_bad(file->bytes + first, whole < wanted ? whole : wanted) ? ST_IO : ST_OK;
}

static struct fuzz_source file_of(const uint8_t *data, size_t size)
{
    struct fuzz_source file = {.source = {.read = source_read, .bytes = (uint32_t)size}, .bytes = malloc(size + 1)};
    uint32_t sum = 0;
    if (file.bytes == NULL)
        abort();
    memcpy(file.bytes, data, size);
    if (size < BASE_BYTES)
        return file;
    for (unsigned at = 0; at < BASE_BYTES - 4; at += 4)
        sum ^= get_le32(file.bytes + at);
    sum = sum == 0 ? 1 : sum == UINT32_MAX ? UINT32_MAX - 1 : sum;
    put_le32(file.bytes + BASE_BYTES - 4, sum);
    return file;
}

/* What is told of the places of a value is what is read as its length and its data. */
static void check_places(const struct hive *hive, const struct fuzz_source *file, const struct hive_value *value,
                         const uint8_t *data)
{
    uint32_t length_at;
    uint32_t nowhere;
    if (hive_data_place(hive, value, value->bytes, &length_at, &nowhere) == ST_OK)
        abort();
    if (hive_length_place(hive, value, &length_at) == ST_OK &&
        (file->source.bytes < 4 || length_at > file->source.bytes - 4 ||
         get_le32(file->bytes + length_at) != value->bytes))
        abort();
    for (uint32_t offset = 0; offset < value->bytes;) {
        uint32_t at;
        uint32_t bytes = 0;
        if (hive_data_place(hive, value, offset, &at, &bytes) != ST_OK)
            return;
        if (bytes == 0 || bytes > value->bytes - offset || at > file->source.bytes || bytes > file->source.bytes - at ||
            memcmp(file->bytes + at, data + offset, bytes) != 0)
            abort();
        offset += bytes;
    }
}

static void read_values(const struct hive *hive, const struct fuzz_source *file, uint32_t key)
{
    char name[HIVE_NAME_BYTES];
    char text[33];
    struct hive_value value;
    uint32_t number;
    for (uint32_t i = 0; i < VALUES_MAX; i++) {
        enum status status = hive_value_at(hive, key, i, name, &value);
        if (status == ST_NOT_FOUND)
            return;
        if (status != ST_OK)
            continue;
        uint8_t *data = malloc((size_t)value.bytes + 1);
        if (data == NULL)
            abort();
        if (hive_data(hive, &value, data, value.bytes) == ST_OK)
            check_places(hive, file, &value, data);
        free(data);
        if (strlen(name) >= sizeof name)
            abort();
        (void)!hive_value(hive, key, name, &value);
        (void)!hive_u32(hive, key, name, &number);
        (void)!hive_text(hive, key, name, text, sizeof text);
    }
}

static void walk(const struct hive *hive, const struct fuzz_source *file)
{
    char name[HIVE_NAME_BYTES];
    uint32_t keys[KEYS_MAX] = {hive->root};
    unsigned count = 1;
    for (unsigned at = 0; at < count; at++) {
        enum status status = ST_OK;
        read_values(hive, file, keys[at]);
        for (uint32_t i = 0; status == ST_OK && count < KEYS_MAX; i++) {
            uint32_t again;
            status = hive_subkey(hive, keys[at], i, name, &keys[count]);
            if (status != ST_OK)
                break;
            if (strlen(name) >= sizeof name)
                abort();
            (void)!hive_key(hive, keys[at], name, &again);
            count++;
        }
    }
}

/* What is asked of SYSTEM and of SOFTWARE. */
static void ask(const struct hive *hive)
{
    struct system_driver driver;
    struct system_product product;
    char name[SYSTEM_NAME_BYTES];
    uint32_t control_set;
    uint32_t index = 0;
    uint32_t start;
    (void)system_is_windows_2000(hive);
    if (system_product(hive, &product) == ST_OK && strlen(product.name) >= sizeof product.name)
        abort();
    if (system_control_set(hive, &control_set) != ST_OK)
        return;
    (void)!system_service_start(hive, control_set, "Ftdisk", &start);
    while (index < KEYS_MAX && system_next_boot_driver(hive, control_set, &index, &driver) == ST_OK)
        if (strlen(driver.name) >= sizeof driver.name || strlen(driver.group) >= sizeof driver.group ||
            strlen(driver.path) >= sizeof driver.path)
            abort();
    for (unsigned which = 0; which < SYSTEM_NLS_FILES; which++)
        if (system_nls_file(hive, control_set, which, name, sizeof name) == ST_OK && strlen(name) >= sizeof name)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hive hive;
    uint32_t key;
    size_t log_at = size / 2 / 512 * 512;
    if (size < 2 * BASE_BYTES || memcmp(data + log_at, "regf", 4) != 0)
        log_at = size;
    struct fuzz_source file = file_of(data, log_at);
    struct fuzz_source log = file_of(data + log_at, size - log_at);
    if (hive_open(&file.source, log_at < size ? &log.source : NULL, &hive) == ST_OK) {
        (void)!hive_key(&hive, hive.root, "ControlSet001\\Services\\Ftdisk", &key);
        ask(&hive);
        walk(&hive, &file);
    }
    free(file.bytes);
    free(log.bytes);
    return 0;
}
