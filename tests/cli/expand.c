/* SPDX-License-Identifier: MIT */
/* The tool's own view of one file, for a test to compare. It is linked with mkbootdisk's objects of the same names.
 *   expand FILE MEMBER OUT   expand_packed(), and what came out
 *   facts FILE               versions, doubts, PE headers and imports, one "name value" in a line */
#include "expand.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "nt/pe.h"
#include "ntfile.h"

struct file_source {
    struct source source;
    const uint8_t *bytes;
};

enum exit_code complain(enum exit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("mkbootdisk: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return code;
}

static uint8_t *load(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        abort();
    *count = (size_t)ftell(file);
    uint8_t *bytes = malloc(*count > 0 ? *count : 1);
    rewind(file);
    if (bytes == NULL || fread(bytes, 1, *count, file) != *count)
        abort();
    (void)fclose(file);
    return bytes;
}

static enum exit_code expand(const char *path, const char *member, const char *out)
{
    size_t count;
    uint8_t *bytes = load(path, &count);
    enum exit_code code = expand_packed(path, member, &bytes, &count);
    FILE *file = code == EXIT_DONE ? fopen(out, "wb") : NULL;
    if (file != NULL && (fwrite(bytes, 1, count, file) != count || fclose(file) != 0))
        abort();
    free(bytes);
    return code;
}

/* A byte past the end is a bug of the reader. */
static enum status read_file(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    const struct file_source *file = (const struct file_source *)source;
    if (offset > source->bytes || bytes > source->bytes - offset)
        abort();
    memcpy(buffer, file->bytes + offset, bytes);
    return ST_OK;
}

static void show_version(const char *name, struct nt_version version)
{
    printf("%s %u.%u.%u.%u\n", name, version.major, version.minor, version.build, version.revision);
}

static void show_doubt(const char *name, const char *doubt)
{
    printf("%s %s\n", name, doubt != NULL ? doubt : "none");
}

static void show_pe(const uint8_t *bytes, size_t count)
{
    struct file_source file = {.source = {.read = read_file, .bytes = (uint32_t)count}, .bytes = bytes};
    struct pe pe;
    char name[PE_NAME_BYTES];
    enum status status = pe_open(&file.source, &pe);
    printf("pe %d\nmachine %x\nsubsystem %u\nos %u.%u\nimage %u.%u\n", status, pe.machine, pe.subsystem, pe.os_major,
           pe.os_minor, pe.image_major, pe.image_minor);
    for (uint32_t i = 0; status == ST_OK && (status = pe_import(&pe, i, name)) == ST_OK; i++)
        printf("import %s\n", name);
    printf("end %d\n", status);
}

static enum exit_code facts(const char *path)
{
    size_t count;
    uint8_t *bytes = load(path, &count);
    const char *format = packed_format(bytes, count);
    printf("packed %s\n", format != NULL ? format : "no");
    show_version("file", file_version(bytes, count));
    show_version("ntldr", ntldr_version(bytes, count));
    show_doubt("ntldr-doubt", ntldr_doubt(bytes, count));
    show_doubt("ntbootdd-doubt", ntbootdd_doubt(bytes, count));
    show_doubt("bootsect-doubt", bootsect_doubt(bytes, count));
    show_pe(bytes, count);
    free(bytes);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "expand") == 0)
        return (int)expand(argv[2], argv[3], argv[4]);
    if (argc == 3 && strcmp(argv[1], "facts") == 0)
        return (int)facts(argv[2]);
    return EXIT_USAGE;
}
