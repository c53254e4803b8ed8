/* SPDX-License-Identifier: MIT */
/* Media. */
#include "medium.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diskimage.h"
#include "hostboot.h"
#include "isoimage.h"
#include "journalfile.h"
#include "target.h"

#define IMAGE "ft.img"
#define CD_FLOPPY "cdfloppy.img"
#define EFI_MIN_KILOBYTES 1440u
#define OWN_FOLDER "/EFI/mkbootdisk" /* in a system partition that others use too: \\EFI\\BOOT is not ours there */

bool medium_has_bios(const struct medium *medium)
{
    return medium->kind == MEDIUM_FLOPPY || medium->kind == MEDIUM_USB || medium->kind == MEDIUM_ISO;
}

bool medium_has_efi(const struct medium *medium)
{
    return medium->kind != MEDIUM_FLOPPY || medium->kilobytes >= EFI_MIN_KILOBYTES;
}

bool medium_is_read_only(const struct medium *medium)
{
    return medium->kind == MEDIUM_ISO || medium->kind == MEDIUM_NET;
}

bool medium_is_folder(const struct medium *medium)
{
    return medium->kind == MEDIUM_FOLDER || medium->kind == MEDIUM_NET;
}

static enum exit_code complain_about_undo(const char *path, enum journal_state state)
{
    return complain(EXIT_REFUSED,
                    "%s: is a boot disk with a change that can still be undone (state %s): see 'mkbootdisk journal'. "
                    "Take it back with 'mkbootdisk undo', choose another name or floppy, or give it up with "
                    "--replace-undo; nothing was changed",
                    path, journal_state_name(state));
}

static bool holds_undo(const struct journal *journal)
{
    return journal->state == JOURNAL_DONE || journal->state == JOURNAL_PENDING;
}

/* As the loader will. The file is closed again: what `out` still knows is what was read. */
static enum exit_code open_as_loader(const char *path, struct bootdisk *out)
{
    static struct host_disk file;
    static struct firmware fw;
    static struct trail trail;
    struct config config;
    enum exit_code code = host_disk_open(path, 0, &file);
    if (code != EXIT_DONE)
        return code;
    fw = (struct firmware){.name = "host", .boot_device = &file.device, .boot_sectors_per_track = 1};
    trail = (struct trail){0};
    config_init(&config);
    bootdisk_open(out, &fw, &trail, &config);
    host_disk_close(&file);
    return EXIT_DONE;
}

/* An undo on the boot disk that would be overwritten is the only way back for the disks it speaks of. */
static enum exit_code check_undo(const struct medium *medium)
{
    static struct bootdisk old;
    struct stat info;
    bool is_disk = stat(medium->output, &info) == 0 && (S_ISBLK(info.st_mode) || info.st_size >= (off_t)SECTOR_BYTES);
    if (medium->replace_undo || !is_disk)
        return EXIT_DONE;
    enum exit_code code = open_as_loader(medium->output, &old);
    if (code != EXIT_DONE)
        return code;
    bool holds = old.journal_status == ST_OK && holds_undo(&old.journal);
    return holds ? complain_about_undo(medium->output, old.journal.state) : EXIT_DONE;
}

/* The path of a file of the folder; valid until the next call. */
static const char *in_folder(const struct medium *medium, const char *below, const char *name)
{
    static char path[PATH_BYTES + 128];
    snprintf(path, sizeof path, "%s%s/%s", medium->output, below, name);
    return path;
}

static enum exit_code check_folder(const struct medium *medium)
{
    static struct host_journal old;
    const char *path = in_folder(medium, "", "FTJOURNL.DAT");
    struct stat info;
    if (medium->replace_undo || stat(path, &info) != 0)
        return EXIT_DONE;
    enum exit_code code = journal_file_open(path, &old);
    if (code != EXIT_DONE)
        return code;
    if (holds_undo(old.journal))
        code = complain_about_undo(path, old.journal->state);
    journal_file_close(&old);
    return code;
}

enum exit_code medium_check_inputs(const struct medium *medium, char *const *inputs, int input_count)
{
    if (medium_is_folder(medium))
        return EXIT_DONE;
    return target_check(medium->output, inputs, input_count, (size_t)medium->kilobytes * 1024);
}

enum exit_code medium_check_undo(const struct medium *medium)
{
    if (medium->kind == MEDIUM_NET)
        return EXIT_DONE; /* it keeps none */
    return medium->kind == MEDIUM_FOLDER ? check_folder(medium) : check_undo(medium);
}

/* Look at the result as the loader will. */
static enum exit_code prove(const char *path)
{
    static struct host_boot boot;
    struct fat_file file;
    uint64_t lba;
    enum exit_code code = host_boot_open(path, &boot);
    if (code != EXIT_DONE)
        return code;
    if (fat_open(&boot.boot.fat, FILE_STAGE2, &file) == ST_OK && fat_locate(&file, &lba) != ST_OK)
        code = complain(EXIT_IO, "%s: mcopy did not lay STAGE2.BIN in one piece", path);
    host_boot_close(&boot);
    return code;
}

/* The floppy in a CD has no journal, so it is none that host_boot_open would take. */
static enum exit_code prove_cd(const char *path)
{
    static struct bootdisk boot;
    enum exit_code code = open_as_loader(path, &boot);
    if (code == EXIT_DONE && boot.config_status != ST_OK)
        code = complain(EXIT_IO, "%s: mcopy did not copy MIRROR.INI. Install another version of mtools", path);
    return code;
}

static enum exit_code make(const struct medium *medium, struct floppy *floppy)
{
    enum exit_code code = EXIT_DONE;
    floppy->kilobytes = medium->kilobytes;
    switch (medium->kind) {
    case MEDIUM_FLOPPY:
        code = floppy_make(floppy, IMAGE);
        break;
    case MEDIUM_USB:
        code = diskimage_usb(floppy, IMAGE);
        break;
    case MEDIUM_ISO:
        code = isoimage_make(floppy, CD_FLOPPY, IMAGE);
        return code == EXIT_DONE ? prove_cd(work_path(CD_FLOPPY)) : code;
    case MEDIUM_ESP:
        code = diskimage_esp(floppy, IMAGE);
        break;
    case MEDIUM_FOLDER:
    case MEDIUM_NET:
        break;
    }
    return code == EXIT_DONE ? prove(work_path(IMAGE)) : code;
}

static enum exit_code deliver(const struct medium *medium)
{
    struct stat info;
    FILE *file = fopen(work_path(IMAGE), "rb");
    size_t count = file != NULL && fstat(fileno(file), &info) == 0 ? (size_t)info.st_size : 0;
    uint8_t *image = count > 0 ? malloc(count) : NULL;
    bool good = image != NULL && count >= (size_t)medium->kilobytes * 1024 && fread(image, 1, count, file) == count;
    if (file != NULL)
        fclose(file);
    enum exit_code code = good ? target_write(medium->output, image, count)
                               : complain(EXIT_IO, "%s: cannot be read back; is the folder full? Set TMPDIR to another",
                                          work_path(IMAGE));
    free(image);
    return code;
}

/* The loaders last: what cannot be complete shall not start. */
static enum exit_code write_folder(const struct medium *medium, const struct floppy *floppy)
{
    enum exit_code code = target_make_folder(in_folder(medium, "", "EFI"));
    if (code == EXIT_DONE)
        code = target_make_folder(in_folder(medium, OWN_FOLDER, ""));
    for (unsigned i = 0; i < floppy->files && code == EXIT_DONE; i++) {
        const struct floppy_file *file = &floppy->file[i];
        code = target_write(in_folder(medium, file->efi ? OWN_FOLDER : "", file->name), file->bytes, file->count);
    }
    return code;
}

enum exit_code medium_write(const struct medium *medium, struct floppy *floppy)
{
    if (medium->kind == MEDIUM_FOLDER)
        return write_folder(medium, floppy);
    if (medium->kind == MEDIUM_NET)
        return netfolder_write(&medium->net, medium->output, floppy);
    enum exit_code code = make(medium, floppy);
    return code == EXIT_DONE ? deliver(medium) : code;
}
