/* SPDX-License-Identifier: MIT */
/* Files that either appear complete or not at all: a private work folder, and a target that is replaced in one step.
 * Both vanish when the program ends early, by a signal too. Knows nothing of what is written. */
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>

#include "command.h"

#define PATH_BYTES 4096

/** Make the one work folder of this run (in $TMPDIR or /tmp); removed at exit with the files named by work_path. */
enum exit_code work_begin(void);

/** The path of a file in the work folder; `name` must be short and is remembered for removal. */
const char *work_path(const char *name);

/** Write a file into the work folder. */
enum exit_code work_write(const char *name, const void *bytes, size_t count);

/** Refuse a target that cannot be or must not be written: a folder, a mounted device, one that is among `inputs`.
 * `bytes` is what shall be written: a device must be at least that large. */
enum exit_code target_check(const char *path, char *const *inputs, int input_count, size_t bytes);

/** Make a folder, unless it is there. */
enum exit_code target_make_folder(const char *path);

/** Write the target: a file is written beside it and renamed over it, a device is written and read back. */
enum exit_code target_write(const char *path, const void *bytes, size_t count);

#endif
