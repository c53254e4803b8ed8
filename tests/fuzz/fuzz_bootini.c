/* SPDX-License-Identifier: MIT */
/* Fuzz target: BOOT.INI. What was parsed must come out byte for byte. */
#include "fuzz.h"
#include "nt/bootini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bootini ini;
    struct arc_path path;
    struct text text;
    if (bootini_parse((const char *)data, size, &ini) != ST_OK)
        return 0;
    for (unsigned i = 0; i < ini.count; i++)
        if (ini.line[i].kind == BOOTINI_ENTRY || ini.line[i].kind == BOOTINI_DEFAULT)
            (void)!bootini_path(&ini.line[i], &path);
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
