/* SPDX-License-Identifier: MIT */
/* The installations of Windows NT on the disks of a call, and what their registries say beyond the verdict. Reads;
 * prints and judges nothing. */
#ifndef NTSURVEY_H
#define NTSURVEY_H

#include "hostset.h"
#include "mirror/evidence.h"
#include "nt/system.h"

#define NT_INSTALLATIONS_MAX 16u
#define NT_MISSING_MAX 8u
#define NT_MINIPORTS_MAX 8u

struct nt_installation {
    unsigned disk; /* index of the call */
    const struct partition *partition;
    char directory[INSTALL_PATH_BYTES]; /* such as \WINNT */
    struct testimony testimony;
    struct system_product product;
    bool has_ftdisk; /* Services\Ftdisk is there ... */
    uint32_t ftdisk_start;
    bool knows_set[SETS_MAX];
    char letter[SETS_MAX]; /* of each set, or 0 */
    unsigned missing;      /* signatures DISK\Information names that no disk of the call has (D16) */
    uint32_t missing_signature[NT_MISSING_MAX];
    bool has_services; /* the control set could be read */
    unsigned storage;  /* drivers of disks that NTLDR loads: what the boot adapter is driven by is one of them (E06) */
    char storage_driver[NT_MINIPORTS_MAX][SYSTEM_NAME_BYTES];
    unsigned miniports; /* SCSI miniports that NTLDR loads: one of them drives the boot adapter */
    char miniport[NT_MINIPORTS_MAX][SYSTEM_PATH_BYTES];
    size_t information_bytes; /* DISK\Information as it stands; 0 if there is none */
    uint8_t information[FTDISK_BYTES_MAX];
};

struct nt_survey {
    unsigned count;
    bool more; /* than NT_INSTALLATIONS_MAX: the rest is not seen */
    struct nt_installation item[NT_INSTALLATIONS_MAX];
};

/** Look at every volume of every disk. What cannot be read is not listed; the verdict says why. */
void nt_survey(struct host_set *set, struct nt_survey *out);

/** The first installation on a half of a set, the given role's; or null. */
const struct nt_installation *nt_survey_of_half(const struct host_set *set, const struct nt_survey *survey,
                                                unsigned index, enum role role);

/** "Windows NT 4.0, build 1381, Service Pack 6", as far as it is known. */
void nt_product_text(const struct nt_installation *installation, char *buffer, size_t bytes);

#endif
