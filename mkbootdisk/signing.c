/* SPDX-License-Identifier: MIT */
/* Signing. sbsign reads and writes files, so each loader goes through the work folder. */
#include "signing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "programs.h"
#include "target.h"

#define UNSIGNED "unsigned.efi"
#define SIGNED "signed.efi"
#define SIGNED_BYTES_MAX (1u << 20) /* a loader of 100 KB and a signature of two */

/* PE format */
#define DOS_MARK 0x5A4Du
#define PE_HEADER 0x3Cu /* where it is */
#define PE_OPTIONAL 24u /* in the header */
#define PE_MAGIC_64 0x20Bu
#define PE_CHECKSUM 64u /* in the optional header, as are the next two */
#define PE_SIGNATURE_32 128u
#define PE_SIGNATURE_64 144u

enum exit_code signing_check(const struct signing *signing)
{
    const char *const *file = signing->file;
    if ((file[SIGNING_KEY] == NULL) != (file[SIGNING_CERTIFICATE] == NULL))
        return complain(EXIT_USAGE, "--sign-key and --sign-cert belong together: give both");
    for (unsigned i = 0; i < SIGNING_FILES && file[i] != NULL; i++)
        if (access(file[i], R_OK) != 0)
            return complain(EXIT_IO, "'%s': %s. Check the name and the permissions", file[i], strerror(errno));
    return EXIT_DONE;
}

static enum exit_code read_signed(struct floppy_file *file, uint8_t *room)
{
    FILE *from = fopen(work_path(SIGNED), "rb");
    size_t count = from != NULL ? fread(room, 1, SIGNED_BYTES_MAX, from) : 0;
    bool good = count > file->count && count < SIGNED_BYTES_MAX;
    if (from != NULL)
        fclose(from);
    if (!good)
        return complain(EXIT_IO, "sbsign did not make a signed %s. Install another version of sbsigntool", file->name);
    file->bytes = room;
    file->count = count;
    return EXIT_DONE;
}

static enum exit_code sign(const struct signing *signing, struct floppy_file *file, uint8_t *room)
{
    const char *const arguments[] = {
        "sbsign",   "--key",           signing->file[SIGNING_KEY], "--cert", signing->file[SIGNING_CERTIFICATE],
        "--output", work_path(SIGNED), work_path(UNSIGNED),        NULL};
    enum exit_code code = work_write(UNSIGNED, file->bytes, file->count);
    if (code == EXIT_DONE)
        code = program_run(&(struct program){.arguments = arguments, .package = "sbsigntool", .quiet = true});
    return code == EXIT_DONE ? read_signed(file, room) : code;
}

enum exit_code signing_run(const struct signing *signing, struct floppy *floppy)
{
    static uint8_t room[FLOPPY_FILES_MAX][SIGNED_BYTES_MAX];
    enum exit_code code = EXIT_DONE;
    for (unsigned i = 0; i < floppy->files && code == EXIT_DONE && signing->file[SIGNING_KEY] != NULL; i++)
        if (floppy->file[i].efi)
            code = sign(signing, &floppy->file[i], room[i]);
    return code;
}

bool signing_is_ours(const uint8_t *file, size_t bytes, const uint8_t *own, size_t own_bytes)
{
    if (bytes == own_bytes && memcmp(file, own, own_bytes) == 0)
        return true;
    size_t end = (own_bytes + 7) & ~(size_t)7;
    if (get_le16(own) != DOS_MARK || bytes <= end)
        return false;
    size_t optional = get_le32(own + PE_HEADER) + PE_OPTIONAL;
    size_t checksum = optional + PE_CHECKSUM;
    size_t place = optional + (get_le16(own + optional) == PE_MAGIC_64 ? PE_SIGNATURE_64 : PE_SIGNATURE_32);
    return get_le32(file + place) == end && get_le32(file + place + 4) == bytes - end &&
           memcmp(file, own, checksum) == 0 &&
           memcmp(file + checksum + 4, own + checksum + 4, place - checksum - 4) == 0 &&
           memcmp(file + place + 8, own + place + 8, own_bytes - place - 8) == 0;
}
