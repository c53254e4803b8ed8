/* SPDX-License-Identifier: MIT */
/* What NT's registry says about starting: the control set in use, drivers of the start, code page files, the product's
 * version. Knows these keys; reads them through nt/hive.h, and no file. */
#ifndef NT_SYSTEM_H
#define NT_SYSTEM_H

#include "nt/hive.h"

#define SYSTEM_NAME_BYTES 64u
#define SYSTEM_PATH_BYTES 128u
#define SYSTEM_START_BOOT 0u /* Services\X\Start: loaded by NTLDR */

/** The control set that NTLDR uses: Select\Default, else Select\Current. Errors: those of hive_key. */
MUST_CHECK enum status system_control_set(const struct hive *hive, uint32_t *key);

/** Whether the SYSTEM hive is that of Windows 2000 or later: only they have the key MountedDevices. */
bool system_is_windows_2000(const struct hive *hive);

/* A driver of Services. */
struct system_driver {
    char name[SYSTEM_NAME_BYTES];
    char group[SYSTEM_NAME_BYTES]; /* such as "SCSI miniport"; may be empty */
    char path[SYSTEM_PATH_BYTES];  /* relative to the installation's folder, such as "SYSTEM32\DRIVERS\atdisk.sys" */
};

/** The next driver that NTLDR loads, from subkey `*index` of Services on; `*index` is moved behind it.
 * Errors: ST_NOT_FOUND (there are no more), ST_CORRUPT, I/O. */
MUST_CHECK enum status system_next_boot_driver(const struct hive *hive, uint32_t control_set, uint32_t *index,
                                               struct system_driver *out);

/** The start type of a service, such as "Ftdisk" (E06, D15). Errors: those of hive_u32. */
MUST_CHECK enum status system_service_start(const struct hive *hive, uint32_t control_set, const char *service,
                                            uint32_t *start);

/** The code page and language files NTLDR loads: `which` from 0; the name is relative to SYSTEM32.
 * Errors: ST_NOT_FOUND (no more, or not named), ST_CORRUPT, I/O. */
#define SYSTEM_NLS_FILES 3u
MUST_CHECK enum status system_nls_file(const struct hive *hive, uint32_t control_set, unsigned which, char *name,
                                       size_t room);

/* From the SOFTWARE hive. */
struct system_product {
    char version[16]; /* "4.0" */
    char build[16];   /* "1381" */
    char service_pack[40];
    char name[64]; /* "Microsoft Windows 2000", or empty: NT 4.0 has none */
};

/** What is installed; what is not recorded stays empty. Errors: those of hive_key. */
MUST_CHECK enum status system_product(const struct hive *software, struct system_product *out);

#endif
