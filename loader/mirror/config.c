/* SPDX-License-Identifier: MIT */
/* MIRROR.INI. Comments begin with ';'. A word that is not known is an error, not ignored: an option that silently does
 * nothing is found out on the worst day. */
#include "mirror/config.h"

#include "base/bytes.h"

#define TIMEOUT_MAX_S 999u
#define DECIMAL 10u
#define HEXADECIMAL 16u

struct line {
    const char *at;
    const char *end;
};

const char *role_name(enum role role)
{
    static const char *const names[] = {"primary", "shadow", "none"};
    return names[role];
}

const char *kind_name(enum set_kind kind)
{
    static const char *const names[] = {"nt", "esp"};
    return names[kind];
}

const char *policy_name(enum break_policy policy)
{
    static const char *const names[] = {"ask", "auto", "never"};
    return names[policy];
}

void config_init(struct config *config)
{
    *config = (struct config){.timeout_s = 10, .policy = BREAK_ASK, .serial = true};
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r';
}

static void skip_blanks(struct line *line)
{
    while (line->at < line->end && is_blank(*line->at))
        line->at++;
}

static bool take(struct line *line, const char *word)
{
    size_t bytes = text_length(word);
    skip_blanks(line);
    if ((size_t)(line->end - line->at) < bytes || !text_same(line->at, word, bytes))
        return false;
    line->at += bytes;
    skip_blanks(line);
    return true;
}

static bool take_number(struct line *line, uint32_t base, uint32_t *out)
{
    const char *start = line->at;
    uint32_t value = 0;
    for (; line->at < line->end; line->at++) {
        uint32_t digit = ascii_digit(*line->at);
        if (digit >= base)
            break;
        if (value > (UINT32_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *out = value;
    skip_blanks(line);
    return line->at > start;
}

static bool take_member(struct line *line, struct member_id *out)
{
    return take_number(line, HEXADECIMAL, &out->signature) && take(line, "start") &&
           take_number(line, DECIMAL, &out->start_lba) && take(line, "sectors") &&
           take_number(line, DECIMAL, &out->sectors) && out->signature != 0 && out->sectors != 0;
}

static bool take_timeout(struct line *line, int *out)
{
    uint32_t value;
    if (take(line, "forever")) {
        *out = TIMEOUT_FOREVER;
        return true;
    }
    if (!take_number(line, DECIMAL, &value) || value > TIMEOUT_MAX_S)
        return false;
    *out = (int)value;
    return true;
}

static bool take_policy(struct line *line, enum break_policy *out)
{
    for (unsigned policy = BREAK_ASK; policy <= BREAK_NEVER; policy++)
        if (take(line, policy_name((enum break_policy)policy))) {
            *out = (enum break_policy)policy;
            return true;
        }
    return false;
}

static bool take_serial(struct line *line, bool *out)
{
    *out = take(line, "com1");
    return *out || take(line, "none");
}

static bool take_retire(struct line *line, bool *out)
{
    *out = take(line, "yes");
    return *out || take(line, "no");
}

static bool take_set(struct line *line, struct config *out)
{
    uint32_t number;
    if (!take_number(line, DECIMAL, &number) || !take(line, "]") || number != out->set_count + 1 || number > SETS_MAX)
        return false;
    out->set_count++;
    return true;
}

static bool take_kind(struct line *line, enum set_kind *out)
{
    *out = take(line, "esp") ? SET_ESP : SET_NT;
    return *out == SET_ESP || take(line, "nt");
}

/* The rest of the line, which begins with a backslash. */
static bool take_path(struct line *line, char path[CONFIG_PATH_BYTES])
{
    size_t bytes = (size_t)(line->end - line->at);
    if (bytes < 2 || bytes >= CONFIG_PATH_BYTES || *line->at != '\\')
        return false;
    memcpy(path, line->at, bytes);
    path[bytes] = '\0';
    line->at = line->end;
    return text_length(path) == bytes;
}

/* `2 \WINNT`: the set's number and the folder, which ends with the line. */
static bool take_system(struct line *line, struct config *out)
{
    uint32_t number;
    if (!take_number(line, DECIMAL, &number) || number == 0 || number > SETS_MAX)
        return false;
    out->system_set = number;
    return take_path(line, out->system_path);
}

static bool take_disk(struct line *line, struct config *out)
{
    struct disk_id *disk = &out->disk[out->disk_count];
    if (out->disk_count == CONFIG_DISKS_MAX)
        return false;
    out->disk_count++;
    return take_number(line, HEXADECIMAL, &disk->signature) && take(line, "layout") &&
           take_number(line, HEXADECIMAL, &disk->layout);
}

static bool parse_line(struct line *line, struct config *out)
{
    struct mirror_set *set = &out->set[out->set_count > 0 ? out->set_count - 1 : 0];
    bool good = false;
    if (take(line, "[loader]"))
        good = true;
    else if (take(line, "[set"))
        good = take_set(line, out);
    else if (take(line, "timeout="))
        good = take_timeout(line, &out->timeout_s);
    else if (take(line, "break="))
        good = take_policy(line, &out->policy);
    else if (take(line, "retire="))
        good = take_retire(line, &out->retire);
    else if (take(line, "serial="))
        good = take_serial(line, &out->serial);
    else if (take(line, "system="))
        good = take_system(line, out);
    else if (take(line, "disk="))
        good = take_disk(line, out);
    else if (take(line, "kind="))
        good = out->set_count > 0 && take_kind(line, &set->kind);
    else if (take(line, "efi="))
        good = out->set_count > 0 && take_path(line, set->efi_path);
    else if (take(line, "primary="))
        good = out->set_count > 0 && take_member(line, &set->member[ROLE_PRIMARY]);
    else if (take(line, "shadow="))
        good = out->set_count > 0 && take_member(line, &set->member[ROLE_SHADOW]);
    return good && line->at == line->end;
}

static bool sets_are_complete(const struct config *config)
{
    for (unsigned i = 0; i < config->set_count; i++)
        if (config->set[i].member[ROLE_PRIMARY].sectors == 0 || config->set[i].member[ROLE_SHADOW].sectors == 0)
            return false;
    return config->system_set <= config->set_count;
}

enum status config_parse(const char *text, size_t bytes, struct config *out, unsigned *bad_line)
{
    const char *end = text + bytes;
    *bad_line = 0;
    for (const char *at = text; at < end;) {
        struct line line = {.at = at, .end = at};
        while (line.end < end && *line.end != '\n')
            line.end++;
        at = line.end + 1;
        ++*bad_line;
        skip_blanks(&line);
        while (line.end > line.at && is_blank(line.end[-1]))
            line.end--;
        if (line.at < line.end && *line.at != ';' && !parse_line(&line, out))
            return ST_CORRUPT;
    }
    return sets_are_complete(out) ? ST_OK : ST_CORRUPT;
}

void config_write(const struct config *config, struct text *out)
{
    text_add(out,
             "; mkbootdisk: what this boot disk was built for. Build it again when the disks change.\r\n[loader]\r\n");
    if (config->timeout_s == TIMEOUT_FOREVER)
        text_add(out, "timeout=forever\r\n");
    else
        text_add(out, "timeout=%u\r\n", (unsigned)config->timeout_s);
    text_add(out, "break=%s\r\nserial=%s\r\n", policy_name(config->policy), config->serial ? "com1" : "none");
    if (config->retire)
        text_add(out, "retire=yes\r\n");
    if (config->system_set != 0)
        text_add(out, "system=%u %s\r\n", config->system_set, config->system_path);
    for (unsigned i = 0; i < config->disk_count; i++)
        text_add(out, "disk=%08x layout %08x\r\n", config->disk[i].signature, config->disk[i].layout);
    for (unsigned i = 0; i < config->set_count; i++) {
        text_add(out, "[set %u]\r\n", i + 1);
        if (config->set[i].kind != SET_NT)
            text_add(out, "kind=%s\r\n", kind_name(config->set[i].kind));
        if (config->set[i].efi_path[0] != '\0')
            text_add(out, "efi=%s\r\n", config->set[i].efi_path);
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            const struct member_id *member = &config->set[i].member[role];
            text_add(out, "%s=%08x start %u sectors %u\r\n", role_name((enum role)role), member->signature,
                     member->start_lba, member->sectors);
        }
    }
}
