/* SPDX-License-Identifier: MIT */
/* ARC paths as NTLDR reads them (Q102873, Q227704). Text in, struct out and back; touches no disk. */
#ifndef NT_ARCPATH_H
#define NT_ARCPATH_H

#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

enum arc_kind { ARC_MULTI, ARC_SCSI, ARC_SIGNATURE };

#define ARC_DIRECTORY_MAX 64u
#define ARC_TEXT_BYTES 160u /* room for any path that arc_format writes */

struct arc_path {
    enum arc_kind kind;
    uint32_t adapter; /* multi() and scsi(): ordinal; signature(): the disk's MBR signature */
    uint32_t disk;    /* scsi(): 32 x bus + target */
    uint32_t rdisk;   /* multi(): BIOS disk ordinal; scsi(): LUN */
    uint32_t partition;
    char directory[ARC_DIRECTORY_MAX]; /* with its leading backslash, or empty */
};

/** Parse a path such as `multi(0)disk(0)rdisk(1)partition(1)\WINNT`; case is ignored.
 * Errors: ST_CORRUPT (not an ARC path), ST_NO_SPACE (directory too long). */
MUST_CHECK enum status arc_parse(const char *path, size_t bytes, struct arc_path *out);

/** Append the path in the spelling NT 4.0 accepts: lower case (Q162330), signature as eight hex digits. */
void arc_format(struct text *text, const struct arc_path *path);

#endif
