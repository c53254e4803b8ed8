# SPDX-License-Identifier: MIT
"""break, retire, promote and undo when the power goes at any write, or a write fails: afterwards the disks can be
brought back bit for bit, or the change completed, and no other byte has changed.

Owns the preloaded library (cut.c) that counts the tool's writes. What is on the disks in between is
proven to boot by tests/sweep.
"""
import itertools
import os
import re
import shutil
import unittest

from cli import DONE, FOUND, IO, REFUSED, SECTOR, SMALL, cut_library, disks, type_byte
from repaircase import CONFIG, HIVES, RepairCase
from test_break_undo import TYPE_AT, BreakCase
from test_promote import PATH, boot_ini
import whole

EBR = 1008
TWO_SECTORS = dict(SMALL, logical='both', primary_extra=((63, 900, 0x87),), shadow_extra=((63, 900, 0x87),))


def writes_in(log):
    """[(offset, bytes)] of the writes that the library told. Each one has reached its medium before the next is begun:
    there is nothing that a cache could write in another order."""
    lines = log.read_text().splitlines()
    at = [n for n, line in enumerate(lines) if line != 'sync']
    if [n for n in at if lines[n + 1:n + 2] != ['sync']]:
        raise AssertionError('a write that is not flushed: %s' % lines)
    return [tuple(map(int, lines[n].split())) for n in at]


class CutCase(BreakCase):
    def with_cut(self, how, number, *arguments, log=None):
        env = dict(LD_PRELOAD=cut_library(), CUT_HOW=how, CUT_AT=str(number))
        if log:
            env['CUT_LOG'] = str(log)
        return self.run_tool(*arguments, env=env)

    def break_call(self):
        return ['break', '--write', '--keep', 'primary'] + self.where + [self.a, self.b]

    def prepare(self, **recipe):
        """A fresh pair, and an undo place: the default file or a boot disk."""
        self.start(**(recipe or SMALL))
        self.where = ['--bootdisk', self.fresh_floppy()] if self.on_boot_disk else []
        self.journal = self.where[1] if self.where else self.undo_file
        if not self.on_boot_disk and self.journal.exists():
            self.journal.unlink()

    on_boot_disk = False

    def fresh_floppy(self):
        """Built once; where it was written to, it is copied anew."""
        built = self.dir / 'built.img'
        if not built.exists():
            self.floppy(name='built.img')
        return shutil.copy(built, self.dir / 'ft.img')

    def count_writes(self, *arguments):
        log = self.dir / 'log'
        log.unlink(missing_ok=True)
        self.assertEqual(self.with_cut('', 0, *arguments, log=log).code, DONE)
        return len(writes_in(log))

    def all_changed(self):
        """What a finished break has changed."""
        return {TYPE_AT: (0x87, 0x07), EBR * SECTOR + TYPE_AT: (0x86, 0x06)} if self.two else {TYPE_AT: (0x86, 0x06)}

    two = False

    def only_known_bytes(self):
        """Every byte is as it was or as it shall be."""
        changed = self.changed()
        self.assertEqual(changed['b.img'], {})
        for at, values in changed['a.img'].items():
            self.assertEqual(self.all_changed().get(at), values, 'byte %d' % at)
        return changed['a.img']

    def recover(self, finish):
        """Bring it to one end; the disks must then be all old or all new."""
        options, before = ['--finish'] if finish else [], self.only_known_bytes()
        result = self.run_tool('undo', '--write', *options, self.journal, self.a, self.b)
        after = self.only_known_bytes()
        if result.code == DONE:
            self.assertEqual(after, self.all_changed() if finish else {}, str(result))
        else:  # nothing was pending: then it is one of the two already, and says so
            self.assertIn(result.code, (FOUND, IO), str(result))
            self.assertEqual(after, before)
            self.assertIn(after, ({}, self.all_changed()) if finish else ({},), str(result))
            if result.code == IO:  # no record was ever completed, so no disk may have been touched
                self.assertEqual(after, {}, str(result))
        return result

    def recipe(self):
        return TWO_SECTORS if self.two else SMALL


class Cut(CutCase):
    def sweep(self):
        self.prepare(**self.recipe())
        total = self.count_writes(*self.break_call())
        self.assertGreaterEqual(total, 5)
        pending = 0
        for how in ('before', 'torn', 'after'):
            for number in range(1, total + 1):
                for finish in (False, True):
                    with self.subTest(how=how, write=number, finish=finish):
                        self.prepare(**self.recipe())
                        result = self.with_cut(how, number, *self.break_call())
                        self.assertEqual(result.code, 137, str(result))
                        self.only_known_bytes()
                        pending += self.recover(finish).code == DONE
        self.assertGreater(pending, 6)  # the sweep did meet the middle of the change

    def test_undo_file(self):
        self.sweep()

    def test_boot_disk(self):
        self.on_boot_disk = True
        self.sweep()

    def test_two_changes(self):
        self.two = True
        self.sweep()

    def test_the_undo_is_cut_too(self):
        """Power goes during the undo; a second undo brings everything back."""
        self.two = True
        self.prepare(**self.recipe())
        self.assertEqual(self.run_tool(*self.break_call()).code, DONE)
        self.assertEqual(self.changed()['a.img'], self.all_changed())
        total = self.count_writes('undo', '--write', self.journal, self.a, self.b)
        self.assertGreaterEqual(total, 3)
        for how in ('before', 'torn', 'after'):
            for number in range(1, total + 1):
                for finish in (False, True):
                    with self.subTest(how=how, write=number, finish=finish):
                        self.prepare(**self.recipe())
                        self.assertEqual(self.run_tool(*self.break_call()).code, DONE)
                        result = self.with_cut(how, number, 'undo', '--write', self.journal, self.a, self.b)
                        self.assertEqual(result.code, 137, str(result))
                        self.only_known_bytes()
                        self.recover(finish)

    def test_break_again_after_a_cut(self):
        """The next break never overwrites a pending undo."""
        self.prepare()
        for number in range(1, self.count_writes(*self.break_call()) + 1):
            self.prepare()
            self.with_cut('after', number, *self.break_call())
            saved = self.journal.read_bytes()
            result = self.run_tool(*self.break_call())
            with self.subTest(write=number):
                self.only_known_bytes()
                if result.code == REFUSED:
                    self.assertEqual(self.journal.read_bytes(), saved)
                elif result.code == DONE and self.changed()['a.img']:
                    self.run_tool('undo', '--write', self.journal, self.a, self.b)
                    self.assert_changed()


class FailingWrites(CutCase):
    """The tool lives on, so it must clean up by itself and say what it did."""

    def fails(self, how):
        self.prepare(**self.recipe())
        total = self.count_writes(*self.break_call())
        for number in range(1, total + 1):
            self.prepare(**self.recipe())
            result = self.with_cut(how, number, *self.break_call())
            with self.subTest(how=how, write=number):
                self.assertEqual(result.code, IO, str(result))
                changed = self.only_known_bytes()
                if number < total and how != 'eio-on':
                    self.assertEqual(changed, {}, str(result))  # undone by itself
                if how == 'eio' and number < total and not self.on_boot_disk:
                    self.assertFalse(self.journal.exists(), 'an undo file with nothing to undo')
                if re.search('Nothing was changed|was undone', result.err):
                    self.assertEqual(changed, {}, 'it says that nothing was changed: ' + result.err)
                # Where nothing at all can be written any more, what was recorded cannot be taken back either.
                if self.journal.exists() and not self.on_boot_disk and not changed and how != 'eio-on':
                    self.can_break()
                self.recover(False)
                self.assertEqual(self.only_known_bytes(), {}, 'not undone')
                self.can_break()

    def test_names_the_file(self):
        """Whatever fails: a person must know which file or disk to look at."""
        self.prepare()
        for number in range(1, self.count_writes(*self.break_call()) + 1):
            self.prepare()
            result = self.with_cut('eio', number, *self.break_call())
            with self.subTest(write=number):
                self.assertRegex(result.err, r'a\.img|mkbootdisk\.undo')

    def can_break(self):
        """No undo blocks the next break."""
        result = self.run_tool('break', '--dry-run', '--keep', 'primary', *self.where, self.a, self.b)
        self.assertEqual(result.code, DONE, str(result))

    def test_one_write_fails(self):
        self.fails('eio')

    def test_disk_full(self):
        self.fails('enospc')

    def test_all_further_writes_fail(self):
        self.fails('eio-on')

    def test_read_back_differs(self):
        self.fails('lost')

    def test_short_write(self):
        self.fails('short')

    def test_sync_fails(self):
        self.prepare()
        for number in range(1, 8):
            self.prepare()
            result = self.with_cut('sync', number, *self.break_call())
            with self.subTest(sync=number):
                self.only_known_bytes()
                if result.code == DONE:
                    self.assertEqual(self.changed()['a.img'], self.all_changed())
                else:
                    self.assertEqual(result.code, IO, str(result))

    def test_two_changes(self):
        self.two = True
        for how in ('eio', 'lost', 'eio-on'):
            self.fails(how)

    def test_on_a_boot_disk(self):
        self.on_boot_disk = True
        self.fails('eio')

    def test_created_file_is_removed_when_nothing_was_done(self):
        """The first write is the journal's: when it fails, no file is left that looks like an undo."""
        self.prepare()
        self.with_cut('eio-on', 1, *self.break_call())
        self.assert_changed()
        self.assertFalse(self.journal.exists())


class RepairSweep(RepairCase):
    """Volumes with Windows NT, and change sets of several sectors on both disks."""

    def prepare(self):
        """What happens to the pair before the call. Nothing."""

    def sweep(self, *call, expected=0, **recipe):
        """Cut the call at each of its writes, the undo of it at each of its own, and what is done after a cut as well; it
        was planned to change so many sectors. Each change is three sectors in the record; then come the state, the changes, and the state again."""
        self.start(**recipe)
        self.prepare()
        self.keep_copy()
        self.seen = set()
        self.planned = self.plan(*call)
        self.assertEqual(len(self.changes), expected)
        first = 3 * expected + 2
        call = (call[0], '--write', *call[1:], self.a, self.b)
        self.assertEqual(self.count_writes(*call), first + expected)
        self.assertEqual(self.changed(), self.planned)
        done = self.state()
        undo = ('undo', '--write', self.undo_file, self.b, self.a)
        self.assertEqual(self.count_writes(*undo), expected + 2)
        self.assert_changed()
        for how in ('torn', 'after'):
            for number in range(1 if how == 'torn' else first - 1, first + expected + 1):
                with self.subTest(write=number, how=how):
                    self.put_back()
                    self.cut(how, number, *call)
                    if number < first:  # nothing has been written to a disk
                        self.assert_changed()
                    self.to_both_ends()
            for number in range(1, expected + 3):
                with self.subTest(write_of_undo=number, how=how):
                    self.restore(done)
                    self.cut(how, number, *undo)
                    self.to_both_ends()
        self.sweep_the_resumption(first, call)
        self.assertGreater(len(self.seen), expected)  # torn ones among them

    def sweep_the_resumption(self, first, call):
        """The power went when the first sector had been written; it goes again while that is finished, or undone."""
        self.put_back()
        self.cut('after', first, *call)
        interrupted = self.state()
        for options, end in ((('--finish',), self.planned), ((), {'a.img': {}, 'b.img': {}})):
            again = ('undo', '--write', *options, self.undo_file, self.a, self.b)
            self.restore(interrupted)
            total = self.count_writes(*again)
            self.assertEqual(self.changed(), end)
            for how, number in itertools.product(('torn', 'after'), range(1, total + 1)):
                with self.subTest(options, write_of_resumption=number, how=how):
                    self.restore(interrupted)
                    self.cut(how, number, *again)
                    self.to_both_ends()

    def call(self, how, number, *words, log=''):
        env = dict(LD_PRELOAD=cut_library(), CUT_HOW=how, CUT_AT=str(number), CUT_LOG=str(log))
        return self.run_tool(*words, env=env)

    def count_writes(self, *words):
        log = self.dir / 'log'
        log.unlink(missing_ok=True)
        result = self.call('', 0, *words, log=log)
        self.assertEqual(result.code, DONE, str(result))
        return len(writes_in(log))

    def cut(self, how, number, *words):
        """Afterwards every byte is as it was or as it shall be."""
        result = self.call(how, number, *words)
        self.assertEqual(result.code, 137, str(result))
        for name, changed in self.changed().items():
            self.assertLessEqual(changed.items(), self.planned[name].items())
            self.look_at(name, frozenset(changed.items()))

    def look_at(self, name, state):
        """Others do, once for each state of a disk: its table, its volume, and both registries are whole."""
        if (name, state) in self.seen:
            return
        self.seen.add((name, state))
        image, is_fat = self.dir / name, self.fs.startswith('fat')
        self.assertIn(b'No errors', disks.run('sfdisk', '-V', image))
        volume = self.volume(image)
        whole.check_volume(volume, is_fat)
        for hive in HIVES:
            whole.check_hive(self.host_file('hive', whole.read_file(volume, is_fat, CONFIG + hive)))

    def state(self):
        """What differs on the disks, and what is recorded."""
        return self.changed(), self.undo_file.read_bytes() if self.undo_file.exists() else None

    def put_back(self):
        for image in (self.a, self.b):
            for lba in {at // SECTOR for at in self.planned[image.name]}:
                disks.write_at(image, lba * SECTOR, disks.read_at(self.old[image.name], lba))
        self.undo_file.unlink(missing_ok=True)

    def restore(self, state):
        self.put_back()
        changed, recorded = state
        for image in (self.a, self.b):
            for at, (_, new) in changed[image.name].items():
                disks.write_at(image, at, bytes((new,)))
        if recorded is not None:
            self.undo_file.write_bytes(recorded)

    def to_both_ends(self):
        """From where the power went: finish, and from there once more: undo."""
        state, nothing = self.state(), {'a.img': {}, 'b.img': {}}
        for options, end in ((['--finish'], self.planned), ([], nothing)):
            self.restore(state)
            result = self.run_tool('undo', '--write', *options, self.undo_file, self.b, self.a)
            if result.code == DONE:
                self.assertEqual(self.changed(), end)
            else:  # nothing was pending, so there is nothing half done
                self.assertIn(result.code, (FOUND, IO), str(result))
                self.assertEqual(self.changed(), state[0])
                self.assertIn(state[0], (nothing, self.planned) if options else (nothing,))


class Repairs(RepairSweep):
    def test_break(self):
        for fs in ('fat16', 'ntfs'):
            self.sweep('break', '--keep', 'shadow', expected=3, fs=fs)

    def test_everything_at_once(self):
        """The registry, BOOT.INI, boot sector and its copy, code and flag on one disk, and the other disk retired."""
        for fs, expected in (('fat16', 6), ('ntfs', 7)):
            self.sweep('break', '--keep', 'shadow', '--promote', '--retire', '--geometry', '255/63', expected=expected,
                       fs=fs, shadow_start=2079, files={'BOOT.INI': boot_ini(PATH % (1, 1), PATH % (1, 1))})


class Retirement(RepairSweep):
    def prepare(self):
        self.must(DONE, 'break', '--write', '--keep', 'primary', '--undo-file', self.dir / 'first', self.a, self.b)

    def test_retire(self):
        """In the middle of it the disk has its old name, behind it a new one."""
        for fs in ('fat16', 'ntfs'):
            (self.dir / 'first').unlink(missing_ok=True)
            self.sweep('retire', '--disk', 'shadow', expected=2, fs=fs, logical='both')


class Promotion(RepairSweep):
    def prepare(self):
        self.must(DONE, 'break', '--write', '--keep', 'shadow', '--undo-file', self.dir / 'first', self.a, self.b)

    def test_promote(self):
        for fs, expected in (('fat16', 3), ('ntfs', 4)):
            (self.dir / 'first').unlink(missing_ok=True)
            self.sweep('promote', '--disk', '5e6f7a8b', expected=expected, fs=fs, shadow_start=2079,
                       files={'BOOT.INI': boot_ini(PATH % (1, 1), PATH % (1, 1))})


class TheLibrary(CutCase):
    def test_it_counts(self):
        """A tool that does not write through pwrite would pass every sweep."""
        self.prepare()
        log = self.dir / 'log'
        self.with_cut('', 0, *self.break_call(), log=log)
        writes = writes_in(log)
        self.assertTrue(all(count == SECTOR for _, count in writes))
        self.assertIn((0, SECTOR), writes)
        self.assertEqual(type_byte(self.a), 0x06)

    def test_a_torn_sector_is_torn(self):
        self.prepare()
        total = self.count_writes(*self.break_call())
        seen = set()
        for number in range(1, total + 1):
            self.prepare()
            self.with_cut('torn', number, *self.break_call())
            seen.add(type_byte(self.a))
        self.assertEqual(seen, {0x86, 0x06})
        self.assertTrue(disks.same_bytes(self.b, 0, self.dir / 'old-b.img', 0, os.path.getsize(self.b)))


if __name__ == '__main__':
    unittest.main()
