/* SPDX-License-Identifier: MIT */
/* A firmware made of memory: hard disks, a boot floppy, scripted keys, a screen and event lines that are kept, and
 * writes that can fail, tear or be the last thing before the power goes. Knows nothing of what the loader decides. */
#ifndef RIG_RIGFW_H
#define RIG_RIGFW_H

#include <setjmp.h>

#include "faultdev.h"
#include "fixture.h"
#include "loader.h"

#define RIG_DISKS 4u
#define RIG_KEYS 32u
#define RIG_TEXT_BYTES 16384u
#define RIG_LOADER_ROOM 65536u
#define RIG_FLOPPY_DRIVE 0u
#define RIG_CACHED 4u

/* How a run of the loader ended. */
enum rig_end {
    RIG_RETURNED,
    RIG_HANDOFF,
    RIG_RESTART,
    RIG_WAITING, /* it waits for a key, and the script has no more */
    RIG_CUT,     /* the power went */
};

enum write_fault {
    WRITE_GOOD,
    WRITE_FAILS,      /* an error, nothing written */
    WRITE_LOST,       /* success claimed, nothing written */
    WRITE_TORN,       /* an error, but half of it arrived */
    WRITE_FAIL_ALL,   /* this write and all later ones fail */
    WRITE_FAIL_DISKS, /* ... to hard disks */
    WRITE_PROTECTED,  /* ... to the boot disk */
    WRITE_NO_FLOPPY,  /* from this write on the boot disk is not in its drive any more */
    CUT_BEFORE,       /* the power goes before this write */
    CUT_AFTER,        /* ... or after it */
    CUT_TORN_HEAD,    /* ... when only the first half has been written */
    CUT_TORN_TAIL,    /* ... or only the second */
};

struct rig_write {
    uint8_t drive;
    uint64_t lba;
};

/* A write that a disk's own cache may still hold when the power goes. */
struct rig_cached {
    uint8_t drive;
    uint8_t *to;
    uint8_t before[SECTOR_BYTES];
    uint8_t bytes[SECTOR_BYTES];
};

struct rigfw {
    struct firmware fw;
    struct loader loader;
    struct workspace work;
    unsigned disks;
    struct memdev disk[RIG_DISKS];
    struct faultdev fault[RIG_DISKS];
    bool absent[RIG_DISKS];      /* not reported by the firmware; the others move up */
    bool odd_sectors[RIG_DISKS]; /* reported as a disk that is not to be opened */
    struct geometry geometry[RIG_DISKS];
    uint8_t drive_of[RIG_DISKS]; /* as the firmware numbers them in this run */
    struct memdev floppy;
    struct faultdev floppy_fault;
    int key[RIG_KEYS];
    unsigned keys;
    unsigned keys_used;
    char screen[RIG_TEXT_BYTES];
    size_t screen_used;
    char events[RIG_TEXT_BYTES]; /* one line each */
    size_t events_used;
    const char *cannot_start; /* what this firmware says it is; null: it starts Windows NT */
    bool handoff_fails;       /* and comes back */
    struct boot_plan plan;    /* as handed over */
    uint8_t room[RIG_LOADER_ROOM];
    unsigned reads; /* of all devices, in order */
    unsigned writes;
    unsigned disk_writes; /* of them, to hard disks */
    struct rig_write write[128];
    unsigned faulty_write; /* from 1; 0 = none */
    enum write_fault write_fault;
    unsigned lost; /* CUT_AFTER: bit k is the write k + 1 before the last; those set never reached the medium */
    unsigned pulled_at_key; /* from 1: the boot disk is pulled out before this key is pressed; 0 = never */
    struct rig_cached cached[RIG_CACHED]; /* the last writes, in a ring */
    jmp_buf leave;
};

/** A machine with `disks` empty disks of `sectors`, and an empty floppy. */
void rig_init(struct rigfw *rig, unsigned disks, uint32_t sectors);
void rig_free(struct rigfw *rig);

/** Take all faults away; disks, floppy and keys stay as they are. */
void rig_heal(struct rigfw *rig);

/** Press these keys when asked, in order ("" = none). */
void rig_keys(struct rigfw *rig, const char *keys);
void rig_key(struct rigfw *rig, int key);

/** Start the machine: run the loader to its end. Counters and texts begin anew. */
enum rig_end rig_run(struct rigfw *rig);

/** Whether CUT_AFTER lost a write to the boot disk in the last run. */
bool rig_lost_on_floppy(const struct rigfw *rig);

/** Whether an event line of the last run contains `part`. */
bool rig_event(const struct rigfw *rig, const char *part);

/** Two disks with one mirror set: FAT16 members 86h at 63, `sectors` long, tag 'M', signatures AAAA0001h and
 * BBBB0002h; the floppy's MIRROR.INI says so, with `policy` (null: there is no MIRROR.INI). */
void rig_mirror(struct rigfw *rig, const char *policy);

#define RIG_SIGNATURE_A 0xAAAA0001u
#define RIG_SIGNATURE_B 0xBBBB0002u
#define RIG_MEMBER_START 63u
#define RIG_MEMBER_SECTORS 900u
#define RIG_DISK_SECTORS 1200u

#endif
