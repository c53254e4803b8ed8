/* SPDX-License-Identifier: MIT */
/* The registry's part of a break: the mirror's records in DISK\Information of SYSTEM and SYSTEM.ALT, edited in place.
 * Plans only. Nothing is planned that NT would take back or that cannot be proved to be understood: such a file is an
 * obstacle, and the caller decides what then. */
#ifndef CHANGE_REGISTRY_H
#define CHANGE_REGISTRY_H

#include "change/edit.h"
#include "mirror/config.h"
#include "nt/workspace.h"

/* Why the registry of an installation cannot be edited. */
enum obstacle {
    OBSTACLE_NONE,
    OBSTACLE_UNREADABLE, /* sectors of it cannot be read */
    OBSTACLE_DAMAGED,    /* the hive or the record contradicts itself */
    OBSTACLE_UNCLEAN,    /* a write to it was cut off: NT will replay its log over it */
    OBSTACLE_IN_PLACE,   /* compressed, or a part of it is stored nowhere */
    OBSTACLE_LOG,        /* the volume was not shut down: NTFS will replay its log */
    OBSTACLE_VERSION,    /* the hive or DISK\Information is of a version that is not known */
    OBSTACLE_LAYOUT,     /* it has bytes that are not understood, and would be lost */
    OBSTACLE_SPACE,      /* more sectors than a change set holds */
    OBSTACLE_COUNT
};

/* Drive letters of one mirror, as the first registry that knows it has them; 0: none. */
struct letters {
    bool known;
    char before;
    char after; /* of the half that is kept; the other one gets the next free letter from NT */
};

/* Which mirrors are dissolved, and in whose favour. */
struct dissolution {
    const struct config *config;
    bool wanted[SETS_MAX];
    enum role keep[SETS_MAX];
    struct letters letters[SETS_MAX]; /* filled in */
};

/** Add what dissolving takes in the installation in `directory` of the mounted work->volume, which is on edit->disk.
 * Returns OBSTACLE_NONE also when the registry does not know the mirrors; otherwise `*file` is the name of the hive.
 * After an obstacle, what was added before it must be dropped by the caller. */
enum obstacle registry_plan(const struct edit *edit, struct workspace *work, const char *directory,
                            struct dissolution *dissolution, const char **file);

/** A clause for a person, such as "a write to it was cut off"; empty for OBSTACLE_NONE. */
const char *obstacle_text(enum obstacle obstacle);

#endif
