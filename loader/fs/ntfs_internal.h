/* SPDX-License-Identifier: MIT */
/* What the parts of the NTFS reader share: records and attributes, streams, indexes. For loader/fs/ntfs*.c only. */
#ifndef FS_NTFS_INTERNAL_H
#define FS_NTFS_INTERNAL_H

#include "fs/fs.h"

#define RECORD_LOG 2u
#define RECORD_VOLUME 3u
#define RECORD_ROOT 5u
#define RECORD_UPCASE 10u
#define RECORD_FIRST_USER 16u

#define TYPE_LIST 0x20u
#define TYPE_VOLUME_INFORMATION 0x70u
#define TYPE_DATA 0x80u
#define TYPE_INDEX_ROOT 0x90u /* this and the next two are named $I30, the others have no name */
#define TYPE_INDEX_ALLOCATION 0xA0u
#define TYPE_INDEX_BITMAP 0xB0u
#define TYPE_REPARSE 0xC0u

#define ATTRIBUTE_COMPRESSED 0x00FFu
#define ATTRIBUTE_ELSEWHERE 0x0080u /* ours, in a bit that no compression method uses: see TYPE_REPARSE */
#define ATTRIBUTE_ENCRYPTED 0x4000u
#define ATTRIBUTE_SPARSE 0x8000u
#define ATTRIBUTE_UNREADABLE 0x40FEu /* encrypted, or compressed by a method other than LZNT1 */

#define LBA_HOLE 0xFFFFFFFFu

#define MAGIC_FILE 0x454C4946u
#define MAGIC_INDX 0x58444E49u
#define MAGIC_RSTR 0x52545352u
#define MAGIC_CHKD 0x444B4843u

/** Note that the volume contradicts itself; returns ST_CORRUPT. `number` is a record of the MFT. */
enum status ntfs_corrupt(const struct ntfs *ntfs, enum site site, uint32_t number);

/** Check a block's magic and undo its update sequence: the last two bytes of every 512 must be the same number, which
 * changes with every write, so that a block of which only a part was written shows. */
bool ntfs_fix_up(uint8_t *block, uint32_t bytes, uint32_t magic);

/** Bring the record of a file reference (a sequence number of 0 fits always) into its slot, and check it.
 * Errors: ST_CORRUPT, I/O. */
MUST_CHECK enum status ntfs_load(struct ntfs *ntfs, uint64_t reference, const uint8_t **record);

/** The piece of an attribute that holds `vcn` (0 for a resident one), wherever its file keeps it. The pointer holds
 * until the next call. Errors: ST_NOT_FOUND (the file has no such attribute), ST_CORRUPT, I/O. */
MUST_CHECK enum status ntfs_find(struct ntfs *ntfs, uint32_t record, uint32_t type, uint32_t vcn,
                                 const uint8_t **attribute);

/** Open an attribute. Errors: as ntfs_find(), and ST_UNSUPPORTED (2^32 sectors and more). */
MUST_CHECK enum status ntfs_stream(struct ntfs *ntfs, uint32_t record, uint32_t type, struct ntfs_node *out);

/** Make `stream->run_*` the run that holds a sector of the stream. Errors: ST_CORRUPT, I/O. */
MUST_CHECK enum status ntfs_map(struct ntfs *ntfs, struct ntfs_node *stream, uint32_t sector);

/** Read exactly `bytes`. Errors: ST_BOUNDS, ST_UNSUPPORTED, ST_CORRUPT, I/O. */
MUST_CHECK enum status ntfs_read(struct ntfs *ntfs, struct ntfs_node *stream, uint64_t offset, void *buffer,
                                 uint32_t bytes);

/** Read a part of an attribute that must be there: if it is not, the record is damaged. */
MUST_CHECK enum status ntfs_peek(struct ntfs *ntfs, uint32_t record, uint32_t type, uint32_t offset, void *buffer,
                                 uint32_t bytes);

/** The file reference of a name in a directory. Errors: ST_NOT_FOUND, ST_CORRUPT, I/O. */
MUST_CHECK enum status ntfs_lookup(struct fs_file *directory, const char *name, size_t bytes, uint64_t *reference);

/** fs_next(). */
MUST_CHECK enum status ntfs_next(struct fs_file *directory, struct fs_cursor *cursor, struct fs_entry *out);

#endif
