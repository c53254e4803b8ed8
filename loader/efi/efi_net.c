/* SPDX-License-Identifier: MIT */
/* MIRROR.INI for a loader that came over the network: a file that iPXE fetched along with it, or what the firmware's
 * own PXE gets from the server. Knows protocols; which files are asked for is net/bootp's business. */
#include "shell.h"

/* What iPXE's script calls the file (images/boot.ipxe). */
static const CHAR16 fetched_name[] = L"MIRROR.INI";

#define TFTP_NOT_FOUND 1u        /* RFC 1350 */
#define TFTP_ACCESS_VIOLATION 2u /* some servers say so of files outside of what they know */

static struct net_config config;

/* iPXE shows the files of its script as a file system on the device of what it starts. */
static bool take_fetched(EFI_HANDLE device)
{
    EFI_FILE *root = efi_open_root(device);
    EFI_FILE *file = 0;
    UINTN bytes = sizeof config.text;
    if (root == 0)
        return false;
    bool is_there = !EFI_ERROR(root->Open(root, &file, (CHAR16 *)fetched_name, EFI_FILE_MODE_READ, 0));
    if (is_there) {
        uint8_t more;
        UINTN rest = sizeof more;
        bool good = !EFI_ERROR(file->Read(file, &bytes, config.text)) &&
                    (bytes < sizeof config.text || (!EFI_ERROR(file->Read(file, &rest, &more)) && rest == 0));
        memcpy(good ? config.name : config.failed, "MIRROR.INI", sizeof "MIRROR.INI");
        (void)file->Close(file);
    }
    (void)root->Close(root);
    config.bytes = bytes;
    return is_there;
}

static void hear(struct net_boot *net, bool is_there, const EFI_PXE_BASE_CODE_PACKET *packet)
{
    if (is_there)
        net_hear(net, packet->Raw, sizeof packet->Raw);
}

static bool is_not_there(const EFI_PXE_BASE_CODE_PROTOCOL *pxe, EFI_STATUS status)
{
    bool is_answer = status == EFI_TFTP_ERROR && pxe->Mode->TftpErrorReceived;
    uint8_t code = pxe->Mode->TftpError.ErrorCode;
    return status == EFI_NOT_FOUND || (is_answer && (code == TFTP_NOT_FOUND || code == TFTP_ACCESS_VIOLATION));
}

/* Older versions of iPXE do not tell how long the file was: a text ends where the zeros begin. */
static bool fetch(EFI_PXE_BASE_CODE_PROTOCOL *pxe, const struct net_boot *net)
{
    EFI_IP_ADDRESS server = {0};
    UINT64 bytes = sizeof config.text;
    memcpy(server.v4.Addr, net->server, NET_SERVER_BYTES);
    memset(config.text, 0, sizeof config.text);
    EFI_STATUS status = pxe->Mtftp(pxe, EFI_PXE_BASE_CODE_TFTP_READ_FILE, config.text, FALSE, &bytes, 0, &server,
                                   (UINT8 *)config.name, 0, FALSE);
    if (EFI_ERROR(status) && !is_not_there(pxe, status))
        memcpy(config.failed, config.name, NET_NAME_BYTES);
    if (EFI_ERROR(status))
        return false;
    config.bytes = 0;
    while (config.bytes < sizeof config.text && config.text[config.bytes] != '\0')
        config.bytes++;
    return true;
}

static void take_by_pxe(EFI_HANDLE device)
{
    EFI_PXE_BASE_CODE_PROTOCOL *pxe = efi_protocol(device, (EFI_GUID)EFI_PXE_BASE_CODE_PROTOCOL_GUID);
    struct net_boot net = {0};
    if (pxe == 0 || pxe->Mode == 0 || !pxe->Mode->Started || pxe->Mode->UsingIpv6)
        return;
    hear(&net, pxe->Mode->DhcpDiscoverValid, &pxe->Mode->DhcpDiscover);
    hear(&net, pxe->Mode->DhcpAckReceived, &pxe->Mode->DhcpAck);
    hear(&net, pxe->Mode->ProxyOfferReceived, &pxe->Mode->ProxyOffer);
    hear(&net, pxe->Mode->PxeReplyReceived, &pxe->Mode->PxeReply);
    for (unsigned i = 0; net_config_name(&net, i, config.name); i++)
        if (config.name[0] != '\0' && fetch(pxe, &net))
            return;
}

void net_init(struct firmware *fw, EFI_HANDLE image)
{
    EFI_LOADED_IMAGE *loaded = efi_protocol(image, (EFI_GUID)EFI_LOADED_IMAGE_PROTOCOL_GUID);
    if (fw->boot_device != 0 || loaded == 0)
        return;
    if (!take_fetched(loaded->DeviceHandle))
        take_by_pxe(loaded->DeviceHandle);
    fw->net = &config;
}
