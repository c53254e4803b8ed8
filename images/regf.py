#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Registry hives from nested dicts, and the SYSTEM.LOG that belongs to an interrupted write.

Owns the container (format 1.1 to 1.5, public documentation of libregf and of msuhanov/regf) and what the hives of a
fresh NT hold. Shares nothing with the loader's reader, so that it can bear witness against it; hivex and reglookup
read what it makes. A hive comes out the same byte for byte every time.

    hive = regf.build({'Select': {'Current': regf.dword(1)}, 'DISK': {'Information': regf.binary(info)}}, minor=3)
"""
import dataclasses
import struct

NONE, SZ, EXPAND_SZ, BINARY, DWORD, DWORD_BE, LINK, MULTI_SZ = range(8)
PAGE = 512
BLOCK = 4096
SEGMENT = 16344
NOTHING = 0xFFFFFFFF
WRITTEN = 125_331_840_000_000_000  # 1998-03-01 00:00 UTC, as a FILETIME
# Owner: Administrators; group: SYSTEM; everyone may do everything.
SECURITY = (struct.pack('<BBHIIII', 1, 0, 0x8004, 20, 36, 0, 48) + bytes.fromhex('01020000000000052000000020020000')
            + bytes.fromhex('010100000000000512000000') + struct.pack('<BBHHH', 2, 0, 28, 1, 0)
            + struct.pack('<BBHI', 0, 0, 20, 0xF003F) + bytes.fromhex('010100000000000100000000'))


@dataclasses.dataclass(frozen=True)
class Value:
    type: int
    data: bytes


def utf16(text):
    return text.encode('utf-16-le', 'surrogatepass')


def sz(text):
    return Value(SZ, utf16(text + '\0'))


def expand_sz(text):
    return Value(EXPAND_SZ, utf16(text + '\0'))


def multi_sz(texts):
    return Value(MULTI_SZ, utf16(''.join(text + '\0' for text in texts) + '\0'))


def dword(number):
    return Value(DWORD, struct.pack('<I', number))


def binary(data):
    return Value(BINARY, bytes(data))


def checksum(block):
    """Of a base block: 508 bytes, XORed; 0 and -1 are never used."""
    total = 0
    for word in struct.unpack('<127I', block[:508]):
        total ^= word
    return {0: 1, NOTHING: NOTHING - 1}.get(total, total)


def seal(block):
    """A base block (or a whole file) with its checksum made right."""
    return block[:508] + struct.pack('<I', checksum(block)) + block[512:]


def base_block(minor, root, data_bytes, sequence, written, name, kind=0):
    block = struct.pack('<4sIIQIIIIIII', b'regf', sequence[0], sequence[1], written, 1, minor, kind, 1, root,
                        data_bytes, 1) + utf16(name)[-64:].ljust(64, b'\0')
    return seal(block.ljust(BLOCK, b'\0'))


def upper(name):
    """The UTF-16 units of a name in upper case, by which NT sorts and compares."""
    letters = ''.join(letter.upper() if len(letter.upper()) == 1 else letter for letter in name)
    return struct.unpack(f'<{len(utf16(letters)) // 2}H', utf16(letters))


def name_hash(name):
    total = 0
    for unit in upper(name):
        total = (total * 37 + unit) & 0xFFFFFFFF
    return total


class Bins:
    """Cells in bins. `gaps` leaves a deleted cell before every gaps-th one."""

    def __init__(self, minor, gaps, written):
        self.head = 8 if minor == 1 else 4
        self.align = 16 if minor == 1 else 8
        self.gaps, self.written = gaps, written
        self.data = bytearray()
        self.bin_at = self.bin_end = self.at = self.cells = 0
        self.last = NOTHING

    def close(self):
        if self.at < self.bin_end:
            self._header(self.bin_end - self.at, used=False)

    def _header(self, size, used):
        struct.pack_into('<i', self.data, self.at, -size if used else size)
        if self.head == 8:
            struct.pack_into('<I', self.data, self.at + 4, self.last)
            self.last = self.at - self.bin_at

    def _bin(self, size):
        self.close()
        self.bin_at = len(self.data)
        length = -(-(size + 32) // BLOCK) * BLOCK
        written = self.written if self.bin_at == 0 else 0
        self.data += struct.pack('<4sIIIIQI', b'hbin', self.bin_at, length, 0, 0, written, 0).ljust(length, b'\0')
        self.at, self.bin_end, self.last = self.bin_at + 32, self.bin_at + length, NOTHING

    def _room(self, size):
        if self.at + size > self.bin_end:
            self._bin(size)

    def add(self, contents):
        """A cell in use. Returns its offset."""
        self.cells += 1
        if self.gaps and self.cells % self.gaps == 0:
            self._room(64)
            self._header(64, used=False)
            self.data[self.at + self.head:self.at + 64] = b'nk deleted '.ljust(64 - self.head, b'\xDD')
            self.at += 64
        size = -(-(len(contents) + self.head) // self.align) * self.align
        self._room(size)
        offset = self.at
        self._header(size, used=True)
        self.data[offset + self.head:offset + self.head + len(contents)] = contents
        self.at += size
        return offset

    def set(self, offset, contents):
        self.data[offset + self.head:offset + self.head + len(contents)] = contents


@dataclasses.dataclass
class Writer:
    bins: Bins
    minor: int
    lists: str
    leaf_max: int
    wide_names: bool
    security: int = NOTHING

    def name(self, text):
        """Bytes and whether they are one for each character."""
        if not self.wide_names:
            try:
                return text.encode('latin-1'), True
            except UnicodeEncodeError:
                pass
        return utf16(text), False

    def leaf(self, entries):
        packed = b''
        for name, offset in entries:
            hint = b''
            if self.lists == 'lf':
                hint = name[:4].encode('latin-1', 'ignore').ljust(4, b'\0')
            elif self.lists == 'lh':
                hint = struct.pack('<I', name_hash(name))
            packed += struct.pack('<I', offset) + hint
        return self.bins.add(struct.pack('<2sH', self.lists.encode(), len(entries)) + packed)

    def list(self, entries):
        if not entries:
            return NOTHING
        entries = sorted(entries, key=lambda entry: upper(entry[0]))
        if len(entries) <= self.leaf_max:
            return self.leaf(entries)
        leaves = [self.leaf(entries[at:at + self.leaf_max]) for at in range(0, len(entries), self.leaf_max)]
        return self.bins.add(struct.pack('<2sH', b'ri', len(leaves)) + struct.pack(f'<{len(leaves)}I', *leaves))

    def data(self, contents):
        if self.minor >= 4 and len(contents) > SEGMENT:
            # NT's segments have four bytes more than their data; hivex counts on it.
            parts = [self.bins.add(contents[at:at + SEGMENT] + bytes(4)) for at in range(0, len(contents), SEGMENT)]
            where = self.bins.add(struct.pack(f'<{len(parts)}I', *parts))
            return self.bins.add(struct.pack('<2sHI', b'db', len(parts), where))
        return self.bins.add(contents)

    def value(self, text, value):
        name, narrow = self.name(text)
        size = len(value.data)
        if size <= 4:
            place, = struct.unpack('<I', value.data.ljust(4, b'\0'))
            size |= 0x80000000
        else:
            place = self.data(value.data)
        return self.bins.add(struct.pack('<2sHIIIHH', b'vk', len(name), size, place, value.type, narrow, 0) + name)

    def key(self, text, tree, parent, written):
        name, narrow = self.name(text)
        offset = self.bins.add(b'nk'.ljust(76 + len(name), b'\0'))
        if self.security == NOTHING:
            self.security = self.bins.add(bytes(20 + len(SECURITY)))
        values = {key: item for key, item in tree.items() if isinstance(item, Value)}
        keys = {key: item for key, item in tree.items() if not isinstance(item, Value)}
        cells = [self.value(key, item) for key, item in values.items()]
        value_list = self.bins.add(struct.pack(f'<{len(cells)}I', *cells)) if cells else NOTHING
        below = [(key, self.key(key, item, offset, written)) for key, item in keys.items()]
        flags = (0x20 if narrow else 0) | (0x0C if parent is None else 0)
        self.bins.set(offset, struct.pack(
            '<2sHQIIIIIIIIIIIIIIIHH', b'nk', flags, written, 0, parent or 0, len(below), 0, self.list(below), NOTHING,
            len(cells), value_list, self.security, NOTHING, max([len(utf16(key)) for key in keys], default=0), 0,
            max([len(utf16(key)) for key in values], default=0),
            max([len(item.data) for item in values.values()], default=0), 0, len(name), 0) + name)
        return offset

    def close(self, keys):
        self.bins.set(self.security, struct.pack('<2sHIIII', b'sk', 0, self.security, self.security, keys,
                                                 len(SECURITY)) + SECURITY)
        self.bins.close()


def count_keys(tree):
    return 1 + sum(count_keys(item) for item in tree.values() if not isinstance(item, Value))


def build(tree, minor=3, lists=None, leaf_max=500, wide_names=False, gaps=0, sequence=(7, 7), written=WRITTEN,
          name='SYSTEM', root_name='$$$PROTO.HIV', bins_bytes=0):
    """A hive of `tree`: a dict is a key, a Value a value. `lists` is li, lf or lh (None: what the version uses); more
    than `leaf_max` subkeys make an index root (ri). `gaps` strews deleted cells. `bins_bytes`: at least so many."""
    lists = lists or ('li' if minor < 3 else 'lf' if minor < 5 else 'lh')
    writer = Writer(Bins(minor, gaps, written), minor, lists, leaf_max, wide_names)
    root = writer.key(root_name, tree, None, written)
    writer.close(count_keys(tree))
    while len(writer.bins.data) < bins_bytes:
        writer.bins._bin(0)
        writer.bins.close()
    data = bytes(writer.bins.data)
    return base_block(minor, root, len(data), sequence, written, name) + data


def log(before, after, sequence, written=None, kind=1):
    """The SYSTEM.LOG of the write that leads from hive `before` to hive `after`: all blocks in which they differ."""
    data = after[BLOCK:]
    blocks = [at for at in range(0, len(data), BLOCK) if data[at:at + BLOCK] != before[BLOCK + at:BLOCK + at + BLOCK]]
    bitmap = bytes(0xFF if at in blocks else 0 for at in range(0, len(data), BLOCK))
    head = bytearray(after[:PAGE])
    struct.pack_into('<II', head, 4, sequence, sequence)
    struct.pack_into('<I', head, 28, kind)
    if written is not None:
        struct.pack_into('<Q', head, 12, written)
    vector = (b'DIRT' + bitmap).ljust(-(-(4 + len(bitmap)) // PAGE) * PAGE, b'\0')
    return seal(bytes(head)) + vector + b''.join(data[at:at + BLOCK] for at in blocks)


def interrupted(before, after, done, counts_log=True):
    """What a power cut leaves: (hive, log). The log is complete; the hive is marked, and of its changed 512-byte pages
    the first `done` are new. `counts_log`: the log took a sequence number of its own, as up to Windows XP."""
    old = struct.unpack_from('<I', before, 4)[0]
    hive = bytearray(after[:BLOCK] + before[BLOCK:].ljust(len(after) - BLOCK, b'\0'))
    struct.pack_into('<II', hive, 4, old + 1 + counts_log, old + counts_log)
    for at in range(BLOCK, len(after), PAGE):
        if done and hive[at:at + PAGE] != after[at:at + PAGE]:
            hive[at:at + PAGE] = after[at:at + PAGE]
            done -= 1
    return seal(bytes(hive)), log(before, after, old + 1)


def service(start, kind=1, group=None, path=None):
    tree = {'ErrorControl': dword(1), 'Start': dword(start), 'Type': dword(kind)}
    if group:
        tree['Group'] = sz(group)
    if path:
        tree['ImagePath'] = expand_sz(path)
    return tree


def services(more=()):
    known = {
        'Abiosdsk': service(4, group='Primary disk'),
        'Atapi': service(0, group='SCSI miniport', path='System32\\DRIVERS\\atapi.sys'),
        'Atdisk': service(4, group='Primary disk'),
        'Beep': service(1, group='Base'),
        'Disk': service(0, group='SCSI Class'),
        'Fastfat': service(4, 2, 'Boot file system'),
        'Floppy': service(1, group='Primary disk'),
        'Ftdisk': service(0, group='Filter'),
        'Ntfs': service(4, 2, 'File system'),
        'Null': service(1, group='Base'),
    }
    known.update(more)
    return known


def control_set(product, codepage, oem, more_services):
    return {
        'Control': {
            'CurrentUser': sz('USERNAME'),
            'SystemStartOptions': sz(''),
            'ComputerName': {'ComputerName': {'ComputerName': sz('LABSERVER')}},
            'Nls': {
                'CodePage': {'ACP': sz(str(codepage)), 'OEMCP': sz(str(oem)), 'MACCP': sz('10000'),
                             str(codepage): sz(f'c_{codepage}.nls'), str(oem): sz(f'c_{oem}.nls'),
                             '10000': sz('c_10000.nls'), 'OEMHAL': sz('vgaoem.fon')},
                'Language': {'Default': sz('0409'), '0409': sz('l_intl.nls'), 'InstallLanguage': sz('0409')},
            },
            'ProductOptions': {'ProductType': sz(product)},
            'ServiceGroupOrder': {'List': multi_sz(['System Bus Extender', 'SCSI miniport', 'port', 'Primary disk',
                                                    'SCSI class', 'SCSI CDROM class', 'filter', 'boot file system',
                                                    'Base', 'Pointer Port', 'Keyboard Port', 'Pointer Class',
                                                    'Keyboard Class', 'Video Init', 'Video', 'Video Save',
                                                    'file system', 'Event log', 'Streams Drivers', 'NDIS', 'TDI'])},
            'Session Manager': {'BootExecute': multi_sz(['autocheck autochk *']),
                                'Memory Management': {'PagingFiles': multi_sz(['C:\\pagefile.sys 64 128'])}},
        },
        'Enum': {},
        'Hardware Profiles': {'0001': {}},
        'Services': services(more_services),
    }


def system_tree(information=None, current=1, control_sets=(1, 2), product='ServerNT', codepage=1252, oem=437,
                more_services=(), mounted=None):
    """The keys of a SYSTEM hive. `mounted`: the values of MountedDevices (Windows 2000), a dict of name to bytes."""
    tree = {f'ControlSet{number:03}': control_set(product, codepage, oem, more_services) for number in control_sets}
    tree['Select'] = {'Current': dword(current), 'Default': dword(current), 'Failed': dword(0),
                      'LastKnownGood': dword(control_sets[-1])}
    tree['Setup'] = {'CmdLine': sz('setup -newsetup'), 'SetupType': dword(0), 'SystemSetupInProgress': dword(0),
                     'SystemPartition': sz('\\Device\\Harddisk0\\Partition1')}
    tree['DISK'] = {'\\Device\\CdRom0': sz('E:')}
    if information is not None:
        tree['DISK']['Information'] = binary(information)
    if mounted is not None:
        tree['MountedDevices'] = {name: binary(data) for name, data in mounted.items()}
    return tree


def system_hive(information=None, minor=3, sequence=(7, 7), written=WRITTEN, lists=None, bins_bytes=0, **tree):
    """A SYSTEM hive as NT 4.0 has it (minor=5: Windows XP). The other arguments are those of system_tree()."""
    return build(system_tree(information, **tree), minor, lists, sequence=sequence, written=written, name='SYSTEM',
                 bins_bytes=bins_bytes)


def software_hive(version='4.0', build_number='1381', csd='Service Pack 6', product=None, root='C:\\WINNT', minor=3,
                  sequence=(9, 9), written=WRITTEN):
    """A SOFTWARE hive with what names the NT. `product` is ProductName, which Windows 2000 and later have."""
    current = {'CurrentBuild': sz('1.511.1 () (Obsolete data - do not use)'), 'CurrentBuildNumber': sz(build_number),
               'CurrentType': sz('Uniprocessor Free'), 'CurrentVersion': sz(version), 'SystemRoot': sz(root),
               'RegisteredOwner': sz('Lab'), 'SoftwareType': sz('SYSTEM')}
    if csd:
        current['CSDVersion'] = sz(csd)
    if product:
        current['ProductName'] = sz(product)
    tree = {'Classes': {}, 'Microsoft': {'Windows': {'CurrentVersion': {}}, 'Windows NT': {'CurrentVersion': current}},
            'Program Groups': {}, 'Secure': {}}
    return build(tree, minor, sequence=sequence, written=written, name='SOFTWARE')


if __name__ == '__main__':
    import sys
    sys.stdout.buffer.write(system_hive())
