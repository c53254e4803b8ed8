# SPDX-License-Identifier: MIT
"""Mirrored EFI system partitions as the host tool sees them: which file counts, and a GPT of which one copy is left.

The disks are those of tests/e2e/espdisks.py; what is damaged on them, sgdisk confirms."""
import json
import unittest

from cli import BUILD, DONE, FOUND, SECTOR, CliCase
import espdisks  # found through cli's path
from espdisks import BOOT, NEW, OLD
from test_formats import Volume, tool
from test_gpt import sound  # of tests/diff

GRUB = '/EFI/debian/grubx64.efi'
HEADER, LIST = SECTOR, 2 * SECTOR


class Esp(CliCase):
    def make(self, *files):
        """Two disks with these files."""
        self.disks = [espdisks.EspDisk(self.dir / name, number, content)
                      for name, number, content in zip(('a.img', 'b.img'), (1, 2), files)]
        self.a, self.b = (disk.path for disk in self.disks)

    def build(self, code, *options):
        return self.must(code, 'build', '-o', self.dir / 'out.img', *options, self.a, self.b)


class WhatCounts(Esp):
    """--efi names what the halves are judged by; without it the default place is."""
    efi = ('--efi', '\\EFI\\debian\\grubx64.efi')

    def test_what_is_not_started_may_differ(self):
        self.make({BOOT: (b'one', OLD), GRUB: (b'grub', OLD)}, {BOOT: (b'other', OLD), GRUB: (b'grub', OLD)})
        self.assertRegex(self.build(FOUND).err, 'mirror 1 is split')
        self.build(DONE, *self.efi)
        self.assertIn(b'efi=\\EFI\\debian\\grubx64.efi\r\n', Volume(self.dir / 'out.img').read('MIRROR.INI'))

    def test_the_default_place_may_be_empty(self):
        self.make({GRUB: (b'grub', OLD)}, {GRUB: (b'grub', OLD)})
        self.build(FOUND)
        self.build(DONE, *self.efi)

    def test_what_is_started_may_not_be_older(self):
        self.make({BOOT: (b'one', OLD), GRUB: (b'new grub', NEW)}, {BOOT: (b'one', OLD), GRUB: (b'grub', OLD)})
        self.build(DONE)
        self.assertRegex(self.build(FOUND, *self.efi).err, 'mirror 1 is degraded.*shadow.*boot loader is the older one')


class Signed(Esp):
    """`check` takes a loader that is ours but for the signature, and no other."""

    def setUp(self):
        super().setUp()
        self.make({BOOT: (b'program', OLD)}, {BOOT: (b'program', OLD)})
        key, certificate = self.dir / 'my.key', self.dir / 'my.pem'
        tool('openssl', 'req', '-new', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=me',
             '-keyout', key, '-out', certificate)
        self.build(DONE, '--format', 'usb', '--sign-key', key, '--sign-cert', certificate)
        self.volume = Volume(self.dir / 'out.img', 2048)
        self.loader = bytearray(self.volume.read('EFI/BOOT/BOOTX64.EFI'))

    def check(self, code):
        return self.must(code, 'check', self.dir / 'out.img', self.a, self.b)

    def put(self, loader):
        tool('mcopy', '-o', '-i', self.volume.at, self.write('loader', loader), '::EFI/BOOT/BOOTX64.EFI')

    def test_as_it_was_built(self):
        self.check(DONE)

    def test_another_program(self):
        own = len((BUILD / 'BOOTX64.EFI').read_bytes())
        for at in (0x200, own // 2, own - 1):
            with self.subTest(at):
                bad = self.loader.copy()
                bad[at] ^= 1
                self.put(bad)
                self.assertRegex(self.check(FOUND).err, 'BOOTX64.EFI is damaged')
        self.put(self.loader[:-8])  # the signature ends early
        self.assertRegex(self.check(FOUND).err, 'BOOTX64.EFI is damaged')


class OneCopyOfTheTable(Esp):
    def setUp(self):
        super().setUp()
        self.make({BOOT: (b'program', OLD)}, {BOOT: (b'program', OLD)})
        self.before = self.survey()
        self.assertEqual((self.before['sets'][0]['kind'], self.before['sets'][0]['state']), ('esp', 'healthy'))

    def survey(self, code=DONE):
        return json.loads(self.must(code, 'survey', '--json', self.a, self.b).out)

    def damage(self, *offsets):
        with open(self.a, 'r+b') as file:
            for offset in offsets:
                file.seek(offset)
                value = file.read(1)[0]
                file.seek(offset)
                file.write(bytes([value ^ 1]))

    def same_but_named(self, found):
        """As before, and the finding names what is to be repaired."""
        named = [(item['id'], item['disk']) for item in found.pop('findings') if item['id'] == 'P1']
        self.assertEqual(named, [('P1', 0)])
        self.before.pop('findings')
        self.assertEqual(found, self.before)

    def test_first_header(self):
        self.damage(HEADER + 0x38)
        self.assertEqual(sound(self.a), [False, True, True, True])
        self.same_but_named(self.survey())
        self.build(DONE)

    def test_first_list(self):
        self.damage(LIST + 0x38)
        self.assertEqual(sound(self.a), [True, True, False, True])
        self.same_but_named(self.survey())

    def test_backup(self):
        end = self.a.stat().st_size
        self.damage(end - SECTOR + 0x38, end - 33 * SECTOR + 0x38)
        self.assertEqual(sound(self.a), [True, False, True, False])
        self.assertEqual(self.survey(), self.before)

    def test_both(self):
        self.damage(HEADER + 0x38, self.a.stat().st_size - SECTOR + 0x38)
        found = self.survey(FOUND)
        self.assertIn(('M8', 0), [(item['id'], item['disk']) for item in found['findings']])
        self.assertNotIn('P1', [item['id'] for item in found['findings']])


if __name__ == '__main__':
    unittest.main()
