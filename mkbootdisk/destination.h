/* SPDX-License-Identifier: MIT */
/* The medium that a boot disk shall be written to: what it is, and every reason not to overwrite it. Opens it; writes
 * nothing but a new file's length. */
#ifndef DESTINATION_H
#define DESTINATION_H

#include <sys/stat.h>

#include "blockuse.h"
#include "hostdisk.h"

#define DESTINATION_TEXT_BYTES 256

struct destination {
    const char *path;
    bool is_new; /* a file that does not exist yet */
    bool sure;   /* --yes-really: its size does not matter */
    struct stat info;
    struct block_facts facts;
    struct host_disk disk;                 /* open, but if it is new */
    char contents[DESTINATION_TEXT_BYTES]; /* what is on it, for a person */
};

/* What shall be written to it. */
struct boot_image {
    const char *path;
    uint64_t bytes;
};

/** Open `out->path` for reading, unless it is new. Complains about what cannot be written, and refuses what must not
 * be: see the man page. An undo on a boot disk is given up only when `replace_undo`. */
enum exit_code destination_open(const struct boot_image *source, bool replace_undo, struct destination *out);

/** Before the first write; makes the file if it is new. */
enum exit_code destination_make_writable(struct destination *destination, uint64_t bytes);

/** Whether a first sector is a volume's boot sector: then what stands in the place of a partition table is code. */
bool boot_sector_is_volume(const uint8_t *sector);

/** Close it. What is left of a new file that is not complete is removed. */
void destination_close(struct destination *destination, bool complete);

#endif
