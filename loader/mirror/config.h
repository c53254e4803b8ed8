/* SPDX-License-Identifier: MIT */
/* MIRROR.INI: which sets the boot disk was built for, and what the loader may do by itself. One format, read by the
 * loader and written by the host tool. Touches no disk. */
#ifndef MIRROR_CONFIG_H
#define MIRROR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

#define SETS_MAX 4u
#define TIMEOUT_FOREVER (-1)
#define CONFIG_BYTES_MAX 2048u
#define CONFIG_PATH_BYTES 64u
#define CONFIG_DISKS_MAX 8u

enum role { ROLE_PRIMARY, ROLE_SHADOW, ROLE_COUNT };
#define ROLE_NONE ROLE_COUNT

enum break_policy { BREAK_ASK, BREAK_AUTO, BREAK_NEVER };

/* A member is known by what cannot move: its disk's signature and its place on that disk. */
struct member_id {
    uint32_t signature;
    uint32_t start_lba;
    uint32_t sectors;
};

enum set_kind {
    SET_NT, /* an FtDisk mirror of Windows NT */
    SET_ESP /* two EFI system partitions that are to hold the same; members of a Linux md array or not */
};

struct mirror_set {
    struct member_id member[ROLE_COUNT];
    enum set_kind kind;
    char efi_path[CONFIG_PATH_BYTES]; /* SET_ESP: what is started, such as "\\EFI\\debian\\grubx64.efi"; empty: the
                                         default */
};

/* A disk as it was partitioned when the boot disk was built. */
struct disk_id {
    uint32_t signature;
    uint32_t layout; /* see mirror/freshness.h */
};

struct config {
    int timeout_s; /* of the menu; 0 = no menu, TIMEOUT_FOREVER */
    enum break_policy policy;
    bool retire; /* what breaks the mirror unattended also retires the other half, if that can be written */
    bool serial; /* event lines and screen on COM1 */
    unsigned set_count;
    struct mirror_set set[SETS_MAX]; /* the first one is the set the machine starts from */
    unsigned system_set;             /* the set that holds Windows NT, from 1; 0: not known, so it is searched for */
    char system_path[CONFIG_PATH_BYTES]; /* its folder there, such as "\\WINNT" */
    unsigned disk_count;
    struct disk_id disk[CONFIG_DISKS_MAX];
};

/** What holds before any file was read: no set, ten seconds, ask, serial on. */
void config_init(struct config *config);

/** Parse MIRROR.INI. Errors: ST_CORRUPT with the number of the offending line in `*bad_line` (from 1); what was
 * understood up to there stays in `out`. */
MUST_CHECK enum status config_parse(const char *text, size_t bytes, struct config *out, unsigned *bad_line);

/** Append the file that config_parse reads, CR LF at the line ends. */
void config_write(const struct config *config, struct text *out);

const char *role_name(enum role role);
const char *kind_name(enum set_kind kind);
const char *policy_name(enum break_policy policy);

#endif
