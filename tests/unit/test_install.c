/* SPDX-License-Identifier: MIT */
/* nt/install: installations on volumes that others' tools have made, and which of the registry's files is believed. */
#include "nt/install.h"

#include "ntpair.h"
#include "unit.h"

static struct memdev disk;
static struct faultdev fault;
static struct fs_volume volume;
static struct install_search search;
static struct install_hive hive;

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static void load(const char *name)
{
    memdev_free(&disk);
    memdev_init(&disk, NTPAIR_SECTORS, 0x80);
    ntpair_load(&disk, 0, name);
    faultdev_init(&fault, &disk.device);
    assert_int_equal(fs_mount(&fault.device, 0, NTPAIR_SECTORS, &volume), ST_OK);
}

/* All installations that are found, each followed by a blank. */
static const char *found_on(const char *name)
{
    static char found[256];
    char directory[INSTALL_PATH_BYTES];
    enum status status;
    found[0] = '\0';
    load(name);
    memset(&search, 0xC3, sizeof search);
    assert_int_equal(install_search_begin(&search, &volume), ST_OK);
    while ((status = install_search_next(&search, directory)) == ST_OK)
        (void)snprintf(found + strlen(found), sizeof found - strlen(found), "%s ", directory);
    assert_int_equal(status, ST_NOT_FOUND);
    return found;
}

static void finds_installations(void **state)
{
    (void)state;
    assert_string_equal(found_on("fat-healthy"), "\\WINNT ");
    assert_string_equal(found_on("ntfs-healthy"), "\\WINNT ");
    assert_string_equal(found_on("fat-two"), "\\WINNT \\WINNT.2 ");
    assert_string_equal(found_on("fat-deep"), "\\OS\\NT4 "); /* BOOT.INI names it, twice, and as default= */
    assert_string_equal(found_on("fat-no-boot-ini"), "\\WINNT ");
    assert_string_equal(found_on("fat-no-path"), "\\WINNT ");
    assert_string_equal(found_on("fat-no-nt"), "");
    assert_string_equal(found_on("fat-kernel-is-folder"), "");
}

/* BOOT.INI is on one volume and names a folder of another. */
static void a_boot_ini_elsewhere(void **state)
{
    (void)state;
    char directory[INSTALL_PATH_BYTES];
    assert_string_equal(found_on("fat-deep-without-boot-ini"), "");
    assert_string_equal(found_on("fat-boot-ini-alone"), "");
    load("fat-deep-without-boot-ini");
    assert_int_equal(install_search_go_on(&search, &volume), ST_OK);
    assert_int_equal(install_search_next(&search, directory), ST_OK);
    assert_string_equal(directory, "\\OS\\NT4");
    assert_int_equal(install_search_next(&search, directory), ST_NOT_FOUND);
    assert_int_equal(install_search_begin(&search, &volume), ST_OK); /* the last one is forgotten */
    assert_int_equal(install_search_next(&search, directory), ST_NOT_FOUND);
    assert_string_equal(found_on("fat-boot-ini-alone"), "");
    load("fat-healthy"); /* its own one holds */
    assert_int_equal(install_search_go_on(&search, &volume), ST_OK);
    assert_int_equal(search.ini.count, 6);
}

static void what_is_an_installation(void **state)
{
    (void)state;
    struct fs_file file;
    load("fat-healthy");
    assert_int_equal(install_check(&volume, "\\WINNT"), ST_OK);
    assert_int_equal(install_check(&volume, "\\winnt"), ST_OK);
    assert_int_equal(install_check(&volume, "\\WINDOWS"), ST_NOT_FOUND);
    assert_int_equal(install_check(&volume, "\\WINNT\\SYSTEM32"), ST_NOT_FOUND);
    assert_int_equal(install_check(&volume, "\\BOOT.INI"), ST_NOT_FOUND);
    assert_int_equal(install_file(&volume, "\\WINNT", "SYSTEM32\\HAL.DLL", &file), ST_OK);
    assert_int_equal(file.bytes, 2048);
    char path[INSTALL_FILE_BYTES + 8];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(install_file(&volume, "\\WINNT", path, &file), ST_NOT_FOUND); /* cut, it might lead elsewhere */
}

static void which_registry_is_believed(void **state)
{
    (void)state;
    static const struct {
        const char *volume;
        const char *file; /* null: none */
        bool clean;
        bool has_log;
    } cases[] = {
        {"fat-healthy", "SYSTEM", true, false},       {"ntfs-healthy", "SYSTEM", true, false},
        {"fat-alternate", "SYSTEM.ALT", true, false}, {"fat-empty-alternate", "SYSTEM.ALT", true, false},
        {"fat-unclean", "SYSTEM", false, false},      {"fat-unclean-alternate", "SYSTEM.ALT", true, false},
        {"fat-log", "SYSTEM", false, true},           {"fat-log-alternate", "SYSTEM", false, true},
        {"fat-damaged", NULL, false, false},          {"fat-empty", NULL, false, false},
        {"fat-cut-off", NULL, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        load(cases[i].volume);
        memset(&hive, 0xC3, sizeof hive);
        enum status status = install_open_system(&volume, "\\WINNT", &hive);
        if (status != (cases[i].file != NULL ? ST_OK : ST_CORRUPT))
            fail_msg("%s: %s", cases[i].volume, status_name(status));
        if (cases[i].file == NULL)
            continue;
        assert_string_equal(hive.name, cases[i].file);
        assert_int_equal(hive.hive.stamp.clean, cases[i].clean);
        assert_int_equal(hive.hive.log != NULL, cases[i].has_log);
        assert_ptr_equal(hive.hive.source, &hive.main.source);
    }
    load("fat-no-nt");
    assert_int_equal(install_open_system(&volume, "\\WINNT", &hive), ST_NOT_FOUND);
    load("fat-healthy");
    assert_int_equal(install_open_hive(&volume, "\\WINNT", "SOFTWARE", &hive), ST_OK);
    assert_int_equal(hive.hive.stamp.sequence, 9);
    assert_int_equal(install_open_hive(&volume, "\\WINNT", "SAM", &hive), ST_NOT_FOUND);
}

/* A registry that cannot be read is not replaced by an older copy, and no read that fails is taken for "not there". */
static void every_read_fails(void **state)
{
    (void)state;
    static const char *const volumes[] = {"fat-healthy", "fat-unclean-alternate", "fat-log", "ntfs-healthy"};
    char directory[INSTALL_PATH_BYTES];
    for (unsigned i = 0; i < 4; i++) {
        load(volumes[i]);
        for (unsigned nth = 1;; nth++) {
            fault.reads = fault.faults = 0;
            faultdev_nth(&fault, nth, SPAN_ONCE, FAULT_ERROR);
            enum status status = fs_mount(&fault.device, 0, NTPAIR_SECTORS, &volume);
            if (status == ST_OK)
                status = install_search_begin(&search, &volume);
            if (status == ST_OK)
                status = install_search_next(&search, directory);
            if (status == ST_OK)
                status = install_open_system(&volume, directory, &hive);
            if (fault.faults == 0) {
                assert_true(nth > 10);
                break;
            }
            if (status != ST_OK) /* BOOT.INI and the log are done without */
                assert_int_equal(status, ST_IO);
            else if (strstr(volumes[i], "healthy") != NULL)
                assert_string_equal(hive.name, "SYSTEM");
        }
    }
}

static void a_file_as_a_source(void **state)
{
    (void)state;
    struct file_source source;
    char text[10];
    load("fat-no-nt");
    assert_int_equal(fs_open(&volume, "README.TXT", &source.file), ST_OK);
    file_source_init(&source);
    assert_int_equal(source.source.bytes, 25);
    assert_int_equal(source.source.read(&source.source, 11, text, 7), ST_OK);
    assert_memory_equal(text, "Windows", 7);
    assert_int_equal(source.source.read(&source.source, 20, text, 6), ST_BOUNDS);
    source.file.bytes = 1ull << 32;
    file_source_init(&source);
    assert_int_equal(source.source.bytes, UINT32_MAX);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(finds_installations),        TEST(a_boot_ini_elsewhere), TEST(what_is_an_installation),
    TEST(which_registry_is_believed), TEST(every_read_fails),     TEST(a_file_as_a_source),
};

UNIT_MAIN(tests)
