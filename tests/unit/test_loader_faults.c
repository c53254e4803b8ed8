/* SPDX-License-Identifier: MIT */
/* loader and repair: boot disks that cannot hold an undo, and writes that go wrong. The disks are changed as a whole or
 * not at all, and the machine starts. Power cuts are the crash sweep's. */
#include "loader_runs.h"

/* The slot that cannot be read may be the newer one, and the records those of a change that can be undone. */
static void a_journal_with_an_unreadable_slot_is_not_overwritten(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot < JOURNAL_SLOTS; slot++) {
        again("auto");
        rig.absent[0] = true;
        faultdev_range(&rig.floppy_fault, JOURNAL_LBA + slot, JOURNAL_LBA + slot, FAULT_ERROR);
        expect_start(ROLE_SHADOW, 0x80);
        assert_int_equal(rig.disk_writes, 0);
        assert_true(rig_event(&rig, "error site=J3"));
    }
}

static void a_change_that_failed_is_not_noted_as_made(void **state)
{
    (void)state;
    again("auto");
    drop_journal();
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_null(strstr(log_text(), "disks changed"));
}

static void a_write_protected_floppy(void **state)
{
    (void)state;
    again("auto");
    rig.absent[0] = true;
    rig.faulty_write = 1;
    rig.write_fault = WRITE_PROTECTED;
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 0);
    assert_int_equal(type_of(1), 0x86);
    assert_non_null(strstr(rig.screen, "The change failed."));
    assert_non_null(strstr(rig.screen, "FTLOG.TXT"));
}

/* What stands where FTLOG.TXT was when the boot disk was opened may be another file's by now. */
static void a_log_that_is_no_text_is_left_alone(void **state)
{
    (void)state;
    rig.absent[0] = true;
    memdev_sector(&rig.floppy, LOG_LBA)[7] = 0;
    expect_start(ROLE_SHADOW, 0x80);
    assert_true(on_screen("FTLOG.TXT cannot be written."));
    assert_int_equal(rig.writes, 0);
}

/* No FTJOURNL.DAT, so no undo: unattended nothing is written; a person may choose to go on. */
static void a_floppy_without_a_journal(void **state)
{
    (void)state;
    again("auto");
    drop_journal();
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 0);
    again("ask");
    drop_journal();
    rig.absent[0] = true;
    rig_keys(&rig, "2nyn");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_int_equal(rig.disk_writes, 0);
    rig_keys(&rig, "2nyy");
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 1);
    assert_int_equal(type_of(1), 0x06);
}

/* Who only listens is told that nothing will happen any more; once, whatever a person does then. */
static void a_start_that_fails_is_told(void **state)
{
    (void)state;
    rig.handoff_fails = true;
    rig_keys(&rig, "");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(rig_event(&rig, "end started=none why=\"the start failed\""));
    rig_keys(&rig, "2");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_false(rig_event(&rig, "end started=none"));
}

/* From any key on the boot disk may be gone. Nothing is written without a journal; the half still starts. */
static void the_boot_disk_is_pulled_out_while_it_asks(void **state)
{
    (void)state;
    for (unsigned key = 1; key <= 4; key++) {
        disabled_primary("ask");
        choose(BREAK, "yyy");
        rig_key(&rig, '1'); /* in the menu that comes back */
        rig.pulled_at_key = key;
        expect_start(ROLE_SHADOW, 0x81);
        assert_true(on_screen("Nothing was changed."));
        assert_true(on_screen("FTLOG.TXT cannot be written."));
        assert_int_equal(rig.disk_writes, 0);
        expect_disks_as_remembered();
    }
}

/* ... or from any write on. Behind the journal's own mark the change goes through, and can be undone once the boot disk
 * is back. */
static void the_boot_disk_is_pulled_out_while_it_writes(void **state)
{
    (void)state;
    unsigned begun = 0;
    for (unsigned nth = 1; nth <= 11; nth++) {
        retiring();
        rig.faulty_write = nth;
        rig.write_fault = WRITE_NO_FLOPPY;
        expect_start(ROLE_SHADOW, 0x81);
        assert_int_equal(on_screen("The change failed."), nth < 11);
        heal();
        if (rig.disk_writes == 0) {
            expect_disks_as_remembered();
            continue;
        }
        begun++;
        assert_int_equal(type_of(1), 0x06);
        expect_retired();
        choose(nth < 11 ? "Undo the interrupted change" : UNDO, "y");
        assert_int_equal(rig_run(&rig), RIG_WAITING);
        expect_disks_as_remembered();
    }
    assert_int_equal(begun, 4); /* before the first and the second sector, before the closing mark, before the log */
}

/* Six sectors of records, the pending mark, two sectors of disks: whichever write of them goes wrong, none of it stays.
 */
static void a_write_that_goes_wrong_is_undone(void **state)
{
    (void)state;
    for (enum write_fault kind = WRITE_FAILS; kind <= WRITE_TORN; kind++)
        for (unsigned nth = 1; nth <= 9; nth++) {
            retiring();
            rig.faulty_write = nth;
            rig.write_fault = kind;
            expect_start(ROLE_SHADOW, 0x81);
            /* The other disk stays as it is; the survivor's own part is tried once more, alone, when all was undone. */
            assert_memory_equal(rig.disk[0].bytes, before[0], sizeof before[0]);
            assert_int_equal(rig.disk[1].bytes[446 + 4], nth <= 7 ? before[1][446 + 4] : 0x06);
            assert_int_equal(on_screen("The change failed."), nth <= 7);
            assert_true(rig_event(&rig, nth <= 7             ? "error site=J4"
                                        : kind == WRITE_LOST ? "error site=W4"
                                                             : "error site=W3"));
            assert_int_equal(rig_event(&rig, "change undone n=1"), nth == 9);
            heal();
            expect_start(ROLE_SHADOW, 0x81);
            if (nth <= 7)
                expect_retired(); /* the next start does it */
        }
}

static void by_choice_a_write_that_goes_wrong_comes_back_to_the_menu(void **state)
{
    (void)state;
    disabled_primary("ask");
    choose(BREAK, "nyy");
    rig.faulty_write = 9;
    rig.write_fault = WRITE_FAILS;
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_int_equal(rig.disk_writes, 3);
    expect_disks_as_remembered();
    assert_int_not_equal(number_of(BREAK), 0);
    assert_false(on_screen("Undo the"));
}

/* The disks take nothing any more, or the floppy does not either: what is half done is undone on a better day. */
static void a_change_that_cannot_even_be_undone_is_offered_again(void **state)
{
    (void)state;
    static const enum write_fault kinds[] = {WRITE_FAIL_ALL, WRITE_FAIL_DISKS};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        retiring();
        rig.faulty_write = 9;
        rig.write_fault = kinds[i];
        expect_start(ROLE_SHADOW, 0x81);
        assert_int_equal(type_of(1), 0x06);
        assert_int_equal(signature_of(0), RIG_SIGNATURE_A);
        assert_true(rig_event(&rig, "error site=W6"));
        heal();
        choose("Undo the interrupted change", "y");
        assert_int_equal(rig_run(&rig), RIG_WAITING);
        expect_disks_as_remembered();
    }
}

static void a_journal_that_is_too_small_for_the_change(void **state)
{
    (void)state;
    retiring();
    shrink_journal(2 + 2 * 3 - 1);
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(rig.disk_writes, 0);
    assert_true(rig_event(&rig, "error site=J3 status=no-space"));
    disabled_primary("ask");
    shrink_journal(2 + 2 * 3 - 1);
    choose(BREAK, "nyy");
    expect_menu_and_no_write();
    choose(BREAK, "nny"); /* one change fits */
    expect_start(ROLE_SHADOW, 0x81);
    retiring();
    shrink_journal(2 + 2 * 3);
    expect_start(ROLE_SHADOW, 0x81);
    expect_retired();
}

/* The floppy is write-protected: at the keyboard one may go on without an undo, and only there. */
static void by_choice_a_change_goes_on_without_an_undo(void **state)
{
    (void)state;
    static const char question[] = "No journal. Go on without an undo? (y/n)";
    for (unsigned agreed = 0; agreed < 2; agreed++) {
        disabled_primary("ask");
        choose(BREAK, agreed ? "nyyy" : "nyyn");
        rig.faulty_write = 1;
        rig.write_fault = WRITE_PROTECTED;
        if (agreed)
            expect_start(ROLE_SHADOW, 0x81);
        else
            expect_menu_and_no_write();
        assert_true(on_screen(question));
        assert_true(rig_event(&rig, "error site=J4"));
        assert_int_equal(on_screen("The change failed."), !agreed);
        assert_int_equal(rig.disk_writes, agreed ? 2 : 0);
        if (!agreed) {
            expect_disks_as_remembered();
            continue;
        }
        assert_int_equal(type_of(1), 0x06);
        expect_retired();
        assert_false(on_screen("Undo the"));
    }
}

/* A disk that fails is no reason to ask for that. */
static void only_the_journal_is_a_reason_to_ask_for_it(void **state)
{
    (void)state;
    for (unsigned nth = 7; nth <= 9; nth += 2) { /* the journal's own mark; the second disk */
        disabled_primary("ask");
        choose(BREAK, "nyyn");
        rig.faulty_write = nth;
        rig.write_fault = WRITE_FAILS;
        assert_int_equal(rig_run(&rig), RIG_WAITING);
        assert_int_equal(on_screen("Go on without an undo?"), nth == 7);
        expect_disks_as_remembered();
    }
}

/* What was written down of another mirror is not given up unattended. */
static void unattended_an_undo_is_never_given_up(void **state)
{
    (void)state;
    disabled_primary("auto");
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    set_type(1, 0x86); /* the mirror was made anew, and has lost the same half again */
    remember_disks();
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(rig.disk_writes, 0);
    expect_disks_as_remembered();
}

static const struct CMUnitTest tests[] = {
    TEST(a_start_that_fails_is_told),
    TEST(a_log_that_is_no_text_is_left_alone),
    TEST(a_journal_with_an_unreadable_slot_is_not_overwritten),
    TEST(a_change_that_failed_is_not_noted_as_made),
    TEST(a_write_protected_floppy),
    TEST(a_floppy_without_a_journal),
    TEST(the_boot_disk_is_pulled_out_while_it_asks),
    TEST(the_boot_disk_is_pulled_out_while_it_writes),
    TEST(a_write_that_goes_wrong_is_undone),
    TEST(by_choice_a_write_that_goes_wrong_comes_back_to_the_menu),
    TEST(a_change_that_cannot_even_be_undone_is_offered_again),
    TEST(a_journal_that_is_too_small_for_the_change),
    TEST(by_choice_a_change_goes_on_without_an_undo),
    TEST(only_the_journal_is_a_reason_to_ask_for_it),
    TEST(unattended_an_undo_is_never_given_up),
};

UNIT_MAIN(tests)
