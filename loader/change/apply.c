/* SPDX-License-Identifier: MIT */
/* Applying, finishing and undoing change sets. Forward in the order of the set, backward in reverse, so that the disk
 * only ever passes through states the plan has thought about. */
#include "change/apply.h"

/* The disk of a change, whichever of its signatures it has by now; none if a second disk has either. */
static struct disk *target(struct applier *applier, const struct change *change)
{
    unsigned index = 0;
    unsigned found = inventory_find(applier->inventory, change->signature, &index);
    uint32_t alias = changeset_alias(applier->changes, change->signature);
    if (alias != change->signature)
        found += inventory_find(applier->inventory, alias, &index);
    return found == 1 ? &applier->inventory->disk[index] : 0;
}

static enum status fail(struct applier *applier, enum site site, enum status status, const struct change *change)
{
    struct disk *disk = target(applier, change);
    return trail_fail(applier->trail, site, status, disk != 0 ? disk->drive : 0, change->lba);
}

/* What a sector may hold before it is written. */
enum held {
    HELD_OLD,
    HELD_EITHER, /* its old or its new bytes */
    HELD_TORN    /* ... or, where a write was cut off, some of both */
};

static bool may_hold(const struct change *change, const uint8_t *now, enum held held)
{
    if (memcmp(now, change->old_bytes, SECTOR_BYTES) == 0)
        return true;
    if (held != HELD_TORN)
        return held == HELD_EITHER && memcmp(now, change->new_bytes, SECTOR_BYTES) == 0;
    for (unsigned i = 0; i < SECTOR_BYTES; i++)
        if (now[i] != change->old_bytes[i] && now[i] != change->new_bytes[i])
            return false;
    return true;
}

static enum status check(struct applier *applier, const struct change *change, enum held held)
{
    uint8_t now[SECTOR_BYTES];
    struct disk *disk = target(applier, change);
    if (disk == 0)
        return fail(applier, SITE_TARGET_GONE, ST_NOT_FOUND, change);
    if (blockdev_read(&disk->reader.device, change->lba, 1, now) != ST_OK) {
        /* A sector in which a write was cut off may have lost its ECC: writing it again heals it. */
        return held == HELD_TORN ? ST_OK : fail(applier, SITE_TARGET_READ, ST_IO, change);
    }
    return may_hold(change, now, held) ? ST_OK : fail(applier, SITE_TARGET_CHANGED, ST_REFUSED, change);
}

static enum status write_verified(struct applier *applier, const struct change *change, const uint8_t *bytes)
{
    uint8_t back[SECTOR_BYTES];
    struct disk *disk = target(applier, change);
    if (disk == 0)
        return fail(applier, SITE_TARGET_GONE, ST_NOT_FOUND, change);
    if (applier->writer->write(applier->writer, disk->drive, change->lba, bytes) != ST_OK)
        return fail(applier, SITE_TARGET_WRITE, ST_IO, change);
    if (blockdev_read(&disk->reader.device, change->lba, 1, back) != ST_OK || memcmp(back, bytes, SECTOR_BYTES) != 0)
        return fail(applier, SITE_TARGET_VERIFY, ST_IO, change);
    return ST_OK;
}

static void report(struct applier *applier, unsigned index, bool undone)
{
    if (applier->progress != 0)
        applier->progress(applier, index, undone);
}

static bool holds(struct applier *applier, const struct change *change, const uint8_t *bytes)
{
    uint8_t now[SECTOR_BYTES];
    struct disk *disk = target(applier, change);
    return disk != 0 && blockdev_read(&disk->reader.device, change->lba, 1, now) == ST_OK &&
           memcmp(now, bytes, SECTOR_BYTES) == 0;
}

/* Write back changes `count`-1 to 0. Goes on after an error: each sector that can be restored shall be. A sector that
 * never changed (its write failed) needs no writing back. */
static enum status write_back(struct applier *applier, const struct changeset *changes, unsigned count)
{
    enum status first = ST_OK;
    while (count-- > 0) {
        const struct change *change = &changes->change[count];
        if (holds(applier, change, change->old_bytes))
            continue;
        enum status status = write_verified(applier, change, change->old_bytes);
        if (status == ST_OK)
            report(applier, count, true);
        else if (first == ST_OK)
            first = status;
    }
    return first;
}

static enum status mark(struct applier *applier, enum journal_state state)
{
    return applier->store != 0 ? journal_mark(applier->store, applier->journal, state) : ST_OK;
}

static enum status write_all(struct applier *applier, const struct changeset *changes)
{
    for (unsigned i = 0; i < changes->count; i++) {
        enum status status = write_verified(applier, &changes->change[i], changes->change[i].new_bytes);
        if (status != ST_OK) {
            /* The journal says "undone" only if that is so; otherwise it stays pending, and the next start asks. */
            if (write_back(applier, changes, i + 1) != ST_OK)
                return fail(applier, SITE_NOT_UNDONE, status, &changes->change[i]);
            (void)mark(applier, JOURNAL_UNDONE); /* the first error is the one to report */
            return status;
        }
        report(applier, i, false);
    }
    if (mark(applier, JOURNAL_DONE) != ST_OK)
        return fail(applier, SITE_NOT_CLOSED, ST_IO, &changes->change[0]);
    return ST_OK;
}

enum status apply_changes(struct applier *applier, const struct changeset *changes, bool replace)
{
    applier->changes = changes;
    for (unsigned i = 0; i < changes->count; i++) {
        enum status status = check(applier, &changes->change[i], HELD_OLD);
        if (status != ST_OK)
            return status;
    }
    if (applier->store != 0) {
        enum status status = journal_begin(applier->store, applier->journal, changes, replace);
        applier->unrecorded = status == ST_IO;
        if (status != ST_OK)
            return status;
    }
    return write_all(applier, changes);
}

enum status apply_look(struct applier *applier, bool undo, struct changeset *scratch)
{
    enum journal_state state = applier->journal->state;
    if (state != JOURNAL_PENDING && !(undo && state == JOURNAL_DONE))
        return ST_NOT_FOUND;
    applier->changes = scratch;
    enum status status = journal_changes(applier->store, applier->journal, scratch);
    for (unsigned i = 0; i < scratch->count && status == ST_OK; i++)
        status = check(applier, &scratch->change[i], state == JOURNAL_PENDING ? HELD_TORN : HELD_EITHER);
    return status;
}

enum status apply_journal(struct applier *applier, bool undo, struct changeset *scratch)
{
    enum journal_state state = applier->journal->state;
    enum status status = apply_look(applier, undo, scratch);
    if (status != ST_OK)
        return status;
    if (!undo)
        return write_all(applier, scratch);
    if (state == JOURNAL_DONE)
        status = mark(applier, JOURNAL_PENDING); /* a power cut from here on is one in the middle of a change */
    if (status == ST_OK)
        status = write_back(applier, scratch, scratch->count);
    return status == ST_OK ? mark(applier, JOURNAL_UNDONE) : status;
}
