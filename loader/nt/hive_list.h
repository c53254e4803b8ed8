/* SPDX-License-Identifier: MIT */
/* The lower half of the hive reader: bytes of the bins, cells, and lists of subkeys. Knows no names and no values. For
 * nt/hive.c only; everyone else includes nt/hive.h. */
#ifndef NT_HIVE_LIST_H
#define NT_HIVE_LIST_H

#include "nt/hive.h"

#define HIVE_DATA_OFFSET 4096u /* of the first bin in the file */
#define HIVE_PAGE_BYTES 512u   /* of the log's bitmap, whatever a sector has */
#define HIVE_LOG_BITMAP 0x204u

#define HIVE_KEY_BYTES 76u /* without its name; the largest record */
#define HIVE_VALUE_BYTES 20u

/* What a cell has to be: its tag in the upper half, the least number of its bytes in the lower. */
#define HIVE_KEY (0x6B6E0000u | HIVE_KEY_BYTES)
#define HIVE_VALUE (0x6B760000u | HIVE_VALUE_BYTES)
#define HIVE_LIST 4u /* one of several tags */
#define HIVE_RAW 0u

#define HIVE_BIG 0x6264u /* the tag of a big value's cell */

struct hive_cell {
    uint32_t at; /* of its contents, relative to the first bin */
    uint32_t bytes;
    uint8_t head[HIVE_KEY_BYTES]; /* the first bytes; zeros behind the end of the cell */
};

struct hive_list {
    const struct hive *hive;
    uint32_t keys_left;  /* by the key's own count */
    uint32_t at;         /* next element of the leaf */
    uint32_t left;       /* elements of it */
    uint32_t step_bytes; /* from one to the next */
    uint32_t root_at;    /* next leaf, in the elements of an index root */
    uint32_t root_left;
};

/** Bytes of a source. Errors: ST_CORRUPT (outside of it), I/O. */
MUST_CHECK enum status hive_fetch(struct source *source, uint32_t offset, void *buffer, uint32_t bytes);

/** Where byte `offset` of the bins is kept: in the hive or in a page of the log, and at which offset. */
MUST_CHECK enum status hive_find(const struct hive *hive, uint32_t offset, struct source **source, uint32_t *at);

/** Bytes of the bins, with the log over them. Errors: ST_CORRUPT (outside of the bins), I/O. */
MUST_CHECK enum status hive_read(const struct hive *hive, uint32_t offset, void *buffer, uint32_t bytes);

/** Open the cell at `offset`. Errors: ST_CORRUPT (not a cell in use, or not what `kind` says), I/O. */
MUST_CHECK enum status hive_cell(const struct hive *hive, uint32_t offset, uint32_t kind, struct hive_cell *out);

/** Stand before the first subkey of a key. Errors: ST_CORRUPT, I/O. */
MUST_CHECK enum status hive_list_open(const struct hive *hive, uint32_t key, struct hive_list *out);

/** Leave out `skip` subkeys and take the next. Errors: ST_NOT_FOUND (there are no more), ST_CORRUPT, I/O. */
MUST_CHECK enum status hive_list_next(struct hive_list *list, uint32_t skip, uint32_t *key);

#endif
