#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What we read by path from FAT12, FAT16 and FAT32 volumes against mtools, on volumes mkfs.fat and mtools made. Random,
but the same every time."""
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

FSDUMP = os.path.join(os.environ.get('MKB_BUILD', 'build'), 'tests/diff/fsdump')
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
SECTOR = 512
DIRECTORY = 1
# size, then mkfs.fat's options: the kind of FAT, sectors of a cluster, bytes of a sector
SHAPES = {
    'fat12, clusters of 512': (2 << 20, 12, 1, 512),
    'fat12, clusters of 4096 in sectors of 2048': (12 << 20, 12, 2, 2048),
    'fat16, clusters of 512': (20 << 20, 16, 1, 512),
    'fat16, clusters of 8192 in sectors of 1024': (64 << 20, 16, 8, 1024),
    'fat16, clusters of 65536': (300 << 20, 16, 128, 512),
    'fat16, clusters of 65536 in sectors of 4096': (300 << 20, 16, 16, 4096),
    'fat32, clusters of 512': (40 << 20, 32, 1, 512),
    'fat32, clusters of 4096': (300 << 20, 32, 8, 512),
    'fat32, clusters of 32768 in sectors of 4096': (3 << 30, 32, 8, 4096),
    'fat32, clusters of 65536': (5 << 30, 32, 128, 512),
}
NAMES = ('Größe und Maß.txt', 'ΑΒΓαβγδε', 'Привет мир.док', '日本語のファイル.txt', '한국어', 'MiXeD.CaSe', 'lower.txt',
         'UPPER.TXT', 'UPPER.low', 'ñandú ÇŁŻ', 'a.b.c.d', 'name of thirteen'[:13], 'twenty-six letters in name',
         'x' * 200, '+,;=[]', 'NOEXT')


def run(*command, text=None):
    environment = dict(os.environ, LC_ALL='C.UTF-8', MTOOLS_SKIP_CHECK='1',
                       PATH=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    done = subprocess.run([str(word) for word in command], input=text, capture_output=True, env=environment)
    if done.returncode:
        raise AssertionError('%s: exit %d: %s' % (' '.join(map(str, command))[:300], done.returncode,
                                                  (done.stdout[-200:] + done.stderr[-500:]).decode('utf-8', 'replace')))
    return done.stdout


class Volume:
    """An image, how mtools sees it and how we do."""

    def __init__(self, image, size, bits, cluster_sectors, sector):
        with open(image, 'wb') as file:
            file.truncate(size)
        run('mkfs.fat', '-F', bits, '-s', cluster_sectors, '-S', sector, '--invariant', '-n', 'LABEL', image)
        self.image, self.bits, self.sectors = image, bits, size // SECTOR
        self.sector, self.cluster = sector, cluster_sectors * sector
        with open(image, 'rb') as file:
            boot = file.read(SECTOR)
        reserved, fats, root, fat16 = *struct.unpack_from('<HBH', boot, 14), struct.unpack_from('<H', boot, 22)[0]
        fat = fat16 or struct.unpack_from('<I', boot, 36)[0]
        self.fat_at = reserved * sector
        self.data_at = self.fat_at + fats * fat * sector + -(-root * 32 // sector) * sector

    def ours(self, *words):
        return run(FSDUMP, self.image, 0, self.sectors, *words)

    def json(self, *words):
        return [json.loads(line) for line in self.ours(*words).splitlines()]

    def tree(self):
        return {entry['path'].lstrip('/'): entry for entry in self.json('tree')}

    def mtools(self, command, *words):
        return run(command, '-i', self.image, *words)

    def their_tree(self, scratch):
        """path -> contents, None for a directory: the names as mdir lists them, the bytes as mcopy reads them."""
        out = scratch / 'out'
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        self.mtools('mcopy', '-s', '-n', '::*', out)
        names = self.mtools('mdir', '-b', '-a', '-/', '::').decode().splitlines()
        tree = {name[3:].rstrip('/'): None for name in names if name.endswith('/')}
        return tree | {name[3:]: (out / name[3:]).read_bytes() for name in names if not name.endswith('/')}

    def their_extents(self, path):
        """From mshowfat's clusters: '::/path <5-217> <300>'."""
        found = []
        text = self.mtools('mshowfat', '::/' + path).decode().split(path, 1)[1]
        for first, last in re.findall(r'<(\d+)(?:-(\d+))?>', text):
            count = int(last or first) - int(first) + 1
            found.append((self.data_at // SECTOR + (int(first) - 2) * self.cluster // SECTOR,
                          count * self.cluster // SECTOR))
        return found

    def write(self, offset, data):
        with open(self.image, 'r+b') as file:
            file.seek(offset)
            file.write(data)

    def flip(self, offset, bits):
        with open(self.image, 'rb') as file:
            file.seek(offset)
            byte = file.read(1)[0]
        self.write(offset, bytes([byte ^ bits]))


def merged(extents, size):
    """Extents without seams, cut behind the last sector of the file."""
    out, left = [], -(-size // SECTOR)
    for lba, sectors in extents:
        sectors = min(sectors, left)
        left -= sectors
        if out and sum(out[-1]) == lba:
            out[-1] = (out[-1][0], out[-1][1] + sectors)
        elif sectors:
            out.append((lba, sectors))
    return out


class Fat(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(dir=MEMORY, prefix='mkb-fat-')
        self.addCleanup(self.scratch.cleanup)
        self.directory = pathlib.Path(self.scratch.name)
        self.dice = random.Random(16)

    def source(self, files):
        """The files as mcopy takes them."""
        root = self.directory / 'source'
        shutil.rmtree(root, ignore_errors=True)
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        return sorted(root.iterdir())

    def put(self, volume, files):
        volume.mtools('mcopy', '-s', '-n', '-o', *self.source(files), '::')

    def fragment(self, volume):
        """Every other of many files goes, and what comes next lies in the gaps: all the rest is taken."""
        gap = max(volume.cluster, 4096)
        names = ['F%03d' % number for number in range(60)]
        self.put(volume, {name: self.dice.randbytes(gap) for name in names} | {'last': self.dice.randbytes(gap)})
        volume.mtools('mdel', *('::' + name for name in names[::2]))
        if volume.bits == 32:  # it would go on behind the last cluster taken: FSInfo says where
            volume.write(volume.sector + 0x1EC, struct.pack('<I', 2))
        content = self.dice.randbytes(gap * 20 - 1000)
        self.put(volume, {'fragmented': content})
        return content

    def check(self, volume):
        """The whole tree, by the names and by the bytes, and against the files it was made of."""
        run('fsck.fat', '-n', volume.image)
        theirs, ours = volume.their_tree(self.directory), volume.tree()
        self.assertEqual([(path, entry['status']) for path, entry in ours.items() if entry['status'] != 'ok'], [])
        self.assertEqual(sorted(ours), sorted(theirs))
        for path, content in theirs.items():
            entry = ours[path]
            self.assertEqual(entry['listed'][1] & DIRECTORY, DIRECTORY if content is None else 0, path)
            if content is not None:
                self.assertEqual((entry['bytes'], entry['listed'][0], entry['crc']),
                                 (len(content), len(content), zlib.crc32(content)), path)
        return theirs

    def check_extents(self, volume, path, size):
        self.assertEqual(merged(volume.json('extents', path)[0], size), merged(volume.their_extents(path), size), path)

    def test_every_shape(self):
        for name, shape in SHAPES.items():
            with self.subTest(name):
                volume = Volume(self.directory / 'volume', *shape)
                content = self.fragment(volume)
                files = {'WINNT/SYSTEM32/CONFIG/SYSTEM': self.dice.randbytes(150001), 'WINNT/empty': b'',
                         'deep/' * 15 + 'bottom': b'bottom', **{'names/' + name: name.encode() for name in NAMES}}
                self.put(volume, files)
                theirs = self.check(volume)
                self.assertEqual({path: theirs[path] for path in files}, files)
                self.assertEqual(theirs['fragmented'], content)
                self.assertGreater(len(volume.their_extents('fragmented')), 15)
                for path in ('fragmented', 'WINNT/SYSTEM32/CONFIG/SYSTEM'):
                    self.check_extents(volume, path, len(theirs[path]))
                    self.assertEqual(volume.ours('catsmall', path), theirs[path], path)
                self.assertEqual(volume.json('stat'), [{'name': 'fat%d' % volume.bits, 'dirty': False}])

    def test_case_is_ignored(self):
        volume = Volume(self.directory / 'volume', 20 << 20, 16, 1, 512)
        self.put(volume, {'names/' + name: name.encode() for name in NAMES} | {'WINNT/System32/Long Name.dat': b'long'})
        self.check(volume)
        for name in NAMES:
            if 'ß' not in name:
                for variant in (name.swapcase(), name.upper(), name.lower()):
                    self.assertEqual(volume.ours('cat', 'NAMES\\' + variant), name.encode(), variant)
        self.assertEqual(volume.ours('cat', 'NAMES/größe UND maß.TXT'), 'Größe und Maß.txt'.encode())
        for path in ('winnt/system32/long name.DAT', '\\WINNT\\SYSTEM32\\LONGNA~1.DAT', 'winnt//system32/longna~1.dat'):
            self.assertEqual(volume.ours('cat', path), b'long', path)
        for path in ('winnt/system', 'winnt/system32/long name.da', 'nothing', 'LABEL', 'names/lower.txt/x'):
            done = subprocess.run([FSDUMP, volume.image, '0', str(volume.sectors), 'cat', path], capture_output=True)
            self.assertEqual((done.returncode, done.stderr), (3, b'not-found\n'), path)

    def test_thousands_of_files(self):
        for bits, size in ((16, 64 << 20), (32, 80 << 20)):
            volume = Volume(self.directory / 'volume', size, bits, 2, 512)
            files = {}
            for number in range(3000):
                # the number first: mtools tries one short name after the other, in no good time
                form = self.dice.choice(('.DAT', ', a longer name.txt', ' größe', ' файл.док', '文件'))
                files['many/%05d%s' % (number, form)] = b'%d\n' % number
            self.put(volume, files)
            volume.mtools('mdel', *('::' + path for path in list(files)[::3]))  # leaves erased entries behind
            left = dict(item for index, item in enumerate(files.items()) if index % 3)
            listed = volume.mtools('mdir', '-b', '-a', '::many').decode().splitlines()
            self.assertEqual(sorted(path[3:] for path in listed), sorted(left))
            ours = {'many/' + entry['name']: entry['bytes'] for entry in volume.json('ls', 'many')}
            self.assertEqual(ours, {path: len(content) for path, content in left.items()})
            for path in self.dice.sample(sorted(left), 40):
                self.assertEqual(volume.ours('cat', path), left[path], path)

    def test_beyond_two_and_a_hundred_gibibytes(self):
        for size, cluster_sectors in ((3 << 30, 8), (200 << 30, 64)):
            volume = Volume(self.directory / 'volume', size, 32, cluster_sectors, 512)
            late = (size - (100 << 20)) // volume.cluster
            volume.write(volume.sector + 0x1EC, struct.pack('<I', late))  # FSInfo: where to look for free clusters
            content = self.dice.randbytes(500000)
            self.put(volume, {'WINNT/SYSTEM32/CONFIG/SYSTEM': content})
            self.assertGreater(volume.their_extents('WINNT/SYSTEM32/CONFIG/SYSTEM')[0][0] * SECTOR, size - (200 << 20))
            self.assertEqual(volume.ours('cat', 'winnt/system32/config/system'), content)
            self.check_extents(volume, 'WINNT/SYSTEM32/CONFIG/SYSTEM', len(content))

    def test_dirty(self):
        """Microsoft's specification: the boot sector's bit 0 at 25h (FAT32: 41h), set when dirty; in FAT entry 1 the
        highest bit (FAT32: of 28), clear when dirty. FAT32 has the size of its FAT at 25h."""
        for bits, size, boot, entry in ((12, 2 << 20, 0x25, None), (16, 20 << 20, 0x25, (3, 0x80)),
                                        (32, 60 << 20, 0x41, (7, 0x08))):
            volume = Volume(self.directory / 'volume', size, bits, 1, 512)
            with open(volume.image, 'rb') as file:
                self.assertEqual(file.read(0x26)[0x25] & 1, bits == 32)
            places = [(boot, 1)] + ([(volume.fat_at + entry[0], entry[1])] if entry else [])
            self.assertFalse(volume.json('stat')[0]['dirty'], bits)
            for place, bit in places:
                volume.flip(place, bit)
                self.assertTrue(volume.json('stat')[0]['dirty'], (bits, place))
                volume.flip(place, bit)
                self.assertFalse(volume.json('stat')[0]['dirty'], (bits, place))


if __name__ == '__main__':
    unittest.main()
