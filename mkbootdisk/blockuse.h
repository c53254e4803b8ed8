/* SPDX-License-Identifier: MIT */
/* What the kernel says of a block device: its model, whether it can be taken out, and who uses it or a part of it. Owns
 * the formats of /sys/dev/block, /proc/self/mountinfo and /proc/swaps; knows nothing of what is on the device. */
#ifndef BLOCKUSE_H
#define BLOCKUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define BLOCK_MODEL_BYTES 96

struct block_facts {
    bool removable; /* false too where the kernel does not tell */
    bool is_partition;
    bool write_protected;
    char model[BLOCK_MODEL_BYTES]; /* the empty string where the kernel does not tell */
};

void block_facts(dev_t number, struct block_facts *out);

/** Whether the device, a partition of it or something that is built on those is in use; `text` then says who uses it,
 * such as "sdb1 is mounted on /mnt". The running system comes first. */
bool block_user(dev_t number, char *text, size_t bytes);

/** Whether a file is attached as a loop device; `text` then has the device's name. */
bool block_is_looped(const struct stat *file, char *text, size_t bytes);

#endif
