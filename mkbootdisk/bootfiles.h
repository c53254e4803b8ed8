/* SPDX-License-Identifier: MIT */
/* Which files a boot disk has: the loaders that travel inside the tool, the texts made from what was found, and the
 * user's own. */
#ifndef BOOTFILES_H
#define BOOTFILES_H

#include "floppy.h"
#include "media.h"

struct bootfiles {
    struct host_set *set;
    const struct nt_survey *nt;
    const struct gathered *gathered;
    bool classic;   /* the boot sector starts NTLDR, not our loader */
    bool bios;      /* with what starts under a BIOS */
    bool efi;       /* with what starts under UEFI */
    bool net;       /* with what starts over the network */
    bool read_only; /* a medium that no loader can write to: no journal, no log */
};

/** Fill in the boot sector and the files. They stay valid as long as `wanted`'s parts. */
enum exit_code bootfiles_collect(const struct bootfiles *wanted, struct floppy *out);

#endif
