/* SPDX-License-Identifier: MIT */
/* FtDisk's own record: the value `Information` of the key \Registry\Machine\SYSTEM\DISK, decoded into plain structs and
 * encoded again byte for byte (nt-facts 3; SDK ntdskreg.h, DDK ntddft.h). Bytes in, structs out; touches no disk and
 * judges nothing. */
#ifndef NT_FTDISK_H
#define NT_FTDISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define FTDISK_VERSION 3u
#define FTDISK_BYTES_MAX 16384u
#define FTDISK_DISKS_MAX 32u
#define FTDISK_PARTITIONS_MAX 128u
#define FTDISK_SETS_MAX 32u
#define FTDISK_MEMBERS_MAX 64u

enum ft_type { FT_MIRROR, FT_STRIPE, FT_STRIPE_PARITY, FT_VOLUME_SET, FT_NOT_A_MEMBER, FT_WHOLE_DISK };

/* Of a partition. */
enum ft_state { FT_HEALTHY, FT_ORPHANED, FT_REGENERATING, FT_INITIALIZING, FT_SYNC_COPY };

/* Of a set. */
enum ft_set_state {
    FT_SET_OK,
    FT_SET_HAS_ORPHAN,
    FT_SET_DISABLED,
    FT_SET_REGENERATING,
    FT_SET_INITIALIZING,
    FT_SET_CHECK_PARITY,
    FT_SET_NO_CHECK_DATA
};

struct ftdisk_partition {
    uint32_t type; /* enum ft_type, as it stands: unknown numbers are kept */
    uint32_t state;
    uint64_t start_bytes;
    uint64_t length_bytes;
    uint64_t ft_length_bytes;
    uint32_t reserved[2];
    uint8_t letter; /* ASCII, or 0 */
    uint8_t assign_letter;
    uint16_t logical_number;
    uint16_t group; /* of the set, within its type */
    uint16_t member;
    uint8_t modified;
    uint8_t padding[3];
};

struct ftdisk_disk {
    uint32_t signature;
    uint16_t reserved;
    uint16_t partition_count;
    uint16_t first_partition; /* index into ftdisk.partition */
};

struct ftdisk_member {
    uint16_t state;
    uint16_t reserved;
    uint32_t signature;
    uint16_t partition; /* index into ftdisk.partition; FTDISK_PARTITIONS_MAX when the offset leads nowhere */
    uint32_t logical_number;
};

struct ftdisk_set {
    uint16_t type;
    uint32_t reserved;
    uint32_t state;
    uint16_t member_count;
    uint16_t first_member; /* index into ftdisk.member */
};

/* How OffsetToPartitionInfo counts; which of the two NT uses, no public document says. */
enum ftdisk_base { FTDISK_FROM_VALUE, FTDISK_FROM_REGISTRY };

struct ftdisk {
    uint32_t checksum; /* its algorithm is not public: kept as it is */
    uint8_t dirty_shutdown;
    uint8_t header_padding[3];
    uint32_t stripe_width;
    uint32_t pool_size;
    uint32_t name_offset;
    uint32_t name_bytes;
    uint16_t registry_reserved;
    uint16_t ft_reserved;
    bool has_ft; /* an FT_REGISTRY is there */
    enum ftdisk_base base;
    bool editable; /* encoding what was decoded gives the very same bytes, so an edit loses nothing */
    unsigned disk_count;
    unsigned partition_count;
    unsigned set_count;
    unsigned member_count;
    struct ftdisk_disk disk[FTDISK_DISKS_MAX];
    struct ftdisk_partition partition[FTDISK_PARTITIONS_MAX];
    struct ftdisk_set set[FTDISK_SETS_MAX];
    struct ftdisk_member member[FTDISK_MEMBERS_MAX];
};

/** Decode. Errors: ST_UNSUPPORTED (another version: report it, never edit it), ST_CORRUPT (sizes and offsets contradict
 * each other), ST_NO_SPACE (more disks, partitions, sets or members than are held). */
MUST_CHECK enum status ftdisk_decode(const uint8_t *bytes, uint32_t count, struct ftdisk *out);

/** Encode in the layout NT writes. Errors: ST_NO_SPACE. */
MUST_CHECK enum status ftdisk_encode(const struct ftdisk *in, uint8_t *bytes, uint32_t room, uint32_t *count);

/** The record of the partition that begins at `start_lba` (of 512 bytes) on the disk with this signature, or null. */
const struct ftdisk_partition *ftdisk_find(const struct ftdisk *info, uint32_t signature, uint64_t start_lba);

/** Break a mirror as Disk Administrator does (Q120227): the set that has `keep` or `other` among its members is
 * dropped, its members become ordinary healthy partitions, `keep` has the set's drive letter and `other` gets the next
 * free one from NT. Either may be null. Returns whether anything changed. Fields whose meaning is not public stay as
 * they are. */
bool ftdisk_dissolve(struct ftdisk *info, const struct ftdisk_partition *keep, const struct ftdisk_partition *other);

#endif
