/* SPDX-License-Identifier: MIT */
/* The loader that was read from a floppy or a stick by boot/fat12.asm: that is the boot disk. */
#include "bios.h"

static void seed(struct firmware *fw, uint64_t lba, uint32_t address)
{
    fw->seed[fw->seeds++] = (struct boot_seed){.lba = lba, .sector = (const void *)address};
}

void medium_init(struct firmware *fw, uint32_t drive, uint32_t magic, uint32_t windows)
{
    boot_disk_init(fw, (uint8_t)drive);
    if (magic != BOOT_MAGIC)
        return;
    /* What our boot sector calls its hidden sectors is where it came from, on a floppy and in a partition. */
    seed(fw, get_le32((const uint8_t *)BOOT_SECTOR + 0x1C), BOOT_SECTOR);
    seed(fw, windows & 0xFFFF, FAT_WINDOW);
    seed(fw, windows >> 16, ROOT_WINDOW);
}
