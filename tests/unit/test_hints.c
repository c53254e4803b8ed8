/* SPDX-License-Identifier: MIT */
/* mirror/evidence: which half belongs to which, by the registries of installations that others' tools have put on two
 * disks. What pairing makes of it is test_pair's affair. */
#include "mirror/evidence.h"
#include "ntpair.h"
#include "unit.h"

static struct rigfw rig;
static struct inventory inventory;
static struct pair_hints hints;

static int tear_down(void **state)
{
    (void)state;
    rig_free(&rig);
    return 0;
}

static void load(const char *primary, const char *shadow)
{
    rig_free(&rig);
    ntpair_init(&rig, primary, shadow, "");
}

/* What the registries on two disks say of who belongs to whom. */
static void take_stock(void)
{
    memset(&inventory, 0, sizeof inventory);
    memset(&rig.work, 0xC3, sizeof rig.work);
    for (unsigned i = 0; i < rig.disks; i++)
        if (!rig.absent[i])
            (void)inventory_add(&inventory, &rig.fault[i].device, &rig.geometry[i]);
    memset(&hints, 0xC3, sizeof hints);
    evidence_hints(&inventory, &rig.work, &hints);
}

/* The half on disk `index` is known as this member of the mirror that ntpair.h describes. */
static void expect_hint(unsigned index, enum role role)
{
    const struct pair_hint *hint = &hints.of[index][0];
    assert_int_equal(hint->state, HINT_KNOWN);
    assert_int_equal(hint->role, role);
    for (unsigned of = 0; of < ROLE_COUNT; of++) {
        assert_int_equal(hint->set.member[of].signature, of == ROLE_PRIMARY ? RIG_SIGNATURE_A : RIG_SIGNATURE_B);
        assert_int_equal(hint->set.member[of].start_lba, RIG_MEMBER_START);
        assert_int_equal(hint->set.member[of].sectors, NTPAIR_SECTORS);
    }
}

/* However old, interrupted or accusing: who the twin is, a registry knows. */
static void every_registry_knows_the_twin(void **state)
{
    (void)state;
    static const char *const volumes[] = {
        "fat-healthy",   "fat-orphaned", "fat-other-orphaned", "fat-initializing",     "fat-unclean",  "fat-log",
        "fat-alternate", "fat-two",      "ntfs-healthy",       "fat-initializing-set", "fat-contrary", "fat-deep"};
    for (size_t i = 0; i < sizeof volumes / sizeof volumes[0]; i++)
        for (unsigned absent = 0; absent < 3; absent++) { /* the first disk, the second, none */
            load(volumes[i], volumes[i]);
            rig.absent[0] = absent == 0;
            rig.absent[1] = absent == 1;
            take_stock();
            for (unsigned disk = 0; disk < inventory.count; disk++)
                expect_hint(disk, absent == 0 || disk == 1 ? ROLE_SHADOW : ROLE_PRIMARY);
        }
}

static void a_registry_that_names_no_twin(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-no-nt",     "fat-damaged",      "fat-unrecorded",
                                          "fat-version-4", "fat-lying-record", "fat-other-disks"};
    for (size_t i = 0; i < sizeof volumes / sizeof volumes[0]; i++) {
        load(volumes[i], volumes[i]);
        take_stock();
        assert_int_equal(hints.of[0][0].state, HINT_NONE);
        assert_int_equal(hints.of[1][0].state, HINT_NONE);
        for (unsigned silent = 0; silent < 2; silent++) { /* but the other half's names it */
            load(silent == 0 ? volumes[i] : "fat-healthy", silent == 1 ? volumes[i] : "fat-healthy");
            take_stock();
            expect_hint(0, ROLE_PRIMARY);
            expect_hint(1, ROLE_SHADOW);
        }
    }
}

/* FDISK /MBR, or a copy with another signature: the registries still know the disk by its old one (A19). */
static void a_disk_that_lost_its_signature_is_known(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 2; lost++)
        for (uint32_t signature = 0; signature < 2; signature++) {
            load("fat-healthy", "fat-healthy");
            memset(rig.disk[lost].bytes + 0x1B8, 0, 4);
            rig.disk[lost].bytes[0x1B8] = (uint8_t)signature;
            take_stock();
            expect_hint(0, ROLE_PRIMARY);
            expect_hint(1, ROLE_SHADOW);
            rig.disk[lost].bytes[0x1BE + 12]--; /* not of the length that the registry tells */
            take_stock();
            assert_int_equal(hints.of[lost][0].state, HINT_NONE);
            expect_hint(1 - lost, (enum role)(1 - lost));
            rig.disk[lost].bytes[0x1BE + 12]++;
            rig.absent[1 - lost] = true; /* alone it could be either half */
            take_stock();
            assert_int_equal(hints.of[0][0].state, HINT_NONE);
        }
}

/* The record is of a place; what stands elsewhere on the same disk is not meant. */
static void a_half_that_is_not_where_the_registry_knows_it(void **state)
{
    (void)state;
    load("fat-healthy", "fat-no-nt");
    rig.disk[1].bytes[0x1BE + 8]++; /* the shadow begins a sector later */
    take_stock();
    expect_hint(0, ROLE_PRIMARY);
    assert_int_equal(hints.of[1][0].state, HINT_NONE);
}

static void a_disk_that_cannot_be_read_names_no_twin(void **state)
{
    (void)state;
    load("fat-healthy", "fat-healthy");
    faultdev_range(&rig.fault[0], RIG_MEMBER_START, RIG_MEMBER_START + NTPAIR_SECTORS - 1, FAULT_ERROR);
    take_stock();
    expect_hint(0, ROLE_PRIMARY); /* by the shadow's word */
    expect_hint(1, ROLE_SHADOW);
    faultdev_range(&rig.fault[1], RIG_MEMBER_START, RIG_MEMBER_START + NTPAIR_SECTORS - 1, FAULT_ERROR);
    take_stock();
    assert_int_equal(hints.of[0][0].state, HINT_NONE);
    assert_int_equal(hints.of[1][0].state, HINT_NONE);
}

/* Two registries on one disk, such as of a first installation beside the mirror, and none is known to be the wrong one.
 */
static void registries_that_dispute_a_half_settle_nothing(void **state)
{
    (void)state;
    enum { BESIDE = RIG_MEMBER_START + NTPAIR_SECTORS };
    static const uint8_t twin[4] = {0x02, 0x00, 0xBB, 0xBB}; /* RIG_SIGNATURE_B */
    struct memdev wide;
    load("fat-healthy", "fat-no-nt");
    memdev_init(&wide, BESIDE + NTPAIR_SECTORS, 0x80);
    memcpy(wide.bytes, rig.disk[0].bytes, (size_t)BESIDE * SECTOR_BYTES);
    memdev_free(&rig.disk[0]);
    rig.disk[0] = wide;
    fx_entry(rig.disk[0].bytes, 1, 0, 0x06, BESIDE, NTPAIR_SECTORS);
    ntpair_load(&rig.disk[0], BESIDE, "fat-orphaned");
    rig_heal(&rig);
    take_stock();
    expect_hint(0, ROLE_PRIMARY); /* they agree */
    expect_hint(1, ROLE_SHADOW);
    for (uint8_t *at = memdev_sector(&rig.disk[0], BESIDE); at < rig.disk[0].bytes + wide.sectors * SECTOR_BYTES;
         at += sizeof twin)
        if (memcmp(at, twin, sizeof twin) == 0)
            at[0]++; /* in the one of them it is another disk */
    take_stock();
    assert_int_equal(hints.of[0][0].state, HINT_DISPUTED);
    assert_int_equal(hints.of[1][0].state, HINT_NONE);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(every_registry_knows_the_twin),
    TEST(a_registry_that_names_no_twin),
    TEST(a_disk_that_lost_its_signature_is_known),
    TEST(a_half_that_is_not_where_the_registry_knows_it),
    TEST(a_disk_that_cannot_be_read_names_no_twin),
    TEST(registries_that_dispute_a_half_settle_nothing),
};

UNIT_MAIN(tests)
