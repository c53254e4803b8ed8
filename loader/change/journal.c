/* SPDX-License-Identifier: MIT */
/* Encoding of the journal. */
#include "change/journal.h"

#include "base/crc32.h"
#include "base/trail.h"

#define MAGIC "FTJRNL01"
#define MAGIC_BYTES 8u
#define SLOT_SEQUENCE 8u
#define SLOT_STATE 12u
#define SLOT_COUNT 16u
#define SLOT_RECORDS_CRC 20u
#define SLOT_CRC 508u

#define HEADER_SIGNATURE 0u
#define HEADER_LBA 4u
#define HEADER_ID 12u
#define HEADER_WHY 16u

const char *journal_state_name(enum journal_state state)
{
    static const char *const names[] = {"empty", "pending", "done", "undone"};
    return names[state];
}

static void encode_slot(const struct journal *journal, uint8_t *slot)
{
    memset(slot, 0, SECTOR_BYTES);
    memcpy(slot, MAGIC, MAGIC_BYTES);
    put_le32(slot + SLOT_SEQUENCE, journal->sequence);
    put_le32(slot + SLOT_STATE, journal->state);
    put_le32(slot + SLOT_COUNT, journal->count);
    put_le32(slot + SLOT_RECORDS_CRC, journal->records_crc);
    put_le32(slot + SLOT_CRC, crc32_add(0, slot, SLOT_CRC));
}

static bool decode_slot(const uint8_t *slot, struct journal *out)
{
    uint32_t state = get_le32(slot + SLOT_STATE);
    out->sequence = get_le32(slot + SLOT_SEQUENCE);
    out->state = (enum journal_state)state;
    out->count = get_le32(slot + SLOT_COUNT);
    out->records_crc = get_le32(slot + SLOT_RECORDS_CRC);
    return memcmp(slot, MAGIC, MAGIC_BYTES) == 0 && state <= JOURNAL_UNDONE && out->count <= CHANGES_MAX &&
           get_le32(slot + SLOT_CRC) == crc32_add(0, slot, SLOT_CRC);
}

static enum status fail(struct journal_store *store, enum site site, enum status status, uint32_t sector)
{
    return trail_fail(store->trail, site, status, 0, sector);
}

enum status journal_load(struct journal_store *store, struct journal *out)
{
    uint8_t slot[SECTOR_BYTES];
    struct journal found;
    bool any = false;
    bool doubtful = false;
    for (uint32_t i = 0; i < JOURNAL_SLOTS; i++) {
        if (store->read(store, i, slot) != ST_OK)
            doubtful = true;
        else if (decode_slot(slot, &found)) {
            if (!any || found.sequence > out->sequence)
                *out = found;
            any = true;
        } /* else it was torn while being written: the other slot holds the state */
    }
    out->doubtful = doubtful;
    return any ? ST_OK : fail(store, SITE_JOURNAL_SLOT, ST_CORRUPT, 0);
}

enum status journal_mark(struct journal_store *store, struct journal *journal, enum journal_state state)
{
    uint8_t slot[SECTOR_BYTES];
    uint8_t back[SECTOR_BYTES];
    struct journal next = *journal;
    next.state = state;
    next.sequence++;
    encode_slot(&next, slot);
    uint32_t sector = next.sequence % JOURNAL_SLOTS;
    if (store->write(store, sector, slot) != ST_OK || store->read(store, sector, back) != ST_OK ||
        memcmp(slot, back, SECTOR_BYTES) != 0)
        return fail(store, SITE_JOURNAL_WRITE, ST_IO, sector);
    *journal = next;
    return ST_OK;
}

static void encode_header(const struct change *change, uint8_t *header)
{
    memset(header, 0, SECTOR_BYTES);
    put_le32(header + HEADER_SIGNATURE, change->signature);
    put_le64(header + HEADER_LBA, change->lba);
    memcpy(header + HEADER_ID, change->id, CHANGE_ID_BYTES);
    memcpy(header + HEADER_WHY, change->why, CHANGE_WHY_BYTES);
}

static void decode_header(const uint8_t *header, struct change *out)
{
    out->signature = get_le32(header + HEADER_SIGNATURE);
    out->lba = get_le64(header + HEADER_LBA);
    memcpy(out->id, header + HEADER_ID, CHANGE_ID_BYTES);
    memcpy(out->why, header + HEADER_WHY, CHANGE_WHY_BYTES);
    out->id[CHANGE_ID_BYTES - 1] = '\0';
    out->why[CHANGE_WHY_BYTES - 1] = '\0';
}

static enum status write_record(struct journal_store *store, uint32_t index, const struct change *change, uint32_t *crc)
{
    uint8_t header[SECTOR_BYTES];
    uint8_t back[SECTOR_BYTES];
    const uint8_t *const parts[JOURNAL_RECORD_SECTORS] = {header, change->old_bytes, change->new_bytes};
    encode_header(change, header);
    for (uint32_t i = 0; i < JOURNAL_RECORD_SECTORS; i++) {
        uint32_t sector = JOURNAL_SLOTS + index * JOURNAL_RECORD_SECTORS + i;
        *crc = crc32_add(*crc, parts[i], SECTOR_BYTES);
        if (store->write(store, sector, parts[i]) != ST_OK || store->read(store, sector, back) != ST_OK ||
            memcmp(parts[i], back, SECTOR_BYTES) != 0)
            return fail(store, SITE_JOURNAL_WRITE, ST_IO, sector);
    }
    return ST_OK;
}

enum status journal_begin(struct journal_store *store, struct journal *journal, const struct changeset *changes,
                          bool replace)
{
    if (journal->doubtful || journal->state == JOURNAL_PENDING || (journal->state == JOURNAL_DONE && !replace))
        return fail(store, SITE_JOURNAL_FULL, ST_REFUSED, 0);
    if (store->sectors < JOURNAL_SLOTS + changes->count * JOURNAL_RECORD_SECTORS)
        return fail(store, SITE_JOURNAL_FULL, ST_NO_SPACE, store->sectors);
    /* The records that stand there now are about to be overwritten: no state may refer to them any more. */
    enum status status = journal->state == JOURNAL_EMPTY ? ST_OK : journal_mark(store, journal, JOURNAL_EMPTY);
    struct journal next = *journal;
    next.count = changes->count;
    next.records_crc = 0;
    for (uint32_t i = 0; i < changes->count && status == ST_OK; i++)
        status = write_record(store, i, &changes->change[i], &next.records_crc);
    if (status == ST_OK)
        status = journal_mark(store, &next, JOURNAL_PENDING);
    if (status == ST_OK)
        *journal = next;
    return status;
}

enum status journal_changes(struct journal_store *store, const struct journal *journal, struct changeset *out)
{
    uint32_t crc = 0;
    out->count = journal->count;
    if (store->sectors < JOURNAL_SLOTS + journal->count * JOURNAL_RECORD_SECTORS)
        return fail(store, SITE_JOURNAL_RECORD, ST_CORRUPT, store->sectors);
    for (uint32_t i = 0; i < journal->count; i++) {
        struct change *change = &out->change[i];
        uint8_t header[SECTOR_BYTES];
        uint8_t *const parts[JOURNAL_RECORD_SECTORS] = {header, change->old_bytes, change->new_bytes};
        for (uint32_t part = 0; part < JOURNAL_RECORD_SECTORS; part++) {
            enum status status = store->read(store, JOURNAL_SLOTS + i * JOURNAL_RECORD_SECTORS + part, parts[part]);
            if (status != ST_OK)
                return status;
            crc = crc32_add(crc, parts[part], SECTOR_BYTES);
        }
        decode_header(header, change);
    }
    return crc == journal->records_crc ? ST_OK : fail(store, SITE_JOURNAL_RECORD, ST_CORRUPT, JOURNAL_SLOTS);
}

void journal_format(uint8_t slots[JOURNAL_SLOTS * SECTOR_BYTES])
{
    struct journal journal = {.state = JOURNAL_EMPTY};
    for (unsigned i = 0; i < JOURNAL_SLOTS; i++) {
        journal.sequence = i;
        encode_slot(&journal, slots + i * SECTOR_BYTES);
    }
}
