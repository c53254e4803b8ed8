/* SPDX-License-Identifier: MIT */
/* Fuzz target: a FAT volume; NTLDR is opened, located and read. */
#include "fs/fat.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_disk disk = fuzz_disk(data, size, 4096);
    struct fat fat;
    struct fat_file file;
    uint64_t lba;
    if (fat_mount(&disk.device, 0, &fat) != ST_OK || fat_open(&fat, "NTLDR      ", &file) != ST_OK)
        return 0;
    (void)!fat_locate(&file, &lba);
    size_t room = (size_t)size % 40000 + 1; /* exact, so that a byte too many is seen */
    uint8_t *buffer = malloc(room);
    if (buffer != NULL && fat_read(&file, buffer, (uint32_t)room) == ST_OK && file.bytes > room)
        abort();
    free(buffer);
    return 0;
}
