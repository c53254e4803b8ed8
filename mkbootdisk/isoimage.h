/* SPDX-License-Identifier: MIT */
/* A boot floppy as a CD: El Torito, by xorriso. A BIOS starts the floppy by emulation, UEFI reads the same image as its
 * partition. */
#ifndef ISOIMAGE_H
#define ISOIMAGE_H

#include "floppy.h"

/** Build the floppy `inner` and the CD image `image` in the work folder. Says in `floppy->kilobytes` how large the
 * floppy is. */
enum exit_code isoimage_make(struct floppy *floppy, const char *inner, const char *image);

#endif
