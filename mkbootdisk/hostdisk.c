/* SPDX-License-Identifier: MIT */
/* Host disks. */
#include "hostdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status host_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct host_disk *disk = (struct host_disk *)device;
    size_t left = (size_t)sectors * SECTOR_BYTES;
    off_t offset = (off_t)(lba * SECTOR_BYTES);
    char *at = buffer;
    while (left > 0) {
        ssize_t got = pread(disk->fd, at, left, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ST_IO; /* an end before the end is a disk that shrank */
        at += got;
        offset += got;
        left -= (size_t)got;
    }
    return ST_OK;
}

static enum exit_code inspect(struct host_disk *disk)
{
    struct stat info;
    if (fstat(disk->fd, &info) != 0)
        return complain(EXIT_IO, "%s: %s", disk->path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return complain(EXIT_USAGE, "%s: is a directory; give a disk image or a block device", disk->path);
    if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
        return complain(EXIT_USAGE, "%s: is neither a file nor a block device; give a disk image or a block device",
                        disk->path);
    disk->file_system = info.st_dev;
    disk->inode = info.st_ino;
    disk->is_device = S_ISBLK(info.st_mode);
    off_t bytes = lseek(disk->fd, 0, SEEK_END);
    if (bytes < 0)
        return complain(EXIT_IO, "%s: %s", disk->path, strerror(errno));
    if (bytes < (off_t)SECTOR_BYTES)
        return complain(EXIT_IO, "%s: has %lld bytes; a disk has at least one sector of 512. Copy the image again",
                        disk->path, (long long)bytes);
    disk->device.sectors = (uint64_t)bytes / SECTOR_BYTES;
    return EXIT_DONE;
}

enum exit_code host_disk_open(const char *path, uint8_t drive, struct host_disk *out)
{
    memset(out, 0, sizeof *out);
    out->path = path;
    out->device.drive = drive;
    out->device.read = host_read;
    out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (out->fd < 0)
        return complain(EXIT_IO, "%s: %s. Check the name and the permissions", path, strerror(errno));
    enum exit_code code = inspect(out);
    if (code != EXIT_DONE)
        host_disk_close(out);
    return code;
}

enum exit_code host_disk_make_writable(struct host_disk *disk)
{
    /* On a block device O_EXCL fails with EBUSY while it is mounted or in use. */
    int fd = open(disk->path, O_RDWR | O_CLOEXEC | (disk->is_device ? O_EXCL : 0));
    if (fd < 0 && errno == EBUSY)
        return complain(EXIT_REFUSED, "%s: is mounted or in use; unmount it first. Nothing was changed", disk->path);
    if (fd < 0)
        return complain(EXIT_IO, "%s: cannot be written: %s. Check its permissions; nothing was changed", disk->path,
                        strerror(errno));
    close(disk->fd);
    disk->fd = fd;
    return EXIT_DONE;
}

enum status host_disk_write(struct host_disk *disk, uint64_t lba, const void *sector)
{
    ssize_t put = pwrite(disk->fd, sector, SECTOR_BYTES, (off_t)(lba * SECTOR_BYTES));
    bool good = put == (ssize_t)SECTOR_BYTES && fdatasync(disk->fd) == 0;
    /* So that reading back means the medium, not the cache. */
    (void)posix_fadvise(disk->fd, (off_t)(lba * SECTOR_BYTES), SECTOR_BYTES, POSIX_FADV_DONTNEED);
    return good ? ST_OK : ST_IO;
}

bool host_disk_same(const struct host_disk *left, const struct host_disk *right)
{
    return left->file_system == right->file_system && left->inode == right->inode;
}

void host_disk_close(struct host_disk *disk)
{
    if (disk->fd >= 0)
        close(disk->fd);
    disk->fd = -1;
}
