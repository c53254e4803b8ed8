#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What others see on the survivor after a power cut: every state of the disk that tests/sweep/crash_nt leaves during
break, promotion, retirement, their undo and their completion, looked at by fsck.fat, ntfsfix, mtools, ntfscat, hivex
and sfdisk.

Owns that the volume is whole, that both registries can be read to their ends, and that the table is one, in each of
them. That the survivor starts and that the journal leads to one of two ends is the sweep's own business.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'rig'))
import whole  # noqa: E402

SWEEP = os.path.join(os.environ.get('MKB_BUILD', 'build'), 'tests/sweep/crash_nt')
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
SECTOR = 512
START, SECTORS = 63, 5000  # of the half: rigfw.h, ntpair.h
HIVES = ('WINNT/SYSTEM32/CONFIG/SYSTEM', 'WINNT/SYSTEM32/CONFIG/SYSTEM.ALT')
TYPES = {'fat': {'86', '6'}, 'ntfs': {'87', '7'}}


def read_states(file):
    """(name, disk, {cut: {LBA: sector}}) of each change that a sweep told, each state once under its first cut."""
    found, sectors, seen = [], {}, set()
    for line in iter(file.readline, b''):
        word, value = line.decode().rstrip('\n').split(' ', 1)
        if word == 'disk':
            size, name = value.split(' ', 1)
            found.append((name, file.read(int(size)), {}))
            seen = set()
        elif word == 'sector':
            sectors[int(value)] = file.read(SECTOR)
        else:
            if (key := frozenset(sectors.items())) not in seen:
                found[-1][2][value] = sectors
            seen.add(key)
            sectors = {}
    return found


class Disk:
    """The disk of one change, and its half as a file of its own; states come and go."""

    def __init__(self, folder, name, before):
        self.fs, self.before = re.match(r'fat|ntfs', name)[0], before
        self.volume, self.table, self.hive = (pathlib.Path(folder, part) for part in ('volume', 'table', 'hive'))
        self.volume.write_bytes(before[START * SECTOR:(START + SECTORS) * SECTOR])
        self.seen = set()

    def put(self, sectors, before=False):
        with open(self.volume, 'r+b') as file:
            for lba, data in sectors.items():
                if START <= lba < START + SECTORS:
                    file.seek((lba - START) * SECTOR)
                    file.write(self.before[lba * SECTOR:(lba + 1) * SECTOR] if before else data)

    def check(self, sectors):
        self.put(sectors)
        whole.check_volume(self.volume, self.fs == 'fat')
        for name in HIVES:
            self.check_hive(whole.read_file(self.volume, self.fs == 'fat', name))
        self.put(sectors, before=True)
        return self.type(sectors.get(0, self.before[:SECTOR]))

    def check_hive(self, data):
        if data not in self.seen:
            self.hive.write_bytes(data)
            whole.check_hive(self.hive)
        self.seen.add(data)

    def type(self, sector0):
        """Of the half in the partition table."""
        self.table.write_bytes(sector0 + bytes(len(self.before) - SECTOR))
        found = json.loads(whole.run('sfdisk', '-J', self.table))['partitiontable']['partitions']
        return next(part['type'] for part in found if (part['start'], part['size']) == (START, SECTORS))


class EveryCut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mkb-powercut-', dir=MEMORY)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_every_state_is_whole_in_the_eyes_of_others(self):
        told = pathlib.Path(self.folder, 'states')
        subprocess.run([SWEEP], env={**os.environ, 'POWERCUT_STATES': str(told)}, check=True, capture_output=True)
        with open(told, 'rb') as file:
            changes = read_states(file)
        told.unlink()
        self.assertEqual({name.split(',')[0] for name, _, _ in changes}, {'fat', 'ntfs'})
        for name, before, states in changes:
            disk, types = Disk(self.folder, name, before), set()
            for cut, sectors in states.items():
                with self.subTest(change=name, cut=cut):
                    types.add(disk.check(sectors))
            with self.subTest(change=name):
                self.assertLessEqual(types, TYPES[disk.fs])
                self.assertEqual(len(types), 1 if 'afterwards' in name else 2)

    def test_these_eyes_see_damage(self):
        """Or they would prove nothing: each of them is shown what it must not accept."""
        told = pathlib.Path(self.folder, 'states')
        with self.subTest('a reader of states'), open(told, 'w+b') as file:
            file.write(b'disk 3 fat, a\nABC' + 2 * (b'sector 7\n' + b's' * SECTOR + b'end first\n') + b'end second\n')
            file.seek(0)
            self.assertEqual(read_states(file), [('fat, a', b'ABC', {'first': {7: b's' * SECTOR}, 'second': {}})])
        nt = pathlib.Path(SWEEP).parent.parent / 'nt'
        for fs, spoil in (('fat', 1), ('fat', 30), ('ntfs', 0), ('ntfs', 2500)):
            volume = (nt / ('%s-broken.img' % fs)).read_bytes()
            before = bytes(START * SECTOR) + volume + bytes(37 * SECTOR)
            disk = Disk(self.folder, fs, before)
            with self.subTest(fs, sector=spoil), self.assertRaises(AssertionError):
                disk.check({START + spoil: bytes(SECTOR)})
        disk = Disk(self.folder, 'fat', before)
        hive = (nt / 'fat-healthy.img').read_bytes()
        at = hive.index(b'regf')
        for offset in (4096 + 4, 4096 + 32 + 20):
            with self.subTest('a hive', offset=offset), self.assertRaises(AssertionError):
                damaged = bytearray(hive[at:at + 24576])
                damaged[offset:offset + 8] = b'\xEE' * 8
                disk.check_hive(bytes(damaged))


if __name__ == '__main__':
    unittest.main()
