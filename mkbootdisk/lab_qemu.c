/* SPDX-License-Identifier: MIT */
/* The QEMU command line of a lab: machine, firmware, disks, and the fault in front of each disk. Starts nothing.
 *
 * Software emulation always: where /dev/kvm is itself emulated, it opens and then hangs. COM1 is QEMU's standard input
 * and output, so that the printed line does the same when a person runs it. Unless the images are to be written,
 * QEMU puts an unnamed temporary overlay before each (snapshot=on): it goes away with QEMU, however QEMU ends. UEFI's
 * variables always have one, so that no start knows of another. */
#include "lab_qemu.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

#define ERRNO_EIO 5

static const struct machine {
    const char *name;
    unsigned disks_max;
    unsigned disks_per_bus;
    bool lacks_floppy; /* its floppy controller is an extra device */
    bool has_pci;
} machines[] = {
    {"pc", 4, 2, false, true},
    {"isapc", 4, 2, false, false},
    {"q35", 6, 1, true, true},
};

/* Where the packages put OVMF. Of the build for secure boot only its demand for SMM matters: without keys it starts
 * anything. */
static const struct ovmf {
    enum lab_firmware firmware;
    const char *code;
} ovmfs[] = {
    {FIRMWARE_UEFI64, "/usr/share/OVMF/OVMF_CODE_4M.fd"}, /* Debian, Ubuntu */
    {FIRMWARE_UEFI64, "/usr/share/OVMF/OVMF_CODE.fd"},
    {FIRMWARE_UEFI64, "/usr/share/edk2/ovmf/OVMF_CODE.fd"},   /* Fedora */
    {FIRMWARE_UEFI64, "/usr/share/edk2/x64/OVMF_CODE.4m.fd"}, /* Arch */
    {FIRMWARE_UEFI32, "/usr/share/OVMF/OVMF32_CODE_4M.fd"},   /* Debian, Ubuntu */
    {FIRMWARE_UEFI32, "/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd"},
    {FIRMWARE_UEFI32, "/usr/share/edk2/ovmf-ia32/OVMF_CODE.fd"}, /* Fedora */
    {FIRMWARE_UEFI32, "/usr/share/edk2/ia32/OVMF_CODE.4m.fd"},   /* Arch */
};

static const struct machine *find_machine(const char *name)
{
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
        if (strcmp(machines[i].name, name) == 0)
            return &machines[i];
    return NULL;
}

unsigned lab_disks_of(const char *machine)
{
    const struct machine *found = find_machine(machine);
    return found != NULL ? found->disks_max : 0;
}

bool lab_has_pci(const char *machine)
{
    return find_machine(machine)->has_pci;
}

static enum exit_code no_firmware(const struct lab *lab, const char *file, const char *why)
{
    bool is_32 = lab->firmware == FIRMWARE_UEFI32;
    return complain(EXIT_IO,
                    "%s: %s; install the UEFI firmware for QEMU (package %s on Debian and Ubuntu, %s on Fedora, "
                    "edk2-ovmf on Arch) or give its file with --ovmf",
                    file, why, is_32 ? "ovmf-ia32" : "ovmf", is_32 ? "edk2-ovmf-ia32" : "edk2-ovmf");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* A CODE file has its variables beside it, in a VARS file; the build for secure boot shares those of the plain one. A
 * file of another name holds both. */
static enum exit_code find_variables(struct lab *lab)
{
    snprintf(lab->variables, sizeof lab->variables, "%s", lab->code);
    char *base = lab->variables + (base_name(lab->code) - lab->code);
    char *code = strstr(base, "CODE");
    char *secure = strstr(base, ".secboot");
    if (code == NULL) {
        lab->variables[0] = '\0';
        return EXIT_DONE;
    }
    memcpy(code, "VARS", strlen("VARS"));
    if (secure != NULL)
        memmove(secure, secure + strlen(".secboot"), strlen(secure + strlen(".secboot")) + 1);
    return access(lab->variables, R_OK) == 0 ? EXIT_DONE : no_firmware(lab, lab->variables, strerror(errno));
}

enum exit_code lab_find_firmware(struct lab *lab, const char *given)
{
    const char *found = given;
    for (size_t i = 0; i < sizeof ovmfs / sizeof ovmfs[0] && found == NULL; i++)
        if (ovmfs[i].firmware == lab->firmware && access(ovmfs[i].code, R_OK) == 0)
            found = ovmfs[i].code;
    if (found == NULL)
        return no_firmware(lab, "OVMF", "not found");
    /* Its true name tells whether it was built for secure boot. */
    if (realpath(found, lab->code) == NULL || access(lab->code, R_OK) != 0)
        return no_firmware(lab, found, strerror(errno));
    return find_variables(lab);
}

static void add_word(struct lab_words *words, char *word)
{
    /* The most words a lab can ask for is known, so a full list or no memory is a defect and not an error. */
    if (word == NULL || words->used == LAB_WORDS_MAX)
        abort();
    words->word[words->used++] = word;
    words->word[words->used] = NULL;
}

__attribute__((format(printf, 2, 3))) static void add(struct lab_words *words, const char *format, ...)
{
    va_list arguments;
    char *word;
    va_start(arguments, format);
    if (vasprintf(&word, format, arguments) < 0)
        word = NULL;
    va_end(arguments);
    add_word(words, word);
}

/* A word, and the one that belongs to it. */
__attribute__((format(printf, 3, 4))) static void add_option(struct lab_words *words, const char *option,
                                                             const char *format, ...)
{
    va_list arguments;
    char *word;
    add(words, "%s", option);
    va_start(arguments, format);
    if (vasprintf(&word, format, arguments) < 0)
        word = NULL;
    va_end(arguments);
    add_word(words, word);
}

/* In a QEMU option a comma ends the value, and two commas are one. */
static void put_value(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ',')
            fputc(',', to);
        fputc(*text, to);
    }
}

/* `-drive` for the image itself, under an id. */
static void add_image(const struct lab *lab, const struct lab_disk *disk, const char *id, struct lab_words *words)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL)
        abort();
    fprintf(memory, "if=none,id=%s,driver=raw,%sfile.driver=%s,file.filename=", id,
            disk->read_only ? "media=cdrom,readonly=on,"
            : lab->write    ? ""
                            : "snapshot=on,",
            disk->driver);
    put_value(memory, disk->path);
    fclose(memory);
    add(words, "-drive");
    add_word(words, text);
}

static void put_bad_sectors(FILE *to, const struct lab_disk *disk)
{
    for (unsigned i = 0; i < disk->bad_count; i++)
        fprintf(to,
                ",file.inject-error.%u.event=none,file.inject-error.%u.iotype=read,file.inject-error.%u.errno=%d,"
                "file.inject-error.%u.sector=%llu",
                i, i, i, ERRNO_EIO, i, (unsigned long long)disk->bad_lba[i]);
}

/* `-drive` for what stands between the device and the image. The fault is in front of the overlay, so that a dead disk
 * takes no writes either. */
static void add_fault(const struct lab_disk *disk, const char *id, struct lab_words *words)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL)
        abort();
    fprintf(memory, "if=none,id=%s,driver=raw,", id);
    if (disk->fault == FAULT_SLOW)
        fprintf(memory, "file.driver=throttle,file.throttle-group=slow,file.file=%s-image", id);
    else
        fprintf(memory, "file.driver=blkdebug,file.image=%s-image", id);
    if (disk->fault == FAULT_DEAD)
        fprintf(memory, ",file.inject-error.0.event=none,file.inject-error.0.errno=%d", ERRNO_EIO);
    if (disk->fault == FAULT_BAD)
        put_bad_sectors(memory, disk);
    fclose(memory);
    add(words, "-drive");
    add_word(words, text);
}

static void add_disk(const struct lab *lab, unsigned index, struct lab_words *words)
{
    const struct lab_disk *disk = &lab->disk[index];
    const struct machine *machine = find_machine(lab->machine);
    char id[sizeof "disk4294967295"];
    char image[sizeof id + sizeof "-image"];
    if (disk->fault == FAULT_ABSENT)
        return; /* the disks behind it keep their places on the controller, as in a real machine */
    snprintf(id, sizeof id, "disk%u", index);
    snprintf(image, sizeof image, "%s%s", id, disk->fault != FAULT_NONE ? "-image" : "");
    add_image(lab, disk, image, words);
    if (disk->fault != FAULT_NONE)
        add_fault(disk, id, words);
    add_option(words, "-device", "ide-hd,bus=ide.%u,unit=%u,drive=%s", index / machine->disks_per_bus,
               index % machine->disks_per_bus, id);
}

static void add_machine(const struct lab *lab, struct lab_words *words)
{
    const char *const fixed[] = {"-accel", "tcg", "-nodefaults", "-net", "none", "-vga", "std"};
    add(words, "%s", lab->qemu);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        add(words, "%s", fixed[i]);
    add_option(words, "-machine", "%s", lab->machine);
    add_option(words, "-m", "%ld", lab->memory_mb);
    if (lab->cpu != NULL)
        add_option(words, "-cpu", "%s", lab->cpu);
    if (!lab->window)
        add_option(words, "-display", "none");
    add_option(words, "-device", "isa-debug-exit,iobase=0x501,iosize=1"); /* a payload may end the machine */
    add_option(words, "-chardev", "stdio,id=serial,signal=off");
    add_option(words, "-serial", "chardev:serial");
}

/* One flash chip. */
static void add_flash(unsigned unit, const char *access_mode, const char *path, struct lab_words *words)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL)
        abort();
    fprintf(memory, "if=pflash,unit=%u,%s=on,driver=raw,file.driver=file,file.filename=", unit, access_mode);
    put_value(memory, path);
    fclose(memory);
    add(words, "-drive");
    add_word(words, text);
}

static void add_firmware(const struct lab *lab, struct lab_words *words)
{
    bool has_variables = lab->variables[0] != '\0';
    if (lab->firmware == FIRMWARE_BIOS)
        return;
    if (strstr(base_name(lab->code), "secboot") != NULL) {
        add_option(words, "-machine", "smm=on");
        add_option(words, "-global", "driver=cfi.pflash01,property=secure,value=on");
    }
    add_flash(0, has_variables ? "readonly" : "snapshot", lab->code, words);
    if (has_variables)
        add_flash(1, "snapshot", lab->variables, words);
}

const char *lab_net_program(const struct lab *lab)
{
    static const char *const names[] = {"mkbootdisk.0", "BOOTX64.EFI", "BOOTIA32.EFI"};
    return names[lab->firmware];
}

/* QEMU's own DHCP and TFTP server, of which the machine sees nothing else. Under UEFI the firmware's driver serves the
 * card; under a BIOS the card's ROM does. */
static void add_network(const struct lab *lab, struct lab_words *words)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL)
        abort();
    fprintf(memory, "user,id=net,restrict=on,bootfile=%s,tftp=", lab_net_program(lab));
    put_value(memory, lab->boot.path);
    fclose(memory);
    add(words, "-netdev");
    add_word(words, text);
    add_option(words, "-device", "virtio-net-pci,netdev=net,bootindex=0%s%s%s",
               lab->firmware != FIRMWARE_BIOS ? ",romfile=" : "", lab->mac != NULL ? ",mac=" : "",
               lab->mac != NULL ? lab->mac : "");
}

static void add_boot_disk(const struct lab *lab, struct lab_words *words)
{
    if (lab->attach == ATTACH_NET) {
        add_network(lab, words);
        return;
    }
    bool is_usb = lab->attach == ATTACH_USB || lab->attach == ATTACH_CD;
    add_image(lab, &lab->boot, "boot", words);
    if (lab->attach == ATTACH_FLOPPY) {
        if (find_machine(lab->machine)->lacks_floppy)
            add_option(words, "-device", "isa-fdc");
        add_option(words, "-device", "floppy,drive=boot");
        add_option(words, "-boot", "a");
        return;
    }
    if (is_usb)
        add_option(words, "-device", "qemu-xhci");
    add_option(words, "-device", "%s,drive=boot,bootindex=0%s", is_usb ? "usb-storage" : "virtio-blk-pci",
               lab->attach == ATTACH_USB ? ",removable=on" : "");
}

void lab_qemu_words(const struct lab *lab, struct lab_words *words)
{
    bool any_slow = false;
    words->used = 0;
    add_machine(lab, words);
    add_firmware(lab, words);
    add_boot_disk(lab, words);
    for (unsigned i = 0; i < lab->disk_count; i++)
        any_slow |= lab->disk[i].fault == FAULT_SLOW;
    if (any_slow)
        add_option(words, "-object", "throttle-group,id=slow,x-iops-total=1");
    for (unsigned i = 0; i < lab->disk_count; i++)
        add_disk(lab, i, words);
}

void lab_print_words(const struct lab_words *words, FILE *to)
{
    for (unsigned i = 0; i < words->used; i++) {
        if (i > 0)
            fputc(' ', to);
        report_word(words->word[i], to);
    }
    fputc('\n', to);
}

void lab_free_words(struct lab_words *words)
{
    for (unsigned i = 0; i < words->used; i++)
        free(words->word[i]);
    words->used = 0;
}
