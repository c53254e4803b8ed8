#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""FtDisk's record, the value Information of the key SYSTEM\\DISK, from a description of disks and sets.

Owns the byte layout (public headers ntdskreg.h and ntddft.h), written down here a second time on purpose: the loader's
own codec is tested against it. Knows no hive.

    info = ftinfo.mirror([(0x1A2B3C4D, 63 * 512, 20 << 20), (0x5E6F7A8B, 63 * 512, 20 << 20)], states=(1, 0))
"""
import dataclasses
import struct

MIRROR, STRIPE, STRIPE_PARITY, VOLUME_SET, NOT_A_MEMBER, WHOLE_DISK = range(6)
HEALTHY, ORPHANED, REGENERATING, INITIALIZING, SYNC_COPY = range(5)
SET_OK, SET_HAS_ORPHAN, SET_DISABLED, SET_REGENERATING, SET_INITIALIZING, SET_CHECK_PARITY, SET_NO_CHECK_DATA = range(7)

HEADER = struct.Struct('<IIB3sIIIIIIII')
PARTITION = struct.Struct('<IIQQQIIBBHHHB3s')
DISK = struct.Struct('<HHI')
SET = struct.Struct('<HHII')
MEMBER = struct.Struct('<HHIII')


@dataclasses.dataclass
class Partition:
    start_bytes: int
    length_bytes: int
    type: int = NOT_A_MEMBER
    state: int = HEALTHY
    letter: str = ''
    assign_letter: int = 1
    group: int = 0
    member: int = 0
    logical_number: int = 0
    ft_length_bytes: int = 0
    reserved: tuple = (0, 0)
    modified: int = 0


@dataclasses.dataclass
class Disk:
    signature: int
    partitions: list
    reserved: int = 0


@dataclasses.dataclass
class Set:
    members: list            # (disk index, partition index, state), in the order of the members
    type: int = MIRROR
    state: int = SET_OK
    reserved: int = 0


def encode(disks, sets=(), base='value', version=3, checksum=0, dirty=0, with_ft=True, stripe_width=0, pool_size=0,
           names=b''):
    """The record. `base` says from where OffsetToPartitionInfo counts: 'value' or 'registry' (DISK_REGISTRY)."""
    registry = struct.pack('<HH', len(disks), 0)
    place = {}
    for number, disk in enumerate(disks):
        registry += DISK.pack(len(disk.partitions), disk.reserved, disk.signature)
        for index, part in enumerate(disk.partitions):
            place[number, index] = len(registry)
            registry += PARTITION.pack(part.type, part.state, part.start_bytes, part.length_bytes,
                                       part.ft_length_bytes, *part.reserved, ord(part.letter or '\0'),
                                       part.assign_letter, part.logical_number, part.group, part.member,
                                       part.modified, bytes(3))
    ft = b''
    if with_ft:
        ft = struct.pack('<HH', len(sets), 0)
        for one in sets:
            ft += SET.pack(len(one.members), one.type, one.reserved, one.state)
            for logical, (number, index, state) in enumerate(one.members):
                offset = place[number, index] + (HEADER.size if base == 'value' else 0)
                ft += MEMBER.pack(state, 0, disks[number].signature, offset, logical)
    ft_at = HEADER.size + len(registry)
    names_at = ft_at + len(ft) if names else 0
    header = HEADER.pack(version, checksum, dirty, bytes(3), HEADER.size, len(registry), ft_at, len(ft),
                         stripe_width, pool_size, names_at, len(names))
    return header + registry + ft + names


def mirror(disks, states=(HEALTHY, HEALTHY), set_state=None, base='value', letter='C', **options):
    """The smallest record of a mirror, 216 bytes: one partition on each of two disks, (signature, start_bytes,
    length_bytes) each, with the states of the primary and the shadow."""
    if set_state is None:
        set_state = {ORPHANED: SET_HAS_ORPHAN, REGENERATING: SET_REGENERATING,
                     INITIALIZING: SET_INITIALIZING}.get(max(states), SET_OK)
    parts = [Disk(signature, [Partition(start, length, MIRROR, state, letter if member == 0 else '', 1, 0, member, 1,
                                        length)])
             for member, ((signature, start, length), state) in enumerate(zip(disks, states))]
    return encode(parts, [Set([(0, 0, states[0]), (1, 0, states[1])], MIRROR, set_state)], base, **options)


if __name__ == '__main__':
    import sys
    sys.stdout.buffer.write(mirror([(0x1A2B3C4D, 63 * 512, 20 << 20), (0x5E6F7A8B, 63 * 512, 20 << 20)]))
