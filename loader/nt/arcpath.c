/* SPDX-License-Identifier: MIT */
/* ARC paths. */
#include "nt/arcpath.h"

#include "base/bytes.h"

struct cursor {
    const char *at;
    const char *end;
};

static bool take_word(struct cursor *cursor, const char *word)
{
    size_t bytes = text_length(word);
    if ((size_t)(cursor->end - cursor->at) < bytes || !text_same(cursor->at, word, bytes))
        return false;
    cursor->at += bytes;
    return true;
}

/* `name(number)`; an empty number is 0, as NTLDR takes it. */
static bool take_number(struct cursor *cursor, const char *name, uint32_t base, uint32_t *out)
{
    uint32_t value = 0;
    if (!take_word(cursor, name) || !take_word(cursor, "("))
        return false;
    for (; cursor->at < cursor->end && *cursor->at != ')'; cursor->at++) {
        uint32_t digit = ascii_digit(*cursor->at);
        if (digit >= base || value > (UINT32_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *out = value;
    return take_word(cursor, ")");
}

enum status arc_parse(const char *path, size_t bytes, struct arc_path *out)
{
    struct cursor cursor = {.at = path, .end = path + bytes};
    *out = (struct arc_path){.kind = ARC_MULTI};
    if (!take_number(&cursor, "multi", 10, &out->adapter)) {
        cursor.at = path;
        out->kind = ARC_SCSI;
        if (!take_number(&cursor, "scsi", 10, &out->adapter)) {
            cursor.at = path;
            out->kind = ARC_SIGNATURE;
            if (!take_number(&cursor, "signature", 16, &out->adapter))
                return ST_CORRUPT;
        }
    }
    if (!take_number(&cursor, "disk", 10, &out->disk) || !take_number(&cursor, "rdisk", 10, &out->rdisk) ||
        !take_number(&cursor, "partition", 10, &out->partition))
        return ST_CORRUPT;
    size_t left = (size_t)(cursor.end - cursor.at);
    if (left >= sizeof out->directory)
        return ST_NO_SPACE;
    if (left > 0 && *cursor.at != '\\')
        return ST_CORRUPT;
    memcpy(out->directory, cursor.at, left);
    return ST_OK;
}

void arc_format(struct text *text, const struct arc_path *path)
{
    if (path->kind == ARC_SIGNATURE)
        text_add(text, "signature(%08x)", path->adapter);
    else
        text_add(text, "%s(%u)", path->kind == ARC_MULTI ? "multi" : "scsi", path->adapter);
    text_add(text, "disk(%u)rdisk(%u)partition(%u)%s", path->disk, path->rdisk, path->partition, path->directory);
}
