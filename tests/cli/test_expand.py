# SPDX-License-Identifier: MIT
"""Packed files of the Windows NT media come out byte for byte or with an error, and what a file is told to be.

Owns a program (expand.c, compiled here) over the tool's own sources. What is packed comes from gcab and from
packers.py, drivers from nasm and GNU ld; objdump and zlib are the second opinion.
"""
import atexit
import os
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import unittest
import zlib

import packers
from cli import BUILD, DONE, IO, NEXT_STEP, ROOT

FOLDER = tempfile.TemporaryDirectory(prefix='mkb-expand-')
atexit.register(FOLDER.cleanup)
PROGRAM = pathlib.Path(FOLDER.name, 'expand')
SOURCES = ('tests/cli/expand.c', 'mkbootdisk/expand.c', 'mkbootdisk/ntfile.c', 'loader/nt/pe.c', 'loader/nt/banner.c')
LIMIT = 16 << 20
OK, CORRUPT, UNSUPPORTED, NOT_FOUND = 0, 3, 4, 5  # enum status

# Imports of two drivers, laid out as a linker does from import libraries; the base is what ld is told.
DRIVER = '''
global _entry
section .text
_entry: call [first]
        call [second]
        ret 8
section .idata$2 data align=4
        dd hints1 - BASE, 0, 0, name1 - BASE, first - BASE
        dd hints2 - BASE, 0, 0, name2 - BASE, second - BASE
section .idata$3 data align=4
        times 5 dd 0
section .idata$4 data align=4
hints1: dd hint1 - BASE, 0
hints2: dd hint2 - BASE, 0
section .idata$5 data align=4
first:  dd hint1 - BASE, 0
second: dd hint2 - BASE, 0
section .idata$6 data align=2
hint1:  dw 0
        db "One", 0
hint2:  dw 0
        db "Two", 0
section .idata$7 data align=2
name1:  db NAME1, 0
name2:  db NAME2, 0
section .rdata rdata align=4
        times PADDING db 0x5A
'''


def setUpModule():
    subprocess.run([os.environ.get('CC', 'cc'), '-std=c11', '-O1', '-g', '-Wall', '-Wextra', '-Werror',
                    '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-D_GNU_SOURCE',
                    '-D_FILE_OFFSET_BITS=64', '-Iloader', '-Imkbootdisk', '-o', PROGRAM, *SOURCES, '-lmspack'],
                   check=True, cwd=ROOT)


def contents():
    """What an NTLDR is made of: code, text, holes; and what does not pack."""
    chance = random.Random(351)
    code = bytes(chance.choice(b'\x00\x8b\xe8\x55\xc3\x90\x74\xff') for _ in range(30000))
    return code + b'NTDETECT.COM\0' * 900 + bytes(40000) + chance.randbytes(33000)


def version_resource(major, minor, build, revision, key=True):
    """VS_VERSIONINFO with its VS_FIXEDFILEINFO."""
    fixed = struct.pack('<13I', 0xFEEF04BD, 0x10000, major << 16 | minor, build << 16 | revision, 0, 0, 0x3F, 0, 0x40004,
                        3, 7, 0, 0)
    return struct.pack('<HHH', 92, 52, 0) + 'VS_VERSION_INFO\0'.encode('utf-16-le') + b'\0\0' + fixed


def ntldr(banner=b'OS Loader V4.00\r\n\0', resource=b'', size=156496):
    """Nothing of a real one: a jump, the texts, and noise without meaning."""
    body = b'\xe9\x95\x01' + b'\x90' * 5000 + b'\\ntdetect.com\0' + bytes(1024) + banner + bytes(300) + resource
    return body + bytes(n * 7 & 0x7F for n in range(max(0, size - len(body))))


class ExpandCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mkb-expand-')
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def call(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertIn(done.returncode, (DONE, IO), done.stderr.decode())
        return done

    def run_expand(self, packed, member):
        (self.dir / 'in').write_bytes(packed)
        out = self.dir / 'out'
        out.unlink(missing_ok=True)
        done = self.call('expand', self.dir / 'in', member, out)
        return done, out.read_bytes() if done.returncode == DONE else None

    def gives(self, data, packed, member='NTLDR'):
        done, out = self.run_expand(packed, member)
        self.assertEqual(done.stderr, b'')
        self.assertTrue(out == data, 'other bytes came out')

    def fails(self, says, packed, member='NTLDR'):
        done, _ = self.run_expand(packed, member)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, IO, text)
        self.assertEqual(text.count('\n'), 1, text)
        self.assertRegex(text, r'^mkbootdisk: \S+/in: ')
        self.assertRegex(text, says)
        self.assertRegex(re.sub(r'\S*/\S*', '', text).replace('mkbootdisk', ''), NEXT_STEP)

    def gcab(self, members, *options):
        for name, data in members:
            (self.dir / name).write_bytes(data)
        subprocess.run(['gcab', '-c', '-n', *options, 'x.cab', *[name for name, _ in members]], cwd=self.dir, check=True,
                       stdout=subprocess.DEVNULL)
        return (self.dir / 'x.cab').read_bytes()


class Good(ExpandCase):
    def test_not_packed_stays_as_it_is(self):
        for data in (b'', b'S', b'SZD', b'MZ' + bytes(600), b'xSZDD\x88\xf0\x27\x33', contents()):
            self.gives(data, data)

    def test_szdd(self):
        for data in (b'N', b'abc', b' ' * 70, bytes(9000), contents(), random.Random(1).randbytes(4097)):
            self.gives(data, packers.szdd(data))

    def test_kwaj_every_method(self):
        data = contents()
        for method in (packers.NONE, packers.XOR, packers.LZSS, packers.LZH, packers.MSZIP):
            with self.subTest(method=method):
                self.gives(data, packers.kwaj(data, method))
                self.gives(data, packers.kwaj(data, method, name=b'NTLDR', extension=b'SYS', text=b'a\0b'))

    def test_cabinets_of_gcab(self):
        data = contents()
        for options in ([], ['-z']):
            with self.subTest(options=options):
                self.gives(data, self.gcab([('NTLDR', data)], *options))
                self.gives(data, self.gcab([('aic78xx.sys', data)], *options), 'NTBOOTDD.SYS')  # the only one
                many = self.gcab([('readme', b'no'), ('ntldr', data), ('NTLDR.TXT', b'no')], *options)
                self.gives(data, many)

    def test_what_zlib_makes_of_gcabs_blocks(self):
        """The fixture, looked at without libmspack and without packers.py."""
        data = contents()
        cabinet = self.gcab([('NTLDR', data)], '-z')
        (at, blocks, method), found = struct.unpack_from('<IHH', cabinet, 36), b''
        self.assertEqual(method & 15, 1)
        for _ in range(blocks):
            size = struct.unpack_from('<H', cabinet, at + 4)[0]
            block = cabinet[at + 8:at + 8 + size]
            self.assertEqual(block[:2], b'CK')
            found += zlib.decompressobj(-15, zdict=found[-32768:]).decompress(block[2:])
            at += 8 + size
        self.assertTrue(found == data)

    def test_cabinets_with_folders(self):
        data = contents()
        members = [('alpha\\osloader', b'other'), ('I386\\NtLdr', data), ('i386/ntdetect.com', b'third')]
        for method in (packers.STORED, packers.ZIP, packers.LZX):
            self.gives(data, packers.cabinet(members, method))
            self.gives(b'third', packers.cabinet(members, method), 'NTDETECT.COM')

    def test_exactly_the_limit(self):
        data = bytes(LIMIT)
        self.gives(data, packers.cabinet([('NTLDR', data)]))
        self.gives(data, packers.kwaj(data, packers.MSZIP))


class Bad(ExpandCase):
    def test_cut_off_anywhere(self):
        data = contents()[20000:40000]
        for name, packed in (('szdd', packers.szdd(data)), ('lzss', packers.kwaj(data, packers.LZSS)),
                             ('none', packers.kwaj(data, packers.NONE)), ('lzh', packers.kwaj(data, packers.LZH)),
                             ('mszip', packers.kwaj(data, packers.MSZIP)),
                             ('cabinet', self.gcab([('NTLDR', data)], '-z'))):
            end = len(packed) - (2 if name == 'mszip' else 0)  # without its end mark it is still complete
            for count in [4, 5, 8, 13, 14, 20, 36, 44] + list(range(60, end, end // 12)) + [end - 1]:
                with self.subTest(name=name, count=count):
                    self.fails(r'offset', packed[:count])

    def test_kwaj_cut_off_between_two_blocks(self):
        """libmspack takes the end of the file for the end mark."""
        data = contents()
        first = next(packers.mszip_blocks(data))[0]
        self.fails('expands to 32768 bytes', packers.kwaj(data, packers.MSZIP)[:18 + 2 + len(first)])

    def test_a_changed_byte_in_a_cabinet(self):
        data = contents()[:50000]
        packed = self.gcab([('NTLDR', data)], '-z')
        start = struct.unpack_from('<I', packed, 36)[0]
        for at in list(range(start, len(packed), len(packed) // 40)) + [len(packed) - 1]:
            with self.subTest(at=at):
                self.fails('checksum|damaged|too early', packed[:at] + bytes((packed[at] ^ 0x10,)) + packed[at + 1:])

    def test_where_the_damage_is(self):
        data = random.Random(2).randbytes(100000)
        packed = bytearray(self.gcab([('NTLDR', data)]))
        at = packed.index(data[70000:70100])
        packed[at] ^= 1
        (self.dir / 'in').write_bytes(packed)
        text = self.call('expand', self.dir / 'in', 'NTLDR', self.dir / 'out').stderr.decode()
        low, high = map(int, re.search(r'between offsets (\d+) and (\d+)', text).groups())
        self.assertLessEqual(high - low, 32768)
        self.assertTrue(low <= at < high, text)

    def test_length_that_is_wrong(self):
        data = contents()[:5000]
        for length in (0, 4999, 5001, 0xFFFFFFFF):
            self.fails(f'holds {length}', packers.szdd(data, length))
            self.fails(f'holds {length}', packers.kwaj(data, packers.LZSS, length=length))

    def test_kwaj_without_a_length(self):
        for method in (packers.LZSS, packers.MSZIP):
            self.fails('does not say how much', packers.kwaj(contents(), method, length=False))

    def test_bombs(self):
        big = bytes(LIMIT + 1)
        szdd_bomb = packers.szdd(b'', LIMIT) + (b'\0' + b'\0\x0f' * 8) * (LIMIT // 144 + 1)  # 18 bytes each
        for packed in (packers.kwaj(big, packers.MSZIP), packers.kwaj(big, packers.MSZIP, length=100),
                       szdd_bomb, packers.cabinet([('NTLDR', big)]),
                       packers.cabinet([('NTLDR', b'x')], lengths=[0xFFFFFFFF]),
                       packers.cabinet([('A', big), ('NTLDR', b'x')])):
            self.assertLess(len(packed), 4 << 20)
            self.fails('more than 16 MiB', packed)

    def test_cabinet_without_the_file(self):
        self.fails(r'no file called NTLDR.*: NTDETECT\.COM, BOOT\.INI$',
                   packers.cabinet([('NTDETECT.COM', b'1'), ('BOOT.INI', b'2')]))
        self.fails('more than one file called NTLDR', packers.cabinet([('i386\\NTLDR', b'1'), ('alpha\\ntldr', b'2')]))
        self.fails(r': a\?\[31m, b$', packers.cabinet([('a\x1b[31m', b'1'), ('b', b'2')]))

    def test_cabinet_that_goes_on_in_another(self):
        data = contents()
        for method in (packers.STORED, packers.ZIP):
            self.fails('a part is missing|too early',
                       packers.cabinet([('NTLDR', data)], method, flags=2, lengths=[len(data) + 9999]))

    def test_a_method_or_window_that_is_none(self):
        for method in (2, 0x1F02, 3, 0x0E03, 0x1603, 4, 15):
            self.fails('damaged', packers.cabinet([('NTLDR', contents())], method))

    def test_packed_twice_and_nothing(self):
        self.fails('SZDD in MSCF', packers.cabinet([('NTLDR', packers.szdd(contents()))]))
        self.fails('holds nothing', packers.szdd(b''))
        self.fails('holds nothing', packers.cabinet([('NTLDR', b'')], packers.STORED))

    def test_only_the_first_letters(self):
        for name in (b'SZDD', b'KWAJ', b'MSCF'):
            self.fails('only begins like one|too early', name)
            self.fails('only begins like one|too early', name + b' is a fine word' * 9)

    def test_chance(self):
        """A byte changed anywhere: the right bytes, an error, or (SZDD has no checksum) as many bytes."""
        data, chance = contents()[25000:33000], random.Random(4)
        for packed in (packers.szdd(data), packers.kwaj(data, packers.LZH), packers.cabinet([('NTLDR', data)])):
            for _ in range(60):
                damaged = bytearray(packed)
                damaged[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
                self.run_expand(bytes(damaged), 'NTLDR')  # the sanitizers watch


class Facts(ExpandCase):
    def facts(self, data):
        (self.dir / 'file').write_bytes(data)
        done = self.call('facts', self.dir / 'file')
        self.assertEqual(done.stderr, b'')
        lines = [line.split(' ', 1) for line in done.stdout.decode().splitlines()]
        found = dict(line for line in lines if line[0] != 'import')
        found['imports'] = [value for name, value in lines if name == 'import']
        return found

    def driver(self, name1='SCSIPORT.SYS', name2='HAL.dll', subsystem='native', padding=16, resource=b''):
        base = 0x10000
        (self.dir / 'd.asm').write_text(DRIVER)
        subprocess.run(['nasm', '-f', 'win32', f'-DBASE={base}', f'-DNAME1="{name1}"', f'-DNAME2="{name2}"',
                        f'-DPADDING={padding}', '-o', 'd.o', 'd.asm'], cwd=self.dir, check=True)
        subprocess.run(['ld', '-m', 'i386pe', '--image-base', str(base), '--subsystem', subsystem, '-e', '_entry',
                        '--major-os-version', '3', '--minor-os-version', '51', '--major-image-version', '4',
                        '--minor-image-version', '7', '-o', 'd.sys', 'd.o'], cwd=self.dir, check=True)
        return (self.dir / 'd.sys').read_bytes() + resource

    def test_ntldr_version(self):
        for banner, resource, expected in (
                (b'OS Loader V3.1\r\n', b'', '3.10.0.0'),
                (b'OS Loader V3.5\0', b'', '3.50.0.0'),
                (b'OS Loader V3.51\r\n\0', b'', '3.51.0.0'),
                (b'OS Loader V4.00', b'', '4.0.0.0'),
                (b'OS Loader V4.0', version_resource(4, 0, 1381, 4), '4.0.1381.4'),
                (b'OS Loader V4.01', version_resource(4, 0, 1381, 133), '4.1.1381.133'),
                (b'OS Loader V5.0', version_resource(5, 0, 2195, 6717), '5.0.2195.6717'),
                (b'OS Loader V3.51', version_resource(5, 0, 2195, 1), '3.51.0.0'),
                (b'', version_resource(5, 0, 2195, 1), '5.0.2195.1'),
                (b'OS Loader Version, OS Loader V., OS Loader V5, OS Loader V0.0, OS Loader V4.00', b'', '4.0.0.0'),
                (b'OS Loader V99999.1 OS Loader V3.51', b'', '3.51.0.0'),
                (b'', version_resource(0, 0, 0, 0) + version_resource(5, 0, 2195, 1), '5.0.2195.1'),
                (b'', version_resource(5, 0, 2195, 1).replace(b'\0\0\1\0', b'\0\0\2\0', 1), '0.0.0.0'),
                (b'', b'', '0.0.0.0')):
            with self.subTest(banner=banner, resource=len(resource)):
                self.assertEqual(self.facts(ntldr(banner, resource))['ntldr'], expected)
        for end in range(1, 14):  # cut in the middle of the mark
            self.assertEqual(self.facts(b'OS Loader V4.00'[:end])['ntldr'], '0.0.0.0')
        self.assertEqual(self.facts(version_resource(5, 0, 2195, 1)[:-1])['ntldr'], '0.0.0.0')

    def test_ntldr_doubt(self):
        good = ntldr()
        self.assertEqual(self.facts(good)['ntldr-doubt'], 'none')
        self.assertEqual(self.facts(b'\xeb' + good[1:])['ntldr-doubt'], 'none')
        for data, says in ((packers.szdd(good), 'packed'), (good[:102399], '100 KB'), (b'', '100 KB'),
                           (good + bytes(524289 - len(good)), '512 KB'), (b'MZ' + good[2:], 'MZ'),
                           (bytes(3) + good[3:], 'jump'), (good.replace(b'ntdetect', b'nodetect'), 'NTDETECT')):
            self.assertIn(says, self.facts(data)['ntldr-doubt'])
        for data in (good[:102400], good + bytes(524288 - len(good)), good.replace(b'ntdetect', b'NtDetect')):
            self.assertEqual(self.facts(data)['ntldr-doubt'], 'none')

    def test_bootsect_doubt(self):
        sector = b'\xeb\x3c\x90' + bytes(507) + b'\x55\xaa'
        for data, says in ((sector, 'none'), (sector * 3, 'none'), (sector[:511], '512'), (sector + b'x', '512'),
                           (b'', '512'), (bytes(512), '55 AA'), (sector[:511] + b'\x55', '55 AA')):
            self.assertIn(says, self.facts(data)['bootsect-doubt'])

    def test_file_version(self):
        kernel = self.driver(resource=version_resource(4, 0, 1381, 335))
        self.assertEqual(self.facts(kernel)['file'], '4.0.1381.335')
        self.assertEqual(self.facts(version_resource(4, 0, 1381, 335))['file'], '0.0.0.0')  # no PE file
        self.assertEqual(self.facts(self.driver())['file'], '0.0.0.0')

    def test_driver_of_a_linker(self):
        for names in (('SCSIPORT.SYS', 'HAL.dll'), ('ntoskrnl.exe', 'Class2.sys'), ('a', 'x' * 63)):
            found = self.facts(self.driver(*names))
            shown = subprocess.run(['objdump', '-p', 'd.sys'], cwd=self.dir, check=True, stdout=subprocess.PIPE,
                                   text=True).stdout
            self.assertEqual(found['imports'], re.findall(r'DLL Name: (\S+)', shown))
            self.assertEqual(found['imports'], list(names))
            self.assertEqual((found['pe'], found['end']), (str(OK), str(NOT_FOUND)))
            self.assertEqual((found['machine'], found['subsystem']), ('14c', '1'))
            self.assertEqual((found['os'], found['image']), ('3.51', '4.7'))
            for name, value in (('MajorOSystemVersion', 3), ('MinorOSystemVersion', 51), ('MajorImageVersion', 4),
                                ('MinorImageVersion', 7)):
                self.assertRegex(shown, rf'{name}\s+{value}\b')

    def test_names_that_are_none(self):
        for name in ('x' * 64, '..\\x.sys', 'a/b', 'C:x', 'a b', 'a\x80'):
            found = self.facts(self.driver('HAL.dll', name))
            self.assertEqual((found['imports'], found['end']), (['HAL.dll'], str(CORRUPT)), name)

    def test_ntbootdd_doubt(self):
        good = self.driver()
        self.assertEqual(self.facts(good)['ntbootdd-doubt'], 'none')
        self.assertEqual(self.facts(self.driver('NTOSKRNL.EXE', 'scsiport.sys'))['ntbootdd-doubt'], 'none')
        at = good.index(struct.pack('<I', 0x4550)) + 4
        for data, says in ((packers.szdd(good), 'packed'), (self.driver(padding=60000) + bytes(6000), '64 KB'),
                           (good[:at] + b'\x84\x01' + good[at + 2:], 'processor'),
                           (b'not a driver', 'no PE header'), (self.driver(subsystem='console'), 'not a driver'),
                           (self.driver('CLASS2.SYS'), 'miniport'), (self.driver('a b'), 'damaged')):
            self.assertIn(says, self.facts(data)['ntbootdd-doubt'])

    def test_our_own_uefi_loader_is_for_another_processor(self):
        found = self.facts((BUILD / 'BOOTX64.EFI').read_bytes())
        self.assertEqual((found['pe'], found['machine'], found['imports']), (str(UNSUPPORTED), '8664', []))


if __name__ == '__main__':
    unittest.main()
