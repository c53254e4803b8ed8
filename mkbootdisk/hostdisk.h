/* SPDX-License-Identifier: MIT */
/* Image files and block devices as the core's block devices. Knows files and errno; knows nothing of what is on them.
 */
#ifndef HOSTDISK_H
#define HOSTDISK_H

#include <sys/types.h>

#include "command.h"
#include "disk/blockdev.h"

struct host_disk {
    struct blockdev device; /* must stay first: the core hands us a pointer to it */
    const char *path;
    int fd;
    dev_t file_system;
    ino_t inode;
    bool is_device;
};

/** Open for reading. Complains about what is no disk: directories, empty files, files shorter than a sector.
 * Returns EXIT_DONE, EXIT_IO or EXIT_USAGE. */
enum exit_code host_disk_open(const char *path, uint8_t drive, struct host_disk *out);

/** Open the same file for writing. A mounted device is refused. */
enum exit_code host_disk_make_writable(struct host_disk *disk);

/** Write one sector; it has reached the medium when ST_OK is returned. */
enum status host_disk_write(struct host_disk *disk, uint64_t lba, const void *sector);

bool host_disk_same(const struct host_disk *left, const struct host_disk *right);
void host_disk_close(struct host_disk *disk);

#endif
