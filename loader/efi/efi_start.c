/* SPDX-License-Identifier: MIT */
/* Starting another loader from an EFI system partition. Knows device paths; decides nothing about which half is good.
 */
#include "shell.h"

#define WATCHDOG_S 300u /* as the firmware sets it for what it starts itself: a loader that hangs must not stay */

static const char denied[] =
    "Secure Boot forbids it: no key that this firmware trusts has signed that loader. Sign it\n"
    "with a key that is enrolled, or switch Secure Boot off in the machine's setup.\n";
static const char unknown[] =
    "The firmware finds no file system there: its partition table or the volume may be damaged.\n";

static EFI_HANDLE self;

static EFI_DEVICE_PATH *device_path(EFI_HANDLE handle)
{
    return efi_protocol(handle, (EFI_GUID)EFI_DEVICE_PATH_PROTOCOL_GUID);
}

/* The bytes of a device path in front of its end. */
static UINTN path_bytes(const EFI_DEVICE_PATH *path)
{
    const EFI_DEVICE_PATH *node = path;
    while (!IsDevicePathEnd(node))
        node = NextDevicePathNode(node);
    return (UINTN)((const UINT8 *)node - (const UINT8 *)path);
}

/* Whether `path` is that of the partition at `start_lba` of the disk with the path `disk`. */
static bool is_partition(const EFI_DEVICE_PATH *path, const EFI_DEVICE_PATH *disk, uint32_t start_lba)
{
    UINTN prefix = path_bytes(disk);
    if (path_bytes(path) <= prefix || memcmp(path, disk, prefix) != 0)
        return false;
    const HARDDRIVE_DEVICE_PATH *node = (const HARDDRIVE_DEVICE_PATH *)((const UINT8 *)path + prefix);
    return DevicePathType(&node->Header) == MEDIA_DEVICE_PATH &&
           DevicePathSubType(&node->Header) == MEDIA_HARDDRIVE_DP && node->PartitionStart == start_lba;
}

EFI_HANDLE efi_partition(uint8_t drive, uint32_t start_lba)
{
    EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_HANDLE disk = efi_disk_handle(drive);
    EFI_DEVICE_PATH *disk_path = disk != 0 ? device_path(disk) : 0;
    EFI_HANDLE *handles = 0;
    EFI_HANDLE found = 0;
    UINTN count = 0;
    if (disk_path == 0 || EFI_ERROR(boot_services()->LocateHandleBuffer(ByProtocol, &guid, 0, &count, &handles)))
        return 0;
    for (UINTN i = 0; i < count && found == 0; i++) {
        EFI_DEVICE_PATH *path = device_path(handles[i]);
        if (path != 0 && is_partition(path, disk_path, start_lba))
            found = handles[i];
    }
    (void)boot_services()->FreePool(handles);
    return found;
}

void efi_start_init(EFI_HANDLE image)
{
    self = image;
}

/* Whether the file is this loader: it would start itself for ever. */
static bool is_self(EFI_HANDLE partition, const char *path)
{
    EFI_LOADED_IMAGE *loaded = efi_protocol(self, (EFI_GUID)EFI_LOADED_IMAGE_PROTOCOL_GUID);
    if (loaded == 0 || loaded->DeviceHandle != partition || loaded->FilePath == 0)
        return false;
    const FILEPATH_DEVICE_PATH *node = (const FILEPATH_DEVICE_PATH *)loaded->FilePath;
    if (DevicePathType(&node->Header) != MEDIA_DEVICE_PATH || DevicePathSubType(&node->Header) != MEDIA_FILEPATH_DP)
        return false;
    const CHAR16 *own = node->PathName;
    for (; *own != 0 && *path != '\0'; own++, path++)
        if (*own >= 0x80 || ascii_lower((char)*own) != ascii_lower(*path))
            return false;
    return *own == 0 && *path == '\0';
}

/* The device path of a file: the partition's, a node with the file's name, the end. Null: no memory. */
static EFI_DEVICE_PATH *make_path(EFI_HANDLE partition, const char *path)
{
    const EFI_DEVICE_PATH *from = device_path(partition);
    UINTN prefix = path_bytes(from);
    UINTN name_bytes = (text_length(path) + 1) * sizeof(CHAR16);
    UINTN node_bytes = sizeof(EFI_DEVICE_PATH) + name_bytes;
    void *made = 0;
    if (EFI_ERROR(boot_services()->AllocatePool(EfiLoaderData, prefix + node_bytes + sizeof(EFI_DEVICE_PATH), &made)))
        return 0;
    memcpy(made, from, prefix);
    UINT8 *node = (UINT8 *)made + prefix;
    node[0] = MEDIA_DEVICE_PATH;
    node[1] = MEDIA_FILEPATH_DP;
    put_le16(node + 2, (uint16_t)node_bytes);
    for (UINTN i = 0; i <= text_length(path); i++)
        put_le16(node + sizeof(EFI_DEVICE_PATH) + i * sizeof(CHAR16), (uint8_t)path[i]);
    EFI_DEVICE_PATH *end = (EFI_DEVICE_PATH *)(node + node_bytes);
    SetDevicePathEndNode(end);
    return made;
}

/* An image that is not trusted may have been loaded all the same. One that ran and came back is gone. */
static enum status give_up(struct firmware *fw, EFI_STATUS status, EFI_HANDLE image)
{
    if (status != EFI_SECURITY_VIOLATION && status != EFI_ACCESS_DENIED)
        return ST_IO;
    if (image != 0)
        (void)boot_services()->UnloadImage(image);
    efi_put(fw, denied, COLOUR_BAD);
    return ST_DENIED;
}

enum status efi_start_file(struct firmware *fw, uint8_t drive, uint32_t start_lba, const char *path)
{
    EFI_HANDLE partition = efi_partition(drive, start_lba);
    EFI_HANDLE image = 0;
    if (partition == 0) {
        efi_put(fw, unknown, COLOUR_BAD);
        return ST_NOT_FOUND;
    }
    if (is_self(partition, path))
        return ST_REFUSED;
    EFI_DEVICE_PATH *file = make_path(partition, path);
    if (file == 0)
        return ST_NO_SPACE;
    EFI_STATUS status = boot_services()->LoadImage(FALSE, self, file, 0, 0, &image);
    (void)boot_services()->FreePool(file);
    if (status == EFI_NOT_FOUND)
        return ST_NOT_FOUND;
    if (EFI_ERROR(status))
        return give_up(fw, status, image);
    console_done();
    (void)boot_services()->SetWatchdogTimer(WATCHDOG_S, 0, 0, 0);
    status = boot_services()->StartImage(image, 0, 0);
    (void)boot_services()->SetWatchdogTimer(0, 0, 0, 0);
    console_init();
    return EFI_ERROR(status) ? give_up(fw, status, image) : ST_OK;
}
