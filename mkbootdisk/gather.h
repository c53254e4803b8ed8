/* SPDX-License-Identifier: MIT */
/* The files of the user's own system that go onto a boot disk, by option or from the disks themselves, unpacked; and
 * the systems that its BOOT.INI offers. Copied, never shipped. Knows where NT keeps them; lays out nothing. */
#ifndef GATHER_H
#define GATHER_H

#include "nt/bootini.h"
#include "ntsurvey.h"

enum own_kind { OWN_NTLDR, OWN_NTDETECT, OWN_NTBOOTDD, OWN_BOOTSECT, OWN_COUNT };

#define OWN_SOURCE_BYTES 512
#define SYSTEMS_MAX 8u
#define SYSTEM_TEXT_BYTES 64u
#define SYSTEM_SWITCHES_BYTES 64u

struct own_file {
    const char *option;            /* the FILE of --ntldr and its like, or null: look on the disks */
    char source[OWN_SOURCE_BYTES]; /* where it came from, for messages */
    uint8_t *bytes;                /* null: there is none */
    size_t count;
};

/* A system that BOOT.INI starts. */
struct own_system {
    struct arc_path path; /* as it stood in BOOT.INI; a made one if there is none */
    unsigned disk;        /* index of the call: where it lies, the primary half of a mirror */
    uint32_t partition;   /* ARC number there */
    bool has_set;         /* it lies on a mirror ... */
    unsigned set;         /* ... namely this one */
    char text[SYSTEM_TEXT_BYTES];
    char switches[SYSTEM_SWITCHES_BYTES];
};

struct gathered {
    struct own_file file[OWN_COUNT];
    unsigned systems; /* the default first */
    struct own_system system[SYSTEMS_MAX];
    bool wants_ntbootdd; /* a path of BOOT.INI needs it */
    bool wants_bootsect; /* ... or another system, C:\, does */
    bool guessed;        /* neither BOOT.INI nor an installation tells where Windows NT is */
};

extern const char *const own_names[OWN_COUNT];

/** Read the files given by option. Complains; returns its exit code. */
enum exit_code gather_given(struct gathered *out);

/** Fill in what was not given from the disks. `nt_path`: null, or the folder that the person named. */
void gather_found(struct host_set *set, const struct nt_survey *survey, const char *nt_path, struct gathered *out);

/** Warnings about files that are there but doubtful, by themselves or for the systems they are to start. */
void gather_warn(const struct gathered *gathered, const struct nt_survey *survey);

/** Print what is on the boot disk of the user's system, and what to do about what is not. */
void gather_tell(const struct gathered *gathered);

void gather_free(struct gathered *gathered);

#endif
