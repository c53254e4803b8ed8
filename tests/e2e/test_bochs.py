#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The loader on a second BIOS: Bochs with its own rombios, which shares no code with QEMU's SeaBIOS.

Owns starting Bochs without a window; what is started is the same payload as in QEMU. Bochs cannot make a disk fail,
so this is about absent and swapped disks, and the resident drive map under another INT 13h.
"""
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import qemu

BUILD = pathlib.Path(os.environ.get('MKB_BUILD', pathlib.Path(__file__).resolve().parents[2] / 'build')).resolve()
CONFIGURATION = '''megs: 16
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
floppya: 1_44=ft.img, status=inserted
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
boot: floppy
com1: enabled=1, mode=file, dev=serial.txt
display_library: rfb, options="timeout=0"
log: bochs.log
mouse: enabled=0
'''


class Bochs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.pair = qemu.recipes.make_pair(self.folder)
        subprocess.run([BUILD / 'mkbootdisk', 'build', '-o', self.folder / 'ft.img', '--timeout', '0', self.pair.a.path,
                        self.pair.b.path], check=True, stdout=subprocess.DEVNULL)

    def boot(self, *disks):
        """The payload's line after a start with these disks, master first."""
        lines = [f'ata0-{place}: type=disk, path={disk}, mode=volatile\n'
                 for place, disk in zip(('master', 'slave'), disks)]
        (self.folder / 'bochsrc').write_text(CONFIGURATION + ''.join(lines))
        (self.folder / 'go').write_text('c\n')  # Debian's Bochs has a debugger, which waits for this
        serial = self.folder / 'serial.txt'
        serial.unlink(missing_ok=True)
        with subprocess.Popen(['bochs-bin', '-q', '-f', 'bochsrc', '-rc', 'go'], cwd=self.folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as bochs:
            try:
                return self.wait(serial)
            finally:
                bochs.kill()

    def wait(self, serial):
        end = time.monotonic() + qemu.PATIENCE
        while time.monotonic() < end:
            text = serial.read_text(errors='replace') if serial.exists() else ''
            found = re.search(r'^PAYLOAD (.*) part=', text, re.M)
            if found:
                return text, dict(item.split('=') for item in found[1].split())
            time.sleep(0.1)
        self.fail('no payload on the serial line:\n' + text)

    def test_healthy(self):
        text, payload = self.boot(self.pair.a.path, self.pair.b.path)
        self.assertIn('state=healthy source=primary', text)
        self.assertEqual((payload['sig80'], payload['sig81'], payload['base']), ('1a2b3c4d', '5e6f7a8b', '027f'))

    def test_primary_absent(self):
        text, payload = self.boot(self.pair.b.path)
        self.assertIn('state=degraded source=shadow', text)
        self.assertEqual((payload['dl'], payload['sig80'], payload['rd81']), ('80', '5e6f7a8b', '01'))

    def test_swapped_through_the_drive_map(self):
        _, payload = self.boot(self.pair.b.path, self.pair.a.path)
        self.assertEqual((payload['dl'], payload['sig80'], payload['sig81'], payload['count'], payload['base']),
                         ('80', '1a2b3c4d', '5e6f7a8b', '02', '027e'))


if __name__ == '__main__':
    unittest.main()
