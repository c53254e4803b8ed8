/* SPDX-License-Identifier: MIT */
/* loader and repair: what whole runs ask before they change disks, and what they write then. Writes that go wrong are
 * test_loader_faults's, disks with Windows NT on them test_loader_nt's. */
#include "loader_runs.h"

static void break_auto(void **state)
{
    (void)state;
    again("auto");
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    assert_int_equal(type_of(0), 0x86);
    assert_true(rig_event(&rig, "change done n=1 disk=bbbb0002 lba=0"));
    assert_int_equal(rig.disk_writes, 1);
    assert_non_null(strstr(log_text(), ", disks changed"));
    expect_start(ROLE_SHADOW, 0x81); /* the second start has nothing left to do */
    assert_int_equal(rig.disk_writes, 0);
}

static void break_never_and_healthy_auto(void **state)
{
    (void)state;
    again("never");
    rig.absent[0] = true;
    expect_start(ROLE_SHADOW, 0x80);
    assert_int_equal(rig.disk_writes, 0);
    assert_null(strstr(rig.screen, "Break the mirror"));
    again("auto");
    expect_start(ROLE_PRIMARY, 0x80);
    assert_int_equal(rig.writes, 0);
}

static void break_asked_for_then_undone(void **state)
{
    (void)state;
    remember_disks();
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    rig_keys(&rig, "2ny");
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    rig_keys(&rig, "3y");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_non_null(strstr(rig.screen, "3  Undo the last change"));
    assert_true(rig_event(&rig, "change undone n=1"));
    expect_disks_as_remembered();
    rig_keys(&rig, "4");
    assert_int_equal(rig_run(&rig), RIG_RESTART);
}

static void changes_by_choice_are_listed_before_they_are_made(void **state)
{
    (void)state;
    rig.absent[0] = true;
    rig_keys(&rig, "2ny");
    expect_start(ROLE_SHADOW, 0x80);
    const char *planned = strstr(rig.events, "change planned n=1 disk=bbbb0002 lba=0");
    const char *done = strstr(rig.events, "change done n=1");
    assert_non_null(planned);
    assert_non_null(done);
    assert_true(planned < done);
}

/* Two mirrors on four disks, each degraded: breaking the system's must not touch the other's disks. */
static void a_mirror_on_other_disks_is_not_broken_along(void **state)
{
    (void)state;
    static const uint32_t signature[4] = {RIG_SIGNATURE_A, RIG_SIGNATURE_B, 0xCCCC0003, 0xDDDD0004};
    static const uint8_t type[4] = {0xC6, 0x86, 0xC6, 0x86};
    char ini[512];
    size_t used = (size_t)snprintf(ini, sizeof ini, "[loader]\r\nbreak=ask\r\n");
    rig_free(&rig);
    rig_init(&rig, 4, RIG_DISK_SECTORS);
    for (unsigned i = 0; i < 4; i++) {
        fx_mbr(&rig.disk[i], signature[i]);
        fx_entry(memdev_sector(&rig.disk[i], 0), 0, 0, type[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS);
        fx_volume(&rig.disk[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS, 'M');
        if (i % 2 == 0)
            used += (size_t)snprintf(ini + used, sizeof ini - used, "[set %u]\r\n", i / 2 + 1);
        used += (size_t)snprintf(ini + used, sizeof ini - used, "%s=%08x start %u sectors %u\r\n",
                                 i % 2 == 0 ? "primary" : "shadow", signature[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    }
    fx_boot_files(&rig.floppy, ini);
    rig_keys(&rig, "2nny");
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    assert_int_equal(type_of(3), 0x86);
    assert_int_equal(rig.disk_writes, 1);
}

/* Promote, retire, write, and (without a journal) go on without an undo. */
static void only_yes_is_yes(void **state)
{
    (void)state;
    static const int keys[] = {'n', 'Y', ' ', '1', KEY_ENTER, KEY_UP};
    static const char *const answers[] = {"nn", "yn", "ny", "yy", "nny", "yyy"};
    for (size_t a = 0; a < sizeof answers / sizeof answers[0]; a++)
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            disabled_primary("ask");
            if (strlen(answers[a]) > 2)
                drop_journal();
            choose(BREAK, answers[a]);
            rig_key(&rig, keys[k]);
            expect_menu_and_no_write();
            assert_int_equal(rig.keys_used, rig.keys);
            assert_int_equal(rig.writes, 0);
            assert_true(on_screen("Nothing was changed."));
            assert_false(on_screen("The change failed."));
            expect_disks_as_remembered();
        }
}

/* Where this firmware starts nothing, a break is the menu's first item: whoever takes it is asked like for any other.
 */
static void the_first_item_of_the_first_menu_is_asked_about(void **state)
{
    (void)state;
    disabled_primary("ask");
    rig.cannot_start = "This firmware starts nothing";
    rig_keys(&rig, "1");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(on_screen(BREAK) && on_screen("Shall it start without this boot disk from now on? (y/n)"));
    assert_int_equal(rig.writes, 0);
}

/* What is wished for is what is written: each question decides about its own disk. */
static void each_answer_counts_for_itself(void **state)
{
    (void)state;
    for (unsigned promote = 0; promote < 2; promote++)
        for (unsigned retire = 0; retire < 2; retire++) {
            char answers[] = {promote ? 'y' : 'n', retire ? 'y' : 'n', 'y', '\0'};
            disabled_primary("ask");
            choose(BREAK, answers);
            expect_start(ROLE_SHADOW, 0x81);
            assert_int_equal(type_of(1), 0x06);
            assert_int_equal(rig.disk[1].bytes[446], promote ? 0x80 : 0);
            assert_int_equal(memcmp(rig.disk[1].bytes, before[1], MBR_CODE_BYTES) != 0, promote);
            assert_int_equal(signature_of(1), RIG_SIGNATURE_B);
            if (retire)
                expect_retired();
            else
                assert_memory_equal(rig.disk[0].bytes, before[0], sizeof before[0]);
            assert_int_equal(rig.disk_writes, 1 + retire);
        }
}

static void nobody_is_asked_about_a_half_that_is_not_there(void **state)
{
    (void)state;
    static const char question[] = "Shall the primary be retired";
    for (unsigned how = 0; how < 4; how++) {
        disabled_primary("ask");
        choose(BREAK, "");
        if (how == 1)
            rig.absent[0] = true;
        if (how == 2)
            faultdev_kill(&rig.fault[0], FAULT_ERROR);
        if (how == 3)
            memset(rig.disk[0].bytes + 446, 0, 64);
        rig_key(&rig, 'n');
        expect_menu_and_no_write();
        assert_int_equal(on_screen(question), how == 0);
        assert_int_equal(on_screen("Write this?"), how != 0);
    }
}

static void every_change_is_listed_before_anything_is_asked(void **state)
{
    (void)state;
    disabled_primary("ask");
    choose(BREAK, "yy");
    expect_menu_and_no_write();
    const char *question = strstr(rig.screen, "Write this?");
    assert_non_null(question);
    static const char *const lines[] = {"1 planned: disk bbbb0002, sector 0+", "2 planned: disk aaaa0001, sector 0+"};
    for (unsigned i = 0; i < 2; i++) {
        const char *line = strstr(rig.screen, lines[i]);
        assert_true(line != NULL && line < question);
    }
    assert_null(strstr(rig.events, "change planned n=3"));
}

static void promoting_and_retiring_from_the_menu(void **state)
{
    (void)state;
    disabled_primary("ask");
    set_type(1, 0x06); /* somebody broke the mirror elsewhere */
    remember_disks();
    choose(PROMOTE, "n");
    expect_menu_and_no_write();
    choose(PROMOTE, "y");
    assert_int_equal(rig_run(&rig), RIG_WAITING); /* the menu comes back: what is started then is the person's choice */
    assert_int_equal(rig.disk[1].bytes[446], 0x80);
    assert_true(rig_event(&rig, "change done n=1 disk=bbbb0002 lba=0"));
    assert_memory_equal(rig.disk[0].bytes, before[0], sizeof before[0]);
    choose(RETIRE, "yn"); /* not at the price of the first undo */
    expect_menu_and_no_write();
    choose(RETIRE, "yy");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(rig_event(&rig, "change done n=1 disk=aaaa0001 lba=0"));
    expect_retired();
    assert_false(on_screen("Undo the interrupted"));
    choose(PROMOTE, "");
    expect_menu_and_no_write();
    assert_true(on_screen("there is nothing to change"));
}

static void a_refusal_to_promote_is_on_the_screen(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        memset(rig.disk[i].bytes + 446, 0, 64);
        fx_entry(rig.disk[i].bytes, 0, 0, 5, 30, 1100);
        fx_ebr(&rig.disk[i], 30, i == 0 ? 0xC6 : 0x06, RIG_MEMBER_START - 30, RIG_MEMBER_SECTORS, 0);
    }
    choose(PROMOTE, "");
    expect_menu_and_no_write();
    assert_true(on_screen("Refused: what would have to be started is a logical drive, which no MBR starts."));
    assert_true(rig_event(&rig, "refused why=\"what would have to be started is a logical drive"));
    assert_false(on_screen("Write this?"));
}

/* The undo of the break is kept until a person gives it up. */
static void a_second_change_asks_for_the_first_ones_undo(void **state)
{
    (void)state;
    disabled_primary("ask");
    choose(BREAK, "nny");
    expect_start(ROLE_SHADOW, 0x81);
    choose(PROMOTE, "yn");
    expect_menu_and_no_write();
    assert_true(on_screen("Give up the undo of the last change? (y/n)"));
    assert_int_equal(rig.writes, 0);
    choose(UNDO, "y");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    expect_disks_as_remembered();
    choose(BREAK, "nny"); /* an undo that was used up is nothing to ask for */
    expect_start(ROLE_SHADOW, 0x81);
    assert_false(on_screen("Give up the undo"));
    uint8_t broken[2] = {type_of(0), type_of(1)};
    choose(PROMOTE, "yy");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    choose(UNDO, "y");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_int_equal(type_of(0), broken[0]);
    assert_int_equal(type_of(1), broken[1]);
    assert_int_equal(rig.disk[1].bytes[446], 0);
}

/* What is to be undone, or finished, is on the screen before; and nothing but yes is an answer. */
static void an_undo_is_listed_and_asked_for(void **state)
{
    (void)state;
    disabled_primary("ask");
    choose(BREAK, "nyy");
    expect_start(ROLE_SHADOW, 0x81);
    choose(UNDO, "n");
    expect_menu_and_no_write();
    assert_int_equal(rig.writes, 0);
    assert_true(on_screen("1 recorded: disk bbbb0002, sector 0+1c2, 1 bytes, 86 to 06"));
    assert_true(on_screen("2 recorded: disk aaaa0001, sector 0+1b8, "));
    assert_true(rig_event(&rig, "change recorded n=2 disk=aaaa0001 lba=0"));
    assert_false(rig_event(&rig, "change undone"));
    choose(UNDO, "y");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(strstr(rig.screen, "2 recorded: ") < strstr(rig.screen, "Undo this? (y/n)"));
    expect_disks_as_remembered();
}

static void finishing_is_asked_for_as_well(void **state)
{
    (void)state;
    retiring();
    rig.faulty_write = 9; /* the second disk */
    rig.write_fault = CUT_BEFORE;
    assert_int_equal(rig_run(&rig), RIG_CUT);
    heal();
    choose("Finish the interrupted change", "n");
    expect_menu_and_no_write();
    assert_int_equal(rig.writes, 0);
    assert_true(on_screen("2 recorded: disk aaaa0001"));
    assert_true(on_screen("Finish this? (y/n)"));
    assert_int_equal(signature_of(0), RIG_SIGNATURE_A);
    choose("Finish the interrupted change", "y");
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    expect_retired();
}

static enum status read_floppy(struct journal_store *store, uint32_t sector, void *buffer)
{
    (void)store;
    memcpy(buffer, memdev_sector(&rig.floppy, JOURNAL_LBA + sector), SECTOR_BYTES);
    return ST_OK;
}

static enum status write_floppy(struct journal_store *store, uint32_t sector, const void *buffer)
{
    (void)store;
    memcpy(memdev_sector(&rig.floppy, JOURNAL_LBA + sector), buffer, SECTOR_BYTES);
    return ST_OK;
}

/* Twelve changes, made and recorded by somebody else. */
static void record_twelve(void)
{
    static struct changeset changes;
    struct journal_store store = {.read = read_floppy, .write = write_floppy, .sectors = JOURNAL_MIN_SECTORS};
    struct journal journal;
    changes.count = 12;
    for (uint32_t i = 0; i < changes.count; i++) {
        struct change *change = &changes.change[i];
        uint8_t *sector = memdev_sector(&rig.disk[1], RIG_MEMBER_START + 2 + i);
        *change = (struct change){.signature = RIG_SIGNATURE_B, .lba = RIG_MEMBER_START + 2 + i};
        memcpy(change->old_bytes, sector, SECTOR_BYTES);
        sector[7] ^= 0x55;
        memcpy(change->new_bytes, sector, SECTOR_BYTES);
    }
    assert_int_equal(journal_load(&store, &journal), ST_OK);
    assert_int_equal(journal_begin(&store, &journal, &changes, false), ST_OK);
    assert_int_equal(journal_mark(&store, &journal, JOURNAL_DONE), ST_OK);
}

/* Nothing is asked about what has left the screen. */
static void a_long_list_waits_at_the_end_of_a_screen(void **state)
{
    (void)state;
    static const char more[] = "More: any key.";
    disabled_primary("ask");
    record_twelve();
    choose(UNDO, "");
    expect_menu_and_no_write();
    assert_true(on_screen("10 recorded: disk bbbb0002, sector"));
    assert_true(on_screen(more));
    assert_false(on_screen("11 recorded:"));
    choose(UNDO, "yy"); /* only the second one is an answer */
    assert_int_equal(rig_run(&rig), RIG_WAITING);
    assert_true(strstr(rig.screen, more) < strstr(rig.screen, "11 recorded:"));
    expect_disks_as_remembered();
}

static void without_a_time_out_it_breaks_at_once(void **state)
{
    (void)state;
    disabled_primary("auto");
    strstr((char *)memdev_sector(&rig.floppy, FLOPPY_DATA_LBA), "timeout=")[8] = '0';
    expect_start(ROLE_SHADOW, 0x81);
    assert_int_equal(type_of(1), 0x06);
    assert_false(on_screen("A number, or arrows"));
}

static void a_person_may_keep_the_half_that_is_not_preferred(void **state)
{
    (void)state;
    memdev_sector(&rig.disk[1], RIG_MEMBER_START + 1)[9] ^= 1;
    choose("Break the mirror, keeping the primary", "nny");
    expect_start(ROLE_PRIMARY, 0x80);
    assert_true(on_screen("Shall the shadow be retired, so that it can do no harm? (y/n)"));
    assert_int_equal(type_of(0), 0x06);
    assert_int_equal(type_of(1), 0x86);
    assert_int_equal(rig.disk_writes, 1);
}

static const struct CMUnitTest tests[] = {
    TEST(break_auto),
    TEST(break_never_and_healthy_auto),
    TEST(break_asked_for_then_undone),
    TEST(changes_by_choice_are_listed_before_they_are_made),
    TEST(a_mirror_on_other_disks_is_not_broken_along),
    TEST(only_yes_is_yes),
    TEST(the_first_item_of_the_first_menu_is_asked_about),
    TEST(each_answer_counts_for_itself),
    TEST(nobody_is_asked_about_a_half_that_is_not_there),
    TEST(every_change_is_listed_before_anything_is_asked),
    TEST(promoting_and_retiring_from_the_menu),
    TEST(a_refusal_to_promote_is_on_the_screen),
    TEST(a_second_change_asks_for_the_first_ones_undo),
    TEST(an_undo_is_listed_and_asked_for),
    TEST(finishing_is_asked_for_as_well),
    TEST(a_long_list_waits_at_the_end_of_a_screen),
    TEST(without_a_time_out_it_breaks_at_once),
    TEST(a_person_may_keep_the_half_that_is_not_preferred),
};

UNIT_MAIN(tests)
