/* SPDX-License-Identifier: MIT */
/* Keys of the registry that matter for a start. */
#include "nt/system.h"

#include "base/text.h"

#define DRIVER_KERNEL 1u
#define DRIVER_FILE_SYSTEM 2u

enum status system_control_set(const struct hive *hive, uint32_t *key)
{
    uint32_t select = 0;
    uint32_t number = 0;
    char name[24];
    struct text text;
    enum status status = hive_key(hive, hive->root, "Select", &select);
    if (status != ST_OK)
        return status;
    status = hive_u32(hive, select, "Default", &number);
    if (status == ST_NOT_FOUND)
        status = hive_u32(hive, select, "Current", &number);
    if (status != ST_OK)
        return status;
    text_init(&text, name, sizeof name);
    text_add(&text, "ControlSet%03u", number);
    return hive_key(hive, hive->root, name, key);
}

bool system_is_windows_2000(const struct hive *hive)
{
    uint32_t key;
    return hive_key(hive, hive->root, "MountedDevices", &key) == ST_OK;
}

/* Where an ImagePath of Services leads: NT takes it relative to its folder, NTLDR knows the two spellings below. */
static const char *below_root(const char *path)
{
    static const char *const prefixes[] = {"\\SystemRoot\\", "%SystemRoot%\\"};
    for (unsigned i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t bytes = text_length(prefixes[i]);
        if (text_length(path) > bytes && text_same(path, prefixes[i], bytes))
            return path + bytes;
    }
    return path;
}

static enum status read_driver(const struct hive *hive, uint32_t key, struct system_driver *out)
{
    uint32_t start = SYSTEM_START_BOOT + 1;
    uint32_t type = 0;
    char path[SYSTEM_PATH_BYTES];
    struct text text;
    enum status status = hive_u32(hive, key, "Start", &start);
    if (status == ST_OK)
        status = hive_u32(hive, key, "Type", &type);
    if (status != ST_OK || start != SYSTEM_START_BOOT || (type != DRIVER_KERNEL && type != DRIVER_FILE_SYSTEM))
        return status == ST_IO ? status : ST_NOT_FOUND;
    if (hive_text(hive, key, "Group", out->group, sizeof out->group) != ST_OK)
        out->group[0] = '\0';
    status = hive_text(hive, key, "ImagePath", path, sizeof path);
    if (status == ST_IO)
        return status;
    text_init(&text, out->path, sizeof out->path);
    if (status == ST_OK && path[0] != '\0')
        text_add(&text, "%s", below_root(path));
    else
        text_add(&text, "SYSTEM32\\DRIVERS\\%s.SYS", out->name);
    return ST_OK;
}

enum status system_next_boot_driver(const struct hive *hive, uint32_t control_set, uint32_t *index,
                                    struct system_driver *out)
{
    char name[HIVE_NAME_BYTES];
    uint32_t services = 0;
    uint32_t key = 0;
    struct text text;
    enum status status = hive_key(hive, control_set, "Services", &services);
    while (status == ST_OK) {
        status = hive_subkey(hive, services, (*index)++, name, &key);
        if (status != ST_OK)
            break;
        text_init(&text, out->name, sizeof out->name);
        text_add(&text, "%s", name);
        status = read_driver(hive, key, out);
        if (status != ST_NOT_FOUND)
            break;
        status = ST_OK;
    }
    return status;
}

enum status system_service_start(const struct hive *hive, uint32_t control_set, const char *service, uint32_t *start)
{
    char path[SYSTEM_PATH_BYTES];
    struct text text;
    uint32_t key = 0;
    text_init(&text, path, sizeof path);
    text_add(&text, "Services\\%s", service);
    enum status status = hive_key(hive, control_set, path, &key);
    return status == ST_OK ? hive_u32(hive, key, "Start", start) : status;
}

enum status system_nls_file(const struct hive *hive, uint32_t control_set, unsigned which, char *name, size_t room)
{
    static const struct {
        const char *key;
        const char *value; /* its text is the name of the value that holds the file's name */
    } files[SYSTEM_NLS_FILES] = {
        {"Control\\Nls\\CodePage", "ACP"}, {"Control\\Nls\\CodePage", "OEMCP"}, {"Control\\Nls\\Language", "Default"}};
    char value[SYSTEM_NAME_BYTES];
    uint32_t key = 0;
    if (which >= SYSTEM_NLS_FILES)
        return ST_NOT_FOUND;
    enum status status = hive_key(hive, control_set, files[which].key, &key);
    if (status == ST_OK)
        status = hive_text(hive, key, files[which].value, value, sizeof value);
    return status == ST_OK ? hive_text(hive, key, value, name, room) : status;
}

/* A text that is not there is no error. */
static void read_text(const struct hive *hive, uint32_t key, const char *name, char *buffer, size_t room)
{
    if (hive_text(hive, key, name, buffer, room) != ST_OK)
        buffer[0] = '\0';
}

enum status system_product(const struct hive *software, struct system_product *out)
{
    uint32_t key = 0;
    enum status status = hive_key(software, software->root, "Microsoft\\Windows NT\\CurrentVersion", &key);
    if (status != ST_OK)
        return status;
    read_text(software, key, "CurrentVersion", out->version, sizeof out->version);
    read_text(software, key, "CurrentBuildNumber", out->build, sizeof out->build);
    read_text(software, key, "CSDVersion", out->service_pack, sizeof out->service_pack);
    read_text(software, key, "ProductName", out->name, sizeof out->name);
    return ST_OK;
}
