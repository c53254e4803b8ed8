/* SPDX-License-Identifier: MIT */
/* What the parts of `mkbootdisk lab` share: the machine that was asked for, its QEMU command line, and running it. */
#ifndef LAB_QEMU_H
#define LAB_QEMU_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "command.h"

#define LAB_DISKS_MAX 6u
#define LAB_BAD_MAX 256u /* each bad sector is one rule in QEMU, gone through on every read */
#define LAB_WORDS_MAX 96u

enum lab_fault {
    FAULT_NONE,
    FAULT_ABSENT,
    FAULT_DEAD,
    FAULT_BAD,
    FAULT_SLOW,
};

enum lab_firmware {
    FIRMWARE_BIOS,   /* SeaBIOS, which QEMU brings along */
    FIRMWARE_UEFI64, /* OVMF, from the distribution */
    FIRMWARE_UEFI32,
};

/* What the boot disk is to the machine. */
enum lab_attach {
    ATTACH_AS_USUAL, /* whatever suits the image and the firmware */
    ATTACH_FLOPPY,
    ATTACH_USB, /* a stick */
    ATTACH_CD,  /* in a drive on USB, which every firmware starts from and which takes no disk's place */
    ATTACH_DISK,
    ATTACH_NET, /* a folder of files that a server gives out */
};

struct lab_disk {
    const char *path;
    const char *driver; /* QEMU's name for what the path is: file, host_device */
    bool read_only;
    uint64_t sectors;
    enum lab_fault fault;
    unsigned bad_count;
    uint64_t bad_lba[LAB_BAD_MAX];
};

struct lab {
    const char *qemu;
    const char *machine;
    enum lab_firmware firmware;
    char code[PATH_MAX];      /* UEFI's own file, ... */
    char variables[PATH_MAX]; /* ... and that of its variables; empty: they are in the first */
    enum lab_attach attach;
    const char *mac; /* of ATTACH_NET; null: QEMU's own */
    const char *cpu; /* null: QEMU's default */
    long memory_mb;
    long timeout_s;  /* 0: none */
    bool window;     /* QEMU's window instead of this terminal */
    bool write;      /* into the user's files instead of into overlays */
    bool until_boot; /* end as soon as a half is started */
    struct lab_disk boot;
    struct lab_disk disk[LAB_DISKS_MAX];
    unsigned disk_count;
};

/* An argument vector; the words are its own. */
struct lab_words {
    unsigned used;
    char *word[LAB_WORDS_MAX + 1]; /* ends with a null */
};

/** How many hard disks a machine takes; 0 for a machine the lab does not know. */
unsigned lab_disks_of(const char *machine);

/** Whether a machine has PCI, and so USB and more than floppy drives to start from. */
bool lab_has_pci(const char *machine);

/** Note the faults that one --fail asks for; the disks were looked at. */
enum exit_code lab_take_faults(struct lab *lab, const char *text);

/** Fill in `code` and `variables` for UEFI: `given`, or (null) what the distribution's package installed. */
enum exit_code lab_find_firmware(struct lab *lab, const char *given);

/** The file of ATTACH_NET's folder that the firmware starts. */
const char *lab_net_program(const struct lab *lab);

/** Put the QEMU command line for a checked lab together. */
void lab_qemu_words(const struct lab *lab, struct lab_words *words);

/** Print the words as one line that a shell takes back. */
void lab_print_words(const struct lab_words *words, FILE *to);

void lab_free_words(struct lab_words *words);

/** Run QEMU between this terminal and the guest's serial port, and tell what the loader did. The command line must
 * have COM1 on QEMU's standard input and output, as lab_qemu_words() makes it. */
enum exit_code lab_run(const struct lab *lab, const struct lab_words *words);

#endif
