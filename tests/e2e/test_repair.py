# SPDX-License-Identifier: MIT
"""Break, promote and retire from the boot floppy, by a person and unattended: afterwards the survivor starts by itself,
the other half starts nothing, and the floppy takes neither for a half. Media that fail meanwhile leave the disks as
they were.

Owns those repairs in the machine. What was written is told by sfdisk, mtools, ntfscat, hivex, fsck.fat and ntfsfix;
that a disk starts, by its payload. What a break alone does is test_break.py's business; power cuts are
test_writelog.py's.
"""
import functools
import json
import struct
import unittest

import defects
from qemu import Disk, Machine, recipes
from test_boot import (PROMPT, TOOL, answer, build, changed_sectors, choose, copy, mkbootdisk, replay, scratch, start,
                       started)
from test_break import BREAK, FREE, LAST_UNDO, NO_UNDO, PROMOTE, RETIRE, UNTOUCHED, WRITE, Bench
from test_writelog import information
import ftinfo
import nt
import regf

SECTOR = recipes.SECTOR
A, B = 0x1A2B3C4D, 0x5E6F7A8B
CONFIG = 'WINNT/SYSTEM32/CONFIG/'
OLD = dict(sequence=7, written=regf.WRITTEN)
NEW = dict(sequence=40, written=regf.WRITTEN + 3 * 86400 * 10**7, states=(1, 0))
BOOT_SECTOR = {'fat16': (0,), 'ntfs': (0, -1)}  # and its copies: sectors of the volume
START = r'Start the shadow\r?$'
ALONE = r'Make the shadow start without this boot disk'
NOTHING = '(?i)no bootable'


@functools.lru_cache
def make_pair(fs, **since):
    """A pair with Windows NT, whose shadow is the second partition of its disk and lies elsewhere than the primary. The
    volume was made on a controller that saw other heads. `since` is how the shadow's registry has come to differ."""
    pair = recipes.make_pair(scratch('pair'), fs=fs, size_mib=16, shadow_start=2016, shadow_extra=((63, 945, 0x06),),
                             nt=OLD, shadow_nt=since or None)
    for disk in (pair.a, pair.b):
        for at in BOOT_SECTOR[fs]:
            defects.put(disk.path, disk.member_start + at % disk.sectors, 0x18, struct.pack('<HH', 32, 64))
    return pair


class Stale(Bench):
    """The floppy is from the days when all was well; since then the primary has been left behind, and is here."""
    EVERYTHING = ('--keep', 'shadow', '--promote', '--geometry', '16/63', '--retire')  # for the host tool

    def __init__(self, *options, fs='fat16', timeout=9, **registry):
        self.pair = make_pair(fs, **NEW, **registry)
        self.a, self.b = copy(self.pair.a.path), copy(self.pair.b.path)
        self.floppy = build(make_pair(fs), *options, timeout=timeout)

    def add_to_config(self, line):
        text = scratch('MIRROR.INI')
        recipes.run('mcopy', '-n', '-i', self.floppy, '::MIRROR.INI', text)
        text.write_bytes(text.read_bytes() + line)
        recipes.run('mcopy', '-o', '-i', self.floppy, text, '::MIRROR.INI')

    def plan(self):
        """[(disk number, LBA)] that a complete break, promotion and retirement write, as the host tool says."""
        said = json.loads(mkbootdisk('break', *self.EVERYTHING, '--dry-run', '--json', self.a, self.b))
        spots = [((A, B).index(int(change['disk'], 16)), change['lba']) for change in said['changes']]
        return list(dict.fromkeys(spots))

    def volume(self):
        """The shadow as a file of its own."""
        half, path = self.pair.b, scratch('volume')
        recipes.new_image(path, half.sectors * SECTOR)
        recipes.copy_range(self.b, half.member_start * SECTOR, path, 0, half.sectors * SECTOR)
        return path

    def file(self, name):
        """A file of the shadow."""
        if self.pair.recipe.fs == 'fat16':
            return recipes.run('mtype', '-i', self.volume(), '::' + name)
        return recipes.run('ntfscat', self.volume(), name)

    def information(self, name):
        """DISK\\Information of a hive on the shadow, as hivex reads it."""
        return information(self.file(CONFIG + name))


def table(image):
    return json.loads(recipes.run('sfdisk', '-J', image))['partitiontable']


def bytes_changed(before, after):
    """{(LBA, offset)} by which two images differ."""
    return {(lba, at) for lba in changed_sectors(before, after)
            for at, pair in enumerate(zip(recipes.read_at(before, lba), recipes.read_at(after, lba)))
            if pair[0] != pair[1]}


def everything(machine):
    """A person breaks the mirror and says yes to all that is offered with it. Returns what was asked."""
    choose(machine, BREAK)
    return answer(machine, PROMOTE, RETIRE, WRITE)


class Case(unittest.TestCase):
    maxDiff = None

    def check_asked(self, asked, *texts):
        self.assertEqual(len(asked), len(texts), asked)
        for question, text in zip(asked, texts):
            self.assertIn(text, question)

    def check_shadow(self, bench, story):
        self.assertEqual((started(story), story.event('boot')[0]['source']), (B, 'shadow'), story.text)
        self.assertEqual(int(story.payload['hidden'], 16), bench.pair.b.member_start)

    def check_untouched(self, bench):
        self.assertEqual(changed_sectors(bench.pair.a.path, bench.a), [])
        self.assertEqual(changed_sectors(bench.pair.b.path, bench.b), [])

    def check_retired(self, bench):
        """No member, not active, another signature, and not one byte else."""
        found = table(bench.a)
        self.assertNotIn(int(found['id'], 16), (0, A, B))
        self.assertEqual([(int(part['type'], 16), part.get('bootable', False)) for part in found['partitions']],
                         [(FREE[bench.pair.recipe.fs], False)])
        changed = bytes_changed(bench.pair.a.path, bench.a)
        self.assertLessEqual({(0, 446), (0, 450)}, changed)
        self.assertLessEqual(changed, {(0, at) for at in (440, 441, 442, 443, 446, 450)})

    def check_registry(self, bench):
        """Both disks are listed as ordinary ones, the kept one with the mirror's letter; no set is."""
        disks = [ftinfo.Disk(disk.signature, [ftinfo.Partition(
            disk.member_start * SECTOR, disk.sectors * SECTOR, letter=letter, member=member, logical_number=1,
            ft_length_bytes=disk.sectors * SECTOR)])
            for member, (disk, letter) in enumerate(((bench.pair.a, ''), (bench.pair.b, 'C')))]
        for name in ('SYSTEM', 'SYSTEM.ALT'):
            self.assertEqual(bench.information(name).hex(), ftinfo.encode(disks).hex(), name)


class Repaired:
    """Everything at once, by a person, on each file system. Each test looks at the disks that this left."""

    @classmethod
    def setUpClass(cls):
        cls.bench, cls.asked = Stale(fs=cls.fs), []
        cls.story = cls.bench.start(None, act=lambda machine: cls.asked.extend(everything(machine)))

    # ---- what was said and written ----

    def test_it_asks_tells_and_does_the_same(self):
        self.check_asked(self.asked, PROMOTE, RETIRE, WRITE)
        planned, done = (self.story.event('change ' + word) for word in ('planned', 'done'))
        self.assertEqual(planned, done)
        told = [((A, B).index(int(change['disk'], 16)), int(change['lba'])) for change in done]
        self.assertEqual(told[-1], (0, 0), 'the other half is retired last')
        for number in (0, 1):
            self.assertEqual(sorted(lba for n, lba in told if n == number), self.story.written[number])
        self.assertEqual(self.story.event('letter'), [{'set': '1', 'before': 'C', 'after': 'C'}])
        self.assertEqual(self.story.event('refused') + self.story.event('error'), [])
        self.check_shadow(self.bench, self.story)

    def test_the_host_tool_plans_the_same_sectors(self):
        fresh = Stale(fs=self.fs)
        self.assertEqual(sorted(fresh.plan()), sorted((n, lba) for n in (0, 1) for lba in self.story.written[n]))

    def test_partition_tables(self):
        self.check_retired(self.bench)
        found, half = table(self.bench.b), self.bench.pair.b
        self.assertEqual(int(found['id'], 16), B)
        self.assertEqual([(part['start'], int(part['type'], 16), part.get('bootable', False))
                          for part in found['partitions']],
                         [(63, 0x06, False), (half.member_start, FREE[self.fs], True)])
        for image in (self.bench.a, self.bench.b):
            self.assertIn(b'No errors', recipes.run('sfdisk', '-V', image))

    def test_files(self):
        self.check_registry(self.bench)
        self.assertEqual(self.bench.file('BOOT.INI'), nt.boot_ini(partition=2, version='4.0'))
        recipes.run(*(('fsck.fat', '-n') if self.fs == 'fat16' else ('ntfsfix', '-n')), self.bench.volume())

    def test_boot_sectors(self):
        half, code = self.bench.pair.b, TOOL.with_name('mbr.bin').read_bytes()
        self.assertEqual(recipes.read_at(self.bench.b, 0)[:len(code)], code)
        for at in BOOT_SECTOR[self.fs]:
            lba = half.member_start + at % half.sectors
            told = struct.unpack_from('<HHI', recipes.read_at(self.bench.b, lba), 0x18)
            self.assertEqual(told, (63, 16, half.member_start))

    # ---- without the floppy ----

    def test_the_survivor_starts_by_itself(self):
        """Alone, and with the retired disk behind it."""
        for others, count in (((), '01'), ((self.bench.a,), '02')):
            with self.subTest(others=len(others)), Machine([self.bench.b, *others]) as machine:
                machine.wait_for('^PAYLOAD .*')
                said = machine.payload()
                self.assertEqual((int(said['sig80'], 16), int(said['hidden'], 16), said['count']),
                                 (B, self.bench.pair.b.member_start, count))
                self.assertEqual((said['spt'], said['heads'], said['dl'], said['drv']), ('003f', '0010', '80', '80'))

    def test_the_retired_disk_starts_nothing(self):
        """Alone, and before the survivor."""
        for others in ((), (self.bench.b,)):
            with self.subTest(others=len(others)), Machine([self.bench.a, *others]) as machine:
                machine.wait_screen(NOTHING)
                self.assertNotIn('PAYLOAD', machine.output)

    # ---- with the floppy, later ----

    def test_a_later_start_takes_the_survivor_for_all_there_is(self):
        bench = self.bench
        for disks in ([bench.a, bench.b], [bench.b, bench.a], [bench.b]):
            with self.subTest(len(disks)):
                story = start(disks, bench.floppy, lambda machine: choose(machine, START))
                self.check_shadow(bench, story)
                self.assertEqual([(member['role'], member['state'], int(member['drive'], 16))
                                  for member in story.event('member')],
                                 [('primary', 'absent', 0), ('shadow', 'good', 0x80 + disks.index(bench.b))])
                self.assertNotRegex(story.text, '(?m)[> ] \\d  (Break|Retire|Start the primary)')
                self.assertEqual((story.written.get(0), story.written.get(1, [])), ([], []))

    def test_a_later_start_has_no_use_for_the_retired_disk_alone(self):
        with Machine([self.bench.a], floppy=self.bench.floppy) as machine:
            machine.wait_for(PROMPT)
            self.assertIn('No half is started unasked', machine.output)
            self.assertNotRegex(machine.output, '(?m)[> ] \\d  (Break|Retire|Start|Make)')

    def test_there_is_nothing_left_to_promote(self):
        with Machine([self.bench.a, self.bench.b], floppy=self.bench.floppy) as machine:
            choose(machine, ALONE)
            machine.wait_for('there is nothing to change')
            machine.wait_for(PROMPT)
            self.assertNotIn('change planned', machine.output)

    def test_the_host_tool_finds_no_mirror(self):
        self.assertEqual(json.loads(mkbootdisk('survey', '--json', self.bench.a, self.bench.b))['sets'], [])

    def test_undo_brings_every_byte_back(self):
        undone = Stale(fs=self.fs)
        undone.a, undone.b, undone.floppy = copy(self.bench.a), copy(self.bench.b), copy(self.bench.floppy)

        def act(machine):
            replay(machine)
            machine.wait_for('ft: change undone n=1 ')
            choose(machine, START)
        story = undone.start(None, act=act)
        self.check_shadow(undone, story)
        self.check_untouched(undone)
        undone.can_undo('undone')
        self.assertEqual([change['n'] for change in story.event('change undone')],
                         [change['n'] for change in reversed(self.story.event('change done'))])


class RepairedFat16(Repaired, Case):
    fs = 'fat16'


class RepairedNtfs(Repaired, Case):
    fs = 'ntfs'


class Unattended(Case):
    """break=auto and retire=yes: nobody is there."""

    def bench(self, **options):
        bench = Stale('--break', 'auto', timeout=0, **options)
        bench.add_to_config(b'retire=yes\r\n')
        return bench

    def check_broken(self, bench):
        """And not promoted."""
        partitions = table(bench.b)['partitions']
        self.assertEqual([(int(part['type'], 16), part.get('bootable', False)) for part in partitions],
                         [(0x06, False), (FREE[bench.pair.recipe.fs], False)])
        self.assertEqual(any(recipes.read_at(bench.b, 0)[:440]), False)

    def test_breaks_and_retires(self):
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs):
                bench = self.bench(fs=fs)
                story = bench.start(None)
                self.check_shadow(bench, story)
                self.check_retired(bench)
                self.check_broken(bench)
                self.check_registry(bench)
                again = bench.start(None)
                self.check_shadow(bench, again)
                self.assertEqual((again.written[0], again.written[1], again.event('refused')), ([], [], []))

    def test_what_cannot_be_retired_is_left_out(self):
        for fault in ('absent', 'dead'):
            with self.subTest(fault):
                bench = self.bench()
                story = bench.start(fault)
                self.check_shadow(bench, story)
                self.check_broken(bench)
                self.check_registry(bench)
                self.assertEqual(changed_sectors(bench.pair.a.path, bench.a), [])
                self.assertIn({'why': 'no half of a mirror is on that disk'}, story.event('refused'))

    def test_registry_that_nt_will_write_over_is_left_alone(self):
        """The partition types alone are a state NT starts from (Q147690)."""
        bench = self.bench(clean=False)
        story = bench.start(None)
        self.check_shadow(bench, story)
        self.check_retired(bench)
        self.check_broken(bench)
        self.assertEqual(bytes_changed(bench.pair.b.path, bench.b), {(0, 446 + 16 + 4)})
        told = story.event('break')[-1]
        self.assertEqual((told['extent'], told['disk']), ('types', '%08x' % B))
        self.assertRegex(told['file'], 'SYSTEM')

    def test_survivor_that_cannot_be_written_starts_all_the_same(self):
        """Unbroken, and then the other disk is not touched either."""
        for fault in ('writes-fail', 'bad-write:0'):
            with self.subTest(fault):
                bench = self.bench()
                story = bench.start(None, fault)
                self.check_shadow(bench, story)
                self.check_untouched(bench)
                self.assertIn('W3', [error['site'] for error in story.event('error')])
                bench.can_undo('undone')

    def test_other_disk_that_cannot_be_written_is_left_as_it_is(self):
        """The mirror is broken all the same."""
        bench = self.bench()
        story = bench.start('writes-fail')
        self.check_shadow(bench, story)
        self.assertEqual(changed_sectors(bench.pair.a.path, bench.a), [])
        self.check_broken(bench)
        self.check_registry(bench)
        self.assertIn('W3', [error['site'] for error in story.event('error')])
        bench.can_undo()

    def test_healthy(self):
        bench = self.bench()
        story = start(list(make_pair('fat16')), bench.floppy)
        self.assertEqual(started(story), A)
        self.assertEqual(story.written, {0: [], 1: [], 'floppy': []})


class Faults(Case):
    """A person says yes to everything, and something fails."""

    def fails(self, bench, *faults, before_yes=None, says='The change failed', **machine):
        """Everything, until it fails; then the shadow is started. The disks are as they were. Returns the story."""
        def act(running):
            choose(running, BREAK)
            answer(running, PROMOTE, RETIRE, until=WRITE + r'.*\(y/n\)')
            if before_yes:
                before_yes(running)
            running.send_key('y')
            answer(running, until='^' + says)
            choose(running, START)
        story = bench.start(*(faults or (None,)), act=act, **machine)
        self.check_shadow(bench, story)
        self.check_untouched(bench)
        return story

    def check_undone(self, story, count):
        """So many changes were made and taken back, the last one first."""
        done, undone = ([int(change['n']) for change in story.event('change ' + word)] for word in ('done', 'undone'))
        self.assertEqual((done, undone), (list(range(1, count + 1)), list(range(count, 0, -1))))

    def sites(self, story):
        return [error['site'] for error in story.event('error')]

    def test_each_write_in_turn(self):
        for fs in ('fat16', 'ntfs'):
            for count, (number, lba) in enumerate(Stale(fs=fs).plan()):
                with self.subTest(fs, disk=number, lba=lba):
                    bench, faults = Stale(fs=fs), [None, None]
                    faults[number] = 'bad-write:%d' % lba
                    story = self.fails(bench, *faults)
                    self.check_undone(story, count)
                    self.assertEqual(story.event('error', site='W3'),
                                     [{'site': 'W3', 'status': 'io', 'drive': '0x%02x' % (0x80 + number),
                                       'lba': str(lba)}])
                    bench.can_undo('undone')

    def test_write_protected_disk(self):
        """Whichever it is: the other half is the last to be written, and the first to be noticed by then."""
        for number, count in ((1, 0), (0, len(Stale().plan()) - 1)):
            with self.subTest(disk=number):
                bench, faults = Stale(), [None, None]
                faults[number] = 'protected'
                story = self.fails(bench, *faults, controller='virtio')
                self.check_undone(story, count)
                self.assertEqual(self.sites(story), ['W3'])
                bench.can_undo('undone')

    def test_write_protected_floppy(self):
        bench = Stale()
        story = self.fails(bench, protected=True)
        self.assertIn('J4', self.sites(story))
        self.assertEqual((story.event('change done'), story.written['floppy']), ([], []))

    def test_without_an_undo_by_choice(self):
        """The same floppy; but the person goes on."""
        bench, asked = Stale(), []
        floppy = copy(bench.floppy)

        def act(machine):
            choose(machine, BREAK)
            asked.extend(answer(machine, PROMOTE, RETIRE, WRITE, NO_UNDO))
        story = bench.start(None, act=act, protected=True)
        self.check_asked(asked, PROMOTE, RETIRE, WRITE, NO_UNDO)
        self.check_shadow(bench, story)
        self.check_retired(bench)
        self.check_registry(bench)
        self.assertEqual(changed_sectors(floppy, bench.floppy), [])
        self.assertIn('J4', self.sites(story))

    def test_floppy_taken_out_before_the_last_yes(self):
        bench = Stale()
        story = self.fails(bench, before_yes=lambda machine: machine.change_floppy(), says=UNTOUCHED)
        self.assertRegex(' '.join(self.sites(story)), 'J[14]')  # whether it is read or written first
        self.assertEqual((story.event('change done'), story.written['floppy']), ([], []))

    def test_another_floppy_put_in_before_the_last_yes(self):
        """It is not written to."""
        bench, other = Stale(), defects.blank(scratch('other.img'), 1)
        before = copy(other)
        self.fails(bench, before_yes=lambda machine: machine.change_floppy(other), says=UNTOUCHED)
        self.assertEqual(changed_sectors(before, other), [])

    def test_disk_that_dies_before_the_last_yes(self):
        """No write is begun when one of the sectors cannot be read."""
        bench = Stale()
        story = self.fails(bench, before_yes=lambda machine: machine.fail(0))
        self.assertIn('W1', self.sites(story))
        self.assertEqual(story.event('change done'), [])


class Items(Case):
    """What else the menu has: one by one, from a mirror that the host tool broke, and what cannot be had."""

    def broken(self, *options):
        bench = Stale(*options)
        mkbootdisk('break', '--keep', 'shadow', '--bootdisk', bench.floppy, '--write', bench.a, bench.b)
        return bench

    def test_one_by_one_leaves_what_all_at_once_leaves(self):
        bench, at_once = self.broken(), Stale()
        mkbootdisk('break', *at_once.EVERYTHING, '--write', '--undo-file', scratch('undo'), at_once.a, at_once.b)

        def act(machine):
            for item in (ALONE, 'Retire the primary: no member, not active, new signature'):
                choose(machine, item)
                asked = answer(machine, WRITE, LAST_UNDO, until='^The shadow will be started')
                self.check_asked(asked, WRITE, LAST_UNDO)
            choose(machine, START)
        self.check_shadow(bench, bench.start(None, act=act))
        self.assertEqual(changed_sectors(at_once.a, bench.a), [])
        self.assertEqual(changed_sectors(at_once.b, bench.b), [])

    def test_undo_that_is_not_given_up(self):
        bench = self.broken()
        before = copy(bench.b)

        def act(machine):
            choose(machine, ALONE)
            self.check_asked(answer(machine, WRITE, until='^' + UNTOUCHED), WRITE, LAST_UNDO)
            choose(machine, START)
        story = bench.start(None, act=act)
        self.check_shadow(bench, story)
        self.assertEqual([error['site'] for error in story.event('error')], ['J3'])
        self.assertEqual(changed_sectors(before, bench.b), [])
        bench.can_undo()

    def test_never(self):
        bench = self.broken('--break', 'never')
        with Machine([bench.a, bench.b], floppy=bench.floppy) as machine:
            machine.wait_for('is taken in')
            self.assertRegex(machine.output, '(?m)[> ] \\d  Start the shadow')
            self.assertNotRegex(machine.output, '(?m)[> ] \\d  (Break|Retire|Make)')

    def test_registry_that_nt_will_write_over(self):
        """Nothing is written, or, if that is agreed to, the partition type alone."""
        bench, types_only = Stale(clean=False), 'Administrator can finish the break'

        def act(machine):
            choose(machine, BREAK)
            self.check_asked(answer(machine, until='^' + UNTOUCHED), PROMOTE, RETIRE, types_only)
            self.check_untouched(bench)
            choose(machine, BREAK)
            self.check_asked(answer(machine, types_only, WRITE), PROMOTE, RETIRE, types_only, WRITE)
        story = bench.start(None, act=act)
        self.check_shadow(bench, story)
        self.assertEqual(bytes_changed(bench.pair.b.path, bench.b), {(0, 446 + 16 + 4)})
        self.assertEqual({told['extent'] for told in story.event('break')}, {'types'})

    def test_logical_drive_starts_from_no_mbr(self):
        bench = Bench(timeout=9, logical='shadow')

        def act(machine):
            choose(machine, BREAK)
            self.check_asked(answer(machine, PROMOTE, until='^' + UNTOUCHED), PROMOTE)
            self.check_untouched(bench)
            choose(machine, BREAK)
            answer(machine, WRITE)
        story = bench.start('dead', act=act)
        self.check_shadow(bench, story)
        self.assertRegex(story.event('refused')[0]['why'], 'logical drive')
        self.assertEqual(changed_sectors(bench.pair.b.path, bench.b), [bench.pair.b.ebr])

    def test_break_by_a_person_where_the_other_half_cannot_be_retired(self):
        """retire=yes is for when nobody is there: it must not keep a person from the break."""
        bench = Stale()
        bench.add_to_config(b'retire=yes\r\n')

        def act(machine):
            choose(machine, BREAK)
            self.check_asked(answer(machine, WRITE, until='^ft: boot|^The change failed|^' + UNTOUCHED), PROMOTE, WRITE)
        self.check_shadow(bench, bench.start('dead', act=act))


if __name__ == '__main__':
    unittest.main()
