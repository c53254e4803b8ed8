/* SPDX-License-Identifier: MIT */
/* nt/ftdisk: the smallest record of a mirror, written down here field by field; lies about sizes; and how much is
 * held. */
#include "fixture.h"
#include "information.h"
#include "nt/ftdisk.h"
#include "unit.h"

/* Two disks with one partition each, one mirror; its shadow is being regenerated. 216 bytes. */
static const uint8_t smallest[] = {
    /* DISK_CONFIG_HEADER */
    0x03, 0x00, 0x00, 0x00,                         /* 00 version */
    0x78, 0x56, 0x34, 0x12,                         /* 04 checksum */
    0x01, 0xA1, 0xA2, 0xA3,                         /* 08 dirty shutdown, reserved */
    0x2C, 0x00, 0x00, 0x00, 0x7C, 0x00, 0x00, 0x00, /* 0C disks: at 44, 124 bytes */
    0xA8, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00, /* 14 sets: at 168, 48 bytes */
    0x11, 0x00, 0x00, 0x00,                         /* 1C stripe width */
    0x22, 0x00, 0x00, 0x00,                         /* 20 pool size */
    0x33, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 24 names: nowhere, none */
    /* DISK_REGISTRY */
    0x02, 0x00, 0x55, 0x66, /* 2C number of disks, reserved */
    /* DISK_DESCRIPTION */
    0x01, 0x00, 0x77, 0x88, /* 30 number of partitions, reserved */
    0x4D, 0x3C, 0x2B, 0x1A, /* 34 signature 1A2B3C4D */
    /* DISK_PARTITION */
    0x00, 0x00, 0x00, 0x00,                         /* 38 type: mirror */
    0x00, 0x00, 0x00, 0x00,                         /* 3C state: healthy */
    0x00, 0x7E, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 40 start: LBA 63 */
    0x00, 0x00, 0x40, 0x01, 0x00, 0x00, 0x00, 0x00, /* 48 length: 20 MB */
    0x00, 0x00, 0x30, 0x01, 0x00, 0x00, 0x00, 0x00, /* 50 FT length: 19 MB */
    0xB1, 0x00, 0x00, 0x00, 0xB2, 0x00, 0x00, 0x00, /* 58 reserved */
    0x43, 0x01,                                     /* 60 letter C, assigned */
    0x01, 0x00, 0x07, 0x00, 0x00, 0x00,             /* 62 logical number, group, member */
    0x01, 0xC1, 0xC2, 0xC3,                         /* 68 modified, reserved */
    /* DISK_DESCRIPTION */
    0x01, 0x00, 0x00, 0x00, /* 6C */
    0x8B, 0x7A, 0x6F, 0x5E, /* 70 signature 5E6F7A8B */
    /* DISK_PARTITION */
    0x00, 0x00, 0x00, 0x00,                         /* 74 */
    0x02, 0x00, 0x00, 0x00,                         /* 78 state: regenerating */
    0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, /* 7C start: 8 GB */
    0x00, 0x00, 0x40, 0x01, 0x00, 0x00, 0x00, 0x00, /* 84 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 8C */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 94 */
    0x00, 0x01,                                     /* 9C no letter */
    0x01, 0x00, 0x07, 0x00, 0x01, 0x00,             /* 9E */
    0x00, 0x00, 0x00, 0x00,                         /* A4 */
    /* FT_REGISTRY */
    0x01, 0x00, 0x99, 0xAA, /* A8 number of sets, reserved */
    /* FT_DESCRIPTION */
    0x02, 0x00, 0x00, 0x00, /* AC two members, mirror */
    0xDD, 0x00, 0x00, 0x00, /* B0 reserved */
    0x03, 0x00, 0x00, 0x00, /* B4 state: regenerating */
    /* FT_MEMBER_DESCRIPTION */
    0x00, 0x00, 0xE1, 0xE2, /* B8 state, reserved */
    0x4D, 0x3C, 0x2B, 0x1A, /* BC signature */
    0x38, 0x00, 0x00, 0x00, /* C0 its DISK_PARTITION */
    0x05, 0x00, 0x00, 0x00, /* C4 logical number */
    /* FT_MEMBER_DESCRIPTION */
    0x02, 0x00, 0x00, 0x00, /* C8 */
    0x8B, 0x7A, 0x6F, 0x5E, /* CC */
    0x74, 0x00, 0x00, 0x00, /* D0 */
    0x06, 0x00, 0x00, 0x00, /* D4 */
};

#define DISK_COUNT_AT 0x2C
#define FIRST_PARTITION_OFFSET_AT 0xC0
#define SECOND_PARTITION_OFFSET_AT 0xD0

static struct ftdisk info;
static uint8_t record[FTDISK_BYTES_MAX];
static uint8_t again[FTDISK_BYTES_MAX];
static uint32_t count;

static void use_smallest(void)
{
    memset(record, 0, sizeof record);
    memcpy(record, smallest, sizeof smallest);
}

static enum status decode_vector(const char *name)
{
    uint32_t bytes = (uint32_t)fx_vector(name, record, sizeof record);
    return ftdisk_decode(record, bytes > 200 ? 216 : bytes, &info);
}

static void every_field(void **state)
{
    (void)state;
    assert_int_equal(sizeof smallest, 216);
    assert_int_equal(ftdisk_decode(smallest, sizeof smallest, &info), ST_OK);
    assert_int_equal(info.checksum, 0x12345678);
    assert_int_equal(info.dirty_shutdown, 1);
    assert_int_equal(info.header_padding[2], 0xA3);
    assert_int_equal(info.stripe_width, 0x11);
    assert_int_equal(info.pool_size, 0x22);
    assert_int_equal(info.name_offset, 0x33);
    assert_int_equal(info.name_bytes, 0);
    assert_int_equal(info.registry_reserved, 0x6655);
    assert_int_equal(info.ft_reserved, 0xAA99);
    assert_true(info.has_ft);
    assert_int_equal(info.base, FTDISK_FROM_VALUE);
    assert_int_equal(info.disk_count, 2);
    assert_int_equal(info.partition_count, 2);
    assert_int_equal(info.set_count, 1);
    assert_int_equal(info.member_count, 2);
    assert_int_equal(info.disk[0].signature, 0x1A2B3C4D);
    assert_int_equal(info.disk[0].reserved, 0x8877);
    assert_int_equal(info.disk[1].first_partition, 1);
    assert_int_equal(info.disk[1].partition_count, 1);
}

static void every_field_of_partitions_and_members(void **state)
{
    (void)state;
    assert_int_equal(ftdisk_decode(smallest, sizeof smallest, &info), ST_OK);
    const struct ftdisk_partition *first = &info.partition[0];
    assert_int_equal(first->type, FT_MIRROR);
    assert_int_equal(first->state, FT_HEALTHY);
    assert_true(first->start_bytes == 63 * 512 && first->length_bytes == 20 << 20 &&
                first->ft_length_bytes == 19 << 20);
    assert_int_equal(first->reserved[1], 0xB2);
    assert_int_equal(first->letter, 'C');
    assert_int_equal(first->assign_letter, 1);
    assert_int_equal(first->logical_number, 1);
    assert_int_equal(first->group, 7);
    assert_int_equal(first->member, 0);
    assert_int_equal(first->modified, 1);
    assert_int_equal(first->padding[2], 0xC3);
    assert_int_equal(info.partition[1].state, FT_REGENERATING);
    assert_true(info.partition[1].start_bytes == (uint64_t)8 << 30);
    assert_int_equal(info.partition[1].member, 1);
    assert_int_equal(info.set[0].type, FT_MIRROR);
    assert_int_equal(info.set[0].reserved, 0xDD);
    assert_int_equal(info.set[0].state, FT_SET_REGENERATING);
    assert_int_equal(info.set[0].member_count, 2);
    assert_int_equal(info.member[0].reserved, 0xE2E1);
    assert_int_equal(info.member[0].signature, 0x1A2B3C4D);
    assert_int_equal(info.member[0].partition, 0);
    assert_int_equal(info.member[0].logical_number, 5);
    assert_int_equal(info.member[1].state, FT_REGENERATING);
    assert_int_equal(info.member[1].partition, 1);
}

static void it_comes_out_as_it_went_in(void **state)
{
    (void)state;
    assert_int_equal(ftdisk_decode(smallest, sizeof smallest, &info), ST_OK);
    assert_true(info.editable);
    assert_int_equal(ftdisk_encode(&info, again, sizeof smallest, &count), ST_OK);
    assert_int_equal(count, sizeof smallest);
    assert_memory_equal(again, smallest, sizeof smallest);
    for (uint32_t room = 0; room < sizeof smallest; room++) {
        memset(again, 0xEE, sizeof again);
        assert_int_equal(ftdisk_encode(&info, again, room, &count), ST_NO_SPACE);
        for (uint32_t i = room; i < sizeof smallest; i++)
            assert_int_equal(again[i], 0xEE);
    }
}

static void a_record_cut_anywhere_is_corrupt(void **state)
{
    (void)state;
    for (uint32_t bytes = 0; bytes < sizeof smallest; bytes++) {
        memcpy(again, smallest, sizeof smallest);
        assert_int_equal(ftdisk_decode(again, bytes, &info), ST_CORRUPT);
    }
}

/* Bytes behind the sets, such as names, would be lost. */
static void what_would_be_lost_is_not_editable(void **state)
{
    (void)state;
    use_smallest();
    assert_int_equal(ftdisk_decode(record, sizeof smallest + 4, &info), ST_OK);
    assert_false(info.editable);
}

static void the_base_of_the_offsets(void **state)
{
    (void)state;
    use_smallest();
    record[FIRST_PARTITION_OFFSET_AT] -= 44;
    record[SECOND_PARTITION_OFFSET_AT] -= 44;
    assert_int_equal(ftdisk_decode(record, sizeof smallest, &info), ST_OK);
    assert_int_equal(info.base, FTDISK_FROM_REGISTRY);
    assert_int_equal(info.member[1].partition, 1);
    assert_true(info.editable);
    record[FIRST_PARTITION_OFFSET_AT] += 4; /* one leads nowhere */
    assert_int_equal(ftdisk_decode(record, sizeof smallest, &info), ST_OK);
    assert_int_equal(info.base, FTDISK_FROM_REGISTRY);
    assert_int_equal(info.member[0].partition, FTDISK_PARTITIONS_MAX);
    assert_int_equal(info.member[1].partition, 1);
    assert_false(info.editable);
    assert_int_equal(decode_vector("ftdisk-from-registry.hex"), ST_OK);
    assert_int_equal(info.base, FTDISK_FROM_REGISTRY);
    assert_true(info.editable);
    assert_int_equal(decode_vector("ftdisk-other-signature.hex"), ST_OK);
    assert_int_equal(info.member[0].partition, 0);
    assert_int_equal(info.member[1].partition, FTDISK_PARTITIONS_MAX);
    assert_false(info.editable);
}

static void lies_about_sizes(void **state)
{
    (void)state;
    assert_int_equal(decode_vector("ftdisk-mirror.hex"), ST_OK);
    assert_int_equal(info.member[0].state, FT_ORPHANED);
    assert_int_equal(decode_vector("ftdisk-version-2.hex"), ST_UNSUPPORTED);
    assert_int_equal(decode_vector("ftdisk-disks-too-long.hex"), ST_CORRUPT);
    assert_int_equal(decode_vector("ftdisk-disks-in-header.hex"), ST_CORRUPT);
    assert_int_equal(decode_vector("ftdisk-sets-outside.hex"), ST_CORRUPT);
    assert_int_equal(decode_vector("ftdisk-overlap.hex"), ST_CORRUPT);
    assert_int_equal(decode_vector("ftdisk-too-many-disks.hex"), ST_CORRUPT);
    assert_int_equal(decode_vector("ftdisk-too-many-members.hex"), ST_CORRUPT);
    use_smallest();
    record[DISK_COUNT_AT] = 1; /* fewer than there are bytes for: read, but never written back */
    assert_int_equal(ftdisk_decode(record, sizeof smallest, &info), ST_OK);
    assert_int_equal(info.disk_count, 1);
    assert_false(info.editable);
}

/* A record of so many disks without partitions, or one disk of so many partitions, and no sets. */
static enum status decode_many(unsigned disks, unsigned partitions)
{
    unsigned part_bytes = 4 + 8 * disks + 52 * partitions;
    use_smallest();
    memset(record + 0x10, 0, sizeof record - 0x10);
    record[0x10] = (uint8_t)part_bytes;
    record[0x11] = (uint8_t)(part_bytes >> 8);
    record[0x14] = (uint8_t)(part_bytes + 44);
    record[0x15] = (uint8_t)((part_bytes + 44) >> 8);
    record[0x2C] = (uint8_t)disks;
    record[0x30] = (uint8_t)partitions;
    return ftdisk_decode(record, 44 + part_bytes, &info);
}

/* As many sets without members, or one set of so many members, behind one disk without partitions. */
static enum status decode_sets(unsigned sets, unsigned members)
{
    unsigned part_bytes = 4 + 12 * sets + 16 * members;
    (void)decode_many(1, 0);
    record[0x18] = (uint8_t)part_bytes;
    record[0x19] = (uint8_t)(part_bytes >> 8);
    record[0x38] = (uint8_t)sets;
    record[0x3C] = (uint8_t)members;
    return ftdisk_decode(record, 56 + part_bytes, &info);
}

static void as_many_as_are_held(void **state)
{
    (void)state;
    assert_int_equal(decode_many(FTDISK_DISKS_MAX, 0), ST_OK);
    assert_int_equal(info.disk_count, FTDISK_DISKS_MAX);
    assert_false(info.has_ft);
    assert_true(info.editable);
    assert_int_equal(decode_many(FTDISK_DISKS_MAX + 1, 0), ST_NO_SPACE);
    assert_int_equal(decode_many(1, FTDISK_PARTITIONS_MAX), ST_OK);
    assert_int_equal(info.partition_count, FTDISK_PARTITIONS_MAX);
    assert_true(info.editable);
    assert_int_equal(decode_many(1, FTDISK_PARTITIONS_MAX + 1), ST_NO_SPACE);
    assert_int_equal(decode_sets(FTDISK_SETS_MAX, 0), ST_OK);
    assert_true(info.editable);
    assert_int_equal(decode_sets(FTDISK_SETS_MAX + 1, 0), ST_NO_SPACE);
    assert_int_equal(decode_sets(1, FTDISK_MEMBERS_MAX), ST_OK);
    assert_int_equal(info.member_count, FTDISK_MEMBERS_MAX);
    assert_int_equal(decode_sets(1, FTDISK_MEMBERS_MAX + 1), ST_NO_SPACE);
}

static void partitions_are_found(void **state)
{
    (void)state;
    assert_int_equal(ftdisk_decode(smallest, sizeof smallest, &info), ST_OK);
    assert_ptr_equal(ftdisk_find(&info, 0x1A2B3C4D, 63), &info.partition[0]);
    assert_ptr_equal(ftdisk_find(&info, 0x5E6F7A8B, (uint64_t)16 << 20), &info.partition[1]);
    assert_null(ftdisk_find(&info, 0x5E6F7A8B, 63));
    assert_null(ftdisk_find(&info, 0x11111111, 63));
}

/* What breaking a mirror in the record comes to. */
static void an_edit_moves_the_sets_along(void **state)
{
    (void)state;
    assert_int_equal(ftdisk_decode(smallest, sizeof smallest, &info), ST_OK);
    info.partition[0].type = FT_NOT_A_MEMBER;
    info.set_count = 0;
    info.member_count = 0;
    assert_int_equal(ftdisk_encode(&info, again, sizeof again, &count), ST_OK);
    assert_int_equal(count, 172);
    assert_int_equal(again[0x18], 4);
    assert_int_equal(again[0x38], 4);
    assert_int_equal(ftdisk_decode(again, count, &info), ST_OK);
    assert_true(info.editable && info.has_ft);
}

/* ---- breaking a mirror ---- */

#define FIRST_AT 0x38 /* the partitions' records in `smallest` */
#define SECOND_AT 0x74
#define LETTER 0x28
#define ASSIGN 0x29

/* Dissolve `record`'s mirror: `keep` and `other` are partitions, -1 for none. Its new form is in `again`. */
static bool dissolve(uint32_t bytes, int keep, int other)
{
    assert_int_equal(ftdisk_decode(record, bytes, &info), ST_OK);
    bool changed =
        ftdisk_dissolve(&info, keep < 0 ? NULL : &info.partition[keep], other < 0 ? NULL : &info.partition[other]);
    memset(again, 0xEE, sizeof again);
    assert_int_equal(ftdisk_encode(&info, again, sizeof again, &count), ST_OK);
    return changed;
}

/* What is left of `smallest`, with the letters of its partitions. */
static void expect_dissolved(char first, char second)
{
    uint8_t expected[172];
    memcpy(expected, smallest, sizeof expected);
    expected[0x18] = 4;     /* of the sets' part only FT_REGISTRY is left ... */
    expected[0xA8] = 0;     /* ... which counts none */
    expected[FIRST_AT] = 4; /* no member of a set, ... */
    expected[SECOND_AT] = 4;
    expected[SECOND_AT + 4] = 0; /* ... and healthy */
    expected[FIRST_AT + LETTER] = (uint8_t)first;
    expected[SECOND_AT + LETTER] = (uint8_t)second;
    assert_int_equal(count, sizeof expected);
    assert_memory_equal(again, expected, sizeof expected);
    assert_int_equal(again[sizeof expected], 0xEE);
}

static void a_dissolved_mirror_is_two_partitions(void **state)
{
    (void)state;
    use_smallest();
    assert_true(dissolve(sizeof smallest, 0, 1));
    expect_dissolved('C', 0);
    assert_true(dissolve(sizeof smallest, 1, 0)); /* the letter goes with what is kept */
    expect_dissolved(0, 'C');
    assert_true(dissolve(sizeof smallest, 0, -1)); /* the other disk is not in the record */
    expect_dissolved('C', 0);
    assert_true(dissolve(sizeof smallest, -1, 0));
    expect_dissolved('C', 0);
    memcpy(record, again, count);
    assert_false(dissolve(172, 0, 1)); /* done before */
    expect_dissolved('C', 0);
}

static void letters_of_a_dissolved_mirror(void **state)
{
    (void)state;
    use_smallest();
    record[FIRST_AT + ASSIGN] = record[SECOND_AT + ASSIGN] = 0;
    assert_true(dissolve(sizeof smallest, 1, 0));
    assert_int_equal(again[FIRST_AT + ASSIGN], 1); /* it had one, and NT shall find it another */
    assert_int_equal(again[SECOND_AT + ASSIGN], 0);
    assert_true(dissolve(sizeof smallest, 0, 1)); /* nobody had given the shadow one, and nobody does now */
    assert_int_equal(again[SECOND_AT + ASSIGN], 0);
    record[SECOND_AT + LETTER] = 'D'; /* both have one: each its own, until NT gives the other half a new one */
    assert_true(dissolve(sizeof smallest, 1, 0));
    assert_int_equal(again[FIRST_AT + LETTER], 0);
    assert_int_equal(again[SECOND_AT + LETTER], 'D');
}

static void what_is_no_mirror_is_not_dissolved(void **state)
{
    (void)state;
    use_smallest();
    assert_false(dissolve(sizeof smallest, -1, -1));
    record[FIRST_PARTITION_OFFSET_AT] += 4; /* a member that leads nowhere is not "no partition" */
    assert_false(dissolve(sizeof smallest, -1, -1));
    assert_true(dissolve(sizeof smallest, -1, 1)); /* the other member still tells which set it is */
    assert_int_equal(again[0xA8], 0);
    assert_int_equal(again[FIRST_AT], 0); /* nobody knows whether this was the member */
    use_smallest();
    record[FIRST_AT] = record[SECOND_AT] = record[0xAE] = 1; /* a stripe set */
    assert_false(dissolve(sizeof smallest, 0, 1));
    assert_int_equal(count, sizeof smallest);
    assert_memory_equal(again, record, sizeof smallest);
    use_smallest();
    record[0xAE] = 1; /* partitions that say they are a mirror's, and a set that says it is none */
    assert_true(dissolve(sizeof smallest, 0, 1));
    assert_int_equal(count, sizeof smallest);
    assert_int_equal(again[FIRST_AT], 4);
    assert_int_equal(again[SECOND_AT], 4);
}

static void expect_record(const uint8_t *expected, size_t bytes)
{
    assert_int_equal(count, bytes);
    assert_memory_equal(again, expected, bytes);
}

/* Other sets and partitions stay byte for byte; sets behind the one that goes move up. */
static void one_of_several_sets_is_dissolved(void **state)
{
    (void)state;
    memcpy(record, two_mirrors, sizeof two_mirrors);
    assert_true(dissolve(sizeof two_mirrors, 3, 0));
    expect_record(two_first_broken, sizeof two_first_broken);
    assert_true(dissolve(sizeof two_mirrors, 1, 4));
    expect_record(two_second_broken, sizeof two_second_broken);
    memcpy(record, two_first_broken, sizeof two_first_broken);
    assert_true(dissolve(sizeof two_first_broken, 1, 4));
    expect_record(two_both_broken, sizeof two_both_broken);
    memcpy(record, two_mirrors, sizeof two_mirrors);
    assert_true(dissolve(sizeof two_mirrors, 3, 0));
    assert_true(ftdisk_dissolve(&info, &info.partition[1], &info.partition[4])); /* both of one decoded record */
    assert_int_equal(ftdisk_encode(&info, again, sizeof again, &count), ST_OK);
    expect_record(two_both_broken, sizeof two_both_broken);
    memcpy(record, two_second_broken, sizeof two_second_broken);
    assert_true(dissolve(sizeof two_second_broken, 3, 0));
    expect_record(two_both_broken, sizeof two_both_broken);
    assert_int_equal(ftdisk_decode(again, count, &info), ST_OK);
    assert_true(info.editable);
    assert_int_equal(info.set_count, 1);
    assert_int_equal(info.member[info.set[0].first_member].signature, DISK_B);
}

/* The primary's half cannot be found in the record; nothing else may be taken for it. */
static void a_member_that_leads_nowhere_stays_nowhere(void **state)
{
    (void)state;
    static const uint8_t expected[] = {TWO_HEAD(2),
                                       TWO_DISK_A(TWO_FIRST_ON_A, TWO_SECOND_ON_A),
                                       TWO_DISK_B(TWO_FIRST_ON_B, TWO_SECOND_LEFT),
                                       TWO_DISK_C,
                                       INFO_SETS(2),
                                       TWO_FIRST,
                                       TWO_STRIPE};
    memcpy(record, two_mirrors, sizeof two_mirrors);
    record[548] += 4; /* of the second mirror's first member */
    assert_true(dissolve(sizeof two_mirrors, -1, 4));
    expect_record(expected, sizeof expected);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_field),
    cmocka_unit_test(every_field_of_partitions_and_members),
    cmocka_unit_test(it_comes_out_as_it_went_in),
    cmocka_unit_test(a_record_cut_anywhere_is_corrupt),
    cmocka_unit_test(what_would_be_lost_is_not_editable),
    cmocka_unit_test(the_base_of_the_offsets),
    cmocka_unit_test(lies_about_sizes),
    cmocka_unit_test(as_many_as_are_held),
    cmocka_unit_test(partitions_are_found),
    cmocka_unit_test(an_edit_moves_the_sets_along),
    cmocka_unit_test(a_dissolved_mirror_is_two_partitions),
    cmocka_unit_test(letters_of_a_dissolved_mirror),
    cmocka_unit_test(what_is_no_mirror_is_not_dissolved),
    cmocka_unit_test(one_of_several_sets_is_dissolved),
    cmocka_unit_test(a_member_that_leads_nowhere_stays_nowhere),
};

UNIT_MAIN(tests)
