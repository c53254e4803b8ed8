/* SPDX-License-Identifier: MIT */
/* Taking a path apart, the same way for every file system. Knows nothing of what the names mean. */
#ifndef FS_PATH_H
#define FS_PATH_H

#include <stdbool.h>
#include <stddef.h>

/** Take the next name off `*path`: its `*bytes` bytes begin at `*name`. Both '\' and '/' separate, and two of them in a
 * row are one. False when no name is left. */
static inline bool path_take(const char **path, const char **name, size_t *bytes)
{
    const char *at = *path;
    while (*at == '\\' || *at == '/')
        at++;
    *name = at;
    while (*at != '\0' && *at != '\\' && *at != '/')
        at++;
    *path = at;
    *bytes = (size_t)(at - *name);
    return *bytes != 0;
}

#endif
