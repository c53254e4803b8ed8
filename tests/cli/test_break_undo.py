# SPDX-License-Identifier: MIT
"""break and undo: which bytes change, when the tool refuses, and where the undo is kept.

Owns what happens while everything works; power cuts and failing writes are test_power_cut.py's business.
"""
import json
import os
import pty
import select
import shutil
import subprocess
import unittest

from cli import (DONE, FOUND, IO, REFUSED, SECTOR, SMALL, TOOL, USAGE, WINDOW, CliCase, defects, disks, recipe_pair,
                 snapshot)

TWO_SETS = dict(SMALL, primary_start=4095, primary_extra=((63, 3969, 0x87),), shadow_extra=((63, 3969, 0x87),))
TYPE_AT = 446 + 4


def differences(one, other):
    """{offset: (byte, byte)} of two images of one size."""
    spots = set()
    for path in (one, other):
        with open(path, 'rb') as file:
            for at, size in disks.data_ranges(file.fileno(), 0, os.path.getsize(path)):
                spots |= set(range(at // WINDOW, -(-(at + size) // WINDOW)))
    found = {}
    with open(one, 'rb') as f, open(other, 'rb') as g:
        for window in spots:
            left, right = (os.pread(file.fileno(), WINDOW, window * WINDOW) for file in (f, g))
            for at in range(0, WINDOW, SECTOR) if left != right else ():
                if left[at:at + SECTOR] != right[at:at + SECTOR]:
                    pairs = enumerate(zip(left[at:at + SECTOR], right[at:at + SECTOR]), window * WINDOW + at)
                    found.update({n: pair for n, pair in pairs if pair[0] != pair[1]})
    return found


class BreakCase(CliCase):
    def start(self, **recipe):
        """A pair and a copy of how it was."""
        self.pair(**(recipe or SMALL))
        self.keep_copy()

    def keep_copy(self):
        for image in (self.a, self.b):
            disks.copy_sparse(image, self.dir / ('old-' + image.name))

    def changed(self):
        return {image.name: differences(self.dir / ('old-' + image.name), image) for image in (self.a, self.b)}

    def assert_changed(self, **expected):
        self.assertEqual(self.changed(), {'a.img': expected.get('a', {}), 'b.img': expected.get('b', {})})

    def breaks(self, *options, **more):
        return self.must(DONE, 'break', '--write', *options, self.a, self.b, **more)

    @property
    def undo_file(self):
        return self.dir / 'cwd' / 'mkbootdisk.undo'

    def sfdisk_types(self, image):
        done = subprocess.run(['sfdisk', '-J', image], capture_output=True, check=True,
                              env=dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin'))
        return [p['type'] for p in json.loads(done.stdout)['partitiontable']['partitions']]


class WhatChanges(BreakCase):
    def round_trip(self, options, expected, **recipe):
        """Break, look at every byte, undo, and look again."""
        self.start(**recipe)
        result = self.breaks(*options)
        self.assert_changed(**expected)
        self.assertIn('undo', result.out)
        self.must(DONE, 'undo', '--write', self.undo_file, self.a, self.b)
        self.assert_changed()
        self.unchanged(FOUND, 'undo', '--write', self.undo_file, self.a, self.b)

    def test_each_half(self):
        self.round_trip(['--keep', 'primary'], dict(a={TYPE_AT: (0x86, 0x06)}))

    def test_the_other_half(self):
        self.round_trip(['--keep', 'shadow'], dict(b={TYPE_AT: (0x86, 0x06)}))

    def test_every_type(self):
        for kind in (0x81, 0x84, 0x86, 0x87, 0x8B, 0x8C, 0x8E):
            with self.subTest(type=kind):
                self.start(**dict(SMALL, types=(kind, kind)))
                self.breaks('--keep', 'primary', '--undo-file', self.dir / ('%02x' % kind))
                self.assert_changed(a={TYPE_AT: (kind, kind & 0x0F)})
                self.assertEqual(self.sfdisk_types(self.a), ['%x' % (kind & 0x0F)])
                self.assertEqual(self.sfdisk_types(self.b), ['%x' % kind])

    def test_logical_member(self):
        recipe = dict(SMALL, logical='both')
        ebr = recipe_pair(**recipe).a.ebr
        self.round_trip(['--keep', 'primary'], dict(a={ebr * SECTOR + TYPE_AT: (0x86, 0x06)}), **recipe)

    def test_logical_shadow(self):
        recipe = dict(SMALL, logical='shadow')
        ebr = recipe_pair(**recipe).b.ebr
        self.round_trip(['--keep', 'shadow'], dict(b={ebr * SECTOR + TYPE_AT: (0x86, 0x06)}), **recipe)

    def test_both_sets(self):
        self.round_trip(['--keep', 'primary'], dict(a={TYPE_AT: (0x87, 0x07), TYPE_AT + 16: (0x86, 0x06)}), **TWO_SETS)

    def test_one_of_two_sets(self):
        self.start(**TWO_SETS)
        sets = json.loads(self.must(DONE, 'survey', '--json', self.a, self.b).out)['sets']
        for mirror in sets:
            slot = mirror['members'][1]['partition'] - 1
            self.start(**TWO_SETS)
            self.breaks('--set', str(mirror['id']), '--keep', 'shadow', '--undo-file', self.dir / ('u%d' % slot))
            old = (0x87, 0x86)[slot]
            self.assert_changed(b={TYPE_AT + 16 * slot: (old, old & 0x0F)})

    def test_survivor_of_a_stale_primary(self):
        """Without --keep: only one half can be used. The stale half's bits stay, and so does the mark NT made."""
        self.start(**dict(SMALL, types=(0xC6, 0x86)))
        self.breaks()
        self.assert_changed(b={TYPE_AT: (0x86, 0x06)})
        self.must(DONE, 'undo', '--write', self.undo_file, self.a, self.b)
        self.assert_changed()

    def test_surviving_disk_alone(self):
        self.start()
        self.must(DONE, 'break', '--write', self.b)
        self.assert_changed(b={TYPE_AT: (0x86, 0x06)})
        self.must(DONE, 'undo', '--write', self.undo_file, self.b)
        self.assert_changed()

    def test_dry_run_tells_the_truth(self):
        self.start()
        result = self.unchanged(DONE, 'break', '--dry-run', '--keep', 'primary', '--json', self.a, self.b)
        change, = json.loads(result.out)['changes']
        self.assertEqual((change['disk'], change['lba'], change['offset'], change['old'], change['new']),
                         ('1a2b3c4d', 0, TYPE_AT, '86', '06'))
        text = self.unchanged(DONE, 'break', '--dry-run', '--keep', 'primary', self.a, self.b).out
        self.assertRegex(text, r'a\.img.*sector 0: .*\n +byte 450: 86 -> 06')
        self.unchanged(DONE, 'break', '--dry-run', '--write', '--keep', 'primary', self.a, self.b)

    def test_json_output_is_json_alone(self):
        self.start()
        json.loads(self.breaks('--keep', 'primary', '--json').out)
        json.loads(self.must(DONE, 'undo', '--write', '--json', self.undo_file, self.a, self.b).out)


class Refusals(BreakCase):
    def test_healthy_needs_a_choice(self):
        self.start()
        self.complains(REFUSED, ['healthy', '--keep primary'], 'break', '--write', self.a, self.b)

    def test_stale_half(self):
        for types, keep in (((0xC6, 0x86), 'primary'), ((0x86, 0xC6), 'shadow')):
            self.start(**dict(SMALL, types=types))
            with self.subTest(keep=keep):
                self.assertIn('lose', self.unchanged(REFUSED, 'break', '--write', '--keep', keep, self.a, self.b).err)

    def test_absent_half(self):
        self.start()
        self.complains(REFUSED, 'not there', 'break', '--write', '--keep', 'primary', self.b)

    def test_no_terminal(self):
        self.start()
        self.complains(REFUSED, ['--write', '--dry-run'], 'break', '--keep', 'primary', self.a, self.b)
        for answer in (b'yes\n', b'y\n', b''):
            self.unchanged(REFUSED, 'break', '--keep', 'primary', self.a, self.b, stdin=None, input=answer)

    def test_already_broken(self):
        self.start()
        self.breaks('--keep', 'primary')
        before = snapshot(self.dir)
        result = self.run_tool('break', '--write', '--keep', 'primary', '--undo-file', self.dir / 'u2', self.a, self.b)
        self.assertEqual(before, snapshot(self.dir), str(result))

    def test_read_only_image(self):
        self.start()
        self.a.chmod(0o444)
        self.complains(IO, [r'a\.img', 'denied'], 'break', '--write', '--keep', 'primary', self.a, self.b,
                       **self.anyone())

    def test_disk_in_the_way_as_undo_file(self):
        """The undo must not go into a disk, a boot sector or a text."""
        self.start()
        text = self.write('letter.txt', b'Dear Sir, ' * 500)
        for name in (self.a, self.b, text, self.dir / 'cwd'):
            with self.subTest(name=name.name):
                before = snapshot(self.dir)
                result = self.run_tool('break', '--write', '--keep', 'primary', '--undo-file', name, self.a, self.b)
                self.assertEqual(before, snapshot(self.dir))
                self.assertIn(result.code, (USAGE, IO, REFUSED))
                self.assertIn(name.name, result.err)
        self.assert_changed()

    def test_undo_file_cannot_be_made(self):
        self.start()
        self.complains(IO, ['nowhere', '--undo-file'], 'break', '--write', '--keep', 'primary', '--undo-file',
                       self.dir / 'nowhere' / 'u', self.a, self.b)
        (self.dir / 'cwd').chmod(0o555)
        self.complains(IO, ['mkbootdisk.undo', '--undo-file'], 'break', '--write', '--keep', 'primary', self.a, self.b,
                       **self.anyone())


class AtATerminal(BreakCase):
    def answer(self, text):
        """Run break at a pseudo-terminal; returns exit code and what the terminal showed."""
        master, slave = pty.openpty()
        child = subprocess.Popen([TOOL, 'break', '--keep', 'primary', self.a, self.b], stdin=slave, stdout=slave,
                                 stderr=slave, env=self.env(), cwd=self.dir / 'cwd', start_new_session=True)
        os.close(slave)
        shown, sent = b'', False
        while True:
            if not select.select([master], [], [], 20)[0]:
                child.kill()
                self.fail('no answer: %r' % shown)
            try:
                block = os.read(master, 4096)
            except OSError:  # the last writer is gone
                break
            if not block:
                break
            shown += block
            if not sent and b'(yes/no)' in shown:
                os.write(master, text)
                sent = True
        os.close(master)
        return child.wait(), shown.decode()

    def test_yes(self):
        self.start()
        code, shown = self.answer(b'yes\n')
        self.assertEqual(code, DONE, shown)
        self.assertRegex(shown, r'(?s)86 -> 06.*Write this\?')  # it is shown before it is asked
        self.assert_changed(a={TYPE_AT: (0x86, 0x06)})

    def test_y_is_asked_again(self):
        self.start()
        code, shown = self.answer(b'y\nyes\n')
        self.assertEqual(code, DONE, shown)
        self.assertRegex(shown, r'(?s)Please type yes in full, or no\..*Write this\?')
        self.assert_changed(a={TYPE_AT: (0x86, 0x06)})

    def test_anything_else(self):
        self.start()
        for text in (b'no\n', b'y\nno\n', b'YES\n', b'\n', b'yes please\n', b'\x04'):
            before = snapshot(self.dir)
            code, shown = self.answer(text)
            with self.subTest(answer=text):
                self.assertEqual(code, REFUSED, shown)
                self.assertEqual(before, snapshot(self.dir))


class WhereTheUndoIs(BreakCase):
    def test_default_name_and_mode(self):
        self.start()
        self.breaks('--keep', 'primary')
        self.assertEqual(sorted(os.listdir(self.dir / 'cwd')), ['mkbootdisk.undo'])
        self.assertEqual(self.undo_file.stat().st_size % SECTOR, 0)

    def test_file_is_used_again_after_an_undo(self):
        self.start()
        for keep in ('primary', 'shadow'):
            self.breaks('--keep', keep)
            self.must(DONE, 'undo', '--write', self.undo_file, self.a, self.b)
            self.assert_changed()

    def test_boot_disk_keeps_it(self):
        self.start()
        boot = self.floppy()
        whole = boot.read_bytes()
        self.breaks('--keep', 'shadow', '--bootdisk', boot)
        self.assertEqual(os.listdir(self.dir / 'cwd'), [])
        at = whole.index(b'FTJRNL01')
        now = boot.read_bytes()
        marked = {n for n in range(len(whole)) if whole[n] != now[n]}
        self.assertTrue(marked and min(marked) >= at and max(marked) < at + 26 * SECTOR)
        self.complains(REFUSED, [r'ft\.img', '--replace-undo'], 'break', '--write', '--set', '1', '--keep', 'shadow', '--bootdisk', boot,
                       *self.fresh_pair())
        self.must(DONE, 'undo', '--write', boot, self.a, self.b)
        self.assert_changed()
        self.unchanged(FOUND, 'undo', '--write', boot, self.a, self.b)

    def test_never_overwritten_while_an_undo_is_possible(self):
        self.start()
        self.breaks('--keep', 'primary')
        self.complains(REFUSED, ['mkbootdisk.undo', 'done'], 'break', '--write', '--keep', 'shadow', *self.fresh_pair())

    def fresh_pair(self):
        folder = self.dir / 'fresh'
        folder.mkdir()
        return [shutil.copy(self.dir / ('old-' + image.name), folder / image.name) for image in (self.a, self.b)]

    def test_write_protected_boot_disk(self):
        self.start()
        boot = self.floppy()
        boot.chmod(0o444)
        self.complains(IO, [r'ft\.img', 'denied'], 'break', '--write', '--keep', 'primary', '--bootdisk', boot, self.a,
                       self.b, **self.anyone())

    def test_not_a_boot_disk(self):
        self.start()
        junk = self.write('junk', b'junk' * 9999)
        for how in ('--write', '--dry-run'):
            self.complains(IO, 'junk', 'break', how, '--keep', 'primary', '--bootdisk', junk, self.a, self.b)

    def test_dry_run_where_the_undo_file_is_none(self):
        """What the real break would refuse; an undo file that is not there is not made."""
        self.start()
        self.unchanged(DONE, 'break', '--dry-run', '--keep', 'primary', self.a, self.b)
        self.assertFalse(self.undo_file.exists())
        self.undo_file.write_bytes(b'junk' * 9999)
        self.complains(IO, 'undo', 'break', '--dry-run', '--keep', 'primary', '--undo-file', self.undo_file, self.a, self.b)


class Undo(BreakCase):
    def broken(self):
        self.start()
        self.breaks('--keep', 'primary')

    def undo(self, code, says, *paths):
        return self.complains(code, says, 'undo', '--write', self.undo_file, *(paths or (self.a, self.b)))

    def test_without_write(self):
        self.broken()
        self.complains(REFUSED, '--write', 'undo', self.undo_file, self.a, self.b)
        shown = self.unchanged(DONE, 'undo', '--dry-run', self.undo_file, self.a, self.b).out
        self.assertRegex(shown, r'a\.img.*sector 0: .*\n +byte 450: 06 -> 86')

    def test_someone_else_changed_the_sector(self):
        self.broken()
        defects.put(self.a, 0, 0, b'\xFA')
        self.undo(REFUSED, [r'a\.img', 'sector 0', 'no longer holds'])

    def test_wrong_disks(self):
        self.broken()
        self.pair('other', **dict(SMALL, signatures=(0x11111111, 0x22222222)))
        self.undo(REFUSED, ['1a2b3c4d'])

    def test_wrong_half_alone(self):
        self.broken()
        self.undo(REFUSED, ['1a2b3c4d'], self.b)
        self.complains(REFUSED, ['1a2b3c4d'], 'undo', '--dry-run', self.undo_file, self.b)

    def test_one_of_two_changed_disks_alone(self):
        """Both were changed in their sector 0: the one that is missing is named."""
        self.start()
        self.breaks('--keep', 'shadow', '--retire')
        for given, missing in ((self.a, '5e6f7a8b'), (self.b, '1a2b3c4d')):
            for how in ('--dry-run', '--write'):
                self.complains(REFUSED, 'wanted: signature %s' % missing, 'undo', how, self.undo_file, given)
        self.unchanged(DONE, 'undo', '--dry-run', self.undo_file, self.a, self.b)

    def test_two_disks_with_the_signature(self):
        self.broken()
        twin = self.dir / 'twin.img'
        disks.copy_sparse(self.a, twin)
        self.undo(REFUSED, ['1a2b3c4d'], self.a, twin)

    def test_finish_of_what_is_finished(self):
        self.broken()
        self.unchanged(FOUND, 'undo', '--finish', '--write', self.undo_file, self.a, self.b)

    def test_not_an_undo_file(self):
        self.start()
        for name, content in {'empty': b'', 'text': b'x' * 5000, 'zeros': bytes(20000)}.items():
            path = self.write(name, content)
            with self.subTest(name=name):
                self.complains(IO, name, 'undo', '--write', path, self.a, self.b)
        self.complains(IO, 'missing', 'undo', '--write', self.dir / 'missing', self.a, self.b)

    def test_damaged_undo_file(self):
        """Any byte of the record, or of both slots, flipped: refused. One slot alone is what a torn write leaves."""
        self.broken()
        whole = self.undo_file.read_bytes()
        record = range(2 * SECTOR, 5 * SECTOR)
        spots = {at: (at,) for at in list(record)[::37] + [record[0], record[-1], 3 * SECTOR + TYPE_AT]}
        spots.update({at: (at, SECTOR + at) for at in list(range(8, 24)) + [0, 5, 7, 100, 300, 508, 511]})
        for at, flipped in spots.items():
            damaged = bytearray(whole)
            for byte in flipped:
                damaged[byte] ^= 0x10
            self.undo_file.write_bytes(damaged)
            result = self.unchanged(IO, 'undo', '--write', self.undo_file, self.a, self.b)
            self.assertRegex(result.err, r'mkbootdisk\.undo: ', 'offset %d' % at)

    def test_damaged_undo_file_tells_what_to_do(self):
        self.broken()
        self.undo_file.write_bytes(self.undo_file.read_bytes().replace(b'FTJRNL01', b'FTJRNL99'))
        self.undo(IO, 'mkbootdisk.undo')

    def test_truncated_undo_file(self):
        self.broken()
        whole = self.undo_file.read_bytes()
        for size in (0, 1, 511, 512, 1024, 1536, 2048, 5 * SECTOR - 1):
            self.undo_file.write_bytes(whole[:size])
            with self.subTest(size=size):
                result = self.run_tool('undo', '--write', self.undo_file, self.a, self.b)
                self.assertIn(result.code, (FOUND, IO), str(result))
                self.assert_changed(a={TYPE_AT: (0x86, 0x06)})

    def test_read_only_image(self):
        self.broken()
        self.a.chmod(0o444)
        self.undo_file.chmod(0o666)
        self.complains(IO, [r'a\.img', 'denied'], 'undo', '--write', self.undo_file, self.a, self.b, **self.anyone())

    def test_swapped_order(self):
        """A disk is known by its signature, not by its place."""
        self.broken()
        self.must(DONE, 'undo', '--write', self.undo_file, self.b, self.a)
        self.assert_changed()


if __name__ == '__main__':
    unittest.main()
