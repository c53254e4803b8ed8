/* SPDX-License-Identifier: MIT */
/* change/changeset: one change for each sector, with all that is to become of it and all reasons for it; and the second
 * name of a disk whose signature changes. */
#include "change/changeset.h"
#include "unit.h"

#define OLD 0x1A2B3C4Du
#define NEW 0xB8D9B606u

static struct changeset changes;

static int set_up(void **state)
{
    (void)state;
    changes.count = 0;
    return 0;
}

static void edits_of_a_sector_become_one_change(void **state)
{
    (void)state;
    struct change where = {.signature = 1, .lba = 9, .why = "x", .old_bytes = {1, 2, 3}};
    assert_int_equal(changeset_edit(&changes, &where, 0, 7), ST_OK);
    assert_int_equal(changeset_edit(&changes, &where, 2, 8), ST_OK);
    where.lba = 10;
    assert_int_equal(changeset_edit(&changes, &where, 2, 8), ST_OK);
    where.signature = 2;
    assert_int_equal(changeset_edit(&changes, &where, 511, 8), ST_OK);
    assert_int_equal(changes.count, 3);
    assert_memory_equal(changes.change[0].new_bytes, "\x07\x02\x08", 3);
    assert_memory_equal(changes.change[0].old_bytes, "\x01\x02\x03", 3);
    assert_int_equal(changes.change[2].new_bytes[511], 8);
}

static void a_full_set_takes_edits_of_its_own_sectors_only(void **state)
{
    (void)state;
    struct change where = {.signature = 1, .why = "x"};
    for (where.lba = 100; where.lba < 100 + 32; where.lba++)
        assert_int_equal(changeset_edit(&changes, &where, 0, 1), ST_OK);
    where.lba = 99;
    assert_int_equal(changeset_edit(&changes, &where, 0, 1), ST_NO_SPACE);
    assert_int_equal(changes.count, 32);
    where.lba = 131;
    assert_int_equal(changeset_edit(&changes, &where, 5, 1), ST_OK);
    assert_int_equal(changes.change[31].new_bytes[5], 1);
}

static void a_change_is_found_by_disk_and_sector(void **state)
{
    (void)state;
    struct change where = {.signature = 1, .lba = 0x100000009ull, .why = "x"};
    assert_null(changeset_find(&changes, 1, 9));
    assert_int_equal(changeset_edit(&changes, &where, 0, 7), ST_OK);
    assert_ptr_equal(changeset_find(&changes, 1, 0x100000009ull), &changes.change[0]);
    assert_null(changeset_find(&changes, 1, 9));
    assert_null(changeset_find(&changes, 2, 0x100000009ull));
}

static void edit_for(const char *why)
{
    struct change where = {.signature = 1, .lba = 9, .id = "A01"};
    (void)snprintf(where.why, sizeof where.why, "%s", why);
    assert_int_equal(changeset_edit(&changes, &where, 0, 7), ST_OK);
}

static void a_change_has_the_reasons_of_all_its_edits(void **state)
{
    (void)state;
    edit_for("clear the bits");
    edit_for("clear the bits");
    assert_string_equal(changes.change[0].why, "clear the bits");
    edit_for("promote");
    edit_for("promote");
    edit_for("");
    assert_string_equal(changes.change[0].why, "clear the bits; promote");
    edit_for("a reason that is so long that it cannot stand there to its end, since there is not enough room");
    assert_int_equal(strlen(changes.change[0].why), CHANGE_WHY_BYTES - 1);
    assert_memory_equal(changes.change[0].why, "clear the bits; promote; a reason that is so long", 49);
    edit_for("promote");
    assert_int_equal(strlen(changes.change[0].why), CHANGE_WHY_BYTES - 1);
    assert_string_equal(changes.change[0].id, "A01");
}

/* A change of one byte of sector 0 of the disk OLD, whose signature becomes `signature`. */
static void plan_sector0(uint32_t signature)
{
    struct change where = {.signature = OLD, .lba = 0, .why = "x"};
    where.old_bytes[0x1B8] = 0x4D;
    where.old_bytes[0x1B9] = 0x3C;
    where.old_bytes[0x1BA] = 0x2B;
    where.old_bytes[0x1BB] = 0x1A;
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(changeset_edit(&changes, &where, 0x1B8 + i, (uint8_t)(signature >> 8 * i)), ST_OK);
}

static void a_disk_whose_signature_changes_has_two_names(void **state)
{
    (void)state;
    struct change where = {.signature = OLD, .lba = 77, .why = "x"};
    assert_int_equal(changeset_alias(&changes, OLD), OLD);
    assert_int_equal(changeset_edit(&changes, &where, 0x1B8, 9), ST_OK); /* no sector 0 */
    assert_int_equal(changeset_alias(&changes, OLD), OLD);
    plan_sector0(NEW);
    assert_int_equal(changeset_alias(&changes, OLD), NEW);
    assert_int_equal(changeset_alias(&changes, NEW), NEW); /* changes are planned by the old name */
    assert_int_equal(changeset_alias(&changes, 3), 3);
}

static void a_disk_whose_signature_stays_has_one(void **state)
{
    (void)state;
    plan_sector0(OLD);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changeset_alias(&changes, OLD), OLD);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(edits_of_a_sector_become_one_change, set_up),
    cmocka_unit_test_setup(a_full_set_takes_edits_of_its_own_sectors_only, set_up),
    cmocka_unit_test_setup(a_change_is_found_by_disk_and_sector, set_up),
    cmocka_unit_test_setup(a_change_has_the_reasons_of_all_its_edits, set_up),
    cmocka_unit_test_setup(a_disk_whose_signature_changes_has_two_names, set_up),
    cmocka_unit_test_setup(a_disk_whose_signature_stays_has_one, set_up),
};

UNIT_MAIN(tests)
