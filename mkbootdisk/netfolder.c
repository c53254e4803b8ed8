/* SPDX-License-Identifier: MIT */
/* The network folder. */
#include "netfolder.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "signing.h"
#include "target.h"

#define MACHINES "machines"
#define LOADER_BYTES_MAX (512u * 1024u)

/* Hexadecimal digits in groups with one kind of separator between them, as `shape` has it: x for a digit. */
static bool has_shape(const char *given, const char *shape, char separator)
{
    for (; *shape != '\0'; shape++, given++)
        if (*shape == 'x' ? isxdigit((unsigned char)*given) == 0 : *given != separator)
            return false;
    return *given == '\0';
}

bool netfolder_machine(const char *given, char name[NETFOLDER_MACHINE_BYTES])
{
    static const char mac[] = "xx-xx-xx-xx-xx-xx";
    static const char uuid[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (!has_shape(given, mac, ':') && !has_shape(given, mac, '-') && !has_shape(given, uuid, '-')) {
        complain(EXIT_USAGE, "--machine takes a MAC address such as 52:54:00:12:34:56, or a UUID, not '%s'", given);
        return false;
    }
    size_t i = 0;
    for (; given[i] != '\0'; i++)
        name[i] = (char)(given[i] == ':' ? '-' : tolower((unsigned char)given[i]));
    name[i] = '\0';
    return true;
}

void netfolder_config(const struct netfolder *net, const char *folder, char *path)
{
    if (net->machines > 0)
        snprintf(path, PATH_BYTES, "%s/" MACHINES "/%s.ini", folder, net->machine[0]);
    else
        snprintf(path, PATH_BYTES, "%s/MIRROR.INI", folder);
}

/* Whether the folder has this loader already, signed: one more machine does not take the signature from the others. */
static bool is_signed_already(const char *path, const struct floppy_file *file)
{
    static uint8_t there[LOADER_BYTES_MAX];
    FILE *opened = file->efi ? fopen(path, "rb") : NULL;
    if (opened == NULL)
        return false;
    size_t bytes = fread(there, 1, sizeof there, opened);
    fclose(opened);
    return signing_is_ours(there, bytes, file->bytes, file->count);
}

static enum exit_code write_file(const char *folder, const char *name, const struct floppy_file *file)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (is_signed_already(path, file))
        return EXIT_DONE;
    return target_write(path, file->bytes, file->count);
}

static enum exit_code write_machines(const struct netfolder *net, const char *folder, const struct floppy_file *config)
{
    char path[PATH_BYTES];
    char name[sizeof MACHINES "/.ini" + NETFOLDER_MACHINE_BYTES];
    snprintf(path, sizeof path, "%s/" MACHINES, folder);
    enum exit_code code = target_make_folder(path);
    for (unsigned i = 0; i < net->machines && code == EXIT_DONE; i++) {
        snprintf(name, sizeof name, MACHINES "/%s.ini", net->machine[i]);
        code = write_file(folder, name, config);
    }
    return code;
}

enum exit_code netfolder_write(const struct netfolder *net, const char *path, const struct floppy *floppy)
{
    enum exit_code code = target_make_folder(path);
    for (unsigned i = 0; i < floppy->files && code == EXIT_DONE; i++) {
        const struct floppy_file *file = &floppy->file[i];
        bool is_config = strcmp(file->name, "MIRROR.INI") == 0;
        code = is_config && net->machines > 0 ? write_machines(net, path, file) : write_file(path, file->name, file);
    }
    return code;
}
