/* SPDX-License-Identifier: MIT */
/* The boot disk. */
#include "bootdisk.h"

#define LOG_NUMBER_CHARS 6u /* "00001 " begins each line, so that the newest can be told */

static enum status store_read(struct journal_store *store, uint32_t sector, void *buffer)
{
    struct bootdisk *boot = (struct bootdisk *)((char *)store - offsetof(struct bootdisk, store));
    return blockdev_read(&boot->cache.device, boot->store_lba + sector, 1, buffer);
}

static enum status store_write(struct journal_store *store, uint32_t sector, const void *buffer)
{
    struct bootdisk *boot = (struct bootdisk *)((char *)store - offsetof(struct bootdisk, store));
    readahead_forget(&boot->cache);
    return boot->fw->writer.write(&boot->fw->writer, boot->reader.device.drive, boot->store_lba + sector, buffer);
}

static enum status read_config(struct bootdisk *boot, struct config *config)
{
    char text[CONFIG_BYTES_MAX];
    struct fat_file file;
    enum status status = fat_open(&boot->fat, FILE_CONFIG, &file);
    if (status == ST_OK)
        status = fat_read(&file, text, sizeof text);
    if (status != ST_OK)
        return status;
    status = config_parse(text, file.bytes, config, &boot->config_line);
    if (status != ST_OK)
        (void)trail_fail(boot->reader.device.trail, SITE_INI_LINE, status, 0, boot->config_line);
    return status;
}

static enum status open_journal(struct bootdisk *boot)
{
    struct fat_file file;
    enum status status = fat_open(&boot->fat, FILE_JOURNAL, &file);
    if (status == ST_OK)
        status = fat_locate(&file, &boot->store_lba);
    if (status != ST_OK)
        return status;
    boot->store = (struct journal_store){.read = store_read,
                                         .write = store_write,
                                         .sectors = file.bytes / SECTOR_BYTES,
                                         .trail = boot->reader.device.trail};
    return journal_load(&boot->store, &boot->journal);
}

void bootdisk_open(struct bootdisk *boot, struct firmware *fw, struct trail *trail, struct config *config)
{
    struct fat_file file;
    memset(boot, 0, sizeof *boot);
    boot->fw = fw;
    boot->fat_status = boot->config_status = boot->journal_status = ST_NOT_FOUND;
    if (fw->boot_device == 0)
        return;
    retry_init(&boot->reader, fw->boot_device);
    boot->reader.device.trail = trail;
    readahead_init(&boot->cache, &boot->reader.device, fw->boot_sectors_per_track);
    for (unsigned i = 0; i < fw->seeds; i++)
        readahead_seed(&boot->cache, fw->seed[i].lba, fw->seed[i].sector);
    boot->fat_status = fat_mount(&boot->cache.device, 0, &boot->fat);
    if (boot->fat_status != ST_OK)
        return;
    boot->config_status = read_config(boot, config);
    boot->journal_status = open_journal(boot);
    boot->has_ntldr = fat_open(&boot->fat, FILE_NTLDR, &file) == ST_OK;
}

static uint32_t line_number(const uint8_t *sector)
{
    uint32_t number = 0;
    for (unsigned i = 0; i + 1 < LOG_NUMBER_CHARS; i++) {
        uint32_t digit = ascii_digit((char)sector[i]);
        if (digit > 9)
            return 0;
        number = number * 10 + digit;
    }
    return number;
}

/* The newest line's number, and the sector behind it. Lines are numbered from 1; 0 is a sector never written. */
static enum status find_newest(struct bootdisk *boot, uint64_t lba, uint32_t sectors, uint32_t *newest, uint32_t *next)
{
    uint8_t sector[SECTOR_BYTES];
    *newest = 0;
    *next = 0;
    for (uint32_t i = 0; i < sectors; i++) {
        enum status status = blockdev_read(&boot->cache.device, lba + i, 1, sector);
        if (status != ST_OK)
            return status;
        uint32_t number = line_number(sector);
        if (number <= *newest)
            continue;
        *newest = number;
        *next = (i + 1) % sectors;
    }
    return ST_OK;
}

enum status bootdisk_log(struct bootdisk *boot, const char *line)
{
    struct fat_file file;
    struct text text;
    uint64_t lba = 0;
    uint32_t newest = 0;
    uint32_t next = 0;
    uint8_t sector[SECTOR_BYTES + 1]; /* the text's closing NUL does not reach the disk */
    enum status status = boot->fat_status != ST_OK ? boot->fat_status : fat_open(&boot->fat, FILE_LOG, &file);
    if (status == ST_OK)
        status = fat_locate(&file, &lba);
    if (status == ST_OK)
        status = find_newest(boot, lba, file.bytes / SECTOR_BYTES, &newest, &next);
    if (status != ST_OK)
        return status;
    text_init(&text, (char *)sector, sizeof sector - 2);
    text_add(&text, "%05u %s", newest % 99999 + 1, line);
    memset(sector + text.used_bytes, ' ', SECTOR_BYTES - 2 - text.used_bytes);
    memcpy(sector + SECTOR_BYTES - 2, "\r\n", 2);
    readahead_forget(&boot->cache);
    return boot->fw->writer.write(&boot->fw->writer, boot->reader.device.drive, lba + next, sector);
}
