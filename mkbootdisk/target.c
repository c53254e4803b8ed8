/* SPDX-License-Identifier: MIT */
/* Work folder and target. */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORK_FILES_MAX 24
#define FLOPPY_DEVICE_BYTES_MAX (2880u * 1024u)

/* Touched by the signal handler too: unlink and rmdir are async-signal-safe, so plain arrays that only grow suffice. */
static char work_folder[PATH_BYTES];
static char work_files[WORK_FILES_MAX][PATH_BYTES + 64];
static volatile sig_atomic_t work_file_count;
static char partial_target[PATH_BYTES + 16];

static void clean_up(void)
{
    if (partial_target[0] != '\0')
        unlink(partial_target);
    for (int i = 0; i < work_file_count; i++)
        unlink(work_files[i]);
    if (work_folder[0] != '\0')
        rmdir(work_folder);
}

static void on_signal(int number)
{
    clean_up();
    _exit(128 + number);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit shall be an error message, not a crash */
    atexit(clean_up);
}

enum exit_code work_begin(void)
{
    const char *parent = getenv("TMPDIR");
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s/mkbootdisk.XXXXXX", parent != NULL && *parent != '\0' ? parent : "/tmp");
    catch_signals();
    if (mkdtemp(folder) == NULL)
        return complain(EXIT_IO, "%s: %s. Set TMPDIR to a folder that can be written", folder, strerror(errno));
    memcpy(work_folder, folder, sizeof folder);
    return EXIT_DONE;
}

const char *work_path(const char *name)
{
    for (int i = 0; i < work_file_count; i++)
        if (strcmp(strrchr(work_files[i], '/') + 1, name) == 0)
            return work_files[i];
    if (work_file_count == WORK_FILES_MAX)
        abort(); /* the builder knows how many files a boot disk has */
    char *path = work_files[work_file_count];
    snprintf(path, sizeof work_files[0], "%s/%s", work_folder, name);
    work_file_count++;
    return path;
}

static bool write_all(int fd, const char *at, size_t count)
{
    while (count > 0) {
        ssize_t put = write(fd, at, count);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        count -= (size_t)put;
    }
    return true;
}

enum exit_code work_write(const char *name, const void *bytes, size_t count)
{
    const char *path = work_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, bytes, count);
    if ((fd >= 0 && close(fd) != 0) || !good)
        return complain(EXIT_IO, "%s: %s. Set TMPDIR to a folder with room", path, strerror(errno));
    return EXIT_DONE;
}

static enum exit_code bad_path(const char *path)
{
    return complain(EXIT_IO, "'%s': %s. Check the name and the permissions", path, strerror(errno));
}

static enum exit_code check_device(const char *path, size_t bytes)
{
    int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
    if (fd < 0 && errno == EBUSY)
        return complain(EXIT_REFUSED, "%s: is mounted or in use; unmount it first", path);
    if (fd < 0)
        return bad_path(path);
    off_t size = lseek(fd, 0, SEEK_END);
    close(fd);
    if (size > (off_t)FLOPPY_DEVICE_BYTES_MAX)
        return complain(EXIT_REFUSED,
                        "%s: has %lld bytes, so it is no floppy, and what is on it would be lost. Build a "
                        "file, and write that to a stick with 'mkbootdisk write'",
                        path, (long long)size);
    if (size < (off_t)bytes)
        return complain(EXIT_IO, "%s: holds %lld bytes, but %zu are needed. Insert the right medium", path,
                        (long long)size, bytes);
    return EXIT_DONE;
}

enum exit_code target_check(const char *path, char *const *inputs, int input_count, size_t bytes)
{
    struct stat target;
    struct stat input;
    /* A drive that is not there must not become a file; but below /dev/shm files are at home. */
    if (stat(path, &target) != 0 && strncmp(path, "/dev/", 5) == 0 && strchr(path + 5, '/') == NULL)
        return complain(EXIT_IO,
                        "%s: there is no such device. Is the drive attached, and its driver loaded (modprobe "
                        "floppy)? Check the name",
                        path);
    if (stat(path, &target) != 0)
        return errno == ENOENT && *path != '\0' ? EXIT_DONE : bad_path(path);
    for (int i = 0; i < input_count; i++)
        if (inputs[i] != NULL && stat(inputs[i], &input) == 0 && input.st_dev == target.st_dev &&
            input.st_ino == target.st_ino)
            return complain(EXIT_REFUSED, "%s: is also an input; choose another name for the boot disk", path);
    if (S_ISDIR(target.st_mode))
        return complain(EXIT_USAGE, "%s: is a directory; name the file to write", path);
    if (S_ISBLK(target.st_mode))
        return check_device(path, bytes);
    if (!S_ISREG(target.st_mode))
        return complain(EXIT_USAGE, "%s: is neither a file nor a block device; name the file to write", path);
    return access(path, W_OK) == 0 ? EXIT_DONE : bad_path(path);
}

static enum exit_code write_device(const char *path, const void *bytes, size_t count)
{
    int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
    char *back = malloc(count);
    bool good = fd >= 0 && back != NULL && write_all(fd, bytes, count) && fsync(fd) == 0;
    if (good)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* so that reading back means the medium */
    good = good && pread(fd, back, count, 0) == (ssize_t)count;
    int error = errno;
    bool same = good && memcmp(back, bytes, count) == 0;
    free(back);
    if (fd >= 0)
        close(fd);
    if (!good)
        return complain(EXIT_IO, "%s: %s. Try another medium: this one is not usable as it is now", path,
                        strerror(error));
    return same ? EXIT_DONE
                : complain(EXIT_IO, "%s: what was read back differs from what was written; use another medium", path);
}

/* A file of a name that nobody has, beside the target, so that renaming it is one step. */
static bool write_beside(const char *path, const void *bytes, size_t count)
{
    char name[sizeof partial_target];
    mode_t mask = umask(0);
    umask(mask);
    snprintf(name, sizeof name, "%s.XXXXXX", path);
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return false;
    memcpy(partial_target, name, sizeof name);
    bool good = write_all(fd, bytes, count) && fchmod(fd, 0666 & ~mask) == 0;
    return close(fd) == 0 && good;
}

enum exit_code target_write(const char *path, const void *bytes, size_t count)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISBLK(info.st_mode))
        return write_device(path, bytes, count);
    enum exit_code code = EXIT_DONE;
    if (!write_beside(path, bytes, count) || rename(partial_target, path) != 0) {
        code = complain(EXIT_IO, "%s: %s. Check the folder and its room; nothing was written", path, strerror(errno));
        if (partial_target[0] != '\0')
            unlink(partial_target);
    }
    partial_target[0] = '\0';
    return code;
}

enum exit_code target_make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return EXIT_DONE;
    return complain(EXIT_IO, "%s: %s. Make or mount the folder above it first, and see that you may write to it", path,
                    strerror(errno));
}
