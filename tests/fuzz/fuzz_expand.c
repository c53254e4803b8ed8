/* SPDX-License-Identifier: MIT */
/* Fuzz target: a packed file is expanded, and what comes out (or the input itself) is judged as a file of NT. */
#include "expand.h"

#include <stdarg.h>

#include "fuzz.h"
#include "ntfile.h"

/* Of the tool, whose main is not linked: the message is made, and thrown away. */
enum exit_code complain(enum exit_code code, const char *format, ...)
{
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    int letters = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (letters <= 0 || (size_t)letters >= sizeof line)
        abort();
    return code;
}

static void judge(const uint8_t *bytes, size_t count)
{
    struct nt_version loader = ntldr_version(bytes, count);
    struct nt_version file = file_version(bytes, count);
    if (nt_version_compare(&loader, &file) != -nt_version_compare(&file, &loader))
        abort();
    (void)ntldr_doubt(bytes, count);
    (void)ntbootdd_doubt(bytes, count);
    (void)bootsect_doubt(bytes, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = size;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);
    enum exit_code code = expand_packed("fuzz", "NTLDR", &bytes, &count);
    if (code == EXIT_DONE ? count > EXPANDED_BYTES_MAX : count != size || memcmp(bytes, data, size) != 0)
        abort();
    judge(bytes, count);
    free(bytes);
    return 0;
}
