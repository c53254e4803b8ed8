/* SPDX-License-Identifier: MIT */
/* Disks with one partition. A GPT is sfdisk's work; the MBR's one entry is written here, beside our own code. */
#include "diskimage.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32.h"
#include "disk/blockdev.h"
#include "disk/mbr.h"
#include "mtools.h"
#include "programs.h"
#include "target.h"

#define START_LBA 2048u /* on a boundary of every medium's own blocks */
#define HEADS 255u
#define SECTORS_PER_TRACK 63u
#define TYPE_FAT12 0x01u
#define GUID_BYTES 16u
#define GUID_TEXT_BYTES 40
#define GPT_END_SECTORS 2048u /* room for the second table, and the partition ends where a megabyte ends */

/* boot/mbr.asm. */
static const uint8_t mbr_code[] = {
#include "mbr_code.inc"
};

bool diskimage_has_code(const uint8_t *sector)
{
    return memcmp(sector, mbr_code, sizeof mbr_code) == 0 && mbr_has_mark(sector);
}

/* An image that holds its first bytes; the rest is a hole. */
static enum exit_code make_image(const char *image, unsigned kilobytes, const uint8_t *bytes, size_t count)
{
    enum exit_code code = work_write(image, bytes, count);
    if (code == EXIT_DONE && truncate(work_path(image), (off_t)kilobytes * 1024) != 0)
        code = complain(EXIT_IO, "%s: %s. Set TMPDIR to a folder with room", work_path(image), strerror(errno));
    return code;
}

static void put_chs(uint8_t *at, uint32_t lba)
{
    uint32_t track = lba / SECTORS_PER_TRACK;
    at[0] = (uint8_t)(track % HEADS);
    at[1] = (uint8_t)(lba % SECTORS_PER_TRACK + 1); /* the cylinder is far below 256 */
    at[2] = (uint8_t)(track / HEADS);
}

static enum exit_code write_mbr(const char *image, uint32_t sectors, uint32_t signature)
{
    uint8_t sector[SECTOR_BYTES] = {0};
    uint8_t *entry = sector + MBR_TABLE_OFFSET;
    memcpy(sector, mbr_code, sizeof mbr_code);
    put_le32(sector + MBR_SIGNATURE_OFFSET, signature);
    entry[0] = MBR_ACTIVE;
    put_chs(entry + 1, START_LBA);
    entry[MBR_ENTRY_TYPE] = TYPE_FAT12;
    put_chs(entry + 5, START_LBA + sectors - 1);
    put_le32(entry + 8, START_LBA);
    put_le32(entry + 12, sectors);
    put_le16(sector + MBR_MARK_OFFSET, 0xAA55);
    return make_image(image, DISKIMAGE_USB_KILOBYTES, sector, sizeof sector);
}

static enum exit_code fill(struct floppy *floppy, const char *image, const struct mtools_shape *shape,
                           const char *boot_sector)
{
    char name[PATH_BYTES + 64];
    snprintf(name, sizeof name, "%s@@%u", work_path(image), START_LBA * SECTOR_BYTES);
    enum exit_code code = mtools_format_partition(name, shape, boot_sector, floppy_identity(floppy));
    return code == EXIT_DONE ? floppy_fill(floppy, image, START_LBA) : code;
}

enum exit_code diskimage_usb(struct floppy *floppy, const char *image)
{
    struct mtools_shape shape = {
        .start_lba = START_LBA, .sectors = DISKIMAGE_USB_KILOBYTES * 2 - START_LBA, .sectors_per_cluster = 8};
    enum exit_code code = write_mbr(image, shape.sectors, floppy_identity(floppy));
    if (code == EXIT_DONE)
        code = work_write("boot.bin", floppy->boot_sector, SECTOR_BYTES);
    return code == EXIT_DONE ? fill(floppy, image, &shape, work_path("boot.bin")) : code;
}

/* A GUID of the files' identity and of what it is for, marked as made by an application's own rule (version 8). */
static void make_guid(uint32_t identity, const char *purpose, char text[GUID_TEXT_BYTES])
{
    uint8_t guid[GUID_BYTES];
    uint32_t crc = crc32_add(identity, purpose, strlen(purpose));
    for (unsigned i = 0; i < GUID_BYTES; i += 4) {
        put_le32(guid + i, crc);
        crc = crc32_add(crc, guid + i, 4) ^ identity;
    }
    guid[6] = (uint8_t)((guid[6] & 0x0F) | 0x80);
    guid[8] = (uint8_t)((guid[8] & 0x3F) | 0x80);
    for (unsigned i = 0, used = 0; i < GUID_BYTES; i++)
        used += (unsigned)snprintf(text + used, GUID_TEXT_BYTES - used, "%s%02X",
                                   i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", guid[i]);
}

static enum exit_code write_gpt(const char *image, uint32_t sectors, uint32_t identity)
{
    const char *const arguments[] = {"sfdisk", "--quiet", work_path(image), NULL};
    char disk[GUID_TEXT_BYTES];
    char partition[GUID_TEXT_BYTES];
    char script[512];
    make_guid(identity, "disk", disk);
    make_guid(identity, "partition", partition);
    int count = snprintf(script, sizeof script,
                         "label: gpt\nlabel-id: %s\nunit: sectors\nstart=%u, size=%u, "
                         "type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=%s, name=mkbootdisk\n",
                         disk, START_LBA, sectors, partition);
    enum exit_code code = work_write("gpt.txt", script, (size_t)count);
    if (code != EXIT_DONE)
        return code;
    return program_run(&(struct program){
        .arguments = arguments, .package = "fdisk (sfdisk)", .input = work_path("gpt.txt"), .quiet = true});
}

enum exit_code diskimage_esp(struct floppy *floppy, const char *image)
{
    struct mtools_shape shape = {.start_lba = START_LBA,
                                 .sectors = DISKIMAGE_ESP_KILOBYTES * 2 - START_LBA - GPT_END_SECTORS,
                                 .sectors_per_cluster = 1,
                                 .fat32 = true};
    enum exit_code code = make_image(image, DISKIMAGE_ESP_KILOBYTES, NULL, 0);
    if (code == EXIT_DONE)
        code = write_gpt(image, shape.sectors, floppy_identity(floppy));
    return code == EXIT_DONE ? fill(floppy, image, &shape, NULL) : code;
}
