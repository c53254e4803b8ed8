# SPDX-License-Identifier: MIT
"""Every medium that `mkbootdisk build --format` makes, as other people's tools see it: sfdisk and sgdisk the partition
tables, xorriso the CD's boot images, fsck.fat and mtools the file systems.

Owns what lies where on a medium. What the files hold is test_build's business, how a medium starts tests/e2e's.
"""
import json
import os
import re
import struct
import subprocess
import time
import unittest

from cli import BUILD, DONE, FOUND, IO, REFUSED, SECTOR, USAGE, CliCase

LOADERS = ('BOOTX64.EFI', 'BOOTIA32.EFI')
STATE = {'MIRROR.INI', 'FTLOG.TXT', 'FTJOURNL.DAT'}
ROOT = STATE | {'SAVED.BIN', 'STAGE2.BIN', 'BOOT.INI'}
ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
FAT12_CLUSTERS = 4085  # from here on it would be FAT16
FAT32_CLUSTERS = 65525
EVERY = ('720', '1200', '1440', '2880', 'usb', 'iso', 'esp')


def tool(*words, status=0):
    """Output of somebody else's tool."""
    env = dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin', LC_ALL='C', MTOOLSRC='/dev/null')
    done = subprocess.run([str(word) for word in words], capture_output=True, env=env)
    if done.returncode != status:
        raise AssertionError('%s: exit %d: %s%s' % (words, done.returncode, done.stdout, done.stderr))
    return done.stdout


class Volume:
    """A FAT volume that starts `start` sectors into an image."""

    def __init__(self, path, start=0):
        self.path, self.at = path, '%s@@%d' % (path, start * SECTOR)
        with open(path, 'rb') as file:
            file.seek(start * SECTOR)
            self.boot = file.read(SECTOR)

    def names(self):
        """The path of every file."""
        listed = tool('mdir', '-b', '-/', '-i', self.at, '::').decode().split()
        return {name.removeprefix('::/') for name in listed if not name.endswith('/')}

    def read(self, name):
        return tool('mtype', '-i', self.at, '::' + name)

    def clusters(self, name):
        """[(first, last)] of a file."""
        shown = tool('mshowfat', '-i', self.at, '::' + name).decode()
        return [(int(first), int(last or first)) for first, last in re.findall(r'<(\d+)(?:-(\d+))?>', shown)]


class FormatCase(CliCase):
    def setUp(self):
        super().setUp()
        self.pair()

    def build(self, kind, *options, name='out.img', **more):
        """The medium and what the tool said."""
        path = self.dir / name
        result = self.must(DONE, 'build', '-o', path, '--format', kind, *options, self.a, self.b, **more)
        return path, result.out

    def own(self, size, name='my ntldr'):
        return ['--ntldr', self.write(name, b'N' * size)]

    def proper(self, path, start, sectors):
        """fsck.fat finds nothing wrong; the number of clusters it counts."""
        volume = self.dir / 'tmp' / 'volume'
        with open(path, 'rb') as file:
            file.seek(start * SECTOR)
            volume.write_bytes(file.read(sectors * SECTOR))
        said = tool('fsck.fat', '-n', volume).decode()
        self.assertEqual(len(said.strip().splitlines()), 2, said)
        volume.unlink()
        return int(re.search(r'/(\d+) clusters', said)[1])

    def carries_loaders(self, volume, folder='EFI/BOOT/'):
        for name in LOADERS:
            self.assertEqual(volume.read(folder + name), (BUILD / name).read_bytes(), name)

    def partition(self, path):
        """The table and its one partition, as sfdisk sees them."""
        table = json.loads(tool('sfdisk', '-J', path))['partitiontable']
        self.assertEqual(len(table['partitions']), 1)
        return table, table['partitions'][0]


class Floppies(FormatCase):
    def test_the_larger_ones_start_under_uefi_too(self):
        for kind in ('1440', '2880'):
            with self.subTest(kind):
                volume = Volume(self.build(kind)[0])
                self.assertEqual(volume.names(), ROOT | {'EFI/BOOT/' + name for name in LOADERS})
                self.carries_loaders(volume)
                self.proper(volume.path, 0, int(kind) * 2)

    def test_the_smaller_ones_do_not(self):
        for kind in ('720', '1200'):
            with self.subTest(kind):
                path, said = self.build(kind)
                self.assertEqual(Volume(path).names(), ROOT)
                self.assertNotIn('EFI', said)

    def test_what_the_bios_loader_reads_lies_in_front(self):
        """So that it is read as fast as from a floppy that has nothing else."""
        volume = Volume(self.build('1440', *self.own(3000))[0])
        last = max(run[1] for name in ROOT | {'NTLDR'} for run in volume.clusters(name))
        first = min(run[0] for name in LOADERS for run in volume.clusters('EFI/BOOT/' + name))
        self.assertEqual(first, last + 3)  # the two folders are between
        entries = tool('mdir', '-b', '-i', volume.at, '::').decode().split()
        self.assertEqual(entries[-1], '::/EFI/')

    def test_without_room_they_are_left_out_and_it_says_so(self):
        free = self.free_clusters(Volume(self.build('1440')[0]))
        sizes = [-(-(BUILD / name).stat().st_size // SECTOR) for name in LOADERS]
        # What is left is one cluster too little for the second loader, then for both.
        for missing, filled in ((LOADERS[1:], free + 1), (LOADERS, free + sizes[1] + sizes[0] - min(sizes) + 1)):
            with self.subTest(missing=missing):
                path, said = self.build('1440', *self.own(filled * SECTOR))
                volume = Volume(path)
                there = {'EFI/BOOT/' + name for name in LOADERS if name not in missing}
                self.assertEqual(volume.names(), ROOT | {'NTLDR'} | there)
                self.proper(path, 0, 2880)
                self.assertEqual(re.findall(r'\\EFI\\BOOT\\(\S+) had no room', said), list(missing))

    def free_clusters(self, volume):
        used, total = map(int, re.search(r'(\d+)/(\d+) clusters', tool('fsck.fat', '-n', volume.path).decode()).groups())
        return total - used


class Sticks(FormatCase):
    def test_partition_table(self):
        path, said = self.build('usb')
        table, part = self.partition(path)
        self.assertEqual((table['label'], part['type'], part['bootable']), ('dos', '1', True))
        self.assertEqual((part['start'] + part['size']) * SECTOR, path.stat().st_size)
        self.assertLess(part['start'] + part['size'], 0x10000)  # the boot sector counts in 16 bits
        self.assertNotEqual(int(table['id'], 16), 0)
        self.assertIn('No errors detected.', tool('sfdisk', '-V', path).decode())
        self.assertRegex(said, r'a boot stick of 16 MB for the mirror')

    def test_boot_code_and_file_system(self):
        path, _ = self.build('usb', *self.own(5000))
        raw, part = path.read_bytes(), self.partition(path)[1]
        code = (BUILD / 'mbr.bin').read_bytes()
        self.assertEqual(raw[:len(code)], code)
        volume = Volume(path, part['start'])
        self.assertEqual(volume.boot[0x3E:], (BUILD / 'fat12.bin').read_bytes()[0x3E:])
        self.assertEqual(struct.unpack_from('<I', volume.boot, 0x1C)[0], part['start'])
        self.assertLess(self.proper(path, part['start'], part['size']), FAT12_CLUSTERS)
        self.assertEqual(volume.names(), ROOT | {'NTLDR'} | {'EFI/BOOT/' + name for name in LOADERS})
        self.assertEqual(volume.read('NTLDR'), b'N' * 5000)
        self.assertEqual(volume.read('STAGE2.BIN'), (BUILD / 'STAGE2.BIN').read_bytes())
        self.carries_loaders(volume)
        for name in volume.names():
            self.assertEqual(len(volume.clusters(name)), 1, name + ' is in pieces')

    def test_other_commands_take_it(self):
        path, _ = self.build('usb')
        self.assertRegex(self.must(DONE, 'check', path, self.a, self.b).out, r'ok +the primary is gone +degraded')
        self.assertIn('no change was recorded', self.must(DONE, 'journal', path).out)

    def test_an_undo_on_it_is_not_overwritten(self):
        for kind in ('usb', 'esp'):
            with self.subTest(kind):
                self.pair()
                path, _ = self.build(kind, name=kind + '.img')
                self.must(DONE, 'break', '--write', '--keep', 'shadow', '--bootdisk', path, self.a, self.b)
                self.pair()
                self.complains(REFUSED, 'still be undone', 'build', '-o', path, '--format', kind, self.a, self.b)
                self.must(DONE, 'build', '-o', path, '--format', kind, '--replace-undo', self.a, self.b)


class Cds(FormatCase):
    def images(self, path):
        """[(platform, emulation, LBA in sectors)] and the files that they are, as xorriso sees them."""
        shown = tool('xorriso', '-indev', path, '-report_el_torito', 'plain').decode()
        found = re.findall(r'El Torito boot img : +\d+ +(\w+) +y +(\S+) .* (\d+)\n', shown)
        return [(platform, kind, int(lba) * 4) for platform, kind, lba in found], \
            re.findall(r'El Torito img path : +\d+ +(\S+)', shown)

    def test_one_floppy_for_both_firmwares(self):
        path, said = self.build('iso')
        (bios, uefi), files = self.images(path)
        self.assertEqual(bios[:2] + uefi[:2], ('BIOS', 'fd1.4', 'UEFI', 'none'))
        self.assertEqual(bios[2], uefi[2])
        self.assertEqual(files, ['/ft.img'] * 2)
        self.assertRegex(said, 'no journal')
        volume = Volume(path, bios[2])
        self.assertEqual(volume.names(), ROOT - {'FTJOURNL.DAT', 'FTLOG.TXT'} | {'EFI/BOOT/' + name for name in LOADERS})
        self.carries_loaders(volume)
        self.proper(path, bios[2], 2880)

    def test_the_larger_floppy_when_the_smaller_one_is_full(self):
        path, _ = self.build('iso', *self.own(1300000))
        (bios, uefi), _ = self.images(path)
        self.assertEqual((bios[1], uefi[1]), ('fd2.8', 'none'))
        volume = Volume(path, bios[2])
        self.carries_loaders(volume)
        self.assertEqual(volume.read('NTLDR'), b'N' * 1300000)

    def test_without_xorriso(self):
        folder = self.dir / 'bin'
        folder.mkdir()
        for name in ('mformat', 'mcopy', 'mmd'):
            (folder / name).symlink_to(tool('sh', '-c', 'command -v ' + name).decode().strip())
        self.complains(IO, 'xorriso.*Install xorriso', 'build', '-o', self.dir / 'out.iso', '--format', 'iso', self.a,
                       self.b, env=dict(PATH=str(folder)))

    def test_what_xorriso_says_is_shown_when_it_fails(self):
        folder = self.dir / 'bin'
        folder.mkdir()
        (folder / 'xorriso').write_text('#!/bin/sh\necho no such moon\nexit 5\n')
        (folder / 'xorriso').chmod(0o755)
        self.complains(IO, ['no such moon', 'xorriso failed with exit code 5'], 'build', '-o', self.dir / 'out.iso',
                       '--format', 'iso', self.a, self.b, env=dict(PATH='%s:%s' % (folder, os.environ['PATH'])))


class SystemPartitions(FormatCase):
    def test_disk(self):
        path, _ = self.build('esp')
        table, part = self.partition(path)
        self.assertEqual((table['label'], part['type']), ('gpt', ESP))
        self.assertIn('No problems found', tool('sgdisk', '-v', path).decode())
        self.assertGreaterEqual(self.proper(path, part['start'], part['size']), FAT32_CLUSTERS)
        volume = Volume(path, part['start'])
        self.assertEqual(volume.names(), STATE | {'EFI/BOOT/' + name for name in LOADERS})
        self.carries_loaders(volume)
        self.assertEqual(len(volume.clusters('FTJOURNL.DAT')), 1)
        self.assertEqual({len(text) for text in (table['id'], part['uuid'])}, {36})
        self.assertNotEqual(table['id'], part['uuid'])

    def test_folder(self):
        folder = self.dir / 'esp'
        (folder / 'EFI' / 'BOOT').mkdir(parents=True)
        (folder / 'EFI' / 'BOOT' / 'BOOTX64.EFI').write_bytes(b'somebody else')
        self.must(DONE, 'build', '-o', folder, '--format', 'esp', self.a, self.b)
        found = {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}
        self.assertEqual(found, STATE | {'EFI/mkbootdisk/' + name for name in LOADERS} | {'EFI/BOOT/BOOTX64.EFI'})
        self.assertEqual((folder / 'EFI' / 'BOOT' / 'BOOTX64.EFI').read_bytes(), b'somebody else')
        for name in LOADERS:
            self.assertEqual((folder / 'EFI' / 'mkbootdisk' / name).read_bytes(), (BUILD / name).read_bytes())
        image = Volume(self.build('esp')[0], 2048)
        for name in STATE:
            self.assertEqual((folder / name).read_bytes(), image.read(name), name)

    def test_an_undo_in_the_folder_is_not_overwritten(self):
        folder = self.dir / 'esp'
        folder.mkdir()
        self.must(DONE, 'break', '--write', '--keep', 'shadow', '--undo-file', folder / 'FTJOURNL.DAT', self.a, self.b)
        self.pair()
        self.complains(REFUSED, 'still be undone', 'build', '-o', folder, '--format', 'esp', self.a, self.b)
        self.must(DONE, 'build', '-o', folder, '--format', 'esp', '--replace-undo', self.a, self.b)

    def test_only_a_system_partition_goes_into_a_folder(self):
        for kind in ('1440', 'usb', 'iso'):
            self.complains(USAGE, 'directory', 'build', '-o', self.dir / 'tmp', '--format', kind, self.a, self.b)


class All(FormatCase):
    def test_same_disks_same_medium(self):
        """Whatever the folder, the clock, time zone and umask."""
        first = {kind: self.build(kind, name='one-' + kind)[0].read_bytes() for kind in EVERY}
        time.sleep(2.1)  # a FAT time stamp counts in twos
        other = self.dir / 'other place'
        other.mkdir()
        for kind in EVERY:
            with self.subTest(kind):
                path, _ = self.build(kind, name='anderes Bild', env=dict(TMPDIR=str(other), TZ='Asia/Tokyo'), cwd=other,
                                     preexec_fn=lambda: os.umask(0o077))
                self.assertEqual(path.read_bytes(), first[kind])

    def test_other_files_other_numbers(self):
        """Serial numbers, signatures and GUIDs tell two boot disks apart."""
        for kind, at in (('1440', 0x27), ('usb', 0x1B8), ('usb', 2048 * SECTOR + 0x27), ('esp', SECTOR + 0x38),
                         ('esp', 2 * SECTOR + 0x10)):
            with self.subTest(kind=kind, at=at):
                one, _ = self.build(kind, '--timeout', '1', name='one')
                other, _ = self.build(kind, '--timeout', '2', name='other')
                self.assertNotEqual(*(path.read_bytes()[at:at + 4] for path in (one, other)))

    def test_the_classic_floppy_is_a_floppy(self):
        for kind in ('usb', 'esp'):
            self.complains(USAGE, 'floppy', 'build', '-o', self.dir / 'out', '--format', kind, '--loader=ntldr',
                           *self.own(3000), self.a, self.b)

    def test_check_of_what_a_bios_does_not_start(self):
        path, said = self.build('esp')
        self.assertNotIn('mkbootdisk check', said)
        self.complains(FOUND, 'only UEFI starts it', 'check', path, self.a, self.b)

    def test_nothing_is_broken_unattended_without_a_journal(self):
        for kind in ('iso', 'pxe'):
            self.complains(USAGE, '--break=auto needs a journal', 'build', '-o', self.dir / 'out', '--format', kind,
                           '--break', 'auto', self.a, self.b)

    def test_dry_run_writes_nothing(self):
        for kind in EVERY:
            with self.subTest(kind):
                result = self.unchanged(DONE, 'build', '--dry-run', '-o', self.dir / 'out', '--format', kind, self.a, self.b)
                self.assertEqual('BOOTX64.EFI' in result.out, kind not in ('720', '1200'))


if __name__ == '__main__':
    unittest.main()
