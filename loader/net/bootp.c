/* SPDX-License-Identifier: MIT */
/* DHCP packets. */
#include "net/bootp.h"

#include "base/bytes.h"
#include "base/text.h"

#define HARDWARE_TYPE 1u
#define HARDWARE_BYTES 2u
#define NEXT_SERVER 20u
#define HARDWARE_ADDRESS 28u
#define FILE_NAME 108u
#define MAGIC 236u
#define OPTIONS 240u
#define MAGIC_VALUE 0x63538263u
#define ETHERNET 1u

#define OPTION_PAD 0u
#define OPTION_OVERLOAD 52u
#define OPTION_SERVER 54u
#define OPTION_FILE 67u
#define OPTION_UUID 97u
#define OPTION_PREFIX 210u
#define OPTION_END 255u
#define OVERLOAD_FILE 1u

struct option {
    const uint8_t *value;
    size_t bytes;
};

static struct option find_option(const uint8_t *packet, size_t bytes, uint8_t wanted)
{
    size_t at = OPTIONS;
    if (bytes < OPTIONS || get_le32(packet + MAGIC) != MAGIC_VALUE)
        at = bytes;
    while (at + 2 <= bytes && packet[at] != OPTION_END) {
        if (packet[at] == OPTION_PAD) {
            at++;
            continue;
        }
        size_t length = packet[at + 1];
        if (at + 2 + length > bytes)
            break;
        if (packet[at] == wanted)
            return (struct option){packet + at + 2, length};
        at += 2 + length;
    }
    return (struct option){0};
}

/* What may stand in a name: it is shown to people, and in quotes to machines. */
static bool is_plain(uint8_t letter)
{
    return letter > ' ' && letter < 0x7F && letter != '"';
}

/* The folder of a file is its name up to the last slash, or backslash, which servers under Windows use. */
static void take_folder(struct net_boot *net, struct option name, bool is_folder)
{
    size_t used = 0;
    size_t end = 0;
    for (; end < name.bytes && is_plain(name.value[end]); end++)
        if (is_folder || name.value[end] == '/' || name.value[end] == '\\')
            used = end + 1;
    bool whole = end == name.bytes || name.value[end] == 0;
    if (used >= NET_NAME_BYTES || !whole)
        return;
    memcpy(net->folder, name.value, used);
    net->folder[used] = '\0';
}

static void take_server(struct net_boot *net, const uint8_t *address)
{
    if (get_le32(address) != 0)
        memcpy(net->server, address, NET_SERVER_BYTES);
}

void net_hear(struct net_boot *net, const uint8_t *packet, size_t bytes)
{
    if (bytes < FILE_NAME)
        return;
    struct option server = find_option(packet, bytes, OPTION_SERVER);
    struct option file = find_option(packet, bytes, OPTION_FILE);
    struct option uuid = find_option(packet, bytes, OPTION_UUID);
    struct option prefix = find_option(packet, bytes, OPTION_PREFIX);
    struct option overload = find_option(packet, bytes, OPTION_OVERLOAD);
    bool has_field =
        bytes >= MAGIC && packet[FILE_NAME] != 0 && (overload.bytes == 0 || (overload.value[0] & OVERLOAD_FILE) == 0);
    if (packet[HARDWARE_TYPE] == ETHERNET && packet[HARDWARE_BYTES] == NET_MAC_BYTES) {
        memcpy(net->mac, packet + HARDWARE_ADDRESS, NET_MAC_BYTES);
        net->has_mac = true;
    }
    if (uuid.bytes == NET_UUID_BYTES + 1 && uuid.value[0] == 0) {
        memcpy(net->uuid, uuid.value + 1, NET_UUID_BYTES);
        net->has_uuid = true;
    }
    if (server.bytes == NET_SERVER_BYTES)
        take_server(net, server.value);
    take_server(net, packet + NEXT_SERVER);
    if (has_field)
        file = (struct option){packet + FILE_NAME, MAGIC - FILE_NAME};
    if (file.bytes > 0)
        take_folder(net, file, false);
    if (prefix.bytes > 0)
        take_folder(net, prefix, true);
}

/* `swapped`: the first three fields are numbers with their low byte first, as SMBIOS has them (2.6, 7.2.1); some
 * firmware sends them like that, some does not. */
static void add_uuid(struct text *text, const uint8_t uuid[NET_UUID_BYTES], bool swapped)
{
    static const uint8_t order[] = {3, 2, 1, 0, 5, 4, 7, 6};
    for (unsigned i = 0; i < NET_UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text_add(text, "-");
        text_add(text, "%02x", uuid[swapped && i < sizeof order ? order[i] : i]);
    }
}

static void add_mac(struct text *text, const uint8_t mac[NET_MAC_BYTES])
{
    for (unsigned i = 0; i < NET_MAC_BYTES; i++)
        text_add(text, i == 0 ? "%02x" : "-%02x", mac[i]);
}

bool net_config_name(const struct net_boot *net, unsigned index, char name[NET_NAME_BYTES])
{
    struct text text;
    text_init(&text, name, NET_NAME_BYTES);
    text_add(&text, "%s%s", net->folder, index < 3 ? "machines/" : "");
    if (index < 2)
        add_uuid(&text, net->uuid, index == 1);
    else if (index == 2)
        add_mac(&text, net->mac);
    text_add(&text, index < 3 ? ".ini" : "MIRROR.INI");
    bool is_ours = index < 2 ? net->has_uuid : index > 2 || net->has_mac;
    if (!is_ours || text.truncated || index > 3)
        name[0] = '\0';
    return index <= 3;
}
