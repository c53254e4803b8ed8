/* SPDX-License-Identifier: MIT */
/* QEMU TCG plugin: guest instructions between the first of one program and the first of another, wherever a firmware
 * may have put them. Owns the count and nothing else. Arguments: begin=HEX and end=HEX, the bytes at the two programs'
 * entry points; entry=N and size=N, where in the first one's image its entry point is, and how large that is; out=FILE,
 * which then holds
 *
 *   instructions N own N seconds S    all; those in the first program's image; the host's clock */
#include "plugin.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTRY_BYTES 64
#define ENTRY_BYTES_MIN 16 /* fewer in a block are too few to know a program by */

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint8_t begin[ENTRY_BYTES], end[ENTRY_BYTES];
static uint64_t count, own;
static uint64_t entry_offset, image_size, image_begin;
static bool is_begun;
static double begun_s;
static char path[4096];

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void at_begin(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    if (is_begun)
        return;
    is_begun = true;
    count = own = 0;
    begun_s = now_s();
}

static void at_end(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    FILE *out = is_begun ? fopen(path, "w") : NULL;
    if (out == NULL)
        return;
    fprintf(out, "instructions %" PRIu64 " own %" PRIu64 " seconds %.6f\n", count, own, now_s() - begun_s);
    fclose(out);
}

/* The first bytes of a block, which ends at a branch or a page. */
static size_t block_bytes(struct qemu_plugin_tb *block, uint8_t *bytes)
{
    size_t used = 0;
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(block); i < n; i++) {
        const struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        size_t size = qemu_plugin_insn_size(instruction);
        if (size > ENTRY_BYTES - used)
            break;
        memcpy(bytes + used, qemu_plugin_insn_data(instruction), size);
        used += size;
    }
    return used;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    uint8_t bytes[ENTRY_BYTES];
    size_t used = block_bytes(block, bytes), instructions = qemu_plugin_tb_n_insns(block);
    uint64_t address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(block, 0));
    (void)id;
    if (used >= ENTRY_BYTES_MIN && memcmp(bytes, begin, used) == 0) {
        image_begin = address - entry_offset;
        qemu_plugin_register_vcpu_tb_exec_cb(block, at_begin, 0, NULL);
    }
    if (used >= ENTRY_BYTES_MIN && memcmp(bytes, end, used) == 0)
        qemu_plugin_register_vcpu_tb_exec_cb(block, at_end, 0, NULL);
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &count, instructions);
    if (image_begin != 0 && address >= image_begin && address - image_begin < image_size)
        qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &own, instructions);
}

static bool read_entry(const char *hex, uint8_t *bytes)
{
    for (size_t i = 0; i < ENTRY_BYTES; i++)
        if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
            return false;
    return true;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    bool has_begin = false, has_end = false;
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "begin=", 6) == 0)
            has_begin = read_entry(argv[i] + 6, begin);
        else if (strncmp(argv[i], "end=", 4) == 0)
            has_end = read_entry(argv[i] + 4, end);
        else if (strncmp(argv[i], "entry=", 6) == 0)
            entry_offset = strtoul(argv[i] + 6, NULL, 10);
        else if (strncmp(argv[i], "size=", 5) == 0)
            image_size = strtoul(argv[i] + 5, NULL, 10);
        else if (strncmp(argv[i], "out=", 4) == 0)
            snprintf(path, sizeof path, "%s", argv[i] + 4);
    }
    if (!has_begin || !has_end || path[0] == '\0')
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
