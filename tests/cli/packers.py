# SPDX-License-Identifier: MIT
"""Writers of packed files, by the published formats (cabinet: [MS-CAB] and [MS-MCI]; SZDD and KWAJ: the description of
libmspack's author). They pack badly, and share nothing with the library that expands. Deflate is zlib's.

Owns no file: bytes in, bytes out.
"""
import struct
import zlib

WINDOW = 4096
RUN_MAX = 18
BLOCK = 32768
NONE, XOR, LZSS, LZH, MSZIP = range(5)  # of KWAJ
STORED, ZIP, LZX = 0, 1, 0x0F03  # of a cabinet: LZX with a window of 2^15


def lzss(data, start):
    """Flag bytes, least bit first: 1 a letter, 0 a place in the ring of 4096 bytes (spaces at first) and a length."""
    out, ring, at, n = bytearray(), bytearray(b' ' * WINDOW), start, 0
    places = {}
    while n < len(data):
        flags, group = 0, bytearray()
        for bit in range(8):
            if n >= len(data):
                break
            length, place = longest(data, n, places, ring, at)
            if length >= 3:
                group += bytes((place & 0xFF, place >> 4 & 0xF0 | length - 3))
            else:
                length = 1
                flags |= 1 << bit
                group.append(data[n])
            for letter in data[n:n + length]:
                ring[at] = letter
                places[bytes(ring[(at - k) % WINDOW] for k in (2, 1, 0))] = (at - 2) % WINDOW
                at = (at + 1) % WINDOW
            n += length
        out.append(flags)
        out += group
    return bytes(out)


def longest(data, n, places, ring, at):
    place = places.get(data[n:n + 3])
    if place is None:
        return 0, 0
    length = 0
    while length < min(RUN_MAX, len(data) - n):
        here = (place + length) % WINDOW
        if here == at or ring[here] != data[n + length]:  # what is being written is not there yet
            break
        length += 1
    return length, place


def szdd(data, length=None, missing=b'r'):
    size = len(data) if length is None else length
    return b'SZDD\x88\xf0\x27\x33A' + missing + struct.pack('<I', size) + lzss(data, WINDOW - 16)


def lzh(data):
    """Only letters, in runs of 32; all trees (five, and a sixth for alignment) have codes of one length."""
    bits = '0000' * 6
    table = 4  # bits of the tree that a run's beginning is coded with
    for n in range(0, len(data), 32):
        run = data[n:n + 32]
        bits += '0' * table + format(len(run) - 1, '05b') + ''.join(format(letter, '08b') for letter in run)
    bits += '0' * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, 'big')


def mszip_blocks(data, level=9):
    """(packed, how much it holds) for each block; a block may refer to the one before it."""
    for n in range(0, len(data), BLOCK):
        before = data[max(0, n - BLOCK):n]
        packer = zlib.compressobj(level, zlib.DEFLATED, -15, zdict=before) if before else \
            zlib.compressobj(level, zlib.DEFLATED, -15)
        part = data[n:n + BLOCK]
        yield b'CK' + packer.compress(part) + packer.flush(), len(part)


def kwaj(data, method, length=True, name=b'', extension=b'', text=b''):
    flags, optional = 0, b''
    if length is not False:
        flags |= 1
        optional += struct.pack('<I', len(data) if length is True else length)
    if name:
        flags |= 8
        optional += name + b'\0'
    if extension:
        flags |= 16
        optional += extension + b'\0'
    if text:
        flags |= 32
        optional += struct.pack('<H', len(text)) + text
    body = {NONE: lambda: data, XOR: lambda: bytes(letter ^ 0xFF for letter in data),
            LZSS: lambda: lzss(data, WINDOW - 18), LZH: lambda: lzh(data),
            MSZIP: lambda: b''.join(struct.pack('<H', len(block)) + block for block, _ in mszip_blocks(data)) +
            b'\0\0'}[method]()
    return b'KWAJ\x88\xf0\x27\xd1' + struct.pack('<HHH', method, 14 + len(optional), flags) + optional + body


def lzx_blocks(data):
    """One block of the kind that is not packed: its type and length, 16 bits at a time, and three old places."""
    bits = format(3 << 24 | len(data), '028b') + '0000'
    head = b''.join(struct.pack('<H', int(bits[n:n + 16], 2)) for n in (0, 16)) + struct.pack('<III', 1, 1, 1)
    for n in range(0, len(data), BLOCK):
        part = data[n:n + BLOCK]
        yield (head if n == 0 else b'') + part, len(part)


def stored_blocks(data):
    for n in range(0, len(data), BLOCK):
        yield data[n:n + BLOCK], len(data[n:n + BLOCK])


def checksum(data, seed):
    """Of a cabinet's block: words XORed together, and what is left of the last one from its high end."""
    whole = len(data) // 4 * 4
    for (word,) in struct.iter_unpack('<I', data[:whole]):
        seed ^= word
    rest = data[whole:]
    return seed ^ int.from_bytes(rest, 'big')


def cabinet(members, method=ZIP, flags=0, lengths=None):
    """A cabinet of one folder; `members` are (name, data). `lengths` overrides what the headers say."""
    whole = b''.join(data for _, data in members)
    blocks = list({ZIP: mszip_blocks, LZX: lzx_blocks}.get(method, stored_blocks)(whole))
    links = (b'A.CAB\0disk\0' if flags & 1 else b'') + (b'Z.CAB\0disk\0' if flags & 2 else b'')
    files, offset = b'', 0
    for index, (name, data) in enumerate(members):
        size = lengths[index] if lengths else len(data)
        folder = 0xFFFE if flags & 2 else 0  # the last file goes on in the next cabinet
        files += struct.pack('<IIHHHH', size, offset, folder, 0x2821, 0, 0x20) + name.encode() + b'\0'
        offset += len(data)
    files_at = 36 + len(links) + 8
    data_at = files_at + len(files)
    body = b''
    for block, size in blocks:
        head = struct.pack('<HH', len(block), size)
        body += struct.pack('<I', checksum(head, checksum(block, 0))) + head + block
    return (b'MSCF' + struct.pack('<IIIIIBBHHHHH', 0, data_at + len(body), 0, files_at, 0, 3, 1, 1, len(members), flags,
                                  7, 0) + links + struct.pack('<IHH', data_at, len(blocks), method) + files + body)
