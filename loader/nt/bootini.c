/* SPDX-License-Identifier: MIT */
/* BOOT.INI. NTLDR reads two sections; lines of any other section are none of ours. */
#include "nt/bootini.h"

enum section { SECTION_OTHER, SECTION_LOADER, SECTION_SYSTEMS };

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

static struct bootini_span trim(struct bootini_span span)
{
    while (span.bytes > 0 && is_blank(span.at[0])) {
        span.at++;
        span.bytes--;
    }
    while (span.bytes > 0 && is_blank(span.at[span.bytes - 1]))
        span.bytes--;
    return span;
}

static bool span_is(struct bootini_span span, const char *word)
{
    return span.bytes == text_length(word) && text_same(span.at, word, span.bytes);
}

static void split_key(struct bootini_line *line)
{
    struct bootini_span body = trim(line->text);
    size_t equals = 0;
    while (equals < body.bytes && body.at[equals] != '=')
        equals++;
    if (equals == body.bytes)
        return;
    line->key = trim((struct bootini_span){body.at, equals});
    line->value = trim((struct bootini_span){body.at + equals + 1, body.bytes - equals - 1});
}

static enum section classify(struct bootini_line *line, enum section section)
{
    struct bootini_span body = trim(line->text);
    line->kind = BOOTINI_OTHER;
    if (body.bytes == 0 || body.at[0] == ';')
        return section;
    if (body.at[0] == '[') {
        line->kind = BOOTINI_SECTION;
        if (span_is(body, "[boot loader]"))
            return SECTION_LOADER;
        return span_is(body, "[operating systems]") ? SECTION_SYSTEMS : SECTION_OTHER;
    }
    split_key(line);
    if (line->key.bytes == 0)
        return section;
    if (section == SECTION_SYSTEMS)
        line->kind = BOOTINI_ENTRY;
    else if (section == SECTION_LOADER && span_is(line->key, "timeout"))
        line->kind = BOOTINI_TIMEOUT;
    else if (section == SECTION_LOADER && span_is(line->key, "default"))
        line->kind = BOOTINI_DEFAULT;
    return section;
}

enum status bootini_parse(const char *text, size_t bytes, struct bootini *out)
{
    enum section section = SECTION_OTHER;
    out->count = 0;
    for (size_t at = 0; at < bytes;) {
        size_t end = at;
        while (end < bytes && text[end] != '\n')
            end++;
        end += end < bytes;
        if (out->count == BOOTINI_LINES_MAX)
            return ST_NO_SPACE;
        struct bootini_line *line = &out->line[out->count++];
        *line = (struct bootini_line){.text = {text + at, end - at}};
        section = classify(line, section);
        at = end;
    }
    return ST_OK;
}

void bootini_write(const struct bootini *ini, struct text *out)
{
    for (unsigned i = 0; i < ini->count; i++)
        for (size_t at = 0; at < ini->line[i].text.bytes; at++)
            text_add(out, "%c", ini->line[i].text.at[at]);
}

int bootini_timeout_s(const struct bootini *ini)
{
    for (unsigned i = 0; i < ini->count; i++) {
        const struct bootini_line *line = &ini->line[i];
        int value = 0;
        if (line->kind != BOOTINI_TIMEOUT)
            continue;
        if (span_is(line->value, "-1"))
            return -1;
        for (size_t at = 0; at < line->value.bytes && value < 100000; at++) {
            char digit = line->value.at[at];
            if (digit < '0' || digit > '9')
                break;
            value = value * 10 + (digit - '0');
        }
        return value;
    }
    return 30;
}

/* What names the installation: the value of default=, an entry's key. */
static struct bootini_span path_of(const struct bootini_line *line)
{
    return line->kind == BOOTINI_DEFAULT ? line->value : line->key;
}

enum status bootini_path(const struct bootini_line *line, struct arc_path *out)
{
    struct bootini_span path = path_of(line);
    if (path.bytes >= 2 && path.at[1] == ':')
        return ST_NOT_FOUND;
    return arc_parse(path.at, path.bytes, out);
}

const struct bootini_line *bootini_entry_of(const struct bootini *ini, const struct bootini_line *line)
{
    struct bootini_span wanted = path_of(line);
    for (unsigned i = 0; i < ini->count; i++) {
        struct bootini_span key = ini->line[i].key;
        if (ini->line[i].kind == BOOTINI_ENTRY && key.bytes == wanted.bytes && text_same(key.at, wanted.at, key.bytes))
            return &ini->line[i];
    }
    return 0;
}

enum status bootini_option(const struct bootini_line *entry, const char *option, char *out, size_t room)
{
    struct bootini_span value = entry->value;
    size_t letters = text_length(option);
    size_t used = 0;
    bool quoted = false;
    size_t at = 0;
    for (; at < value.bytes; at++) {
        quoted ^= value.at[at] == '"';
        if (!quoted && value.bytes - at > letters && text_same(value.at + at, option, letters))
            break;
    }
    for (at += letters; at < value.bytes && (uint8_t)value.at[at] > ' ' && value.at[at] != '/' && value.at[at] != '"';
         at++) {
        if (used + 1 >= room) {
            out[0] = '\0';
            return ST_NO_SPACE;
        }
        out[used++] = value.at[at];
    }
    out[used] = '\0';
    return used > 0 ? ST_OK : ST_NOT_FOUND;
}
