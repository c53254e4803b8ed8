/* SPDX-License-Identifier: MIT */
/* change/promote: which partition of a disk will start, and which disks must not be promoted. */
#include "promoting.h"

/* ---- which partition ---- */

static void expect_partition(unsigned number)
{
    assert_int_equal(plan(0, 0), ST_OK);
    assert_int_equal(job.boot->number, number);
    const struct change *last = &changes.change[changes.count - 1];
    assert_int_equal(last->lba, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(last->new_bytes[446 + 16 * i], i + 1 == number ? 0x80 : 0);
}

static void the_partition_with_ntldr(void **state)
{
    (void)state;
    put_volume(0, 0, 0x06, 63); /* the half, empty; its boot sector could be started */
    put_volume(1, 0, 0x06, 1000);
    (void)put_nt(HERE);
    put_volume(2, 0x80, 0x06, 2000);
    put_volume(3, 0, 0x06, 3000);
    (void)put_nt(HERE);
    expect_partition(2); /* the first one that holds it ... */
    sector_of(0, 0)[446 + 48] = 0x80;
    expect_partition(4); /* ... but rather an active one ... */
    put_volume(0, 0, 0x06, 63);
    (void)put_nt(HERE);
    expect_partition(1); /* ... and the half before all others */
    assert_true(job.is_nt);
}

static void where_nobody_holds_ntldr(void **state)
{
    (void)state;
    put_volume(0, 0, 0x06, 63);
    put_volume(1, 0x80, 0x06, 1000);
    expect_partition(1); /* the half, by its own boot sector ... */
    assert_false(job.is_nt);
    fx_entry(sector_of(1, 0), 1, 0, 0x06, 1000, 500);
    add_mirror(1000, 500);
    expect_partition(1); /* ... of the first mirror, which is the one the machine starts from ... */
    sector_of(0, 63)[510] = 0;
    expect_partition(2); /* ... or what is active, by that one's */
    memcpy(sector_of(0, 63) + 510, "\x55\xAA", 2);
    config.set_count = 0; /* after a break no mirror is known */
    expect_partition(2);
}

/* ---- who must not be promoted ---- */

static void expect_refusal(enum promote_refusal refusal)
{
    assert_int_equal(promote_plan(&job, &inventory.disk[0]), refusal == PROMOTE_OK ? ST_OK : ST_REFUSED);
    assert_int_equal(job.refusal, refusal);
    if (refusal != PROMOTE_OK)
        assert_int_equal(changes.count, 0);
}

static void a_disk_that_is_damaged(void **state)
{
    (void)state;
    fx_entry(sector_of(0, 0), 1, 0, 0x06, 100, 10); /* overlaps */
    prepare(0, 0);
    expect_refusal(PROMOTE_DAMAGED);
    fx_entry(sector_of(0, 0), 1, 0, 0, 0, 0);
    faultdev_kill(&rig.fault[0], FAULT_ERROR);
    prepare(0, 0);
    expect_refusal(PROMOTE_DAMAGED);
}

static void a_half_that_is_not_whole(void **state)
{
    (void)state;
    static const enum member_state states[] = {MEMBER_STALE, MEMBER_REBUILDING};
    fx_entry(sector_of(0, 0), 1, 0, 0x06, 1000, 500);
    fx_entry(sector_of(1, 0), 1, 0, 0x06, 1000, 500);
    add_mirror(1000, 500);
    for (unsigned set = 0; set < 2; set++)
        for (unsigned i = 0; i < 2; i++) {
            prepare(0, 0);
            survey[set].verdict.member[ROLE_PRIMARY] = states[i];
            expect_refusal(PROMOTE_OLD);
            survey[set].verdict.member[ROLE_PRIMARY] = MEMBER_FAILING; /* it is the newest there is */
            survey[set].verdict.member[ROLE_SHADOW] = states[i];       /* not on this disk */
            expect_refusal(PROMOTE_OK);
        }
}

static void a_half_that_is_still_a_member(void **state)
{
    (void)state;
    sector_of(0, 0)[446 + 4] = 0x86;
    prepare(0, 0);
    expect_refusal(PROMOTE_MEMBER);
    job.breaking[1] = true;
    expect_refusal(PROMOTE_MEMBER);
    job.breaking[0] = true;
    expect_refusal(PROMOTE_OK);
}

static void nothing_that_could_be_started(void **state)
{
    (void)state;
    put_volume(0, 0, 0x06, 63);
    sector_of(0, 63)[0] = 0;
    prepare(0, 0);
    expect_refusal(PROMOTE_NOTHING);
    put_volume(1, 0x80, 0x06, 1000);
    sector_of(0, 1000)[511] = 0;
    prepare(0, 0);
    expect_refusal(PROMOTE_NOTHING);
    put_volume(1, 0, 0x06, 1000); /* it could be, if it were active */
    prepare(0, 0);
    expect_refusal(PROMOTE_NOTHING);
}

static void a_logical_drive(void **state)
{
    (void)state;
    put_volume(0, 0, 0x06, 63);
    fx_entry(sector_of(0, 0), 1, 0, 0x05, 1000, 1000);
    fx_ebr(&rig.disk[0], 1000, 0x06, 63, 500, 0);
    hand_format(&volume, &rig.disk[0], 1063, 500);
    (void)put_nt(HERE);
    prepare(0, 0);
    expect_refusal(PROMOTE_LOGICAL);
    sector_of(0, 1063 + HAND_ROOT_LBA)[0] = 0xE5; /* without NTLDR nobody asks for it */
    prepare(0, 0);
    expect_refusal(PROMOTE_OK);
}

static void a_boot_sector_that_is_damaged(void **state)
{
    (void)state;
    sector_of(0, 63)[0] = 0;
    prepare(0, 0);
    expect_refusal(PROMOTE_BOOT_SECTOR);
}

static void a_boot_ini_that_has_to_change_and_cannot(void **state)
{
    (void)state;
    put_volume(0, 0, 0x06, 63);
    uint32_t ini = put_nt(INI("multi()disk(0)rdisk(1)partition(1)\\WINNT") ".");
    prepare(0, 0);
    expect_refusal(PROMOTE_BOOT_INI);
    assert_int_equal(job.boot_ini, BOOTPATH_GROWS);
    faultdev_range(&rig.fault[0], ini, ini, FAULT_ERROR);
    prepare(0, 0);
    expect_refusal(PROMOTE_BOOT_INI);
    assert_int_equal(job.boot_ini, BOOTPATH_DAMAGED);
    for (unsigned i = 0; i < 2; i++) {
        load_ntfs();
        uint8_t *record = raw_record(&rig.disk[0], "BOOT.INI");
        ((uint8_t *)memmem(record, 1024, "rdisk(0)", 8))[6] = '1';
        if (i == 0)
            raw_compress(&rig.disk[0], "BOOT.INI");
        else
            raw_open_log(&rig.disk[0]);
        prepare(0, 0);
        expect_refusal(PROMOTE_BOOT_INI);
        assert_int_equal(job.boot_ini, i == 0 ? BOOTPATH_IN_PLACE : BOOTPATH_LOG);
    }
}

static void a_boot_ini_that_may_stay(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum bootpath_result result;
    } cases[] = {{INI("scsi(0)disk(0)rdisk(0)partition(1)\\WINNT"), BOOTPATH_OTHER},
                 {INI("multi(0)disk(0)rdisk(1)partition(1)\\OTHER"), BOOTPATH_NOWHERE}};
    for (unsigned i = 0; i < 2; i++) {
        put_volume(0, 0, 0x06, 63);
        (void)put_nt(cases[i].text);
        prepare(0, 0);
        expect_refusal(PROMOTE_OK);
        assert_int_equal(job.boot_ini, cases[i].result);
    }
    put_volume(0, 0, 0x06, 63);
    (void)hand_file(&volume, "NTLDR", "loader", 6);
    prepare(0, 0);
    expect_refusal(PROMOTE_OK);
    assert_int_equal(job.boot_ini, BOOTPATH_MISSING);
}

static void without_memory_only_the_half_itself_is_started(void **state)
{
    (void)state;
    prepare(16, 63);
    job.work = NULL;
    expect_refusal(PROMOTE_OK);
    EXPECT_ORDER({0, 0});
    sector_of(0, 63)[0] = 0;
    prepare(16, 63);
    job.work = NULL;
    expect_refusal(PROMOTE_NOTHING);
}

static void what_does_not_fit_or_cannot_be_read(void **state)
{
    (void)state;
    put_volume(0, 0, 0x06, 63);
    (void)put_nt(ELSEWHERE);
    for (unsigned room = 0; room < 3; room++) {
        prepare(0, 0);
        leave_room(room);
        assert_int_equal(promote_plan(&job, &inventory.disk[0]), ST_NO_SPACE);
        expect_as_before(room);
    }
    prepare(0, 0);
    leave_room(3);
    assert_int_equal(promote_plan(&job, &inventory.disk[0]), ST_OK);
    prepare(0, 0);
    faultdev_range(&rig.fault[0], 0, 0, FAULT_SILENT);
    assert_int_equal(promote_plan(&job, &inventory.disk[0]), ST_IO);
    assert_int_equal(changes.count, 0);
}

static void every_refusal_has_a_clause(void **state)
{
    (void)state;
    assert_string_equal(promote_text(PROMOTE_OK), "");
    for (int i = PROMOTE_OK + 1; i < PROMOTE_COUNT; i++)
        for (int other = PROMOTE_OK; other < i; other++)
            assert_string_not_equal(promote_text((enum promote_refusal)i), promote_text((enum promote_refusal)other));
}

static const struct CMUnitTest tests[] = {
    TEST(the_partition_with_ntldr),
    TEST(where_nobody_holds_ntldr),
    TEST(a_disk_that_is_damaged),
    TEST(a_half_that_is_not_whole),
    TEST(a_half_that_is_still_a_member),
    TEST(nothing_that_could_be_started),
    TEST(a_logical_drive),
    TEST(a_boot_sector_that_is_damaged),
    TEST(a_boot_ini_that_has_to_change_and_cannot),
    TEST(a_boot_ini_that_may_stay),
    TEST(without_memory_only_the_half_itself_is_started),
    TEST(what_does_not_fit_or_cannot_be_read),
    TEST(every_refusal_has_a_clause),
};

UNIT_MAIN(tests)
