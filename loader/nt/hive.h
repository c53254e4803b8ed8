/* SPDX-License-Identifier: MIT */
/* A registry hive, reading: NT 3.1 and its betas to 2003 (format 1.0 to 1.6). Cells are fetched one by one through a
 * `struct source`, so that a hive of many megabytes costs a few sectors. Owns the format; knows no key's meaning and no
 * file system. Sources: public libregf documentation; nt-facts 3. */
#ifndef NT_HIVE_H
#define NT_HIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/source.h"

#define HIVE_NAME_BYTES 768u /* 255 UTF-16 units as UTF-8, and a NUL */

/* What the base block says; valid even when the hive is not. */
struct hive_stamp {
    uint32_t sequence;      /* the first one: counts every write */
    uint64_t written_100ns; /* FILETIME: since 1601-01-01 UTC */
    bool clean;             /* both sequence numbers agree: the last write was completed */
};

struct hive {
    struct source *source;
    struct source *log; /* null, or the dirty pages of SYSTEM.LOG lie over `source` */
    struct hive_stamp stamp;
    uint32_t data_bytes; /* of all bins */
    uint32_t root;       /* key: offset of its cell, relative to the first bin */
    uint32_t log_first;  /* where the first dirty page stands in the log */
    uint32_t minor;      /* version 1.x */
    uint32_t head_bytes; /* of a cell, before what it holds */
};

struct hive_value {
    uint32_t record; /* its own cell, which holds its length */
    uint32_t cell;   /* of its data; meaningless when `bytes` is 4 or less and the data are inline */
    uint32_t type;   /* REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3, REG_DWORD 4, REG_MULTI_SZ 7 */
    uint32_t bytes;
    bool is_inline;
    uint8_t inline_bytes[4];
};

/** Open the hive. When its base block says that a write was not completed, `log` (which may be null) lends its dirty
 * pages if it fits: good checksum, complete, the hive's time and one of its two sequence numbers; `out->log` is set
 * then. Without a fitting log the hive is opened as it is; one that cannot be read is an error. `out->stamp` speaks of
 * the hive's own base block in both cases. Errors: ST_CORRUPT (no `regf`, bad checksum or sizes), ST_UNSUPPORTED (a
 * version that is not 1.0 to 1.6), I/O.
 */
MUST_CHECK enum status hive_open(struct source *source, struct source *log, struct hive *out);

/** Find a key below `parent` (such as `hive->root`) by a path such as "ControlSet001\\Services"; case is ignored.
 * Errors: ST_NOT_FOUND, ST_UNSUPPORTED (not found in a hive of format 1.0, which proves nothing), ST_CORRUPT, I/O. */
MUST_CHECK enum status hive_key(const struct hive *hive, uint32_t parent, const char *path, uint32_t *key);

/** Subkey number `index` (from 0) in the order of the hive, with its name as UTF-8.
 * Errors: ST_NOT_FOUND (there are no more), ST_UNSUPPORTED (`*key` is right, but the name is longer than 255 units),
 * ST_CORRUPT, I/O. */
MUST_CHECK enum status hive_subkey(const struct hive *hive, uint32_t parent, uint32_t index, char *name, uint32_t *key);

/** A key's value by name (case ignored; "" is the unnamed one). Errors: as hive_key. */
MUST_CHECK enum status hive_value(const struct hive *hive, uint32_t key, const char *name, struct hive_value *out);

/** Value number `index`, with its name as UTF-8. Errors as hive_subkey. */
MUST_CHECK enum status hive_value_at(const struct hive *hive, uint32_t key, uint32_t index, char *name,
                                     struct hive_value *out);

/** The value's data, all of it. Errors: ST_NO_SPACE (`room` is less than value->bytes), ST_CORRUPT, I/O. */
MUST_CHECK enum status hive_data(const struct hive *hive, const struct hive_value *value, void *buffer, uint32_t room);

/** Where byte `offset` of the value's data stands in the hive's file, and how many of its bytes follow there: what an
 * edit in place needs. Errors: ST_UNSUPPORTED (inline, or the byte comes from the log), ST_BOUNDS, ST_CORRUPT, I/O. */
MUST_CHECK enum status hive_data_place(const struct hive *hive, const struct hive_value *value, uint32_t offset,
                                       uint32_t *file_offset, uint32_t *bytes);

/** Where the four bytes of the value's length stand in the hive's file. Errors: ST_UNSUPPORTED (inline, or they come
 * from the log), ST_CORRUPT, I/O. */
MUST_CHECK enum status hive_length_place(const struct hive *hive, const struct hive_value *value,
                                         uint32_t *file_offset);

/** A REG_DWORD. Errors: those of hive_value, ST_CORRUPT (another type or length). */
MUST_CHECK enum status hive_u32(const struct hive *hive, uint32_t key, const char *name, uint32_t *out);

/** A REG_SZ or REG_EXPAND_SZ as UTF-8, cut at `room` and at 260 characters. Errors: those of hive_value, ST_CORRUPT
 * (another type). */
MUST_CHECK enum status hive_text(const struct hive *hive, uint32_t key, const char *name, char *buffer, size_t room);

#endif
