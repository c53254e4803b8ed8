# SPDX-License-Identifier: MIT
"""A system that nobody here wrote comes up from the surviving half: SYSLINUX and a Debian kernel on a mirrored volume.

Owns the two starts; both halves are alike, so that the primary is out of reach is what proves the shadow. Needs
Debian's package debian-installer-12-netboot-i386: without it the tests are skipped, but fail where CI is set.
"""
import os
import unittest

from qemu import PATIENCE, Disk, Machine, recipes
from test_boot import build, make_pair


class Linux(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            recipes.linux_files()
        except RuntimeError as error:
            if os.environ.get('CI'):
                raise
            raise unittest.SkipTest(str(error)) from None
        cls.pair = make_pair(boot='syslinux', size_mib=128)
        cls.floppy = build(cls.pair)

    def comes_up(self, fault, drive):
        pair = self.pair
        with Machine([Disk(pair.a.path, fault), pair.b.path], floppy=self.floppy, mem=128, trace=True) as machine:
            boot = machine.wait_for(r'ft: boot source=(\w+) drive=(\w+) as=(\w+) method=vbr')
            self.assertEqual(boot.groups(), ('shadow', drive, '0x80'))
            machine.wait_for(r'SYSLINUX \d')
            machine.wait_for(r'Linux version \d', timeout=4 * PATIENCE)
            kernel = sum(count for _, count in machine.reads(1))
            self.assertGreater(kernel, len(recipes.linux_files()['linux']) // recipes.SECTOR)
            if fault == 'dead':
                self.assertEqual({lba for lba, _ in machine.reads(0)}, {0})

    def test_primary_absent(self):
        self.comes_up('absent', '0x80')

    def test_primary_dead(self):
        self.comes_up('dead', '0x81')


if __name__ == '__main__':
    unittest.main()
