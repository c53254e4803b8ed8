/* SPDX-License-Identifier: MIT */
/* Fuzz target: a PE file; all its imports are listed. */
#include "fuzz.h"
#include "nt/pe.h"

#define READS_MAX (2u + PE_IMPORTS_MAX * 2 * 97) /* sections and imports are bounded, and so is the cost */

struct fuzz_source {
    struct source source;
    const uint8_t *data;
    unsigned reads;
};

static enum status read_fuzz(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    struct fuzz_source *file = (struct fuzz_source *)source;
    if (offset > source->bytes || bytes > source->bytes - offset || ++file->reads > READS_MAX)
        abort();
    memcpy(buffer, file->data + offset, bytes);
    return ST_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_source file = {.source = {.read = read_fuzz, .bytes = (uint32_t)size}, .data = data};
    struct pe pe;
    char *name = malloc(PE_NAME_BYTES); /* exact, so that a byte too many is seen */
    enum status status = pe_open(&file.source, &pe);
    for (uint32_t i = 0; name != NULL && status == ST_OK; i++) {
        status = pe_import(&pe, i, name);
        if (status == ST_OK && (memchr(name, 0, PE_NAME_BYTES) == NULL || strpbrk(name, "\\/: ") != NULL))
            abort();
    }
    free(name);
    return 0;
}
