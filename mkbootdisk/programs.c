/* SPDX-License-Identifier: MIT */
/* Programs. */
#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target.h"

#define FIXED_TIME "820454400" /* 1996-01-01, unless SOURCE_DATE_EPOCH says otherwise */
#define SAID "said.txt"

extern char **environ;

const char *program_time(void)
{
    const char *given = getenv("SOURCE_DATE_EPOCH");
    return given != NULL ? given : FIXED_TIME;
}

/* The same result wherever and whenever it runs. Partitioning programs are not in every user's PATH. */
static void prepare_environment(void)
{
    static const char system_folders[] = ":/usr/sbin:/sbin";
    const char *path = getenv("PATH");
    char *longer;
    setenv("MTOOLSRC", "/dev/null", 1);
    setenv("MTOOLS_SKIP_CHECK", "0", 1);
    setenv("TZ", "UTC", 1);
    setenv("SOURCE_DATE_EPOCH", program_time(), 1);
    if (path == NULL || strstr(path, system_folders) != NULL || asprintf(&longer, "%s%s", path, system_folders) < 0)
        return;
    setenv("PATH", longer, 1);
    free(longer);
}

static int start(const struct program *program, pid_t *child)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    if (program->input != NULL)
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, program->input, O_RDONLY, 0);
    if (program->quiet) {
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, work_path(SAID), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    }
    int error = posix_spawnp(child, program->arguments[0], &files, NULL, (char *const *)program->arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

static void show_what_it_said(void)
{
    char text[4096];
    FILE *file = fopen(work_path(SAID), "r");
    size_t count = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    fwrite(text, 1, count, stderr);
    if (file != NULL)
        fclose(file);
}

enum exit_code program_run(const struct program *program)
{
    const char *name = program->arguments[0];
    pid_t child;
    int status;
    prepare_environment();
    int error = start(program, &child);
    if (error != 0)
        return complain(EXIT_IO, "%s: %s. Install %s", name, strerror(error), program->package);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return complain(EXIT_IO, "%s: %s", name, strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
        return complain(EXIT_IO, "%s could not be run. Install %s", name, program->package);
    if (WEXITSTATUS(status) == 0)
        return EXIT_DONE;
    if (program->quiet)
        show_what_it_said();
    return complain(
        EXIT_IO, "%s failed with exit code %d; its message stands above. If its folder is full, set TMPDIR to another",
        name, WEXITSTATUS(status));
}
