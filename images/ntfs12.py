#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An NTFS 1.2 volume as Windows NT 4 formats it (or, with middle=True, as NT 3.x does), which no current tool makes.

Owns the on-disk layout of such a volume; knows nothing of the project's own code, so that it can bear witness against
it. tests/diff/test_ntfs.py has ntfs-3g's tools read each volume back byte for byte.

The recipe, after the Linux-NTFS documentation and nt-facts 8. All numbers are little-endian.

* Sectors are 512 bytes, clusters 512 bytes to 64 KB, MFT records 1 KB, index blocks 4 KB. The boot sector counts one
  sector less than the partition has; the last one holds the backup boot sector (NT 4). NT 3.x keeps the backup in the
  middle of the volume; the cluster it lies in is given to $Boot as a second piece.
* From the volume's begin: $Boot (16 sectors), $MFT, its $BITMAP, $LogFile, the other metafiles, directories and files,
  each behind the other. $MFTMirr, a copy of the first four records, lies in the middle of the volume.
* MFT records: 0 $MFT, 1 $MFTMirr, 2 $LogFile, 3 $Volume, 4 $AttrDef, 5 the root, 6 $Bitmap, 7 $Boot, 8 $BadClus,
  9 $Quota, 10 $UpCase, 11 to 15 reserved (in use, without a name), 16 to 23 free, files and directories from 24 on.
* What tells 1.2 from 3.x: $VOLUME_INFORMATION says so; $STANDARD_INFORMATION has 48 bytes; each file carries its own
  $SECURITY_DESCRIPTOR; there is no $Secure and no $Extend; the update sequence array of a record stands at 2Ah.
* A name that is a legal 8.3 name, whatever its case, is stored once (name space Win32 and DOS); any other twice, the
  second time as a DOS name such as LONGNA~1.TXT. Both stand in the directory.
* A directory's index is a B-tree that is sorted by the names as $UpCase maps them: in $INDEX_ROOT if it fits the
  record, else in index blocks under it, on as many levels as it takes.

    python3 images/ntfs12.py IMAGE SECTORS [NAME=HOSTFILE ...] [--help for the rest]
"""
import argparse
import dataclasses
import os
import random
import struct

from ntfs12_format import (
    ARCHIVE, BITMAP, DATA, DOS, FILE_NAME, HAS_I30, HIDDEN, INDEX_ALLOCATION, INDEX_BLOCK, INDEX_ROOT, ROOT, SECTOR,
    SECURITY_DESCRIPTOR, STANDARD_INFORMATION, SYSTEM, SYSTEM_RECORDS, UPCASE, VOLUME_INFORMATION, VOLUME_NAME, WHEN,
    WIN32, WIN32_AND_DOS, Attribute, align, attribute_table, collation_key, index_end, index_entry, is_short, log_file,
    protect, record, reference, security_descriptor, short_name, standard_information, utf16, with_child)

FIRST_USER_RECORD = 24


@dataclasses.dataclass
class Node:
    """A file or directory and where its contents lie."""
    number: int
    name: str
    parent: int = ROOT
    flags: int = ARCHIVE
    data: bytes | None = None              # None: a directory
    names: list = dataclasses.field(default_factory=list)      # (name, name space)
    children: dict = dataclasses.field(default_factory=dict)   # name -> Node
    attributes: list = dataclasses.field(default_factory=list)
    sizes: tuple = (0, 0)                  # allocated, data

    def file_name(self, name, space):
        return struct.pack('<Q4QQQIIBB', reference(self.parent),  # 00h the directory
                           WHEN, WHEN, WHEN, WHEN,               # 08h created, changed, record changed, read
                           *self.sizes,                          # 28h allocated size, 30h size
                           self.flags, 0,                        # 38h flags, 3Ch size of extended attributes
                           len(utf16(name)) // 2, space) + utf16(name)  # 40h length, 41h name space, 42h name


class Space:
    """Clusters, handed out in order."""

    def __init__(self, clusters):
        self.clusters, self.next, self.runs = clusters, 0, []

    def take_at(self, lcn, count):
        self.runs.append((lcn, count))
        return [(lcn, count)]

    def take(self, count, pieces=1, unit=1):
        """`count` clusters in so many pieces of whole units, in disorder and a free cluster behind each."""
        pieces = max(1, min(pieces, count // unit))
        cuts = [count // unit * index // pieces * unit for index in range(pieces)] + [count]
        order = list(range(pieces))
        random.Random(count).shuffle(order)
        found = {}
        for piece in order:
            found[piece] = self.one(cuts[piece + 1] - cuts[piece])
            self.next += pieces > 1
        return [found[piece] for piece in range(pieces)]

    def one(self, length):
        lcn = self.next
        while True:
            hit = [start + count for start, count in self.runs if lcn < start + count and start < lcn + length]
            if not hit:
                break
            lcn = max(hit)
        if lcn + length > self.clusters:
            raise ValueError('the volume is full')
        self.next = lcn + length
        if self.runs and sum(self.runs[-1]) == lcn:
            self.runs[-1] = (self.runs[-1][0], self.runs[-1][1] + length)
        else:
            self.runs.append((lcn, length))
        return lcn, length


@dataclasses.dataclass
class Options:
    cluster: int = 512          # bytes
    record: int = 1024          # bytes of an MFT record; NT 3.x has larger ones on large clusters
    label: str = 'NT4'
    serial: int = 0x4D4B42444D4B4244
    flags: int = 0              # of $Volume: 1 = dirty
    lsn: int | None = None      # of the restart pages of $LogFile and of every record; None: a log never used
    clean: bool = True          # what the restart pages say
    log_bytes: int = 2 << 20
    hidden: int = 63            # sectors before the volume
    heads: int = 16
    spt: int = 63
    middle: bool = False        # backup boot sector in the middle, as NT 3.x
    fragment: dict = dataclasses.field(default_factory=dict)  # path -> pieces; '$MFT' too


class Volume:
    def __init__(self, image, at, sectors, files, options):
        self.image, self.at, self.sectors, self.options = image, at, sectors, options
        self.cluster = options.cluster
        self.total = sectors if options.middle else sectors - 1
        clusters = self.total * SECTOR // self.cluster
        self.space = Space(clusters)
        self.nodes = {}
        self.contents = []  # (runs, bytes), to be written in the end
        self.add_system()
        self.add_files(files)
        self.place_fixed(clusters)
        self.place_rest(clusters)
        self.write()

    # -- what there is --

    def add_system(self):
        names = ('$MFT', '$MFTMirr', '$LogFile', '$Volume', '$AttrDef', '.', '$Bitmap', '$Boot', '$BadClus', '$Quota',
                 '$UpCase')
        for number, name in enumerate(names):
            self.nodes[number] = Node(number, name, flags=HIDDEN | SYSTEM, data=b'', names=[(name, WIN32_AND_DOS)])
        self.nodes[ROOT].data = None
        self.nodes[ROOT].flags |= HAS_I30
        self.nodes[ROOT].children = {node.name: node for node in self.nodes.values()}

    def add_files(self, files):
        number = FIRST_USER_RECORD
        for path, data in files.items():
            parent = self.nodes[ROOT]
            parts = path.strip('/').split('/')
            for depth, name in enumerate(parts):
                is_file = depth == len(parts) - 1 and not path.endswith('/')
                if name not in parent.children:
                    node = Node(number, name, parent.number, ARCHIVE if is_file else HAS_I30, data if is_file else None)
                    parent.children[name] = self.nodes[number] = node
                    number += 1
                parent = parent.children[name]
        for node in list(self.nodes.values()):
            taken = {name.upper() for name in node.children}
            for child in node.children.values():
                if not child.names and is_short(child.name):
                    child.names = [(child.name, WIN32_AND_DOS)]
                elif not child.names:
                    child.names = [(child.name, WIN32), (short_name(child.name, taken), DOS)]
        self.records = align(number, 8)

    # -- where it lies --

    def clusters(self, size):
        return -(-size // self.cluster)

    def stored(self, node, runs, content, kind=DATA, name='', data_bytes=None):
        """A non-resident attribute; its sizes become the file's if it is the file's contents."""
        size = len(content) if data_bytes is None else data_bytes
        allocated = sum(length for _, length in runs) * self.cluster
        node.attributes.append(Attribute(kind, name, runs=runs, sizes=(allocated, size, size)))
        if kind == DATA and not name:
            node.sizes = allocated, size
        self.contents.append((runs, content))

    def place_fixed(self, clusters):
        """$Boot, $MFT and its mirror, whose places the boot sector tells."""
        boot, mft, mirror = self.nodes[7], self.nodes[0], self.nodes[1]
        middle = clusters // 2
        boot_runs = self.space.take(self.clusters(16 * SECTOR))
        if self.options.middle:
            boot_runs += self.space.take_at(self.total // 2 * SECTOR // self.cluster, 1)
        mirror_runs = self.space.take_at(middle + 1, self.clusters(4 * self.options.record))
        unit = max(1, self.options.record // self.cluster)
        mft_runs = self.space.take(self.clusters(self.records * self.options.record),
                                   self.options.fragment.get('$MFT', 1), unit)
        self.boot = self.boot_sector(mft_runs[0][0], mirror_runs[0][0])
        self.stored(boot, boot_runs, self.boot.ljust(16 * SECTOR, b'\0'),
                    data_bytes=16 * SECTOR + self.cluster * self.options.middle)
        self.stored(mft, mft_runs, b'', data_bytes=self.records * self.options.record)
        self.stored(mirror, mirror_runs, b'', data_bytes=4 * self.options.record)
        bits = bytearray(align(self.records, 64) // 8)
        for number in {*self.nodes, *range(SYSTEM_RECORDS)}:
            bits[number // 8] |= 1 << number % 8
        self.stored(mft, self.space.take(self.clusters(len(bits))), bytes(bits), BITMAP)

    def place_rest(self, clusters):
        volume, bad = self.nodes[3], self.nodes[8]
        system = {2: log_file(self.options.log_bytes, self.options.lsn, self.options.clean), 4: attribute_table(),
                  10: struct.pack('<65536H', *UPCASE)}
        for number, content in system.items():
            self.stored(self.nodes[number], self.space.take(self.clusters(len(content))), content)
        volume.attributes += [
            Attribute(VOLUME_NAME, value=utf16(self.options.label)),
            Attribute(VOLUME_INFORMATION, value=struct.pack('<8xBBH', 1, 2, self.options.flags))]  # 08h version, flags
        size = clusters * self.cluster
        bad.attributes.append(Attribute(DATA, '$Bad', runs=[(None, clusters)], sizes=(size, size, 0)))
        paths = {id(node): path for path, node in self.walk(self.nodes[ROOT], '')}
        bitmap_runs = self.space.take(self.clusters(align(clusters, 64) // 8))
        self.nodes[6].sizes = self.clusters(align(clusters, 64) // 8) * self.cluster, align(clusters, 64) // 8
        for node in self.nodes.values():
            self.add_common(node)
            if node.data is not None:
                self.place_data(node, self.options.fragment.get(paths[id(node)], 1))
        for node in self.nodes.values():
            if node.data is None:
                self.place_index(node)
        bits = bytearray(align(clusters, 64) // 8)
        for lcn, count in self.space.runs + [(clusters, len(bits) * 8 - clusters)]:
            for bit in range(lcn, lcn + count):
                bits[bit // 8] |= 1 << bit % 8
        self.stored(self.nodes[6], bitmap_runs, bytes(bits))

    def walk(self, node, path):
        for name, child in node.children.items():
            if child is not node:
                yield (path + '/' + name).strip('/'), child
                yield from self.walk(child, path + '/' + name)

    def add_common(self, node):
        node.attributes += [Attribute(STANDARD_INFORMATION, value=standard_information(node.flags)),
                            Attribute(SECURITY_DESCRIPTOR, value=security_descriptor())]

    def named(self, node):
        return node.attributes + [Attribute(FILE_NAME, value=node.file_name(*name), indexed=1) for name in node.names]

    def room(self, node):
        """Bytes a record has left for one more attribute."""
        first = align(0x2A + 2 * (self.options.record // SECTOR + 1), 8)
        return self.options.record - first - 8 - sum(len(attribute.pack(0)) for attribute in self.named(node))

    def place_data(self, node, pieces):
        """Contents stay in the record if they fit."""
        has_data = any(attribute.type == DATA and not attribute.name for attribute in node.attributes)
        resident = Attribute(DATA, value=node.data)
        if node.number == 6 or has_data:
            return
        if len(resident.pack(0)) <= self.room(node):
            node.attributes.append(resident)
            node.sizes = align(len(node.data), 8), len(node.data)
        else:
            self.stored(node, self.space.take(self.clusters(len(node.data)), pieces), node.data)

    # -- directories --

    def place_index(self, node):
        entries = [(child.number, child.file_name(*name)) for child in node.children.values() for name in child.names]
        entries.sort(key=lambda entry: collation_key(entry[1][0x42:].decode('utf-16-le', 'surrogatepass')))
        level = [index_entry(*entry) for entry in entries]
        # what is left for entries beside an index root, a run list and a bitmap of the blocks
        large, blocks, end = False, [], index_end()
        room = self.room(node) - 0x20 - 0x20
        while sum(map(len, level)) + len(end) > room:
            if not large:
                large, room = True, room - 0x60 - 0x60
            level, end = self.index_level(level, end, blocks)
        body = b''.join(level) + end
        header = struct.pack('<IIIB3x', 0x10, 0x10 + len(body), 0x10 + len(body), large)
        top = struct.pack('<IIIb3x', FILE_NAME, 1, INDEX_BLOCK,  # 00h what is indexed, 04h collation, 08h block size
                          self.blocks_per(INDEX_BLOCK))          # 0Ch clusters of a block
        node.attributes.append(Attribute(INDEX_ROOT, '$I30', value=top + header + body))
        if large:
            bits = bytearray(align(len(blocks), 64) // 8)
            for index in range(len(blocks)):
                bits[index // 8] |= 1 << index % 8
            runs = self.space.take(self.clusters(len(blocks) * INDEX_BLOCK))
            self.stored(node, runs, b''.join(blocks), INDEX_ALLOCATION, '$I30')
            node.attributes.append(Attribute(BITMAP, '$I30', value=bytes(bits)))

    def index_level(self, level, end, blocks):
        """Packs a level into index blocks. What is left of it, to stand one level higher: an entry between each two
        blocks, with the block before it, and the end with the last one."""
        room = INDEX_BLOCK - 0x40
        above, node = [], []
        for position, entry in enumerate(level):
            last = position >= len(level) - 2  # no block is left empty
            if sum(map(len, node)) + len(entry) + len(end) <= room * 3 // 4 or last:
                node.append(entry)
            else:
                own_child = struct.unpack_from('<H', entry, 0x0C)[0] & 1
                child = entry[-8:] if own_child else None
                bare = entry[:-8] if own_child else entry
                above.append(with_child(bare, self.index_block(node, index_end(child), blocks)))
                node = []
        return above, index_end(struct.pack('<Q', self.index_block(node, end, blocks)))

    def index_block(self, entries, end, blocks):
        """Adds a block; its VCN, which counts clusters, or sectors where a cluster is larger than a block."""
        vcn = len(blocks) * INDEX_BLOCK // (self.cluster if self.cluster <= INDEX_BLOCK else SECTOR)
        body = b''.join(entries) + end
        head = struct.pack('<4sHHQQIIIB3x', b'INDX', 0x28, INDEX_BLOCK // SECTOR + 1,
                           self.options.lsn or 0,            # 08h LSN
                           vcn,                              # 10h
                           0x28, 0x28 + len(body),           # 18h offset of the entries, 1Ch their end, from 18h on
                           INDEX_BLOCK - 0x18,               # 20h room for them
                           len(end) > 0x10)                  # 24h 1: there are blocks below
        blocks.append(protect((head.ljust(0x40, b'\0') + body).ljust(INDEX_BLOCK, b'\0'), 0x28))
        return vcn

    # -- the bytes --

    def blocks_per(self, size):
        """A size in clusters, or, if it is less than one, as the negated power of two in bytes."""
        return size // self.cluster if size >= self.cluster else -(size.bit_length() - 1)

    def boot_sector(self, mft_lcn, mirror_lcn):
        options = self.options
        code = bytes.fromhex('cd18 f4 ebfd')  # INT 18h: nothing starts from here
        head = struct.pack('<3s8sHBH5xBHHHII4xQQQb3xb3xQI',
                           b'\xEB\x5B\x00' if options.middle else b'\xEB\x5B\x90', b'NTFS    ',  # 00h jump, 03h OEM
                           SECTOR, self.cluster // SECTOR,    # 0Bh bytes of a sector, 0Dh sectors of a cluster
                           0,                                 # 0Eh reserved sectors
                           0xF8, 0,                           # 15h media byte, 16h unused
                           options.spt, options.heads,        # 18h sectors of a track, 1Ah heads
                           options.hidden, 0,                 # 1Ch sectors before the volume, 20h unused
                           self.total,                        # 28h sectors
                           mft_lcn, mirror_lcn,               # 30h $MFT, 38h $MFTMirr
                           self.blocks_per(options.record),   # 40h clusters of an MFT record
                           self.blocks_per(INDEX_BLOCK),      # 44h clusters of an index block
                           options.serial, 0)                 # 48h serial number, 50h checksum
        sector = bytearray((head.ljust(0x5D, b'\0') + code).ljust(SECTOR, b'\0'))
        sector[0x24:0x28] = b'\x80\0\x80\0'                   # drive 80h
        sector[0x1FE:] = b'\x55\xAA'
        return bytes(sector)

    def table(self):
        """$MFT."""
        for number in range(self.records):
            node = self.nodes.get(number)
            if node is not None:
                yield record(number, self.named(node), self.options.record, directory=node.data is None,
                             lsn=self.options.lsn or 0)
            elif number < SYSTEM_RECORDS:
                reserved = [Attribute(STANDARD_INFORMATION, value=standard_information(HIDDEN | SYSTEM)),
                            Attribute(SECURITY_DESCRIPTOR, value=security_descriptor()), Attribute(DATA)]
                yield record(number, reserved, self.options.record)
            else:
                yield record(number, [], self.options.record, in_use=False)

    def put(self, runs, content):
        offset = 0
        for lcn, length in runs:
            piece = content[offset:offset + length * self.cluster]
            for start in range(0, len(piece), 1 << 16):
                if any(part := piece[start:start + (1 << 16)]):
                    os.pwrite(self.image, part, self.at + lcn * self.cluster + start)
            offset += length * self.cluster

    def write(self):
        for runs, content in self.contents:
            self.put(runs, content)
        table = b''.join(self.table())
        for number, size in ((0, len(table)), (1, 4 * self.options.record)):
            runs = next(attribute.runs for attribute in self.nodes[number].attributes if attribute.type == DATA)
            self.put(runs, table[:size])
        backup = self.total // 2 if self.options.middle else self.sectors - 1
        os.pwrite(self.image, self.boot, self.at + backup * SECTOR)


def make(path, sectors, files, at=0, **options):
    """Makes a volume of so many sectors at a byte offset of a file, which is made or extended; the place must hold
    zeros. `files`: path with '/' -> bytes; a path that ends with '/' is an empty directory. See Options."""
    image = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(image, max(os.fstat(image).st_size, at + sectors * SECTOR))
        Volume(image, at, sectors, files, Options(**options))
    finally:
        os.close(image)


def main():
    parser = argparse.ArgumentParser(description='Make an NTFS 1.2 volume.')
    parser.add_argument('image')
    parser.add_argument('sectors', type=int)
    parser.add_argument('files', nargs='*', metavar='NAME=HOSTFILE')
    parser.add_argument('--at', type=int, default=0, help='first sector of the volume in the image')
    parser.add_argument('--cluster', type=int, default=512, help='bytes')
    parser.add_argument('--lsn', type=int, help='what the restart pages of $LogFile and the records carry')
    parser.add_argument('--dirty', action='store_true')
    parser.add_argument('--nt3', action='store_true', help='backup boot sector in the middle')
    chosen = parser.parse_args()
    files = {}
    for word in chosen.files:
        name, _, host = word.partition('=')
        with open(host, 'rb') as source:
            files[name] = source.read()
    make(chosen.image, chosen.sectors, files, chosen.at * SECTOR, cluster=chosen.cluster, lsn=chosen.lsn,
         flags=int(chosen.dirty), middle=chosen.nt3, hidden=chosen.at)


if __name__ == '__main__':
    main()
