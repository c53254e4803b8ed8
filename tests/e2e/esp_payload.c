/* SPDX-License-Identifier: MIT */
/* What the tests put onto EFI system partitions: it says on COM1 which partition and which file it was started from,
 * and switches the machine off through isa-debug-exit. A file whose name begins with X or x comes back instead, as a
 * shell does that was left; one with H or h hangs. Uses nothing of the loader. */
#include <efi.h>

#define COM1 0x3F8u
#define COM1_STATUS (COM1 + 5u)
#define CAN_SEND 0x20u
#define DEBUG_EXIT 0x501u
#define EXIT_VALUE 0x10u /* QEMU's exit status is 33 then */

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static void out_byte(UINT16 port, UINT8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static UINT8 in_byte(UINT16 port)
{
    UINT8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void send(char letter)
{
    while ((in_byte(COM1_STATUS) & CAN_SEND) == 0)
        ;
    out_byte(COM1, (UINT8)letter);
}

static void send_text(const char *text)
{
    for (; *text != '\0'; text++)
        send(*text);
}

static void send_hex(const UINT8 *bytes, UINTN count)
{
    for (UINTN i = 0; i < 2 * count; i++)
        send("0123456789abcdef"[bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15]);
}

/* Send the GUID of the partition with this device path. */
static void send_partition(EFI_DEVICE_PATH *node)
{
    for (; !IsDevicePathEnd(node); node = NextDevicePathNode(node))
        if (DevicePathType(node) == MEDIA_DEVICE_PATH && DevicePathSubType(node) == MEDIA_HARDDRIVE_DP)
            send_hex(((HARDDRIVE_DEVICE_PATH *)node)->Signature, 16);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_GUID path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
    void *loaded = 0;
    void *device = 0;
    CHAR16 name = 0; /* the first letter behind the last backslash */
    if (EFI_ERROR(system->BootServices->HandleProtocol(image, &image_guid, &loaded)) ||
        EFI_ERROR(
            system->BootServices->HandleProtocol(((EFI_LOADED_IMAGE *)loaded)->DeviceHandle, &path_guid, &device)))
        return EFI_UNSUPPORTED;
    send_text("\r\nPAYLOAD partition=");
    send_partition(device);
    send_text(" file=");
    const FILEPATH_DEVICE_PATH *file = (const FILEPATH_DEVICE_PATH *)((EFI_LOADED_IMAGE *)loaded)->FilePath;
    for (const CHAR16 *at = file->PathName; *at != 0; at++) {
        send((char)*at);
        name = at[0] == '\\' ? at[1] : name;
    }
    send_text("\r\n");
    if ((name | 0x20) == 'x')
        return EFI_SUCCESS;
    while ((name | 0x20) == 'h')
        __asm__ volatile("hlt");
    out_byte(DEBUG_EXIT, EXIT_VALUE);
    return EFI_DEVICE_ERROR;
}
