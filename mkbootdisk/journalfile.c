/* SPDX-License-Identifier: MIT */
/* Undo files and boot disks as journals. */
#include "journalfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static enum status file_read(struct journal_store *store, uint32_t sector, void *buffer)
{
    struct host_journal *self = (struct host_journal *)((char *)store - offsetof(struct host_journal, file_store));
    return blockdev_read(&self->file.device, sector, 1, buffer);
}

static enum status file_write(struct journal_store *store, uint32_t sector, const void *buffer)
{
    struct host_journal *self = (struct host_journal *)((char *)store - offsetof(struct host_journal, file_store));
    return host_disk_write(&self->file, sector, buffer);
}

static bool is_undo_file(struct host_disk *file)
{
    uint8_t sector[SECTOR_BYTES];
    return blockdev_read(&file->device, 0, 1, sector) == ST_OK && memcmp(sector, "FTJRNL", 6) == 0;
}

static enum exit_code use_file(struct host_journal *out)
{
    out->file_store =
        (struct journal_store){.read = file_read, .write = file_write, .sectors = (uint32_t)out->file.device.sectors};
    out->store = &out->file_store;
    out->journal = &out->file_journal;
    if (journal_load(out->store, out->journal) == ST_OK)
        return EXIT_DONE;
    host_disk_close(&out->file);
    return complain(
        EXIT_IO,
        "%s: neither of its state records (offsets 0 and 512) is valid. Take a copy of it, or restore the sectors "
        "from SAVED.BIN of the boot disk",
        out->path);
}

enum exit_code journal_file_open(const char *path, struct host_journal *out)
{
    memset(out, 0, sizeof *out);
    out->path = path;
    enum exit_code code = host_boot_refuse_config(path);
    if (code == EXIT_DONE)
        code = host_disk_open(path, 0, &out->file);
    if (code != EXIT_DONE)
        return code;
    if (is_undo_file(&out->file))
        return use_file(out);
    host_disk_close(&out->file);
    code = host_boot_open(path, &out->boot);
    out->is_boot_disk = true;
    out->store = &out->boot.boot.store;
    out->journal = &out->boot.boot.journal;
    return code;
}

static enum exit_code make_new(const char *path)
{
    static uint8_t bytes[JOURNAL_MIN_SECTORS * SECTOR_BYTES];
    memset(bytes, 0, sizeof bytes);
    journal_format(bytes);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool good = fd >= 0 && write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (good)
        return EXIT_DONE;
    if (fd >= 0)
        unlink(path);
    return complain(EXIT_IO, "%s: %s. Give --undo-file FILE; nothing was changed", path, strerror(error));
}

/* Open one that is there, if nothing is lost when it is written over. */
static enum exit_code open_spare(const char *path, bool replace, struct host_journal *out)
{
    enum exit_code code = journal_file_open(path, out);
    if (code != EXIT_DONE)
        return code;
    if (out->journal->state == JOURNAL_PENDING)
        code = complain(EXIT_REFUSED,
                        "%s: holds a change that was begun and not completed (state pending). Undo or --finish that "
                        "first ('mkbootdisk undo'), or give another --undo-file; nothing was changed",
                        path);
    if (out->journal->state == JOURNAL_DONE && !replace)
        code = complain(EXIT_REFUSED,
                        "%s: holds a change that can still be undone (state done). Undo it, give another --undo-file, "
                        "or --replace-undo; nothing was changed",
                        path);
    if (code != EXIT_DONE)
        journal_file_close(out);
    return code;
}

enum exit_code journal_file_use(const char *bootdisk, const char *undo_file, bool replace, struct host_journal *out)
{
    if (bootdisk != NULL || access(undo_file, F_OK) == 0)
        return open_spare(bootdisk != NULL ? bootdisk : undo_file, replace, out);
    enum exit_code code = make_new(undo_file);
    if (code != EXIT_DONE)
        return code;
    code = journal_file_open(undo_file, out);
    out->created = code == EXIT_DONE;
    return code;
}

enum exit_code journal_file_make_writable(struct host_journal *journal)
{
    return host_disk_make_writable(journal->is_boot_disk ? &journal->boot.file : &journal->file);
}

void journal_file_close(struct host_journal *journal)
{
    if (journal->is_boot_disk)
        host_boot_close(&journal->boot);
    else
        host_disk_close(&journal->file);
    enum journal_state state = journal->journal->state;
    if (journal->created && (state == JOURNAL_EMPTY || state == JOURNAL_UNDONE))
        unlink(journal->path);
}
