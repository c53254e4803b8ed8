/* SPDX-License-Identifier: MIT */
/* `mkbootdisk lab`: options, and the checks before a machine is started. Knows nothing of QEMU's options nor of how the
 * machine is watched. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/mbr.h"
#include "lab_qemu.h"
#include "nt/fttype.h"
#include "report.h"

#define FLOPPY_BYTES_MAX (2880u * 1024u)
#define FAILS_MAX 16u
#define MEMORY_MB_MAX 2047
#define MEMORY_MB_BIOS 32
#define MEMORY_MB_UEFI 128
#define MEMORY_MB_UEFI_MIN 64
#define CD_MARK "CD001" /* in the first volume descriptor of ISO 9660 */
#define CD_MARK_BYTE (16 * 2048 + 1)
#define TIMEOUT_S_MAX 86400

/* The command line, before the disks are looked at. */
struct lab_options {
    struct lab lab;
    const char *ovmf;
    const char *fail[FAILS_MAX];
    unsigned fail_count;
    bool dry_run;
    bool help;
};

enum option_id {
    OPT_FAIL = 256,
    OPT_FIRMWARE,
    OPT_OVMF,
    OPT_ATTACH,
    OPT_MAC,
    OPT_MACHINE,
    OPT_MEMORY,
    OPT_CPU,
    OPT_WINDOW,
    OPT_WRITE,
    OPT_UNTIL_BOOT,
    OPT_TIMEOUT,
    OPT_DRY_RUN,
    OPT_QEMU,
    OPT_HELP
};

static const struct option options[] = {
    {"fail", required_argument, NULL, OPT_FAIL},
    {"firmware", required_argument, NULL, OPT_FIRMWARE},
    {"ovmf", required_argument, NULL, OPT_OVMF},
    {"attach", required_argument, NULL, OPT_ATTACH},
    {"mac", required_argument, NULL, OPT_MAC},
    {"machine", required_argument, NULL, OPT_MACHINE},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"window", no_argument, NULL, OPT_WINDOW},
    {"write", no_argument, NULL, OPT_WRITE},
    {"until-boot", no_argument, NULL, OPT_UNTIL_BOOT},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"qemu", required_argument, NULL, OPT_QEMU},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: mkbootdisk lab BOOTDISK DISK... [OPTIONS]\n"
    "\n"
    "Starts a virtual PC (QEMU) from the boot disk, with the disks in the order of the BIOS, the primary first, and\n"
    "shows the loader on this terminal. Keys go to the loader; Ctrl-] leaves. BOOTDISK is an image or a drive.\n"
    "\n"
    "  --fail WHO=HOW[,...]  fail disks; may be given again. WHO is primary (the first DISK), shadow (the second) or\n"
    "                        diskN (disk0 is the first). HOW is\n"
    "                          absent        not there\n"
    "                          dead          there, but every read and write fails\n"
    "                          bad:LBA[-LBA] reads of these sectors fail, 256 sectors at most; further ranges may\n"
    "                                        follow after commas\n"
    "                          slow          one request a second\n"
    "  --firmware NAME       bios (the default), uefi64 or uefi32; these look, and can break a mirror, but NT starts\n"
    "                        from a BIOS only. They are OVMF, from the distribution's package\n"
    "  --ovmf FILE           another OVMF: its CODE file, with VARS beside it, or one file with both\n"
    "  --attach HOW          BOOTDISK is a floppy, usb (a stick), cd (read-only), disk (a fixed one), or net: the\n"
    "                        folder of a server; default: what suits the image and the firmware\n"
    "  --mac ADDRESS         of net: the machine's (default 52:54:00:12:34:56)\n"
    "  --machine NAME        pc (IDE, the default), isapc (no PCI) or q35 (AHCI; the one for UEFI)\n"
    "  --memory MB           default 32, for UEFI 128\n"
    "  --cpu NAME            QEMU's name of a processor, such as 486\n"
    "  --window              QEMU's own window for screen and keyboard; this terminal shows the loader's events only\n"
    "  --write               the machine writes to BOOTDISK and DISKs; otherwise to temporary overlays, made in "
    "TMPDIR\n"
    "                        (/var/tmp) and gone with the machine\n"
    "  --until-boot          end as soon as a half is started, or the loader says that it starts none and no keys are\n"
    "                        piped in\n"
    "  --timeout SECONDS     end after this time\n"
    "  --dry-run             only print the QEMU command\n"
    "  --qemu PATH           default qemu-system-i386 (uefi64: qemu-system-x86_64), searched in PATH\n"
    "\n"
    "The QEMU command is printed first, as a line that a shell takes back. The machine runs until Ctrl-], until its\n"
    "window is closed, or until it ends itself through port 501h. When standard input is no terminal, it ends 5 s\n"
    "after a half was started, or the loader told that it starts none and no more keys come, or after 120 s, unless\n"
    "--timeout says when; what was piped in is sent once the machine has said something.\n"
    "\n"
    "Example: mkbootdisk lab ft.img a.img b.img --fail primary=dead,shadow=bad:5000-5015\n"
    "\n"
    "Exit codes: 0 a half was started (the last line says which), 1 nothing was started, 2 usage,\n"
    "3 QEMU or a file failed, 4 refused.\n";

/* In the order of enum lab_firmware, and of enum lab_attach from ATTACH_FLOPPY on. */
static const char *const firmware_names[] = {"bios", "uefi64", "uefi32", NULL};
static const char *const attach_names[] = {"floppy", "usb", "cd", "disk", "net", NULL};

/* The index of a name in a list that a null ends, or -1. */
static int find_name(const char *const *names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* Six pairs of digits, as QEMU takes them. */
static bool is_mac(const char *text)
{
    unsigned i = 0;
    for (; text[i] != '\0'; i++)
        if (i % 3 == 2 ? text[i] != ':' : isxdigit((unsigned char)text[i]) == 0)
            return false;
    return i == strlen("52:54:00:12:34:56");
}

static enum exit_code take_machine_option(struct lab_options *to, int id)
{
    struct lab *lab = &to->lab;
    int index;
    switch (id) {
    case OPT_FIRMWARE:
        index = find_name(firmware_names, optarg);
        if (index < 0)
            return complain(EXIT_USAGE, "--firmware takes bios, uefi64 or uefi32, not '%s'", optarg);
        lab->firmware = (enum lab_firmware)index;
        break;
    case OPT_ATTACH:
        index = find_name(attach_names, optarg);
        if (index < 0)
            return complain(EXIT_USAGE, "--attach takes floppy, usb, cd, disk or net, not '%s'", optarg);
        lab->attach = (enum lab_attach)(ATTACH_FLOPPY + index);
        break;
    case OPT_MAC:
        lab->mac = optarg;
        if (!is_mac(optarg))
            return complain(EXIT_USAGE, "--mac takes an address such as 52:54:00:12:34:56, not '%s'", optarg);
        break;
    case OPT_OVMF:
        to->ovmf = optarg;
        break;
    case OPT_MACHINE:
        lab->machine = optarg;
        if (lab_disks_of(optarg) == 0)
            return complain(EXIT_USAGE, "--machine takes pc, isapc or q35, not '%s'", optarg);
        break;
    case OPT_MEMORY:
        return parse_number("--memory", optarg, 1, MEMORY_MB_MAX, &lab->memory_mb) ? EXIT_DONE : EXIT_USAGE;
    case OPT_CPU:
        lab->cpu = optarg;
        break;
    case OPT_QEMU:
        lab->qemu = optarg;
        break;
    default:
        return bad_usage(&lab_command);
    }
    return EXIT_DONE;
}

static enum exit_code take_option(struct lab_options *to, int id)
{
    struct lab *lab = &to->lab;
    switch (id) {
    case OPT_FAIL:
        if (to->fail_count == FAILS_MAX)
            return complain(EXIT_USAGE, "--fail is given more than %u times", FAILS_MAX);
        to->fail[to->fail_count++] = optarg;
        break;
    case OPT_TIMEOUT:
        return parse_number("--timeout", optarg, 1, TIMEOUT_S_MAX, &lab->timeout_s) ? EXIT_DONE : EXIT_USAGE;
    case OPT_WINDOW:
        lab->window = true;
        break;
    case OPT_WRITE:
        lab->write = true;
        break;
    case OPT_UNTIL_BOOT:
        lab->until_boot = true;
        break;
    case OPT_DRY_RUN:
        to->dry_run = true;
        break;
    case OPT_HELP:
        to->help = true;
        break;
    default:
        return take_machine_option(to, id);
    }
    return EXIT_DONE;
}

/* What was not said follows from the firmware. */
static enum exit_code settle_machine(struct lab_options *given)
{
    struct lab *lab = &given->lab;
    bool is_uefi = lab->firmware != FIRMWARE_BIOS;
    if (lab->qemu == NULL)
        lab->qemu = lab->firmware == FIRMWARE_UEFI64 ? "qemu-system-x86_64" : "qemu-system-i386";
    if (lab->machine == NULL)
        lab->machine = is_uefi ? "q35" : "pc";
    if (lab->memory_mb == 0)
        lab->memory_mb = is_uefi ? MEMORY_MB_UEFI : MEMORY_MB_BIOS;
    if (!is_uefi && given->ovmf != NULL)
        return complain(EXIT_USAGE, "--ovmf goes with --firmware uefi64 or uefi32");
    if (is_uefi && strcmp(lab->machine, "q35") != 0)
        return complain(EXIT_USAGE, "UEFI needs --machine q35, which is the default then, not %s", lab->machine);
    if (is_uefi && lab->memory_mb < MEMORY_MB_UEFI_MIN)
        return complain(EXIT_USAGE, "UEFI needs --memory %d at least, not %ld", MEMORY_MB_UEFI_MIN, lab->memory_mb);
    return EXIT_DONE;
}

static enum exit_code take_disks(struct lab *lab, int count, char **paths)
{
    unsigned most = lab_disks_of(lab->machine);
    if (count < 2) {
        complain(EXIT_USAGE, "lab takes a boot disk and at least one disk");
        return bad_usage(&lab_command);
    }
    if ((unsigned)count - 1 > most)
        return complain(EXIT_USAGE, "machine %s takes %u disks at most, not %d", lab->machine, most, count - 1);
    lab->boot.path = paths[0];
    lab->disk_count = (unsigned)count - 1;
    for (unsigned i = 0; i < lab->disk_count; i++)
        lab->disk[i].path = paths[i + 1];
    return EXIT_DONE;
}

/* O_EXCL without O_CREAT: the kernel says EBUSY for a block device that is mounted or otherwise in use. */
static int open_as_asked(bool write, const struct stat *info, const char *path)
{
    int exclusive = write && S_ISBLK(info->st_mode) ? O_EXCL : 0;
    return open(path, (write ? O_RDWR : O_RDONLY) | exclusive | O_CLOEXEC | O_NONBLOCK);
}

static enum exit_code look_at(const struct lab *lab, struct lab_disk *disk)
{
    struct stat info;
    bool write = lab->write && !disk->read_only;
    if (stat(disk->path, &info) != 0)
        return complain(EXIT_IO, "%s: %s; check the name", disk->path, strerror(errno));
    if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
        return complain(EXIT_REFUSED, "%s is neither a file nor a block device; give a disk image or a disk",
                        disk->path);
    int fd = open_as_asked(write, &info, disk->path);
    if (fd < 0 && errno == EBUSY)
        return complain(EXIT_REFUSED, "%s is in use (mounted?); unmount it, or leave --write out", disk->path);
    if (fd < 0)
        return complain(EXIT_IO, "%s: %s; %s", disk->path, strerror(errno),
                        write ? "--write needs permission to write it" : "the lab needs permission to read it");
    off_t bytes = lseek(fd, 0, SEEK_END);
    close(fd);
    if (bytes < (off_t)SECTOR_BYTES)
        return complain(EXIT_REFUSED, "%s is empty; it holds not even one sector", disk->path);
    disk->sectors = (uint64_t)bytes / SECTOR_BYTES;
    disk->driver = S_ISBLK(info.st_mode) ? "host_device" : "file";
    return EXIT_DONE;
}

static bool is_same_file(const char *one, const char *other)
{
    struct stat a, b;
    if (stat(one, &a) != 0 || stat(other, &b) != 0)
        return false;
    if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode))
        return a.st_rdev == b.st_rdev;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static enum exit_code refuse_twins(const struct lab *lab)
{
    for (unsigned i = 0; i < lab->disk_count; i++) {
        const char *before = lab->boot.path;
        for (unsigned j = 0; j <= i; before = lab->disk[j++].path)
            if (is_same_file(before, lab->disk[i].path))
                return complain(EXIT_REFUSED, "%s and %s are the same disk; give each disk once", before,
                                lab->disk[i].path);
    }
    return EXIT_DONE;
}

static enum exit_code refuse_boot_disks(const struct lab *lab)
{
    for (unsigned i = 0; i < lab->disk_count; i++) {
        char *path = (char *)lab->disk[i].path;
        if (report_boot_disk_among(&path, 1) != NULL)
            return complain(EXIT_REFUSED, "%s is a boot disk; the boot disk comes first; give it before the disks",
                            path);
    }
    return EXIT_DONE;
}

/* What a boot disk's first bytes tell of it; all false if they cannot be read. */
struct contents {
    bool is_cd;
    bool is_half; /* one of the disks that should come after it */
};

static struct contents read_contents(const char *path)
{
    uint8_t sector[SECTOR_BYTES];
    char mark[sizeof CD_MARK - 1];
    struct contents contents = {false, false};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return contents;
    contents.is_cd =
        pread(fd, mark, sizeof mark, CD_MARK_BYTE) == (ssize_t)sizeof mark && memcmp(mark, CD_MARK, sizeof mark) == 0;
    if (pread(fd, sector, sizeof sector, 0) == (ssize_t)sizeof sector && mbr_has_mark(sector))
        for (unsigned at = MBR_TABLE_OFFSET; at < MBR_MARK_OFFSET; at += MBR_ENTRY_BYTES)
            contents.is_half |= ft_is_member(sector[at + MBR_ENTRY_TYPE]);
    close(fd);
    return contents;
}

/* A floppy's image is too short to hold a half of a mirror, and a boot sector's code may look like anything. */
static enum exit_code settle_attachment(struct lab *lab, struct contents contents)
{
    struct lab_disk *boot = &lab->boot;
    bool is_uefi = lab->firmware != FIRMWARE_BIOS;
    bool is_small = boot->sectors <= FLOPPY_BYTES_MAX / SECTOR_BYTES;
    if (!is_small && !contents.is_cd && contents.is_half)
        return complain(EXIT_REFUSED,
                        "%s holds a half of a mirror; the boot disk comes first, then the disks (mkbootdisk build "
                        "makes one)",
                        boot->path);
    if (lab->attach == ATTACH_AS_USUAL)
        lab->attach = contents.is_cd ? ATTACH_CD : is_small && !is_uefi ? ATTACH_FLOPPY : ATTACH_USB;
    if (lab->attach == ATTACH_FLOPPY && is_uefi)
        return complain(EXIT_USAGE, "UEFI starts nothing from a floppy drive; --attach usb takes the same image");
    if (lab->attach == ATTACH_FLOPPY && !is_small)
        return complain(EXIT_REFUSED, "%s is larger than a floppy; --attach usb takes it", boot->path);
    if (lab->attach == ATTACH_CD && !contents.is_cd)
        return complain(EXIT_REFUSED, "%s is no image of a CD (ISO 9660); --attach usb takes others", boot->path);
    if (lab->attach != ATTACH_FLOPPY && !lab_has_pci(lab->machine))
        return complain(EXIT_USAGE, "machine %s starts from floppies only; --machine pc takes --attach %s",
                        lab->machine, attach_names[lab->attach - ATTACH_FLOPPY]);
    return EXIT_DONE;
}

static enum exit_code settle_network(struct lab *lab)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", lab->boot.path, lab_net_program(lab));
    if (lab->attach != ATTACH_NET && lab->attach != ATTACH_AS_USUAL)
        return complain(EXIT_REFUSED, "%s is a folder; --attach net takes it", lab->boot.path);
    if (access(path, R_OK) != 0)
        return complain(EXIT_REFUSED, "%s: %s; mkbootdisk build --format pxe makes such a folder", path,
                        strerror(errno));
    if (!lab_has_pci(lab->machine))
        return complain(EXIT_USAGE, "machine %s has no network card; --machine pc has", lab->machine);
    lab->attach = ATTACH_NET;
    return EXIT_DONE;
}

static enum exit_code look_at_boot_disk(struct lab *lab)
{
    struct stat info;
    struct contents contents = read_contents(lab->boot.path);
    if (stat(lab->boot.path, &info) == 0 && S_ISDIR(info.st_mode))
        return settle_network(lab);
    if (lab->attach == ATTACH_NET)
        return complain(EXIT_REFUSED, "%s is no folder; mkbootdisk build --format pxe makes one for --attach net",
                        lab->boot.path);
    lab->boot.read_only = lab->attach == ATTACH_CD || (lab->attach == ATTACH_AS_USUAL && contents.is_cd);
    enum exit_code code = look_at(lab, &lab->boot);
    return code == EXIT_DONE ? settle_attachment(lab, contents) : code;
}

static enum exit_code look_at_all(struct lab *lab)
{
    enum exit_code code = look_at_boot_disk(lab);
    for (unsigned i = 0; i < lab->disk_count && code == EXIT_DONE; i++)
        code = look_at(lab, &lab->disk[i]);
    if (lab->mac != NULL && lab->attach != ATTACH_NET && code == EXIT_DONE)
        code = complain(EXIT_USAGE, "--mac goes with --attach net");
    if (code == EXIT_DONE)
        code = refuse_twins(lab);
    return code == EXIT_DONE ? refuse_boot_disks(lab) : code;
}

static enum exit_code start(const struct lab_options *options_given)
{
    struct lab_words words;
    enum exit_code code = EXIT_DONE;
    lab_qemu_words(&options_given->lab, &words);
    if (options_given->dry_run) {
        lab_print_words(&words, stdout);
    } else {
        fputs("+ ", stderr);
        lab_print_words(&words, stderr);
        code = lab_run(&options_given->lab, &words);
    }
    lab_free_words(&words);
    return code;
}

static enum exit_code run_lab(int argc, char **argv)
{
    static struct lab_options given; /* static: it is large */
    enum exit_code code = EXIT_DONE;
    int id;
    given = (struct lab_options){0};
    while (code == EXIT_DONE && (id = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(&given, id);
    if (code != EXIT_DONE)
        return code;
    if (given.help)
        return show_usage(&lab_command);
    code = settle_machine(&given);
    if (code == EXIT_DONE)
        code = take_disks(&given.lab, argc - optind, argv + optind);
    if (code == EXIT_DONE)
        code = look_at_all(&given.lab);
    if (code == EXIT_DONE && given.lab.firmware != FIRMWARE_BIOS)
        code = lab_find_firmware(&given.lab, given.ovmf);
    for (unsigned i = 0; i < given.fail_count && code == EXIT_DONE; i++)
        code = lab_take_faults(&given.lab, given.fail[i]);
    return code == EXIT_DONE ? start(&given) : code;
}

const struct command lab_command = {
    .name = "lab",
    .summary = "start a boot disk in a virtual machine, and fail its disks",
    .usage = usage,
    .run = run_lab,
};
