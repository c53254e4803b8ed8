/* SPDX-License-Identifier: MIT */
/* md superblocks. Both begin with the same number; the place and the number behind it tell the kind. */
#include "mirror/md.h"

#define MAGIC 0xA92B4EFCu
#define SUPER_SECTORS 8u   /* 4 KB, of either kind */
#define RESERVED_0_90 128u /* 64 KB */
#define RESERVED_1_0 16u
#define WORD 4u

/* 0.90, in words of the superblock */
#define OLD_UUID0 5u
#define OLD_LEVEL 7u
#define OLD_DISKS 10u
#define OLD_UUID1 13u
#define OLD_UPDATED 32u
#define OLD_CHECKSUM 38u
#define OLD_EVENTS 39u
#define OLD_DISK(n) (128u + 32u * (n)) /* what is recorded of each: number, major, minor, role, state */
#define OLD_THIS_DISK 992u
#define DISK_ROLE 3u
#define DISK_STATE 4u
#define STATE_FAULTY 1u
#define STATE_SYNC 4u
#define STATE_REMOVED 8u

/* 1.0, in bytes */
#define NEW_FEATURES 8u
#define NEW_UUID 16u
#define NEW_LEVEL 72u
#define NEW_DISKS 92u
#define NEW_PLACE 144u /* of the superblock, in the member */
#define NEW_NUMBER 160u
#define NEW_UPDATED 192u
#define NEW_EVENTS 200u
#define NEW_CHECKSUM 216u
#define NEW_ROLES_COUNT 220u
#define NEW_ROLES 256u
#define NEW_FEATURE_RECOVERY 2u /* copying to it was not finished */
#define NEW_ROLES_MAX ((SUPER_SECTORS * SECTOR_BYTES - NEW_ROLES) / 2)

struct superblock {
    uint8_t bytes[SUPER_SECTORS * SECTOR_BYTES];
};

static uint32_t word(const struct superblock *super, uint32_t index)
{
    return get_le32(super->bytes + WORD * index);
}

/* The sum of `count` bytes in words, without the checksum's own; what goes beyond 32 bits is added once more. */
static uint32_t sum_of(const struct superblock *super, uint32_t count, uint32_t checksum_at)
{
    uint64_t sum = 0;
    for (uint32_t at = 0; at + WORD <= count; at += WORD)
        if (at != checksum_at)
            sum += get_le32(super->bytes + at);
    if (count % WORD != 0)
        sum += get_le16(super->bytes + count - 2);
    return (uint32_t)(sum + (sum >> 32));
}

static enum status decode_0_90(const struct superblock *super, struct md_member *out)
{
    if (sum_of(super, sizeof super->bytes, WORD * OLD_CHECKSUM) != word(super, OLD_CHECKSUM))
        return ST_CORRUPT;
    uint32_t state = word(super, OLD_THIS_DISK + DISK_STATE);
    uint32_t role = word(super, OLD_THIS_DISK + DISK_ROLE);
    memcpy(out->uuid, super->bytes + WORD * OLD_UUID0, WORD);
    memcpy(out->uuid + WORD, super->bytes + WORD * OLD_UUID1, 3 * WORD);
    out->minor = 90;
    out->level = word(super, OLD_LEVEL);
    out->disks = word(super, OLD_DISKS);
    out->events = get_le64(super->bytes + WORD * OLD_EVENTS);
    out->updated_s = word(super, OLD_UPDATED);
    if ((state & STATE_FAULTY) != 0)
        role = MD_ROLE_FAULTY;
    else if (role >= out->disks)
        role = MD_ROLE_SPARE; /* spares are numbered behind the disks of the array */
    out->role = role;
    out->in_sync = role < out->disks && (state & STATE_SYNC) != 0;
    if (out->disks == 2 && role < 2) {
        uint32_t other = word(super, OLD_DISK(1 - role) + DISK_STATE);
        out->other_faulty = (other & (STATE_FAULTY | STATE_REMOVED | STATE_SYNC)) != STATE_SYNC;
    }
    return ST_OK;
}

/* Whether any device has this role. */
static bool has_role(const uint8_t *bytes, uint32_t roles, uint32_t role)
{
    for (uint32_t i = 0; i < roles; i++)
        if (get_le16(bytes + NEW_ROLES + 2 * i) == role)
            return true;
    return false;
}

/* `at`: where the superblock was found. One at the end of a disk also lies at the end of the disk's last partition, but
 * says whose it is. */
static enum status decode_1_0(const struct superblock *super, uint64_t at, struct md_member *out)
{
    const uint8_t *bytes = super->bytes;
    uint32_t roles = get_le32(bytes + NEW_ROLES_COUNT);
    uint32_t number = get_le32(bytes + NEW_NUMBER);
    if (roles > NEW_ROLES_MAX || sum_of(super, NEW_ROLES + 2 * roles, NEW_CHECKSUM) != get_le32(bytes + NEW_CHECKSUM))
        return ST_CORRUPT;
    if (get_le64(bytes + NEW_PLACE) != at)
        return ST_NOT_FOUND;
    memcpy(out->uuid, bytes + NEW_UUID, MD_UUID_BYTES);
    out->minor = 0;
    out->level = get_le32(bytes + NEW_LEVEL);
    out->disks = get_le32(bytes + NEW_DISKS);
    out->events = get_le64(bytes + NEW_EVENTS);
    out->updated_s = get_le64(bytes + NEW_UPDATED) & 0xFFFFFFFFFFull; /* above are microseconds */
    out->role = number < roles ? get_le16(bytes + NEW_ROLES + 2 * number) : MD_ROLE_SPARE;
    out->in_sync = out->role < out->disks && (get_le32(bytes + NEW_FEATURES) & NEW_FEATURE_RECOVERY) == 0;
    out->other_faulty = out->disks == 2 && out->role < 2 && !has_role(bytes, roles, 1 - out->role);
    return ST_OK;
}

static enum status read_super(struct blockdev *device, uint64_t lba, uint32_t major, uint32_t minor,
                              struct superblock *out)
{
    enum status status = blockdev_read(device, lba, SUPER_SECTORS, out->bytes);
    if (status != ST_OK)
        return status;
    bool found = word(out, 0) == MAGIC && word(out, 1) == major && (major == 1 || word(out, 2) == minor);
    return found ? ST_OK : ST_NOT_FOUND;
}

enum status md_read(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct md_member *out)
{
    struct superblock super;
    memset(out, 0, sizeof *out);
    if (sectors < 2 * RESERVED_0_90)
        return ST_NOT_FOUND;
    uint64_t at = (sectors - RESERVED_1_0) & ~(uint64_t)(SUPER_SECTORS - 1);
    enum status status = read_super(device, start_lba + at, 1, 0, &super);
    if (status == ST_OK)
        status = decode_1_0(&super, at, out);
    if (status == ST_NOT_FOUND) {
        at = (sectors & ~(uint64_t)(RESERVED_0_90 - 1)) - RESERVED_0_90;
        status = read_super(device, start_lba + at, 0, 90, &super);
        if (status == ST_OK)
            status = decode_0_90(&super, out);
    }
    return status == ST_CORRUPT ? blockdev_fail(device, SITE_MD_SUM, status, start_lba + at) : status;
}
