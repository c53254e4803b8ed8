/* SPDX-License-Identifier: MIT */
/* The firmware made of memory. */
#include "rigfw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rigfw *rig_of(struct firmware *fw)
{
    return (struct rigfw *)fw;
}

static enum status open_disk(struct firmware *fw, unsigned index, struct blockdev **device, struct geometry *geometry)
{
    struct rigfw *rig = rig_of(fw);
    unsigned seen = 0;
    for (unsigned i = 0; i < rig->disks; i++) {
        if (rig->absent[i] || seen++ != index)
            continue;
        rig->drive_of[i] = rig->fault[i].device.drive = (uint8_t)(0x80 + index);
        *device = &rig->fault[i].device;
        *geometry = rig->geometry[i];
        return rig->odd_sectors[i] ? ST_UNSUPPORTED : ST_OK;
    }
    return ST_NOT_FOUND;
}

static struct memdev *medium_of(struct rigfw *rig, uint8_t drive)
{
    if (drive == RIG_FLOPPY_DRIVE)
        return &rig->floppy;
    for (unsigned i = 0; i < rig->disks; i++)
        if (!rig->absent[i] && rig->drive_of[i] == drive)
            return &rig->disk[i];
    abort(); /* a write to a drive that is not there */
}

/* One of the last writes, counted back from the last one. */
static struct rig_cached *cached(struct rigfw *rig, unsigned back)
{
    return &rig->cached[(rig->writes - 1 - back) % RIG_CACHED];
}

static bool is_lost(const struct rigfw *rig, unsigned back)
{
    return back > 0 && (rig->lost >> (back - 1) & 1) != 0;
}

/* The medium is what it was before the last writes, plus those of them that arrived. */
static void lose_writes(struct rigfw *rig)
{
    unsigned count = rig->writes < RIG_CACHED ? rig->writes : RIG_CACHED;
    for (unsigned back = 0; back < count; back++)
        memcpy(cached(rig, back)->to, cached(rig, back)->before, SECTOR_BYTES);
    for (unsigned back = count; back-- > 0;)
        if (!is_lost(rig, back))
            memcpy(cached(rig, back)->to, cached(rig, back)->bytes, SECTOR_BYTES);
}

bool rig_lost_on_floppy(const struct rigfw *rig)
{
    for (unsigned back = 1; back < RIG_CACHED && back < rig->writes; back++)
        if (is_lost(rig, back) && rig->cached[(rig->writes - 1 - back) % RIG_CACHED].drive == RIG_FLOPPY_DRIVE)
            return true;
    return false;
}

static void cut_power(struct rigfw *rig)
{
    longjmp(rig->leave, RIG_CUT);
}

static void pull_floppy(struct rigfw *rig)
{
    faultdev_kill(&rig->floppy_fault, FAULT_ERROR);
}

static enum status faulty_write(struct rigfw *rig, uint8_t *to, const void *sector)
{
    size_t half = SECTOR_BYTES / 2;
    switch (rig->write_fault) {
    case WRITE_FAILS:
    case WRITE_FAIL_ALL:
    case WRITE_FAIL_DISKS:
    case WRITE_PROTECTED:
        return ST_IO;
    case WRITE_LOST:
        return ST_OK;
    case WRITE_TORN:
        memcpy(to, sector, half);
        return ST_IO;
    case CUT_AFTER:
        memcpy(to, sector, SECTOR_BYTES);
        lose_writes(rig);
        break;
    case CUT_TORN_HEAD:
        memcpy(to, sector, half);
        break;
    case CUT_TORN_TAIL:
        memcpy(to + half, (const uint8_t *)sector + half, half);
        break;
    case WRITE_GOOD:
    case WRITE_NO_FLOPPY:
    case CUT_BEFORE:
        break;
    }
    cut_power(rig);
    return ST_IO;
}

/* Whether the write that has just been counted goes wrong. */
static bool is_faulty(struct rigfw *rig, uint8_t drive)
{
    if (rig->faulty_write == 0 || rig->writes < rig->faulty_write)
        return false;
    if (rig->write_fault == WRITE_NO_FLOPPY)
        pull_floppy(rig);
    if (rig->write_fault == WRITE_FAIL_DISKS)
        return drive != RIG_FLOPPY_DRIVE;
    if (rig->write_fault == WRITE_PROTECTED)
        return drive == RIG_FLOPPY_DRIVE;
    return rig->writes == rig->faulty_write || rig->write_fault == WRITE_FAIL_ALL;
}

static enum status write_sector(struct disk_writer *writer, uint8_t drive, uint64_t lba, const void *sector)
{
    struct rigfw *rig = (struct rigfw *)((char *)writer - offsetof(struct rigfw, fw.writer));
    uint8_t *to = memdev_sector(medium_of(rig, drive), lba);
    if (rig->writes < sizeof rig->write / sizeof rig->write[0])
        rig->write[rig->writes] = (struct rig_write){drive, lba};
    rig->writes++;
    rig->disk_writes += drive != RIG_FLOPPY_DRIVE;
    struct rig_cached *now = cached(rig, 0);
    *now = (struct rig_cached){.drive = drive, .to = to};
    memcpy(now->before, to, SECTOR_BYTES);
    memcpy(now->bytes, sector, SECTOR_BYTES);
    bool faulty = is_faulty(rig, drive);
    if (drive == RIG_FLOPPY_DRIVE && rig->floppy_fault.dead)
        return ST_IO;
    if (faulty && rig->write_fault != WRITE_NO_FLOPPY)
        return faulty_write(rig, to, sector);
    memcpy(to, sector, SECTOR_BYTES);
    return ST_OK;
}

static void keep(char *kept, size_t *used, const char *text, const char *end)
{
    size_t room = RIG_TEXT_BYTES - *used;
    int bytes = snprintf(kept + *used, room, "%s%s", text, end);
    *used += bytes < (int)room ? (size_t)bytes : room - 1;
}

static void put(struct firmware *fw, const char *text, enum colour colour)
{
    (void)colour;
    keep(rig_of(fw)->screen, &rig_of(fw)->screen_used, text, "");
}

static void up(struct firmware *fw, unsigned lines)
{
    (void)fw;
    (void)lines;
}

static int next_key(struct firmware *fw, uint32_t wait_ms)
{
    struct rigfw *rig = rig_of(fw);
    if (rig->pulled_at_key == rig->keys_used + 1)
        pull_floppy(rig);
    if (rig->keys_used < rig->keys)
        return rig->key[rig->keys_used++];
    if (wait_ms == KEY_WAIT_FOREVER)
        longjmp(rig->leave, RIG_WAITING);
    return KEY_NONE;
}

static void event(struct firmware *fw, const char *line)
{
    keep(rig_of(fw)->events, &rig_of(fw)->events_used, line, "\n");
}

static void handoff(struct firmware *fw, const struct boot_plan *plan)
{
    rig_of(fw)->plan = *plan;
    if (!rig_of(fw)->handoff_fails)
        longjmp(rig_of(fw)->leave, RIG_HANDOFF);
}

static void restart(struct firmware *fw)
{
    longjmp(rig_of(fw)->leave, RIG_RESTART);
}

void rig_init(struct rigfw *rig, unsigned disks, uint32_t sectors)
{
    memset(rig, 0, sizeof *rig);
    rig->disks = disks;
    for (unsigned i = 0; i < disks; i++) {
        memdev_init(&rig->disk[i], sectors, (uint8_t)(0x80 + i));
        rig->geometry[i] = (struct geometry){.heads = 16, .sectors_per_track = 63};
    }
    memdev_init(&rig->floppy, FLOPPY_SECTORS, RIG_FLOPPY_DRIVE);
    fx_floppy(&rig->floppy);
    rig_heal(rig);
}

void rig_free(struct rigfw *rig)
{
    for (unsigned i = 0; i < rig->disks; i++)
        memdev_free(&rig->disk[i]);
    memdev_free(&rig->floppy);
}

void rig_heal(struct rigfw *rig)
{
    for (unsigned i = 0; i < rig->disks; i++) {
        faultdev_init(&rig->fault[i], &rig->disk[i].device);
        rig->fault[i].clock = &rig->reads;
        rig->absent[i] = rig->odd_sectors[i] = false;
    }
    faultdev_init(&rig->floppy_fault, &rig->floppy.device);
    rig->floppy_fault.clock = &rig->reads;
    rig->faulty_write = rig->lost = rig->pulled_at_key = 0;
    rig->write_fault = WRITE_GOOD;
}

void rig_keys(struct rigfw *rig, const char *keys)
{
    rig->keys = 0;
    for (; *keys != '\0'; keys++)
        rig_key(rig, *keys);
}

void rig_key(struct rigfw *rig, int key)
{
    if (rig->keys == RIG_KEYS)
        abort();
    rig->key[rig->keys++] = key;
}

static void reset_run(struct rigfw *rig)
{
    rig->fw = (struct firmware){.name = "rig",
                                .disk_open = open_disk,
                                .writer = {write_sector},
                                .boot_device = &rig->floppy_fault.device,
                                .boot_sectors_per_track = 18,
                                .put = put,
                                .up = up,
                                .key = next_key,
                                .event = event,
                                .work = &rig->work,
                                .loader_room = rig->room,
                                .loader_room_bytes = sizeof rig->room,
                                .cannot_start = rig->cannot_start,
                                .handoff = handoff,
                                .restart = restart};
    memset(&rig->loader, 0xC3, sizeof rig->loader); /* the loader must not trust the memory it is given */
    memset(&rig->plan, 0, sizeof rig->plan);
    rig->keys_used = rig->reads = rig->writes = rig->disk_writes = 0;
    rig->screen_used = rig->events_used = 0;
    rig->screen[0] = rig->events[0] = '\0';
    for (unsigned i = 0; i < rig->disks; i++)
        rig->fault[i].reads = rig->fault[i].faults = 0;
    rig->floppy_fault.reads = rig->floppy_fault.faults = 0;
}

enum rig_end rig_run(struct rigfw *rig)
{
    reset_run(rig);
    int end = setjmp(rig->leave);
    if (end != 0)
        return (enum rig_end)end;
    loader_run(&rig->loader, &rig->fw);
    return RIG_RETURNED;
}

bool rig_event(const struct rigfw *rig, const char *part)
{
    return strstr(rig->events, part) != NULL;
}

void rig_mirror(struct rigfw *rig, const char *policy)
{
    char ini[512];
    static const uint32_t signature[2] = {RIG_SIGNATURE_A, RIG_SIGNATURE_B};
    rig_init(rig, 2, RIG_DISK_SECTORS);
    for (unsigned i = 0; i < 2; i++) {
        fx_mbr(&rig->disk[i], signature[i]);
        fx_entry(memdev_sector(&rig->disk[i], 0), 0, i == 0 ? 0x80 : 0, 0x86, RIG_MEMBER_START, RIG_MEMBER_SECTORS);
        fx_volume(&rig->disk[i], RIG_MEMBER_START, RIG_MEMBER_SECTORS, 'M');
    }
    (void)snprintf(ini, sizeof ini,
                   "[loader]\r\ntimeout=5\r\nbreak=%s\r\n[set 1]\r\nprimary=%08x start %u sectors %u\r\n"
                   "shadow=%08x start %u sectors %u\r\n",
                   policy != NULL ? policy : "", signature[0], RIG_MEMBER_START, RIG_MEMBER_SECTORS, signature[1],
                   RIG_MEMBER_START, RIG_MEMBER_SECTORS);
    fx_boot_files(&rig->floppy, policy != NULL ? ini : NULL);
}
