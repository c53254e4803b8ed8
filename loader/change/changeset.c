/* SPDX-License-Identifier: MIT */
/* Change sets. */
#include "change/changeset.h"

#include "base/text.h"

#define SIGNATURE_OFFSET 0x1B8u /* in sector 0 */

const struct change *changeset_find(const struct changeset *set, uint32_t signature, uint64_t lba)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->change[i].signature == signature && set->change[i].lba == lba)
            return &set->change[i];
    return 0;
}

/* Several edits of a sector have one change, and it has all their reasons. */
static void add_reason(struct change *change, const char *why)
{
    size_t used = text_length(change->why);
    size_t bytes = text_length(why);
    struct text text;
    if (bytes == 0 || (used >= bytes && text_same(change->why + used - bytes, why, bytes)))
        return;
    text_init(&text, change->why + used, sizeof change->why - used);
    text_add(&text, "; %s", why);
}

enum status changeset_edit(struct changeset *set, const struct change *where, uint32_t offset, uint8_t new_byte)
{
    struct change *change = (struct change *)changeset_find(set, where->signature, where->lba);
    if (change == 0) {
        if (set->count == CHANGES_MAX)
            return ST_NO_SPACE;
        change = &set->change[set->count++];
        *change = *where;
        memcpy(change->new_bytes, where->old_bytes, SECTOR_BYTES);
    }
    add_reason(change, where->why);
    change->new_bytes[offset] = new_byte;
    return ST_OK;
}

uint32_t changeset_alias(const struct changeset *set, uint32_t signature)
{
    const struct change *change = changeset_find(set, signature, 0);
    if (change == 0)
        return signature;
    uint32_t new_signature = get_le32(change->new_bytes + SIGNATURE_OFFSET);
    return new_signature != signature ? new_signature : get_le32(change->old_bytes + SIGNATURE_OFFSET);
}
