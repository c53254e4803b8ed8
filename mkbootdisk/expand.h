/* SPDX-License-Identifier: MIT */
/* Packed files of the Windows NT media (NTLDR._, NTBOOTDD.SY_, cabinets): recognised by their first bytes and expanded
 * in memory. Owns nothing but the bytes it hands back; knows no meaning of theirs. */
#ifndef EXPAND_H
#define EXPAND_H

#include <stddef.h>
#include <stdint.h>

#include "command.h"

#define EXPANDED_BYTES_MAX (16u << 20)

/** "SZDD", "KWAJ" or "MSCF" (a cabinet) if the bytes begin like such a file, or null. */
const char *packed_format(const uint8_t *bytes, size_t count);

/** If `*bytes` (from malloc) are a packed file, put what it holds in their place; otherwise leave them as they are. Of
 * a cabinet with several files the one called `member` (such as "NTLDR") is taken: case and folders do not matter.
 * `name` is the file's, for messages. After an error, of which the user has been told, they are as they were. */
__attribute__((warn_unused_result)) enum exit_code expand_packed(const char *name, const char *member, uint8_t **bytes,
                                                                 size_t *count);

#endif
