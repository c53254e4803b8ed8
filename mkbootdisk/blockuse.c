/* SPDX-License-Identifier: MIT */
/* Facts and users of block devices. What the kernel does not tell is not there: opening the device with O_EXCL has the
 * last word, this finds the words for it. */
#include "blockuse.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define NODE_BYTES 4096
#define DEPTH_MAX 8u /* disk, partition, md, crypt, volume: stacks are not deeper */

/* Whether a device itself is used in one of the ways; `text` says how. */
typedef bool user_function(dev_t number, char *text, size_t bytes);

static void trim(char *text)
{
    size_t used = strlen(text);
    while (used > 0 && isspace((unsigned char)text[used - 1]))
        text[--used] = '\0';
}

/* The first line of a file. */
static bool read_line(const char *path, char *out, size_t bytes)
{
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fgets(out, (int)bytes, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (good)
        trim(out);
    return good;
}

static bool read_attribute(dev_t number, const char *name, char *out, size_t bytes)
{
    char path[NODE_BYTES];
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s", major(number), minor(number), name);
    return read_line(path, out, bytes);
}

static bool attribute_is_set(dev_t number, const char *name)
{
    char value[16];
    return read_attribute(number, name, value, sizeof value) && strcmp(value, "0") != 0;
}

void block_facts(dev_t number, struct block_facts *out)
{
    memset(out, 0, sizeof *out);
    out->is_partition = attribute_is_set(number, "partition");
    out->removable = attribute_is_set(number, out->is_partition ? "../removable" : "removable");
    out->write_protected = attribute_is_set(number, "ro");
    (void)read_attribute(number, "device/model", out->model, sizeof out->model); /* a floppy drive has none */
}

/* As in "sdb1"; the numbers where the kernel has no name. */
static const char *name_of(dev_t number)
{
    static char name[64];
    char path[NODE_BYTES];
    char line[NODE_BYTES];
    snprintf(name, sizeof name, "device %u:%u", major(number), minor(number));
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/uevent", major(number), minor(number));
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "DEVNAME=%63s", name); /* the other lines do not begin so */
    if (file != NULL)
        fclose(file);
    return name;
}

/* mountinfo and swaps write a blank as \040. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        bool octal = from[0] == '\\' && strspn(from + 1, "01234567") >= 3;
        *to = octal ? (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0') : *from;
        from += octal ? 4 : 1;
    }
    *to = '\0';
}

static bool is_node_of(const char *path, dev_t number)
{
    struct stat info;
    return strncmp(path, "/dev/", 5) == 0 && stat(path, &info) == 0 && S_ISBLK(info.st_mode) && info.st_rdev == number;
}

/* One line of mountinfo. The number in it is not that of the device for file systems on several devices (btrfs); the
 * node in it is not there for some root file systems. */
static bool line_is_of(const char *line, dev_t number, char mount_point[NODE_BYTES])
{
    char node[NODE_BYTES] = "";
    unsigned high, low;
    if (sscanf(line, "%*u %*u %u:%u %*s %4095s", &high, &low, mount_point) != 3)
        return false;
    const char *tail = strstr(line, " - ");
    if (tail != NULL)
        (void)sscanf(tail, " - %*s %4095s", node); /* then it stays empty */
    unescape(mount_point);
    unescape(node);
    return makedev(high, low) == number || is_node_of(node, number);
}

static bool find_mount(dev_t number, bool of_system, char mount_point[NODE_BYTES])
{
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file != NULL && !found && getline(&line, &room, file) > 0)
        found = line_is_of(line, number, mount_point) && (!of_system || strcmp(mount_point, "/") == 0);
    free(line);
    if (file != NULL)
        fclose(file);
    return found;
}

static bool is_system(dev_t number, char *text, size_t bytes)
{
    char mount_point[NODE_BYTES];
    if (!find_mount(number, true, mount_point))
        return false;
    snprintf(text, bytes, "it holds the running system (%s)", name_of(number));
    return true;
}

static bool is_mounted(dev_t number, char *text, size_t bytes)
{
    char mount_point[NODE_BYTES];
    if (!find_mount(number, false, mount_point))
        return false;
    snprintf(text, bytes, "%s is mounted on %s", name_of(number), mount_point);
    return true;
}

static bool is_swap(dev_t number, char *text, size_t bytes)
{
    char line[NODE_BYTES];
    char node[NODE_BYTES];
    bool found = false;
    FILE *file = fopen("/proc/swaps", "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "%4095s", node) == 1) {
            unescape(node);
            found = is_node_of(node, number);
        }
    if (file != NULL)
        fclose(file);
    if (found)
        snprintf(text, bytes, "%s is swap space", name_of(number));
    return found;
}

static DIR *open_folder(dev_t number, const char *folder)
{
    char path[NODE_BYTES];
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s", major(number), minor(number), folder);
    return opendir(path);
}

static bool is_part(dev_t number, char *text, size_t bytes)
{
    DIR *folder = open_folder(number, "holders");
    bool found = false;
    for (struct dirent *entry; folder != NULL && !found && (entry = readdir(folder)) != NULL;) {
        found = entry->d_name[0] != '.';
        if (found)
            snprintf(text, bytes, "%s is part of %s", name_of(number), entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static bool find_user(dev_t number, unsigned depth, user_function *used, char *text, size_t bytes);

/* The same for those in a folder of the device: what is built on it is in `holders`; its partitions are in the folder
 * itself (PARTITIONS), among other things that may have a number too. */
#define PARTITIONS "."

static bool find_user_in(dev_t number, const char *name, unsigned depth, user_function *used, char *text, size_t bytes)
{
    DIR *folder = open_folder(number, name);
    bool found = false;
    for (struct dirent *entry; folder != NULL && !found && (entry = readdir(folder)) != NULL;) {
        char attribute[NODE_BYTES];
        char value[32];
        unsigned high, low;
        snprintf(attribute, sizeof attribute, "%s/%s/partition", name, entry->d_name);
        if (entry->d_name[0] == '.' || (strcmp(name, PARTITIONS) == 0 && !attribute_is_set(number, attribute)))
            continue;
        snprintf(attribute, sizeof attribute, "%s/%s/dev", name, entry->d_name);
        if (read_attribute(number, attribute, value, sizeof value) && sscanf(value, "%u:%u", &high, &low) == 2)
            found = find_user(makedev(high, low), depth + 1, used, text, bytes);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static bool find_user(dev_t number, unsigned depth, user_function *used, char *text, size_t bytes)
{
    return used(number, text, bytes) ||
           (depth < DEPTH_MAX && (find_user_in(number, PARTITIONS, depth, used, text, bytes) ||
                                  find_user_in(number, "holders", depth, used, text, bytes)));
}

bool block_user(dev_t number, char *text, size_t bytes)
{
    static user_function *const users[] = {is_system, is_mounted, is_swap, is_part};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
        if (find_user(number, 0, users[i], text, bytes))
            return true;
    return false;
}

bool block_is_looped(const struct stat *file, char *text, size_t bytes)
{
    char path[NODE_BYTES];
    char backing[NODE_BYTES];
    struct stat info;
    bool found = false;
    DIR *folder = opendir("/sys/block");
    for (struct dirent *entry; folder != NULL && !found && (entry = readdir(folder)) != NULL;) {
        snprintf(path, sizeof path, "/sys/block/%s/loop/backing_file", entry->d_name);
        found = read_line(path, backing, sizeof backing) && stat(backing, &info) == 0 && info.st_dev == file->st_dev &&
                info.st_ino == file->st_ino;
        if (found)
            snprintf(text, bytes, "/dev/%s", entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}
