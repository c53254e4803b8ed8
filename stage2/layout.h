/* SPDX-License-Identifier: MIT */
/* Every fixed address of the BIOS loader, once. Owns the memory map drawn in MEMORY.md; C and NASM both read it
 * (NASM through a list that the Makefile makes of it), so it may hold nothing but #define lines and comments. */
#ifndef STAGE2_LAYOUT_H
#define STAGE2_LAYOUT_H

/* Left behind by boot/fat12.asm: the last FAT sector and the root directory sector it read. */
#define FAT_WINDOW 0x0600
#define ROOT_WINDOW 0x0800
#define BOOT_MAGIC 0x4654 /* 'FT' in SI: BX and CX hold the LBAs of the two windows */

/* One stack for both modes: it grows down from the boot sector, below 64 KiB, with SS = 0. */
#define STACK_TOP 0x7C00
#define BOOT_SECTOR 0x7C00

/* The unpacked stage 2; its 16-bit half comes first, so CS = 0 reaches it. */
#define STAGE2_BASE 0x8000
#define STAGE2_END 0x20000

/* STAGE2.BIN (packed) and NTLDR are loaded at the same place: 2000:0000. */
#define LOAD_SEGMENT 0x2000
#define LOAD_BASE 0x20000
#define LOAD_END 0x78000

/* Disk transfers go through this buffer: below 1 MiB and inside one 64 KiB DMA page. */
#define BOUNCE 0x78000
#define BOUNCE_SECTORS 64

/* Everything from here to the end of base memory is the arena of the C core. */
#define ARENA_BASE 0x80000
#define BASE_MEMORY_MIN_KIB 576

/* Where a standard MBR moves itself; boot sectors find their partition entry there through DS:SI. */
#define MBR_RELOCATED 0x0600

#endif
