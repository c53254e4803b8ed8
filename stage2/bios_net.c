/* SPDX-License-Identifier: MIT */
/* The loader that came over the network as boot/pxe.asm's second half: no boot disk, and MIRROR.INI is on the server.
 * Asks PXE for it, then ends PXE, which must not receive a packet into memory that is another's by then. */
#include "bios.h"

/* boot/pxe.asm answers it: BX = function, ES:DI = parameters, whose first word is the status; returns AX = 0 or 1. */
#define INT_PXE 0x64u
#define PXE_UNDI_SHUTDOWN 0x05u
#define PXE_STOP_UNDI 0x15u
#define PXE_TFTP_OPEN 0x20u
#define PXE_TFTP_CLOSE 0x21u
#define PXE_TFTP_READ 0x22u
#define PXE_TFTP_READ_FILE 0x23u
#define PXE_UNLOAD_STACK 0x70u
#define PXE_GET_CACHED_INFO 0x71u
#define PXE_FILE_NOT_FOUND 0x3Bu
#define PXE_ACCESS_VIOLATION 0x3Cu /* some servers say so of files outside of what they know */
#define TFTP_PORT 69u
#define TFTP_PACKET_BYTES 512u
#define PARAMETER_BYTES 160u /* more than any function has: some ROMs clear more than is theirs */

/* PXE specification 2.1, t_PXENV_... */
struct cached_info {
    uint16_t status;
    uint16_t type; /* 1: what we asked with, 2: the answer, 3: the answer of a boot server */
    uint16_t bytes;
    uint16_t offset, segment;
    uint16_t limit;
};

struct tftp_open {
    uint16_t status;
    uint8_t server[NET_SERVER_BYTES];
    uint8_t gateway[NET_SERVER_BYTES];
    char name[NET_NAME_BYTES];
    uint8_t port[2]; /* in network order */
    uint16_t packet_bytes;
};

struct tftp_read {
    uint16_t status;
    uint16_t packet;
    uint16_t bytes;
    uint16_t offset, segment;
};

struct tftp_read_file {
    uint16_t status;
    char name[NET_NAME_BYTES];
    uint32_t bytes; /* of the buffer, then of the file */
    uint32_t buffer;
    uint8_t server[NET_SERVER_BYTES];
    uint8_t gateway[NET_SERVER_BYTES];
    uint8_t multicast[NET_SERVER_BYTES];
    uint16_t ports[2], delays[2];
} __attribute__((packed));

/* PXE reaches it with ES = 0. */
static union {
    uint8_t bytes[PARAMETER_BYTES];
    struct cached_info info;
    struct tftp_open open;
    struct tftp_read read;
    struct tftp_read_file file;
} parameters;

static uint8_t packet[TFTP_PACKET_BYTES];
static struct net_config config;

static bool call(uint32_t function)
{
    struct bios_regs regs = regs_init(1);
    regs.ebx = function;
    regs.edi = (uint32_t)&parameters;
    bios_int(INT_PXE, &regs, &regs);
    return (regs.eax & 0xFFFF) == 0 && parameters.info.status == 0;
}

/* The packet lies in PXE's own memory. */
static void hear(struct net_boot *net, uint16_t type)
{
    memset(&parameters, 0, sizeof parameters);
    parameters.info.type = type;
    if (call(PXE_GET_CACHED_INFO))
        net_hear(net, (const uint8_t *)((uint32_t)parameters.info.segment * 16 + parameters.info.offset),
                 parameters.info.bytes);
}

/* The last packet of a file is the one that is not full. */
static bool receive(void)
{
    uint16_t bytes = TFTP_PACKET_BYTES;
    config.bytes = 0;
    while (bytes == TFTP_PACKET_BYTES) {
        memset(&parameters, 0, sizeof parameters);
        parameters.read.offset = (uint16_t)(uint32_t)packet;
        if (!call(PXE_TFTP_READ))
            return false;
        bytes = parameters.read.bytes;
        if (bytes > TFTP_PACKET_BYTES || config.bytes + bytes > sizeof config.text)
            return false;
        memcpy(config.text + config.bytes, packet, bytes);
        config.bytes += bytes;
    }
    return true;
}

static bool fetch_by_packets(const struct net_boot *net)
{
    memset(&parameters, 0, sizeof parameters);
    memcpy(parameters.open.server, net->server, NET_SERVER_BYTES);
    memcpy(parameters.open.name, config.name, NET_NAME_BYTES);
    parameters.open.port[1] = TFTP_PORT;
    parameters.open.packet_bytes = TFTP_PACKET_BYTES;
    if (!call(PXE_TFTP_OPEN))
        return false;
    bool good = parameters.open.packet_bytes == TFTP_PACKET_BYTES && receive();
    (void)call(PXE_TFTP_CLOSE);
    return good;
}

static bool fetch_whole(void)
{
    memset(&parameters, 0, sizeof parameters);
    memcpy(parameters.file.name, config.name, NET_NAME_BYTES);
    parameters.file.bytes = sizeof config.text;
    parameters.file.buffer = (uint32_t)config.text;
    if (!call(PXE_TFTP_READ_FILE) || parameters.file.bytes > sizeof config.text)
        return false;
    config.bytes = parameters.file.bytes;
    return true;
}

/* iPXE takes a URI for a name, of HTTP too, and has those as a whole only. Of every other ROM the packets are what its
 * own start came by. */
static bool fetch(const struct net_boot *net)
{
    for (const char *at = config.name; *at != '\0'; at++)
        if (text_same(at, "://", 3))
            return fetch_whole();
    return fetch_by_packets(net);
}

/* Errors are no reason to stop here: what cannot be ended stays in its own, reserved memory. */
static void end_network(void)
{
    static const uint8_t functions[] = {PXE_UNDI_SHUTDOWN, PXE_UNLOAD_STACK, PXE_STOP_UNDI};
    for (unsigned i = 0; i < sizeof functions; i++) {
        memset(&parameters, 0, sizeof parameters);
        (void)call(functions[i]);
    }
}

static bool is_not_there(void)
{
    return parameters.info.status == PXE_FILE_NOT_FOUND || parameters.info.status == PXE_ACCESS_VIOLATION;
}

void medium_init(struct firmware *fw, uint32_t drive, uint32_t magic, uint32_t windows)
{
    static struct net_boot net;
    (void)drive, (void)magic, (void)windows;
    for (uint16_t type = 1; type <= 3; type++)
        hear(&net, type);
    for (unsigned i = 0; net_config_name(&net, i, config.name); i++) {
        if (config.name[0] == '\0')
            continue;
        if (fetch(&net))
            break;
        if (!is_not_there())
            memcpy(config.failed, config.name, NET_NAME_BYTES);
    }
    end_network();
    fw->net = &config;
}
