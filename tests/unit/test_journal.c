/* SPDX-License-Identifier: MIT */
/* change/journal: slots in turn, torn writes, records and their checksum, on a store in memory. */
#include "base/trail.h"
#include "change/journal.h"
#include "fixture.h"
#include "unit.h"

#define SECTORS JOURNAL_MIN_SECTORS

static uint8_t media[SECTORS + 8][SECTOR_BYTES];
static unsigned writes;
static unsigned faulty_write; /* this and all later ones are lost */
static bool torn;             /* ... but half of this one arrives */
static uint32_t last_written;
static uint32_t bad_sector;

static enum status read_store(struct journal_store *store, uint32_t sector, void *buffer)
{
    assert_in_range(sector, 0, store->sectors - 1);
    if (sector == bad_sector)
        return ST_IO;
    memcpy(buffer, media[sector], SECTOR_BYTES);
    return ST_OK;
}

static enum status write_store(struct journal_store *store, uint32_t sector, const void *buffer)
{
    assert_in_range(sector, 0, store->sectors - 1);
    last_written = sector;
    if (++writes >= faulty_write) {
        if (writes == faulty_write && torn)
            memcpy(media[sector], buffer, SECTOR_BYTES / 2);
        return ST_IO;
    }
    memcpy(media[sector], buffer, SECTOR_BYTES);
    return ST_OK;
}

static struct journal_store store = {.read = read_store, .write = write_store, .sectors = SECTORS};
static struct journal journal;
static struct changeset changes;
static struct changeset loaded;

static void fill_changes(unsigned count)
{
    changes.count = count;
    for (unsigned i = 0; i < count; i++) {
        struct change *change = &changes.change[i];
        *change = (struct change){.signature = 100 + i, .lba = 0x100000000u + i, .why = "because", .id = "D05"};
        memset(change->old_bytes, 0x10 + (int)i, SECTOR_BYTES);
        memset(change->new_bytes, 0x80 + (int)i, SECTOR_BYTES);
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(media, 0, sizeof media);
    journal_format((uint8_t *)media);
    writes = 0;
    faulty_write = UINT32_MAX;
    torn = false;
    bad_sector = UINT32_MAX;
    store.sectors = SECTORS;
    fill_changes(CHANGES_MAX);
    assert_int_equal(journal_load(&store, &journal), ST_OK);
    assert_int_equal(journal.state, JOURNAL_EMPTY);
    return 0;
}

static void expect_loaded(void)
{
    assert_int_equal(journal_changes(&store, &journal, &loaded), ST_OK);
    assert_int_equal(loaded.count, changes.count);
    for (unsigned i = 0; i < changes.count; i++) {
        assert_int_equal(loaded.change[i].signature, changes.change[i].signature);
        assert_int_equal(loaded.change[i].lba, changes.change[i].lba);
        assert_string_equal(loaded.change[i].why, changes.change[i].why);
        assert_string_equal(loaded.change[i].id, changes.change[i].id);
        assert_memory_equal(loaded.change[i].old_bytes, changes.change[i].old_bytes, SECTOR_BYTES);
        assert_memory_equal(loaded.change[i].new_bytes, changes.change[i].new_bytes, SECTOR_BYTES);
    }
}

static void a_whole_life(void **state)
{
    (void)state;
    static const enum journal_state states[] = {JOURNAL_DONE, JOURNAL_PENDING, JOURNAL_UNDONE};
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    assert_int_equal(journal_load(&store, &journal), ST_OK);
    assert_int_equal(journal.state, JOURNAL_PENDING);
    expect_loaded();
    uint32_t slot = last_written;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(journal_mark(&store, &journal, states[i]), ST_OK);
        assert_int_equal(last_written, 1 - slot); /* in turn */
        slot = last_written;
        memset(&journal, 0xC3, sizeof journal);
        assert_int_equal(journal_load(&store, &journal), ST_OK);
        assert_int_equal(journal.state, states[i]);
        expect_loaded();
    }
    fill_changes(2);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    expect_loaded();
}

/* As many as a change set holds, with reasons and names as long as they can be: all of it comes back. */
static void the_largest_change_set(void **state)
{
    (void)state;
    assert_int_equal(changes.count, 32);
    for (unsigned i = 0; i < 32; i++) {
        struct change *change = &changes.change[i];
        memset(change->why, 'a' + (int)i % 26, CHANGE_WHY_BYTES - 1);
        change->why[CHANGE_WHY_BYTES - 1] = '\0';
        (void)snprintf(change->id, sizeof change->id, "Z%02u", i);
        for (unsigned at = 0; at < SECTOR_BYTES; at++)
            change->new_bytes[at] = (uint8_t)(at * (i + 1));
    }
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    assert_int_equal(last_written, 0); /* the state comes last, in the other slot */
    assert_int_equal(journal_load(&store, &journal), ST_OK);
    assert_int_equal(journal.count, 32);
    memset(&loaded, 0xC3, sizeof loaded);
    expect_loaded();
    assert_int_equal(strlen(loaded.change[31].why), CHANGE_WHY_BYTES - 1);
    assert_string_equal(loaded.change[31].id, "Z31");
}

static void refusals(void **state)
{
    (void)state;
    fill_changes(1);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_REFUSED);
    assert_int_equal(journal_begin(&store, &journal, &changes, true), ST_REFUSED);
    assert_int_equal(journal_mark(&store, &journal, JOURNAL_DONE), ST_OK);
    unsigned before = writes;
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_REFUSED);
    assert_int_equal(writes, before);
    assert_int_equal(journal_begin(&store, &journal, &changes, true), ST_OK);
}

static void too_small(void **state)
{
    (void)state;
    store.sectors = JOURNAL_SLOTS + 2 * JOURNAL_RECORD_SECTORS - 1;
    fill_changes(2);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_NO_SPACE);
    assert_int_equal(writes, 0);
    fill_changes(1);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
}

/* The power goes, or the medium stops, at every write of begin: the journal is empty, or it is pending and whole. */
static void every_cut_of_begin(void **state)
{
    unsigned total = 0;
    for (unsigned cut = 1; total == 0 || cut <= total; cut++) {
        for (int tear = 0; tear < 2; tear++) {
            (void)set_up(state);
            faulty_write = cut;
            torn = tear != 0;
            enum status status = journal_begin(&store, &journal, &changes, false);
            if (status == ST_OK) {
                total = writes;
                break;
            }
            assert_int_equal(status, ST_IO);
            assert_int_equal(journal.state, JOURNAL_EMPTY);
            assert_int_equal(journal_load(&store, &journal), ST_OK);
            assert_int_equal(journal.state, JOURNAL_EMPTY);
        }
    }
    assert_int_equal(total, 3 * CHANGES_MAX + 1);
}

/* The same while an older, done journal is replaced: never a state that points at half-overwritten records. */
static void every_cut_of_replacing(void **state)
{
    bool finished = false;
    for (unsigned cut = 1; !finished; cut++) {
        for (int tear = 0; tear < 2 && !finished; tear++) {
            (void)set_up(state);
            assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
            assert_int_equal(journal_mark(&store, &journal, JOURNAL_DONE), ST_OK);
            struct changeset before = changes;
            fill_changes(3);
            changes.change[0].lba = 77;
            writes = 0;
            faulty_write = cut;
            torn = tear != 0;
            finished = journal_begin(&store, &journal, &changes, true) == ST_OK;
            assert_int_equal(journal_load(&store, &journal), ST_OK);
            if (journal.state == JOURNAL_DONE)
                changes = before;
            if (journal.state != JOURNAL_EMPTY)
                expect_loaded();
        }
    }
}

static void a_lost_write_is_noticed(void **state)
{
    (void)state;
    bad_sector = JOURNAL_SLOTS + 1;
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_IO);
    assert_int_equal(journal.state, JOURNAL_EMPTY);
    bad_sector = (journal.sequence + 1) % JOURNAL_SLOTS;
    struct journal before = journal;
    assert_int_equal(journal_mark(&store, &journal, JOURNAL_DONE), ST_IO);
    assert_memory_equal(&before, &journal, sizeof journal);
}

static void every_bit_of_the_records_counts(void **state)
{
    (void)state;
    fill_changes(2);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    for (unsigned sector = JOURNAL_SLOTS; sector < JOURNAL_SLOTS + 6; sector++)
        for (unsigned byte = 0; byte < SECTOR_BYTES; byte += 7) {
            media[sector][byte] ^= 0x20;
            assert_int_equal(journal_changes(&store, &journal, &loaded), ST_CORRUPT);
            media[sector][byte] ^= 0x20;
        }
    bad_sector = JOURNAL_SLOTS + 3;
    assert_int_equal(journal_changes(&store, &journal, &loaded), ST_IO);
}

static enum status load_vector(const char *name)
{
    fx_vector(name, media, sizeof media);
    memset(&journal, 0xC3, sizeof journal);
    return journal_load(&store, &journal);
}

static void vectors(void **state)
{
    (void)state;
    assert_int_equal(load_vector("journal-pending.hex"), ST_OK);
    assert_int_equal(journal.state, JOURNAL_PENDING);
    assert_int_equal(journal_changes(&store, &journal, &loaded), ST_OK);
    assert_int_equal(loaded.count, 1);
    assert_string_equal(loaded.change[0].id, "D05");
    assert_string_equal(loaded.change[0].why, "clear the fault-tolerance bits");
    assert_int_equal(loaded.change[0].old_bytes[450], 0x86);
    assert_int_equal(loaded.change[0].new_bytes[450], 0x06);
    assert_int_equal(load_vector("journal-torn-slot.hex"), ST_OK);
    assert_int_equal(journal.state, JOURNAL_PENDING);
    assert_int_equal(journal.sequence, 2);
    assert_int_equal(load_vector("journal-no-slot.hex"), ST_CORRUPT);
    assert_int_equal(load_vector("journal-bad-record.hex"), ST_OK);
    assert_int_equal(journal_changes(&store, &journal, &loaded), ST_CORRUPT);
    assert_int_equal(load_vector("journal-too-many.hex"), ST_OK); /* the other slot is good */
    assert_int_equal(journal.state, JOURNAL_EMPTY);
}

static void one_slot_is_enough(void **state)
{
    (void)state;
    fill_changes(1);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    assert_int_equal(journal_mark(&store, &journal, JOURNAL_DONE), ST_OK);
    bad_sector = 1 - journal.sequence % JOURNAL_SLOTS;
    assert_int_equal(journal_load(&store, &journal), ST_OK);
    assert_int_equal(journal.state, JOURNAL_DONE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(a_whole_life, set_up),
    cmocka_unit_test_setup(the_largest_change_set, set_up),
    cmocka_unit_test_setup(refusals, set_up),
    cmocka_unit_test_setup(too_small, set_up),
    cmocka_unit_test_setup(every_cut_of_begin, set_up),
    cmocka_unit_test_setup(every_cut_of_replacing, set_up),
    cmocka_unit_test_setup(a_lost_write_is_noticed, set_up),
    cmocka_unit_test_setup(every_bit_of_the_records_counts, set_up),
    cmocka_unit_test_setup(vectors, set_up),
    cmocka_unit_test_setup(one_slot_is_enough, set_up),
};

UNIT_MAIN(tests)
