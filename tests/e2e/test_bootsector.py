# SPDX-License-Identifier: MIT
"""The floppy's boot sector, on floppies that mtools made: what it loads, what it reads for that, and how it fails.

Owns the floppies it boots. mtools is the oracle: mformat writes the BPB into our sector, mcopy allocates, mshowfat
tells where a file lies, and what was scattered by hand is copied out again before it is booted. Takes fat12.bin from
$MKB_BUILD (default: build).
"""
import os
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import time
import unittest

from programs import assemble, checksum
from qemu import PATIENCE, PAYLOAD_EXIT, Machine

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get('MKB_BUILD', HERE.parent.parent / 'build'))
SECTOR, NAME_AT, ENTRY = 512, 0x1F3, 32
LOAD_BASE, LOAD_END = 0x20000, 0x80000
MAGIC, STACK = 0x4654, 0x7C00
FOREVER = 0xFFFF
MEDIA = (720, 1200, 1440, 2880)
SCRATCH = None


def setUpModule():
    global SCRATCH, BOOT, PAYLOAD, SHIM
    SCRATCH = tempfile.TemporaryDirectory(prefix='mkb-boot-')
    built = BUILD / 'fat12.bin'
    BOOT = built.read_bytes()
    PAYLOAD = assemble('bootsector_payload')
    SHIM = assemble('shim')


def tearDownModule():
    SCRATCH.cleanup()


def scratch(name):
    return pathlib.Path(SCRATCH.name, name)


def run(*words):
    """Output of a tool that has to succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          env=dict(os.environ, MTOOLS_SKIP_CHECK='1'))
    if done.returncode:
        raise AssertionError('%s: %s%s' % (' '.join(map(str, words))[:200], done.stdout, done.stderr))
    return done.stdout


def boot_file(size, seed=1):
    """The payload, drawn out to an even size by noise."""
    assert size % 2 == 0 and size > SECTOR
    return PAYLOAD[:4] + struct.pack('<I', size) + PAYLOAD[8:] + random.Random(seed).randbytes(size - SECTOR)


class Floppy:
    """A floppy image with our boot sector. Layout figures come from its BPB."""

    def __init__(self, size=1440):
        self.path = scratch('floppy.img')
        self.path.unlink(missing_ok=True)
        scratch('boot.bin').write_bytes(BOOT)
        run('mformat', '-C', '-i', self.path, '-f', size, '-N', '12345678', '-B', scratch('boot.bin'), '::')
        bpb = self.path.read_bytes()[:SECTOR]
        (self.cluster, self.reserved, fats, entries, self.sectors, _, self.fat_size, self.track,
         self.heads) = struct.unpack_from('<BHBHHBHHH', bpb, 0x0D)
        self.root = self.reserved + fats * self.fat_size
        self.data = self.root + entries * ENTRY // SECTOR
        self.fats = fats
        self.file = b''

    # ---- what is on it ----

    def add(self, name, data):
        scratch('file').write_bytes(data)
        run('mcopy', '-i', self.path, scratch('file'), '::' + name)

    def add_boot_file(self, size, name='STAGE2.BIN'):
        self.file = boot_file(size)
        self.add(name, self.file)
        self.entry = self.slot(b'%-8s%-3s' % tuple((name + '.').encode().split(b'.')[:2]))

    def crumble(self, count):
        """Files of one cluster each, every other one deleted: what comes next lies in the holes."""
        folder = scratch('crumbs')
        folder.mkdir(exist_ok=True)
        names = ['C%04d' % n for n in range(count)]
        for name in names:
            (folder / name).write_bytes(b'c')
        run('mmd', '-i', self.path, '::CRUMBS')
        run('mcopy', '-i', self.path, *(folder / name for name in names), '::CRUMBS')
        run('mdel', '-i', self.path, *('::CRUMBS/' + name for name in names[::2]))

    def patch(self, at, data):
        with open(self.path, 'r+b') as image:
            image.seek(at)
            image.write(data)

    def read(self, at, size):
        with open(self.path, 'rb') as image:
            image.seek(at)
            return image.read(size)

    def slot(self, name):
        """Byte offset of a root directory entry by its eleven characters."""
        root = self.read(self.root * SECTOR, (self.data - self.root) * SECTOR)
        return next(self.root * SECTOR + at for at in range(0, len(root), ENTRY) if root[at:at + 11] == name)

    def next(self, cluster, value=None):
        """A FAT entry, read or (in every FAT) set."""
        at = self.reserved * SECTOR + cluster * 3 // 2
        word, = struct.unpack('<H', self.read(at, 2))
        if value is not None:
            word = word & 0x000F | value << 4 if cluster & 1 else word & 0xF000 | value
            for n in range(self.fats):
                self.patch(at + n * self.fat_size * SECTOR, struct.pack('<H', word))
        return word >> 4 if cluster & 1 else word & 0xFFF

    def chain(self, name='STAGE2.BIN'):
        """The clusters of a file, as mtools sees them."""
        spans = re.findall(r'<(\d+)(?:-(\d+))?>', run('mshowfat', '-i', self.path, '::' + name))
        return [cluster for first, last in spans for cluster in range(int(first), int(last or first) + 1)]

    def scatter(self, seed):
        """The boot file again, its clusters in random order all over the medium."""
        chain, rng = self.chain(), random.Random(seed)
        last = (self.sectors - self.data) // self.cluster + 1
        places = rng.sample(range(2, last + 1), len(chain))
        for cluster in chain:
            self.next(cluster, 0)
        size = self.cluster * SECTOR
        for n, place in enumerate(places):
            self.next(place, places[n + 1] if n + 1 < len(places) else 0xFFF)
            self.patch((self.data + (place - 2) * self.cluster) * SECTOR, self.file[n * size:(n + 1) * size])
        self.patch(self.entry + 26, struct.pack('<H', places[0]))
        scratch('out').unlink(missing_ok=True)
        run('mcopy', '-n', '-i', self.path, '::STAGE2.BIN', scratch('out'))
        assert scratch('out').read_bytes() == self.file

    # ---- what has to be read ----

    def fat_windows(self, chain):
        """FAT sectors in the order they are needed by one window and a walk along the chain."""
        windows = []
        for cluster in chain:
            for byte in (cluster * 3 // 2, cluster * 3 // 2 + 1):
                if windows[-1:] != [self.reserved + byte // SECTOR]:
                    windows.append(self.reserved + byte // SECTOR)
        return windows

    def file_commands(self, chain):
        """[(LBA, sectors)]: the fewest reads that load a chain, none over a track's end or a 64 KiB boundary."""
        found, target = [], LOAD_BASE
        for cluster in chain:
            for lba in range(self.data + (cluster - 2) * self.cluster, self.data + (cluster - 1) * self.cluster):
                if found and sum(found[-1]) == lba and lba % self.track and target % 0x10000:
                    found[-1][1] += 1
                else:
                    found.append([lba, 1])
                target += SECTOR
        return [tuple(entry) for entry in found]

    def lba(self, cylinder, head, sector):
        return (cylinder * self.heads + head) * self.track + sector - 1


class Case(unittest.TestCase):
    def check_state(self, said, floppy, drive=0):
        """The contract with the file, and the file itself."""
        self.assertEqual([int(said[key], 16) for key in ('dl', 'si', 'cs', 'ss', 'sp', 'ds', 'es')],
                         [drive, MAGIC, 0x2000, 0, STACK, 0, 0])
        self.assertEqual(int(said['flags'], 16) & 0x600, 0x200, 'interrupts on, direction up')
        self.assertEqual(int(said['sum'], 16), checksum(floppy.file[SECTOR:]))
        for key, lba in (('fat', int(said['bx'], 16)), ('root', int(said['cx'], 16))):
            self.assertEqual(int(said[key], 16), checksum(floppy.read(lba * SECTOR, SECTOR)), key)

    def boots(self, floppy, name='STAGE2.BIN'):
        """Boots a floppy and checks everything that is known about a good start; returns what was said and read."""
        chain = floppy.chain(name)
        with Machine(floppy=floppy.path, trace=True) as machine:
            machine.wait_for('PAYLOAD')
            self.assertEqual(machine.wait_exit(), PAYLOAD_EXIT)
            said, sectors = machine.payload(), [lba for lba, n in machine.reads() for lba in range(lba, lba + n)]
            commands = [floppy.lba(*where) for where in machine.floppy_reads()]
        self.check_state(said, floppy)
        self.assertEqual(int(said['boot'], 16), checksum(floppy.read(0, SECTOR)))

        self.assertEqual((commands[0], sectors[0]), (0, 0))  # the BIOS
        commands, sectors = commands[1:], sectors[1:]
        root = [lba for lba in sectors if floppy.root <= lba < floppy.data]
        fat = [lba for lba in sectors if lba < floppy.root]
        wanted = floppy.file_commands(chain)
        self.assertEqual(root, list(range(floppy.root, floppy.entry // SECTOR + 1)))
        self.assertEqual(fat, floppy.fat_windows(chain))
        self.assertEqual([lba for lba in sectors if lba >= floppy.data],
                         [first + n for first, count in wanted for n in range(count)])
        self.assertEqual([lba for lba in commands if lba >= floppy.data], [first for first, _ in wanted])
        self.assertEqual(len(commands), len(root) + len(fat) + len(wanted))
        self.assertEqual((int(said['bx'], 16), int(said['cx'], 16)), (fat[-1], root[-1]))
        return commands

    def refuses(self, floppy, reason, name='STAGE2  BIN'):
        """The message comes, and after a key the BIOS starts the floppy again."""
        message = re.compile('^Press a key: ' + re.escape(reason + ' ' + name))
        with Machine(floppy=floppy.path) as machine:
            machine.wait_screen(message)
            machine.send_key('spc')
            end = time.monotonic() + PATIENCE
            while sum(bool(message.match(line)) for line in machine.screen()) < 2:
                self.assertLess(time.monotonic(), end, 'no restart')
                time.sleep(0.05)
            self.assertNotIn('PAYLOAD', machine.output)


class Sector(Case):
    def test_shape(self):
        self.assertEqual(len(BOOT), SECTOR)
        self.assertEqual(BOOT[:3], b'\xEB\x3C\x90')
        self.assertEqual(BOOT[NAME_AT:], b'STAGE2  BIN\x55\xAA')

    def test_own_bpb_is_that_of_a_144_floppy(self):
        floppy = Floppy()
        formatted = floppy.read(0, SECTOR)
        self.assertEqual(BOOT[0x0B:0x24], formatted[0x0B:0x24])
        self.assertEqual(BOOT[0x3E:], formatted[0x3E:], 'mformat left the code alone')
        floppy.add_boot_file(4096)
        floppy.patch(0, BOOT)
        self.boots(floppy)


class Loads(Case):
    def test_contiguous_file_on_every_medium(self):
        for size in MEDIA:
            with self.subTest(size):
                floppy = Floppy(size)
                floppy.add_boot_file(40000)
                self.boots(floppy)

    def test_fresh_floppy_costs_one_root_and_one_fat_sector(self):
        floppy = Floppy()
        floppy.add_boot_file(36 * SECTOR)
        # LBA 33 is cylinder 0, head 1, sector 16: 3 sectors to the end of the track, then 18, then 15
        self.assertEqual(self.boots(floppy), [19, 1, 33, 36, 54])

    def test_smallest_files(self):
        for size in (SECTOR + 2, 2 * SECTOR, 2 * SECTOR + 2):
            with self.subTest(size):
                floppy = Floppy()
                floppy.add_boot_file(size)
                self.boots(floppy)

    def test_every_end_mark(self):
        for mark in range(0xFF8, 0x1000):
            with self.subTest(mark):
                floppy = Floppy()
                floppy.add_boot_file(4096)
                floppy.next(floppy.chain()[-1], mark)
                self.boots(floppy)

    def test_file_in_holes(self):
        """700 crumbs end in the third FAT sector; either 341 or 682, whose entries straddle two, is a hole."""
        for size in MEDIA:
            with self.subTest(size):
                floppy = Floppy(size)
                floppy.crumble(650 if size == 720 else 700)
                floppy.add_boot_file(200000)
                chain = floppy.chain()
                self.assertGreater(len(floppy.file_commands(chain)), 100)
                if size != 720:
                    self.assertTrue({341, 682} & set(chain))
                self.boots(floppy)

    def test_every_parity_at_the_seam_of_two_fat_sectors(self):
        for first in (339, 340, 341, 342, 680, 681, 682, 683):
            with self.subTest(first):
                floppy = Floppy()
                floppy.add('FILL', bytes((first - 2) * SECTOR))
                floppy.add_boot_file(4 * SECTOR)
                self.assertEqual(floppy.chain(), [first, first + 1, first + 2, first + 3])
                self.boots(floppy)

    def test_file_in_random_order(self):
        for size, seed in ((720, 1), (1440, 2), (2880, 3)):
            with self.subTest(size):
                floppy = Floppy(size)
                floppy.add_boot_file(100000)
                floppy.scatter(seed)
                self.boots(floppy)

    def test_file_far_into_the_medium(self):
        for size, filled in ((720, 600000), (1200, 1000000), (1440, 1200000), (2880, 2500000)):
            with self.subTest(size):
                floppy = Floppy(size)
                floppy.add('FILL', bytes(filled))
                floppy.add_boot_file(90000)
                self.boots(floppy)

    def test_more_than_one_64k_page(self):
        for size, length in ((1440, 3 * 65536), (1440, 3 * 65536 + 2), (2880, LOAD_END - LOAD_BASE - SECTOR * 2)):
            with self.subTest(length):
                floppy = Floppy(size)
                floppy.add_boot_file(length)
                self.boots(floppy)

    def test_decoys_before_the_file(self):
        floppy = Floppy()
        for name in 'ABCDE':
            floppy.add(name, b'decoy')
        floppy.add_boot_file(20000)
        for name, new, attributes in ((b'A', b'STAGE2  BIN', 0x08), (b'B', b'STAGE2  BIN', 0x10),
                                      (b'C', b'\xE5TAGE2  BIN', 0x20), (b'D', b'STAGE2  BIN', 0x0F),
                                      (b'E', b'STAGE2  BIO', 0x20)):
            floppy.patch(floppy.slot(name.ljust(11)), new + bytes([attributes]))
        floppy.chain = lambda name, chain=list(range(7, 7 + 40)): chain
        self.boots(floppy)

    def test_hidden_system_read_only_file(self):
        floppy = Floppy()
        floppy.add_boot_file(20000)
        run('mattrib', '+h', '+s', '+r', '-i', floppy.path, '::STAGE2.BIN')
        self.assertEqual(floppy.read(floppy.entry + 11, 1)[0] & 7, 7)
        self.boots(floppy)

    def test_name_in_later_root_sectors(self):
        for size, files in ((720, 16), (1200, 40), (1440, 223), (2880, 239)):
            with self.subTest(size):
                floppy = Floppy(size)
                folder = scratch('many')
                folder.mkdir(exist_ok=True)
                names = [folder / ('F%d' % n) for n in range(files)]
                for name in names:
                    name.write_bytes(b'')
                run('mcopy', '-i', floppy.path, *names, '::')
                floppy.add_boot_file(20000)
                self.assertEqual(floppy.entry, floppy.root * SECTOR + files * ENTRY)
                self.boots(floppy)

    def test_patched_name(self):
        floppy = Floppy()
        floppy.add_boot_file(8192)
        floppy.add_boot_file(180000, 'NTLDR')
        floppy.patch(NAME_AT, b'NTLDR      ')
        self.boots(floppy, 'NTLDR')

    def test_stick_with_another_geometry(self):
        """SeaBIOS calls it 80h, thinks that a track has 90 sectors, and tells 26: no CHS read could be right."""
        floppy = Floppy()
        floppy.crumble(300)
        floppy.add_boot_file(150000)
        drive = 'if=none,id=stick,format=raw,file=%s' % floppy.path
        with Machine(extra=('-device', 'usb-ehci', '-drive', drive, '-device', 'usb-storage,drive=stick')) as machine:
            machine.wait_for('PAYLOAD')
            said = machine.payload()
        self.check_state(said, floppy, drive=0x80)
        patched = bytearray(floppy.read(0, SECTOR))
        patched[0x24] = 0x80
        self.assertEqual(int(said['boot'], 16), checksum(patched))


class Refuses(Case):
    def test_missing_file(self):
        self.refuses(Floppy(), 'no')

    def test_missing_file_in_a_full_directory(self):
        """What follows the directory looks like the entry, but is not one."""
        floppy = Floppy(720)
        floppy.patch(floppy.root * SECTOR, (b'OTHER   BIN' + b'\x20' + bytes(20)) * 112)
        floppy.patch(floppy.data * SECTOR, b'STAGE2  BIN' + b'\x20' + bytes(14) + b'\x05' + bytes(5))
        self.refuses(floppy, 'no')

    def test_missing_patched_name(self):
        floppy = Floppy()
        floppy.add_boot_file(8192)
        floppy.patch(NAME_AT, b'NTLDR      ')
        self.refuses(floppy, 'no', 'NTLDR')

    def test_damaged_chains(self):
        for what, at, value in (('loop', 9, 2), ('loop of one', 9, 11), ('free', 9, 0), ('one', 9, 1),
                                ('bad', 9, 0xFF7), ('reserved', 9, 0xFF0)):
            with self.subTest(what):
                floppy = Floppy()
                floppy.add_boot_file(20000)
                floppy.next(floppy.chain()[at], value)
                self.refuses(floppy, '!!')

    def test_bad_first_clusters(self):
        for first in (0, 1, 0xFF0, 0xFF7, 0xFFF):
            with self.subTest(first):
                floppy = Floppy()
                floppy.add_boot_file(20000)
                floppy.patch(floppy.entry + 26, struct.pack('<H', first))
                self.refuses(floppy, '!!')

    def test_file_that_does_not_fit(self):
        for length in (LOAD_END - LOAD_BASE, LOAD_END - LOAD_BASE + 2, 600000):
            with self.subTest(length):
                floppy = Floppy()
                floppy.add_boot_file(length)
                self.refuses(floppy, '!!')


class BadFloppy(Case):
    """Under the shim: what a BIOS reports that cannot read, and what one does to the registers."""

    def shimmed(self, lba, times, status=4, dirty=0):
        floppy = Floppy()
        floppy.add_boot_file(36 * SECTOR)
        real = floppy.sectors - 1
        floppy.patch(real * SECTOR, floppy.read(0, SECTOR))
        floppy.patch(0, SHIM)
        floppy.patch(2, struct.pack('<HHHHHBB', lba, times, real, floppy.track, floppy.heads, status, dirty))
        return floppy

    def story(self, floppy):
        """What the shim saw, r E 0 N, up to the payload."""
        with Machine(floppy=floppy.path) as machine:
            machine.wait_for('PAYLOAD')
            self.check_state(machine.payload(), floppy)
            return machine.output.partition('\r\n')[0]

    def test_good_floppy(self):
        self.assertEqual(self.story(self.shimmed(0, 0)), 'rrrrr')

    def test_twice_bad_then_good(self):
        for place, lba, story in (('root', 19, 'E0E0rrrrr'), ('FAT', 1, 'rE0E0rrrr'), ('file', 40, 'rrrE0E0rr'),
                                  ('end', 68, 'rrrrE0E0r')):
            for dirty in (0, 1):
                with self.subTest(place, dirty=dirty):
                    self.assertEqual(self.story(self.shimmed(lba, 2, dirty=dirty)), story)

    def test_bios_that_loses_registers(self):
        self.assertEqual(self.story(self.shimmed(0, 0, dirty=1)), 'rrrrr')

    def test_bad_for_ever(self):
        for place, lba, status in (('root', 19, 0x04), ('FAT', 1, 0x80), ('file', 40, 0x9A), ('end', 68, 0x10)):
            with self.subTest(place):
                floppy = self.shimmed(lba, FOREVER, status)
                self.refuses(floppy, '%02X' % status)


if __name__ == '__main__':
    unittest.main()
