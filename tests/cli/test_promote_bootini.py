# SPDX-License-Identifier: MIT
"""BOOT.INI on a disk that is promoted: its default and the entries of the same path name the place from which that disk
will start; every other byte, and the length, stay. Where NTLDR is not on the half, and which files cannot be edited.

Owns what promote does to that one file; the rest of the disk is test_promote.py's.
"""
import unittest

from cli import SECTOR, defects, disks
from repaircase import A, B, FILE_SYSTEMS, START
from test_promote import KEEP, PATH, PromoteCase, boot_ini, geometry, hidden
import nt


class BootIni(PromoteCase):
    def rewritten(self, before, after, says='BOOT.INI will name this disk', **recipe):
        """`after` is the whole file, to the byte."""
        files = {'BOOT.INI': before}
        self.planned = self.promote(files=files, **recipe)
        self.assertIn(says, self.result.out)
        self.assertEqual(self.ini(), after)
        self.assertEqual(len(before), len(after))
        self.check_volume(self.volume(self.b))
        self.undo_all()

    def test_the_default_and_its_entries_name_the_first_disk(self):
        """... and every other line stays: other paths, other directories, DOS."""
        other = 'multi(0)disk(0)rdisk(1)partition(1)\\WINNT35'
        before = boot_ini(PATH % (1, 1), PATH % (1, 1), PATH % (1, 2), other, PATH % (1, 1), PATH % (0, 1))
        after = boot_ini(PATH % (0, 1), PATH % (0, 1), PATH % (1, 2), other, PATH % (0, 1), PATH % (0, 1))
        for fs in FILE_SYSTEMS:
            with self.subTest(fs=fs):
                self.rewritten(before, after, **FILE_SYSTEMS[fs])

    def test_the_right_partition(self):
        """On the shadow's disk the half may have another number."""
        extra = ((31000, 500, 6),)
        before, after = (boot_ini(PATH % (0, n), PATH % (0, n), PATH % (0, 7)) for n in (1, 2))
        self.rewritten(before, after, shadow_extra=extra, sectors=30000)
        self.check_active()

    def test_in_any_spelling(self):
        before = boot_ini((PATH % (1, 1)).upper(), (PATH % (1, 1)).title().replace('Winnt', 'WINNT'))
        self.rewritten(before, boot_ini(PATH % (0, 1), PATH % (0, 1)))

    def test_signatures(self):
        """Windows 2000's third way to name a disk."""
        path = 'signature(%08x)disk(0)rdisk(0)partition(1)\\WINNT'
        self.rewritten(boot_ini(path % A, path % A), boot_ini(path % B, path % B))

    def test_shorter_paths_leave_blanks(self):
        before = boot_ini(PATH % (1, 10), PATH % (1, 10))
        after = boot_ini(PATH % (0, 1), PATH % (0, 1))
        self.rewritten(before, after.ljust(len(before)))

    def test_longer_paths_use_blanks(self):
        """Of blanks and line ends behind the last line there may be enough."""
        path = 'signature(%x)disk(0)rdisk(0)partition(1)\\WINNT'
        before = boot_ini(path % 7, path % 7, tail=' ' * 14)
        after = boot_ini(path % B, path % B)
        self.rewritten(before, after)

    def test_it_must_not_grow(self):
        path = 'signature(%x)disk(0)rdisk(0)partition(1)\\WINNT'
        self.start(files={'BOOT.INI': boot_ini(path % 7, path % 7, tail=' ' * 11)})
        self.breaking_refuses('BOOT.INI has to change, and cannot: .*would have to grow')

    def stays(self, before, says, **recipe):
        self.rewritten(before, before, says, **recipe)

    def test_what_names_the_right_place_stays(self):
        self.stays(boot_ini(PATH % (0, 1), PATH % (1, 1)), 'names the right place')

    def test_what_only_drivers_know_stays(self):
        for default in ('scsi(0)disk(1)rdisk(0)partition(1)\\WINNT', 'C:\\'):
            with self.subTest(default=default):
                self.stays(boot_ini(default, default, PATH % (1, 1)), 'no multi() path')

    def test_a_folder_that_is_not_here_stays(self):
        path = 'multi(0)disk(0)rdisk(1)partition(1)\\WIN2000'
        self.stays(boot_ini(path, path, PATH % (1, 1)), 'not on this disk')

    def test_without_a_default_the_first_entry_counts(self):
        lines = '[operating systems]\r\n%s="NT"\r\n%s="NT"\r\n'
        other = 'multi(0)disk(0)rdisk(1)partition(1)\\OTHER'
        self.rewritten((lines % (PATH % (1, 1), other)).encode(), (lines % (PATH % (0, 1), other)).encode())

    def test_none_at_all(self):
        self.start(nt=None, files={name: data for name, data in nt.files().items() if name != 'BOOT.INI'})
        planned = self.carry_out('break', *KEEP, '--promote')
        self.assertIn('there is no BOOT.INI', self.result.out)
        self.assertEqual(self.sectors(planned), {'b.img': [0]})

    def is_in_a_record(self, byte):
        """An MFT record has two sectors."""
        lba = byte // SECTOR
        return any(disks.read_at(self.b, at).startswith(b'FILE') for at in (lba, max(lba - 1, 0)))

    def test_in_a_record_of_the_mft(self):
        """Small files lie in their record, of which the last two bytes of a sector stand elsewhere."""
        before, after = (boot_ini(PATH % (n, 1), PATH % (n, 1)) for n in (1, 0))
        for fs in ('ntfs', 'ntfs12'):
            self.start(fs=fs, files={'BOOT.INI': before})
            raw = self.volume(self.b).read_bytes()
            end = raw.index(b'[boot loader]') % 1024 + before.index(b'rdisk(1)') + 6  # of a record, so far
            for at in (509, 510, 511, 512):
                with self.subTest(fs=fs, at=at):
                    line = '; %s\r\n' % ('x' * ((at - end - 4) % 512))
                    self.rewritten(line.encode() + before, line.encode() + after, fs=fs)
                    changed = {byte % SECTOR for byte in self.planned['b.img'] if self.is_in_a_record(byte)}
                    self.assertTrue(at % 512 in changed if at in (509, 512) else min(changed) < 0x40, changed)

    def test_in_clusters_of_its_own(self):
        """Changes on both sides of a sector's end."""
        text = ';%s\r\n' % ('x' * 6000)
        before, after = (boot_ini(PATH % (n, 1), PATH % (n, 1), tail=text) for n in (1, 0))
        for fs in ('fat16', 'ntfs', 'ntfs12'):
            for shift in (0, 512 - before.index(b'rdisk(1)') - 7, 512 - before.index(b'rdisk(1)') - 40):
                with self.subTest(fs=fs, shift=shift):
                    first = (';%s\r\n' % ('x' * (shift - 3))).encode() if shift else b''
                    self.rewritten(first + before, first + after, fs=fs)

    def test_compressed(self):
        for text in ('', ';%s\r\n' % ('x' * 5000)):
            with self.subTest(bytes=len(text)):
                self.start(fs='ntfs')
                path = self.host_file('ini', boot_ini(PATH % (1, 1), PATH % (1, 1), tail=text))
                self.refill('delete\tBOOT.INI\ncompressed\tBOOT.INI\t%s\n' % path)
                self.breaking_refuses('BOOT.INI has to change, and cannot: .*cannot be edited in place')

    def test_ntfs_will_replay_its_log(self):
        """Then no edit of a file would last; where none is needed, the disk can be promoted."""
        recipe = dict(fs='ntfs12', ntfs12={'lsn': 0x100000, 'clean': False})
        self.start(**recipe, files={'BOOT.INI': boot_ini(PATH % (1, 1), PATH % (1, 1))})
        self.breaking_refuses('BOOT.INI has to change, and cannot: .*replay its log', '--partial')
        self.start(**recipe, files={'BOOT.INI': boot_ini(PATH % (0, 1), PATH % (0, 1))})
        self.carry_out('break', '--partial', *KEEP, '--promote')
        self.undo_all()

    def test_it_cannot_be_read(self):
        for name, text in {'too long': b'[boot loader]\r\n' * 600, 'too many lines': b'\r\n' * 200}.items():
            with self.subTest(ini=name):
                self.start(files={'BOOT.INI': text})
                self.breaking_refuses('BOOT.INI has to change, and cannot: .*cannot be read')


class OtherPlaces(PromoteCase):
    """NTLDR need not be on the half."""

    def system_partition(self, ini, start=22000, sectors=20000):
        """A mirror without NTLDR, and a small FAT volume with it in front of it in the table."""
        self.start(size_mib=24, sectors=20000, nt={'with_loader': False}, shadow_extra=((start, sectors, 6),))
        files = {name: nt.files()[name] for name in ('NTLDR', 'NTDETECT.COM')}
        volume = self.dir / 'tmp' / 'system'
        disks.make_volume(volume, disks.Recipe(), sectors, 63, {**files, 'BOOT.INI': ini})
        disks.copy_range(volume, 0, self.b, start * SECTOR, sectors * SECTOR)
        self.keep_copy()
        return start, sectors

    def test_the_partition_with_ntldr_is_the_active_one(self):
        """BOOT.INI there names the half."""
        place = self.system_partition(boot_ini(PATH % (1, 1), PATH % (1, 1)))
        self.carry_out('break', *KEEP, '--promote', '--geometry', '255/63')
        self.check_active(1)
        self.assertEqual(self.ini(place=place), boot_ini(PATH % (0, 2), PATH % (0, 2)))
        self.assertEqual([hidden(self.boot_sectors(at)[0]) for at in (place[0], START)], [place[0], START])
        self.assertEqual(geometry(self.boot_sectors(START)[0]), (16, 63))  # it is not started, so it stays
        self.undo_all()

    def test_an_active_half_without_ntldr_does_not_win(self):
        self.system_partition(boot_ini(PATH % (0, 2), PATH % (0, 2)))
        defects.set_entry(self.b, 1, flag=0x80)
        self.keep_copy()
        self.carry_out('break', *KEEP, '--promote')
        self.check_active(1)
        self.undo_all()


if __name__ == '__main__':
    unittest.main()
