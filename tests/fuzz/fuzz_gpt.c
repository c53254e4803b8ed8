/* SPDX-License-Identifier: MIT */
/* Fuzz target: GUID partition tables on a disk of 128 sectors. The first byte of sector 0, which is boot code, says
 * which sums are put right beforehand, or nothing but sums would ever be found wrong. Partitions must not overlap, and
 * must be in the order of their numbers; no table may cost more reads than the longest list that is allowed. */
#include "base/crc32.h"
#include "disk/gpt.h"
#include "fuzz.h"

#define SECTORS 128u
#define MOST_READS (2 * (1 + 2 * 256))

static uint8_t bytes[SECTORS * SECTOR_BYTES];
static unsigned reads;

static enum status counted_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    if (++reads > MOST_READS)
        abort();
    return fuzz_read(device, lba, sectors, buffer);
}

static void mend(uint32_t lba, unsigned which)
{
    uint8_t *header = bytes + lba * SECTOR_BYTES;
    uint32_t header_bytes = get_le32(header + 12);
    uint64_t list_lba = get_le64(header + 72);
    uint64_t list_bytes = (uint64_t)get_le32(header + 80) * get_le32(header + 84);
    if ((which & 1) != 0 && list_lba < SECTORS && list_bytes <= (SECTORS - list_lba) * SECTOR_BYTES)
        put_le32(header + 88, crc32_add(0, bytes + list_lba * SECTOR_BYTES, (size_t)list_bytes));
    if ((which & 2) != 0 && header_bytes <= SECTOR_BYTES) {
        put_le32(header + 16, 0);
        put_le32(header + 16, crc32_add(0, header, header_bytes));
    }
}

static void check(const struct disk_table *table)
{
    if (!table->is_gpt || table->count > PARTITIONS_MAX || (table->problem == SITE_GPT && table->count != 0))
        abort();
    for (unsigned i = 0; i < table->count; i++) {
        const struct partition *self = &table->partition[i];
        if (self->number <= (i > 0 ? self[-1].number : 0) || self->sectors == 0 || self->start_lba == 0 ||
            self->logical || self->entry_lba != 0 || self->start_lba + (uint64_t)self->sectors > UINT32_MAX)
            abort();
        if (self->beyond_end != (self->start_lba + (uint64_t)self->sectors > SECTORS) ||
            (self->beyond_end && table->status == ST_OK))
            abort();
        for (unsigned k = 0; k < i; k++)
            if (self->start_lba < (uint64_t)table->partition[k].start_lba + table->partition[k].sectors &&
                table->partition[k].start_lba < (uint64_t)self->start_lba + self->sectors)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_disk disk = fuzz_disk(bytes, sizeof bytes, SECTORS);
    struct disk_table table;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, data, size < sizeof bytes ? size : sizeof bytes);
    mend(1, bytes[0]);
    mend(SECTORS - 1, bytes[0] >> 2);
    disk.device.read = counted_read;
    reads = 0;
    gpt_read(&disk.device, &table);
    check(&table);
    return 0;
}
