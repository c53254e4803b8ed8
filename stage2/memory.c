/* SPDX-License-Identifier: MIT */
/* The four memory routines the compiler may call, as string instructions: small, and fast enough. */
#include "base/bytes.h"

void *memcpy(void *to, const void *from, size_t bytes)
{
    void *start = to;
    size_t dwords = bytes / 4;
    __asm__ volatile("rep movsl\n\t"
                     "mov %4, %%ecx\n\t"
                     "and $3, %%ecx\n\t"
                     "rep movsb"
                     : "=&D"(to), "=&S"(from), "=&c"(dwords)
                     : "2"(dwords), "g"(bytes), "0"(to), "1"(from)
                     : "memory", "cc");
    return start;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to <= (uintptr_t)from)
        return memcpy(to, from, bytes);
    uint8_t *end = (uint8_t *)to + bytes - 1;
    const uint8_t *source = (const uint8_t *)from + bytes - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(end), "+S"(source), "+c"(bytes) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *start = to;
    size_t dwords = bytes / 4;
    uint32_t pattern = (uint8_t)value * 0x01010101u;
    __asm__ volatile("rep stosl\n\t"
                     "mov %3, %%ecx\n\t"
                     "and $3, %%ecx\n\t"
                     "rep stosb"
                     : "=&D"(to), "=&c"(dwords)
                     : "1"(dwords), "g"(bytes), "a"(pattern), "0"(to)
                     : "memory", "cc");
    return start;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const uint8_t *a = left;
    const uint8_t *b = right;
    if (bytes == 0)
        return 0;
    __asm__ volatile("repe cmpsb" : "+S"(a), "+D"(b), "+c"(bytes) : : "memory", "cc");
    return a[-1] - b[-1];
}
