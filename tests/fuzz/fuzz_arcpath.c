/* SPDX-License-Identifier: MIT */
/* Fuzz target: ARC paths. What was accepted must read the same after it was written. */
#include "fuzz.h"
#include "nt/arcpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arc_path path;
    struct arc_path again;
    struct text text;
    char back[192];
    if (arc_parse((const char *)data, size, &path) != ST_OK)
        return 0;
    text_init(&text, back, sizeof back);
    arc_format(&text, &path);
    if (text.truncated || arc_parse(back, text.used_bytes, &again) != ST_OK || again.kind != path.kind ||
        again.adapter != path.adapter || again.disk != path.disk || again.rdisk != path.rdisk ||
        again.partition != path.partition || strcmp(again.directory, path.directory) != 0)
        abort();
    return 0;
}
