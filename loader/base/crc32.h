/* SPDX-License-Identifier: MIT */
/* The CRC-32 of IEEE 802.3 (the one of zlib and GPT). Proves that a record was really read and is whole. */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/** Continue a CRC over `bytes` more bytes; begin with 0. */
uint32_t crc32_add(uint32_t crc, const void *data, size_t bytes);

#endif
