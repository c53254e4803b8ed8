/* SPDX-License-Identifier: MIT */
/* Putting a floppy together: which files, in which order, padded so that the loader needs few read commands. Knows
 * tracks and clusters; knows nothing of mirrors. */
#ifndef FLOPPY_H
#define FLOPPY_H

#include <stddef.h>
#include <stdint.h>

#include "command.h"

#define FLOPPY_FILES_MAX 12

struct floppy_file {
    const char *name; /* in the root directory, such as "STAGE2.BIN" */
    const uint8_t *bytes;
    const char *source; /* where they came from, for messages; null for files of our own */
    size_t count;
    bool track_begin; /* must begin at the start of a track: the file before it is padded */
};

struct floppy {
    unsigned kilobytes;
    const uint8_t *boot_sector; /* 512 bytes; its BPB is replaced */
    unsigned files;
    struct floppy_file file[FLOPPY_FILES_MAX];
};

/** Build it in the work folder as `image` (a name for work_path). Complains when the files do not fit. */
enum exit_code floppy_make(const struct floppy *floppy, const char *image);

#endif
