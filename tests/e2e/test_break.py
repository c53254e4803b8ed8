# SPDX-License-Identifier: MIT
"""The menu of the boot floppy and what it writes: breaking the mirror, finishing and undoing, against power cuts, write
protection and disks that cannot be written.

Owns the bench: two disks and a floppy that keep what a start wrote, for the next one. sfdisk is the oracle for
partition types; that nothing else changed is told by comparing images byte for byte.
"""
import json
import re
import time
import unittest

import defects
from qemu import PATIENCE, Disk, Machine, recipes
from test_boot import (PROMPT, answer, build, changed_sectors, choose, copy, floppy_file, make_pair, mkbootdisk, replay,
                       scratch, start, started)

SECTOR = recipes.SECTOR
FREE = {'fat16': 0x06, 'ntfs': 0x07}  # the volume's type outside of a mirror
BREAK = r'Break the mirror, keeping the shadow, then start it'
PROMOTE, RETIRE, WRITE = 'without this boot disk', 'be retired', 'Write this'  # what is asked before a break
NO_UNDO, LAST_UNDO = 'without an undo', 'Give up the undo'
UNTOUCHED = 'Nothing was changed'


def just_break(machine, item=BREAK):
    """Takes the menu item and agrees to the break, and to nothing beyond it. Returns what was asked."""
    choose(machine, item)
    return answer(machine, WRITE)


class Bench:
    """Disks a and b and a floppy, all of which keep what is written."""

    def __init__(self, *options, timeout=0, **recipe):
        self.pair = make_pair(**recipe)
        self.a, self.b = copy(self.pair.a.path), copy(self.pair.b.path)
        self.floppy = build(self.pair, *options, timeout=timeout)

    def disks(self, a='absent', b=None):
        return [Disk(self.a, a, writable=True), Disk(self.b, b, writable=True)]

    def start(self, a='absent', b=None, act=None, floppy=None, **options):
        story = start(self.disks(a, b), Disk(self.floppy, floppy, writable=True), act, **options)
        if not a:
            story.written.setdefault(0, [])
        return story

    def set_timeout(self, seconds):
        """Another digit in MIRROR.INI."""
        lba = floppy_file(self.floppy, 'MIRROR.INI')[0]
        sector = recipes.read_at(self.floppy, lba)
        recipes.write_at(self.floppy, lba * SECTOR, re.sub(rb'timeout=\d\r', b'timeout=%d\r' % seconds, sector))

    def types(self):
        """The types of b's partitions that are not links, as sfdisk sees them."""
        table = json.loads(recipes.run('sfdisk', '-J', self.b))['partitiontable']
        return [int(part['type'], 16) for part in table['partitions'] if part['type'] not in ('5', 'f')]

    def b_changed(self):
        """[(LBA, offset, new byte)] of b against the pair."""
        found = []
        for lba in changed_sectors(self.pair.b.path, self.b):
            old, new = recipes.read_at(self.pair.b.path, lba), recipes.read_at(self.b, lba)
            found += [(lba, at, new[at]) for at in range(SECTOR) if old[at] != new[at]]
        return found

    def journal(self):
        """FTJOURNL.DAT, as mcopy sees it."""
        target = scratch('journal')
        recipes.run('mcopy', '-n', '-i', self.floppy, '::FTJOURNL.DAT', target)
        return target.read_bytes()

    def can_undo(self, state=None):
        """Checks with the host tool: there is something to undo; or nothing is, for the journal's state is ..."""
        return mkbootdisk('undo', '--dry-run', self.floppy, self.a, self.b, status=1 if state else 0)


class Case(unittest.TestCase):
    def check_broken(self, bench, index=0):
        """Exactly one byte of b is another, and the mirror's bit is gone from it."""
        table = bench.pair.b.ebr or 0
        free = FREE[bench.pair.recipe.fs]
        self.assertEqual(bench.b_changed(), [(table, 446 + 16 * index + 4, free)])
        self.assertEqual(bench.types()[index], free)
        self.assertEqual(changed_sectors(bench.pair.a.path, bench.a), [])

    def check_untouched(self, bench):
        self.assertEqual(bench.b_changed(), [])
        self.assertEqual(changed_sectors(bench.pair.a.path, bench.a), [])

    def check_shadow(self, bench, story):
        self.assertEqual(started(story), bench.pair.b.signature, story.text)
        self.assertEqual(story.event('boot')[0]['source'], 'shadow')
        self.assertEqual(int(story.payload['hidden'], 16), bench.pair.b.member_start)

    def undo(self, bench, item='Undo the last change', a='absent'):
        """Undoes from the menu, then starts the shadow from the menu that follows."""
        def act(machine):
            replay(machine, item)
            machine.wait_for('ft: change undone')
            choose(machine, 'Start the shadow')
        bench.set_timeout(9)
        self.check_shadow(bench, bench.start(a, act=act))


class Auto(Case):
    """break=auto: nobody is there."""

    def break_and_undo(self, fault, **recipe):
        bench = Bench('--break', 'auto', **recipe)
        table = bench.pair.b.ebr or 0
        story = bench.start(fault)
        self.check_shadow(bench, story)
        self.check_broken(bench)
        for name in ('change planned', 'change done'):
            change, = story.event(name)
            self.assertEqual((change['n'], change['disk'], change['lba']),
                             ('1', '%08x' % bench.pair.b.signature, str(table)))
        free = FREE[bench.pair.recipe.fs]
        self.assertIn('1 planned: disk 5e6f7a8b, sector %d+1c2, 1 bytes, %02x to %02x ' % (table, free | 0x80, free),
                      story.text)
        journal = bench.journal()
        for image in (bench.pair.b.path, bench.b):
            self.assertIn(recipes.read_at(image, table), journal, 'old and new sector are on the floppy')
        bench.can_undo()

        again = bench.start(fault)
        self.check_shadow(bench, again)
        self.check_broken(bench)
        self.assertEqual(again.written[1], [])
        back = bench.start(None)
        self.check_shadow(bench, back)
        self.assertEqual(back.event('verdict')[0]['state'], 'stale')
        self.assertEqual((back.written[0], back.written[1]), ([], []))
        self.undo(bench, a=fault)
        self.check_untouched(bench)
        bench.can_undo('undone')

    def test_primary_absent(self):
        self.break_and_undo('absent')

    def test_primary_dead(self):
        self.break_and_undo('dead')

    def test_ntfs(self):
        self.break_and_undo('dead', fs='ntfs')

    def test_logical_drive(self):
        self.break_and_undo('dead', logical='shadow')

    def test_healthy(self):
        bench = Bench('--break', 'auto')
        story = bench.start(None)
        self.assertEqual(started(story), bench.pair.a.signature)
        self.assertEqual(story.written, {0: [], 1: [], 'floppy': []})
        self.assertNotIn('will be broken', story.text)

    def test_write_protected_floppy(self):
        bench = Bench('--break', 'auto')
        story = bench.start('dead', protected=True)
        self.check_shadow(bench, story)
        self.check_untouched(bench)
        self.assertEqual(story.written['floppy'], [])
        self.assertIn('J4', [error['site'] for error in story.event('error')])
        self.assertIn('The change failed', story.text)
        self.assertEqual(story.event('change done'), [])

    def test_disk_that_cannot_be_written(self):
        for fault in ('writes-fail', 'bad-write:0'):
            with self.subTest(fault):
                bench = Bench('--break', 'auto')
                story = bench.start('absent', fault)
                self.check_shadow(bench, story)
                self.check_untouched(bench)
                self.assertIn('W3', [error['site'] for error in story.event('error')])
                self.assertIn('The change failed', story.text)
                bench.can_undo('undone')
                self.check_shadow(bench, bench.start())  # the disk has come to its senses
                self.check_broken(bench)

    def test_no_journal_file(self):
        bench = Bench('--break', 'auto')
        recipes.run('mdel', '-i', bench.floppy, '::FTJOURNL.DAT')
        story = bench.start()
        self.check_shadow(bench, story)
        self.check_untouched(bench)
        self.assertIn('there is no journal', story.text)


class Ask(Case):
    """A person before the menu."""

    def test_break_by_choice(self):
        bench = Bench(timeout=9)
        asked = []
        self.check_shadow(bench, bench.start('dead', act=lambda machine: asked.extend(just_break(machine))))
        self.check_asked(asked, PROMOTE, WRITE)  # nothing of the other half, which is dead
        self.check_broken(bench)
        self.undo(bench)
        self.check_untouched(bench)

    def check_asked(self, asked, *texts):
        self.assertEqual(len(asked), len(texts), asked)
        for question, text in zip(asked, texts):
            self.assertIn(text, question)

    def test_no_at_the_last_question(self):
        """Nothing is written, and the menu is there again."""
        bench = Bench(timeout=9)

        def act(machine):
            choose(machine, BREAK)
            self.check_asked(answer(machine, PROMOTE, RETIRE, until=UNTOUCHED), PROMOTE, RETIRE, WRITE)
            choose(machine, 'Start the shadow')
        defects.orphaned(bench.a)
        before = copy(bench.a)
        story = bench.start(None, act=act)
        self.check_shadow(bench, story)
        self.assertEqual(story.written, {0: [], 1: [], 'floppy': floppy_file(bench.floppy, 'FTLOG.TXT')[:1]})
        self.assertEqual(changed_sectors(before, bench.a), [])
        self.assertEqual(story.event('change done'), [])

    def test_nothing_without_a_choice(self):
        bench = Bench(timeout=1)
        self.check_shadow(bench, bench.start('dead'))
        self.check_untouched(bench)

    def test_keep_the_primary(self):
        bench = Bench(timeout=9)
        story = bench.start(None, 'dead', act=lambda machine: just_break(machine, BREAK.replace('shadow', 'primary')))
        self.assertEqual(started(story), bench.pair.a.signature)
        self.assertEqual(changed_sectors(bench.pair.a.path, bench.a), [0])
        self.check_first_type(bench.a, FREE['fat16'])
        self.assertEqual(bench.b_changed(), [])

    def check_first_type(self, image, kind):
        table = json.loads(recipes.run('sfdisk', '-J', image))['partitiontable']
        self.assertEqual(int(table['partitions'][0]['type'], 16), kind)

    def test_split(self):
        """Of two halves that differ, a person may keep either."""
        bench = Bench(timeout=1)
        defects.stale_copy(bench.b, bench.pair.b.member_start)
        before = copy(bench.b)
        asked = []
        story = bench.start(None, act=lambda machine: asked.extend(just_break(machine)))
        self.check_asked(asked, PROMOTE, RETIRE, WRITE)
        self.assertEqual((started(story), story.payload['tag']), (bench.pair.b.signature, 'S'))
        self.assertEqual(changed_sectors(before, bench.b), [0])
        self.assertEqual(changed_sectors(bench.pair.a.path, bench.a), [])
        self.check_first_type(bench.b, FREE['fat16'])

    def no_break_in(self, bench, *disks):
        with Machine(disks, floppy=bench.floppy) as machine:
            machine.wait_for(PROMPT)
            self.assertIn('Start the shadow', machine.output)
            self.assertNotIn('Break', machine.output)

    def test_never(self):
        bench = Bench('--break', 'never', timeout='forever')
        self.no_break_in(bench, Disk(bench.a, 'dead'), bench.b)

    def test_healthy(self):
        for policy in ('ask', 'auto'):
            with self.subTest(policy):
                bench = Bench('--break', policy, timeout='forever')
                self.no_break_in(bench, bench.a, bench.b)

    def test_no_journal_file(self):
        for agreed, kept in ((False, []), (True, [0])):
            with self.subTest(agreed=agreed):
                bench = Bench(timeout=9)
                recipes.run('mdel', '-i', bench.floppy, '::FTJOURNL.DAT')

                def act(machine):
                    choose(machine, BREAK)
                    asked = answer(machine, *(WRITE, NO_UNDO)[:1 + agreed], until='^ft: boot|^' + UNTOUCHED)
                    self.check_asked(asked, PROMOTE, WRITE, NO_UNDO)
                    if not agreed:
                        choose(machine, 'Start the shadow')
                story = bench.start(act=act)
                self.check_shadow(bench, story)
                self.assertEqual(story.written[1], kept)


class Host(Case):
    """Loader and host tool take over from each other."""

    def test_host_undoes_what_the_loader_broke(self):
        bench = Bench('--break', 'auto')
        bench.start()
        self.check_broken(bench)
        mkbootdisk('undo', bench.floppy, bench.a, bench.b, '--write')
        self.check_untouched(bench)

    def test_loader_undoes_what_the_host_broke(self):
        bench = Bench()
        mkbootdisk('break', '--keep', 'shadow', '--bootdisk', bench.floppy, '--write', bench.a, bench.b)
        self.check_broken(bench)
        story = bench.start(None)
        self.check_shadow(bench, story)
        self.assertEqual(story.event('verdict')[0]['state'], 'stale')
        self.undo(bench)
        self.check_untouched(bench)


class PowerCut(Case):
    """The power goes while the disk is written to; the floppy knows."""

    def cut_before_the_write(self):
        """The machine stands still in the moment of the write, and is switched off."""
        bench = Bench('--break', 'auto')
        machine = Machine(bench.disks(b='bad-write:0'), floppy=Disk(bench.floppy, writable=True),
                          extra=('-set', 'device.dev1.werror=stop'))
        with machine:
            end = time.monotonic() + PATIENCE
            while machine.qmp('query-status')['status'] != 'io-error':
                self.assertLess(time.monotonic(), end, machine.output)
                time.sleep(0.02)
            machine.power_off()
        self.check_untouched(bench)
        return bench

    def cut_after_the_write(self):
        """The floppy takes everything but the last word."""
        bench = Bench('--break', 'auto')
        second_slot = floppy_file(bench.floppy, 'FTJOURNL.DAT')[1]
        story = bench.start(floppy='bad-write:%d' % second_slot)
        self.check_shadow(bench, story)
        self.check_broken(bench)
        return bench, story

    def benches(self):
        yield 'before', self.cut_before_the_write()
        yield 'after', self.cut_after_the_write()[0]

    def test_no_false_word_about_a_written_change(self):
        _, story = self.cut_after_the_write()
        self.assertEqual(len(story.event('change done')), 1)
        self.assertNotIn('The change was not made', story.text)

    def test_starts_unattended(self):
        for when, bench in self.benches():
            with self.subTest(when):
                kept = copy(bench.b)
                self.check_shadow(bench, bench.start())
                self.assertEqual(changed_sectors(kept, bench.b), [])

    def test_undo(self):
        for when, bench in self.benches():
            with self.subTest(when):
                bench.set_timeout(9)

                def act(machine):
                    replay(machine, 'Undo the interrupted change')
                    choose(machine, 'Start the shadow')
                story = bench.start(act=act)
                self.assertIn('Finish the interrupted change', story.text)
                self.check_shadow(bench, story)
                self.check_untouched(bench)
                bench.can_undo('undone')

    def test_finish(self):
        for when, bench in self.benches():
            with self.subTest(when):
                bench.set_timeout(9)

                def act(machine):
                    replay(machine, 'Finish the interrupted change')
                    machine.wait_for('ft: change done')
                    choose(machine, 'Start the shadow')
                self.check_shadow(bench, bench.start(act=act))
                self.check_broken(bench)
                bench.can_undo()
                self.undo(bench)
                self.check_untouched(bench)


class Menu(Case):
    """Keys, from the keyboard and over the serial line."""

    def press(self, *keys, serial=False, half='b', timeout=30):
        pair = make_pair()

        def act(machine):
            machine.wait_for('Number 1 is taken in')
            for key in keys:
                machine.send_serial(key) if serial else machine.send_key(key)
                if key == keys[0] and key not in '12':
                    machine.wait_for(PROMPT)
        story = start(list(pair), build(pair, timeout=timeout), act)
        self.assertEqual(started(story), {'a': pair.a, 'b': pair.b}[half].signature, story.text)
        self.assertEqual(story.event('boot')[0]['source'], {'a': 'primary', 'b': 'shadow'}[half])

    def test_numbers(self):
        self.press('x', '2')
        self.press('2')
        self.press('x', '1', half='a')

    def test_arrows(self):
        self.press('x', 'down', 'ret')
        self.press('down', 'ret')
        self.press('x', 'down', 'up', 'up', 'ret', half='a')

    def test_serial_line(self):
        self.press('x', '2', serial=True)
        self.press('x', '\x1b[B', '\r', serial=True)
        self.press('x', '\x1b[B', '\x1b[A', '\r', half='a', serial=True)

    def test_time_out(self):
        pair = make_pair()
        story = start(list(pair), build(pair, timeout=2))
        self.assertEqual(re.findall(r'is taken in (\d+) s', story.text), ['2', '1'])
        self.assertEqual(started(story), pair.a.signature)

    def test_restart(self):
        pair = make_pair()
        with Machine(list(pair), floppy=build(pair, timeout='forever')) as machine:
            choose(machine, 'Restart the machine')
            machine.wait_for('ft: start')
            choose(machine, 'Start the shadow')
            machine.wait_exit()
            self.assertEqual(int(machine.payload()['sig80'], 16), pair.b.signature)


if __name__ == '__main__':
    unittest.main()
