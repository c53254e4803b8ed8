/* SPDX-License-Identifier: MIT */
/* `mkbootdisk build`: the boot disk from the two disks as they are now. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build.h"
#include "diskimage.h"
#include "mirror/esp.h"
#include "mirror/freshness.h"
#include "report.h"
#include "target.h"

#define NT_PATH_MAX 40
#define TIMEOUT_S_MAX 999

enum option_code {
    OPT_FORMAT = 256,
    OPT_LOADER,
    OPT_BREAK,
    OPT_RETIRE,
    OPT_EFI,
    OPT_MACHINE,
    OPT_SIGN_KEY,
    OPT_SIGN_CERT,
    OPT_TIMEOUT,
    OPT_SERIAL,
    OPT_NT_PATH,
    OPT_ACCEPT,
    OPT_REPLACE,
    OPT_DRY,
    OPT_HELP,
    OPT_GIVEN
};

static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                        {"format", required_argument, NULL, OPT_FORMAT},
                                        {"loader", required_argument, NULL, OPT_LOADER},
                                        {"break", required_argument, NULL, OPT_BREAK},
                                        {"retire", no_argument, NULL, OPT_RETIRE},
                                        {"efi", required_argument, NULL, OPT_EFI},
                                        {"machine", required_argument, NULL, OPT_MACHINE},
                                        {"sign-key", required_argument, NULL, OPT_SIGN_KEY},
                                        {"sign-cert", required_argument, NULL, OPT_SIGN_CERT},
                                        {"timeout", required_argument, NULL, OPT_TIMEOUT},
                                        {"serial", required_argument, NULL, OPT_SERIAL},
                                        {"nt-path", required_argument, NULL, OPT_NT_PATH},
                                        {"accept-different", no_argument, NULL, OPT_ACCEPT},
                                        {"replace-undo", no_argument, NULL, OPT_REPLACE},
                                        {"dry-run", no_argument, NULL, OPT_DRY},
                                        {"help", no_argument, NULL, OPT_HELP},
                                        {"ntldr", required_argument, NULL, OPT_GIVEN + OWN_NTLDR},
                                        {"ntdetect", required_argument, NULL, OPT_GIVEN + OWN_NTDETECT},
                                        {"ntbootdd", required_argument, NULL, OPT_GIVEN + OWN_NTBOOTDD},
                                        {"bootsect", required_argument, NULL, OPT_GIVEN + OWN_BOOTSECT},
                                        {NULL, 0, NULL, 0}};

/* The index of `value` among `words`, or -1 after a complaint. */
static int pick(const char *option, const char *value, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], value) == 0)
            return i;
    fprintf(stderr, "mkbootdisk: %s takes", option);
    for (int i = 0; words[i] != NULL; i++)
        fprintf(stderr, "%s %s", i > 0 ? " or" : "", words[i]);
    fprintf(stderr, ", not '%s'\n", value);
    return -1;
}

static bool take_timeout(const char *value, int *out)
{
    char *end;
    long number = strtol(value, &end, 10);
    bool forever = strcmp(value, "forever") == 0;
    *out = forever ? TIMEOUT_FOREVER : (int)number;
    if (forever || (end != value && *end == '\0' && number >= 0 && number <= TIMEOUT_S_MAX))
        return true;
    complain(EXIT_USAGE, "--timeout takes seconds from 0 to %d, or forever, not '%s'", TIMEOUT_S_MAX, value);
    return false;
}

static bool take_nt_path(const char *value, const char **out)
{
    *out = value;
    bool good = value[0] == '\\' && strlen(value) < NT_PATH_MAX;
    for (const char *at = value; *at != '\0'; at++)
        good = good && *at > ' ' && *at < 0x7F && strchr(":\"/=[];", *at) == NULL;
    if (good)
        return true;
    complain(EXIT_USAGE, "--nt-path takes a folder such as \\WINNT, not '%s'", value);
    return false;
}

static bool take_machine(const char *value, struct netfolder *out)
{
    if (out->machines < NETFOLDER_MACHINES_MAX)
        return netfolder_machine(value, out->machine[out->machines++]);
    complain(EXIT_USAGE, "--machine is given more than %d times", NETFOLDER_MACHINES_MAX);
    return false;
}

static void take_format(int picked, struct medium *out)
{
    static const struct medium formats[] = {
        {.kind = MEDIUM_FLOPPY, .kilobytes = 720},
        {.kind = MEDIUM_FLOPPY, .kilobytes = 1200},
        {.kind = MEDIUM_FLOPPY, .kilobytes = 1440},
        {.kind = MEDIUM_FLOPPY, .kilobytes = 2880},
        {.kind = MEDIUM_USB, .kilobytes = DISKIMAGE_USB_KILOBYTES},
        {.kind = MEDIUM_ISO, .kilobytes = 1440},
        {.kind = MEDIUM_ESP, .kilobytes = DISKIMAGE_ESP_KILOBYTES},
        {.kind = MEDIUM_NET},
    };
    out->kind = formats[picked].kind;
    out->kilobytes = formats[picked].kilobytes;
}

static bool take_option(struct build *build, int option)
{
    static const char *const formats[] = {"720", "1200", "1440", "2880", "usb", "iso", "esp", "pxe", NULL};
    static const char *const loaders[] = {"mkbootdisk", "ntldr", NULL};
    static const char *const policies[] = {"ask", "auto", "never", NULL};
    static const char *const ports[] = {"none", "com1", NULL};
    int picked = 0;
    if (option >= OPT_GIVEN)
        build->gathered.file[option - OPT_GIVEN].option = optarg;
    else if (option == 'o')
        build->medium.output = optarg;
    else if (option == OPT_FORMAT && (picked = pick("--format", optarg, formats)) >= 0)
        take_format(picked, &build->medium);
    else if (option == OPT_LOADER && (picked = pick("--loader", optarg, loaders)) >= 0)
        build->classic = picked == 1;
    else if (option == OPT_BREAK && (picked = pick("--break", optarg, policies)) >= 0)
        build->policy = (enum break_policy)picked;
    else if (option == OPT_SERIAL && (picked = pick("--serial", optarg, ports)) >= 0)
        build->serial = picked == 1;
    else if (option == OPT_EFI)
        build->efi_path = optarg;
    else if (option == OPT_SIGN_KEY || option == OPT_SIGN_CERT)
        build->signing.file[option - OPT_SIGN_KEY] = optarg;
    else if (option == OPT_RETIRE)
        build->retire = true;
    else if (option == OPT_ACCEPT)
        build->accept_different = true;
    else if (option == OPT_REPLACE)
        build->medium.replace_undo = true;
    else if (option == OPT_DRY)
        build->dry_run = true;
    else if (option == OPT_TIMEOUT)
        return take_timeout(optarg, &build->timeout_s);
    else if (option == OPT_MACHINE)
        return take_machine(optarg, &build->medium.net);
    else if (option == OPT_NT_PATH)
        return take_nt_path(optarg, &build->nt_path);
    return picked >= 0;
}

/* What is given must be good; what is not given is looked for on the disks. */
static enum exit_code gather(struct build *build)
{
    enum exit_code code = gather_given(&build->gathered);
    if (code != EXIT_DONE)
        return code;
    if (build->set.config.set[0].kind == SET_ESP)
        return EXIT_DONE; /* Windows NT has no part in it */
    gather_found(&build->set, &build->nt, build->nt_path, &build->gathered);
    gather_warn(&build->gathered, &build->nt);
    if (build->classic && build->gathered.file[OWN_NTLDR].bytes == NULL)
        return complain(EXIT_USAGE, "--loader=ntldr needs an NTLDR, and there is none on the disks: give --ntldr FILE");
    return EXIT_DONE;
}

/* Where Windows NT is, so that the loader need not search. With two installations on a half it must look at both. */
static void note_system(struct build *build)
{
    const struct nt_survey *nt = &build->nt;
    struct config *config = &build->set.config;
    for (unsigned i = 0; i < config->set_count && config->system_set == 0; i++) {
        const struct nt_installation *found = NULL;
        unsigned count = 0;
        for (unsigned n = 0; n < nt->count; n++)
            if (nt->item[n].partition == host_set_half(&build->set, i)->partition) {
                found = &nt->item[n];
                count++;
            }
        if (count != 1)
            continue;
        config->system_set = i + 1;
        snprintf(config->system_path, sizeof config->system_path, "%s", found->directory);
    }
    for (unsigned i = 0; i < build->set.count && i < CONFIG_DISKS_MAX; i++) {
        const struct disk_table *table = &build->set.inventory.disk[i].table;
        config->disk[config->disk_count++] = (struct disk_id){table->signature, freshness_layout(table)};
    }
}

/* Halves of which none is known to be the worse: a person may say that this is how they should be. */
static bool may_accept(const struct set_survey *survey)
{
    const struct mirror_verdict *verdict = &survey->verdict;
    return verdict->state == SET_SPLIT && survey->sample.different && verdict->member[ROLE_PRIMARY] == MEMBER_GOOD &&
           verdict->member[ROLE_SHADOW] == MEMBER_GOOD;
}

static const char *advice(const struct set_survey *survey)
{
    if (may_accept(survey))
        return "If that is expected, build with --accept-different";
    if (survey->verdict.state == SET_RESYNCING)
        return "Build the boot disk when Disk Administrator calls the mirror healthy";
    return "Repair the mirror first, or use mkbootdisk break";
}

static enum exit_code check_contents(const struct build *build)
{
    for (unsigned i = 0; i < build->set.config.set_count; i++) {
        const struct set_survey *survey = &build->set.survey[i];
        char sentence[REPORT_SENTENCE_BYTES];
        report_sentence(&build->set, i, sentence, sizeof sentence);
        if (survey->verdict.state == SET_HEALTHY || build_is_survivor(survey) ||
            (build->accept_different && may_accept(survey)))
            continue;
        return complain(EXIT_FOUND, "mirror %u is %s: %s %s", i + 1, set_state_name(survey->verdict.state), sentence,
                        advice(survey));
    }
    return EXIT_DONE;
}

static enum exit_code make(struct build *build, char **disks, int disk_count)
{
    struct medium *medium = &build->medium;
    struct bootfiles wanted = {.set = &build->set,
                               .nt = &build->nt,
                               .gathered = &build->gathered,
                               .classic = build->classic,
                               .bios = medium_has_bios(medium),
                               .efi = medium_has_efi(medium),
                               .net = medium->kind == MEDIUM_NET,
                               .read_only = medium_is_read_only(medium)};
    enum exit_code code = bootfiles_collect(&wanted, &build->floppy);
    if (code == EXIT_DONE)
        code = medium_check_inputs(medium, disks, disk_count);
    for (unsigned i = 0; i < OWN_COUNT && code == EXIT_DONE; i++)
        code = medium_check_inputs(medium, (char *const *)&build->gathered.file[i].option, 1);
    if (code == EXIT_DONE)
        code = medium_check_inputs(medium, (char *const *)build->signing.file, SIGNING_FILES);
    if (code == EXIT_DONE)
        code = medium_check_undo(medium);
    if (code != EXIT_DONE)
        return code;
    if (build->dry_run) {
        build_show_plan(build);
        return EXIT_DONE;
    }
    code = work_begin(); /* a file that is not complete vanishes with it */
    if (code == EXIT_DONE)
        code = signing_run(&build->signing, &build->floppy);
    if (code == EXIT_DONE)
        code = medium_write(medium, &build->floppy);
    if (code == EXIT_DONE)
        build_tell(build);
    return code;
}

static enum exit_code check_options(struct build *build)
{
    struct medium *medium = &build->medium;
    struct stat info;
    if (medium->output == NULL)
        return complain(EXIT_USAGE, "build needs -o FILE, the boot disk to write");
    if (build->retire && build->policy != BREAK_AUTO)
        return complain(EXIT_USAGE, "--retire is for what is done unattended: it needs --break=auto");
    if (build->policy == BREAK_AUTO && medium_is_read_only(medium))
        return complain(EXIT_USAGE, "--break=auto needs a journal, and a CD or a server keeps none: choose another "
                                    "--format");
    if (build->classic && medium->kind != MEDIUM_FLOPPY && medium->kind != MEDIUM_ISO)
        return complain(EXIT_USAGE, "--loader=ntldr starts from a floppy only: choose another --format");
    if (medium->net.machines > 0 && medium->kind != MEDIUM_NET)
        return complain(EXIT_USAGE, "--machine goes with --format pxe");
    if (medium->kind == MEDIUM_ESP && stat(medium->output, &info) == 0 && S_ISDIR(info.st_mode))
        medium->kind = MEDIUM_FOLDER;
    if (build->signing.file[SIGNING_KEY] != NULL && !medium_has_efi(medium))
        return complain(EXIT_USAGE, "--sign-key is for what UEFI starts: choose another --format than 720 and 1200");
    return signing_check(&build->signing);
}

/* --efi: what the surviving EFI system partition starts, and the verdict therefore looks at. */
static enum exit_code note_efi_path(struct build *build)
{
    struct mirror_set *set = &build->set.config.set[0];
    if (build->efi_path == NULL)
        return EXIT_DONE;
    if (set->kind != SET_ESP)
        return complain(EXIT_USAGE, "--efi is for mirrored EFI system partitions, and these disks have none");
    if (build->efi_path[0] != '\\' || strlen(build->efi_path) >= sizeof set->efi_path)
        return complain(EXIT_USAGE,
                        "--efi takes a path on the EFI system partition such as \\EFI\\debian\\shimx64.efi");
    memcpy(set->efi_path, build->efi_path, strlen(build->efi_path) + 1);
    host_set_look(&build->set);
    return EXIT_DONE;
}

static enum exit_code run(int argc, char **argv)
{
    static struct build build;
    build = (struct build){.medium = {.kilobytes = 1440}, .policy = BREAK_ASK, .timeout_s = 10, .serial = true};
    for (int option; (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        if (option == OPT_HELP)
            return show_usage(&build_command);
        if (option == '?' || !take_option(&build, option))
            return bad_usage(&build_command);
    }
    enum exit_code code = check_options(&build);
    if (code == EXIT_DONE)
        code = host_set_open(argv + optind, argc - optind, true, &build.set);
    if (code != EXIT_DONE)
        return code;
    report_odd_sizes(&build.set);
    code = host_set_require_mirror(&build.set);
    if (code == EXIT_DONE)
        code = note_efi_path(&build);
    if (code == EXIT_DONE)
        code = check_contents(&build);
    nt_survey(&build.set, &build.nt);
    if (code == EXIT_DONE)
        code = gather(&build);
    note_system(&build);
    build.set.config.timeout_s = build.timeout_s;
    build.set.config.policy = build.policy;
    build.set.config.retire = build.retire;
    build.set.config.serial = build.serial;
    if (code == EXIT_DONE)
        code = make(&build, argv + optind, argc - optind);
    gather_free(&build.gathered);
    host_set_close(&build.set);
    return code;
}

const struct command build_command = {
    .name = "build",
    .summary = "make the boot disk from the two disks of a mirror",
    .usage =
        "usage: mkbootdisk build -o BOOTDISK [OPTIONS] DISK...\n\n"
        "Makes a boot disk (an image file, or the floppy drive itself) that finds out which half of the mirror "
        "holds\n"
        "the truth and starts it. The disks are only read.\n\n"
        "  -o FILE                what to write\n"
        "  --format NAME          720, 1200, 1440 (default) or 2880: a floppy of that many KB; usb: a stick; iso: a "
        "CD;\n"
        "                         esp: a disk with an EFI system partition, or its files if -o names a folder; pxe: a\n"
        "                         folder for a TFTP or HTTP server. All but 720 and 1200 start under UEFI too\n"
        "  --machine ADDRESS      of pxe: the MAC address or the UUID of the machine these disks are in; may be given\n"
        "                         again. Without it the file is for every machine that has none of its own\n"
        "  --break POLICY         ask (default): break the mirror by choice; auto: break it unattended when the other\n"
        "                         half is out of the game; never\n"
        "  --retire               with --break=auto: retire the other half too, where it can be written\n"
        "  --efi PATH             of mirrored EFI system partitions: what is started (default "
        "\\EFI\\BOOT\\BOOTX64.EFI)\n"
        "  --sign-key FILE        sign the UEFI loaders for Secure Boot with sbsign: a private key and its "
        "certificate,\n"
        "  --sign-cert FILE       both in PEM form\n"
        "  --timeout SECONDS      how long the menu waits (default 10; 0: no menu; forever)\n"
        "  --serial com1|none     the loader's screen and event lines on COM1 (default com1)\n"
        "  --ntldr FILE           NTLDR, NTDETECT.COM, NTBOOTDD.SYS and BOOTSECT.DOS of your own system. They are\n"
        "  --ntdetect FILE        looked for on the disks; packed files (NTLDR._, cabinets) are expanded\n"
        "  --ntbootdd FILE\n"
        "  --bootsect FILE\n"
        "  --nt-path FOLDER       where Windows NT is, for BOOT.INI (default: as the system's own BOOT.INI says)\n"
        "  --loader NAME          mkbootdisk (default), or ntldr: a classic floppy whose boot sector starts NTLDR\n"
        "  --accept-different     build although the two halves differ, and nothing says which one is newer\n"
        "  --replace-undo         overwrite a boot disk that holds a change which can still be undone\n"
        "  --dry-run              show what would be written\n",
    .run = run,
};
