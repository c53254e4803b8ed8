# SPDX-License-Identifier: MIT
"""A complete break: the partition type of the half that is kept, and DISK\\Information in the registries of every
Windows NT that may be started afterwards. Every byte is the one that was announced, others' tools read what is left,
and undo brings everything back.

Owns what a registry looks like after a break, and what stands in the way of one. Breaks without a registry are
test_break_undo.py's.
"""
import struct
import unittest

from cli import DONE, FOUND, IO, REFUSED, SECTOR, disks
from repaircase import (A, B, CONFIG, FILE_SYSTEMS, HIVES, SECTORS, START, RepairCase, decode, dissolved,
                        export_information, many_hives, types)
import ftinfo
import nt
import regf

IDS = [(signature, START * SECTOR, SECTORS * SECTOR) for signature in (A, B)]
TWO = dict(primary_start=4095, sectors=26145, primary_extra=((63, 3969, 0x87),), shadow_extra=((63, 3969, 0x87),))
SYSTEM_HALVES = [(signature, 4095 * SECTOR) for signature in (A, B)]
START_IT = r'Start Windows NT once from this half and shut it down, then try again; or say --partial:'
REPAIR_IT = r'Repair it \(.*CHKDSK\) and try again; or say --partial:'
UNCOMPRESS_IT = r'Uncompress it .*COMPACT /U.* and try again; or say --partial:'
NO_OTHER_WAY = r'the break\. Say --partial:'
DATA_HALVES = [(signature, 63 * SECTOR) for signature in (A, B)]


def two_sets(**options):
    """The system mirror, and a data mirror before it on the disks but behind it in the list; a stripe set between them,
    and a third disk with a volume of its own."""
    def part(disk, number, start, length, kind, letter, group):
        return ftinfo.Partition(start * SECTOR, length * SECTOR, kind, 0, letter if disk == 0 else '', 1, group, disk,
                                number)

    parts = [ftinfo.Disk(signature, [part(disk, 1, 63, 3969, ftinfo.MIRROR, 'D', 1),
                                     part(disk, 2, 4095, 26145, ftinfo.MIRROR, 'C', 0),
                                     part(disk, 3, 31000, 500, ftinfo.STRIPE, 'S', 2)])
             for disk, signature in enumerate((A, B))]
    parts.append(ftinfo.Disk(0x33333333, [ftinfo.Partition(63 * SECTOR, 5000 * SECTOR, letter='E')]))
    sets = [ftinfo.Set([(0, index, 0), (1, index, 0)], kind) for index, kind in
            ((1, ftinfo.MIRROR), (2, ftinfo.STRIPE), (0, ftinfo.MIRROR))]
    return ftinfo.encode(parts, sets, **options)


class RegistryCase(RepairCase):
    def place(self, role):
        """(signature, first byte) of a half."""
        return self.halves[('primary', 'shadow').index(role)][:2]

    def check_registries(self, before, after, *broken):
        """Nothing of the hives changed but the value, and that as Disk Administrator leaves it. `broken`: pairs of the
        half that was kept and the one that was not."""
        for name in HIVES:
            (old, old_rest), (new, new_rest) = before[name], after[name]
            self.assertEqual(old_rest, new_rest)
            expected = decode(old)
            for kept, left in broken:
                expected = dissolved(expected, kept[:2], left[:2])
            self.assertEqual(decode(new), expected)

    def break_it(self, keep, *options, broken=None, **more):
        """Break, and let everybody look at the half that was kept."""
        other = 'shadow' if keep == 'primary' else 'primary'
        image = self.images[keep]
        before = self.registries(self.volume(image))
        planned = self.carry_out('break', '--keep', keep, *options, **more)
        volume = self.volume(image)
        self.check_volume(volume)
        self.check_registries(before, self.registries(volume), *(broken or [(self.place(keep), self.place(other))]))
        return planned


class WhatChanges(RegistryCase):
    def test_each_half_on_every_file_system(self):
        for fs, recipe in FILE_SYSTEMS.items():
            for keep, left, gone in (('primary', 'b.img', B), ('shadow', 'a.img', A)):
                with self.subTest(fs=fs, keep=keep):
                    self.start(**recipe)
                    planned = self.break_it(keep)
                    self.assertEqual(planned[left], {})
                    self.assertEqual(types(self.images[keep]), ['%x' % (disks.MIRRORED[fs] & 0x3F)])
                    self.check_letter(keep, 'C')
                    self.check_survivor(keep, gone)
                    self.check_exported(self.volume(self.images[keep]))
                    self.undo_all()

    def check_exported(self, volume):
        """A second reader of registries sees a record without sets, too."""
        for name, (record, _) in self.registries(volume).items():
            found = export_information(self.host_file('hive', self.fetch(volume, CONFIG + name)))
            self.assertEqual(found, record)
            self.assertEqual((decode(found)['sets'], set(decode(found)['disks'])), ([], {A, B}))

    def check_letter(self, keep, letter):
        self.assertIn('Mirror 1: %s: before, %s: afterwards for the %s' % (letter, letter, keep), self.result.out)
        for record, _ in self.registries(self.volume(self.images[keep])).values():
            found = {signature: parts[0]['letter'] for signature, parts in decode(record)['disks'].items()}
            self.assertEqual(found, {signature: ord(letter) if signature == self.place(keep)[0] else 0
                                     for signature in (A, B)})

    def check_survivor(self, keep, gone):
        """No mirror there any more; what the record says of the other disk harms nobody."""
        found = self.survey(DONE, self.images[keep])
        self.assertEqual(found['sets'], [])
        self.assertEqual([one['path'] for one in found['installations']], ['\\WINNT'])
        self.assertEqual([one['id'] for one in found['findings']], ['D16'])
        self.assertIn('%08x' % gone, found['findings'][0]['text'])

    def test_a_break_writes_few_sectors(self):
        """One set on NTFS: no more than twelve."""
        for fs in ('ntfs', 'ntfs12'):
            self.start(**FILE_SYSTEMS[fs])
            planned = self.plan('break', '--keep', 'shadow')
            self.assertLessEqual(sum(map(len, self.sectors(planned).values())), 12)
            self.assertEqual(len(self.changes), sum(map(len, self.sectors(planned).values())))

    def test_logical_drives(self):
        for logical, keep in (('both', 'primary'), ('both', 'shadow'), ('shadow', 'shadow')):
            with self.subTest(logical=logical, keep=keep):
                self.start(logical=logical)
                self.break_it(keep)
                self.assertEqual(types(self.images[keep]), ['5', '6'])
                self.undo_all()

    def test_surviving_disk_alone(self):
        """The record still knows the half that is gone: it is taken out as well."""
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs=fs):
                self.start(fs=fs)
                self.break_it('shadow', images=[self.b])
                self.check_letter('shadow', 'C')
                self.undo_all(self.b)

    def test_stale_halves_are_left_alone(self):
        """NT went on with one half and recorded the other one as orphaned."""
        for keep, states in (('shadow', (1, 0)), ('primary', (0, 1))):
            with self.subTest(keep=keep):
                self.start(**{'nt': {}, 'shadow_nt': {'states': states, 'sequence': 9}} if keep == 'shadow' else
                           {'nt': {'states': states, 'sequence': 9}, 'shadow_nt': {}})
                planned = self.break_it(keep)
                self.assertEqual(len(self.sectors(planned)), 1)
                self.undo_all()

    def test_letters(self):
        """Whichever half has it; the other half never keeps one."""
        for letters, keep, expected in (('C\0', 'shadow', 'C'), ('\0F', 'primary', 'F'), ('CC', 'shadow', 'C'),
                                        ('CF', 'primary', 'C'), ('CF', 'shadow', 'F')):
            with self.subTest(letters=letters, keep=keep):
                parts = [ftinfo.Disk(signature, [ftinfo.Partition(start, length, ftinfo.MIRROR, 0,
                                                                  letters[n].strip('\0'), 1, 0, n, 1)])
                         for n, (signature, start, length) in enumerate(IDS)]
                record = ftinfo.encode(parts, [ftinfo.Set([(0, 0, 0), (1, 0, 0)])])
                self.start(nt={'information': record})
                self.break_it(keep)
                self.check_letter(keep, expected)
                self.undo_all()

    def test_offsets_from_the_registry(self):
        """The other reading of OffsetToPartitionInfo."""
        self.start(**TWO, nt={'information': two_sets(base='registry')})
        self.break_it('shadow', '--set', '1', broken=[(SYSTEM_HALVES[1], SYSTEM_HALVES[0])])
        self.undo_all()

    def test_a_mirror_without_a_letter(self):
        self.start(nt={'information': ftinfo.mirror(IDS, letter='')})
        self.break_it('shadow')
        self.assertNotIn('afterwards', self.result.out)


class SeveralSets(RegistryCase):
    def test_both(self):
        for keep, this, that in (('primary', 0, 1), ('shadow', 1, 0)):
            with self.subTest(keep=keep):
                self.start(**TWO, nt={'information': two_sets()})
                self.break_it(keep, broken=[(SYSTEM_HALVES[this], SYSTEM_HALVES[that]),
                                            (DATA_HALVES[this], DATA_HALVES[that])])
                self.assertEqual(types(self.images[keep]), ['7', '6'])
                self.undo_all()

    def test_one_of_two(self):
        """The other one's members still lead to their partitions, and so do the stripe set's."""
        for number, halves, left in ((1, SYSTEM_HALVES, ['87', '6']), (2, DATA_HALVES, ['7', '86'])):
            with self.subTest(set=number):
                self.start(**TWO, nt={'information': two_sets()})
                self.break_it('primary', '--set', str(number), broken=[halves])
                self.assertEqual(types(self.a), left)
                self.undo_all()

    def test_one_after_the_other(self):
        self.start(**TWO, nt={'information': two_sets()})
        before = self.registries(self.volume(self.a))
        for number in ('2', '1'):
            self.must(DONE, 'break', '--write', '--set', number, '--keep', 'primary', '--undo-file',
                      self.dir / ('undo' + number), self.a, self.b)
        self.check_registries(before, self.registries(self.volume(self.a)), SYSTEM_HALVES, DATA_HALVES)
        for number in ('1', '2'):
            self.must(DONE, 'undo', '--write', self.dir / ('undo' + number), self.a, self.b)
        self.assert_changed()

    def test_what_was_kept_is_the_truth_afterwards(self):
        """Whatever the registry on the half that is left still says."""
        for keep in ('primary', 'shadow'):
            with self.subTest(keep=keep):
                self.start(**TWO, nt={'information': two_sets()})
                self.break_it(keep, broken=[halves[::1 if keep == 'primary' else -1]
                                            for halves in (SYSTEM_HALVES, DATA_HALVES)])
                self.assertEqual([one['source'] for one in self.survey(FOUND, self.a, self.b)['sets']], [keep] * 2)

    def test_a_mirror_of_other_disks_stays(self):
        """The record knows more mirrors than there are disks here."""
        parts = [ftinfo.Disk(signature, [ftinfo.Partition(start, length, ftinfo.MIRROR, 0, letter, 1, group, n % 2, 1)])
                 for n, (signature, start, length, letter, group) in enumerate(
                     [(*IDS[0], 'C', 0), (*IDS[1], '', 0), (7, 512, 512, 'M', 1), (8, 512, 512, '', 1)])]
        sets = [ftinfo.Set([(2, 0, 0), (3, 0, 1)], state=1), ftinfo.Set([(0, 0, 0), (1, 0, 0)])]
        for order in (sets, sets[::-1]):
            self.start(nt={'information': ftinfo.encode(parts, order)})
            self.break_it('shadow')
            self.undo_all()

    def test_a_record_of_many_sectors(self):
        """Sixteen disks with seven partitions each, and the set is the first of thirty-two."""
        parts = [ftinfo.Disk(signature, [ftinfo.Partition(start, length, ftinfo.MIRROR, 0, letter, 1, 0, n)])
                 for n, ((signature, start, length), letter) in enumerate(zip(IDS, ('C', '')))]
        parts += [ftinfo.Disk(100 + n, [ftinfo.Partition((1 + p) << 20, 1 << 20, ftinfo.STRIPE, 0, '', 0, n, p)
                                        for p in range(7)]) for n in range(14)]
        sets = [ftinfo.Set([(0, 0, 0), (1, 0, 0)])]
        sets += [ftinfo.Set([(2 + n % 14, 0, 0), (2 + (n + 1) % 14, 1, 0)], ftinfo.STRIPE) for n in range(31)]
        record = ftinfo.encode(parts, sets)
        self.assertGreater(len(record), 12 * SECTOR)
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs=fs):
                self.start(fs=fs, nt={'information': record})
                self.break_it('primary')
                self.undo_all()


class SeveralInstallations(RegistryCase):
    def test_on_one_volume(self):
        """Below another folder, and one that only BOOT.INI leads to."""
        older = {**nt.files(ftinfo.mirror(IDS), '3.51', 'WINNT35', with_loader=False),
                 **nt.files(ftinfo.mirror(IDS), '4.0', 'NT/SERVER', with_loader=False)}
        older['BOOT.INI'] = nt.boot_ini() + b'multi(0)disk(0)rdisk(0)partition(1)\\NT\\SERVER="deep"\r\n'
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs=fs):
                self.start(fs=fs, files=older)
                folders = [CONFIG, 'WINNT35/SYSTEM32/CONFIG/', 'NT/SERVER/SYSTEM32/CONFIG/']
                before = [self.registries(self.volume(self.b), folder) for folder in folders]
                self.break_it('shadow')
                self.assertEqual(len(self.changes), 7)
                for folder, old in zip(folders, before):
                    self.check_registries(old, self.registries(self.volume(self.b), folder),
                                          (self.place('shadow'), self.place('primary')))
                self.undo_all()

    def other_volume(self, image, start, sectors, record):
        """An ordinary FAT volume with a Windows NT of its own, in a hole of the disk."""
        volume = self.dir / 'tmp' / 'other'
        disks.make_volume(volume, disks.Recipe(boot='none'), sectors, start,
                          nt.files(record, directory='WINNT2', with_loader=False))
        disks.copy_range(volume, 0, image, start * SECTOR, sectors * SECTOR)

    def test_on_a_partition_that_is_no_half(self):
        """It may be started, so it shall not look for the mirror. What is on the half that is left, shall not."""
        other = (22000, 20000)
        recipe = dict(size_mib=24, sectors=20000, primary_extra=((*other, 6),))
        self.start(**recipe)
        self.other_volume(self.a, *other, ftinfo.mirror(self.halves))
        self.keep_copy()
        folder = 'WINNT2/SYSTEM32/CONFIG/'
        before = self.registries(self.volume(self.a, other), folder)
        planned = self.break_it('shadow')
        self.assertEqual([len(changed) for changed in self.sectors(planned).values()], [2, 3])
        self.assertTrue(all(at >= other[0] * SECTOR for at in planned['a.img']))
        self.check_registries(before, self.registries(self.volume(self.a, other), folder),
                              (self.place('shadow'), self.place('primary')))
        self.undo_all()

    def test_one_that_does_not_know_the_mirror(self):
        """It is none of this break's business, whatever its state."""
        for name, hives in {'silent': nt.registry(None), 'of other disks': nt.registry(ftinfo.mirror(
                [(7, 512, 512), (8, 512, 512)]), clean=False)}.items():
            with self.subTest(registry=name):
                files = nt.files(directory='WINNT2', with_loader=False)
                files.update({'WINNT2/SYSTEM32/CONFIG/' + hive: data for hive, data in hives.items()})
                self.start(files=files)
                self.break_it('primary')
                self.assertEqual(len(self.changes), 3)
                self.undo_all()

    def third_disk(self, record):
        """A disk that is no half of any mirror, with a Windows NT whose registry a write was cut off of."""
        third, volume = self.dir / 'c.img', self.dir / 'tmp' / 'third'
        start, sectors = 4095, 40000
        files = nt.files(with_loader=False)
        files.update({CONFIG + name: data for name, data in nt.registry(record, clean=False).items()})
        disks.new_image(third, 30 << 20)
        disks.run('sfdisk', '-q', third, stdin=b'label: dos\nlabel-id: 0x33333333\n%d,%d,6\n' % (start, sectors))
        disks.make_volume(volume, disks.Recipe(boot='none'), sectors, start, files)
        disks.copy_range(volume, 0, third, start * SECTOR, sectors * SECTOR)
        return third

    def test_one_that_does_not_know_its_own_disk(self):
        """It was copied there, or the disk was retired: NT is not started from it. It is neither edited, nor in the
        way; but it is where it does know the disk."""
        halves = [ftinfo.Disk(signature, [ftinfo.Partition(start, length, ftinfo.MIRROR, 0, letter, 1, 0, n, 1)])
                  for n, ((signature, start, length), letter) in enumerate(zip(IDS, ('C', '')))]
        own = ftinfo.Disk(0x33333333, [ftinfo.Partition(4095 * SECTOR, 40000 * SECTOR, letter='E')])
        mirror = [ftinfo.Set([(0, 0, 0), (1, 0, 0)])]
        self.start()
        third = self.third_disk(ftinfo.encode(halves, mirror))
        before = third.read_bytes()
        planned = self.carry_out('break', '--keep', 'primary', images=[self.a, self.b, third])
        self.assertEqual([len(changed) for changed in self.sectors(planned).values()], [3])
        self.assertTrue(third.read_bytes() == before)
        self.undo_all(third, self.b, self.a)
        third = self.third_disk(ftinfo.encode([*halves, own], mirror))
        self.complains(REFUSED, [r'c\.img, \\WINNT: SYSTEM: a write to it was cut off'], 'break', '--write', '--keep',
                       'primary', self.a, self.b, third)

    def test_as_many_sectors_as_a_change_set_holds(self):
        self.start(nt=None, files=many_hives(31, IDS))
        self.carry_out('break', '--keep', 'primary')
        self.assertEqual(len(self.changes), 32)
        self.undo_all()

    def test_one_more_is_refused(self):
        self.start(nt=None, files=many_hives(32, IDS))
        self.complains(REFUSED, ['W15: SYSTEM.ALT', 'larger than the journal', NO_OTHER_WAY], 'break', '--write',
                       '--keep', 'primary', self.a, self.b)


class Obstacles(RegistryCase):
    """What is not understood is never edited: nothing is written, and --partial still is possible."""

    def stands_in_the_way(self, says, advice=NO_OTHER_WAY, keep='primary', hive='SYSTEM', where=r'\\WINNT'):
        result = self.complains(REFUSED, [r'[ab]\.img, %s: %s: ' % (where, hive), says, advice, 'Nothing was changed'],
                                'break', '--write', '--keep', keep, self.a, self.b)
        self.assertNotIn('afterwards', result.out)  # no letters of what will not be
        self.assertFalse(self.undo_file.exists())
        kind = int(types(self.images[keep])[0], 16)
        planned = self.carry_out('break', '--partial', '--keep', keep)
        self.assertEqual(planned[self.images[keep].name], {450: (kind, kind & 0x3F)})
        self.assertEqual(sum(map(len, planned.values())), 1)
        self.undo_all()
        self.undo_file.unlink()

    def test_unclean_hive(self):
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs=fs):
                self.start(fs=fs, nt={'clean': False})
                self.stands_in_the_way('a write to it was cut off', START_IT)

    def test_a_log_that_completes_the_hive(self):
        """The value itself is in the log: NT will write it over whatever stands in the hive."""
        before = regf.system_hive(ftinfo.mirror(IDS, (0, 1)))
        hive, log = regf.interrupted(before, regf.system_hive(ftinfo.mirror(IDS)), 0)
        self.start(files={CONFIG + 'SYSTEM': hive, CONFIG + 'SYSTEM.LOG': log})
        self.stands_in_the_way('a write to it was cut off', START_IT)

    def test_unclean_alternate(self):
        hive = regf.system_hive(ftinfo.mirror(IDS), sequence=(9, 8))
        self.start(files={CONFIG + 'SYSTEM.ALT': hive})
        self.stands_in_the_way('a write to it was cut off', START_IT, hive='SYSTEM.ALT')

    def test_damaged_hives(self):
        good = regf.system_hive(ftinfo.mirror(IDS))
        for name in HIVES:
            for damage, hive in {'empty': b'', 'cut': good[:6000], 'noise': b'noise' * 4000}.items():
                with self.subTest(hive=name, damage=damage):
                    self.start(files={CONFIG + name: hive})
                    self.stands_in_the_way('damaged', REPAIR_IT, hive=name)

    def test_ntfs_will_replay_its_log(self):
        self.start(fs='ntfs12', ntfs12={'lsn': 0x100000, 'clean': False})
        self.stands_in_the_way('NTFS was not shut down', START_IT, hive='SYSTEM.ALT')
        self.start(fs='ntfs12', ntfs12={'lsn': 0x100000})
        self.break_it('primary')

    def test_compressed_hives(self):
        for name in HIVES:
            with self.subTest(hive=name):
                self.start(fs='ntfs')
                path = self.host_file('hive', regf.system_hive(ftinfo.mirror(IDS)))
                self.refill('delete\t{0}\ncompressed\t{0}\t{1}\n'.format(CONFIG + name, path))
                self.stands_in_the_way('compressed', UNCOMPRESS_IT, hive=name)

    def test_sparse_and_fragmented_hives(self):
        """What is there can be edited, wherever it lies: holes elsewhere are no reason to refuse."""
        hive = regf.system_hive(ftinfo.mirror(IDS), bins_bytes=1 << 20)
        for form in ('sparse\t%s\t%s', 'fragment\t%s\t%s\t40', 'attrlist\t%s\t%s\t60'):
            with self.subTest(form=form):
                self.start(fs='ntfs')
                path = self.host_file('hive', b'')
                with open(path, 'r+b') as file:
                    for at in range(0, len(hive), 4096):
                        if any(hive[at:at + 4096]):
                            file.seek(at)
                            file.write(hive[at:at + 4096])
                    file.truncate(len(hive))
                self.refill('delete\t{0}\n{1}\n'.format(CONFIG + 'SYSTEM', form % (CONFIG + 'SYSTEM', path)))
                self.break_it('primary')
                self.undo_all()

    def test_unknown_version(self):
        for version in (1, 2, 4, 0xFFFFFFFF):
            with self.subTest(version=version):
                self.start(nt={'information': ftinfo.mirror(IDS, version=version)})
                self.stands_in_the_way('version that is not known')

    def test_bytes_that_are_not_understood(self):
        """Behind the record, between its parts, or more than its lists have."""
        good = ftinfo.mirror(IDS)
        header = list(ftinfo.HEADER.unpack_from(good))
        gap = header[:6] + [header[6] + 4] + header[7:]
        wide = header[:5] + [header[5] + 8, header[6] + 8] + header[7:]
        disks_end = 44 + header[5]
        for name, record in {
                'behind': good + b'\0\0\0\0', 'a byte': good + b'\7',
                'names': ftinfo.mirror(IDS, names=b'reserved'),
                'between': ftinfo.HEADER.pack(*gap) + good[44:disks_end] + b'gap!' + good[disks_end:],
                'in the disks': ftinfo.HEADER.pack(*wide) + good[44:disks_end] + b'surplus!' + good[disks_end:],
        }.items():
            with self.subTest(bytes=name):
                self.start(nt={'information': record})
                self.stands_in_the_way('not understood')

    def test_members_that_lead_nowhere(self):
        record = bytearray(ftinfo.mirror(IDS))
        struct.pack_into('<I', record, len(record) - 8, 0x7777)
        self.start(nt={'information': bytes(record)})
        self.stands_in_the_way('not understood')

    def test_contradictions(self):
        good = ftinfo.mirror(IDS)
        for name, record in {'cut': good[:100], 'three bytes': b'\3\0\0',
                             'no disks': good[:44] + b'\xff\xff' + good[46:]}.items():
            with self.subTest(record=name):
                self.start(nt={'information': record})
                self.stands_in_the_way('damaged', REPAIR_IT)

    def test_a_value_of_another_type(self):
        """Four bytes stand in the key itself, text is no record: neither is edited."""
        tree = regf.system_tree()
        for name, value in {'dword': regf.dword(3), 'text': regf.sz('hello'), 'empty': regf.binary(b'')}.items():
            with self.subTest(value=name):
                hive = regf.build({**tree, 'DISK': {'Information': value}})
                self.start(files={CONFIG + hive_name: hive for hive_name in HIVES})
                self.stands_in_the_way('damaged|version', '|'.join((REPAIR_IT, NO_OTHER_WAY)))

    def test_no_value_is_no_obstacle(self):
        """Then nobody told this NT of the mirror; of a registry without SYSTEM.ALT there is one hive to edit."""
        self.start(nt={'information': None})
        self.complains(REFUSED, '--keep', 'break', '--write', self.a, self.b)
        planned = self.carry_out('break', '--keep', 'primary')
        self.assertEqual(self.sectors(planned), {'a.img': [0]})

    def test_the_half_that_is_left_may_be_in_any_state(self):
        """Nothing is written to it, so nothing there can stand in the way."""
        unclean = nt.registry(ftinfo.mirror(IDS), clean=False)
        self.start(files={CONFIG + name: data for name, data in unclean.items()},
                   shadow_files={CONFIG + name: data for name, data in nt.registry(ftinfo.mirror(IDS)).items()})
        self.break_it('shadow')
        self.undo_all()

    def test_unreadable_hives(self):
        """A sector of the registry of the one disk there is."""
        self.start(fs='ntfs')
        self.plan('break', '--keep', 'shadow', images=[self.b])
        for change, hive in zip(self.changes[1:], HIVES):
            with self.subTest(hive=hive):
                self.assertNotEqual(change['lba'], 0)
                self.complains(REFUSED, [r'b\.img, \\WINNT: %s: it cannot be read' % hive, REPAIR_IT], 'break',
                               '--write', '--keep', 'shadow', self.b,
                               **self.unreadable(self.b, change['lba'] * SECTOR))


class AfterAPartialBreak(RegistryCase):
    def test_the_registry_can_follow(self):
        """What stood in the way is gone, and only the registry is left to change."""
        self.start()
        before = self.registries(self.volume(self.b))
        self.must(DONE, 'break', '--write', '--partial', '--keep', 'shadow', '--undo-file', self.dir / 'first', self.a,
                  self.b)
        self.keep_copy()
        planned = self.carry_out('break', '--keep', 'shadow')
        self.assertNotIn(0, self.sectors(planned)['b.img'])
        self.check_registries(before, self.registries(self.volume(self.b)), self.halves[::-1])
        self.undo_all()

    def test_a_complete_break_leaves_nothing_to_do(self):
        self.start()
        self.must(DONE, 'break', '--write', '--keep', 'shadow', self.a, self.b)
        result = self.unchanged(DONE, 'break', '--write', '--keep', 'shadow', self.a, self.b)
        self.assertIn('Nothing to do', result.out)


class DeadDisks(RegistryCase):
    """Sector 0 cannot be read: nothing is written to such a disk, whatever is on it."""

    def test_the_other_disk_can_be_kept(self):
        self.start()
        dead = self.unreadable(self.a, 0)
        result = self.must(DONE, 'break', '--write', self.a, self.b, **dead)
        self.assertRegex(result.err, r'a\.img: sector 0 .*cannot be read')
        changed = self.changed()
        self.assertEqual((changed['a.img'], self.sectors(changed)['b.img'][0]), ({}, 0))
        self.undo_all(self.b)

    def test_the_dead_one_cannot(self):
        self.start()
        for image, keep in ((self.a, 'primary'), (self.b, 'shadow')):
            for more in ([], ['--partial'], ['--retire'], ['--promote']):
                with self.subTest(keep=keep, more=more):
                    result = self.run_tool('break', '--write', '--keep', keep, *more, self.a, self.b,
                                           **self.unreadable(image, 0))
                    self.assertIn(result.code, (FOUND, REFUSED, IO), str(result))
                    self.assert_changed()
                    self.assertFalse(self.undo_file.exists())

    def test_nothing_is_undone_on_it(self):
        self.start()
        self.must(DONE, 'break', '--write', '--keep', 'shadow', self.a, self.b)
        self.keep_copy()
        self.complains(REFUSED, '5e6f7a8b', 'undo', '--write', self.undo_file, self.a, self.b,
                       **self.unreadable(self.b, 0))


if __name__ == '__main__':
    unittest.main()
