/* SPDX-License-Identifier: MIT */
/* Windows NT on a volume: where it is installed, and its registry. Knows which files those are; what is in the registry
 * concerns nt/system.h and mirror/evidence.h. */
#ifndef NT_INSTALL_H
#define NT_INSTALL_H

#include "base/source.h"
#include "fs/fs.h"
#include "nt/bootini.h"
#include "nt/hive.h"

#define INSTALL_PATH_BYTES ARC_DIRECTORY_MAX
#define INSTALL_FILE_BYTES 160u
#define BOOTINI_BYTES_MAX 8192u

/* A search through a volume. About 15 KB: the caller provides it, and need not clear it. */
struct install_search {
    struct fs_volume *volume;
    struct fs_file root;
    struct fs_cursor cursor;
    struct fs_entry entry;
    char text[BOOTINI_BYTES_MAX];
    struct bootini ini; /* of BOOT.INI, for installations that are not in a folder of the root */
    unsigned line;
};

/** Begin to look for installations. Errors: I/O, ST_CORRUPT (of the root directory). */
MUST_CHECK enum status install_search_begin(struct install_search *search, struct fs_volume *volume);

/** Go on with another volume. BOOT.INI stands on one volume and may name folders of any: where there is none, what the
 * last one named is looked for. Errors as above. */
MUST_CHECK enum status install_search_go_on(struct install_search *search, struct fs_volume *volume);

/** The next folder that holds \SYSTEM32\NTOSKRNL.EXE, such as "\WINNT": those BOOT.INI names further down than the
 * root, then every folder of the root. Errors: ST_NOT_FOUND (there are no more), I/O, ST_CORRUPT. */
MUST_CHECK enum status install_search_next(struct install_search *search, char directory[INSTALL_PATH_BYTES]);

/** Whether `directory` of the volume holds an installation. Errors: ST_NOT_FOUND, I/O, ST_CORRUPT. */
MUST_CHECK enum status install_check(struct fs_volume *volume, const char *directory);

/** Open a file below an installation's directory, such as "SYSTEM32\\HAL.DLL". Errors: those of fs_open. */
MUST_CHECK enum status install_file(struct fs_volume *volume, const char *directory, const char *name,
                                    struct fs_file *out);

/* A file as a source of bytes. */
struct file_source {
    struct source source; /* must stay first */
    struct fs_file file;
};

/** Make the opened `out->file` a source. Its first 4 GiB are reached. */
void file_source_init(struct file_source *out);

/* An opened hive of an installation. */
struct install_hive {
    struct hive hive;
    const char *name; /* the file it was read from: "SYSTEM", "SYSTEM.ALT" or "SOFTWARE" */
    struct file_source main;
    struct file_source log;
};

/** Open \SYSTEM32\CONFIG\SYSTEM as NT would: with SYSTEM.LOG's pages if a write was cut, else SYSTEM.ALT if that one is
 * whole, else SYSTEM as it is (`out->hive.stamp.clean` is false then). Errors: ST_NOT_FOUND (no such file), ST_CORRUPT,
 * I/O. */
MUST_CHECK enum status install_open_system(struct fs_volume *volume, const char *directory, struct install_hive *out);

/** Open another hive of \SYSTEM32\CONFIG, such as "SOFTWARE", with its log. Errors: as above. */
MUST_CHECK enum status install_open_hive(struct fs_volume *volume, const char *directory, const char *name,
                                         struct install_hive *out);

#endif
