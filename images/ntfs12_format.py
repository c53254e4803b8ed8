# SPDX-License-Identifier: MIT
"""The structures of NTFS 1.2 as bytes, for ntfs12.py: records, attributes, run lists, index entries, $AttrDef, $LogFile
and 8.3 names. Knows nothing of where on a volume they lie.
"""
import dataclasses
import struct

SECTOR = 512
INDEX_BLOCK = 4096
WHEN = (820454400 + 11644473600) * 10**7  # FILETIME: 1 January 1996, of everything
SYSTEM_RECORDS = 16
ROOT = 5

# attribute types
STANDARD_INFORMATION, FILE_NAME, SECURITY_DESCRIPTOR = 0x10, 0x30, 0x50
VOLUME_NAME, VOLUME_INFORMATION, DATA = 0x60, 0x70, 0x80
INDEX_ROOT, INDEX_ALLOCATION, BITMAP = 0x90, 0xA0, 0xB0

# file attributes
HIDDEN, SYSTEM, ARCHIVE, HAS_I30 = 0x02, 0x04, 0x20, 0x10000000

# name spaces
WIN32, DOS, WIN32_AND_DOS = 1, 2, 3

# label, type, flags (02h indexed, 40h always resident, 80h may be non-resident), smallest and largest size
ATTRIBUTES = (
    ('$STANDARD_INFORMATION', 0x10, 0x40, 48, 48), ('$ATTRIBUTE_LIST', 0x20, 0x80, 0, -1),
    ('$FILE_NAME', 0x30, 0x42, 68, 578), ('$VOLUME_VERSION', 0x40, 0x40, 8, 8),
    ('$SECURITY_DESCRIPTOR', 0x50, 0x80, 0, -1), ('$VOLUME_NAME', 0x60, 0x40, 2, 256),
    ('$VOLUME_INFORMATION', 0x70, 0x40, 12, 12), ('$DATA', 0x80, 0, 0, -1), ('$INDEX_ROOT', 0x90, 0x40, 0, -1),
    ('$INDEX_ALLOCATION', 0xA0, 0x80, 0, -1), ('$BITMAP', 0xB0, 0x80, 0, -1), ('$SYMBOLIC_LINK', 0xC0, 0x80, 0, -1),
    ('$EA_INFORMATION', 0xD0, 0x40, 8, 8), ('$EA', 0xE0, 0, 0, 65536))

UPCASE = [ord(up) if len(up := chr(unit).upper()) == 1 and ord(up) < 0x10000 and not 0xD800 <= unit < 0xE000 else unit
          for unit in range(0x10000)]


def align(value, unit):
    return -(-value // unit) * unit


def utf16(text):
    return text.encode('utf-16-le', 'surrogatepass')


def units(text):
    return struct.unpack('<%dH' % (len(utf16(text)) // 2), utf16(text))


def collation_key(name):
    """The order of names in a directory: as upper case, and only then as they are."""
    return [UPCASE[unit] for unit in units(name)], units(name)


def protect(block, array_offset, number=1):
    """Multi-sector protection: the last word of each sector moves into the update sequence array at `array_offset`, and
    its number takes that place."""
    block = bytearray(block)
    struct.pack_into('<H', block, array_offset, number)
    for index in range(len(block) // SECTOR):
        last = (index + 1) * SECTOR - 2
        block[array_offset + 2 + 2 * index:array_offset + 4 + 2 * index] = block[last:last + 2]
        struct.pack_into('<H', block, last, number)
    return bytes(block)


def mapping_pairs(runs):
    """The run list on disk: a byte with the two lengths, the length, the distance from the run before; signed numbers.
    A hole, LCN None, has no distance."""
    out, before = b'', 0
    for lcn, length in runs:
        count = length.to_bytes(length.bit_length() // 8 + 1, 'little', signed=True)
        delta = b''
        if lcn is not None:
            distance, before = lcn - before, lcn
            size = (distance if distance >= 0 else ~distance).bit_length() // 8 + 1
            delta = distance.to_bytes(size, 'little', signed=True)
        out += bytes([len(delta) << 4 | len(count)]) + count + delta
    return out + b'\0'


@dataclasses.dataclass
class Attribute:
    """A record's attribute, without its instance number, which the record gives it."""
    type: int
    name: str = ''
    value: bytes = b''         # if resident
    indexed: int = 0           # 1: it stands in a directory
    runs: list | None = None   # if not
    sizes: tuple = (0, 0, 0)   # allocated, data, initialized

    def pack(self, instance):
        name = utf16(self.name)
        header = 0x18 if self.runs is None else 0x40
        start = align(header + len(name), 8)
        if self.runs is None:
            body = self.value
            rest = struct.pack('<IHBB', len(body),  # 10h value length
                               start,               # 14h value offset
                               self.indexed, 0)     # 16h indexed flag
        else:
            body = mapping_pairs(self.runs)
            clusters = sum(length for _, length in self.runs)
            rest = struct.pack('<qqHBx4xQQQ', 0,       # 10h first VCN
                               clusters - 1,           # 18h last VCN
                               start,                  # 20h offset of the run list
                               0,                      # 22h compression unit
                               *self.sizes)            # 28h allocated, 30h data, 38h initialized size
        length = align(start + len(body), 8)
        head = struct.pack('<IIBBHHH', self.type,      # 00h type
                           length,                     # 04h length
                           self.runs is not None,      # 08h non-resident flag
                           len(name) // 2,             # 09h name length
                           header,                     # 0Ah name offset
                           0,                          # 0Ch flags: neither compressed nor sparse
                           instance)                   # 0Eh instance number
        return ((head + rest + name).ljust(start, b'\0') + body).ljust(length, b'\0')


def record(number, attributes, record_bytes, in_use=True, directory=False, lsn=0):
    """An MFT record."""
    array = 0x2A
    first = align(array + 2 * (record_bytes // SECTOR + 1), 8)
    attributes = sorted(attributes, key=lambda attribute: (attribute.type, attribute.name))
    body = b''.join(attribute.pack(instance) for instance, attribute in enumerate(attributes))
    used = first + len(body) + 8
    if used > record_bytes:
        raise ValueError('MFT record %d would need %d bytes: too fragmented, or a name too many' % (number, used))
    links = sum(attribute.type == FILE_NAME for attribute in attributes)
    head = struct.pack('<4sHHQHHHHIIQH', b'FILE',
                       array,                      # 04h offset of the update sequence array
                       record_bytes // SECTOR + 1,  # 06h words in it
                       lsn,                        # 08h $LogFile sequence number
                       sequence(number),           # 10h sequence number
                       links,                      # 12h hard links
                       first,                      # 14h offset of the first attribute
                       in_use | directory << 1,    # 16h flags
                       used,                       # 18h bytes in use
                       record_bytes,               # 1Ch bytes allocated
                       0,                          # 20h base record
                       len(attributes))            # 28h next instance number
    raw = head.ljust(first, b'\0') + body + struct.pack('<II', 0xFFFFFFFF, 0)
    return protect(raw.ljust(record_bytes, b'\0'), array)


def sequence(number):
    return number if 0 < number < SYSTEM_RECORDS else 1


def reference(number):
    return sequence(number) << 48 | number


def standard_information(flags):
    return struct.pack('<4QI12x', WHEN, WHEN, WHEN, WHEN, flags & 0xFFFF)  # 00h four times, 20h flags: 48 bytes


def security_descriptor():
    """Self-relative: the administrators own it, everyone may do all."""
    everyone = struct.pack('<BB6sI', 1, 1, b'\0\0\0\0\0\1', 0)
    administrators = struct.pack('<BB6sII', 1, 2, b'\0\0\0\0\0\5', 32, 544)
    ace = struct.pack('<BBHI', 0, 3, 8 + len(everyone), 0x1F01FF) + everyone
    acl = struct.pack('<BBHHH', 2, 0, 8 + len(ace), 1, 0) + ace
    head = struct.pack('<BBHIIII', 1, 0, 0x8004, 20 + len(acl), 20 + len(acl) + len(administrators), 0, 20)
    return head + acl + administrators * 2


def attribute_table():
    """$AttrDef: 160 bytes an attribute, and zeros to 2560."""
    return b''.join(struct.pack('<128sIIIIqq', utf16(label), kind, 0, int(kind == FILE_NAME), flags, least, most)
                    for label, kind, flags, least, most in ATTRIBUTES).ljust(2560, b'\0')


def log_file(size, lsn, clean):
    """FFh throughout, as a fresh $LogFile; with an LSN, two equal restart pages at its begin."""
    if lsn is None:
        return b'\xFF' * size
    area = struct.pack('<QHHHHIHHQIHHI4x', lsn,           # 00h current LSN
                       1, 0xFFFF, 0,                      # 08h clients, 0Ah first free one, 0Ch first one in use
                       2 if clean else 0,                 # 0Eh 2: the volume is clean
                       67 - size.bit_length(),            # 10h bits of the sequence number in an LSN
                       0x30 + 0xA0, 0x30,                 # 14h length of this area, 16h offset of the clients
                       size, 0,                           # 18h size of the file, 20h length of the last record
                       0x30, 0x40,                        # 24h length of a record's header, 26h page data offset
                       1)                                 # 28h how often the log was opened
    client = struct.pack('<QQHHH6xI128s', lsn, lsn, 0xFFFF, 0xFFFF, 0, 8, utf16('NTFS'))
    head = struct.pack('<4sHHQIIHhh', b'RSTR', 0x1E, 9,   # 04h update sequence array, 06h words in it
                       0,                                 # 08h LSN of a check disk run
                       4096, 4096,                        # 10h system page size, 14h log page size
                       0x30,                              # 18h offset of the restart area
                       1, 1)                              # 1Ah minor, 1Ch major version
    page = protect((head.ljust(0x30, b'\0') + area + client).ljust(4096, b'\0'), 0x1E)
    return (page * 2).ljust(size, b'\xFF')


# ---- directories ----

def index_entry(number, key):
    """An entry of a directory that nothing is below."""
    length = align(0x10 + len(key), 8)
    head = struct.pack('<QHHHH', reference(number), length, len(key), 0, 0)  # 00h file, 08h, 0Ah lengths, 0Ch flags
    return (head + key).ljust(length, b'\0')


def with_child(entry, vcn):
    """The same with a block below it: flag 1, and its VCN in the last eight bytes."""
    entry = bytearray(entry) + struct.pack('<Q', vcn)
    struct.pack_into('<HHH', entry, 8, len(entry), struct.unpack_from('<H', entry, 10)[0], 1)
    return bytes(entry)


def index_end(child=None):
    """The entry that ends a node: flag 2, no key."""
    return struct.pack('<QHHHH', 0, 0x18 if child else 0x10, 0, 3 if child else 2, 0) + (child or b'')


# ---- names ----

def is_short(name):
    base, dot, extension = name.partition('.')
    fine = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()-@^_`{}~")
    return (0 < len(base) <= 8 and len(extension) <= 3 and bool(extension) == bool(dot)
            and set((base + extension).upper()) <= fine and name.isascii())


def short_name(name, taken):
    """LONGNA~1.TXT, as yet unused in the directory."""
    base, _, extension = name.rpartition('.') if '.' in name.strip('.') else (name, '', '')
    base, extension = (''.join(letter if letter.isascii() and (letter.isalnum() or letter in '_-') else '_'
                               for letter in part.upper() if letter not in ' .') for part in (base, extension))
    for count in range(1, 1000000):
        tail = '~%d' % count
        short = base[:min(6, 8 - len(tail))] + tail + ('.' + extension[:3] if extension else '')
        if short not in taken:
            taken.add(short)
            return short
    raise ValueError('no short name left for ' + name)
