/* SPDX-License-Identifier: MIT */
/* NTLDR is a real-mode part with OSLOADER.EXE, a PE file, behind it; where the second begins is not looked for: banner
 * and version resource are found by their own marks anywhere in the file.
 * UNVERIFIED: which releases carry a version resource. An NTLDR with neither has version 0.0. */
#include "ntfile.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "expand.h"
#include "nt/banner.h"
#include "nt/pe.h"

#define FIXED_INFO_BYTES 52u /* VS_FIXEDFILEINFO of the SDK */
#define NTLDR_BYTES_MIN (100u * 1024u)
#define NTLDR_BYTES_MAX (512u * 1024u) /* from 2000:0000 to the end of conventional memory */
#define NTBOOTDD_BYTES_MAX 65536u      /* Q198524 */

struct memory_source {
    struct source source;
    const uint8_t *bytes;
};

static enum status read_memory(struct source *source, uint32_t offset, void *buffer, uint32_t bytes)
{
    const struct memory_source *memory = (const struct memory_source *)source;
    memcpy(buffer, memory->bytes + offset, bytes);
    return ST_OK;
}

static struct memory_source memory_source(const uint8_t *bytes, size_t count)
{
    return (struct memory_source){.source = {.read = read_memory, .bytes = count < UINT32_MAX ? (uint32_t)count : 0},
                                  .bytes = bytes};
}

static bool is_known(const struct nt_version *version)
{
    return version->major != 0;
}

/* The first version resource anywhere in the bytes: its signature, then the version of its own structure. */
static struct nt_version resource_version(const uint8_t *bytes, size_t count)
{
    static const uint8_t mark[] = {0xBD, 0x04, 0xEF, 0xFE, 0x00, 0x00, 0x01, 0x00};
    const uint8_t *end = bytes + count;
    const uint8_t *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark)) != NULL &&
           end - at >= (ptrdiff_t)FIXED_INFO_BYTES) {
        struct nt_version found = {.major = get_le16(at + 10),
                                   .minor = get_le16(at + 8),
                                   .build = get_le16(at + 14),
                                   .revision = get_le16(at + 12)};
        if (is_known(&found))
            return found;
        at++;
    }
    return (struct nt_version){0};
}

struct nt_version file_version(const uint8_t *bytes, size_t count)
{
    struct memory_source memory = memory_source(bytes, count);
    struct pe pe;
    if (pe_open(&memory.source, &pe) == ST_CORRUPT)
        return (struct nt_version){0};
    return resource_version(bytes, count);
}

static struct nt_version version_of_banner(struct banner banner, const uint8_t *bytes, size_t count)
{
    banner_feed(&banner, bytes, count < UINT32_MAX ? (uint32_t)count : 0);
    if (banner_major(&banner) == 0)
        return (struct nt_version){0};
    return (struct nt_version){.major = banner_major(&banner), .minor = banner_minor(&banner)};
}

struct nt_version nt_version_of_text(const char *text, size_t letters)
{
    return version_of_banner((struct banner){.stage = BANNER_AT_NUMBER}, (const uint8_t *)text, letters);
}

/* The banner decides, for it is what people and the Knowledge Base compare; the resource adds the build. UNVERIFIED: a
 * service pack of 4.0 may say 4.01 in the banner and 4.0.1381 in the resource. */
struct nt_version ntldr_version(const uint8_t *bytes, size_t count)
{
    struct nt_version banner = version_of_banner((struct banner){0}, bytes, count);
    struct nt_version resource = resource_version(bytes, count);
    if (!is_known(&banner))
        return resource;
    if (banner.major == resource.major) {
        banner.build = resource.build;
        banner.revision = resource.revision;
    }
    return banner;
}

int nt_version_compare(const struct nt_version *left, const struct nt_version *right)
{
    if (left->major != right->major)
        return left->major - right->major;
    if (left->minor != right->minor)
        return left->minor - right->minor;
    if (left->build != right->build)
        return left->build - right->build;
    return left->revision - right->revision;
}

static bool has_text(const uint8_t *bytes, size_t count, const char *text)
{
    size_t letters = strlen(text);
    for (size_t at = 0; at + letters <= count; at++)
        if (strncasecmp((const char *)bytes + at, text, letters) == 0)
            return true;
    return false;
}

const char *ntldr_doubt(const uint8_t *bytes, size_t count)
{
    if (packed_format(bytes, count) != NULL)
        return "is still packed; expand it first (F03)";
    if (count < NTLDR_BYTES_MIN)
        return "has less than 100 KB, and every NTLDR known has more; copy it again from the root of drive C: (B05)";
    if (count > NTLDR_BYTES_MAX)
        return "has more than 512 KB, which a BIOS boot sector cannot load; is this NTLDR?";
    if (bytes[0] == 'M' && bytes[1] == 'Z')
        return "begins with MZ at offset 0, so it is a program and not NTLDR; give the file NTLDR, not OSLOADER.EXE";
    /* UNVERIFIED before Windows 2000, whose NTLDR begins with E9. */
    if (bytes[0] != 0xE9 && bytes[0] != 0xEB)
        return "does not begin with a jump (E9 or EB at offset 0); copy NTLDR again (B05)";
    if (!has_text(bytes, count, "NTDETECT"))
        return "does not name NTDETECT.COM, which every NTLDR loads; is this NTLDR?";
    return NULL;
}

/* NTLDR plays the kernel for this one driver, but only the part of SCSIPORT.SYS. */
const char *ntbootdd_doubt(const uint8_t *bytes, size_t count)
{
    struct memory_source memory = memory_source(bytes, count);
    struct pe pe;
    char name[PE_NAME_BYTES];
    enum status status = pe_open(&memory.source, &pe);
    if (packed_format(bytes, count) != NULL)
        return "is still packed; expand it first (F03)";
    if (count > NTBOOTDD_BYTES_MAX)
        return "NTLDR cannot load a driver of more than 64 KB; use an older version of this driver (C09)";
    if (status == ST_UNSUPPORTED)
        return "is a driver for another processor; take the one from the folder I386";
    if (status != ST_OK)
        return "is no driver of Windows NT (no PE header); give the SCSI adapter's own .SYS file";
    if (pe.subsystem != PE_SUBSYSTEM_NATIVE)
        return "is a program and not a driver; give the SCSI adapter's own .SYS file";
    for (uint32_t i = 0; (status = pe_import(&pe, i, name)) == ST_OK; i++)
        if (strcasecmp(name, "SCSIPORT.SYS") == 0)
            return NULL;
    if (status != ST_NOT_FOUND)
        return "is a damaged driver: its table of imports leads nowhere; copy it again";
    return "is no SCSI miniport driver: it does not need SCSIPORT.SYS; give the SCSI adapter's own .SYS file";
}

const char *bootsect_doubt(const uint8_t *bytes, size_t count)
{
    if (count == 0 || count % SECTOR_BYTES != 0)
        return "is not a whole number of sectors of 512 bytes; copy it again (B12)";
    if (get_le16(bytes + 510) != 0xAA55)
        return "has no 55 AA at offset 510, so NTLDR will not start it; copy it again (B12)";
    return NULL;
}
