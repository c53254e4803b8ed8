#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pack and unpack.asm together: whatever goes in comes out, bit for bit. unpack.asm runs as 32-bit code on the host,
under QEMU's emulator for programs where the kernel runs none of those.

Needs gcc with -m32, nasm, libucl and qemu-user. UNPACK=FILE in the environment tests that file instead of
stage2/unpack.asm."""
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RIG = ROOT / 'tests' / 'rig'
UNPACK = pathlib.Path(os.environ.get('UNPACK', ROOT / 'stage2' / 'unpack.asm'))
WARNINGS = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Wconversion', '-Werror']
IMAGE_MAX = 0x18000
CODE_MAX = 164                                  # the decompressor lies unpacked on the boot disk


def run(*command):
    return subprocess.run(command, check=False, capture_output=True, text=True)


def runs_here(program):
    try:
        run(program)
    except OSError:
        return False
    return True


class Unpack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix='unpack-'))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.pack, cls.unpack = cls.folder / 'pack', cls.folder / 'unpack'
        source = cls.folder / 'unpack.asm'
        shutil.copy(UNPACK, source)
        glue = cls.folder / 'unpack_host.o'
        for command in (['gcc', *WARNINGS, ROOT / 'stage2' / 'pack.c', '-o', cls.pack, '-lucl'],
                        ['nasm', '-Werror', '-f', 'elf32', f'-I{cls.folder}/', RIG / 'unpack_host.asm', '-o', glue],
                        ['gcc', '-m32', '-static', *WARNINGS, '-Wl,-z,noexecstack', RIG / 'unpack_host.c', glue,
                         '-o', cls.unpack],
                        ['nasm', '-f', 'bin', source, '-o', cls.folder / 'unpack.bin']):
            subprocess.run(command, check=True)
        cls.runner = [cls.unpack] if runs_here(cls.unpack) else ['qemu-i386', cls.unpack]
        cls.random = random.Random(13)

    def round_trip(self, data):
        image, packed, out = (self.folder / name for name in ('image', 'packed', 'out'))
        image.write_bytes(data)
        out.unlink(missing_ok=True)
        result = run(self.pack, image, packed)
        self.assertEqual(result.returncode, 0, result.stderr)
        result = run(*self.runner, packed, out)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(out.read_bytes() == data, 'unpacked to something else')
        return packed.stat().st_size

    def noise(self, size, alphabet=bytes(range(256))):
        return bytes(self.random.choices(alphabet, k=size))

    def test_tiny(self):
        for data in (b'\0', b'\xE8', b'\xE9\xE8', b'\xE8\0\0\0', b'\xE8\0\0\0\0', b'\xE8\xFF\xFF\xFF\xFF',
                     b'\x90\xE8\0\0\0\0', b'\xE8' * 4, b'\xE8' * 5, b'\xE8' * 6, b'\xE8' * 64):
            with self.subTest(data=data.hex()):
                self.round_trip(data)
        for size in range(1, 40):
            with self.subTest(size=size):
                self.round_trip(self.noise(size))

    def test_large(self):
        self.round_trip(self.noise(IMAGE_MAX))
        self.assertLess(self.round_trip(bytes(IMAGE_MAX)), IMAGE_MAX // 512)
        self.round_trip(b'\xFF' * (IMAGE_MAX - 1))
        self.round_trip(b'abc' * 20000)

    def test_far_and_near_matches(self):
        """Offsets around the 0D00h step of the match length, lengths from 2 up, and matches that overlap themselves."""
        for distance in (1, 2, 255, 256, 257, 0xCFE, 0xCFF, 0xD00, 0xD01, 0xD02, 0x1000, 0x7E00):
            with self.subTest(distance=distance):
                unit = self.noise(distance, bytes(range(0xE0)))
                parts = [unit[:n] + self.noise(1) for n in (2, 3, 4, 5, 6, 7, 8, 17, 400)]
                self.round_trip(unit + b''.join(parts) + unit)

    def test_calls(self):
        """Images full of E8h and E9h: in range, out of range, and at the very edges."""
        for size in (64, 1000, 5000):
            for operand in ((0, 0xFFFF), (-0x10000, 0xFFFF), (-0x80000000, 0x7FFFFFFF), (-40, 40)):
                with self.subTest(size=size, operand=operand):
                    data = bytearray()
                    while len(data) < size:
                        data += self.noise(self.random.randrange(6), b'\x50\x89\xC3\xE8\xE9\x00')
                        data += self.random.choice((b'\xE8', b'\xE9'))
                        data += struct.pack('<i', self.random.randint(*operand))
                    self.round_trip(bytes(data[:size]))
        for tail in range(6):
            self.round_trip(b'\x55' * 100 + b'\xE8' + struct.pack('<i', -100)[:tail])
        for target in (-1, 0, 0xFFFF, 0x10000):         # what pack calls the target: from the operand on
            self.round_trip(b'\x55' * 50 + b'\xE8' + struct.pack('<i', target - 51) + b'\x55' * 50)

    def test_random_call_soup(self):
        for _ in range(60):
            size = self.random.randrange(1, 600)
            alphabet = self.random.choice((b'\xE8\xE9\x00\xFF', b'\xE8\x00\x01', b'\xE8\xE9\x90\x10'))
            self.round_trip(self.noise(size, alphabet))

    def test_real_code(self):
        for name in ('/bin/ls', '/bin/sh', '/usr/bin/nasm', self.pack, self.unpack):
            data = pathlib.Path(name).read_bytes()
            for start in range(0, min(len(data), 100000), 40000):
                with self.subTest(file=str(name), start=start):
                    self.round_trip(data[start:start + 32768])

    def test_calls_pay(self):
        """Equal targets called from many places pack to much less than their distances would."""
        data = b''.join(self.noise(7) + b'\xE8' + struct.pack('<i', 0x100 - 12 * n) for n in range(1000))
        self.assertLess(self.round_trip(data), 12 * 1000 * 0.8)

    def test_refusals(self):
        image, packed = self.folder / 'image', self.folder / 'packed'
        every = b''.join(bytes([0xE8, n, 0, 0, 0x40]) for n in range(256))      # no marker is left
        for data in (b'', bytes(IMAGE_MAX + 1), every):
            packed.unlink(missing_ok=True)
            image.write_bytes(data)
            result = run(self.pack, image, packed)
            self.assertEqual(result.returncode, 1)
            self.assertIn('pack: ', result.stderr)
            self.assertFalse(packed.exists())
        self.assertEqual(run(self.pack, self.folder / 'missing', packed).returncode, 1)
        image.write_bytes(b'x')
        self.assertEqual(run(self.pack, image, self.folder / 'no' / 'where').returncode, 1)

    def test_size(self):
        self.assertLessEqual((self.folder / 'unpack.bin').stat().st_size, CODE_MAX)


if __name__ == '__main__':
    unittest.main()
