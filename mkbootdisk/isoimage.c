/* SPDX-License-Identifier: MIT */
/* CD images. */
#include "isoimage.h"

#include "programs.h"
#include "target.h"

#define SMALL_KILOBYTES 1440u
#define LARGE_KILOBYTES 2880u
#define SMALL_ROOM (1380u * 1024u) /* for files, with the file system and the padding taken off */
#define CLUSTER_BYTES 512u

/* Every BIOS that starts CDs knows the floppy of 1.44 MB; the larger one only serves what does not fit on it. */
static unsigned kilobytes_for(const struct floppy *floppy)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < floppy->files; i++)
        bytes += (floppy->file[i].count + CLUSTER_BYTES - 1) / CLUSTER_BYTES * CLUSTER_BYTES;
    return bytes <= SMALL_ROOM ? SMALL_KILOBYTES : LARGE_KILOBYTES;
}

enum exit_code isoimage_make(struct floppy *floppy, const char *inner, const char *image)
{
    char graft[PATH_BYTES + 128];
    char dates[32];
    const char *const arguments[] = {"xorriso",
                                     "-as",
                                     "mkisofs",
                                     "-quiet",
                                     "-r",
                                     "-V",
                                     "MKBOOTDISK",
                                     "-o",
                                     work_path(image),
                                     "--set_all_file_dates",
                                     dates,
                                     "-c",
                                     "boot.cat",
                                     "-b",
                                     "ft.img",
                                     "-eltorito-alt-boot",
                                     "-e",
                                     "ft.img",
                                     "-no-emul-boot",
                                     "-graft-points",
                                     graft,
                                     NULL};
    floppy->kilobytes = kilobytes_for(floppy);
    enum exit_code code = floppy_make(floppy, inner);
    if (code != EXIT_DONE)
        return code;
    snprintf(dates, sizeof dates, "=%s", program_time());
    snprintf(graft, sizeof graft, "ft.img=%s", work_path(inner));
    return program_run(&(struct program){.arguments = arguments, .package = "xorriso", .quiet = true});
}
