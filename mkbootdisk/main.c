/* SPDX-License-Identifier: MIT */
/* The host tool's entry: finds the command and runs it. The only place that knows all of them. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "loader.h"

static const struct command *const commands[] = {&build_command,   &write_command,  &survey_command,  &check_command,
                                                 &break_command,   &retire_command, &promote_command, &undo_command,
                                                 &journal_command, &log_command,    &lab_command,     &explain_command};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

enum exit_code complain(enum exit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("mkbootdisk: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return code;
}

enum exit_code show_usage(const struct command *command)
{
    fputs(command->usage, stdout);
    return EXIT_DONE;
}

enum exit_code bad_usage(const struct command *command)
{
    return complain(EXIT_USAGE, "see 'mkbootdisk %s --help'", command->name);
}

bool parse_number(const char *option, const char *text, long low, long high, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *out >= low && *out <= high)
        return true;
    complain(EXIT_USAGE, "%s takes a number from %ld to %ld, not '%s'", option, low, high, text);
    return false;
}

static void show_help(FILE *to)
{
    fputs("mkbootdisk: a machine with mirrored disks starts again on the day its first disk dies\n\n"
          "usage: mkbootdisk COMMAND [OPTIONS] ...\n\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n'mkbootdisk COMMAND --help' tells more. DISK is an image file or a block device; give the disks in the\n"
          "order of the BIOS, the primary first. Nothing writes to a DISK without --write or a yes at a terminal.\n"
          "Exit codes: 0 done, 1 found something wrong, 2 usage, 3 I/O, 4 refused.\n",
          to);
}

static enum exit_code dispatch(int argc, char **argv)
{
    static char name[] = "mkbootdisk";
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        show_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("mkbootdisk " LOADER_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i]->name) == 0) {
            argv[1] = name; /* getopt_long begins its own messages with it */
            return commands[i]->run(argc - 1, argv + 1);
        }
    return complain(EXIT_USAGE, "there is no command '%s'; see 'mkbootdisk --help'", argv[1]);
}

int main(int argc, char **argv)
{
    enum exit_code code = dispatch(argc, argv);
    /* Output that did not reach its file (disk full, closed pipe) is not a success. */
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        return complain(EXIT_IO, "standard output: %s", strerror(errno));
    return code;
}
