/* SPDX-License-Identifier: MIT */
/* change/apply: what reaches the disks when everything works, and when a read, a write or the journal does not. */
#include "change/apply.h"
#include "rigfw.h"
#include "unit.h"

#define CHANGES 3u

static struct rigfw rig;
static struct inventory inventory;
static struct changeset changes;
static struct changeset scratch;
static struct journal journal;
static struct trail trail;
static uint8_t records[FX_JOURNAL_SECTORS][SECTOR_BYTES];
static bool journal_broken;
static unsigned progress_count;
static uint8_t *original[2];

static enum status read_store(struct journal_store *store, uint32_t sector, void *buffer)
{
    (void)store;
    memcpy(buffer, records[sector], SECTOR_BYTES);
    return ST_OK;
}

static enum status write_store(struct journal_store *store, uint32_t sector, const void *buffer)
{
    (void)store;
    if (journal_broken)
        return ST_IO;
    memcpy(records[sector], buffer, SECTOR_BYTES);
    return ST_OK;
}

static void count_progress(struct applier *applier, unsigned index, bool undone)
{
    (void)applier;
    (void)index;
    (void)undone;
    progress_count++;
}

static struct journal_store store = {
    .read = read_store, .write = write_store, .sectors = FX_JOURNAL_SECTORS, .trail = &trail};
static struct applier applier = {.inventory = &inventory,
                                 .writer = &rig.fw.writer,
                                 .store = &store,
                                 .journal = &journal,
                                 .trail = &trail,
                                 .progress = count_progress};

/* Changes of sector 0 of the first disk, and of a sector of each. */
static void plan_changes(void)
{
    static const struct {
        unsigned disk;
        uint64_t lba;
    } places[CHANGES] = {{0, 0}, {1, 500}, {0, 1100}};
    changes.count = CHANGES;
    for (unsigned i = 0; i < CHANGES; i++) {
        struct change *change = &changes.change[i];
        *change = (struct change){
            .signature = places[i].disk == 0 ? RIG_SIGNATURE_A : RIG_SIGNATURE_B, .lba = places[i].lba, .why = "test"};
        memcpy(change->old_bytes, memdev_sector(&rig.disk[places[i].disk], places[i].lba), SECTOR_BYTES);
        memcpy(change->new_bytes, change->old_bytes, SECTOR_BYTES);
        change->new_bytes[450] ^= 0x80;
        change->new_bytes[20] ^= 0x01;
    }
}

static int set_up(void **state)
{
    (void)state;
    rig_mirror(&rig, "ask");
    rig.absent[0] = rig.absent[1] = true;
    (void)rig_run(&rig); /* fills in the firmware's functions */
    rig_heal(&rig);
    rig.writes = rig.disk_writes = 0;
    rig.drive_of[0] = 0x80;
    rig.drive_of[1] = 0x81;
    memset(&inventory, 0, sizeof inventory);
    for (unsigned i = 0; i < 2; i++) {
        (void)inventory_add(&inventory, &rig.fault[i].device, &rig.geometry[i]);
        original[i] = malloc((size_t)rig.disk[i].sectors * SECTOR_BYTES);
        memcpy(original[i], rig.disk[i].bytes, (size_t)rig.disk[i].sectors * SECTOR_BYTES);
    }
    journal_format((uint8_t *)records);
    journal_broken = false;
    applier.store = &store;
    progress_count = 0;
    trail = (struct trail){0};
    assert_int_equal(journal_load(&store, &journal), ST_OK);
    plan_changes();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(original[0]);
    free(original[1]);
    rig_free(&rig);
    return 0;
}

static bool is_original(void)
{
    bool same = true;
    for (unsigned i = 0; i < 2; i++)
        same = same && memcmp(original[i], rig.disk[i].bytes, (size_t)rig.disk[i].sectors * SECTOR_BYTES) == 0;
    return same;
}

/* Whether the disks hold all of the new bytes, and nothing else has changed. */
static bool is_changed(void)
{
    bool same = true;
    for (unsigned i = 0; i < CHANGES; i++) {
        unsigned disk = changes.change[i].signature == RIG_SIGNATURE_A ? 0 : 1;
        uint8_t *at = memdev_sector(&rig.disk[disk], changes.change[i].lba);
        same = same && memcmp(at, changes.change[i].new_bytes, SECTOR_BYTES) == 0;
        memcpy(at, changes.change[i].old_bytes, SECTOR_BYTES);
    }
    same = same && is_original();
    for (unsigned i = 0; i < CHANGES; i++) {
        unsigned disk = changes.change[i].signature == RIG_SIGNATURE_A ? 0 : 1;
        memcpy(memdev_sector(&rig.disk[disk], changes.change[i].lba), changes.change[i].new_bytes, SECTOR_BYTES);
    }
    return same;
}

static void expect_refusal(enum status status, enum site site)
{
    trail.used = 0;
    assert_int_equal(apply_changes(&applier, &changes, false), status);
    assert_int_equal(trail.entry[trail.used - 1].site, site);
    assert_int_equal(rig.writes, 0);
    assert_true(is_original());
    assert_int_equal(journal.state, JOURNAL_EMPTY);
}

static void apply_and_undo(void **state)
{
    (void)state;
    assert_int_equal(apply_changes(&applier, &changes, false), ST_OK);
    assert_true(is_changed());
    assert_int_equal(journal.state, JOURNAL_DONE);
    assert_int_equal(progress_count, CHANGES);
    assert_int_equal(apply_journal(&applier, false, &scratch), ST_NOT_FOUND);
    assert_int_equal(apply_journal(&applier, true, &scratch), ST_OK);
    assert_true(is_original());
    assert_int_equal(journal.state, JOURNAL_UNDONE);
    assert_int_equal(progress_count, 2 * CHANGES);
    assert_int_equal(apply_journal(&applier, true, &scratch), ST_NOT_FOUND);
}

static void without_a_journal_by_choice(void **state)
{
    (void)state;
    applier.store = NULL;
    assert_int_equal(apply_changes(&applier, &changes, false), ST_OK);
    assert_true(is_changed());
    assert_int_equal(journal.state, JOURNAL_EMPTY);
}

static void targets_that_changed_went_or_cannot_be_read(void **state)
{
    (void)state;
    changes.change[2].old_bytes[7] ^= 1;
    expect_refusal(ST_REFUSED, SITE_TARGET_CHANGED);
    changes.change[2].old_bytes[7] ^= 1;
    changes.change[1].signature++;
    expect_refusal(ST_NOT_FOUND, SITE_TARGET_GONE);
    changes.change[1].signature--;
    faultdev_range(&rig.fault[0], 1100, 1100, FAULT_SILENT);
    expect_refusal(ST_IO, SITE_TARGET_READ);
    rig_heal(&rig);
    inventory.disk[1].dead = true;
    expect_refusal(ST_NOT_FOUND, SITE_TARGET_GONE);
    inventory.disk[1].dead = false;
    inventory.disk[1].table.signature = RIG_SIGNATURE_A;
    expect_refusal(ST_NOT_FOUND, SITE_TARGET_GONE);
}

static void a_journal_that_refuses(void **state)
{
    (void)state;
    journal_broken = true;
    expect_refusal(ST_IO, SITE_JOURNAL_WRITE);
    journal_broken = false;
    store.sectors = 10;
    expect_refusal(ST_NO_SPACE, SITE_JOURNAL_FULL);
    store.sectors = FX_JOURNAL_SECTORS;
    assert_int_equal(apply_changes(&applier, &changes, false), ST_OK);
    assert_int_equal(apply_changes(&applier, &changes, true), ST_REFUSED); /* the sectors are no longer the old ones */
    plan_changes();
    assert_int_equal(apply_changes(&applier, &changes, false), ST_REFUSED); /* an undo is still possible */
    assert_int_equal(apply_changes(&applier, &changes, true), ST_OK);
}

/* Every write fails or is lost: what had been written comes back. */
static void every_write_fails_once(void **state)
{
    for (unsigned nth = 1; nth <= CHANGES; nth++)
        for (int kind = WRITE_FAILS; kind <= WRITE_TORN; kind++) {
            (void)tear_down(state);
            (void)set_up(state);
            rig.faulty_write = nth;
            rig.write_fault = (enum write_fault)kind;
            assert_int_equal(apply_changes(&applier, &changes, false), ST_IO);
            assert_true(is_original());
            assert_int_equal(journal.state, JOURNAL_UNDONE);
            assert_int_equal(trail.entry[0].site, kind == WRITE_LOST ? SITE_TARGET_VERIFY : SITE_TARGET_WRITE);
        }
}

/* From the nth write on the disk takes nothing: the journal stays pending, and undoes it all on a better day. */
static void a_disk_that_stops_taking_writes(void **state)
{
    for (unsigned nth = 1; nth <= CHANGES; nth++) {
        (void)tear_down(state);
        (void)set_up(state);
        rig.faulty_write = nth;
        rig.write_fault = WRITE_FAIL_ALL;
        assert_int_equal(apply_changes(&applier, &changes, false), ST_IO);
        assert_int_equal(journal.state, nth == 1 ? JOURNAL_UNDONE : JOURNAL_PENDING);
        if (nth > 1) {
            rig.faulty_write = 0;
            assert_int_equal(apply_journal(&applier, true, &scratch), ST_OK);
        }
        assert_true(is_original());
        assert_int_equal(journal.state, JOURNAL_UNDONE);
    }
}

static void finishing_takes_old_and_new_but_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    memcpy(memdev_sector(&rig.disk[1], 500), changes.change[1].new_bytes, SECTOR_BYTES);
    memdev_sector(&rig.disk[0], 1100)[3] ^= 1;
    assert_int_equal(apply_journal(&applier, false, &scratch), ST_REFUSED);
    assert_int_equal(apply_journal(&applier, true, &scratch), ST_REFUSED);
    assert_int_equal(rig.writes, 0);
    memdev_sector(&rig.disk[0], 1100)[3] ^= 1;
    assert_int_equal(apply_journal(&applier, false, &scratch), ST_OK);
    assert_true(is_changed());
    assert_int_equal(journal.state, JOURNAL_DONE);
}

static void a_damaged_record_is_not_replayed(void **state)
{
    (void)state;
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    records[JOURNAL_SLOTS + 2][100] ^= 1;
    assert_int_equal(apply_journal(&applier, false, &scratch), ST_CORRUPT);
    assert_int_equal(apply_journal(&applier, true, &scratch), ST_CORRUPT);
    assert_int_equal(rig.writes, 0);
    assert_int_equal(journal.state, JOURNAL_PENDING);
}

/* The power went while a sector was written: some of its bytes are old and some are new, or nobody can read it. */
static void a_write_that_was_cut_off(void **state)
{
    for (int undo = 0; undo < 2; undo++) {
        (void)tear_down(state);
        (void)set_up(state);
        uint8_t *torn = memdev_sector(&rig.disk[1], 500);
        assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
        memcpy(torn, changes.change[1].new_bytes, SECTOR_BYTES / 2);
        assert_memory_not_equal(torn, changes.change[1].old_bytes, SECTOR_BYTES);
        assert_memory_not_equal(torn, changes.change[1].new_bytes, SECTOR_BYTES);
        faultdev_range(&rig.fault[1], 500, 500, FAULT_ERROR);
        assert_int_equal(apply_journal(&applier, undo != 0, &scratch), ST_IO);
        assert_int_equal(trail.entry[0].site, SITE_TARGET_VERIFY); /* it was written, for that may heal it */
        rig_heal(&rig);
        memcpy(torn, changes.change[1].new_bytes, SECTOR_BYTES / 2);
        assert_int_equal(apply_journal(&applier, undo != 0, &scratch), ST_OK);
        assert_true(undo != 0 ? is_original() : is_changed());
    }
}

/* Of a change that came to its end no sector can be in between: somebody else has written there. */
static void what_was_finished_is_not_torn(void **state)
{
    (void)state;
    assert_int_equal(apply_changes(&applier, &changes, false), ST_OK);
    memcpy(memdev_sector(&rig.disk[1], 500), changes.change[1].old_bytes, SECTOR_BYTES / 2);
    unsigned writes = rig.writes;
    assert_int_equal(apply_journal(&applier, true, &scratch), ST_REFUSED);
    memcpy(memdev_sector(&rig.disk[1], 500), changes.change[1].new_bytes, SECTOR_BYTES / 2);
    faultdev_range(&rig.fault[1], 500, 500, FAULT_ERROR);
    trail.used = 0;
    assert_int_equal(apply_journal(&applier, true, &scratch), ST_IO);
    assert_int_equal(trail.entry[trail.used - 1].site, SITE_TARGET_READ);
    assert_int_equal(rig.writes, writes);
    assert_int_equal(journal.state, JOURNAL_DONE);
}

/* ---- a disk that gets another signature ---- */

#define NEW_SIGNATURE 0xB8D9B606u

/* A sector of the second disk, and then its sector 0 with the new signature. */
static void plan_signature(void)
{
    static const uint8_t signature[] = {0x06, 0xB6, 0xD9, 0xB8};
    changes.count = 2;
    for (unsigned i = 0; i < 2; i++) {
        struct change *change = &changes.change[i];
        *change = (struct change){.signature = RIG_SIGNATURE_B, .lba = i == 0 ? 500 : 0, .why = "test"};
        memcpy(change->old_bytes, memdev_sector(&rig.disk[1], change->lba), SECTOR_BYTES);
        memcpy(change->new_bytes, change->old_bytes, SECTOR_BYTES);
        change->new_bytes[20] ^= 1;
    }
    memcpy(changes.change[1].new_bytes + 0x1B8, signature, sizeof signature);
}

static bool has_new_signature(void)
{
    return memcmp(memdev_sector(&rig.disk[1], 0), changes.change[1].new_bytes, SECTOR_BYTES) == 0 &&
           memcmp(memdev_sector(&rig.disk[1], 500), changes.change[0].new_bytes, SECTOR_BYTES) == 0;
}

/* The next start: the disk goes by the name it has by then. */
static void look_again(uint32_t signature)
{
    inventory_refresh(&inventory.disk[1]);
    assert_int_equal(inventory.disk[1].table.signature, signature);
}

static void a_disk_is_found_under_its_new_name(void **state)
{
    (void)state;
    plan_signature();
    assert_int_equal(apply_changes(&applier, &changes, false), ST_OK);
    assert_true(has_new_signature());
    look_again(NEW_SIGNATURE);
    assert_int_equal(apply_journal(&applier, true, &scratch), ST_OK);
    assert_true(is_original());
    assert_int_equal(journal.state, JOURNAL_UNDONE);
    look_again(RIG_SIGNATURE_B);
}

/* The power went behind the first write, or behind the second one: finished or undone, by the name it has. */
static void a_power_cut_in_either_name(void **state)
{
    for (unsigned written = 0; written <= 2; written++)
        for (int undo = 0; undo < 2; undo++) {
            (void)tear_down(state);
            (void)set_up(state);
            plan_signature();
            assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
            for (unsigned i = 0; i < written; i++)
                memcpy(memdev_sector(&rig.disk[1], changes.change[i].lba), changes.change[i].new_bytes, SECTOR_BYTES);
            look_again(written == 2 ? NEW_SIGNATURE : RIG_SIGNATURE_B);
            assert_int_equal(apply_journal(&applier, undo != 0, &scratch), ST_OK);
            assert_true(undo != 0 ? is_original() : has_new_signature());
        }
}

/* Another disk carries the old or the new name: nobody knows which of them is meant. */
static void a_second_disk_with_either_name(void **state)
{
    static const uint32_t names[] = {RIG_SIGNATURE_B, NEW_SIGNATURE};
    for (unsigned i = 0; i < 2; i++) {
        (void)tear_down(state);
        (void)set_up(state);
        plan_signature();
        inventory.disk[0].table.signature = names[i];
        expect_refusal(ST_NOT_FOUND, SITE_TARGET_GONE);
        inventory.disk[0].table.signature = RIG_SIGNATURE_A;
        assert_int_equal(apply_changes(&applier, &changes, false), ST_OK);
        look_again(NEW_SIGNATURE);
        inventory.disk[0].table.signature = names[i];
        unsigned writes = rig.writes;
        assert_int_equal(apply_journal(&applier, true, &scratch), ST_NOT_FOUND);
        assert_int_equal(rig.writes, writes);
        assert_int_equal(journal.state, JOURNAL_DONE);
        inventory.disk[0].table.signature = RIG_SIGNATURE_A;
        assert_int_equal(apply_journal(&applier, true, &scratch), ST_OK);
        assert_true(is_original());
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(apply_and_undo),
    TEST(without_a_journal_by_choice),
    TEST(targets_that_changed_went_or_cannot_be_read),
    TEST(a_journal_that_refuses),
    TEST(every_write_fails_once),
    TEST(a_disk_that_stops_taking_writes),
    TEST(finishing_takes_old_and_new_but_nothing_else),
    TEST(a_damaged_record_is_not_replayed),
    TEST(a_write_that_was_cut_off),
    TEST(what_was_finished_is_not_torn),
    TEST(a_disk_is_found_under_its_new_name),
    TEST(a_power_cut_in_either_name),
    TEST(a_second_disk_with_either_name),
};

UNIT_MAIN(tests)
