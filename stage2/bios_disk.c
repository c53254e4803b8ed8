/* SPDX-License-Identifier: MIT */
/* INT 13h as block devices: one attempt per read, through the bounce buffer. A drive is read by EDD or by CHS, never by
 * both, since some BIOSes translate the two differently. */
#include "bios.h"

#define INT_DISK 0x13u
#define DISK_RESET 0x0000u
#define DISK_READ 0x02u
#define DISK_WRITE 0x03u
#define DISK_GEOMETRY 0x0800u
#define EDD_CHECK 0x4100u
#define EDD_READ 0x4200u
#define EDD_WRITE 0x4300u
#define EDD_PARAMETERS 0x4800u
#define EDD_PACKET_ACCESS 1u
#define BOUNCE_SEGMENT (BOUNCE >> 4)
#define WRITE_ATTEMPTS 3u /* a floppy drive may need them to spin up */
#define CHS_SECTORS_MAX (1024u * 255u * 63u)

struct bios_disk {
    struct blockdev device; /* must stay first: the core hands us a pointer to it */
    struct geometry geometry;
    bool edd;
    bool needs_reset; /* the last command failed */
};

static struct bios_disk disks[DISKS_MAX + 1];
static struct bios_disk *const boot_disk = &disks[DISKS_MAX];

/* INT 13h AH=42h/43h disk address packet (EDD 1.1). */
static struct {
    uint8_t bytes;
    uint8_t reserved;
    uint16_t sectors;
    uint16_t offset;
    uint16_t segment;
    uint64_t lba;
} packet;

/* INT 13h AH=48h result buffer, EDD 1.1 part. */
static struct {
    uint16_t bytes;
    uint16_t flags;
    uint32_t cylinders, heads, sectors_per_track;
    uint64_t sectors;
    uint16_t sector_bytes;
} __attribute__((packed)) parameters;

static bool call(struct bios_disk *disk, struct bios_regs *regs)
{
    regs->edx |= disk->device.drive;
    bios_int(INT_DISK, regs, regs);
    return !carry(regs);
}

/* INT 13h AH=42h/43h  Call with: DL = drive, DS:SI = packet, AL = 0 (no verify). Returns: CF, AH = status. */
static bool edd_transfer(struct bios_disk *disk, uint32_t function, uint64_t lba, uint32_t sectors,
                         struct bios_regs *regs)
{
    packet.bytes = 16;
    packet.sectors = (uint16_t)sectors;
    packet.offset = 0;
    packet.segment = BOUNCE_SEGMENT;
    packet.lba = lba;
    *regs = regs_init(function);
    regs->esi = (uint32_t)&packet;
    return call(disk, regs) && packet.sectors == sectors;
}

/* INT 13h AH=02h/03h  Call with: AL = sectors, CX = cylinder and sector, DH = head, DL, ES:BX. Returns: CF, AH. */
static bool chs_transfer(struct bios_disk *disk, uint32_t function, uint64_t lba, uint32_t sectors,
                         struct bios_regs *regs)
{
    uint32_t track = (uint32_t)lba / disk->geometry.sectors_per_track;
    uint32_t cylinder = track / disk->geometry.heads;
    *regs = regs_init(function << 8 | sectors);
    regs->ecx =
        (cylinder & 0xFF) << 8 | (cylinder >> 2 & 0xC0) | ((uint32_t)lba % disk->geometry.sectors_per_track + 1);
    regs->edx = track % disk->geometry.heads << 8;
    regs->es = BOUNCE_SEGMENT;
    return call(disk, regs);
}

static void reset_if_needed(struct bios_disk *disk)
{
    struct bios_regs regs = regs_init(DISK_RESET);
    if (disk->needs_reset)
        (void)call(disk, &regs); /* its status says nothing about the disk: SeaBIOS resets dead disks with success */
    disk->needs_reset = false;
}

static enum status finish(struct bios_disk *disk, bool good, const struct bios_regs *regs)
{
    uint8_t code = (uint8_t)(regs->eax >> 8);
    if (good)
        return ST_OK;
    disk->needs_reset = true;
    disk->device.fault = code != 0 ? code : 0xFF;
    return ST_IO;
}

/* No CHS command may cross a track, and none may exceed the bounce buffer. */
static uint32_t part_of(const struct bios_disk *disk, uint64_t lba, uint32_t sectors)
{
    uint32_t part = sectors < BOUNCE_SECTORS ? sectors : BOUNCE_SECTORS;
    uint32_t in_track = disk->geometry.sectors_per_track;
    if (disk->edd)
        return part;
    in_track -= (uint32_t)lba % in_track;
    return part < in_track ? part : in_track;
}

static enum status disk_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct bios_disk *disk = (struct bios_disk *)device;
    struct bios_regs regs;
    uint8_t *at = buffer;
    reset_if_needed(disk);
    while (sectors > 0) {
        uint32_t part = part_of(disk, lba, sectors);
        size_t bytes = part * SECTOR_BYTES;
        /* The caller's poison goes along, so that a "success" which delivers nothing is seen. */
        memcpy((void *)BOUNCE, at, bytes);
        bool good = disk->edd ? edd_transfer(disk, EDD_READ, lba, part, &regs)
                              : chs_transfer(disk, DISK_READ, lba, part, &regs);
        if (!good)
            return finish(disk, false, &regs);
        memcpy(at, (const void *)BOUNCE, bytes);
        at += bytes;
        lba += part;
        sectors -= part;
    }
    return ST_OK;
}

static struct bios_disk *by_drive(uint8_t drive)
{
    for (unsigned i = 0; i <= DISKS_MAX; i++)
        if (disks[i].device.read != 0 && disks[i].device.drive == drive)
            return &disks[i];
    return 0;
}

static enum status disk_write(struct disk_writer *writer, uint8_t drive, uint64_t lba, const void *sector)
{
    struct bios_disk *disk = by_drive(drive);
    struct bios_regs regs;
    bool good = false;
    (void)writer;
    if (disk == 0 || lba >= disk->device.sectors)
        return ST_BOUNDS;
    for (unsigned attempt = 0; attempt < WRITE_ATTEMPTS && !good; attempt++) {
        reset_if_needed(disk);
        memcpy((void *)BOUNCE, sector, SECTOR_BYTES);
        good = disk->edd ? edd_transfer(disk, EDD_WRITE, lba, 1, &regs) : chs_transfer(disk, DISK_WRITE, lba, 1, &regs);
        (void)finish(disk, good, &regs); /* notes the fault; the result is `good` */
    }
    return good ? ST_OK : ST_IO;
}

/* INT 13h AH=08h  Call with: DL, ES:DI = 0 against BIOS bugs. Returns: CF, DH = last head, CL = sectors per track and
 * cylinder bits 8-9, CH = cylinder bits 0-7. Changes ES:DI for floppies. */
static void read_geometry(struct bios_disk *disk)
{
    struct bios_regs regs = regs_init(DISK_GEOMETRY);
    if (!call(disk, &regs) || (regs.ecx & 0x3F) == 0)
        return;
    disk->geometry.heads = (uint16_t)((regs.edx >> 8 & 0xFF) + 1);
    disk->geometry.sectors_per_track = regs.ecx & 0x3F;
    uint32_t cylinders = (regs.ecx >> 8 & 0xFF) + ((regs.ecx & 0xC0) << 2) + 1;
    disk->device.sectors = cylinders * disk->geometry.heads * disk->geometry.sectors_per_track;
}

/* INT 13h AH=41h  Call with: BX = 55AAh, DL. Returns: CF, BX = AA55h, CX = interfaces.
 * INT 13h AH=48h  Call with: DS:SI = buffer with its size, DL. Returns: CF, the buffer. */
static void read_edd(struct bios_disk *disk)
{
    struct bios_regs regs = regs_init(EDD_CHECK);
    memset(&parameters, 0, sizeof parameters);
    regs.ebx = 0x55AA;
    if (!call(disk, &regs) || (regs.ebx & 0xFFFF) != 0xAA55 || (regs.ecx & EDD_PACKET_ACCESS) == 0)
        return;
    regs = regs_init(EDD_PARAMETERS);
    parameters.bytes = sizeof parameters;
    regs.esi = (uint32_t)&parameters;
    if (!call(disk, &regs) || parameters.sectors == 0 || parameters.sector_bytes != SECTOR_BYTES)
        return;
    disk->edd = true;
    disk->device.sectors = parameters.sectors;
}

enum status bios_disk_open(struct firmware *fw, unsigned index, struct blockdev **device, struct geometry *geometry)
{
    struct bios_disk *disk = &disks[index];
    unsigned number = index;
    uint8_t boot_drive = fw->boot_device != 0 ? fw->boot_device->drive : 0;
    /* A boot stick is a disk to the BIOS, but none to us. */
    number += boot_drive >= DRIVE_FIRST && number >= (unsigned)(boot_drive - DRIVE_FIRST);
    if (number >= *low8(BDA_DISKS))
        return ST_NOT_FOUND;
    disk->device.drive = (uint8_t)(DRIVE_FIRST + number);
    *device = &disk->device;
    read_geometry(disk);
    read_edd(disk);
    if (parameters.sector_bytes > SECTOR_BYTES)
        return ST_UNSUPPORTED; /* more than the bounce buffer is ready for, by whatever function */
    disk->device.read = disk_read;
    disk->device.short_reach = !disk->edd;
    *geometry = disk->geometry;
    return ST_OK;
}

void disks_init(struct firmware *fw)
{
    fw->writer.write = disk_write;
    fw->disk_open = bios_disk_open;
}

void boot_disk_init(struct firmware *fw, uint8_t boot_drive)
{
    const uint8_t *bpb = (const uint8_t *)BOOT_SECTOR;
    boot_disk->device.drive = boot_drive;
    boot_disk->device.read = disk_read;
    boot_disk->geometry.sectors_per_track = get_le16(bpb + 0x18);
    boot_disk->geometry.heads = get_le16(bpb + 0x1A);
    if (boot_drive >= DRIVE_FIRST)
        read_edd(boot_disk);
    if (!boot_disk->edd)
        boot_disk->device.sectors = get_le16(bpb + 0x13) != 0 ? get_le16(bpb + 0x13) : get_le32(bpb + 0x20);
    fw->boot_device = &boot_disk->device;
    fw->boot_sectors_per_track = boot_disk->geometry.sectors_per_track;
}
