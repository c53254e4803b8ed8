/* SPDX-License-Identifier: MIT */
/* Plans for the host. */
#include "repairs.h"

#include <stdarg.h>
#include <string.h>

#define HEADS_MAX 255u
#define SECTORS_MAX 63u

void repairs_begin(struct repairs *repairs, struct host_set *set, const struct writing *writing)
{
    memset(repairs, 0, sizeof *repairs);
    repairs->set = set;
    repairs->json = writing->json;
    repairs->job = (struct break_job){.inventory = &set->inventory,
                                      .survey = set->survey,
                                      .work = host_workspace(),
                                      .changes = &repairs->changes,
                                      .what = {.config = &set->config}};
}

static const char *path_of(const struct repairs *repairs, const struct disk *disk)
{
    return repairs->set->disk[disk - repairs->set->inventory.disk].path;
}

/* What a person should know, and a program need not. */
__attribute__((format(printf, 2, 3))) static void remark(const struct repairs *repairs, const char *format, ...)
{
    va_list arguments;
    FILE *to = repairs->json ? stderr : stdout;
    va_start(arguments, format);
    vfprintf(to, format, arguments);
    va_end(arguments);
    fputc('\n', to);
}

void repairs_tell_letters(const struct repairs *repairs)
{
    for (unsigned i = 0; i < repairs->set->config.set_count; i++) {
        const struct letters *letters = &repairs->job.what.letters[i];
        if (letters->known && letters->after != 0)
            remark(repairs,
                   "Mirror %u: %c: before, %c: afterwards for the %s; the other half gets the next free letter.", i + 1,
                   letters->before, letters->after, role_name(repairs->job.what.keep[i]));
    }
}

/* What a person can do about an obstacle. */
static const char *advice(enum obstacle obstacle)
{
    if (obstacle == OBSTACLE_UNCLEAN || obstacle == OBSTACLE_LOG)
        return "Start Windows NT once from this half and shut it down, then try again; or say --partial";
    if (obstacle == OBSTACLE_DAMAGED || obstacle == OBSTACLE_UNREADABLE)
        return "Repair it (ERD, SYSTEM.ALT, CHKDSK) and try again; or say --partial";
    if (obstacle == OBSTACLE_IN_PLACE)
        return "Uncompress it from Windows NT (COMPACT /U) and try again; or say --partial";
    return "Say --partial";
}

enum exit_code repairs_break(struct repairs *repairs, enum break_extent extent)
{
    struct break_job *job = &repairs->job;
    enum status status = break_plan(job, extent);
    if (status == ST_OK)
        return EXIT_DONE;
    if (job->obstacle != OBSTACLE_NONE)
        return complain(EXIT_REFUSED,
                        "%s, %s: %s. So the registry cannot be part of the break. %s: then only the partition type "
                        "changes, NT starts (Q147690) and Disk Administrator finishes the break. Nothing was changed",
                        path_of(repairs, job->on), job->where, obstacle_text(job->obstacle), advice(job->obstacle));
    return complain(status == ST_IO ? EXIT_IO : EXIT_REFUSED, "the mirror cannot be broken: %s. Nothing was changed",
                    status == ST_REFUSED    ? "the partition table of the half to keep is damaged"
                    : status == ST_NO_SPACE ? "the change is larger than the journal"
                                            : "the sector of its partition entry cannot be read");
}

enum exit_code repairs_promote(struct repairs *repairs, struct disk *disk, struct geometry geometry)
{
    struct promote_job job = {.config = &repairs->set->config,
                              .survey = repairs->set->survey,
                              .work = host_workspace(),
                              .changes = &repairs->changes,
                              .geometry = geometry};
    memcpy(job.breaking, repairs->job.what.wanted, sizeof job.breaking);
    repairs->promoted = disk;
    enum status status = promote_plan(&job, disk);
    if (status == ST_REFUSED)
        return complain(EXIT_REFUSED, "%s cannot be promoted: %s%s%s. Nothing was changed", path_of(repairs, disk),
                        promote_text(job.refusal), job.refusal == PROMOTE_BOOT_INI ? ": " : "",
                        job.refusal == PROMOTE_BOOT_INI ? bootpath_text(job.boot_ini) : "");
    if (status != ST_OK)
        return complain(EXIT_IO, "%s cannot be promoted: %s. Nothing was changed", path_of(repairs, disk),
                        status == ST_NO_SPACE ? "the change is larger than the journal"
                                              : "a sector that would change cannot be read");
    remark(repairs, "%s: partition %u will be active%s%s.", path_of(repairs, disk), job.boot->number,
           job.is_nt ? "; " : "", job.is_nt ? bootpath_text(job.boot_ini) : "");
    if (job.code == PROMOTE_CODE_VENDOR)
        remark(repairs, "%s: the MBR code of the machine's vendor stays; it may not start this disk (A02).",
               path_of(repairs, disk));
    if (geometry.heads == 0)
        remark(repairs,
               "%s: CHS and geometry stay as they are: only the machine's BIOS knows them. The loader's menu "
               "sets them, or --geometry HEADS/SECTORS.",
               path_of(repairs, disk));
    return EXIT_DONE;
}

enum exit_code repairs_retire(struct repairs *repairs, struct disk *disk)
{
    struct retire_job job = {.inventory = &repairs->set->inventory,
                             .config = &repairs->set->config,
                             .survey = repairs->set->survey,
                             .changes = &repairs->changes};
    memcpy(job.breaking, repairs->job.what.wanted, sizeof job.breaking);
    memcpy(job.keep, repairs->job.what.keep, sizeof job.keep);
    repairs->retired = disk;
    if (disk == NULL)
        return complain(
            EXIT_REFUSED,
            "there is no disk to retire: the other half was not given. Give both disks. Nothing was changed");
    enum status status = retire_plan(&job, disk);
    if (status == ST_OK)
        return EXIT_DONE;
    return complain(status == ST_REFUSED ? EXIT_REFUSED : EXIT_IO, "%s cannot be retired: %s. Nothing was changed",
                    path_of(repairs, disk),
                    status == ST_REFUSED    ? retire_text(job.refusal)
                    : status == ST_NO_SPACE ? "the change is larger than the journal"
                                            : "a sector that would change cannot be read");
}

bool repairs_take_geometry(const char *text, struct geometry *out)
{
    unsigned heads = 0;
    unsigned sectors = 0;
    char rest;
    if (sscanf(text, "%u/%u%c", &heads, &sectors, &rest) == 2 && heads >= 1 && heads <= HEADS_MAX && sectors >= 1 &&
        sectors <= SECTORS_MAX) {
        *out = (struct geometry){(uint16_t)heads, (uint16_t)sectors};
        return true;
    }
    complain(EXIT_USAGE,
             "--geometry takes heads and sectors per track as the BIOS counts them, such as 255/63, not '%s'", text);
    return false;
}
