/* SPDX-License-Identifier: MIT */
/* BOOT.INI (nt-facts 6): a list of lines over the caller's text, of which only the known ones are understood, so that
 * everything else goes back out byte for byte. Touches no disk. */
#ifndef NT_BOOTINI_H
#define NT_BOOTINI_H

#include "base/status.h"
#include "base/text.h"
#include "nt/arcpath.h"

#define BOOTINI_LINES_MAX 96u
#define BOOTINI_ENTRIES_MAX 10u /* how many entries every NTLDR shows; Microsoft gives no figure, ten is safe */

enum bootini_kind { BOOTINI_OTHER, BOOTINI_SECTION, BOOTINI_TIMEOUT, BOOTINI_DEFAULT, BOOTINI_ENTRY };

struct bootini_span {
    const char *at;
    size_t bytes;
};

struct bootini_line {
    enum bootini_kind kind;
    struct bootini_span text;  /* the whole line, its line end included */
    struct bootini_span key;   /* what stands before '=' */
    struct bootini_span value; /* what stands behind it, line end and surrounding blanks removed */
};

struct bootini {
    unsigned count;
    struct bootini_line line[BOOTINI_LINES_MAX];
};

/** Split `text`, which must outlive `out`. Errors: ST_NO_SPACE (more than BOOTINI_LINES_MAX lines). */
MUST_CHECK enum status bootini_parse(const char *text, size_t bytes, struct bootini *out);

/** Append the lines as they are now; an unchanged file comes out byte for byte. */
void bootini_write(const struct bootini *ini, struct text *out);

/** The value of `[boot loader] timeout`, in seconds: 0 no menu, -1 for ever (Q131603); 30 when there is none. */
int bootini_timeout_s(const struct bootini *ini);

/** The ARC path of an entry or default line. Errors: those of arc_parse; ST_NOT_FOUND for a path with a drive letter.
 */
MUST_CHECK enum status bootini_path(const struct bootini_line *line, struct arc_path *out);

/** What stands behind an option of an entry, such as "/KERNEL=" (Q170756), outside of the quoted description; case is
 * ignored. Errors: ST_NOT_FOUND (also when nothing stands there), ST_NO_SPACE (it is longer than `room`); `out` is
 * empty then. */
MUST_CHECK enum status bootini_option(const struct bootini_line *entry, const char *option, char *out, size_t room);

/** The entry whose options count for the path that `line` (an entry, or default=) leads to: the first one with that
 * path. Null if there is none. */
const struct bootini_line *bootini_entry_of(const struct bootini *ini, const struct bootini_line *line);

#endif
