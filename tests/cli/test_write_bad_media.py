# SPDX-License-Identifier: MIT
"""`mkbootdisk write` to media with bad sectors, to those that are taken out or full, and interrupted: every bad sector is
named, all others are written, and what is not complete does not start.
"""
import json
import re
import resource
import signal
import unittest

import cli
from cli import DONE, IO, SECTOR, cut_library
from writecase import FLOPPY, OLD, PIECE, WriteCase, device_library


class BadMedia(WriteCase):
    def bad(self, expected, *faults, **env):
        """Write it; exactly these sectors are bad, all others are written, and it does not start."""
        self.fill(FLOPPY)
        env['DEVICE_BAD'] = ','.join(faults)
        result = self.must(IO, *self.call('--json'), **self.preload(**env))
        found = json.loads(result.out)
        self.assertEqual({entry['sector']: entry['why'] for entry in found['bad']}, expected)
        self.assertEqual((found['state'], found['written'], found['compared']), ('bad', 1474560, 1474560))
        raw, image = self.medium.read_bytes(), self.image.read_bytes()
        for n in range(1, FLOPPY):
            if n not in expected:
                self.assertEqual(raw[n * SECTOR:(n + 1) * SECTOR], image[n * SECTOR:(n + 1) * SECTOR], 'sector %d' % n)
        if 0 not in expected:
            self.assert_does_not_start()
        self.assertRegex(result.err, 'medium: %d of 2880 sectors are bad' % len(expected))
        for n in expected:
            self.assertRegex(result.err, r'medium: sector %d \(offset %d\): ' % (n, n * SECTOR))
        return result

    def test_cannot_be_written(self):
        for sector in (0, 1, PIECE - 1, PIECE, 1234, FLOPPY - 1):
            for env in ({}, dict(DEVICE_CACHED='1')):
                with self.subTest(sector=sector, env=env):
                    self.bad({sector: 'not written'}, 'write:%d' % sector, **env)

    def test_cannot_be_read_back(self):
        for sector in (1, PIECE - 1, PIECE, 1234, FLOPPY - 1):
            for env in ({}, dict(DEVICE_CACHED='1')):
                with self.subTest(sector=sector, env=env):
                    self.bad({sector: 'not read back'}, 'read:%d' % sector, **env)

    def test_first_sector_cannot_be_read(self):
        self.block()
        self.bad({0: 'not read back'}, 'read:0')

    def test_holds_something_else(self):
        """Also where only the kernel's cache has what was written."""
        for sector in (0, 1, PIECE - 1, PIECE, 1234, FLOPPY - 1):
            for env in ({}, dict(DEVICE_CACHED='1')):
                with self.subTest(sector=sector, env=env):
                    self.bad({sector: 'different'}, 'lost:%d' % sector, **env)

    def test_the_writing_is_told_to_have_failed_later(self):
        """By the flush, for which it takes the cache."""
        for sector in (0, 1, 1234, FLOPPY - 1):
            with self.subTest(sector=sector):
                self.bad({sector: 'not written'}, 'flush:%d' % sector, DEVICE_CACHED='1')

    def test_flush_fails(self):
        result = self.must(IO, *self.call(), **self.preload(DEVICE_BAD='flush:700'))
        self.assertRegex(result.err, 'medium: not all that was written has reached it: Input/output error')
        self.assert_does_not_start()

    def test_many(self):
        self.bad({7: 'not written', 900: 'not read back', 901: 'not written', 2000: 'different'}, 'write:7', 'read:900',
                 'write:901', 'lost:2000')

    def test_neighbours_are_told_together(self):
        result = self.must(IO, *self.call(), **self.preload(
            DEVICE_BAD=','.join('write:%d' % n for n in range(30, 41)) + ',read:41,read:42'))
        self.assertRegex(result.err, r'medium: sectors 30 to 40 \(from offset 15360\): each cannot be written\n')
        self.assertRegex(result.err, r'medium: sectors 41 to 42 \(from offset 20992\): each cannot be read back\n')
        self.assertRegex(result.err, 'medium: 13 of 2880 sectors are bad')

    def test_every_message_helps(self):
        self.block()
        result = self.must(IO, *self.call(), **self.preload(DEVICE_BAD='write:5'))
        self.assertRegex(result.err, 'fdformat.*another floppy')

    def test_first_sector_fails_at_the_end(self):
        """All the rest was right: only the last write is left."""
        writes = FLOPPY // PIECE
        result = self.must(IO, *self.call(), env=dict(LD_PRELOAD=cut_library(), CUT_HOW='eio', CUT_AT=str(writes + 2)))
        self.assertRegex(result.err, r'medium: sector 0 \(offset 0\): cannot be written')
        self.assert_does_not_start()

    def test_taken_out(self):
        for fault, sector in (('nowrite', 0), ('nowrite', 1234), ('noread', 1234)):
            with self.subTest(fault=fault, sector=sector):
                self.fill(FLOPPY)
                self.block()
                # Nothing is read of it before but its beginning and its end.
                result = self.must(IO, *self.call(), **self.preload(DEVICE_BAD='%s:%d' % (fault, sector)))
                self.assertRegex(result.err, r'medium: sector \d+ \(offset \d+\): No such device or address\. Is .*in place')
                if sector:
                    self.assert_does_not_start()
                    self.assertIn('it is not bootable now', result.err)
                else:
                    self.assertEqual(self.medium.read_bytes(), OLD * SECTOR * FLOPPY)
                    self.assertIn('nothing was changed', result.err)

    def test_no_room(self):
        def limit(count):
            return dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (count, count)))
        result = self.must(IO, *self.call(), **limit(700 * SECTOR))
        self.assertRegex(result.err, r'medium: sector 6\d\d .*File too large')
        self.assert_does_not_start()
        self.medium.unlink()
        self.complains(IO, [r'medium: .*File too large', 'another folder'], *self.call(), **limit(700 * SECTOR))

    def test_disk_full(self):
        """A new file that does not fit is not left behind."""
        self.medium.unlink()
        before = cli.snapshot(self.dir)
        result = self.must(IO, *self.call(), env=dict(LD_PRELOAD=cut_library(), CUT_HOW='enospc-on', CUT_AT='5'))
        self.assertRegex(result.err, 'medium: sector 108 .*No space left.*the file was removed')
        self.assertEqual(before, cli.snapshot(self.dir))

    def test_new_file_with_a_bad_sector_is_removed(self):
        self.medium.unlink()
        result = self.must(IO, *self.call(), env=dict(LD_PRELOAD=cut_library(), CUT_HOW='lost', CUT_AT='2'))
        self.assertRegex(result.err, 'sector.* something else than was written.*\n.* The file was removed')
        self.assertFalse(self.medium.exists())

    def test_short_writes(self):
        self.must(DONE, *self.call(), env=dict(LD_PRELOAD=cut_library(), CUT_HOW='short', CUT_AT='5'))
        self.assert_written()


class Interrupted(WriteCase):
    def test_ctrl_c(self):
        """At any write and any read."""
        pieces = FLOPPY // PIECE
        for what, count in (('write', 1), ('write', 2), ('write', pieces + 1), ('read', None), ('last', None)):
            with self.subTest(what=what, count=count):
                self.block()
                stop = self.stop_at(what, count)
                self.fill(FLOPPY)
                result = self.must(IO, *self.call('--json'), **self.preload(DEVICE_STOP=stop))
                self.assertRegex(result.err, r'medium: stopped when \d+ of 1474560 bytes were written and \d+ of them '
                                             r'compared; it is not bootable now: write it again')
                found = json.loads(result.out)
                self.assertEqual((found['state'], found['bad']), ('stopped', []))
                written = (count - 1 if count else pieces) * PIECE * SECTOR
                self.assertEqual(found['written'], written)
                self.assertEqual(found['compared'] > 0, what != 'write')
                self.assert_does_not_start()
                self.assertEqual(self.medium.read_bytes()[max(written, SECTOR):].strip(OLD), b'')

    def reads(self):
        """How often the medium is read before it is read back, and in all."""
        counts = []
        for options in (['--dry-run'], ['--write']):
            trace = self.dir / 'reads'
            self.fill(FLOPPY)
            self.must(DONE, 'write', *options, self.image, self.medium, **self.preload(DEVICE_LOG=str(trace)))
            counts.append(trace.read_text().count('read'))
            trace.unlink()
        return counts

    def stop_at(self, what, count):
        if what == 'write':
            return 'write %d' % count
        before, all_of_them = self.reads()
        # The last read is that of the first sector, when everything is done.
        return 'read %d' % (before + 3 if what == 'read' else all_of_them - 1)

    def test_new_file_is_removed(self):
        self.medium.unlink()
        before = cli.snapshot(self.dir)
        result = self.must(IO, *self.call(), env=dict(LD_PRELOAD=device_library(), DEVICE=str(self.medium),
                                                      DEVICE_STOP='write 7'))
        self.assertRegex(result.err, 'stopped when 110592 of 1474560 .*the file was removed')
        self.assertEqual(before, cli.snapshot(self.dir))

    def test_where_the_old_boot_sector_is_left(self):
        """It is not what is behind it that would start."""
        for stop, says in (('write 1', 'stopped when 0 of .*; nothing was changed'),
                           ('write 5', 'its first sector is bad: do not start a machine with it')):
            self.fill(FLOPPY)
            result = self.must(IO, *self.call(), **self.preload(DEVICE_STOP=stop, DEVICE_BAD='write:0'))
            self.assertRegex(result.err, says)
            self.assertEqual(self.medium.read_bytes()[:SECTOR], OLD * SECTOR)

    def test_when_all_is_done_it_is_done(self):
        """In the last write it is too late to stop."""
        self.must(DONE, *self.call(), **self.preload(DEVICE_STOP='write %d' % (FLOPPY // PIECE + 2)))
        self.assert_written()

    def test_other_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                self.fill(FLOPPY)
                result = self.must(IO, *self.call(), **self.preload(DEVICE_STOP='write 3', DEVICE_SIGNAL=str(int(number))))
                self.assertIn('stopped', result.err)
                self.assert_does_not_start()


if __name__ == '__main__':
    unittest.main()
