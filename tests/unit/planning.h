/* SPDX-License-Identifier: MIT */
/* What the tests of the plans share: a machine of the rig and what is known about it, a plan's changes, and the disks
 * as they shall be afterwards, which a test changes by hand. Owns no test. */
#ifndef PLANNING_H
#define PLANNING_H

#include "change/changeset.h"
#include "hand_volume.h"
#include "information.h"
#include "mirror/evidence.h"
#include "rigfw.h"
#include "unit.h"

static struct rigfw rig;
static struct inventory inventory;
static struct config config;
static struct set_survey survey[SETS_MAX];
static struct changeset changes;
static struct trail trail;
static uint8_t *expected[RIG_DISKS];

/* A machine whose disks have a signature and an empty table. */
static inline void machine(unsigned disks, uint32_t sectors)
{
    rig_init(&rig, disks, sectors);
    config_init(&config);
    changes.count = 0;
    for (unsigned i = 0; i < disks; i++) {
        fx_mbr(&rig.disk[i], i == 0 ? RIG_SIGNATURE_A : RIG_SIGNATURE_B + i - 1);
        expected[i] = malloc((size_t)sectors * SECTOR_BYTES);
    }
}

static inline int machine_off(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RIG_DISKS; i++) {
        free(expected[i]);
        expected[i] = NULL;
    }
    rig_free(&rig);
    return 0;
}

static inline uint8_t *sector_of(unsigned disk, uint64_t lba)
{
    return memdev_sector(&rig.disk[disk], lba);
}

static inline uint8_t *expected_at(unsigned disk, uint64_t lba)
{
    return expected[disk] + lba * SECTOR_BYTES;
}

/* One more mirror of the first two disks. */
static inline void add_mirror(uint32_t start, uint32_t sectors)
{
    config.set[config.set_count++] =
        (struct mirror_set){.member = {{RIG_SIGNATURE_A, start, sectors}, {RIG_SIGNATURE_B, start, sectors}}};
}

/* Take stock of the disks and the mirrors as they are now; `with_registry`: hear what the registries say. */
static inline void look(bool with_registry)
{
    memset(&inventory, 0, sizeof inventory);
    memset(&trail, 0, sizeof trail);
    for (unsigned i = 0; i < rig.disks; i++) {
        rig.fault[i].device.trail = &trail;
        if (!rig.absent[i])
            (void)inventory_add(&inventory, &rig.fault[i].device, &rig.geometry[i]);
        memcpy(expected[i], rig.disk[i].bytes, (size_t)rig.disk[i].sectors * SECTOR_BYTES);
    }
    for (unsigned i = 0; i < config.set_count; i++)
        facts_gather(&inventory, &config, i, 4, &survey[i]);
    if (with_registry)
        evidence_gather(&inventory, &config, survey, &rig.work);
    memset(&rig.work, 0xC3, sizeof rig.work); /* the plans must not trust what they find in it */
}

static inline unsigned disk_of(const struct change *change)
{
    return change->signature == RIG_SIGNATURE_A ? 0 : change->signature - RIG_SIGNATURE_B + 1;
}

/* Write the first `count` changes, each of which must know what stands there now. */
static inline void write_some(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct change *change = &changes.change[i];
        assert_in_range(disk_of(change), 0, rig.disks - 1);
        uint8_t *sector = sector_of(disk_of(change), change->lba);
        assert_memory_equal(change->old_bytes, sector, SECTOR_BYTES);
        assert_true(strlen(change->why) > 0 && strlen(change->id) == 3);
        memcpy(sector, change->new_bytes, SECTOR_BYTES);
    }
}

/* Write all changes: every byte of every disk is as the test expects it. */
static inline void expect_written(void)
{
    write_some(changes.count);
    for (unsigned i = 0; i < rig.disks; i++)
        for (uint32_t lba = 0; lba < rig.disk[i].sectors; lba++)
            assert_memory_equal(sector_of(i, lba), expected_at(i, lba), SECTOR_BYTES);
}

struct planned {
    unsigned disk;
    uint32_t lba;
};

/* The changes are of just these sectors, in this order. */
static inline void expect_order(const struct planned *sectors, unsigned count)
{
    assert_int_equal(changes.count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(disk_of(&changes.change[i]), sectors[i].disk);
        assert_int_equal(changes.change[i].lba, sectors[i].lba);
    }
}
#define EXPECT_ORDER(...)                                                                                              \
    do {                                                                                                               \
        static const struct planned order[] = {__VA_ARGS__};                                                           \
        expect_order(order, sizeof order / sizeof order[0]);                                                           \
    } while (0)

/* Such a record shall stand in the hive of hand_hive() that begins at `lba`; what was longer is not wiped. */
static inline void expect_information(unsigned disk, uint32_t lba, const struct hand_hive *hive, const void *bytes,
                                      uint32_t count)
{
    memcpy(expected_at(disk, lba) + hand_information_at(hive), bytes, count);
    hand_le(expected_at(disk, lba) + hand_length_at(hive), count, 4);
}

/* The partition types that a break takes the bits from. */
static inline void expect_type(unsigned disk, unsigned index, uint8_t type)
{
    expected[disk][446 + 16 * index + 4] = type;
}

/* The disks that information.h's records of two mirrors speak of, without volumes. */
static inline void two_mirror_machine(void)
{
    machine(3, 2000);
    for (unsigned i = 0; i < 2; i++) {
        fx_entry(sector_of(i, 0), 0, i == 0 ? 0x80 : 0, 0x86, 63, 900);
        fx_entry(sector_of(i, 0), 1, 0, 0x87, 1100, 800);
        fx_entry(sector_of(i, 0), 2, 0, i == 0 ? 0x06 : 0x86, 1950, 50);
    }
    fx_entry(sector_of(2, 0), 0, 0, 0x86, 63, 50);
    add_mirror(63, 900);
    add_mirror(1100, 800);
}

/* Leave room for `room` more changes. The others are of a disk that nobody has. */
static inline void leave_room(unsigned room)
{
    for (changes.count = 0; changes.count < CHANGES_MAX - room; changes.count++)
        changes.change[changes.count] = (struct change){.signature = 0xDEAD, .lba = changes.count, .why = "filler"};
}

/* A plan that failed has left the changes as leave_room() made them. */
static inline void expect_as_before(unsigned room)
{
    assert_int_equal(changes.count, CHANGES_MAX - room);
    for (unsigned i = 0; i < changes.count; i++) {
        assert_int_equal(changes.change[i].signature, 0xDEAD);
        assert_int_equal(changes.change[i].lba, i);
        assert_string_equal(changes.change[i].why, "filler");
    }
}

#endif
