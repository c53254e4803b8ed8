/* SPDX-License-Identifier: MIT */
/* CRC-32 a bit at a time: a table would cost a kilobyte of floppy for the few sectors that are ever summed. */
#include "base/crc32.h"

#define POLYNOMIAL 0xEDB88320u

uint32_t crc32_add(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    crc = ~crc;
    while (bytes-- > 0) {
        crc ^= *at++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    }
    return ~crc;
}
