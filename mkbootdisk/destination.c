/* SPDX-License-Identifier: MIT */
/* Destinations. The order of the checks is that of what a person should hear first: who uses it, then what it is, then
 * what is on it. */
#include "destination.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bootdisk.h"
#include "disk/inventory.h"
#include "mirror/md.h"
#include "nt/fttype.h"
#include "target.h"

#define FLOPPY_DRIVE_BYTES (2880u * 1024u)
#define STICK_BYTES (64ull << 30)
#define MD_MAGIC 0xA92B4EFCu

static enum exit_code check_kernel(struct destination *out)
{
    char user[DESTINATION_TEXT_BYTES];
    block_facts(out->info.st_rdev, &out->facts);
    if (block_user(out->info.st_rdev, user, sizeof user))
        return complain(EXIT_REFUSED,
                        "%s: is in use: %s. Free it (umount, swapoff), or choose another device; nothing was changed",
                        out->path, user);
    if (out->facts.write_protected)
        return complain(EXIT_IO, "%s: is write-protected. Move its tab, or insert another medium", out->path);
    int fd = open(out->path, O_RDONLY | O_EXCL | O_CLOEXEC);
    if (fd < 0 && errno == EBUSY)
        return complain(EXIT_REFUSED,
                        "%s: is in use by the kernel or another program. Unmount it, or choose another "
                        "device; nothing was changed",
                        out->path);
    if (fd < 0)
        return complain(EXIT_IO, "%s: %s. Insert a medium, and check the permissions", out->path, strerror(errno));
    close(fd);
    if (out->facts.is_partition && !out->sure)
        return complain(EXIT_REFUSED,
                        "%s: is a partition, and a machine starts from whole devices. Give the device, or "
                        "say --yes-really; nothing was changed",
                        out->path);
    return EXIT_DONE;
}

static enum exit_code check_kind(const struct boot_image *source, struct destination *out)
{
    char device[DESTINATION_TEXT_BYTES];
    struct stat from;
    const char *path = source->path;
    if (!S_ISBLK(out->info.st_mode)) {
        enum exit_code code = target_check(out->path, (char *const *)&path, 1, (size_t)source->bytes);
        if (code == EXIT_DONE && !out->is_new && block_is_looped(&out->info, device, sizeof device))
            code = complain(EXIT_REFUSED, "%s: is in use as %s. Detach it first (losetup -d %s); nothing was changed",
                            out->path, device, device);
        return code;
    }
    if (stat(path, &from) == 0 && S_ISBLK(from.st_mode) && from.st_rdev == out->info.st_rdev)
        return complain(EXIT_REFUSED, "%s: is also the boot disk to copy; give another device", out->path);
    return check_kernel(out);
}

static enum exit_code check_size(const struct boot_image *source, const struct destination *out)
{
    off_t size = S_ISREG(out->info.st_mode) ? out->info.st_size : lseek(out->disk.fd, 0, SEEK_END);
    unsigned long long bytes = (unsigned long long)size;
    if (bytes < source->bytes)
        return complain(EXIT_REFUSED,
                        "%s: holds %llu bytes, but %s has %llu. Insert a larger medium, or give the name "
                        "of a new file",
                        out->path, bytes, source->path, (unsigned long long)source->bytes);
    if (bytes > STICK_BYTES && !out->sure)
        return complain(EXIT_REFUSED,
                        "%s: has %llu bytes, more than a stick for a boot disk would have. What is on it "
                        "would be lost: say --yes-really if this is the one you mean",
                        out->path, bytes);
    if (S_ISBLK(out->info.st_mode) && bytes > FLOPPY_DRIVE_BYTES && !out->facts.removable && !out->sure)
        return complain(EXIT_REFUSED,
                        "%s: has %llu bytes and cannot be taken out, so it is neither a floppy nor a "
                        "stick. What is on it would be lost: say --yes-really if this is the one you mean",
                        out->path, bytes);
    return EXIT_DONE;
}

/* Whether there is a member of an md array, with the superblock at its end (md_read) or its beginning (1.1 and 1.2).
 * What cannot be read is noted in `unknown`; what lies beyond the end is no member. */
static bool holds_md(struct blockdev *device, uint64_t start_lba, uint64_t sectors, bool *unknown)
{
    static const uint32_t places[] = {0, 8};
    uint8_t sector[SECTOR_BYTES];
    struct md_member member;
    enum status status = md_read(device, start_lba, sectors, &member);
    bool found = status == ST_OK || status == ST_CORRUPT;
    *unknown |= status == ST_IO;
    for (unsigned i = 0; i < 2 && !found; i++) {
        status = blockdev_read(device, start_lba + places[i], 1, sector);
        found = status == ST_OK && get_le32(sector) == MD_MAGIC && get_le32(sector + 4) == 1;
        *unknown |= status == ST_IO;
    }
    return found;
}

static enum exit_code refuse_md(const struct destination *out, const char *where)
{
    return complain(EXIT_REFUSED,
                    "%s: %sholds a member of a Linux md array. Choose another device, or take it out of "
                    "the array first (mdadm --zero-superblock); nothing was changed",
                    out->path, where);
}

static enum exit_code refuse_half(const struct destination *out, unsigned number, uint8_t type, uint32_t start_lba)
{
    return complain(EXIT_REFUSED,
                    "%s: partition %u (type %02Xh, LBA %u) is half of a mirror of Windows NT. Give the medium for "
                    "the boot disk, or first make that half harmless with 'mkbootdisk retire'; nothing was changed",
                    out->path, number, type, start_lba);
}

bool boot_sector_is_volume(const uint8_t *sector)
{
    return (sector[0] == 0xEB || sector[0] == 0xE9) && get_le16(sector + 0x0B) % SECTOR_BYTES == 0 &&
           get_le16(sector + 0x0B) != 0 && sector[0x0D] != 0;
}

/* The table as it is on the disk: of a damaged one the core does not believe every entry. */
static enum exit_code check_entries(const struct destination *out, const uint8_t *sector)
{
    for (unsigned i = 0; i < 4 && mbr_has_mark(sector) && !boot_sector_is_volume(sector); i++) {
        const uint8_t *entry = sector + MBR_TABLE_OFFSET + i * MBR_ENTRY_BYTES;
        if (ft_is_member(entry[MBR_ENTRY_TYPE]))
            return refuse_half(out, i + 1, entry[MBR_ENTRY_TYPE], get_le32(entry + 8));
        if (entry[MBR_ENTRY_TYPE] == TYPE_DYNAMIC)
            return complain(EXIT_REFUSED,
                            "%s: is a dynamic disk of Windows 2000 or later, on which a mirror may be. Give "
                            "another device; nothing was changed",
                            out->path);
    }
    return EXIT_DONE;
}

static enum exit_code check_partition(struct destination *out, const struct disk *disk,
                                      const struct partition *partition, bool *unknown)
{
    char where[64];
    if (partition->beyond_end && boot_sector_is_volume(disk->sector0))
        return EXIT_DONE;
    if (ft_is_member(partition->type))
        return refuse_half(out, partition->number, partition->type, partition->start_lba);
    snprintf(where, sizeof where, "partition %u (LBA %u) ", partition->number, partition->start_lba);
    return holds_md(&out->disk.device, partition->start_lba, partition->sectors, unknown) ? refuse_md(out, where)
                                                                                          : EXIT_DONE;
}

static enum exit_code check_members(struct destination *out, const struct disk *disk)
{
    bool unknown = disk->dead || disk->table.status == ST_IO;
    enum exit_code code = disk->dead ? EXIT_DONE : check_entries(out, disk->sector0);
    if (code == EXIT_DONE && holds_md(&out->disk.device, 0, out->disk.device.sectors, &unknown))
        code = refuse_md(out, "");
    for (unsigned i = 0; i < disk->table.count && code == EXIT_DONE; i++)
        code = check_partition(out, disk, &disk->table.partition[i], &unknown);
    if (code != EXIT_DONE || !unknown || out->sure || out->disk.device.sectors * SECTOR_BYTES <= FLOPPY_DRIVE_BYTES)
        return code;
    return complain(EXIT_REFUSED,
                    "%s: sectors of it cannot be read, so whether it is half of a mirror is not known. Choose another "
                    "medium, or say --yes-really; nothing was changed",
                    out->path);
}

/* An undo on the boot disk is the only way back for the disks it speaks of. */
static enum exit_code check_undo(const struct destination *out, const struct bootdisk *old)
{
    if (old->journal_status != ST_OK || (old->journal.state != JOURNAL_DONE && old->journal.state != JOURNAL_PENDING))
        return EXIT_DONE;
    return complain(EXIT_REFUSED,
                    "%s: is a boot disk with a change that can still be undone (state %s): see 'mkbootdisk journal'. "
                    "Take it back with 'mkbootdisk undo', choose another medium, or give it up with --replace-undo; "
                    "nothing was changed",
                    out->path, journal_state_name(old->journal.state));
}

static void describe(struct destination *out, const struct disk *disk, const struct bootdisk *old)
{
    static const uint8_t zeros[SECTOR_BYTES];
    const struct disk_table *table = &disk->table;
    char *text = out->contents;
    size_t bytes = sizeof out->contents;
    if (disk->dead)
        snprintf(text, bytes, "sector 0 cannot be read");
    else if (old->config_status == ST_OK)
        snprintf(text, bytes, "a boot disk of mkbootdisk");
    else if (boot_sector_is_volume(disk->sector0))
        snprintf(text, bytes, "a file system without a partition table");
    else if (table->count > 0)
        snprintf(text, bytes, "%u partition%s, the first of type %02Xh", table->count, table->count > 1 ? "s" : "",
                 table->partition[0].type);
    else
        snprintf(text, bytes, "%s",
                 memcmp(disk->sector0, zeros, sizeof zeros) == 0 ? "nothing in its first sector"
                                                                 : "no partition table");
}

static enum exit_code check_contents(struct destination *out, bool replace_undo)
{
    static struct inventory inventory;
    static struct bootdisk old;
    struct firmware fw = {.name = "host", .boot_device = &out->disk.device, .boot_sectors_per_track = 1};
    struct trail trail = {0};
    struct config config;
    memset(&inventory, 0, sizeof inventory);
    const struct disk *disk = inventory_add(&inventory, &out->disk.device, &(struct geometry){0});
    config_init(&config);
    bootdisk_open(&old, &fw, &trail, &config);
    describe(out, disk, &old);
    enum exit_code code = check_members(out, disk);
    return code != EXIT_DONE || replace_undo ? code : check_undo(out, &old);
}

enum exit_code destination_open(const struct boot_image *source, bool replace_undo, struct destination *out)
{
    out->disk.fd = -1;
    out->is_new = stat(out->path, &out->info) != 0;
    enum exit_code code = check_kind(source, out);
    if (code != EXIT_DONE || out->is_new)
        return code;
    if (S_ISREG(out->info.st_mode) && (uint64_t)out->info.st_size < source->bytes)
        return check_size(source, out);
    code = host_disk_open(out->path, 0, &out->disk);
    if (code != EXIT_DONE)
        return code;
    code = check_size(source, out);
    if (code == EXIT_DONE)
        code = check_contents(out, replace_undo);
    if (code != EXIT_DONE)
        host_disk_close(&out->disk);
    return code;
}

enum exit_code destination_make_writable(struct destination *destination, uint64_t bytes)
{
    const char *path = destination->path;
    if (!destination->is_new)
        return host_disk_make_writable(&destination->disk);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return complain(EXIT_IO, "%s: %s. Check the folder, and choose the name of a new file", path, strerror(errno));
    bool good = ftruncate(fd, (off_t)bytes) == 0;
    int error = errno;
    close(fd);
    enum exit_code code = good
                              ? host_disk_open(path, 0, &destination->disk)
                              : complain(EXIT_IO, "%s: %s. Make room, or choose another folder", path, strerror(error));
    if (code == EXIT_DONE)
        code = host_disk_make_writable(&destination->disk);
    if (code != EXIT_DONE)
        unlink(path);
    return code;
}

void destination_close(struct destination *destination, bool complete)
{
    if (destination->disk.fd >= 0 && destination->is_new && !complete)
        unlink(destination->path);
    host_disk_close(&destination->disk);
}
