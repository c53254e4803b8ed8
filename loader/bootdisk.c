/* SPDX-License-Identifier: MIT */
/* The boot disk. */
#include "bootdisk.h"

#include "disk/gpt.h"

static enum status bootdisk_write(struct bootdisk *boot, uint64_t lba, const void *sector)
{
    /* What is read next must come from the medium: the journal compares what it wrote. */
    readahead_forget(&boot->cache);
    return boot->fw->writer.write(&boot->fw->writer, boot->reader.device.drive, lba, sector);
}

static enum status store_read(struct journal_store *store, uint32_t sector, void *buffer)
{
    struct bootdisk *boot = (struct bootdisk *)((char *)store - offsetof(struct bootdisk, store));
    return blockdev_read(&boot->cache.device, boot->store_lba + sector, 1, buffer);
}

static enum status store_write(struct journal_store *store, uint32_t sector, const void *buffer)
{
    struct bootdisk *boot = (struct bootdisk *)((char *)store - offsetof(struct bootdisk, store));
    return bootdisk_write(boot, boot->store_lba + sector, buffer);
}

static enum status understand(struct bootdisk *boot, const char *text, size_t bytes, struct config *config,
                              struct trail *trail)
{
    enum status status = config_parse(text, bytes, config, &boot->config_line);
    if (status != ST_OK)
        (void)trail_fail(trail, SITE_INI_LINE, status, 0, boot->config_line);
    return status;
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
    return understand(boot, text, file.bytes, config, boot->reader.device.trail);
}

static enum status open_log(struct bootdisk *boot)
{
    struct fat_file file;
    enum status status = boot->fat_status;
    if (status == ST_OK)
        status = fat_open(&boot->fat, FILE_LOG, &file);
    return status == ST_OK ? fat_locate(&file, &boot->log_lba) : status;
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

/* A volume's boot sector, in contrast to a partition table's. */
static bool is_volume(const uint8_t *sector)
{
    uint32_t sector_bytes = get_le16(sector + 0x0B);
    return (sector[0] == 0xEB || sector[0] == 0xE9) && sector_bytes != 0 && sector_bytes % SECTOR_BYTES == 0;
}

/* The boot disk may be all volume, or have a partition that is active or UEFI's. */
static enum status mount(struct bootdisk *boot)
{
    struct blockdev *device = &boot->cache.device;
    struct disk_table table;
    enum status status = fat_fetch(device, 0, &boot->fat);
    if (status != ST_OK)
        return status;
    if (is_volume(boot->fat.cached) || !mbr_has_mark(boot->fat.cached))
        return fat_understand(&boot->fat);
    mbr_read(device, boot->fat.cached, &table);
    for (unsigned i = 0; i < table.count; i++)
        if (table.partition[i].active || table.partition[i].type == TYPE_ESP)
            return fat_mount(device, table.partition[i].start_lba, &boot->fat);
    return fat_understand(&boot->fat);
}

void bootdisk_open(struct bootdisk *boot, struct firmware *fw, struct trail *trail, struct config *config)
{
    struct fat_file file;
    memset(boot, 0, sizeof *boot);
    boot->fw = fw;
    boot->fat_status = boot->config_status = boot->journal_status = boot->log_status = ST_NOT_FOUND;
    if (fw->net != 0 && fw->net->name[0] != '\0')
        boot->config_status = understand(boot, fw->net->text, fw->net->bytes, config, trail);
    if (fw->boot_device == 0)
        return;
    retry_init(&boot->reader, fw->boot_device);
    boot->reader.device.trail = trail;
    readahead_init(&boot->cache, &boot->reader.device, fw->boot_sectors_per_track);
    for (unsigned i = 0; i < fw->seeds; i++)
        readahead_seed(&boot->cache, fw->seed[i].lba, fw->seed[i].sector);
    boot->fat_status = mount(boot);
    if (boot->fat_status != ST_OK)
        return;
    boot->config_status = read_config(boot, config);
    boot->log_status = open_log(boot);
    boot->journal_status = open_journal(boot);
    /* From a stick NTLDR would be told a hard disk that by then is the survivor. */
    boot->has_ntldr = boot->reader.device.drive < DRIVE_FIRST && fat_open(&boot->fat, FILE_NTLDR, &file) == ST_OK;
}

static enum status check_journal(struct bootdisk *boot)
{
    struct journal now;
    if (journal_load(&boot->store, &now) == ST_OK && now.sequence == boot->journal.sequence &&
        now.records_crc == boot->journal.records_crc)
        return ST_OK;
    return blockdev_fail(&boot->reader.device, SITE_JOURNAL_OTHER, ST_REFUSED, boot->store_lba);
}

enum status bootdisk_check(struct bootdisk *boot)
{
    readahead_forget(&boot->cache);
    return check_journal(boot);
}

/* The bytes of the sector that hold lines: all but the blanks behind the last one. */
static size_t log_used(const uint8_t *sector)
{
    size_t used = SECTOR_BYTES;
    while (used > 0 && sector[used - 1] == ' ')
        used--;
    return used;
}

/* Another file's sector, where the floppy's files were moved meanwhile, is no log. */
static bool is_text(const uint8_t *sector)
{
    for (unsigned i = 0; i < SECTOR_BYTES; i++)
        if (sector[i] != '\r' && sector[i] != '\n' && (sector[i] < ' ' || sector[i] > '~'))
            return false;
    return true;
}

/* Drop the oldest line. A sector that holds no line end is not a log, and starts again. */
static size_t drop_line(uint8_t *sector, size_t used)
{
    size_t line = 0;
    while (line < used && sector[line] != '\n')
        line++;
    line += line < used;
    memmove(sector, sector + line, used - line);
    return used - line;
}

enum status bootdisk_read_log(struct bootdisk *boot, uint8_t sector[SECTOR_BYTES], size_t *used)
{
    enum status status = boot->log_status;
    if (status == ST_OK)
        status = blockdev_read(&boot->cache.device, boot->log_lba, 1, sector);
    if (status == ST_OK)
        *used = log_used(sector);
    return status;
}

enum status bootdisk_log(struct bootdisk *boot, const char *line)
{
    size_t used = 0;
    uint8_t sector[SECTOR_BYTES];
    size_t bytes = text_length(line);
    /* The log is read first: the journal's slots, which lie behind it, come along in the same command. */
    readahead_forget(&boot->cache);
    if (boot->journal_status != ST_OK || boot->log_status != ST_OK)
        boot->log_status = open_log(boot); /* with nothing to tell another disk by, it is looked for again */
    enum status status = bootdisk_read_log(boot, sector, &used);
    if (status == ST_OK && !is_text(sector))
        status = ST_CORRUPT;
    if (status == ST_OK && boot->journal_status == ST_OK)
        status = check_journal(boot);
    if (status != ST_OK)
        return status;
    while (used + bytes > SECTOR_BYTES)
        used = drop_line(sector, used);
    memcpy(sector + used, line, bytes);
    memset(sector + used + bytes, ' ', SECTOR_BYTES - used - bytes);
    return bootdisk_write(boot, boot->log_lba, sector);
}
