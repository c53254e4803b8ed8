/* SPDX-License-Identifier: MIT */
/* Hives: base block, keys by name, values and their data. The name in a key's own cell decides; the hints and hashes of
 * the lists are not looked at, so that a damaged one hides nothing. */
#include "nt/hive.h"

#include "base/bytes.h"
#include "base/unicode.h"
#include "nt/hive_list.h"

#define BASE_BYTES 512u /* of the base block that mean anything; in a log, the dirty pages' mark follows */
#define SEQUENCE 4u     /* two of them */
#define TIME 12u
#define KIND 28u /* 0 a hive, 1 or (older) 2 its log */
#define CHECKSUM 508u
#define REGF 0x66676572u
#define DIRT 0x54524944u
#define BAD_DATA_BYTES 0x80000FFFu /* bins come in 4 KB, and two gigabytes of them are no hive */
#define SEGMENT_BYTES 16344u       /* of a big value */
#define NAME_UNITS 255u
#define TEXT_UNITS 260u
#define KEY_IS_LATIN1 0x20u /* flags: the name has one byte for each character */
#define VALUE_IS_LATIN1 0x01u
#define VALUE_LENGTH 4u
#define REG_SZ 1u
#define REG_EXPAND_SZ 2u
#define REG_DWORD 4u

struct name {
    uint32_t count; /* more than NAME_UNITS: not read */
    uint8_t units[2 * NAME_UNITS];
};

static enum status read_base(struct source *source, uint8_t *block)
{
    uint32_t sum = 0;
    enum status status = hive_fetch(source, 0, block, BASE_BYTES + 4);
    if (status != ST_OK)
        return status;
    for (uint32_t at = 0; at < CHECKSUM; at += 4)
        sum ^= get_le32(block + at);
    if (sum == 0)
        sum = 1;
    if (sum == UINT32_MAX)
        sum--;
    return get_le32(block) == REGF && get_le32(block + CHECKSUM) == sum ? ST_OK : ST_CORRUPT;
}

static enum status use_base(struct hive *hive, const uint8_t *block)
{
    hive->minor = get_le32(block + 24);
    hive->root = get_le32(block + 36);
    hive->data_bytes = get_le32(block + 40);
    if (get_le32(block + 20) != 1 || hive->minor > 6)
        return ST_UNSUPPORTED;
    return (hive->data_bytes & BAD_DATA_BYTES) == 0 ? ST_OK : ST_CORRUPT;
}

/* Format 1.1 keeps the offset of the cell before this one behind the size; later ones do not. Of 1.0, which only betas
 * of NT 3.1 wrote, no description is public: its root key tells. */
static enum status find_head(struct hive *hive)
{
    uint8_t tags[6];
    hive->head_bytes = hive->minor == 1 ? 8 : 4;
    if (hive->minor != 0)
        return ST_OK;
    enum status status = hive_read(hive, hive->root + 4, tags, sizeof tags);
    if (status == ST_OK && get_le16(tags) != HIVE_KEY >> 16 && get_le16(tags + 4) == HIVE_KEY >> 16)
        hive->head_bytes = 8;
    return status;
}

/* NT writes the log, marks the hive by raising its first sequence number, writes the bins and raises the second. The
 * log of that very write has the hive's time and one of its two sequence numbers: the second with the NTs that count
 * the log as a write, the first with later ones. */
static enum status fits(struct source *log, const uint8_t *base, uint8_t *block)
{
    enum status status = read_base(log, block);
    uint32_t sequence = get_le32(block + SEQUENCE);
    if (status != ST_OK)
        return status;
    bool good = sequence == get_le32(block + SEQUENCE + 4) &&
                (sequence == get_le32(base + SEQUENCE) || sequence == get_le32(base + SEQUENCE + 4)) &&
                memcmp(block + TIME, base + TIME, 8) == 0 && get_le32(block + KIND) - 1 <= 1 &&
                get_le32(block + BASE_BYTES) == DIRT;
    return good ? ST_OK : ST_NOT_FOUND;
}

enum status hive_open(struct source *source, struct source *log, struct hive *out)
{
    uint8_t block[BASE_BYTES + 4];
    uint8_t log_block[BASE_BYTES + 4];
    memset(out, 0, sizeof *out);
    out->source = source;
    enum status status = read_base(source, block);
    if (status != ST_OK)
        return status;
    out->stamp.sequence = get_le32(block + SEQUENCE);
    out->stamp.written_100ns = get_le64(block + TIME);
    out->stamp.clean = out->stamp.sequence == get_le32(block + SEQUENCE + 4);
    status = use_base(out, block);
    enum status fit = status == ST_OK && !out->stamp.clean && log != NULL ? fits(log, block, log_block) : ST_NOT_FOUND;
    if (fit == ST_IO)
        return fit;
    if (fit == ST_OK) {
        out->log = log;
        status = use_base(out, log_block);
        out->log_first =
            (HIVE_LOG_BITMAP + out->data_bytes / 8 / HIVE_PAGE_BYTES + HIVE_PAGE_BYTES - 1) & ~(HIVE_PAGE_BYTES - 1);
        return status == ST_OK ? find_head(out) : status;
    }
    if (source->bytes < HIVE_DATA_OFFSET || out->data_bytes > source->bytes - HIVE_DATA_OFFSET)
        return status == ST_OK ? ST_CORRUPT : status;
    return status == ST_OK ? find_head(out) : status;
}

/* The name of a key or value, which begins `at` bytes into its cell, as UTF-16. */
static enum status read_name(const struct hive *hive, const struct hive_cell *cell, uint32_t at, uint32_t bytes,
                             bool latin1, struct name *out)
{
    if (bytes > cell->bytes - at || (!latin1 && bytes % 2 != 0))
        return ST_CORRUPT;
    out->count = latin1 ? bytes : bytes / 2;
    if (out->count > NAME_UNITS)
        return ST_OK;
    uint8_t *from = latin1 ? out->units + NAME_UNITS : out->units;
    enum status status = hive_read(hive, cell->at + at, from, bytes);
    for (uint32_t i = 0; latin1 && i < bytes; i++) {
        out->units[2 * i] = from[i];
        out->units[2 * i + 1] = 0;
    }
    return status;
}

static enum status key_name(const struct hive *hive, uint32_t key, struct name *out)
{
    struct hive_cell cell;
    enum status status = hive_cell(hive, key, HIVE_KEY, &cell);
    if (status != ST_OK)
        return status;
    return read_name(hive, &cell, HIVE_KEY_BYTES, get_le16(cell.head + 72), (cell.head[2] & KEY_IS_LATIN1) != 0, out);
}

static enum status give_name(const struct name *name, char *out)
{
    struct text text;
    text_init(&text, out, HIVE_NAME_BYTES);
    if (name->count > NAME_UNITS)
        return ST_UNSUPPORTED;
    utf16_add(&text, name->units, name->count);
    return ST_OK;
}

/* The order in which NT keeps keys: negative when `name` stands before `wanted`, 0 when they are the same. */
static int compare(const struct name *name, const char *wanted, size_t bytes)
{
    struct units units = units_of(wanted, bytes);
    for (uint32_t i = 0; name->count <= NAME_UNITS; i++) {
        uint16_t unit = 0;
        bool more = units_take(&units, &unit);
        if (i == name->count)
            return -(int)more;
        int difference = unicode_upper(get_le16(name->units + 2 * i)) - unicode_upper(unit);
        if (!more || difference != 0)
            return more ? difference : 1;
    }
    return 1;
}

/* By halves, as NT does. Where that does not lead to the key, one by one: a damaged key on the way must not hide
 * another, nor must letters beyond ours whose order we do not know. */
static enum status find_subkey(const struct hive *hive, uint32_t parent, const char *wanted, size_t bytes,
                               uint32_t *key)
{
    struct hive_list list;
    struct name name;
    enum status status = hive_list_open(hive, parent, &list);
    enum status worst = ST_NOT_FOUND;
    uint32_t low = 0;
    uint32_t high = list.keys_left;
    while (status == ST_OK && low < high) {
        struct hive_list from = list;
        uint32_t middle = (low + high) / 2;
        if (hive_list_next(&from, middle, key) != ST_OK || key_name(hive, *key, &name) != ST_OK)
            break;
        int order = compare(&name, wanted, bytes);
        if (order == 0)
            return ST_OK;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (status == ST_OK && (status = hive_list_next(&list, 0, key)) == ST_OK) {
        enum status found = key_name(hive, *key, &name);
        if (found != ST_OK)
            worst = found;
        else if (compare(&name, wanted, bytes) == 0)
            return ST_OK;
    }
    return status == ST_NOT_FOUND ? worst : status;
}

/* Not to find something in a hive of format 1.0 proves nothing. */
static enum status certain(const struct hive *hive, enum status status)
{
    return status == ST_NOT_FOUND && hive->minor == 0 ? ST_UNSUPPORTED : status;
}

enum status hive_key(const struct hive *hive, uint32_t parent, const char *path, uint32_t *key)
{
    enum status status = ST_OK;
    *key = parent;
    while (status == ST_OK && *path != '\0') {
        size_t bytes = 0;
        while (path[bytes] != '\0' && path[bytes] != '\\')
            bytes++;
        if (bytes > 0)
            status = find_subkey(hive, *key, path, bytes, key);
        path += bytes + (path[bytes] != '\0');
    }
    return certain(hive, status);
}

enum status hive_subkey(const struct hive *hive, uint32_t parent, uint32_t index, char *name, uint32_t *key)
{
    struct hive_list list;
    struct name found;
    enum status status = hive_list_open(hive, parent, &list);
    if (status == ST_OK)
        status = hive_list_next(&list, index, key);
    if (status == ST_OK)
        status = key_name(hive, *key, &found);
    return status != ST_OK ? status : give_name(&found, name);
}

/* The offset that stands at `index` of a cell full of them. */
static enum status read_offset(const struct hive *hive, uint32_t list, uint32_t index, uint32_t *out)
{
    struct hive_cell cell;
    uint8_t bytes[4];
    enum status status = hive_cell(hive, list, HIVE_RAW, &cell);
    if (status != ST_OK)
        return status;
    if (index >= cell.bytes / 4)
        return ST_CORRUPT;
    status = hive_read(hive, cell.at + 4 * index, bytes, 4);
    *out = get_le32(bytes);
    return status;
}

static enum status value_at(const struct hive *hive, uint32_t key, uint32_t index, struct name *name,
                            struct hive_value *out)
{
    struct hive_cell cell;
    uint32_t offset;
    enum status status = hive_cell(hive, key, HIVE_KEY, &cell);
    if (status != ST_OK)
        return status;
    if (index >= get_le32(cell.head + 36))
        return ST_NOT_FOUND;
    status = read_offset(hive, get_le32(cell.head + 40), index, &offset);
    if (status == ST_OK)
        status = hive_cell(hive, offset, HIVE_VALUE, &cell);
    if (status != ST_OK)
        return status;
    out->record = offset;
    out->bytes = get_le32(cell.head + VALUE_LENGTH) & INT32_MAX;
    out->is_inline = out->bytes != get_le32(cell.head + VALUE_LENGTH);
    out->cell = get_le32(cell.head + 8);
    out->type = get_le32(cell.head + 12);
    memcpy(out->inline_bytes, cell.head + 8, 4);
    if (out->bytes > (out->is_inline ? 4 : hive->data_bytes))
        return ST_CORRUPT;
    return read_name(hive, &cell, HIVE_VALUE_BYTES, get_le16(cell.head + 2), (cell.head[16] & VALUE_IS_LATIN1) != 0,
                     name);
}

enum status hive_value(const struct hive *hive, uint32_t key, const char *name, struct hive_value *out)
{
    for (uint32_t index = 0;; index++) {
        struct name found;
        enum status status = value_at(hive, key, index, &found, out);
        if (status != ST_OK || compare(&found, name, text_length(name)) == 0)
            return certain(hive, status);
    }
}

enum status hive_value_at(const struct hive *hive, uint32_t key, uint32_t index, char *name, struct hive_value *out)
{
    struct name found;
    enum status status = value_at(hive, key, index, &found, out);
    return status != ST_OK ? status : give_name(&found, name);
}

/* Where data that are not inline stand, relative to the first bin, and how many bytes follow there. */
static enum status place(const struct hive *hive, const struct hive_value *value, uint32_t offset, uint32_t *at,
                         uint32_t *bytes)
{
    struct hive_cell cell;
    enum status status = hive_cell(hive, value->cell, HIVE_RAW, &cell);
    if (status != ST_OK)
        return status;
    *at = cell.at + offset;
    *bytes = value->bytes - offset;
    if (cell.bytes >= value->bytes)
        return ST_OK;
    uint32_t segment = offset / SEGMENT_BYTES;
    offset %= SEGMENT_BYTES;
    uint32_t segment_cell;
    /* Of a cell that is too short for them, the missing bytes are zeros: no tag, or no segments. */
    if (hive->minor < 4 || get_le16(cell.head) != HIVE_BIG || segment >= get_le16(cell.head + 2))
        return ST_CORRUPT;
    status = read_offset(hive, get_le32(cell.head + 4), segment, &segment_cell);
    if (status == ST_OK)
        status = hive_cell(hive, segment_cell, HIVE_RAW, &cell);
    *at = cell.at + offset;
    if (*bytes > SEGMENT_BYTES - offset)
        *bytes = SEGMENT_BYTES - offset;
    return status == ST_OK && cell.bytes < offset + *bytes ? ST_CORRUPT : status;
}

static enum status read_data(const struct hive *hive, const struct hive_value *value, uint32_t offset, uint8_t *to,
                             uint32_t bytes)
{
    enum status status = ST_OK;
    if (value->is_inline)
        memcpy(to, value->inline_bytes + offset, bytes);
    while (!value->is_inline && bytes > 0 && status == ST_OK) {
        uint32_t at = 0;
        uint32_t part = 0;
        status = place(hive, value, offset, &at, &part);
        if (part > bytes)
            part = bytes;
        if (status == ST_OK)
            status = hive_read(hive, at, to, part);
        to += part;
        offset += part;
        bytes -= part;
    }
    return status;
}

enum status hive_data(const struct hive *hive, const struct hive_value *value, void *buffer, uint32_t room)
{
    return value->bytes > room ? ST_NO_SPACE : read_data(hive, value, 0, buffer, value->bytes);
}

enum status hive_data_place(const struct hive *hive, const struct hive_value *value, uint32_t offset,
                            uint32_t *file_offset, uint32_t *bytes)
{
    struct source *source;
    uint32_t at;
    if (value->is_inline)
        return ST_UNSUPPORTED;
    if (offset >= value->bytes)
        return ST_BOUNDS;
    enum status status = place(hive, value, offset, &at, bytes);
    if (status == ST_OK)
        status = hive_find(hive, at, &source, file_offset);
    if (status != ST_OK)
        return status;
    uint32_t page_left = HIVE_PAGE_BYTES - at % HIVE_PAGE_BYTES; /* the next page may be the log's */
    if (*bytes > page_left)
        *bytes = page_left;
    return source == hive->log ? ST_UNSUPPORTED : ST_OK;
}

enum status hive_length_place(const struct hive *hive, const struct hive_value *value, uint32_t *file_offset)
{
    struct hive_cell cell;
    struct source *source;
    if (value->is_inline)
        return ST_UNSUPPORTED;
    enum status status = hive_cell(hive, value->record, HIVE_VALUE, &cell);
    if (status == ST_OK)
        status = hive_find(hive, cell.at + VALUE_LENGTH, &source, file_offset);
    return status == ST_OK && source == hive->log ? ST_UNSUPPORTED : status;
}

enum status hive_u32(const struct hive *hive, uint32_t key, const char *name, uint32_t *out)
{
    struct hive_value value;
    uint8_t bytes[4];
    enum status status = hive_value(hive, key, name, &value);
    if (status != ST_OK)
        return status;
    if (value.type != REG_DWORD || value.bytes != 4)
        return ST_CORRUPT;
    status = read_data(hive, &value, 0, bytes, 4);
    *out = get_le32(bytes);
    return status;
}

enum status hive_text(const struct hive *hive, uint32_t key, const char *name, char *buffer, size_t room)
{
    struct hive_value value;
    struct text text;
    text_init(&text, buffer, room);
    enum status status = hive_value(hive, key, name, &value);
    if (status == ST_OK && value.type != REG_SZ && value.type != REG_EXPAND_SZ)
        status = ST_CORRUPT;
    uint8_t units[2 * TEXT_UNITS];
    uint32_t count = value.bytes / 2 < TEXT_UNITS ? value.bytes / 2 : TEXT_UNITS;
    if (status == ST_OK)
        status = read_data(hive, &value, 0, units, 2 * count);
    if (status != ST_OK)
        return status;
    uint32_t used = 0;
    while (used < count && get_le16(units + 2 * used) != 0)
        used++;
    utf16_add(&text, units, used);
    return ST_OK;
}
