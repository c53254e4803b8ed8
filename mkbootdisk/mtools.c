/* SPDX-License-Identifier: MIT */
/* mtools. The user's own mtools settings are kept out, so that a boot disk is the same wherever it is built. */
#include "mtools.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32
#define VOLUME_SERIAL "4d4b4244" /* fixed, so that the same disks give the same floppy, bit for bit */
#define FIXED_TIME "820454400"   /* 1996-01-01, unless SOURCE_DATE_EPOCH says otherwise */

extern char **environ;

static enum exit_code run(const char *const *arguments)
{
    pid_t child;
    int status;
    setenv("MTOOLSRC", "/dev/null", 1);
    setenv("MTOOLS_SKIP_CHECK", "0", 1);
    setenv("TZ", "UTC", 1);
    setenv("SOURCE_DATE_EPOCH", FIXED_TIME, 0);
    int error = posix_spawnp(&child, arguments[0], NULL, NULL, (char *const *)arguments, environ);
    if (error != 0)
        return complain(EXIT_IO, "%s: %s. Install mtools", arguments[0], strerror(error));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return complain(EXIT_IO, "%s: %s", arguments[0], strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
        return complain(EXIT_IO, "%s could not be run. Install mtools", arguments[0]);
    if (WEXITSTATUS(status) != 0)
        return complain(
            EXIT_IO,
            "%s failed with exit code %d; its message stands above. If its folder is full, set TMPDIR to another",
            arguments[0], WEXITSTATUS(status));
    return EXIT_DONE;
}

enum exit_code mtools_format(const char *image, unsigned kilobytes, const char *boot_sector)
{
    char size[16];
    const char *const arguments[] = {"mformat", "-C",          "-i", image,       "-f", size,
                                     "-N",      VOLUME_SERIAL, "-B", boot_sector, "::", NULL};
    snprintf(size, sizeof size, "%u", kilobytes);
    return run(arguments);
}

enum exit_code mtools_copy(const char *image, const char *const *files)
{
    const char *arguments[ARGUMENTS_MAX] = {"mcopy", "-Q", "-i", image};
    size_t count = 4;
    while (*files != NULL && count + 2 < ARGUMENTS_MAX)
        arguments[count++] = *files++;
    arguments[count] = "::";
    return run(arguments);
}
