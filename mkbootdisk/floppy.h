/* SPDX-License-Identifier: MIT */
/* Putting a boot disk's file system together: which files, in which order, padded so that the loader needs few read
 * commands. Knows tracks and clusters; knows nothing of mirrors. */
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
    bool efi;         /* in \EFI\BOOT: behind all files of the root directory, and only if there is room */
    bool left_out;    /* there was none; set by floppy_make and floppy_fill */
};

struct floppy {
    unsigned kilobytes;         /* of a floppy */
    const uint8_t *boot_sector; /* 512 bytes; its BPB is replaced */
    unsigned files;
    struct floppy_file file[FLOPPY_FILES_MAX];
};

/** A number that differs when a file differs: with it the same disks give the same boot disk, bit for bit. */
uint32_t floppy_identity(const struct floppy *floppy);

/** Build it in the work folder as `image` (a name for work_path). Complains when the files do not fit. */
enum exit_code floppy_make(struct floppy *floppy, const char *image);

/** Put the files into the partition at `start_lba` of `image`, which was formatted. */
enum exit_code floppy_fill(struct floppy *floppy, const char *image, uint32_t start_lba);

#endif
