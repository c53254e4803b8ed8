#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our md superblocks against mdadm's answers: those that mdadm itself wrote into files (mdshim.c stands in for a kernel
with md), and, for the states that only a running kernel leaves, those written here from the layout that the kernel
documents (md_p.h, md(4)). Random, but the same every time."""
import calendar
import contextlib
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DUMP = os.path.join(os.environ.get('MKB_BUILD', 'build'), 'tests/diff/mddump')
MDADM = '/sbin/mdadm' if os.path.exists('/sbin/mdadm') else 'mdadm'
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
MAGIC = 0xA92B4EFC
SPARE, FAULTY, JOURNAL = 0xFFFF, 0xFFFE, 0xFFFD
# States of a device, 0.90.
IS_FAULTY, IS_ACTIVE, IS_SYNC, IS_REMOVED = 1, 2, 4, 8
GOOD, GONE = IS_ACTIVE | IS_SYNC, IS_FAULTY | IS_REMOVED
RECOVERY_OFFSET = 2  # a feature, 1.0
RAID10_LAYOUT = 0x102  # mdadm divides by it
NONE = {'status': 'not-found'}
CORRUPT = {'status': 'corrupt'}
SECTORS = 32768 + 77


def place_0_90(sectors):
    return sectors // 128 * 128 - 128


def place_1_0(sectors):
    return (sectors - 16) // 8 * 8


def folded(words):
    total = sum(words)
    return (total + (total >> 32)) & 0xFFFFFFFF


def super_0_90(this=0, devices=((0, GOOD), (1, GOOD)), uuid=bytes(range(16)), level=1, disks=2, events=1, updated=1,
               size=100, minor=90):
    """`devices` by number: (role, state), or None where there is none."""
    words = [0] * 1024
    first, *rest = struct.unpack('<4I', uuid)
    words[0:11] = [MAGIC, 0, minor, 0, 0, first, 1, level & 0xFFFFFFFF, size, len(devices), disks]
    words[13:16] = rest
    words[32:34] = [updated, 1]
    words[39:41] = [events & 0xFFFFFFFF, events >> 32]
    words[64] = RAID10_LAYOUT
    for number, device in enumerate(devices):
        if device is not None:
            words[128 + 32 * number:133 + 32 * number] = [number, 8, 16 * number + 1, *device]
    words[992:997] = words[128 + 32 * this:133 + 32 * this]
    words[38] = folded(words)
    return struct.pack('<1024I', *words)


def super_1_0(place, this=0, roles=(0, 1), uuid=bytes(range(16)), level=1, disks=2, events=1, updated=1, features=0,
              micros=0, max_dev=None):
    """`roles` by number."""
    max_dev = len(roles) if max_dev is None else max_dev
    raw = bytearray(256 + 2 * max_dev)
    struct.pack_into('<4I16s32sQIIQII', raw, 0, MAGIC, 1, features, 0, uuid, b'any:0', 1, level & 0xFFFFFFFF,
                     RAID10_LAYOUT, place, 0, disks)
    struct.pack_into('<QQQQII16s', raw, 128, 0, place, place, 8 if features & RECOVERY_OFFSET else 0, this, 0,
                     bytes(16))
    struct.pack_into('<QQQII', raw, 192, updated | micros << 40, events, (1 << 64) - 1, 0, max_dev)
    struct.pack_into(f'<{max_dev}H', raw, 256, *roles, *[SPARE] * (max_dev - len(roles)))
    words = [word[0] for word in struct.iter_unpack('<I', raw[:len(raw) // 4 * 4])]
    words += [struct.unpack('<H', raw[-2:])[0]] if len(raw) % 4 else []
    struct.pack_into('<I', raw, 216, folded(words))
    return bytes(raw)


def ours(image, start=0, sectors=None):
    sectors = os.path.getsize(image) // 512 if sectors is None else sectors
    done = subprocess.run([DUMP, image, str(start), str(sectors)], capture_output=True, check=True)
    return json.loads(done.stdout)


def examine(image):
    """What `mdadm --examine` prints."""
    done = subprocess.run([MDADM, '--examine', image.name], cwd=image.parent, capture_output=True, text=True,
                          check=False, env={**os.environ, 'TZ': 'UTC', 'LC_ALL': 'C'})
    return done.stdout if done.returncode == 0 else ''


def devices_of(text):
    """Of 0.90: {number: (role, state words)}, with 'this' for this device."""
    rows = re.findall(r'^ *(this|\d+) +(?:\d+ +)?\d+ +\d+ +\d+ +(-?\d+) +(.*)$', text.split('RaidDevice State')[1],
                      re.MULTILINE)
    return {number if number == 'this' else int(number): (int(role), set(state.split()))
            for number, role, state in rows}


def roles_0_90(text, disks):
    devices = devices_of(text)
    role, state = devices['this']
    if 'faulty' in state:
        role = FAULTY
    elif 'spare' in state:
        role = SPARE
    other = devices[1 - role][1] if disks == 2 and role < 2 else {'sync'}
    return {'role': role, 'in_sync': role < disks and 'sync' in state,
            'other_faulty': 'sync' not in other or bool(other & {'faulty', 'removed'})}


def roles_1_0(text, disks):
    said = re.search(r'Device Role : (.*)', text)[1]
    number = re.fullmatch(r'(?:Active|Replacement) device (\d+)', said)
    role = int(number[1]) if number else {'spare': SPARE, 'Faulty': FAULTY, 'Journal': JOURNAL}[said]
    array = re.search(r'Array State : (\S+)', text)[1]
    return {'role': role, 'in_sync': role < disks and 'Recovery Offset' not in text,
            'other_faulty': disks == 2 and role < 2 and array[1 - role] == '.'}


def theirs(image):
    """mdadm's account of a superblock, in our words."""
    text = examine(image)
    said = dict(re.findall(r'^ +([A-Z][A-Za-z ]*?) : (.*)$', text, re.MULTILINE))
    if not re.match(r'0\.90\.|1\.0$', said.get('Version', '')):
        return NONE
    if 'expected' in said['Checksum']:
        return CORRUPT
    old = said['Version'] != '1.0'
    uuid = bytes.fromhex(said['UUID' if old else 'Array UUID'].split()[0].replace(':', ''))
    if old:  # printed as four numbers
        uuid = struct.pack('<4I', *struct.unpack('>4I', uuid))
    disks = int(said['Raid Devices'])
    updated = calendar.timegm(time.strptime(said['Update Time'], '%a %b %d %H:%M:%S %Y'))
    return {'status': 'ok', 'minor': 90 if old else 0, 'uuid': uuid.hex(), 'level': level_of(said['Raid Level']),
            'disks': disks, 'events': int(said['Events']), 'updated': updated,
            **(roles_0_90(text, disks) if old else roles_1_0(text, disks))}


def level_of(words):
    return {'linear': -1, 'multipath': -4}[words] if words[:4] != 'raid' else int(words[4:])


def change(image, offset, value=None):
    """Turn over the lowest bit of a byte, or put bytes there."""
    with open(image, 'r+b') as file:
        file.seek(offset)
        value = bytes([file.read(1)[0] ^ 1]) if value is None else value
        file.seek(offset)
        file.write(value)


class Md(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.image = self.blank('member', SECTORS)

    def blank(self, name, sectors):
        with open(self.folder / name, 'wb') as file:
            file.truncate(sectors * 512)
        return self.folder / name

    def agree(self, image, **known):
        """Ours is mdadm's, and has these values."""
        found = ours(image)
        expected = theirs(image)
        if known.get('role') == FAULTY and not known.get('minor'):
            self.assertEqual(expected.pop('role'), SPARE)  # of 1.0 mdadm calls both a spare
            expected['role'] = FAULTY
        self.assertEqual(found, expected)
        self.assertEqual({key: found.get(key) for key in known}, known)

    @contextlib.contextmanager
    def turned_over(self, offset):
        change(self.image, offset)
        try:
            yield
        finally:
            change(self.image, offset)

    def write_0_90(self, **fields):
        sectors = os.path.getsize(self.image) // 512
        change(self.image, place_0_90(sectors) * 512, super_0_90(**fields))

    def write_1_0(self, **fields):
        place = place_1_0(os.path.getsize(self.image) // 512)
        change(self.image, place * 512, super_1_0(place, **fields))


class MadeByMdadm(Md):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=MEMORY)
        cls.addClassCleanup(folder.cleanup)
        cls.shim = os.path.join(folder.name, 'mdshim.so')
        subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o',
                        cls.shim, HERE / 'mdshim.c', '-ldl'], check=True)

    def mdadm(self, *words):
        done = subprocess.run([MDADM, *map(str, words)], cwd=self.folder, capture_output=True, text=True, check=False,
                              env={**os.environ, 'LD_PRELOAD': self.shim})
        if done.returncode != 0:  # another release of mdadm may ask the kernel for something else
            self.skipTest(f'mdadm {" ".join(map(str, words))}: {done.stderr}')

    def create(self, *words, level=1, metadata='1.0', names='ab', sectors=SECTORS):
        """Names the members made; those in `words` after the names are missing or spare."""
        for name in names:
            self.blank(name, sectors)
        self.mdadm('--create', '/dev/md77', '--run', '--config=none', f'--level={level}', f'--metadata={metadata}',
                   *words)
        return [self.folder / name for name in names]

    def test_both_halves(self):
        for metadata, minor in (('0.90', 90), ('1.0', 0)):
            uuid = '00112233:44556677:8899aabb:ccddeeff'
            for role, image in enumerate(self.create('-n2', f'--uuid={uuid}', 'a', 'b', metadata=metadata)):
                with self.subTest(metadata=metadata, role=role):
                    self.agree(image, minor=minor, level=1, disks=2, role=role, in_sync=True, other_faulty=False)
                    self.assertLess(abs(ours(image)['updated'] - time.time()), 600)

    def test_members_of_any_size(self):
        dice = random.Random(90)
        for metadata in ('0.90', '1.0'):
            for _ in range(6):
                sectors = 4096 + dice.randrange(4096)
                with self.subTest(metadata=metadata, sectors=sectors):
                    for role, image in enumerate(self.create('-n2', 'a', 'b', metadata=metadata, sectors=sectors)):
                        self.agree(image, role=role)

    def test_half_of_it_missing_and_a_spare(self):
        for metadata in ('0.90', '1.0'):
            with self.subTest(metadata=metadata):
                good, spare = self.create('-n2', '-x1', 'a', 'missing', 'b', metadata=metadata)
                self.agree(good, role=0, in_sync=True, other_faulty=True)
                self.agree(spare, role=SPARE, in_sync=False, other_faulty=False)
                good, = self.create('-n2', 'missing', 'a', metadata=metadata, names='a')
                self.agree(good, role=1, in_sync=True, other_faulty=True)

    def test_other_arrays(self):
        for metadata in ('0.90', '1.0'):
            for level, disks in ((1, 3), (1, 4), (4, 3), (5, 3), (6, 4), (10, 4)):
                names = 'abcd'[:disks]
                with self.subTest(metadata=metadata, level=level, disks=disks):
                    for role, image in enumerate(self.create(f'-n{disks}', '--assume-clean', *names, level=level,
                                                             metadata=metadata, names=names)):
                        self.agree(image, level=level, disks=disks, role=role, other_faulty=False)

    def test_superblocks_at_the_begin_are_not_ours(self):
        for metadata in ('1.1', '1.2'):
            for image in self.create('-n2', 'a', 'b', metadata=metadata):
                self.assertIn(f'Version : {metadata}', examine(image))
                self.assertEqual(ours(image), NONE)

    def test_after_an_update_and_after_they_are_erased(self):
        for metadata in ('0.90', '1.0'):
            with self.subTest(metadata=metadata):
                images = self.create('-n2', 'a', 'b', metadata=metadata)
                before = ours(images[0])['uuid']
                self.mdadm('--assemble', '/dev/md77', '--run', '--config=none', '--update=uuid',
                           '--uuid=76543210:fedcba98:01234567:89abcdef', 'a', 'b')
                for image in images:
                    self.agree(image)
                    self.assertNotEqual(ours(image)['uuid'], before)
                self.mdadm('--zero-superblock', 'a')
                self.assertEqual([ours(image)['status'] for image in images], ['not-found', 'ok'])

    def test_a_member_in_a_partition(self):
        for metadata in ('0.90', '1.0'):
            images = self.create('-n2', 'a', 'b', metadata=metadata, sectors=4096 + 13)
            disk = self.blank('disk', 20000)
            change(disk, 2049 * 512, images[1].read_bytes())
            self.assertEqual(ours(disk, 2049, 4096 + 13), theirs(images[1]))
            self.assertEqual(ours(disk, 2048, 4096 + 13), NONE)
            self.assertEqual(ours(disk), NONE)

    def test_the_last_partition_does_not_inherit_the_disks_superblock(self):
        """One at the end of a disk says where it lies, and so that it is not the partition's (1.0)."""
        disk, = self.create('-n2', 'a', 'missing', metadata='1.0', names='a', sectors=32768)
        self.assertEqual(ours(disk, 2048, 32768 - 2048), NONE)
        partition = self.blank('partition', 32768 - 2048)
        with open(disk, 'rb') as file:
            file.seek(2048 * 512)
            change(partition, 0, file.read())
        self.assertEqual(theirs(partition), NONE)
        # A superblock of the partition's own is then found, though behind it lies the disk's.
        place = place_0_90(32768 - 2048)
        change(partition, place * 512, super_0_90())
        change(disk, (2048 + place) * 512, super_0_90())
        self.assertEqual(ours(disk, 2048, 32768 - 2048), theirs(partition))
        self.agree(partition, minor=90)


class Written(Md):
    """States that a kernel leaves, and numbers of all sizes."""

    def test_places_for_members_of_any_size(self):
        for sectors in [*range(2048, 2048 + 129), 6 << 31, (6 << 31) + 127]:
            with self.subTest(sectors=sectors):
                self.image = self.blank('member', sectors)
                self.write_0_90()
                self.agree(self.image, minor=90)
                self.image = self.blank('member', sectors)
                self.write_1_0()
                self.agree(self.image, minor=0)

    def test_members_that_are_too_small(self):
        for sectors in (0, 1, 15, 16, 24, 127, 128, 255):
            self.assertEqual(ours(self.blank('member', sectors)), NONE)
        for sectors in (256, 257, 384):
            self.assertEqual(ours(self.blank('member', sectors)), NONE)
            self.image = self.blank('member', sectors)
            self.write_0_90(size=sectors // 128 * 64 - 64)
            self.assertEqual(ours(self.image)['status'], 'ok')

    def test_random_numbers(self):
        dice = random.Random(9)
        for _ in range(40):
            fields = {'uuid': dice.randbytes(16), 'level': dice.choice([1, 1, 0, 5, 6, 10, -1]), 'events':
                      dice.choice([0, 1, 0xFFFFFFFF, 1 << 32, dice.getrandbits(40)]), 'updated':
                      dice.choice([0, 1, dice.getrandbits(31)]), 'disks': dice.choice([2, 2, 3, 10])}
            with self.subTest(**fields):
                self.image = self.blank('member', SECTORS)
                self.write_1_0(micros=dice.getrandbits(24), **fields)
                self.agree(self.image, updated=fields['updated'], events=fields['events'])
                self.image = self.blank('member', SECTORS)
                self.write_0_90(**fields)
                self.agree(self.image, updated=fields['updated'], events=fields['events'], uuid=fields['uuid'].hex())

    def test_seconds_after_2038_and_2106(self):
        self.write_1_0(updated=(1 << 32) + 5, micros=1)
        self.agree(self.image, updated=(1 << 32) + 5)
        self.image = self.blank('member', SECTORS)
        self.write_0_90(updated=0xFFFFFFF0)
        self.assertEqual(ours(self.image)['updated'], 0xFFFFFFF0)

    def test_0_90_after_each_thing_that_happens(self):
        cases = {'the other failed, and was seen': (0, [(0, GOOD), (1, GONE), (2, IS_FAULTY)], 0, True, True),
                 'the first failed': (1, [(0, GONE), (1, GOOD)], 1, True, True),
                 'only marked faulty': (0, [(0, GOOD), (1, IS_FAULTY)], 0, True, True),
                 'only removed': (0, [(0, GOOD), (1, IS_REMOVED)], 0, True, True),
                 'faulty, and still called in sync': (0, [(0, GOOD), (1, GOOD | IS_FAULTY)], 0, True, True),
                 'never there': (0, [(0, GOOD), None], 0, True, True),
                 'a spare is being copied to': (0, [(0, GOOD), (1, GONE), (2, 0)], 0, True, True),
                 'the spare itself': (2, [(0, GOOD), (1, GONE), (2, 0)], SPARE, False, False),
                 'a spare beside both': (1, [(0, GOOD), (1, GOOD), (2, 0)], 1, True, False),
                 'this one failed': (0, [(0, IS_FAULTY), (1, GOOD)], FAULTY, False, False),
                 'write-mostly': (0, [(0, GOOD | 1 << 9), (1, GOOD | 1 << 9)], 0, True, False)}
        for name, (this, devices, role, in_sync, other_faulty) in cases.items():
            with self.subTest(name=name):
                self.write_0_90(this=this, devices=devices)
                self.agree(self.image, minor=90, role=role, in_sync=in_sync, other_faulty=other_faulty)

    def test_1_0_after_each_thing_that_happens(self):
        cases = {'both well': (0, [0, 1], 0, True, False),
                 'the other failed': (0, [0, FAULTY], 0, True, True),
                 'the first failed': (1, [FAULTY, 1], 1, True, True),
                 'the other was removed': (0, [0, SPARE], 0, True, True),
                 'a third in the place of the second': (0, [0, FAULTY, 1], 0, True, False),
                 'that third itself': (2, [0, FAULTY, 1], 1, True, False),
                 'exchanged': (0, [1, 0], 1, True, False),
                 'a spare': (2, [0, 1, SPARE], SPARE, False, False),
                 'a spare beside one half': (2, [0, FAULTY, SPARE], SPARE, False, False),
                 'this one failed': (0, [FAULTY, 1], FAULTY, False, False),
                 'no role at all': (5, [0, 1], SPARE, False, False),
                 'a hundred came and went': (99, [0, *[FAULTY] * 98, 1], 1, True, False)}
        for name, (this, roles, role, in_sync, other_faulty) in cases.items():
            with self.subTest(name=name):
                self.write_1_0(this=this, roles=roles)
                self.agree(self.image, role=role, in_sync=in_sync, other_faulty=other_faulty)

    def test_1_0_while_it_is_copied_to(self):
        self.write_1_0(this=1, features=RECOVERY_OFFSET)
        self.agree(self.image, role=1, in_sync=False, other_faulty=False)

    def test_three_disks_say_nothing_of_the_other(self):
        self.write_1_0(disks=3, roles=[0, FAULTY, FAULTY])
        self.agree(self.image, disks=3, other_faulty=False)
        self.image = self.blank('member', SECTORS)
        self.write_0_90(disks=3, devices=[(0, GOOD), (1, GONE), (2, GONE)])
        self.agree(self.image, disks=3, other_faulty=False)

    def test_lists_of_roles_of_any_length(self):
        for length in (1, 2, 3, 127, 128, 129, 384):
            with self.subTest(length=length):
                self.write_1_0(roles=[0], max_dev=length)
                self.agree(self.image, role=0, other_faulty=True)
        self.write_1_0(roles=[0], max_dev=1920)  # as many as the kernel takes; mdadm takes fewer
        self.assertEqual(ours(self.image)['role'], 0)

    def test_a_reshape_in_progress_is_left_alone(self):
        self.write_0_90(minor=91)
        self.assertEqual(ours(self.image), NONE)


class Damaged(Md):
    def test_every_byte_of_0_90(self):
        self.write_0_90()
        at = place_0_90(SECTORS) * 512
        dice = random.Random(4096)
        for offset in [*range(0, 16), *range(16, 4096, 61), *dice.sample(range(4096), 32)]:
            with self.subTest(offset=offset), self.turned_over(at + offset):
                # The magic number and the version are how it is known.
                expected = NONE if offset < 12 else CORRUPT
                self.assertEqual(ours(self.image), expected)
                if not 8 <= offset < 12:
                    self.assertEqual(theirs(self.image), expected)
        self.agree(self.image, status='ok')

    def test_every_byte_of_1_0(self):
        self.write_1_0(roles=[0, 1, SPARE])
        at = place_1_0(SECTORS) * 512
        for offset in range(262):
            with self.subTest(offset=offset), self.turned_over(at + offset):
                expected = NONE if offset < 8 else CORRUPT
                self.assertEqual(ours(self.image), expected)
                if offset == 8:  # mdadm takes away the bit of a bitmap that it does not find, and then sums up
                    self.assertEqual(theirs(self.image)['status'], 'ok')
                elif 144 <= offset < 152 or 222 <= offset < 224:  # the place, and more roles than there can be
                    self.assertEqual(theirs(self.image), NONE)
                else:
                    self.assertEqual(theirs(self.image), expected)
        self.agree(self.image, status='ok')

    def test_what_follows_the_roles_is_nobodys(self):
        self.write_1_0()
        change(self.image, place_1_0(SECTORS) * 512 + 260)
        self.agree(self.image, status='ok')

    def test_another_byte_order(self):
        """0.90 is in the order of the machine that wrote it; that of others is not ours to read."""
        raw = struct.unpack('<1024I', super_0_90())
        change(self.image, place_0_90(SECTORS) * 512, struct.pack('>1024I', *raw))
        self.assertEqual(ours(self.image), NONE)

    def test_where_there_is_none(self):
        self.assertEqual(ours(self.image), NONE)
        self.assertEqual(theirs(self.image), NONE)


if __name__ == '__main__':
    unittest.main()
