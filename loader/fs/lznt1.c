/* SPDX-License-Identifier: MIT */
/* LZNT1. */
#include "fs/lznt1.h"

#define HEADER_COMPRESSED 0x8000u
#define HEADER_MARK_MASK 0x7000u
#define HEADER_MARK 0x3000u
#define HEADER_SIZE_MASK 0x0FFFu

/* A flag byte, then for each of its bits, from the lowest: 0 is a byte as it is, 1 a word that says how far back to
 * copy from (its upper bits, as many as the place so far needs, at least 4) and how much. */
static bool unpack(const uint8_t *in, const uint8_t *end, uint8_t *out)
{
    uint32_t at = 0;
    uint32_t flags = 1;
    while (in < end) {
        if (flags == 1) {
            flags = *in++ | 0x100u;
            continue;
        }
        bool is_copy = (flags & 1) != 0;
        flags >>= 1;
        uint32_t back = 0;
        uint32_t bytes = 1;
        if (is_copy) {
            if (end - in < 2 || at == 0)
                return false;
            uint32_t word = get_le16(in);
            unsigned length_bits = 12;
            for (uint32_t place = at - 1; place >= 16; place >>= 1)
                length_bits--;
            in += 2;
            back = (word >> length_bits) + 1;
            bytes = (word & ((1u << length_bits) - 1)) + 3;
        }
        if (back > at || bytes > LZNT1_CHUNK_BYTES - at)
            return false;
        if (!is_copy)
            out[at++] = *in++;
        else /* may read what it has just written */
            for (; bytes > 0; bytes--, at++)
                out[at] = out[at - back];
    }
    return true;
}

bool lznt1_chunk(const uint8_t *in, uint32_t in_bytes, unsigned index, uint8_t *out)
{
    memset(out, 0, LZNT1_CHUNK_BYTES);
    for (;; index--) {
        uint32_t header = in_bytes < 2 ? 0 : get_le16(in);
        uint32_t chunk_bytes = (header & HEADER_SIZE_MASK) + 3;
        if (header == 0)
            return true;
        if ((header & HEADER_MARK_MASK) != HEADER_MARK || chunk_bytes > in_bytes)
            return false;
        if (index == 0 && (header & HEADER_COMPRESSED) != 0)
            return unpack(in + 2, in + chunk_bytes, out);
        if (index == 0) {
            memcpy(out, in + 2, chunk_bytes - 2);
            return true;
        }
        in += chunk_bytes;
        in_bytes -= chunk_bytes;
    }
}
