/* SPDX-License-Identifier: MIT */
/* Every kind of boot disk: making it in the work folder, looking at it as the loader will, and delivering it. */
#ifndef MEDIUM_H
#define MEDIUM_H

#include "netfolder.h"

enum medium_kind { MEDIUM_FLOPPY, MEDIUM_USB, MEDIUM_ISO, MEDIUM_ESP, MEDIUM_FOLDER, MEDIUM_NET };

struct medium {
    enum medium_kind kind;
    unsigned kilobytes; /* of the image; of a CD, at least: the floppy in it */
    const char *output; /* a file or device; of MEDIUM_FOLDER the folder of an EFI system partition, of MEDIUM_NET a
                           server's */
    struct netfolder net;
    bool replace_undo;
};

/** Whether a BIOS starts it; whether UEFI does, if there is room for that. */
bool medium_has_bios(const struct medium *medium);
bool medium_has_efi(const struct medium *medium);

/** Whether the loader cannot write to it. */
bool medium_is_read_only(const struct medium *medium);

/** Whether it is files in a folder, and no image. */
bool medium_is_folder(const struct medium *medium);

/** Refuse an output that cannot be written, or is one of `inputs`. */
enum exit_code medium_check_inputs(const struct medium *medium, char *const *inputs, int input_count);

/** Refuse an output that is a boot disk which holds an undo. */
enum exit_code medium_check_undo(const struct medium *medium);

/** Make it in the work folder and write it. The output appears complete or not at all; in a folder this holds for each
 * file. */
enum exit_code medium_write(const struct medium *medium, struct floppy *floppy);

#endif
