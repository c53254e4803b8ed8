# SPDX-License-Identifier: MIT
"""build without options: NTLDR and what belongs to it come from the disks, unpacked, the newest wins; BOOT.INI offers
the systems that the disks' own BOOT.INI offers; the registry's record and where NT is go onto the boot disk.

Owns what is found on the disks and how it arrives on the floppy. Whether packed files are expanded rightly in all their
forms is test_expand.py's business, what options and layout do test_build.py's.
"""
import re
import struct
import subprocess
import unittest

from cli import DONE, FOUND, IO, SECTOR, USAGE, defects, disks, recipe_pair
from test_build import BuildCase, Floppy
import ftinfo
import nt
import packers
import regf

NT = dict(fs='fat16', size_mib=16, nt={})
START, SECTORS = 63, 32193
IDS = [(signature, START * SECTOR, SECTORS * SECTOR) for signature in (0x1A2B3C4D, 0x5E6F7A8B)]
PATH = 'multi(0)disk(0)rdisk(0)partition(1)\\'
SCSI = 'scsi(1)disk(2)rdisk(0)partition(1)\\WINNT'


def boot_ini(default, *lines):
    return '\r\n'.join(['[boot loader]', 'timeout=5', 'default=' + default, '[operating systems]', *lines, '']).encode()


def driver(size):
    return nt.program('NTBOOTDD.SYS', ['SCSIPORT.SYS'], count=size)


class GatherCase(BuildCase):
    def gather(self, *options, code=DONE, more=(), **recipe):
        """Builds for a pair with NT; self.result is what the tool said."""
        self.pair(**{**NT, **recipe})
        path = self.dir / 'ft.img'
        path.unlink(missing_ok=True)
        self.result = self.must(code, 'build', '-o', path, *options, self.a, self.b, *more)
        return Floppy(path)

    def third_disk(self, **files):
        """A disk that is no part of the mirror."""
        made = recipe_pair(fs='fat16', size_mib=16, types=(0x06, 0x06), signatures=(0xC0FFEE01, 0xC0FFEE02),
                           files=files)
        path = self.dir / 'c.img'
        disks.copy_sparse(made.a.path, path)
        return path

    def entries(self, floppy):
        """(default, [(path, text, switches)]) of the boot disk's BOOT.INI, whose lines NTLDR must be able to read."""
        lines = floppy.text('BOOT.INI').split('\r\n')
        self.assertEqual((lines[0], lines[2][:8], lines[3]), ('[boot loader]', 'default=', '[operating systems]'))
        found = [re.fullmatch(r'([^=]+)="([^"]*)" ?(.*)', line).groups() for line in lines[4:] if line]
        self.assertIn(lines[2][8:], [path for path, _, _ in found])
        self.assertLessEqual(len(found), 10)
        for path, _, _ in found:
            arc = path.split('\\')[0]
            self.assertEqual(arc, arc if arc == 'C:' else arc.lower(), 'NT 4.0 takes lower case only')
        return lines[2][8:], found


class Files(GatherCase):
    def test_as_they_are(self):
        """Byte for byte, from every file system."""
        bootsect = bytes(range(256))[:255] * 2 + b'\x55\xaa'
        for fs in ('fat16', 'ntfs', 'ntfs12'):
            with self.subTest(fs=fs):
                floppy = self.gather(fs=fs, files={'BOOTSECT.DOS': bootsect})
                self.assertEqual(floppy.files['NTLDR'], nt.ntldr('4.0'))
                self.assertEqual(floppy.files['NTDETECT.COM'], nt.filler('NTDETECT.COM', nt.NTDETECT_BYTES))
                self.assertEqual(floppy.files['BOOTSECT.DOS'], bootsect)
                self.assertNotIn('NTBOOTDD.SYS', floppy.files)
                self.assertRegex(self.result.out, r'NTLDR: from \S*a\.img, partition 1, \\NTLDR\n')
                self.assertEqual(self.result.err, '')
                self.assertIn('C:\\', [path for path, _, _ in self.entries(floppy)[1]])

    def test_options_win(self):
        mine = self.write('mine', nt.ntldr('3.5', 120000))
        self.assertEqual(self.gather('--ntldr', mine).files['NTLDR'], mine.read_bytes())

    def test_newest_ntldr(self):
        """It starts every older NT, and not the reverse (B07); whichever disk it is on."""
        for ours, theirs, wins in (('4.0', '5.0', '5.0'), ('5.0', '4.0', '5.0'), ('3.51', '4.0', '4.0')):
            other = self.third_disk(NTLDR=nt.ntldr(theirs, 130000))
            for more in ((other,), ()):
                with self.subTest(ours=ours, theirs=theirs, there=bool(more)):
                    floppy = self.gather(files={'NTLDR': nt.ntldr(ours)}, more=more)
                    count = 130000 if more and wins == theirs else nt.NTLDR_BYTES
                    self.assertEqual(floppy.files['NTLDR'], nt.ntldr(wins if more else ours, count))

    def test_ntldr_is_too_old(self):
        """... but it may be all there is."""
        for version, ours, text in (('4.0', '3.51', '3.51'), ('5.0', '4.0', '4.00'), ('3.51', '3.5', '3.50')):
            with self.subTest(version=version, ours=ours):
                floppy = self.gather(nt={'version': version, 'with_loader': False}, files={'NTLDR': nt.ntldr(ours)})
                self.assertEqual(floppy.files['NTLDR'], nt.ntldr(ours))
                self.assertRegex(self.result.err, r'^mkbootdisk: warning: \S*a\.img, partition 1, \\NTLDR: is of version %s, '
                                                  r'which does not start \\WINNT of version %s \(B07\); .*--ntldr FILE\n$' %
                                 (re.escape(text), re.escape(version)))
        for version, ours in (('4.0', '4.0'), ('3.51', '4.0'), ('5.0', '5.0')):
            with self.subTest(version=version, ours=ours):
                self.gather(nt={'version': version, 'with_loader': False}, files={'NTLDR': nt.ntldr(ours)})
                self.assertEqual(self.result.err, '')

    def test_equal_ntldrs(self):
        """Of equal ones the half's own is taken."""
        other = self.third_disk(NTLDR=nt.ntldr('4.0', 130000))
        self.assertEqual(len(self.gather(more=(other,)).files['NTLDR']), nt.NTLDR_BYTES)

    def test_only_on_another_disk(self):
        other = self.third_disk(**{'NTLDR': nt.ntldr('4.0'), 'NTDETECT.COM': b'found elsewhere'})
        floppy = self.gather(nt={'with_loader': False}, more=(other,))
        self.assertEqual(floppy.files['NTDETECT.COM'], b'found elsewhere')
        self.assertIn('c.img, partition 1, \\NTLDR', self.result.out)

    def test_none(self):
        floppy = self.gather(nt={'with_loader': False})
        self.assertNotIn('NTLDR', floppy.files)
        self.assertRegex(self.result.out, r'There is no NTLDR[\s\S]*--ntldr FILE')
        self.complains(USAGE, '--ntldr FILE', 'build', '--loader=ntldr', '-o', self.dir / 'out.img', self.a, self.b)
        self.gather(nt={'with_loader': False}, files={'NTLDR': nt.ntldr('4.0')})
        self.assertRegex(self.result.out, 'NTDETECT.COM is not.*--ntdetect FILE')

    def test_bootsect_is_missed(self):
        """BOOT.INI has another system (B12), and the file that starts it is not there; without such a system nobody
        misses it."""
        system = PATH + 'WINNT'
        ini = boot_ini(system, system + '="NT"', 'c:\\="MS-DOS"')
        floppy = self.gather(files={'BOOT.INI': ini})
        self.assertRegex(self.result.out, r'C:\\, but BOOTSECT\.DOS.*--bootsect FILE')
        self.assertNotIn('C:\\', [path for path, _, _ in self.entries(floppy)[1]])
        mine = self.write('mine', bytes(510) + b'\x55\xaa')
        for options, files in ((('--bootsect', mine), {'BOOT.INI': ini}), ((), {}),
                               ((), {'BOOT.INI': boot_ini(system, system + '="NT"', 'C:\\BOOTSECT.W40="Windows 98"')})):
            with self.subTest(options=options, files=list(files)):
                self.gather(*options, files=files)
                self.assertNotIn('--bootsect', self.result.out)

    def test_folder_is_guessed(self):
        """NTLDR is there, and nothing that tells where Windows NT is."""
        loader = {'NTLDR': nt.ntldr('4.0'), 'NTDETECT.COM': b'detects'}
        floppy = self.gather(nt=None, files=loader)
        self.assertEqual(self.entries(floppy)[0], PATH + 'WINNT')
        self.assertRegex(self.result.out, r'names the folder \\WINNT\.\n.*--nt-path FOLDER')
        for options, recipe in ((('--nt-path', '\\WINNT35'), dict(nt=None, files=loader)),
                                ((), dict(nt={'with_loader': False}, files=loader)), ((), dict(nt=None))):
            with self.subTest(options=options, recipe=list(recipe)):
                self.gather(*options, **recipe)
                self.assertNotIn('--nt-path', self.result.out)

    def test_classic_floppy(self):
        floppy = self.gather('--loader=ntldr')
        self.assertEqual(floppy.files['NTLDR'], nt.ntldr('4.0'))
        self.must(FOUND, 'check', self.dir / 'ft.img', self.a, self.b)  # a person is needed in some scenarios

    def test_not_a_file(self):
        """Empty files and folders of that name are passed over."""
        for files in ({'NTLDR': b''}, {'NTLDR/README': b'x'}):
            with self.subTest(files=files):
                self.assertNotIn('NTLDR', self.gather(nt={'with_loader': False}, files=files).files)


class Packed(GatherCase):
    NTLDR = nt.ntldr('4.0', 110000)

    def gcab(self, name, data):
        (self.dir / 'cwd' / name).write_bytes(data)
        subprocess.run(['gcab', '-c', '-z', '-n', 'x.cab', name], cwd=self.dir / 'cwd', check=True, capture_output=True)
        return (self.dir / 'cwd' / 'x.cab').read_bytes()

    def test_packed_on_the_disk(self):
        """As Setup's media have them (F03)."""
        szdd, cabinet = packers.szdd(self.NTLDR), self.gcab('ntldr', self.NTLDR)
        for fs, name, data in (('fat16', 'NTLDR._', szdd), ('fat16', 'I386/NTLDR._', cabinet),
                               ('ntfs', 'I386/NTLDR', self.NTLDR), ('fat16', 'NTLDR', cabinet)):
            with self.subTest(fs=fs, name=name):
                floppy = self.gather(fs=fs, nt={'with_loader': False}, files={name: data})
                self.assertEqual(floppy.files['NTLDR'], self.NTLDR)
                self.assertIn('\\%s\n' % name.replace('/', '\\'), self.result.out)

    def test_packed_detect(self):
        detect = nt.filler('NTDETECT', 20000)
        floppy = self.gather(nt={'with_loader': False},
                             files={'NTLDR': self.NTLDR, 'NTDETECT.CO_': packers.szdd(detect)})
        self.assertEqual(floppy.files['NTDETECT.COM'], detect)

    def test_damaged_pack_is_not_taken(self):
        """... but said; and another volume's is as good."""
        other = self.third_disk(NTLDR=self.NTLDR)
        files = {'NTLDR._': packers.szdd(self.NTLDR)[:9000]}
        floppy = self.gather(nt={'with_loader': False}, files=files, more=(other,))
        self.assertEqual(floppy.files['NTLDR'], self.NTLDR)
        self.assertRegex(self.result.err, r'a\.img, partition 1, \\NTLDR\._')

    def test_compressed_by_ntfs(self):
        """The boot sector cannot load such an NTLDR; the copy on the boot disk is plain."""
        made = recipe_pair(fs='ntfs', size_mib=16, nt={})
        volume, packed = self.dir / 'volume', self.write('packed', self.NTLDR)
        volume.write_bytes(disks.read_at(made.a.path, START, SECTORS))
        subprocess.run([disks.ntfsmake(), volume], check=True,
                       input=b'delete\tNTLDR\ncompressed\tNTLDR\t%s\n' % bytes(packed))
        self.assertNotIn(self.NTLDR[50000:51000], volume.read_bytes(), 'it is not compressed')
        read = subprocess.run(['ntfscat', '-f', volume, 'NTLDR'], check=True, capture_output=True).stdout
        self.assertEqual(read, self.NTLDR)
        self.pair(fs='ntfs', size_mib=16, nt={})
        for image in (self.a, self.b):
            disks.write_at(image, START * SECTOR, volume.read_bytes())
        self.assertEqual(self.build().files['NTLDR'], self.NTLDR)


class Menu(GatherCase):
    def test_own_text_and_switches(self):
        """Switches go through unchanged, whatever they are; the default stays the default."""
        ini = boot_ini(PATH + 'WINNT35', PATH + 'WINNT="Server 4.0" /sos /UNKNOWN:1,2 /3GB', PATH + 'WINNT35="Old one"')
        default, found = self.entries(self.gather(files={'BOOT.INI': ini}))
        self.assertEqual(default, PATH + 'WINNT35')
        by_path = {path: (text, switches) for path, text, switches in found}
        self.assertEqual(set(by_path), {PATH + 'WINNT', PATH + 'WINNT35',
                                        PATH.replace('rdisk(0)', 'rdisk(1)') + 'WINNT35'})
        for path, (text, switches) in by_path.items():
            self.assertTrue(text.startswith('Old one' if path.endswith('35') else 'Server 4.0'))
            self.assertEqual(switches, '' if path.endswith('35') else '/sos /UNKNOWN:1,2 /3GB')

    def test_same_system_twice(self):
        """The VGA mode of the same system is an entry of its own, the same line twice is not."""
        line = PATH + 'WINNT="NT" /fastdetect'
        ini = boot_ini(PATH + 'WINNT', line, line, PATH + 'WINNT="NT [VGA]" /basevideo')
        _, found = self.entries(self.gather(files={'BOOT.INI': ini}))
        self.assertEqual([(path, switches) for path, _, switches in found if 'rdisk(0)' in path],
                         [(PATH + 'WINNT', '/fastdetect'), (PATH + 'WINNT', '/basevideo')])

    def test_lines_fit(self):
        """127 characters are what every NTLDR reads; 2 KB are a BOOT.INI."""
        text = 'Windows NT Server, Enterprise Edition Version 4.00'
        ini = boot_ini(PATH + 'WINNT', PATH + 'WINNT="%s" /3GB /NODEBUG' % text,
                       PATH + 'WINNT="%s [VGA mode]" /basevideo /sos' % text)
        for files in ({}, {'BOOT.INI': ini}, {'BOOT.INI': ini, 'NTBOOTDD.SYS': driver(30000)}):
            with self.subTest(files=list(files)):
                floppy = self.gather(files=files)
                self.entries(floppy)
                self.assertLess(len(floppy.text('BOOT.INI')), 2048)
                self.assertEqual([line for line in floppy.text('BOOT.INI').split('\r\n') if len(line) > 127], [])

    def test_shortened_in_whole_words(self):
        """A line is too short for everything: the version stays as long as it can, and what is in brackets."""
        ini = boot_ini(PATH + 'WINNT', PATH + 'WINNT="Windows NT Server Version 4.00"',
                       PATH + 'WINNT="Windows NT Server Version 4.00 [VGA mode]" /basevideo /sos',
                       PATH + 'WINNT="Windows NT Server, Enterprise Edition Version 4.00 [VGA mode]" /3GB /NODEBUG',
                       PATH + 'WINNT="%s" /noserialmice=com1,com2' % ('W' * 60))
        _, found = self.entries(self.gather(files={'BOOT.INI': ini}))
        texts = [text.split(': ')[0] for _, text, _ in found]
        self.assertEqual(texts, ['Windows NT Server Version 4.00', 'Windows NT Server Version 4.00',
                                 'Windows NT Server Version 4.00 [VGA mode]',
                                 'Windows NT Server, Enterprise Edition [VGA mode]', 'W' * len(texts[-1])])

    def test_systems_elsewhere(self):
        """On another mirror: as this one's. On a plain partition: where it was. On none: not offered."""
        recipe = dict(primary_start=6111, sectors=24129, primary_extra=((63, 2000, 0x06), (2079, 3969, 0x87)),
                      shadow_extra=((63, 2000, 0x0B), (2079, 3969, 0x87)))
        path = 'multi(0)disk(0)rdisk(%d)partition(%d)\\%s'
        system = path % (0, 3, 'WINNT')
        ini = boot_ini(system, system + '="System"', path % (0, 2, 'DATA') + '="Data"',
                       path % (0, 1, 'OLD') + '="Old" /x', path % (1, 1, 'TEST') + '="Test"',
                       path % (3, 1, 'GONE') + '="Gone"')
        both = [ftinfo.Disk(signature, [ftinfo.Partition(start * SECTOR, count * SECTOR, ftinfo.MIRROR)
                                        for start, count in ((2079, 3969), (6111, 24129))]) for signature, _, _ in IDS]
        information = ftinfo.encode(both, [ftinfo.Set([(0, n, 0), (1, n, 0)]) for n in (1, 0)])
        default, found = self.entries(self.gather(**recipe, nt={'information': information}, files={'BOOT.INI': ini}))
        self.assertEqual(default, system)
        self.assertEqual({path for path, _, _ in found}, {system, path % (1, 3, 'WINNT'), path % (0, 2, 'DATA'),
                                                          path % (0, 1, 'OLD'), path % (1, 1, 'TEST')})
        self.assertIn('/x', [switches for path, _, switches in found if path.endswith('OLD')])

    def test_without_boot_ini(self):
        """The installation that was found."""
        floppy = self.gather(nt={'directory': 'NTSERVER', 'with_loader': False})
        self.assertEqual(self.entries(floppy)[0], PATH + 'NTSERVER')

    def test_boot_ini_in_a_nested_folder(self):
        floppy = self.gather(nt={'directory': 'SYSTEMS/NT4'})
        self.assertEqual(self.entries(floppy)[0], PATH + 'SYSTEMS\\NT4')

    def test_option_that_is_right(self):
        for fs, folder in (('fat16', 'WINNT'), ('ntfs', 'winnt'), ('ntfs', 'SYSTEMS\\NT4')):
            with self.subTest(fs=fs, folder=folder):
                self.gather('--nt-path', '\\' + folder, fs=fs, nt={'directory': folder.replace('\\', '/').upper()})
                self.assertEqual(self.result.err, '')

    def test_option_wins(self):
        default, found = self.entries(self.gather('--nt-path', '\\OTHER'))
        self.assertEqual(default, PATH + 'OTHER')
        self.assertRegex(self.result.err, r'^mkbootdisk: warning: --nt-path \\OTHER: \S*a\.img, partition 1, has no '
                                          r'Windows NT there\n$')
        self.assertFalse([path for path, _, _ in found if not path.endswith('\\OTHER')])


class Driver(GatherCase):
    """NTBOOTDD.SYS, where BOOT.INI has a scsi() path."""
    INI = boot_ini(SCSI, SCSI + '="NT" /sos')

    def test_in_the_root(self):
        floppy = self.gather(files={'BOOT.INI': self.INI, 'NTBOOTDD.SYS': driver(30000)})
        self.assertEqual(floppy.files['NTBOOTDD.SYS'], driver(30000))
        default, found = self.entries(floppy)
        paths = [path for path, _, _ in found]
        self.assertEqual(default, PATH + 'WINNT')  # through the loader's drive map the half is the first disk
        for path in (SCSI, SCSI.replace('disk(2)', 'disk(3)'), 'signature(1a2b3c4d)disk(0)rdisk(0)partition(1)\\WINNT',
                     'signature(5e6f7a8b)disk(0)rdisk(0)partition(1)\\WINNT'):
            self.assertIn(path, paths)
        self.assertEqual({switches for path, _, switches in found if path.endswith('WINNT')}, {'/sos'})

    def test_signature_path(self):
        """Windows 2000 needs it for signature() as well."""
        path = 'signature(1a2b3c4d)disk(0)rdisk(0)partition(1)\\WINNT'
        files = {'BOOT.INI': boot_ini(path, path + '="2000" /fastdetect')}
        self.gather(nt={'version': '5.0', 'more_services': {'Atapi': regf.service(4)}}, files=files)
        self.assertIn('--ntbootdd FILE', self.result.out)
        floppy = self.gather(nt={'version': '5.0'}, files={**files, 'NTBOOTDD.SYS': driver(30000)})
        self.assertEqual(floppy.files['NTBOOTDD.SYS'], driver(30000))
        self.assertIn((path, '/fastdetect'), [(path, switches) for path, _, switches in self.entries(floppy)[1]])

    def test_only_miniport_of_the_registry(self):
        """C08: the boot adapter's driver by its own name."""
        drivers = 'WINNT/SYSTEM32/DRIVERS/'
        services = {'Atapi': regf.service(4, group='SCSI miniport'), 'aic78xx': regf.service(0, group='SCSI miniport'),
                    'ncr': regf.service(3, group='SCSI miniport')}
        floppy = self.gather(nt={'more_services': services},
                             files={'BOOT.INI': self.INI, drivers + 'aic78xx.sys': driver(25000)})
        self.assertEqual(floppy.files['NTBOOTDD.SYS'], driver(25000))
        self.assertRegex(self.result.out, r'(?i)NTBOOTDD\.SYS: from \S*a\.img, partition 1, '
                                          r'\\WINNT\\SYSTEM32\\DRIVERS\\aic78xx\.sys')

    def test_which_miniport_is_not_known(self):
        """Two of them: the person must say."""
        services = {'aic78xx': regf.service(0, group='SCSI miniport')}
        files = {'BOOT.INI': self.INI, 'WINNT/SYSTEM32/DRIVERS/aic78xx.sys': driver(25000)}
        floppy = self.gather(nt={'more_services': services}, files=files)
        self.assertNotIn('NTBOOTDD.SYS', floppy.files)
        self.assertIn('--ntbootdd FILE', self.result.out)
        self.assertFalse([path for path, _, _ in self.entries(floppy)[1] if not path.startswith('multi(')])

    def test_not_wanted(self):
        """Without a scsi() path nobody misses it, and a miniport of the registry is not taken."""
        self.assertNotIn('NTBOOTDD.SYS', self.gather().files)
        self.assertNotIn('ntbootdd', self.result.out)

    def test_too_large(self):
        """C09: NTLDR cannot load it. The build goes on, for a person may know better."""
        for size, warns in ((65536, False), (65536 + 512, True)):
            with self.subTest(size=size):
                data = driver(size)
                self.assertEqual(len(data), size)
                floppy = self.gather(files={'BOOT.INI': self.INI, 'NTBOOTDD.SYS': data})
                self.assertEqual(floppy.files['NTBOOTDD.SYS'], data)
                self.assertEqual(bool(re.search(r'warning: .*NTBOOTDD\.SYS: .*64 KB.*C09', self.result.err)), warns)

    def test_no_driver(self):
        self.gather(files={'BOOT.INI': self.INI, 'NTBOOTDD.SYS': b'MZ no driver'})
        self.assertRegex(self.result.err, r'warning: .*NTBOOTDD\.SYS: is no driver')


class Records(GatherCase):
    def informations(self, floppy):
        """{disk: bytes} of SAVED.BIN's entries for DISK\\Information, and all (disk, LBA) of its sectors."""
        raw = floppy.files['SAVED.BIN']
        count, = struct.unpack_from('<I', raw, 8)
        sector, found, sectors = 1, {}, []
        for n in range(count):
            disk, signature, what = struct.unpack_from('<IIQ', raw, 16 + 16 * n)
            self.assertEqual(signature, IDS[disk & 0x7FFFFFFF][0])
            if disk & 0x80000000:
                found[disk & 0x7FFFFFFF] = raw[sector * SECTOR:sector * SECTOR + what]
                length = -(-what // SECTOR)
                padding = raw[sector * SECTOR + what:(sector + length) * SECTOR]
                self.assertFalse(padding.strip(b'\0'))
            else:
                sectors.append((disk, what))
                path = (self.a, self.b)[disk]
                self.assertEqual(raw[sector * SECTOR:(sector + 1) * SECTOR], disks.read_at(path, what))
                length = 1
            sector += length
        self.assertGreaterEqual(len(raw), sector * SECTOR)
        self.assertFalse(raw[sector * SECTOR:].strip(b'\0'))
        return found, sectors

    def test_information(self):
        """Byte for byte what the registry holds, however long."""
        many = [ftinfo.Disk(signature, [ftinfo.Partition(start, length, ftinfo.MIRROR, letter='C', member=member)])
                for member, (signature, start, length) in enumerate(IDS)]
        many += [ftinfo.Disk(0x44444444 + n, [ftinfo.Partition(63 * SECTOR, 512, letter='E')]) for n in range(14)]
        for information in (ftinfo.mirror(IDS),
                            ftinfo.encode(many, [ftinfo.Set([(0, 0, 0), (1, 0, 0)])], names=b'N' * 13)):
            with self.subTest(size=len(information)):
                found, sectors = self.informations(self.gather(nt={'information': information}))
                self.assertEqual(found, {0: information, 1: information})
                self.assertEqual(sorted(sectors), [(0, 0), (0, 63), (1, 0), (1, 63)])

    def test_of_an_unknown_version(self):
        """It cannot be read, and is saved all the same."""
        information = ftinfo.mirror(IDS, version=4)
        found, _ = self.informations(self.gather(nt={'information': information}))
        self.assertEqual(found, {0: information, 1: information})

    def test_none(self):
        found, _ = self.informations(self.gather(fs='ntfs', nt={'version': '5.0', 'information': None}))
        self.assertEqual(found, {})

    def system_line(self, floppy):
        return [line for line in floppy.text('MIRROR.INI').rstrip('\0').split('\r\n') if line.startswith('system=')]

    def test_where_nt_is(self):
        for options, expected in (({}, '\\WINNT'), ({'directory': 'Windows NT'}, '\\Windows NT')):
            with self.subTest(**options):
                self.assertEqual(self.system_line(self.gather(fs='ntfs', nt=options)), ['system=1 ' + expected])
                self.assertIn('Windows NT is in %s; its registry knows the mirror' % expected, self.result.out)

    def test_nt_is_not_known(self):
        """With two installations the loader must look at both, so none is named."""
        second = nt.files(directory='NT351', with_loader=False, version='3.51')
        self.assertEqual(self.system_line(self.gather(files=second)), [])
        self.pair()
        self.assertEqual(self.system_line(self.build()), [])

    def test_registry_that_cannot_call_it_healthy(self):
        """The halves differ: then what the registry says of them is no praise."""
        self.pair(**NT)
        defects.garbage(self.b, START + 4)
        self.result = self.must(DONE, 'build', '--accept-different', '-o', self.dir / 'ft.img', self.a, self.b)
        self.assertIn('Windows NT is in \\WINNT; its registry knows the mirror.\n', self.result.out)
        self.assertNotIn('healthy', self.result.out)
        self.assertIn('The halves of mirror 1 differ', self.result.out)

    def test_check_agrees(self):
        """What was built is what check and the loader take."""
        for fs in ('fat16', 'ntfs', 'ntfs12'):
            with self.subTest(fs=fs):
                self.gather(fs=fs)
                self.must(DONE, 'check', self.dir / 'ft.img', self.a, self.b)


class Refused(GatherCase):
    def refuse(self, says, different=False, **recipe):
        """Whatever the contents: who has been told that one half is not whole need not be asked whether that is so."""
        self.pair(**{**NT, **recipe})
        if different:
            defects.garbage(self.b, START + 4)
        for options in ((), ('--accept-different',)):
            with self.subTest(options=options):
                result = self.complains(FOUND, says, 'build', *options, '-o', self.dir / 'out.img', self.a, self.b)
                self.assertNotIn('--accept-different', result.err)

    def test_resyncing(self):
        for different in (False, True):
            self.refuse(['is resyncing', 'had not finished copying the primary to the shadow',
                         'Build the boot disk when Disk Administrator calls the mirror healthy'], different,
                        nt={'states': (0, 2)})

    def test_stale_and_different(self):
        for types in ((0xC6, 0x86), (0x86, 0xC6), (0xC6, 0xC6)):
            self.refuse(['Repair the mirror first, or use mkbootdisk break'], True, types=types)

    def test_stale(self):
        after = dict(sequence=40, written=regf.WRITTEN + 10**12, states=(1, 0))
        self.refuse(['is stale', r'shadow \(\S*b\.img\) went on without the primary'], shadow_nt=after)

    def test_split(self):
        self.refuse(['is split', 'Each half went on without the other'], nt={'states': (0, 1)},
                    shadow_nt={'states': (1, 0)})

    def test_not_recorded(self):
        self.refuse(['C000021A'], nt={'information': None})

    def test_no_room(self):
        self.pair(**NT, files={'NTLDR': nt.ntldr('4.0', 600000), 'NTBOOTDD.SYS': driver(60000)})
        self.complains(IO, [r'a\.img, partition 1, \\NT(DETECT\.COM|BOOTDD\.SYS)', r'720 KB', '--format 2880'],
                       'build', '--format', '720', '-o', self.dir / 'out.img', self.a, self.b)
        self.must(DONE, 'build', '-o', self.dir / 'out.img', self.a, self.b)


if __name__ == '__main__':
    unittest.main()
