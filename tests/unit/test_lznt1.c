/* SPDX-License-Identifier: MIT */
/* fs/lznt1: the published example, chunks written by hand from the format's definition, and data that contradict it. */
#include "fs/lznt1.h"
#include "unit.h"

static uint8_t out[LZNT1_CHUNK_BYTES];

/* The input is copied to its exact size, so that a byte too many is seen. */
static bool run(const void *in, size_t bytes, unsigned index)
{
    uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, in, bytes);
    memset(out, 0x55, sizeof out);
    bool good = lznt1_chunk(copy, (uint32_t)bytes, index, out);
    free(copy);
    return good;
}

static void assert_zeros_from(size_t from)
{
    for (size_t i = from; i < sizeof out; i++)
        assert_int_equal(out[i], 0);
}

/* [MS-XCA] 3.3. */
static const uint8_t published[59] = {0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00,
                                      0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45, 0x20, 0x44, 0x00, 0x08, 0x45, 0x01,
                                      0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4,
                                      0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48,
                                      0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01, 0x18, 0x90, 0x00};
static const char published_text[142] = "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D "
                                        "E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D";

static void the_published_example(void **state)
{
    (void)state;
    assert_true(run(published, sizeof published, 0));
    assert_memory_equal(out, published_text, sizeof published_text);
    assert_zeros_from(sizeof published_text);
}

static void chunks_by_hand(void **state)
{
    (void)state;
    /* One letter, then as much of it as a chunk holds: 4 bits of distance (0), 12 of length (4095 - 3). */
    static const uint8_t longest[] = {0x03, 0xB0, 0x02, 'A', 0xFC, 0x0F};
    /* 16 letters still leave 4 bits for the distance, 17 need 5: "copy 3 from 17 back" is 16 << 11. */
    static const uint8_t split[] = {0x15, 0xB0, 0x00, 'a', 'b', 'c', 'd', 'e', 'f',  'g', 'h',  0x00,
                                    'i',  'j',  'k',  'l', 'm', 'n', 'o', 'p', 0x02, 'q', 0x00, 0x80};
    static const uint8_t split16[] = {0x14, 0xB0, 0x00, 'a', 'b', 'c', 'd', 'e', 'f',  'g',  'h', 0x00,
                                      'i',  'j',  'k',  'l', 'm', 'n', 'o', 'p', 0x01, 0x00, 0xF0};
    static const uint8_t plain[] = {0x02, 0x30, 'x', 'y', 'z'};
    assert_true(run(longest, sizeof longest, 0));
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 'A');
    assert_true(run(split, sizeof split, 0));
    assert_memory_equal(out, "abcdefghijklmnopqabc", 20);
    assert_zeros_from(20);
    assert_true(run(split16, sizeof split16, 0));
    assert_memory_equal(out, "abcdefghijklmnopabc", 19);
    assert_zeros_from(19);
    assert_true(run(plain, sizeof plain, 0));
    assert_memory_equal(out, "xyz", 3);
    assert_zeros_from(3);
}

static void chunks_are_counted_by_their_headers(void **state)
{
    (void)state;
    static const uint8_t three[] = {0x00, 0x30, 'x', 0x01, 0xB0, 0x00, 'y', 0x00, 0x30, 'z', 0x00, 0x00, 0xFF};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(run(three, sizeof three, i));
        assert_int_equal(out[0], "xyz"[i]);
        assert_zeros_from(1);
    }
    assert_true(run(three, sizeof three, 3)); /* behind the end */
    assert_zeros_from(0);
    assert_true(run(three, 10, 3)); /* it may end without a mark */
    assert_zeros_from(0);
    assert_true(run(three, 0, 0));
    assert_zeros_from(0);
}

static void contradictions(void **state)
{
    (void)state;
    static const uint8_t no_mark[] = {0x00, 0x80, 0x00};
    static const uint8_t too_long[] = {0x03, 0xB0, 0x02, 'A', 0xFC};
    static const uint8_t half_word[] = {0x02, 0xB0, 0x02, 'A', 0xFC};
    static const uint8_t copy_of_nothing[] = {0x02, 0xB0, 0x01, 0x00, 0x00};
    static const uint8_t too_far_back[] = {0x03, 0xB0, 0x02, 'A', 0x00, 0x10};
    static const uint8_t too_much[] = {0x03, 0xB0, 0x02, 'A', 0xFD, 0x0F};
    static const uint8_t one_more[] = {0x04, 0xB0, 0x02, 'A', 0xFC, 0x0F, 'B'};
    static const uint8_t second_too_long[] = {0x00, 0x30, 'x', 0x01, 0x30, 'y'};
    assert_false(run(no_mark, sizeof no_mark, 0));
    assert_false(run(no_mark, sizeof no_mark, 1));
    assert_false(run(too_long, sizeof too_long, 0));
    assert_false(run(half_word, sizeof half_word, 0));
    assert_false(run(copy_of_nothing, sizeof copy_of_nothing, 0));
    assert_false(run(too_far_back, sizeof too_far_back, 0));
    assert_false(run(too_much, sizeof too_much, 0));
    assert_false(run(one_more, sizeof one_more, 0));
    assert_false(run(second_too_long, sizeof second_too_long, 1));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_published_example),
    cmocka_unit_test(chunks_by_hand),
    cmocka_unit_test(chunks_are_counted_by_their_headers),
    cmocka_unit_test(contradictions),
};

UNIT_MAIN(tests)
