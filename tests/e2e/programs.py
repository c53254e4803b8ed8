# SPDX-License-Identifier: MIT
"""The small programs that tests put onto disks: assembling them, and the checksum they prove themselves with."""
import pathlib
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def assemble(name):
    """The bytes of NAME.asm beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, name + '.bin')
        subprocess.run(['nasm', '-f', 'bin', f'-i{HERE}/', '-o', target, HERE / (name + '.asm')], check=True)
        return target.read_bytes()


def checksum(data):
    """As sum.inc computes it."""
    total = 0
    for (word,) in struct.iter_unpack('<H', data):
        total = ((total << 1 | total >> 15) + word) & 0xFFFF
    return total
