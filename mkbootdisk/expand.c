/* SPDX-License-Identifier: MIT */
/* Expanding by libmspack, over memory: its "files" are the packed bytes and a buffer that grows. The LZSS formats have
 * no checksum, and the library takes a stream that is cut off for one that has ended, so only a length that the header
 * gives can prove that nothing is missing. */
#include "expand.h"

#include <mspack.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAGIC_BYTES 4u
#define ALLOCATION_MAX (32u << 20)
#define LISTED_MAX 8u

/* The library takes names and hands them to open() as they are. */
static const char packed_side[] = "packed";
static const char expanded_side[] = "expanded";

struct job {
    struct mspack_system system; /* first: the library hands its address to open() and alloc() */
    const char *name;
    const char *format;
    const uint8_t *packed;
    size_t packed_count;
    size_t taken_from; /* the bytes that the library read last: an error was noticed in them */
    size_t taken_to;
    uint8_t *out;
    size_t out_count;
    size_t out_room;
    bool too_much;
    bool no_memory; /* the library's own word for it also stands for windows of an impossible size */
};

struct side {
    struct job *job;
    bool is_output;
    size_t at;
};

static struct mspack_file *open_side(struct mspack_system *self, const char *filename, int mode)
{
    struct side *side = malloc(sizeof *side);
    (void)mode; /* each side is only ever used in one way */
    if (side != NULL)
        *side = (struct side){.job = (struct job *)self, .is_output = filename == expanded_side};
    return (struct mspack_file *)side;
}

static void close_side(struct mspack_file *file)
{
    free(file);
}

static int read_side(struct mspack_file *file, void *buffer, int bytes)
{
    struct side *side = (struct side *)file;
    struct job *job = side->job;
    if (bytes < 0 || side->is_output)
        return -1;
    size_t left = job->packed_count - side->at;
    size_t part = (size_t)bytes < left ? (size_t)bytes : left;
    memcpy(buffer, job->packed + side->at, part);
    job->taken_from = side->at;
    side->at += part;
    job->taken_to = side->at;
    return (int)part;
}

static int write_side(struct mspack_file *file, void *buffer, int bytes)
{
    struct side *side = (struct side *)file;
    struct job *job = side->job;
    if (bytes <= 0 || !side->is_output)
        return bytes == 0 ? 0 : -1;
    job->too_much = job->too_much || (size_t)bytes > EXPANDED_BYTES_MAX - job->out_count;
    if (job->too_much)
        return -1;
    if ((size_t)bytes > job->out_room - job->out_count) {
        size_t room = 2 * (job->out_room + (size_t)bytes);
        uint8_t *more = realloc(job->out, room);
        job->no_memory = more == NULL;
        if (more == NULL)
            return -1;
        job->out = more;
        job->out_room = room;
    }
    memcpy(job->out + job->out_count, buffer, (size_t)bytes);
    job->out_count += (size_t)bytes;
    return bytes;
}

/* Only what is read is ever sought in. */
static int seek_side(struct mspack_file *file, off_t offset, int mode)
{
    struct side *side = (struct side *)file;
    off_t end = (off_t)side->job->packed_count;
    off_t from = mode == MSPACK_SYS_SEEK_START ? 0 : mode == MSPACK_SYS_SEEK_CUR ? (off_t)side->at : end;
    if (side->is_output || offset < -from || offset > end - from)
        return -1;
    side->at = (size_t)(from + offset);
    return 0;
}

static off_t tell_side(struct mspack_file *file)
{
    const struct side *side = (const struct side *)file;
    return (off_t)(side->is_output ? side->job->out_count : side->at);
}

/* What its messages say is said again by its error code. */
static void no_message(struct mspack_file *file, const char *format, ...)
{
    (void)file;
    (void)format;
}

/* Zeroed, so that a damaged file expands to the same bytes every time. */
static void *take_memory(struct mspack_system *self, size_t bytes)
{
    struct job *job = (struct job *)self;
    void *memory = bytes <= ALLOCATION_MAX ? calloc(1, bytes) : NULL;
    job->no_memory = job->no_memory || (memory == NULL && bytes <= ALLOCATION_MAX);
    return memory;
}

static void copy_memory(void *from, void *to, size_t bytes)
{
    memcpy(to, from, bytes);
}

static const char *error_text(int error)
{
    if (error == MSPACK_ERR_CHECKSUM)
        return "a checksum does not match";
    if (error == MSPACK_ERR_READ || error == MSPACK_ERR_SEEK)
        return "it ends too early";
    if (error == MSPACK_ERR_SIGNATURE)
        return "it only begins like one";
    return "its contents are damaged, or a part is missing";
}

static enum exit_code tell_error(const struct job *job, int error)
{
    if (job->too_much)
        return complain(EXIT_IO, "%s: is packed (%s) and expands to more than %u MiB; is this a file of Windows NT?",
                        job->name, job->format, EXPANDED_BYTES_MAX >> 20);
    if (job->no_memory)
        return complain(EXIT_IO, "%s: there is not enough memory to expand it; close other programs and try again",
                        job->name);
    return complain(EXIT_IO,
                    "%s: is packed (%s) and cannot be expanded: %s, noticed between offsets %zu and %zu; copy it "
                    "again, or expand it with the EXPAND of its own Windows NT (F03)",
                    job->name, job->format, error_text(error), job->taken_from, job->taken_to);
}

static enum exit_code check_length(const struct job *job, off_t length)
{
    if ((off_t)job->out_count == length)
        return EXIT_DONE;
    return complain(EXIT_IO,
                    "%s: is packed (%s) and expands to %zu bytes, but says at its beginning that it holds %lld: it is "
                    "damaged or cut off before offset %zu; copy it again (F03)",
                    job->name, job->format, job->out_count, (long long)length, job->packed_count);
}

static enum exit_code expand_szdd(struct job *job)
{
    struct msszdd_decompressor *library = mspack_create_szdd_decompressor(&job->system);
    if (library == NULL)
        return tell_error(job, MSPACK_ERR_NOMEMORY);
    struct msszddd_header *header = library->open(library, packed_side);
    int error = header != NULL ? library->extract(library, header, expanded_side) : library->last_error(library);
    enum exit_code code =
        header == NULL || error != MSPACK_ERR_OK ? tell_error(job, error) : check_length(job, header->length);
    if (header != NULL)
        library->close(library, header);
    mspack_destroy_szdd_decompressor(library);
    return code;
}

static enum exit_code expand_kwaj_data(struct job *job, struct mskwaj_decompressor *library,
                                       struct mskwajd_header *header)
{
    if ((header->headers & MSKWAJ_HDR_HASLENGTH) == 0)
        return complain(EXIT_IO,
                        "%s: is packed (KWAJ) and does not say how much it holds, so a missing part would not be "
                        "noticed; expand it with the EXPAND of its own Windows NT (F03)",
                        job->name);
    int error = library->extract(library, header, expanded_side);
    return error != MSPACK_ERR_OK ? tell_error(job, error) : check_length(job, header->length);
}

static enum exit_code expand_kwaj(struct job *job)
{
    struct mskwaj_decompressor *library = mspack_create_kwaj_decompressor(&job->system);
    if (library == NULL)
        return tell_error(job, MSPACK_ERR_NOMEMORY);
    struct mskwajd_header *header = library->open(library, packed_side);
    enum exit_code code =
        header != NULL ? expand_kwaj_data(job, library, header) : tell_error(job, library->last_error(library));
    if (header != NULL)
        library->close(library, header);
    mspack_destroy_kwaj_decompressor(library);
    return code;
}

static const char *without_folder(const char *path)
{
    const char *name = path;
    for (; *path != '\0'; path++)
        if (*path == '\\' || *path == '/')
            name = path + 1;
    return name;
}

/* The names come from the file: what a terminal could obey is not shown. */
static void list_members(const struct mscabd_cabinet *cabinet, char *text, size_t room)
{
    size_t used = 0;
    unsigned listed = 0;
    text[0] = '\0';
    for (const struct mscabd_file *file = cabinet->files; file != NULL && listed < LISTED_MAX; file = file->next) {
        int added = snprintf(text + used, room - used, "%s%.40s", listed++ > 0 ? ", " : "", file->filename);
        used += added > 0 && (size_t)added < room - used ? (size_t)added : 0;
    }
    for (char *at = text; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/* The only file, or the only one of that name; null after a complaint. */
static struct mscabd_file *pick_member(const struct job *job, const struct mscabd_cabinet *cabinet, const char *member)
{
    struct mscabd_file *picked = NULL;
    unsigned matches = 0;
    char names[512];
    for (struct mscabd_file *file = cabinet->files; file != NULL; file = file->next) {
        if (strcasecmp(without_folder(file->filename), member) != 0)
            continue;
        picked = file;
        matches++;
    }
    if (cabinet->files != NULL && cabinet->files->next == NULL)
        return cabinet->files;
    if (matches == 1)
        return picked;
    list_members(cabinet, names, sizeof names);
    complain(EXIT_IO, "%s: is a cabinet with %s file called %s; expand the right one and give that. It holds: %s",
             job->name, matches == 0 ? "no" : "more than one", member, names);
    return NULL;
}

static enum exit_code expand_member(struct job *job, struct mscab_decompressor *library, struct mscabd_file *member)
{
    /* What stands before it is expanded as well, and thrown away: no less work than keeping it. */
    job->too_much = member->length > EXPANDED_BYTES_MAX || member->offset > EXPANDED_BYTES_MAX;
    if (job->too_much)
        return tell_error(job, MSPACK_ERR_WRITE);
    int error = library->extract(library, member, expanded_side);
    return error != MSPACK_ERR_OK ? tell_error(job, error) : check_length(job, member->length);
}

static enum exit_code expand_cabinet(struct job *job, const char *member)
{
    struct mscab_decompressor *library = mspack_create_cab_decompressor(&job->system);
    if (library == NULL)
        return tell_error(job, MSPACK_ERR_NOMEMORY);
    struct mscabd_cabinet *cabinet = library->open(library, packed_side);
    enum exit_code code = EXIT_IO;
    if (cabinet == NULL) {
        tell_error(job, library->last_error(library));
    } else {
        struct mscabd_file *file = pick_member(job, cabinet, member);
        if (file != NULL)
            code = expand_member(job, library, file);
        library->close(library, cabinet);
    }
    mspack_destroy_cab_decompressor(library);
    return code;
}

const char *packed_format(const uint8_t *bytes, size_t count)
{
    static const char *const formats[] = {"SZDD", "KWAJ", "MSCF"};
    for (size_t i = 0; count >= MAGIC_BYTES && i < sizeof formats / sizeof formats[0]; i++)
        if (memcmp(bytes, formats[i], MAGIC_BYTES) == 0)
            return formats[i];
    return NULL;
}

static enum exit_code check_result(const struct job *job)
{
    if (job->out_count == 0)
        return complain(EXIT_IO, "%s: is packed (%s) and holds nothing; copy it again", job->name, job->format);
    if (packed_format(job->out, job->out_count) != NULL)
        return complain(EXIT_IO, "%s: holds another packed file (%s in %s); expand it by hand and give what it holds",
                        job->name, packed_format(job->out, job->out_count), job->format);
    return EXIT_DONE;
}

enum exit_code expand_packed(const char *name, const char *member, uint8_t **bytes, size_t *count)
{
    struct job job = {.system = {.open = open_side,
                                 .close = close_side,
                                 .read = read_side,
                                 .write = write_side,
                                 .seek = seek_side,
                                 .tell = tell_side,
                                 .message = no_message,
                                 .alloc = take_memory,
                                 .free = free,
                                 .copy = copy_memory},
                      .name = name,
                      .format = packed_format(*bytes, *count),
                      .packed = *bytes,
                      .packed_count = *count};
    enum exit_code code;
    int self_test;
    if (job.format == NULL)
        return EXIT_DONE;
    MSPACK_SYS_SELFTEST(self_test);
    if (self_test != MSPACK_ERR_OK)
        return complain(EXIT_IO, "%s: is packed, and libmspack does not fit this program; expand it by hand", name);
    code = job.format[0] == 'S'   ? expand_szdd(&job)
           : job.format[0] == 'K' ? expand_kwaj(&job)
                                  : expand_cabinet(&job, member);
    if (code == EXIT_DONE)
        code = check_result(&job);
    if (code != EXIT_DONE) {
        free(job.out);
        return code;
    }
    free(*bytes);
    *bytes = job.out;
    *count = job.out_count;
    return EXIT_DONE;
}
