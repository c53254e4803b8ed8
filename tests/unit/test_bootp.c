/* SPDX-License-Identifier: MIT */
/* net/bootp: what packets say, which one overrules which, and the names that are asked for. The packets are put
 * together here from the offsets of RFC 951 and the options of RFC 2132, 4578 and 5071. */
#include "fixture.h"
#include "net/bootp.h"
#include "unit.h"

#define PACKET_BYTES 1024u

static uint8_t packet[PACKET_BYTES];
static size_t options_used;
static struct net_boot net;

static int set_up(void **state)
{
    static const uint8_t head[] = {2, 1, 6, 0}; /* a reply, Ethernet, six bytes of address */
    static const uint8_t mac[] = {0x52, 0x54, 0x00, 0xAB, 0xCD, 0x01};
    static const uint8_t magic[] = {99, 130, 83, 99};
    (void)state;
    memset(packet, 0, sizeof packet);
    memcpy(packet, head, sizeof head);
    memcpy(packet + 28, mac, sizeof mac);
    memcpy(packet + 236, magic, sizeof magic);
    options_used = 240;
    net = (struct net_boot){0};
    return 0;
}

static void add_option(uint8_t code, const void *value, size_t bytes)
{
    packet[options_used] = code;
    packet[options_used + 1] = (uint8_t)bytes;
    memcpy(packet + options_used + 2, value, bytes);
    options_used += 2 + bytes;
    packet[options_used] = 255;
}

static void name_file(const char *name)
{
    memcpy(packet + 108, name, strlen(name) + 1);
}

static void hear(void)
{
    net_hear(&net, packet, sizeof packet);
}

static void expect_name(unsigned index, const char *expected)
{
    char name[NET_NAME_BYTES];
    memset(name, 'x', sizeof name);
    assert_true(net_config_name(&net, index, name));
    assert_string_equal(name, expected);
}

static void expect_folder(const char *folder)
{
    char name[2 * NET_NAME_BYTES];
    hear();
    snprintf(name, sizeof name, "%sMIRROR.INI", folder);
    expect_name(3, name);
}

static void expect_server(uint8_t last)
{
    const uint8_t server[] = {10, 0, 2, last};
    assert_memory_equal(net.server, server, sizeof server);
}

static void test_names(void **state)
{
    static const uint8_t uuid[] = {
        0,   /* the type */ 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE,
        0xFF};
    char name[NET_NAME_BYTES] = "x";
    (void)state;
    add_option(97, uuid, sizeof uuid);
    name_file("ft/mkbootdisk.0");
    hear();
    expect_name(0, "ft/machines/33221100-5544-7766-8899-aabbccddeeff.ini");
    expect_name(1, "ft/machines/00112233-4455-6677-8899-aabbccddeeff.ini");
    expect_name(2, "ft/machines/52-54-00-ab-cd-01.ini");
    expect_name(3, "ft/MIRROR.INI");
    assert_false(net_config_name(&net, 4, name));
    assert_string_equal(name, "");
}

static void test_what_a_machine_does_not_have_is_not_asked_for(void **state)
{
    (void)state;
    packet[1] = 6; /* no Ethernet */
    hear();
    expect_name(0, "");
    expect_name(1, "");
    expect_name(2, "");
    expect_name(3, "MIRROR.INI");
}

static void test_uuid_of_another_shape(void **state)
{
    uint8_t uuid[18] = {0};
    (void)state;
    add_option(97, uuid, 16);
    hear();
    expect_name(0, "");
    options_used = 240;
    add_option(97, uuid, 18);
    hear();
    expect_name(0, "");
    options_used = 240;
    uuid[0] = 1; /* a type that is not known */
    add_option(97, uuid, 17);
    hear();
    expect_name(0, "");
}

static void test_server(void **state)
{
    static const uint8_t own[] = {10, 0, 2, 2};
    static const uint8_t next[] = {10, 0, 2, 9};
    (void)state;
    add_option(54, own, sizeof own);
    hear();
    expect_server(2);
    memcpy(packet + 20, next, sizeof next);
    hear();
    expect_server(9);
}

/* A packet that has nothing to say of something leaves it as it was. */
static void test_later_packets_overrule(void **state)
{
    static const uint8_t next[] = {10, 0, 2, 9};
    memcpy(packet + 20, next, sizeof next);
    name_file("one/x.0");
    hear();
    struct net_boot before = net;
    set_up(state);
    net = before;
    expect_folder("one/");
    expect_server(9);
    name_file("two/x.0");
    expect_folder("two/");
}

static void test_folders(void **state)
{
    (void)state;
    name_file("mkbootdisk.0");
    expect_folder("");
    name_file("/a/b/mkbootdisk.0");
    expect_folder("/a/b/");
    name_file("boot\\x86\\mkbootdisk.0");
    expect_folder("boot\\x86\\");
    name_file("http://10.0.2.2:80/ft/boot.ipxe");
    expect_folder("http://10.0.2.2:80/ft/");
}

static void test_file_name_in_an_option(void **state)
{
    static const uint8_t overloaded = 1;
    (void)state;
    add_option(67, "opt/mkbootdisk.0", 16);
    expect_folder("opt/");
    name_file("field/mkbootdisk.0");
    expect_folder("field/");
    add_option(52, &overloaded, 1); /* now the field holds options, whatever it looks like */
    expect_folder("opt/");
}

static void test_prefix_overrules_the_file(void **state)
{
    (void)state;
    name_file("undionly.kpxe");
    add_option(210, "http://10.0.2.2/ft/", 19);
    expect_folder("http://10.0.2.2/ft/");
}

/* Names are shown, and stand in quotes in event lines. */
static void test_odd_letters_are_no_folder(void **state)
{
    (void)state;
    name_file("before/x");
    expect_folder("before/");
    name_file("a\" state=\"ok/x");
    expect_folder("before/");
    name_file("a\x1b[2J/x");
    expect_folder("before/");
    name_file("a b/x");
    expect_folder("before/");
}

static void test_name_that_is_too_long(void **state)
{
    char folder[NET_NAME_BYTES + 1];
    (void)state;
    memset(folder, 'd', sizeof folder);
    folder[NET_NAME_BYTES - 12] = '/';
    folder[NET_NAME_BYTES - 11] = '\0';
    memcpy(packet + 108, folder, NET_NAME_BYTES - 11); /* 117 letters: room for MIRROR.INI, but not for the rest */
    hear();
    expect_name(2, "");
    assert_int_equal(strlen(net.folder), NET_NAME_BYTES - 11);
    char name[NET_NAME_BYTES];
    assert_true(net_config_name(&net, 3, name));
    assert_int_equal(strlen(name), NET_NAME_BYTES - 1);
}

/* An option may be longer than any name. */
static void test_folder_that_is_too_long(void **state)
{
    char folder[255];
    (void)state;
    memset(folder, 'd', sizeof folder);
    folder[sizeof folder - 1] = '/';
    name_file("before/x");
    expect_folder("before/");
    add_option(210, folder, sizeof folder);
    expect_folder("before/");
    add_option(210, folder + sizeof folder - NET_NAME_BYTES, NET_NAME_BYTES); /* no room for the end */
    expect_folder("before/");
}

static void test_options_that_are_none(void **state)
{
    static const uint8_t own[] = {10, 0, 2, 2};
    (void)state;
    add_option(54, own, 1); /* no address */
    hear();
    assert_int_equal(net.server[0], 0);
    options_used = 240;
    packet[options_used++] = 255; /* what follows is behind the end */
    add_option(54, own, sizeof own);
    hear();
    assert_int_equal(net.server[0], 0);
}

static void test_damaged_options(void **state)
{
    static const uint8_t own[] = {10, 0, 2, 2};
    (void)state;
    add_option(54, own, sizeof own);
    packet[options_used] = 67; /* its value would lie behind the packet's end */
    packet[options_used + 1] = 255;
    net_hear(&net, packet, options_used + 20);
    expect_server(2);
    expect_name(3, "MIRROR.INI");
    for (size_t bytes = 0; bytes < options_used + 4; bytes++) {
        uint8_t *copy = malloc(bytes + 1); /* what is read behind the end is found by the sanitizer */
        memcpy(copy, packet, bytes);
        net_hear(&net, copy, bytes);
        free(copy);
    }
    packet[236] = 0; /* no options at all */
    net = (struct net_boot){0};
    hear();
    assert_int_equal(net.server[0], 0);
}

static void test_pads_between_options(void **state)
{
    static const uint8_t own[] = {10, 0, 2, 2};
    (void)state;
    options_used += 3;
    add_option(54, own, sizeof own);
    hear();
    expect_server(2);
}

/* Packets that nobody here wrote. */
static void test_a_real_start(void **state)
{
    uint8_t bytes[1024];
    (void)state;
    net_hear(&net, bytes, fx_vector("dhcp-discover.hex", bytes, sizeof bytes));
    net_hear(&net, bytes, fx_vector("dhcp-ack.hex", bytes, sizeof bytes));
    expect_server(2);
    expect_name(1, "ft/machines/8b3a1f00-1111-2222-3333-444455556666.ini");
    expect_name(2, "ft/machines/52-54-00-ab-cd-01.ini");
    expect_name(3, "ft/MIRROR.INI");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(test_a_real_start, set_up),
    cmocka_unit_test_setup(test_names, set_up),
    cmocka_unit_test_setup(test_what_a_machine_does_not_have_is_not_asked_for, set_up),
    cmocka_unit_test_setup(test_uuid_of_another_shape, set_up),
    cmocka_unit_test_setup(test_server, set_up),
    cmocka_unit_test_setup(test_later_packets_overrule, set_up),
    cmocka_unit_test_setup(test_folders, set_up),
    cmocka_unit_test_setup(test_file_name_in_an_option, set_up),
    cmocka_unit_test_setup(test_prefix_overrules_the_file, set_up),
    cmocka_unit_test_setup(test_odd_letters_are_no_folder, set_up),
    cmocka_unit_test_setup(test_name_that_is_too_long, set_up),
    cmocka_unit_test_setup(test_folder_that_is_too_long, set_up),
    cmocka_unit_test_setup(test_options_that_are_none, set_up),
    cmocka_unit_test_setup(test_damaged_options, set_up),
    cmocka_unit_test_setup(test_pads_between_options, set_up),
};

UNIT_MAIN(tests)
