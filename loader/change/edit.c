/* SPDX-License-Identifier: MIT */
/* Edits. */
#include "change/edit.h"

#include "base/text.h"

enum status edit_byte(const struct edit *edit, uint64_t lba, uint32_t offset, uint8_t value)
{
    uint32_t signature = edit->disk->table.signature;
    const struct change *change = changeset_find(edit->changes, signature, lba);
    if (change != 0 && change->new_bytes[offset] == value)
        return ST_OK;
    struct change where = {.signature = signature, .lba = lba};
    if (change == 0) {
        enum status status = blockdev_read(&edit->disk->reader.device, lba, 1, where.old_bytes);
        if (status != ST_OK || where.old_bytes[offset] == value)
            return status;
    }
    struct text text;
    text_init(&text, where.why, sizeof where.why);
    text_add(&text, "%s", edit->why);
    text_init(&text, where.id, sizeof where.id);
    text_add(&text, "%s", edit->id);
    return changeset_edit(edit->changes, &where, offset, value);
}

enum status edit_bytes(const struct edit *edit, uint64_t lba, uint32_t offset, const void *bytes, uint32_t count)
{
    enum status status = ST_OK;
    for (uint32_t i = 0; i < count && status == ST_OK; i++)
        status = edit_byte(edit, lba, offset + i, ((const uint8_t *)bytes)[i]);
    return status;
}

enum status edit_file(const struct edit *edit, struct fs_file *file, uint64_t offset, const void *now,
                      const void *bytes, uint32_t count)
{
    struct fs_place place = {0};
    enum status status = ST_OK;
    while (count-- > 0 && status == ST_OK) {
        uint8_t value = ((const uint8_t *)bytes)[count];
        if (value == ((const uint8_t *)now)[count])
            continue;
        status = fs_place(file, offset + count, &place);
        if (status == ST_OK)
            status = edit_byte(edit, place.lba, place.offset, value);
    }
    return status;
}
