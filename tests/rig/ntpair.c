/* SPDX-License-Identifier: MIT */
/* Pairs of disks with Windows NT. */
#include "ntpair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_volume(const char *volume)
{
    char path[512];
    const char *build = getenv("MKB_BUILD");
    (void)snprintf(path, sizeof path, "%s/tests/nt/%s.img", build != NULL ? build : "build", volume);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: cannot be opened\n", path);
        abort();
    }
    return file;
}

void ntpair_load(struct memdev *disk, uint32_t start_lba, const char *volume)
{
    FILE *file = open_volume(volume);
    if (start_lba + NTPAIR_SECTORS > disk->sectors ||
        fread(memdev_sector(disk, start_lba), SECTOR_BYTES, NTPAIR_SECTORS, file) != NTPAIR_SECTORS)
        abort();
    (void)fclose(file);
}

void ntpair_init(struct rigfw *rig, const char *primary, const char *shadow, const char *lines)
{
    static const uint32_t signature[2] = {RIG_SIGNATURE_A, RIG_SIGNATURE_B};
    const char *volume[2] = {primary, shadow};
    char ini[512];
    rig_init(rig, 2, NTPAIR_DISK_SECTORS);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t type = strncmp(volume[i], "ntfs", 4) == 0 ? 0x87 : 0x86;
        fx_mbr(&rig->disk[i], signature[i]);
        fx_entry(memdev_sector(&rig->disk[i], 0), 0, i == 0 ? 0x80 : 0, type, RIG_MEMBER_START, NTPAIR_SECTORS);
        ntpair_load(&rig->disk[i], RIG_MEMBER_START, volume[i]);
    }
    (void)snprintf(ini, sizeof ini,
                   "[loader]\r\ntimeout=5\r\n%s[set 1]\r\nprimary=%08x start %u sectors %u\r\n"
                   "shadow=%08x start %u sectors %u\r\n",
                   lines != NULL ? lines : "", signature[0], RIG_MEMBER_START, NTPAIR_SECTORS, signature[1],
                   RIG_MEMBER_START, NTPAIR_SECTORS);
    fx_boot_files(&rig->floppy, lines != NULL ? ini : NULL);
}

uint8_t *ntpair_find(struct memdev *disk, const void *bytes, size_t count, unsigned which, bool aligned)
{
    size_t end = (size_t)disk->sectors * SECTOR_BYTES - count;
    for (size_t at = 0; at <= end; at += aligned ? SECTOR_BYTES : 1)
        if (memcmp(disk->bytes + at, bytes, count) == 0 && which-- == 0)
            return disk->bytes + at;
    abort();
}
