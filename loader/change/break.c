/* SPDX-License-Identifier: MIT */
/* The break plan. */
#include "change/break.h"

#include "nt/fttype.h"

enum status break_plan(const struct set_survey *survey, enum role keep, struct changeset *out)
{
    const struct member_place *place = &survey->place[keep];
    struct change where = {.why = "clear the fault-tolerance bits", .id = "D05"};
    if (place->partition == 0 || place->disk->dead || place->disk->table.status != ST_OK)
        return ST_REFUSED;
    if ((place->partition->type & FT_MEMBER_BIT) == 0)
        return ST_OK;
    where.signature = place->disk->table.signature;
    where.lba = place->partition->entry_lba;
    enum status status = blockdev_read(&place->disk->reader.device, where.lba, 1, where.old_bytes);
    if (status != ST_OK)
        return status;
    uint32_t offset = place->partition->entry_offset + MBR_ENTRY_TYPE;
    return changeset_edit(out, &where, offset, ft_plain_type(place->partition->type));
}
