/* SPDX-License-Identifier: MIT */
/* Making the boot plan. The survivor always becomes drive 80h: standard MBR code, old NTFS boot code and the
 * rdisk(0) of the mirrored BOOT.INI all take that for granted. */
#include "plan.h"

#include "fs/bpb.h"

#define ENTRY_LOGICAL 3u /* where a logical drive's entry is handed over: the last of the four */

static const char name_ntldr[] = "NTLDR      "; /* as directories and NT's boot sectors of FAT volumes spell it */

const char *method_name(enum boot_method method)
{
    static const char *const names[] = {"vbr", "ntldr-disk", "ntldr-floppy", "mbr", "efi", "none"};
    return names[method];
}

/* The other half is hidden unless the mirror is healthy: NT stops while a failing twin is in reach, and a stale one
 * must not be written to. Dead disks are hidden too, because every access to them may cost half a minute. */
static bool is_hidden(const struct set_survey *survey, const struct disk *disk, enum role source)
{
    const struct disk *twin = survey->place[1 - source].disk;
    return disk->dead || (disk == twin && survey->verdict.state != SET_HEALTHY);
}

static void map_drives(const struct inventory *inventory, const struct set_survey *survey, struct boot_plan *out)
{
    const struct disk *source = survey->place[out->source].disk;
    out->map[out->visible++] = source->drive;
    for (unsigned i = 0; i < inventory->count; i++) {
        const struct disk *disk = &inventory->disk[i];
        if (disk != source && !is_hidden(survey, disk, out->source))
            out->map[out->visible++] = disk->drive;
    }
    out->remap = out->visible != inventory->count;
    for (unsigned i = 0; i < out->visible; i++)
        out->remap |= out->map[i] != DRIVE_FIRST + i;
}

/* Lay out the copy of sector 0 and the entry that a standard MBR points DS:SI at. */
static void lay_out_mbr(const struct disk *disk, const struct partition *partition, struct boot_plan *out)
{
    memcpy(out->mbr, disk->sector0, SECTOR_BYTES);
    out->entry = (partition->entry_offset - MBR_TABLE_OFFSET) / MBR_ENTRY_BYTES;
    if (partition->logical)
        out->entry = ENTRY_LOGICAL;
    uint8_t *entry = out->mbr + MBR_TABLE_OFFSET + out->entry * MBR_ENTRY_BYTES;
    if (partition->logical) {
        memset(entry, 0, MBR_ENTRY_BYTES);
        entry[MBR_ENTRY_TYPE] = partition->type;
        put_le32(entry + 8, partition->start_lba);
        put_le32(entry + 12, partition->sectors);
    }
    /* Two active entries would stop a standard MBR. */
    for (unsigned i = 0; i < 4; i++)
        out->mbr[MBR_TABLE_OFFSET + i * MBR_ENTRY_BYTES] = 0;
    entry[0] = MBR_ACTIVE;
}

static bool has_code(const uint8_t *mbr)
{
    return mbr_has_mark(mbr) && get_le32(mbr) != 0;
}

static bool has_ntldr(struct blockdev *device, uint32_t start_lba)
{
    struct fat fat;
    struct fat_file file;
    return fat_mount(device, start_lba, &fat) == ST_OK && fat_open(&fat, name_ntldr, &file) == ST_OK;
}

/* Whether NT's boot sector of a FAT volume would look in vain for the file it names (B01). */
static bool lacks_ntldr(struct blockdev *device, uint32_t start_lba, const uint8_t *boot_sector)
{
    return bpb_has_text(boot_sector, name_ntldr) && !has_ntldr(device, start_lba);
}

enum status plan_make(const struct inventory *inventory, const struct set_survey *survey, enum role source,
                      const struct fat *boot_disk, struct boot_plan *out)
{
    struct disk *disk = survey->place[source].disk;
    const struct partition *partition = survey->place[source].partition;
    if (partition == 0)
        return ST_REFUSED;
    struct blockdev *device = &disk->reader.device;
    *out = (struct boot_plan){.source = source, .drive = disk->drive};
    map_drives(inventory, survey, out);
    lay_out_mbr(disk, partition, out);
    enum status status = blockdev_read(device, partition->start_lba, 1, out->boot_sector);
    if (status != ST_OK)
        memset(out->boot_sector, 0, SECTOR_BYTES);
    if (bpb_is_bootable(out->boot_sector) &&
        (boot_disk == 0 || !lacks_ntldr(device, partition->start_lba, out->boot_sector)))
        out->method = METHOD_VBR;
    else if (status == ST_OK && has_ntldr(device, partition->start_lba))
        out->method = METHOD_NTLDR_DISK;
    else if (boot_disk != 0)
        out->method = METHOD_NTLDR_FLOPPY;
    else if (has_code(disk->sector0))
        out->method = METHOD_MBR;
    else
        return ST_NOT_FOUND;
    /* In memory only: the disk's own copy would be overwritten by the next resynchronisation. */
    bpb_mend(out->boot_sector, partition->start_lba, &disk->geometry);
    return ST_OK;
}
