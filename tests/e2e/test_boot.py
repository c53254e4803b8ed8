# SPDX-License-Identifier: MIT
"""The boot floppy in its machine: for every state of the two disks, which half is started and how it finds the machine.

Owns the scenes (what is in the machine, what must be seen of it by whatever was started) and the few helpers that the
other tests of the finished floppy share: pairs that are made once, floppies that the host tool builds, and the story of
one start. What is expected comes from the recipe of the pair, from the image files and from the BIOS, never from the
loader. Takes mkbootdisk from $MKB_BUILD (default: build).
"""
import dataclasses
import functools
import itertools
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

import defects
from qemu import PAYLOAD_EXIT, Disk, Machine, recipes

HERE = pathlib.Path(__file__).resolve().parent
TOOL = pathlib.Path(os.environ.get('MKB_BUILD', HERE.parent.parent / 'build')).resolve() / 'mkbootdisk'
SCRATCH = tempfile.TemporaryDirectory(prefix='mkb-start-')
COUNTER = itertools.count()
SECTOR = recipes.SECTOR
BASE_KIB = 639  # of memory below 640 KiB that SeaBIOS leaves; the resident drive map takes one more
PROMPT = r'A number, or arrows and Enter\.'
MACHINES = {'isapc': dict(machine='isapc', cpu='486', mem=4), 'q35': dict(machine='q35'),
            'virtio': dict(controller='virtio'), 'lsi': dict(controller='lsi')}


# ---- for all tests of the finished floppy ----

def scratch(name):
    """A fresh path."""
    return pathlib.Path(SCRATCH.name, '%d-%s' % (next(COUNTER), name))


@functools.lru_cache
def make_pair(**recipe):
    """A pair, made once; nobody may write to it."""
    return recipes.make_pair(scratch('pair'), **recipe)


def mkbootdisk(*words, status=0):
    """Output of the host tool."""
    done = subprocess.run([str(TOOL), *map(str, words)], capture_output=True, text=True)
    if done.returncode != status:
        raise AssertionError('mkbootdisk %s: exit %d: %s%s' %
                             (' '.join(map(str, words)), done.returncode, done.stdout, done.stderr))
    return done.stdout


def build(pair, *options, timeout=0):
    """A fresh boot floppy for a pair."""
    path = scratch('floppy.img')
    mkbootdisk('build', '-o', path, '--timeout', timeout, *options, *pair)
    return path


def copy(path):
    """A copy to be damaged or written to."""
    target = scratch(pathlib.Path(path).name)
    recipes.copy_sparse(path, target)
    return target


def changed_sectors(one, other):
    """The LBAs at which two images differ."""
    found = set()
    with open(one, 'rb') as f, open(other, 'rb') as g:
        spots = {at // SECTOR + n for file in (f, g) for at, size in recipes.data_ranges(file.fileno(), 0, 1 << 40)
                 for n in range(-(-size // SECTOR))}
        for lba in spots:
            if os.pread(f.fileno(), SECTOR, lba * SECTOR) != os.pread(g.fileno(), SECTOR, lba * SECTOR):
                found.add(lba)
    return sorted(found)


def floppy_file(image, name):
    """The LBAs of a file of a floppy, as mtools see them."""
    bpb = recipes.read_at(image, 0)
    cluster, reserved, fats, entries, _, _, fat_size = struct.unpack_from('<BHBHHBH', bpb, 0x0D)
    data = reserved + fats * fat_size + entries * 32 // SECTOR
    spans = re.findall(r'<(\d+)(?:-(\d+))?>', recipes.run('mshowfat', '-i', image, '::' + name).decode())
    return [data + (n - 2) * cluster + k for first, last in spans for n in range(int(first), int(last or first) + 1)
            for k in range(cluster)]


@dataclasses.dataclass
class Story:
    """What a start said and did."""
    text: str          # the serial line, which holds the screen's text as well
    events: list
    payload: dict
    written: dict      # disk number or 'floppy' -> LBAs that differ from before
    reads: dict        # disk number -> [(LBA, sectors)], without what QEMU read by itself

    def event(self, name, **like):
        """The fields of every event of that name that has these fields."""
        return [fields for kind, fields in self.events if kind == name and like.items() <= fields.items()]


def tell(machine, before, counts):
    images = dict(enumerate(machine.disks), floppy=machine.floppy)
    written = {n: changed_sectors(before[n], disk.path) for n, disk in images.items() if disk.fault != 'absent'}
    reads = {n: machine.reads(n)[counts[n]:] for n in counts}
    return Story(machine.output.replace('\r', ''), machine.events(), machine.payload(), written, reads)


def start(disks, floppy, act=None, **options):
    """One start until the payload has spoken. act(machine) plays the person before the screen."""
    disks = [disk if isinstance(disk, Disk) else Disk(disk) for disk in disks]
    before = dict(enumerate(disk.path for disk in disks), floppy=getattr(floppy, 'path', floppy))
    before = {n: copy(path) if n == 'floppy' or disks[n].writable else path for n, path in before.items()}
    with Machine(disks, floppy=floppy, trace=('bdrv_open_common', 'blk_co_preadv'), paused=True, **options) as machine:
        counts = {n: len(machine.reads(n)) for n, disk in enumerate(disks) if disk.fault != 'absent'}
        machine.start()
        if act:
            act(machine)
        status = machine.wait_exit()
        story = tell(machine, before, counts)
    if status != PAYLOAD_EXIT or not story.payload:
        raise AssertionError('the payload did not start: exit %d\n%s' % (status, story.text))
    return story


def choose(machine, item):
    """Takes the menu item that reads so, by its number, once the menu waits or its clock runs."""
    number = machine.wait_for(r'[> ] (\d)  ' + item)[1]
    machine.wait_for(PROMPT + '|is taken in')
    machine.send_key(number)


def answer(machine, *yes, until='^ft: boot'):
    """Says yes to each question that has one of these texts in it and no to any other, until the serial line shows
    `until`, which may be a question itself. Returns the questions."""
    asked, question = [], r'^.*\(y/n\)'
    while not re.match(until, said := machine.wait_for('%s|%s' % (question, until), whole_line=False)[0]):
        asked.append(said)
        machine.send_key('y' if any(text in said for text in yes) else 'n')
    return asked


def replay(machine, item='Undo the last change'):
    """Takes the menu item that undoes or finishes what is recorded, and says yes when it has shown that."""
    choose(machine, item)
    machine.wait_for(r'ft: change recorded n=1 [\s\S]*(Undo|Finish) this\? \(y/n\)', whole_line=False)
    machine.send_key('y')


def started(story):
    """The signature of the disk that was started, as number."""
    return int(story.payload['sig80'], 16)


# ---- scenes ----

# What is in the machine, in its order; what the started system must find as 80h, 81h, ...; the verdict's three states.
# a: the primary, b: the shadow, 0: a blank disk; /DEFECT of defects.py; :FAULT of the rig (bad: the volume's start)
SCENES = (
    ('a b', 'a b', 'healthy', 'good', 'good'),
    ('b a', 'a b', 'healthy', 'good', 'good'),
    ('0 a b', 'a 0 b', 'healthy', 'good', 'good'),
    ('a 0 b', 'a 0 b', 'healthy', 'good', 'good'),
    ('a:absent b', 'b', 'degraded', 'absent', 'good'),
    ('b', 'b', 'degraded', 'absent', 'good'),
    ('a:dead b', 'b', 'degraded', 'dead', 'good'),
    ('b a:dead', 'b', 'degraded', 'dead', 'good'),
    ('0 a:dead b', 'b 0', 'degraded', 'dead', 'good'),
    ('0 b', 'b 0', 'degraded', 'absent', 'good'),
    ('a:bad b', 'b', 'degraded', 'failing', 'good'),
    ('a b:absent', 'a', 'degraded', 'good', 'absent'),
    ('a b:dead', 'a', 'degraded', 'good', 'dead'),
    ('b:dead a', 'a', 'degraded', 'good', 'dead'),
    ('a 0', 'a 0', 'degraded', 'good', 'absent'),
    ('a b:bad', 'a', 'degraded', 'good', 'failing'),
    ('a/orphaned b', 'b', 'stale', 'stale', 'good'),
    ('a b/orphaned', 'a', 'degraded', 'good', 'stale'),
    ('a b/unmirrored', 'b', 'stale', 'stale', 'good'),
    ('a/unmirrored b', 'a', 'degraded', 'good', 'stale'),
    ('a/no_magic b', 'b a', 'degraded', 'absent', 'good'),
    ('a/garbage b', 'b a', 'degraded', 'absent', 'good'),
)


@functools.lru_cache
def damaged(path, defect):
    image = copy(path)
    getattr(defects, defect)(image)
    return image


@functools.lru_cache
def blank_disk(size_mib):
    return defects.blank(scratch('blank.img'), size_mib)


def put_together(scene, pair):
    """[(name, Disk)] of a scene's first column."""
    found = []
    for word in scene.split():
        name, defect, fault = re.fullmatch(r'(\w)(?:/(\w+))?(?::(\w+))?', word).groups()
        half = {'a': pair.a, 'b': pair.b}.get(name)
        path = half.path if half else blank_disk(pair.recipe.size_mib)
        path = damaged(path, defect) if defect else path
        if fault == 'bad':
            fault = 'bad:%d-%d' % (half.member_start, half.member_start + 8)
        found.append((name, Disk(path, fault)))
    return found


class Case(unittest.TestCase):
    maxDiff = None

    def check_entered(self, story, half, pair):
        """How the half was entered: as a standard MBR on 80h enters the boot sector of a volume that begins there."""
        said = story.payload
        self.assertEqual((said['sig80'], said['rd80'], said['dl'], said['drv'], said['tag']),
                         ('%08x' % half.signature, '00', '80', '80', pair.recipe.tag), story.text)
        self.assertEqual(int(said['hidden'], 16), half.member_start)
        part = bytes.fromhex(said['part'])
        self.assertEqual((part[0], struct.unpack_from('<II', part, 8)), (0x80, (half.member_start, half.sectors)))

    def check_sees(self, story, machine, sees, signatures):
        """Drives as the started system finds them; the map is resident only if the BIOS has them otherwise."""
        said, wanted = story.payload, [signatures[name] for name in sees]
        self.assertEqual(int(said['count'], 16), len(sees))
        if len(sees) > 1:
            self.assertEqual((said['rd81'], int(said['sig81'], 16)), ('00', wanted[1]))
        else:
            self.assertNotEqual(said['rd81'], '00')
            self.assertEqual(said['sig81'], 'eeeeeeee')
        self.assertEqual(int(said['base'], 16), BASE_KIB - (machine != sees))

    def check_told(self, story, source, state, members):
        self.assertEqual(story.event('verdict'), [{'set': '1', 'state': state, 'source': source}])
        self.assertEqual([(member['role'], member['state']) for member in story.event('member')],
                         list(zip(('primary', 'shadow'), members)))
        boot, = story.event('boot')
        self.assertEqual((boot['source'], boot['as'], boot['method']), (source, '0x80', 'vbr'))

    def check_written(self, story, floppy, healthy):
        """Nothing, but for a line in the log of a floppy that saved somebody."""
        log = floppy_file(floppy, 'FTLOG.TXT')[:1]
        for n, sectors in story.written.items():
            self.assertEqual(sectors, log if n == 'floppy' and not healthy else [], n)

    def play(self, scene, pair, floppy, **options):
        machine, sees, state, *members = scene
        parts, sees = put_together(machine, pair), sees.split()
        half = {'a': pair.a, 'b': pair.b}[sees[0]]
        story = start([disk for _, disk in parts], floppy, **options)
        present = [name for name, disk in parts if disk.fault != 'absent']
        signatures = {name: struct.unpack_from('<I', recipes.read_at(disk.path, 0), 440)[0] for name, disk in parts}
        self.check_entered(story, half, pair)
        self.check_sees(story, present, sees, signatures)
        self.check_told(story, {'a': 'primary', 'b': 'shadow'}[sees[0]], state, members)
        self.check_written(story, floppy, state == 'healthy')
        for n, (_, disk) in enumerate(parts):
            if disk.fault == 'dead':
                self.assertLessEqual(len(story.reads[n]), 2, 'reads of the dead disk')
        return story


class Scenes(Case):
    def play_all(self, scenes, options=(), **recipe):
        pair = make_pair(**recipe)
        floppy = build(pair)
        for scene in scenes:
            with self.subTest(scene[0]):
                self.play(scene, pair, floppy, **dict(options))

    def test_fat16(self):
        self.play_all(SCENES)

    def test_ntfs(self):
        self.play_all(SCENES, fs='ntfs')

    def test_fat32(self):
        """The loader does not read FAT32; the volume's own boot sector is all it needs. Its drive number is at 40h."""
        pair = make_pair(fs='fat32')
        story = start([Disk(pair.a.path, 'dead'), pair.b.path], build(pair))
        self.assertEqual((started(story), int(story.payload['hidden'], 16)), (pair.b.signature, pair.b.member_start))

    def test_other_machines(self):
        few = [scene for scene in SCENES if scene[0] in ('a b', 'b a', 'a:absent b', 'a:dead b', 'a:bad b')]
        for (name, options), fs in itertools.product(MACHINES.items(), ('fat16', 'ntfs')):
            with self.subTest(name, fs=fs):
                self.play_all(few, options, fs=fs)

    def test_old_and_small_machines(self):
        few = [scene for scene in SCENES if scene[0] in ('a b', 'a:dead b', 'b a')]
        for options in (dict(mem=1), dict(mem=2), dict(cpu='486')):
            with self.subTest(**options):
                self.play_all(few, options)

    def test_every_floppy_format(self):
        pair = make_pair()
        for kilobytes in (720, 1200, 1440, 2880):
            with self.subTest(kilobytes):
                floppy = build(pair, '--format', kilobytes)
                self.assertEqual(os.path.getsize(floppy), kilobytes * 1024)
                self.play(SCENES[0], pair, floppy)
                self.play(('a:dead b', 'b', 'degraded', 'dead', 'good'), pair, floppy)


class Layouts(Case):
    """Halves that lie in different places."""

    def play_layout(self, pair):
        floppy = build(pair)
        for scene in SCENES:
            if scene[0] in ('a b', 'b a', 'a:absent b', 'a:dead b', 'a b:dead'):
                with self.subTest(scene[0]):
                    self.play(scene, pair, floppy)

    def test_shadow_begins_elsewhere(self):
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs):
                pair = make_pair(fs=fs, shadow_start=63 + 1008 * 2)
                stored, = struct.unpack_from('<I', recipes.read_at(pair.b.path, pair.b.member_start), 0x1C)
                self.assertEqual(stored, pair.a.member_start, 'the copy on the shadow names the primary\'s place')
                self.play_layout(pair)

    def test_shadow_as_logical_drive(self):
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs):
                pair = make_pair(fs=fs, logical='shadow')
                self.assertNotEqual(pair.b.member_start, pair.a.member_start)
                self.play_layout(pair)

    def test_both_as_logical_drives(self):
        self.play_layout(make_pair(logical='both'))

    def test_other_partitions_before_the_shadow(self):
        self.play_layout(make_pair(shadow_start=63 + 1008 * 4, shadow_extra=((63, 1008, 6), (1071, 1008, 7))))


class Geometry(Case):
    """The boot sector gets the geometry that this machine's BIOS uses for this disk, not the one it was made with."""

    def ask_bios(self, disks, drive, **options):
        """(sectors per track, heads) of INT 13h AH=08h."""
        binary, image = scratch('monitor.bin'), scratch('monitor.img')
        recipes.run('nasm', '-f', 'bin', '-o', binary, HERE / 'int13_monitor.asm')
        image.write_bytes(binary.read_bytes().ljust(1440 * 1024, b'\0'))
        with Machine(disks, floppy=image, **options) as machine:
            machine.wait_for(r'monitor[\s\S]{6}', whole_line=False)
            request = struct.pack('<8L3H', 0, 0, 0, 0, 0, drive, 0, 0x0800, 0, 0, 2)
            machine.send_serial((b'x\x13' + request).decode('latin1'))
            answer = machine.wait_for(r'([\s\S]{38})\.', whole_line=False)[1].encode('latin1')
        registers = struct.unpack('<8L3H', answer)
        edx, ecx = registers[5:7]
        return ecx & 0x3F, (edx >> 8 & 0xFF) + 1

    def test_as_the_bios_has_it(self):
        seen = set()
        for fs, options in (('fat16', {}), ('ntfs', {}), ('fat16', dict(machine='q35')),
                            ('fat16', dict(controller='lsi'))):
            pair = make_pair(fs=fs, size_mib=1024)
            with self.subTest(fs, **options):
                disks = [Disk(pair.a.path, 'dead'), pair.b.path]
                wanted = self.ask_bios(disks, 0x81, **options)
                said = start(disks, build(pair), **options).payload
                self.assertEqual(int(said['sig80'], 16), pair.b.signature)
                self.assertEqual((int(said['spt'], 16), int(said['heads'], 16)), wanted)
                seen.add(wanted)
        self.assertTrue(seen - {(63, 16)}, 'some machine must differ from what the volume was made with')
        self.assertGreater(len(seen), 1, 'the machines must differ')


class Asks(Case):
    """Where nothing tells which half holds the truth, a person is asked, and nothing happens until then."""

    def setUp(self):
        self.pair = make_pair()
        self.floppy = build(self.pair, timeout=1)

    def ticks(self, machine):
        """The machine's own clock, 18.2 a second."""
        target = machine.dir / 'ticks'
        machine.qmp('pmemsave', val=0x46C, size=4, filename=str(target))
        return struct.unpack('<I', target.read_bytes())[0]

    def ask(self, disks, item, half):
        def act(machine):
            machine.wait_for('ft: verdict set=1 state=split source=none')
            choose(machine, item)
            self.assertFalse([name for name, _ in machine.events() if name == 'boot'])
        story = start(disks, self.floppy, act)
        self.assertEqual(started(story), half.signature, story.text)
        self.assertIn('No half is started unasked', story.text)
        self.assertNotIn('is taken in', story.text)
        self.assertEqual([story.written[n] for n in range(len(disks))], [[]] * len(disks))

    def differing(self):
        older = copy(self.pair.b.path)
        defects.stale_copy(older, self.pair.b.member_start)
        return [self.pair.a.path, older]

    def test_halves_that_differ(self):
        for item, half in (('Start the primary', self.pair.a), ('Start the shadow', self.pair.b)):
            with self.subTest(item):
                self.ask(self.differing(), item + r'\r?$', half)

    def test_no_time_out(self):
        with Machine(self.differing(), floppy=self.floppy) as machine:
            machine.wait_for(PROMPT)
            begin = self.ticks(machine)
            while self.ticks(machine) < begin + 37:
                self.assertIsNone(machine.process.poll())
            self.assertNotIn('boot', [name for name, _ in machine.events()])

    def test_primary_twice(self):
        twin = copy(self.pair.a.path)
        self.ask([self.pair.a.path, self.pair.b.path, twin], r'Start the shadow\r?$', self.pair.b)

    def test_one_signature_for_both(self):
        twin = copy(self.pair.b.path)
        defects.same_signature(twin, self.pair.a.path)
        with Machine([self.pair.a.path, twin], floppy=self.floppy) as machine:
            machine.wait_for('ft: verdict set=1 state=split source=none')
            machine.wait_for(PROMPT)
            self.assertIn('two disks carry this signature', machine.output)
            self.assertNotIn('boot', [name for name, _ in machine.events()])

    def test_both_stale(self):
        disks = [damaged(path, 'orphaned') for path in self.pair]
        self.ask(disks, 'Start the shadow: what only the other half has would be lost', self.pair.b)


class Screen(Case):
    """What a person reads."""

    def reads(self, disks, *patterns, floppy=None, prompt=PROMPT):
        pair = make_pair()
        with Machine(disks, floppy=floppy or build(pair, timeout='forever')) as machine:
            machine.wait_screen(prompt)
            text = '\n'.join(machine.screen())
            for pattern in patterns:
                self.assertRegex(text, pattern)
            return machine.events()

    def test_says_what_failed(self):
        a, b = make_pair()
        scenes = (([Disk(a, 'dead'), b], r'(?m)^Disk 80h  does not answer \(error \w\wh\)$',
                   r'primary +1a2b3c4d +dead', 'Mirror 1: degraded', 'The shadow will be started'),
                  ([Disk(a, 'absent'), b], r'primary +1a2b3c4d +absent +no disk with this signature'),
                  ([Disk(a, 'bad:63-71'), b], r'primary +1a2b3c4d +failing .*sectors cannot be read', 'sector 63$'),
                  ([a, Disk(b, 'dead')], r'shadow +5e6f7a8b +dead', 'The primary will be started'),
                  ([damaged(a, 'orphaned'), b], r'primary +1a2b3c4d +stale .*NT disabled it', 'Mirror 1: stale'),
                  ([a, b], 'Mirror 1: healthy', 'no disk will be written'))
        for disks, *patterns in scenes:
            with self.subTest(patterns[0]):
                self.reads(disks, *['(?m)' + pattern.removeprefix('(?m)') for pattern in patterns])

    def test_no_disk_at_all(self):
        events = self.reads([], 'No hard disk answers')
        self.assertEqual([fields['site'] for name, fields in events if name == 'error'], ['S2'])
        self.assertNotIn('boot', [name for name, _ in events])

    def test_no_mirror(self):
        """Nothing of ours in the machine: said, and no clock takes anything, not even a restart."""
        floppy = build(make_pair(), timeout='forever')
        recipes.run('mdel', '-i', floppy, '::MIRROR.INI')
        events = self.reads([blank_disk(64)], 'No mirror was found on these disks',
                            r'(?s)\A((?!The (primary|shadow) will be started|is taken in).)*\Z',
                            floppy=floppy, prompt=PROMPT + '|is taken in')
        self.assertIn('S3', [fields['site'] for name, fields in events if name == 'error'])


if __name__ == '__main__':
    unittest.main()
