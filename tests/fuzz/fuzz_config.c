/* SPDX-License-Identifier: MIT */
/* Fuzz target: MIRROR.INI. What was accepted must read the same after it was written. */
#include "fuzz.h"
#include "mirror/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct config again;
    struct text text;
    char file[CONFIG_BYTES_MAX];
    unsigned line = 0;
    config_init(&config);
    if (config_parse((const char *)data, size, &config, &line) != ST_OK)
        return 0;
    text_init(&text, file, sizeof file);
    config_write(&config, &text);
    config_init(&again);
    if (text.truncated || config_parse(file, text.used_bytes, &again, &line) != ST_OK ||
        memcmp(again.set, config.set, sizeof again.set) != 0 || again.set_count != config.set_count ||
        strcmp(again.system_path, config.system_path) != 0 || again.system_set != config.system_set ||
        memcmp(again.disk, config.disk, sizeof again.disk) != 0 || again.disk_count != config.disk_count ||
        again.timeout_s != config.timeout_s || again.policy != config.policy || again.serial != config.serial)
        abort();
    return 0;
}
