#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What we read from NTFS against ntfs-3g's tools: volumes that mkntfs and the library of ntfs-3g made, and NTFS 1.2
volumes by a recipe (images/ntfs12.py) that ntfs-3g's tools accept. Random, but the same every time."""
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'images'))
import ntfs12  # noqa: E402

BUILD = os.environ.get('MKB_BUILD', 'build')
FSDUMP = os.path.join(BUILD, 'tests/diff/fsdump')
NTFSMAKE = os.path.join(BUILD, 'tests/diff/ntfsmake')
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
SECTOR = 512
DIRECTORY, RESIDENT, COMPRESSED, SPARSE, ENCRYPTED = 1, 2, 4, 8, 16
SMALL = re.compile(r'^(?:F|a longer name of the file |Größe |Файл |文件|x)?0*(\d+?)(?: ÄÖÜ)?(?:\..*)?$')


def run(*command, text=None):
    environment = dict(os.environ, LC_ALL='C.UTF-8', PATH=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    done = subprocess.run([str(word) for word in command], input=text, capture_output=True, env=environment)
    if done.returncode:
        raise AssertionError('%s: exit %d: %s' % (' '.join(map(str, command)), done.returncode,
                                                  (done.stdout[-200:] + done.stderr).decode('utf-8', 'replace')))
    return done.stdout


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


class Volume:
    """An image of a volume, what ntfs-3g says of it and what we do."""

    def __init__(self, image, cluster, start_lba=0):
        self.image, self.cluster, self.start_lba = image, cluster, start_lba
        self.sectors = os.path.getsize(image) // SECTOR - start_lba

    def ours(self, *words):
        return run(FSDUMP, self.image, self.start_lba, self.sectors, *words)

    def fails(self, *words):
        """The word with which we refuse."""
        done = subprocess.run([FSDUMP, self.image, str(self.start_lba), str(self.sectors), *words], capture_output=True)
        assert done.returncode == 3, (words, done)
        return done.stderr.decode().strip()

    def json(self, *words):
        return [json.loads(line) for line in self.ours(*words).splitlines()]

    def tree(self):
        return {entry['path'].lstrip('/'): entry for entry in self.json('tree')}

    def extents(self, path, size):
        return merged(self.json('extents', path)[0], size)

    def cat(self, path):
        return run('ntfscat', '-q', self.image, path)

    def names(self, path, *options):
        """A directory as ntfsls lists it, "." and ".." left out."""
        lines = run('ntfsls', '-q', *options, '-p', path, self.image).decode().splitlines()
        return sorted(name for name in lines if name not in ('.', '..', ''))

    def runs(self, *which):
        """(VCN, LCN, clusters) of the pieces of an unnamed $DATA, holes left out, as ntfscluster lists them."""
        found, inside = [], False
        for line in run('ntfscluster', '-q', *which, self.image).decode().splitlines():
            if line.startswith('    0x'):
                inside = line.startswith('    0x80')
            elif inside and re.fullmatch(r'[\d\s-]+', line) and line.strip():
                found.append(tuple(map(int, line.split())))
        return sorted(run for run in found if run[1] >= 0)

    def their_extents(self, path, size):
        scale, runs = self.cluster // SECTOR, self.runs('-F', path)
        assert [vcn for vcn, _, _ in runs[1:]] == [vcn + count for vcn, _, count in runs[:-1]], runs
        return merged([(self.start_lba + lcn * scale, count * scale) for _, lcn, count in runs], size)


def mkntfs(image, size, cluster=4096, sector=512):
    with open(image, 'wb') as file:
        file.truncate(size)
    run('mkntfs', '-F', '-Q', '-q', '-T', '-c', cluster, '-s', sector, '-p', 63, '-H', 16, '-S', 63, image)
    return Volume(image, cluster)


def fill(volume, *commands):
    script = ''.join('\t'.join(map(str, command)) + '\n' for command in commands)
    run(NTFSMAKE, volume.image, text=script.encode())


def contents(dice):
    """Files of all kinds of content."""
    text = b''.join(b'%d lines of text, and then one more\r\n' % number for number in range(30000))
    mixed = text[:150000] + dice.randbytes(70000) + bytes(300000) + text[-100001:] + dice.randbytes(4095)
    lone = b''.join(dice.randbytes(4096) if dice.random() < 0.3 else bytes([dice.randrange(256)]) * 4096
                    for _ in range(150))
    return {'text': text, 'mixed': mixed, 'lone': lone, 'random': dice.randbytes(1500001), 'tiny': b'tiny\n',
            'resident': dice.randbytes(300), 'one': dice.randbytes(1), 'empty': b'', 'cluster': dice.randbytes(65536)}


NAMES = ('Größe und Maß.txt', 'ΑΒΓαβγδε', 'Привет мир.док', '日本語のファイル.txt', '한국어', '💾🖴 disk', 'MiXeD.CaSe',
         'a' * 255, 'ñandú ÇŁŻ', 'blank at the end.x y', 'ÿ', 'Ω', '+,;=[]', 'İı', '𐐷𐐨')


class Filled(unittest.TestCase):
    """One volume of each cluster and sector size, with a bit of everything on it."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(dir=MEMORY, prefix='mkb-ntfs-')
        cls.directory = pathlib.Path(cls.scratch.name)
        cls.data = contents(random.Random(12))
        for name, content in cls.data.items():
            (cls.directory / name).write_bytes(content)
        with open(cls.directory / 'islands', 'wb') as file:  # holes between them
            for at in (0, 1 << 20, 7777777):
                file.seek(at)
                file.write(cls.data['random'][:100000])
            file.truncate(12345678)
        cls.data['islands'] = (cls.directory / 'islands').read_bytes()

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def made(self, cluster, sector):
        """The volume, and path -> bytes of what must be on it."""
        volume = mkntfs(self.directory / 'volume', 160 << 20, cluster, sector)
        here = self.directory
        pieces = min(400, len(self.data['random']) // cluster)
        files = {'c/text': 'text', 'c/mixed': 'mixed', 'c/lone': 'lone', 'c/one': 'one'}
        commands = [('compressed', path, here / name) for path, name in files.items()]
        plain = {'WINNT/SYSTEM32/CONFIG/SYSTEM': 'random', 'boot.ini': 'tiny', 'resident': 'resident', 'empty': 'empty',
                 'deep/' + '/'.join('level %d' % level for level in range(60)) + '/bottom': 'mixed',
                 **{'names/' + name: 'one' for name in NAMES}, 'streams': 'cluster', 'valid': 'random',
                 'WINNT/A long name of a file.text': 'text', 'gone': 'text'}
        commands += [('file', path, here / name) for path, name in plain.items()]
        commands += [('sparse', 'islands', here / 'islands'), ('fragment', 'fragmented', here / 'random', pieces),
                     ('attrlist', 'list/ATTR.LST', here / 'random', pieces), ('mkdir', 'empty directory'),
                     ('many', 'many', 1500), ('link', '/WINNT/SYSTEM32/CONFIG/SYSTEM', 'WINNT/another name'),
                     ('stream', '/streams', 'other', here / 'text'), ('valid', '/valid', 700001),
                     ('dosname', '/WINNT/A long name of a file.text', 'ALONGN~1.TEX'), ('delete', '/gone'),
                     ('frag-mft', 'more', 12)]
        fill(volume, *commands)
        files.update(plain)
        expected = {path: self.data[name] for path, name in files.items() if path != 'gone'}
        expected |= {'islands': self.data['islands'], 'fragmented': self.data['random'],
                     'list/ATTR.LST': self.data['random'], 'WINNT/another name': self.data['random'],
                     'valid': self.data['random'][:700001] + bytes(len(self.data['random']) - 700001)}
        return volume, expected

    def check_oracle(self, volume, expected):
        """ntfs-3g's tools accept the volume, and the shapes asked for are there."""
        run('ntfsinfo', '-m', volume.image)
        for path in ('c/text', 'c/mixed', 'c/lone', 'islands', 'fragmented', 'list/ATTR.LST', 'valid', 'streams'):
            self.assertEqual(volume.cat(path), expected[path], path)
        pieces = min(400, len(self.data['random']) // volume.cluster)
        self.assertGreaterEqual(len(volume.runs('-F', '/fragmented')), pieces)
        self.assertGreaterEqual(len(volume.runs('-I', 0)), 12)
        about = run('ntfsinfo', '-F', '/list/ATTR.LST', volume.image).decode()
        records = dict(re.findall(r'attribute \$(\w+) .* from mft record (\d+)', about)[::-1])  # the first of each
        self.assertNotEqual(records['DATA'], records['STANDARD_INFORMATION'])
        if volume.cluster <= 4096:
            stored = sum(count for _, _, count in volume.runs('-F', '/c/mixed')) * volume.cluster
            self.assertLess(stored, len(expected['c/mixed']) // 2)

    def check_tree(self, volume, expected):
        """Each directory's names, and the contents of each file by way of its path."""
        tree = volume.tree()
        self.assertEqual({entry['status'] for entry in tree.values()}, {'ok'})
        directories = [''] + [path for path, entry in tree.items() if entry['flags'] & DIRECTORY]
        self.assertGreater(len(directories), 60)
        for directory in directories:
            ours = sorted(path[len(directory):].lstrip('/') for path in tree if os.path.dirname(path) == directory)
            self.assertEqual(ours, volume.names('/' + directory), directory)
        small = 0
        for path, entry in tree.items():
            content = expected.get(path)
            if path.startswith(('many/', 'more/')):
                content = b'%d\n' % int(SMALL.match(os.path.basename(path)).group(1))
                small += 1
            if content is not None:
                self.assertEqual((entry['bytes'], entry['crc']), (len(content), zlib.crc32(content)), path)
            self.assertEqual(entry['listed'][1] & DIRECTORY, entry['flags'] & DIRECTORY, path)
        self.assertGreater(small, 1500)
        self.assertEqual([path for path in expected if path not in tree], [])
        compressed = COMPRESSED if volume.cluster <= 4096 else 0
        flags = {'c/text': compressed, 'c/lone': compressed, 'islands': SPARSE, 'fragmented': 0, 'resident': RESIDENT,
                 'deep': DIRECTORY, 'WINNT/SYSTEM32/CONFIG/SYSTEM': 0}
        self.assertEqual({path: tree[path]['flags'] for path in flags}, flags)

    def check_files(self, volume, expected):
        for path in ('c/text', 'c/mixed', 'c/lone', 'islands', 'fragmented', 'list/ATTR.LST', 'valid', 'streams',
                     'resident', 'empty', 'c/one'):
            if path != 'islands':
                self.assertEqual(volume.ours('catsmall', path), expected[path], path)
            self.assertEqual(volume.ours('cat', path), expected[path], path)
        for path in ('fragmented', 'list/ATTR.LST', 'WINNT/SYSTEM32/CONFIG/SYSTEM'):
            size = len(expected[path])
            self.assertEqual(volume.extents(path, size), volume.their_extents('/' + path, size), path)
        self.assertEqual(volume.json('extents', 'resident'), [['unsupported']])
        self.assertEqual(volume.json('extents', 'islands')[0][-1], 'unsupported')
        valid = volume.json('extents', 'valid')[0]  # what was never written reads as zeros whatever is written there
        self.assertEqual(valid[-1], 'unsupported')
        whole = 700001 // SECTOR * SECTOR
        self.assertEqual(merged(valid[:-1], len(expected['valid'])), volume.their_extents('/valid', whole))
        self.assertEqual(volume.json('extents', 'empty'), [[]])
        if volume.cluster <= 4096:
            self.assertEqual(volume.json('extents', 'c/mixed'), [['unsupported']])

    def check_names(self, volume, expected):
        system = expected['WINNT/SYSTEM32/CONFIG/SYSTEM']
        for path in ('winnt/system32/config/system', '\\WINNT\\System32\\Config\\SYSTEM', '/WINNT/ANOTHER NAME'):
            self.assertEqual(volume.ours('cat', path), system, path)
        for name in ('GRÖßE UND MAß.TXT', 'αβγΑΒΓΔΕ', 'ПРИВЕТ МИР.ДОК', 'mixed.case', 'A' * 255, 'ÑANDÚ çłż'):
            self.assertEqual(volume.ours('cat', 'names/' + name), self.data['one'], name)
        self.assertIn('ALONGN~1.TEX', volume.names('/WINNT', '-x'))
        self.assertEqual(volume.ours('cat', 'winnt/alongn~1.tex'), self.data['text'])
        for path in ('gone', 'WINNT/nothing', 'no directory/SYSTEM', 'names/💾', 'many/' + 'b' * 255):
            self.assertEqual(volume.fails('cat', path), 'not-found', path)
        self.assertEqual(volume.json('ls', 'empty directory'), [])
        self.assertEqual(volume.json('stat'), [{'name': 'ntfs', 'dirty': False}])

    def check_all(self, cluster, sector):
        volume, expected = self.made(cluster, sector)
        self.check_oracle(volume, expected)
        self.check_tree(volume, expected)
        self.check_files(volume, expected)
        self.check_names(volume, expected)

    def test_clusters_512(self):
        self.check_all(512, 512)

    def test_clusters_1024_sectors_1024(self):
        self.check_all(1024, 1024)

    def test_clusters_4096(self):
        self.check_all(4096, 512)

    def test_clusters_4096_sectors_4096(self):
        self.check_all(4096, 4096)

    def test_clusters_65536(self):
        self.check_all(65536, 512)


class Shapes(unittest.TestCase):
    """Single properties, each on a volume of its own."""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(dir=MEMORY, prefix='mkb-ntfs-')
        self.addCleanup(self.scratch.cleanup)
        self.directory = pathlib.Path(self.scratch.name)
        self.system = random.Random(1).randbytes(300000)
        self.source = self.directory / 'SYSTEM'
        self.source.write_bytes(self.system)

    def test_mft_with_an_attribute_list(self):
        volume = mkntfs(self.directory / 'volume', 64 << 20)
        fill(volume, ('frag-mft', 'many', 500), ('file', 'WINNT/SYSTEM', self.source))
        self.assertGreaterEqual(len(volume.runs('-I', 0)), 500)
        self.assertIn(b'ATTRIBUTE_LIST', run('ntfsinfo', '-i', 0, volume.image))
        tree = volume.tree()
        self.assertEqual({entry['status'] for entry in tree.values()}, {'ok'})
        self.assertEqual(sorted(path[5:] for path in tree if path.startswith('many/')), volume.names('/many'))
        for path, entry in tree.items():
            if path.startswith('many/'):
                self.assertEqual(entry['crc'], zlib.crc32(b'%d\n' % int(SMALL.match(path[5:]).group(1))), path)
        self.assertEqual(volume.ours('cat', 'winnt/system'), self.system)

    def test_behind_a_partition_start(self):
        volume = mkntfs(self.directory / 'volume', 32 << 20)
        fill(volume, ('fragment', 'WINNT/SYSTEM', self.source, 20))
        expected = volume.their_extents('/WINNT/SYSTEM', len(self.system))
        disk = self.directory / 'disk'
        disk.write_bytes(b'\xDB' * 63 * SECTOR + volume.image.read_bytes())
        moved = Volume(disk, 4096, 63)
        self.assertEqual(moved.ours('cat', 'WINNT/SYSTEM'), self.system)
        self.assertEqual(moved.extents('WINNT/SYSTEM', len(self.system)),
                         [(lba + 63, sectors) for lba, sectors in expected])

    def test_first_records_only_in_the_mirror(self):
        volume = mkntfs(self.directory / 'volume', 32 << 20)
        fill(volume, ('file', 'WINNT/SYSTEM', self.source), ('many', 'many', 300))
        with open(volume.image, 'rb') as file:
            boot = file.read(SECTOR)
        mft = struct.unpack_from('<Q', boot, 0x30)[0] * volume.cluster
        whole = volume.image.read_bytes()
        self.assertEqual(whole[mft:mft + 4], b'FILE')
        dice = random.Random(4)
        for number in (0, 1, 2, 3, None):
            for garbage in (bytes(1024), dice.randbytes(1024), b'BAAD' + bytes(1020)):
                with self.subTest(record=number, garbage=garbage[:4]), open(volume.image, 'r+b') as file:
                    file.seek(mft)
                    file.write(whole[mft:mft + 4096])
                    file.seek(mft + (number or 0) * 1024)
                    file.write(garbage if number is not None else garbage * 4)
                    file.flush()
                    self.assertEqual(volume.ours('cat', 'WINNT/SYSTEM'), self.system)
                    self.assertEqual(volume.json('stat')[0], {'name': 'ntfs', 'dirty': False})
                    self.assertEqual(len(volume.json('ls', 'many')), 300)

    def test_cost_of_opening(self):
        """A lookup reads one path down a tree: it costs as good as nothing more among a thousand times the files."""
        cost = {}
        for count in (100, 60000):
            volume = mkntfs(self.directory / ('volume%d' % count), 400 << 20)
            fill(volume, ('many', 'many', count), ('file', 'many/WINNT/SYSTEM32/CONFIG/SYSTEM', self.source))
            self.assertEqual(volume.cat('many/WINNT/SYSTEM32/CONFIG/SYSTEM'), self.system)
            self.assertEqual(len(volume.names('/many')), count + 1)
            cost[count] = volume.json('reads', 'many/winnt/system32/config/system')[0]
        self.assertLessEqual(cost[60000]['sectors'], cost[100]['sectors'] + 24, cost)
        self.assertLessEqual(cost[100]['sectors'], 5 * 16, cost)  # a record and an index block a part of the path
        self.assertLessEqual(cost[60000]['reads'], 12, cost)
        self.assertEqual(cost[60000]['mount_sectors'], cost[100]['mount_sectors'], cost)

    def test_two_tebibytes(self):
        volume = mkntfs(self.directory / 'volume', (2 << 40) - (1 << 20))
        fill(volume, ('file', 'WINNT/SYSTEM', self.source))
        self.assertEqual(volume.cat('WINNT/SYSTEM'), self.system)
        self.assertEqual(volume.ours('cat', 'WINNT/SYSTEM'), self.system)
        with open(volume.image, 'r+b') as file:  # the mirror lies in the middle
            mft, mirror = struct.unpack_from('<QQ', file.read(SECTOR), 0x30)
            self.assertGreater(mirror * 4096, 1 << 39)
            file.seek(mft * 4096)
            file.write(bytes(4096))
        self.assertEqual(volume.ours('cat', 'WINNT/SYSTEM'), self.system)

    def test_dirty(self):
        for flags in (0, 1):
            image = self.directory / ('flags%d' % flags)
            ntfs12.make(image, 40000, {'a': b'b'}, flags=flags)
            self.assertIn(b'Volume Flags: 0x000%d' % flags, run('ntfsinfo', '-f', '-m', image))
            self.assertEqual(Volume(image, 512).json('stat'), [{'name': 'ntfs', 'dirty': bool(flags)}])

    def test_log(self):
        """The restart pages, as ntfs-3g's recovery tool prints them; its library does not write where they are not
        clean."""
        for lsn, clean in ((0x123456789, True), (0x4000, False)):
            image = self.directory / ('lsn%d' % lsn)
            ntfs12.make(image, 40000, {'a': b'b'}, lsn=lsn, clean=clean)
            volume = Volume(image, 512)
            about = subprocess.run(['ntfsrecover', '-t', '-v', str(image)], capture_output=True).stdout
            self.assertEqual({int(word, 16) for word in re.findall(rb'current_lsn +([0-9a-f]+)', about)}, {lsn})
            self.assertEqual(volume.json('log'), [{'lsn': lsn, 'clean': clean}])
            page = volume.runs('-F', '/$LogFile')[0][1] * volume.cluster
            with open(image, 'r+b') as file:  # the first of the two is torn
                file.seek(page + 600)
                whole = file.read(512)
                file.seek(page + 600)
                file.write(b'\xFF' * 512)
                file.flush()
                self.assertEqual(volume.json('log'), [{'lsn': lsn, 'clean': clean}])
                file.seek(page + 600)
                file.write(whole)
            if clean:
                fill(volume, ('mkdir', 'new'))
            else:
                self.assertRaisesRegex(AssertionError, 'cannot mount', fill, volume, ('mkdir', 'new'))
        fresh = mkntfs(self.directory / 'volume', 16 << 20)
        self.assertEqual(fresh.fails('log'), 'not-found')


class Version12(unittest.TestCase):
    """The volumes of NT 3.x and 4.0."""

    def files(self):
        dice = random.Random(52)
        files = {'WINNT/SYSTEM32/CONFIG/SYSTEM': dice.randbytes(900000), 'boot.ini': b'[boot loader]\r\n', 'empty': b'',
                 'An Empty Directory/': b'', 'NTLDR': dice.randbytes(156496), 'fragmented': dice.randbytes(200001),
                 'Resident File With a Long Name': dice.randbytes(350)}
        for size in (400, 450, 500, 550, 600, 650, 700, 750):  # resident or not
            files['sizes/%d' % size] = dice.randbytes(size)
        for number in range(3000):
            form = dice.choice(('F%d.DAT', 'A longer name %d.txt', 'Größe %d', 'ФАЙЛ %d', 'файл %d.док', '文件 %d',
                                'ÿ%d 💾'))
            files['many/' + form % number] = b'%d\n' % number
        return files

    def check(self, **options):
        files = self.files()
        with tempfile.TemporaryDirectory(dir=MEMORY, prefix='mkb-ntfs-') as directory:
            image = pathlib.Path(directory) / 'volume'
            ntfs12.make(image, 200000, files, fragment={'fragmented': 20, '$MFT': 7}, **options)
            volume = Volume(image, options.get('cluster', 512))
            self.check_oracle(volume, files, options)
            tree = volume.tree()
            for path, entry in tree.items():
                if path in files:
                    self.assertEqual((entry['status'], entry['bytes'], entry['listed'][0], entry['crc']),
                                     ('ok', len(files[path]), len(files[path]), zlib.crc32(files[path])), path)
            listed = {path for path in tree if not path.startswith('$')}
            parents = {path[:at] for path in files for at in range(len(path)) if path[at] == '/'}
            self.assertEqual(listed, {path for path in files if not path.endswith('/')} | parents)
            self.assertEqual(volume.extents('fragmented', 200001), volume.their_extents('/fragmented', 200001))
            self.assertEqual(volume.ours('catsmall', 'FRAGMENTED'), files['fragmented'])
            self.assertEqual(volume.ours('cat', 'reside~1'), files['Resident File With a Long Name'])
            for path in random.Random(2).sample(sorted(path for path in files if path.startswith('many/')), 40):
                self.assertEqual(volume.ours('cat', path.swapcase() if 'ß' not in path else path), files[path], path)

    def check_oracle(self, volume, files, options):
        """ntfs-3g's tools accept the volume without a word and read it back."""
        about = subprocess.run(['ntfsinfo', '-m', str(volume.image)], capture_output=True)
        self.assertEqual((about.returncode, about.stderr), (0, b''))
        self.assertIn(b'Volume Version: 1.2', about.stdout)
        if not options.get('middle'):  # it looks for the backup boot sector at the end only
            self.assertIn(b'processed successfully', run('ntfsfix', '-n', volume.image))
        dice = random.Random(1)
        many = [path for path in files if path.startswith('many/')]
        for path in [path for path in files if not path.startswith('many/')] + dice.sample(many, 60):
            if not path.endswith('/'):
                self.assertEqual(volume.cat(path), files[path], path)
        self.assertEqual(volume.names('/many'), sorted(path[5:] for path in many))
        self.assertEqual(volume.names('/An Empty Directory'), [])
        pieces = len(volume.runs('-F', '/fragmented'))
        self.assertEqual(pieces, min(20, -(-200001 // volume.cluster)))
        self.assertGreater(len(volume.runs('-I', 0)), 5)

    def test_written_by_others(self):
        """The library of ntfs-3g finds its way in the directories of such a volume and adds to them."""
        with tempfile.TemporaryDirectory(dir=MEMORY, prefix='mkb-ntfs-') as directory:
            image, host = pathlib.Path(directory) / 'volume', pathlib.Path(directory) / 'mixed'
            mixed = contents(random.Random(3))['mixed']
            host.write_bytes(mixed)
            ntfs12.make(image, 120000, self.files())
            volume = Volume(image, 512)
            fill(volume, ('compressed', 'WINNT/packed', host), ('file', 'many/new', host), ('many', 'many', 1000))
            self.assertIn(b'Volume Version: 1.2', run('ntfsinfo', '-m', image))
            self.assertEqual(volume.cat('WINNT/packed'), mixed)
            self.assertEqual(volume.ours('catsmall', 'winnt/packed'), mixed)
            self.assertEqual(volume.ours('cat', 'many/new'), mixed)
            listed = sorted(entry['name'] for entry in volume.json('ls', 'many'))
            self.assertEqual(listed, volume.names('/many'))
            self.assertEqual(len(listed), 4001)

    def test_nt4(self):
        self.check()

    def test_nt4_clusters_4096_after_use(self):
        self.check(cluster=4096, lsn=0x123456)

    def test_nt4_clusters_65536(self):
        self.check(cluster=65536)

    def test_nt3_large_records(self):
        self.check(cluster=2048, record=4096, middle=True)


def setUpModule():
    for tool in ('mkntfs', 'ntfscat', 'ntfsls', 'ntfsinfo', 'ntfscluster', 'ntfsfix', 'ntfsrecover'):
        if shutil.which(tool, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin') is None:
            raise AssertionError('no ' + tool + ': .ci/deps says where it comes from')


if __name__ == '__main__':
    unittest.main()
