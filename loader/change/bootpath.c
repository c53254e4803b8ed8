/* SPDX-License-Identifier: MIT */
/* Rewriting BOOT.INI in place. The text is made in memory first; blanks at its end make up for a length that changed.
 */
#include "change/bootpath.h"

#include "nt/fttype.h"

struct rewrite {
    const struct edit *edit;
    struct workspace *work;
    struct arc_path from;
    struct arc_path to;
    uint32_t bytes; /* of the file, whose text is in work->search.text */
};

const char *bootpath_text(enum bootpath_result result)
{
    static const char *const texts[BOOTPATH_COUNT] = {
        "BOOT.INI names the right place",
        "BOOT.INI will name this disk",
        "there is no BOOT.INI: NTLDR will try \\WINNT of the first partition",
        "BOOT.INI's default is no multi() path and stays as it is",
        "the folder BOOT.INI names is not on this disk: it stays as it is",
        "BOOT.INI would have to grow for the new path",
        "BOOT.INI cannot be edited in place",
        "NTFS was not shut down and will replay its log over BOOT.INI",
        "BOOT.INI cannot be read",
    };
    return texts[result];
}

static enum status mount(const struct rewrite *rewrite, const struct partition *partition)
{
    return fs_probe(&rewrite->edit->disk->reader.device, partition->start_lba, partition->sectors,
                    &rewrite->work->volume);
}

static enum bootpath_result read_text(struct rewrite *rewrite, const struct partition *boot)
{
    struct install_search *search = &rewrite->work->search;
    struct fs_file file;
    enum status status = mount(rewrite, boot);
    if (status == ST_OK)
        status = fs_open(&rewrite->work->volume, "BOOT.INI", &file);
    if (status == ST_NOT_FOUND)
        return BOOTPATH_MISSING;
    if (status == ST_OK && file.bytes > sizeof search->text)
        status = ST_NO_SPACE;
    if (status == ST_OK)
        status = fs_read(&file, 0, search->text, (uint32_t)file.bytes);
    if (status != ST_OK || bootini_parse(search->text, (size_t)file.bytes, &search->ini) != ST_OK)
        return BOOTPATH_DAMAGED;
    rewrite->bytes = (uint32_t)file.bytes;
    return BOOTPATH_RIGHT;
}

static bool holds_system(const struct rewrite *rewrite, const struct partition *partition)
{
    return ft_is_file_system(ft_plain_type(partition->type)) && mount(rewrite, partition) == ST_OK &&
           install_check(&rewrite->work->volume, rewrite->from.directory) == ST_OK;
}

/* The partition with the folder: the one the path names, else the half, else any. */
static const struct partition *find_system(const struct rewrite *rewrite, const struct partition *half)
{
    const struct disk_table *table = &rewrite->edit->disk->table;
    for (unsigned i = 0; i < table->count; i++)
        if (table->partition[i].number == rewrite->from.partition && holds_system(rewrite, &table->partition[i]))
            return &table->partition[i];
    if (half != 0 && holds_system(rewrite, half))
        return half;
    for (unsigned i = 0; i < table->count; i++)
        if (holds_system(rewrite, &table->partition[i]))
            return &table->partition[i];
    return 0;
}

static bool is_same(const struct arc_path *one, const struct arc_path *other)
{
    size_t bytes = text_length(one->directory);
    return one->kind == other->kind && one->adapter == other->adapter && one->disk == other->disk &&
           one->rdisk == other->rdisk && one->partition == other->partition && text_length(other->directory) == bytes &&
           text_same(one->directory, other->directory, bytes);
}

/* The path that is started when nobody presses a key. */
static bool find_default(const struct bootini *ini, struct arc_path *out)
{
    const struct bootini_line *chosen = 0;
    for (unsigned i = ini->count; i-- > 0;)
        if (ini->line[i].kind == BOOTINI_DEFAULT ||
            (ini->line[i].kind == BOOTINI_ENTRY && (chosen == 0 || chosen->kind != BOOTINI_DEFAULT)))
            chosen = &ini->line[i];
    return chosen != 0 && bootini_path(chosen, out) == ST_OK && out->kind != ARC_SCSI;
}

static void add_bytes(struct text *text, const char *from, const char *to)
{
    while (from < to)
        text_add(text, "%c", *from++);
}

/* The new text, as long as the old one; false if it cannot be. */
static bool make_text(struct rewrite *rewrite)
{
    const struct install_search *search = &rewrite->work->search;
    char *out = (char *)rewrite->work->buffer;
    struct text text;
    struct arc_path path;
    text_init(&text, out, WORK_BUFFER_BYTES);
    for (unsigned i = 0; i < search->ini.count; i++) {
        const struct bootini_line *line = &search->ini.line[i];
        const struct bootini_span *span = line->kind == BOOTINI_DEFAULT ? &line->value : &line->key;
        const char *at = line->text.at;
        bool is_path = line->kind == BOOTINI_DEFAULT || line->kind == BOOTINI_ENTRY;
        if (is_path && bootini_path(line, &path) == ST_OK && is_same(&path, &rewrite->from)) {
            add_bytes(&text, at, span->at);
            arc_format(&text, &rewrite->to);
            at = span->at + span->bytes;
        }
        add_bytes(&text, at, line->text.at + line->text.bytes);
    }
    size_t used = text.used_bytes;
    while (used > rewrite->bytes && (out[used - 1] == ' ' || out[used - 1] == '\r' || out[used - 1] == '\n'))
        used--;
    if (used < rewrite->bytes)
        memset(out + used, ' ', rewrite->bytes - used);
    return used <= rewrite->bytes;
}

static enum status plan_text(struct rewrite *rewrite, const struct partition *boot, enum bootpath_result *result)
{
    struct workspace *work = rewrite->work;
    struct fs_file file;
    *result = BOOTPATH_RIGHT;
    if (memcmp(work->search.text, work->buffer, rewrite->bytes) == 0)
        return ST_OK;
    enum status status = mount(rewrite, boot);
    if (status == ST_OK)
        status = fs_open(&work->volume, "BOOT.INI", &file);
    if (status == ST_OK)
        status = edit_file(rewrite->edit, &file, 0, work->search.text, work->buffer, rewrite->bytes);
    *result = BOOTPATH_REWRITTEN;
    if (status == ST_UNSUPPORTED)
        *result = BOOTPATH_IN_PLACE;
    else if (status == ST_OK && fs_will_replay(&work->volume))
        *result = BOOTPATH_LOG;
    return status == ST_UNSUPPORTED ? ST_OK : status;
}

enum status bootpath_plan(const struct edit *edit, struct workspace *work, const struct partition *boot,
                          const struct partition *half, enum bootpath_result *result)
{
    struct rewrite rewrite = {.edit = edit, .work = work};
    *result = read_text(&rewrite, boot);
    if (*result != BOOTPATH_RIGHT)
        return ST_OK;
    *result = BOOTPATH_OTHER;
    if (!find_default(&work->search.ini, &rewrite.from))
        return ST_OK;
    *result = BOOTPATH_NOWHERE;
    const struct partition *system = find_system(&rewrite, half);
    if (system == 0)
        return ST_OK;
    rewrite.to = rewrite.from;
    rewrite.to.partition = system->number;
    if (rewrite.from.kind == ARC_SIGNATURE)
        rewrite.to.adapter = edit->disk->table.signature;
    else
        rewrite.to.adapter = rewrite.to.disk = rewrite.to.rdisk = 0; /* position 80h */
    *result = BOOTPATH_GROWS;
    return make_text(&rewrite) ? plan_text(&rewrite, boot, result) : ST_OK;
}
