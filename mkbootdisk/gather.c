/* SPDX-License-Identifier: MIT */
/* Gathering files. Of several NTLDRs the newest is taken: it starts every older NT, and not the reverse (B07). */
#include "gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expand.h"
#include "nt/fttype.h"
#include "ntfile.h"
#include "systems.h"

#define FILE_BYTES_MAX (2880u * 1024u)
#define VOLUMES_MAX (DISKS_MAX * PARTITIONS_MAX)
#define PATHS_MAX 5u

const char *const own_names[OWN_COUNT] = {"NTLDR", "NTDETECT.COM", "NTBOOTDD.SYS", "BOOTSECT.DOS"};

/* Where each file is looked for on a volume; packed names as Setup's media have them (F03). */
static const char *const own_paths[OWN_COUNT][PATHS_MAX] = {
    {"NTLDR", "NTLDR._", "I386\\NTLDR", "I386\\NTLDR._", NULL},
    {"NTDETECT.COM", "NTDETECT.CO_", "I386\\NTDETECT.COM", "I386\\NTDETECT.CO_", NULL},
    {"NTBOOTDD.SYS", "NTBOOTDD.SY_", NULL, NULL, NULL},
    {"BOOTSECT.DOS", NULL, NULL, NULL, NULL},
};

static enum exit_code read_open(int fd, const struct stat *info, struct own_file *file, const char *name)
{
    file->count = (size_t)info->st_size;
    if (!S_ISREG(info->st_mode))
        return complain(EXIT_USAGE, "%s: is not a file; give the system's own %s", file->option, name);
    if (info->st_size == 0)
        return complain(EXIT_IO, "%s: is empty; copy %s again", file->option, name);
    if (info->st_size > (off_t)FILE_BYTES_MAX)
        return complain(EXIT_IO, "%s: has %lld bytes, more than any floppy; is this %s?", file->option,
                        (long long)info->st_size, name);
    file->bytes = malloc(file->count);
    if (file->bytes == NULL || read(fd, file->bytes, file->count) != (ssize_t)file->count)
        return complain(EXIT_IO, "%s: cannot be read completely", file->option);
    return expand_packed(file->option, name, &file->bytes, &file->count);
}

static enum exit_code read_given(struct own_file *file, const char *name)
{
    struct stat info;
    int fd = open(file->option, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum exit_code code;
    if (fd < 0 || fstat(fd, &info) != 0)
        code = complain(EXIT_IO, "%s: %s. Check the name and the permissions", file->option, strerror(errno));
    else
        code = read_open(fd, &info, file, name);
    if (fd >= 0)
        close(fd);
    snprintf(file->source, sizeof file->source, "%s", file->option);
    return code;
}

enum exit_code gather_given(struct gathered *out)
{
    enum exit_code code = EXIT_DONE;
    for (unsigned i = 0; i < OWN_COUNT && code == EXIT_DONE; i++)
        if (out->file[i].option != NULL)
            code = read_given(&out->file[i], own_names[i]);
    return code;
}

/* The volumes in the order in which they are believed: the half the machine starts from, its twin, then all others. */
struct volumes {
    unsigned count;
    struct volume {
        unsigned disk;
        const struct partition *partition;
    } item[VOLUMES_MAX];
};

static void add_volume(struct volumes *volumes, unsigned disk, const struct partition *partition)
{
    for (unsigned i = 0; i < volumes->count; i++)
        if (volumes->item[i].partition == partition)
            return;
    if (ft_is_file_system(ft_plain_type(partition->type)) && volumes->count < VOLUMES_MAX)
        volumes->item[volumes->count++] = (struct volume){disk, partition};
}

static void list_volumes(const struct host_set *set, struct volumes *out)
{
    out->count = 0;
    for (unsigned role = 0; role < ROLE_COUNT && set->config.set_count > 0; role++) {
        const struct member_place *place = &set->survey[0].place[role];
        if (place->partition != NULL)
            add_volume(out, (unsigned)(place->disk - set->inventory.disk), place->partition);
    }
    for (unsigned pass = 0; pass < 2; pass++) /* active partitions hold NTLDR */
        for (unsigned disk = 0; disk < set->count; disk++) {
            const struct disk_table *table = &set->inventory.disk[disk].table;
            for (unsigned i = 0; !set->inventory.disk[disk].dead && i < table->count; i++)
                if (pass == 1 || table->partition[i].active)
                    add_volume(out, disk, &table->partition[i]);
        }
}

static bool mount(struct host_set *set, const struct volume *volume)
{
    struct blockdev *device = &set->inventory.disk[volume->disk].reader.device;
    return fs_mount(device, volume->partition->start_lba, volume->partition->sectors, &host_workspace()->volume) ==
           ST_OK;
}

/* Read a file of the mounted volume. One that is not there, or that cannot be read or expanded, is not taken. */
static bool read_found(const struct host_set *set, const struct volume *volume, const char *path, const char *name,
                       struct own_file *out)
{
    struct fs_file file;
    *out = (struct own_file){0};
    if (fs_open(&host_workspace()->volume, path, &file) != ST_OK || (file.flags & FS_DIRECTORY) != 0 ||
        file.bytes == 0 || file.bytes > FILE_BYTES_MAX)
        return false;
    snprintf(out->source, sizeof out->source, "%s, partition %u, \\%s", set->disk[volume->disk].path,
             volume->partition->number, path);
    out->count = (size_t)file.bytes;
    out->bytes = malloc(out->count);
    if (out->bytes != NULL && fs_read(&file, 0, out->bytes, (uint32_t)out->count) == ST_OK &&
        expand_packed(out->source, name, &out->bytes, &out->count) == EXIT_DONE)
        return true;
    free(out->bytes);
    out->bytes = NULL;
    return false;
}

static bool find_on_volume(struct host_set *set, const struct volume *volume, enum own_kind kind, struct own_file *out)
{
    if (!mount(set, volume))
        return false;
    for (unsigned i = 0; i < PATHS_MAX && own_paths[kind][i] != NULL; i++)
        if (read_found(set, volume, own_paths[kind][i], own_names[kind], out))
            return true;
    return false;
}

/* The newest of all volumes; of equal ones the first. */
static void find_ntldr(struct host_set *set, const struct volumes *volumes, struct own_file *out)
{
    struct own_file candidate;
    for (unsigned i = 0; i < volumes->count; i++) {
        if (!find_on_volume(set, &volumes->item[i], OWN_NTLDR, &candidate))
            continue;
        struct nt_version best = out->bytes != NULL ? ntldr_version(out->bytes, out->count) : (struct nt_version){0};
        struct nt_version found = ntldr_version(candidate.bytes, candidate.count);
        if (out->bytes != NULL && nt_version_compare(&found, &best) <= 0) {
            free(candidate.bytes);
            continue;
        }
        free(out->bytes);
        *out = candidate;
    }
}

static void find_first(struct host_set *set, const struct volumes *volumes, enum own_kind kind, struct own_file *out)
{
    for (unsigned i = 0; i < volumes->count; i++)
        if (find_on_volume(set, &volumes->item[i], kind, out))
            return;
}

/* Without a NTBOOTDD.SYS the boot adapter's own driver is one by another name, if there is only one it can be (C08). */
static void find_miniport(struct host_set *set, const struct nt_survey *survey, struct own_file *out)
{
    for (unsigned i = 0; i < survey->count; i++) {
        const struct nt_installation *item = &survey->item[i];
        const struct volume volume = {item->disk, item->partition};
        char path[INSTALL_PATH_BYTES + SYSTEM_PATH_BYTES];
        if (item->miniports != 1 || !mount(set, &volume))
            continue;
        snprintf(path, sizeof path, "%s\\%s", item->directory + 1, item->miniport[0]);
        if (read_found(set, &volume, path, own_names[OWN_NTBOOTDD], out))
            return;
    }
}

/* BOOT.INI of the first volume that has one. */
static bool read_boot_ini(struct host_set *set, const struct volumes *volumes, struct install_search *search)
{
    for (unsigned i = 0; i < volumes->count; i++)
        if (mount(set, &volumes->item[i]) && install_search_begin(search, &host_workspace()->volume) == ST_OK &&
            search->ini.count > 0)
            return true;
    search->ini.count = 0;
    return false;
}

/* The folder that a person named may not be there; they may know why. */
static void warn_of_path(struct host_set *set, const char *nt_path)
{
    const struct member_place *primary = host_set_half(set, 0);
    if (primary->partition == NULL)
        return;
    const struct volume volume = {(unsigned)(primary->disk - set->inventory.disk), primary->partition};
    if (mount(set, &volume) && install_check(&host_workspace()->volume, nt_path) == ST_NOT_FOUND)
        fprintf(stderr, "mkbootdisk: warning: --nt-path %s: %s, partition %u, has no Windows NT there\n", nt_path,
                set->disk[volume.disk].path, volume.partition->number);
}

void gather_found(struct host_set *set, const struct nt_survey *survey, const char *nt_path, struct gathered *out)
{
    static struct volumes volumes;
    struct install_search *search = &host_workspace()->search;
    list_volumes(set, &volumes);
    bool has_ini = read_boot_ini(set, &volumes, search);
    systems_collect(set, survey, has_ini ? &search->ini : NULL, nt_path, out);
    if (nt_path != NULL)
        warn_of_path(set, nt_path);
    if (out->file[OWN_NTLDR].bytes == NULL)
        find_ntldr(set, &volumes, &out->file[OWN_NTLDR]);
    for (unsigned kind = OWN_NTDETECT; kind < OWN_COUNT; kind++)
        if (out->file[kind].bytes == NULL)
            find_first(set, &volumes, (enum own_kind)kind, &out->file[kind]);
    if (out->file[OWN_NTBOOTDD].bytes == NULL && out->wants_ntbootdd)
        find_miniport(set, survey, &out->file[OWN_NTBOOTDD]);
}

static void warn(const struct own_file *file, const char *doubt)
{
    if (doubt != NULL)
        fprintf(stderr, "mkbootdisk: warning: %s: %s\n", file->source, doubt);
}

/* An older NTLDR stops at the registry of a newer Windows NT. */
static void warn_of_older(const struct own_file *ntldr, const struct nt_survey *survey)
{
    struct nt_version own = ntldr_version(ntldr->bytes, ntldr->count);
    if (own.major == 0)
        return;
    for (unsigned i = 0; i < survey->count; i++) {
        const struct nt_installation *item = &survey->item[i];
        struct nt_version wanted = nt_version_of_text(item->product.version, strlen(item->product.version));
        if (own.major > wanted.major || (own.major == wanted.major && own.minor >= wanted.minor))
            continue;
        fprintf(stderr,
                "mkbootdisk: warning: %s: is of version %u.%02u, which does not start %s of version %s (B07); give a "
                "newer one with --ntldr FILE\n",
                ntldr->source, own.major, own.minor, item->directory, item->product.version);
        return;
    }
}

void gather_warn(const struct gathered *gathered, const struct nt_survey *survey)
{
    const struct own_file *file = gathered->file;
    if (file[OWN_NTLDR].bytes != NULL)
        warn_of_older(&file[OWN_NTLDR], survey);
    if (file[OWN_NTLDR].bytes != NULL)
        warn(&file[OWN_NTLDR], ntldr_doubt(file[OWN_NTLDR].bytes, file[OWN_NTLDR].count));
    if (file[OWN_NTBOOTDD].bytes != NULL)
        warn(&file[OWN_NTBOOTDD], ntbootdd_doubt(file[OWN_NTBOOTDD].bytes, file[OWN_NTBOOTDD].count));
    if (file[OWN_BOOTSECT].bytes != NULL)
        warn(&file[OWN_BOOTSECT], bootsect_doubt(file[OWN_BOOTSECT].bytes, file[OWN_BOOTSECT].count));
}

void gather_tell(const struct gathered *gathered)
{
    const struct own_file *file = gathered->file;
    for (unsigned i = 0; i < OWN_COUNT; i++)
        if (file[i].bytes != NULL)
            printf("%s: from %s\n", own_names[i], file[i].source);
    if (file[OWN_NTLDR].bytes == NULL)
        puts("There is no NTLDR on it: a half starts through its own boot sector. Should its code be damaged, only\n"
             "--ntldr FILE (with --ntdetect FILE) gives the boot disk a way of its own to start Windows NT.");
    else if (file[OWN_NTDETECT].bytes == NULL)
        puts("NTLDR is on it, but NTDETECT.COM is not: NTLDR will stop without it. Give --ntdetect FILE.");
    else if (gathered->guessed)
        puts("Neither BOOT.INI nor Windows NT was found on the disks: the boot disk's BOOT.INI names the folder "
             "\\WINNT.\n"
             "If it is another one, give --nt-path FOLDER.");
    if (file[OWN_BOOTSECT].bytes == NULL && gathered->wants_bootsect)
        puts("BOOT.INI has another system, C:\\, but BOOTSECT.DOS, which starts it, was not found: give --bootsect "
             "FILE.");
    if (file[OWN_NTBOOTDD].bytes == NULL && gathered->wants_ntbootdd)
        puts(
            "BOOT.INI has a scsi() or signature() path, but the boot adapter's driver was not found, or there is more\n"
            "than one it could be: give it with --ntbootdd FILE.");
}

void gather_free(struct gathered *gathered)
{
    for (unsigned i = 0; i < OWN_COUNT; i++)
        free(gathered->file[i].bytes);
}
