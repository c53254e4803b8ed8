/* SPDX-License-Identifier: MIT */
/* Where a parser's bytes come from when they are not all in memory: a file of a volume, or a buffer. Owns no bytes;
 * knows no file system. */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include <stdint.h>

#include "base/status.h"

struct source {
    /* All `bytes`, or not ST_OK and the buffer is garbage. The caller keeps inside source->bytes. */
    enum status (*read)(struct source *source, uint32_t offset, void *buffer, uint32_t bytes);
    uint32_t bytes;
};

#endif
