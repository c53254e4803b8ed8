/* SPDX-License-Identifier: MIT */
/* What a file of Windows NT is, told from its bytes: its version, and whether it can be what it is given as. Bytes in,
 * facts out; opens no file and forbids nothing. */
#ifndef NTFILE_H
#define NTFILE_H

#include <stddef.h>
#include <stdint.h>

/* 3.10, 3.50, 3.51, 4.0, 5.0 ...; all zero is unknown, and older than every known one. */
struct nt_version {
    uint16_t major;
    uint16_t minor;
    uint16_t build; /* 1381 of 4.0, 2195 of 5.0 */
    uint16_t revision;
};

/** Of a PE file, such as NTOSKRNL.EXE, from its version resource. */
struct nt_version file_version(const uint8_t *bytes, size_t count);

/** Of an NTLDR: its banner says which release it belongs to, and a version resource, where there is one, which build. A
 * newer NTLDR starts an older NT, but not the reverse (B07). */
struct nt_version ntldr_version(const uint8_t *bytes, size_t count);

/** Of a text that begins with a version, such as "3.51" or a banner's "4.00"; all zero if it does not. */
struct nt_version nt_version_of_text(const char *text, size_t letters);

/** Below 0, 0 or above 0: `left` is older, the same, newer. */
int nt_version_compare(const struct nt_version *left, const struct nt_version *right);

/* Null if nothing speaks against it; otherwise a sentence's end for "warning: FILE: ...", with what to do. */
const char *ntldr_doubt(const uint8_t *bytes, size_t count);
const char *ntbootdd_doubt(const uint8_t *bytes, size_t count);
const char *bootsect_doubt(const uint8_t *bytes, size_t count);

#endif
