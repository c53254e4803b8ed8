/* SPDX-License-Identifier: MIT */
/* The UEFI loader's main: fills in struct firmware and lets the core look at the disks. It starts and writes nothing,
 * since the systems whose mirrors it knows cannot be started without a BIOS. Knows nothing of disks or mirrors. */
#include "shell.h"

#include "loader.h"

EFI_SYSTEM_TABLE *efi_system;

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static enum status refuse(struct disk_writer *writer, uint8_t drive, uint64_t lba, const void *sector)
{
    (void)writer;
    (void)drive;
    (void)lba;
    (void)sector;
    return ST_REFUSED;
}

static const char limit_text[] = "\nWindows NT starts from a BIOS only, and this firmware is UEFI: it can look at\n"
                                 "the disks, but not start NT from them. Nothing was written.\n";
static const char advice_text[] = "To start the machine, switch its setup to legacy start (CSM), and start this\n"
                                  "boot disk again.\n\nPress a key to return to the firmware.\n";

static void look(struct firmware *fw, struct loader *loader)
{
    loader_look(loader, fw);
    if (fw->serial)
        fw->event(fw, "ft: end started=none why=\"Windows NT starts from a BIOS only\"");
    fw->put(fw, limit_text, COLOUR_BRIGHT);
    fw->put(fw, advice_text, COLOUR_NORMAL);
    console_forget_keys();
    (void)fw->key(fw, KEY_WAIT_FOREVER);
}

/* loader_look calls neither up, handoff nor restart; they stay null. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    struct firmware fw = {
        .name = "efi", .put = efi_put, .key = efi_key, .event = efi_event, .writer = {.write = refuse}};
    void *arena = 0;
    void *work = 0;
    efi_system = system;
    /* The firmware restarts the machine after five minutes; a dying disk and a person who reads may take longer. */
    (void)boot_services()->SetWatchdogTimer(0, 0, 0, 0);
    EFI_STATUS status = boot_services()->AllocatePool(EfiLoaderData, sizeof(struct loader), &arena);
    if (EFI_ERROR(status))
        return status;
    if (!EFI_ERROR(boot_services()->AllocatePool(EfiLoaderData, sizeof(struct workspace), &work)))
        fw.work = work;
    console_init();
    disks_init(&fw, image);
    serial_init();
    look(&fw, arena);
    console_done();
    if (work != 0)
        (void)boot_services()->FreePool(work);
    (void)boot_services()->FreePool(arena);
    return EFI_SUCCESS;
}
