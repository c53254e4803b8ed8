/* SPDX-License-Identifier: MIT */
/* mirror/evidence: what is heard from installations that others' tools have put on two disks. The judgement is
 * test_decide's affair; here stand the facts it gets, and the verdict where a whole pair is meant. */
#include "mirror/evidence.h"
#include "ntpair.h"
#include "unit.h"

#define SAMPLES_TAKEN 24u
#define WRITTEN 125331840000000000u /* 1998-03-01, as a FILETIME */
#define DAY (24u * 3600u * 10000000ull)

static struct rigfw rig;
static struct inventory inventory;
static struct trail trail;
static struct config config;
static struct set_survey survey;

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
    config_init(&config);
    config.set_count = 1;
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        config.set[0].member[role] =
            (struct member_id){role == 0 ? RIG_SIGNATURE_A : RIG_SIGNATURE_B, RIG_MEMBER_START, NTPAIR_SECTORS};
}

static void gather(void)
{
    memset(&inventory, 0, sizeof inventory);
    memset(&trail, 0, sizeof trail);
    memset(&rig.work, 0xC3, sizeof rig.work);
    rig.reads = 0;
    for (unsigned i = 0; i < rig.disks; i++) {
        rig.fault[i].device.trail = &trail;
        if (!rig.absent[i])
            (void)inventory_add(&inventory, &rig.fault[i].device, &rig.geometry[i]);
    }
    facts_gather(&inventory, &config, 0, SAMPLES_TAKEN, &survey);
    evidence_gather(&inventory, &config, &survey, &rig.work);
}

static void look_at(const char *primary, const char *shadow)
{
    load(primary, shadow);
    gather();
}

static const struct member_facts *facts_of(unsigned role)
{
    return &survey.facts.member[role];
}

/* What the registry on this half's disk says of the primary and of the shadow. */
static void expect_records(unsigned witness, enum record primary, enum record shadow)
{
    assert_int_equal(facts_of(witness)->record[ROLE_PRIMARY], primary);
    assert_int_equal(facts_of(witness)->record[ROLE_SHADOW], shadow);
}

static void expect_stamp(unsigned role, uint32_t sequence, uint64_t written_100ns)
{
    assert_true(survey.evidence[role].has_stamp);
    assert_string_equal(survey.evidence[role].directory, "\\WINNT");
    assert_int_equal(survey.evidence[role].sequence, sequence);
    assert_true(survey.evidence[role].written_100ns == written_100ns);
}

static void expect_verdict(enum set_state state, enum role source)
{
    assert_int_equal(survey.verdict.state, state);
    assert_int_equal(survey.verdict.source, source);
}

static void healthy(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-healthy", "ntfs-healthy"};
    for (unsigned i = 0; i < 2; i++) {
        look_at(volumes[i], volumes[i]);
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            expect_records(role, RECORD_HEALTHY, RECORD_HEALTHY);
            expect_stamp(role, 7, WRITTEN);
            assert_true(facts_of(role)->readable && survey.evidence[role].clean);
            assert_false(facts_of(role)->unrecorded || facts_of(role)->registry_bad || survey.evidence[role].dirty);
        }
        assert_int_equal(survey.facts.registry, AGE_SAME);
        expect_verdict(SET_HEALTHY, ROLE_PRIMARY);
        assert_int_equal(trail.used, 0);
    }
}

static void what_each_half_recorded(void **state)
{
    (void)state;
    look_at("fat-healthy", "fat-orphaned");
    expect_records(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_HEALTHY);
    expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    expect_stamp(ROLE_PRIMARY, 7, WRITTEN);
    expect_stamp(ROLE_SHADOW, 40, WRITTEN + 3 * DAY);
    assert_int_equal(survey.facts.registry, AGE_PRIMARY_OLDER);
    expect_verdict(SET_STALE, ROLE_SHADOW);
    look_at("fat-other-orphaned", "fat-healthy");
    expect_records(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_ORPHANED);
    expect_stamp(ROLE_PRIMARY, 30, WRITTEN + 2 * DAY);
    assert_int_equal(survey.facts.registry, AGE_SHADOW_OLDER);
    expect_verdict(SET_DEGRADED, ROLE_PRIMARY);
    look_at("fat-other-orphaned", "fat-orphaned");
    expect_verdict(SET_SPLIT, ROLE_NONE);
}

static void a_half_that_was_not_finished(void **state)
{
    (void)state;
    look_at("fat-initializing", "fat-initializing");
    expect_records(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_REBUILDING);
    expect_records(ROLE_SHADOW, RECORD_HEALTHY, RECORD_REBUILDING);
    expect_verdict(SET_RESYNCING, ROLE_PRIMARY);
    look_at("fat-healthy", "fat-regenerating");
    expect_records(ROLE_SHADOW, RECORD_REBUILDING, RECORD_HEALTHY);
    expect_verdict(SET_RESYNCING, ROLE_SHADOW);
    look_at("fat-initializing-set", "fat-healthy"); /* the set is, and no member says so: it is the second one */
    expect_records(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_REBUILDING);
    expect_verdict(SET_RESYNCING, ROLE_PRIMARY);
}

static void a_registry_that_does_not_know_the_mirror(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-unrecorded", "fat-other-disks"};
    for (unsigned i = 0; i < 2; i++) {
        look_at(volumes[i], "fat-healthy");
        expect_records(ROLE_PRIMARY, RECORD_NONE, RECORD_NONE);
        assert_true(facts_of(ROLE_PRIMARY)->unrecorded);
        assert_false(facts_of(ROLE_PRIMARY)->registry_bad || facts_of(ROLE_SHADOW)->unrecorded);
        expect_stamp(ROLE_PRIMARY, 7, WRITTEN);
        assert_int_equal(survey.verdict.source, ROLE_SHADOW);
    }
    look_at("fat-windows-2000", "fat-windows-2000"); /* its sets may be described elsewhere */
    assert_false(facts_of(ROLE_PRIMARY)->unrecorded || facts_of(ROLE_SHADOW)->unrecorded);
    expect_verdict(SET_HEALTHY, ROLE_PRIMARY);
}

/* A version that nobody has described is neither damage nor a word on the mirror. */
static void a_record_of_an_unknown_version(void **state)
{
    (void)state;
    look_at("fat-version-4", "fat-healthy");
    expect_records(ROLE_PRIMARY, RECORD_NONE, RECORD_NONE);
    assert_false(facts_of(ROLE_PRIMARY)->unrecorded || facts_of(ROLE_PRIMARY)->registry_bad);
    expect_stamp(ROLE_PRIMARY, 7, WRITTEN);
}

static void a_damaged_registry(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-damaged", "fat-empty", "fat-cut-off", "fat-lying-record"};
    for (unsigned i = 0; i < 4; i++) {
        look_at(volumes[i], "fat-healthy");
        expect_records(ROLE_PRIMARY, RECORD_NONE, RECORD_NONE);
        assert_true(facts_of(ROLE_PRIMARY)->registry_bad && facts_of(ROLE_PRIMARY)->readable);
        assert_false(facts_of(ROLE_PRIMARY)->unrecorded || facts_of(ROLE_SHADOW)->registry_bad);
        assert_int_equal(survey.evidence[ROLE_PRIMARY].has_stamp, i == 3);
        /* What the damaged one said is not known: if the halves are seen to differ, it may have been the newer one. */
        if (survey.facts.different)
            expect_verdict(SET_SPLIT, ROLE_NONE);
        else
            expect_verdict(SET_DEGRADED, ROLE_SHADOW);
        assert_int_equal(survey.verdict.why[ROLE_PRIMARY], WHY_BAD_REGISTRY);
    }
}

/* NT reads SYSTEM.ALT where SYSTEM is damaged. Its stamp is not compared with that of another SYSTEM. */
static void the_alternate_registry(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-alternate", "fat-unclean-alternate"};
    for (unsigned i = 0; i < 2; i++) {
        look_at("fat-healthy", volumes[i]);
        expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
        assert_false(facts_of(ROLE_SHADOW)->registry_bad || survey.evidence[ROLE_SHADOW].has_stamp);
        assert_int_equal(survey.facts.registry, AGE_UNKNOWN);
        expect_verdict(SET_STALE, ROLE_SHADOW);
    }
    look_at("fat-healthy", "fat-empty-alternate");
    expect_records(ROLE_SHADOW, RECORD_HEALTHY, RECORD_HEALTHY);
    assert_false(facts_of(ROLE_SHADOW)->registry_bad);
}

/* The orphan stands in the log alone: NT had begun to write it down when the power went. */
static void a_write_that_was_cut_off(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-log", "fat-log-alternate"};
    for (unsigned i = 0; i < 2; i++) {
        look_at("fat-healthy", volumes[i]);
        expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
        expect_verdict(SET_STALE, ROLE_SHADOW);
    }
    look_at("fat-healthy", "fat-unclean"); /* no log that fits, no alternate: as it is */
    expect_records(ROLE_SHADOW, RECORD_HEALTHY, RECORD_HEALTHY);
    assert_true(survey.evidence[ROLE_SHADOW].has_stamp);
    assert_false(survey.evidence[ROLE_SHADOW].clean);
    assert_int_equal(survey.facts.registry, AGE_SAME);
}

static void the_worse_of_two_installations(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-two", "fat-two-reversed"};
    for (unsigned i = 0; i < 2; i++) {
        look_at("fat-newer", volumes[i]);
        expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
        expect_stamp(ROLE_SHADOW, 40, WRITTEN + 3 * DAY); /* \WINNT's, the first that is found */
        expect_verdict(SET_STALE, ROLE_SHADOW);
    }
}

static void where_nothing_is_installed(void **state)
{
    (void)state;
    look_at("fat-no-nt", "fat-no-nt");
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        expect_records(role, RECORD_NONE, RECORD_NONE);
        assert_false(facts_of(role)->unrecorded || facts_of(role)->registry_bad || survey.evidence[role].has_stamp);
        assert_string_equal(survey.evidence[role].directory, "");
    }
    assert_int_equal(survey.facts.registry, AGE_UNKNOWN);
    expect_verdict(SET_HEALTHY, ROLE_PRIMARY);
    look_at("fat-kernel-is-folder", "fat-no-nt");
    assert_string_equal(survey.evidence[ROLE_PRIMARY].directory, "");
}

static void an_installation_that_only_boot_ini_names(void **state)
{
    (void)state;
    look_at("fat-deep", "fat-deep");
    expect_records(ROLE_PRIMARY, RECORD_HEALTHY, RECORD_HEALTHY);
    assert_string_equal(survey.evidence[ROLE_PRIMARY].directory, "\\OS\\NT4");
}

/* Another volume on the shadow's disk, which is in no mirror. */
static void load_beside(uint8_t flag, const char *volume)
{
    enum { BESIDE = RIG_MEMBER_START + NTPAIR_SECTORS };
    struct memdev wide;
    memdev_init(&wide, BESIDE + NTPAIR_SECTORS, 0x81);
    memcpy(wide.bytes, rig.disk[1].bytes, (size_t)BESIDE * SECTOR_BYTES);
    memdev_free(&rig.disk[1]);
    rig.disk[1] = wide;
    fx_entry(rig.disk[1].bytes, 1, flag, 0x06, BESIDE, NTPAIR_SECTORS);
    ntpair_load(&rig.disk[1], BESIDE, volume);
    rig_heal(&rig);
}

/* BOOT.INI stands on the active partition, though that is not the first one, and leads to a folder of a half. */
static void an_installation_that_another_volume_names(void **state)
{
    (void)state;
    load("fat-no-nt", "fat-deep-without-boot-ini");
    load_beside(0x80, "fat-boot-ini-alone");
    gather();
    expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    assert_string_equal(survey.evidence[ROLE_SHADOW].directory, "\\OS\\NT4");
}

/* The registry of the machine may stand on a partition that is in no mirror; it still knows the one beside it. */
static void an_installation_beside_the_mirror(void **state)
{
    (void)state;
    load("fat-no-nt", "fat-no-nt");
    load_beside(0, "fat-orphaned");
    gather();
    expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    assert_false(survey.evidence[ROLE_SHADOW].has_stamp);
    expect_verdict(SET_STALE, ROLE_SHADOW);
}

/* The folder in MIRROR.INI saves the search; where it does not lead, everything is searched. */
static void the_folder_that_the_boot_disk_knows(void **state)
{
    (void)state;
    load("fat-healthy", "fat-two");
    gather();
    unsigned searched = rig.reads;
    config.system_set = 1;
    (void)snprintf(config.system_path, sizeof config.system_path, "\\winnt");
    gather();
    assert_true(rig.reads < searched);
    expect_records(ROLE_SHADOW, RECORD_HEALTHY, RECORD_HEALTHY); /* \WINNT.2 was not asked */
    (void)snprintf(config.system_path, sizeof config.system_path, "\\WINDOWS");
    gather();
    expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    config.system_set = 2; /* it is known to be elsewhere */
    gather();
    expect_records(ROLE_SHADOW, RECORD_NONE, RECORD_NONE);
    assert_false(survey.evidence[ROLE_SHADOW].has_stamp || facts_of(ROLE_SHADOW)->unrecorded);
}

static void the_logs_of_ntfs(void **state)
{
    (void)state;
    look_at("ntfs-healthy", "ntfs-log-only");
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        assert_true(survey.evidence[role].has_log);
        assert_int_equal(survey.evidence[role].log_lsn, role == 0 ? 1000 : 2000);
    }
    assert_int_equal(survey.facts.log, AGE_PRIMARY_OLDER);
    assert_int_equal(survey.facts.registry, AGE_SAME);
    look_at("ntfs-no-nt-newer", "ntfs-no-nt");
    assert_int_equal(survey.facts.log, AGE_SHADOW_OLDER);
    assert_int_equal(survey.facts.registry, AGE_UNKNOWN);
    expect_verdict(SET_DEGRADED, ROLE_PRIMARY);
    look_at("ntfs-no-nt", "ntfs-no-nt");
    assert_int_equal(survey.facts.log, AGE_SAME);
    look_at("ntfs-healthy", "fat-healthy");
    assert_int_equal(survey.facts.log, AGE_UNKNOWN);
    look_at("ntfs-healthy", "ntfs-orphaned");
    expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    expect_verdict(SET_STALE, ROLE_SHADOW);
}

static void a_volume_that_was_not_shut_down(void **state)
{
    (void)state;
    look_at("ntfs-healthy", "ntfs-dirty");
    assert_false(survey.evidence[ROLE_PRIMARY].dirty);
    assert_true(survey.evidence[ROLE_SHADOW].dirty);
    look_at("ntfs-log-open", "ntfs-healthy"); /* as every power cut leaves it */
    assert_true(survey.evidence[ROLE_PRIMARY].dirty);
    assert_false(survey.evidence[ROLE_SHADOW].dirty);
    load("fat-healthy", "fat-healthy");
    memdev_sector(&rig.disk[0], RIG_MEMBER_START)[0x25] |= 1;
    gather();
    assert_true(survey.evidence[ROLE_PRIMARY].dirty);
    assert_false(survey.evidence[ROLE_SHADOW].dirty);
}

/* Base blocks of SYSTEM and of SYSTEM.ALT, sealed as NT does it. */
static void date_hives(unsigned disk, const uint32_t sequence[2], uint64_t written_100ns)
{
    static const uint8_t name[] = {'r', 'e', 'g', 'f', 7, 0, 0, 0, 7, 0, 0, 0};
    for (unsigned copy = 0; copy < 2; copy++) {
        uint8_t *block = ntpair_find(&rig.disk[disk], name, sizeof name, 0, true);
        uint32_t sum = 0;
        for (unsigned i = 0; i < 4; i++) {
            block[4 + i] = (uint8_t)(sequence[0] >> 8 * i);
            block[8 + i] = (uint8_t)(sequence[1] >> 8 * i);
        }
        for (unsigned i = 0; i < 8; i++)
            block[12 + i] = (uint8_t)(written_100ns >> 8 * i);
        for (unsigned at = 0; at < 508; at += 4)
            sum ^= block[at] | (uint32_t)block[at + 1] << 8 | (uint32_t)block[at + 2] << 16 |
                   (uint32_t)block[at + 3] << 24;
        for (unsigned i = 0; i < 4; i++)
            block[508 + i] = (uint8_t)(sum >> 8 * i);
    }
}

static void the_age_of_a_registry(void **state)
{
    (void)state;
    static const struct {
        uint32_t primary[2];
        uint64_t primary_day;
        uint32_t shadow[2];
        uint64_t shadow_day;
        enum age age;
    } cases[] = {
        {{50, 50}, 1, {50, 50}, 1, AGE_SAME},
        {{50, 50}, 1, {51, 51}, 2, AGE_PRIMARY_OLDER},
        {{51, 51}, 2, {50, 50}, 1, AGE_SHADOW_OLDER},
        {{50, 50}, 1, {51, 51}, 1, AGE_PRIMARY_OLDER}, /* in the same tick */
        {{50, 50}, 1, {50, 50}, 2, AGE_PRIMARY_OLDER},
        {{50, 50}, 2, {50, 50}, 1, AGE_SHADOW_OLDER},
        {{50, 50}, 1, {90, 90}, 0, AGE_CONTRADICTION},
        {{90, 90}, 0, {50, 50}, 1, AGE_CONTRADICTION},
        {{0xFFFFFFF0, 0xFFFFFFF0}, 1, {5, 5}, 2, AGE_PRIMARY_OLDER}, /* the count has wrapped */
        {{5, 5}, 2, {0xFFFFFFF0, 0xFFFFFFF0}, 1, AGE_SHADOW_OLDER},
        {{50, 50}, 1, {51, 50}, 1, AGE_SAME}, /* the power went while both were written */
        {{51, 50}, 2, {50, 50}, 1, AGE_SAME},
        {{52, 51}, 2, {50, 50}, 1, AGE_SHADOW_OLDER},
        {{50, 50}, 1, {53, 52}, 2, AGE_PRIMARY_OLDER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        load("fat-healthy", "fat-healthy");
        date_hives(0, cases[i].primary, WRITTEN + cases[i].primary_day * DAY);
        date_hives(1, cases[i].shadow, WRITTEN + cases[i].shadow_day * DAY);
        gather();
        expect_stamp(ROLE_PRIMARY, cases[i].primary[0], WRITTEN + cases[i].primary_day * DAY);
        if (survey.facts.registry != cases[i].age)
            fail_msg("case %zu: %u, expected %u", i, survey.facts.registry, cases[i].age);
    }
    look_at("fat-contrary", "fat-healthy");
    assert_int_equal(survey.facts.registry, AGE_CONTRADICTION);
    look_at("fat-healthy", "fat-deep"); /* another installation: nothing to compare */
    assert_int_equal(survey.facts.registry, AGE_UNKNOWN);
}

static void what_cannot_be_read_is_no_evidence(void **state)
{
    (void)state;
    load("fat-healthy", "fat-orphaned");
    size_t at = (size_t)(ntpair_find(&rig.disk[1], "regf", 4, 0, true) - rig.disk[1].bytes) / SECTOR_BYTES;
    faultdev_range(&rig.fault[1], at, at + 80, FAULT_ERROR);
    gather();
    assert_false(facts_of(ROLE_SHADOW)->readable || facts_of(ROLE_SHADOW)->registry_bad);
    expect_records(ROLE_SHADOW, RECORD_NONE, RECORD_NONE);
    assert_int_equal(survey.verdict.why[ROLE_SHADOW], WHY_BAD_SECTOR);
    assert_true(trail.used > 0);
    rig_heal(&rig);
    faultdev_kill(&rig.fault[1], FAULT_ERROR);
    gather();
    assert_int_equal(rig.fault[1].reads, 2); /* a dead disk is not asked again */
    expect_verdict(SET_DEGRADED, ROLE_PRIMARY);
    rig_heal(&rig);
    rig.absent[0] = true;
    gather();
    expect_records(ROLE_SHADOW, RECORD_ORPHANED, RECORD_HEALTHY);
    expect_verdict(SET_DEGRADED, ROLE_SHADOW);
}

static void without_memory_there_is_no_evidence(void **state)
{
    (void)state;
    look_at("fat-healthy", "fat-orphaned");
    facts_gather(&inventory, &config, 0, SAMPLES_TAKEN, &survey);
    rig.reads = 0;
    evidence_gather(&inventory, &config, &survey, NULL);
    assert_int_equal(rig.reads, 0);
    expect_records(ROLE_SHADOW, RECORD_NONE, RECORD_NONE);
    assert_int_equal(survey.facts.registry, AGE_UNKNOWN);
}

/* A partition without a file system is no failure, and takes nobody's errors away. */
static void partitions_that_are_no_volumes(void **state)
{
    (void)state;
    load("fat-no-nt", "fat-no-nt");
    memset(memdev_sector(&rig.disk[0], RIG_MEMBER_START), 0, SECTOR_BYTES);
    gather();
    assert_true(facts_of(ROLE_PRIMARY)->readable);
    assert_int_equal(trail.used, 0);
}

static void evidence_ask_tells_how_a_registry_answered(void **state)
{
    (void)state;
    static const struct {
        const char *volume;
        enum registry_state state;
        const char *file;
        bool is_windows_2000;
    } cases[] = {
        {"fat-healthy", REGISTRY_SPEAKS, "SYSTEM", false},    {"fat-alternate", REGISTRY_SPEAKS, "SYSTEM.ALT", false},
        {"fat-unrecorded", REGISTRY_SILENT, "SYSTEM", false}, {"fat-windows-2000", REGISTRY_SILENT, "SYSTEM", true},
        {"fat-version-4", REGISTRY_UNKNOWN, "SYSTEM", false}, {"fat-lying-record", REGISTRY_DAMAGED, "SYSTEM", false},
        {"fat-damaged", REGISTRY_DAMAGED, NULL, false},
    };
    struct testimony testimony;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        look_at(cases[i].volume, "fat-no-nt");
        struct blockdev *device = &inventory.disk[0].reader.device;
        assert_int_equal(fs_mount(device, RIG_MEMBER_START, NTPAIR_SECTORS, &rig.work.volume), ST_OK);
        assert_int_equal(evidence_ask(&rig.work, "\\WINNT", &testimony), ST_OK);
        assert_int_equal(testimony.state, cases[i].state);
        assert_int_equal(testimony.is_windows_2000, cases[i].is_windows_2000);
        if (cases[i].file == NULL)
            assert_null(testimony.file);
        else
            assert_string_equal(testimony.file, cases[i].file);
        assert_int_equal(evidence_ask(&rig.work, "\\WINDOWS", &testimony), ST_NOT_FOUND);
        assert_int_equal(testimony.state, REGISTRY_NONE);
    }
}

/* A record of two members on two disks, without a hive around it. */
static enum record record_of(uint32_t type, uint32_t state, uint16_t member_state, uint32_t set_state,
                             unsigned position)
{
    struct ftdisk info = {.disk_count = 2, .partition_count = 2, .set_count = 1, .member_count = 2};
    struct member_id id = {.signature = 0x1234 + position, .start_lba = 63, .sectors = 100};
    for (unsigned i = 0; i < 2; i++) {
        info.disk[i] =
            (struct ftdisk_disk){.signature = 0x1234 + i, .partition_count = 1, .first_partition = (uint16_t)i};
        info.partition[i] = (struct ftdisk_partition){.type = type, .start_bytes = 63 * 512, .length_bytes = 51200};
        info.member[i] = (struct ftdisk_member){.signature = 0x1234 + i, .partition = (uint16_t)i};
    }
    info.partition[position].state = state;
    info.member[position].state = member_state;
    info.set[0] = (struct ftdisk_set){.type = (uint16_t)type, .state = set_state, .member_count = 2};
    return evidence_of_member(&info, &id);
}

static void what_the_numbers_mean(void **state)
{
    (void)state;
    static const enum record records[] = {RECORD_HEALTHY,    RECORD_ORPHANED,   RECORD_REBUILDING,
                                          RECORD_REBUILDING, RECORD_REBUILDING, RECORD_NONE};
    for (unsigned position = 0; position < 2; position++) {
        for (uint16_t i = 0; i < 5; i++) {
            /* in the partition's record, in the member's, or both */
            assert_int_equal(record_of(FT_MIRROR, i, 0, FT_SET_OK, position), records[i]);
            assert_int_equal(record_of(FT_MIRROR, 0, i, FT_SET_OK, position), records[i]);
            assert_int_equal(record_of(FT_MIRROR, i, i, FT_SET_OK, position), records[i]);
            assert_int_equal(record_of(FT_STRIPE, i, i, FT_SET_OK, position), RECORD_NONE);
        }
        assert_int_equal(record_of(FT_MIRROR, 2, 1, FT_SET_OK, position), RECORD_ORPHANED);
        assert_int_equal(record_of(FT_MIRROR, 1, 2, FT_SET_HAS_ORPHAN, position), RECORD_ORPHANED);
        /* a number nobody has explained accuses nobody */
        assert_int_equal(record_of(FT_MIRROR, 77, 77, FT_SET_OK, position), RECORD_HEALTHY);
        assert_int_equal(record_of(FT_MIRROR, 0, 0, FT_SET_HAS_ORPHAN, position), RECORD_HEALTHY);
    }
    for (uint32_t set = FT_SET_REGENERATING; set <= FT_SET_INITIALIZING; set++) {
        assert_int_equal(record_of(FT_MIRROR, 0, 0, set, 0), RECORD_HEALTHY);
        assert_int_equal(record_of(FT_MIRROR, 0, 0, set, 1), RECORD_REBUILDING);
        assert_int_equal(record_of(FT_MIRROR, 2, 2, set, 0), RECORD_REBUILDING);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(healthy),
    TEST(what_each_half_recorded),
    TEST(a_half_that_was_not_finished),
    TEST(a_registry_that_does_not_know_the_mirror),
    TEST(a_record_of_an_unknown_version),
    TEST(a_damaged_registry),
    TEST(the_alternate_registry),
    TEST(a_write_that_was_cut_off),
    TEST(the_worse_of_two_installations),
    TEST(where_nothing_is_installed),
    TEST(an_installation_that_only_boot_ini_names),
    TEST(an_installation_beside_the_mirror),
    TEST(an_installation_that_another_volume_names),
    TEST(the_folder_that_the_boot_disk_knows),
    TEST(the_logs_of_ntfs),
    TEST(a_volume_that_was_not_shut_down),
    TEST(the_age_of_a_registry),
    TEST(what_cannot_be_read_is_no_evidence),
    TEST(without_memory_there_is_no_evidence),
    TEST(partitions_that_are_no_volumes),
    TEST(evidence_ask_tells_how_a_registry_answered),
    cmocka_unit_test(what_the_numbers_mean),
};

UNIT_MAIN(tests)
