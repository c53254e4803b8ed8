/* SPDX-License-Identifier: MIT */
/* The folder that a TFTP or HTTP server gives to machines which start over the network: one set of loaders, and a
 * MIRROR.INI for each machine. Knows names; knows nothing of what is in the files. */
#ifndef NETFOLDER_H
#define NETFOLDER_H

#include "floppy.h"

#define NETFOLDER_MACHINES_MAX 8
#define NETFOLDER_MACHINE_BYTES 37 /* a UUID */

/** Take a machine's MAC address or UUID as people write them, and give the name that the loader asks for. Complains
 * about anything else. */
bool netfolder_machine(const char *given, char name[NETFOLDER_MACHINE_BYTES]);

/* Whose MIRROR.INI it is. */
struct netfolder {
    unsigned machines; /* 0: every machine that has none of its own */
    char machine[NETFOLDER_MACHINES_MAX][NETFOLDER_MACHINE_BYTES];
};

/** The path of the MIRROR.INI (the first machine's) in the folder; `path` has PATH_BYTES. */
void netfolder_config(const struct netfolder *net, const char *folder, char *path);

/** Write the files into the folder `path`, which is made if it is not there; each one whole or not at all, the loaders
 * last. */
enum exit_code netfolder_write(const struct netfolder *net, const char *path, const struct floppy *floppy);

#endif
