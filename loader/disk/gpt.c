/* SPDX-License-Identifier: MIT */
/* GPT. Nothing is believed before both checksums fit: of the header, and of the whole list of partitions. */
#include "disk/gpt.h"

#include "base/crc32.h"

#define HEADER_LBA 1u
#define HEADER_MIN_BYTES 92u
#define HEADER_BYTES 12u
#define HEADER_CRC 16u
#define OWN_LBA 24u
#define OTHER_LBA 32u
#define DISK_GUID 56u
#define LIST_LBA 72u
#define LIST_COUNT 80u
#define ENTRY_BYTES 84u
#define LIST_CRC 88u
#define GUID_BYTES 16u
#define ENTRY_MIN_BYTES 128u
#define LIST_MAX_BYTES (1024u * ENTRY_MIN_BYTES) /* eight times what everybody makes */
#define ENTRY_FIRST_LBA 32u
#define ENTRY_LAST_LBA 40u
#define ENTRY_ATTRIBUTES 48u
#define LEGACY_BOOTABLE 4u
#define NUMBER_MAX 255u /* struct partition has a byte for it */

struct type_guid {
    uint8_t type;
    uint8_t guid[GUID_BYTES];
};

/* The first three fields of a GUID are little-endian on the disk. */
static const struct type_guid types[] = {
    {TYPE_ESP, {0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11, 0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B}},
    {TYPE_RAID, {0x0F, 0x88, 0x9D, 0xA1, 0xFC, 0x05, 0x3B, 0x4D, 0xA0, 0x06, 0x74, 0x3F, 0x0F, 0x84, 0x91, 0x1E}},
    {TYPE_LINUX, {0xAF, 0x3D, 0xC6, 0x0F, 0x83, 0x84, 0x72, 0x47, 0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4}},
    {TYPE_BASIC_DATA, {0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7}},
};

bool gpt_is_announced(const uint8_t *sector0)
{
    for (uint32_t at = MBR_TABLE_OFFSET; at < MBR_MARK_OFFSET; at += MBR_ENTRY_BYTES)
        if (sector0[at + MBR_ENTRY_TYPE] == TYPE_GPT_PROTECTIVE)
            return mbr_has_mark(sector0);
    return false;
}

/* Entries may be larger than what is known of them: 128 bytes, or that times a power of two. */
static bool is_header(uint8_t *sector, uint64_t lba)
{
    uint32_t bytes = get_le32(sector + HEADER_BYTES);
    uint32_t crc = get_le32(sector + HEADER_CRC);
    uint32_t entry = get_le32(sector + ENTRY_BYTES);
    if (memcmp(sector, "EFI PART", 8) != 0 || bytes < HEADER_MIN_BYTES || bytes > SECTOR_BYTES)
        return false;
    put_le32(sector + HEADER_CRC, 0);
    return crc32_add(0, sector, bytes) == crc && get_le64(sector + OWN_LBA) == lba && entry >= ENTRY_MIN_BYTES &&
           (entry & (entry - 1)) == 0 && (uint64_t)get_le32(sector + LIST_COUNT) * entry <= LIST_MAX_BYTES;
}

static uint8_t type_of(const uint8_t *guid)
{
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        if (memcmp(types[i].guid, guid, GUID_BYTES) == 0)
            return types[i].type;
    return TYPE_OTHER;
}

static bool is_empty(const uint8_t *guid)
{
    for (unsigned i = 0; i < GUID_BYTES; i++)
        if (guid[i] != 0)
            return false;
    return true;
}

static void add_entry(struct blockdev *device, const uint8_t *entry, unsigned index, struct disk_table *out)
{
    uint64_t first = get_le64(entry + ENTRY_FIRST_LBA);
    uint64_t last = get_le64(entry + ENTRY_LAST_LBA);
    unsigned count = out->count;
    if (is_empty(entry) || last >= UINT32_MAX)
        return;
    if (index >= NUMBER_MAX) {
        table_problem(out, device, SITE_EBR_COUNT, ST_UNSUPPORTED, 0);
        return;
    }
    if (last < first)
        last = first - 1; /* no sectors: a contradiction that table_add reports */
    table_add(out, device,
              &(struct partition){.type = type_of(entry),
                                  .active = (entry[ENTRY_ATTRIBUTES] & LEGACY_BOOTABLE) != 0,
                                  .start_lba = (uint32_t)first,
                                  .sectors = (uint32_t)(last - first + 1)});
    if (out->count > count)
        out->partition[count].number = (uint8_t)(index + 1);
}

/* Read the list; with `out`, its partitions are added. Errors: ST_CORRUPT (checksum), I/O. */
static enum status read_list(struct blockdev *device, const uint8_t *header, struct disk_table *out)
{
    uint8_t sector[SECTOR_BYTES];
    uint32_t entry_bytes = get_le32(header + ENTRY_BYTES);
    uint32_t list_bytes = get_le32(header + LIST_COUNT) * entry_bytes;
    uint64_t lba = get_le64(header + LIST_LBA);
    uint32_t crc = 0;
    for (uint32_t at = 0; at < list_bytes; at += ENTRY_MIN_BYTES) {
        const uint8_t *entry = sector + at % SECTOR_BYTES;
        if (entry == sector) {
            enum status status = blockdev_read(device, lba++, 1, sector);
            if (status != ST_OK)
                return status;
        }
        crc = crc32_add(crc, entry, ENTRY_MIN_BYTES);
        if (out != 0 && at % entry_bytes == 0)
            add_entry(device, entry, at / entry_bytes, out);
    }
    return crc == get_le32(header + LIST_CRC) ? ST_OK : ST_CORRUPT;
}

/* Read one of the two tables. The list is read twice: it must be known to be good before anything of it is used. A good
 * header says in `other` where the other table lies, whatever its own list is like. */
static enum status read_copy(struct blockdev *device, uint64_t lba, uint64_t *other, struct disk_table *out)
{
    uint8_t header[SECTOR_BYTES];
    enum status status = blockdev_read(device, lba, 1, header);
    if (status != ST_OK)
        return status;
    if (!is_header(header, lba))
        return ST_CORRUPT;
    *other = get_le64(header + OTHER_LBA);
    out->signature = crc32_add(0, header + DISK_GUID, GUID_BYTES);
    status = read_list(device, header, 0);
    return status == ST_OK ? read_list(device, header, out) : status;
}

void gpt_read(struct blockdev *device, struct disk_table *out)
{
    uint64_t backup_lba = device->sectors - 1;
    *out = (struct disk_table){.is_gpt = true};
    if (read_copy(device, HEADER_LBA, &backup_lba, out) == ST_OK)
        return;
    *out = (struct disk_table){.is_gpt = true, .gpt_backup = true};
    enum status status = read_copy(device, backup_lba, &backup_lba, out);
    if (status == ST_OK)
        return;
    *out = (struct disk_table){.is_gpt = true};
    table_problem(out, device, SITE_GPT, status, HEADER_LBA);
}
