/* SPDX-License-Identifier: MIT */
/* EFI system partitions. A half that fails to be read is failing, not without a loader. */
#include "mirror/esp.h"

#include "base/crc32.h"
#include "mirror/md.h"

#define PIECE_BYTES WORK_BUFFER_BYTES

const char *esp_path(const struct mirror_set *set)
{
    return set->efi_path[0] != '\0' ? set->efi_path : ESP_DEFAULT_PATH;
}

static enum status read_loader(const char *path, const struct member_place *place, struct workspace *work,
                               struct esp_evidence *out)
{
    struct fs_file file;
    enum status status =
        fs_probe(&place->disk->reader.device, place->partition->start_lba, place->partition->sectors, &work->volume);
    if (status == ST_OK)
        status = fs_open(&work->volume, path, &file);
    if (status != ST_OK || (file.flags & FS_DIRECTORY) != 0)
        return status == ST_OK ? ST_NOT_FOUND : status;
    for (uint64_t at = 0, part = 0; at < file.bytes && status == ST_OK; at += part) {
        part = file.bytes - at < PIECE_BYTES ? file.bytes - at : PIECE_BYTES;
        status = fs_read(&file, at, work->buffer, (uint32_t)part);
        out->loader_crc = crc32_add(out->loader_crc, work->buffer, (size_t)part);
    }
    out->loader_bytes = (uint32_t)file.bytes;
    out->loader_written = file.written;
    out->has_loader = status == ST_OK;
    return status;
}

static enum age compare(uint64_t primary, uint64_t shadow)
{
    if (primary == shadow)
        return AGE_SAME;
    return primary < shadow ? AGE_PRIMARY_OLDER : AGE_SHADOW_OLDER;
}

/* Which half of an array is the older one: the one that the other half calls gone. If each does, each went on alone. If
 * neither does, the counters may differ by one, as the power may go between the writing of two superblocks: then md
 * takes both. */
static enum age compare_members(const struct md_member *primary, const struct md_member *shadow)
{
    enum age age = compare(primary->events, shadow->events);
    enum age told = primary->other_faulty ? AGE_SHADOW_OLDER : AGE_PRIMARY_OLDER;
    if (primary->other_faulty != shadow->other_faulty)
        return age == AGE_SAME || age == told ? told : AGE_CONTRADICTION;
    if (primary->other_faulty)
        return AGE_CONTRADICTION;
    return primary->events + 1 == shadow->events || shadow->events + 1 == primary->events ? AGE_SAME : age;
}

static void hear_md(const struct member_place *place, struct md_member *md, struct set_survey *survey, unsigned role)
{
    struct member_facts *facts = &survey->facts.member[role];
    enum status status =
        md_read(&place->disk->reader.device, place->partition->start_lba, place->partition->sectors, md);
    if (status == ST_IO)
        facts->readable = false;
    if (status != ST_OK || md->level != 1)
        return;
    survey->esp[role].has_md = true;
    survey->esp[role].events = md->events;
    survey->esp[role].updated_s = md->updated_s;
    facts->unfinished = !md->in_sync; /* a spare was never copied to */
}

static void compare_md(struct set_survey *survey, const struct md_member md[ROLE_COUNT])
{
    const struct esp_evidence *esp = survey->esp;
    if (esp[ROLE_PRIMARY].has_md != esp[ROLE_SHADOW].has_md)
        return; /* one half left the array: what it holds is compared as files */
    if (!esp[ROLE_PRIMARY].has_md)
        return;
    bool same_array = memcmp(md[ROLE_PRIMARY].uuid, md[ROLE_SHADOW].uuid, MD_UUID_BYTES) == 0;
    survey->facts.events = same_array ? compare_members(&md[ROLE_PRIMARY], &md[ROLE_SHADOW]) : AGE_CONTRADICTION;
}

static void compare_loaders(struct set_survey *survey)
{
    const struct esp_evidence *primary = &survey->esp[ROLE_PRIMARY];
    const struct esp_evidence *shadow = &survey->esp[ROLE_SHADOW];
    if (!primary->has_loader || !shadow->has_loader)
        return;
    bool different = primary->loader_crc != shadow->loader_crc || primary->loader_bytes != shadow->loader_bytes;
    survey->facts.different = different;
    survey->facts.loaders = different ? compare(primary->loader_written, shadow->loader_written) : AGE_SAME;
}

void esp_gather(const struct mirror_set *set, struct set_survey *survey, struct workspace *work)
{
    struct md_member md[ROLE_COUNT];
    survey->facts.different = false; /* file systems that hold the same files need not be the same sector by sector */
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        const struct member_place *place = &survey->place[role];
        struct member_facts *facts = &survey->facts.member[role];
        if (place->partition == 0)
            continue;
        hear_md(place, &md[role], survey, role);
        enum status status = work != 0 ? read_loader(esp_path(set), place, work, &survey->esp[role]) : ST_OK;
        facts->readable = facts->readable && status != ST_IO;
        facts->no_loader = status != ST_OK && status != ST_IO;
    }
    compare_md(survey, md);
    compare_loaders(survey);
    mirror_decide(&survey->facts, &survey->verdict);
}
