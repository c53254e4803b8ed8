/* SPDX-License-Identifier: MIT */
/* base/crc32 and base/status and base/trail: known values, closed tables. */
#include "base/crc32.h"
#include "base/trail.h"
#include "unit.h"

static void known_vectors(void **state)
{
    (void)state;
    uint8_t bytes[32];
    assert_int_equal(crc32_add(0, "", 0), 0);
    assert_int_equal(crc32_add(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(crc32_add(0, "a", 1), 0xE8B7BE43);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32_add(0, bytes, sizeof bytes), 0x190A55AD);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(crc32_add(0, bytes, sizeof bytes), 0xFF6CAB0B);
}

static void goes_on_where_it_stopped(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= 9; cut++)
        assert_int_equal(crc32_add(crc32_add(0, "123456789", cut), &"123456789"[cut], 9 - cut), 0xCBF43926);
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (int left = ST_OK; left <= ST_REFUSED; left++)
        for (int right = ST_OK; right < left; right++)
            assert_string_not_equal(status_name((enum status)left), status_name((enum status)right));
}

static void every_site_has_its_own_code(void **state)
{
    (void)state;
    for (int left = 0; left < SITE_COUNT; left++) {
        assert_in_range(strlen(site_code((enum site)left)), 2, 3);
        for (int right = 0; right < left; right++)
            assert_string_not_equal(site_code((enum site)left), site_code((enum site)right));
    }
}

static void the_trail_keeps_the_first(void **state)
{
    (void)state;
    struct trail trail = {0};
    for (unsigned i = 0; i < TRAIL_MAX + 3; i++)
        assert_int_equal(trail_fail(&trail, SITE_READ, ST_IO, 0x80, i), ST_IO);
    assert_int_equal(trail.used, TRAIL_MAX);
    assert_int_equal(trail.entry[0].lba, 0);
    assert_int_equal(trail.entry[TRAIL_MAX - 1].lba, TRAIL_MAX - 1);
    assert_int_equal(trail_fail(NULL, SITE_READ, ST_BOUNDS, 0, 0), ST_BOUNDS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(known_vectors),
    cmocka_unit_test(goes_on_where_it_stopped),
    cmocka_unit_test(every_status_has_a_name),
    cmocka_unit_test(every_site_has_its_own_code),
    cmocka_unit_test(the_trail_keeps_the_first),
};

UNIT_MAIN(tests)
