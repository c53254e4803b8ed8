/* SPDX-License-Identifier: MIT */
/* change/bootpath: BOOT.INI before and afterwards, as text; and every reason to leave it as it is. */
#include "change/bootpath.h"
#include "ntpair.h"
#include "planning.h"
#include "raw_ntfs.h"

#define START 63u
#define HEAD "[boot loader]\r\ntimeout=30\r\ndefault="
#define TAIL "[operating systems]\r\n"

static struct hand_volume volume;
static uint32_t ini_lba;

/* The partitions 1 and 2, of 300 sectors each; NT is in `where` of them (a mask). */
static void install(unsigned where)
{
    rig_free(&rig);
    rig_init(&rig, 1, 800);
    fx_mbr(&rig.disk[0], RIG_SIGNATURE_A);
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(sector_of(0, 0), i, i == 0 ? 0x80 : 0, 0x06, START + 300 * i, 300);
        hand_format(&volume, &rig.disk[0], START + 300 * i, 300);
        if ((where >> i & 1) != 0)
            (void)hand_file(&volume, "WINNT/SYSTEM32/NTOSKRNL.EXE", "kernel", 6);
    }
    volume.start = START; /* BOOT.INI goes to the first one ... */
    volume.next = 200;    /* ... where nothing else is */
}

static int set_up(void **state)
{
    (void)state;
    machine(1, 800);
    return 0;
}

static void put_ini(const void *text, size_t bytes)
{
    ini_lba = hand_file(&volume, "BOOT.INI", text, (uint32_t)bytes);
}

/* Plan for the disk as it is; the partition `half` (from 1; 0: none) is asked second. */
static enum bootpath_result plan_with(unsigned half)
{
    enum bootpath_result result = BOOTPATH_COUNT;
    look(false);
    changes.count = 0;
    struct edit edit = {&changes, &inventory.disk[0], "BOOT.INI", "A14"};
    const struct partition *partition = inventory.disk[0].table.partition;
    assert_int_equal(bootpath_plan(&edit, &rig.work, &partition[0], half == 0 ? NULL : &partition[half - 1], &result),
                     ST_OK);
    if (result != BOOTPATH_REWRITTEN && result < BOOTPATH_IN_PLACE)
        assert_int_equal(changes.count, 0);
    return result;
}

static enum bootpath_result plan_for(unsigned where, const char *text)
{
    install(where);
    put_ini(text, strlen(text));
    return plan_with(0);
}

/* Where NT is in `where` of the partitions, this text becomes that one. */
static void expect_becomes(unsigned where, const char *before, const char *after)
{
    assert_int_equal(strlen(before), strlen(after));
    assert_int_equal(plan_for(where, before), BOOTPATH_REWRITTEN);
    memcpy(expected_at(0, ini_lba), after, strlen(after));
    expect_written();
    assert_int_equal(plan_with(0), BOOTPATH_RIGHT); /* and is right from then on */
}

static void the_right_place_stays(void **state)
{
    (void)state;
    assert_int_equal(plan_for(1, HEAD "multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n" TAIL
                                      "multi(0)disk(0)rdisk(0)partition(1)\\WINNT=\"NT\"\r\n"),
                     BOOTPATH_RIGHT);
    assert_int_equal(plan_for(2, HEAD "signature(aaaa0001)disk(1)rdisk(0)partition(2)\\WINNT\r\n"), BOOTPATH_RIGHT);
}

/* The default, and the entry with the same path, if in capital letters; every other line stays. */
static void another_place_is_rewritten(void **state)
{
    (void)state;
    expect_becomes(1,
                   "; of the shadow\r\n" HEAD "multi(0)disk(0)rdisk(1)partition(1)\\WINNT\r\n" TAIL
                   "multi(0)disk(0)rdisk(1)partition(1)\\WinNT = \"multi(0)disk(0)rdisk(1)partition(1)\" /sos\r\n"
                   "multi(0)disk(0)rdisk(1)partition(2)\\WINNT=\"another\"\r\n"
                   "multi(0)disk(0)rdisk(1)partition(1)\\WINNT35=\"another\"\r\n"
                   "multi(0)disk(0)rdisk(1)partition(1)\\WIN=\"another\"\r\n"
                   "multi(1)disk(0)rdisk(1)partition(1)\\WINNT=\"another\"\r\n"
                   "multi(0)disk(1)rdisk(1)partition(1)\\WINNT=\"another\"\r\n"
                   "scsi(0)disk(0)rdisk(1)partition(1)\\WINNT=\"another\"\r\n"
                   "C:\\=\"MS-DOS\"\r\n",
                   "; of the shadow\r\n" HEAD "multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n" TAIL
                   "multi(0)disk(0)rdisk(0)partition(1)\\WINNT = \"multi(0)disk(0)rdisk(1)partition(1)\" /sos\r\n"
                   "multi(0)disk(0)rdisk(1)partition(2)\\WINNT=\"another\"\r\n"
                   "multi(0)disk(0)rdisk(1)partition(1)\\WINNT35=\"another\"\r\n"
                   "multi(0)disk(0)rdisk(1)partition(1)\\WIN=\"another\"\r\n"
                   "multi(1)disk(0)rdisk(1)partition(1)\\WINNT=\"another\"\r\n"
                   "multi(0)disk(1)rdisk(1)partition(1)\\WINNT=\"another\"\r\n"
                   "scsi(0)disk(0)rdisk(1)partition(1)\\WINNT=\"another\"\r\n"
                   "C:\\=\"MS-DOS\"\r\n");
}

static void every_number_of_the_path(void **state)
{
    (void)state;
    expect_becomes(1, HEAD "multi(1)disk(2)rdisk(3)partition(1)\\WINNT\r\n",
                   HEAD "multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n");
    expect_becomes(2, HEAD "multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n",
                   HEAD "multi(0)disk(0)rdisk(0)partition(2)\\WINNT\r\n");
    expect_becomes(2, HEAD "signature(bbbb0002)disk(1)rdisk(0)partition(4)\\WINNT\r\n",
                   HEAD "signature(aaaa0001)disk(1)rdisk(0)partition(2)\\WINNT\r\n");
}

/* Without a default NTLDR starts the first entry. */
static void the_first_entry_where_there_is_no_default(void **state)
{
    (void)state;
    expect_becomes(1,
                   TAIL "multi(0)disk(0)rdisk(1)partition(1)\\WINNT=\"NT\"\r\n"
                        "multi(0)disk(0)rdisk(2)partition(1)\\WINNT=\"NT\"\r\n",
                   TAIL "multi(0)disk(0)rdisk(0)partition(1)\\WINNT=\"NT\"\r\n"
                        "multi(0)disk(0)rdisk(2)partition(1)\\WINNT=\"NT\"\r\n");
    expect_becomes(1,
                   TAIL "multi(0)disk(0)rdisk(2)partition(1)\\WINNT=\"NT\"\r\n"
                        "[boot loader]\r\ndefault=multi(0)disk(0)rdisk(1)partition(1)\\WINNT\r\n",
                   TAIL "multi(0)disk(0)rdisk(2)partition(1)\\WINNT=\"NT\"\r\n"
                        "[boot loader]\r\ndefault=multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n");
}

static bool names_partition(unsigned number)
{
    char words[16];
    int bytes = snprintf(words, sizeof words, "partition(%u)", number);
    return memmem(changes.change[0].new_bytes, SECTOR_BYTES, words, (size_t)bytes) != NULL;
}

/* The number in the path first, then the half, then any partition that holds the folder. */
static void which_partition_holds_the_folder(void **state)
{
    (void)state;
    static const char *const both = HEAD "multi(0)disk(0)rdisk(0)partition(2)\\WINNT\r\n";
    assert_int_equal(plan_for(3, both), BOOTPATH_RIGHT);
    assert_int_equal(plan_with(1), BOOTPATH_RIGHT);
    static const char *const neither = HEAD "multi(0)disk(0)rdisk(0)partition(3)\\WINNT\r\n";
    assert_int_equal(plan_for(3, neither), BOOTPATH_REWRITTEN);
    assert_true(names_partition(1));
    assert_int_equal(plan_with(2), BOOTPATH_REWRITTEN);
    assert_true(names_partition(2));
    assert_int_equal(plan_for(1, neither), BOOTPATH_REWRITTEN);
    assert_int_equal(plan_with(2), BOOTPATH_REWRITTEN); /* the half does not hold it */
    assert_true(names_partition(1));
}

static void blanks_make_up_for_a_shorter_path(void **state)
{
    (void)state;
    expect_becomes(1, HEAD "multi(0)disk(0)rdisk(0)partition(11)\\WINNT\r\n" TAIL "C:\\=\"DOS\"\r\n",
                   HEAD "multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n" TAIL "C:\\=\"DOS\"\r\n ");
}

/* The path has letters that are left out; both of its places grow, and the file's end has room for just these. */
static void a_longer_path_takes_the_blanks_at_the_end(void **state)
{
    (void)state;
    static const char line[] =
        HEAD "multi()disk(0)rdisk(0)partition(1)\\WINNT\r\n" TAIL "multi()disk(0)rdisk(0)partition(1)\\WINNT=\"NT\"";
    static const char after[] =
        HEAD "multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n" TAIL "multi(0)disk(0)rdisk(0)partition(1)\\WINNT=\"NT\"";
    char before[sizeof line + 2];
    static const char *const ends[] = {"\r\n", "  ", "\n\n", "\r ", "", "\n", " "};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)snprintf(before, sizeof before, "%s%s", line, ends[i]);
        if (strlen(ends[i]) == 2)
            expect_becomes(1, before, after);
        else
            assert_int_equal(plan_for(1, before), BOOTPATH_GROWS);
    }
}

/* The text is longer than a sector, and the path lies in two. */
static void a_text_of_several_sectors(void **state)
{
    (void)state;
    char before[1200];
    char after[1200];
    int blanks = 512 - (int)strlen("[boot loader]\r\n;\r\ndefault=multi(0)disk(0)rdisk(");
    (void)snprintf(before, sizeof before, "[boot loader]\r\n;%*s\r\ndefault=%s\r\n;%600s\r\n", blanks - 1, "",
                   "multi(0)disk(0)rdisk(10)partition(5)\\WINNT", "");
    (void)snprintf(after, sizeof after, "[boot loader]\r\n;%*s\r\ndefault=%s\r\n;%600s\r\n ", blanks - 1, "",
                   "multi(0)disk(0)rdisk(0)partition(1)\\WINNT", "");
    assert_memory_equal(before + 509, "k(10", 4);
    install(1);
    put_ini(before, strlen(before));
    assert_int_equal(strlen(before), strlen(after));
    assert_int_equal(plan_with(0), BOOTPATH_REWRITTEN);
    memcpy(expected_at(0, ini_lba), after, strlen(after));
    expect_written();
}

static void no_file(void **state)
{
    (void)state;
    install(1);
    assert_int_equal(plan_with(0), BOOTPATH_MISSING);
}

static void paths_that_only_others_understand(void **state)
{
    (void)state;
    assert_int_equal(plan_for(1, HEAD "scsi(0)disk(0)rdisk(1)partition(1)\\WINNT\r\n"), BOOTPATH_OTHER);
    assert_int_equal(plan_for(1, HEAD "C:\\\r\n" TAIL "C:\\=\"DOS\"\r\n"), BOOTPATH_OTHER);
    assert_int_equal(plan_for(1, HEAD "rubbish\r\n"), BOOTPATH_OTHER);
    assert_int_equal(plan_for(1, "[boot loader]\r\ntimeout=3\r\n"), BOOTPATH_OTHER);
    assert_int_equal(plan_for(1, ""), BOOTPATH_OTHER);
}

static void a_folder_that_is_not_on_this_disk(void **state)
{
    (void)state;
    static const char *const text = HEAD "multi(0)disk(0)rdisk(1)partition(1)\\WINNT\r\n";
    assert_int_equal(plan_for(0, text), BOOTPATH_NOWHERE);
    install(2);
    sector_of(0, 0)[446 + 16 + 4] = 0x83; /* it is there, on a partition that NT cannot read */
    put_ini(text, strlen(text));
    assert_int_equal(plan_with(2), BOOTPATH_NOWHERE);
}

static void a_file_that_cannot_be_read(void **state)
{
    (void)state;
    static char text[BOOTINI_BYTES_MAX + 1];
    static const char *const wrong = HEAD "multi(0)disk(0)rdisk(1)partition(1)\\WINNT\r\n";
    assert_int_equal(plan_for(1, wrong), BOOTPATH_REWRITTEN);
    faultdev_range(&rig.fault[0], ini_lba, ini_lba, FAULT_ERROR);
    assert_int_equal(plan_with(0), BOOTPATH_DAMAGED);
    rig_heal(&rig);
    faultdev_range(&rig.fault[0], START, START, FAULT_ERROR);
    assert_int_equal(plan_with(0), BOOTPATH_DAMAGED);
    rig_heal(&rig);
    memset(text, '\n', sizeof text);
    memcpy(text, wrong, strlen(wrong));
    install(1);
    put_ini(text, 200); /* more lines than BOOT.INI may have */
    assert_int_equal(plan_with(0), BOOTPATH_DAMAGED);
    memset(text + strlen(wrong), ' ', sizeof text - strlen(wrong));
    install(1);
    put_ini(text, BOOTINI_BYTES_MAX + 1);
    assert_int_equal(plan_with(0), BOOTPATH_DAMAGED);
    install(1);
    put_ini(text, BOOTINI_BYTES_MAX);
    assert_int_equal(plan_with(0), BOOTPATH_REWRITTEN);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    enum bootpath_result result;
    assert_int_equal(plan_for(1, HEAD "multi(0)disk(0)rdisk(1)partition(1)\\WINNT\r\n"), BOOTPATH_REWRITTEN);
    leave_room(0);
    struct edit edit = {&changes, &inventory.disk[0], "BOOT.INI", "A14"};
    assert_int_equal(bootpath_plan(&edit, &rig.work, &inventory.disk[0].table.partition[0], NULL, &result),
                     ST_NO_SPACE);
}

/* ---- NTFS: the file lies in its MFT record ---- */

static void load_ntfs(void)
{
    (void)machine_off(NULL);
    ntpair_init(&rig, "ntfs-healthy", "ntfs-healthy", NULL);
    for (unsigned i = 0; i < 2; i++)
        expected[i] = malloc((size_t)NTPAIR_DISK_SECTORS * SECTOR_BYTES);
    config_init(&config);
    sector_of(0, 0)[446 + 16 + 4] = 0; /* one partition */
}

/* Every "rdisk(0)" of BOOT.INI in this volume becomes "rdisk(1)". Returns how many there are. */
static unsigned turn_away(uint8_t *record)
{
    unsigned count = 0;
    for (unsigned at = 0; at < 1024 - 8; at++)
        if (memcmp(record + at, "rdisk(0)", 8) == 0) {
            record[at + 6] = '1';
            count++;
        }
    return count;
}

/* The same bytes come back, wherever in the record they are. */
static void a_file_in_its_record(void **state)
{
    (void)state;
    load_ntfs();
    look(false);
    memcpy(rig.disk[1].bytes, rig.disk[0].bytes, (size_t)NTPAIR_DISK_SECTORS * SECTOR_BYTES);
    uint8_t *record = raw_record(&rig.disk[0], "BOOT.INI");
    assert_int_equal(raw_in_record(record, RAW_DATA)[8], 0);
    assert_in_range(turn_away(record), 2, 3);
    assert_int_equal(plan_with(0), BOOTPATH_REWRITTEN);
    assert_in_range(changes.count, 1, 2);
    write_some(changes.count);
    assert_memory_equal(rig.disk[0].bytes, rig.disk[1].bytes, (size_t)NTPAIR_DISK_SECTORS * SECTOR_BYTES);
}

static void a_file_that_is_compressed(void **state)
{
    (void)state;
    load_ntfs();
    uint8_t *record = raw_record(&rig.disk[0], "BOOT.INI");
    raw_compress(&rig.disk[0], "BOOT.INI");
    assert_int_equal(plan_with(0), BOOTPATH_RIGHT); /* where nothing has to change, nothing is in the way */
    (void)turn_away(record);
    assert_int_equal(plan_with(0), BOOTPATH_IN_PLACE);
}

static void a_volume_whose_log_will_be_replayed(void **state)
{
    (void)state;
    load_ntfs();
    raw_open_log(&rig.disk[0]);
    assert_int_equal(plan_with(0), BOOTPATH_RIGHT);
    (void)turn_away(raw_record(&rig.disk[0], "BOOT.INI"));
    assert_int_equal(plan_with(0), BOOTPATH_LOG);
}

static void every_result_has_a_clause(void **state)
{
    (void)state;
    for (int i = 0; i < BOOTPATH_COUNT; i++)
        for (int other = 0; other < i; other++)
            assert_string_not_equal(bootpath_text((enum bootpath_result)i), bootpath_text((enum bootpath_result)other));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, machine_off)

static const struct CMUnitTest tests[] = {
    TEST(the_right_place_stays),
    TEST(another_place_is_rewritten),
    TEST(every_number_of_the_path),
    TEST(the_first_entry_where_there_is_no_default),
    TEST(which_partition_holds_the_folder),
    TEST(blanks_make_up_for_a_shorter_path),
    TEST(a_longer_path_takes_the_blanks_at_the_end),
    TEST(a_text_of_several_sectors),
    TEST(no_file),
    TEST(paths_that_only_others_understand),
    TEST(a_folder_that_is_not_on_this_disk),
    TEST(a_file_that_cannot_be_read),
    TEST(what_does_not_fit),
    TEST(a_file_in_its_record),
    TEST(a_file_that_is_compressed),
    TEST(a_volume_whose_log_will_be_replayed),
    TEST(every_result_has_a_clause),
};

UNIT_MAIN(tests)
