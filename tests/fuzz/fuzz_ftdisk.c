/* SPDX-License-Identifier: MIT */
/* Fuzz target: FtDisk's record. What may be edited must come out as it went in, in a buffer that is not a byte longer;
 * every member leads to a partition of its own disk, or nowhere. Where a mirror was dissolved, a record comes out that
 * can be read. */
#include "fuzz.h"
#include "nt/ftdisk.h"

static void check_members(const struct ftdisk *info)
{
    for (unsigned i = 0; i < info->member_count; i++) {
        unsigned index = info->member[i].partition;
        bool found = index == FTDISK_PARTITIONS_MAX;
        for (unsigned d = 0; d < info->disk_count && !found; d++)
            found = info->disk[d].signature == info->member[i].signature && index >= info->disk[d].first_partition &&
                    index < (unsigned)info->disk[d].first_partition + info->disk[d].partition_count;
        if (!found)
            abort();
    }
}

/* Each mirror in turn, from both its halves or from one of them. */
static void dissolve(struct ftdisk *info)
{
    static struct ftdisk after;
    static uint8_t bytes[FTDISK_BYTES_MAX];
    uint32_t count = 0;
    for (unsigned i = 0; i < info->partition_count; i++) {
        const struct ftdisk_partition *keep = &info->partition[i];
        const struct ftdisk_partition *other = &info->partition[(i + 1) % info->partition_count];
        if (!ftdisk_dissolve(info, i % 3 != 0 ? keep : NULL, i % 3 != 1 ? other : NULL) ||
            ftdisk_encode(info, bytes, sizeof bytes, &count) != ST_OK)
            continue;
        if (ftdisk_decode(bytes, count, &after) != ST_OK || after.set_count != info->set_count)
            abort();
        check_members(&after);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ftdisk info;
    uint32_t count = 0;
    if (ftdisk_decode(data, (uint32_t)size, &info) != ST_OK)
        return 0;
    if (info.disk_count > FTDISK_DISKS_MAX || info.partition_count > FTDISK_PARTITIONS_MAX ||
        info.set_count > FTDISK_SETS_MAX || info.member_count > FTDISK_MEMBERS_MAX)
        abort();
    check_members(&info);
    for (unsigned i = 0; i < info.disk_count; i++)
        (void)ftdisk_find(&info, info.disk[i].signature, 63);
    uint8_t *again = malloc(size + 1);
    if (again == NULL)
        abort();
    enum status status = ftdisk_encode(&info, again, (uint32_t)size, &count);
    if (info.editable && (status != ST_OK || count != size || memcmp(again, data, size) != 0))
        abort();
    free(again);
    if (info.editable)
        dissolve(&info);
    return 0;
}
