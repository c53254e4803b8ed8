/* SPDX-License-Identifier: MIT */
/* What `mkbootdisk build` says of its work. */
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "mirror/esp.h"
#include "report.h"
#include "target.h"

bool build_is_survivor(const struct set_survey *survey)
{
    const struct mirror_verdict *verdict = &survey->verdict;
    return verdict->state == SET_DEGRADED && verdict->why[verdict->source] == WHY_NOTHING &&
           verdict->why[1 - verdict->source] == WHY_NO_DISK;
}

/* Whether an installation has a record of the mirror that is started; the verdict has judged the record. */
static bool registry_knows(const struct build *build)
{
    for (unsigned i = 0; i < build->nt.count; i++)
        if (build->nt.item[i].knows_set[0])
            return true;
    return false;
}

/* What is known of a disk that was not given comes from the registry. */
static void tell_missing(const struct build *build, unsigned index)
{
    enum role missing = (enum role)(1 - build->set.survey[index].verdict.source);
    printf("Disk %08x, the %s of mirror %u, was not there: it is known by the registry's record alone.\n",
           build->set.config.set[index].member[missing].signature, role_name(missing), index + 1);
}

static void tell_medium(const struct build *build)
{
    unsigned kilobytes = build->floppy.kilobytes;
    switch (build->medium.kind) {
    case MEDIUM_FLOPPY:
        printf("a %u KB boot disk", kilobytes);
        break;
    case MEDIUM_USB:
        printf("a boot stick of %u MB", kilobytes / 1024);
        break;
    case MEDIUM_ISO:
        printf("a boot CD (a %u KB floppy is in it; it keeps no journal)", kilobytes);
        break;
    case MEDIUM_ESP:
        printf("a disk of %u MB with an EFI system partition", kilobytes / 1024);
        break;
    case MEDIUM_FOLDER:
        printf("the files of an EFI system partition");
        break;
    case MEDIUM_NET:
        printf("the files of a TFTP or HTTP server (they keep no journal)");
        break;
    }
}

static void tell_left_out(const struct build *build)
{
    for (unsigned i = 0; i < build->floppy.files; i++)
        if (build->floppy.file[i].left_out)
            printf("\\EFI\\BOOT\\%s had no room on it: such a machine cannot start from it by UEFI.\n",
                   build->floppy.file[i].name);
}

/* Where the machine's own file is, and which one of the others it starts from. */
static void tell_net(const struct build *build)
{
    const struct netfolder *net = &build->medium.net;
    for (unsigned i = 0; i < net->machines; i++)
        printf("It is for the machine %s: machines/%s.ini.\n", net->machine[i], net->machine[i]);
    if (net->machines == 0)
        puts("MIRROR.INI is for every machine without a file of its own (--machine).");
    puts("The DHCP server names mkbootdisk.0 (BIOS), BOOTX64.EFI or BOOTIA32.EFI (UEFI), or boot.ipxe for iPXE.");
}

/* A CD's files cannot be looked at from outside, a folder for a system partition is no disk, and UEFI starts no
 * Windows NT. */
static void tell_check(const struct build *build)
{
    const struct medium *medium = &build->medium;
    bool starts = medium->kind != MEDIUM_ESP || build->set.config.set[0].kind == SET_ESP;
    if (medium->kind == MEDIUM_ISO || medium->kind == MEDIUM_FOLDER || !starts)
        return;
    char path[PATH_BYTES];
    if (medium->kind == MEDIUM_NET)
        netfolder_config(&medium->net, medium->output, path);
    fputs("See what it would do: mkbootdisk check ", stdout);
    report_word(medium->kind == MEDIUM_NET ? path : medium->output, stdout);
    report_paths(&build->set);
}

void build_tell(const struct build *build)
{
    const struct mirror_set *mirror = &build->set.config.set[0];
    printf("%s: ", build->medium.output);
    tell_medium(build);
    printf(" for the mirror of disk %08x (primary) and disk %08x (shadow).\n", mirror->member[ROLE_PRIMARY].signature,
           mirror->member[ROLE_SHADOW].signature);
    if (build->set.config.set_count > 1)
        printf("It knows %u mirrors; this is the one the machine starts from.\n", build->set.config.set_count);
    if (build->set.config.system_set != 0)
        printf("Windows NT is in %s%s.\n", build->set.config.system_path,
               !registry_knows(build) ? ""
               : build->set.survey[0].verdict.state == SET_HEALTHY
                   ? "; its registry knows the mirror, and calls it healthy"
                   : "; its registry knows the mirror");
    if (mirror->kind == SET_ESP)
        printf("Each disk has one EFI system partition; %s is started from the good one.\n", esp_path(mirror));
    else if (!registry_knows(build))
        printf("The mirror was found by type, length and contents: %u sectors of each half were compared.\n",
               HOST_SAMPLES);
    for (unsigned i = 0; i < build->set.config.set_count; i++)
        if (build_is_survivor(&build->set.survey[i]))
            tell_missing(build, i);
        else if (build->set.survey[i].verdict.state != SET_HEALTHY)
            printf("The halves of mirror %u differ, as --accept-different allows: as long as they do, the loader asks "
                   "which\n"
                   "one to start.\n",
                   i + 1);
    tell_left_out(build);
    if (build->medium.kind == MEDIUM_NET)
        tell_net(build);
    if (build->signing.file[SIGNING_KEY] != NULL)
        printf("The UEFI loaders are signed: they start where Secure Boot trusts %s.\n",
               build->signing.file[SIGNING_CERTIFICATE]);
    if (medium_has_bios(&build->medium) && mirror->kind == SET_NT)
        gather_tell(&build->gathered);
    tell_check(build);
}

void build_show_plan(const struct build *build)
{
    bool is_folder = medium_is_folder(&build->medium);
    if (is_folder)
        printf("would write into the folder %s:\n", build->medium.output);
    else
        printf("would write %s, %u KB, with:\n", build->medium.output, build->medium.kilobytes);
    for (unsigned i = 0; i < build->floppy.files; i++) {
        const struct floppy_file *file = &build->floppy.file[i];
        bool is_text = strcmp(file->name, "MIRROR.INI") == 0 || strcmp(file->name, "BOOT.INI") == 0;
        for (unsigned m = 0; m < build->medium.net.machines && strcmp(file->name, "MIRROR.INI") == 0; m++)
            printf("  as machines/%s.ini:\n", build->medium.net.machine[m]);
        printf("  %-12s %zu bytes%s%s\n", file->name, file->count,
               file->efi && build->signing.file[SIGNING_KEY] != NULL ? " and a signature" : "",
               file->efi && !is_folder ? ", if there is room" : "");
        if (is_text)
            fwrite(file->bytes, 1, file->count, stdout);
    }
}
