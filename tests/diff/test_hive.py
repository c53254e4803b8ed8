#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our hive reader against hivex and reglookup, on hives made by images/regf.py and on hives libhivex filled itself; and
FtDisk's record against images/ftinfo.py, which encodes it without the core. Random, but the same every time."""
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

try:
    import hivex
except ImportError:  # Debian's binding is for Debian's Python, which need not be the first one of PATH
    if os.path.realpath(sys.executable) == os.path.realpath('/usr/bin/python3'):
        raise
    os.execv('/usr/bin/python3', ['/usr/bin/python3', '-B', *sys.argv])

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / 'images'))
import ftinfo  # noqa: E402
import regf  # noqa: E402

DUMP = os.path.join(os.environ.get('MKB_BUILD', 'build'), 'tests/diff/hivedump')
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
TYPES = {'NONE': 0, 'SZ': 1, 'EXPAND_SZ': 2, 'BINARY': 3, 'DWORD': 4, 'DWORD_BE': 5, 'LINK': 6, 'MULTI_SZ': 7}
PAIR = [(0x1A2B3C4D, 63 * 512, 20 << 20), (0x5E6F7A8B, 63 * 512, 20 << 20)]


def lines(*arguments):
    done = subprocess.run([DUMP, *map(str, arguments)], capture_output=True)
    if done.returncode not in (0, 3):
        raise AssertionError(done.stderr.decode())
    return [json.loads(line) for line in done.stdout.splitlines()]


def ours(*arguments):
    """The tree as the core sees it: (path,) of every key, (path, name, type, data) of every value."""
    found = lines(*arguments, 'tree')
    return found[0], sorted(tuple(line[name] for name in ('path', 'name', 'type', 'data') if name in line)
                            for line in found[1:])


def meant(tree, path=''):
    """The same of what a maker was told to make."""
    yield (path,)
    for name, item in tree.items():
        if isinstance(item, regf.Value):
            yield path, name, item.type, item.data.hex()
        else:
            yield from meant(item, f'{path}\\{name}')


def of_hivex(file):
    """The same from libhivex."""
    hive = hivex.Hivex(str(file))
    found = []
    todo = [(hive.root(), '')]
    while todo:
        node, path = todo.pop()
        found.append((path,))
        for value in hive.node_values(node):
            kind, data = hive.value_value(value)
            found.append((path, hive.value_key(value), kind, data.hex()))
        todo += [(child, f'{path}\\{hive.node_name(child)}') for child in hive.node_children(node)]
    return sorted(found)


def of_reglookup(file):
    """What reglookup tells: keys, and values with their bytes, or with their text."""
    output = subprocess.run(['reglookup', '-H', str(file)], capture_output=True, check=True)
    if b'WARN' in output.stderr or b'ERROR' in output.stderr:
        raise AssertionError(output.stderr.decode())
    for line in output.stdout.decode('utf-8', 'surrogateescape').splitlines():
        path, kind, data = line.split(',')[:3]
        yield path, kind, urllib.parse.unquote_to_bytes(data)


def as_reglookup(found):
    """Our tree in its manner of speaking; None where it shows a form of its own."""
    def escape(text):  # its separators and what is not printable ASCII
        return ''.join(letter if ' ' <= letter <= '~' and letter not in '%,"\\/' else None or
                       ''.join(f'%{byte:02X}' for byte in letter.encode()) for letter in text)
    for path, *rest in found:
        keys = '/'.join(escape(key) for key in path.split('\\')) or '/'
        if not rest:
            yield keys, 'KEY', b''
            continue
        name, kind, data = rest[0], rest[1], bytes.fromhex(rest[2])
        text = {v: k for k, v in TYPES.items()}[kind]
        if kind == regf.DWORD and len(data) == 4:
            shown = b'0x%08X' % struct.unpack('<I', data)
        elif kind in (regf.SZ, regf.EXPAND_SZ):
            shown = data.decode('utf-16-le').rstrip('\0').encode()
        else:
            shown = data if kind == regf.BINARY and data else None
        yield f"{keys.rstrip('/')}/{escape(name)}", text, shown


def sample(dice, big=True):
    """A tree with every size that matters and names of every kind."""
    def data(size):
        return regf.binary(dice.randbytes(size))
    sizes = {f'size{size}': data(size) for size in (0, 1, 2, 3, 4, 5, 8, 511, 4096, 9000)}
    large = {f'big{size}': data(size) for size in (16343, 16344, 16345, 2 * 16344, 2 * 16344 + 1, 70001)} if big else {}
    names = ['plain', 'UPPER', 'sp ace', 'caf\u00e9', '\u00c4\u00d6\u00dc', 'y\u00ff', 'x' * 255, 'dot.', 'a,b', 'p%q']
    return {
        'Sizes': {**sizes, **large},
        'Names': {name: {name: regf.dword(index)} for index, name in enumerate(names)},
        'Text': {'sz': regf.sz('Text'), 'expand': regf.expand_sz('%SystemRoot%\\x'), 'empty': regf.sz(''),
                 'multi': regf.multi_sz(['one', 'two', 'three']), '': regf.sz('unnamed'), 'none': regf.Value(0, b'')},
        'Many': {f'key{number:04}': {'n': regf.dword(number)} for number in dice.sample(range(10000), 700)},
        'Deep': {'a': {'b': {'c': {'d': {'e': {'f': {'g': {'h': {'i': regf.dword(9)}}}}}}}}},
        'Empty': {},
    }


def fill(hive, node, dice):
    """Let libhivex do what is laborious: thousands of keys, many of them deleted again, values set twice."""
    for number in range(1200):
        child = hive.node_add_child(node, f'child{dice.randrange(1 << 30):08x}')
        hive.node_set_values(child, [{'key': f'v{i}', 't': dice.choice([1, 3, 7]), 'value':
                                      dice.randbytes(2 * dice.choice([0, 1, 2, 3, 40]))} for i in range(number % 4)])
    for child in hive.node_children(node)[::3]:
        if dice.random() < 0.8:
            hive.node_delete_child(child)
    for child in dice.sample(hive.node_children(node), 100):
        hive.node_add_child(child, 'below')
        hive.node_set_value(child, {'key': 'again', 't': 3, 'value': dice.randbytes(dice.randrange(3000))})
    last = hive.node_add_child(node, 'big')
    for size in (4000, 16344, 16345, 50000, 300000):
        hive.node_set_value(last, {'key': f'b{size}', 't': 3, 'value': dice.randbytes(size)})


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.addCleanup(self.folder.cleanup)
        self.hive = pathlib.Path(self.folder.name, 'SYSTEM')
        self.log = pathlib.Path(self.folder.name, 'SYSTEM.LOG')
        self.dice = random.Random(19961)

    def same(self, found, expected):
        """Equal; what is not is named without its data, which may be long."""
        self.assertEqual([entry[:3] for entry in set(found) ^ set(expected)][:4], [])
        self.assertEqual(len(found), len(expected))


class HiveTest(Case):
    def test_every_version_and_list(self):
        """Against the maker's own tree, hivex and reglookup."""
        for number, options in enumerate([
                {'minor': 1}, {'minor': 2}, {'minor': 2, 'wide_names': True}, {'minor': 3, 'gaps': 3},
                {'minor': 3, 'leaf_max': 64}, {'minor': 3, 'lists': 'li', 'leaf_max': 10}, {'minor': 4},
                {'minor': 5}, {'minor': 5, 'leaf_max': 100, 'gaps': 2}, {'minor': 6, 'wide_names': True}]):
            with self.subTest(**options):
                tree = sample(self.dice)
                self.hive.write_bytes(regf.build(tree, sequence=(number, number), **options))
                stamp, found = ours(self.hive)
                self.assertEqual(stamp, {'sequence': number, 'written': regf.WRITTEN, 'clean': True, 'logged': False})
                self.same(found, sorted(meant(tree)))
                if options['minor'] == 1:  # neither knows the cells of NT 3.1
                    self.assertNotEqual(subprocess.run(['hivexml', self.hive], capture_output=True).returncode, 0)
                    continue
                self.same(found, of_hivex(self.hive))

    def test_reglookup_sees_the_same(self):
        for minor, lists in ((2, 'li'), (3, 'lf'), (5, 'lh')):
            with self.subTest(minor=minor):
                tree = sample(self.dice, big=minor == 5)
                del tree['Names']  # it shows letters beyond ASCII in ways of its own
                self.hive.write_bytes(regf.build(tree, minor, lists))
                theirs = {entry[:2]: entry[2] for entry in of_reglookup(self.hive)}
                mine = {entry[:2]: entry[2] for entry in as_reglookup(ours(self.hive)[1])}
                self.assertEqual(sorted(theirs), sorted(mine))
                different = [key for key, data in mine.items() if data is not None and theirs[key] != data]
                self.assertEqual(different, [])

    def test_names_beyond_latin(self):
        """UTF-16 names: found in another case, and as the maker wrote them."""
        tree = {'\u0391\u03b2\u03b3': {'\u0436\u0416': regf.dword(1)}, '\U0001F4BE disk': {'\u20ac': regf.dword(2)},
                'Stra\u00dfe': {'\u00ff': regf.dword(3)}}
        for minor in (3, 5):
            self.hive.write_bytes(regf.build(tree, minor))
            self.same(ours(self.hive)[1], sorted(meant(tree)))
            for path, name, number in (('\u03b1\u0392\u0393', '\u0416\u0436', 1), ('\U0001F4BE DISK', '\u20ac', 2),
                                       ('sTRA\u00dfE', '\u0178', 3)):
                self.assertEqual(lines(self.hive, 'value', path, name)[0]['data'], f'{number:02x}000000')

    def test_what_libhivex_makes(self):
        for lists in ('lf', 'lh', 'li'):
            with self.subTest(lists=lists):
                self.hive.write_bytes(regf.build({'start': {}}, 3, lists))
                hive = hivex.Hivex(str(self.hive), write=True)
                fill(hive, hive.node_get_child(hive.root(), 'start'), self.dice)
                hive.commit(None)
                del hive
                found = ours(self.hive)[1]
                self.same(found, of_hivex(self.hive))
                for path, name, _, data in self.dice.sample([entry for entry in found if len(entry) == 4], 12):
                    self.assertEqual(lines(self.hive, 'value', path.upper(), name.upper())[0]['data'], data)
                self.assertEqual(lines(self.hive, 'value', '\\start\\nobody', 'x'), [{'status': 'not-found'}])

    def test_a_value_costs_few_sectors(self):
        more = {f'Service{number:03}': {**regf.service(3), 'Parameters': {f'{n}': {} for n in range(10)}}
                for number in range(400)}
        self.hive.write_bytes(regf.system_hive(ftinfo.mirror(PAIR), more_services=more))
        self.assertGreater(self.hive.stat().st_size, 1000000)
        for path, name, most in (('DISK', 'Information', 6), ('Select', 'Current', 6),
                                 ('ControlSet002\\Services\\Service257', 'Start', 24)):
            self.assertLessEqual(lines(self.hive, 'cost', path, name)[0]['sectors'], most, path)
        flat = {'Flat': {f'{self.dice.randrange(1 << 40):010x}': {'v': regf.dword(n)} for n in range(6000)}}
        wanted = sorted(flat['Flat'])[4321]
        for lists in ('lf', 'lh'):
            self.hive.write_bytes(regf.build(flat, 5, lists))
            spent = lines(self.hive, 'cost', f'Flat\\{wanted}', 'v')[0]['sectors']
            self.assertLessEqual(spent, 6000 * 8 / 512 + 40)  # the list, not the keys

    def test_a_wrong_hint_hides_nothing(self):
        for lists in ('lf', 'lh'):
            image = regf.build({'Alpha': {'v': regf.dword(5)}, 'Beta': {}}, 5, lists)
            at = image.index(lists.encode() + b'\2\0') + 8
            self.hive.write_bytes(image[:at] + b'\x13\x37\x13\x37' + image[at + 4:])
            self.assertEqual(lines(self.hive, 'value', 'alpha', 'V')[0]['data'], '05000000')

    def test_places(self):
        """The bytes of the file at the places told are the value's, in big values too."""
        tree = sample(self.dice)['Sizes']
        for minor in (1, 3, 5):
            self.hive.write_bytes(regf.build({'Sizes': tree}, minor))
            image = self.hive.read_bytes()
            for name, value in tree.items():
                told = lines(self.hive, 'place', 'Sizes', name)
                if len(value.data) <= 4:
                    self.assertEqual(told, [{'status': 'unsupported'}] if value.data else [], name)
                    continue
                joined = b''.join(image[part['file_offset']:part['file_offset'] + part['bytes']] for part in told)
                self.assertEqual(joined, value.data, name)

    def test_big_values_that_lie(self):
        image = regf.build({'K': {'big': regf.binary(self.dice.randbytes(16345))}}, 5)
        size = image.index(b'vk\3\0') + 4
        longer = image[:size] + struct.pack('<I', 20000) + image[size + 4:]  # than the second segment is
        three = image[:size] + struct.pack('<I', 40000) + image[size + 4:]   # segments; there are two
        old = regf.seal(image[:24] + struct.pack('<I', 3) + image[28:])      # a format that has no big values
        for number, bad in enumerate((longer, three, old)):
            self.hive.write_bytes(bad)
            self.assertEqual(lines(self.hive, 'value', 'K', 'big'), [{'status': 'corrupt'}], number)


class LogTest(Case):
    """SYSTEM.LOG over a hive whose last write was cut."""

    def setUp(self):
        super().setUp()
        tree = sample(self.dice)
        self.before = regf.build(tree, sequence=(20, 20))
        tree['Added'] = {'Information': regf.binary(self.dice.randbytes(3000))}
        tree['Sizes']['size511'] = regf.binary(b'changed'.ljust(511))
        tree['Many'].update({f'later{number}': {} for number in range(300)})
        self.tree = tree
        self.after = regf.build(tree, sequence=(22, 22), written=regf.WRITTEN + 12345)
        self.assertGreater(len(self.after), len(self.before))

    def put(self, hive, log):
        self.hive.write_bytes(hive)
        self.log.write_bytes(log)

    def test_cut_after_any_page(self):
        for done in (0, 1, 7, 100, 1 << 20):
            for counts_log in (True, False):
                self.put(*regf.interrupted(self.before, self.after, done, counts_log))
                stamp, found = ours(self.hive, '--log', self.log)
                self.assertEqual(stamp['written'], regf.WRITTEN + 12345)
                self.assertEqual((stamp['clean'], stamp['logged']), (False, True))
                self.same(found, sorted(meant(self.tree)))

    def test_the_file_was_not_yet_made_longer(self):
        hive, log = regf.interrupted(self.before, self.after, 0)
        self.put(hive[:len(self.before)], log)
        self.same(ours(self.hive, '--log', self.log)[1], sorted(meant(self.tree)))

    def test_places_know_the_log(self):
        hive, log = regf.interrupted(self.before, self.after, 0)
        self.put(hive, log)
        self.assertEqual(lines(self.hive, '--log', self.log, 'place', 'Added', 'Information'),
                         [{'status': 'unsupported'}])
        self.put(self.after, log)
        told = lines(self.hive, '--log', self.log, 'place', 'Added', 'Information')
        self.assertEqual(sum(part['bytes'] for part in told), 3000)

    def test_a_value_that_runs_into_the_log(self):
        """The last byte changed: the places end where the log's page begins."""
        data = self.dice.randbytes(9000)
        self.put(*regf.interrupted(*(regf.build({'K': {'v': regf.binary(data[:-1] + last)}}) for last in (b'a', b'b')),
                                   0))
        image = self.hive.read_bytes()
        *told, end = lines(self.hive, '--log', self.log, 'place', 'K', 'v')
        self.assertEqual(end, {'status': 'unsupported'})
        joined = b''.join(image[part['file_offset']:part['file_offset'] + part['bytes']] for part in told)
        self.assertEqual(joined, data[:len(joined)])
        self.assertEqual((image.index(data[:100]) + len(joined)) % regf.BLOCK, 0)
        self.assertGreater(len(joined), 0)

    def test_a_log_that_does_not_fit_is_left_alone(self):
        hive, log = regf.interrupted(self.before, self.after, 1 << 20)
        other_time = regf.log(self.before, self.after, 21, written=regf.WRITTEN)
        other_sequence = regf.log(self.before, self.after, 19)
        torn = bytearray(log)
        struct.pack_into('<I', torn, 8, 20)
        no_vector = log[:512] + b'DURT' + log[516:]
        new_kind = regf.log(self.before, self.after, 21, kind=6)
        broken = bytearray(log)
        broken[100] ^= 1
        for number, bad in enumerate((other_time, other_sequence, regf.seal(bytes(torn)), no_vector, new_kind,
                                      bytes(broken), log[:300], b'')):
            with self.subTest(number=number):
                self.put(hive, bad)
                stamp, found = ours(self.hive, '--log', self.log)
                self.assertEqual((stamp['clean'], stamp['logged']), (False, False))
                self.same(found, sorted(meant(self.tree)))

    def test_a_clean_hive_needs_no_log(self):
        self.put(self.after, regf.interrupted(self.before, self.after, 0)[1])
        self.assertEqual([ours(self.hive, '--log', self.log)[0][name] for name in ('clean', 'logged')], [True, False])


class InformationTest(Case):
    """FtDisk's record, encoded by ftinfo.py, through the hive and back."""

    def read(self, record):
        self.hive.write_bytes(regf.system_hive(record))
        return lines(self.hive, 'information', 'DISK', 'Information')[0]

    def test_the_smallest_mirror(self):
        for base in ('value', 'registry'):
            record = ftinfo.mirror(PAIR, states=(ftinfo.ORPHANED, ftinfo.HEALTHY), base=base)
            self.assertEqual(len(record), 216)
            found = self.read(record)
            self.assertEqual((found['base'], found['editable'], found['again']), (base, True, record.hex()))
            self.assertEqual([member['state'] for member in found['sets'][0]['members']], [1, 0])
            self.assertEqual([member['partition'] for member in found['sets'][0]['members']], [0, 1])

    def test_random_records(self):
        dice = self.dice
        for _ in range(25):
            disks = [ftinfo.Disk(dice.randrange(1, 1 << 32), [
                ftinfo.Partition(dice.randrange(1 << 40), dice.randrange(1 << 40), dice.randrange(6), dice.randrange(5),
                                 dice.choice(['', 'C', 'Z']), dice.randrange(2), dice.randrange(9), dice.randrange(4),
                                 dice.randrange(20), dice.randrange(1 << 40), modified=dice.randrange(2))
                for _ in range(dice.randrange(1, 9))], dice.randrange(99)) for _ in range(dice.randrange(1, 7))]
            places = [(d, p) for d, disk in enumerate(disks) for p in range(len(disk.partitions))]
            sets = [ftinfo.Set([(*dice.choice(places), dice.randrange(5)) for _ in range(dice.randrange(1, 6))],
                               dice.randrange(4), dice.randrange(7), dice.randrange(99))
                    for _ in range(dice.randrange(1, 5))]
            base = dice.choice(['value', 'registry'])
            record = ftinfo.encode(disks, sets, base, checksum=dice.randrange(1 << 32), dirty=1, stripe_width=7)
            found = self.read(record)
            self.assertEqual((found['base'], found['editable'], found['again']), (base, True, record.hex()))
            for disk, mine in zip(disks, found['disks'], strict=True):
                self.assertEqual(disk.signature, mine['signature'])
                self.assertEqual([(p.start_bytes, p.length_bytes, p.type, p.state, p.group, p.member, p.logical_number)
                                  for p in disk.partitions],
                                 [tuple(p[n] for n in ('start', 'length', 'type', 'state', 'group', 'member',
                                                       'logical')) for p in mine['partitions']])
            for one, mine in zip(sets, found['sets'], strict=True):
                self.assertEqual((one.type, one.state), (mine['type'], mine['state']))
                self.assertEqual([(disks[d].signature, places.index((d, p)), state) for d, p, state in one.members],
                                 [(m['signature'], m['partition'], m['state']) for m in mine['members']])

    def test_names_behind_it_are_not_ours_to_edit(self):
        found = self.read(ftinfo.mirror(PAIR, names=b'names'))
        self.assertFalse(found['editable'])

    def test_without_sets(self):
        record = ftinfo.encode([ftinfo.Disk(7, [ftinfo.Partition(32256, 1 << 20)])], with_ft=False)
        found = self.read(record)
        self.assertEqual((found['has_ft'], found['editable'], found['again']), (False, True, record.hex()))


if __name__ == '__main__':
    unittest.main()
