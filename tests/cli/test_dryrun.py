# SPDX-License-Identifier: MIT
"""check walks through every start: each file that NTLDR reads is there, can be read and is what it should be, or the
file is named and the start called off. And whether the disks are still those that the boot disk was built for.

Owns what is missing or damaged on the disks and what moved since the build. Scenarios as such are
test_survey_check.py's.
"""
import json
import os
import re
import struct
import subprocess
import unittest

from cli import DONE, FOUND, SECTOR, CliCase, defects, disks, recipe_pair
import ftinfo
import nt
import regf

NT = dict(fs='fat16', size_mib=16, nt={})
START = 63
PATH = 'multi(0)disk(0)rdisk(0)partition(1)\\WINNT'
BY_PRIMARY = ['both-present', 'shadow-absent', 'shadow-dead', 'swapped', 'third-disk']
BY_SHADOW = ['primary-absent', 'primary-dead']
# What NTLDR 4.0 reads to start from a FAT volume: NTLDR NTDETECT.COM BOOT.INI; NTOSKRNL.EXE HAL.DLL SYSTEM; c_1252.nls
# c_437.nls l_intl.nls; atapi.sys with SCSIPORT.SYS, Disk.sys with CLASS2.SYS, Ftdisk.sys, Fastfat.sys.
FILES = 15


def boot_ini(default, *entries):
    lines = ['[boot loader]', 'default=' + default, '[operating systems]', *['%s="NT"' % entry for entry in entries]]
    return {'BOOT.INI': '\r\n'.join(lines + ['']).encode()}


class Fat:
    """A file of the FAT16 volume on an image, by its 8.3 name as a directory holds it."""

    def __init__(self, image, name):
        self.image = image
        self.boot = disks.read_at(image, START)
        self.volume = image.read_bytes()[START * SECTOR:]
        self.entry = self.volume.index(name.encode())
        self.cluster, = struct.unpack_from('<H', self.volume, self.entry + 26)

    def write(self, at, data):
        disks.write_at(self.image, START * SECTOR + at, data)

    def rename(self, name):
        self.write(self.entry, name.encode())

    def loop(self):
        """The chain's first cluster leads to itself, in both FATs."""
        reserved, fats, fat_sectors = struct.unpack_from('<HB5xH', self.boot, 14)[0], self.boot[16], \
            struct.unpack_from('<H', self.boot, 22)[0]
        for n in range(fats):
            self.write((reserved + n * fat_sectors) * SECTOR + 2 * self.cluster, struct.pack('<H', self.cluster))

    def data_at(self):
        per_cluster, reserved, fats, entries, fat_sectors = self.boot[13], *struct.unpack_from('<HBH', self.boot, 14), \
            struct.unpack_from('<H', self.boot, 22)[0]
        return (reserved + fats * fat_sectors + entries // 16 + (self.cluster - 2) * per_cluster) * SECTOR


class DryRunCase(CliCase):
    def check(self, code, *paths, boot=None):
        """{scenario: outcome}; self.text is what a person reads. Nothing may change."""
        words = ('check', boot or self.dir / 'ft.img', *(paths or (self.a, self.b)))
        found = json.loads(self.unchanged(code, words[0], '--json', *words[1:]).out)['scenarios']
        self.text = self.unchanged(code, *words)
        for outcome in found:
            for problem in outcome.get('dryrun', {}).get('problems', ()):
                self.assertIn('        %s\n' % problem, self.text.out)
        return {outcome['scenario']: outcome for outcome in found}

    def results(self, found, scenarios):
        return {found[name]['dryrun']['result'] for name in scenarios}

    def problems(self, found, scenario):
        return ' / '.join(found[scenario]['dryrun']['problems'])

    def prepare(self, **recipe):
        self.pair(**{**NT, **recipe})
        self.floppy()

    def fat(self, name):
        """The file on both halves."""
        return [Fat(image, name) for image in (self.a, self.b)]

    def stops(self, pattern):
        """Every start stops, for this reason and no other."""
        found = self.check(FOUND)
        for name, outcome in found.items():
            told = (outcome['ok'], outcome['starts'], outcome['dryrun']['result'])
            self.assertEqual(told, (False, False, 'no'), name)
            self.assertRegex(self.problems(found, name), '(?i)^%s$' % pattern)


class Good(DryRunCase):
    def test_every_file_system(self):
        """Windows 2000's kernel needs BOOTVID.DLL as well."""
        for fs, options, count in (('fat16', {}, FILES), ('ntfs', {}, FILES), ('ntfs12', {'version': '3.51'}, FILES),
                                   ('fat32', {'version': '5.0'}, FILES + 1), ('ntfs', {'version': '5.0'}, FILES + 1)):
            with self.subTest(fs=fs, **options):
                self.prepare(fs=fs, size_mib=40 if fs == 'fat32' else 16, nt=options)
                found = self.check(DONE)
                for outcome in found.values():
                    self.assertEqual(outcome['dryrun'], {'result': 'yes', 'files': count, 'path': '\\WINNT',
                                                         'problems': []})
                self.assertIn('Dry run: all %d files that Windows NT in \\WINNT reads' % count, self.text.out)

    def test_other_folder(self):
        self.prepare(fs='ntfs', nt={'directory': 'Windows NT/Server'})
        found = self.check(DONE)
        self.assertEqual(found['both-present']['dryrun']['path'], '\\Windows NT\\Server')

    def test_what_is_not_loaded_may_be_missing(self):
        """Drivers of other start types, and Windows 2000's kernel import is no business of NT 4.0."""
        services = {'Lost': regf.service(1, group='Base'), 'Off': regf.service(4, group='SCSI miniport'),
                    'Program': regf.service(0, kind=0x10)}
        self.prepare(nt={'more_services': services})
        self.check(DONE)

    def test_scsi_path(self):
        """Where NTBOOTDD.SYS leads, nobody here can tell: not a reason to call the start off."""
        scsi = PATH.replace('multi', 'scsi')
        self.prepare(files=boot_ini(scsi, scsi))
        self.assertEqual(self.results(self.check(DONE), BY_PRIMARY + BY_SHADOW), {'unknown'})
        self.assertIn('Dry run: %s depends on NTBOOTDD.SYS; only a start can tell.' % scsi, self.text.out)

    def test_no_windows(self):
        self.prepare(nt=None, files={'README.TXT': b'x'})
        self.assertEqual(self.results(self.check(DONE), BY_PRIMARY + BY_SHADOW), {'unknown'})
        self.assertIn('Dry run: the volume holds no Windows NT; only a start can tell.', self.text.out)

    def test_no_file_system(self):
        self.prepare(fs='none', nt=None)
        self.assertEqual(self.results(self.check(DONE), BY_PRIMARY + BY_SHADOW), {'unknown'})
        self.assertIn('Dry run: the volume has no file system that Windows NT starts from;', self.text.out)


class BootSector(DryRunCase):
    """Where the half's own boot sector is of no use, NTLDR is started without it."""

    def methods(self, code):
        return {outcome['method'] for outcome in self.check(code).values()}

    def test_of_mkfs(self):
        """It says "This is not a bootable disk": NTLDR of the volume, or of the boot disk where it is NTFS."""
        for fs, method in (('fat16', 'ntldr-disk'), ('fat32', 'ntldr-disk'), ('ntfs', 'ntldr-floppy')):
            with self.subTest(fs=fs):
                big = fs == 'fat32'
                self.prepare(fs=fs, boot='none', size_mib=40 if big else 16, nt={'version': '5.0' if big else '4.0'})
                self.assertIn(b'This is not a bootable disk', disks.read_at(self.a, START))
                self.assertEqual(self.methods(DONE), {method})

    def test_of_mkfs_alone(self):
        """Without an NTLDR that could be loaded nothing starts."""
        self.prepare(fs='ntfs', boot='none', nt={'with_loader': False})
        for outcome in self.check(FOUND).values():
            self.assertEqual((outcome['ok'], outcome['starts']), (False, False))
            self.assertIn('its boot sector starts nothing (A15)', outcome['problems'][0])

    def name_ntldr(self):
        """As NT's boot sector of a FAT volume: it loads NTLDR from the root directory."""
        for image in (self.a, self.b):
            defects.put(image, START, 0x1F1, b'NTLDR      ')

    def test_names_ntldr(self):
        self.prepare()
        files = self.fat('NTLDR      ')
        self.name_ntldr()
        self.assertEqual(self.methods(DONE), {'vbr'})
        for file in files:
            file.rename('X' * 11)
        self.assertEqual(self.methods(DONE), {'ntldr-floppy'})

    def test_names_ntldr_and_nobody_has_it(self):
        self.prepare(nt={'with_loader': False})
        self.name_ntldr()
        self.assertEqual(self.methods(FOUND), {'vbr'})
        self.stops('NTLDR is missing / NTDETECT.COM is missing')


class Versions(DryRunCase):
    def test_fat32(self):
        """Windows NT before 2000 does not read it, whatever is on it."""
        for version in ('3.51', '4.0'):
            with self.subTest(version=version):
                self.prepare(fs='fat32', size_mib=40, nt={'version': version})
                self.stops(r'\\WINNT is on FAT32, which Windows NT reads from 2000 on')


class Missing(DryRunCase):
    def test_each_file(self):
        """Named as it lies there; imports beside what imports them, drivers' in their folder."""
        self.prepare()
        for short, path in (('NTOSKRNLEXE', 'NTOSKRNL.EXE'), ('HAL     DLL', 'HAL.DLL'), ('C_1252  NLS', 'c_1252.nls'),
                            ('L_INTL  NLS', 'l_intl.nls'), ('ATAPI   SYS', 'DRIVERS\\atapi.sys'),
                            ('SCSIPORTSYS', 'DRIVERS\\SCSIPORT.SYS'), ('CLASS2  SYS', 'DRIVERS\\CLASS2.SYS'),
                            ('FTDISK  SYS', 'DRIVERS\\Ftdisk.sys'), ('FASTFAT SYS', 'DRIVERS\\Fastfat.sys')):
            with self.subTest(path=path):
                files = self.fat(short)
                for file in files:
                    file.rename('X' * 11)
                if path == 'NTOSKRNL.EXE':  # then there is no installation either
                    found = self.check(FOUND)
                    self.assertIn('NTOSKRNL.EXE is missing', self.problems(found, 'both-present'))
                else:
                    self.stops(re.escape('\\WINNT\\SYSTEM32\\' + path) + ' is missing')
                for file in files:
                    file.rename(short)

    def test_loader(self):
        """The half's own boot sector needs them on the half, whatever the boot disk carries."""
        for short, name in (('NTLDR      ', 'NTLDR'), ('NTDETECTCOM', 'NTDETECT.COM')):
            with self.subTest(name=name):
                self.prepare()
                for file in self.fat(short):
                    file.rename('X' * 11)
                self.stops(re.escape(name) + ' is missing')

    def test_driver_of_the_registry(self):
        """Services names one that nobody copied, by its own path or by none."""
        for image_path, expected in ((None, 'SYSTEM32\\DRIVERS\\CpqArray.SYS'), ('drv\\my.sys', 'drv\\my.sys'),
                                     ('\\SystemRoot\\System32\\x.sys', 'System32\\x.sys')):
            with self.subTest(path=image_path):
                self.prepare(nt={'more_services': {'CpqArray': regf.service(0, path=image_path)}})
                self.stops(re.escape('\\WINNT\\' + expected) + ' is missing')

    def test_only_on_the_shadow(self):
        """Then only the starts of the shadow stop."""
        self.prepare()
        self.fat('HAL     DLL')[1].rename('X' * 11)
        found = self.check(FOUND)
        self.assertEqual(self.results(found, BY_PRIMARY), {'yes'})
        self.assertEqual([name for name, outcome in found.items() if not outcome['ok']], BY_SHADOW)
        for name in BY_SHADOW:
            self.assertEqual(found[name]['source'], 'shadow')
            self.assertIn('HAL.DLL is missing', self.problems(found, name))
        self.assertIn('BAD the primary is gone', self.text.out)
        self.assertIn('ok  both disks are there', self.text.out)

    def test_on_ntfs(self):
        made = recipe_pair(fs='ntfs', size_mib=16, nt={})
        volume = self.dir / 'volume'
        volume.write_bytes(disks.read_at(made.a.path, START, made.a.sectors))
        subprocess.run([disks.ntfsmake(), volume], check=True, input=b'delete\tWINNT/SYSTEM32/DRIVERS/CLASS2.SYS\n')
        self.prepare(fs='ntfs')
        for image in (self.a, self.b):
            disks.write_at(image, START * SECTOR, volume.read_bytes())
        self.stops(r'\\WINNT\\SYSTEM32\\DRIVERS\\CLASS2\.SYS is missing')

    def test_floppy_loader(self):
        """With the boot code gone, NTLDR comes from the boot disk, and so does NTDETECT.COM."""
        self.prepare(fs='ntfs')
        for image in (self.a, self.b):
            defects.put(image, START, 0, b'\0\0\0')
        self.assertEqual({outcome['method'] for outcome in self.check(DONE).values()}, {'ntldr-floppy'})
        subprocess.run(['mdel', '-i', self.dir / 'ft.img', '::NTDETECT.COM'], check=True)
        self.stops(r'NTDETECT\.COM is missing')


class Damaged(DryRunCase):
    def test_chain(self):
        """The name is there, its clusters run in a circle."""
        for short, name in (('HAL     DLL', 'HAL.DLL'), ('L_INTL  NLS', 'l_intl.nls'),
                            ('DISK    SYS', 'DRIVERS\\Disk.sys')):
            with self.subTest(name=name):
                self.prepare()
                for file in self.fat(short):
                    file.loop()
                self.stops(re.escape('\\WINNT\\SYSTEM32\\' + name) + ' is damaged')

    def test_program(self):
        """No MZ, no PE, or imports that lead out of the file."""
        for offset, data in ((0, b'XX'), (0x80, b'NE\0\0'), (0x100, struct.pack('<I', 0x7FFFFFF0))):
            with self.subTest(offset=offset):
                self.prepare()
                for file in self.fat('ATAPI   SYS'):
                    file.write(file.data_at() + offset, data)
                self.stops(r'\\WINNT\\SYSTEM32\\DRIVERS\\atapi\.sys is damaged')

    def test_only_on_the_shadow(self):
        self.prepare()
        file = self.fat('ATAPI   SYS')[1]
        file.write(file.data_at(), b'XX')
        found = self.check(FOUND)
        self.assertEqual([name for name, outcome in found.items() if not outcome['ok']], BY_SHADOW)

    def test_truncated(self):
        """The image of the shadow ends within the kernel."""
        self.prepare()
        kernel = self.fat('NTOSKRNLEXE')[1]
        os.truncate(self.b, START * SECTOR + kernel.data_at() + 100 * SECTOR)
        found = self.check(FOUND)
        for name in BY_SHADOW:
            self.assertFalse(found[name]['ok'])
            self.assertRegex(self.problems(found, name), r'NTOSKRNL\.EXE (is damaged|cannot be read)')
        self.assertEqual(self.results(found, BY_PRIMARY), {'yes'})


class Leads(DryRunCase):
    """Where BOOT.INI's default leads."""

    def leads(self, text, default, *entries, **recipe):
        self.prepare(**recipe, files=boot_ini(default, *(entries or (default,))))
        found = self.check(FOUND)
        self.assertFalse(found['both-present']['ok'])
        self.assertRegex(self.problems(found, 'both-present'), text)
        return found

    def test_no_partition(self):
        self.leads(r'partition\(2\)\\WINNT leads to no partition \(C01\)', PATH.replace('partition(1)', 'partition(2)'))
        self.leads(r'rdisk\(3\).* leads to no partition \(C01\)', PATH.replace('rdisk(0)', 'rdisk(3)'))

    def test_the_other_half(self):
        """rdisk(1) is the shadow as long as both are there, and nothing once one is hidden."""
        found = self.leads('leads to the other half', PATH.replace('rdisk(0)', 'rdisk(1)'))
        for name in BY_SHADOW:
            self.assertIn('leads to no partition', self.problems(found, name))

    def test_another_partition(self):
        """One without a file system, and one that is another."""
        extra = dict(primary_start=4095, sectors=26145, primary_extra=((63, 3969, 0x06),))
        ids = [(0x1A2B3C4D, 4095 * SECTOR, 26145 * SECTOR), (0x5E6F7A8B, 4095 * SECTOR, 26145 * SECTOR)]
        self.leads('leads to a volume that cannot be read', PATH, **extra, nt={'information': ftinfo.mirror(ids)})

    def test_another_folder(self):
        self.leads(r'^\\WINNT40\\SYSTEM32\\NTOSKRNL\.EXE is missing', PATH + '40')

    def test_no_path(self):
        self.leads(r'^BOOT\.INI .*default= is no path \(C02\)', 'nonsense', PATH)

    def test_without_boot_ini(self):
        """NTLDR tries \\WINNT then, and only that."""
        for folder, code in (('WINNT', DONE), ('NT40', FOUND)):
            with self.subTest(folder=folder):
                self.prepare(nt={'directory': folder})
                for file in self.fat('BOOT    INI'):
                    file.rename('X' * 11)
                if code == DONE:
                    self.assertEqual({outcome['dryrun']['files'] for outcome in self.check(DONE).values()}, {FILES - 1})
                else:
                    self.assertIn('\\WINNT\\SYSTEM32\\NTOSKRNL.EXE is missing',
                                  self.problems(self.check(FOUND), 'both-present'))

    def test_without_default(self):
        """NTLDR takes the first entry."""
        self.prepare(files={'BOOT.INI': b'[boot loader]\r\n[operating systems]\r\n%s="NT"\r\n' % PATH.encode()})
        self.check(DONE)


class Far(DryRunCase):
    """A volume behind sector 16,515,072, which is as far as NT 4.0's NTLDR reaches (E07: Q224526), and so behind 4 GB
    (E08: Q197295)."""

    def far(self, version, code):
        start = 16515072
        ids = [(signature, start * SECTOR, 32256 * SECTOR) for signature in (0x1A2B3C4D, 0x5E6F7A8B)]
        self.prepare(size_mib=8200, primary_start=start, sectors=32256,
                     nt={'version': version, 'information': ftinfo.mirror(ids)})
        found = self.check(code)
        self.assertEqual(self.results(found, BY_PRIMARY + BY_SHADOW), {'yes' if code == DONE else 'no'})
        survey = json.loads(self.run_tool('survey', '--json', self.a, self.b).out)
        return [finding['id'] for finding in survey['findings']]

    def test_nt4(self):
        self.assertEqual(self.far('4.0', FOUND), ['E08', 'E08'])
        self.stops(r"NTLDR (?P<far>lies .*NT 4\.0's NTLDR does not reach \(E07\)) / \\WINNT (?P=far)")

    def test_windows_2000(self):
        self.assertEqual(self.far('5.0', DONE), [])

    def past_4_gb(self, start, files):
        """A start that NT 4.0's NTLDR reaches by its geometry."""
        ids = [(signature, start * SECTOR, 32256 * SECTOR) for signature in (0x1A2B3C4D, 0x5E6F7A8B)]
        self.prepare(size_mib=4200, primary_start=start, sectors=32256, files=files,
                     nt={'information': ftinfo.mirror(ids)})
        found = self.check(DONE)
        self.assertEqual({outcome['ok'] for outcome in found.values()}, {True})
        told, = self.results(found, BY_PRIMARY + BY_SHADOW)
        return told, found['both-present']['dryrun'].get('doubt')

    def test_nt4_past_4_gb(self):
        """Whether NTLDR is of Service Pack 5 cannot be told from it (E08: Q197295)."""
        doubt = '\\WINNT begins past 4 GB: only NTLDR of Service Pack 5 or later gets there (E08)'
        self.assertEqual(self.past_4_gb(8388608, {}), ('unknown', doubt))
        self.assertIn('Dry run: %s; only a start can tell.\n' % doubt, self.text.out)

    def test_nt4_up_to_4_gb(self):
        self.assertEqual(self.past_4_gb(8388607, {}), ('yes', None))

    def test_newer_ntldr_past_4_gb(self):
        self.assertEqual(self.past_4_gb(8388608, {'NTLDR': nt.ntldr('5.0')}), ('yes', None))


class Freshness(DryRunCase):
    """The boot disk is for disks as they were (F06)."""

    def outdated(self, *expected):
        """(signature, what) pairs; each is complained about, with what to do."""
        result = self.unchanged(FOUND, 'check', self.dir / 'ft.img', self.a, self.b)
        found = re.findall(r'ft\.img: outdated \(F06\): disk (\w{8}) (.*)\. Build it again', result.err)
        self.assertEqual(sorted(found), sorted(expected))

    def test_partitioned_anew(self):
        self.prepare(primary_extra=(), sectors=20097)
        defects.set_entry(self.a, 1, start=20160, sectors=8064, kind=0x06)
        self.outdated(('1a2b3c4d', 'was partitioned anew'))

    def test_another_file_system(self):
        self.prepare(shadow_extra=((32256, 400, 0x06),))
        defects.set_entry(self.b, 0, kind=0x07)
        self.outdated(('5e6f7a8b', 'was partitioned anew'))

    def test_breaking_is_no_change(self):
        """Types lose their bits and the active flag moves: the boot disk made that itself."""
        self.prepare()
        defects.unmirrored(self.b)
        defects.set_entry(self.b, 0, flag=0x80)
        defects.set_entry(self.a, 0, flag=0)
        result = self.run_tool('check', self.dir / 'ft.img', self.a, self.b)
        self.assertNotIn('F06', result.out + result.err)

    def test_windows_moved(self):
        """Installed anew in another folder."""
        self.prepare()
        self.pair(**{**NT, 'nt': {'directory': 'NT40'}})
        self.outdated(('1a2b3c4d', 'no longer has Windows NT where it was'),
                      ('5e6f7a8b', 'no longer has Windows NT where it was'))

    def test_new_mirror(self):
        """Two partitions were there when it was built; since then they became a mirror."""
        extra = ((63, 3969, 0x07),)
        ids = [(0x1A2B3C4D, 4095 * SECTOR, 26145 * SECTOR), (0x5E6F7A8B, 4095 * SECTOR, 26145 * SECTOR)]
        self.prepare(primary_start=4095, sectors=26145, primary_extra=extra, shadow_extra=extra,
                     nt={'information': ftinfo.mirror(ids)})
        for image in (self.a, self.b):
            defects.set_entry(image, 0, kind=0x87)
        self.outdated(('1a2b3c4d', 'is in a mirror that the boot disk does not know'),
                      ('5e6f7a8b', 'is in a mirror that the boot disk does not know'))

    def test_half_moved(self):
        self.prepare(sectors=20097)
        defects.set_entry(self.b, 0, start=126)
        result = self.unchanged(FOUND, 'check', self.dir / 'ft.img', self.a, self.b)
        self.assertRegex(result.err, r'disk 5e6f7a8b no longer has its half of the mirror')

    def test_json_stays_json(self):
        self.prepare()
        defects.set_entry(self.a, 1, start=32256, sectors=400, kind=0x06)
        json.loads(self.unchanged(FOUND, 'check', '--json', self.dir / 'ft.img', self.a, self.b).out)

    def test_fresh(self):
        """Another disk beside them is no change."""
        self.prepare()
        other = defects.blank(self.dir / 'c.img', 16)
        result = self.run_tool('check', self.dir / 'ft.img', self.a, self.b, other)
        self.assertNotIn('F06', result.out + result.err)


if __name__ == '__main__':
    unittest.main()
