/* SPDX-License-Identifier: MIT */
/* nt/hive: a small hive by hand, every lie a hive can tell, and a log over an interrupted write. Larger hives meet
 * other people's readers in diff/test_hive.py. */
#include "base/bytes.h"
#include "fixture.h"
#include "hand_hive.h"
#include "nt/hive.h"
#include "unit.h"

#define HIVE_BYTES 8192u
#define LOG_AT 9216u

struct file {
    struct source source;
    uint8_t bytes[2 * LOG_AT];
    unsigned reads;
    unsigned fail_at; /* this read fails; 0: none */
};

static struct file file;
static struct file log_file;
static struct hive hive;
static struct hive_value value;
static uint32_t key;
static char name[HIVE_NAME_BYTES];
static uint8_t data[128];

static enum status read_file(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    struct file *from = (struct file *)source;
    assert_true(offset <= source->bytes && bytes <= source->bytes - offset);
    if (++from->reads == from->fail_at)
        return ST_IO;
    memcpy(buffer, from->bytes + offset, bytes);
    return ST_OK;
}

static void use(const char *vector, uint32_t bytes)
{
    memset(&file, 0, sizeof file);
    if (vector != NULL)
        fx_vector(vector, file.bytes, sizeof file.bytes);
    file.source = (struct source){.read = read_file, .bytes = bytes};
}

static enum status open_vector_as(const char *vector, uint32_t bytes)
{
    use(vector, bytes);
    return hive_open(&file.source, NULL, &hive);
}

/* Open, go to `path`, take the value and its data: the first thing that goes wrong. */
static enum status fetch(const char *path, const char *wanted)
{
    enum status status = hive_open(&file.source, NULL, &hive);
    if (status == ST_OK)
        status = hive_key(&hive, hive.root, path, &key);
    if (status == ST_OK)
        status = hive_value(&hive, key, wanted, &value);
    if (status == ST_OK)
        status = hive_data(&hive, &value, data, sizeof data);
    return status;
}

static enum status fetch_from(const char *vector, const char *path, const char *wanted)
{
    use(vector, HIVE_BYTES);
    return fetch(path, wanted);
}

static void a_small_hive(void **state)
{
    (void)state;
    uint32_t number = 0;
    char text[8];
    assert_int_equal(fetch_from("hive-good.hex", "disk", "INFORMATION"), ST_OK);
    assert_int_equal(hive.stamp.sequence, 7);
    assert_true(hive.stamp.written_100ns == 125331840000000000u);
    assert_true(hive.stamp.clean);
    assert_int_equal(value.type, 3);
    assert_int_equal(value.bytes, 8);
    assert_memory_equal(data, "8 bytes.", 8);
    assert_int_equal(hive_data(&hive, &value, data, 7), ST_NO_SPACE);
    assert_int_equal(hive_u32(&hive, key, "Number", &number), ST_OK);
    assert_int_equal(number, 5);
    assert_int_equal(hive_u32(&hive, key, "Information", &number), ST_CORRUPT);
    assert_int_equal(hive_u32(&hive, key, "Numbe", &number), ST_NOT_FOUND);
    assert_int_equal(hive_key(&hive, hive.root, "\\Select\\", &key), ST_OK);
    assert_int_equal(hive_text(&hive, key, "Name", text, sizeof text), ST_OK);
    assert_string_equal(text, "Text");
    assert_int_equal(hive_text(&hive, key, "Name", text, 3), ST_OK);
    assert_string_equal(text, "Te");
    assert_int_equal(hive_text(&hive, key, "Current", text, sizeof text), ST_CORRUPT);
}

static void keys_and_values_by_number(void **state)
{
    (void)state;
    assert_int_equal(open_vector_as("hive-good.hex", HIVE_BYTES), ST_OK);
    assert_int_equal(hive_subkey(&hive, hive.root, 1, name, &key), ST_OK);
    assert_string_equal(name, "Select");
    assert_int_equal(hive_value_at(&hive, key, 1, name, &value), ST_OK);
    assert_string_equal(name, "Name");
    assert_int_equal(hive_value_at(&hive, key, 2, name, &value), ST_NOT_FOUND);
    assert_int_equal(hive_subkey(&hive, hive.root, 2, name, &key), ST_NOT_FOUND);
    assert_int_equal(hive_subkey(&hive, hive.root, UINT32_MAX, name, &key), ST_NOT_FOUND);
    assert_int_equal(hive_subkey(&hive, hive.root, 0, name, &key), ST_OK);
    assert_string_equal(name, "DISK");
    assert_int_equal(hive_subkey(&hive, key, 0, name, &key), ST_NOT_FOUND);
    assert_int_equal(hive_key(&hive, hive.root, "DISK\\Below", &key), ST_NOT_FOUND);
    assert_int_equal(hive_key(&hive, hive.root, "DIS", &key), ST_NOT_FOUND);
    assert_int_equal(hive_key(&hive, hive.root, "DISKS", &key), ST_NOT_FOUND);
    assert_int_equal(hive_key(&hive, hive.root, "", &key), ST_OK);
    assert_int_equal(key, hive.root);
}

static void no_hive(void **state)
{
    (void)state;
    assert_int_equal(open_vector_as(NULL, 0), ST_CORRUPT);
    assert_int_equal(open_vector_as(NULL, HIVE_BYTES), ST_CORRUPT);
    assert_int_equal(open_vector_as("hive-good.hex", 511), ST_CORRUPT);
    assert_int_equal(open_vector_as("hive-good.hex", 4096), ST_CORRUPT);
    assert_int_equal(open_vector_as("hive-good.hex", HIVE_BYTES - 1), ST_CORRUPT);
    assert_int_equal(hive.stamp.sequence, 7); /* what the base block said stands */
    assert_int_equal(open_vector_as("hive-checksum.hex", HIVE_BYTES), ST_CORRUPT);
    assert_int_equal(open_vector_as("hive-checksum-0.hex", HIVE_BYTES), ST_OK);
    assert_int_equal(open_vector_as("hive-checksum-ff.hex", HIVE_BYTES), ST_OK);
    assert_int_equal(open_vector_as("hive-data-size.hex", HIVE_BYTES), ST_CORRUPT);
    assert_int_equal(open_vector_as("hive-major-2.hex", HIVE_BYTES), ST_UNSUPPORTED);
    use("hive-good.hex", HIVE_BYTES);
    file.fail_at = 1;
    assert_int_equal(hive_open(&file.source, NULL, &hive), ST_IO);
}

static void lying_cells(void **state)
{
    (void)state;
    static const char *const vectors[] = {
        "hive-root-free.hex",      "hive-root-outside.hex", "hive-list-is-key.hex", "hive-ri-in-ri.hex",
        "hive-ri-loop.hex",        "hive-list-count.hex",   "hive-nk-short.hex",    "hive-value-list-outside.hex",
        "hive-value-list-odd.hex", "hive-nk-name-long.hex", "hive-data-longer.hex", "hive-data-cell-short.hex"};
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        memset(data, 0, sizeof data);
        assert_int_equal(fetch_from(vectors[i], "DISK", "Information"), ST_CORRUPT);
    }
    assert_int_equal(fetch_from("hive-cell-misaligned.hex", "DISK", "Information"), ST_CORRUPT);
    assert_int_equal(fetch_from("hive-inline-long.hex", "DISK", "Number"), ST_CORRUPT);
    assert_int_equal(fetch_from("hive-inline-long.hex", "DISK", "Information"), ST_OK);
    /* What is there is found; that something is not there, such a list cannot say. */
    assert_int_equal(fetch_from("hive-list-shorter.hex", "DISK", "Information"), ST_OK);
    assert_int_equal(fetch_from("hive-list-shorter.hex", "Nothing", ""), ST_CORRUPT);
}

static void a_damaged_key_hides_no_other(void **state)
{
    (void)state;
    assert_int_equal(fetch_from("hive-last-key-damaged.hex", "DISK", "Information"), ST_OK);
    assert_int_equal(fetch_from("hive-last-key-damaged.hex", "Select", "Current"), ST_CORRUPT);
    assert_int_equal(fetch_from("hive-unsorted.hex", "DISK", "Information"), ST_OK);
    assert_int_equal(fetch_from("hive-unsorted.hex", "Select", "Current"), ST_OK);
    assert_int_equal(fetch_from("hive-unsorted.hex", "Alpha", ""), ST_NOT_FOUND);
}

static void every_read_fails_once(void **state)
{
    (void)state;
    unsigned errors = 0;
    for (unsigned fail_at = 1;; fail_at++) {
        memset(data, 0, sizeof data);
        use("hive-good.hex", HIVE_BYTES);
        file.fail_at = fail_at;
        enum status status = fetch("DISK", "Information");
        if (file.reads < fail_at)
            break;
        if (status != ST_OK) /* or it went round the place */
            assert_int_equal(status, ST_IO);
        else
            assert_memory_equal(data, "8 bytes.", 8);
        errors += status != ST_OK;
    }
    assert_true(errors > 10);
}

static void places_in_the_file(void **state)
{
    (void)state;
    uint32_t at = 0;
    uint32_t bytes = 0;
    assert_int_equal(fetch_from("hive-good.hex", "DISK", "Information"), ST_OK);
    assert_int_equal(hive_data_place(&hive, &value, 3, &at, &bytes), ST_OK);
    assert_int_equal(bytes, 5);
    assert_memory_equal(file.bytes + at, "ytes.", 5);
    assert_int_equal(hive_data_place(&hive, &value, 8, &at, &bytes), ST_BOUNDS);
    assert_int_equal(hive_value(&hive, key, "Number", &value), ST_OK);
    assert_int_equal(hive_data_place(&hive, &value, 0, &at, &bytes), ST_UNSUPPORTED);
}

/* Where a length stands, and that another one written there is the value's. */
static void expect_length_at(uint32_t bytes)
{
    uint32_t at = 0;
    assert_int_equal(hive_length_place(&hive, &value, &at), ST_OK);
    assert_int_equal(get_le32(file.bytes + at), bytes);
    file.bytes[at]--;
    assert_int_equal(hive_value(&hive, key, "Information", &value), ST_OK);
    assert_int_equal(value.bytes, bytes - 1);
    file.bytes[at]++;
}

static void the_place_of_a_length(void **state)
{
    (void)state;
    uint32_t at = 0;
    assert_int_equal(fetch_from("hive-good.hex", "DISK", "Information"), ST_OK);
    expect_length_at(8);
    assert_int_equal(hive_length_place(&hive, &value, &at), ST_OK);
    assert_memory_equal(file.bytes + at - 4, "vk", 2);
    file.reads = 0;
    file.fail_at = 1;
    assert_int_equal(hive_length_place(&hive, &value, &at), ST_IO);
    file.bytes[at - 4] = 'x';
    assert_int_equal(hive_length_place(&hive, &value, &at), ST_CORRUPT);
    file.bytes[at - 4] = 'v';
    assert_int_equal(hive_value(&hive, key, "Number", &value), ST_OK); /* the length of one that has no cell of data */
    assert_int_equal(hive_length_place(&hive, &value, &at), ST_UNSUPPORTED);
}

/* A hive made by hand, as much of it as fits. */
static void use_made(const struct hand_hive *shape)
{
    static uint8_t made[HAND_HIVE_BYTES];
    hand_hive(shape, made);
    use(NULL, 4096 + 4096);
    memcpy(file.bytes, made, 4096 + 4096);
    hand_le(file.bytes + 40, 4096, 4);
    hand_seal(file.bytes);
}

/* In format 1.1 the head of a cell has eight bytes. */
static void the_place_of_a_length_in_either_format(void **state)
{
    (void)state;
    struct hand_hive shape = HAND_HIVE("eleven byte");
    for (shape.minor = 1; shape.minor <= 5; shape.minor += 2) {
        uint32_t at = 0;
        use_made(&shape);
        assert_int_equal(fetch("DISK", "Information"), ST_OK);
        assert_int_equal(hive_length_place(&hive, &value, &at), ST_OK);
        assert_int_equal(at, hand_length_at(&shape));
        expect_length_at(12);
    }
}

static void old_formats(void **state)
{
    (void)state;
    static const char *const vectors[] = {"hive-1.0.hex", "hive-1.1.hex"};
    for (unsigned minor = 0; minor < 2; minor++) {
        assert_int_equal(fetch_from(vectors[minor], "disk", "information"), ST_OK);
        assert_int_equal(hive.minor, minor);
        assert_int_equal(value.bytes, 8);
        assert_memory_equal(data, "8 bytes.", 8);
    }
}

/* Format 1.0: its root key tells which of the two heads it has. One with neither is no hive, whatever else it says. */
static void format_1_0_with_either_head(void **state)
{
    (void)state;
    struct hand_hive shape = HAND_HIVE("eleven byte");
    shape.minor = 0;
    for (unsigned old = 0; old < 2; old++) {
        shape.old_cells = old != 0;
        use_made(&shape);
        assert_int_equal(fetch("DISK", "Information"), ST_OK);
        expect_length_at(12);
        file.reads = 0;
        file.fail_at = 2; /* the root key's */
        assert_int_equal(hive_open(&file.source, NULL, &hive), ST_IO);
        use_made(&shape);
        file.bytes[0x1020 + hand_cell_head(&shape)] = 'x';
        assert_int_equal(fetch("DISK", "Information"), ST_CORRUPT);
        use_made(&shape);
        hand_le(file.bytes + 36, 0x0FFC, 4); /* the root's tag would be behind the bins */
        hand_seal(file.bytes);
        assert_int_equal(hive_open(&file.source, NULL, &hive), ST_CORRUPT);
    }
}

static void use_with_log(void)
{
    use("hive-and-log.hex", HIVE_BYTES);
    log_file = file;
    memmove(log_file.bytes, log_file.bytes + LOG_AT, LOG_AT);
    log_file.source.bytes = 1024 + 4096;
}

static void a_log_completes_the_write(void **state)
{
    (void)state;
    uint32_t at;
    uint32_t bytes;
    use_with_log();
    assert_int_equal(hive_open(&file.source, &log_file.source, &hive), ST_OK);
    assert_ptr_equal(hive.log, &log_file.source);
    assert_int_equal(hive.log_first, 1024);
    assert_false(hive.stamp.clean);
    assert_int_equal(hive.stamp.sequence, 9);
    assert_int_equal(hive_key(&hive, hive.root, "DISK", &key), ST_OK);
    assert_int_equal(hive_value(&hive, key, "Information", &value), ST_OK);
    assert_int_equal(value.bytes, 22);
    assert_int_equal(hive_data(&hive, &value, data, sizeof data), ST_OK);
    assert_memory_equal(data, "New it is, and longer.", 22);
    assert_int_equal(hive_data_place(&hive, &value, 0, &at, &bytes), ST_UNSUPPORTED);
    assert_int_equal(hive_length_place(&hive, &value, &at), ST_UNSUPPORTED);
    log_file.source.bytes -= 4096; /* the page is not there after all */
    assert_int_equal(hive_data(&hive, &value, data, sizeof data), ST_CORRUPT);
}

static void without_its_log_a_hive_is_as_it_is(void **state)
{
    (void)state;
    use_with_log();
    log_file.bytes[513] = 'X'; /* DIRT */
    assert_int_equal(hive_open(&file.source, &log_file.source, &hive), ST_OK);
    assert_null(hive.log);
    assert_false(hive.stamp.clean);
    use_with_log();
    log_file.fail_at = 1; /* what was recorded last may be in it */
    assert_int_equal(hive_open(&file.source, &log_file.source, &hive), ST_IO);
    assert_int_equal(hive_open(&file.source, NULL, &hive), ST_OK);
    assert_int_equal(fetch("DISK", "Information"), ST_OK);
    assert_memory_equal(data, "8 bytes.", 8);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_small_hive),
    cmocka_unit_test(keys_and_values_by_number),
    cmocka_unit_test(no_hive),
    cmocka_unit_test(lying_cells),
    cmocka_unit_test(a_damaged_key_hides_no_other),
    cmocka_unit_test(every_read_fails_once),
    cmocka_unit_test(places_in_the_file),
    cmocka_unit_test(the_place_of_a_length),
    cmocka_unit_test(the_place_of_a_length_in_either_format),
    cmocka_unit_test(old_formats),
    cmocka_unit_test(format_1_0_with_either_head),
    cmocka_unit_test(a_log_completes_the_write),
    cmocka_unit_test(without_its_log_a_hive_is_as_it_is),
};

UNIT_MAIN(tests)
