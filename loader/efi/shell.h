/* SPDX-License-Identifier: MIT */
/* What the files of the UEFI shell share. Only loader/efi/ may include this: the core never sees an EFI header. */
#ifndef EFI_SHELL_H
#define EFI_SHELL_H

#include "fw.h"

#include <efi.h>

/* Set by efi_main before anything else runs. */
extern EFI_SYSTEM_TABLE *efi_system;

static inline EFI_BOOT_SERVICES *boot_services(void)
{
    return efi_system->BootServices;
}

/* efi_disk.c */

/** Find the hard disks and the disk that `image` was loaded from. */
void disks_init(struct firmware *fw, EFI_HANDLE image);

/** The handle of the disk with this number, or null. */
EFI_HANDLE efi_disk_handle(uint8_t drive);

/** The protocol of a handle, or null. */
void *efi_protocol(EFI_HANDLE handle, EFI_GUID guid);

/* efi_net.c */

/** Without a boot disk: find the MIRROR.INI that the network has for this machine. */
void net_init(struct firmware *fw, EFI_HANDLE image);

/* efi_start.c */

/** Remember who we are. */
void efi_start_init(EFI_HANDLE image);

/** The handle of the file system at `start_lba` of a disk, or null. */
EFI_HANDLE efi_partition(uint8_t drive, uint32_t start_lba);

enum status efi_start_file(struct firmware *fw, uint8_t drive, uint32_t start_lba, const char *path);

/* efi_copy.c */

/** The root folder of a handle's file system, or null; to be closed. */
EFI_FILE *efi_open_root(EFI_HANDLE handle);

enum status efi_copy_files(struct firmware *fw, struct esp_copy *copy);

/* efi_console.c */

/** Take the screen. */
void console_init(void);

/** Find the serial port; wants the controllers connected. */
void serial_init(void);

/** Forget what was typed before there was a question. */
void console_forget_keys(void);

/** Give the screen back as the firmware left it to us. */
void console_done(void);

void efi_up(struct firmware *fw, unsigned lines);
void efi_put(struct firmware *fw, const char *text, enum colour colour);
int efi_key(struct firmware *fw, uint32_t wait_ms);
void efi_event(struct firmware *fw, const char *line);

#endif
