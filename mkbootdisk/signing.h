/* SPDX-License-Identifier: MIT */
/* Signing the UEFI loaders of a boot disk for Secure Boot, by sbsign. Knows nothing of media. */
#ifndef SIGNING_H
#define SIGNING_H

#include "floppy.h"

enum signing_file { SIGNING_KEY, SIGNING_CERTIFICATE, SIGNING_FILES };

struct signing {
    const char *file[SIGNING_FILES]; /* in PEM form; both null: nothing is signed */
};

/** Refuse one without the other, and files that cannot be read. */
enum exit_code signing_check(const struct signing *signing);

/** Replace each UEFI loader by a signed copy, made in the work folder. */
enum exit_code signing_run(const struct signing *signing, struct floppy *floppy);

/** Whether a file is one of our loaders (`own`), as it is or, for UEFI, signed: then a checksum and the place of the
 * signature in its header differ, and the signature follows it (Microsoft PE format, "Attribute Certificate Table"). */
bool signing_is_ours(const uint8_t *file, size_t bytes, const uint8_t *own, size_t own_bytes);

#endif
