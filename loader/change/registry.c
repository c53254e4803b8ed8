/* SPDX-License-Identifier: MIT */
/* Editing DISK\Information. The value only shrinks, so it stays in its cell; its data are planned before its length,
 * and the last sectors first, so that whatever a power cut leaves is a record whose list of sets is empty or whole;
 * only where other sets stay in a list that crosses a sector may it be neither, until the journal is finished or
 * undone. No checksum covers the bins, and NT compares no sequence numbers with them. */
#include "change/registry.h"

#include "nt/install.h"

#define HALF_BUFFER (WORK_BUFFER_BYTES / 2)
#define LENGTH_BYTES 4u

_Static_assert(FTDISK_BYTES_MAX <= HALF_BUFFER, "the old and the new record are held side by side");

const char *obstacle_text(enum obstacle obstacle)
{
    static const char *const texts[OBSTACLE_COUNT] = {
        "",
        "it cannot be read to the end",
        "it is damaged",
        "a write to it was cut off, which NT will finish from its log",
        "it is compressed or sparse: it cannot be edited in place",
        "NTFS was not shut down and will replay its log",
        "it or its DISK\\Information is of a version that is not known",
        "its DISK\\Information has bytes that are not understood",
        "the change is larger than the journal",
    };
    return texts[obstacle];
}

static enum obstacle obstacle_of(enum status status)
{
    if (status == ST_OK || status == ST_NOT_FOUND)
        return OBSTACLE_NONE;
    if (status == ST_IO)
        return OBSTACLE_UNREADABLE;
    if (status == ST_NO_SPACE)
        return OBSTACLE_SPACE;
    return OBSTACLE_DAMAGED;
}

/* The same for reaching the bytes on the disk. */
static enum obstacle obstacle_of_place(enum status status)
{
    return status == ST_UNSUPPORTED ? OBSTACLE_IN_PLACE : obstacle_of(status);
}

/* Whether the record knows the disk it is on. One that does not was copied there, or its disk was retired: NT is not
 * started from it. */
static bool knows_disk(const struct ftdisk *info, uint32_t signature)
{
    for (unsigned i = 0; i < info->disk_count; i++)
        if (info->disk[i].signature == signature)
            return true;
    return false;
}

/* Take the wanted mirrors out of the decoded record. Returns whether it knew any. */
static bool dissolve(struct ftdisk *info, struct dissolution *dissolution)
{
    bool changed = false;
    for (unsigned i = 0; i < dissolution->config->set_count; i++) {
        const struct member_id *id = dissolution->config->set[i].member;
        if (!dissolution->wanted[i])
            continue;
        const struct member_id *kept = &id[dissolution->keep[i]];
        const struct member_id *left = &id[1 - dissolution->keep[i]];
        const struct ftdisk_partition *keep = ftdisk_find(info, kept->signature, kept->start_lba);
        const struct ftdisk_partition *other = ftdisk_find(info, left->signature, left->start_lba);
        struct letters letters = {.known = true};
        if (keep != 0 && keep->letter != 0)
            letters.before = (char)keep->letter;
        else if (other != 0)
            letters.before = (char)other->letter;
        if (!ftdisk_dissolve(info, keep, other))
            continue;
        changed = true;
        letters.after = keep != 0 ? (char)keep->letter : 0;
        if (!dissolution->letters[i].known)
            dissolution->letters[i] = letters;
    }
    return changed;
}

/* The length's four bytes; they may lie in two sectors. */
static enum status plan_length(const struct edit *edit, struct workspace *work, uint32_t count)
{
    uint8_t now[LENGTH_BYTES];
    uint8_t wanted[LENGTH_BYTES];
    uint32_t at = 0;
    enum status status = hive_length_place(&work->hive.hive, &work->value, &at);
    put_le32(now, work->value.bytes);
    put_le32(wanted, count);
    return status == ST_OK ? edit_file(edit, &work->hive.main.file, at, now, wanted, LENGTH_BYTES) : status;
}

static enum status plan_data(const struct edit *edit, struct workspace *work, uint32_t count)
{
    const uint8_t *now = work->buffer;
    const uint8_t *wanted = work->buffer + HALF_BUFFER;
    enum status status = ST_OK;
    for (uint32_t i = count; i-- > 0 && status == ST_OK;) {
        uint32_t at = 0;
        uint32_t bytes;
        if (now[i] == wanted[i])
            continue;
        status = hive_data_place(&work->hive.hive, &work->value, i, &at, &bytes);
        if (status == ST_OK)
            status = edit_file(edit, &work->hive.main.file, at, now + i, wanted + i, 1);
    }
    return status;
}

static enum obstacle plan_hive(const struct edit *edit, struct workspace *work, struct dissolution *dissolution)
{
    struct hive *hive = &work->hive.hive;
    uint32_t key = 0;
    uint32_t count = 0;
    enum status status = hive_key(hive, hive->root, "DISK", &key);
    if (status == ST_OK)
        status = hive_value(hive, key, "Information", &work->value);
    if (status == ST_OK)
        status = hive_data(hive, &work->value, work->buffer, FTDISK_BYTES_MAX);
    if (status == ST_UNSUPPORTED)
        return OBSTACLE_VERSION;
    if (status != ST_OK)
        return status == ST_NO_SPACE ? OBSTACLE_LAYOUT : obstacle_of(status);
    status = ftdisk_decode(work->buffer, work->value.bytes, &work->ftdisk);
    if (status == ST_UNSUPPORTED)
        return OBSTACLE_VERSION;
    if (status != ST_OK)
        return status == ST_NO_SPACE ? OBSTACLE_LAYOUT : OBSTACLE_DAMAGED;
    bool editable = work->ftdisk.editable;
    if (!knows_disk(&work->ftdisk, edit->disk->table.signature) || !dissolve(&work->ftdisk, dissolution))
        return OBSTACLE_NONE;
    if (!editable)
        return OBSTACLE_LAYOUT;
    if (hive->minor == 0) /* read, but of no described format */
        return OBSTACLE_VERSION;
    if (!hive->stamp.clean)
        return OBSTACLE_UNCLEAN;
    status = ftdisk_encode(&work->ftdisk, work->buffer + HALF_BUFFER, HALF_BUFFER, &count);
    if (status == ST_OK)
        status = plan_data(edit, work, count);
    if (status == ST_OK)
        status = plan_length(edit, work, count);
    return obstacle_of_place(status);
}

enum obstacle registry_plan(const struct edit *edit, struct workspace *work, const char *directory,
                            struct dissolution *dissolution, const char **file)
{
    static const char *const names[] = {"SYSTEM", "SYSTEM.ALT"};
    unsigned before = edit->changes->count;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        *file = names[i];
        enum status status = install_open_hive(&work->volume, directory, names[i], &work->hive);
        enum obstacle obstacle = obstacle_of(status);
        if (status == ST_OK)
            obstacle = plan_hive(edit, work, dissolution);
        if (obstacle != OBSTACLE_NONE)
            return obstacle;
    }
    return edit->changes->count > before && fs_will_replay(&work->volume) ? OBSTACLE_LOG : OBSTACLE_NONE;
}
