# SPDX-License-Identifier: MIT
"""promote: the survivor's disk starts by itself, as the first one. Which code, flags and numbers it has then, and what
is never promoted.

Owns the bytes of a promoted disk: MBR and boot sectors. BOOT.INI is test_promote_bootini.py's, and that they start a
machine is tests/e2e's.
"""
import struct
import unittest

from cli import BUILD, DONE, FOUND, REFUSED, SECTOR, defects, disks
from repaircase import FILE_SYSTEMS, START, RepairCase, table, types
import nt

CODE = slice(0, 440)
NAMES = slice(440, 446)  # the signature, and a word behind it
KEEP = ('--keep', 'shadow')
PATH = 'multi(0)disk(0)rdisk(%d)partition(%d)\\WINNT'
VENDOR = bytes.fromhex('fa33c0') + b'a vendor\'s own code '.ljust(437, b'\x90')
DOS = bytes.fromhex('fa33c0') + b'Invalid partition table\0Missing operating system\0'.ljust(437, b'\0')


def boot_ini(default, *entries, tail=''):
    """Of a machine that had a choice; the other lines are none of promote's business."""
    lines = ['[boot loader]', 'timeout=30', 'default=' + default, '[operating systems]',
             *['%s="Windows NT %d" /sos' % (entry, n) for n, entry in enumerate(entries)], 'C:\\="MS-DOS"']
    return ('\r\n'.join(lines) + '\r\n' + tail).encode()


def hidden(sector):
    return struct.unpack_from('<I', sector, 0x1C)[0]


def geometry(sector):
    """(heads, sectors per track)"""
    return struct.unpack_from('<HH', sector, 0x18)[::-1]


def chs(three):
    """(cylinder, head, sector)"""
    return three[2] | (three[1] & 0xC0) << 2, three[0], three[1] & 0x3F


class PromoteCase(RepairCase):
    def promote(self, *options, name='shadow', broken=True, **recipe):
        """Break the mirror, then promote what was kept; self.old is what was there in between."""
        self.start(**recipe)
        if broken:
            self.must(DONE, 'break', '--write', '--keep', name, '--undo-file', self.dir / 'break.undo', self.a, self.b)
            (self.dir / 'break.undo').unlink()
            self.keep_copy()
        self.number = table(self.images[name])
        planned = self.carry_out('promote', '--disk', name, *options)
        self.sector = disks.read_at(self.images[name], 0)
        self.before = disks.read_at(self.old[self.images[name].name], 0)
        self.assertEqual(self.sector[NAMES], self.before[NAMES])
        return planned

    def breaking_refuses(self, says, *options):
        """A break with --promote, of which nothing is done."""
        result = self.unchanged(REFUSED, 'break', '--write', *KEEP, '--promote', *options, self.a, self.b)
        self.assertRegex(result.err, r'b\.img cannot be promoted: ' + says)

    def check_active(self, *expected, image=None):
        """The numbers of the active partitions as sfdisk sees them: one."""
        listed = table(image or self.b)
        self.assertEqual([n for n, one in enumerate(listed, 1) if one.get('bootable')], list(expected))

    def boot_sectors(self, start, *copies, image=None):
        return [disks.read_at(image or self.b, start + at) for at in (0, *copies)]

    def ini(self, image=None, fs=None, place=None):
        return self.fetch(self.volume(image or self.b, place), 'BOOT.INI', fs)


class Disk(PromoteCase):
    """Sector 0."""

    def test_a_shadow_gets_our_code_and_the_flag(self):
        for fs, recipe in FILE_SYSTEMS.items():
            with self.subTest(fs=fs):
                planned = self.promote(**recipe)
                self.assertEqual(planned['a.img'], {})
                self.assertEqual(self.changes[-1]['lba'], 0)  # what makes it start comes last
                self.assertEqual(self.sector[CODE], (BUILD / 'mbr.bin').read_bytes()[CODE])
                self.check_active(1)
                self.assertEqual(types(self.b), ['%x' % (disks.MIRRORED[self.fs] & 0x3F)])
                self.check_volume(self.volume(self.b))
                self.undo_all()

    def test_the_primary(self):
        """It has code and the flag: there is nothing to do."""
        self.start()
        self.must(DONE, 'break', '--write', '--keep', 'primary', self.a, self.b)
        result = self.unchanged(DONE, 'promote', '--write', '--disk', 'primary', self.a, self.b)
        self.assertIn('Nothing to do', result.out)

    def test_twice(self):
        self.promote()
        result = self.unchanged(DONE, 'promote', '--write', '--disk', 'shadow', self.a, self.b)
        self.assertIn('Nothing to do', result.out)

    def test_the_disk_alone(self):
        """Nobody else knows of a mirror then; the disk is called by its signature."""
        self.start()
        self.must(DONE, 'break', '--write', *KEEP, '--undo-file', self.dir / 'first', self.a, self.b)
        self.keep_copy()
        self.complains(FOUND, ['no mirror 1', 'give --disk the signature'], 'promote', '--write', '--disk', 'shadow',
                       self.b)
        self.carry_out('promote', '--disk', '5e6f7a8b', images=[self.b])
        self.check_active(1)
        self.undo_all(self.b)

    def test_one_flag_of_several(self):
        """Others lose theirs, also where it says something strange."""
        extra = ((31000, 500, 6), (31500, 500, 6))
        for flags in ((0, 0x80, 0), (0, 0x80, 0x80), (0x80, 0x80, 0x80)):
            with self.subTest(flags=flags):
                self.start(shadow_extra=extra, sectors=30000)
                self.must(DONE, 'break', '--write', *KEEP, '--undo-file', self.dir / 'break.undo', self.a, self.b)
                (self.dir / 'break.undo').unlink()
                for slot, flag in enumerate(flags):
                    defects.set_entry(self.b, slot, flag=flag)
                self.keep_copy()
                self.carry_out('promote', '--disk', '5e6f7a8b')
                self.check_active(3)
                self.undo_all()

    def code_of(self, code, *options, **recipe):
        """What becomes of the code of a disk that has some."""
        self.start(**recipe)
        disks.write_at(self.b, 0, code)
        self.keep_copy()
        self.carry_out('break', *KEEP, '--promote', *options)
        self.undo_all()
        self.carry_out('break', *KEEP, '--promote', *options, undo=['--undo-file', self.undo_file])
        return disks.read_at(self.b, 0)[CODE]

    def test_known_code_stays(self):
        grub = bytes.fromhex('eb63') + b'GRUB \0Geom\0Hard Disk\0Read\0 Error'.ljust(438, b'\0')
        for code in ((disks.SYSLINUX / 'mbr/mbr.bin').read_bytes()[CODE], grub, DOS):
            self.assertEqual(self.code_of(code), code)

    def test_unknown_code_goes(self):
        for code in (VENDOR, b'\xFA' * 440):
            self.assertEqual(self.code_of(code), (BUILD / 'mbr.bin').read_bytes()[CODE])

    def test_code_that_reads_by_chs_goes_where_chs_does_not_reach(self):
        """Cylinder 1023 is the last: with a small geometry the partition begins behind it."""
        recipe = dict(primary_start=4095)
        self.assertEqual(self.code_of(DOS, '--geometry', '4/1', **recipe), DOS)
        self.assertEqual(self.code_of(DOS, '--geometry', '3/1', **recipe), (BUILD / 'mbr.bin').read_bytes()[CODE])

    def test_vendor_code_stays(self):
        """A machine with a partition of type 12h (or 55h) has setup code in its MBR."""
        for kind in (0x12, 0x55):
            with self.subTest(type=kind):
                recipe = dict(shadow_extra=((31000, 500, kind),), sectors=30000)
                self.assertEqual(self.code_of(VENDOR, **recipe), VENDOR)
                self.assertIn('vendor', self.result.out)
                self.check_active(2)
                self.assertEqual(self.code_of(bytes(440), **recipe), (BUILD / 'mbr.bin').read_bytes()[CODE])

    def test_geometry_sets_chs(self):
        """Of the partition that starts; the fields' ten bits for cylinders may not suffice."""
        for words, expected in (('255/63', ((0, 1, 1), (2, 1, 63))), ('16/63', ((0, 1, 1), (31, 15, 63))),
                                ('64/32', ((0, 1, 32), (15, 47, 32))), ('2/1', ((31, 1, 1), (1023, 1, 1))),
                                ('1/1', ((63, 0, 1), (1023, 0, 1))), ('4/7', ((2, 1, 1), (1023, 3, 7)))):
            with self.subTest(geometry=words):
                planned = self.promote('--geometry', words)
                entry = self.sector[446:462]
                self.assertEqual((chs(entry[1:4]), chs(entry[5:8])), expected)
                self.assertEqual([(one['start'], one['size']) for one in table(self.b)],
                                 [(START, self.halves[1][2] // SECTOR)])
                for sector in self.boot_sectors(START):
                    self.assertEqual(geometry(sector), tuple(map(int, words.split('/'))))
                self.assertTrue(planned['b.img'])
                self.undo_all()

    def test_the_last_cylinder(self):
        """The first sector that cannot be named any more, and the one before."""
        for sectors in (16 * 1024 - START, 16 * 1024 - START + 1):
            with self.subTest(sectors=sectors):
                self.promote('--geometry', '4/4', fs='none', nt=None, sectors=sectors)
                self.assertEqual(chs(self.sector[451:454]), (1023, 3, 4))
                self.undo_all()

    def test_without_geometry_chs_stays(self):
        self.promote()
        changed = {n for n in range(446, 510) if self.sector[n] != self.before[n]}
        self.assertEqual(changed, {446})
        self.assertRegex(self.result.out, r'CHS and geometry stay.*--geometry')
        self.assertEqual(geometry(self.boot_sectors(START)[0]), (16, 63))


class BootSector(PromoteCase):
    """It is the primary's, byte for byte, and the shadow need not begin where the primary does."""

    def check_numbers(self, start, *copies):
        for sector in self.boot_sectors(start, *copies):
            self.assertEqual((hidden(sector), sector[0x40 if self.fs == 'fat32' else 0x24]), (start, 0x80))
            self.assertEqual(geometry(sector), (128, 63))
            self.assertEqual(sector[510:], b'\x55\xAA')

    def test_hidden_sectors_and_every_copy(self):
        for fs, copies in (('fat16', ()), ('fat32', (6,)), ('ntfs', (-1,)), ('ntfs12', (-1,))):
            with self.subTest(fs=fs):
                recipe = dict(FILE_SYSTEMS[fs], shadow_start=2079)
                self.start(**recipe)
                length = self.halves[1][2] // SECTOR
                copies = [at % length for at in copies]
                self.promote('--geometry', '128/63', **recipe)
                self.check_numbers(2079, *copies)
                self.assertEqual([change['lba'] for change in self.changes], [2079 + at for at in copies] + [2079, 0])
                self.check_volume(self.volume(self.b))
                if fs.startswith('fat'):  # mtools' own view
                    told = disks.run('minfo', '-i', self.volume(self.b), '::').decode()
                    self.assertRegex(told, r'hidden sectors: 2079')
                    self.assertRegex(told, r'-h 128 -s 63')
                self.undo_all()

    def test_the_copy_in_the_middle(self):
        """Where NT 3.x keeps it."""
        recipe = dict(FILE_SYSTEMS['ntfs12'], ntfs12={'middle': True}, boot='none', shadow_start=2079)
        self.start(**recipe)
        middle = self.halves[1][2] // SECTOR // 2
        planned = self.promote('--geometry', '128/63', **recipe)
        self.check_numbers(2079, middle)
        self.assertEqual(self.sectors(planned)['b.img'], [0, 2079, 2079 + middle])
        self.undo_all()

    def test_what_is_no_copy_is_left_alone(self):
        """The sector where it should be holds something else: nonsense, or the boot sector of another volume."""
        for serial in (None, 7):
            with self.subTest(serial=serial):
                self.start(fs='ntfs', shadow_start=2079)
                last = 2079 + self.halves[1][2] // SECTOR - 1
                if serial is None:
                    defects.garbage(self.b, last)
                else:
                    defects.put(self.b, last, 0x48, bytes((serial,)))
                self.keep_copy()
                planned = self.carry_out('break', *KEEP, '--promote')
                self.assertNotIn(last, self.sectors(planned)['b.img'])
                self.undo_all()

    def test_a_wrong_drive_number(self):
        self.start()
        defects.put(self.b, START, 0x24, b'\0')
        self.keep_copy()
        self.carry_out('break', *KEEP, '--promote')
        self.assertEqual(self.boot_sectors(START)[0][0x24], 0x80)
        self.undo_all()

    def test_a_volume_of_another_kind_is_started_as_it_is(self):
        """No NTLDR, no FAT, no NTFS: the boot sector is not ours to change, and no BOOT.INI is missed."""
        planned = self.promote('--geometry', '255/63', fs='none', nt=None, shadow_start=2079)
        self.assertIn('partition 1 will be active.\n', self.result.out)
        self.assertNotIn('BOOT.INI', self.result.out + self.result.err)
        self.assertEqual(self.sectors(planned), {'b.img': [0]})
        self.check_active(1)
        self.undo_all()


class Together(PromoteCase):
    def test_break_promote_and_retire_are_one_change_with_one_undo(self):
        ini = {'BOOT.INI': boot_ini(PATH % (1, 1), PATH % (1, 1))}
        for fs, recipe in FILE_SYSTEMS.items():
            with self.subTest(fs=fs):
                self.start(**{**recipe, 'shadow_start': 2079, 'files': ini})
                self.carry_out('break', *KEEP, '--promote', '--retire', '--geometry', '255/63')
                self.assertEqual(types(self.b), types(self.a))
                self.check_active(1)
                self.check_active(image=self.a)
                self.assertEqual(self.ini(), boot_ini(PATH % (0, 1), PATH % (0, 1)))
                found = self.survey(DONE, self.a, self.b)
                self.assertEqual(found['sets'], [])
                self.assertNotIn('1a2b3c4d', [disk['signature'] for disk in found['disks']])
                self.check_volume(self.volume(self.b))
                self.undo_all(self.b, self.a)

    def test_two_mirrors_on_the_same_disks(self):
        extra = ((63, 3969, 0x87),)
        self.start(primary_start=4095, primary_extra=extra, shadow_extra=extra, nt=None,
                   files={'NTLDR': nt.ntldr(), 'BOOT.INI': boot_ini(PATH % (1, 2), PATH % (1, 2))})
        self.carry_out('break', *KEEP, '--promote', '--retire')
        self.check_active(2)
        self.check_active(image=self.a)
        self.undo_all()

    def test_nothing_is_written_when_one_part_is_refused(self):
        """The break alone would have been possible; no letter is told that nothing will have."""
        self.start(logical='shadow')
        result = self.unchanged(REFUSED, 'break', '--write', *KEEP, '--promote', '--retire', self.a, self.b)
        self.assertNotIn('afterwards', result.out + result.err)
        result = self.unchanged(DONE, 'break', '--dry-run', *KEEP, '--retire', self.a, self.b)
        self.assertIn('Mirror 1: C: before, C: afterwards for the shadow', result.out)
        self.start(nt={'clean': False})
        self.unchanged(REFUSED, 'break', '--write', *KEEP, '--promote', '--retire', self.a, self.b)


class Refusals(PromoteCase):
    def refuses(self, says, name='shadow', *images, code=REFUSED, **more):
        result = self.unchanged(code, 'promote', '--write', '--disk', name, *(images or (self.a, self.b)), **more)
        for pattern in [says] if isinstance(says, str) else says:
            self.assertRegex(result.err, pattern)
        self.assertFalse(self.undo_file.exists())

    def test_a_member(self):
        self.start()
        for name in ('primary', 'shadow', '1a2b3c4d', '5e6f7a8b'):
            self.refuses('still a member.*break it first', name)

    def test_a_stale_half(self):
        self.start(types=(0xC6, 0x86))
        self.refuses('not whole', 'primary')
        self.start(nt={}, shadow_nt={'states': (1, 0), 'sequence': 9})
        self.refuses('not whole', 'primary')
        self.start()
        self.must(DONE, 'break', '--write', *KEEP, '--undo-file', self.dir / 'first', self.a, self.b)
        self.refuses('not whole', 'primary')

    def test_a_half_that_was_not_finished(self):
        self.start(nt={'states': (0, 2)})
        self.refuses('not whole', 'shadow')

    def test_logical_drives(self):
        for logical in ('shadow', 'both'):
            with self.subTest(logical=logical):
                self.start(logical=logical)
                self.breaking_refuses('.*logical drive')

    def test_nothing_to_start(self):
        self.start(fs='none', nt=None)
        defects.boot_sector_gone(self.b, START)
        self.breaking_refuses('no partition of it holds NTLDR')
        third = self.dir / 'c.img'
        disks.new_image(third, 1 << 20)
        disks.run('sfdisk', '-q', third, stdin=b'label: dos\nlabel-id: 0x33333333\n63,,6\n')
        self.refuses('no partition of it holds NTLDR', '33333333', third)

    def test_a_damaged_boot_sector(self):
        """With NTLDR behind it; no file is worth anything then."""
        for fs in ('fat16', 'ntfs'):
            for damage, at, data in (('no mark', 510, b'\0\0'), ('no jump', 0, b'\0\0\0')):
                with self.subTest(fs=fs, damage=damage):
                    self.start(fs=fs)
                    defects.put(self.b, START, at, data)
                    self.breaking_refuses('the boot sector of the partition with NTLDR is damaged')

    def test_a_damaged_table(self):
        self.start()
        defects.kind(self.a, 0x06)
        defects.kind(self.b, 0x06)
        defects.past_end(self.b)
        self.refuses([r'b\.img', 'damaged'], '5e6f7a8b')

    def test_sector_0_cannot_be_read(self):
        self.start()
        self.must(DONE, 'break', '--write', *KEEP, '--undo-file', self.dir / 'first', self.a, self.b)
        self.keep_copy()
        for name in ('shadow', '5e6f7a8b', '00000000'):
            with self.subTest(name=name):
                result = self.run_tool('promote', '--write', '--disk', name, self.a, self.b,
                                       **self.unreadable(self.b, 0))
                self.assertIn(result.code, (FOUND, REFUSED), str(result))
                self.assert_changed()
                self.assertFalse(self.undo_file.exists())

    def test_sectors_that_cannot_be_read(self):
        """One that would change, on a disk whose sector 0 is fine."""
        self.start(files={'BOOT.INI': boot_ini(PATH % (1, 1), PATH % (1, 1))}, shadow_start=2079)
        self.must(DONE, 'break', '--write', *KEEP, '--undo-file', self.dir / 'first', self.a, self.b)
        self.keep_copy()
        self.plan('promote', '--disk', '5e6f7a8b')
        for change in self.changes[:-1]:
            with self.subTest(why=change['why']):
                result = self.run_tool('promote', '--write', '--disk', '5e6f7a8b', self.a, self.b,
                                       **self.unreadable(self.b, change['lba'] * SECTOR))
                self.assertNotEqual(result.code, DONE, str(result))
                self.assert_changed()


if __name__ == '__main__':
    unittest.main()
