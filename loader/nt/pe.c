/* SPDX-License-Identifier: MIT */
/* PE headers and imports. Sections are looked up one by one in the file, so that no table is held; their count and
 * that of the imports are bounded, so a hostile file costs a few hundred small reads. */
#include "nt/pe.h"

#include "base/bytes.h"

#define MZ_BYTES 64u
#define MZ_PE_OFFSET 0x3Cu
#define PE_SIGNATURE 0x00004550u
#define OPTIONAL 24u /* the optional header, behind signature and COFF header */
#define MAGIC_32 0x10Bu
#define IMPORT_ENTRY (OPTIONAL + 104u) /* the second of the data directories */
#define HEADERS_BYTES (IMPORT_ENTRY + 8u)
#define EXECUTABLE 2u
#define SECTION_BYTES 40u
#define SECTIONS_MAX 96u /* of the specification */
#define DESCRIPTOR_BYTES 20u

static enum status fetch(const struct pe *pe, uint32_t offset, uint32_t bytes, uint8_t *buffer)
{
    struct source *source = pe->source;
    if (offset > source->bytes || bytes > source->bytes - offset)
        return ST_CORRUPT;
    return source->read(source, offset, buffer, bytes);
}

enum status pe_open(struct source *source, struct pe *out)
{
    uint8_t header[HEADERS_BYTES];
    *out = (struct pe){.source = source};
    enum status status = fetch(out, 0, MZ_BYTES, header);
    if (status != ST_OK)
        return status;
    if (get_le16(header) != 0x5A4D)
        return ST_CORRUPT;
    uint32_t offset = get_le32(header + MZ_PE_OFFSET);
    status = fetch(out, offset, HEADERS_BYTES, header);
    if (status != ST_OK)
        return status;
    if (get_le32(header) != PE_SIGNATURE)
        return ST_CORRUPT;
    out->machine = get_le16(header + 4);
    if (out->machine != PE_MACHINE_I386)
        return ST_UNSUPPORTED;
    out->section_count = get_le16(header + 6);
    uint32_t optional_bytes = get_le16(header + 20);
    /* A shorter optional header has no table of imports where it is looked for; NT's linkers never wrote one. */
    if ((header[22] & EXECUTABLE) == 0 || get_le16(header + OPTIONAL) != MAGIC_32 ||
        out->section_count > SECTIONS_MAX || optional_bytes < HEADERS_BYTES - OPTIONAL)
        return ST_CORRUPT;
    out->section_offset = offset + OPTIONAL + optional_bytes;
    out->os_major = get_le16(header + OPTIONAL + 40);
    out->os_minor = get_le16(header + OPTIONAL + 42);
    out->image_major = get_le16(header + OPTIONAL + 44);
    out->image_minor = get_le16(header + OPTIONAL + 46);
    out->subsystem = get_le16(header + OPTIONAL + 68);
    if (get_le32(header + OPTIONAL + 92) > 1)
        out->import_rva = get_le32(header + IMPORT_ENTRY);
    return ST_OK;
}

/* `room` bytes of the loaded image, or fewer where the section ends: `*got`. */
static enum status fetch_rva(const struct pe *pe, uint32_t rva, uint32_t room, uint8_t *buffer, uint32_t *got)
{
    uint8_t section[SECTION_BYTES];
    uint32_t file_bytes = pe->source->bytes;
    for (uint32_t i = 0; i < pe->section_count; i++) {
        enum status status = fetch(pe, pe->section_offset + i * SECTION_BYTES, SECTION_BYTES, section);
        if (status != ST_OK)
            return status;
        uint32_t inside = rva - get_le32(section + 12);
        uint32_t raw_bytes = get_le32(section + 16);
        uint32_t raw_offset = get_le32(section + 20);
        if (inside >= raw_bytes)
            continue;
        if (raw_offset > file_bytes || raw_bytes > file_bytes - raw_offset)
            break; /* the file is cut off, or the sum wraps */
        *got = raw_bytes - inside < room ? raw_bytes - inside : room;
        return fetch(pe, raw_offset + inside, *got, buffer);
    }
    return ST_CORRUPT;
}

enum status pe_import(const struct pe *pe, uint32_t index, char *name)
{
    uint8_t descriptor[DESCRIPTOR_BYTES];
    uint32_t got = 0;
    if (pe->import_rva == 0)
        return ST_NOT_FOUND;
    if (index >= PE_IMPORTS_MAX)
        return ST_CORRUPT;
    enum status status = fetch_rva(pe, pe->import_rva + index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES, descriptor, &got);
    if (status != ST_OK)
        return status;
    if (got < DESCRIPTOR_BYTES)
        return ST_CORRUPT;
    uint32_t name_rva = get_le32(descriptor + 12);
    if (name_rva == 0 || get_le32(descriptor + 16) == 0)
        return ST_NOT_FOUND;
    status = fetch_rva(pe, name_rva, PE_NAME_BYTES, (uint8_t *)name, &got);
    for (uint32_t i = 0; status == ST_OK && i < got; i++) {
        char letter = name[i];
        if (letter == '\0' && i > 0)
            return ST_OK;
        /* It becomes a path of a file that is read: no folder may slip in. */
        if (letter <= ' ' || letter > '~' || letter == '\\' || letter == '/' || letter == ':')
            break;
    }
    return status != ST_OK ? status : ST_CORRUPT;
}
