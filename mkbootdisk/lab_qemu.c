/* SPDX-License-Identifier: MIT */
/* The QEMU command line of a lab: machine, disks, and the fault in front of each disk. Starts nothing.
 *
 * Software emulation always: where /dev/kvm is itself emulated, it opens and then hangs. COM1 is QEMU's standard input
 * and output, so that the printed line does the same when a person runs it. Unless the images are to be written,
 * QEMU puts an unnamed temporary overlay before each (snapshot=on): it goes away with QEMU, however QEMU ends. */
#include "lab_qemu.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define ERRNO_EIO 5

static const struct machine {
    const char *name;
    unsigned disks_max;
    unsigned disks_per_bus;
    bool lacks_floppy; /* its floppy controller is an extra device */
} machines[] = {
    {"pc", 4, 2, false},
    {"isapc", 4, 2, false},
    {"q35", 6, 1, true},
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
    fprintf(memory, "if=none,id=%s,driver=raw,%sfile.driver=%s,file.filename=", id, lab->write ? "" : "snapshot=on,",
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
    add(words, "-device");
    add(words, "ide-hd,bus=ide.%u,unit=%u,drive=%s", index / machine->disks_per_bus, index % machine->disks_per_bus,
        id);
}

static void add_machine(const struct lab *lab, struct lab_words *words)
{
    const char *const fixed[] = {"-accel", "tcg", "-nodefaults", "-net", "none", "-vga", "std", "-boot", "a"};
    add(words, "%s", lab->qemu);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        add(words, "%s", fixed[i]);
    add(words, "-machine");
    add(words, "%s", lab->machine);
    add(words, "-m");
    add(words, "%ld", lab->memory_mb);
    if (lab->cpu != NULL) {
        add(words, "-cpu");
        add(words, "%s", lab->cpu);
    }
    if (!lab->window) {
        add(words, "-display");
        add(words, "none");
    }
    add(words, "-device");
    add(words, "isa-debug-exit,iobase=0x501,iosize=1"); /* a payload may end the machine */
    add(words, "-chardev");
    add(words, "stdio,id=serial,signal=off");
    add(words, "-serial");
    add(words, "chardev:serial");
}

void lab_qemu_words(const struct lab *lab, struct lab_words *words)
{
    bool any_slow = false;
    words->used = 0;
    add_machine(lab, words);
    if (find_machine(lab->machine)->lacks_floppy) {
        add(words, "-device");
        add(words, "isa-fdc");
    }
    add_image(lab, &lab->boot, "floppy", words);
    add(words, "-device");
    add(words, "floppy,drive=floppy");
    for (unsigned i = 0; i < lab->disk_count; i++)
        any_slow |= lab->disk[i].fault == FAULT_SLOW;
    if (any_slow) {
        add(words, "-object");
        add(words, "throttle-group,id=slow,x-iops-total=1");
    }
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
