/* SPDX-License-Identifier: MIT */
/* Change sets. */
#include "change/changeset.h"

static struct change *find(struct changeset *set, const struct change *where)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->change[i].signature == where->signature && set->change[i].lba == where->lba)
            return &set->change[i];
    return 0;
}

enum status changeset_edit(struct changeset *set, const struct change *where, uint32_t offset, uint8_t new_byte)
{
    struct change *change = find(set, where);
    if (change == 0) {
        if (set->count == CHANGES_MAX)
            return ST_NO_SPACE;
        change = &set->change[set->count++];
        *change = *where;
        memcpy(change->new_bytes, where->old_bytes, SECTOR_BYTES);
    }
    change->new_bytes[offset] = new_byte;
    return ST_OK;
}
