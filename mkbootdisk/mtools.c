/* SPDX-License-Identifier: MIT */
/* mtools. */
#include "mtools.h"

#include "programs.h"

#define ARGUMENTS_MAX 32
#define NUMBER_BYTES 12
#define HEADS "255" /* what BIOSes take for a disk that is read by LBA */
#define SECTORS_PER_TRACK "63"

static enum exit_code run(const char *const *arguments)
{
    return program_run(&(struct program){.arguments = arguments, .package = "mtools"});
}

enum exit_code mtools_format(const char *image, unsigned kilobytes, const char *boot_sector, uint32_t serial)
{
    char size[NUMBER_BYTES];
    char number[NUMBER_BYTES];
    const char *const arguments[] = {"mformat", "-C",   "-i", image,       "-f", size,
                                     "-N",      number, "-B", boot_sector, "::", NULL};
    snprintf(size, sizeof size, "%u", kilobytes);
    snprintf(number, sizeof number, "%08x", serial);
    return run(arguments);
}

enum exit_code mtools_format_partition(const char *image, const struct mtools_shape *shape, const char *boot_sector,
                                       uint32_t serial)
{
    char start[NUMBER_BYTES];
    char sectors[NUMBER_BYTES];
    char cluster[NUMBER_BYTES];
    char number[NUMBER_BYTES];
    const char *arguments[ARGUMENTS_MAX] = {
        "mformat",         "-i", image,   "-H", start, "-T", sectors, "-h", HEADS, "-s",
        SECTORS_PER_TRACK, "-c", cluster, "-N", number};
    size_t count = 15;
    snprintf(start, sizeof start, "%u", shape->start_lba);
    snprintf(sectors, sizeof sectors, "%u", shape->sectors);
    snprintf(cluster, sizeof cluster, "%u", shape->sectors_per_cluster);
    snprintf(number, sizeof number, "%08x", serial);
    if (shape->fat32)
        arguments[count++] = "-F";
    if (boot_sector != NULL) {
        arguments[count++] = "-B";
        arguments[count++] = boot_sector;
    }
    arguments[count] = "::";
    return run(arguments);
}

enum exit_code mtools_folder(const char *image, const char *folder)
{
    const char *const arguments[] = {"mmd", "-i", image, folder, NULL};
    return run(arguments);
}

enum exit_code mtools_copy(const char *image, const char *const *files, const char *folder)
{
    const char *arguments[ARGUMENTS_MAX] = {"mcopy", "-Q", "-i", image};
    size_t count = 4;
    while (*files != NULL && count + 2 < ARGUMENTS_MAX)
        arguments[count++] = *files++;
    arguments[count] = folder;
    return run(arguments);
}
