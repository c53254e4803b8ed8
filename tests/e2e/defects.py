# SPDX-License-Identifier: MIT
"""Damage to disk images: each function takes finished images and breaks one thing in them, as disks in the field are.

Owns the defects of partition tables and members that the end-to-end tests name. Positions are LBAs; a partition is
named by its index 0-3 in a table, and a table by the LBA of its sector (0, or an extended partition's). How a pair is
laid out is images/disks.py's business, and so is everything that a recipe can say by itself (types, unequal
signatures, flags).
"""
import os
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / 'images'))
import disks  # noqa: E402

SIGNATURE_AT, TABLE_AT, MAGIC_AT = 440, 446, 510
ORPHANED = 0xC0  # FtDisk's bits: 80h mirrored, with 40h out of date
ENTRY = struct.Struct('<B3sB3sII')  # flag, first CHS, type, last CHS, start, sectors


def put(image, lba, offset, data):
    """Writes bytes into a sector."""
    disks.write_at(image, lba * disks.SECTOR + offset, data)


def entry(image, index=0, table=0):
    """A partition entry as (flag, first CHS, type, last CHS, start, sectors)."""
    return ENTRY.unpack_from(disks.read_at(image, table), TABLE_AT + 16 * index)


def set_entry(image, index=0, table=0, **fields):
    """Changes fields of a partition entry: flag, kind, start, sectors."""
    flag, first, kind, last, start, sectors = entry(image, index, table)
    put(image, table, TABLE_AT + 16 * index,
        ENTRY.pack(fields.get('flag', flag), first, fields.get('kind', kind), last, fields.get('start', start),
                   fields.get('sectors', sectors)))


# ---- sector 0 and the tables ----

def no_magic(image, table=0):
    """55 AA is missing."""
    put(image, table, MAGIC_AT, b'\0\0')


def wiped(image, lba=0, count=1):
    """Sectors read well, and hold zeros."""
    put(image, lba, 0, bytes(count * disks.SECTOR))


def garbage(image, lba=0, count=1):
    """Sectors read well, and hold nonsense that ends in 55 AA."""
    block = bytes((n * 167 + 13) & 0xFF for n in range(MAGIC_AT)) + b'\x55\xaa'
    put(image, lba, 0, block * count)


def signature(image, value=0):
    """Another disk signature; by default none, as a disk NT never saw has."""
    put(image, 0, SIGNATURE_AT, struct.pack('<I', value))


def same_signature(image, other):
    """The signature of another disk, as a sector copy of the whole disk has."""
    put(image, 0, SIGNATURE_AT, disks.read_at(other, 0)[SIGNATURE_AT:SIGNATURE_AT + 4])


def past_end(image, index=0, table=0, by=1000):
    """The partition ends after the disk."""
    first = entry(image, index, table)[4] + table
    set_entry(image, index, table, sectors=os.path.getsize(image) // disks.SECTOR - first + by)


def overflow(image, index=0, table=0):
    """Start plus length is more than 32 bits."""
    set_entry(image, index, table, start=0xFFFFFF00, sectors=0x00001000)


def shorter(image, index=0, table=0, by=1):
    """The halves are of unequal length."""
    set_entry(image, index, table, sectors=entry(image, index, table)[5] - by)


def kind(image, value, index=0, table=0):
    """Another type byte: 42h dynamic disk, EEh GPT, a mirror broken on one side, ..."""
    set_entry(image, index, table, kind=value)


def dynamic(image, index=0, table=0):
    """Upgraded to a dynamic disk by Windows 2000."""
    kind(image, 0x42, index, table)


def orphaned(image, index=0, table=0):
    """FtDisk marked this half out of date."""
    set_entry(image, index, table, kind=entry(image, index, table)[2] | ORPHANED)


def unmirrored(image, index=0, table=0):
    """Only the type byte says that the mirror was broken (Q147690)."""
    set_entry(image, index, table, kind=entry(image, index, table)[2] & ~ORPHANED & 0xFF)


def two_active(image, start, sectors):
    """Two entries are active; the second is made in the table's last slot."""
    set_entry(image, 0, flag=0x80)
    set_entry(image, 3, flag=0x80, kind=0x06, start=start, sectors=sectors)


def bad_flag(image, index=0):
    """The flag byte is neither 00h nor 80h."""
    set_entry(image, index, flag=0x7F)


# ---- the extended chain ----

def _link_slot(image, table):
    slots = [n for n in range(4) if entry(image, n, table)[2] in (0x05, 0x0F)]
    return slots[0] if slots else 1


def ebr_loop(image, ebr):
    """The EBR's link leads back to itself."""
    sectors = os.path.getsize(image) // disks.SECTOR - ebr
    set_entry(image, _link_slot(image, ebr), ebr, kind=0x05, start=0, sectors=sectors)


def ebr_past_end(image, ebr):
    """The EBR's link leads off the disk."""
    beyond = os.path.getsize(image) // disks.SECTOR - ebr + 64
    set_entry(image, _link_slot(image, ebr), ebr, kind=0x05, start=beyond, sectors=2016)


def extended_past_end(image):
    """The MBR's extended partition begins after the disk."""
    set_entry(image, _link_slot(image, 0), start=os.path.getsize(image) // disks.SECTOR + 64)


def extended_to_mbr(image):
    """The extended partition begins at sector 0, so the chain's first table is the MBR."""
    set_entry(image, _link_slot(image, 0), start=0)


# ---- members and disks ----

def stale_copy(image, member_start, tag='S'):
    """The member holds an older volume: its payload prints another tag."""
    sector = disks.read_at(image, member_start)
    put(image, member_start, sector.index(b'PAYLOAD tag=') + 12, tag.encode())


def boot_sector_gone(image, member_start):
    """The member's boot sector holds zeros."""
    wiped(image, member_start)


def truncated(image, sectors):
    """The image ends early: reads beyond give zeros and no error in QEMU."""
    os.truncate(image, sectors * disks.SECTOR)


def third_member(pair, path, signature_value=0x33333333):
    """A third disk that claims to be a half as well: the shadow's copy with its own signature."""
    disks.copy_sparse(pair.b.path, path)
    signature(path, signature_value)
    return path


def blank(path, size_mib=64):
    """A new disk: all zeros."""
    disks.new_image(path, size_mib << 20)
    return path
