/* SPDX-License-Identifier: MIT */
/* The closed set of results every fallible call returns. Knows nothing of where an error was born: see trail.h. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum status {
    ST_OK,
    ST_IO,          /* the device failed, or claimed success and delivered nothing */
    ST_BOUNDS,      /* outside a device, a file or a buffer */
    ST_CORRUPT,     /* the bytes contradict their own format */
    ST_UNSUPPORTED, /* well-formed, but not ours to handle */
    ST_NOT_FOUND,
    ST_NO_SPACE,
    ST_AMBIGUOUS, /* two answers fit, and guessing could lose data */
    ST_REFUSED,   /* a rule of writing forbids it */
    ST_DENIED,    /* the firmware's own rules forbid it: Secure Boot */
};

/** One word for a status, for event lines and messages. */
const char *status_name(enum status status);

#endif
