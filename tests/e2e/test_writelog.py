# SPDX-License-Identifier: MIT
"""Power cuts from QEMU's own log of writes: the loader breaks a mirror once, and every state that a power cut could
have left of the disks and the floppy is made from the log and looked at.

Owns what must hold in every such state: whole file systems, a registry that others' tools read, no byte but those of
the plan, and a journal from which the host tool and the loader finish or undo to the byte. Which states there are is
writelog.py's business; the oracles are the images before and after the one run, fsck.fat, ntfsfix, sfdisk, mtools,
ntfscat and hivex.
"""
import base64
import json
import re
import struct
import subprocess
import unittest
import xml.etree.ElementTree

import writelog
from qemu import PAYLOAD_EXIT, Disk, Machine, recipes
from test_boot import PROMPT, SECTOR, TOOL, build, choose, copy, floppy_file, mkbootdisk, scratch
import ftinfo
import nt
import regf
import whole

DISKS = ('disk0', 'disk1')
NODES = DISKS + ('floppy',)
KEPT = 'disk1'  # the shadow
SIZE_MIB = 16
BREAK = r'Break the mirror, keeping the shadow, then start it'
START = r'Start the shadow'
CONFIG = 'WINNT/SYSTEM32/CONFIG/'
OLD = dict(sequence=7, written=regf.WRITTEN)
NEW = dict(sequence=40, written=regf.WRITTEN + 3 * 86400 * 10**7)
DONE, FOUND = 0, 1  # exit codes of the tool


def same(image, other):
    return recipes.same_bytes(image, 0, other, 0, other.stat().st_size)


def agree(machine, until, more=False):
    """Says yes, to the offers to do `more` only if that is wanted, until the serial line shows `until`. Returns the
    match."""
    while (match := machine.wait_for(r'(Shall [^\n]*)?\(y/n\)|' + until, whole_line=False))[0].endswith('(y/n)'):
        machine.send_key('y' if more or not match[1] else 'n')
    return match


class Run:
    """One break by a person at the menu, in full, and every write it took."""

    def __init__(self, fault, recipe, since, more):
        """`since` is what has become of the disks after the floppy was built. `more`: the kept disk shall start by
        itself, and the other one be retired."""
        made = recipes.make_pair(scratch('pair'), size_mib=SIZE_MIB, **recipe)
        floppy = build(made, timeout=9)
        self.pair, self.fault = recipes.make_pair(scratch('pair'), made.recipe, **since), fault
        self.images = dict(zip(NODES, (self.pair.a.path, self.pair.b.path, floppy)))
        self.plan = json.loads(mkbootdisk('break', '--keep', 'shadow', '--dry-run', '--json',
                                          *(('--promote', '--retire') if more else ()), *self.pair))['changes']
        with self.machine(self.images, logged=True, trace=True) as machine:
            choose(machine, BREAK)
            agree(machine, '^ft: boot', more)
            self.status, self.payload = machine.wait_exit(), machine.payload()
            self.writes = writelog.writes_in_order(machine, NODES)
            self.not_read_back = writelog.not_read_back(machine)
            self.end = {node: copy(disk.path) for node, disk in zip(NODES, machine.disks + [machine.floppy])}
        self.states = writelog.crash_states(self.writes, self.images, DISKS)

    def machine(self, images, logged=False, **options):
        disk0, disk1, floppy = (Disk(images[node], logged=logged) for node in NODES)
        disk0.fault = self.fault
        return Machine([disk0, disk1], floppy=floppy, **options)

    def make(self, media):
        """{node: image} of a state."""
        images = {node: copy(image) for node, image in self.images.items()}
        writelog.apply(media, images)
        return images

    def volume(self, media):
        """The kept half of a state as a file of its own."""
        first, count = self.pair.b.member_start, self.pair.b.sectors
        path = scratch('volume')
        recipes.new_image(path, count * SECTOR)
        recipes.copy_range(self.images[KEPT], first * SECTOR, path, 0, count * SECTOR)
        for lba, data in media.get(KEPT, {}).items():
            if first <= lba < first + count:
                recipes.write_at(path, (lba - first) * SECTOR, data)
        return path

    def file(self, volume, name):
        if self.pair.recipe.fs == 'fat16':
            return recipes.run('mtype', '-i', volume, '::' + name)
        return recipes.run('ntfscat', volume, name)


def information(hive):
    """DISK\\Information of a hive, or None where hivex does not read it to its end."""
    path = scratch('hive')
    path.write_bytes(hive)
    done = subprocess.run(['hivexml', path], capture_output=True)
    path.unlink()
    if done.returncode:
        return None
    value = xml.etree.ElementTree.fromstring(done.stdout).find(".//node[@name='DISK']/value[@key='Information']")
    return base64.b64decode(value.get('value'))


def sets(record):
    """The sets that a record lists, as tuples of their members' (signature, number)."""
    at = ftinfo.HEADER.unpack_from(record)[6]
    count, _ = struct.unpack_from('<HH', record, at)
    at, found = at + 4, []
    for _ in range(count):
        size, *_ = ftinfo.SET.unpack_from(record, at)
        at += ftinfo.SET.size
        members = [ftinfo.MEMBER.unpack_from(record, at + n * ftinfo.MEMBER.size) for n in range(size)]
        at += size * ftinfo.MEMBER.size
        found.append(tuple((signature, number) for _, _, signature, _, number in members))
    return found


class Case:
    """Of each file system: see the classes at the end."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.run_ = Run(cls.fault, cls.recipe, cls.since, cls.more)

    def in_each_state(self, check):
        """check(kind, media) for every state; returns the set of its answers."""
        answers = set()
        for kind, name, media in self.run_.states:
            with self.subTest(name):
                answers.add(check(kind, media))
        return answers

    def on_all_disks(self, check):
        """The same for each content that the disks have in any state, once."""
        answers = set()
        for kind, name, media in self.of_the_disks():
            with self.subTest(name):
                answers.add(check(kind, media))
        return answers

    def of_the_disks(self):
        seen = {}
        for state in self.run_.states:
            seen.setdefault(frozenset(self.differences(state[2]).items()), state)
        return list(seen.values())

    def differences(self, media):
        """{(disk, LBA, offset): (old, new)}."""
        found = {}
        for node, lba, data in ((node, *sector) for node in DISKS for sector in media.get(node, {}).items()):
            before = recipes.read_at(self.run_.images[node], lba)
            found.update({(node, lba, at): (before[at], data[at]) for at in range(SECTOR) if before[at] != data[at]})
        return found

    # ---- the one run ----

    def test_the_run_started_the_shadow_and_its_log_tells_all_of_it(self):
        run = self.run_
        self.assertEqual((run.status, run.payload['sig80']), (PAYLOAD_EXIT, '%08x' % run.pair.b.signature))
        replayed = run.make(writelog.media_after(run.writes))
        for node in NODES:
            self.assertTrue(same(replayed[node], run.end[node]), node)
        self.assertEqual({kind for kind, _, _ in run.states}, {'whole', 'torn', 'lost'})

    def test_a_sector_is_read_back_before_the_next_is_written(self):
        """But for the line in the log of starts, which is the last word. This is also what makes the order certain."""
        run = self.run_
        self.assertEqual(run.not_read_back, [('floppy', floppy_file(run.images['floppy'], 'FTLOG.TXT')[0])])
        self.assertEqual((run.writes[-1].node, run.writes[-1].lba), run.not_read_back[0])

    # ---- every state ----

    def test_no_byte_outside_of_the_plan_differs(self):
        run = self.run_
        planned, node_of = {}, dict(zip(('%08x' % disk.signature for disk in (run.pair.a, run.pair.b)), DISKS))
        for change in run.plan:
            for at, pair in enumerate(zip(bytes.fromhex(change['old']), bytes.fromhex(change['new']))):
                if pair[0] != pair[1]:
                    planned[node_of[change['disk']], change['lba'], change['offset'] + at] = pair
        on_floppy = {lba for name in ('FTJOURNL.DAT', 'FTLOG.TXT') for lba in floppy_file(run.images['floppy'], name)}

        def check(_, media):
            self.assertLessEqual(set(media.get('floppy', ())), on_floppy)
            self.assertLessEqual(self.differences(media).items(), planned.items())
        self.in_each_state(check)
        self.assertEqual(self.differences(writelog.media_after(run.writes)), planned)

    def test_the_file_system_and_the_partition_tables_are_whole(self):
        fat16 = self.run_.pair.recipe.fs == 'fat16'

        def check(_, media):
            volume = self.run_.volume(media)
            whole.check_volume(volume, fat16)
            volume.unlink()
            self.partition_type('disk0', media)
            return self.partition_type(KEPT, media)
        self.assertEqual(self.on_all_disks(check), {'86', '6'} if fat16 else {'87', '7'})

    def partition_type(self, node, media):
        table, image = scratch('table'), self.run_.images[node]
        recipes.new_image(table, image.stat().st_size)
        recipes.write_at(table, 0, media.get(node, {}).get(0) or recipes.read_at(image, 0))
        self.assertIn(b'No errors', recipes.run('sfdisk', '-V', table))
        found = json.loads(recipes.run('sfdisk', '-J', table))['partitiontable']['partitions']
        table.unlink()
        half = self.run_.pair.b if node == KEPT else self.run_.pair.a
        return next(part['type'] for part in found if part['start'] == half.member_start)

    def test_the_registry_lists_the_mirror_or_none(self):
        """Never half a list. A disk that writes in an order of its own may leave one, and no order of ours prevents
        that: then others' tools must still read the registry to its end."""
        mirror = ((self.run_.pair.a.signature, 0), (self.run_.pair.b.signature, 1))

        def check(kind, media):
            records = self.registry(media)
            if kind == 'lost':
                return None
            found = [sets(record) for record in records]
            for listed in found:
                self.assertIn(listed, ([mirror], []))
            return tuple(map(bool, found))
        self.assertLessEqual({(True, True), (False, False)}, self.on_all_disks(check))

    def registry(self, media):
        volume = self.run_.volume(media)
        found = [information(self.run_.file(volume, CONFIG + name)) for name in ('SYSTEM', 'SYSTEM.ALT')]
        volume.unlink()
        self.assertNotIn(None, found, 'hivex does not read it')
        return found

    # ---- from every state to one end ----

    def test_the_host_tool_undoes_every_state(self):
        def check(_, media):
            images = self.run_.make(media)
            state = self.replay(images)
            if state == 'empty':  # then nobody wrote to the disks
                self.assertEqual(self.differences(media), {})
            self.check_disks(images, self.run_.images)
            self.remove(images)
            return state
        self.assertEqual(self.in_each_state(check), {'empty', None})

    def test_the_host_tool_finishes_every_state(self):
        """And what it finished it can undo."""
        def check(kind, media):
            images = self.run_.make(media)
            state = self.replay(images, '--finish')
            if state == 'empty':
                self.check_disks(images, self.run_.images)
            elif state is None or kind != 'lost':  # a disk that forgot what it took in can still be undone: see above
                self.check_disks(images, self.run_.end)
            if state is None:
                self.assertIsNone(self.replay(images))
                self.check_disks(images, self.run_.images)
            self.remove(images)
            return state
        self.assertEqual(self.in_each_state(check), {'empty', None, 'done'})

    def replay(self, images, *options):
        """What `undo` does with them: None if it did it, or the journal's state in which there is nothing to do."""
        done = subprocess.run([TOOL, 'undo', '--write', *options, images['floppy'], images['disk0'], images['disk1']],
                              capture_output=True, text=True)
        self.assertIn(done.returncode, (DONE, FOUND), done.stderr)
        return re.search(r'\(state (\w+)\)', done.stderr)[1] if done.returncode else None

    def check_disks(self, images, expected):
        for node in DISKS:
            self.assertTrue(same(images[node], expected[node]), node)

    def remove(self, images):
        for image in images.values():
            image.unlink()

    # ---- the loader itself, from some of them ----

    def test_the_loader_goes_on_after_a_power_cut(self):
        run = self.run_
        first, last = writelog.media_after(run.writes[:1]), writelog.media_after(run.writes)
        whole, torn, lost = ([media for kind, _, media in self.of_the_disks() if kind == wanted]
                             for wanted in ('whole', 'torn', 'lost'))
        middle = whole[len(whole) // 2]
        forgotten = {'floppy': last['floppy']}
        for name, media, item, end in (
                ('first', first, None, run.images),
                ('middle', middle, 'Finish the interrupted change', run.end),
                ('middle', middle, 'Undo the interrupted change', run.images),
                ('torn', torn[-1], 'Finish the interrupted change', run.end),
                ('torn', torn[-1], 'Undo the interrupted change', run.images),
                ('reordered', lost[0], 'Finish the interrupted change', run.end),
                ('forgotten', forgotten, 'Undo the last change', run.images),
                ('last', last, None, run.end),
                ('last', last, 'Undo the last change', run.images)):
            with self.subTest(name, item=item):
                self.go_on(media, item, end)

    def go_on(self, media, item, end):
        with self.run_.machine(self.run_.make(media)) as machine:
            if item:
                choose(machine, item)
                number = agree(machine, r'[> ] (\d)  ' + START)[2]
                machine.wait_for(PROMPT)
                machine.send_key(number)
            else:
                choose(machine, START)
            self.assertEqual(machine.wait_exit(), PAYLOAD_EXIT)
            self.assertNotIn('The change failed', machine.output)
            self.assertEqual(int(machine.payload()['sig80'], 16), self.run_.pair.b.signature, machine.output)
            self.check_disks({node: disk.path for node, disk in zip(NODES, machine.disks)}, end)


class States(unittest.TestCase):
    """The states that are made, for writes that were made up."""

    def setUp(self):
        blank = scratch('blank')
        recipes.new_image(blank, 4 * SECTOR)
        self.images = {'disk1': blank, 'floppy': blank}

    def states(self, *writes, **options):
        """{kind: states} of writes such as 'd1:a': a sector of a's to LBA 1 of the disk. Of a torn sector the first and
        the last letter are told."""
        nodes, found = {'d': 'disk1', 'f': 'floppy'}, {}
        made = [writelog.Write(nodes[word[0]], int(word[1]), word[3].encode() * SECTOR) for word in writes]
        for kind, _, media in writelog.crash_states(made, self.images, ('disk1',), **options):
            words = ['%s%d:%s' % (node[0], lba, ''.join(chr(byte) for byte in sorted({data[0], data[-1]})))
                     for node, sectors in sorted(media.items()) for lba, data in sorted(sectors.items())]
            found.setdefault(kind, []).append(' '.join(words).replace('\0', '-'))
        return found

    def test_every_prefix_every_torn_sector_and_every_loss_of_the_disk(self):
        self.assertEqual(self.states('f0:a', 'd1:b', 'd2:c', 'f0:d'), {
            'whole': ['', 'f0:a', 'd1:b f0:a', 'd1:b d2:c f0:a', 'd1:b d2:c f0:d'],
            'torn': ['f0:-a', 'd1:-b f0:a', 'd1:b d2:-c f0:a', 'd1:b d2:c f0:ad'],
            'lost': ['d2:c f0:a', 'd2:c f0:d', 'd1:b f0:d', 'f0:d']})

    def test_only_the_last_writes_are_lost(self):
        self.assertEqual(self.states('d0:a', 'd1:b', 'f2:c', window=1)['lost'], ['d0:a f2:c'])

    def log(self, *entries):
        path = scratch('log')
        body = b''.join(writelog.ENTRY.pack(lba, len(data) // SECTOR, flags, 0).ljust(SECTOR, b'\0') + data
                        for lba, flags, data in entries)
        path.write_bytes(writelog.SUPER.pack(writelog.MAGIC, 1, len(entries), SECTOR).ljust(SECTOR, b'\0') + body)
        return path

    def test_a_flush_between_two_writes_is_refused(self):
        sector = bytes(SECTOR)
        write, flush = (7, 0, sector), (0, writelog.FLUSH, b'')
        self.assertEqual(writelog.read_log(self.log(write, flush)), [(7, sector)])
        with self.assertRaisesRegex(ValueError, 'after a flush'):
            writelog.read_log(self.log(write, flush, write))


def long_record():
    """DISK\\Information of the pair and of a third disk, with so many partitions that it lies in three sectors."""
    _, starts, sectors = recipes.layout(recipes.Recipe(size_mib=SIZE_MIB))
    halves = [ftinfo.Disk(signature, [ftinfo.Partition(start * SECTOR, sectors * SECTOR, ftinfo.MIRROR, member=member,
                                                       letter='' if member else 'C', logical_number=1)])
              for member, (signature, start) in enumerate(zip(recipes.Recipe.signatures, starts))]
    third = ftinfo.Disk(0x33333333, [ftinfo.Partition((63 + n * 1000) * SECTOR, 1000 * SECTOR, letter=letter)
                                     for n, letter in enumerate('EFGHIJKLMNOP')])
    return ftinfo.encode(halves + [third], [ftinfo.Set([(0, 0, ftinfo.HEALTHY), (1, 0, ftinfo.HEALTHY)])])


class Fat16(Case, unittest.TestCase):
    """The primary is dead; the mirror is broken, and its record takes several writes."""
    fault, recipe, since, more = 'dead', dict(fs='fat16', nt={**OLD, 'information': long_record()}), {}, False


class Ntfs(Case, unittest.TestCase):
    """The primary can be read, and its registry is out of date; all is done that the loader offers, on both disks. The
    shadow is another partition of its disk, and lies elsewhere: its boot sectors and BOOT.INI change, too."""
    fault, since, more = None, dict(shadow_nt={**NEW, 'states': (1, 0)}), True
    recipe = dict(fs='ntfs', nt=OLD, shadow_start=2016, shadow_extra=((63, 945, 0x06),))

    def test_all_of_it_was_written(self):
        half = self.run_.pair.b
        written = {write.lba for write in self.run_.writes if write.node == KEPT}
        self.assertLessEqual({0, half.member_start, half.member_start + half.sectors - 1}, written)
        self.assertEqual(self.run_.file(self.run_.volume(writelog.media_after(self.run_.writes)), 'BOOT.INI'),
                         nt.boot_ini(partition=2, version='4.0'))


if __name__ == '__main__':
    unittest.main()
