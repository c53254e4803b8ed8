/* SPDX-License-Identifier: MIT */
/* Bins, cells and lists of a hive. Nothing that was read is followed before it was compared with the size of the bins
 * and of its cell; no walk is longer than the keys that fit into the hive. */
#include "nt/hive_list.h"

#include "base/bytes.h"

#define LIST_PLAIN 0x696Cu  /* li */
#define LIST_HINTED 0x666Cu /* lf */
#define LIST_HASHED 0x686Cu /* lh */
#define LIST_ROOT 0x6972u   /* ri */

#define BITMAP_CHUNK 64u

enum status hive_fetch(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    if (offset > source->bytes || bytes > source->bytes - offset)
        return ST_CORRUPT;
    return source->read(source, offset, buffer, bytes);
}

/* The log keeps its pages in the order of the bitmap's bits: a page stands behind as many as there are bits before. */
enum status hive_find(const struct hive *hive, uint32_t offset, struct source **source, uint32_t *at)
{
    uint8_t chunk[BITMAP_CHUNK];
    uint32_t page = offset / HIVE_PAGE_BYTES;
    *source = hive->source;
    *at = HIVE_DATA_OFFSET + offset;
    if (hive->log == NULL)
        return ST_OK;
    uint32_t place = hive->log_first + offset % HIVE_PAGE_BYTES;
    uint32_t last = page / 8;
    for (uint32_t byte = 0; byte <= last; byte++) {
        uint32_t left = last + 1 - byte;
        enum status status = ST_OK;
        if (byte % BITMAP_CHUNK == 0)
            status = hive_fetch(hive->log, HIVE_LOG_BITMAP + byte, chunk, left < BITMAP_CHUNK ? left : BITMAP_CHUNK);
        if (status != ST_OK)
            return status;
        uint32_t bits = chunk[byte % BITMAP_CHUNK];
        if (byte == last) {
            if ((bits >> page % 8 & 1) == 0)
                return ST_OK;
            bits &= (1u << page % 8) - 1;
        }
        for (; bits != 0; bits &= bits - 1)
            place += HIVE_PAGE_BYTES;
    }
    *source = hive->log;
    *at = place;
    return ST_OK;
}

enum status hive_read(const struct hive *hive, uint32_t offset, void *buffer, uint32_t bytes)
{
    uint8_t *to = buffer;
    enum status status = ST_OK;
    if (offset > hive->data_bytes || bytes > hive->data_bytes - offset)
        return ST_CORRUPT;
    while (bytes > 0 && status == ST_OK) {
        struct source *source;
        uint32_t at;
        uint32_t part = HIVE_PAGE_BYTES - offset % HIVE_PAGE_BYTES;
        if (part > bytes)
            part = bytes;
        status = hive_find(hive, offset, &source, &at);
        if (status == ST_OK)
            status = hive_fetch(source, at, to, part);
        to += part;
        offset += part;
        bytes -= part;
    }
    return status;
}

enum status hive_cell(const struct hive *hive, uint32_t offset, uint32_t kind, struct hive_cell *out)
{
    memset(out, 0, sizeof *out);
    enum status status = hive_read(hive, offset, out->head, 4);
    if (status != ST_OK)
        return status;
    uint32_t bytes = 0u - get_le32(out->head); /* negative: in use */
    if (offset % 8 != 0 || bytes % 8 != 0 || bytes < 8 || bytes > hive->data_bytes - offset)
        return ST_CORRUPT;
    out->at = offset + hive->head_bytes;
    out->bytes = bytes - hive->head_bytes;
    if (out->bytes < (kind & 0xFFFF))
        return ST_CORRUPT;
    status = hive_read(hive, out->at, out->head, out->bytes < sizeof out->head ? out->bytes : sizeof out->head);
    if (status == ST_OK && kind >> 16 != 0 && get_le16(out->head) != kind >> 16)
        return ST_CORRUPT;
    return status;
}

/* One cell of a list: a leaf, or an index root where one may stand. */
static enum status open_list(struct hive_list *list, uint32_t offset, bool may_be_root)
{
    struct hive_cell cell;
    enum status status = hive_cell(list->hive, offset, HIVE_LIST, &cell);
    if (status != ST_OK)
        return status;
    uint32_t tag = get_le16(cell.head);
    uint32_t count = get_le16(cell.head + 2);
    bool is_root = tag == LIST_ROOT && may_be_root;
    list->step_bytes = tag == LIST_HINTED || tag == LIST_HASHED ? 8 : 4;
    if ((list->step_bytes == 4 && tag != LIST_PLAIN && !is_root) || count > (cell.bytes - 4) / list->step_bytes)
        return ST_CORRUPT;
    if (is_root) {
        list->root_at = cell.at + 4;
        list->root_left = count;
        return ST_OK;
    }
    list->at = cell.at + 4;
    list->left = count;
    return ST_OK;
}

enum status hive_list_open(const struct hive *hive, uint32_t key, struct hive_list *out)
{
    struct hive_cell cell;
    enum status status = hive_cell(hive, key, HIVE_KEY, &cell);
    *out = (struct hive_list){.hive = hive};
    if (status != ST_OK)
        return status;
    out->keys_left = get_le32(cell.head + 20);
    if (out->keys_left > hive->data_bytes / HIVE_KEY_BYTES)
        return ST_CORRUPT;
    return out->keys_left == 0 ? ST_OK : open_list(out, get_le32(cell.head + 28), true);
}

enum status hive_list_next(struct hive_list *list, uint32_t skip, uint32_t *key)
{
    uint8_t bytes[4];
    if (skip >= list->keys_left)
        return ST_NOT_FOUND;
    list->keys_left -= skip + 1;
    while (list->left <= skip) {
        skip -= list->left;
        if (list->root_left == 0)
            return ST_CORRUPT;
        enum status status = hive_read(list->hive, list->root_at, bytes, 4);
        if (status == ST_OK)
            status = open_list(list, get_le32(bytes), false);
        if (status != ST_OK)
            return status;
        list->root_at += 4;
        list->root_left--;
    }
    enum status status = hive_read(list->hive, list->at + skip * list->step_bytes, bytes, 4);
    list->at += (skip + 1) * list->step_bytes;
    list->left -= skip + 1;
    *key = get_le32(bytes);
    return status;
}
