/* SPDX-License-Identifier: MIT */
/* The BIOS loader's main: fills in struct firmware and hands over to the core. */
#include "bios.h"

#include "loader.h"

extern uint8_t bss_start[], bss_end[];

void stage2_main(uint32_t drive, uint32_t magic, uint32_t windows);

/* The last KiB belongs to the resident drive map. */
_Static_assert(ARENA_BASE + sizeof(struct loader) <= (BASE_MEMORY_MIN_KIB - 1) * 1024u,
               "what the core remembers does not fit below the end of base memory");

_Static_assert(sizeof(struct workspace) <= LOAD_END - LOAD_BASE, "the workspace lies where NTLDR will be loaded");

/* In: the boot drive; BOOT_MAGIC if our boot sector was here before, and then the LBAs of the FAT sector (low half)
 * and of the root directory sector (high half) that it left in memory. */
void stage2_main(uint32_t drive, uint32_t magic, uint32_t windows)
{
    static struct firmware fw;
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    fw = (struct firmware){.name = "bios",
                           .put = bios_put,
                           .up = bios_up,
                           .key = bios_key,
                           .event = bios_event,
                           .work = (struct workspace *)LOAD_BASE,
                           .loader_room = (void *)LOAD_BASE,
                           .loader_room_bytes = LOAD_END - LOAD_BASE,
                           .handoff = bios_handoff,
                           .restart = bios_restart};
    console_init();
    disks_init(&fw);
    medium_init(&fw, drive, magic, windows);
    if (!a20_open())
        bios_put(&fw, "A20 stays closed.\n", COLOUR_NORMAL);
    loader_run((struct loader *)ARENA_BASE, &fw);
    bios_restart(&fw);
}
