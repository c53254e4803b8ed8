#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Takes the README's picture: the loader's screen in QEMU with a dead primary, as docs/screen.png.

    python3 images/screenshot.py OUT.png
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'e2e'))
import qemu  # noqa: E402 (its path is set above)

TOOL = pathlib.Path(os.environ.get('MKB_BUILD', ROOT / 'build')) / 'mkbootdisk'


def main():
    with tempfile.TemporaryDirectory() as folder:
        pair = qemu.recipes.make_pair(folder)
        floppy = os.path.join(folder, 'ft.img')
        subprocess.run([TOOL, 'build', '-o', floppy, pair.a.path, pair.b.path], check=True, stdout=subprocess.DEVNULL)
        disks = [qemu.Disk(pair.a.path, 'dead'), qemu.Disk(pair.b.path)]
        with qemu.Machine(disks, floppy=floppy) as machine:
            machine.start()
            machine.wait_screen('Number 1 is taken')
            machine.screendump(os.path.abspath(sys.argv[1]))


if __name__ == '__main__':
    main()
