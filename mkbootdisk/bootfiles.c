/* SPDX-License-Identifier: MIT */
/* The files of a boot disk. */
#include "bootfiles.h"

#include <string.h>

#include "hostboot.h"

/* The loaders, linked into the tool. */
extern const uint8_t _binary_fat12_bin_start[];
extern const uint8_t _binary_STAGE2_BIN_start[], _binary_STAGE2_BIN_end[];
extern const uint8_t _binary_mkbootdisk_0_start[], _binary_mkbootdisk_0_end[];
extern const uint8_t _binary_boot_ipxe_start[], _binary_boot_ipxe_end[];
extern const uint8_t _binary_BOOTX64_EFI_start[], _binary_BOOTX64_EFI_end[];
extern const uint8_t _binary_BOOTIA32_EFI_start[], _binary_BOOTIA32_EFI_end[];

static struct floppy_file *add(struct floppy *floppy, const char *name, const void *bytes, size_t count)
{
    struct floppy_file *file = &floppy->file[floppy->files++];
    *file = (struct floppy_file){.name = name, .bytes = bytes, .count = count};
    return file;
}

static void add_own(const struct gathered *gathered, struct floppy *floppy)
{
    for (unsigned i = 0; i < OWN_COUNT; i++) {
        const struct own_file *own = &gathered->file[i];
        if (own->bytes != NULL)
            add(floppy, own_names[i], own->bytes, own->count)->source = own->source;
    }
}

/* The sector that starts it, with the name of what it starts. */
static void make_boot_sector(bool classic, struct floppy *floppy)
{
    static uint8_t sector[SECTOR_BYTES];
    memcpy(sector, _binary_fat12_bin_start, sizeof sector);
    if (classic)
        memcpy(sector + BOOT_NAME_OFFSET, FILE_NTLDR, FAT_NAME_BYTES);
    floppy->boot_sector = sector;
}

/* MIRROR.INI, FTLOG.TXT and the journal's head share a track: see READAHEAD_SECTORS. */
static void add_state(const struct bootfiles *wanted, struct floppy *floppy)
{
    static char mirror_ini[CONFIG_BYTES_MAX];
    static uint8_t log[SECTOR_BYTES];
    static uint8_t journal[MEDIA_JOURNAL_SECTORS * SECTOR_BYTES];
    struct text text;
    text_init(&text, mirror_ini, sizeof mirror_ini);
    config_write(&wanted->set->config, &text);
    add(floppy, "MIRROR.INI", mirror_ini, text.used_bytes)->track_begin = true;
    if (wanted->read_only)
        return; /* a journal that cannot be written would promise an undo */
    memset(log, ' ', sizeof log);
    add(floppy, "FTLOG.TXT", log, sizeof log);
    journal_format(journal);
    add(floppy, "FTJOURNL.DAT", journal, sizeof journal);
}

static enum exit_code add_saved(const struct bootfiles *wanted, struct floppy *floppy)
{
    static uint8_t saved[MEDIA_SAVED_SECTORS_MAX * SECTOR_BYTES];
    size_t bytes = media_saved(wanted->set, wanted->nt, saved);
    if (bytes == 0)
        return complain(EXIT_IO, "a partition table or boot sector cannot be read; see 'mkbootdisk survey'");
    add(floppy, "SAVED.BIN", saved, bytes);
    return EXIT_DONE;
}

/* STAGE2.BIN begins a track. */
static void add_bios(const struct bootfiles *wanted, struct floppy *floppy)
{
    static char boot_ini[MEDIA_BOOTINI_BYTES];
    struct text text;
    if (!wanted->classic)
        add(floppy, "STAGE2.BIN", _binary_STAGE2_BIN_start, (size_t)(_binary_STAGE2_BIN_end - _binary_STAGE2_BIN_start))
            ->track_begin = true;
    text_init(&text, boot_ini, sizeof boot_ini);
    media_boot_ini(wanted->set, wanted->gathered, wanted->classic, &text);
    add(floppy, "BOOT.INI", boot_ini, text.used_bytes);
    add_own(wanted->gathered, floppy);
}

static void add_net(struct floppy *floppy)
{
    add(floppy, "mkbootdisk.0", _binary_mkbootdisk_0_start,
        (size_t)(_binary_mkbootdisk_0_end - _binary_mkbootdisk_0_start));
    add(floppy, "boot.ipxe", _binary_boot_ipxe_start, (size_t)(_binary_boot_ipxe_end - _binary_boot_ipxe_start));
}

static void add_efi(struct floppy *floppy)
{
    add(floppy, "BOOTX64.EFI", _binary_BOOTX64_EFI_start, (size_t)(_binary_BOOTX64_EFI_end - _binary_BOOTX64_EFI_start))
        ->efi = true;
    add(floppy, "BOOTIA32.EFI", _binary_BOOTIA32_EFI_start,
        (size_t)(_binary_BOOTIA32_EFI_end - _binary_BOOTIA32_EFI_start))
        ->efi = true;
}

/* The file in front of one that begins a track is padded, which SAVED.BIN and FTJOURNL.DAT can bear. */
enum exit_code bootfiles_collect(const struct bootfiles *wanted, struct floppy *out)
{
    enum exit_code code = EXIT_DONE;
    make_boot_sector(wanted->classic, out);
    if (wanted->bios && !wanted->read_only)
        code = add_saved(wanted, out);
    add_state(wanted, out);
    if (wanted->bios && wanted->read_only)
        code = add_saved(wanted, out);
    if (wanted->bios)
        add_bios(wanted, out);
    if (wanted->net)
        add_net(out);
    if (wanted->efi)
        add_efi(out);
    return code;
}
