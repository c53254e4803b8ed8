/* SPDX-License-Identifier: MIT */
/* Fuzz target: an NTFS volume; files are opened and read, directories listed, what it says about itself asked. If the
 * last byte is odd, the update sequences of all blocks are made good first: else hardly any change would get past
 * them. */
#include "fs/fs.h"
#include "fuzz.h"

#define SECTORS 220u
#define ENTRIES_MAX 2000u
#define EXTENTS_MAX 64u
#define MIRRORED_RECORDS 4u

static struct fs_volume volume;
static uint8_t image[SECTORS * SECTOR_BYTES];

static void make_good(uint8_t *block, size_t room)
{
    size_t offset = get_le16(block + 4);
    size_t sectors = memcmp(block, "RSTR", 4) == 0 ? 8 : 2;
    if (memcmp(block, "FILE", 4) != 0 && memcmp(block, "INDX", 4) != 0 && sectors != 8)
        return;
    if (offset + 2 * sectors + 2 > 510 || room < sectors * SECTOR_BYTES)
        return;
    put_le16(block + 6, (uint16_t)(sectors + 1));
    for (size_t i = 1; i <= sectors; i++)
        memcpy(block + i * SECTOR_BYTES - 2, block + offset, 2);
}

/* A byte that may be edited stands where it is read from. Of a metadata file's record the mirror may have been read. */
static void check_places(struct fs_file *file)
{
    struct fs_place place;
    uint8_t sector[SECTOR_BYTES];
    uint8_t byte;
    for (uint64_t at = 0; at < file->bytes && at < 2000; at += (file->flags & FS_RESIDENT) != 0 ? 1 : 61) {
        if (fs_place(file, at, &place) != ST_OK)
            continue;
        if (place.lba >= SECTORS || place.offset >= SECTOR_BYTES)
            abort();
        if (file->at.ntfs.record >= MIRRORED_RECORDS && fs_read(file, at, &byte, 1) == ST_OK &&
            (blockdev_read(volume.as.ntfs.device, place.lba, 1, sector) != ST_OK || sector[place.offset] != byte))
            abort();
    }
}

static void use_file(const char *path)
{
    struct fs_file file;
    struct fs_extent extent;
    uint8_t buffer[700];
    if (fs_open(&volume, path, &file) != ST_OK)
        return;
    for (uint64_t at = 0; at < file.bytes && at < 40000; at += 1500) {
        uint32_t bytes = file.bytes - at < sizeof buffer ? (uint32_t)(file.bytes - at) : sizeof buffer;
        (void)!fs_read(&file, at, buffer, bytes);
    }
    uint64_t at = 0;
    for (unsigned i = 0; i < EXTENTS_MAX && fs_extent(&file, at, &extent) == ST_OK; i++) {
        if (extent.sectors == 0 || extent.sectors > SECTORS || extent.lba > SECTORS - extent.sectors)
            abort();
        at += (uint64_t)extent.sectors * SECTOR_BYTES;
    }
    check_places(&file);
    uint8_t *whole = malloc(30000); /* exact, so that a byte too many is seen */
    if (whole != NULL && file.bytes <= 30000)
        (void)!fs_read(&file, 0, whole, (uint32_t)file.bytes);
    free(whole);
}

static void list(const char *path)
{
    struct fs_file directory;
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    if (fs_open(&volume, path, &directory) != ST_OK)
        return;
    for (unsigned i = 0; i < ENTRIES_MAX && fs_next(&directory, &cursor, &entry) == ST_OK; i++)
        if (memchr(entry.name, 0, sizeof entry.name) == NULL)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t used = size < sizeof image ? size : sizeof image;
    memset(image, 0, sizeof image);
    memcpy(image, data, used);
    for (size_t at = 0; size > 0 && data[size - 1] % 2 != 0 && at < sizeof image; at += SECTOR_BYTES)
        make_good(image + at, sizeof image - at);
    struct fuzz_disk disk = fuzz_disk(image, sizeof image, SECTORS);
    if (fs_mount(&disk.device, 0, SECTORS, &volume) != ST_OK || volume.driver != &ntfs_driver)
        return 0;
    bool flag;
    uint64_t lsn;
    (void)!fs_is_dirty(&volume, &flag);
    (void)!ntfs_log_lsn(&volume.as.ntfs, &lsn, &flag);
    (void)fs_will_replay(&volume);
    list("");
    list("WINNT");
    use_file("WINNT\\SYSTEM32\\CONFIG\\SYSTEM");
    use_file("NTLDR");
    use_file("PACKED");
    use_file("LISTED");
    use_file("SPARSE.BIN");
    use_file("\xC3\xA4.txt");
    use_file("$MFT");
    return 0;
}
