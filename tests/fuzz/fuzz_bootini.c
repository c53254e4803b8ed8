/* SPDX-License-Identifier: MIT */
/* Fuzz target: BOOT.INI. What was parsed must come out byte for byte; an option's file is a part of its line. */
#include "fuzz.h"
#include "nt/bootini.h"

static void use_options(const struct bootini *ini, const struct bootini_line *line)
{
    char name[12];
    const struct bootini_line *entry = bootini_entry_of(ini, line);
    if (entry == NULL || bootini_option(entry, "/HAL=", name, sizeof name) != ST_OK)
        return;
    size_t letters = strlen(name);
    for (size_t at = 0; letters > 0 && at + letters <= entry->value.bytes; at++)
        if (memcmp(entry->value.at + at, name, letters) == 0)
            return;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bootini ini;
    struct arc_path path;
    struct text text;
    if (bootini_parse((const char *)data, size, &ini) != ST_OK)
        return 0;
    for (unsigned i = 0; i < ini.count; i++)
        if (ini.line[i].kind == BOOTINI_ENTRY || ini.line[i].kind == BOOTINI_DEFAULT) {
            (void)!bootini_path(&ini.line[i], &path);
            use_options(&ini, &ini.line[i]);
        }
    if (bootini_timeout_s(&ini) < -1)
        abort();
    char *back = malloc(size + 1);
    if (back == NULL)
        return 0;
    text_init(&text, back, size + 1);
    bootini_write(&ini, &text);
    if (text.used_bytes != size || (size > 0 && memcmp(back, data, size) != 0))
        abort();
    free(back);
    return 0;
}
