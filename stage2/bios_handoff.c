/* SPDX-License-Identifier: MIT */
/* Leaving: install the drive map, lay out what a boot sector or NTLDR expects (nt-facts 7), and jump. */
#include "bios.h"

/* The header of boot/int13.asm, which fills in the last two itself. */
struct drive_map {
    uint8_t magic[4];
    uint16_t old_int13[2];
    uint16_t old_int15[2];
    uint32_t base;
    uint16_t int13;
    uint16_t int15;
    uint8_t visible;
    uint8_t reserved[3];
    uint8_t map[DRIVE_MAP_MAX];
};

_Static_assert(offsetof(struct drive_map, map) == 24, "boot/int13.asm has its map there");

#define INT13_VECTOR (0x13u * 4)
#define INT15_VECTOR (0x15u * 4)
#define BOOT_MODE_WARM 0x1234u
#define BDA_RESET_FLAG 0x472u

extern const uint8_t int13_image[];
extern const uint32_t int13_image_bytes;

static void hook(uint32_t vector, uint16_t old[2], uint32_t base, uint16_t entry)
{
    old[0] = *low16(vector);
    old[1] = *low16(vector + 2);
    *low16(vector) = entry;
    *low16(vector + 2) = (uint16_t)(base >> 4);
}

/* The map stays at the top of base memory for as long as the started system uses the BIOS. */
static void install_map(const struct boot_plan *plan)
{
    uint16_t kib = (uint16_t)(*low16(BDA_BASE_MEMORY_KIB) - 1);
    uint32_t base = (uint32_t)kib * 1024;
    struct drive_map *resident = (struct drive_map *)base;
    memcpy(resident, int13_image, int13_image_bytes);
    resident->base = base;
    resident->visible = (uint8_t)plan->visible;
    memcpy(resident->map, plan->map, sizeof resident->map);
    *low16(BDA_BASE_MEMORY_KIB) = kib;
    *low8(BDA_DISKS) = (uint8_t)plan->visible;
    hook(INT13_VECTOR, resident->old_int13, base, resident->int13);
    hook(INT15_VECTOR, resident->old_int15, base, resident->int15);
}

void bios_handoff(struct firmware *fw, const struct boot_plan *plan)
{
    uint32_t entry = MBR_RELOCATED + MBR_TABLE_OFFSET + plan->entry * MBR_ENTRY_BYTES;
    uint32_t drive = DRIVE_FIRST;
    uint32_t target = BOOT_SECTOR;
    if (plan->remap)
        install_map(plan);
    if (plan->method == METHOD_NTLDR_DISK || plan->method == METHOD_NTLDR_FLOPPY)
        target = LOAD_SEGMENT << 16;
    if (plan->method == METHOD_NTLDR_FLOPPY)
        drive = fw->boot_device->drive;
    memcpy((void *)MBR_RELOCATED, plan->mbr, SECTOR_BYTES);
    memcpy((void *)BOOT_SECTOR, plan->boot_sector, SECTOR_BYTES);
    real_jump(target, drive, entry);
}

void bios_restart(struct firmware *fw)
{
    (void)fw;
    *low16(BDA_RESET_FLAG) = BOOT_MODE_WARM;
    real_jump(0xFFFF0000, 0, 0);
}
