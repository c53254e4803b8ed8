/* SPDX-License-Identifier: MIT */
/* Fuzz target: partition tables and chains. Partitions must not overlap, and must be numbered in order. */
#include "disk/mbr.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_disk disk = fuzz_disk(data, size, 4096);
    struct disk_table table;
    uint8_t sector0[SECTOR_BYTES];
    (void)fuzz_read(&disk.device, 0, 1, sector0);
    mbr_read(&disk.device, sector0, &table);
    if (table.count > PARTITIONS_MAX)
        abort();
    for (unsigned i = 0; i < table.count; i++) {
        const struct partition *self = &table.partition[i];
        if (self->number != i + 1 || self->sectors == 0 || (self->entry_lba != 0) != self->logical)
            abort();
        for (unsigned k = 0; k < i; k++)
            if (self->start_lba < (uint64_t)table.partition[k].start_lba + table.partition[k].sectors &&
                table.partition[k].start_lba < (uint64_t)self->start_lba + self->sectors)
                abort();
    }
    return 0;
}
