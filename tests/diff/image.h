/* SPDX-License-Identifier: MIT */
/* An image file as a block device that counts, for the programs other tools' answers are compared with. */
#ifndef DIFF_IMAGE_H
#define DIFF_IMAGE_H

#include <stdio.h>

#include "disk/blockdev.h"

struct image {
    struct blockdev device;
    FILE *stream;
    uint64_t reads;
    uint64_t sectors_read;
};

static enum status image_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct image *image = (struct image *)device;
    image->reads++;
    image->sectors_read += sectors;
    if (fseeko(image->stream, (off_t)(lba * SECTOR_BYTES), SEEK_SET) != 0)
        return ST_IO;
    return fread(buffer, SECTOR_BYTES, sectors, image->stream) == sectors ? ST_OK : ST_IO;
}

static inline int open_image(struct image *image, const char *path)
{
    image->reads = image->sectors_read = 0;
    image->stream = fopen(path, "rb");
    if (image->stream == NULL || fseeko(image->stream, 0, SEEK_END) != 0)
        return 0;
    image->device =
        (struct blockdev){.read = image_read, .sectors = (uint64_t)ftello(image->stream) / SECTOR_BYTES, .drive = 0x80};
    return 1;
}

#endif
