/* SPDX-License-Identifier: MIT */
/* NT's fault-tolerance bits in a partition's type byte (Q114841, Resource Kit): bit 7 marks a member of a set, bits 7
 * and 6 together a member that NT disabled after a failed write. Which kind of set it is, only the registry knows. */
#ifndef NT_FTTYPE_H
#define NT_FTTYPE_H

#include <stdbool.h>
#include <stdint.h>

#define FT_MEMBER_BIT 0x80u
#define FT_DISABLED_BITS 0xC0u

/** The file system's type without the FT bits. */
static inline uint8_t ft_plain_type(uint8_t type)
{
    return (uint8_t)(type & ~FT_DISABLED_BITS);
}

/** Whether the type names a file system NT can mirror: FAT12, FAT16, NTFS and (Windows 2000) FAT32. */
static inline bool ft_is_file_system(uint8_t plain_type)
{
    return plain_type == 0x01 || plain_type == 0x04 || plain_type == 0x06 || plain_type == 0x07 || plain_type == 0x0B ||
           plain_type == 0x0C || plain_type == 0x0E;
}

/** A member of a set: 81h-8Eh or C1h-CEh. 82h, 83h and 85h are Linux's and are not members. */
static inline bool ft_is_member(uint8_t type)
{
    return (type & FT_MEMBER_BIT) != 0 && ft_is_file_system(ft_plain_type(type));
}

/** A member that NT wrote off: a write to it failed, so it is older than its twin. */
static inline bool ft_is_disabled(uint8_t type)
{
    return ft_is_member(type) && (type & FT_DISABLED_BITS) == FT_DISABLED_BITS;
}

#endif
