# SPDX-License-Identifier: MIT
"""Disks that are none, or are damaged, or do not belong together: every command says which, where and what to do next,
ends with the documented exit code, and changes nothing.

Owns the input side; what may be wrong with options, outputs and the machine is in test_bad_calls.py.
"""
import os
import random
import subprocess
import unittest

from cli import (CliCase, DONE, FOUND, IO, REFUSED, SMALL, USAGE, defects, disks, recipe_pair)

LOGICAL = dict(SMALL, logical='both')
ALL = ('survey', 'build', 'check', 'break', 'undo')


def noise(path, size=1 << 20):
    path.write_bytes(random.Random(7).randbytes(size))


class BadInput(CliCase):
    def prepare(self, **recipe):
        """A healthy pair, its boot disk, and an undo file of a finished break; then a fresh pair again."""
        self.pair(**(recipe or SMALL))
        self.ft = self.floppy()
        self.undo = self.dir / 'old.undo'
        self.must(DONE, 'break', '--write', '--keep', 'primary', '--undo-file', self.undo, self.a, self.b)
        self.pair(**(recipe or SMALL))

    def call(self, command):
        return {'survey': ['survey'], 'build': ['build', '-o', self.dir / 'out.img'], 'check': ['check', self.ft],
                'break': ['break', '--write'], 'undo': ['undo', '--write', self.undo]}[command]

    def each(self, damage, codes, says, recipe=None, paths=None):
        """Damage the pair, then run the commands that `codes` names, with the code each must end with."""
        self.prepare(**(recipe or SMALL))
        damage()
        for command, code in codes.items():
            with self.subTest(command=command):
                self.complains(code, says, *self.call(command), *(paths or (self.a, self.b)))

    def same_for_all(self, damage, code, says, **more):
        self.each(damage, dict.fromkeys(ALL, code), says, **more)

    # ---- what is no disk at all; the first disk or the second ----

    def test_empty(self):
        self.same_for_all(lambda: self.a.write_bytes(b''), IO, [r'a\.img', '0 bytes'])

    def test_hundred_bytes(self):
        self.same_for_all(lambda: self.b.write_bytes(b'x' * 100), IO, [r'b\.img', '100 bytes'])

    def test_directory(self):
        self.same_for_all(lambda: (self.a.unlink(), self.a.mkdir()), USAGE, [r'a\.img', 'directory'])

    def test_missing(self):
        self.same_for_all(lambda: self.b.unlink(), IO, [r'b\.img', 'No such file'])

    def test_character_device(self):
        self.same_for_all(lambda: (self.a.unlink(), self.a.symlink_to('/dev/zero')), USAGE, r'a\.img')

    def test_fifo_does_not_hang(self):
        self.prepare()
        self.a.unlink()
        os.mkfifo(self.a)
        for command in ALL:
            with self.subTest(command=command):
                try:
                    self.complains(USAGE, r'a\.img', *self.call(command), self.a, self.b, timeout=3)
                except subprocess.TimeoutExpired:
                    self.fail('%s waits for a FIFO' % command)

    def test_unreadable(self):
        self.prepare()
        self.a.chmod(0)
        self.undo.chmod(0o666)
        for command in ALL:
            with self.subTest(command=command):
                self.complains(IO, [r'a\.img', 'Permission denied'], *self.call(command), self.a, self.b,
                               **self.anyone())

    def test_random_bytes(self):
        self.each(lambda: noise(self.a), {'build': FOUND, 'undo': REFUSED}, r'a\.img|old\.undo')
        self.assertRegex(self.unchanged(FOUND, 'survey', self.a, self.b).out, r'M1 \S*a\.img: .*55 AA')

    def test_random_bytes_twice(self):
        self.each(lambda: (noise(self.a), self.b.write_bytes(b'no disk\n' * 999)),
                  {'build': FOUND, 'break': FOUND, 'undo': REFUSED}, r'a\.img|old\.undo')

    def test_text(self):
        self.each(lambda: self.b.write_bytes(b'[boot loader]\r\n' * 9999), {'build': FOUND}, [r'b\.img', 'offset 0'])

    # ---- damaged partition tables ----

    def damaged(self, damage, says, code=FOUND, recipe=None, disk='a'):
        """build refuses, survey reports; nobody writes."""
        self.each(damage, {'build': code}, [r'%s\.img' % disk] + says, recipe=recipe)
        survey = self.unchanged(FOUND, 'survey', self.a, self.b)
        self.assertRegex(survey.out, r'%s\.img: .*damaged' % disk)
        self.unchanged(FOUND, 'survey', '--json', self.a, self.b)

    def test_no_mark(self):
        self.damaged(lambda: defects.no_magic(self.a), ['offset 0', '55 AA', 'M1'])

    def test_no_mark_on_both(self):
        self.damaged(lambda: (defects.no_magic(self.a), defects.no_magic(self.b)), ['offset 0', '55 AA'])
        self.complains(FOUND, [r'a\.img', 'offset 0'], 'break', '--write', self.a, self.b)

    def test_truncated_in_the_mirror(self):
        self.damaged(lambda: os.truncate(self.b, 4 << 20), ['offset 32256', 'truncated'], disk='b')

    def test_past_the_end(self):
        self.damaged(lambda: defects.past_end(self.a), ['sector 63', 'offset 32256'])

    def test_start_plus_length_overflows(self):
        self.damaged(lambda: defects.overflow(self.a), ['sector 4294967040'])

    def test_extended_chain_loops(self):
        ebr = recipe_pair(**LOGICAL).a.ebr
        self.damaged(lambda: defects.ebr_loop(self.a, ebr), ['sector %d' % ebr, 'M3'], recipe=LOGICAL)

    def test_extended_chain_leaves_the_disk(self):
        ebr = recipe_pair(**LOGICAL).b.ebr
        self.damaged(lambda: defects.ebr_past_end(self.b, ebr), ['M3|M6'], recipe=LOGICAL, disk='b')

    def test_extended_partition_at_sector_0(self):
        self.damaged(lambda: defects.extended_to_mbr(self.a), ['M[0-9]'], recipe=LOGICAL)

    def test_ebr_without_mark(self):
        ebr = recipe_pair(**LOGICAL).a.ebr
        self.damaged(lambda: defects.no_magic(self.a, ebr), ['sector %d' % ebr, 'offset %d' % (ebr * 512), 'M2'],
                     recipe=LOGICAL)

    def test_dynamic_disk(self):
        self.damaged(lambda: (defects.dynamic(self.a), defects.dynamic(self.b)), ['42h', 'dynamic', 'offset 32256'],
                     code=REFUSED)
        self.complains(REFUSED, [r'a\.img', 'dynamic'], 'break', '--write', self.a, self.b)

    def test_half_dynamic(self):
        """One half was upgraded: nobody knows what NT made of the other."""
        self.damaged(lambda: defects.dynamic(self.a), ['dynamic'], code=REFUSED)
        self.complains(REFUSED, [r'a\.img', 'dynamic'], 'break', '--write', self.a, self.b)
        self.assertNotIn('no disk with this signature', self.run_tool('survey', self.a, self.b).out)

    # ---- disks that do not belong together ----

    def not_a_pair(self, damage, says, commands=('survey', 'build', 'break')):
        self.each(damage, dict.fromkeys(commands, FOUND), [r'a\.img.*b\.img'] + says)

    def test_same_signature(self):
        self.not_a_pair(lambda: defects.same_signature(self.b, self.a), ['same signature', 'offset 440'])
        self.complains(REFUSED, r'[ab]\.img|old\.undo', *self.call('undo'), self.a, self.b)

    def test_signature_0(self):
        self.not_a_pair(lambda: defects.signature(self.a), ['signature 0', 'offset 440'])

    def test_signature_0_on_the_shadow(self):
        self.not_a_pair(lambda: defects.signature(self.b), ['signature 0', 'offset 440'])

    def test_unequal_length(self):
        self.not_a_pair(lambda: defects.shorter(self.b), ['16065 sectors', '16064 sectors', 'length'])

    def test_three_members(self):
        self.prepare()
        third = self.dir / 'c.img'
        defects.third_member(recipe_pair(**SMALL), third)
        for command in ('survey', 'build', 'break'):
            with self.subTest(command=command):
                self.complains(FOUND, [r'[abc]\.img.*[abc]\.img', 'LBA 63'], *self.call(command), self.a, self.b, third)

    def test_no_mirror_at_all(self):
        self.not_a_pair(lambda: [defects.unmirrored(image) for image in (self.a, self.b)], [], commands=())
        for command in ('survey', 'build', 'break'):
            self.complains(FOUND, [r'a\.img', 'fault-tolerance type'], *self.call(command), self.a, self.b)

    def test_blank_disks(self):
        self.prepare()
        for image in (self.a, self.b):
            defects.blank(image, 8)
        for command in ('build', 'break'):
            self.complains(FOUND, r'a\.img', *self.call(command), self.a, self.b)

    def test_one_disk_alone(self):
        self.prepare()
        self.complains(FOUND, [r'a\.img', 'twin'], 'build', '-o', self.dir / 'out.img', self.a)

    def test_same_file_twice(self):
        self.prepare()
        (self.dir / 'link').symlink_to(self.a)
        os.link(self.a, self.dir / 'hard')
        for other in (self.a, self.dir / 'link', self.dir / 'hard'):
            for command in ALL:
                with self.subTest(command=command, other=other.name):
                    self.complains(USAGE, [r'a\.img', other.name, 'same file'], *self.call(command), self.a, other)

    def test_nine_disks(self):
        self.prepare()
        nine = [self.a, self.b] + [defects.blank(self.dir / ('%d.img' % n), 1) for n in range(7)]
        for command in ALL:
            with self.subTest(command=command):
                self.complains(USAGE, '8.*9', *self.call(command), *nine)

    def test_no_disk(self):
        self.prepare()
        for command in ALL:
            with self.subTest(command=command):
                self.complains(USAGE, 'disk', *self.call(command))

    def test_other_commands_hold_their_order(self):
        """A boot disk among the disks, and a disk as boot disk."""
        self.prepare()
        for command in ('check', 'undo'):
            with self.subTest(command=command):
                self.complains(IO, r'a\.img', command, self.a, self.b, self.ft)

    # ---- halves that differ ----

    def test_halves_differ(self):
        self.prepare()
        defects.garbage(self.b, 63 + 4)
        out = self.dir / 'out.img'
        self.complains(FOUND, ['differ', 'sector 4', '--accept-different'], 'build', '-o', out, self.a, self.b)
        self.complains(REFUSED, ['differ', '--keep'], 'break', '--write', self.a, self.b)
        self.assertIn('split', self.unchanged(FOUND, 'survey', self.a, self.b).out)
        self.must(DONE, 'build', '--accept-different', '-o', out, self.a, self.b)
        self.assertEqual(out.stat().st_size, 1440 * 1024)

    def test_accepting_difference_accepts_nothing_else(self):
        self.pair()
        defects.orphaned(self.a)
        result = self.unchanged(FOUND, 'build', '--accept-different', '-o', self.dir / 'out.img', self.a, self.b)
        self.assertRegex(result.err, 'is stale: .*went on without the primary')

    def test_disabled_half(self):
        for damaged, role in (('a', 'primary'), ('b', 'shadow')):
            self.pair()
            defects.orphaned(getattr(self, damaged))
            with self.subTest(disk=damaged):
                self.complains(FOUND, r'went on without the %s \(\S*%s\.img\)' % (role, damaged), 'build', '-o',
                               self.dir / 'out.img', self.a, self.b)


if __name__ == '__main__':
    unittest.main()
