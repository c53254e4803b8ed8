/* SPDX-License-Identifier: MIT */
/* Disks and floppies written byte by byte, and hex vectors read from files. Deliberately uses none of the core's
 * encoders or decoders, so that it can bear witness against them. */
#ifndef RIG_FIXTURE_H
#define RIG_FIXTURE_H

#include <stdbool.h>

#include "memdev.h"

#define FLOPPY_SECTORS 2880u
#define FLOPPY_ROOT_LBA 19u
#define FLOPPY_DATA_LBA 33u
#define FX_JOURNAL_SECTORS 98u /* room for 32 changes */

/** Boot code, signature and 55 AA into sector 0. */
void fx_mbr(struct memdev *disk, uint32_t signature);

/** A partition table entry into slot `index` of any sector. */
void fx_entry(uint8_t *sector, unsigned index, uint8_t flag, uint8_t type, uint32_t start, uint32_t sectors);

/** An EBR at `lba`: a logical drive at `lba + offset`, and the next EBR at container + `next` (0: none). */
void fx_ebr(struct memdev *disk, uint32_t lba, uint8_t type, uint32_t offset, uint32_t sectors, uint32_t next);

/** Fill a volume: a bootable FAT16-like boot sector that names `tag`, then a pattern of `tag` and sector number. */
void fx_volume(struct memdev *disk, uint32_t start, uint32_t sectors, char tag);

/** An empty FAT12 file system on a 1.44 MB floppy. */
void fx_floppy(struct memdev *floppy);

/** Add a file, contiguous unless `step` > 1 (then every step-th cluster). Returns the LBA of its first sector. */
uint32_t fx_file_step(struct memdev *floppy, const char *name, const void *bytes, uint32_t size, unsigned step);
uint32_t fx_file(struct memdev *floppy, const char *name, const void *bytes, uint32_t size);

/** FTLOG.TXT, an empty FTJOURNL.DAT and MIRROR.INI (null: none) onto a floppy. */
void fx_boot_files(struct memdev *floppy, const char *ini);

/** Put a value into a FAT12 floppy's first FAT. */
void fx_fat12_set(uint8_t *fat, unsigned cluster, unsigned value);

/** Read tests/vectors/NAME into `bytes` (zeroed first). Returns how many bytes it names; ends the test on error. */
size_t fx_vector(const char *name, void *bytes, size_t room);

#endif
