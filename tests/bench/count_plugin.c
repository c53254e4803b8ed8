/* SPDX-License-Identifier: MIT */
/* QEMU TCG plugin: guest instructions from the boot sector's first one to the started system's first one. Owns the
 * count and nothing else. Argument out=FILE. Counting begins when 7C00h is executed for the first time; whenever it is
 * executed again FILE is rewritten, so in the end it tells what happened before the last boot sector:
 *
 *   load N bios N       outside and inside the BIOS (C0000h-FFFFFh and the top of the address space)
 *   ADDRESS N           per linear address outside the BIOS, below 110000h; hexadecimal, decimal */
#include "plugin.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BOOT_SECTOR 0x7C00
#define BIOS_BEGIN 0xC0000
#define BIOS_END 0x100000
#define COUNTED_END 0x110000
#define ROM_COPY 0xF0000000u /* the BIOS once more, where the CPU starts */

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t count[COUNTED_END], beyond, rom;
static bool begun;
static char path[4096];

static bool is_bios(size_t address)
{
    return address >= BIOS_BEGIN && address < BIOS_END;
}

static void report(void)
{
    uint64_t load = beyond, bios = rom;
    for (size_t i = 0; i < COUNTED_END; i++)
        *(is_bios(i) ? &bios : &load) += count[i];
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return;
    fprintf(out, "load %" PRIu64 " bios %" PRIu64 "\n", load, bios);
    for (size_t i = 0; i < COUNTED_END; i++)
        if (count[i] != 0 && !is_bios(i))
            fprintf(out, "%zx %" PRIu64 "\n", i, count[i]);
    fclose(out);
}

static void at_boot_sector(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    if (begun) {
        report();
        return;
    }
    begun = true;
    memset(count, 0, sizeof count);
    beyond = rom = 0;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(block); i < n; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        uint64_t address = qemu_plugin_insn_vaddr(instruction);
        uint64_t *counter = address < COUNTED_END ? &count[address] : address >= ROM_COPY ? &rom : &beyond;
        if (address == BOOT_SECTOR)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_boot_sector, 0, NULL);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD, counter, 1);
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "out=", 4) == 0)
            snprintf(path, sizeof path, "%s", argv[i] + 4);
    if (path[0] == '\0')
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
