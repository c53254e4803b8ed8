/* SPDX-License-Identifier: MIT */
/* pack IN OUT: packs a flat 32-bit image for unpack.asm. Runs on the build host only. Owns the packed format's writing
 * side (unpack.asm describes it) and knows nothing of what is in the image. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucl/ucl.h>

enum {
    IMAGE_MAX = 0x18000,                          /* what layout.h has room for */
    PACKED_MAX = IMAGE_MAX + IMAGE_MAX / 8 + 256, /* UCL's worst case */
    CALL = 0xE8,                                  /* E9h is JMP */
    OPERAND = 4,
    MARKERS = 256
};

struct image {
    uint8_t bytes[IMAGE_MAX];
    size_t size;
};

struct packed {
    uint8_t bytes[1 + PACKED_MAX]; /* the marker comes first */
    size_t size;
};

static _Noreturn void die(const char *what, const char *name)
{
    fprintf(stderr, "pack: %s: %s\n", name, what);
    exit(1);
}

static int is_call(uint8_t byte)
{
    return (byte & 0xFE) == CALL;
}

/* Little-endian, whatever the host is. */
static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* Makes the targets of CALL and JMP absolute. A target outside 16 bits is none of this image, or one of its last third:
 * it stays as it is, and what follows its opcode can't be the marker; used[] collects those bytes. */
static void make_absolute(struct image *image, uint8_t marker, uint8_t used[MARKERS])
{
    for (size_t at = 1; at + OPERAND <= image->size; at++) {
        uint8_t *operand = image->bytes + at;

        if (!is_call(operand[-1]))
            continue;
        uint32_t target = get32(operand) + (uint32_t)at;
        if (target > UINT16_MAX) {
            used[operand[0]] = 1;
            continue;
        }
        operand[0] = marker;
        operand[1] = 0;
        operand[2] = (uint8_t)(target >> 8);
        operand[3] = (uint8_t)target;
        at += OPERAND;
    }
}

/* The same loop as in unpack.asm, to verify with. */
static void make_relative(struct image *image, uint8_t marker)
{
    for (size_t at = 1; at + OPERAND <= image->size; at++) {
        uint8_t *operand = image->bytes + at;

        if (!is_call(operand[-1]) || operand[0] != marker)
            continue;
        put32(operand, ((uint32_t)operand[2] << 8 | operand[3]) - (uint32_t)at);
        at += OPERAND;
    }
}

/* Leaves in *best the smaller of *best and this image packed with this marker. */
static void try_marker(const struct image *image, uint8_t marker, struct packed *best)
{
    static struct image absolute;
    static struct packed packed;
    uint8_t used[MARKERS] = {0};
    struct ucl_compress_config_t config;
    ucl_uint size = PACKED_MAX;

    absolute = *image;
    make_absolute(&absolute, marker, used);
    if (used[marker])
        return;
    memset(&config, 0xFF, sizeof config); /* everything at its default ... */
    config.bb_endian = 0;
    config.bb_size = 8; /* ... but a bit buffer of bytes: the shortest code to read it */
    if (ucl_nrv2b_99_compress(absolute.bytes, (ucl_uint)absolute.size, packed.bytes + 1, &size, NULL, 10, &config,
                              NULL) != UCL_E_OK)
        return;
    packed.bytes[0] = marker;
    packed.size = 1 + (size_t)size;
    if (best->size == 0 || packed.size < best->size)
        *best = packed;
}

static int unpacks_to(const struct packed *packed, const struct image *image)
{
    static struct image result;
    ucl_uint size = IMAGE_MAX;
    ucl_uint stream_size = (ucl_uint)(packed->size - 1);

    if (ucl_nrv2b_decompress_safe_8(packed->bytes + 1, stream_size, result.bytes, &size, NULL) != UCL_E_OK)
        return 0;
    result.size = size;
    make_relative(&result, packed->bytes[0]);
    return result.size == image->size && memcmp(result.bytes, image->bytes, image->size) == 0;
}

int main(int argc, char **argv)
{
    static struct image image;
    static struct packed best;

    if (argc != 3) {
        fputs("usage: pack IN OUT\n", stderr);
        return 1;
    }
    FILE *in = fopen(argv[1], "rb");
    if (!in)
        die("cannot open", argv[1]);
    image.size = fread(image.bytes, 1, IMAGE_MAX, in);
    if (ferror(in) || fgetc(in) != EOF || fclose(in))
        die("cannot read, or larger than 96 KiB", argv[1]);
    if (image.size == 0)
        die("empty", argv[1]);
    if (ucl_init() != UCL_E_OK)
        die("does not fit the library it was built with", "libucl");
    for (int marker = 0; marker < MARKERS; marker++)
        try_marker(&image, (uint8_t)marker, &best);
    if (best.size == 0)
        die("every byte follows some E8h or E9h, there is no marker left", argv[1]);
    if (!unpacks_to(&best, &image))
        die("does not unpack to the same bytes", argv[1]);
    FILE *out = fopen(argv[2], "wb");
    if (!out || fwrite(best.bytes, 1, best.size, out) != best.size || fclose(out))
        die("cannot write", argv[2]);
    return 0;
}
