/* SPDX-License-Identifier: MIT */
/* `mkbootdisk write`: a boot disk's image onto a floppy or a stick, every sector read back. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "copying.h"
#include "destination.h"
#include "hostboot.h"
#include "nt/fttype.h"
#include "report.h"
#include "writing.h"

#define FLOPPY_BYTES_MAX (2880u * 1024u)
#define ISO_DESCRIPTOR_LBA 64u /* in sectors of 512: its sector 16 of 2048 */
#define ISO_BLOCKS_OFFSET 80u  /* in the descriptor: how many sectors of 2048 the volume has */
#define ISO_BLOCK_SECTORS 4u

enum option_code { OPT_WRITE = 256, OPT_DRY, OPT_JSON, OPT_SURE, OPT_REPLACE, OPT_HELP };

static const struct option options[] = {{"write", no_argument, NULL, OPT_WRITE},
                                        {"dry-run", no_argument, NULL, OPT_DRY},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"yes-really", no_argument, NULL, OPT_SURE},
                                        {"replace-undo", no_argument, NULL, OPT_REPLACE},
                                        {"help", no_argument, NULL, OPT_HELP},
                                        {NULL, 0, NULL, 0}};

enum image_kind { KIND_FLOPPY, KIND_DISK, KIND_ISO };

static const char *const kind_words[] = {"floppy", "disk", "iso"};
static const char *const kind_texts[] = {"a boot floppy of mkbootdisk", "a disk image", "an ISO 9660 image"};

struct call {
    struct writing writing;
    struct host_disk image;
    enum image_kind kind;
    bool starts; /* its first sector is one that a BIOS starts */
    struct boot_image source;
    struct destination to;
    struct copy copy;
};

static enum exit_code complain_about_length(const struct call *call, uint64_t wanted_bytes)
{
    return complain(EXIT_IO, "%s: has %llu bytes, but speaks of %llu: it is not complete. Copy or build it again",
                    call->source.path, (unsigned long long)call->source.bytes, (unsigned long long)wanted_bytes);
}

/* A floppy is opened as the loader will open it. */
static enum exit_code check_floppy(const struct call *call, const uint8_t *sector)
{
    static struct host_boot boot;
    enum exit_code code = host_boot_open(call->source.path, &boot);
    if (code != EXIT_DONE)
        return code;
    host_boot_close(&boot);
    uint64_t bytes = (uint64_t)get_le16(sector + 0x13) * SECTOR_BYTES;
    return bytes > call->source.bytes ? complain_about_length(call, bytes) : EXIT_DONE;
}

static enum exit_code check_disk(struct call *call, const uint8_t *sector)
{
    struct disk_table table = {0};
    if (!boot_sector_is_volume(sector))
        mbr_read(&call->image.device, sector, &table);
    for (unsigned i = 0; i < table.count; i++) {
        const struct partition *partition = &table.partition[i];
        if (ft_is_member(partition->type))
            return complain(EXIT_REFUSED,
                            "%s: is a disk with half of a mirror on it (partition %u, type %02Xh), not a "
                            "boot disk. Give the boot disk first, then the device",
                            call->source.path, partition->number, partition->type);
        if (partition->beyond_end)
            return complain_about_length(call, ((uint64_t)partition->start_lba + partition->sectors) * SECTOR_BYTES);
    }
    return EXIT_DONE;
}

static enum exit_code check_iso(const struct call *call, const uint8_t *descriptor)
{
    uint64_t bytes = (uint64_t)get_le32(descriptor + ISO_BLOCKS_OFFSET) * ISO_BLOCK_SECTORS * SECTOR_BYTES;
    return bytes > call->source.bytes ? complain_about_length(call, bytes) : EXIT_DONE;
}

static enum exit_code complain_about_sector(const struct call *call, unsigned lba)
{
    return complain(EXIT_IO, "%s: sector %u (offset %u) cannot be read. Copy or build it again", call->source.path, lba,
                    lba * SECTOR_BYTES);
}

/* What the image is, and whether it is whole. */
static enum exit_code check_image(struct call *call)
{
    uint8_t first[SECTOR_BYTES];
    uint8_t descriptor[SECTOR_BYTES] = {0};
    struct blockdev *device = &call->image.device;
    if (blockdev_read(device, 0, 1, first) != ST_OK)
        return complain_about_sector(call, 0);
    if (device->sectors > ISO_DESCRIPTOR_LBA && blockdev_read(device, ISO_DESCRIPTOR_LBA, 1, descriptor) != ST_OK)
        return complain_about_sector(call, ISO_DESCRIPTOR_LBA);
    bool is_iso = memcmp(descriptor, "\1CD001", 6) == 0;
    call->starts = mbr_has_mark(first);
    call->kind = is_iso ? KIND_ISO : call->source.bytes <= FLOPPY_BYTES_MAX ? KIND_FLOPPY : KIND_DISK;
    if (!is_iso && !call->starts)
        return complain(EXIT_IO,
                        "%s: sector 0 does not end in 55 AA (offset 510), and it is no ISO 9660 image: is this a "
                        "boot disk of mkbootdisk?",
                        call->source.path);
    if (is_iso)
        return check_iso(call, descriptor);
    return call->kind == KIND_FLOPPY ? check_floppy(call, first) : check_disk(call, first);
}

static enum exit_code open_image(struct call *call, const char *path)
{
    enum exit_code code = host_disk_open(path, 0, &call->image);
    if (code != EXIT_DONE)
        return code;
    off_t bytes = lseek(call->image.fd, 0, SEEK_END);
    call->source = (struct boot_image){.path = path, .bytes = (uint64_t)bytes};
    if (call->source.bytes % SECTOR_BYTES != 0)
        code = complain(EXIT_IO, "%s: ends %u bytes into a sector, so it is not complete. Copy or build it again", path,
                        (unsigned)(call->source.bytes % SECTOR_BYTES));
    else
        code = check_image(call);
    if (code != EXIT_DONE)
        host_disk_close(&call->image);
    return code;
}

/* What will be lost is said before it is. */
static void show_plan(const struct call *call)
{
    const struct destination *to = &call->to;
    printf("%s: %s, %llu bytes%s.\n", call->source.path, kind_texts[call->kind], (unsigned long long)call->source.bytes,
           call->starts ? "" : "; it starts from a CD only, not from a stick");
    if (to->is_new) {
        printf("%s: a new file.\n", to->path);
        return;
    }
    printf("%s: %s%s%s%llu bytes; on it now: %s. That is overwritten.\n", to->path, to->facts.model,
           to->facts.model[0] != '\0' ? ", " : "", to->facts.removable ? "removable, " : "",
           (unsigned long long)to->disk.device.sectors * SECTOR_BYTES, to->contents);
}

static const char *state_word(const struct call *call, enum copy_end end)
{
    static const char *const words[] = {"done", "bad", "stopped", "failed", "failed", "failed"};
    return call->writing.dry_run ? "dry-run" : words[end];
}

static void print_json(const struct call *call, enum copy_end end)
{
    static const char *const fates[] = {"good", "not written", "not read back", "different"};
    const struct copy *copy = &call->copy;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "image", call->source.path);
    cJSON_AddStringToObject(out, "kind", kind_words[call->kind]);
    cJSON_AddStringToObject(out, "device", call->to.path);
    cJSON_AddNumberToObject(out, "bytes", (double)call->source.bytes);
    cJSON_AddStringToObject(out, "state", state_word(call, end));
    cJSON_AddNumberToObject(out, "written", (double)(copy->written * SECTOR_BYTES));
    cJSON_AddNumberToObject(out, "compared", (double)(copy->compared * SECTOR_BYTES));
    cJSON *bad = cJSON_AddArrayToObject(out, "bad");
    for (uint64_t lba = 0; copy->fate != NULL && lba < copy->sectors; lba++) {
        if (copy->fate[lba] == FATE_GOOD)
            continue;
        cJSON *sector = cJSON_CreateObject();
        cJSON_AddNumberToObject(sector, "sector", (double)lba);
        cJSON_AddStringToObject(sector, "why", fates[copy->fate[lba]]);
        cJSON_AddItemToArray(bad, sector);
    }
    report_json(out);
}

/* One line for each run of sectors with the same fate. */
static void list_bad(const struct call *call)
{
    static const char *const texts[] = {"", "cannot be written", "cannot be read back",
                                        "holds something else than was written to it"};
    const struct copy *copy = &call->copy;
    for (uint64_t lba = 0, end; lba < copy->sectors; lba = end) {
        for (end = lba + 1; end < copy->sectors && copy->fate[end] == copy->fate[lba];)
            end++;
        unsigned long long first = lba, last = end - 1;
        if (copy->fate[lba] != FATE_GOOD && first == last)
            complain(EXIT_IO, "%s: sector %llu (offset %llu): %s", call->to.path, first, first * SECTOR_BYTES,
                     texts[copy->fate[lba]]);
        else if (copy->fate[lba] != FATE_GOOD)
            complain(EXIT_IO, "%s: sectors %llu to %llu (from offset %llu): each %s", call->to.path, first, last,
                     first * SECTOR_BYTES, texts[copy->fate[lba]]);
    }
}

static const char *other_medium(const struct call *call)
{
    if (call->to.is_new)
        return "The file was removed: choose a folder on another disk";
    if (!call->to.disk.is_device)
        return "Choose a file on another disk";
    return call->kind == KIND_FLOPPY ? "Format it (fdformat) and write it again, or take another floppy or stick"
                                     : "Take another stick";
}

static enum exit_code tell_bad(const struct call *call)
{
    list_bad(call);
    return complain(EXIT_IO, "%s: %llu of %llu sectors are bad, so it is no boot disk now. %s", call->to.path,
                    (unsigned long long)call->copy.bad, (unsigned long long)call->copy.sectors, other_medium(call));
}

static const char *aftermath(const struct call *call)
{
    if (call->to.is_new)
        return "the file was removed";
    if (call->copy.blanked)
        return "it is not bootable now: write it again";
    return call->copy.written == 0 ? "nothing was changed" : "its first sector is bad: do not start a machine with it";
}

static enum exit_code tell_stopped(const struct call *call)
{
    const struct copy *copy = &call->copy;
    list_bad(call);
    return complain(EXIT_IO, "%s: stopped when %llu of %llu bytes were written and %llu of them compared; %s",
                    call->to.path, (unsigned long long)copy->written * SECTOR_BYTES,
                    (unsigned long long)call->source.bytes, (unsigned long long)copy->compared * SECTOR_BYTES,
                    aftermath(call));
}

static enum exit_code tell_failed(const struct call *call, const char *path, const char *step)
{
    const struct copy *copy = &call->copy;
    list_bad(call);
    return complain(EXIT_IO, "%s: sector %llu (offset %llu): %s. %s; %s: %s", path,
                    (unsigned long long)copy->failed_lba, (unsigned long long)copy->failed_lba * SECTOR_BYTES,
                    strerror(copy->error), step, call->to.path, aftermath(call));
}

static enum exit_code tell(const struct call *call, enum copy_end end)
{
    const struct destination *to = &call->to;
    switch (end) {
    case COPY_DONE:
        break;
    case COPY_BAD:
        return tell_bad(call);
    case COPY_STOPPED:
        return tell_stopped(call);
    case COPY_NO_IMAGE:
        return tell_failed(call, call->source.path, "Copy or build the boot disk again");
    case COPY_NO_MEDIUM:
        return tell_failed(call, to->path, "Is there room, and is the medium in place? Try again, or use another");
    case COPY_NO_FLUSH:
        list_bad(call);
        return complain(EXIT_IO, "%s: not all that was written has reached it: %s. Use another medium; %s", to->path,
                        strerror(call->copy.error), aftermath(call));
    }
    if (call->writing.json)
        return EXIT_DONE;
    printf("%s: %llu bytes were written and read back.\n", to->path, (unsigned long long)call->source.bytes);
    if (call->kind == KIND_FLOPPY) {
        fputs("See what it would do: mkbootdisk check ", stdout);
        report_word(to->path, stdout);
        puts(" DISK...");
    }
    return EXIT_DONE;
}

static enum exit_code carry_out(struct call *call)
{
    if (!call->writing.json)
        show_plan(call);
    fflush(stdout);
    if (call->writing.dry_run) {
        if (call->writing.json)
            print_json(call, COPY_DONE);
        return EXIT_DONE;
    }
    if (call->writing.json && !call->writing.write)
        return complain(EXIT_REFUSED, "nothing was written; with --json say --write to do it, or --dry-run to look");
    if (!writing_agreed(&call->writing))
        return EXIT_REFUSED;
    enum exit_code code = destination_make_writable(&call->to, call->source.bytes);
    if (code != EXIT_DONE)
        return code;
    call->copy =
        (struct copy){.image = &call->image, .medium = &call->to.disk, .sectors = call->source.bytes / SECTOR_BYTES};
    enum copy_end end = copy_image(&call->copy);
    code = tell(call, end);
    destination_close(&call->to, end == COPY_DONE);
    if (call->writing.json)
        print_json(call, end);
    free(call->copy.fate);
    return code;
}

static enum exit_code run(int argc, char **argv)
{
    static struct call call;
    bool replace_undo = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPT_HELP)
            return show_usage(&write_command);
        if (option == '?')
            return bad_usage(&write_command);
        call.writing.write |= option == OPT_WRITE;
        call.writing.dry_run |= option == OPT_DRY;
        call.writing.json |= option == OPT_JSON;
        call.to.sure |= option == OPT_SURE;
        replace_undo |= option == OPT_REPLACE;
    }
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit shall be an error message, not a crash */
    if (argc - optind != 2)
        return complain(EXIT_USAGE, "give the boot disk and the device to write it to; see 'mkbootdisk write --help'");
    enum exit_code code = open_image(&call, argv[optind]);
    if (code != EXIT_DONE)
        return code;
    call.to.path = argv[optind + 1];
    code = destination_open(&call.source, replace_undo, &call.to);
    if (code == EXIT_DONE)
        code = carry_out(&call);
    host_disk_close(&call.image);
    return code;
}

const struct command write_command = {
    .name = "write",
    .summary = "write a boot disk onto a floppy or a stick, and read it back",
    .usage = "usage: mkbootdisk write [OPTIONS] BOOTDISK DEVICE\n\n"
             "Writes the image BOOTDISK to DEVICE: a floppy drive, a stick, or a file. Every sector is read back. The "
             "first\n"
             "one, from which the machine starts, is written last: what is not complete does not start.\n\n"
             "Refused are devices that are in use, that hold half of a mirror, or that look like a disk rather than a\n"
             "floppy or a stick, and a boot disk whose change can still be undone.\n\n"
             "  --dry-run       look at both, and write nothing\n"
             "  --json          print what was done as one JSON object\n"
             "  --write         write without asking\n"
             "  --yes-really    DEVICE may be a partition, or larger than a stick; some of it may be unreadable\n"
             "  --replace-undo  overwrite a boot disk that holds a change which can still be undone\n",
    .run = run,
};
