#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The loader on BIOSes that QEMU does not have: without INT 13h extensions, and with reads that lie.

Owns the shim's place on the floppy: the shim stands in sector 0 with the floppy's own BPB, the real boot sector in the
image's last sector, which no file uses.
"""
import os
import pathlib
import subprocess
import tempfile
import unittest

import qemu

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get('MKB_BUILD', HERE.parent.parent / 'build')).resolve()
SECTOR = 512
BPB = slice(11, 62)


class OddBios(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def floppy(self, pair, no_edd=0, silent=0, large=0):
        plain = self.folder / 'plain.img'
        subprocess.run([BUILD / 'mkbootdisk', 'build', '-o', plain, '--timeout', '0', pair.a.path, pair.b.path],
                       check=True, stdout=subprocess.DEVNULL)
        shim = self.folder / 'shim.bin'
        subprocess.run(['nasm', '-f', 'bin', '-o', shim, HERE / 'odd_bios.asm'], check=True)
        image = bytearray(plain.read_bytes())
        sector = bytearray(shim.read_bytes())
        last = len(image) // SECTOR - 1
        sector[3], sector[4] = no_edd, silent
        sector[5:7] = last.to_bytes(2, 'little')
        sector[7] = large
        sector[BPB] = image[BPB]
        self.assertEqual(image[last * SECTOR:], bytes(SECTOR), 'the last sector is in use')
        image[last * SECTOR:] = image[:SECTOR]
        image[:SECTOR] = sector
        result = self.folder / 'ft.img'
        result.write_bytes(image)
        return str(result)

    def boot(self, pair, faults=(None, None), machine='pc', **shim):
        disks = [qemu.Disk(pair.a.path, faults[0]), qemu.Disk(pair.b.path, faults[1])]
        with qemu.Machine(disks, floppy=self.floppy(pair, **shim), machine=machine) as run:
            run.start()
            self.assertEqual(run.wait_exit(), qemu.PAYLOAD_EXIT)
            return run.payload(), dict(run.events())

    def test_without_extensions(self):
        for machine in ('pc', 'q35', 'isapc'):
            with self.subTest(machine=machine):
                pair = qemu.recipes.make_pair(self.folder / machine, size_mib=64)
                payload, events = self.boot(pair, machine=machine, no_edd=1)
                self.assertEqual(payload['sig80'], '1a2b3c4d')
                self.assertEqual(events['verdict']['state'], 'healthy')
                # CHS reaches only whole cylinders, so the size is the geometry's product, not EDD's.
                self.assertLessEqual(int(events['disk']['sectors']), 131072)

    def test_without_extensions_dead_primary(self):
        pair = qemu.recipes.make_pair(self.folder, shadow_start=1071)
        payload, _ = self.boot(pair, faults=('dead', None), no_edd=1)
        self.assertEqual(payload['sig80'], '5e6f7a8b')
        self.assertEqual(payload['hidden'], f'{1071:08x}')

    def test_primary_that_delivers_nothing(self):
        pair = qemu.recipes.make_pair(self.folder)
        payload, events = self.boot(pair, silent=0x80)
        self.assertEqual(payload['sig80'], '5e6f7a8b')
        self.assertEqual(events['verdict'], {'set': '1', 'state': 'degraded', 'source': 'shadow'})

    def test_a_disk_of_larger_sectors_is_left_alone(self):
        """Reading it would write past the loader's buffer. It is a mirror's half all the same: the other one starts."""
        pair = qemu.recipes.make_pair(self.folder)
        disks = [qemu.Disk(pair.a.path), qemu.Disk(pair.b.path)]
        with qemu.Machine(disks, floppy=self.floppy(pair, large=0x80), machine='pc') as run:
            self.assertEqual(run.wait_exit(), qemu.PAYLOAD_EXIT)
            self.assertEqual(run.payload()['sig80'], '5e6f7a8b')
            self.assertEqual([values for name, values in run.events() if name == 'disk'][0],
                             {'drive': '0x80', 'state': 'unsupported'})
            self.assertEqual(dict(run.events())['verdict'], {'set': '1', 'state': 'degraded', 'source': 'shadow'})

    def test_shadow_that_delivers_nothing(self):
        pair = qemu.recipes.make_pair(self.folder)
        payload, events = self.boot(pair, silent=0x81)
        self.assertEqual(payload['sig80'], '1a2b3c4d')
        self.assertEqual(events['verdict']['state'], 'degraded')


if __name__ == '__main__':
    unittest.main()
