# SPDX-License-Identifier: MIT
"""A system that nobody here wrote comes up from the surviving half: SYSLINUX or GRUB, and a Debian kernel, on a
mirrored volume; with the boot floppy while the mirror is whole, without it once the survivor was promoted.

Owns these starts; both halves are alike, so that the primary is out of reach is what proves the shadow. Needs Debian's
package debian-installer-12-netboot-i386: without it the tests are skipped, but fail where CI is set.
"""
import os
import unittest

from qemu import PATIENCE, Disk, Machine, recipes
from test_boot import TOOL, answer, build, choose, copy, make_pair, mkbootdisk, scratch
from test_break import BREAK, PROMOTE, WRITE


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            recipes.linux_files()
        except RuntimeError as error:
            if os.environ.get('CI'):
                raise
            raise unittest.SkipTest(str(error)) from None


class Linux(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
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


class Promoted(Case):
    """The mirror is broken, and the survivor is the only disk; there is no floppy. The kernel comes up to its initrd's
    shell."""

    def comes_up(self, disk, said, **machine):
        self.assertEqual(recipes.read_at(disk, 0)[:440], TOOL.with_name('mbr.bin').read_bytes())
        with Machine([disk], mem=128, trace=True, **machine) as running:
            running.wait_for(said)
            running.wait_for(r'Linux version \d', timeout=4 * PATIENCE)
            running.wait_for('Run /bin/sh as init process', timeout=4 * PATIENCE)
            files = sum(len(data) for data in recipes.linux_files().values())
            self.assertGreater(sum(count for _, count in running.reads(0)), files // recipes.SECTOR)

    def test_fat16_by_the_menu_of_the_loader(self):
        pair = make_pair(boot='syslinux', size_mib=128)
        survivor, floppy = copy(pair.b.path), build(pair, timeout=9)
        with Machine([Disk(pair.a.path, 'dead'), Disk(survivor, writable=True)], floppy=floppy) as machine:
            choose(machine, BREAK)
            answer(machine, PROMOTE, WRITE)
            machine.power_off()
        self.comes_up(survivor, r'SYSLINUX \d')

    def test_ext4_by_the_host_tool(self):
        """A volume that our own code cannot read."""
        pair = make_pair(fs='ext4', boot='grub', size_mib=128)
        survivor = copy(pair.b.path)
        mkbootdisk('break', '--keep', 'shadow', '--promote', '--write', '--undo-file', scratch('undo'), survivor)
        self.comes_up(survivor, 'GRUB started', machine='q35')


if __name__ == '__main__':
    unittest.main()
