/* SPDX-License-Identifier: MIT */
/* NTFS: the bytes of attributes. Runs of clusters, holes, compression units, and the window through which small reads
 * go, so that they cost no command each. Knows records only by ntfs_find(). */
#include "fs/lznt1.h"
#include "fs/ntfs_internal.h"

#define COMMAND_BYTES_MAX 0x100000u
#define CHUNK_SECTORS (NTFS_CHUNK_BYTES / SECTOR_BYTES)
#define UNIT_SHIFT_MAX 7u /* NTFS_BLOCK_BYTES_MAX in sectors */

enum status ntfs_stream(struct ntfs *ntfs, uint32_t record, uint32_t type, struct ntfs_node *out)
{
    const uint8_t *attribute = 0;
    enum status status = ntfs_find(ntfs, record, type, 0, &attribute);
    if (status != ST_OK)
        return status;
    memset(out, 0, sizeof *out);
    out->record = record;
    out->type = type;
    out->bytes = get_le32(attribute + 0x10);
    out->initialized_bytes = out->bytes;
    out->resident = attribute[8] == 0;
    if (type == TYPE_DATA) /* on an index these flags are what new files inherit */
        out->attribute_flags = get_le16(attribute + 0xC);
    if (!out->resident) {
        out->bytes = get_le64(attribute + 0x30);
        out->initialized_bytes = get_le64(attribute + 0x38);
        out->unit_shift = attribute[0x22];
    }
    return out->bytes >= (uint64_t)LBA_HOLE * SECTOR_BYTES ? ST_UNSUPPORTED : ST_OK;
}

/* A number of `bytes` bytes, with its sign if it `is_signed`. */
static uint32_t take_number(const uint8_t *at, unsigned bytes, bool is_signed)
{
    uint32_t value = is_signed && bytes > 0 && at[bytes - 1] >= 0x80 ? ~0u : 0;
    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

/* Runs are pairs of a length and the distance from the run before, without which it is a hole. NTFS 1.2 may also write
 * a hole as cluster -1. */
static bool search_runs(const struct ntfs *ntfs, struct ntfs_node *stream, const uint8_t *attribute, uint32_t vcn)
{
    const uint8_t *at = attribute + get_le16(attribute + 0x20);
    uint32_t left = get_le32(attribute + 4) - get_le16(attribute + 0x20);
    uint32_t first_vcn = get_le32(attribute + 0x10);
    uint32_t lcn = 0;
    while (left > 0 && *at != 0) {
        unsigned length_bytes = *at & 15u;
        unsigned distance_bytes = *at >> 4;
        uint32_t bytes = 1 + length_bytes + distance_bytes;
        if (length_bytes > 4 || distance_bytes > 4 || bytes > left)
            return false;
        uint32_t clusters = take_number(at + 1, length_bytes, false);
        lcn += take_number(at + 1 + length_bytes, distance_bytes, true);
        bool is_hole = distance_bytes == 0 || lcn == ~0u;
        if (clusters == 0 || clusters > (LBA_HOLE >> ntfs->cluster_shift) - first_vcn)
            return false;
        if (is_hole ? stream->type != TYPE_DATA : lcn >= ntfs->clusters || clusters > ntfs->clusters - lcn)
            return false;
        if (vcn - first_vcn < clusters) {
            stream->run_first = first_vcn << ntfs->cluster_shift;
            stream->run_lba = is_hole ? LBA_HOLE : lcn << ntfs->cluster_shift;
            stream->run_sectors = clusters << ntfs->cluster_shift;
            return true;
        }
        first_vcn += clusters;
        at += bytes;
        left -= bytes;
    }
    return false;
}

enum status ntfs_map(struct ntfs *ntfs, struct ntfs_node *stream, uint32_t sector)
{
    const uint8_t *attribute = 0;
    uint32_t vcn = sector >> ntfs->cluster_shift;
    if (sector - stream->run_first < stream->run_sectors)
        return ST_OK;
    enum status status = ntfs_find(ntfs, stream->record, stream->type, vcn, &attribute);
    if (status != ST_OK && status != ST_NOT_FOUND)
        return status;
    if (status == ST_NOT_FOUND || attribute[8] == 0 || !search_runs(ntfs, stream, attribute, vcn))
        return ntfs_corrupt(ntfs, SITE_NTFS_RUNS, stream->record);
    return ST_OK;
}

/* A part of a read. */
struct part {
    struct ntfs_node *stream;
    uint32_t sector; /* of the stream */
    uint32_t inside; /* bytes of that sector to skip */
    uint32_t bytes;  /* wanted; then, how many it were */
    uint8_t *to;
};

/* Have sector `index` of the stream's run in the window, with others of the run if they can be read. */
static enum status fill_window(struct ntfs *ntfs, const struct ntfs_node *stream, uint32_t index)
{
    uint32_t lba = stream->run_lba + index;
    uint32_t first = index & ~(NTFS_WINDOW_SECTORS - 1);
    uint32_t sectors = stream->run_sectors - first;
    if (lba - ntfs->window_lba < ntfs->window_sectors)
        return ST_OK;
    if (sectors > NTFS_WINDOW_SECTORS)
        sectors = NTFS_WINDOW_SECTORS;
    ntfs->window_sectors = 0;
    ntfs->window_lba = stream->run_lba + first;
    for (;;) {
        enum status status = blockdev_read(ntfs->device, ntfs->start_lba + ntfs->window_lba, sectors, ntfs->window);
        if (status == ST_OK)
            ntfs->window_sectors = sectors;
        if (status == ST_OK || sectors == 1)
            return status;
        ntfs->window_lba = lba;
        sectors = 1;
    }
}

/* Read what is wanted as far as it is in one run. */
static enum status read_run(struct ntfs *ntfs, struct part *part)
{
    struct ntfs_node *stream = part->stream;
    enum status status = ntfs_map(ntfs, stream, part->sector);
    if (status != ST_OK)
        return status;
    uint32_t index = part->sector - stream->run_first;
    uint32_t left = stream->run_sectors - index;
    if ((part->inside + part->bytes) / SECTOR_BYTES >= left)
        part->bytes = left * SECTOR_BYTES - part->inside;
    if (stream->run_lba == LBA_HOLE) {
        memset(part->to, 0, part->bytes);
        return ST_OK;
    }
    if (part->inside == 0 && part->bytes >= sizeof ntfs->window) {
        uint32_t sectors = part->bytes / SECTOR_BYTES;
        part->bytes = sectors * SECTOR_BYTES;
        return blockdev_read(ntfs->device, ntfs->start_lba + stream->run_lba + index, sectors, part->to);
    }
    status = fill_window(ntfs, stream, index);
    if (status != ST_OK)
        return status;
    index += stream->run_lba - ntfs->window_lba;
    left = (ntfs->window_sectors - index) * SECTOR_BYTES - part->inside;
    if (part->bytes > left)
        part->bytes = left;
    memcpy(part->to, ntfs->window + index * SECTOR_BYTES + part->inside, part->bytes);
    return ST_OK;
}

/* How many clusters of the compression unit at `sector` are stored: all (as they are), some (compressed) or none. */
static enum status count_stored(struct ntfs *ntfs, struct ntfs_node *stream, uint32_t sector, uint32_t *stored)
{
    *stored = 0;
    for (uint32_t i = 0; i < 1u << stream->unit_shift; i++) {
        enum status status = ntfs_map(ntfs, stream, sector + (i << ntfs->cluster_shift));
        if (status != ST_OK)
            return status;
        if (stream->run_lba == LBA_HOLE)
            continue;
        if (*stored != i)
            return ntfs_corrupt(ntfs, SITE_NTFS_RUNS, stream->record);
        ++*stored;
    }
    return ST_OK;
}

/* Have a chunk of a compressed unit, which begins at `sector`, decompressed. The unit stays in the block buffer. */
static enum status load_chunk(struct ntfs *ntfs, struct ntfs_node *stream, uint32_t sector, uint32_t bytes,
                              uint32_t index)
{
    uint32_t number = sector / CHUNK_SECTORS + index + 1;
    if (ntfs->chunk_number == number && ntfs->chunk_record == stream->record)
        return ST_OK;
    if (ntfs->block_type != TYPE_DATA || ntfs->block_record != stream->record || ntfs->block_at != sector) {
        struct part part;
        part.stream = stream;
        part.inside = 0;
        ntfs->block_type = 0;
        for (uint32_t done = 0; done < bytes; done += part.bytes) {
            part.sector = sector + done / SECTOR_BYTES;
            part.bytes = bytes - done;
            part.to = ntfs->block + done;
            enum status status = read_run(ntfs, &part);
            if (status != ST_OK)
                return status;
        }
        ntfs->block_type = TYPE_DATA;
        ntfs->block_record = stream->record;
        ntfs->block_at = sector;
    }
    ntfs->chunk_number = 0;
    if (!lznt1_chunk(ntfs->block, bytes, index, ntfs->chunk))
        return ntfs_corrupt(ntfs, SITE_LZNT1, stream->record);
    ntfs->chunk_number = number;
    ntfs->chunk_record = stream->record;
    return ST_OK;
}

/* As read_run(), from one unit of a compressed stream. */
static enum status read_unit(struct ntfs *ntfs, struct part *part)
{
    uint32_t stored = 0;
    uint32_t unit_shift = part->stream->unit_shift;
    if (ntfs->cluster_shift + unit_shift > UNIT_SHIFT_MAX)
        return ST_UNSUPPORTED;
    uint32_t sectors = 1u << ntfs->cluster_shift << unit_shift;
    uint32_t skip = part->sector & (sectors - 1);
    enum status status = count_stored(ntfs, part->stream, part->sector - skip, &stored);
    if (status != ST_OK)
        return status;
    bool is_packed = stored != 0 && stored != 1u << unit_shift;
    if (is_packed) {
        status = load_chunk(ntfs, part->stream, part->sector - skip, stored * SECTOR_BYTES << ntfs->cluster_shift,
                            skip / CHUNK_SECTORS);
        sectors = CHUNK_SECTORS;
        skip %= CHUNK_SECTORS;
    }
    if (status != ST_OK)
        return status;
    uint32_t from = skip * SECTOR_BYTES + part->inside;
    if (part->bytes > sectors * SECTOR_BYTES - from)
        part->bytes = sectors * SECTOR_BYTES - from;
    if (!is_packed)
        return read_run(ntfs, part);
    memcpy(part->to, ntfs->chunk + from, part->bytes);
    return ST_OK;
}

static enum status read_resident(struct ntfs *ntfs, const struct part *part)
{
    const uint8_t *attribute = 0;
    enum status status = ntfs_find(ntfs, part->stream->record, part->stream->type, 0, &attribute);
    if (status != ST_OK)
        return status;
    /* It was read again, perhaps from a disk that answers differently each time. */
    if (attribute[8] != 0 || get_le32(attribute + 0x10) != part->stream->bytes)
        return ntfs_corrupt(ntfs, SITE_NTFS_RECORD, part->stream->record);
    memcpy(part->to, attribute + get_le16(attribute + 0x14) + part->sector * SECTOR_BYTES + part->inside, part->bytes);
    return ST_OK;
}

static enum status read_part(struct ntfs *ntfs, struct part *part)
{
    if (part->stream->resident)
        return read_resident(ntfs, part);
    if ((part->stream->attribute_flags & ATTRIBUTE_COMPRESSED) != 0)
        return read_unit(ntfs, part);
    return read_run(ntfs, part);
}

enum status ntfs_read(struct ntfs *ntfs, struct ntfs_node *stream, uint64_t offset, void *buffer, uint32_t bytes)
{
    struct part part;
    part.stream = stream;
    part.to = buffer;
    if (offset + bytes > stream->bytes) /* nobody asks for what would overflow: fs_read() sees to it */
        return ST_BOUNDS;
    if ((stream->attribute_flags & ATTRIBUTE_UNREADABLE) != 0)
        return ST_UNSUPPORTED;
    while (bytes > 0) {
        if (offset >= stream->initialized_bytes) {
            memset(part.to, 0, bytes);
            return ST_OK;
        }
        uint64_t left = stream->initialized_bytes - offset;
        part.sector = (uint32_t)(offset / SECTOR_BYTES);
        part.inside = (uint32_t)offset % SECTOR_BYTES;
        part.bytes = bytes < COMMAND_BYTES_MAX ? bytes : COMMAND_BYTES_MAX;
        if (part.bytes > left)
            part.bytes = (uint32_t)left;
        enum status status = read_part(ntfs, &part);
        if (status != ST_OK)
            return status;
        part.to += part.bytes;
        offset += part.bytes;
        bytes -= part.bytes;
    }
    return ST_OK;
}

enum status ntfs_peek(struct ntfs *ntfs, uint32_t record, uint32_t type, uint32_t offset, void *buffer, uint32_t bytes)
{
    struct ntfs_node stream;
    enum status status = ntfs_stream(ntfs, record, type, &stream);
    if (status == ST_OK)
        status = ntfs_read(ntfs, &stream, offset, buffer, bytes);
    return status == ST_NOT_FOUND || status == ST_BOUNDS ? ntfs_corrupt(ntfs, SITE_NTFS_RECORD, record) : status;
}
