/* SPDX-License-Identifier: MIT */
/* Where the host keeps the undo of a change: on a boot disk (FTJOURNL.DAT) or in an undo file of the same format. */
#ifndef JOURNALFILE_H
#define JOURNALFILE_H

#include "hostboot.h"

#define UNDO_FILE_DEFAULT "mkbootdisk.undo"

struct host_journal {
    const char *path;
    struct journal_store *store;
    struct journal *journal;
    struct host_boot boot; /* when it is a boot disk */
    struct host_disk file; /* when it is an undo file */
    struct journal_store file_store;
    struct journal file_journal;
    bool is_boot_disk;
    bool created;
};

/** Open a boot disk or an undo file for reading. */
enum exit_code journal_file_open(const char *path, struct host_journal *out);

/** Open a boot disk, or where that is null an undo file, which is made if it is not there, to record a change in. One
 * that still holds an undo is refused unless that may be replaced; an interrupted change always. */
enum exit_code journal_file_use(const char *bootdisk, const char *undo_file, bool replace, struct host_journal *out);

/** Before the first write. */
enum exit_code journal_file_make_writable(struct host_journal *journal);

/** Close it; a new undo file that holds nothing to undo is removed. */
void journal_file_close(struct host_journal *journal);

#endif
