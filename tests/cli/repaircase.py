# SPDX-License-Identifier: MIT
"""What the tests of break, retire and promote share: pairs with Windows NT on them, the change set that a dry run
announced against the bytes that did change, and witnesses nobody here wrote: sfdisk for tables, mtools and ntfs-3g's
tools for files, fsck.fat and ntfsfix for volumes, hivex for registries.

Owns a decoder of DISK\\Information, after nt-facts 3, that shares nothing with the tool's; and what a record looks like
once a mirror left it.
"""
import base64
import copy
import json
import re
import struct
import subprocess
import xml.etree.ElementTree

from cli import DONE, FOUND, SECTOR, cut_library, disks
from test_break_undo import BreakCase
import ftinfo
import regf

CONFIG = 'WINNT/SYSTEM32/CONFIG/'
HIVES = ('SYSTEM', 'SYSTEM.ALT')
A, B = 0x1A2B3C4D, 0x5E6F7A8B
START = 63
SECTORS = 32 * 16 * 63 - START  # of a half on 16 MiB
NT = dict(fs='fat16', size_mib=16, nt={})
FILE_SYSTEMS = {'fat16': {}, 'fat32': dict(fs='fat32', size_mib=40, nt={'version': '5.0'}),
                'ntfs': dict(fs='ntfs'), 'ntfs12': dict(fs='ntfs12', nt={'version': '3.51'})}
MIRROR, NOT_A_MEMBER, HEALTHY = 0, 4, 0


# ---- DISK\Information ----

class Reader:
    """Little-endian fields, one behind the other; what it has not read when it is closed is an error."""

    def __init__(self, data, at, size):
        if at + size > len(data):
            raise ValueError('bytes %d to %d of %d' % (at, at + size, len(data)))
        self.data, self.at, self.end = data, at, at + size

    def take(self, form):
        size = struct.calcsize('<' + form)
        if self.at + size > self.end:
            raise ValueError('ends at %d, wanted %d bytes at %d' % (self.end, size, self.at))
        self.at += size
        return struct.unpack_from('<' + form, self.data, self.at - size)

    def close(self):
        if self.at != self.end:
            raise ValueError('%d bytes at %d that mean nothing' % (self.end - self.at, self.at))


PARTITION = ('type', 'state', 'start', 'length', 'ft_length', 'reserved', 'reserved2', 'letter', 'assign', 'logical',
             'group', 'member', 'modified', 'padding')


def decode(record):
    """The record as dicts: 'header', 'disks' (signature -> partitions) and 'sets', whose members say by (signature,
    first byte) where they lead. Raises ValueError unless every byte of it belongs to something."""
    version, checksum, dirty, disks_at, disks_size, ft_at, ft_size, *rest = struct.unpack_from('<IIB3x8I', record)
    if (version, disks_at, ft_at, ft_at + ft_size) != (3, 44, 44 + disks_size, len(record)):
        raise ValueError('version %d, parts %d+%d and %d+%d of %d bytes' %
                         (version, disks_at, disks_size, ft_at, ft_size, len(record)))
    reader, found, place = Reader(record, disks_at, disks_size), {}, {}
    count, reserved = reader.take('HH')
    for _ in range(count):
        partitions, _, signature = reader.take('HHI')
        found[signature] = []
        for _ in range(partitions):
            at = reader.at
            found[signature].append(dict(zip(PARTITION, reader.take('IIQQQIIBBHHHB3s'))))
            place[at] = place[at - disks_at, 'registry'] = signature, found[signature][-1]['start']
    reader.close()
    reader, sets = Reader(record, ft_at, ft_size), []
    count, _ = reader.take('HH')
    for _ in range(count):
        members, kind, _, state = reader.take('HHII')
        sets.append({'type': kind, 'state': state, 'members': []})
        for _ in range(members):
            member_state, _, signature, offset, logical = reader.take('HHIII')
            target = next((place[key] for key in (offset, (offset, 'registry'))
                           if key in place and place[key][0] == signature), None)
            if target is None:
                raise ValueError('a member on %08x leads to byte %d, where no partition of it is' % (signature, offset))
            sets[-1]['members'].append((target, member_state, logical))
    reader.close()
    return {'header': (checksum, dirty, rest, reserved), 'disks': found, 'sets': sets}


def dissolved(info, kept, left):
    """What Disk Administrator makes of a record: neither half is a member, the set is gone, and the half that is kept
    has the letter. Halves are (signature, first byte)."""
    info = copy.deepcopy(info)
    one, other = ({**part} for half in (kept, left) for part in info['disks'][half[0]] if part['start'] == half[1])
    letter = one['letter'] or other['letter']
    for half, given in ((kept, letter), (left, 0)):
        for part in info['disks'][half[0]]:
            if part['start'] == half[1]:
                part.update(type=NOT_A_MEMBER, state=HEALTHY, letter=given)
    info['sets'] = [one for one in info['sets'] if kept not in [place for place, _, _ in one['members']]]
    return info


# ---- registries, volumes, tables ----

def hive_tree(hive, path):
    """A registry as hivex reads it."""
    path.write_bytes(hive)
    done = subprocess.run(['hivexml', path], capture_output=True)
    if done.returncode:
        raise ValueError('hivex: ' + done.stderr.decode())
    return xml.etree.ElementTree.fromstring(done.stdout)


def take_information(tree):
    """The value of DISK\\Information (None if there is none), taken out of the tree; and the rest of the tree."""
    key = tree.find(".//node[@name='DISK']")
    value = key.find("value[@key='Information']")
    if value is not None:
        key.remove(value)
        value = base64.b64decode(value.get('value'))
    return value, xml.etree.ElementTree.tostring(tree)


def table(image):
    """The partitions of an image as sfdisk lists them."""
    return json.loads(disks.run('sfdisk', '-J', image))['partitiontable']['partitions']


def types(image):
    return [one['type'] for one in table(image)]


def export_information(hive):
    """The value once more, as hivexregedit exports it."""
    text = disks.run('hivexregedit', '--export', hive, '\\DISK').decode()
    found = re.search(r'^"Information"=hex\(3\):([0-9a-f,]*)$', text, re.M)
    return bytes.fromhex(found[1].replace(',', ''))


def many_hives(count, halves):
    """Files of so many hives, each with one sector to change in a break, two below a folder with a kernel."""
    padding = {'Padding': {'Padding': regf.binary(bytes(200))}}
    hive = regf.build({**padding, 'DISK': {'Information': regf.binary(ftinfo.mirror(halves))}})
    files = {'W%02d/SYSTEM32/NTOSKRNL.EXE' % (n // 2): b'kernel' for n in range(count)}
    files.update({'W%02d/SYSTEM32/CONFIG/%s' % (n // 2, HIVES[n % 2]): hive for n in range(count)})
    return files


def ids(**recipe):
    """[(signature, first byte, bytes)] of the halves that a recipe makes."""
    made = disks.Recipe(**recipe)
    _, starts, sectors = disks.layout(made)
    return [(made.signatures[n], starts[n] * SECTOR, sectors * SECTOR) for n in range(2)]


class RepairCase(BreakCase):
    """Pairs of 16 MiB with Windows NT 4.0 on FAT16, unless a test says otherwise."""

    def start(self, **recipe):
        self.recipe = {**NT, **recipe}
        self.fs = self.recipe['fs']
        self.undo_file.unlink(missing_ok=True)
        super().start(**self.recipe)
        self.halves = ids(**self.recipe)
        self.old = {image.name: self.dir / ('old-' + image.name) for image in (self.a, self.b)}

    @property
    def images(self):
        return {'primary': self.a, 'shadow': self.b}

    # -- change sets --

    def plan(self, command, *options, images=None):
        """{image: {byte: (old, new)}} of a dry run, which must change nothing; self.changes is what it printed."""
        printed = self.unchanged(DONE, command, *options, '--dry-run', '--json', *(images or (self.a, self.b)))
        self.changes = json.loads(printed.out)['changes']
        signature = {'%08x' % struct.unpack('<I', disks.read_at(image, 0)[440:444]): image.name
                     for image in (self.a, self.b)}
        planned = {image.name: {} for image in (self.a, self.b)}
        for change in self.changes:
            old, new = bytes.fromhex(change['old']), bytes.fromhex(change['new'])
            at = change['lba'] * SECTOR + change['offset']
            planned[signature[change['disk']]].update(
                {at + n: pair for n, pair in enumerate(zip(old, new)) if pair[0] != pair[1]})
        return planned

    def carry_out(self, command, *options, undo=None, images=None):
        """Do it: what changes is what the dry run announced, and nothing else."""
        planned = self.plan(command, *options, images=images)
        where = undo or ['--undo-file', self.undo_file]
        self.result = self.must(DONE, command, '--write', *options, *where, *(images or (self.a, self.b)))
        self.assertEqual(self.changed(), planned)
        return planned

    def undo_all(self, *images):
        """... and back, bit for bit."""
        self.must(DONE, 'undo', '--write', self.undo_file, *(images or (self.a, self.b)))
        self.assert_changed()
        self.unchanged(FOUND, 'undo', '--write', self.undo_file, *(images or (self.a, self.b)))

    def sectors(self, planned):
        return {name: sorted({at // SECTOR for at in changed}) for name, changed in planned.items() if changed}

    def unreadable(self, image, at):
        """Options of a call for which a byte of an image cannot be read."""
        return dict(env=dict(LD_PRELOAD=cut_library(), CUT_READ='%s:%d' % (image, at)))

    # -- what is on the disks --

    def volume(self, image, place=None):
        """A half as a file of its own. `place`: (first sector, sectors), else where the recipe put it."""
        _, start, length = self.halves[0 if image.name.endswith('a.img') else 1]
        if place:
            start, length = place[0] * SECTOR, place[1] * SECTOR
        path = self.dir / 'tmp' / 'volume'
        disks.new_image(path, length)
        disks.copy_range(image, start, path, 0, length)
        return path

    def fetch(self, volume, name, fs=None):
        if (fs or self.fs).startswith('fat'):
            return disks.run('mtype', '-i', volume, '::' + name)
        done = subprocess.run(['ntfscat', volume, name], capture_output=True, check=True)
        return done.stdout

    def registries(self, volume, config=CONFIG, fs=None):
        """{hive: (DISK\\Information, everything else)}."""
        return {name: take_information(hive_tree(self.fetch(volume, config + name, fs), self.dir / 'tmp' / 'hive'))
                for name in HIVES}

    def check_volume(self, volume):
        """It is whole in the eyes of those who made it."""
        disks.run(*(('fsck.fat', '-n') if self.fs.startswith('fat') else ('ntfsfix', '-n')), volume)

    def refill(self, script):
        """Files of an NTFS volume made anew in forms that no recipe has, on both halves alike: ntfsmake's commands."""
        for image in (self.a, self.b):
            volume = self.volume(image)
            disks.run(disks.ntfsmake(), volume, stdin=script.encode())
            self.put_volume(image, volume)
        self.keep_copy()

    def put_volume(self, image, volume):
        start = self.halves[0 if image == self.a else 1][1]
        disks.write_at(image, start, volume.read_bytes())

    def host_file(self, name, content):
        path = self.dir / 'tmp' / name
        path.write_bytes(content)
        return path

    def survey(self, code, *images):
        return json.loads(self.unchanged(code, 'survey', '--json', *images).out)
