/* SPDX-License-Identifier: MIT */
/* What is wrong on the disks, by the ids of documented failures (`mkbootdisk explain ID`). Judges what others have
 * read; prints nothing. */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "ntsurvey.h"

#define FINDINGS_MAX 48u
#define FINDING_TEXT_BYTES 256u

struct finding {
    const char *id;
    unsigned disk; /* index of the call */
    char text[FINDING_TEXT_BYTES];
};

struct findings {
    unsigned count;
    struct finding item[FINDINGS_MAX];
};

/** The id of a boot sector that is damaged, by the type of its partition. */
const char *finding_of_boot_sector(const struct partition *partition);

void findings_collect(const struct host_set *set, const struct nt_survey *survey, struct findings *out);

#endif
