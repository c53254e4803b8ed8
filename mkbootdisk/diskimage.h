/* SPDX-License-Identifier: MIT */
/* Images of whole disks with one partition: a stick that starts under BIOS and UEFI, and a disk with an EFI system
 * partition. Knows partition tables; knows nothing of what the files are. */
#ifndef DISKIMAGE_H
#define DISKIMAGE_H

#include "floppy.h"

#define DISKIMAGE_USB_KILOBYTES (16u * 1024u) /* the boot sector knows FAT12 and 16 bits of LBA: 32 MB at most */
#define DISKIMAGE_ESP_KILOBYTES (40u * 1024u) /* FAT32, which UEFI wants on a disk, begins there */

/** Build a stick in the work folder as `image`: our MBR code, and one active FAT12 partition. */
enum exit_code diskimage_usb(struct floppy *floppy, const char *image);

/** Whether a sector is the MBR of such a stick, as far as its code goes. */
bool diskimage_has_code(const uint8_t *sector);

/** Build a disk with a GPT and an EFI system partition. */
enum exit_code diskimage_esp(struct floppy *floppy, const char *image);

#endif
