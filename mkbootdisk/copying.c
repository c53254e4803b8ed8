/* SPDX-License-Identifier: MIT */
/* Copying in two passes. A write counts only when it has reached the medium; without direct access to it that takes a
 * flush after each piece. */
#include "copying.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_SECTORS 2048u
#define FLOPPY_SECTORS (2u * 2880u)
#define FLOPPY_PIECE_SECTORS 36u /* a cylinder */
#define DIRECT_ALIGNMENT 4096

static volatile sig_atomic_t stop_wanted;

/* The image's sectors, and the medium's. */
static _Alignas(DIRECT_ALIGNMENT) uint8_t wanted[PIECE_SECTORS * SECTOR_BYTES];
static _Alignas(DIRECT_ALIGNMENT) uint8_t found[PIECE_SECTORS * SECTOR_BYTES];

static void on_stop(int number)
{
    (void)number;
    stop_wanted = 1;
}

static void catch_stops(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_stop,
                               .sa_flags = (int)SA_RESETHAND}; /* the second one ends us at once */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

/* Errors of single sectors. With any other there is no point in trying the next one. */
static bool is_medium_error(int error)
{
    return error == EIO || error == ENODATA || error == EREMOTEIO || error == EILSEQ || error == ETIMEDOUT;
}

static void leave_direct(struct copy *copy)
{
    copy->past_cache = false;
    (void)fcntl(copy->medium->fd, F_SETFL, fcntl(copy->medium->fd, F_GETFL) & ~O_DIRECT);
}

static void drop_cache(const struct copy *copy)
{
    (void)posix_fadvise(copy->medium->fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Whether a failed call is to be made again. EINVAL: this file system or medium has other ideas of alignment. */
static bool try_again(struct copy *copy)
{
    if (errno == EINVAL && copy->past_cache)
        leave_direct(copy);
    else if (errno != EINTR)
        return false;
    return true;
}

/* Write sectors to the medium. Returns 0 when they have reached it, or an errno. */
static int put(struct copy *copy, uint64_t lba, uint32_t sectors, const uint8_t *from)
{
    size_t left = (size_t)sectors * SECTOR_BYTES;
    off_t offset = (off_t)(lba * SECTOR_BYTES);
    while (left > 0) {
        ssize_t count = pwrite(copy->medium->fd, from, left, offset);
        if (count < 0 && try_again(copy))
            continue;
        if (count <= 0)
            return count < 0 ? errno : EIO;
        from += count;
        offset += count;
        left -= (size_t)count;
    }
    return copy->past_cache || fdatasync(copy->medium->fd) == 0 ? 0 : errno;
}

/* Read sectors of the medium back. */
static int get(struct copy *copy, uint64_t lba, uint32_t sectors, uint8_t *to)
{
    size_t left = (size_t)sectors * SECTOR_BYTES;
    off_t offset = (off_t)(lba * SECTOR_BYTES);
    while (left > 0) {
        ssize_t count = pread(copy->medium->fd, to, left, offset);
        if (count < 0 && try_again(copy))
            continue;
        if (count <= 0)
            return count < 0 ? errno : EIO;
        to += count;
        offset += count;
        left -= (size_t)count;
    }
    return 0;
}

static void note(struct copy *copy, uint64_t lba, enum sector_fate fate)
{
    copy->bad += copy->fate[lba] == FATE_GOOD;
    copy->fate[lba] = (uint8_t)fate;
}

static enum copy_end fail(struct copy *copy, enum copy_end end, uint64_t lba, int error)
{
    copy->failed_lba = lba;
    copy->error = error;
    return end;
}

/* The image's sectors into `wanted`, the first of them blank. */
static enum copy_end load(struct copy *copy, uint64_t lba, uint32_t sectors)
{
    errno = 0;
    if (blockdev_read(&copy->image->device, lba, sectors, wanted) != ST_OK)
        return fail(copy, COPY_NO_IMAGE, lba, errno != 0 ? errno : EIO);
    if (lba == 0)
        memset(wanted, 0, SECTOR_BYTES);
    return COPY_DONE;
}

static enum copy_end write_piece(struct copy *copy, uint64_t lba, uint32_t sectors)
{
    enum copy_end end = load(copy, lba, sectors);
    if (end != COPY_DONE)
        return end;
    int error = put(copy, lba, sectors, wanted);
    for (uint32_t i = 0; i < sectors && error != 0; i++) {
        int alone = is_medium_error(error) ? put(copy, lba + i, 1, wanted + (size_t)i * SECTOR_BYTES) : error;
        if (alone != 0 && !is_medium_error(alone))
            return fail(copy, COPY_NO_MEDIUM, lba + i, alone);
        if (alone != 0)
            note(copy, lba + i, FATE_NOT_WRITTEN);
    }
    copy->written = lba + sectors;
    return COPY_DONE;
}

/* Compare what is in `found`. */
static void compare(struct copy *copy, uint64_t lba, uint32_t sectors, const uint8_t *expected)
{
    for (uint32_t i = 0; i < sectors; i++)
        if (copy->fate[lba + i] == FATE_GOOD &&
            memcmp(found + (size_t)i * SECTOR_BYTES, expected + (size_t)i * SECTOR_BYTES, SECTOR_BYTES) != 0)
            note(copy, lba + i, FATE_DIFFERENT);
}

static enum copy_end check_piece(struct copy *copy, uint64_t lba, uint32_t sectors)
{
    enum copy_end end = load(copy, lba, sectors);
    if (end != COPY_DONE)
        return end;
    int error = get(copy, lba, sectors, found);
    for (uint32_t i = 0; i < sectors && error != 0; i++) {
        if (copy->fate[lba + i] != FATE_GOOD)
            continue; /* what could not be written takes long to read as well */
        int alone = is_medium_error(error) ? get(copy, lba + i, 1, found + (size_t)i * SECTOR_BYTES) : error;
        if (alone != 0 && !is_medium_error(alone))
            return fail(copy, COPY_NO_MEDIUM, lba + i, alone);
        if (alone != 0)
            note(copy, lba + i, FATE_NOT_READ);
    }
    compare(copy, lba, sectors, wanted);
    copy->compared = lba + sectors;
    return COPY_DONE;
}

static void show(struct copy *copy, const char *what, uint64_t done)
{
    int percent = (int)(done * 100 / copy->sectors);
    if (percent == copy->shown_percent || !isatty(STDERR_FILENO))
        return;
    copy->shown_percent = percent;
    fprintf(stderr, "\r%s: %3d %%, %llu of %llu bytes", what, percent, (unsigned long long)done * SECTOR_BYTES,
            (unsigned long long)copy->sectors * SECTOR_BYTES);
}

/* One pass over all of it. */
static enum copy_end pass(struct copy *copy, const char *what,
                          enum copy_end (*step)(struct copy *copy, uint64_t lba, uint32_t sectors))
{
    uint32_t piece = copy->sectors <= FLOPPY_SECTORS ? FLOPPY_PIECE_SECTORS : PIECE_SECTORS;
    enum copy_end end = COPY_DONE;
    copy->shown_percent = -1;
    for (uint64_t lba = 0; lba < copy->sectors && end == COPY_DONE;) {
        uint32_t sectors = copy->sectors - lba < piece ? (uint32_t)(copy->sectors - lba) : piece;
        end = stop_wanted ? COPY_STOPPED : step(copy, lba, sectors);
        lba += sectors;
        if (end == COPY_DONE)
            show(copy, what, lba);
    }
    if (copy->shown_percent >= 0)
        fputc('\n', stderr);
    return end;
}

static enum copy_end flush(struct copy *copy)
{
    if (fsync(copy->medium->fd) != 0)
        return fail(copy, COPY_NO_FLUSH, 0, errno);
    drop_cache(copy);
    return COPY_DONE;
}

/* Before anything else: from here on it does not start. */
static enum copy_end blank(struct copy *copy)
{
    memset(wanted, 0, SECTOR_BYTES);
    int error = put(copy, 0, 1, wanted);
    if (error == 0 && fdatasync(copy->medium->fd) != 0)
        error = errno;
    copy->blanked = error == 0;
    if (error != 0 && !is_medium_error(error))
        return fail(copy, COPY_NO_MEDIUM, 0, error);
    return COPY_DONE; /* a first sector that is bad is met again */
}

/* The first sector, which makes it start. */
static enum copy_end complete(struct copy *copy)
{
    errno = 0;
    if (blockdev_read(&copy->image->device, 0, 1, wanted) != ST_OK)
        return fail(copy, COPY_NO_IMAGE, 0, errno != 0 ? errno : EIO);
    int error = put(copy, 0, 1, wanted);
    if (error != 0)
        note(copy, 0, FATE_NOT_WRITTEN);
    enum copy_end end = flush(copy);
    if (end != COPY_DONE || error != 0)
        return end;
    if (get(copy, 0, 1, found) != 0)
        note(copy, 0, FATE_NOT_READ);
    else
        compare(copy, 0, 1, wanted);
    return COPY_DONE;
}

enum copy_end copy_image(struct copy *copy)
{
    int flags = fcntl(copy->medium->fd, F_GETFL);
    copy->fate = calloc(copy->sectors, 1);
    if (copy->fate == NULL)
        return fail(copy, COPY_NO_IMAGE, 0, ENOMEM);
    copy->past_cache = fcntl(copy->medium->fd, F_SETFL, flags | O_DIRECT) == 0;
    catch_stops();
    enum copy_end end = blank(copy);
    if (end == COPY_DONE)
        end = pass(copy, "writing", write_piece);
    if (end == COPY_DONE)
        end = flush(copy);
    if (end == COPY_DONE)
        end = pass(copy, "reading back", check_piece);
    if (end == COPY_DONE && copy->bad == 0)
        end = stop_wanted ? COPY_STOPPED : complete(copy);
    return end == COPY_DONE && copy->bad > 0 ? COPY_BAD : end;
}
