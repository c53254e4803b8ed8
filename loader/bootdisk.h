/* SPDX-License-Identifier: MIT */
/* The boot disk as the loader sees it: its file system, MIRROR.INI, the journal and the log of earlier starts. Knows
 * the names and meaning of the files; the host tool opens a built image with the same code. */
#ifndef BOOTDISK_H
#define BOOTDISK_H

#include "change/journal.h"
#include "disk/readahead.h"
#include "disk/retry.h"
#include "fs/fat.h"
#include "fw.h"
#include "mirror/config.h"

#define FILE_STAGE2 "STAGE2  BIN"
#define FILE_NTLDR "NTLDR      "
#define FILE_CONFIG "MIRROR  INI"
#define FILE_JOURNAL "FTJOURNLDAT"
#define FILE_LOG "FTLOG   TXT"

struct bootdisk {
    struct firmware *fw;
    struct retry reader;
    struct readahead cache;
    struct fat fat;
    enum status fat_status;    /* the rest is valid only if this is ST_OK */
    enum status config_status; /* of MIRROR.INI; ST_CORRUPT with the line in config_line */
    unsigned config_line;
    bool has_ntldr;
    enum status journal_status;
    struct journal_store store;
    uint64_t store_lba;
    struct journal journal;
    enum status log_status; /* whether FTLOG.TXT was found */
    uint64_t log_lba;
};

/** Open the boot disk and read MIRROR.INI into `config` (which was initialised) and the journal's state. Each part may
 * fail by itself: see the statuses. */
void bootdisk_open(struct bootdisk *boot, struct firmware *fw, struct trail *trail, struct config *config);

/** Before something is written to it: whether the disk in the drive still is the one that was opened, by its journal.
 * Errors: ST_REFUSED (another one, or the journal changed since), I/O. */
MUST_CHECK enum status bootdisk_check(struct bootdisk *boot);

/** Read FTLOG.TXT, which is one sector: lines with CR LF in its first `*used` bytes. Errors: ST_NOT_FOUND,
 * ST_UNSUPPORTED (it is fragmented), I/O. */
MUST_CHECK enum status bootdisk_read_log(struct bootdisk *boot, uint8_t sector[SECTOR_BYTES], size_t *used);

/** Add one line (with its CR LF, far shorter than a sector) to FTLOG.TXT, which is one sector of text padded with
 * blanks; the oldest lines go. What is no text is left alone. Errors are returned, but a log that cannot be written is
 * no reason not to start. */
MUST_CHECK enum status bootdisk_log(struct bootdisk *boot, const char *line);

#endif
