# SPDX-License-Identifier: MIT
"""`mkbootdisk write`: what is on the medium afterwards, what may be written, and how it asks and tells.

What the written disk does when it is started is tests/e2e's business: it is the image, byte for byte.
"""
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import unittest

import cli
from cli import DONE, IO, REFUSED, SECTOR, SMALL, TOOL, USAGE, cut_library
from writecase import FLOPPY, OLD, PIECE, WriteCase, built_floppy, sbin


class Written(WriteCase):
    def test_new_file(self):
        self.medium.unlink()
        result = self.must(DONE, *self.call())
        self.assert_written()
        self.assertEqual(self.medium.stat().st_size, FLOPPY * SECTOR)
        self.assertRegex(result.out, r'medium: 1474560 bytes were written and read back')
        self.assertEqual(result.err, '')

    def test_new_file_follows_umask(self):
        self.medium.unlink()
        self.must(DONE, *self.call(), preexec_fn=lambda: os.umask(0o027))
        self.assertEqual(self.medium.stat().st_mode & 0o777, 0o640)

    def test_file_of_the_same_size_and_a_larger_one(self):
        for sectors in (FLOPPY, FLOPPY + 1, 20000):
            with self.subTest(sectors=sectors):
                self.fill(sectors)
                self.must(DONE, *self.call())
                self.assert_written()
                self.assertEqual(self.medium.stat().st_size, sectors * SECTOR)

    def test_every_floppy(self):
        for kilobytes in ('720', '1200', '2880'):
            with self.subTest(kilobytes=kilobytes):
                shutil.copy(built_floppy('--format', kilobytes), self.image)
                self.fill(5760)
                self.must(DONE, *self.call())
                self.assert_written()

    def test_block_device(self):
        for env in ({}, dict(DEVICE_CACHED='1')):
            with self.subTest(env=env):
                self.fill(FLOPPY)
                self.block()
                self.must(DONE, *self.call(), **self.preload(**env))
                self.assert_written()

    def test_the_prompt_to_check_it_works(self):
        self.must(DONE, *self.call())
        pair = cli.recipe_pair(**SMALL)
        self.must(DONE, 'check', self.medium, *pair)

    def test_written_again(self):
        """A boot disk without an undo is nothing to keep."""
        self.must(DONE, *self.call())
        result = self.must(DONE, *self.call())
        self.assertIn('a boot disk of mkbootdisk', result.out)

    def test_first_sector_is_blank_until_the_end(self):
        """Wherever it is cut off, there is nothing that would start."""
        log = self.dir / 'log'
        self.must(DONE, *self.call(), **self.preload(DEVICE_LOG=str(log)))
        writes = [line.split() for line in log.read_text().splitlines() if line.startswith('write')]
        offsets = [int(offset) for _, offset, _, _ in writes]
        self.assertEqual(writes[0][1:], ['0', str(SECTOR), '0'])
        self.assertEqual(writes[1][1:], ['0', str(PIECE * SECTOR), '0'])
        self.assertEqual(writes[-1][1:], ['0', str(SECTOR), '235'])  # EBh, the jump a boot sector begins with
        self.assertEqual(offsets[1:-1], list(range(0, FLOPPY * SECTOR, PIECE * SECTOR)))

    def test_json(self):
        for words, state, done in ((['--write'], 'done', 1474560), (['--dry-run'], 'dry-run', 0)):
            found = json.loads(self.must(DONE, 'write', '--json', *words, self.image, self.medium).out)
            self.assertEqual(found, dict(image=str(self.image), kind='floppy', device=str(self.medium), bytes=1474560,
                                         state=state, written=done, compared=done, bad=[]))

    def test_tells_what_the_medium_is(self):
        self.block()
        found = self.unchanged(DONE, 'write', '--dry-run', self.image, self.medium, **self.preload()).out
        self.assertRegex(found, 'medium: Memory Key, removable, 1474560 bytes; on it now: ')

    def test_tells_what_is_lost(self):
        def fdisk():
            self.fill(8192)
            subprocess.run(['sfdisk', '-q', self.medium], input=b'start=2048,size=2048,type=c\ntype=7\n', check=True, env=sbin())

        def mkfs():
            self.fill(8192)
            subprocess.run(['mkfs.fat', self.medium], check=True, env=sbin(), stdout=subprocess.DEVNULL)
        cases = {'2 partitions, the first of type 0Ch': fdisk, 'a file system without a partition table': mkfs,
                 'no partition table': lambda: self.fill(FLOPPY),
                 'nothing in its first sector': lambda: self.medium.write_bytes(bytes(FLOPPY * SECTOR))}
        for words, make in cases.items():
            with self.subTest(words=words):
                make()
                self.assertIn('on it now: %s.' % words, self.unchanged(
                    DONE, 'write', '--dry-run', self.image, self.medium).out)


class Images(WriteCase):
    def setUp(self):
        super().setUp()
        self.fill(16384)

    def disk_image(self):
        self.image.write_bytes(bytes(8192 * SECTOR))
        subprocess.run(['sfdisk', '-q', self.image], input=b'start=63,type=6\n', check=True, env=sbin())

    def iso(self, blocks=400, claims=None, hybrid=False):
        raw = bytearray(os.urandom(blocks * 2048))
        raw[:SECTOR] = bytes(SECTOR)
        raw[16 * 2048:16 * 2048 + 7] = b'\1CD001\1'
        struct.pack_into('<I', raw, 16 * 2048 + 80, claims or blocks)
        if hybrid:
            raw[510:512] = b'\x55\xaa'
        self.image.write_bytes(raw)

    def kind(self):
        """What it says of the image, after writing it."""
        plain = self.unchanged(DONE, 'write', '--dry-run', self.image, self.medium).out.splitlines()[0]
        found = json.loads(self.must(DONE, *self.call('--json')).out)
        self.assert_written()
        return found['kind'], plain.split(': ')[1]

    def test_disk(self):
        self.disk_image()
        self.assertEqual(self.kind(), ('disk', 'a disk image, 4194304 bytes.'))

    def test_volume_without_a_table(self):
        self.image.write_bytes(bytes(9000 * SECTOR))
        subprocess.run(['mkfs.fat', self.image], check=True, env=sbin(), stdout=subprocess.DEVNULL)
        self.assertEqual(self.kind()[0], 'disk')

    def test_iso(self):
        self.iso()
        kind, text = self.kind()
        self.assertEqual(kind, 'iso')
        self.assertRegex(text, 'an ISO 9660 image, 819200 bytes; .*not from a stick')
        self.iso(hybrid=True, blocks=3000)
        self.fill(16384)
        self.assertEqual(self.kind(), ('iso', 'an ISO 9660 image, 6144000 bytes.'))

    def test_one_that_another_tool_made(self):
        if not shutil.which('xorriso'):
            self.skipTest('no xorriso')
        (self.dir / 'tree').mkdir()
        (self.dir / 'tree' / 'file').write_bytes(b'x' * 5000)
        subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', self.image, self.dir / 'tree'], check=True,
                       stderr=subprocess.DEVNULL)
        self.assertEqual(self.kind()[0], 'iso')

    def bad(self, says, code=IO):
        self.complains(code, [r'ft\.img'] + says, *self.call())

    def test_not_complete(self):
        whole = self.image.read_bytes()
        self.image.write_bytes(whole[:-SECTOR])
        self.bad(['1474048 bytes', '1474560', 'again'])
        self.image.write_bytes(whole[:-1])
        self.bad(['511 bytes into a sector'])
        self.disk_image()
        os.truncate(self.image, 8191 * SECTOR)
        self.bad(['4193792 bytes', '4194304'])
        self.iso(claims=401)
        self.bad(['819200 bytes', str(401 * 2048)])

    def test_no_boot_disk(self):
        self.image.write_bytes(bytes(FLOPPY * SECTOR))
        self.bad(['sector 0', '55 AA'])
        self.image.write_bytes(bytes(9000 * SECTOR))
        self.bad(['sector 0', '55 AA'])
        self.image.write_bytes(bytes(10))
        self.bad(['10 bytes'])
        self.image.unlink()
        self.bad(['No such file'])
        self.image.mkdir()
        self.bad(['directory'], code=USAGE)

    def test_floppy_of_another_system(self):
        self.image.write_bytes(bytes(FLOPPY * SECTOR))
        subprocess.run(['mkfs.fat', self.image], check=True, env=sbin(), stdout=subprocess.DEVNULL)
        self.bad(['MIRROR.INI'])

    def test_disk_of_a_mirror(self):
        """The names in the wrong order."""
        pair = self.pair()
        self.complains(REFUSED, ['a\\.img: is a disk with half of a mirror', 'boot disk first'], 'write', '--write', pair[0],
                       self.medium)

    def test_cannot_be_read(self):
        """A sector of it, in either pass."""
        for offset in (100 * SECTOR, 0, 1474559):
            with self.subTest(offset=offset):
                self.fill(FLOPPY)
                result = self.must(IO, *self.call(), env=dict(LD_PRELOAD=cut_library(),
                                                              CUT_READ='%s:%d' % (self.image, offset)))
                self.assertRegex(result.err, r'ft\.img')
                if offset:
                    self.assert_does_not_start()
                    self.assertRegex(result.err, r'Input/output error.*medium: it is not bootable now')


class Asking(WriteCase):
    def answer(self, text, *options):
        """The call at a terminal; returns exit code and what the terminal showed."""
        master, slave = pty.openpty()
        child = subprocess.Popen([TOOL, 'write', *options, self.image, self.medium], stdin=slave, stdout=slave, stderr=slave,
                                 env=self.env(), cwd=self.dir / 'cwd', start_new_session=True)
        os.close(slave)
        shown, sent = b'', False
        while block := self.read(master, child):
            shown += block
            if not sent and b'(yes/no)' in shown:
                os.write(master, text)
                sent = True
        os.close(master)
        return child.wait(), shown.decode()

    def read(self, master, child):
        if not select.select([master], [], [], 20)[0]:
            child.kill()
            self.fail('no answer')
        try:
            return os.read(master, 4096)
        except OSError:  # the last writer is gone
            return b''

    def test_yes(self):
        code, shown = self.answer(b'yes\n')
        self.assertEqual(code, DONE, shown)
        self.assertRegex(shown, r'(?s)That is overwritten.*Write this\?')  # it is shown before it is asked
        self.assert_written()

    def test_anything_else(self):
        for text in (b'no\n', b'\n', b'yes please\n', b'\x04'):
            with self.subTest(text=text):
                code, shown = self.answer(text)
                self.assertEqual(code, REFUSED)
                self.assertRegex(shown, 'nothing was written')
                self.assertEqual(self.medium.read_bytes(), OLD * SECTOR * FLOPPY)

    def test_no_terminal(self):
        self.complains(REFUSED, ['--write', '--dry-run'], 'write', self.image, self.medium)
        self.medium.unlink()
        self.complains(REFUSED, ['--write', '--dry-run'], 'write', self.image, self.medium)

    def test_json_does_not_ask(self):
        self.complains(REFUSED, ['--write', '--dry-run'], 'write', '--json', self.image, self.medium)
        self.assertEqual(self.answer(b'yes\n', '--json')[0], REFUSED)

    def test_dry_run(self):
        for options in ((), ('--write',), ('--json',)):
            self.unchanged(DONE, 'write', '--dry-run', *options, self.image, self.medium)
        self.medium.unlink()
        self.assertIn('a new file', self.unchanged(DONE, 'write', '--dry-run', self.image, self.medium).out)

    def test_progress_on_a_terminal(self):
        code, shown = self.answer(b'', '--write')
        self.assertEqual(code, DONE)
        for what in ('writing', 'reading back'):
            found = [(int(percent), int(count)) for percent, count in
                     re.findall(what + r': +(\d+) %, (\d+) of 1474560 bytes', shown)]
            self.assertEqual(found[-1], (100, 1474560))
            self.assertEqual(found, sorted(set(found)))
            self.assertGreater(len(found), 20)
            for percent, count in found:
                self.assertEqual(percent, count * 100 // 1474560)

    def test_operands(self):
        for words in ([], [self.image], [self.image, self.medium, self.medium]):
            self.complains(USAGE, 'give the boot disk and the device', 'write', '--write', *words)


if __name__ == '__main__':
    unittest.main()
