/* SPDX-License-Identifier: MIT */
/* Planning to promote the survivor: its disk shall start by itself, as the first disk and without the boot disk. MBR
 * code where there is none that is known, one active flag, the boot sector's and the entry's numbers for this disk,
 * BOOT.INI (A01, A03, A10-A12, A14). Plans only; writes nothing. */
#ifndef CHANGE_PROMOTE_H
#define CHANGE_PROMOTE_H

#include "change/bootpath.h"
#include "mirror/facts.h"

enum promote_refusal {
    PROMOTE_OK,
    PROMOTE_DAMAGED, /* the disk does not answer, or its partition table is damaged */
    PROMOTE_OLD,     /* its half missed changes, or copying to it was not finished */
    PROMOTE_MEMBER,  /* its half is still a member: what is written would be overwritten, or make the halves differ */
    PROMOTE_NOTHING, /* no partition holds NTLDR, and neither the half's nor the active boot sector starts anything */
    PROMOTE_LOGICAL, /* what would have to be started is a logical drive */
    PROMOTE_BOOT_SECTOR, /* the boot sector of the partition with NTLDR is damaged */
    PROMOTE_BOOT_INI,    /* BOOT.INI must change and cannot: `boot_ini` says why */
    PROMOTE_COUNT
};

/* What was done about the code in sector 0. */
enum promote_code {
    PROMOTE_CODE_KEPT,   /* it is known to start the active partition */
    PROMOTE_CODE_OURS,   /* there was none, or none that is known */
    PROMOTE_CODE_VENDOR, /* the machine's vendor has a partition here (12h, 55h): its code stays, whatever it does (A02)
                          */
};

struct promote_job {
    const struct config *config;
    const struct set_survey *survey; /* of each mirror of the configuration */
    struct workspace *work;          /* null: no file system can be read, so nothing but the half itself is started */
    struct changeset *changes;       /* added to */
    struct geometry geometry;        /* as this machine's BIOS sees the disk; 0 heads: not known, so it stays */
    bool breaking[SETS_MAX];         /* the same change set breaks this mirror */
    /* Filled in. */
    enum promote_refusal refusal;
    enum promote_code code;
    enum bootpath_result boot_ini;
    bool is_nt;                   /* NTLDR is on the partition that will be active */
    const struct partition *boot; /* the partition that will be active */
};

/** Add what promoting `disk` takes, the survivor of a mirror that is broken or about to be; sector 0, which makes it
 * startable, is the last (a break in the same change set has it first: NT stops while a type and the registry
 * contradict each other). Errors: ST_REFUSED (`job->refusal`), ST_NO_SPACE, I/O. */
MUST_CHECK enum status promote_plan(struct promote_job *job, struct disk *disk);

/** A clause for a person; empty for PROMOTE_OK. */
const char *promote_text(enum promote_refusal refusal);

#endif
