/* SPDX-License-Identifier: MIT */
/* `mkbootdisk build`: the boot disk from the two disks as they are now. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "floppy.h"
#include "hostboot.h"
#include "media.h"
#include "mirror/freshness.h"
#include "report.h"
#include "target.h"

#define FLOPPY_BYTES_MAX (2880u * 1024u)
#define IMAGE "ft.img"
#define NT_PATH_MAX 40

/* The assembled loaders, linked into the tool. */
extern const uint8_t _binary_fat12_bin_start[];
extern const uint8_t _binary_STAGE2_BIN_start[];
extern const uint8_t _binary_STAGE2_BIN_end[];

struct build {
    const char *output;
    long kilobytes;
    bool classic;
    bool accept_different;
    bool dry_run;
    const char *nt_path;
    enum break_policy policy;
    int timeout_s;
    bool serial;
    struct gathered gathered;
    struct nt_survey nt;
    struct host_set set;
    struct floppy floppy;
};

enum option_code {
    OPT_FORMAT = 256,
    OPT_LOADER,
    OPT_BREAK,
    OPT_TIMEOUT,
    OPT_SERIAL,
    OPT_NT_PATH,
    OPT_ACCEPT,
    OPT_DRY,
    OPT_HELP,
    OPT_GIVEN
};

static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                        {"format", required_argument, NULL, OPT_FORMAT},
                                        {"loader", required_argument, NULL, OPT_LOADER},
                                        {"break", required_argument, NULL, OPT_BREAK},
                                        {"timeout", required_argument, NULL, OPT_TIMEOUT},
                                        {"serial", required_argument, NULL, OPT_SERIAL},
                                        {"nt-path", required_argument, NULL, OPT_NT_PATH},
                                        {"accept-different", no_argument, NULL, OPT_ACCEPT},
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
    long number;
    if (strcmp(value, "forever") == 0) {
        *out = TIMEOUT_FOREVER;
        return true;
    }
    if (!parse_number("--timeout", value, 0, 999, &number))
        return false;
    *out = (int)number;
    return true;
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

static bool take_option(struct build *build, int option)
{
    static const char *const formats[] = {"720", "1200", "1440", "2880", NULL};
    static const char *const loaders[] = {"mkbootdisk", "ntldr", NULL};
    static const char *const policies[] = {"ask", "auto", "never", NULL};
    static const char *const ports[] = {"none", "com1", NULL};
    int picked = 0;
    if (option >= OPT_GIVEN)
        build->gathered.file[option - OPT_GIVEN].option = optarg;
    else if (option == 'o')
        build->output = optarg;
    else if (option == OPT_FORMAT && (picked = pick("--format", optarg, formats)) >= 0)
        build->kilobytes = strtol(formats[picked], NULL, 10);
    else if (option == OPT_LOADER && (picked = pick("--loader", optarg, loaders)) >= 0)
        build->classic = picked == 1;
    else if (option == OPT_BREAK && (picked = pick("--break", optarg, policies)) >= 0)
        build->policy = (enum break_policy)picked;
    else if (option == OPT_SERIAL && (picked = pick("--serial", optarg, ports)) >= 0)
        build->serial = picked == 1;
    else if (option == OPT_ACCEPT)
        build->accept_different = true;
    else if (option == OPT_DRY)
        build->dry_run = true;
    else if (option == OPT_TIMEOUT)
        return take_timeout(optarg, &build->timeout_s);
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
    gather_found(&build->set, &build->nt, build->nt_path, &build->gathered);
    gather_warn(&build->gathered);
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
            if (nt->item[n].partition == build->set.survey[i].place[ROLE_PRIMARY].partition) {
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

static enum exit_code check_contents(const struct build *build)
{
    for (unsigned i = 0; i < build->set.config.set_count; i++) {
        const struct set_survey *survey = &build->set.survey[i];
        char sentence[512];
        report_sentence(&build->set, i, sentence, sizeof sentence);
        if (survey->verdict.state == SET_HEALTHY ||
            (survey->verdict.state == SET_SPLIT && survey->sample.different && build->accept_different))
            continue;
        return complain(EXIT_FOUND, "mirror %u is %s: %s%s", i + 1, set_state_name(survey->verdict.state), sentence,
                        survey->sample.different ? " If that is expected, build with --accept-different"
                                                 : " Repair the mirror first, or use mkbootdisk break");
    }
    return EXIT_DONE;
}

static void add_file(struct build *build, const char *name, const void *bytes, size_t count, bool track_begin)
{
    struct floppy *floppy = &build->floppy;
    floppy->file[floppy->files++] =
        (struct floppy_file){.name = name, .bytes = bytes, .count = count, .track_begin = track_begin};
}

static void add_own(struct build *build)
{
    for (unsigned i = 0; i < OWN_COUNT; i++) {
        const struct own_file *own = &build->gathered.file[i];
        if (own->bytes == NULL)
            continue;
        add_file(build, own_names[i], own->bytes, own->count, false);
        build->floppy.file[build->floppy.files - 1].source = own->source;
    }
}

/* MIRROR.INI, FTLOG.TXT and the journal's head share a track, and STAGE2.BIN begins one: see READAHEAD_SECTORS. */
static enum exit_code collect_files(struct build *build)
{
    static char boot_ini[MEDIA_BOOTINI_BYTES];
    static char mirror_ini[CONFIG_BYTES_MAX];
    static uint8_t saved[MEDIA_SAVED_SECTORS_MAX * SECTOR_BYTES];
    static uint8_t log[SECTOR_BYTES];
    static uint8_t journal[MEDIA_JOURNAL_SECTORS * SECTOR_BYTES];
    struct text text;
    size_t saved_bytes = media_saved(&build->set, &build->nt, saved);
    if (saved_bytes == 0)
        return complain(EXIT_IO, "a partition table or boot sector cannot be read; see 'mkbootdisk survey'");
    add_file(build, "SAVED.BIN", saved, saved_bytes, false);
    text_init(&text, mirror_ini, sizeof mirror_ini);
    config_write(&build->set.config, &text);
    add_file(build, "MIRROR.INI", mirror_ini, text.used_bytes, true);
    memset(log, ' ', sizeof log);
    add_file(build, "FTLOG.TXT", log, sizeof log, false);
    journal_format(journal);
    add_file(build, "FTJOURNL.DAT", journal, sizeof journal, false);
    if (!build->classic)
        add_file(build, "STAGE2.BIN", _binary_STAGE2_BIN_start,
                 (size_t)(_binary_STAGE2_BIN_end - _binary_STAGE2_BIN_start), true);
    text_init(&text, boot_ini, sizeof boot_ini);
    media_boot_ini(&build->set, &build->gathered, build->classic, &text);
    add_file(build, "BOOT.INI", boot_ini, text.used_bytes, false);
    add_own(build);
    return EXIT_DONE;
}

/* Look at the result as the loader will. */
static enum exit_code prove(const char *path)
{
    static struct host_boot boot;
    struct fat_file file;
    uint64_t lba;
    enum exit_code code = host_boot_open(path, &boot);
    if (code != EXIT_DONE)
        return code;
    if (fat_open(&boot.boot.fat, FILE_STAGE2, &file) == ST_OK && fat_locate(&file, &lba) != ST_OK)
        code = complain(EXIT_IO, "%s: mcopy did not lay STAGE2.BIN in one piece", path);
    host_boot_close(&boot);
    return code;
}

static enum exit_code deliver(const struct build *build)
{
    static uint8_t image[FLOPPY_BYTES_MAX];
    size_t count = (size_t)build->kilobytes * 1024;
    FILE *file = fopen(work_path(IMAGE), "rb");
    bool good = file != NULL && fread(image, 1, count, file) == count;
    if (file != NULL)
        fclose(file);
    if (!good)
        return complain(EXIT_IO, "%s: cannot be read back; is the folder full? Set TMPDIR to another",
                        work_path(IMAGE));
    return target_write(build->output, image, count);
}

/* What is on it of the user's system, and what to do about what is not. */
static void tell_files(const struct build *build)
{
    const struct own_file *file = build->gathered.file;
    for (unsigned i = 0; i < OWN_COUNT; i++)
        if (file[i].bytes != NULL)
            printf("%s: from %s\n", own_names[i], file[i].source);
    if (file[OWN_NTLDR].bytes == NULL)
        puts("There is no NTLDR on it: a half starts through its own boot sector. Should that be damaged, only\n"
             "--ntldr FILE (with --ntdetect FILE) gives the boot disk a way of its own to start Windows NT.");
    else if (file[OWN_NTDETECT].bytes == NULL)
        puts("NTLDR is on it, but NTDETECT.COM is not: NTLDR will stop without it. Give --ntdetect FILE.");
    if (file[OWN_NTBOOTDD].bytes == NULL && build->gathered.wants_ntbootdd)
        puts(
            "BOOT.INI has a scsi() or signature() path, but the boot adapter's driver was not found, or there is more\n"
            "than one it could be: give it with --ntbootdd FILE.");
}

/* Whether an installation on the mirror that is started has a record of it; the verdict has judged the record. */
static bool registry_agrees(const struct build *build)
{
    for (unsigned i = 0; i < build->nt.count; i++)
        if (build->nt.item[i].knows_set[0])
            return true;
    return false;
}

static void tell(const struct build *build)
{
    const struct mirror_set *mirror = &build->set.config.set[0];
    printf("%s: a %ld KB boot disk for the mirror of disk %08x (primary) and disk %08x (shadow).\n", build->output,
           build->kilobytes, mirror->member[ROLE_PRIMARY].signature, mirror->member[ROLE_SHADOW].signature);
    if (build->set.config.set_count > 1)
        printf("It knows %u mirrors; this is the one the machine starts from.\n", build->set.config.set_count);
    if (build->set.config.system_set != 0)
        printf("Windows NT is in %s%s.\n", build->set.config.system_path,
               registry_agrees(build) ? "; its registry knows the mirror, and calls it healthy" : "");
    if (!registry_agrees(build))
        printf("The mirror was found by type, length and contents: %u sectors of each half were compared.\n",
               HOST_SAMPLES);
    tell_files(build);
    fputs("See what it would do: mkbootdisk check ", stdout);
    report_word(build->output, stdout);
    report_paths(&build->set);
}

static void show_plan(const struct build *build)
{
    printf("would write %s, %ld KB, with:\n", build->output, build->kilobytes);
    for (unsigned i = 0; i < build->floppy.files; i++) {
        const struct floppy_file *file = &build->floppy.file[i];
        bool is_text = strcmp(file->name, "MIRROR.INI") == 0 || strcmp(file->name, "BOOT.INI") == 0;
        printf("  %-12s %zu bytes\n", file->name, file->count);
        if (is_text)
            fwrite(file->bytes, 1, file->count, stdout);
    }
}

static enum exit_code make(struct build *build, char **disks, int disk_count)
{
    static uint8_t boot_sector[SECTOR_BYTES];
    build->floppy.kilobytes = (unsigned)build->kilobytes;
    build->floppy.boot_sector = boot_sector;
    memcpy(boot_sector, _binary_fat12_bin_start, SECTOR_BYTES);
    if (build->classic)
        memcpy(boot_sector + BOOT_NAME_OFFSET, FILE_NTLDR, FAT_NAME_BYTES);
    enum exit_code code = collect_files(build);
    if (code == EXIT_DONE)
        code = target_check(build->output, disks, disk_count, (size_t)build->kilobytes * 1024);
    for (unsigned i = 0; i < OWN_COUNT && code == EXIT_DONE; i++)
        code = target_check(build->output, (char *const *)&build->gathered.file[i].option, 1,
                            (size_t)build->kilobytes * 1024);
    if (code != EXIT_DONE)
        return code;
    if (build->dry_run) {
        show_plan(build);
        return EXIT_DONE;
    }
    code = work_begin();
    if (code == EXIT_DONE)
        code = floppy_make(&build->floppy, IMAGE);
    if (code == EXIT_DONE)
        code = prove(work_path(IMAGE));
    if (code == EXIT_DONE)
        code = deliver(build);
    if (code == EXIT_DONE)
        tell(build);
    return code;
}

static enum exit_code run(int argc, char **argv)
{
    static struct build build;
    build = (struct build){.kilobytes = 1440, .policy = BREAK_ASK, .timeout_s = 10, .serial = true};
    for (int option; (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        if (option == OPT_HELP)
            return show_usage(&build_command);
        if (option == '?' || !take_option(&build, option))
            return bad_usage(&build_command);
    }
    if (build.output == NULL)
        return complain(EXIT_USAGE, "build needs -o FILE, the boot disk to write");
    enum exit_code code = host_set_open(argv + optind, argc - optind, false, &build.set);
    if (code != EXIT_DONE)
        return code;
    code = host_set_require_mirror(&build.set);
    if (code == EXIT_DONE)
        code = check_contents(&build);
    nt_survey(&build.set, &build.nt);
    if (code == EXIT_DONE)
        code = gather(&build);
    note_system(&build);
    build.set.config.timeout_s = build.timeout_s;
    build.set.config.policy = build.policy;
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
        "Makes a boot floppy (an image file, or the floppy drive itself) that finds out which half of the mirror "
        "holds\n"
        "the truth and starts it. The disks are only read.\n\n"
        "  -o FILE                what to write\n"
        "  --format KB            720, 1200, 1440 (default) or 2880\n"
        "  --break POLICY         ask (default): break the mirror by choice; auto: break it unattended when the other\n"
        "                         half is out of the game; never\n"
        "  --timeout SECONDS      how long the menu waits (default 10; 0: no menu; forever)\n"
        "  --serial com1|none     the loader's screen and event lines on COM1 (default com1)\n"
        "  --ntldr FILE           NTLDR, NTDETECT.COM, NTBOOTDD.SYS and BOOTSECT.DOS of your own system. They are\n"
        "  --ntdetect FILE        looked for on the disks; packed files (NTLDR._, cabinets) are expanded\n"
        "  --ntbootdd FILE\n"
        "  --bootsect FILE\n"
        "  --nt-path FOLDER       where Windows NT is, for BOOT.INI (default: as the system's own BOOT.INI says)\n"
        "  --loader NAME          mkbootdisk (default), or ntldr: a classic floppy whose boot sector starts NTLDR\n"
        "  --accept-different     build although the two halves differ\n"
        "  --dry-run              show what would be written\n",
    .run = run,
};
