/* SPDX-License-Identifier: MIT */
/* A library to be preloaded: a regular file is a block device, with a kernel's words about it and sectors that fail.
 * DEVICE is the file, DEVICE_NUMBER its number ("8:16"); without a number it stays a file that fails.
 * DEVICE_ROOT is a folder: /sys/..., /proc/self/mountinfo, /proc/swaps and /dev/... are looked for in it first; a file
 * in its dev/ is a block device, whose number stands in it DEVICE_BUSY: opening it with O_EXCL fails, as while a kernel
 * uses it DEVICE_OPEN is an errno: it cannot be opened DEVICE_BAD is a list of write:N, read:N    sector N cannot be
 * written, read lost:N             what is written to sector N reaches only the cache: reading past the cache, or after
 * it was dropped, shows the old bytes flush:N            a flush fails while sector N has been written and not flushed
 *   nowrite:N, noread:N   from sector N on there is no device any more
 * DEVICE_STOP is "write N" or "read N": Ctrl-C (or DEVICE_SIGNAL) just before the n-th pwrite, pread of it
 * DEVICE_CACHED: it cannot be accessed past the cache
 * DEVICE_LOG is a file that gets a line "write OFFSET COUNT FIRST-BYTE" for each pwrite, "read OFFSET COUNT 0" for each
 *   pread of it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTOR 512
#define REAL(name) ((name##_function *)dlsym(RTLD_NEXT, #name))

typedef ssize_t pread_function(int, void *, size_t, off_t);
typedef ssize_t pwrite_function(int, const void *, size_t, off_t);
typedef int fstat_function(int, struct stat *);
typedef int stat_function(const char *, struct stat *);
typedef int open_function(const char *, int, ...);
typedef int fcntl_function(int, int, ...);
typedef int fadvise_function(int, off_t, off_t, int);
typedef int sync_function(int);
typedef FILE *fopen_function(const char *, const char *);
typedef DIR *opendir_function(const char *);
typedef pread_function pread64_function;
typedef pwrite_function pwrite64_function;
typedef fstat_function fstat64_function;
typedef stat_function stat64_function;
typedef open_function open64_function;
typedef fcntl_function fcntl64_function;
typedef fadvise_function posix_fadvise_function, posix_fadvise64_function;
typedef sync_function fsync_function, fdatasync_function;
typedef fopen_function fopen64_function;

static uint8_t lost[SECTOR]; /* what only the cache holds */
static int is_lost;
static long long unflushed = -1; /* the sector whose flush fails, once it was written */
static int reads, writes;

static int is_device_info(const struct stat *info)
{
    struct stat device;
    const char *path = getenv("DEVICE");
    return path != NULL && REAL(stat)(path, &device) == 0 && device.st_dev == info->st_dev &&
           device.st_ino == info->st_ino;
}

static int is_device(int fd)
{
    struct stat info;
    return REAL(fstat)(fd, &info) == 0 && is_device_info(&info);
}

/* Where a path of the kernel is kept, if it is. */
static const char *redirect(const char *path, char other[4096])
{
    const char *root = getenv("DEVICE_ROOT");
    int ours = strncmp(path, "/sys/", 5) == 0 || strncmp(path, "/proc/s", 7) == 0 || strncmp(path, "/dev/", 5) == 0;
    if (root == NULL || !ours)
        return path;
    snprintf(other, 4096, "%s%s", root, path);
    return strncmp(path, "/dev/", 5) != 0 || access(other, F_OK) == 0 ? other : path;
}

static void make_block(struct stat *info, const char *number)
{
    unsigned high = 0, low = 0;
    if (number == NULL || sscanf(number, "%u:%u", &high, &low) != 2)
        return;
    info->st_mode = S_IFBLK | 0660;
    info->st_rdev = makedev(high, low);
    info->st_size = 0;
}

static int stat_it(stat_function *real, const char *path, struct stat *info)
{
    char other[4096];
    char number[32] = "";
    const char *at = redirect(path, other);
    int result = real(at, info);
    if (result != 0)
        return result;
    if (is_device_info(info))
        make_block(info, getenv("DEVICE_NUMBER"));
    else if (at == other && strncmp(path, "/dev/", 5) == 0) {
        FILE *file = REAL(fopen)(other, "r");
        if (file != NULL && fgets(number, sizeof number, file) != NULL)
            make_block(info, number);
        if (file != NULL)
            fclose(file);
    }
    return 0;
}

int stat(const char *path, struct stat *info)
{
    return stat_it(REAL(stat), path, info);
}

int stat64(const char *path, struct stat64 *info)
{
    return stat_it(REAL(stat), path, (struct stat *)info);
}

static int fstat_it(int fd, struct stat *info)
{
    int result = REAL(fstat)(fd, info);
    if (result == 0 && is_device_info(info))
        make_block(info, getenv("DEVICE_NUMBER"));
    return result;
}

int fstat(int fd, struct stat *info)
{
    return fstat_it(fd, info);
}

int fstat64(int fd, struct stat64 *info)
{
    return fstat_it(fd, (struct stat *)info);
}

static int open_it(const char *path, int flags, mode_t mode)
{
    char other[4096];
    struct stat info;
    const char *at = redirect(path, other);
    if (REAL(stat)(at, &info) == 0 && is_device_info(&info)) {
        if (getenv("DEVICE_OPEN") != NULL) {
            errno = atoi(getenv("DEVICE_OPEN"));
            return -1;
        }
        if ((flags & O_EXCL) != 0 && getenv("DEVICE_BUSY") != NULL) {
            errno = EBUSY;
            return -1;
        }
    }
    return REAL(open)(at, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_it(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_it(path, flags, mode);
}

FILE *fopen(const char *path, const char *how)
{
    char other[4096];
    return REAL(fopen)(redirect(path, other), how);
}

FILE *fopen64(const char *path, const char *how)
{
    char other[4096];
    return REAL(fopen64)(redirect(path, other), how);
}

DIR *opendir(const char *path)
{
    char other[4096];
    return REAL(opendir)(redirect(path, other));
}

/* The next sector of a kind in DEVICE_BAD that is among `count` bytes at `offset`, or with "from there on" a later one;
 * -1 if there is none. */
static long long find_bad(const char *kind, size_t count, off_t offset)
{
    const char *at = getenv("DEVICE_BAD");
    size_t length = strlen(kind);
    for (; at != NULL && *at != '\0'; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        if (strncmp(at, kind, length) != 0 || at[length] != ':')
            continue;
        long long sector = atoll(at + length + 1);
        int gone = strncmp(kind, "no", 2) == 0 && offset + (off_t)count > sector * SECTOR;
        if (gone || (sector * SECTOR < offset + (off_t)count && (sector + 1) * SECTOR > offset))
            return sector;
    }
    return -1;
}

static void stop(const char *what, int count)
{
    char now[32];
    const char *wanted = getenv("DEVICE_STOP");
    snprintf(now, sizeof now, "%s %d", what, count);
    if (wanted != NULL && strcmp(wanted, now) == 0)
        raise(getenv("DEVICE_SIGNAL") != NULL ? atoi(getenv("DEVICE_SIGNAL")) : SIGINT);
}

static int fails(const char *kind, const char *gone, size_t count, off_t offset)
{
    if (find_bad(gone, count, offset) >= 0)
        errno = ENXIO;
    else if (find_bad(kind, count, offset) >= 0)
        errno = EIO;
    else
        return 0;
    return 1;
}

static int is_direct(int fd)
{
    return (REAL(fcntl)(fd, F_GETFL) & O_DIRECT) != 0;
}

/* As of a disk with sectors of 512 bytes. */
static int is_unaligned(int fd, const void *bytes, size_t count, off_t offset)
{
    return is_direct(fd) && ((uintptr_t)bytes % SECTOR != 0 || count % SECTOR != 0 || offset % SECTOR != 0);
}

static void note(const char *what, int first_byte, size_t count, off_t offset)
{
    const char *path = getenv("DEVICE_LOG");
    int fd = path != NULL ? REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (fd < 0)
        return;
    dprintf(fd, "%s %lld %zu %d\n", what, (long long)offset, count, first_byte);
    close(fd);
}

/* Write all, and then what that sector held before. */
static ssize_t lose(pwrite_function *real, int fd, const void *bytes, size_t count, off_t offset, long long sector)
{
    uint8_t old[SECTOR];
    int plain = REAL(open)(getenv("DEVICE"), O_RDWR); /* `fd` may want aligned buffers */
    if (REAL(pread)(plain, old, SECTOR, sector * SECTOR) != SECTOR)
        abort();
    ssize_t result = real(fd, bytes, count, offset);
    if (REAL(pwrite)(plain, old, SECTOR, sector * SECTOR) != SECTOR)
        abort();
    close(plain);
    memcpy(lost, (const uint8_t *)bytes + (sector * SECTOR - offset), SECTOR);
    is_lost = !is_direct(fd);
    return result;
}

static ssize_t write_it(pwrite_function *real, int fd, const void *bytes, size_t count, off_t offset)
{
    if (!is_device(fd))
        return real(fd, bytes, count, offset);
    stop("write", ++writes);
    note("write", *(const uint8_t *)bytes, count, offset);
    if (is_unaligned(fd, bytes, count, offset)) {
        errno = EINVAL;
        return -1;
    }
    if (fails("write", "nowrite", count, offset))
        return -1;
    if (find_bad("flush", count, offset) >= 0)
        unflushed = find_bad("flush", count, offset);
    long long sector = find_bad("lost", count, offset);
    return sector < 0 ? real(fd, bytes, count, offset) : lose(real, fd, bytes, count, offset, sector);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return write_it(REAL(pwrite), fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
    return write_it(REAL(pwrite), fd, bytes, count, offset);
}

static ssize_t read_it(pread_function *real, int fd, void *bytes, size_t count, off_t offset)
{
    if (!is_device(fd))
        return real(fd, bytes, count, offset);
    stop("read", ++reads);
    note("read", 0, count, offset);
    if (is_unaligned(fd, bytes, count, offset)) {
        errno = EINVAL;
        return -1;
    }
    if (fails("read", "noread", count, offset))
        return -1;
    ssize_t result = real(fd, bytes, count, offset);
    long long sector = find_bad("lost", count, offset);
    if (sector >= 0 && is_lost && !is_direct(fd) && result == (ssize_t)count)
        memcpy((uint8_t *)bytes + (sector * SECTOR - offset), lost, SECTOR);
    return result;
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    return read_it(REAL(pread), fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off_t offset)
{
    return read_it(REAL(pread), fd, bytes, count, offset);
}

static int fcntl_it(int fd, int command, void *argument)
{
    if (command == F_SETFL && ((intptr_t)argument & O_DIRECT) != 0 && getenv("DEVICE_CACHED") != NULL &&
        is_device(fd)) {
        errno = EINVAL;
        return -1;
    }
    return REAL(fcntl)(fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return fcntl_it(fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return fcntl_it(fd, command, argument);
}

static int advise(int fd, off_t offset, off_t count, int advice)
{
    if (advice == POSIX_FADV_DONTNEED && is_device(fd))
        is_lost = 0;
    return REAL(posix_fadvise)(fd, offset, count, advice);
}

int posix_fadvise(int fd, off_t offset, off_t count, int advice)
{
    return advise(fd, offset, count, advice);
}

int posix_fadvise64(int fd, off_t offset, off_t count, int advice)
{
    return advise(fd, offset, count, advice);
}

static int flush(sync_function *real, int fd)
{
    if (unflushed >= 0 && is_device(fd)) {
        unflushed = -1; /* a kernel tells it once */
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd)
{
    return flush(REAL(fsync), fd);
}

int fdatasync(int fd)
{
    return flush(REAL(fdatasync), fd);
}
