/* SPDX-License-Identifier: MIT */
/* DISK\Information written down field by field (nt-facts 3), as initialisers of byte arrays, so that a test states what
 * stands there before and afterwards without any code between. Every field whose meaning is not public has a number of
 * its own, which shows when it gets lost. Owns no test. */
#ifndef INFORMATION_H
#define INFORMATION_H

#include <stdint.h>

#define INFO_U8(value) (uint8_t)((value)&0xFF)
#define INFO_U16(value) INFO_U8(value), INFO_U8((value) >> 8)
#define INFO_U32(value) INFO_U16(value), INFO_U16((value) >> 16)
#define INFO_U64(value) INFO_U32((uint64_t)(value)), INFO_U32((uint64_t)(value) >> 32)

#define INFO_HEADER_BYTES 44u
#define INFO_REGISTRY_BYTES 4u /* of DISK_REGISTRY, and of FT_REGISTRY */
#define INFO_DISK_BYTES 8u
#define INFO_PARTITION_BYTES 52u
#define INFO_SET_BYTES 12u
#define INFO_MEMBER_BYTES 16u

/* DISK_CONFIG_HEADER: the disks' part lies behind it, the sets' part behind that. */
#define INFO_HEADER(disk_bytes, set_bytes)                                                                             \
    INFO_U32(3), INFO_U32(0x12345678), 1, 0xA1, 0xA2, 0xA3, INFO_U32(INFO_HEADER_BYTES), INFO_U32(disk_bytes),         \
        INFO_U32(INFO_HEADER_BYTES + (disk_bytes)), INFO_U32(set_bytes), INFO_U32(0x11), INFO_U32(0x22),               \
        INFO_U32(0x33), INFO_U32(0)

#define INFO_DISKS(count) INFO_U16(count), 0x55, 0x66
#define INFO_DISK(partitions, signature) INFO_U16(partitions), 0x77, 0x88, INFO_U32(signature)

/* `letter` 0: none. `assign` 1: NT shall give it one. */
#define INFO_PARTITION(type, state, start_lba, sectors, letter, assign, group, member)                                 \
    INFO_U32(type), INFO_U32(state), INFO_U64((uint64_t)(start_lba)*512), INFO_U64((uint64_t)(sectors)*512),           \
        INFO_U64(0x1122334455), INFO_U32(0xB1), INFO_U32(0xB2), letter, assign, INFO_U16(0x301), INFO_U16(group),      \
        INFO_U16(member), 0xC0, 0xC1, 0xC2, 0xC3

#define INFO_SETS(count) INFO_U16(count), 0x99, 0xAA
#define INFO_SET(members, type, state) INFO_U16(members), INFO_U16(type), INFO_U32(0xDDEEFF), INFO_U32(state)
#define INFO_MEMBER(state, signature, offset)                                                                          \
    INFO_U16(state), 0xE1, 0xE2, INFO_U32(signature), INFO_U32(offset), INFO_U32(0x605)

/* enum ft_type and ft_state, as ntddft.h numbers them. */
#define INFO_MIRROR 0
#define INFO_STRIPE 1
#define INFO_NO_MEMBER 4
#define INFO_HEALTHY 0
#define INFO_ORPHANED 1

/* ---- two mirrors of the disks A and B, a stripe set of B and C between them, and a partition of no set ---- */

#define DISK_A 0xAAAA0001u
#define DISK_B 0xBBBB0002u
#define DISK_C 0xBBBB0003u

#define TWO_HEAD(sets) INFO_HEADER(392, 4 + (sets)*44), INFO_DISKS(3)
#define TWO_DISK_A(first, second)                                                                                      \
    INFO_DISK(3, DISK_A), first, second, INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, 1950, 50, 'E', 1, 0, 0)
#define TWO_DISK_B(first, second)                                                                                      \
    INFO_DISK(3, DISK_B), first, second, INFO_PARTITION(INFO_STRIPE, INFO_HEALTHY, 1950, 50, 'F', 1, 0, 0)
#define TWO_DISK_C INFO_DISK(1, DISK_C), INFO_PARTITION(INFO_STRIPE, INFO_HEALTHY, 63, 50, 0, 1, 0, 1)

/* NT went on with the shadow of the first mirror. */
#define TWO_FIRST_ON_A INFO_PARTITION(INFO_MIRROR, INFO_ORPHANED, 63, 900, 'C', 1, 0, 0)
#define TWO_FIRST_ON_B INFO_PARTITION(INFO_MIRROR, INFO_HEALTHY, 63, 900, 0, 1, 0, 1)
#define TWO_SECOND_ON_A INFO_PARTITION(INFO_MIRROR, INFO_HEALTHY, 1100, 800, 'D', 1, 1, 0)
#define TWO_SECOND_ON_B INFO_PARTITION(INFO_MIRROR, INFO_HEALTHY, 1100, 800, 0, 1, 1, 1)

/* Where their records stand: header, DISK_REGISTRY, and per disk 8 + 52 for each partition. */
#define TWO_FIRST                                                                                                      \
    INFO_SET(2, INFO_MIRROR, 1), INFO_MEMBER(INFO_ORPHANED, DISK_A, 56), INFO_MEMBER(INFO_HEALTHY, DISK_B, 220)
#define TWO_STRIPE                                                                                                     \
    INFO_SET(2, INFO_STRIPE, 0), INFO_MEMBER(INFO_HEALTHY, DISK_B, 324), INFO_MEMBER(INFO_HEALTHY, DISK_C, 384)
#define TWO_SECOND                                                                                                     \
    INFO_SET(2, INFO_MIRROR, 0), INFO_MEMBER(INFO_HEALTHY, DISK_A, 108), INFO_MEMBER(INFO_HEALTHY, DISK_B, 272)

/* The first one broken in favour of its shadow, which takes the letter over ... */
#define TWO_FIRST_LEFT INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, 63, 900, 0, 1, 0, 0)
#define TWO_FIRST_KEPT INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, 63, 900, 'C', 1, 0, 1)
/* ... and the second one in favour of its primary. */
#define TWO_SECOND_KEPT INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, 1100, 800, 'D', 1, 1, 0)
#define TWO_SECOND_LEFT INFO_PARTITION(INFO_NO_MEMBER, INFO_HEALTHY, 1100, 800, 0, 1, 1, 1)

static const uint8_t two_mirrors[] = {TWO_HEAD(3),
                                      TWO_DISK_A(TWO_FIRST_ON_A, TWO_SECOND_ON_A),
                                      TWO_DISK_B(TWO_FIRST_ON_B, TWO_SECOND_ON_B),
                                      TWO_DISK_C,
                                      INFO_SETS(3),
                                      TWO_FIRST,
                                      TWO_STRIPE,
                                      TWO_SECOND};
static const uint8_t two_first_broken[] = {TWO_HEAD(2),
                                           TWO_DISK_A(TWO_FIRST_LEFT, TWO_SECOND_ON_A),
                                           TWO_DISK_B(TWO_FIRST_KEPT, TWO_SECOND_ON_B),
                                           TWO_DISK_C,
                                           INFO_SETS(2),
                                           TWO_STRIPE,
                                           TWO_SECOND};
static const uint8_t two_second_broken[] = {TWO_HEAD(2),
                                            TWO_DISK_A(TWO_FIRST_ON_A, TWO_SECOND_KEPT),
                                            TWO_DISK_B(TWO_FIRST_ON_B, TWO_SECOND_LEFT),
                                            TWO_DISK_C,
                                            INFO_SETS(2),
                                            TWO_FIRST,
                                            TWO_STRIPE};
static const uint8_t two_both_broken[] = {TWO_HEAD(1),
                                          TWO_DISK_A(TWO_FIRST_LEFT, TWO_SECOND_KEPT),
                                          TWO_DISK_B(TWO_FIRST_KEPT, TWO_SECOND_LEFT),
                                          TWO_DISK_C,
                                          INFO_SETS(1),
                                          TWO_STRIPE};

#endif
