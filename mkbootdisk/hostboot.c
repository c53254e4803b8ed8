/* SPDX-License-Identifier: MIT */
/* Opening boot disks. */
#include "hostboot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "diskimage.h"
#include "loader.h"
#include "mirror/esp.h"
#include "signing.h"

#define BOOT_DRIVE 0x00u
#define DESCRIPTION 0x0Bu /* of the volume, which formatting puts between the jump and the code */
#define DESCRIPTION_END 0x3Eu

/* The loaders, linked into the tool. */
extern const uint8_t _binary_fat12_bin_start[];
extern const uint8_t _binary_STAGE2_BIN_start[], _binary_STAGE2_BIN_end[];
extern const uint8_t _binary_BOOTX64_EFI_start[], _binary_BOOTX64_EFI_end[];

static enum status write_boot(struct disk_writer *writer, uint8_t drive, uint64_t lba, const void *sector)
{
    struct firmware *fw = (struct firmware *)((char *)writer - offsetof(struct firmware, writer));
    struct host_boot *boot = (struct host_boot *)((char *)fw - offsetof(struct host_boot, fw));
    return drive == BOOT_DRIVE ? host_disk_write(&boot->file, lba, sector) : ST_BOUNDS;
}

static enum exit_code complain_about(const struct host_boot *boot, const char *what)
{
    return complain(EXIT_IO, "%s: %s. Build the boot disk again", boot->file.path, what);
}

static enum exit_code check(struct host_boot *boot)
{
    char text[80];
    const struct bootdisk *disk = &boot->boot;
    if (disk->fat_status != ST_OK)
        return complain_about(boot, "sector 0 (offset 0) is not that of a FAT12 boot disk");
    if (disk->config_status == ST_CORRUPT) {
        snprintf(text, sizeof text, "MIRROR.INI, line %u, cannot be understood", disk->config_line);
        return complain_about(boot, text);
    }
    if (disk->config_status != ST_OK)
        return complain_about(boot, "MIRROR.INI is missing or cannot be read; is this a boot disk of mkbootdisk?");
    if (disk->journal_status != ST_OK)
        return complain_about(boot, "FTJOURNL.DAT is missing or damaged");
    return EXIT_DONE;
}

bool host_boot_is_config(const char *path)
{
    size_t length = strlen(path);
    struct stat info;
    return length > 4 && strcasecmp(path + length - 4, ".ini") == 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

enum exit_code host_boot_refuse_config(const char *path)
{
    if (!host_boot_is_config(path))
        return EXIT_DONE;
    return complain(EXIT_IO, "%s: is a MIRROR.INI, not a boot disk, and keeps no journal. See 'mkbootdisk check'",
                    path);
}

enum exit_code host_boot_open_config(const char *path, struct host_boot *out)
{
    static struct net_config net;
    memset(out, 0, sizeof *out);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return complain(EXIT_IO, "%s: %s. Check the name", path, strerror(errno));
    net.bytes = fread(net.text, 1, sizeof net.text, file);
    bool good = ferror(file) == 0 && fgetc(file) == EOF;
    fclose(file);
    if (!good)
        return complain(EXIT_IO, "%s: cannot be read, or is too long for a MIRROR.INI (%u bytes). Build it again", path,
                        CONFIG_BYTES_MAX);
    memcpy(net.name, "MIRROR.INI", sizeof "MIRROR.INI");
    out->file.path = path;
    out->file.fd = -1;
    out->fw.name = "host";
    out->fw.net = &net;
    config_init(&out->config);
    bootdisk_open(&out->boot, &out->fw, &out->trail, &out->config);
    if (out->boot.config_status == ST_OK && out->config.set_count > 0)
        return EXIT_DONE;
    if (out->boot.config_status == ST_OK)
        return complain(EXIT_IO, "%s: names no mirror. Build it again", path);
    return complain(EXIT_IO, "%s: line %u cannot be understood. Build it again", path, out->boot.config_line);
}

enum exit_code host_boot_open(const char *path, struct host_boot *out)
{
    uint8_t sector[SECTOR_BYTES];
    memset(out, 0, sizeof *out);
    enum exit_code code = host_boot_refuse_config(path);
    if (code == EXIT_DONE)
        code = host_disk_open(path, BOOT_DRIVE, &out->file);
    if (code != EXIT_DONE)
        return code;
    out->file.device.trail = &out->trail;
    out->fw.name = "host";
    out->fw.boot_device = &out->file.device;
    out->fw.writer.write = write_boot;
    config_init(&out->config);
    if (blockdev_read(&out->file.device, 0, 1, sector) != ST_OK)
        code = complain(EXIT_IO, "%s: sector 0 (offset 0) cannot be read", path);
    else {
        uint16_t sectors_per_track = get_le16(sector + 0x18);
        out->fw.boot_sectors_per_track = sectors_per_track != 0 ? sectors_per_track : 1;
        out->classic = memcmp(sector + BOOT_NAME_OFFSET, FILE_NTLDR, FAT_NAME_BYTES) == 0;
        bootdisk_open(&out->boot, &out->fw, &out->trail, &out->config);
        code = check(out);
    }
    if (code != EXIT_DONE)
        host_boot_close(out);
    return code;
}

/* Whether a BIOS finds its way to the loader: our code is in the boot sector and, on a stick, in the MBR. */
static bool has_code(struct host_boot *boot)
{
    const uint8_t *own = _binary_fat12_bin_start;
    uint8_t sector[SECTOR_BYTES];
    uint64_t start_lba = boot->boot.fat.start_lba;
    struct blockdev *device = &boot->file.device;
    if (start_lba != 0 && (blockdev_read(device, 0, 1, sector) != ST_OK || !diskimage_has_code(sector)))
        return false;
    return blockdev_read(device, start_lba, 1, sector) == ST_OK && memcmp(sector, own, DESCRIPTION) == 0 &&
           memcmp(sector + DESCRIPTION_END, own + DESCRIPTION_END, BOOT_NAME_OFFSET - DESCRIPTION_END) == 0 &&
           memcmp(sector + BOOT_NAME_OFFSET, boot->classic ? FILE_NTLDR : FILE_STAGE2, FAT_NAME_BYTES) == 0 &&
           mbr_has_mark(sector);
}

/* Whether the boot disk holds the file and, where `own` is given, just these bytes. */
static enum exit_code check_file(struct host_boot *boot, const char *path, const uint8_t *own, size_t own_bytes)
{
    static uint8_t room[512 * 1024];
    struct fs_volume volume;
    struct fs_file file;
    uint64_t start_lba = boot->boot.fat.start_lba;
    struct blockdev *device = &boot->file.device;
    if (fs_probe(device, start_lba, device->sectors - start_lba, &volume) != ST_OK ||
        fs_open(&volume, path, &file) != ST_OK)
        return complain(EXIT_FOUND, "%s: %s is missing, so it cannot start. Build it again", boot->file.path, path + 1);
    if (file.bytes > sizeof room || fs_read(&file, 0, room, (uint32_t)file.bytes) != ST_OK)
        return complain(EXIT_FOUND, "%s: %s cannot be read (its chain begins at cluster %u). Build it again",
                        boot->file.path, path + 1, file.at.fat.first_cluster);
    if (own != NULL && !signing_is_ours(room, file.bytes, own, own_bytes))
        return complain(EXIT_FOUND, "%s: %s is damaged, or of another version than " LOADER_VERSION ". Build it again",
                        boot->file.path, path + 1);
    return EXIT_DONE;
}

enum exit_code host_boot_check_loader(struct host_boot *boot)
{
    if (boot->fw.net != NULL)
        return EXIT_DONE; /* it is elsewhere: on a server */
    if (boot->config.set[0].kind == SET_ESP)
        return check_file(boot, ESP_DEFAULT_PATH, _binary_BOOTX64_EFI_start,
                          (size_t)(_binary_BOOTX64_EFI_end - _binary_BOOTX64_EFI_start));
    /* boot/fat12.asm knows no other kind: this is the system partition of --format esp. */
    if (boot->boot.fat.entry_bits == 32)
        return complain(
            EXIT_FOUND,
            "%s: only UEFI starts it, and Windows NT starts from a BIOS only: it can look at these disks and "
            "break the mirror. Build another --format to start them",
            boot->file.path);
    enum exit_code code = boot->classic ? check_file(boot, "\\NTLDR", NULL, 0)
                                        : check_file(boot, "\\STAGE2.BIN", _binary_STAGE2_BIN_start,
                                                     (size_t)(_binary_STAGE2_BIN_end - _binary_STAGE2_BIN_start));
    if (code == EXIT_DONE && !has_code(boot))
        code = complain(EXIT_FOUND,
                        "%s: its boot sector is damaged, or of another version than " LOADER_VERSION
                        ": no BIOS starts from it. Build it again",
                        boot->file.path);
    return code;
}

void host_boot_close(struct host_boot *boot)
{
    host_disk_close(&boot->file);
}
