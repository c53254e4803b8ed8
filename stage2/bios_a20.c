/* SPDX-License-Identifier: MIT */
/* Opening address line 20, and proving it. The loader itself lives below 1 MiB and does not depend on it; what is
 * started later may. */
#include "bios.h"

#define PROOF_LOW 0x500u
#define PROOF_HIGH (PROOF_LOW + 0x100000u)
#define SPINS 100000u
#define KBC_DATA 0x60u
#define KBC_STATUS 0x64u
#define KBC_INPUT_FULL 0x02u
#define KBC_WRITE_OUTPUT 0xD1u
#define KBC_A20_ON 0xDFu
#define FAST_A20 0x92u

/* Two addresses 1 MiB apart are the same memory exactly while the line is closed. */
static bool is_open(void)
{
    uint8_t saved = *low8(PROOF_LOW);
    *low8(PROOF_LOW) = 0x55;
    bool first = *low8(PROOF_HIGH) != 0x55;
    *low8(PROOF_LOW) = 0xAA;
    bool second = *low8(PROOF_HIGH) != 0xAA;
    *low8(PROOF_LOW) = saved;
    return first || second;
}

static void kbc_wait(void)
{
    for (unsigned spins = 0; spins < SPINS && (port_in(KBC_STATUS) & KBC_INPUT_FULL) != 0; spins++)
        ;
}

static void by_bios(void)
{
    /* INT 15h AX=2401h  Returns: CF. */
    struct bios_regs regs = regs_init(0x2401);
    bios_int(0x15, &regs, &regs);
}

static void by_keyboard_controller(void)
{
    kbc_wait();
    port_out(KBC_STATUS, KBC_WRITE_OUTPUT);
    kbc_wait();
    port_out(KBC_DATA, KBC_A20_ON);
    kbc_wait();
}

static void by_port_92(void)
{
    /* Bit 0 would reset the machine. */
    port_out(FAST_A20, (uint8_t)((port_in(FAST_A20) | 2) & ~1));
}

bool a20_open(void)
{
    static void (*const ways[])(void) = {by_bios, by_keyboard_controller, by_port_92};
    for (unsigned way = 0; way < 3; way++) {
        if (is_open())
            return true;
        ways[way]();
        for (unsigned spins = 0; spins < SPINS && !is_open(); spins++)
            ; /* keyboard controllers take their time */
    }
    return is_open();
}
