/* SPDX-License-Identifier: MIT */
/* Fixtures by hand. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change/journal.h"

void fx_mbr(struct memdev *disk, uint32_t signature)
{
    static const uint8_t code[] = {0x33, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x7C};
    uint8_t *sector = memdev_sector(disk, 0);
    memset(sector, 0, SECTOR_BYTES);
    memcpy(sector, code, sizeof code);
    for (unsigned i = 0; i < 4; i++)
        sector[0x1B8 + i] = (uint8_t)(signature >> 8 * i);
    sector[510] = 0x55;
    sector[511] = 0xAA;
}

void fx_entry(uint8_t *sector, unsigned index, uint8_t flag, uint8_t type, uint32_t start, uint32_t sectors)
{
    uint8_t *entry = sector + 446 + (size_t)16 * index;
    memset(entry, 0, 16);
    entry[0] = flag;
    entry[4] = type;
    for (unsigned i = 0; i < 4; i++) {
        entry[8 + i] = (uint8_t)(start >> 8 * i);
        entry[12 + i] = (uint8_t)(sectors >> 8 * i);
    }
}

void fx_ebr(struct memdev *disk, uint32_t lba, uint8_t type, uint32_t offset, uint32_t sectors, uint32_t next)
{
    uint8_t *sector = memdev_sector(disk, lba);
    memset(sector, 0, SECTOR_BYTES);
    fx_entry(sector, 0, 0, type, offset, sectors);
    if (next != 0)
        fx_entry(sector, 1, 0, 5, next, sectors + offset);
    sector[510] = 0x55;
    sector[511] = 0xAA;
}

void fx_volume(struct memdev *disk, uint32_t start, uint32_t sectors, char tag)
{
    static const uint8_t head[] = {0xEB, 0x3C, 0x90, 'M',  'S', 'D', 'O', 'S', '5', '.',  '0',  0x00,
                                   0x02, 0x04, 0x01, 0x00, 2,   0,   2,   0,   0,   0xF8, 0x10, 0x00};
    for (uint32_t i = 0; i < sectors; i++) {
        uint8_t *sector = memdev_sector(disk, start + i);
        for (unsigned at = 0; at < SECTOR_BYTES; at++)
            sector[at] = (uint8_t)((unsigned char)tag + i + at * 3);
    }
    uint8_t *boot = memdev_sector(disk, start);
    memset(boot, 0, SECTOR_BYTES);
    memcpy(boot, head, sizeof head);
    boot[0x18] = 17; /* wrong geometry, hidden sectors and drive on purpose: the plan must mend them */
    boot[0x1A] = 4;
    boot[0x1C] = 0x11;
    boot[0x24] = 0x81;
    (void)snprintf((char *)boot + 0x40, 32, "volume %c", tag);
    boot[510] = 0x55;
    boot[511] = 0xAA;
}

void fx_fat12_set(uint8_t *fat, unsigned cluster, unsigned value)
{
    uint8_t *at = fat + cluster * 3 / 2;
    if (cluster % 2 == 0) {
        at[0] = (uint8_t)value;
        at[1] = (uint8_t)((at[1] & 0xF0) | (value >> 8 & 0x0F));
    } else {
        at[0] = (uint8_t)((at[0] & 0x0F) | (value << 4 & 0xF0));
        at[1] = (uint8_t)(value >> 4);
    }
}

static unsigned fat12_get(const uint8_t *fat, unsigned cluster)
{
    const uint8_t *at = fat + cluster * 3 / 2;
    unsigned pair = at[0] | (unsigned)at[1] << 8;
    return cluster % 2 == 0 ? pair & 0xFFF : pair >> 4;
}

void fx_floppy(struct memdev *floppy)
{
    static const uint8_t head[] = {0xEB, 0x3C, 0x90, 'R', 'I', 'G',  ' ',  ' ',  ' ', ' ', ' ', 0, 2, 1,
                                   1,    0,    2,    224, 0,   0x40, 0x0B, 0xF0, 9,   0,   18,  0, 2, 0};
    memset(floppy->bytes, 0, (size_t)floppy->sectors * SECTOR_BYTES);
    uint8_t *boot = memdev_sector(floppy, 0);
    memcpy(boot, head, sizeof head);
    boot[510] = 0x55;
    boot[511] = 0xAA;
    for (unsigned copy = 0; copy < 2; copy++) {
        fx_fat12_set(memdev_sector(floppy, 1 + copy * 9), 0, 0xFF0);
        fx_fat12_set(memdev_sector(floppy, 1 + copy * 9), 1, 0xFFF);
    }
}

static uint8_t *free_entry(struct memdev *floppy)
{
    for (unsigned i = 0; i < 224; i++) {
        uint8_t *entry = memdev_sector(floppy, FLOPPY_ROOT_LBA) + (size_t)32 * i;
        if (entry[0] == 0)
            return entry;
    }
    abort();
}

static unsigned free_cluster(struct memdev *floppy)
{
    unsigned cluster = 2;
    while (fat12_get(memdev_sector(floppy, 1), cluster) != 0)
        cluster++;
    return cluster;
}

uint32_t fx_file_step(struct memdev *floppy, const char *name, const void *bytes, uint32_t size, unsigned step)
{
    uint8_t *entry = free_entry(floppy);
    unsigned first = free_cluster(floppy);
    unsigned count = (size + SECTOR_BYTES - 1) / SECTOR_BYTES;
    memcpy(entry, name, 11);
    entry[11] = 0x20;
    entry[26] = (uint8_t)first;
    entry[27] = (uint8_t)(first >> 8);
    for (unsigned i = 0; i < 4; i++)
        entry[28 + i] = (uint8_t)(size >> 8 * i);
    for (unsigned i = 0; i < count; i++) {
        unsigned cluster = first + i * step;
        unsigned left = size - i * SECTOR_BYTES;
        memcpy(memdev_sector(floppy, FLOPPY_DATA_LBA - 2 + cluster), (const uint8_t *)bytes + (size_t)i * SECTOR_BYTES,
               left < SECTOR_BYTES ? left : SECTOR_BYTES);
        for (unsigned copy = 0; copy < 2; copy++)
            fx_fat12_set(memdev_sector(floppy, 1 + copy * 9), cluster, i + 1 < count ? cluster + step : 0xFFF);
    }
    return FLOPPY_DATA_LBA - 2 + first;
}

uint32_t fx_file(struct memdev *floppy, const char *name, const void *bytes, uint32_t size)
{
    return fx_file_step(floppy, name, bytes, size, 1);
}

void fx_boot_files(struct memdev *floppy, const char *ini)
{
    uint8_t log[SECTOR_BYTES];
    static uint8_t journal[FX_JOURNAL_SECTORS * SECTOR_BYTES];
    memset(log, ' ', sizeof log);
    memset(journal, 0, sizeof journal);
    journal_format(journal);
    if (ini != NULL)
        fx_file(floppy, "MIRROR  INI", ini, (uint32_t)strlen(ini));
    fx_file(floppy, "FTLOG   TXT", log, sizeof log);
    fx_file(floppy, "FTJOURNLDAT", journal, sizeof journal);
}

static FILE *open_vector(const char *name)
{
    char path[512];
    const char *directory = getenv("VECTORS");
    (void)snprintf(path, sizeof path, "%s/%s", directory != NULL ? directory : "tests/vectors", name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: cannot be opened\n", path);
        abort();
    }
    return file;
}

/* Each line: an offset in hex, a colon, bytes in hex. What no line names is zero. '#' begins a comment. */
size_t fx_vector(const char *name, void *bytes, size_t room)
{
    char line[256];
    size_t used = 0;
    FILE *file = open_vector(name);
    memset(bytes, 0, room);
    while (fgets(line, sizeof line, file) != NULL) {
        char *at = line;
        line[strcspn(line, "#\r\n")] = '\0';
        size_t offset = strtoul(at, &at, 16);
        if (*at++ != ':')
            continue;
        for (;;) {
            char *end;
            unsigned long value = strtoul(at, &end, 16);
            if (end == at)
                break;
            if (offset >= room || value > 0xFF)
                abort();
            ((uint8_t *)bytes)[offset++] = (uint8_t)value;
            used = offset > used ? offset : used;
            at = end;
        }
    }
    (void)fclose(file);
    return used;
}
