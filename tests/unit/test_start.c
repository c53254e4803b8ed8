/* SPDX-License-Identifier: MIT */
/* nt/start: every file of a start, in its order, and what is found of each. */
#include "nt/start.h"

#include "ntpair.h"
#include "unit.h"

#define TOLD_BYTES 2048u

static struct memdev disk;
static struct blockdev far_device; /* the same disk, many sectors further on */
static uint64_t moved_sectors;
static struct workspace work;
static char told[TOLD_BYTES]; /* the files, one a line, with a letter for what was found */
static struct start_walk walk;

static enum status read_far(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    (void)device;
    assert_true(lba >= moved_sectors);
    return disk.device.read(&disk.device, lba - moved_sectors, sectors, buffer);
}

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static void tell(struct start_walk *at, const char *path, enum start_finding finding)
{
    assert_ptr_equal(at->owner, told);
    (void)snprintf(told + strlen(told), sizeof told - strlen(told), "%c %s\n", "+-!#>"[finding], path);
}

static void walk_through(const char *volume, uint64_t start_lba, const char *directory)
{
    memdev_free(&disk);
    memdev_init(&disk, NTPAIR_SECTORS, 0x80);
    ntpair_load(&disk, 0, volume);
    moved_sectors = start_lba;
    far_device = (struct blockdev){.read = read_far, .sectors = start_lba + NTPAIR_SECTORS, .drive = 0x80};
    assert_int_equal(fs_mount(&far_device, start_lba, NTPAIR_SECTORS, &work.volume), ST_OK);
    memset(&walk, 0xC3, sizeof walk);
    walk.work = &work;
    walk.directory = directory;
    walk.kernel = walk.hal = NULL;
    walk.banner = NULL;
    walk.reach_sectors = START_REACH_SECTORS;
    walk.tell = tell;
    walk.owner = told;
    told[0] = '\0';
    start_walk(&walk);
}

static void all_files_of_a_start(void **state)
{
    (void)state;
    walk_through("fat-healthy", 63, "\\WINNT");
    assert_string_equal(told, "+ \\WINNT\\SYSTEM32\\NTOSKRNL.EXE\n"
                              "+ \\WINNT\\SYSTEM32\\HAL.DLL\n"
                              "+ \\WINNT\\SYSTEM32\\CONFIG\\SYSTEM\n"
                              "+ \\WINNT\\SYSTEM32\\DRIVERS\\FASTFAT.SYS\n"
                              "+ \\WINNT\\SYSTEM32\\c_1252.nls\n"
                              "+ \\WINNT\\SYSTEM32\\c_437.nls\n"
                              "+ \\WINNT\\SYSTEM32\\l_intl.nls\n"
                              "+ \\WINNT\\SYSTEM32\\DRIVERS\\SCSIPORT.SYS\n"
                              "+ \\WINNT\\System32\\DRIVERS\\atapi.sys\n"
                              "+ \\WINNT\\SYSTEM32\\DRIVERS\\CLASS2.SYS\n"
                              "+ \\WINNT\\SYSTEM32\\DRIVERS\\Disk.SYS\n"
                              "+ \\WINNT\\SYSTEM32\\DRIVERS\\Ftdisk.SYS\n");
    assert_int_equal(walk.files, 12);
    assert_int_equal(walk.problems, 0);
    assert_int_equal(walk.far_files, 0);
    assert_false(walk.is_windows_2000);
    walk_through("ntfs-healthy", 63, "\\WINNT");
    assert_non_null(strstr(told, "+ \\WINNT\\SYSTEM32\\DRIVERS\\NTFS.SYS\n"));
    assert_null(strstr(told, "FASTFAT"));
    assert_int_equal(walk.files, 12);
    walk_through("fat-windows-2000", 63, "\\WINNT");
    assert_true(walk.is_windows_2000);
    assert_int_equal(walk.files, 13);
    assert_int_equal(walk.problems, 0);
}

static void what_is_missing(void **state)
{
    (void)state;
    walk_through("fat-services", 63, "\\WINNT"); /* many drivers, none of whose files is there */
    assert_non_null(strstr(told, "- \\WINNT\\System32\\Drivers\\aaa.sys\n"));
    assert_non_null(strstr(told, "- \\WINNT\\odd\\bbb.sys\n"));
    assert_non_null(strstr(told, "- \\WINNT\\SYSTEM32\\c_850.nls\n"));
    assert_null(strstr(told, "ccc"));
    assert_null(strstr(told, "ddd"));
    assert_true(walk.problems >= 3);
    walk_through("fat-no-nt", 63, "\\WINNT");
    assert_int_equal(walk.files, walk.problems);
    assert_non_null(strstr(told, "- the registry\n"));
    walk_through("fat-not-a-program", 63, "\\WINNT");
    assert_non_null(strstr(told, "# \\WINNT\\SYSTEM32\\DRIVERS\\Disk.SYS\n"));
    assert_int_equal(walk.problems, 1);
}

/* 1024 x 256 x 63 less a head: where NT 4.0's NTLDR ends (Q224526). */
static void files_out_of_reach(void **state)
{
    (void)state;
    walk_through("fat-healthy", 16515072 - NTPAIR_SECTORS, "\\WINNT");
    assert_int_equal(walk.far_files, 0);
    walk_through("fat-healthy", 16515072, "\\WINNT");
    assert_int_equal(walk.far_files, 12);
    assert_int_equal(walk.problems, 0);
    assert_non_null(strstr(told, "> \\WINNT\\SYSTEM32\\NTOSKRNL.EXE\n"));
    /* The limit between the two last sectors of the kernel. */
    const char line[] = "NTOSKRNL.EXE00000000\n";
    size_t head = (size_t)(ntpair_find(&disk, line, sizeof line - 1, 0, false) - disk.bytes) / SECTOR_BYTES;
    uint64_t last = head + 36352 / SECTOR_BYTES - 2; /* 200h of headers, then the section that begins the filler */
    walk_through("fat-healthy", 16515072 - last, "\\WINNT");
    assert_non_null(strstr(told, "> \\WINNT\\SYSTEM32\\NTOSKRNL.EXE\n"));
    walk_through("fat-healthy", 16515072 - last - 1, "\\WINNT");
    assert_non_null(strstr(told, "+ \\WINNT\\SYSTEM32\\NTOSKRNL.EXE\n"));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(all_files_of_a_start),
    TEST(what_is_missing),
    TEST(files_out_of_reach),
};

UNIT_MAIN(tests)
