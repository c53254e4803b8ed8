/* SPDX-License-Identifier: MIT */
/* nt/system: what the registries that others' tools have written say about starting. */
#include "nt/system.h"

#include "nt/install.h"
#include "ntpair.h"
#include "unit.h"

static struct memdev disk;
static struct fs_volume volume;
static struct install_hive hive;
static uint32_t control_set;

static int tear_down(void **state)
{
    (void)state;
    memdev_free(&disk);
    return 0;
}

static const struct hive *load(const char *name, const char *file)
{
    memdev_free(&disk);
    memdev_init(&disk, NTPAIR_SECTORS, 0x80);
    ntpair_load(&disk, 0, name);
    assert_int_equal(fs_mount(&disk.device, 0, NTPAIR_SECTORS, &volume), ST_OK);
    assert_int_equal(install_open_hive(&volume, "\\WINNT", file, &hive), ST_OK);
    return &hive.hive;
}

static void the_control_set_in_use(void **state)
{
    (void)state;
    uint32_t expected = 0;
    const struct hive *system = load("fat-services", "SYSTEM"); /* Default 2, Current 1 */
    assert_int_equal(system_control_set(system, &control_set), ST_OK);
    assert_int_equal(hive_key(system, system->root, "ControlSet002", &expected), ST_OK);
    assert_int_equal(control_set, expected);
    system = load("fat-no-default", "SYSTEM"); /* Current 1 */
    assert_int_equal(system_control_set(system, &control_set), ST_OK);
    assert_int_equal(hive_key(system, system->root, "ControlSet001", &expected), ST_OK);
    assert_int_equal(control_set, expected);
    assert_int_equal(system_control_set(load("fat-healthy", "SOFTWARE"), &control_set), ST_NOT_FOUND);
}

static void the_drivers_of_the_start(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        const char *name;
        const char *group;
        const char *path;
    } expected[] = {
        {ST_OK, "Aaa", "Base", "System32\\Drivers\\aaa.sys"},
        {ST_OK, "Atapi", "SCSI miniport", "System32\\DRIVERS\\atapi.sys"},
        {ST_OK, "Bbb", "", "odd\\bbb.sys"},
        {ST_OK, "Disk", "SCSI Class", "SYSTEM32\\DRIVERS\\Disk.SYS"},
        {ST_OK, "Fff", "", "SYSTEM32\\DRIVERS\\Fff.SYS"}, /* an ImagePath that is no text is none */
        {ST_OK, "Ftdisk", "Filter", "SYSTEM32\\DRIVERS\\Ftdisk.SYS"},
        {ST_OK, "Ggg", "", "SYSTEM32\\DRIVERS\\Ggg.SYS"},
        {ST_NOT_FOUND, NULL, NULL, NULL},
    };
    struct system_driver driver;
    uint32_t index = 0;
    const struct hive *system = load("fat-services", "SYSTEM");
    assert_int_equal(system_control_set(system, &control_set), ST_OK);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        memset(&driver, 0xC3, sizeof driver);
        assert_int_equal(system_next_boot_driver(system, control_set, &index, &driver), expected[i].status);
        if (expected[i].status == ST_OK) {
            assert_string_equal(driver.name, expected[i].name);
            assert_string_equal(driver.group, expected[i].group);
            assert_string_equal(driver.path, expected[i].path);
        }
    }
    assert_int_equal(hive_key(system, system->root, "ControlSet001", &control_set), ST_OK); /* without Services */
    index = 0;
    assert_int_equal(system_next_boot_driver(system, control_set, &index, &driver), ST_NOT_FOUND);
}

static void when_a_service_starts(void **state)
{
    (void)state;
    uint32_t start = 77;
    const struct hive *system = load("fat-services", "SYSTEM");
    assert_int_equal(system_control_set(system, &control_set), ST_OK);
    assert_int_equal(system_service_start(system, control_set, "ftDISK", &start), ST_OK);
    assert_int_equal(start, 0);
    assert_int_equal(system_service_start(system, control_set, "Beep", &start), ST_OK);
    assert_int_equal(start, 1);
    assert_int_equal(system_service_start(system, control_set, "Eee", &start), ST_NOT_FOUND);
    assert_int_equal(system_service_start(system, control_set, "Nobody", &start), ST_NOT_FOUND);
}

static void the_code_page_files(void **state)
{
    (void)state;
    static const char *const files[] = {"c_850.nls", "c_437.nls", "l_intl.nls"};
    char name[SYSTEM_NAME_BYTES];
    const struct hive *system = load("fat-services", "SYSTEM");
    assert_int_equal(system_control_set(system, &control_set), ST_OK);
    for (unsigned i = 0; i < SYSTEM_NLS_FILES; i++) {
        assert_int_equal(system_nls_file(system, control_set, i, name, sizeof name), ST_OK);
        assert_string_equal(name, files[i]);
    }
    assert_int_equal(system_nls_file(system, control_set, SYSTEM_NLS_FILES, name, sizeof name), ST_NOT_FOUND);
    system = load("fat-no-default", "SYSTEM"); /* without Control */
    assert_int_equal(system_control_set(system, &control_set), ST_OK);
    assert_int_equal(system_nls_file(system, control_set, 0, name, sizeof name), ST_NOT_FOUND);
}

static void the_product(void **state)
{
    (void)state;
    struct system_product product;
    memset(&product, 0xC3, sizeof product);
    assert_int_equal(system_product(load("fat-healthy", "SOFTWARE"), &product), ST_OK);
    assert_string_equal(product.version, "4.0");
    assert_string_equal(product.build, "1381");
    assert_string_equal(product.service_pack, "Service Pack 6");
    assert_string_equal(product.name, "");
    assert_int_equal(system_product(load("fat-windows-2000", "SOFTWARE"), &product), ST_OK);
    assert_string_equal(product.version, "5.0");
    assert_string_equal(product.build, "2195");
    assert_string_equal(product.name, "Microsoft Windows 2000");
    assert_true(system_is_windows_2000(load("fat-windows-2000", "SYSTEM")));
    assert_false(system_is_windows_2000(load("fat-healthy", "SYSTEM")));
    assert_int_equal(system_product(load("fat-healthy", "SYSTEM"), &product), ST_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(the_control_set_in_use),
    TEST(the_drivers_of_the_start),
    TEST(when_a_service_starts),
    TEST(the_code_page_files),
    TEST(the_product),
};

UNIT_MAIN(tests)
