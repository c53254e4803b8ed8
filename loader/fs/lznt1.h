/* SPDX-License-Identifier: MIT */
/* LZNT1, the compression of NTFS: chunks of 4096 bytes, each for itself ([MS-XCA] 2.5). Knows no file system. */
#ifndef FS_LZNT1_H
#define FS_LZNT1_H

#include <stdbool.h>

#include "base/bytes.h"

#define LZNT1_CHUNK_BYTES 4096u

/** Decompress the chunk number `index` of `in` into `out`, LZNT1_CHUNK_BYTES long. What the data end before is zeros.
 * False: the data contradict the format. */
bool lznt1_chunk(const uint8_t *in, uint32_t in_bytes, unsigned index, uint8_t *out);

#endif
