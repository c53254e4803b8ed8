/* SPDX-License-Identifier: MIT */
/* A boot disk's image (or the floppy itself) opened with the loader's own code. */
#ifndef HOSTBOOT_H
#define HOSTBOOT_H

#include "bootdisk.h"
#include "hostdisk.h"

#define BOOT_NAME_OFFSET 0x1F3u /* of the file name boot/fat12.asm loads */

struct host_boot {
    struct host_disk file;
    struct firmware fw;
    struct trail trail;
    struct config config;
    struct bootdisk boot;
    bool classic; /* its boot sector starts NTLDR, not our loader */
};

/** Open a boot disk that mkbootdisk made. Complains about anything else. */
enum exit_code host_boot_open(const char *path, struct host_boot *out);

/** Whether `path` is a MIRROR.INI by itself, as the folder for machines that start over the network has them. */
bool host_boot_is_config(const char *path);

/** Complain about such a file, where a boot disk is wanted. */
enum exit_code host_boot_refuse_config(const char *path);

/** Take such a file for the boot disk: all that a machine gets from the network. Complains about anything else. */
enum exit_code host_boot_open_config(const char *path, struct host_boot *out);

/** Whether the boot disk's way to its loader is whole: for a BIOS the boot sector and the loader itself, for UEFI the
 * file that starts what it was built for. Complains about what is not. */
enum exit_code host_boot_check_loader(struct host_boot *boot);

void host_boot_close(struct host_boot *boot);

#endif
