#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""size.py BUILD: bytes and floppy sectors of everything that ends up on a boot disk; exit status 1 over a budget."""
import pathlib
import re
import subprocess
import sys

SECTOR = 512
STAGE2_BIN_SECTORS = 90  # five tracks of a 1.44 MB floppy, which it begins on: the sixth costs one more command
MBR_BYTES = 440
INT13_BYTES = 1024


def layout(build):
    """The loader's fixed addresses, by name."""
    text = (build / 'layout.inc').read_text()
    return {name: int(value, 0) for name, value in re.findall(r'^%define (\w+) (0x\w+|\d+)$', text, re.MULTILINE)}


def bytes_in_memory(build):
    """Stage 2 with its bss, from where it is unpacked to."""
    symbols = subprocess.run(['nm', build / 'stage2.elf'], check=True, capture_output=True, text=True).stdout
    return int(re.search(r'^(\w+) \w image_end$', symbols, re.MULTILINE)[1], 16) - layout(build)['STAGE2_BASE']


def rows(build):
    """(what, bytes, bytes allowed or None) for each part."""
    size = lambda name: (build / name).stat().st_size
    room = layout(build)['STAGE2_END'] - layout(build)['STAGE2_BASE']
    return [('fat12.bin', size('fat12.bin'), SECTOR),
            ('mbr.bin', size('mbr.bin'), MBR_BYTES),
            ('int13.bin', size('int13.bin'), INT13_BYTES),
            ('stage 2 in memory, bss included', bytes_in_memory(build), room),
            ('stage 2 unpacked', size('stage2.bin'), None),
            ('stage 2 packed', size('stage2.packed'), None),
            ('STAGE2.BIN', size('STAGE2.BIN'), STAGE2_BIN_SECTORS * SECTOR),
            ('mkbootdisk.0', size('mkbootdisk.0'), None),
            ('BOOTX64.EFI', size('BOOTX64.EFI'), None),
            ('BOOTIA32.EFI', size('BOOTIA32.EFI'), None)]


def main(build):
    over = 0
    print('%-32s %8s %8s %8s' % ('', 'bytes', 'sectors', 'budget'))
    for what, count, allowed in rows(pathlib.Path(build)):
        is_over = allowed is not None and count > allowed
        over += is_over
        print('%-32s %8d %8d %8s %s' % (what, count, -(-count // SECTOR), allowed or '',
                                        '' if allowed is None else 'OVER' if is_over else 'ok'))
    return over > 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
