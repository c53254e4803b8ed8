/* SPDX-License-Identifier: MIT */
/* Fuzz target: DHCP packets. The input is one packet, heard in two lengths; every name fits and can be shown. */
#include "fuzz.h"
#include "net/bootp.h"

static void check_names(const struct net_boot *net)
{
    char name[NET_NAME_BYTES];
    for (unsigned i = 0; net_config_name(net, i, name); i++) {
        if (memchr(name, '\0', sizeof name) == NULL)
            abort();
        for (const char *at = name; *at != '\0'; at++)
            if (*at <= ' ' || *at >= 0x7F || *at == '"')
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_boot net = {0};
    uint8_t *half = malloc(size / 2 + 1);
    memcpy(half, data, size / 2);
    net_hear(&net, half, size / 2);
    check_names(&net);
    net_hear(&net, data, size);
    check_names(&net);
    free(half);
    return 0;
}
