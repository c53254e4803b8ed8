/* SPDX-License-Identifier: MIT */
/* Working memory for everything that reads file systems and registries: too large for a stack. The shell provides it
 * (see struct firmware); its contents mean nothing between two calls. */
#ifndef NT_WORKSPACE_H
#define NT_WORKSPACE_H

#include "nt/ftdisk.h"
#include "nt/install.h"

#define WORK_BUFFER_BYTES 32768u

struct workspace {
    struct fs_volume volume;
    struct install_search search;
    struct install_hive hive;
    struct hive_value value;
    struct ftdisk ftdisk;
    uint8_t buffer[WORK_BUFFER_BYTES]; /* DISK\Information, or a piece of a file */
};

#endif
