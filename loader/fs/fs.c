/* SPDX-License-Identifier: MIT */
/* Which driver a volume has, and the rules that hold for all of them. */
#include "fs/fs.h"

#define OEM_NAME 3u
#define NOT_IN_PLACE (FS_DIRECTORY | FS_RESIDENT | FS_COMPRESSED | FS_ENCRYPTED)

enum status fs_mount(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct fs_volume *out)
{
    struct fat *fat = &out->as.fat;
    out->driver = &fat_driver;
    enum status status = fat_fetch(device, start_lba, fat);
    if (status == ST_OK && memcmp(fat->cached + OEM_NAME, "NTFS    ", 8) == 0) {
        out->driver = &ntfs_driver;
        return ntfs_mount(device, start_lba, sectors, &out->as.ntfs);
    }
    if (status == ST_OK)
        status = fat_understand(fat);
    if (status == ST_OK && fat->data_lba + (uint64_t)fat->clusters * fat->sectors_per_cluster > sectors)
        status = blockdev_fail(device, SITE_FAT_SHAPE, ST_CORRUPT, start_lba);
    return status;
}

enum status fs_probe(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct fs_volume *out)
{
    unsigned failures = device->trail != 0 ? device->trail->used : 0;
    enum status status = fs_mount(device, start_lba, sectors, out);
    if (status != ST_OK && status != ST_IO && device->trail != 0)
        device->trail->used = failures;
    return status;
}

enum status fs_open(struct fs_volume *volume, const char *path, struct fs_file *out)
{
    return volume->driver->open(volume, path, out);
}

enum status fs_read(struct fs_file *file, uint64_t offset, void *buffer, uint32_t bytes)
{
    if ((file->flags & (FS_DIRECTORY | FS_ENCRYPTED)) != 0)
        return ST_UNSUPPORTED;
    if (offset > file->bytes || bytes > file->bytes - offset)
        return ST_BOUNDS;
    return bytes == 0 ? ST_OK : file->volume->driver->read(file, offset, buffer, bytes);
}

enum status fs_next(struct fs_file *directory, struct fs_cursor *cursor, struct fs_entry *out)
{
    if ((directory->flags & FS_DIRECTORY) == 0)
        return ST_UNSUPPORTED;
    return directory->volume->driver->next(directory, cursor, out);
}

enum status fs_extent(struct fs_file *file, uint64_t offset, struct fs_extent *out)
{
    if ((file->flags & NOT_IN_PLACE) != 0)
        return ST_UNSUPPORTED;
    if (offset >= file->bytes || offset % SECTOR_BYTES != 0)
        return ST_BOUNDS;
    return file->volume->driver->extent(file, offset, out);
}

enum status fs_place(struct fs_file *file, uint64_t offset, struct fs_place *out)
{
    struct fs_extent extent = {0};
    if ((file->flags & NOT_IN_PLACE) == FS_RESIDENT && offset < file->bytes)
        return ntfs_place_resident(file, (uint32_t)offset, out);
    uint32_t inside = (uint32_t)offset % SECTOR_BYTES;
    enum status status = offset < file->bytes ? fs_extent(file, offset - inside, &extent) : ST_BOUNDS;
    *out = (struct fs_place){extent.lba, inside};
    return status;
}

const char *fs_name(const struct fs_volume *volume)
{
    if (volume->driver != &fat_driver)
        return volume->driver->name;
    unsigned bits = volume->as.fat.entry_bits;
    return bits == 12 ? "fat12" : bits == 16 ? "fat16" : "fat32";
}

enum status fs_is_dirty(struct fs_volume *volume, bool *dirty)
{
    if (volume->driver == &fat_driver)
        return fat_is_dirty(&volume->as.fat, dirty);
    return ntfs_is_dirty(&volume->as.ntfs, dirty);
}

bool fs_will_replay(struct fs_volume *volume)
{
    uint64_t lsn;
    bool clean = false;
    return volume->driver == &ntfs_driver && ntfs_log_lsn(&volume->as.ntfs, &lsn, &clean) != ST_NOT_FOUND && !clean;
}
