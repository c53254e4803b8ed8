/* SPDX-License-Identifier: MIT */
/* NTLDR's menu. */
#include "ntmenu.h"

#include <string.h>

static const struct bootini_line *default_line(const struct nt_menu *menu)
{
    for (unsigned i = 0; i < menu->ini.count; i++)
        if (menu->ini.line[i].kind == BOOTINI_DEFAULT)
            return &menu->ini.line[i];
    return NULL;
}

/* NTLDR compares the text of default= with the entries' text. */
static bool is_default_entry(const struct nt_menu *menu, const struct bootini_line *entry)
{
    const struct bootini_line *line = default_line(menu);
    return line != NULL && line->value.bytes == entry->key.bytes &&
           text_same(line->value.at, entry->key.at, entry->key.bytes);
}

static enum exit_code check(const struct host_boot *boot, const struct nt_menu *menu)
{
    bool default_is_entry = false;
    for (unsigned i = 0; i < menu->ini.count; i++) {
        const struct bootini_line *line = &menu->ini.line[i];
        struct arc_path path;
        if (line->kind != BOOTINI_ENTRY)
            continue;
        default_is_entry |= is_default_entry(menu, line);
        if (bootini_path(line, &path) == ST_CORRUPT)
            return complain(EXIT_FOUND, "%s: BOOT.INI, line %u: '%.*s' is no path NTLDR knows (C04). Build it again",
                            boot->file.path, i + 1, (int)line->key.bytes, line->key.at);
    }
    if (default_is_entry)
        return EXIT_DONE;
    return complain(EXIT_FOUND, "%s: BOOT.INI: default= names none of its entries (C02). Build it again",
                    boot->file.path);
}

enum exit_code nt_menu_open(const struct host_boot *boot, struct nt_menu *out)
{
    struct fat_file file;
    memset(out, 0, sizeof *out);
    if (fat_open(&boot->boot.fat, "BOOT    INI", &file) != ST_OK ||
        fat_read(&file, out->text, sizeof out->text) != ST_OK ||
        bootini_parse(out->text, file.bytes, &out->ini) != ST_OK)
        return complain(EXIT_FOUND, "%s: BOOT.INI is missing or cannot be read. Build it again", boot->file.path);
    return check(boot, out);
}

unsigned nt_menu_find(const struct nt_menu *menu, uint32_t rdisk, uint32_t partition, bool *is_default)
{
    unsigned number = 0;
    for (unsigned i = 0; i < menu->ini.count; i++) {
        const struct bootini_line *line = &menu->ini.line[i];
        struct arc_path path;
        if (line->kind != BOOTINI_ENTRY)
            continue;
        number++;
        if (bootini_path(line, &path) != ST_OK || path.kind != ARC_MULTI || path.rdisk != rdisk ||
            path.partition != partition)
            continue;
        *is_default = is_default_entry(menu, line);
        return number;
    }
    *is_default = false;
    return 0;
}
