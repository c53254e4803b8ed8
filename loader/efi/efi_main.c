/* SPDX-License-Identifier: MIT */
/* The UEFI loader's main: fills in struct firmware and lets the core tell its story. Knows nothing of disks or mirrors.
 */
#include "shell.h"

#include "loader.h"

EFI_SYSTEM_TABLE *efi_system;

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static const char cannot_start[] = "Windows NT starts from a BIOS only";
static const char advice[] = "To start it, switch the machine's setup to legacy start (CSM) and start this boot disk\n"
                             "again. From here the disks can be looked at, and a mirror can be broken.\n";

/* Leaving is all a person can want here: the firmware then goes on with its own boot order. */
static void leave(struct firmware *fw)
{
    fw->stopped = true;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    struct firmware fw = {.name = "efi",
                          .put = efi_put,
                          .up = efi_up,
                          .key = efi_key,
                          .event = efi_event,
                          .cannot_start = cannot_start,
                          .cannot_start_advice = advice,
                          .start_file = efi_start_file,
                          .copy_files = efi_copy_files,
                          .restart_text = "Return to the firmware",
                          .restart = leave};
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
    efi_start_init(image);
    disks_init(&fw, image);
    net_init(&fw, image);
    serial_init();
    console_forget_keys();
    loader_run(arena, &fw);
    console_done();
    if (work != 0)
        (void)boot_services()->FreePool(work);
    (void)boot_services()->FreePool(arena);
    return EFI_SUCCESS;
}
