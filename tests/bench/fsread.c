/* SPDX-License-Identifier: MIT */
/* fsread IMAGE START_LBA SECTORS PATH: a file's bytes to standard output, for the time it takes. As the tool reads: by
 * the retrying block device; in pieces as large as mtype's. Exit code 3 if the core says no. Judges nothing, measures
 * nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk/retry.h"
#include "fs/fs.h"

#define PIECE_BYTES 65536u

struct image {
    struct blockdev device;
    int fd;
};

static enum status image_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    size_t bytes = (size_t)sectors * SECTOR_BYTES;
    ssize_t got = pread(((struct image *)device)->fd, buffer, bytes, (off_t)(lba * SECTOR_BYTES));
    return got == (ssize_t)bytes ? ST_OK : ST_IO;
}

static bool open_image(struct image *image, const char *path)
{
    image->fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t bytes = image->fd < 0 ? -1 : lseek(image->fd, 0, SEEK_END);
    image->device = (struct blockdev){.read = image_read, .sectors = (uint64_t)bytes / SECTOR_BYTES, .drive = 0x80};
    return bytes >= 0;
}

static enum status copy_out(struct fs_file *file)
{
    static uint8_t piece[PIECE_BYTES];
    for (uint64_t at = 0, bytes; at < file->bytes; at += bytes) {
        bytes = file->bytes - at < PIECE_BYTES ? file->bytes - at : PIECE_BYTES;
        enum status status = fs_read(file, at, piece, (uint32_t)bytes);
        if (status != ST_OK)
            return status;
        if (write(STDOUT_FILENO, piece, bytes) != (ssize_t)bytes)
            return ST_IO;
    }
    return ST_OK;
}

int main(int argc, char **argv)
{
    static struct image image;
    static struct retry retry;
    static struct fs_volume volume;
    static struct fs_file file;
    if (argc != 5 || !open_image(&image, argv[1])) {
        (void)fprintf(stderr, "usage: fsread IMAGE START_LBA SECTORS PATH\n");
        return 2;
    }
    retry_init(&retry, &image.device);
    enum status status = fs_mount(&retry.device, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), &volume);
    if (status == ST_OK)
        status = fs_open(&volume, argv[4], &file);
    if (status == ST_OK)
        status = copy_out(&file);
    if (status == ST_OK)
        return 0;
    (void)fprintf(stderr, "fsread: %s\n", status_name(status));
    return 3;
}
