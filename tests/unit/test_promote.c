/* SPDX-License-Identifier: MIT */
/* change/promote: every byte that makes a survivor start by itself, in their order, and what is left alone. Who may be
 * promoted, and which partition it is that starts, is test_promote_rules' affair. */
#include "promoting.h"

#define CODE_BYTES 440u

/* ---- what the test expects, by hand ---- */

static void expect_code(void)
{
    char path[512];
    const char *build = getenv("MKB_BUILD");
    (void)snprintf(path, sizeof path, "%s/mbr.bin", build != NULL ? build : "build");
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(expected[0], 1, CODE_BYTES, file), CODE_BYTES);
    (void)fclose(file);
}

static void expect_active(unsigned index)
{
    for (unsigned i = 0; i < 4; i++)
        expected[0][446 + 16 * i] = i == index ? 0x80 : 0;
}

/* The first and the last sector's CHS, three bytes each. */
static void expect_chs(unsigned index, const char *first, const char *last)
{
    memcpy(expected[0] + 446 + 16 * index + 1, first, 3);
    memcpy(expected[0] + 446 + 16 * index + 5, last, 3);
}

/* A boot sector that speaks of this place: hidden sectors, and of 16 heads and 63 sectors if `with_geometry`. */
static void expect_mended(uint32_t lba, unsigned drive_at, uint32_t hidden, bool with_geometry)
{
    uint8_t *boot = expected_at(0, lba);
    hand_le(boot + 0x1C, hidden, 4);
    boot[drive_at] = 0x80;
    if (with_geometry)
        memcpy(boot + 0x18, "\x3F\0\x10", 4);
}

/* ---- what it takes ---- */

static void the_survivor_starts_by_itself(void **state)
{
    (void)state;
    assert_int_equal(plan(16, 63), ST_OK);
    assert_int_equal(job.refusal, PROMOTE_OK);
    assert_int_equal(job.code, PROMOTE_CODE_OURS);
    assert_int_equal(job.boot_ini, BOOTPATH_RIGHT);
    assert_ptr_equal(job.boot, &inventory.disk[0].table.partition[0]);
    EXPECT_ORDER({0, 63}, {0, 0});
    assert_string_equal(changes.change[0].id, "A10");
    assert_string_equal(changes.change[1].id, "A03");
    expect_mended(63, 0x24, 63, true);
    expect_code();
    expect_active(0);
    expect_chs(0, "\x01\x01\x00", "\x08\x3B\x00"); /* 63 = track 1, sector 0; 562 = track 8, sector 58 */
    expect_written();
    assert_int_equal(plan(16, 63), ST_OK); /* and then there is nothing left to do */
    assert_int_equal(changes.count, 0);
    assert_int_equal(job.code, PROMOTE_CODE_KEPT);
}

static void numbers_that_nobody_knows_stay(void **state)
{
    (void)state;
    assert_int_equal(plan(0, 0), ST_OK);
    expect_mended(63, 0x24, 63, false);
    expect_code();
    expect_active(0);
    expect_written();
}

static void all_other_flags_go(void **state)
{
    (void)state;
    put_volume(1, 0x80, 0x06, 1000);
    fx_entry(sector_of(0, 0), 2, 0x80, 0x05, 2000, 500);
    fx_ebr(&rig.disk[0], 2000, 0x06, 63, 100, 0);
    sector_of(0, 0)[446 + 48] = 0x01; /* of an empty entry */
    assert_int_equal(plan(0, 0), ST_OK);
    expect_mended(63, 0x24, 63, false);
    expect_code();
    expect_active(0);
    expect_written();
}

/* Heads 2, sectors 9: cylinders of 18. Flag, CHS and LBA of an entry, by hand. */
static void chs_of_a_table_entry(void **state)
{
    (void)state;
    static const struct {
        uint32_t start;
        const char *first;
        const char *last; /* of 500 sectors */
    } cases[] = {
        {63, "\x01\x01\x03", "\x00\x05\x1F"},    /* 3/1/1; 562 = 31/0/5 */
        {5413, "\x01\x45\x2C", "\x00\x49\x48"},  /* 300/1/5: two bits of the cylinder; 5912 = 328/0/9 */
        {17932, "\x00\xC5\xE4", "\x01\xC9\xFF"}, /* 996/0/5; 18431 = 1023/1/9, the last that can be told */
        {17933, "\x00\xC6\xE4", "\x01\xC9\xFF"}, /* 18432 = 1024/0/1 cannot */
        {18432, "\x01\xC9\xFF", "\x01\xC9\xFF"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(sector_of(0, 0) + 446, 0, 64);
        put_volume(2, 0, 0x06, cases[i].start);
        (void)put_nt(HERE);
        assert_int_equal(plan(2, 9), ST_OK);
        write_some(changes.count);
        const uint8_t *entry = sector_of(0, 0) + 446 + 32;
        assert_int_equal(entry[0], 0x80);
        assert_memory_equal(entry + 1, cases[i].first, 3);
        assert_int_equal(entry[4], 0x06);
        assert_memory_equal(entry + 5, cases[i].last, 3);
        assert_memory_equal(entry + 8, expected[0] + 446 + 32 + 8, 8);
    }
}

static void a_boot_ini_of_the_other_disk(void **state)
{
    (void)state;
    put_volume(0, 0, 0x06, 63);
    uint32_t ini = put_nt(ELSEWHERE);
    assert_int_equal(plan(0, 0), ST_OK);
    assert_int_equal(job.boot_ini, BOOTPATH_REWRITTEN);
    const struct planned order[] = {{0, ini}, {0, 63}, {0, 0}};
    expect_order(order, 3);
    assert_string_equal(changes.change[0].id, "A14");
    memcpy(expected_at(0, ini), HERE, strlen(HERE));
    expect_mended(63, 0x24, 63, false);
    expect_code();
    expect_active(0);
    expect_written();
}

/* ---- the code in sector 0 ---- */

static void put_code(const char *text, unsigned at)
{
    memset(sector_of(0, 0), 0x90, CODE_BYTES);
    memcpy(sector_of(0, 0) + at, text, strlen(text));
}

static void expect_code_is(enum promote_code code)
{
    uint16_t heads = job.geometry.heads;
    uint8_t before[CODE_BYTES];
    memcpy(before, sector_of(0, 0), CODE_BYTES);
    assert_int_equal(plan(heads, job.geometry.sectors_per_track), ST_OK);
    assert_int_equal(job.code, code);
    const struct change *change = &changes.change[changes.count - 1];
    assert_int_equal(change->lba, 0);
    assert_int_equal(memcmp(change->new_bytes, before, CODE_BYTES) == 0, code != PROMOTE_CODE_OURS);
}

static const char *const known_codes[] = {"mkbootdisk", "GRUB", "Operating system load", "Invalid partition table",
                                          "Missing operating system"};
#define KNOWN_BY_LBA 3u /* the others find the partition by CHS */

static void code_that_is_known_stays(void **state)
{
    (void)state;
    job.geometry = (struct geometry){2, 9};
    for (unsigned i = 0; i < sizeof known_codes / sizeof known_codes[0]; i++) {
        unsigned last = CODE_BYTES - (unsigned)strlen(known_codes[i]);
        put_code(known_codes[i], 0x80);
        expect_code_is(PROMOTE_CODE_KEPT);
        put_code(known_codes[i], last);
        expect_code_is(PROMOTE_CODE_KEPT);
        put_code(known_codes[i], 0x80);
        sector_of(0, 0)[0x80 + strlen(known_codes[i]) - 1] = '?';
        expect_code_is(PROMOTE_CODE_OURS);
        put_code(known_codes[i], 0x80);
        memset(sector_of(0, 0), 0, 4); /* nothing can begin like that */
        expect_code_is(PROMOTE_CODE_OURS);
    }
    memset(sector_of(0, 0), 0, CODE_BYTES);
    expect_code_is(PROMOTE_CODE_OURS);
}

/* Beyond cylinder 1023 an entry's CHS leads nowhere. */
static void code_that_needs_chs_stays_where_that_leads(void **state)
{
    (void)state;
    for (uint32_t start = 18431; start <= 18432; start++) {
        memset(sector_of(0, 0) + 446, 0, 64);
        put_volume(0, 0, 0x06, start);
        (void)put_nt(HERE);
        for (unsigned i = 0; i < sizeof known_codes / sizeof known_codes[0]; i++) {
            put_code(known_codes[i], 0x80);
            job.geometry = (struct geometry){2, 9};
            expect_code_is(start == 18431 || i < KNOWN_BY_LBA ? PROMOTE_CODE_KEPT : PROMOTE_CODE_OURS);
            job.geometry = (struct geometry){0}; /* nobody knows where it leads; 255 heads is what is usual */
            expect_code_is(PROMOTE_CODE_KEPT);
        }
    }
}

/* A disk so large that nobody who does not know its geometry reaches the end of it by CHS: sectors from FAR_BASE on are
 * those from 1000 on in memory. */
#define FAR_BASE (255u * 63u * 1024u - 600u)

static struct blockdev far_disk;

static enum status read_far(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    (void)device;
    if (lba >= FAR_BASE)
        lba = lba - FAR_BASE + 1000;
    memcpy(buffer, sector_of(0, lba), (size_t)sectors * SECTOR_BYTES);
    return ST_OK;
}

static void without_a_geometry_the_usual_one_tells_what_chs_reaches(void **state)
{
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        uint32_t start = FAR_BASE + 599 + more; /* cylinder 1023 of 255 heads and 63 sectors, or 1024 */
        put_code("Missing operating system", 0x80);
        put_volume(0, 0, 0x06, 1000 + 599 + more);
        (void)put_nt(HERE);
        fx_entry(sector_of(0, 0), 0, 0, 0x06, start, 500);
        prepare(0, 0);
        far_disk = (struct blockdev){.read = read_far, .sectors = start + 500, .drive = 0x80};
        inventory.count = 0;
        (void)inventory_add(&inventory, &far_disk, &(struct geometry){0});
        config.set_count = 0;
        assert_int_equal(promote_plan(&job, &inventory.disk[0]), ST_OK);
        assert_int_equal(job.code, more == 0 ? PROMOTE_CODE_KEPT : PROMOTE_CODE_OURS);
    }
}

/* The vendor's own code knows of the vendor's own partition, and nobody else does. */
static void code_of_the_machines_vendor_stays(void **state)
{
    (void)state;
    static const uint8_t types[] = {0x12, 0x55};
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(sector_of(0, 0), 3, 0, types[i], 3000, 100);
        put_code("Vendor", 0x80);
        expect_code_is(PROMOTE_CODE_VENDOR);
        put_code("GRUB", 0x80);
        expect_code_is(PROMOTE_CODE_KEPT);
        memset(sector_of(0, 0), 0, 4);
        expect_code_is(PROMOTE_CODE_OURS);
    }
    sector_of(0, 0)[446 + 48 + 4] = 0x16;
    put_code("Vendor", 0x80);
    expect_code_is(PROMOTE_CODE_OURS);
}

/* ---- boot sectors and their copies ---- */

/* `copy` 0: there is none that is known as one. */
static void expect_boot_sectors(uint32_t copy, unsigned drive_at)
{
    assert_int_equal(plan(16, 63), ST_OK);
    const struct planned order[] = {{0, copy}, {0, 63}, {0, 0}};
    expect_order(copy != 0 ? order : order + 1, copy != 0 ? 3 : 2);
    expect_mended(63, drive_at, 63, true);
    if (copy != 0)
        expect_mended(copy, drive_at, 63, true);
    memcpy(expected[0], changes.change[changes.count - 1].new_bytes, SECTOR_BYTES); /* no affair of this test */
    expect_written();
}

static void the_copy_of_nt_4_in_the_last_sector(void **state)
{
    (void)state;
    load_ntfs();
    expect_boot_sectors(63 + NTPAIR_SECTORS - 1, 0x24);
    load_ntfs();
    sector_of(0, 63 + NTPAIR_SECTORS - 1)[0x48] ^= 1; /* another volume's */
    expect_boot_sectors(0, 0x24);
    load_ntfs();
    memset(sector_of(0, 63 + NTPAIR_SECTORS - 1), 0xF6, SECTOR_BYTES);
    expect_boot_sectors(0, 0x24);
}

/* The volume is as long as its partition. What lies behind it is another's, even if it looks like a copy. */
static void the_copy_of_nt_3_in_the_middle(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t middle = 63 + NTPAIR_SECTORS / 2;
        load_ntfs();
        memset(sector_of(0, 63 + NTPAIR_SECTORS - 1), 0, SECTOR_BYTES);
        hand_le(sector_of(0, 63) + 0x28, NTPAIR_SECTORS, 8);
        memcpy(sector_of(0, 63 + NTPAIR_SECTORS), sector_of(0, 63), SECTOR_BYTES);
        if (i == 0)
            memcpy(sector_of(0, middle), sector_of(0, 63), SECTOR_BYTES);
        expect_boot_sectors(i == 0 ? middle : 0, 0x24);
    }
}

static void the_copy_of_fat32(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        (void)machine_off(state);
        machine(1, 1000);
        fx_entry(sector_of(0, 0), 0, 0x80, 0x0B, 63, 600);
        fx_vector("fat-tree-32.hex", sector_of(0, 63), (size_t)600 * SECTOR_BYTES);
        memcpy(sector_of(0, 63), "\xEB\x58\x90", 3);
        hand_le(sector_of(0, 63) + 0x32, 6, 2);
        make_foreign(sector_of(0, 63), 0x40);
        memcpy(sector_of(0, 63 + 6), sector_of(0, 63), SECTOR_BYTES);
        if (i == 1)
            sector_of(0, 63 + 6)[510] = 0; /* no boot sector */
        if (i == 2)
            hand_le(sector_of(0, 63) + 0x32, 0, 2);
        expect_boot_sectors(i == 0 ? 63 + 6 : 0, 0x40);
    }
}

static void a_copy_that_cannot_be_read_is_no_reason_to_stop(void **state)
{
    (void)state;
    load_ntfs();
    faultdev_range(&rig.fault[0], 63 + NTPAIR_SECTORS - 1, 63 + NTPAIR_SECTORS - 1, FAULT_ERROR);
    assert_int_equal(plan(16, 63), ST_OK);
    EXPECT_ORDER({0, 63}, {0, 0});
}

/* A boot loader in front of a file system that is neither FAT nor NTFS: what stands where these have their numbers is
 * its own. */
static void the_boot_sector_of_another_system_stays(void **state)
{
    (void)state;
    memset(sector_of(0, 63), 0, (size_t)500 * SECTOR_BYTES);
    memcpy(sector_of(0, 63),
           "\xEB\x58\x90"
           "EXTLINUX\0\x02",
           13);
    memcpy(sector_of(0, 63) + 510, "\x55\xAA", 2);
    memcpy(sector_of(0, 65) + 0x38, "\x53\xEF", 2); /* ext's magic number */
    assert_int_equal(plan(16, 63), ST_OK);
    EXPECT_ORDER({0, 0});
    expect_code();
    expect_active(0);
    expect_chs(0, "\x01\x01\x00", "\x08\x3B\x00");
    expect_written();
}

static const struct CMUnitTest tests[] = {
    TEST(the_survivor_starts_by_itself),
    TEST(numbers_that_nobody_knows_stay),
    TEST(all_other_flags_go),
    TEST(chs_of_a_table_entry),
    TEST(a_boot_ini_of_the_other_disk),
    TEST(code_that_is_known_stays),
    TEST(code_that_needs_chs_stays_where_that_leads),
    TEST(without_a_geometry_the_usual_one_tells_what_chs_reaches),
    TEST(code_of_the_machines_vendor_stays),
    TEST(the_copy_of_nt_4_in_the_last_sector),
    TEST(the_copy_of_nt_3_in_the_middle),
    TEST(the_copy_of_fat32),
    TEST(a_copy_that_cannot_be_read_is_no_reason_to_stop),
    TEST(the_boot_sector_of_another_system_stays),
};

UNIT_MAIN(tests)
