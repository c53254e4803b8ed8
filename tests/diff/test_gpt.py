#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our GPTs against sgdisk's and sfdisk's: tables that those tools made, the same with bits turned over, and odd ones
made by hand (UEFI specification 2.10, chapter 5) whose sums are right. Random, but the same every time."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import unittest
import uuid
import zlib

DUMP = os.path.join(os.environ.get('MKB_BUILD', 'build'), 'tests/diff/gptdump')
SFDISK = '/sbin/sfdisk' if os.path.exists('/sbin/sfdisk') else 'sfdisk'
SGDISK = '/sbin/sgdisk' if os.path.exists('/sbin/sgdisk') else 'sgdisk'
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
RAID = 'A19D880F-05FC-4D3B-A006-743F0F84911E'
LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4'
BASIC = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7'
SWAP = '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F'
OURS = {ESP: 0xEF, RAID: 0xFD, LINUX: 0x83, BASIC: 0x07}
OTHER = 0xEE
TYPES = [*OURS, SWAP, 'E3C9E316-0B5C-4DB8-817D-F92DF00215AE']
HELD = 24  # partitions of a disk
DISK_ID = uuid.UUID('11112222-3333-4444-5555-666677778888')
MIB = 2048
SMALL = 32 * MIB


def run(*command, text=None):
    return subprocess.run(list(map(str, command)), input=text, capture_output=True, check=True, text=True).stdout


def ours(image):
    lines = [json.loads(line) for line in run(DUMP, image).splitlines()]
    return lines[0], lines[1:]


def of_sfdisk(image):
    """The disk's id and what is in the table by slot; (None, {}) if sfdisk does not take it for a GPT."""
    text = run(SFDISK, '-J', image)
    table = json.loads(text)['partitiontable'] if text else {'label': ''}
    if table['label'] != 'gpt':
        return None, {}
    return table['id'], {int(entry['node'][len(str(image)):]): (
        entry['type'], entry['start'], entry['start'] + entry['size'] - 1,
        'LegacyBIOSBootable' in entry.get('attrs', '')) for entry in table.get('partitions', [])}


def of_sgdisk(image):
    """The same from sgdisk."""
    text = run(SGDISK, '-p', image)
    if 'Creating new GPT entries' in text:
        return None, {}
    rows = re.findall(r'^ +(\d+) +(\d+) +(\d+) ', text, re.MULTILINE)
    info = run(SGDISK, *(word for row in rows for word in ('-i', row[0])), image) if rows else ''
    kinds = re.findall('GUID code: ([0-9A-F-]+)', info)
    attributes = re.findall('Attribute flags: ([0-9A-F]+)', info)
    found = {int(row[0]): (kind, int(row[1]), int(row[2]), bool(int(flags, 16) & 4))
             for row, kind, flags in zip(rows, kinds, attributes, strict=True)}
    return re.search(r'\(GUID\): ([0-9A-F-]+)', text)[1], found


def sound(image):
    """Which parts sgdisk calls sound: main header, backup header, main list, backup list."""
    done = subprocess.run([SGDISK, '-p', image], capture_output=True, check=True, text=True)
    if 'Creating new GPT entries' in done.stdout:
        return [False] * 4
    said = dict(re.findall(r'^(Main header|Backup header|Main partition table|Backup partition table): (\w+)',
                           done.stdout + done.stderr, re.MULTILINE))
    return [said.get(part, 'OK') == 'OK'
            for part in ('Main header', 'Backup header', 'Main partition table', 'Backup partition table')]


def meant(theirs):
    """A table as the core shall tell it."""
    disk, partitions = theirs
    header = {'gpt': True, 'signature': zlib.crc32(uuid.UUID(disk).bytes_le), 'status': 'ok', 'site': ''}
    return header, [{'number': number, 'type': OURS.get(kind, OTHER), 'start': first, 'size': last - first + 1,
                     'active': active} for number, (kind, first, last, active) in sorted(partitions.items())
                    if last < 0xFFFFFFFF]


def blank(image, sectors):
    with open(image, 'wb') as file:
        file.truncate(sectors * 512)


def change(image, offset, value=None):
    """Turn over the lowest bit of a byte, or put bytes there."""
    with open(image, 'r+b') as file:
        file.seek(offset)
        value = bytes([file.read(1)[0] ^ 1]) if value is None else value
        file.seek(offset)
        file.write(value)


def entry(first, last, kind=RAID, attributes=0):
    return struct.pack('<16s16sQQQ72s', uuid.UUID(kind).bytes_le, uuid.uuid4().bytes_le, first, last, attributes, b'')


def header(own, other, list_lba, partitions, fields):
    """A header's sector; `fields` are put in before it is summed up."""
    value = {'bytes': 92, 'own': own, 'other': other, 'first': 34, 'last': SMALL - 34, 'list': list_lba,
             'count': 128, 'size': 128, 'list_crc': zlib.crc32(partitions)} | fields
    raw = bytearray(max(value['bytes'], 92))
    struct.pack_into('<8s4I4Q16sQ3I', raw, 0, b'EFI PART', 0x10000, value['bytes'], 0, 0, value['own'],
                     value['other'], value['first'], value['last'], DISK_ID.bytes_le, value['list'], value['count'],
                     value['size'], value['list_crc'])
    struct.pack_into('<I', raw, 16, zlib.crc32(raw[:value['bytes']]))
    return bytes(raw).ljust(512, b'\0')


def make(image, entries, count=128, size=128, sectors=SMALL, backup=None, main=(), second=()):
    """A whole table by hand: `entries` by slot, from 1; `main` and `second` are other fields of the two headers."""
    partitions = bytearray(count * size)
    for slot, raw in entries.items():
        partitions[(slot - 1) * size:(slot - 1) * size + len(raw)] = raw
    length = -(-len(partitions) // 512)
    backup = sectors - 1 if backup is None else backup
    common = {'count': count, 'size': size, 'first': 2 + length, 'last': backup - length - 1}
    protective = struct.pack('<B3sB3sII', 0, b'\0\2\0', 0xEE, b'\xFF\xFF\xFF', 1, min(sectors - 1, 0xFFFFFFFF))
    blank(image, sectors)
    change(image, 446, protective.ljust(64, b'\0') + b'\x55\xAA')
    change(image, 512, header(1, backup, 2, partitions, common | dict(main)))
    change(image, 1024, bytes(partitions))
    change(image, (backup - length) * 512, bytes(partitions))
    change(image, backup * 512, header(backup, 1, backup - length, partitions, common | dict(second)))


def random_slots(dice, sectors, slots):
    """Some partitions in any slots: (slot, type, first, last, active). They touch one another now and then."""
    count = dice.randint(0, min(slots, HELD, 12))
    room = (sectors - 4 * MIB) // max(count, 1)
    order = list(range(count))
    dice.shuffle(order)
    numbers = sorted(dice.sample(range(1, min(slots, 255) + 1), count))
    for number, place in zip(numbers, order):
        first = 2 * MIB + place * room + dice.choice([0, 0, dice.randrange(100)])
        last = 2 * MIB + (place + 1) * room - 1 - dice.choice([0, 0, dice.randrange(100)])
        yield number, dice.choice(TYPES), first, last, dice.random() < 0.3


class Gpt(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.image = self.folder / 'disk-'

    def agree(self, image):
        """All three say the same of a table without fault. How many partitions there are."""
        theirs = of_sgdisk(image)
        self.assertEqual(of_sfdisk(image), theirs)
        expected, partitions = meant(theirs)
        self.assertEqual(ours(image), (expected | {'backup': False}, partitions))
        return len(partitions)

    def refused(self, image):
        """By us, and by sfdisk."""
        header, partitions = ours(image)
        self.assertNotEqual(header.pop('status'), 'ok')
        self.assertEqual((header, partitions), ({'gpt': True, 'backup': False, 'signature': 0, 'site': 'M8'}, []))
        self.assertEqual(of_sfdisk(image), (None, {}))


class MadeByTools(Gpt):
    def sgdisk(self, image, dice):
        sectors, slots = dice.choice([20000, 131072, 8 << 20]), dice.choice([4, 8, 128, 128, 256, 1024])
        blank(image, sectors)
        command = ['-o', '-a', 1, '-S', slots]  # -o forgets what stands before it
        for number, kind, first, last, active in random_slots(dice, sectors, slots):
            command += ['-n', f'{number}:{first}:{last}', '-t', f'{number}:{kind}']
            command += ['-A', f'{number}:set:2'] if active else []
        return lambda: run(SGDISK, *command, image)

    def test_random_tables_of_sgdisk(self):
        dice = random.Random(2030)
        images = [self.folder / f'disk{case}-' for case in range(16)]
        jobs = [self.sgdisk(image, dice) for image in images]
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:  # each sleeps a second when it has written
            list(pool.map(lambda job: job(), jobs))
        self.assertGreater(sum(self.agree(image) for image in images), 50)

    def test_random_tables_of_sfdisk(self):
        dice = random.Random(1998)
        seen = 0
        for case in range(24):
            sectors, slots = dice.choice([20000, 131072, 8 << 20]), dice.choice([4, 128, 200])
            script = f'label: gpt\ntable-length: {slots}\nunit: sectors\n'
            for number, kind, first, last, active in random_slots(dice, sectors, slots):
                attributes = ', attrs=LegacyBIOSBootable' if active else ''
                script += f'{number}: start={first}, size={last - first + 1}, type={kind}{attributes}\n'
            blank(self.image, sectors)
            run(SFDISK, '-q', '--no-reread', '--no-tell-kernel', self.image, text=script)
            with self.subTest(case=case, script=script):
                seen += self.agree(self.image)
        self.assertGreater(seen, 50)

    def test_the_gpt_counts_and_not_the_hybrid_mbr_beside_it(self):
        for mbr in ('1:3', '3:1:EE'):  # EEh first, EEh last
            blank(self.image, SMALL)
            run(SGDISK, '-n', '1:2048:+4M', '-t', '1:ef00', '-n', '2:0:+4M', '-n', '3:0:+4M', '-t', '3:fd00',
                '-h', mbr, self.image)
            self.assertEqual(self.agree(self.image), 3)

    def test_partitions_beyond_2_tib_are_left_out(self):
        edge = 1 << 32
        make(self.image, {1: entry(34, 99), 2: entry(100, edge - 2), 3: entry(edge - 1, edge - 1),
                          4: entry(edge, edge + 9), 5: entry(edge + 10, 2 * edge)}, sectors=3 * edge)
        self.assertEqual(len(of_sfdisk(self.image)[1]), 5)
        self.assertEqual(self.agree(self.image), 2)
        make(self.image, {7: entry(100, edge - 1), 8: entry(34, 99)}, sectors=3 * edge)
        self.assertEqual(self.agree(self.image), 1)
        make(self.image, {7: entry(100, 3 * edge)}, sectors=4 * edge)
        self.assertEqual(self.agree(self.image), 0)


class Damaged(Gpt):
    def setUp(self):
        super().setUp()
        make(self.image, {1: entry(4 * MIB, 5 * MIB, ESP), 3: entry(6 * MIB, 9 * MIB, RAID, 4),
                          128: entry(10 * MIB, 10 * MIB, LINUX)})
        self.table = meant(of_sgdisk(self.image))
        # Where a header and a list are, main and backup.
        self.parts = {'main header': (512, 92), 'main list': (1024, 128 * 128),
                      'backup header': ((SMALL - 1) * 512, 92), 'backup list': ((SMALL - 33) * 512, 128 * 128)}

    def expect(self):
        """Ours is what sgdisk's findings and sfdisk's table make of the image."""
        main_header, backup_header, main_list, backup_list = sound(self.image)
        if main_header and main_list:
            self.assertEqual(self.agree(self.image), 3)
        elif backup_header and backup_list:
            self.assertEqual(ours(self.image), (self.table[0] | {'backup': True}, self.table[1]))
            self.assertEqual(meant(of_sfdisk(self.image)), self.table)
        else:
            self.refused(self.image)
        return main_header and main_list, backup_header and backup_list

    def damage(self, dice, *parts):
        # Bytes 84 to 87 of a header are the size of an entry, which sgdisk silently takes for 128.
        offsets = [self.parts[part][0] + dice.choice([n for n in range(self.parts[part][1]) if n // 4 != 21])
                   for part in parts]
        with self.subTest(parts=parts, offsets=offsets), self.turned_over(*offsets):
            return self.expect()

    @contextlib.contextmanager
    def turned_over(self, *offsets):
        for offset in offsets:
            change(self.image, offset)
        try:
            yield
        finally:
            for offset in offsets:
                change(self.image, offset)

    def test_made_without_a_fault(self):
        self.assertIn('No problems found', run(SGDISK, '-v', self.image))
        self.assertEqual(self.agree(self.image), 3)

    def test_a_bit_turned_over_in_one_copy(self):
        dice = random.Random(92)
        for part in self.parts:
            for _ in range(24):
                self.assertEqual(self.damage(dice, part), ('backup' in part, 'main' in part))

    def test_every_byte_of_the_main_header(self):
        for offset in range(92):
            with self.subTest(offset=offset), self.turned_over(512 + offset):
                self.assertEqual(ours(self.image), (self.table[0] | {'backup': True}, self.table[1]))
                self.assertEqual(meant(of_sfdisk(self.image)), self.table)

    def test_a_bit_turned_over_in_both_copies(self):
        dice = random.Random(16)
        for main in ('main header', 'main list'):
            for backup in ('backup header', 'backup list'):
                for _ in range(6):
                    self.assertEqual(self.damage(dice, main, backup), (False, False))

    def test_what_follows_the_header_in_its_sector_is_nobodys(self):
        change(self.image, 512 + 92)
        change(self.image, 1023)
        self.assertEqual(self.agree(self.image), 3)

    def test_a_disk_that_grew(self):
        """The main header says where the backup is; without it nobody finds the backup."""
        with open(self.image, 'r+b') as file:
            file.truncate(2 * SMALL * 512)
        self.assertEqual(self.agree(self.image), 3)
        change(self.image, 1024)
        self.assertEqual(sound(self.image), [True, True, False, True])
        self.assertEqual(ours(self.image), (self.table[0] | {'backup': True}, self.table[1]))
        change(self.image, 512 + 56)
        self.refused(self.image)

    def test_a_disk_cut_short(self):
        with open(self.image, 'r+b') as file:
            file.truncate((SMALL - 1) * 512)
        self.assertEqual(ours(self.image), (self.table[0] | {'backup': False}, self.table[1]))
        self.assertEqual(meant(of_sgdisk(self.image)), self.table)
        change(self.image, 1024)
        self.refused(self.image)

    def test_without_a_protective_entry_there_is_no_gpt(self):
        change(self.image, 450, b'\x83')
        header, partitions = ours(self.image)
        self.assertFalse(header['gpt'])
        self.assertEqual([item['number'] for item in partitions], [1])
        self.assertEqual(of_sfdisk(self.image), (None, {}))


class Odd(Gpt):
    PAIR = {1: entry(4 * MIB, 5 * MIB), 3: entry(6 * MIB, 7 * MIB, BASIC)}

    def test_lists_of_any_length(self):
        for count in (1, 2, 3, 4, 5, 127, 129, 255, 1023, 1024):
            with self.subTest(count=count):
                make(self.image, {1: entry(4 * MIB, 5 * MIB), min(count, 255): entry(6 * MIB, 7 * MIB)}, count=count)
                self.assertEqual(self.agree(self.image), min(count, 2))
                change(self.image, 1024 + count * 128 - 1)  # the last byte counts as well
                self.assertTrue(ours(self.image)[0]['backup'])

    def test_lists_that_are_too_long_are_refused(self):
        for count, size in ((1025, 128), (129, 1024), (1 << 25, 128), (1 << 31, 256), (0xFFFFFFFF, 128)):
            with self.subTest(count=count, size=size):
                lie = {'count': count, 'size': size, 'list_crc': 0}  # as it would be for 2^32 bytes cut to none
                make(self.image, self.PAIR, main=lie, second=lie)
                self.assertEqual(ours(self.image)[0]['site'], 'M8')

    def test_larger_entries(self):
        """sgdisk knows only those of 128 bytes; sfdisk knows all."""
        for size in (256, 512, 1024, 4096):
            with self.subTest(size=size):
                behind = entry(10 * MIB, 11 * MIB)  # looks like an entry, and is the unknown end of one
                make(self.image, {slot: raw + behind for slot, raw in self.PAIR.items()}, count=12, size=size)
                expected, partitions = meant(of_sfdisk(self.image))
                self.assertEqual(len(partitions), 2)
                self.assertEqual(ours(self.image), (expected | {'backup': False}, partitions))

    def test_entries_of_a_size_that_the_specification_excludes(self):
        """sgdisk refuses them, and sfdisk does not care."""
        for size in (0, 64, 127, 136, 192, 384):
            with self.subTest(size=size):
                lie = {'size': size, 'count': 4, 'list_crc': zlib.crc32(bytes(4 * size))}
                make(self.image, {}, main=lie, second=lie)
                self.assertEqual(ours(self.image)[0]['site'], 'M8')
                self.assertEqual(of_sgdisk(self.image), (None, {}))

    def test_headers_of_any_length(self):
        for length in (92, 96, 128, 511, 512):
            with self.subTest(length=length):
                make(self.image, self.PAIR, main={'bytes': length})
                self.assertEqual(self.agree(self.image), 2)
        for length in (0, 20, 91, 513):
            with self.subTest(length=length):
                make(self.image, self.PAIR, main={'bytes': length})
                self.assertTrue(ours(self.image)[0]['backup'])

    def test_a_header_that_says_it_is_elsewhere(self):
        make(self.image, self.PAIR, main={'own': 2})
        self.assertEqual(meant(of_sfdisk(self.image)), meant(of_sgdisk(self.image)))
        self.assertEqual(ours(self.image)[0], meant(of_sfdisk(self.image))[0] | {'backup': True})
        make(self.image, self.PAIR, second={'own': SMALL - 2})
        self.assertEqual(len(ours(self.image)[1]), 2)
        make(self.image, self.PAIR, main={'own': SMALL - 1}, second={'own': 1})
        self.refused(self.image)

    def test_a_backup_in_another_place(self):
        make(self.image, self.PAIR, backup=40000)
        self.assertEqual(self.agree(self.image), 2)
        table = meant(of_sgdisk(self.image))
        change(self.image, 1024)
        self.assertEqual(sound(self.image), [True, True, False, True])
        self.assertEqual(ours(self.image), (table[0] | {'backup': True}, table[1]))
        for nowhere in (0, 1, 2, SMALL, 1 << 62, (1 << 64) - 1):
            with self.subTest(nowhere=nowhere):
                make(self.image, self.PAIR, main={'other': nowhere})
                self.assertEqual(len(ours(self.image)[1]), 2)
                change(self.image, 1024)
                self.assertEqual(ours(self.image)[0]['site'], 'M8')

    def test_a_list_in_another_place(self):
        for nowhere in (SMALL - 10, SMALL, 1 << 40, (1 << 64) - 1):
            with self.subTest(nowhere=nowhere):
                make(self.image, self.PAIR, main={'list': nowhere})
                self.assertEqual(ours(self.image)[0]['backup'], True)
                self.assertEqual(len(of_sfdisk(self.image)[1]), 2)
        make(self.image, self.PAIR, main={'list': SMALL - 33})
        self.assertEqual(self.agree(self.image), 2)

    def test_contradictions(self):
        """Each is one that `sgdisk -v` finds fault with, too. What is not part of it stays."""
        good = entry(20 * MIB, 21 * MIB)
        overlap = {1: entry(4 * MIB, 5 * MIB), 2: entry(5 * MIB, 6 * MIB), 3: good}
        cases = {'overlap': (overlap, 'M5', 'partitions 2 and 1 overlap', {1, 3}),
                 'inside': ({1: entry(4 * MIB, 9 * MIB), 2: entry(5 * MIB, 6 * MIB), 3: good}, 'M5', 'overlap', {1, 3}),
                 'around': ({1: entry(5 * MIB, 6 * MIB), 2: entry(4 * MIB, 9 * MIB), 3: good}, 'M5', 'overlap', {1, 3}),
                 'backwards': ({1: entry(5 * MIB, 4 * MIB), 3: good}, 'M5', 'ends before it begins', {3}),
                 'a little backwards': ({1: entry(5000, 4998), 3: good}, 'M5', 'ends before it begins', {3}),
                 'far backwards': ({1: entry(1 << 33, 5000), 3: good}, 'M5', 'ends before it begins', {3}),
                 'nothing': ({1: entry(5 * MIB, 5 * MIB - 1), 3: good}, 'M5', 'ends before it begins', {3}),
                 'beyond the end': ({1: entry(22 * MIB, SMALL), 3: good}, 'M6', 'too big for the disk', {1, 3})}
        for name, (entries, site, words, numbers) in cases.items():
            with self.subTest(name=name):
                make(self.image, entries)
                self.assertIn(words, run(SGDISK, '-v', self.image))
                header, partitions = ours(self.image)
                self.assertEqual(header['site'], site)
                theirs = meant(of_sfdisk(self.image))[1]
                self.assertEqual(partitions, [item for item in theirs if item['number'] in numbers])

    def test_a_partition_from_sector_0_is_none(self):
        make(self.image, {1: entry(0, MIB), 3: entry(4 * MIB, 5 * MIB)})
        header, partitions = ours(self.image)
        self.assertEqual((header['site'], [item['number'] for item in partitions]), ('M5', [3]))

    def test_a_partition_may_touch_the_next(self):
        make(self.image, {1: entry(5000, 5999), 2: entry(4000, 4999), 3: entry(6000, 6000), 4: entry(3999, 3999)})
        self.assertEqual(self.agree(self.image), 4)

    def test_more_than_are_held(self):
        for count in (HELD, HELD + 1, 100):
            with self.subTest(count=count):
                make(self.image, {slot: entry(MIB + slot * 100, MIB + slot * 100 + 99)
                                  for slot in range(1, count + 1)})
                header, partitions = ours(self.image)
                self.assertEqual(partitions, meant(of_sfdisk(self.image))[1][:HELD])
                self.assertEqual((header['status'], header['site']),
                                 ('ok', '') if count <= HELD else ('unsupported', 'M4'))

    def test_slots_whose_number_is_not_held(self):
        for slot in (254, 255, 256, 257, 512, 1024):
            with self.subTest(slot=slot):
                make(self.image, {1: entry(4 * MIB, 5 * MIB), slot: entry(6 * MIB, 7 * MIB)}, count=1024)
                if slot <= 255:
                    self.assertEqual(self.agree(self.image), 2)
                    continue
                header, partitions = ours(self.image)
                self.assertEqual(partitions, meant(of_sfdisk(self.image))[1][:1])
                self.assertEqual((header['status'], header['site']), ('unsupported', 'M4'))


if __name__ == '__main__':
    unittest.main()
