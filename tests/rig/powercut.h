/* SPDX-License-Identifier: MIT */
/* Power cuts: the loader changes disks, and the power goes at every single write: before, behind and in the middle of
 * it, and behind it while writes before it are still in a cache. Whatever that leaves must start the same half again,
 * and can be finished or undone from the journal, to the byte. Owns the cuts and what must hold after each of them;
 * what is changed, and how the disks shall be in the end, is the test's to say. */
#ifndef RIG_POWERCUT_H
#define RIG_POWERCUT_H

#include "rigfw.h"

/* One change, and what is known of the machine. */
struct powercut {
    const char *name;
    const char *choice;  /* the line of the menu that is chosen; null: nobody is there */
    const char *answers; /* the keys for the questions behind it */
    bool starts;         /* then the half is started; otherwise the menu comes back */
    unsigned keep;       /* the disk that is started, whatever happens */
    bool other_dead;
    bool asks; /* nobody there: it starts nothing before the change */
    /* What else must hold behind every write that is whole and in order; may be null. */
    bool (*holds)(struct rigfw *rig);
    uint8_t *earlier; /* disk `keep` before the change whose undo this one gives up; null: there is none */
};

/* For those who look at volumes with other eyes: the file that POWERCUT_STATES names gets, for each change, "disk BYTES
 * NAME" and the kept disk as it was before; then for each cut "sector LBA" and the sector, for each one that differs
 * from that, and "end" with a word about the cut. All words end with a line. */

/** Take the media of `rig` (two disks and the boot disk) as they are now as those before the change. Both arguments
 * must outlive powercut_end(). */
void powercut_begin(struct rigfw *rig, const struct powercut *what);
void powercut_end(void);

/** Make the change undisturbed, and leave the media so. */
void powercut_run(void);

/** A sector of a disk as it shall be after the change, to write into; it begins as it was before. */
uint8_t *powercut_finished(unsigned disk, uint64_t lba);

/** The finished disk has boot/mbr.asm's code. */
void powercut_finish_code(unsigned disk);

/** ... has a new signature: any that is not in use, as long as it is always the same. */
void powercut_finish_signature(unsigned disk);

/** Cut during the change, during its undo, and during undo and completion of an interrupted change. Ends the program
 * with a word where something does not hold. */
void powercut_sweep(void);

/** Every read during the unattended change goes wrong, once or (`lasting`) for ever. A single fault alters nothing; by
 * others less may be changed than was wished, but never a registry in part, and it can be undone. */
void powercut_sweep_reads(bool lasting);

/** One line about all sweeps of this program. */
void powercut_report(const char *program);

#endif
