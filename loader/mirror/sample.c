/* SPDX-License-Identifier: MIT */
/* Sampling. The first sectors are sampled densely, because boot sector, FAT and $Boot stand there and change first. */
#include "mirror/sample.h"

#define DENSE 8u

uint32_t sample_offset(uint32_t sectors, unsigned index, unsigned samples)
{
    uint32_t offset = sectors / (samples - DENSE) * (index - DENSE + 1) - 1;
    if (index < DENSE)
        offset = 1u << index >> 1;
    return offset < sectors ? offset : sectors - 1;
}

/* Whether this sample lies behind what the firmware reaches, so that its being unreadable says nothing of the disk. The
 * boot sector must be in reach. */
static bool is_out_of_reach(const struct extent *member, uint32_t offset)
{
    const struct blockdev *device = member->device;
    return offset != 0 && device != 0 && device->short_reach && member->start_lba + offset >= device->sectors;
}

void sample_compare(const struct extent member[2], unsigned samples, struct sample_result *out)
{
    uint8_t sector[2][SECTOR_BYTES];
    *out = (struct sample_result){.readable = {member[0].device != 0, member[1].device != 0}};
    uint32_t sectors = member[out->readable[0] ? 0 : 1].sectors;
    for (unsigned i = 0; i < samples && (out->readable[0] || out->readable[1]); i++) {
        uint32_t offset = sample_offset(sectors, i, samples);
        if (is_out_of_reach(&member[0], offset) || is_out_of_reach(&member[1], offset))
            continue;
        for (unsigned half = 0; half < 2; half++) {
            uint32_t lba = member[half].start_lba + offset;
            if (!out->readable[half] || blockdev_read(member[half].device, lba, 1, sector[half]) == ST_OK)
                continue;
            out->readable[half] = false;
            out->bad_lba[half] = lba;
        }
        if (!out->readable[0] || !out->readable[1])
            continue;
        out->compared = true;
        if (!out->different && memcmp(sector[0], sector[1], SECTOR_BYTES) != 0) {
            out->different = true;
            out->different_at = offset;
        }
    }
}
