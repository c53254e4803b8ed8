/* SPDX-License-Identifier: MIT */
/* Running other people's programs, in surroundings that a user's settings and the clock do not change. Knows nothing of
 * what they do. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "command.h"

struct program {
    const char *const *arguments; /* the name first, a null pointer last */
    const char *package;          /* what to install when it is not there */
    const char *input;            /* a file for its standard input; null: it gets ours */
    bool quiet;                   /* what it says is shown only when it fails */
};

/** Run it to its end. Complains when it is not there or fails. */
enum exit_code program_run(const struct program *program);

/** The time that programs are told, in seconds since 1970: the same in every run. */
const char *program_time(void);

#endif
