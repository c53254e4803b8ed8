/* SPDX-License-Identifier: MIT */
/* Running mtools, which make the FAT of every boot disk. Knows their command lines; knows nothing of boot disks. */
#ifndef MTOOLS_H
#define MTOOLS_H

#include "command.h"

/** Format `image` as a floppy of `kilobytes` (720, 1200, 1440 or 2880) with the boot sector in the file `boot_sector`.
 */
enum exit_code mtools_format(const char *image, unsigned kilobytes, const char *boot_sector);

/** Copy files (host paths) into the root directory, in this order; the end of the list is a null pointer. */
enum exit_code mtools_copy(const char *image, const char *const *files);

#endif
