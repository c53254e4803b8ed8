/* SPDX-License-Identifier: MIT */
/* What all commands share: the exit codes, how errors are told, and the commands themselves. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdio.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FOUND = 1,   /* it worked, and found something wrong */
    EXIT_USAGE = 2,   /* the call itself */
    EXIT_IO = 3,      /* a file, a disk or another program failed */
    EXIT_REFUSED = 4, /* a rule forbids it; nothing was changed */
};

struct command {
    const char *name;
    const char *summary;                          /* one line for the list of commands */
    const char *usage;                            /* all of `mkbootdisk NAME --help` */
    enum exit_code (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct command build_command, write_command, survey_command, check_command, break_command, retire_command,
    promote_command, undo_command, journal_command, log_command, lab_command, explain_command;

/** Print "mkbootdisk: ..." to standard error and return `code`. The message names the file, the offset where there is
 * one, and what to do next. */
__attribute__((format(printf, 2, 3))) enum exit_code complain(enum exit_code code, const char *format, ...);

/** Print the usage of a command to standard output (--help) and return EXIT_DONE. */
enum exit_code show_usage(const struct command *command);

/** For an option getopt_long did not accept (it has printed its own message): point to --help, return EXIT_USAGE. */
enum exit_code bad_usage(const struct command *command);

/** Parse a decimal number into [low, high]; complains and returns false otherwise. `option` is for the message. */
bool parse_number(const char *option, const char *text, long low, long high, long *out);

#endif
