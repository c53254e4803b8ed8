/* SPDX-License-Identifier: MIT */
/* NTFS: mounting, the driver, and what the volume says about itself. */
#include "fs/ntfs_internal.h"
#include "fs/path.h"

#define SECTOR_BYTES_MAX 4096u
#define CLUSTER_BYTES_MAX 65536u
#define NO_SHIFT 0x80u
#define RECORD_IS_DIRECTORY 2u
#define VOLUME_IS_DIRTY 1u
#define CLUSTERS_MAX 0x7FFFFFFFu /* so that the distance of two clusters fits a signed number */
#define LOG_IS_CLEAN 2u
#define LOG_NO_CLIENT 0xFFFFu
#define LOG_AREA_BYTES 0x10u
#define LOG_PAGE_BYTES 4096u /* a page of the CPU that wrote it: x86, MIPS and PowerPC */
#define LOG_PAGE_BYTES_ALPHA 8192u

/* log2 of a size in sectors, which must be a power of two up to `most` bytes; otherwise NO_SHIFT. */
static uint8_t shift_of(uint32_t bytes, uint32_t most)
{
    uint8_t shift = 0;
    for (uint32_t size = SECTOR_BYTES; size <= most; size *= 2, shift++)
        if (bytes == size)
            return shift;
    return NO_SHIFT;
}

static bool parse_boot(const uint8_t *boot, uint32_t sectors, struct ntfs *out)
{
    uint32_t sector_bytes = get_le16(boot + 0x0B);
    unsigned sector_shift = shift_of(sector_bytes, SECTOR_BYTES_MAX);
    /* Values that are negative as a signed byte mean a power of two. */
    uint32_t cluster_bytes = sector_bytes * (boot[0x0D] < 0xF0 ? boot[0x0D] : 1u << (0x100 - boot[0x0D]));
    uint32_t record_bytes = boot[0x40] < 0xF0 ? boot[0x40] * cluster_bytes : 1u << (0x100 - boot[0x40]);
    out->cluster_shift = shift_of(cluster_bytes, CLUSTER_BYTES_MAX);
    out->record_shift = shift_of(record_bytes, NTFS_RECORD_BYTES_MAX);
    if (memcmp(boot + 3, "NTFS    ", 8) != 0 ||
        (sector_shift | out->cluster_shift | out->record_shift) > NO_SHIFT - 1 ||
        get_le64(boot + 0x28) > sectors >> sector_shift)
        return false;
    out->clusters = get_le32(boot + 0x28) << sector_shift >> out->cluster_shift;
    if (get_le64(boot + 0x30) >= out->clusters || get_le64(boot + 0x38) >= out->clusters)
        return false;
    /* Enough of $MFT to read its own record. */
    out->mft.type = TYPE_DATA;
    out->mft.bytes = record_bytes;
    out->mft.initialized_bytes = record_bytes;
    out->mft.run_lba = get_le32(boot + 0x30) << out->cluster_shift;
    out->mft.run_sectors = (out->clusters << out->cluster_shift) - out->mft.run_lba;
    out->mirror_lba = get_le32(boot + 0x38) << out->cluster_shift;
    return true;
}

enum status ntfs_mount(struct blockdev *device, uint64_t start_lba, uint64_t sectors, struct ntfs *out)
{
    memset(out, 0, sizeof *out);
    out->device = device;
    out->start_lba = start_lba;
    enum status status = blockdev_read(device, start_lba, 1, out->window);
    if (status != ST_OK)
        return status;
    if (sectors >> 32 != 0)
        return ST_UNSUPPORTED;
    if (!parse_boot(out->window, (uint32_t)sectors, out))
        return blockdev_fail(device, SITE_NTFS_SHAPE, ST_CORRUPT, start_lba);
    if (out->clusters > CLUSTERS_MAX)
        return ST_UNSUPPORTED;
    status = ntfs_stream(out, 0, TYPE_DATA, &out->mft);
    return status == ST_NOT_FOUND ? ntfs_corrupt(out, SITE_NTFS_RECORD, 0) : status;
}

static enum status open_directory(struct ntfs *ntfs, uint32_t record, struct ntfs_node *out)
{
    uint8_t head[16] = {0};
    enum status status = ntfs_peek(ntfs, record, TYPE_INDEX_ROOT, 0, head, sizeof head);
    if (status == ST_OK)
        status = ntfs_stream(ntfs, record, TYPE_INDEX_ALLOCATION, out);
    if (status != ST_OK && status != ST_NOT_FOUND)
        return status;
    out->record = record;
    out->index_shift = shift_of(get_le32(head + 8), NTFS_BLOCK_BYTES_MAX);
    return out->index_shift != NO_SHIFT ? ST_OK : ntfs_corrupt(ntfs, SITE_NTFS_INDEX, record);
}

static enum status open_data(struct ntfs *ntfs, uint32_t record, struct fs_file *out)
{
    const uint8_t *reparse = 0;
    struct ntfs_node *node = &out->at.ntfs;
    *node = (struct ntfs_node){.record = record, .resident = true};
    enum status status = ntfs_stream(ntfs, record, TYPE_DATA, node);
    /* Metadata files may have named streams only. */
    if (status != ST_OK && status != ST_NOT_FOUND)
        return status;
    if ((node->attribute_flags & ATTRIBUTE_SPARSE) != 0) {
        status = ntfs_find(ntfs, record, TYPE_REPARSE, 0, &reparse);
        if (status != ST_OK && status != ST_NOT_FOUND)
            return status;
        if (status == ST_OK)
            node->attribute_flags |= ATTRIBUTE_ELSEWHERE;
    }
    out->bytes = node->bytes;
    out->flags = (node->resident ? FS_RESIDENT : 0) |
                 ((node->attribute_flags & ATTRIBUTE_COMPRESSED) != 0 ? FS_COMPRESSED : 0) |
                 ((node->attribute_flags & ATTRIBUTE_SPARSE) != 0 ? FS_SPARSE : 0) |
                 ((node->attribute_flags & ATTRIBUTE_ENCRYPTED) != 0 ? FS_ENCRYPTED : 0);
    return ST_OK;
}

static enum status open_record(struct fs_volume *volume, uint64_t reference, struct fs_file *out)
{
    struct ntfs *ntfs = &volume->as.ntfs;
    const uint8_t *record = 0;
    *out = (struct fs_file){.volume = volume};
    enum status status = ntfs_load(ntfs, reference, &record);
    if (status != ST_OK)
        return status;
    if ((record[0x16] & RECORD_IS_DIRECTORY) == 0)
        return open_data(ntfs, (uint32_t)reference, out);
    out->flags = FS_DIRECTORY;
    return open_directory(ntfs, (uint32_t)reference, &out->at.ntfs);
}

static enum status open_path(struct fs_volume *volume, const char *path, struct fs_file *out)
{
    const char *name = 0;
    size_t bytes = 0;
    enum status status = open_record(volume, RECORD_ROOT, out);
    while (status == ST_OK && path_take(&path, &name, &bytes)) {
        uint64_t reference = 0;
        if ((out->flags & FS_DIRECTORY) == 0)
            return ST_NOT_FOUND;
        status = ntfs_lookup(out, name, bytes, &reference);
        if (status == ST_OK)
            status = open_record(volume, reference, out);
    }
    return status;
}

static enum status read_file(struct fs_file *file, uint64_t offset, void *buffer, uint32_t bytes)
{
    return ntfs_read(&file->volume->as.ntfs, &file->at.ntfs, offset, buffer, bytes);
}

static enum status extent(struct fs_file *file, uint64_t offset, struct fs_extent *out)
{
    struct ntfs *ntfs = &file->volume->as.ntfs;
    struct ntfs_node *node = &file->at.ntfs;
    uint32_t sector = (uint32_t)(offset / SECTOR_BYTES);
    /* A sector of which only a part was ever written by the file's owner is not handed out. */
    uint32_t sectors = (uint32_t)(node->initialized_bytes / SECTOR_BYTES);
    if (node->initialized_bytes >= node->bytes)
        sectors = (uint32_t)((node->bytes + SECTOR_BYTES - 1) / SECTOR_BYTES);
    if (sector >= sectors)
        return ST_UNSUPPORTED;
    enum status status = ntfs_map(ntfs, node, sector);
    if (status != ST_OK)
        return status;
    if (node->run_lba == LBA_HOLE)
        return ST_UNSUPPORTED;
    uint32_t index = sector - node->run_first;
    out->lba = ntfs->start_lba + node->run_lba + index;
    out->sectors = node->run_sectors - index;
    if (out->sectors > sectors - sector)
        out->sectors = sectors - sector;
    return ST_OK;
}

enum status ntfs_is_dirty(struct ntfs *ntfs, bool *dirty)
{
    uint8_t value[12];
    enum status status = ntfs_peek(ntfs, RECORD_VOLUME, TYPE_VOLUME_INFORMATION, 0, value, sizeof value);
    if (status != ST_OK)
        return status;
    ntfs->major = value[8];
    ntfs->minor = value[9];
    *dirty = (value[10] & VOLUME_IS_DIRTY) != 0;
    return ST_OK;
}

/* CHKD is what CHKDSK leaves, with a number of its own (by the documentation; no such page was seen). False: it is no
 * restart page. */
static bool parse_restart(uint8_t *page, uint32_t bytes, uint64_t *lsn, bool *clean)
{
    uint32_t area = get_le16(page + 0x18);
    bool is_checked = page[0] == 'C';
    if (get_le32(page + 0x10) != bytes || area > bytes - LOG_AREA_BYTES ||
        !ntfs_fix_up(page, bytes, is_checked ? MAGIC_CHKD : MAGIC_RSTR))
        return false;
    *lsn = get_le64(is_checked ? page + 8 : page + area);
    *clean = (page[area + 0xE] & LOG_IS_CLEAN) != 0 || get_le16(page + area + 0xC) == LOG_NO_CLIENT;
    return true;
}

/* Where the second page begins is written in the first, which may be torn: it is looked for at both usual sizes. */
enum status ntfs_log_lsn(struct ntfs *ntfs, uint64_t *lsn, bool *clean)
{
    bool found = false;
    ntfs->block_type = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t bytes = i < 2 ? LOG_PAGE_BYTES : LOG_PAGE_BYTES_ALPHA;
        uint64_t page_lsn = 0;
        bool page_clean = false;
        enum status status = ntfs_peek(ntfs, RECORD_LOG, TYPE_DATA, i % 2 * bytes, ntfs->block, bytes);
        if (status != ST_OK)
            return status;
        if (!parse_restart(ntfs->block, bytes, &page_lsn, &page_clean) || (found && page_lsn < *lsn))
            continue;
        found = true;
        *lsn = page_lsn;
        *clean = page_clean;
    }
    return found ? ST_OK : ST_NOT_FOUND;
}

const struct fs_driver ntfs_driver = {"ntfs", open_path, read_file, ntfs_next, extent};
