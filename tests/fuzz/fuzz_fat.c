/* SPDX-License-Identifier: MIT */
/* Fuzz target: a FAT volume. NTLDR is opened, located and read; then the same volume goes through fs.h: what is listed
 * can be opened, a file reads the same in pieces as at once, and what fs_extent says holds the file's bytes. */
#include "fs/bpb.h"
#include "fs/fs.h"
#include "fuzz.h"

#define DISK_SECTORS 8192u
#define ROOM 40000u
#define LISTED_MAX 12u

/* The 11-byte calls of the boot disk. */
static void use_root(struct blockdev *device, size_t size)
{
    struct fat fat;
    struct fat_file file;
    uint64_t lba;
    if (fat_mount(device, 0, &fat) != ST_OK || fat_open(&fat, "NTLDR      ", &file) != ST_OK)
        return;
    (void)!fat_locate(&file, &lba);
    size_t room = (size_t)size % ROOM + 1; /* exact, so that a byte too many is seen */
    uint8_t *buffer = malloc(room);
    if (buffer != NULL && fat_read(&file, buffer, (uint32_t)room) == ST_OK && file.bytes > room)
        abort();
    free(buffer);
}

static void check_extents(struct fs_file *file, const uint8_t *whole, uint32_t bytes)
{
    uint8_t sector[SECTOR_BYTES];
    struct fs_extent extent;
    for (uint32_t offset = 0; offset < bytes; offset += SECTOR_BYTES) {
        uint32_t part = bytes - offset < SECTOR_BYTES ? bytes - offset : SECTOR_BYTES;
        if (fs_extent(file, offset, &extent) != ST_OK)
            return;
        if (extent.sectors == 0 || extent.sectors > (file->bytes - offset + SECTOR_BYTES - 1) / SECTOR_BYTES)
            abort();
        if (blockdev_read(file->volume->as.fat.device, extent.lba, 1, sector) != ST_OK ||
            memcmp(sector, whole + offset, part) != 0)
            abort();
    }
}

static void check_file(struct fs_file *file)
{
    uint32_t bytes = file->bytes < ROOM ? (uint32_t)file->bytes : ROOM;
    uint8_t *whole = malloc((size_t)bytes + 1);
    uint8_t *again = malloc((size_t)bytes + 1);
    if (whole == NULL || again == NULL)
        abort();
    if (fs_read(file, 0, whole, bytes) == ST_OK) {
        for (uint32_t at = bytes, part = 1; at > 0; part = part * 3 % 1999) { /* from the end, at odd places */
            part = part < at ? part : at;
            at -= part;
            if (fs_read(file, at, again + at, part) != ST_OK)
                abort();
        }
        if (memcmp(whole, again, bytes) != 0)
            abort();
        check_extents(file, whole, bytes);
    }
    free(whole);
    free(again);
    if (fs_read(file, file->bytes, &bytes, 1) == ST_OK)
        abort();
}

static void check_directory(struct fs_volume *volume, struct fs_file *directory)
{
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    struct fs_file file;
    for (unsigned i = 0; i < LISTED_MAX && fs_next(directory, &cursor, &entry) == ST_OK; i++)
        if (fs_open(volume, entry.name, &file) == ST_OK && (file.flags & FS_DIRECTORY) == 0)
            check_file(&file);
}

/* What is asked of any boot sector. */
static void use_boot_sector(const uint8_t *data, size_t size)
{
    static const struct geometry geometry = {.heads = 255, .sectors_per_track = 63};
    uint8_t sector[SECTOR_BYTES];
    uint64_t lba;
    if (size < sizeof sector)
        return;
    memcpy(sector, data, sizeof sector);
    for (unsigned index = 0; index < 3; index++)
        (void)bpb_backup(sector, 63, index, &lba);
    (void)bpb_is_bootable(sector);
    bpb_mend(sector, 63, &geometry);
    if (bpb_is_copy(data, sector) != mbr_has_mark(sector))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"System Files\\config/SYSTEM", "Long Name With Spaces.txt", "plain.bin",
                                        "System Files\\nothing", "README.TXT"};
    struct fuzz_disk disk = fuzz_disk(data, size, DISK_SECTORS);
    struct fs_volume volume;
    struct fs_file file;
    bool dirty;
    use_boot_sector(data, size);
    use_root(&disk.device, size);
    if (fs_mount(&disk.device, 0, DISK_SECTORS, &volume) != ST_OK || volume.driver != &fat_driver)
        return 0;
    (void)!fs_is_dirty(&volume, &dirty);
    if (fs_open(&volume, "", &file) == ST_OK)
        check_directory(&volume, &file);
    if (fs_open(&volume, "System Files", &file) == ST_OK && (file.flags & FS_DIRECTORY) != 0)
        check_directory(&volume, &file);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (fs_open(&volume, paths[i], &file) == ST_OK && (file.flags & FS_DIRECTORY) == 0)
            check_file(&file);
    return 0;
}
