# SPDX-License-Identifier: MIT
"""Secure Boot, under OVMF with one key of our own enrolled: the firmware starts our loader only when `build` has signed
it, and our loader starts the survivor's loader only when that is signed too, and says why it does not.

What is started is esp_payload.c, from disks as in test_esp. Takes mkbootdisk from $MKB_BUILD (default: build).
"""
import os
import pathlib
import tempfile
import unittest

import espdisks
import secureboot
from espdisks import NEW, OLD, recipes
from qemu import FIRMWARE, OVMF, PAYLOAD_EXIT, Machine

HERE = pathlib.Path(__file__).resolve().parent
TOOL = pathlib.Path(os.environ.get('MKB_BUILD', HERE.parent.parent / 'build')).resolve() / 'mkbootdisk'
KEYS = MINE = OTHER = None


def setUpModule():
    global KEYS, MINE, OTHER
    KEYS = tempfile.TemporaryDirectory(prefix='mkb-keys-')
    MINE, OTHER = (secureboot.Key(KEYS.name, name) for name in ('mine', 'other'))


def tearDownModule():
    KEYS.cleanup()


class SecureBoot:
    """The cases, for one firmware."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mkb-secure-')
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.variables = self.dir / 'vars.fd'
        secureboot.enrol(MINE, OVMF / FIRMWARE[self.firmware][1], self.variables)
        self.program = espdisks.payload(self.arch)
        self.path = '/EFI/BOOT/BOOT%s.EFI' % self.arch.upper()

    def start(self, programs, *options):
        """A machine that starts from a medium that was built with these options for two disks. What is on them in the
        end came later, the newer one on the first disk if they differ."""
        medium = self.dir / 'boot.img'
        self.disks = [espdisks.EspDisk(self.dir / name, number, {self.path: (b'program', OLD)})
                      for name, number in (('a.img', 1), ('b.img', 2))]
        images = [disk.path for disk in self.disks]
        recipes.run(TOOL, 'build', '-o', medium, '--timeout', '1', '--efi', self.path.replace('/', '\\'), *options,
                    *images)
        for disk, program, date in zip(self.disks, programs, (OLD, OLD) if len(set(programs)) == 1 else (NEW, OLD)):
            disk.put(self.path, program, date)
        return Machine(images, machine='q35', firmware=self.firmware, variables=self.variables,
                       qemu='qemu-system-x86_64', mem=128,
                       extra=('-drive', 'if=none,id=boot,format=raw,file=%s' % medium,
                              '-device', 'virtio-blk-pci,drive=boot,bootindex=1'))

    def signed_by(self, key):
        return ['--sign-key', key.key, '--sign-cert', key.certificate]

    def assert_started(self, machine, disk):
        self.assertEqual(machine.wait_exit(), PAYLOAD_EXIT)
        self.assertEqual(machine.payload(), {'partition': disk.partition.bytes_le.hex(),
                                             'file': self.path.replace('/', '\\')})

    def test_what_is_signed_starts_what_is_signed(self):
        signed = MINE.sign(self.program)
        with self.start([signed, signed], *self.signed_by(MINE)) as machine:
            self.assert_started(machine, self.disks[0])
            verdict, = [values for name, values in machine.events() if name == 'verdict']
            self.assertEqual((verdict['state'], verdict['source']), ('healthy', 'primary'))

    def test_a_medium_that_no_trusted_key_signed_is_refused(self):
        """By the firmware: the proof that Secure Boot is on. The disks hold nothing that would start in its place."""
        for options in ([], self.signed_by(OTHER)):
            with self.subTest(signed=bool(options)), self.start([self.program] * 2, *options) as machine:
                machine.wait_for('BdsDxe: failed to load Boot0001 .*: Access Denied')
                self.assertEqual(machine.events(), [])

    def test_a_survivor_that_is_not_trusted_is_told(self):
        """Nothing of it runs; the other half, which is signed, still can be started."""
        for program in (self.program, OTHER.sign(self.program)):
            programs = [program, MINE.sign(self.program)]
            with self.subTest(bytes=len(program)), self.start(programs, *self.signed_by(MINE)) as machine:
                machine.wait_for('^ft: boot source=primary')
                machine.wait_for('Secure Boot forbids it: no key that this firmware trusts')
                told = machine.wait_for(r'^ft: error site=(\S+) status=(\S+) drive=(\S+) lba=(\d+)')
                self.assertEqual(told.groups(), ('S4', 'denied', '0x80', str(espdisks.START)))
                self.assertIsNone(machine.payload())
                machine.wait_for('A number, or arrows', whole_line=False)
                machine.send_key('2')
                self.assert_started(machine, self.disks[1])


class With64Bits(SecureBoot, unittest.TestCase):
    firmware, arch = 'ovmf-secure', 'x64'


class With32Bits(SecureBoot, unittest.TestCase):
    firmware, arch = 'ovmf32', 'ia32'


if __name__ == '__main__':
    unittest.main()
