/* SPDX-License-Identifier: MIT */
/* Gathering facts about the members of a set from the disks: all of the I/O, none of the judgement. */
#ifndef MIRROR_FACTS_H
#define MIRROR_FACTS_H

#include "disk/inventory.h"
#include "mirror/config.h"
#include "mirror/decide.h"
#include "mirror/sample.h"

#define EVIDENCE_PATH_BYTES 64u

/* Where a member was found; null when it was not. */
struct member_place {
    struct disk *disk;
    const struct partition *partition;
};

/* What a half's own file system and registry say of its age. */
struct half_evidence {
    char directory[EVIDENCE_PATH_BYTES]; /* of the installation found on it; empty if there is none */
    bool has_stamp;                      /* its hive could be opened */
    bool clean;                          /* the last write to its hive was completed */
    uint32_t sequence;
    uint64_t written_100ns; /* FILETIME of its hive */
    bool has_log;
    uint64_t log_lsn; /* of NTFS's $LogFile */
    bool dirty;       /* the volume was not shut down cleanly */
};

/* What the end of a member of a Linux array, or the loader on an EFI system partition, says of a half's age. */
struct esp_evidence {
    bool has_md;
    uint64_t events;
    uint64_t updated_s; /* since 1970, UTC */
    bool has_loader;
    uint32_t loader_crc;
    uint32_t loader_bytes;
    uint32_t loader_written; /* DOS date and time */
};

struct set_survey {
    struct set_facts facts;
    struct member_place place[ROLE_COUNT];
    struct half_evidence evidence[ROLE_COUNT];
    struct esp_evidence esp[ROLE_COUNT];
    struct sample_result sample;
    struct mirror_verdict verdict;
};

/** Find both members of set `index`, compare `samples` sectors and decide. */
void facts_gather(struct inventory *inventory, const struct config *config, unsigned index, unsigned samples,
                  struct set_survey *out);

#endif
