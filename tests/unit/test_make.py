#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The build itself: the same bytes wherever it is built, nothing rebuilt without need, install, and the format of C.

Owns no code under test but the Makefile; builds a copy of what git knows (and of new files it does not ignore) in a
temporary folder of another name.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get('MKB_BUILD', ROOT / 'build'))
PRODUCTS = ('mkbootdisk', 'fat12.bin', 'mbr.bin', 'int13.bin', 'STAGE2.BIN', 'mkbootdisk.0', 'BOOTX64.EFI',
            'BOOTIA32.EFI')


def make(folder, *words):
    environment = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MKB_BUILD', 'MAKELEVEL')}
    return subprocess.run(['make', '-C', folder, *words], env=environment, capture_output=True, text=True)


def sources():
    listing = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT,
                             capture_output=True, text=True)
    return [name for name in listing.stdout.split('\0') if name and (ROOT / name).is_file()]


class Make(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix='mkbootdisk-elsewhere-'))
        for name in sources():
            (cls.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, cls.folder / name)
        cls.first = make(cls.folder, '-j2', 'all')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_builds_alone(self):
        self.assertEqual(self.first.returncode, 0, self.first.stderr[-2000:])
        self.assertNotIn('warning', self.first.stderr.lower())

    def test_size_lists_every_loader(self):
        said = make(self.folder, '-s', 'size').stdout
        for name in ('STAGE2.BIN', 'mkbootdisk.0', 'BOOTX64.EFI', 'BOOTIA32.EFI'):
            size = (self.folder / 'build' / name).stat().st_size
            self.assertRegex(said, r'(?m)^%s +%d +%d\b' % (name, size, -(-size // 512)))

    def test_same_bytes_in_another_folder(self):
        for name in PRODUCTS:
            with self.subTest(name=name):
                self.assertEqual((self.folder / 'build' / name).read_bytes(), (BUILD / name).read_bytes())

    def test_nothing_is_rebuilt(self):
        again = make(self.folder, 'all')
        self.assertEqual(again.stdout.count('\n'), again.stdout.count('make'), again.stdout)

    def test_one_source_rebuilds_what_depends_on_it(self):
        tool = self.folder / 'build' / 'mkbootdisk'
        before = tool.stat().st_mtime_ns
        header = self.folder / 'loader' / 'mirror' / 'decide.h'
        os.utime(header)
        make(self.folder, 'all')
        self.assertGreater(tool.stat().st_mtime_ns, before)

    def test_install(self):
        with tempfile.TemporaryDirectory() as root:
            done = make(self.folder, 'install', f'DESTDIR={root}', 'PREFIX=/opt/x')
            self.assertEqual(done.returncode, 0, done.stderr)
            found = {str(p.relative_to(root)) for p in pathlib.Path(root).rglob('*') if p.is_file()}
            self.assertEqual(found, {'opt/x/bin/mkbootdisk', 'opt/x/share/man/man1/mkbootdisk.1',
                                     'opt/x/share/mkbootdisk/BOOTX64.EFI',
                                     'opt/x/share/mkbootdisk/BOOTIA32.EFI'})
            make(self.folder, 'uninstall', f'DESTDIR={root}', 'PREFIX=/opt/x')
            self.assertEqual([p for p in pathlib.Path(root).rglob('*') if p.is_file()], [])

    def test_sizes_within_budget(self):
        done = make(self.folder, 'size')
        self.assertEqual(done.returncode, 0, done.stdout)


class Sources(unittest.TestCase):
    def test_format(self):
        version = subprocess.run(['clang-format', '--version'], capture_output=True, text=True).stdout
        if ' version 14.' not in version:
            self.skipTest('clang-formats of other versions than 14 disagree with it')
        files = [name for name in sources() if name.endswith(('.c', '.h')) and 'vectors' not in name]
        done = subprocess.run(['clang-format', '--dry-run', '-Werror', *files], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[:3000])

    def test_every_source_names_its_licence(self):
        for name in sources():
            if name.endswith(('.c', '.h', '.asm', '.py', '.sh', '.def', '.ld', '.mk')):
                head = (ROOT / name).read_text(encoding='utf-8', errors='replace')[:300]
                self.assertIn('SPDX-License-Identifier: MIT', head, name)


if __name__ == '__main__':
    unittest.main()
