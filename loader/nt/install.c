/* SPDX-License-Identifier: MIT */
/* Installations of NT. */
#include "nt/install.h"

#define KERNEL "SYSTEM32\\NTOSKRNL.EXE"
#define CONFIG "SYSTEM32\\CONFIG\\"

enum status install_file(struct fs_volume *volume, const char *directory, const char *name, struct fs_file *out)
{
    char path[INSTALL_FILE_BYTES];
    struct text text;
    text_init(&text, path, sizeof path);
    text_add(&text, "%s\\%s", directory, name);
    return text.truncated ? ST_NOT_FOUND : fs_open(volume, path, out);
}

enum status install_check(struct fs_volume *volume, const char *directory)
{
    struct fs_file file;
    enum status status = install_file(volume, directory, KERNEL, &file);
    return status == ST_OK && (file.flags & FS_DIRECTORY) != 0 ? ST_NOT_FOUND : status;
}

/* A BOOT.INI that is damaged or too long names no folders; the root directory's own are found anyway. */
static enum status read_boot_ini(struct install_search *search)
{
    struct fs_file file;
    enum status status = fs_open(search->volume, "BOOT.INI", &file);
    if (status == ST_NOT_FOUND)
        return ST_OK;
    if (status == ST_OK && file.bytes > sizeof search->text)
        status = ST_NO_SPACE;
    if (status == ST_OK)
        status = fs_read(&file, 0, search->text, (uint32_t)file.bytes);
    if (status == ST_OK)
        status = bootini_parse(search->text, (size_t)file.bytes, &search->ini);
    if (status != ST_OK)
        search->ini.count = 0;
    return status == ST_IO ? status : ST_OK;
}

enum status install_search_begin(struct install_search *search, struct fs_volume *volume)
{
    search->ini.count = 0;
    return install_search_go_on(search, volume);
}

enum status install_search_go_on(struct install_search *search, struct fs_volume *volume)
{
    search->volume = volume;
    search->line = 0;
    search->cursor = (struct fs_cursor){0};
    enum status status = read_boot_ini(search);
    return status == ST_OK ? fs_open(volume, "", &search->root) : status;
}

/* Whether the folder is not one of the root's own, and no earlier line named it. */
static bool is_new_deep(const struct install_search *search, unsigned line, const struct arc_path *path)
{
    struct arc_path earlier;
    size_t bytes = text_length(path->directory);
    unsigned depth = 0;
    for (size_t i = 0; i < bytes; i++)
        depth += path->directory[i] == '\\';
    for (unsigned i = 0; i < line; i++)
        if (search->ini.line[i].kind == BOOTINI_ENTRY && bootini_path(&search->ini.line[i], &earlier) == ST_OK &&
            text_length(earlier.directory) == bytes && text_same(earlier.directory, path->directory, bytes))
            return false;
    return depth > 1;
}

static enum status next_line(struct install_search *search, char *directory)
{
    struct arc_path path;
    while (search->line < search->ini.count) {
        unsigned line = search->line++;
        if (search->ini.line[line].kind != BOOTINI_ENTRY || bootini_path(&search->ini.line[line], &path) != ST_OK ||
            !is_new_deep(search, line, &path))
            continue;
        enum status status = install_check(search->volume, path.directory);
        if (status == ST_OK)
            memcpy(directory, path.directory, INSTALL_PATH_BYTES);
        if (status != ST_NOT_FOUND)
            return status;
    }
    return ST_NOT_FOUND;
}

enum status install_search_next(struct install_search *search, char directory[INSTALL_PATH_BYTES])
{
    struct text text;
    enum status status = next_line(search, directory);
    while (status == ST_NOT_FOUND) {
        status = fs_next(&search->root, &search->cursor, &search->entry);
        if (status != ST_OK)
            return status;
        status = ST_NOT_FOUND;
        text_init(&text, directory, INSTALL_PATH_BYTES);
        text_add(&text, "\\%s", search->entry.name);
        if ((search->entry.flags & FS_DIRECTORY) != 0 && !text.truncated)
            status = install_check(search->volume, directory);
    }
    return status;
}

static enum status read_file(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    return fs_read(&((struct file_source *)source)->file, offset, buffer, bytes);
}

void file_source_init(struct file_source *out)
{
    out->source.read = read_file;
    out->source.bytes = out->file.bytes < UINT32_MAX ? (uint32_t)out->file.bytes : UINT32_MAX;
}

static enum status open_source(struct fs_volume *volume, const char *directory, const char *name,
                               struct file_source *out)
{
    char path[INSTALL_FILE_BYTES];
    struct text text;
    text_init(&text, path, sizeof path);
    text_add(&text, CONFIG "%s", name);
    enum status status = install_file(volume, directory, path, &out->file);
    file_source_init(out);
    return status;
}

enum status install_open_hive(struct fs_volume *volume, const char *directory, const char *name,
                              struct install_hive *out)
{
    char log[16];
    struct text text;
    text_init(&text, log, sizeof log);
    text_add(&text, "%s.LOG", name);
    out->name = name;
    enum status status = open_source(volume, directory, name, &out->main);
    if (status != ST_OK)
        return status;
    status = open_source(volume, directory, log, &out->log);
    if (status == ST_IO)
        return status; /* there may be one, with what was recorded last */
    return hive_open(&out->main.source, status == ST_OK ? &out->log.source : 0, &out->hive);
}

enum status install_open_system(struct fs_volume *volume, const char *directory, struct install_hive *out)
{
    enum status status = install_open_hive(volume, directory, "SYSTEM", out);
    if ((status == ST_OK && (out->hive.stamp.clean || out->hive.log != 0)) || status == ST_IO)
        return status;
    /* What has been opened points into `out`, so the alternative is tried in its place and left there if it is good. */
    enum status other = install_open_hive(volume, directory, "SYSTEM.ALT", out);
    if (other == ST_IO)
        return other;
    if (other == ST_OK && (out->hive.stamp.clean || status != ST_OK))
        return ST_OK;
    return status == ST_OK ? install_open_hive(volume, directory, "SYSTEM", out) : status;
}
