/* SPDX-License-Identifier: MIT */
/* A library to be preloaded: the n-th pwrite of a program does not go as it should. CUT_AT is n (from 1), CUT_HOW one
 * of before, torn, after  the power goes before the write, in its middle (its first half is written), right after it
 *   eio, enospc          it fails; the same for eio-on and enospc-on, but all later ones fail as well
 *   short                it writes its first half and says so
 *   lost                 it says it went well and writes nothing, so that reading back shows the old bytes
 *   sync                 the n-th fdatasync or fsync fails instead
 * CUT_LOG is a file that gets a line "offset count" for each pwrite, and "sync" for each fdatasync or fsync.
 * CUT_READ is "FILE:OFFSET": a pread of that byte of that file fails, as on a disk with a bad sector. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef ssize_t pread_function(int, void *, size_t, off_t);
typedef ssize_t pwrite_function(int, const void *, size_t, off_t);
typedef int sync_function(int);

static int writes, syncs;

static int is(const char *how)
{
    const char *set = getenv("CUT_HOW");
    return set != NULL && strcmp(set, how) == 0;
}

static int at(int count, int and_later)
{
    const char *set = getenv("CUT_AT");
    return set != NULL && (count == atoi(set) || (and_later && count > atoi(set)));
}

static void note(const char *line)
{
    const char *path = getenv("CUT_LOG");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (fd < 0)
        return;
    dprintf(fd, "%s\n", line);
    close(fd);
}

static void note_write(size_t count, off_t offset)
{
    char line[64];
    snprintf(line, sizeof line, "%lld %zu", (long long)offset, count);
    note(line);
}

static ssize_t cut(pwrite_function *real, int fd, const void *bytes, size_t count, off_t offset)
{
    note_write(count, offset);
    ++writes;
    if (at(writes, 1) && (is("eio-on") || is("enospc-on"))) {
        errno = is("eio-on") ? EIO : ENOSPC;
        return -1;
    }
    if (!at(writes, 0))
        return real(fd, bytes, count, offset);
    if (is("before"))
        _exit(137);
    if (is("torn")) {
        real(fd, bytes, count / 2, offset);
        _exit(137);
    }
    if (is("after")) {
        real(fd, bytes, count, offset);
        _exit(137);
    }
    if (is("eio") || is("enospc")) {
        errno = is("eio") ? EIO : ENOSPC;
        return -1;
    }
    if (is("short"))
        return real(fd, bytes, count / 2, offset);
    if (is("lost"))
        return (ssize_t)count;
    return real(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return cut((pwrite_function *)dlsym(RTLD_NEXT, "pwrite"), fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
    return cut((pwrite_function *)dlsym(RTLD_NEXT, "pwrite64"), fd, bytes, count, offset);
}

/* Whether a byte that cannot be read is among these. */
static int is_bad(int fd, size_t count, off_t offset)
{
    const char *set = getenv("CUT_READ");
    const char *colon = set != NULL ? strrchr(set, ':') : NULL;
    struct stat bad, here;
    char path[4096];
    if (colon == NULL || colon - set >= (long)sizeof path)
        return 0;
    memcpy(path, set, (size_t)(colon - set));
    path[colon - set] = '\0';
    long long at = atoll(colon + 1);
    return at >= offset && at < offset + (off_t)count && stat(path, &bad) == 0 && fstat(fd, &here) == 0 &&
           bad.st_dev == here.st_dev && bad.st_ino == here.st_ino;
}

static ssize_t read_or_fail(pread_function *real, int fd, void *bytes, size_t count, off_t offset)
{
    if (!is_bad(fd, count, offset))
        return real(fd, bytes, count, offset);
    errno = EIO;
    return -1;
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    return read_or_fail((pread_function *)dlsym(RTLD_NEXT, "pread"), fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off_t offset)
{
    return read_or_fail((pread_function *)dlsym(RTLD_NEXT, "pread64"), fd, bytes, count, offset);
}

static int cut_sync(const char *name, int fd)
{
    if (is("sync") && at(++syncs, 0)) {
        errno = EIO;
        return -1;
    }
    int result = ((sync_function *)dlsym(RTLD_NEXT, name))(fd);
    if (result == 0)
        note("sync");
    return result;
}

int fdatasync(int fd)
{
    return cut_sync("fdatasync", fd);
}

int fsync(int fd)
{
    return cut_sync("fsync", fd);
}
