# SPDX-License-Identifier: MIT
"""The boot floppy as other people's tools and an independent reader see it: file system, files, texts, saved sectors,
journal; the same disks give the same floppy bit for bit, and large disks are not read from end to end.

Owns what a built floppy contains. What it does when it is started is tests/e2e's business.
"""
import os
import re
import struct
import subprocess
import time
import unittest
import zlib

from cli import (BUILD, DONE, REFUSED, SECTOR, SMALL, TOOL, USAGE, CliCase, defects, disks, recipe_pair,
                 snapshot)

OWN = {'SAVED.BIN', 'MIRROR.INI', 'FTLOG.TXT', 'FTJOURNL.DAT', 'STAGE2.BIN', 'BOOT.INI'}
FORMATS = {720: 9, 1200: 15, 1440: 18, 2880: 36}
GIVEN = {'ntldr': 'NTLDR', 'ntdetect': 'NTDETECT.COM', 'ntbootdd': 'NTBOOTDD.SYS', 'bootsect': 'BOOTSECT.DOS'}
TWO_SETS = dict(SMALL, primary_start=4095, primary_extra=((63, 3969, 0x87),), shadow_extra=((63, 3969, 0x87),))


class Floppy:
    """A FAT12 floppy, read by no code of the project: bytes and sectors of every file of its root directory."""

    def __init__(self, path):
        self.raw = path.read_bytes()
        size, self.cluster_sectors, reserved, fats, entries, total, _, fat_sectors, self.track, _ = struct.unpack_from(
            '<HBHBHHBHHH', self.raw, 11)
        assert size == SECTOR and total * SECTOR == len(self.raw)
        root = reserved + fats * fat_sectors
        self.data = root + entries * 32 // SECTOR
        self.fat = self.raw[reserved * SECTOR:root * SECTOR]
        self.sectors, self.files = {}, {}
        for at in range(root * SECTOR, root * SECTOR + entries * 32, 32):
            name, kind, cluster, size = struct.unpack_from('<11sB14xHI', self.raw, at)
            if name[0] in (0, 0xE5) or kind & 0x18:
                continue
            name = (name[:8].rstrip() + b'.' + name[8:].rstrip()).decode().rstrip('.')
            self.sectors[name] = [self.data + (n - 2) * self.cluster_sectors + k for n in self.chain(cluster)
                                  for k in range(self.cluster_sectors)]
            self.files[name] = b''.join(self.raw[n * SECTOR:(n + 1) * SECTOR] for n in self.sectors[name])[:size]

    def chain(self, cluster):
        while 2 <= cluster < 0xFF0:
            yield cluster
            pair, = struct.unpack_from('<H', self.fat, cluster + cluster // 2)
            cluster = pair >> 4 if cluster & 1 else pair & 0xFFF

    def text(self, name):
        return self.files[name].decode('ascii')


class BuildCase(CliCase):
    def build(self, *options, name='ft.img', **more):
        path = self.dir / name
        self.must(DONE, 'build', '-o', path, *options, self.a, self.b, **more)
        return Floppy(path)

    def given(self, *names, size=3000):
        """Options for files of the user's own system, and their bytes."""
        options, contents = [], {}
        for n, option in enumerate(names):
            contents[GIVEN[option]] = bytes((k * 31 + n) & 0xFF for k in range(size + n * 777))
            options += ['--' + option, self.write('my ' + option, contents[GIVEN[option]])]
        return options, contents


class FileSystem(BuildCase):
    def test_every_format(self):
        self.pair()
        options, contents = self.given(*GIVEN)
        for kilobytes, track in FORMATS.items():
            with self.subTest(kilobytes=kilobytes):
                floppy = self.build('--format', str(kilobytes), *options)
                self.assertEqual((len(floppy.raw), floppy.track), (kilobytes * 1024, track))
                self.assertEqual(floppy.raw[510:512], b'\x55\xaa')
                self.proper(self.dir / 'ft.img', floppy, OWN | set(contents))
                for name, content in contents.items():
                    self.assertEqual(floppy.files[name], content, name)

    def proper(self, path, floppy, names):
        """fsck.fat finds nothing, mtools read what we read, and every file is in one piece."""
        fsck = subprocess.run(['fsck.fat', '-n', path], capture_output=True, text=True,
                              env=dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin', LC_ALL='C'))
        self.assertEqual(fsck.returncode, 0, fsck.stdout)
        self.assertEqual(len(fsck.stdout.strip().splitlines()), 2, fsck.stdout)  # its name, and the count of files
        self.assertEqual(set(floppy.files), names)
        listed = subprocess.run(['mdir', '-b', '-i', path, '::'], capture_output=True, text=True, check=True).stdout
        self.assertEqual({line.replace('::/', '') for line in listed.split()} - {'EFI/'}, names)
        for name, content in floppy.files.items():
            read = subprocess.run(['mtype', '-i', path, '::' + name], capture_output=True, check=True).stdout
            self.assertEqual(read, content, name)
            run = floppy.sectors[name]
            self.assertEqual(run, list(range(run[0], run[0] + len(run))), name + ' is in pieces')

    def test_reads_are_whole_tracks(self):
        self.pair()
        for kilobytes in FORMATS:
            with self.subTest(kilobytes=kilobytes):
                floppy = self.build('--format', str(kilobytes))
                for name in ('STAGE2.BIN', 'MIRROR.INI'):
                    self.assertLess(floppy.sectors[name][0] % floppy.track, floppy.cluster_sectors, name)

    def test_stage2_is_the_built_one(self):
        self.pair()
        self.assertEqual(self.build().files['STAGE2.BIN'], (BUILD / 'STAGE2.BIN').read_bytes())

    def test_boot_sector_is_the_built_one(self):
        """All but the BPB, which mformat writes."""
        self.pair()
        code, floppy = (BUILD / 'fat12.bin').read_bytes(), self.build()
        self.assertEqual(floppy.raw[:3], code[:3])
        self.assertEqual(floppy.raw[0x3E:SECTOR], code[0x3E:])
        self.assertEqual(floppy.raw[0x1F3:0x1FE], b'STAGE2  BIN')

    def test_classic(self):
        self.pair()
        options, contents = self.given('ntldr', 'ntdetect')
        floppy = self.build('--loader=ntldr', *options)
        self.proper(self.dir / 'ft.img', floppy, OWN - {'STAGE2.BIN'} | set(contents))
        self.assertEqual(floppy.raw[0x1F3:0x1FE], b'NTLDR      ')

    def test_one_byte_and_cluster_edges(self):
        self.pair()
        for size in (1, 511, 512, 513, 1024):
            with self.subTest(size=size):
                path = self.write('ntldr', b'N' * size)
                self.assertEqual(self.build('--ntldr', path).files['NTLDR'], b'N' * size)


class Texts(BuildCase):
    def layout(self, *partitions):
        """The checksum of (type without the fault-tolerance bits, first LBA, length) of each partition."""
        return zlib.crc32(b''.join(struct.pack('<BBII', number, *partition)
                                   for number, partition in enumerate(partitions, 1)))

    def mirror_ini(self, *sets, layouts, timeout='10', policy='ask', serial='com1'):
        lines = ['[loader]', 'timeout=' + timeout, 'break=' + policy, 'serial=' + serial]
        lines += ['disk=%08x layout %08x' % (disk, self.layout(*parts)) for disk, *parts in layouts]
        for n, members in enumerate(sets):
            lines.append('[set %d]' % (n + 1))
            lines += ['%s=%08x start %d sectors %d' % (role, *member)
                      for role, member in zip(('primary', 'shadow'), members)]
        return lines

    def lines(self, floppy, name):
        """A text file's lines; CR LF ends each, and nothing stands behind the last."""
        text = floppy.text(name).rstrip('\0')
        self.assertTrue(text.endswith('\r\n'), name)
        self.assertEqual(text.count('\r'), text.count('\r\n'))
        self.assertEqual(text.count('\n'), text.count('\r\n'))
        return text.split('\r\n')[:-1]

    def test_mirror_ini(self):
        for recipe in (SMALL, dict(SMALL, shadow_start=126, sectors=5000), dict(SMALL, logical='shadow'),
                       dict(SMALL, logical='both', signatures=(0xFFFFFFFF, 1))):
            with self.subTest(recipe=recipe):
                self.pair(**recipe)
                made = recipe_pair(**recipe)
                found = [line for line in self.lines(self.build(), 'MIRROR.INI') if not line.startswith(';')]
                halves = (made.a, made.b)
                self.assertEqual(found, self.mirror_ini([(d.signature, d.member_start, d.sectors) for d in halves],
                                                        layouts=[(d.signature, (6, d.member_start, d.sectors))
                                                                 for d in halves]))

    def test_timeout_names_all_it_takes(self):
        self.pair()
        for value in ('5s', '1000', '-2', '', 'for ever', '99999999999999999999'):
            with self.subTest(value=value):
                self.complains(USAGE, r"--timeout takes seconds from 0 to 999, or forever, not '%s'" % value,
                               'build', '-o', self.dir / 'ft.img', '--timeout', value, self.a, self.b)

    def test_options_reach_mirror_ini(self):
        self.pair()
        for timeout in ('0', '999', 'forever'):
            for policy in ('ask', 'auto', 'never'):
                for serial in ('com1', 'none'):
                    floppy = self.build('--timeout', timeout, '--break', policy, '--serial', serial)
                    found = self.lines(floppy, 'MIRROR.INI')
                    for line in ('timeout=' + timeout, 'break=' + policy, 'serial=' + serial):
                        self.assertIn(line, found)

    def test_two_sets(self):
        """The set with the active partition is the one the machine starts from: it comes first."""
        self.pair(**TWO_SETS)
        made = recipe_pair(**TWO_SETS)
        found = [line for line in self.lines(self.build(), 'MIRROR.INI') if not line.startswith(';')]
        data = [(d.signature, 63, 3969) for d in (made.a, made.b)]
        system = [(d.signature, d.member_start, d.sectors) for d in (made.a, made.b)]
        layouts = [(d.signature, (7, 63, 3969), (6, d.member_start, d.sectors)) for d in (made.a, made.b)]
        self.assertEqual(found, self.mirror_ini(system, data, layouts=layouts))

    def test_two_equal_sets_pair_in_order(self):
        recipe = dict(SMALL, sectors=3969, primary_start=4095, primary_extra=((63, 3969, 0x86),),
                      shadow_extra=((63, 3969, 0x86),))
        self.pair(**recipe)
        found = '\n'.join(self.lines(self.build(), 'MIRROR.INI'))
        self.assertRegex(found, r'(?s)set 1.*1a2b3c4d start 4095 .*5e6f7a8b start 4095 .*set 2.*1a2b3c4d start 63 '
                                r'.*5e6f7a8b start 63 ')  # the active one is the system's

    def boot_ini(self, floppy):
        """(default, {path: text}) of a BOOT.INI that NTLDR of every version reads."""
        lines = self.lines(floppy, 'BOOT.INI')
        self.assertEqual(lines[0], '[boot loader]')
        self.assertRegex(lines[1], r'^timeout=\d+$')
        self.assertTrue(lines[2].startswith('default='))
        self.assertEqual(lines[3], '[operating systems]')
        entries = {}
        for line in lines[4:]:
            match = re.fullmatch(r'([^=]+)="([^"]+)"', line)
            self.assertTrue(match, line)
            self.assertLess(len(line), 128)
            self.assertNotIn(match[1], entries, 'twice')
            entries[match[1]] = match[2]
        self.assertEqual(len(set(entries.values())), len(entries), 'two entries read alike')
        self.assertLessEqual(len(entries), 10)
        default = lines[2][8:]
        self.assertIn(default, entries)
        for path in entries:
            arc = path.split('\\')[0]
            self.assertEqual(arc, arc.lower() if path != 'C:\\' else 'C:')
        return default, entries

    def test_boot_ini(self):
        self.pair()
        default, entries = self.boot_ini(self.build())
        self.assertEqual(default, 'multi(0)disk(0)rdisk(0)partition(1)\\WINNT')
        self.assertEqual(set(entries), {'multi(0)disk(0)rdisk(%d)partition(1)\\WINNT' % n for n in (0, 1)})

    def test_boot_ini_of_unequal_partition_numbers(self):
        """The shadow's number differs: for each disk position the right number must be on offer."""
        self.pair(**dict(SMALL, primary_start=4095, sectors=4000, primary_extra=((63, 3969, 0x06),)))
        default, entries = self.boot_ini(self.build())
        self.assertEqual(default, 'multi(0)disk(0)rdisk(0)partition(2)\\WINNT')
        for disk, number in ((0, 2), (0, 1), (1, 1)):
            self.assertIn('multi(0)disk(0)rdisk(%d)partition(%d)\\WINNT' % (disk, number), entries)

    def test_boot_ini_with_everything(self):
        self.pair(**dict(SMALL, primary_start=4095, sectors=4000, primary_extra=((63, 3969, 0x06),)))
        options, _ = self.given(*GIVEN)
        default, entries = self.boot_ini(self.build('--nt-path', '\\NT.40\\SYS', *options))
        for path in ('scsi(0)disk(0)rdisk(0)partition(2)', 'scsi(0)disk(1)rdisk(0)partition(1)',
                     'signature(1a2b3c4d)disk(0)rdisk(0)partition(2)',
                     'signature(5e6f7a8b)disk(0)rdisk(0)partition(1)'):
            self.assertIn(path + '\\NT.40\\SYS', entries)
        self.assertIn('C:\\', entries)
        self.assertIn('\\NT.40\\SYS', default)

    def test_nothing_offered_that_cannot_work(self):
        """scsi() and signature() need NTBOOTDD.SYS, C:\\ needs BOOTSECT.DOS."""
        self.pair()
        options, _ = self.given('ntldr', 'ntdetect')
        _, entries = self.boot_ini(self.build(*options))
        self.assertFalse([path for path in entries if not path.startswith('multi(')])


class Records(BuildCase):
    def saved(self, floppy):
        raw = floppy.files['SAVED.BIN']
        self.assertEqual(raw[:8], b'FTSAVED1')
        count, = struct.unpack_from('<I', raw, 8)
        self.assertEqual(len(raw.rstrip(b'\0')) // SECTOR <= count + 1 <= len(raw) // SECTOR, True)
        for n in range(count):
            disk, signature, lba = struct.unpack_from('<IIQ', raw, 16 + 16 * n)
            yield (disk, signature, lba), raw[(n + 1) * SECTOR:(n + 2) * SECTOR]

    def test_saved_sectors(self):
        for recipe in (SMALL, TWO_SETS, dict(SMALL, logical='both'), dict(SMALL, logical='shadow')):
            with self.subTest(recipe=recipe):
                self.pair(**recipe)
                found = dict(self.saved(self.build()))
                expected = {}
                for n, disk in enumerate(recipe_pair(**recipe)):
                    made = (recipe_pair(**recipe).a, recipe_pair(**recipe).b)[n]
                    spots = {0, made.member_start} | ({made.ebr} if made.ebr else set())
                    spots |= {63} if 'primary_extra' in recipe else set()
                    expected.update({(n, made.signature, lba): disks.read_at(disk, lba) for lba in spots})
                self.assertEqual(found, expected)

    def test_journal(self):
        self.pair()
        floppy = self.build()
        raw = floppy.files['FTJOURNL.DAT']
        self.assertGreaterEqual(len(raw), 26 * SECTOR)
        self.assertEqual(len(raw) % SECTOR, 0)
        for slot in (0, 1):
            sector = raw[slot * SECTOR:(slot + 1) * SECTOR]
            magic, sequence, state, count, _ = struct.unpack_from('<8sIIII', sector)
            self.assertEqual((magic, sequence, state, count), (b'FTJRNL01', slot, 0, 0))
            self.assertEqual(struct.unpack_from('<I', sector, 508)[0], zlib.crc32(sector[:508]))
        self.assertFalse(raw[2 * SECTOR:].strip(b'\0'))
        self.assertEqual(floppy.files['FTLOG.TXT'].strip(b' \0'), b'')


class Running(BuildCase):
    def test_same_disks_same_floppy(self):
        """Whatever the folder, the user's mtools settings, time zone, locale and umask."""
        self.pair()
        options, _ = self.given('ntldr', 'ntdetect')
        first = self.build(*options).raw
        time.sleep(2.1)  # a FAT time stamp counts in twos
        (self.dir / 'other place').mkdir()
        self.write('.mtoolsrc', b'MTOOLS_LOWER_CASE=1\nMTOOLS_NO_VFAT=1\n')
        env = dict(TMPDIR=str(self.dir / 'other place'), TZ='Asia/Tokyo', LC_ALL='de_DE.UTF-8', HOME=str(self.dir),
                   MTOOLS_LOWER_CASE='1', MTOOLSRC=str(self.dir / '.mtoolsrc'))
        second = self.build(*options, name='anderes Bild.img', env=env, cwd=self.dir / 'other place',
                            preexec_fn=lambda: os.umask(0o077)).raw
        self.assertEqual(first, second)

    def test_other_disks_other_floppy(self):
        self.pair()
        first = self.build().raw
        self.pair(**dict(SMALL, signatures=(0x11111111, 0x22222222)))
        self.assertNotEqual(first, self.build().raw)

    def test_inputs_stay_as_they_are(self):
        self.pair()
        options, _ = self.given(*GIVEN)
        before = snapshot(self.dir)
        self.build(*options)
        after = snapshot(self.dir)
        after.pop('ft.img')
        self.assertEqual(before, after)

    def test_odd_names(self):
        self.pair()
        for name in ('with space.img', '-dash.img', 'ümlaut.img', '%s%n.img', "quote's;$(x).img"):
            with self.subTest(name=name):
                output = self.dir / 'cwd' / name
                self.must(DONE, 'build', '-o', name, self.a, self.b)
                self.assertEqual(output.stat().st_size, 1440 * 1024)
                self.must(DONE, 'check', '--', name, self.a, self.b)
                output.unlink()
        dash = self.dir / 'cwd' / '-a.img'
        disks.copy_sparse(self.a, dash)
        self.must(DONE, 'build', '-o', self.dir / 'ft.img', '--', '-a.img', self.b)

    def test_old_boot_disk_is_replaced(self):
        self.pair()
        old = self.write('ft.img', b'old' * 999999)
        self.build()
        self.assertEqual(old.stat().st_size, 1440 * 1024)

    def test_old_boot_disk_of_ours_is_replaced(self):
        """Nothing is on it that would be missed."""
        self.pair()
        self.build()
        self.build('--timeout', '7')
        self.assertIn('timeout=7', Floppy(self.dir / 'ft.img').text('MIRROR.INI'))

    def holding(self, state):
        """A boot disk whose journal holds a change: 1 it was begun, 2 it was written, 3 it was taken back."""
        self.pair()
        boot = self.dir / 'ft.img'
        boot.unlink(missing_ok=True)
        self.build()
        self.must(DONE, 'break', '--write', '--keep', 'primary', '--bootdisk', boot, self.a, self.b)
        at = Floppy(boot).sectors['FTJOURNL.DAT'][0]
        slots = [bytearray(disks.read_at(boot, at + n)) for n in (0, 1)]
        newest = max((0, 1), key=lambda n: struct.unpack_from('<I', slots[n], 8)[0])
        self.assertEqual(struct.unpack_from('<I', slots[newest], 12), (2,))
        struct.pack_into('<I', slots[newest], 12, state)
        struct.pack_into('<I', slots[newest], 508, zlib.crc32(slots[newest][:508]))
        disks.write_at(boot, (at + newest) * SECTOR, slots[newest])
        self.pair()  # as they were, so that nothing else stands in the way
        return boot

    def test_old_boot_disk_with_an_undo(self):
        """It is the only way back for the disks it speaks of."""
        for state, name in ((1, 'pending'), (2, 'done')):
            boot = self.holding(state)
            for options in ((), ('--dry-run',), ('--accept-different', '--format', '2880')):
                with self.subTest(state=name, options=options):
                    self.complains(REFUSED, [r'ft\.img', 'state %s' % name, "'mkbootdisk undo'", '--replace-undo'],
                                   'build', '-o', boot, *options, self.a, self.b)
            self.must(DONE, 'build', '-o', boot, '--replace-undo', self.a, self.b)
            self.assertIn('empty', self.must(DONE, 'journal', boot).out)
        self.must(DONE, 'build', '-o', self.holding(3), self.a, self.b)

    def test_output_of_any_kind_is_replaced(self):
        """Whatever it is, it is no boot disk: an empty file, one shorter than a sector, a floppy of another system."""
        self.pair()
        for content in (b'', b'x', bytes(600), bytes(1440 * 1024)):
            self.write('ft.img', content)
            self.build()

    def test_mode_follows_umask(self):
        self.pair()
        self.build(preexec_fn=lambda: os.umask(0o027))
        self.assertEqual((self.dir / 'ft.img').stat().st_mode & 0o777, 0o640)

    def test_dry_run(self):
        self.pair()
        result = self.unchanged(DONE, 'build', '--dry-run', '-o', self.dir / 'ft.img', self.a, self.b)
        for word in ('MIRROR.INI', 'BOOT.INI', 'STAGE2.BIN', '1a2b3c4d start 63', 'multi(0)'):
            self.assertIn(word, result.out)
        real = self.build()
        for name in ('MIRROR.INI', 'BOOT.INI'):
            self.assertIn(real.text(name).rstrip('\0'), result.out)

    def test_prints_a_command_that_works(self):
        self.pair()
        result = self.must(DONE, 'build', '-o', self.dir / 'ft.img', self.a, self.b)
        words = result.out.strip().splitlines()[-1].split('mkbootdisk ')[-1].split()
        self.must(DONE, *words)

    def read_bytes(self, *arguments):
        """How many bytes a run reads, as the kernel counts them, and how it ended."""
        child = subprocess.Popen([str(word) for word in arguments], env=self.env(), stdout=subprocess.DEVNULL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        try:
            with open('/proc/%d/io' % child.pid) as counters:
                count = int(re.search(r'rchar: (\d+)', counters.read())[1])
        except (OSError, TypeError):
            child.wait()
            self.skipTest('this kernel does not count what a process reads')
        return count, child.wait()

    def test_large_disks_are_not_read_to_the_end(self):
        recipe = dict(fs='none', size_mib=1024)
        self.pair(**recipe)
        for command in (['build', '-o', self.dir / 'ft.img'], ['survey'], ['check', self.dir / 'ft.img'],
                        ['break', '--keep', 'primary', '--dry-run']):
            with self.subTest(command=command[0]):
                count, code = self.read_bytes(TOOL, *command, self.a, self.b)
                self.assertEqual(code, DONE)
                self.assertLess(count, 20 << 20)

    def test_counter_counts(self):
        """The measurement above sees a program that reads everything."""
        image = self.write('zeros', bytes(8 << 20))
        self.assertGreaterEqual(self.read_bytes('cat', image)[0], 8 << 20)

    def test_difference_anywhere_in_the_first_sectors(self):
        self.pair()
        for sector in (0, 1, 2, 4, 8):
            with self.subTest(sector=sector):
                self.pair()
                defects.garbage(self.b, 63 + sector)
                self.must(1, 'build', '-o', self.dir / 'ft.img', self.a, self.b)


if __name__ == '__main__':
    unittest.main()
