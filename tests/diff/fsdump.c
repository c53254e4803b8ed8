/* SPDX-License-Identifier: MIT */
/* fsdump IMAGE START_LBA SECTORS COMMAND [PATH]: what the core reads from a volume, for other programs to compare.
 *
 * - stat: the file system's name and whether it is dirty
 * - log: what the restart pages of an NTFS volume's $LogFile say
 * - ls PATH: the entries of a directory, a JSON line each
 * - tree: all below the root, with the CRC-32 of each file, a JSON line each
 * - cat PATH [OFFSET BYTES]: the bytes, read in big pieces
 * - catsmall PATH: the bytes, read in small pieces and in disorder
 * - extents PATH: [[LBA, SECTORS], ...] as the core hands them out; where it does not, the status, and that is the end
 * - reads PATH: what opening the file and reading its first byte cost
 *
 * Exit code 3 and the status on stderr if the core says no. Judges nothing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "fs/fs.h"
#include "image.h"

#define PIECE_BYTES (1u << 20)
#define SMALL_MIN 7u
#define SMALL_MAX 600u
#define PATH_BYTES 8192u

static struct image image;
static struct fs_volume volume;
static uint8_t piece[PIECE_BYTES];

static void quote(const char *text)
{
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20)
            (void)printf("\\u%04x", (unsigned)*text);
        else
            (void)printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    (void)putchar('"');
}

static enum status print_stat(const char *path)
{
    bool dirty;
    enum status status = fs_is_dirty(&volume, &dirty);
    (void)path;
    if (status == ST_OK)
        (void)printf("{\"name\": \"%s\", \"dirty\": %s}\n", fs_name(&volume), dirty ? "true" : "false");
    return status;
}

static enum status print_log(const char *path)
{
    uint64_t lsn = 0;
    bool clean = false;
    enum status status = ntfs_log_lsn(&volume.as.ntfs, &lsn, &clean);
    (void)path;
    if (status == ST_OK)
        (void)printf("{\"lsn\": %" PRIu64 ", \"clean\": %s}\n", lsn, clean ? "true" : "false");
    return status;
}

static enum status list(const char *path)
{
    struct fs_file directory;
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    enum status status = fs_open(&volume, path, &directory);
    if (status != ST_OK)
        return status;
    while ((status = fs_next(&directory, &cursor, &entry)) == ST_OK) {
        (void)printf("{\"name\": ");
        quote(entry.name);
        (void)printf(", \"bytes\": %" PRIu64 ", \"flags\": %u}\n", entry.bytes, entry.flags);
    }
    return status == ST_NOT_FOUND ? ST_OK : status;
}

/* ---- contents ---- */

/* Reads [offset, end) in big pieces; writes them out, or sums them up if `crc` is not null. */
static enum status copy_out(struct fs_file *file, uint64_t offset, uint64_t end, uint32_t *crc)
{
    while (offset < end) {
        uint32_t bytes = end - offset < PIECE_BYTES ? (uint32_t)(end - offset) : PIECE_BYTES;
        enum status status = fs_read(file, offset, piece, bytes);
        if (status != ST_OK)
            return status;
        if (crc != NULL)
            *crc = crc32_add(*crc, piece, bytes);
        else if (fwrite(piece, 1, bytes, stdout) != bytes)
            return ST_IO;
        offset += bytes;
    }
    return ST_OK;
}

static enum status cat(const char *path)
{
    struct fs_file file;
    enum status status = fs_open(&volume, path, &file);
    return status == ST_OK ? copy_out(&file, 0, file.bytes, NULL) : status;
}

static uint32_t dice(uint32_t below)
{
    static uint32_t state = 1898;
    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)state * below) >> 32);
}

/* Cuts the file at `cut[0..count]`, the pieces 7 to 600 bytes long but for the last. */
static uint32_t cut_up(uint64_t bytes, uint64_t *cut)
{
    uint32_t count = 0;
    for (cut[0] = 0; cut[count] < bytes; count++) {
        uint64_t end = cut[count] + SMALL_MIN + dice(SMALL_MAX - SMALL_MIN + 1);
        cut[count + 1] = end < bytes ? end : bytes;
    }
    return count;
}

static enum status cat_small(const char *path)
{
    struct fs_file file;
    enum status status = fs_open(&volume, path, &file);
    if (status != ST_OK)
        return status;
    uint8_t *whole = malloc(file.bytes + 1);
    uint64_t *cut = malloc((file.bytes / SMALL_MIN + 2) * sizeof *cut);
    uint32_t *order = calloc(file.bytes / SMALL_MIN + 2, sizeof *order);
    if (whole == NULL || cut == NULL || order == NULL)
        return ST_NO_SPACE;
    uint32_t count = cut_up(file.bytes, cut);
    for (uint32_t i = 0; i < count; i++) { /* each lands at a place of those before, which then comes last */
        uint32_t other = dice(i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    for (uint32_t i = 0; i < count && status == ST_OK; i++) {
        uint64_t at = cut[order[i]];
        status = fs_read(&file, at, whole + at, (uint32_t)(cut[order[i] + 1] - at));
    }
    if (status == ST_OK && fwrite(whole, 1, file.bytes, stdout) != file.bytes)
        status = ST_IO;
    free(whole);
    free(cut);
    free(order);
    return status;
}

/* ---- everything ---- */

static enum status walk(char *path, size_t length);

static enum status show(char *path, size_t length, const struct fs_entry *entry)
{
    struct fs_file file = {0};
    uint32_t crc = 0;
    enum status status = fs_open(&volume, path, &file);
    if (status == ST_OK && (file.flags & FS_DIRECTORY) == 0)
        status = copy_out(&file, 0, file.bytes, &crc);
    (void)printf("{\"path\": ");
    quote(path);
    (void)printf(", \"listed\": [%" PRIu64 ", %u], \"bytes\": %" PRIu64 ", \"flags\": %u, ", entry->bytes, entry->flags,
                 file.bytes, file.flags);
    (void)printf("\"crc\": %u, \"status\": \"%s\"}\n", crc, status_name(status));
    return status == ST_OK && (file.flags & FS_DIRECTORY) != 0 ? walk(path, length) : ST_OK;
}

static enum status walk(char *path, size_t length)
{
    struct fs_file directory;
    struct fs_cursor cursor = {0};
    struct fs_entry entry;
    enum status status = fs_open(&volume, path, &directory);
    while (status == ST_OK && (status = fs_next(&directory, &cursor, &entry)) == ST_OK) {
        size_t bytes = strlen(entry.name);
        if (length + bytes + 2 > PATH_BYTES)
            return ST_NO_SPACE;
        path[length] = '/';
        memcpy(path + length + 1, entry.name, bytes + 1);
        status = show(path, length + 1 + bytes, &entry);
        path[length] = '\0';
    }
    return status == ST_NOT_FOUND ? ST_OK : status;
}

static enum status tree(const char *path)
{
    static char whole[PATH_BYTES];
    (void)path;
    return walk(whole, 0);
}

/* ---- places and costs ---- */

static enum status print_extents(const char *path)
{
    struct fs_file file;
    struct fs_extent extent;
    enum status status = fs_open(&volume, path, &file);
    if (status != ST_OK)
        return status;
    (void)putchar('[');
    for (uint64_t at = 0; status == ST_OK && at < file.bytes; at += (uint64_t)extent.sectors * SECTOR_BYTES) {
        status = fs_extent(&file, at, &extent);
        (void)printf(at == 0 ? "" : ", ");
        if (status == ST_OK)
            (void)printf("[%" PRIu64 ", %u]", extent.lba, extent.sectors);
        else
            (void)printf("\"%s\"", status_name(status));
        if (status == ST_OK && extent.sectors == 0)
            status = ST_CORRUPT;
    }
    (void)printf("]\n");
    return ST_OK;
}

static enum status print_reads(const char *path)
{
    struct fs_file file;
    uint8_t first;
    uint64_t mount_sectors = image.sectors_read;
    uint64_t mount_reads = image.reads;
    enum status status = fs_open(&volume, path, &file);
    if (status == ST_OK)
        status = fs_read(&file, 0, &first, 1);
    if (status == ST_OK)
        (void)printf("{\"mount_sectors\": %" PRIu64 ", \"mount_reads\": %" PRIu64 ", \"sectors\": %" PRIu64
                     ", \"reads\": %" PRIu64 "}\n",
                     mount_sectors, mount_reads, image.sectors_read - mount_sectors, image.reads - mount_reads);
    return status;
}

/* ---- the command line ---- */

static int answer(enum status status)
{
    if (status == ST_OK && fflush(stdout) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", status_name(status));
    return 3;
}

static int cat_range(const char *path, const char *offset, const char *bytes)
{
    struct fs_file file;
    uint64_t start = strtoull(offset, NULL, 10);
    enum status status = fs_open(&volume, path, &file);
    if (status == ST_OK)
        status = copy_out(&file, start, start + strtoull(bytes, NULL, 10), NULL);
    return answer(status);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum status (*run)(const char *path);
    } command[] = {
        {"stat", print_stat},       {"ls", list},           {"cat", cat},
        {"catsmall", cat_small},    {"tree", tree},         {"log", print_log},
        {"extents", print_extents}, {"reads", print_reads},
    };
    if (argc < 5 || argc > 8 || !open_image(&image, argv[1])) {
        (void)fprintf(stderr, "usage: fsdump IMAGE START_LBA SECTORS COMMAND [PATH [OFFSET BYTES]]\n");
        return 2;
    }
    enum status status = fs_mount(&image.device, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), &volume);
    if (status != ST_OK)
        return answer(status);
    if (argc == 8)
        return cat_range(argv[5], argv[6], argv[7]);
    for (size_t i = 0; i < sizeof command / sizeof *command; i++)
        if (strcmp(argv[4], command[i].name) == 0)
            return answer(command[i].run(argc > 5 ? argv[5] : ""));
    (void)fprintf(stderr, "fsdump: no command %s\n", argv[4]);
    return 2;
}
