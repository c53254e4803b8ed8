/* SPDX-License-Identifier: MIT */
/* `mkbootdisk lab --fail`: which disk fails, and how. Wants to know how large the disks are; knows nothing of QEMU. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab_qemu.h"

static enum exit_code bad_fail(const char *piece)
{
    return complain(EXIT_USAGE,
                    "--fail: '%s' is not understood; it takes WHO=absent, dead, slow or bad:LBA[-LBA], where WHO is "
                    "primary, shadow or diskN",
                    piece);
}

/* The index that a name stands for, or LAB_DISKS_MAX. */
static unsigned who_fails(const char *name, size_t length)
{
    if (length == strlen("primary") && strncmp(name, "primary", length) == 0)
        return 0;
    if (length == strlen("shadow") && strncmp(name, "shadow", length) == 0)
        return 1;
    if (length == strlen("disk0") && strncmp(name, "disk", strlen("disk")) == 0 && name[4] >= '0' &&
        name[4] < (char)('0' + LAB_DISKS_MAX))
        return (unsigned)(name[4] - '0');
    return LAB_DISKS_MAX;
}

static enum lab_fault which_fault(const char *how)
{
    if (strcmp(how, "absent") == 0)
        return FAULT_ABSENT;
    if (strcmp(how, "dead") == 0)
        return FAULT_DEAD;
    if (strcmp(how, "slow") == 0)
        return FAULT_SLOW;
    return strncmp(how, "bad:", strlen("bad:")) == 0 ? FAULT_BAD : FAULT_NONE;
}

/* LBA or LBA-LBA. */
static bool parse_range(const char *text, uint64_t *first, uint64_t *last)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    *first = *last = strtoull(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        *last = strtoull(end + 1, &end, 10);
    return errno == 0 && *end == '\0' && *first <= *last;
}

static enum exit_code add_bad_sectors(struct lab_disk *disk, const char *range)
{
    uint64_t first, last;
    if (!parse_range(range, &first, &last))
        return bad_fail(range);
    if (last >= disk->sectors)
        return complain(EXIT_USAGE, "--fail: sector %llu is past the end of %s, which has %llu sector%s",
                        (unsigned long long)last, disk->path, (unsigned long long)disk->sectors,
                        disk->sectors == 1 ? "" : "s");
    if (last - first >= LAB_BAD_MAX - disk->bad_count)
        return complain(EXIT_USAGE, "--fail: more than %u bad sectors on %s; give fewer, or fail it with 'dead'",
                        LAB_BAD_MAX, disk->path);
    for (uint64_t lba = first; lba <= last; lba++)
        disk->bad_lba[disk->bad_count++] = lba;
    return EXIT_DONE;
}

/* One piece between commas: WHO=HOW, or a further range for the disk before it. */
static enum exit_code take_fault(struct lab *lab, const char *piece, struct lab_disk **disk)
{
    const char *how = strchr(piece, '=');
    if (how == NULL)
        return *disk != NULL && (*disk)->fault == FAULT_BAD ? add_bad_sectors(*disk, piece) : bad_fail(piece);
    unsigned index = who_fails(piece, (size_t)(how - piece));
    enum lab_fault fault = which_fault(how + 1);
    if (index == LAB_DISKS_MAX || fault == FAULT_NONE)
        return bad_fail(piece);
    if (index >= lab->disk_count)
        return complain(EXIT_USAGE, "--fail: '%s': only %u disk%s given", piece, lab->disk_count,
                        lab->disk_count == 1 ? " is" : "s are");
    *disk = &lab->disk[index];
    if ((*disk)->fault != FAULT_NONE && ((*disk)->fault != FAULT_BAD || fault != FAULT_BAD))
        return complain(EXIT_USAGE, "--fail: %s can fail in one way only", (*disk)->path);
    (*disk)->fault = fault;
    return fault == FAULT_BAD ? add_bad_sectors(*disk, how + 1 + strlen("bad:")) : EXIT_DONE;
}

enum exit_code lab_take_faults(struct lab *lab, const char *text)
{
    enum exit_code code = EXIT_DONE;
    struct lab_disk *disk = NULL;
    char *copy = strdup(text);
    char *rest = copy;
    if (copy == NULL)
        return complain(EXIT_IO, "%s", strerror(errno));
    for (char *piece = strsep(&rest, ","); piece != NULL && code == EXIT_DONE; piece = strsep(&rest, ","))
        code = take_fault(lab, piece, &disk);
    free(copy);
    return code;
}
