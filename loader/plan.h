/* SPDX-License-Identifier: MIT */
/* The boot plan: which half is started, by which method, and how the BIOS drives must look to it. Made from facts and
 * a choice; starts nothing itself. */
#ifndef PLAN_H
#define PLAN_H

#include "fs/fat.h"
#include "mirror/facts.h"

#define DRIVE_FIRST 0x80u
#define DRIVE_MAP_MAX 16u

enum boot_method { METHOD_VBR, METHOD_NTLDR_DISK, METHOD_NTLDR_FLOPPY, METHOD_MBR, METHOD_EFI, METHOD_NONE };

struct boot_plan {
    enum role source;
    enum boot_method method;
    uint8_t drive;                     /* the source's BIOS drive number now */
    bool remap;                        /* the BIOS order must be changed for it to be drive 80h */
    unsigned visible;                  /* hard disks the operating system will see */
    uint8_t map[DRIVE_MAP_MAX];        /* map[i] = the BIOS drive shown as 80h + i */
    uint8_t boot_sector[SECTOR_BYTES]; /* what goes to 0000:7C00 */
    uint8_t mbr[SECTOR_BYTES];         /* the source's sector 0, as a standard MBR would have left it at 0000:0600 */
    unsigned entry;                    /* index of the partition's entry in `mbr` */
};

/** Plan to start `source`. `boot_disk` is the boot disk's file system if it holds NTLDR, else null.
 * Errors: ST_NOT_FOUND (no method applies), ST_REFUSED (that half is not there), I/O. */
MUST_CHECK enum status plan_make(const struct inventory *inventory, const struct set_survey *survey, enum role source,
                                 const struct fat *boot_disk, struct boot_plan *out);

const char *method_name(enum boot_method method);

#endif
