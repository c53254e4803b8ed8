/* SPDX-License-Identifier: MIT */
/* unpack_host PACKED OUT: runs stage2/unpack.asm on a file. Owns the memory around it, and sees that it stays inside:
 * output bytes before and after the image must not change. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { IMAGE_MAX = 0x18000, PACKED_MAX = 2 * IMAGE_MAX, GUARD = 64, GUARD_BYTE = 0xE8 };

uint8_t *unpack_host(const uint8_t *packed, uint8_t *destination, uint32_t registers[2]);

static int guarded(const uint8_t *p)
{
    for (int i = 0; i < GUARD; i++)
        if (p[i] != GUARD_BYTE)
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    static uint8_t packed[PACKED_MAX], room[GUARD + IMAGE_MAX + GUARD];
    uint32_t stack[2];
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;

    if (!file || fread(packed, 1, sizeof packed, file) == 0 || fclose(file)) {
        fputs("unpack_host: cannot read the packed file\n", stderr);
        return 1;
    }
    memset(room, GUARD_BYTE, sizeof room);
    uint8_t *image = room + GUARD;
    uint8_t *end = unpack_host(packed, image, stack);
    if (stack[0] != stack[1] || end < image || end > image + IMAGE_MAX || !guarded(room) || !guarded(end)) {
        fputs("unpack_host: stack or memory outside the image changed\n", stderr);
        return 2;
    }
    size_t size = (size_t)(end - image);
    file = fopen(argv[2], "wb");
    if (!file || fwrite(image, 1, size, file) != size || fclose(file)) {
        fputs("unpack_host: cannot write\n", stderr);
        return 1;
    }
    return 0;
}
