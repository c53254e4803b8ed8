/* SPDX-License-Identifier: MIT */
/* What a program file of NT says about itself: its CPU, what it runs on, and which other files it cannot be loaded
 * without. NTLDR loads all of them before the kernel runs. Owns the format's headers and its table of imports; loads,
 * relocates and checks no code. Source: the public PE/COFF specification. */
#ifndef NT_PE_H
#define NT_PE_H

#include "base/source.h"

#define PE_NAME_BYTES 64u /* of a file that is imported, with its NUL */
#define PE_IMPORTS_MAX 64u

#define PE_MACHINE_I386 0x14Cu
#define PE_SUBSYSTEM_NATIVE 1u /* drivers, HAL and kernel */

struct pe {
    struct source *source;
    uint32_t section_offset; /* of the table of sections, in the file */
    uint32_t import_rva;     /* 0: it imports nothing */
    uint16_t section_count;
    uint16_t machine;
    uint16_t subsystem;
    uint16_t os_major; /* what the linker was told; what NT calls its version is in the resources */
    uint16_t os_minor;
    uint16_t image_major;
    uint16_t image_minor;
};

/** Read the headers. Errors: ST_CORRUPT (no PE file, or cut off), ST_UNSUPPORTED (a good one, but not for i386;
 * `out->machine` is valid), and those of the source. */
MUST_CHECK enum status pe_open(struct source *source, struct pe *out);

/** The name of imported file number `index` (from 0, in order) in `name` of PE_NAME_BYTES, such as "SCSIPORT.SYS": it
 * is printable and has no folder. Errors: ST_NOT_FOUND (there are no more), ST_CORRUPT, and those of the source. */
MUST_CHECK enum status pe_import(const struct pe *pe, uint32_t index, char *name);

#endif
