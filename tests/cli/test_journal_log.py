# SPDX-License-Identifier: MIT
"""journal and log: what a boot disk or an undo file recorded, read out; and which records a later change may replace.

Owns the two commands and --replace-undo. What happens to disks while a record is written is test_power_cut.py's.
"""
import json
import re
import struct
import unittest

from cli import DONE, IO, REFUSED, SECTOR, USAGE, cut_library, disks
from repaircase import NT, RepairCase, ids, many_hives
from test_break_undo import BreakCase

SLOT_BYTES = 2 * SECTOR
BREAK = ('break', '--write', '--keep', 'primary')
LOG = ('v0.3 drive=80 degraded source=shadow', 'v0.3 drive=80 stale source=shadow broken', 'v0.3 drive=81 healthy')


class JournalCase(BreakCase):
    """A small pair whose primary is kept, and the place of the undo: a file, or a boot disk."""

    def prepare(self, on_boot_disk, broken=True):
        self.start()
        self.undo_file.unlink(missing_ok=True)
        self.place = self.floppy() if on_boot_disk else self.undo_file
        self.where = ['--bootdisk', self.place] if on_boot_disk else []
        if broken:
            self.must(DONE, *BREAK, *self.where, self.a, self.b)

    def journal(self, code=DONE, **options):
        """Parsed; self.text is what a person reads. Nothing changes."""
        self.text = self.unchanged(code, 'journal', self.place, **options)
        result = self.unchanged(code, 'journal', '--json', self.place, **options)
        return json.loads(result.out) if code == DONE else result

    def flip(self, *spots):
        content = bytearray(self.place.read_bytes())
        begin = content.index(b'FTJRNL01')
        for at in spots:
            content[begin + at] ^= 0x10
        self.place.write_bytes(content)


    def second(self, code, *options, **more):
        """Another change of the same disks, which would go to the same place."""
        words = ['break', '--write', '--keep', 'shadow', *options, *(self.where or ['--undo-file', self.place])]
        folder = self.dir / 'fresh'
        folder.mkdir(exist_ok=True)
        fresh = []
        for image in (self.a, self.b):
            fresh.append(folder / image.name)
            disks.copy_sparse(self.dir / ('old-' + image.name), fresh[-1])
        before = self.place.read_bytes()
        result = self.must(code, *words, *fresh, **more)
        self.assertEqual(self.place.read_bytes() == before, code != DONE)
        return result


class Journal(JournalCase):
    def test_what_was_written(self):
        for on_boot_disk in (False, True):
            with self.subTest(boot_disk=on_boot_disk):
                self.prepare(on_boot_disk, broken=False)
                planned = json.loads(self.must(DONE, 'break', '--dry-run', '--json', '--keep', 'primary', self.a,
                                               self.b).out)
                self.must(DONE, *BREAK, *self.where, self.a, self.b)
                found = self.journal()
                self.assertEqual(found, {**planned, 'state': 'done', 'doubtful': False})
                self.assertRegex(self.text.out, r"done; .*'mkbootdisk undo' takes it back")
                self.assertRegex(self.text.out, r'disk 1a2b3c4d.*sector 0: clear the .*\(D05\)\n +byte 450: 86 -> 06')

    def test_taken_back(self):
        for on_boot_disk in (False, True):
            with self.subTest(boot_disk=on_boot_disk):
                self.prepare(on_boot_disk)
                self.must(DONE, 'undo', '--write', self.place, self.a, self.b)
                found = self.journal()
                self.assertEqual((found['state'], len(found['changes'])), ('undone', 1))
                self.assertIn('was taken back', self.text.out)

    def test_empty(self):
        self.prepare(True, broken=False)
        self.assertEqual(self.journal(), {'changes': [], 'state': 'empty', 'doubtful': False})
        self.assertIn('no change was recorded', self.text.out)

    def test_pending(self):
        """The power went in the middle of the change."""
        for on_boot_disk in (False, True):
            with self.subTest(boot_disk=on_boot_disk):
                self.prepare(on_boot_disk, broken=False)
                # The fifth write is the disk's: three sectors of record and the state come before it.
                result = self.run_tool(*BREAK, *self.where, self.a, self.b,
                                       env=dict(LD_PRELOAD=cut_library(), CUT_HOW='after', CUT_AT='5'))
                self.assertEqual(result.code, 137)
                found = self.journal()
                self.assertEqual((found['state'], found['changes'][0]['lba']), ('pending', 0))
                self.assertRegex(self.text.out, r'not completed: .*undo.*--finish')
                self.must(DONE, 'undo', '--write', '--finish', self.place, self.a, self.b)
                self.assertEqual(self.journal()['state'], 'done')

    def test_one_state_record_is_damaged(self):
        """What a torn write leaves: the other one holds the state before."""
        self.prepare(False)
        whole = self.place.read_bytes()
        states = set()
        for slot in range(2):
            self.place.write_bytes(whole)
            self.flip(slot * SECTOR + 100)
            found = self.journal()
            states.add(found['state'])
            self.assertFalse(found['doubtful'])
        self.assertEqual(states, {'pending', 'done'})

    def test_one_state_record_cannot_be_read(self):
        """It may be the newer one: then nothing is recorded over it, either."""
        for on_boot_disk in (False, True):
            self.prepare(on_boot_disk)
            begin = self.place.read_bytes().index(b'FTJRNL01')
            doubtful = []
            for slot in range(2):
                bad = dict(env=dict(LD_PRELOAD=cut_library(), CUT_READ='%s:%d' % (self.place, begin + slot * SECTOR)))
                result = self.run_tool('journal', '--json', self.place, **bad)
                if result.code == DONE:
                    doubtful.append(json.loads(result.out)['doubtful'])
                    self.assertIn('cannot be read', self.unchanged(DONE, 'journal', self.place, **bad).out)
                self.second(REFUSED if result.code == DONE else IO, '--replace-undo', **bad)
            with self.subTest(boot_disk=on_boot_disk):
                self.assertTrue(doubtful and all(doubtful))

    def test_damage(self):
        for on_boot_disk in (False, True):
            self.prepare(on_boot_disk)
            whole = self.place.read_bytes()
            for name, spots in {'both slots': (100, SECTOR + 100), 'the record': (SLOT_BYTES,),
                                'old bytes': (SLOT_BYTES + SECTOR + 7,),
                                'new bytes': (SLOT_BYTES + 2 * SECTOR + 511,)}.items():
                with self.subTest(boot_disk=on_boot_disk, damage=name):
                    self.place.write_bytes(whole)
                    self.flip(*spots)
                    result = self.journal(IO)
                    self.assertRegex(result.err, r'(mkbootdisk\.undo|ft\.img): .*(copy|restore|Build)')

    def test_truncated(self):
        self.prepare(False)
        whole = self.place.read_bytes()
        for size in (512, 1024, 1536, 2047, 2048):
            with self.subTest(size=size):
                self.place.write_bytes(whole[:size])
                result = self.run_tool('journal', self.place)
                self.assertIn(result.code, (DONE, IO), str(result))
                self.assertNotIn('86 -> 06', result.out)

    def test_what_is_no_journal(self):
        for name, content in {'empty': b'', 'text': b'x' * 5000, 'zeros': bytes(20000)}.items():
            with self.subTest(name=name):
                self.complains(IO, name, 'journal', self.write(name, content))
        self.complains(IO, 'missing', 'journal', self.dir / 'missing')
        self.complains(USAGE, 'directory', 'journal', self.dir / 'cwd')


class Log(JournalCase):
    def log(self, *lines, content=None):
        """What `log` prints of a boot disk on which the loader left these lines: one sector, blanks behind them."""
        text = content if content is not None else ''.join(line + '\r\n' for line in lines).encode().ljust(SECTOR)
        self.prepare(True, broken=False)
        disks.run('mcopy', '-o', '-i', self.place, self.write('log', text), '::FTLOG.TXT')
        self.text = self.unchanged(DONE, 'log', self.place).out
        return json.loads(self.unchanged(DONE, 'log', '--json', self.place).out)

    def test_every_start(self):
        self.assertEqual(self.log(*LOG), {'starts': list(LOG)})
        self.assertEqual(self.text.splitlines(), list(LOG))

    def test_fresh(self):
        self.prepare(True, broken=False)
        self.assertEqual(json.loads(self.unchanged(DONE, 'log', '--json', self.place).out), {'starts': []})
        self.assertIn('no start', self.unchanged(DONE, 'log', self.place).out)

    def test_full(self):
        """To the last byte, and a last line that was cut."""
        lines = ['%063d' % n for n in range(7)]
        content = '\r\n'.join(lines).encode().ljust(SECTOR, b'z')
        self.assertEqual(self.log(content=content)['starts'][:6], lines[:6])

    def test_nonsense(self):
        """Something else wrote there: it ends, and JSON stays JSON."""
        for content in (bytes(SECTOR), bytes(range(256)) * 2, b'\r\n' * 256, b'"\\\x1b[2J' * 64):
            self.assertIsInstance(self.log(content=content)['starts'], list)

    def test_missing(self):
        self.prepare(True, broken=False)
        disks.run('mdel', '-i', self.place, '::FTLOG.TXT')
        self.complains(IO, [r'ft\.img', 'FTLOG.TXT', 'Build the boot disk again'], 'log', self.place)
        self.complains(IO, [r'ft\.img', 'FTLOG.TXT'], 'log', '--json', self.place)

    def test_unreadable(self):
        self.prepare(True, broken=False)
        at = self.place.read_bytes().index(b'FTLOG   TXT')
        self.complains(IO, r'ft\.img', 'log', self.place, env=dict(LD_PRELOAD=cut_library(),
                                                                  CUT_READ='%s:%d' % (self.place, at)))

    def test_an_undo_file_has_no_log(self):
        self.prepare(False)
        self.complains(IO, r'mkbootdisk\.undo', 'log', self.place)

    def test_what_is_no_boot_disk(self):
        self.complains(IO, 'text', 'log', self.write('text', b'x' * 5000))
        self.complains(IO, 'missing', 'log', self.dir / 'missing')


class ReplaceUndo(JournalCase):
    """An undo that is still possible is given up only when that is said."""

    def test_done(self):
        for on_boot_disk in (False, True):
            with self.subTest(boot_disk=on_boot_disk):
                self.prepare(on_boot_disk)
                self.assertRegex(self.second(REFUSED).err, re.escape(self.place.name) + '.*state done.*--replace-undo')
                self.assertEqual(self.journal()['changes'][0]['disk'], '1a2b3c4d')
                self.second(DONE, '--replace-undo')
                found = self.journal()
                self.assertEqual((found['state'], found['changes'][0]['disk']), ('done', '5e6f7a8b'))

    def test_a_dry_run_replaces_nothing(self):
        for on_boot_disk in (False, True):
            self.prepare(on_boot_disk)
            self.unchanged(DONE, 'break', '--dry-run', '--keep', 'primary', '--replace-undo', *self.where, self.a,
                           self.b)

    def test_pending_never(self):
        for on_boot_disk in (False, True):
            with self.subTest(boot_disk=on_boot_disk):
                self.prepare(on_boot_disk, broken=False)
                self.run_tool(*BREAK, *self.where, self.a, self.b,
                              env=dict(LD_PRELOAD=cut_library(), CUT_HOW='after', CUT_AT='4'))
                self.assertEqual(self.journal()['state'], 'pending')
                said = self.second(REFUSED, '--replace-undo').err
                self.assertRegex(said, re.escape(self.place.name) + ".*state pending.*--finish.*'mkbootdisk undo'")
                self.assertNotIn('--replace-undo', said)
                self.must(DONE, 'undo', '--write', self.place, self.a, self.b)
                self.assert_changed()

    def test_undone_is_free(self):
        for on_boot_disk in (False, True):
            self.prepare(on_boot_disk)
            self.must(DONE, 'undo', '--write', self.place, self.a, self.b)
            self.second(DONE)

    def test_what_is_no_undo_file_is_not_replaced(self):
        self.prepare(False, broken=False)
        for path in (self.write('letter.txt', b'Dear Sir, ' * 500), self.a, self.b):
            with self.subTest(path=path.name):
                result = self.unchanged(IO, *BREAK, '--replace-undo', '--undo-file', path, self.a, self.b)
                self.assertIn(path.name, result.err)


class BootDisksJournal(RepairCase):
    def test_the_largest_change_set_fits(self):
        """32 sectors, each with its header and both versions, and the two state records."""
        self.start(nt=None, files=many_hives(31, ids(**NT)))
        boot = self.floppy()
        self.assertGreaterEqual(len(disks.run('mtype', '-i', boot, '::FTJOURNL.DAT')), (2 + 3 * 32) * SECTOR)
        others = [disks.run('mtype', '-i', boot, '::' + name) for name in ('MIRROR.INI', 'SAVED.BIN', 'FTLOG.TXT')]
        self.carry_out('break', '--keep', 'primary', undo=['--bootdisk', boot])
        self.assertEqual(len(self.changes), 32)
        for name, content in zip(('MIRROR.INI', 'SAVED.BIN', 'FTLOG.TXT'), others):
            self.assertEqual(disks.run('mtype', '-i', boot, '::' + name), content)
        self.must(DONE, 'undo', '--write', boot, self.a, self.b)
        self.assert_changed()


class SmallJournal(RepairCase):
    """A boot disk that was built when change sets were smaller: eight sectors."""

    def small(self, count):
        """A pair with so many hives, and the boot disk."""
        self.start(nt=None, files=many_hives(count, ids(**NT)))
        boot = self.floppy()
        at = boot.read_bytes().index(b'FTJOURNLDAT')
        disks.write_at(boot, at + 28, struct.pack('<I', 26 * SECTOR))
        return boot

    def test_what_fits(self):
        boot = self.small(7)
        self.carry_out('break', '--keep', 'primary', undo=['--bootdisk', boot])
        self.assertEqual(len(self.changes), 8)
        self.must(DONE, 'undo', '--write', boot, self.a, self.b)
        self.assert_changed()

    def test_what_does_not_fit_is_not_begun(self):
        boot = self.small(8)
        self.complains(REFUSED, [r'ft\.img', 'too small', 'J3'], 'break', '--write', '--keep', 'primary', '--bootdisk',
                       boot, self.a, self.b)


class Calls(JournalCase):
    def test_operands(self):
        self.prepare(True)
        for command in ('journal', 'log'):
            for words in ([], [self.place, self.place]):
                with self.subTest(command=command, count=len(words)):
                    self.complains(USAGE, ["one boot disk", command + ' --help'], command, *words)

    def test_a_boot_disk_that_cannot_be_written(self):
        """Reading is all they do."""
        self.prepare(True)
        self.place.chmod(0o444)
        for command in ('journal', 'log'):
            self.unchanged(DONE, command, self.place, **self.anyone())


if __name__ == '__main__':
    unittest.main()
