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

#endif
