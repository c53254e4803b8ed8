/* SPDX-License-Identifier: MIT */
/* FtDisk's record. One walk over the layout serves for reading, for writing and for the question whether writing would
 * give back what was read, so the three cannot disagree. Numbers are moved as they stand in memory, which is the byte
 * order of NT's own CPUs. */
#include "nt/ftdisk.h"

#include <stddef.h>

#include "base/bytes.h"

#define HEADER_BYTES 44u
#define REGISTRY_BYTES 4u /* head of DISK_REGISTRY and of FT_REGISTRY */
#define DISK_BYTES 8u
#define PARTITION_BYTES 52u
#define SET_BYTES 12u
#define MEMBER_BYTES 16u
#define NOWHERE FTDISK_PARTITIONS_MAX

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are moved as they stand");
_Static_assert(offsetof(struct ftdisk_partition, padding) + 3 == PARTITION_BYTES, "as on the disk");
_Static_assert(offsetof(struct ftdisk_member, signature) == 4, "as on the disk");
_Static_assert(offsetof(struct ftdisk, header_padding) == 5, "as on the disk");
_Static_assert(offsetof(struct ftdisk, name_bytes) == offsetof(struct ftdisk, stripe_width) + 12, "as on the disk");

enum direction { DECODE, ENCODE, COMPARE };

struct codec {
    enum direction direction;
    enum status status;
    struct ftdisk *info; /* written when decoding only */
    uint8_t *bytes;      /* written when encoding only */
    uint32_t room;
    uint32_t at;
    uint32_t end;
    uint32_t part[4]; /* of the header: offset and size of the disks, offset and size of the sets */
    uint32_t fits[2]; /* how many members lead to a partition of their disk, by base */
};

static void fail(struct codec *codec, enum status status)
{
    if (codec->status == ST_OK)
        codec->status = status;
}

/* Go to a part of the record. */
static void enter(struct codec *codec, uint32_t at, uint32_t bytes)
{
    codec->at = at;
    codec->end = at + bytes;
    if (at > codec->room || bytes > codec->room - at)
        fail(codec, codec->direction == ENCODE ? ST_NO_SPACE : ST_CORRUPT);
}

static void move(struct codec *codec, void *field, uint32_t bytes)
{
    if (codec->status == ST_OK && bytes > codec->end - codec->at)
        codec->status = ST_CORRUPT;
    if (codec->status != ST_OK)
        return;
    uint8_t *at = codec->bytes + codec->at;
    codec->at += bytes;
    if (codec->direction == DECODE)
        memcpy(field, at, bytes);
    else if (codec->direction == ENCODE)
        memcpy(at, field, bytes);
    else if (memcmp(field, at, bytes) != 0)
        codec->status = ST_CORRUPT;
}

/* Whether there is one more of a list that says it has `count`. A count that the bytes cannot hold is a defect of the
 * record; one that only our array cannot hold is not. */
static bool more(struct codec *codec, uint32_t index, uint32_t count, bool has_place)
{
    if (index < count && !has_place)
        fail(codec, codec->at < codec->end ? ST_NO_SPACE : ST_CORRUPT);
    return index < count && codec->status == ST_OK;
}

static void move_header(struct codec *codec)
{
    struct ftdisk *info = codec->info;
    uint32_t version = FTDISK_VERSION;
    enter(codec, 0, HEADER_BYTES);
    move(codec, &version, 4);
    if (version != FTDISK_VERSION)
        fail(codec, ST_UNSUPPORTED);
    move(codec, info, 8); /* checksum, dirty shutdown */
    move(codec, codec->part, sizeof codec->part);
    move(codec, (uint8_t *)info + offsetof(struct ftdisk, stripe_width), 16);
}

static void move_disks(struct codec *codec)
{
    struct ftdisk *info = codec->info;
    uint16_t count = (uint16_t)info->disk_count;
    uint32_t index = 0; /* of the partition */
    enter(codec, codec->part[0], codec->part[1]);
    move(codec, &count, 2);
    move(codec, &info->registry_reserved, 2);
    for (uint32_t i = 0; more(codec, i, count, i < FTDISK_DISKS_MAX); i++) {
        struct ftdisk_disk *disk = &info->disk[i];
        move(codec, &disk->partition_count, 2);
        move(codec, &disk->reserved, 2);
        move(codec, &disk->signature, 4);
        if (codec->direction == DECODE)
            disk->first_partition = (uint16_t)index;
        for (uint32_t p = 0; more(codec, p, disk->partition_count, index < FTDISK_PARTITIONS_MAX); p++)
            move(codec, &info->partition[index++], PARTITION_BYTES);
    }
    if (codec->direction == DECODE) {
        info->disk_count = count;
        info->partition_count = index;
    }
}

/* Partitions and the places of their records within DISK_REGISTRY: the partition whose record is at `*at`, on the disk
 * with this signature; or, for any `index` but NOWHERE, the place of that one's record. */
static uint32_t locate(const struct ftdisk *info, uint32_t index, uint32_t signature, uint32_t *at)
{
    uint32_t place = REGISTRY_BYTES;
    uint32_t found = 0;
    for (uint32_t i = 0; i < info->disk_count; i++) {
        place += DISK_BYTES;
        for (uint32_t p = 0; p < info->disk[i].partition_count; p++, found++, place += PARTITION_BYTES) {
            if (index == NOWHERE ? place != *at || info->disk[i].signature != signature : index != found)
                continue;
            *at = place;
            return found;
        }
    }
    *at = 0;
    return NOWHERE;
}

static void move_member(struct codec *codec, struct ftdisk_member *member)
{
    struct ftdisk *info = codec->info;
    uint32_t base = codec->part[0];
    uint32_t offset = 0;
    if (codec->direction != DECODE && locate(info, member->partition, 0, &offset) != NOWHERE &&
        info->base == FTDISK_FROM_VALUE)
        offset += base;
    move(codec, member, 8); /* state, reserved, signature */
    move(codec, &offset, 4);
    move(codec, &member->logical_number, 4);
    if (codec->direction != DECODE)
        return;
    /* Which base is right is known only when all members were seen: keep both. */
    uint32_t from_value = offset - base;
    uint32_t first = locate(info, NOWHERE, member->signature, &from_value);
    uint32_t second = locate(info, NOWHERE, member->signature, &offset);
    codec->fits[FTDISK_FROM_VALUE] += first != NOWHERE;
    codec->fits[FTDISK_FROM_REGISTRY] += second != NOWHERE;
    member->partition = (uint16_t)(first | second << 8);
}

static void move_sets(struct codec *codec)
{
    struct ftdisk *info = codec->info;
    uint16_t count = (uint16_t)info->set_count;
    uint32_t index = 0; /* of the member */
    enter(codec, codec->part[2], codec->part[3]);
    move(codec, &count, 2);
    move(codec, &info->ft_reserved, 2);
    for (uint32_t i = 0; more(codec, i, count, i < FTDISK_SETS_MAX); i++) {
        struct ftdisk_set *set = &info->set[i];
        move(codec, &set->member_count, 2);
        move(codec, &set->type, 2);
        move(codec, &set->reserved, 4);
        move(codec, &set->state, 4);
        if (codec->direction == DECODE)
            set->first_member = (uint16_t)index;
        for (uint32_t m = 0; more(codec, m, set->member_count, index < FTDISK_MEMBERS_MAX); m++)
            move_member(codec, &info->member[index++]);
    }
    if (codec->direction == DECODE) {
        info->set_count = count;
        info->member_count = index;
    }
}

/* Write, or compare, in NT's layout: header, disks, sets, nothing between them. */
static enum status emit(struct ftdisk *info, enum direction direction, uint8_t *bytes, uint32_t room, uint32_t *count)
{
    struct codec codec = {.direction = direction, .info = info, .bytes = bytes, .room = room};
    codec.part[0] = HEADER_BYTES;
    codec.part[1] = REGISTRY_BYTES + info->disk_count * DISK_BYTES + info->partition_count * PARTITION_BYTES;
    codec.part[2] = HEADER_BYTES + codec.part[1];
    if (info->has_ft)
        codec.part[3] = REGISTRY_BYTES + info->set_count * SET_BYTES + info->member_count * MEMBER_BYTES;
    *count = codec.part[2] + codec.part[3];
    move_header(&codec);
    move_disks(&codec);
    if (info->has_ft)
        move_sets(&codec);
    return codec.status;
}

enum status ftdisk_decode(const uint8_t *bytes, uint32_t count, struct ftdisk *out)
{
    struct codec codec = {.direction = DECODE, .info = out, .bytes = (uint8_t *)bytes, .room = count};
    memset(out, 0, sizeof *out);
    move_header(&codec);
    if (codec.part[0] < HEADER_BYTES)
        fail(&codec, ST_CORRUPT);
    move_disks(&codec);
    out->has_ft = codec.part[3] != 0;
    if (out->has_ft && codec.part[2] < codec.end)
        fail(&codec, ST_CORRUPT);
    if (out->has_ft)
        move_sets(&codec);
    if (codec.status != ST_OK)
        return codec.status;
    if (codec.fits[FTDISK_FROM_REGISTRY] > codec.fits[FTDISK_FROM_VALUE])
        out->base = FTDISK_FROM_REGISTRY;
    for (uint32_t i = 0; i < out->member_count; i++)
        out->member[i].partition = (uint16_t)(out->member[i].partition >> (8 * out->base) & 0xFF);
    uint32_t used;
    out->editable = emit(out, COMPARE, codec.bytes, count, &used) == ST_OK && used == count;
    return ST_OK;
}

enum status ftdisk_encode(const struct ftdisk *in, uint8_t *bytes, uint32_t room, uint32_t *count)
{
    return emit((struct ftdisk *)in, ENCODE, bytes, room, count);
}

static bool has_member(const struct ftdisk *info, const struct ftdisk_set *set, uint32_t keep, uint32_t other)
{
    for (uint32_t i = 0; i < set->member_count; i++) {
        uint32_t index = info->member[set->first_member + i].partition;
        if (index != NOWHERE && (index == keep || index == other))
            return true;
    }
    return false;
}

static bool release(struct ftdisk_partition *partition)
{
    if (partition->type != FT_MIRROR)
        return false;
    partition->type = FT_NOT_A_MEMBER;
    partition->state = FT_HEALTHY;
    return true;
}

/* Take a set and its members out of the lists; everything behind them moves up. */
static void drop_set(struct ftdisk *info, uint32_t index)
{
    uint32_t first = info->set[index].first_member;
    uint16_t count = info->set[index].member_count;
    for (uint32_t i = 0; i < count; i++)
        if (info->member[first + i].partition != NOWHERE)
            (void)release(&info->partition[info->member[first + i].partition]);
    info->member_count -= count;
    memmove(&info->member[first], &info->member[first + count], (info->member_count - first) * sizeof *info->member);
    info->set_count--;
    memmove(&info->set[index], &info->set[index + 1], (info->set_count - index) * sizeof *info->set);
    for (uint32_t i = index; i < info->set_count; i++)
        info->set[i].first_member = (uint16_t)(info->set[i].first_member - count);
}

bool ftdisk_dissolve(struct ftdisk *info, const struct ftdisk_partition *keep, const struct ftdisk_partition *other)
{
    uint32_t kept = keep != NULL ? (uint32_t)(keep - info->partition) : NOWHERE;
    uint32_t left = other != NULL ? (uint32_t)(other - info->partition) : NOWHERE;
    bool changed = false;
    for (uint32_t i = info->set_count; i-- > 0;)
        if (info->set[i].type == FT_MIRROR && has_member(info, &info->set[i], kept, left)) {
            drop_set(info, i);
            changed = true;
        }
    if (keep != NULL)
        changed |= release(&info->partition[kept]);
    if (other != NULL)
        changed |= release(&info->partition[left]);
    if (!changed || keep == NULL || other == NULL)
        return changed;
    if (info->partition[kept].letter == 0)
        info->partition[kept].letter = other->letter;
    if (info->partition[left].letter != 0) {
        info->partition[left].letter = 0;
        info->partition[left].assign_letter = 1;
    }
    return true;
}

const struct ftdisk_partition *ftdisk_find(const struct ftdisk *info, uint32_t signature, uint64_t start_lba)
{
    for (uint32_t i = 0; i < info->disk_count; i++)
        for (uint32_t p = 0; p < info->disk[i].partition_count; p++) {
            const struct ftdisk_partition *partition = &info->partition[info->disk[i].first_partition + p];
            if (info->disk[i].signature == signature && partition->start_bytes == start_lba * SECTOR_BYTES)
                return partition;
        }
    return NULL;
}
