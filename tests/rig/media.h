/* SPDX-License-Identifier: MIT */
/* The two disks and the boot disk of a machine, as they were at several moments. Of each medium only the sectors that
 * were ever written are kept and put back: whole disks would cost more than all that is done with them. Knows nothing
 * of what the sectors mean. */
#ifndef RIG_MEDIA_H
#define RIG_MEDIA_H

#include "rigfw.h"

#define MEDIA 3u
#define MEDIA_DISKS 2u
#define MEDIA_FLOPPY 2u
#define TOUCHED_MAX 192u

struct touched {
    unsigned medium;
    uint64_t lba;
};

/* The touched sectors of all media at one moment; those touched later were as in the beginning. */
struct snapshot {
    unsigned count;
    uint8_t sector[TOUCHED_MAX][SECTOR_BYTES];
};

/** The media as they are now are the beginning. One machine at a time. */
void media_begin(struct rigfw *rig);
void media_end(void);

/** Every byte of a medium, in the beginning. */
uint8_t *media_beginning(unsigned medium);

/** Note that a sector may change; media_note() notes those of the last run. */
void media_touch(unsigned medium, uint64_t lba);
void media_note(void);

/** The touched sector number `index`, or null when there are no more; and what stands there now. */
const struct touched *media_touched(unsigned index);
uint8_t *media_now(const struct touched *at);

void media_save(struct snapshot *to);

/** Put the media back; null: as in the beginning. */
void media_restore(const struct snapshot *from);

/** Whether the disks hold what these hold, or what they held then. */
bool media_disks_are(uint8_t *const wanted[MEDIA_DISKS]);
bool media_disks_are_as_in(const struct snapshot *then);

/** Whether every byte of every medium is as in the beginning. */
bool media_are_untouched(void);

#endif
