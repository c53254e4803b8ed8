/* SPDX-License-Identifier: MIT */
/* What the files of the BIOS shell share: the one way to call the BIOS, and what each of them gives the firmware
 * structure. Only stage2/ may include this. */
#ifndef BIOS_H
#define BIOS_H

#include <stdbool.h>
#include <stdint.h>

#include "fw.h"
#include "layout.h"

struct bios_regs {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp;
    uint16_t ds, es;
    uint32_t flags;
};

#define FLAG_CARRY 0x0001u
#define FLAG_ZERO 0x0040u

/** Execute INT `vector` in real mode (thunk.asm). `in` and `out` may be the same. */
void bios_int(uint8_t vector, const struct bios_regs *in, struct bios_regs *out);

/** Wait for the next interrupt. */
void bios_idle(void);

/** Leave for `target` (segment << 16 | offset) in real mode with DL and SI; does not return. */
_Noreturn void real_jump(uint32_t target, uint32_t drive, uint32_t si);

/** Registers for a call: all zero, carry set, so that a BIOS which does nothing is seen as failing. */
static inline struct bios_regs regs_init(uint32_t eax)
{
    return (struct bios_regs){.eax = eax, .flags = FLAG_CARRY};
}

static inline bool carry(const struct bios_regs *regs)
{
    return (regs->flags & FLAG_CARRY) != 0;
}

/* Low memory, by address. Volatile: the BIOS changes it behind the compiler's back. */
static inline volatile uint8_t *low8(uint32_t address)
{
    return (volatile uint8_t *)address;
}

static inline volatile uint16_t *low16(uint32_t address)
{
    return (volatile uint16_t *)address;
}

static inline volatile uint32_t *low32(uint32_t address)
{
    return (volatile uint32_t *)address;
}

/* BIOS data area. */
#define BDA_BASE_MEMORY_KIB 0x413u
#define BDA_VIDEO_MODE 0x449u
#define BDA_TICKS 0x46Cu
#define BDA_DISKS 0x475u

static inline uint8_t port_in(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void port_out(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* bios_floppy.c or bios_net.c: what this image was started from. In: what entry.asm passes on (see stage2_main). */
void medium_init(struct firmware *fw, uint32_t drive, uint32_t magic, uint32_t windows);

/* bios_disk.c */
void disks_init(struct firmware *fw);
void boot_disk_init(struct firmware *fw, uint8_t boot_drive);
enum status bios_disk_open(struct firmware *fw, unsigned index, struct blockdev **device, struct geometry *geometry);

/* bios_con.c */
void console_init(void);
void bios_put(struct firmware *fw, const char *text, enum colour colour);
void bios_up(struct firmware *fw, unsigned lines);
int bios_key(struct firmware *fw, uint32_t wait_ms);
void bios_event(struct firmware *fw, const char *line);

/* bios_a20.c */
bool a20_open(void);

/* bios_handoff.c */
void bios_handoff(struct firmware *fw, const struct boot_plan *plan);
void bios_restart(struct firmware *fw);

#endif
