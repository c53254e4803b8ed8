/* SPDX-License-Identifier: MIT */
/* Bringing one EFI system partition up to date from the other, file by file, through the firmware's own file systems.
 * A file is written under another name first and takes the old one's place when it is whole, so that a power cut leaves
 * the old one, the new one, or both. Nothing is deleted that the other side does not have. */
#include "shell.h"

#define BUFFER_BYTES 65536u
#define INFO_BYTES 1024u
#define NAME_UNITS 256u
#define DEPTH_MAX 8u

struct copying {
    EFI_FILE *root[2]; /* from, to */
    uint8_t *buffer[2];
    unsigned copied;
};

EFI_FILE *efi_open_root(EFI_HANDLE handle)
{
    EFI_FILE_IO_INTERFACE *volume =
        handle != 0 ? efi_protocol(handle, (EFI_GUID)EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID) : 0;
    EFI_FILE *root = 0;
    return volume == 0 || EFI_ERROR(volume->OpenVolume(volume, &root)) ? 0 : root;
}

static EFI_FILE *open_file(EFI_FILE *folder, CHAR16 *name, UINT64 mode, UINT64 attributes)
{
    EFI_FILE *file = 0;
    return EFI_ERROR(folder->Open(folder, &file, name, mode, attributes)) ? 0 : file;
}

static void close_file(EFI_FILE *file)
{
    if (file != 0)
        (void)file->Close(file);
}

/* Whether two open files hold the same bytes; both are read from their beginnings. */
static bool is_same(struct copying *copying, EFI_FILE *from, EFI_FILE *to)
{
    for (;;) {
        UINTN bytes[2] = {BUFFER_BYTES, BUFFER_BYTES};
        if (EFI_ERROR(from->Read(from, &bytes[0], copying->buffer[0])) ||
            EFI_ERROR(to->Read(to, &bytes[1], copying->buffer[1])) || bytes[0] != bytes[1] ||
            memcmp(copying->buffer[0], copying->buffer[1], bytes[0]) != 0)
            return false;
        if (bytes[0] == 0)
            return true;
    }
}

static enum status copy_bytes(struct copying *copying, EFI_FILE *from, EFI_FILE *to)
{
    if (EFI_ERROR(from->SetPosition(from, 0)))
        return ST_IO;
    for (;;) {
        UINTN bytes = BUFFER_BYTES;
        if (EFI_ERROR(from->Read(from, &bytes, copying->buffer[0])))
            return ST_IO;
        if (bytes == 0)
            return EFI_ERROR(to->Flush(to)) ? ST_IO : ST_OK;
        UINTN written = bytes;
        EFI_STATUS status = to->Write(to, &written, copying->buffer[0]);
        if (status == EFI_VOLUME_FULL)
            return ST_NO_SPACE;
        if (EFI_ERROR(status) || written != bytes)
            return ST_IO;
    }
}

/* Give a copy the name, dates and attributes of its original: a later date would call it the newer one. */
static enum status finish_copy(EFI_FILE *from, EFI_FILE *to)
{
    EFI_GUID guid = EFI_FILE_INFO_ID;
    uint8_t bytes[INFO_BYTES] __attribute__((aligned(8)));
    UINTN size = sizeof bytes;
    if (EFI_ERROR(from->GetInfo(from, &guid, &size, bytes)))
        return ST_IO;
    return to->SetInfo(to, &guid, size, bytes) != EFI_SUCCESS ? ST_IO : ST_OK;
}

/* Delete an open file, which closes it. That it cannot be deleted is only a warning to the firmware. */
static enum status delete_file(EFI_FILE *file)
{
    return file->Delete(file) != EFI_SUCCESS ? ST_IO : ST_OK;
}

static enum status copy_file(struct copying *copying, EFI_FILE *from_folder, EFI_FILE *to_folder, CHAR16 *name)
{
    static CHAR16 new_name[] = {'M', 'K', 'B', 'O', 'O', 'T', 'D', 'K', '.', 'N', 'E', 'W', 0};
    const UINT64 create = EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE | EFI_FILE_MODE_CREATE;
    EFI_FILE *from = open_file(from_folder, name, EFI_FILE_MODE_READ, 0);
    EFI_FILE *old = open_file(to_folder, name, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, 0);
    enum status status = from != 0 ? ST_OK : ST_IO;
    if (from != 0 && old != 0 && is_same(copying, from, old)) {
        close_file(from);
        close_file(old);
        return ST_OK;
    }
    EFI_FILE *left = open_file(to_folder, new_name, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, 0);
    if (left != 0)
        (void)delete_file(left); /* of a copy that was interrupted */
    EFI_FILE *to = status == ST_OK ? open_file(to_folder, new_name, create, 0) : 0;
    if (status == ST_OK)
        status = to != 0 ? copy_bytes(copying, from, to) : ST_IO;
    bool only_copy = status == ST_OK && old != 0;
    if (only_copy) {
        status = delete_file(old);
        only_copy = status == ST_OK;
        old = 0;
    }
    if (status == ST_OK)
        status = finish_copy(from, to);
    copying->copied += status == ST_OK;
    if (status != ST_OK && to != 0 && !only_copy) {
        (void)delete_file(to);
        to = 0;
    }
    close_file(from);
    close_file(old);
    close_file(to);
    return status;
}

static bool is_dots(const CHAR16 *name)
{
    return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

static enum status copy_folder(struct copying *copying, EFI_FILE *from, EFI_FILE *to, unsigned depth)
{
    uint8_t bytes[INFO_BYTES] __attribute__((aligned(8)));
    EFI_FILE_INFO *info = (EFI_FILE_INFO *)bytes;
    enum status status = depth < DEPTH_MAX ? ST_OK : ST_UNSUPPORTED;
    while (status == ST_OK) {
        UINTN size = sizeof bytes;
        if (EFI_ERROR(from->Read(from, &size, bytes)))
            return ST_IO;
        if (size == 0)
            return ST_OK;
        if (is_dots(info->FileName))
            continue;
        if ((info->Attribute & EFI_FILE_DIRECTORY) == 0) {
            status = copy_file(copying, from, to, info->FileName);
            continue;
        }
        EFI_FILE *inner = open_file(from, info->FileName, EFI_FILE_MODE_READ, 0);
        EFI_FILE *outer = open_file(to, info->FileName, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE | EFI_FILE_MODE_CREATE,
                                    EFI_FILE_DIRECTORY);
        status = inner != 0 && outer != 0 ? copy_folder(copying, inner, outer, depth + 1) : ST_IO;
        close_file(inner);
        close_file(outer);
    }
    return status;
}

enum status efi_copy_files(struct firmware *fw, struct esp_copy *copy)
{
    struct copying copying = {{0}, {0}, 0};
    void *buffer = 0;
    enum status status = ST_NOT_FOUND;
    (void)fw;
    for (unsigned i = 0; i < 2; i++)
        copying.root[i] = efi_open_root(efi_partition(copy->drive[i], copy->start_lba[i]));
    if (!EFI_ERROR(boot_services()->AllocatePool(EfiLoaderData, 2 * BUFFER_BYTES, &buffer)) && copying.root[0] != 0 &&
        copying.root[1] != 0) {
        copying.buffer[0] = buffer;
        copying.buffer[1] = copying.buffer[0] + BUFFER_BYTES;
        status = copy_folder(&copying, copying.root[0], copying.root[1], 0);
    }
    copy->copied = copying.copied;
    for (unsigned i = 0; i < 2; i++)
        close_file(copying.root[i]);
    if (buffer != 0)
        (void)boot_services()->FreePool(buffer);
    return status;
}
