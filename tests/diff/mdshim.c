/* SPDX-License-Identifier: MIT */
/* A library to be preloaded: lets mdadm write superblocks into files, without root and without a kernel that has md. To
 * mdadm regular files named without a path are block devices, and /dev/md77 is an array to which the kernel says yes;
 * what is written into the files is mdadm's own. Nothing else of the machine is touched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ARRAY makedev(MD_MAJOR, 77)

typedef int open_function(const char *, int, ...);
typedef int fstat_function(int, struct stat64 *);
typedef int stat_function(const char *, struct stat64 *);
typedef int ioctl_function(int, unsigned long, ...);
typedef ssize_t readlink_function(const char *, char *, size_t);

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* The array, and what sysfs has of it, are /dev/null. */
static int is_array(int fd)
{
    struct stat64 found;
    return ((fstat_function *)real("fstat64"))(fd, &found) == 0 && S_ISCHR(found.st_mode) &&
           found.st_rdev == makedev(MEM_MAJOR, 3);
}

static void become_block_device(struct stat64 *found, dev_t device)
{
    found->st_mode = S_IFBLK | 0660;
    found->st_rdev = device;
}

uid_t geteuid(void)
{
    return 0;
}

int fstat64(int fd, struct stat64 *found)
{
    int result = ((fstat_function *)real("fstat64"))(fd, found);
    if (result == 0 && is_array(fd))
        become_block_device(found, ARRAY);
    else if (result == 0 && S_ISREG(found->st_mode))
        become_block_device(found, makedev(SCSI_DISK0_MAJOR, found->st_ino & 0xFF));
    return result;
}

int stat64(const char *path, struct stat64 *found)
{
    memset(found, 0, sizeof *found);
    if (strcmp(path, "/sys/block/md77/md") == 0) {
        found->st_mode = S_IFDIR | 0755;
        return 0;
    }
    if (strncmp(path, "/dev/md", 7) == 0) {
        become_block_device(found, ARRAY);
        return 0;
    }
    int result = ((stat_function *)real("stat64"))(path, found);
    if (result == 0 && *path != '/' && S_ISREG(found->st_mode))
        become_block_device(found, makedev(SCSI_DISK0_MAJOR, found->st_ino & 0xFF));
    return result;
}

/* "clear": an array that has not been set up yet. */
static int open_state(void)
{
    int fd = memfd_create("array_state", 0);
    if (fd >= 0 && (write(fd, "clear\n", 6) != 6 || lseek(fd, 0, SEEK_SET) != 0))
        return -1;
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(more, unsigned) : 0;
    va_end(more);
    open_function *open_file = (open_function *)real("open64");
    if (strcmp(path, "/sys/block/md77/md/array_state") == 0 && (flags & O_ACCMODE) == O_RDONLY)
        return open_state();
    if (strncmp(path, "/sys/block/md77/", 16) == 0 || strncmp(path, "/dev/md", 7) == 0 ||
        strncmp(path, "/dev/.tmp.md.", 13) == 0 || strcmp(path, "/sys/module/md_mod/parameters/new_array") == 0)
        return open_file("/dev/null", O_RDWR);
    if (*path == '/' && (flags & O_ACCMODE) != O_RDONLY) {
        errno = EACCES;
        return -1;
    }
    return open_file(path, flags, mode);
}

int __open64_2(const char *path, int flags)
{
    return open64(path, flags, 0);
}

ssize_t readlink(const char *path, char *buffer, size_t room)
{
    static const char target[] = "../../devices/virtual/block/md77";
    if (strcmp(path, "/sys/dev/block/9:77") != 0 || room < sizeof target)
        return ((readlink_function *)real("readlink"))(path, buffer, room);
    memcpy(buffer, target, sizeof target - 1);
    return sizeof target - 1;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list more;
    struct stat64 found;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (is_array(fd)) {
        errno = ENODEV;
        return request == GET_ARRAY_INFO ? -1 : 0;
    }
    if (request == BLKFLSBUF)
        return 0;
    if (((fstat_function *)real("fstat64"))(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return ((ioctl_function *)real("ioctl"))(fd, request, argument);
    if (request == BLKGETSIZE64)
        *(uint64_t *)argument = (uint64_t)found.st_size;
    else if (request == BLKGETSIZE)
        *(unsigned long *)argument = (unsigned long)found.st_size / 512;
    else if (request == BLKSSZGET)
        *(int *)argument = 512;
    else
        return -1;
    return 0;
}

/* Nothing is made or removed outside of the files. */
int mknod(const char *path, mode_t mode, dev_t device)
{
    return (void)path, (void)mode, (void)device, 0;
}

int mkdir(const char *path, mode_t mode)
{
    return (void)path, (void)mode, 0;
}

int unlink(const char *path)
{
    return (void)path, 0;
}

int symlink(const char *target, const char *path)
{
    return (void)target, (void)path, 0;
}

int chown(const char *path, uid_t owner, gid_t group)
{
    return (void)path, (void)owner, (void)group, 0;
}

int chmod(const char *path, mode_t mode)
{
    return (void)path, (void)mode, 0;
}
