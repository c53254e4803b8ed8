/* SPDX-License-Identifier: MIT */
/* What NTLDR would make of the boot disk's BOOT.INI: which entry leads to a disk and partition, and whether the file is
 * one that NTLDR accepts. Reads only the boot disk. */
#ifndef NTMENU_H
#define NTMENU_H

#include "hostboot.h"
#include "nt/bootini.h"

#define NT_MENU_BYTES 16384u

struct nt_menu {
    char text[NT_MENU_BYTES];
    struct bootini ini;
};

/** Read BOOT.INI. Complains, with the line, about what makes NTLDR fail: no such file, an entry that is no ARC path, a
 * default= that is no entry (Q100312). */
enum exit_code nt_menu_open(const struct host_boot *boot, struct nt_menu *out);

/** The number (from 1) of the entry for `multi(0)disk(0)rdisk(R)partition(P)`, 0 if there is none. `*is_default`: NTLDR
 * takes it when nobody presses a key. */
unsigned nt_menu_find(const struct nt_menu *menu, uint32_t rdisk, uint32_t partition, bool *is_default);

#endif
