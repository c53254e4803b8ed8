/* SPDX-License-Identifier: MIT */
/* Walking through a start of Windows NT without starting it: every file that NTLDR reads from the boot volume is looked
 * up, read to its end and judged. Reads only; how NTLDR itself is found concerns dryrun.h. */
#ifndef NT_START_H
#define NT_START_H

#include "nt/banner.h"
#include "nt/workspace.h"

/* What plain INT 13h reaches at most: 1024 x 256 x 63 (Q224526). */
#define START_REACH_SECTORS 16515072u

/* Partitions that begin here or later NTLDR of NT 4.0 finds from Service Pack 5 on (Q197295). */
#define START_PAST_4_GB_LBA 8388608u

enum start_finding {
    START_FINE,
    START_MISSING,
    START_UNREADABLE, /* a sector of it cannot be read */
    START_DAMAGED,    /* not a program for this CPU, a broken registry, a broken file system */
    START_FAR         /* it lies, in part, where NT 4.0's NTLDR does not reach (E07) */
};

#define START_SEEN_MAX 16u
#define START_SEEN_BYTES 20u

struct start_walk {
    struct workspace *work; /* work->volume is mounted */
    const char *directory;  /* of the installation, such as "\WINNT" */
    const char *kernel;     /* these two: null, or the file in SYSTEM32 that BOOT.INI names instead; empty: not known */
    const char *hal;
    uint32_t reach_sectors; /* of its disk: what NT 4.0's NTLDR reaches, by cylinder, head and sector */
    /* Called for every file, the path being relative to the volume. */
    void (*tell)(struct start_walk *walk, const char *path, enum start_finding finding);
    void *owner;
    struct banner *banner; /* null, or what is read of files shall be fed to it */
    unsigned files;
    unsigned problems; /* the start will fail */
    unsigned far_files;
    bool is_windows_2000; /* its NTLDR knows INT 13h's extensions: nothing is far for it */
    unsigned seen;
    char seen_name[START_SEEN_MAX][START_SEEN_BYTES]; /* imported files, looked at once */
};

/** Read a file to its end and tell of it. A file that is no program is not opened as one. */
void start_look_at(struct start_walk *walk, const char *path, bool is_program);

/** Kernel, HAL, registry, code pages, file system driver, boot drivers and what they import. */
void start_walk(struct start_walk *walk);

#endif
