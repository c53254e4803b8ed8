/* SPDX-License-Identifier: MIT */
/* A main for the fuzz targets that needs no fuzzer: the files given, and repeatable mutations of each. */
#include <stdio.h>

#include "fixture.h"
#include "fuzz.h"

#define INPUT_MAX (2048u * 512u)
#define MUTATIONS 60u

static uint8_t input[INPUT_MAX];
static uint32_t random_state = 0x4D4B4244;

static uint32_t random_number(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static size_t load(const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *slash = strrchr(path, '/');
    if (dot != NULL && strcmp(dot, ".hex") == 0)
        return fx_vector(slash != NULL ? slash + 1 : path, input, sizeof input);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        abort();
    size_t size = fread(input, 1, sizeof input, file);
    (void)fclose(file);
    return size;
}

/* The target sees an exact copy, so that the sanitizer notices a byte too many. */
static void feed(size_t size)
{
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, input, size);
    uint8_t *exact = realloc(copy, size > 0 ? size : 1);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* Change a byte that is not zero, or one next to it: most of a disk is zeros that nobody reads. */
static void mutate(size_t size)
{
    static const uint8_t values[] = {0, 1, 2, 5, 0x0F, 0x7F, 0x80, 0xFF, 0x42, 0x86, ')', '\\', '\n', '='};
    size_t at = random_number() % size;
    for (size_t steps = 0; input[at] == 0 && steps < size; steps++)
        at = (at + 1) % size;
    if (random_number() % 2 != 0)
        input[at] = values[random_number() % sizeof values];
    else
        input[at] = (uint8_t)(input[at] ^ 1u << random_number() % 8);
}

int main(int argc, char **argv)
{
    unsigned runs = 0;
    for (int i = 1; i < argc; i++) {
        size_t size = load(argv[i]);
        feed(size);
        for (unsigned round = 0; size > 0 && round < MUTATIONS; round++, runs++) {
            if (round % 8 == 0)
                size = load(argv[i]);
            mutate(size);
            feed(round % 5 == 4 ? random_number() % size : size);
        }
    }
    const char *name = strrchr(argv[0], '_');
    (void)printf("fuzz smoke %s: %d files, %u mutations\n", name != NULL ? name + 1 : argv[0], argc - 1, runs);
    return 0;
}
