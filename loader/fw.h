/* SPDX-License-Identifier: MIT */
/* The only door from the core to the outside: what a firmware (BIOS, UEFI, the host tool, a test) must provide.
 * Nothing in the core calls anything but these functions. */
#ifndef FW_H
#define FW_H

#include "change/apply.h"
#include "disk/inventory.h"
#include "net/bootp.h"
#include "nt/workspace.h"
#include "plan.h"

enum colour { COLOUR_NORMAL, COLOUR_BRIGHT, COLOUR_GOOD, COLOUR_BAD };

enum key {
    KEY_NONE = 0, /* the time ran out */
    KEY_UP = 0x100,
    KEY_DOWN,
    KEY_ENTER = '\r'
};

#define KEY_WAIT_FOREVER 0xFFFFFFFFu

/* Sectors that the boot sector had already read on the way here. */
struct boot_seed {
    uint64_t lba;
    const void *sector;
};

/* MIRROR.INI of a machine that started over the network, where no boot disk holds it. */
struct net_config {
    char text[CONFIG_BYTES_MAX];
    size_t bytes;
    char name[NET_NAME_BYTES];   /* of the file on the server; empty: there was none */
    char failed[NET_NAME_BYTES]; /* of one that could not be had for another reason than that it is not there; empty */
};

/* From one EFI system partition to another. */
struct esp_copy {
    uint8_t drive[2]; /* from, to */
    uint32_t start_lba[2];
    unsigned copied; /* filled in */
};

struct firmware {
    const char *name; /* for the start event: "bios", "efi", ... */
    bool serial;      /* the screen goes to COM1 too; the loader sets it when it has read MIRROR.INI */
    bool stopped;     /* the shell is done: leave loader_run */
    /* Fill in the hard disk number `index`; its device makes one attempt per read. ST_NOT_FOUND past the last one;
     * ST_UNSUPPORTED if its sectors are not of 512 bytes: then the device has a number and nothing else. */
    enum status (*disk_open)(struct firmware *fw, unsigned index, struct blockdev **device, struct geometry *geometry);
    struct disk_writer writer;    /* for hard disks by drive number, and for `boot_device` by its own */
    struct blockdev *boot_device; /* the boot disk, one attempt per read; null if there is none to read */
    uint32_t boot_sectors_per_track;
    struct boot_seed seed[3];
    unsigned seeds;
    const struct net_config *net; /* what took the boot disk's place; null: there is one */
    /* Show text; '\n' starts a new line. */
    void (*put)(struct firmware *fw, const char *text, enum colour colour);
    /* Put the cursor `lines` up, into the first column. */
    void (*up)(struct firmware *fw, unsigned lines);
    /* Wait for a key, at most so long; ASCII, or enum key. */
    int (*key)(struct firmware *fw, uint32_t wait_ms);
    /* Write one event line (without its line end) for machines to read. */
    void (*event)(struct firmware *fw, const char *line);
    /* Memory for reading file systems and registries; it may be loader_room's, which is filled last. Null: the loader
     * does without their evidence. */
    struct workspace *work;
    /* Memory for an operating system's own loader, of `loader_room_bytes`. */
    void *loader_room;
    uint32_t loader_room_bytes;
    /* Why Windows NT cannot be started from here, for a person; null: it can. */
    const char *cannot_start;
    const char *cannot_start_advice; /* what to do about it, with its line ends */
    /* What `restart` does, as an item of the menu; null: it restarts the machine. */
    const char *restart_text;
    /* Start what the plan says. Returns only if it cannot. */
    void (*handoff)(struct firmware *fw, const struct boot_plan *plan);
    /* Start a file of the file system at `start_lba` of a disk: what UEFI can, and a BIOS cannot (null). Returns only
     * if it cannot, or when what was started came back. Errors: ST_REFUSED (it is this loader itself), ST_NOT_FOUND,
     * ST_DENIED, I/O. */
    enum status (*start_file)(struct firmware *fw, uint8_t drive, uint32_t start_lba, const char *path);
    /* Copy every file of one such file system to the other where the other's is missing or differs. */
    enum status (*copy_files)(struct firmware *fw, struct esp_copy *copy);
    void (*restart)(struct firmware *fw);
};

#endif
