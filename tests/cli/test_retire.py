# SPDX-License-Identifier: MIT
"""retire: the other half's disk loses its active flags, its fault-tolerance bits and its signature, and nothing else;
and which disks are never retired.

Owns what is on a disk that was retired. The other half is test_promote.py's, and so is doing both at once.
"""
import os
import struct
import unittest

from cli import DONE, FOUND, IO, REFUSED, SECTOR, USAGE, defects, disks
from repaircase import A, B, FILE_SYSTEMS, START, RepairCase, table, types

TWO = dict(primary_start=4095, primary_extra=((63, 3969, 0x87),), shadow_extra=((63, 3969, 0x87),))
OLD = dict(nt={}, shadow_nt={'states': (1, 0), 'sequence': 9})  # NT went on with the shadow


def signature(image):
    return struct.unpack('<I', disks.read_at(image, 0)[440:444])[0]


def tables(image):
    """The bytes of sector 0 and of the extended partitions' tables: what retire may touch at most."""
    return {lba * SECTOR + at for lba in [0] + [one['start'] - START for one in table(image)] for at in range(440, 510)}


class RetireCase(RepairCase):
    def broken(self, name='shadow', *options, **recipe):
        """A pair whose mirror was broken in favour of the other half than this one."""
        self.start(**recipe)
        self.break_without(name, *options)

    def break_without(self, name, *options):
        undo = self.dir / 'break.undo'
        self.must(DONE, 'break', '--write', '--keep', 'primary' if name == 'shadow' else 'shadow', *options,
                  '--undo-file', undo, self.a, self.b)
        undo.unlink()
        self.keep_copy()

    def retire(self, name, image, *images, **more):
        """Retire it, and let others look at the disk."""
        before, volume = table(image), self.volume(image).read_bytes()
        planned = self.carry_out('retire', '--disk', name, images=images or None, **more)
        self.assertEqual([other for other, changed in planned.items() if changed], [image.name])
        self.assertLessEqual(set(planned[image.name]), tables(image))
        self.check_retired(image, before)
        self.assertTrue(self.volume(image).read_bytes() == volume)
        return planned

    def check_retired(self, image, before):
        """Others' view of the partitions: the same places, plain types, none active."""
        others = {signature(one) for one in (self.a, self.b, *self.old.values())}
        self.assertEqual(len(others), 3)
        self.assertNotIn(0, others)
        after = table(image)
        for listed in (before, after):
            places = [(one['start'], one['size']) for one in listed]
            self.assertEqual(places, [(one['start'], one['size']) for one in before])
        self.assertEqual([one.get('bootable') for one in after], [None] * len(after))
        self.assertEqual([int(one['type'], 16) for one in after],
                         [int(one['type'], 16) & (0x3F if int(one['type'], 16) & 0x80 else 0xFF) for one in before])


class WhatChanges(RetireCase):
    def test_the_shadow(self):
        for fs, recipe in FILE_SYSTEMS.items():
            with self.subTest(fs=fs):
                self.broken(**recipe)
                planned = self.retire('shadow', self.b)
                self.assertEqual(self.sectors(planned), {'b.img': [0]})
                self.check_volume(self.volume(self.b))
                self.undo_all()

    def test_the_stale_primary(self):
        """It was active, and has the MBR code: the code may stay, the flag must not."""
        self.broken('primary', **OLD)
        self.retire('primary', self.a)
        self.assertEqual(disks.read_at(self.a, 0)[:440], disks.read_at(self.old['a.img'], 0)[:440])
        self.undo_all()

    def test_by_its_signature(self):
        for name in ('1a2b3c4d', '1A2B3C4D', '0x1a2b3c4d'):
            with self.subTest(name=name):
                self.broken('primary', **OLD)
                self.retire(name, self.a)

    def test_after_any_break(self):
        """Also where no registry tells of it: only the types know which half was kept."""
        for recipe, options in (({}, []), ({}, ['--partial']), (dict(nt=None), [])):
            for name, image in (('shadow', 'b.img'), ('primary', 'a.img')):
                for word in (name, '5e6f7a8b' if name == 'shadow' else '1a2b3c4d'):
                    with self.subTest(recipe=recipe, options=options, word=word):
                        self.broken(name, *options, **recipe)
                        self.retire(word, self.dir / image)
                        self.undo_all()

    def test_logical_drives(self):
        """The tables of the extended partition first, and sector 0, by which the disk is known, last."""
        self.broken(logical='both')
        planned = self.retire('shadow', self.b)
        self.assertEqual([change['lba'] for change in self.changes], [1008, 0])
        self.assertEqual(self.sectors(planned), {'b.img': [0, 1008]})
        self.assertEqual(types(self.b), ['5', '6'])
        self.undo_all()

    def test_every_half_on_the_disk(self):
        self.broken(**TWO, nt=None)
        self.retire('shadow', self.b)
        self.assertEqual(types(self.b), ['7', '6'])
        self.undo_all()

    def test_every_active_flag(self):
        """Also that of a partition which is no half."""
        self.broken('primary', **OLD, primary_extra=((31000, 1000, 6),), size_mib=16, sectors=30000)
        defects.set_entry(self.a, 0, flag=0x80)
        defects.set_entry(self.a, 1, flag=0x80)
        self.keep_copy()
        self.retire('primary', self.a)
        self.undo_all()

    def test_marked_halves(self):
        """C6h: NT itself had disabled the half."""
        self.broken('primary', types=(0xC6, 0x86))
        self.retire('primary', self.a)
        self.assertEqual(types(self.a), ['6'])
        self.undo_all()

    def test_a_third_disk_stays(self):
        self.broken()
        third = self.dir / 'c.img'
        disks.copy_sparse(self.b, third)
        defects.signature(third, 0x33333333)
        defects.kind(third, 0x06)
        self.retire('shadow', self.b, self.a, self.b, third)
        self.undo_all(third, self.b, self.a)


class Signature(RetireCase):
    def taken(self):
        """The signature that the shadow gets."""
        self.broken()
        self.retire('shadow', self.b)
        return signature(self.b)

    def test_it_is_the_same_every_time(self):
        """A dry run tells it, and doing it after an undo gives it again."""
        first = self.taken()
        self.undo_all()
        self.retire('shadow', self.b)
        self.assertEqual(signature(self.b), first)

    def test_none_that_another_disk_has(self):
        wanted = self.taken()
        self.broken()
        third = self.dir / 'c.img'
        disks.new_image(third, 1 << 20)
        disks.run('sfdisk', '-q', third, stdin=b'label: dos\nlabel-id: 0x%08x\n63,,6\n' % wanted)
        self.retire('shadow', self.b, self.a, self.b, third)
        self.assertNotEqual(signature(self.b), wanted)
        self.undo_all(self.a, self.b, third)

    def test_none_that_its_twin_has(self):
        wanted = self.taken()
        self.broken(signatures=(wanted, B))
        self.retire('shadow', self.b)
        self.undo_all()

    def test_never_zero(self):
        """Whatever is added to the old one: there is an old one for which it comes out as zero."""
        step = (self.taken() - B) % 2**32
        for old in (-step % 2**32, 1, 0xFFFFFFFF, 0x80000000):
            with self.subTest(old='%08x' % old):
                self.broken(signatures=(A, old))
                self.retire('shadow', self.b)
                self.undo_all()


class Undo(RetireCase):
    """Afterwards the disk has another name than the undo's record says."""

    def setUp(self):
        super().setUp()
        self.broken()
        self.retire('shadow', self.b)

    def test_in_any_order(self):
        self.undo_all(self.b, self.a)

    def test_the_disk_alone(self):
        self.undo_all(self.b)

    def test_shows_the_disk_by_its_name(self):
        shown = self.unchanged(DONE, 'undo', '--dry-run', self.undo_file, self.a, self.b).out
        self.assertIn(str(self.b), shown)
        self.assertNotIn('not given', shown)

    def test_without_the_disk(self):
        self.complains(REFUSED, ['5e6f7a8b'], 'undo', '--write', self.undo_file, self.a)

    def test_a_copy_that_still_has_the_old_signature(self):
        """Which of the two is meant cannot be known."""
        self.complains(REFUSED, ['5e6f7a8b'], 'undo', '--write', self.undo_file, self.a, self.b, self.old['b.img'])


class Together(RetireCase):
    def test_break_and_retire(self):
        for fs in ('fat16', 'ntfs'):
            for keep, image in (('primary', self.dir / 'b.img'), ('shadow', self.dir / 'a.img')):
                with self.subTest(fs=fs, keep=keep):
                    self.start(fs=fs)
                    before = table(image)
                    planned = self.carry_out('break', '--keep', keep, '--retire')
                    self.assertEqual([len(changed) for changed in self.sectors(planned).values()],
                                     [3, 1] if keep == 'primary' else [1, 3])
                    self.assertEqual(self.changes[-1]['lba'], 0)
                    self.check_retired(image, before)
                    self.undo_all(self.b, self.a)

    def test_two_mirrors_on_the_same_disks(self):
        self.start(**TWO, nt=None)
        self.carry_out('break', '--keep', 'primary', '--retire')
        self.assertEqual((types(self.a), types(self.b)), (['7', '6'], ['7', '6']))
        self.undo_all()

    def test_two_mirrors_one_after_the_other(self):
        for first in ('1', '2'):
            with self.subTest(first=first):
                self.start(**TWO, nt=None)
                self.break_without('shadow', '--set', first)
                self.break_without('shadow')
                self.retire('shadow', self.b)
                self.undo_all()

    def test_one_of_two_mirrors(self):
        """The shadow's disk still has half of the other mirror, which would miss it."""
        self.start(**TWO, nt=None)
        result = self.unchanged(REFUSED, 'break', '--write', '--set', '1', '--keep', 'primary', '--retire', self.a,
                                self.b)
        self.assertRegex(result.err, r'b\.img cannot be retired: its mirror is not broken')

    def test_one_mirror_kept_on_each_disk(self):
        """Each disk has what is left of one mirror, and what was kept of the other one: neither may go."""
        for first in ('1', '2'):
            self.start(**TWO, nt=None)
            self.break_without('primary', '--set', first)
            result = self.unchanged(REFUSED, 'retire', '--write', '--disk', 'shadow', self.a, self.b)
            self.assertRegex(result.err, r'b\.img cannot be retired: its mirror is not broken')
            result = self.unchanged(REFUSED, 'break', '--write', '--keep', 'primary', '--retire', self.a, self.b)
            self.assertRegex(result.err, r'b\.img cannot be retired: it has the half that is trusted')
            self.break_without('shadow')
            self.assertEqual(sorted(types(self.a) + types(self.b)), ['6', '7', '86', '87'])
            for name, image in (('1a2b3c4d', 'a'), ('5e6f7a8b', 'b')):
                with self.subTest(first=first, disk=name):
                    result = self.unchanged(REFUSED, 'retire', '--write', '--disk', name, self.a, self.b)
                    self.assertRegex(result.err, image + r'\.img cannot be retired: it (has the half that is trusted|'
                                     'holds a member of another set)')

    def test_one_by_one_is_the_same_as_at_once(self):
        """What is retired last is not missed by anything that was done before."""
        for fs, recipe in FILE_SYSTEMS.items():
            with self.subTest(fs=fs):
                self.start(**recipe)
                at_once = self.plan('break', '--keep', 'shadow', '--promote', '--retire')
                for step, words in enumerate((['break', '--keep', 'shadow', self.a, self.b],
                                              ['promote', '--disk', '5e6f7a8b', self.b],
                                              ['retire', '--disk', 'primary', self.a, self.b])):
                    self.must(DONE, words[0], '--write', '--undo-file', self.dir / ('step%d' % step), *words[1:])
                self.assertEqual(self.changed(), at_once)
                self.assertEqual(self.survey(DONE, self.a, self.b)['sets'], [])
                for step in (2, 1, 0):
                    self.must(DONE, 'undo', '--write', self.dir / ('step%d' % step), self.a, self.b)
                    (self.dir / ('step%d' % step)).unlink()
                self.assert_changed()

    def test_what_was_retired_is_no_truth(self):
        """No registry speaks, so the types do: the half with plain ones would be the one that was kept."""
        self.start(nt=None)
        self.unchanged(REFUSED, 'retire', '--write', '--disk', 'shadow', self.a, self.b)
        self.break_without('shadow')
        self.assertEqual(self.survey(FOUND, self.a, self.b)['sets'][0]['source'], 'primary')
        self.retire('shadow', self.b)
        found = self.survey(FOUND, self.a, self.b)
        self.assertEqual((found['sets'], found['findings']), ([], []))

    def test_the_surviving_disk_alone(self):
        self.start()
        result = self.unchanged(REFUSED, 'break', '--write', '--retire', self.b)
        self.assertIn('the other half was not given', result.err)


class Refusals(RetireCase):
    def refuses(self, says, name, *images, code=REFUSED, **more):
        result = self.unchanged(code, 'retire', '--write', '--disk', name, *(images or (self.a, self.b)), **more)
        for pattern in [says] if isinstance(says, str) else says:
            self.assertRegex(result.err, pattern)
        self.assertFalse(self.undo_file.exists())

    def test_the_half_that_is_trusted(self):
        self.start()
        self.refuses([r'a\.img', 'it has the half that is trusted'], 'primary')
        self.start(**OLD)
        self.refuses([r'b\.img', 'it has the half that is trusted'], 'shadow')

    def test_the_last_half(self):
        self.start()
        self.refuses([r'b\.img', 'trusted|all there is'], 'shadow', self.b)
        self.start(types=(0xC6, 0xC6))
        self.refuses([r'b\.img', 'all there is'], '5e6f7a8b', self.b)

    def test_the_last_half_that_can_be_read(self):
        """The trusted half's boot sector is gone bad."""
        self.start()
        self.refuses('trusted|all there is', 'shadow', **self.unreadable(self.a, START * SECTOR))

    def test_a_mirror_that_is_not_broken(self):
        """Healthy, with a stale half, and where nothing tells which half is newer."""
        differ = dict(files={'A.TXT': b'old ' * 99999}, shadow_files={'A.TXT': b'new ' * 99999})
        both = ('primary', 'shadow', '1a2b3c4d', '5e6f7a8b')
        for recipe, names in (({}, both[1::2]), (dict(nt=None), both[1::2]), (OLD, both[::2]),
                              (dict(types=(0xC6, 0x86)), both[::2]), (dict(nt=None, **differ), both),
                              (dict(nt={'states': (0, 1)}, shadow_nt={'states': (1, 0)}), both)):
            self.start(**recipe)
            for name in names:
                with self.subTest(recipe=recipe.keys(), name=name):
                    self.refuses([r'[ab]\.img cannot be retired: its mirror is not broken', 'break it first'], name)

    def test_what_was_kept_of_a_broken_mirror(self):
        for recipe, options in (({}, []), ({}, ['--partial']), (dict(nt=None), [])):
            for left, kept, signature in (('shadow', 'primary', '1a2b3c4d'), ('primary', 'shadow', '5e6f7a8b')):
                with self.subTest(recipe=recipe, options=options, kept=kept):
                    self.broken(left, *options, **recipe)
                    for name in (kept, signature):
                        self.refuses('it has the half that is trusted', name)

    def test_no_half_on_it(self):
        self.start()
        third = self.dir / 'c.img'
        disks.new_image(third, 1 << 20)
        disks.run('sfdisk', '-q', third, stdin=b'label: dos\nlabel-id: 0x33333333\n63,,6\n')
        self.refuses([r'c\.img', 'no half of a mirror'], '33333333', self.a, self.b, third)

    def test_a_member_without_a_like(self):
        """A stripe, or half of a mirror of a disk that is away: what is on it would be lost."""
        self.start(shadow_extra=((31000, 500, 0x87),), sectors=30000)
        self.break_without('shadow')
        self.refuses(r'b\.img cannot be retired: it (has the half that is trusted|holds a member of another set)',
                     '5e6f7a8b')
        defects.kind(self.b, 0x07)
        self.keep_copy()
        self.retire('5e6f7a8b', self.b)

    def test_damaged_table(self):
        self.start()
        defects.past_end(self.b)
        self.refuses([r'b\.img', 'damaged'], '5e6f7a8b')

    def test_sector_0_cannot_be_read(self):
        """Neither is anything written to that disk, nor is the other one retired."""
        for image, name in ((self.dir / 'b.img', 'shadow'), (self.dir / 'a.img', 'primary')):
            self.start()
            for target in ('shadow', 'primary', '5e6f7a8b', '1a2b3c4d'):
                with self.subTest(unreadable=name, target=target):
                    result = self.run_tool('retire', '--write', '--disk', target, self.a, self.b,
                                           **self.unreadable(image, 0))
                    self.assertIn(result.code, (FOUND, REFUSED, IO), str(result))
                    self.assert_changed()
                    self.assertFalse(self.undo_file.exists())

    def test_names(self):
        self.start()
        self.refuses(['77777777', 'survey'], '77777777', code=FOUND)
        self.refuses(['primary', 'not among|no mirror'], 'primary', self.b, code=FOUND)
        for name in ('tertiary', '', '1a2b3c4g', '123456789', '-1'):
            with self.subTest(name=name):
                self.refuses(['--disk takes', 'primary, shadow'], name, code=USAGE)
        self.complains(FOUND, ['mirror 2'], 'retire', '--write', '--disk', 'shadow', '--set', '2', self.a, self.b)

    def test_two_disks_of_one_signature(self):
        self.start()
        twin = self.dir / 'twin.img'
        disks.copy_sparse(self.b, twin)
        self.refuses(['more than one', '5e6f7a8b'], '5e6f7a8b', self.a, self.b, twin, code=FOUND)


if __name__ == '__main__':
    unittest.main()
