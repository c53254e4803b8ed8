/* SPDX-License-Identifier: MIT */
/* BOOT.INI on the disk that is promoted: its default= and the entry of the same path shall name the place from which
 * that disk will boot, the first one of the BIOS. Plans an edit in place: the file keeps its length. */
#ifndef CHANGE_BOOTPATH_H
#define CHANGE_BOOTPATH_H

#include "change/edit.h"
#include "nt/workspace.h"

enum bootpath_result {
    BOOTPATH_RIGHT,     /* it names the right place already */
    BOOTPATH_REWRITTEN, /* edits were planned */
    BOOTPATH_MISSING,   /* there is no BOOT.INI: NTLDR tries \WINNT on the first partition */
    BOOTPATH_OTHER,   /* its default is no multi() or signature() path, so only NTBOOTDD.SYS or DOS knows: left as it is
                       */
    BOOTPATH_NOWHERE, /* the folder it names is on no partition of this disk: left as it is */
    BOOTPATH_GROWS,   /* the new path is longer, and the file has no blanks to spare */
    BOOTPATH_IN_PLACE, /* the file cannot be edited in place */
    BOOTPATH_LOG,      /* NTFS will replay its log */
    BOOTPATH_DAMAGED,  /* it cannot be read */
    BOOTPATH_COUNT
};

/** Add what it takes to the changes of `edit`. `boot` is the partition with NTLDR, `half` (which may be null) the one
 * that is tried second as the place of Windows NT. Errors: ST_NO_SPACE, I/O; everything else is a result. */
MUST_CHECK enum status bootpath_plan(const struct edit *edit, struct workspace *work, const struct partition *boot,
                                     const struct partition *half, enum bootpath_result *result);

/** A clause for a person. */
const char *bootpath_text(enum bootpath_result result);

#endif
