/* SPDX-License-Identifier: MIT */
/* Boot sectors. */
#include "fs/bpb.h"

#include "base/text.h"
#include "disk/mbr.h"

#define JUMP_SHORT 0xEBu
#define JUMP_NEAR 0xE9u
#define OEM_NAME 3u
#define BYTES_PER_SECTOR 0x0Bu
#define ROOT_ENTRIES 0x11u
#define FAT_SECTORS 0x16u
#define SECTORS_PER_TRACK 0x18u
#define HEADS 0x1Au
#define HIDDEN 0x1Cu
#define DRIVE 0x24u
#define NTFS_SECTORS 0x28u
#define FAT32_BACKUP 0x32u
#define DRIVE_FAT32 0x40u
#define DRIVE_FIRST 0x80u
#define DESCRIPTION_END 0x54u

static bool is_ntfs(const uint8_t *sector)
{
    return memcmp(sector + OEM_NAME, "NTFS", 4) == 0;
}

static bool is_fat32(const uint8_t *sector)
{
    return !is_ntfs(sector) && get_le16(sector + FAT_SECTORS) == 0 && get_le16(sector + ROOT_ENTRIES) == 0;
}

void bpb_mend(uint8_t *sector, uint32_t start_lba, const struct geometry *geometry)
{
    if (get_le16(sector + BYTES_PER_SECTOR) != SECTOR_BYTES)
        return;
    put_le32(sector + HIDDEN, start_lba);
    sector[is_fat32(sector) ? DRIVE_FAT32 : DRIVE] = DRIVE_FIRST;
    if (geometry->heads == 0)
        return;
    put_le16(sector + SECTORS_PER_TRACK, geometry->sectors_per_track);
    put_le16(sector + HEADS, geometry->heads);
}

bool bpb_has_text(const uint8_t *sector, const char *text)
{
    size_t bytes = text_length(text);
    for (size_t at = 0; at + bytes <= SECTOR_BYTES; at++)
        if (memcmp(sector + at, text, bytes) == 0)
            return true;
    return false;
}

bool bpb_is_bootable(const uint8_t *sector)
{
    return mbr_has_mark(sector) && (sector[0] == JUMP_SHORT || sector[0] == JUMP_NEAR) &&
           !bpb_has_text(sector, "not a bootable disk");
}

bool bpb_backup(const uint8_t *sector, uint32_t start_lba, unsigned index, uint64_t *lba)
{
    uint64_t sectors = get_le64(sector + NTFS_SECTORS);
    if (is_ntfs(sector)) {
        *lba = start_lba + (index == 0 ? sectors : sectors / 2);
        return index < 2 && sectors < UINT32_MAX;
    }
    *lba = start_lba + get_le16(sector + FAT32_BACKUP);
    return index == 0 && is_fat32(sector) && *lba != start_lba && get_le16(sector + FAT32_BACKUP) != UINT16_MAX;
}

bool bpb_is_copy(const uint8_t *sector, const uint8_t *copy)
{
    static const struct geometry none;
    uint8_t one[DESCRIPTION_END];
    uint8_t other[DESCRIPTION_END];
    memcpy(one, sector, sizeof one);
    memcpy(other, copy, sizeof other);
    /* What differs between disks is made the same in both. */
    bpb_mend(one, 0, &none);
    bpb_mend(other, 0, &none);
    memset(one + SECTORS_PER_TRACK, 0, 4);
    memset(other + SECTORS_PER_TRACK, 0, 4);
    return mbr_has_mark(copy) && memcmp(one, other, sizeof one) == 0;
}
