/* SPDX-License-Identifier: MIT */
/* nt/pe: a good driver, and drivers whose headers lie. */
#include "base/bytes.h"
#include "fixture.h"
#include "nt/pe.h"
#include "unit.h"

#define FILE_BYTES 0x600u
#define ROOM 0x2000u
#define COFF 0x84u     /* of pe-driver.hex */
#define OPTIONAL 0x98u /* header */
#define TEXT 0x178u    /* the sections' headers */
#define INIT 0x1A0u
#define DESCRIPTORS 0x410u
#define NAMES_RVA 0x2100u
#define NAMES 0x500u

struct test_source {
    struct source source;
    unsigned reads;
    unsigned fail_at; /* this read fails; 0: none */
    uint8_t *bytes;   /* exactly as many as the source says, so that the sanitizer sees one too many */
};

static uint8_t image[ROOM];
static uint32_t image_bytes;
static struct test_source file;

static enum status read_test(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    struct test_source *test = (struct test_source *)source;
    assert_true(offset <= source->bytes && bytes <= source->bytes - offset);
    memset(buffer, 0xC3, bytes);
    if (++test->reads == test->fail_at)
        return ST_IO;
    memcpy(buffer, test->bytes + offset, bytes);
    return ST_OK;
}

static int set_up(void **state)
{
    (void)state;
    memset(image, 0, sizeof image);
    image_bytes = (uint32_t)fx_vector("pe-driver.hex", image, sizeof image);
    assert_int_equal(image_bytes, FILE_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(file.bytes);
    file.bytes = NULL;
    return 0;
}

static enum status open_image(uint32_t bytes, struct pe *pe)
{
    free(file.bytes);
    file = (struct test_source){.source = {.read = read_test, .bytes = bytes}, .bytes = malloc(bytes + 1)};
    assert_non_null(file.bytes);
    file.bytes = realloc(file.bytes, bytes > 0 ? bytes : 1);
    memcpy(file.bytes, image, bytes);
    memset(pe, 0xC3, sizeof *pe);
    return pe_open(&file.source, pe);
}

/* Open, and walk the imports to their end: how it ended, and how many there were. */
static enum status walk(uint32_t bytes, unsigned fail_at, unsigned *count)
{
    struct pe pe;
    char name[PE_NAME_BYTES];
    *count = 0;
    enum status status = open_image(bytes, &pe);
    file.fail_at = fail_at > file.reads ? fail_at : 0;
    while (status == ST_OK) {
        status = pe_import(&pe, *count, name);
        if (status == ST_OK) {
            assert_in_range(strnlen(name, sizeof name), 1, sizeof name - 1);
            ++*count;
        }
    }
    return status;
}

static void expect_walk(enum status status, unsigned count)
{
    unsigned found;
    assert_int_equal(walk(image_bytes, 0, &found), status);
    assert_int_equal(found, count);
}

static void good_driver(void **state)
{
    static const char *const names[] = {"SCSIPORT.SYS", "NTOSKRNL.EXE", "HAL.DLL"};
    struct pe pe;
    char name[PE_NAME_BYTES];
    (void)state;
    assert_int_equal(open_image(image_bytes, &pe), ST_OK);
    assert_int_equal(pe.machine, PE_MACHINE_I386);
    assert_int_equal(pe.subsystem, PE_SUBSYSTEM_NATIVE);
    assert_int_equal(pe.os_major, 3);
    assert_int_equal(pe.os_minor, 51);
    assert_int_equal(pe.image_major, 4);
    assert_int_equal(pe.image_minor, 7);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pe_import(&pe, i, name), ST_OK);
        assert_string_equal(name, names[i]);
    }
    assert_int_equal(pe_import(&pe, 3, name), ST_NOT_FOUND);
    assert_int_equal(pe_import(&pe, 0, name), ST_OK); /* in any order */
    assert_string_equal(name, names[0]);
}

static void cut_off_anywhere(void **state)
{
    unsigned count;
    (void)state;
    for (uint32_t bytes = 0; bytes < FILE_BYTES; bytes++)
        assert_int_equal(walk(bytes, 0, &count), ST_CORRUPT);
}

static void every_read_fails_once(void **state)
{
    struct pe pe;
    unsigned count;
    (void)state;
    expect_walk(ST_NOT_FOUND, 3);
    unsigned reads = file.reads;
    assert_in_range(reads, 4, 30);
    for (unsigned fail_at = 3; fail_at <= reads; fail_at++)
        assert_int_equal(walk(image_bytes, fail_at, &count), ST_IO);
    for (unsigned fail_at = 1; fail_at <= 2; fail_at++) {
        (void)!open_image(image_bytes, &pe);
        file.reads = 0;
        file.fail_at = fail_at;
        assert_int_equal(pe_open(&file.source, &pe), ST_IO);
    }
}

struct lie {
    uint32_t offset;
    uint32_t value; /* 4 bytes, little-endian */
    enum status status;
    unsigned imports;
};

static void headers_that_lie(void **state)
{
    static const struct lie lies[] = {
        {0x00, 0x00004D5A, ST_CORRUPT, 0},                 /* ZM */
        {0x3C, FILE_BYTES - 135, ST_CORRUPT, 0},           /* the headers are one byte longer than the rest */
        {0x3C, 0xFFFFFFF0, ST_CORRUPT, 0},                 /* far outside, and it wraps */
        {0x80, 0x0000454E, ST_CORRUPT, 0},                 /* NE: a 16-bit program */
        {COFF, 0x00020184, ST_UNSUPPORTED, 0},             /* Alpha */
        {COFF, 0x00028664, ST_UNSUPPORTED, 0},             /* x86-64 */
        {COFF, 0x0061014C, ST_CORRUPT, 0},                 /* 97 sections */
        {COFF, 0x0000014C, ST_CORRUPT, 0},                 /* none */
        {COFF, 0x0001014C, ST_CORRUPT, 0},                 /* only .text */
        {COFF + 16, 0x0302006F, ST_CORRUPT, 0},            /* optional header too short for a table of imports */
        {COFF + 16, 0x0302FFFF, ST_CORRUPT, 0},            /* ... and so long that the sections are outside */
        {COFF + 16, 0x030000E0, ST_CORRUPT, 0},            /* not executable: an object file */
        {OPTIONAL, 0x3202020B, ST_CORRUPT, 0},             /* PE32+ */
        {OPTIONAL + 92, 1, ST_NOT_FOUND, 0},               /* one data directory: no imports */
        {OPTIONAL + 92, 2, ST_NOT_FOUND, 3},               /* just enough */
        {OPTIONAL + 104, 0, ST_NOT_FOUND, 0},              /* an empty one */
        {OPTIONAL + 104, 0x500, ST_CORRUPT, 0},            /* in no section */
        {OPTIONAL + 104, 0x21FC, ST_CORRUPT, 0},           /* over the end of INIT */
        {OPTIONAL + 104, 0x2200, ST_CORRUPT, 0},           /* right behind INIT */
        {OPTIONAL + 104, 0xFFFFFFF8, ST_CORRUPT, 0},       /* it wraps */
        {OPTIONAL + 104, 0x2010 + 20, ST_NOT_FOUND, 2},    /* the second is the first */
        {TEXT + 16, 0xFFFFFFFF, ST_CORRUPT, 0},            /* a section larger than the file */
        {TEXT + 20, 0xFFFFFFFF, ST_NOT_FOUND, 3},          /* outside, but nothing is read from it */
        {INIT + 20, 0x401, ST_CORRUPT, 0},                 /* INIT ends a byte past the file */
        {INIT + 20, 0xFFFFFFF8, ST_CORRUPT, 0},            /* INIT's place wraps */
        {INIT + 16, 0, ST_CORRUPT, 0},                     /* INIT holds nothing */
        {DESCRIPTORS + 12, 0, ST_NOT_FOUND, 0},            /* no name ends the table */
        {DESCRIPTORS + 36, 0, ST_NOT_FOUND, 1},            /* no thunk ends it, too */
        {DESCRIPTORS + 32, 0x3000, ST_CORRUPT, 1},         /* a name in no section */
        {DESCRIPTORS + 32, 0x21FF, ST_CORRUPT, 1},         /* a name that the section's end cuts off */
        {DESCRIPTORS + 32, NAMES_RVA - 1, ST_CORRUPT, 1},  /* an empty name */
        {DESCRIPTORS + 52, NAMES_RVA + 1, ST_NOT_FOUND, 3} /* any other name is as good */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        assert_int_equal(set_up(NULL), 0);
        put_le32(image + lies[i].offset, lies[i].value);
        unsigned count;
        enum status status = walk(image_bytes, 0, &count);
        if (status != lies[i].status || count != lies[i].imports)
            fail_msg("lie %u: %s after %u imports", i, status_name(status), count);
    }
}

/* Drivers were linked with sections only 20h apart: one begins where the other ends. */
static void sections_side_by_side(void **state)
{
    (void)state;
    put_le32(image + INIT + 12, 0x1200);
    put_le32(image + INIT + 16, FILE_BYTES - DESCRIPTORS);
    put_le32(image + INIT + 20, DESCRIPTORS);
    put_le32(image + OPTIONAL + 104, 0x1200);
    for (unsigned i = 0; i < 3; i++)
        put_le32(image + DESCRIPTORS + i * 20 + 12, 0x1200 + NAMES - DESCRIPTORS);
    expect_walk(ST_NOT_FOUND, 3);
}

/* The section headers follow the optional header wherever it ends; they must not be taken for its last part. */
static void the_shortest_optional_header(void **state)
{
    uint8_t sections[80];
    (void)state;
    memcpy(sections, image + TEXT, sizeof sections);
    memcpy(image + OPTIONAL + 112, sections, sizeof sections);
    image[COFF + 16] = 112;
    expect_walk(ST_NOT_FOUND, 3);
    put_le32(sections, 0x2010); /* a name that would do for the place of the imports */
    memcpy(image + OPTIONAL + 104, sections, sizeof sections);
    image[COFF + 16] = 104;
    expect_walk(ST_CORRUPT, 0);
}

static void names_with_letters_that_are_none(void **state)
{
    static const char letters[] = {'\\', '/', ':', ' ', '\t', '\x7F', '\x80', '\xFF'};
    (void)state;
    for (unsigned i = 0; i < sizeof letters; i++) {
        image[NAMES + 0x20 + 3] = (uint8_t)letters[i];
        expect_walk(ST_CORRUPT, 1);
    }
}

static void a_name_of_63_letters_is_the_longest(void **state)
{
    struct pe pe;
    char name[PE_NAME_BYTES];
    (void)state;
    memset(image + NAMES + 0x40, 'x', 63);
    assert_int_equal(open_image(image_bytes, &pe), ST_OK);
    assert_int_equal(pe_import(&pe, 2, name), ST_OK);
    assert_int_equal(strlen(name), 63);
    image[NAMES + 0x40 + 63] = 'x';
    expect_walk(ST_CORRUPT, 2);
}

/* More sections and imports than a driver has, and INIT the last of them: the cost stays bounded. */
static void the_largest_that_is_accepted(void **state)
{
    const uint32_t init = 0x1800;
    (void)state;
    uint8_t last[40];
    memcpy(last, image + INIT, sizeof last);
    memset(image + INIT, 0, ROOM - INIT);
    image[COFF + 2] = 96;
    for (unsigned i = 1; i < 95; i++) {
        put_le32(image + TEXT + i * 40 + 12, 0x2000); /* same place, but empty */
        put_le32(image + TEXT + i * 40 + 20, 0x400);
    }
    put_le32(last + 16, ROOM - init);
    put_le32(last + 20, init);
    memcpy(image + TEXT + 95 * 40, last, sizeof last);
    for (unsigned i = 0; i < PE_IMPORTS_MAX; i++) {
        put_le32(image + init + 0x10 + i * 20 + 12, 0x2000 + 0x700);
        put_le32(image + init + 0x10 + i * 20 + 16, 1);
    }
    memcpy(image + init + 0x700, "HAL.DLL", 8);
    image_bytes = ROOM;
    expect_walk(ST_CORRUPT, PE_IMPORTS_MAX); /* a table without an end is not followed further */
    assert_in_range(file.reads, 1, 2 + PE_IMPORTS_MAX * 2 * 97);
    put_le32(image + init + 0x10 + (PE_IMPORTS_MAX - 1) * 20 + 12, 0);
    expect_walk(ST_NOT_FOUND, PE_IMPORTS_MAX - 1);
    image[COFF + 2] = 97;
    expect_walk(ST_CORRUPT, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    CASE(good_driver),
    CASE(cut_off_anywhere),
    CASE(every_read_fails_once),
    CASE(headers_that_lie),
    CASE(sections_side_by_side),
    CASE(the_shortest_optional_header),
    CASE(names_with_letters_that_are_none),
    CASE(a_name_of_63_letters_is_the_longest),
    CASE(the_largest_that_is_accepted),
};

UNIT_MAIN(tests)
