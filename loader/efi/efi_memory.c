/* SPDX-License-Identifier: MIT */
/* The four memory routines the compiler may call. Built without builtins, or it would turn them into calls to
 * themselves. */
#include "base/bytes.h"

void *memcpy(void *to, const void *from, size_t bytes)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *end = (uint8_t *)to + bytes;
    const uint8_t *source = (const uint8_t *)from + bytes;
    if ((uintptr_t)to <= (uintptr_t)from)
        return memcpy(to, from, bytes);
    while (end > (uint8_t *)to)
        *--end = *--source;
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(value) : "memory");
    return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; bytes > 0; a++, b++, bytes--)
        if (*a != *b)
            return *a - *b;
    return 0;
}
