/* SPDX-License-Identifier: MIT */
/* Fuzz target: md superblocks. The input is the second half of a member of 256 sectors; its byte 2000h, which belongs
 * to neither kind, says which sums are put right beforehand. What is read must not contradict itself. */
#include "fuzz.h"
#include "mirror/md.h"

#define HALF_SECTORS 128u
#define OLD_BYTES 4096u
#define OLD_SUM 152u
#define NEW_PLACE 240u
#define NEW_AT ((NEW_PLACE - HALF_SECTORS) * SECTOR_BYTES)
#define NEW_SUM 216u
#define CONTROL 0x2000u

static uint8_t bytes[2 * HALF_SECTORS * SECTOR_BYTES];
static unsigned reads;

static enum status counted_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    if (++reads > 2)
        abort();
    return fuzz_read(device, lba, sectors, buffer);
}

static void mend(uint8_t *super, uint32_t count, uint32_t sum_at)
{
    uint64_t sum = 0;
    put_le32(super + sum_at, 0);
    for (uint32_t i = 0; i < count; i++)
        sum += (uint64_t)super[i] << 8 * (i % 4);
    put_le32(super + sum_at, (uint32_t)sum + (uint32_t)(sum >> 32));
}

static void mend_all(uint8_t *half)
{
    uint32_t roles = get_le32(half + NEW_AT + 220);
    if ((half[CONTROL] & 1) != 0)
        mend(half, OLD_BYTES, OLD_SUM);
    if ((half[CONTROL] & 4) != 0)
        put_le64(half + NEW_AT + 144, NEW_PLACE);
    if ((half[CONTROL] & 2) != 0 && roles <= (OLD_BYTES - 256) / 2)
        mend(half + NEW_AT, 256 + 2 * roles, NEW_SUM);
}

static void check(enum status status, const struct md_member *member)
{
    static const struct md_member zeros;
    if (status == ST_NOT_FOUND || status == ST_CORRUPT || status == ST_IO) {
        if (memcmp(member, &zeros, sizeof zeros) != 0)
            abort();
        return;
    }
    if (status != ST_OK || (member->minor != 90 && member->minor != 0) || member->updated_s >> 40 != 0)
        abort();
    if (member->in_sync && member->role >= member->disks)
        abort();
    if (member->other_faulty && (member->disks != 2 || member->role > 1))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t half = sizeof bytes / 2;
    struct fuzz_disk disk = fuzz_disk(bytes, sizeof bytes, 2 * HALF_SECTORS);
    struct md_member member;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes + half, data, size < half ? size : half);
    mend_all(bytes + half);
    disk.device.read = counted_read;
    reads = 0;
    check(md_read(&disk.device, 0, 2 * HALF_SECTORS, &member), &member);
    return 0;
}
