/* SPDX-License-Identifier: MIT */
/* Block I/O as block devices: one attempt per read or write, through an aligned buffer. Knows which handles are hard
 * disks and which one the loader came from; believes no success (see disk/retry.h, change/apply.h), and decides nothing
 * about what is written. */
#include "shell.h"

#define BOUNCE_BYTES 4096u /* one page: no IoAlign in use exceeds it */
#define BOUNCE_SECTORS (BOUNCE_BYTES / SECTOR_BYTES)
#define MIRROR_DISKS 2u
#define BOOT_DRIVE 0x00u /* its number in messages, as a floppy's under a BIOS */

struct efi_disk {
    struct blockdev device; /* must stay first: the core hands us a pointer to it */
    EFI_BLOCK_IO_PROTOCOL *io;
    EFI_HANDLE handle;
    /* Noted once: a disk that was exchanged since then answers with an error, not with another disk's sectors, or with
     * blocks that the buffer has no room for. */
    UINT32 media_id;
    UINT32 block_bytes;
};

static struct efi_disk disks[DISKS_MAX];
static struct efi_disk boot_disk;
static unsigned disk_count;
static struct blockdev other; /* one of those whose sectors are not of 512 bytes, as far as it is known */
static unsigned other_count;
static uint8_t bounce[BOUNCE_BYTES] __attribute__((aligned(BOUNCE_BYTES)));

void *efi_protocol(EFI_HANDLE handle, EFI_GUID guid)
{
    void *found = 0;
    return EFI_ERROR(boot_services()->HandleProtocol(handle, &guid, &found)) ? 0 : found;
}

static EFI_BLOCK_IO_PROTOCOL *block_io(EFI_HANDLE handle)
{
    return efi_protocol(handle, (EFI_GUID)EFI_BLOCK_IO_PROTOCOL_GUID);
}

/* A CD's blocks are longer than sectors: of the block at each end only a part is wanted. */
static enum status disk_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct efi_disk *disk = (struct efi_disk *)device;
    uint32_t per_block = disk->block_bytes / SECTOR_BYTES;
    uint8_t *at = buffer;
    while (sectors > 0) {
        uint32_t skip = (uint32_t)(lba % per_block);
        uint32_t part = BOUNCE_SECTORS - skip < sectors ? BOUNCE_SECTORS - skip : sectors;
        uint32_t blocks = (skip + part + per_block - 1) / per_block;
        /* The caller's poison goes along, so that a "success" which delivers nothing is seen. */
        memcpy(bounce + skip * SECTOR_BYTES, at, (UINTN)part * SECTOR_BYTES);
        EFI_STATUS status =
            disk->io->ReadBlocks(disk->io, disk->media_id, lba / per_block, (UINTN)blocks * disk->block_bytes, bounce);
        if (EFI_ERROR(status)) {
            device->fault = (uint8_t)status; /* the error bit is far above: EFI_DEVICE_ERROR is 07h */
            return ST_IO;
        }
        memcpy(at, bounce + skip * SECTOR_BYTES, (UINTN)part * SECTOR_BYTES);
        at += part * SECTOR_BYTES;
        lba += part;
        sectors -= part;
    }
    return ST_OK;
}

/* One sector, and all of it to the medium: a disk's cache does not survive a power cut. */
static enum status disk_write(struct disk_writer *writer, uint8_t drive, uint64_t lba, const void *sector)
{
    struct efi_disk *disk = drive == BOOT_DRIVE ? &boot_disk : &disks[drive - DRIVE_FIRST];
    (void)writer;
    if ((drive != BOOT_DRIVE && (drive < DRIVE_FIRST || drive - DRIVE_FIRST >= disk_count)) || disk->io == 0 ||
        disk->io->Media->ReadOnly || disk->block_bytes != SECTOR_BYTES)
        return ST_REFUSED;
    memcpy(bounce, sector, SECTOR_BYTES);
    if (EFI_ERROR(disk->io->WriteBlocks(disk->io, disk->media_id, lba, SECTOR_BYTES, bounce)) ||
        EFI_ERROR(disk->io->FlushBlocks(disk->io)))
        return ST_IO;
    return ST_OK;
}

static bool is_readable(const EFI_BLOCK_IO_MEDIA *media)
{
    return media->MediaPresent && media->BlockSize >= SECTOR_BYTES && BOUNCE_BYTES % media->BlockSize == 0 &&
           media->IoAlign <= BOUNCE_BYTES;
}

static void disk_init(struct efi_disk *disk, EFI_BLOCK_IO_PROTOCOL *io, uint8_t drive)
{
    *disk = (struct efi_disk){.device = {.read = disk_read,
                                         .sectors = (io->Media->LastBlock + 1) * (io->Media->BlockSize / SECTOR_BYTES),
                                         .drive = drive},
                              .io = io,
                              .media_id = io->Media->MediaId,
                              .block_bytes = io->Media->BlockSize};
}

static bool is_hard_disk(const EFI_BLOCK_IO_MEDIA *media)
{
    return !media->LogicalPartition && !media->RemovableMedia && media->MediaPresent;
}

static EFI_HANDLE *find_handles(EFI_LOCATE_SEARCH_TYPE type, EFI_GUID *guid, UINTN *count)
{
    EFI_HANDLE *handles = 0;
    *count = 0;
    return EFI_ERROR(boot_services()->LocateHandleBuffer(type, guid, 0, count, &handles)) ? 0 : handles;
}

static void free_handles(EFI_HANDLE *handles)
{
    if (handles != 0)
        (void)boot_services()->FreePool(handles);
}

/* The bytes of a device path before its end, or before a node that is none. */
static UINTN path_bytes(const EFI_DEVICE_PATH *path)
{
    const uint8_t *start = (const uint8_t *)path;
    const uint8_t *at = start;
    while ((at[0] & 0x7F) != END_DEVICE_PATH_TYPE && get_le16(at + 2) >= sizeof *path)
        at += get_le16(at + 2);
    return (UINTN)(at - start);
}

static bool is_below(const EFI_DEVICE_PATH *path, const EFI_DEVICE_PATH *parent)
{
    UINTN bytes = path_bytes(parent);
    return bytes > 0 && bytes < path_bytes(path) && memcmp(path, parent, bytes) == 0;
}

static bool has_parent(const EFI_DEVICE_PATH *path, EFI_HANDLE *handles, UINTN count)
{
    for (UINTN i = 0; i < count; i++) {
        const EFI_DEVICE_PATH *parent = efi_protocol(handles[i], (EFI_GUID)DEVICE_PATH_PROTOCOL);
        if (parent != 0 && is_below(path, parent))
            return true;
    }
    return false;
}

/* The firmware need not have touched any disk but the one it started from. Connecting goes down from a handle to all
 * that hang on it: those that hang on no other one are enough, and cost a third of all. */
static void connect_roots(void)
{
    UINTN count;
    EFI_GUID guid = DEVICE_PATH_PROTOCOL;
    EFI_HANDLE *handles = find_handles(ByProtocol, &guid, &count);
    for (UINTN i = 0; handles != 0 && i < count; i++) {
        const EFI_DEVICE_PATH *path = efi_protocol(handles[i], guid);
        if (path != 0 && !has_parent(path, handles, count))
            (void)boot_services()->ConnectController(handles[i], 0, 0, TRUE);
    }
    free_handles(handles);
}

static void connect_all(void)
{
    UINTN count;
    EFI_HANDLE *handles = find_handles(AllHandles, 0, &count);
    for (UINTN i = 0; handles != 0 && i < count; i++)
        (void)boot_services()->ConnectController(handles[i], 0, 0, TRUE);
    free_handles(handles);
}

/* Hard disks beside the one that the boot medium is on. */
static unsigned other_disks(void)
{
    EFI_GUID guid = DEVICE_PATH_PROTOCOL;
    const EFI_DEVICE_PATH *medium = boot_disk.handle != 0 ? efi_protocol(boot_disk.handle, guid) : 0;
    unsigned count = disk_count + other_count;
    for (unsigned i = 0; i < disk_count && medium != 0; i++) {
        const EFI_DEVICE_PATH *path = efi_protocol(disks[i].handle, guid);
        count -= path != 0 && is_below(medium, path);
    }
    return count;
}

/* The disk is numbered 80h plus its place in the firmware's list of handles. That is a label for messages, in the form
 * a BIOS user knows, and nothing more: UEFI has no drive numbers, its list follows the order in which drivers bound,
 * and a BIOS on the same machine may count otherwise. Disks are told apart by their signatures alone. */
static void find_disks(void)
{
    EFI_GUID guid = EFI_BLOCK_IO_PROTOCOL_GUID;
    UINTN count;
    EFI_HANDLE *handles = find_handles(ByProtocol, &guid, &count);
    disk_count = other_count = 0;
    for (UINTN i = 0; handles != 0 && i < count && disk_count < DISKS_MAX; i++) {
        EFI_BLOCK_IO_PROTOCOL *io = block_io(handles[i]);
        /* A boot stick is no disk of the machine. A boot partition may lie on one, which is looked at like any. */
        if (io == 0 || io == boot_disk.io || !is_hard_disk(io->Media))
            continue;
        if (io->Media->BlockSize != SECTOR_BYTES || !is_readable(io->Media)) {
            other_count++;
            continue;
        }
        disk_init(&disks[disk_count], io, (uint8_t)(DRIVE_FIRST + disk_count));
        disks[disk_count].handle = handles[i];
        disk_count++;
    }
    free_handles(handles);
}

EFI_HANDLE efi_disk_handle(uint8_t drive)
{
    return drive >= DRIVE_FIRST && drive - DRIVE_FIRST < disk_count ? disks[drive - DRIVE_FIRST].handle : 0;
}

static enum status disk_open(struct firmware *fw, unsigned index, struct blockdev **device, struct geometry *geometry)
{
    (void)fw;
    if (index >= disk_count) {
        other.drive = (uint8_t)(DRIVE_FIRST + index);
        *device = &other;
        return index < disk_count + other_count ? ST_UNSUPPORTED : ST_NOT_FOUND;
    }
    *device = &disks[index].device;
    *geometry = (struct geometry){0};
    return ST_OK;
}

/* Null if the loader came from the network. */
static void find_boot_disk(struct firmware *fw, EFI_HANDLE image)
{
    EFI_LOADED_IMAGE *loaded = efi_protocol(image, (EFI_GUID)EFI_LOADED_IMAGE_PROTOCOL_GUID);
    EFI_BLOCK_IO_PROTOCOL *io = loaded != 0 ? block_io(loaded->DeviceHandle) : 0;
    if (io == 0 || !is_readable(io->Media))
        return;
    disk_init(&boot_disk, io, BOOT_DRIVE);
    boot_disk.handle = loaded->DeviceHandle;
    fw->boot_device = &boot_disk.device;
    fw->boot_sectors_per_track = UINT32_MAX; /* there are no tracks to respect */
}

void disks_init(struct firmware *fw, EFI_HANDLE image)
{
    find_boot_disk(fw, image);
    connect_roots();
    find_disks();
    if (other_disks() < MIRROR_DISKS) { /* one is gone, or this firmware's tree has gaps */
        connect_all();
        find_disks();
    }
    fw->disk_open = disk_open;
    fw->writer.write = disk_write;
}
