/* SPDX-License-Identifier: MIT */
/* What a machine that starts over the network was told: DHCP packets in, names of files out. One understanding of them
 * for PXE under BIOS and under UEFI. Reads bytes; sends nothing, and knows no firmware. */
#ifndef NET_BOOTP_H
#define NET_BOOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_NAME_BYTES 128u /* what PXE's TFTP takes, with its NUL (PXE specification 2.1, PXENV_TFTP_OPEN) */
#define NET_MAC_BYTES 6u
#define NET_UUID_BYTES 16u
#define NET_SERVER_BYTES 4u

struct net_boot {
    uint8_t server[NET_SERVER_BYTES]; /* in network order; zeros: not told */
    bool has_mac;
    uint8_t mac[NET_MAC_BYTES];
    bool has_uuid;
    uint8_t uuid[NET_UUID_BYTES];
    char folder[NET_NAME_BYTES]; /* of the file that was started, with its last slash; empty: the server's root */
};

/** Take from a BOOTP or DHCP packet (RFC 951, 2132, 4578, 5071) what it says; what it does not say stays. Hear the
 * packets in the order in which they overrule each other. A damaged one is understood as far as it goes. */
void net_hear(struct net_boot *net, const uint8_t *packet, size_t bytes);

/** The name of the MIRROR.INI number `index` to ask for, the most special one first: machines/UUID.ini (in both of the
 * byte orders that firmware uses), machines/MAC.ini, MIRROR.INI. Errors: false past the last one. A name that this
 * machine does not have is empty, and so is the one past the last. */
bool net_config_name(const struct net_boot *net, unsigned index, char name[NET_NAME_BYTES]);

#endif
