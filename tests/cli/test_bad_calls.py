# SPDX-License-Identifier: MIT
"""Wrong options, outputs that cannot or must not be written, missing tools, full disks and interrupts: a message that
helps, the documented exit code, no byte changed and nothing left behind.

Owns everything that may be wrong besides the disks themselves, which are test_bad_input.py's.
"""
import os
import re
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from cli import DONE, FOUND, IO, REFUSED, ROOT, TOOL, USAGE, CliCase, snapshot


COMMANDS = ('build', 'write', 'survey', 'check', 'break', 'retire', 'promote', 'undo', 'journal', 'log', 'lab', 'explain')
GEOMETRIES = ('', '255', '255/', '/63', '0/63', '256/63', '255/0', '255/64', '255/63/1', '255x63', 'x/y', '-1/63',
              '99999999999/63')


class BadOptions(CliCase):
    def test_no_command(self):
        result = self.unchanged(USAGE)
        self.assertIn('usage:', result.err)

    def test_unknown_command(self):
        self.complains(USAGE, "'biuld'", 'biuld')

    def test_help(self):
        for words in (['--help'], ['help'], ['--version']) + tuple(
                [name, '--help'] for name in COMMANDS):
            with self.subTest(words=words):
                result = self.unchanged(DONE, *words)
                self.assertIn('mkbootdisk', result.out)
                self.assertEqual(result.err, '')

    def test_unknown_option(self):
        self.pair()
        for command in COMMANDS:
            for option in ('--no-such', '-z', '--json=x' if command in ('survey', 'check') else '--help=x'):
                with self.subTest(command=command, option=option):
                    result = self.unchanged(USAGE, command, option, self.a, self.b)
                    self.assertIn("see 'mkbootdisk %s --help'" % command, result.err)
                    for line in result.err.splitlines():
                        self.assertTrue(line.startswith('mkbootdisk: '), line)

    def test_bad_values(self):
        self.pair()
        bad = {'build': [('--format', '1441'), ('--format', ''), ('--format', 'x'), ('--loader', 'grub'),
                         ('--break', 'maybe'), ('--timeout', '-2'), ('--timeout', '1000'), ('--timeout', '5s'),
                         ('--timeout', ''), ('--timeout', '99999999999999999999'), ('--serial', 'com3'),
                         ('--nt-path', 'WINNT'), ('--nt-path', 'C:\\WINNT'), ('--nt-path', ''),
                         ('--nt-path', '\\' + 'x' * 80), ('--nt-path', '\\WIN"NT'), ('--nt-path', '\\A\r\nB'),
                         ('--nt-path', '\\A]B\n')],
               'break': [('--keep', 'both'), ('--keep', '')] + [('--geometry', text) for text in GEOMETRIES],
               'promote': [('--geometry', text) for text in GEOMETRIES]}
        for command in ('break', 'retire', 'promote'):
            bad.setdefault(command, []).extend(('--set', text) for text in ('0', '5', 'one', ''))
        needed = {'build': ['-o', self.dir / 'out.img'], 'break': ['--write']}
        for command, cases in bad.items():
            for option, value in cases:
                with self.subTest(command=command, option=option, value=value):
                    more = needed.get(command, ['--write', '--disk', 'shadow'])
                    self.complains(USAGE, option, command, option, value, *more, self.a, self.b)

    def test_every_command_is_in_the_list_and_in_the_manual(self):
        listed = re.findall(r'^  (\w+)  +\S', self.must(DONE, '--help').out, re.M)
        self.assertLessEqual(set(COMMANDS), set(listed))
        manual = (ROOT / 'docs' / 'mkbootdisk.1').read_text()
        synopsis, rest = manual.split('.SH DESCRIPTION')
        self.assertEqual(sorted(set(re.findall(r'^\.B mkbootdisk (\w+)', synopsis, re.M))), sorted(listed))
        self.assertLessEqual(set(listed), set(re.findall(r'^\.B (\w+)$', rest, re.M)))

    def test_every_option_is_in_the_manual(self):
        manual = (ROOT / 'docs' / 'mkbootdisk.1').read_text().replace('\\-', '-')
        for command in re.findall(r'^  (\w+)  +\S', self.must(DONE, '--help').out, re.M):
            options = set(re.findall(r'--[a-z][a-z-]+', self.must(DONE, command, '--help').out))
            self.assertGreater(len(options), 0, command)
            for option in options:
                with self.subTest(command=command):
                    self.assertRegex(manual, option + r'(?![\w-])')

    def test_which_disk(self):
        self.pair()
        for command in ('retire', 'promote'):
            with self.subTest(command=command):
                self.complains(USAGE, ['--disk primary', '--disk SIGNATURE'], command, '--write', self.a, self.b)
                self.complains(USAGE, 'give one to', command, '--write', '--disk', 'primary')

    def test_undo_places_that_are_none(self):
        self.pair()
        for words in ([], ['--retire']):
            call = ['break', '--write', '--keep', 'primary', *words, self.a, self.b]
            with self.subTest(words=words):
                self.complains(IO, 'nowhere', *call, '--bootdisk', self.dir / 'nowhere')
                self.complains(IO, [r'a\.img'], *call, '--bootdisk', self.a)
                self.complains(IO, ['nowhere/undo', '--undo-file'], *call, '--undo-file', self.dir / 'nowhere/undo')

    def test_no_such_set(self):
        self.pair()
        self.complains(USAGE, ['mirror 2', 'survey'], 'break', '--set', '2', '--write', self.a, self.b)
        for command in ('retire', 'promote'):
            self.complains(FOUND, ['mirror 2', 'signature'], command, '--disk', 'shadow', '--set', '2', '--write',
                           self.a, self.b)

    def test_build_without_output(self):
        self.pair()
        self.complains(USAGE, '-o', 'build', self.a, self.b)

    def test_empty_names(self):
        self.pair()
        self.complains(IO, 'No such file', 'build', '-o', '', self.a, self.b)
        self.complains(IO, 'No such file', 'survey', '', self.b)

    def test_classic_needs_ntldr(self):
        self.pair()
        self.complains(USAGE, '--ntldr', 'build', '--loader=ntldr', '-o', self.dir / 'out.img', self.a, self.b)


class BadOutput(CliCase):
    def setUp(self):
        super().setUp()
        self.pair()

    def refuses(self, code, says, output, *options, **more):
        return self.complains(code, says, 'build', '-o', output, *options, self.a, self.b, **more)

    def test_folder_is_missing(self):
        self.refuses(IO, 'nowhere/ft.img', self.dir / 'nowhere' / 'ft.img')

    def test_below_a_file(self):
        self.refuses(IO, 'a.img/ft.img', self.a / 'ft.img')

    def test_is_a_directory(self):
        self.refuses(USAGE, ['cwd', 'directory'], self.dir / 'cwd')
        self.refuses(USAGE, ['cwd', 'directory'], str(self.dir / 'cwd') + '/')

    def test_folder_is_read_only(self):
        folder = self.dir / 'locked'
        folder.mkdir()
        folder.chmod(0o555)
        self.refuses(IO, ['locked/ft.img', 'denied|Read-only'], folder / 'ft.img', **self.anyone())

    def test_file_is_read_only(self):
        out = self.write('ft.img', b'precious')
        out.chmod(0o444)
        self.refuses(IO, [r'ft\.img', 'denied'], out, **self.anyone())

    def test_is_an_input(self):
        ntldr = self.write('ntldr', b'N' * 5000)
        (self.dir / 'soft').symlink_to(self.a)
        os.link(self.b, self.dir / 'hard')
        for output in (self.a, self.b, self.dir / 'soft', self.dir / 'hard', self.dir / 'cwd' / '..' / 'a.img'):
            with self.subTest(output=output.name):
                self.refuses(REFUSED, [output.name, 'input'], output)
        for option in ('--ntldr', '--ntdetect', '--ntbootdd', '--bootsect'):
            with self.subTest(option=option):
                self.refuses(REFUSED, ['ntldr', 'input'], ntldr, option, ntldr)

    def test_neighbour_named_part_survives(self):
        """What is written first, beside the output, must not be one of the user's files."""
        part = self.write('ft.img.part', b'precious')
        self.must(DONE, 'build', '-o', self.dir / 'ft.img', self.a, self.b)
        self.assertTrue(part.exists() and part.read_bytes() == b'precious')

    def test_neighbour_that_is_a_disk_survives(self):
        (self.dir / 'ft.img.part').symlink_to(self.a)
        before = snapshot(self.dir)
        self.run_tool('build', '-o', self.dir / 'ft.img', self.a, self.b)
        after = snapshot(self.dir)
        after.pop('ft.img', None)
        self.assertEqual(before, after)

    def test_devices_and_pipes(self):
        fifo = self.dir / 'fifo'
        os.mkfifo(fifo)
        for output in (fifo, '/dev/full', '/dev/null'):
            with self.subTest(output=str(output)):
                self.refuses(USAGE, ['block device'], output)

    def test_drive_that_is_not_there(self):
        self.refuses(IO, ['/dev/fd9', 'no such device'], '/dev/fd9')
        self.assertFalse(os.path.lexists('/dev/fd9'))

    @unittest.skipUnless(os.access('/dev/shm', os.W_OK), 'no /dev/shm')
    def test_file_below_dev(self):
        with tempfile.TemporaryDirectory(dir='/dev/shm') as folder:
            self.must(DONE, 'build', '-o', os.path.join(folder, 'ft.img'), self.a, self.b)
            self.assertEqual(os.listdir(folder), ['ft.img'])

    def test_through_a_link(self):
        """A link to a file, or to nothing, is followed or refused; never is another file harmed."""
        (self.dir / 'link').symlink_to(self.dir / 'real.img')
        self.must(DONE, 'build', '-o', self.dir / 'link', self.a, self.b)
        self.assertEqual((self.dir / 'link').stat().st_size, 1440 * 1024)

    def limited(self, size, **more):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and children inherit that
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return self.refuses(IO, r'\.img|mkbootdisk\.|mformat|mcopy', self.dir / 'out.img', preexec_fn=limit, **more)

    def test_disk_full(self):
        """At every stage: the work folder's files, the image made by mtools, the output itself."""
        for size in (0, 100, 512, 1024, 8192, 40000, 200000, 1440 * 1024 - 1):
            with self.subTest(size=size):
                self.limited(size)

    def test_disk_full_keeps_the_old_boot_disk(self):
        self.write('out.img', b'the boot disk of last year')
        self.limited(1440 * 1024 - 1)

    def test_temporary_folder(self):
        locked = self.dir / 'locked'
        locked.mkdir()
        locked.chmod(0o555)
        cases = {'missing': (self.dir / 'nowhere', {}), 'a file': (self.a, {}), 'locked': (locked, self.anyone()),
                 'too long': ('/' + 'x' * 5000, {})}
        for name, (folder, more) in cases.items():
            with self.subTest(folder=name):
                out = self.dir / 'cwd' / 'out.img'
                self.complains(IO, 'TMPDIR', 'build', '-o', out, self.a, self.b, env=dict(TMPDIR=str(folder)), **more)

    def test_mtools_missing(self):
        empty = self.dir / 'empty'
        empty.mkdir()
        self.refuses(IO, 'Install mtools', self.dir / 'out.img', env=dict(PATH=str(empty)))

    def stand_in(self, name, script):
        folder = self.dir / 'bin'
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text('#!/bin/sh\n' + script)
        path.chmod(0o755)
        return dict(env=dict(PATH='%s:%s' % (folder, os.environ['PATH'])))

    def test_mtools_fails(self):
        for tool, script in (('mformat', 'echo broken >&2; exit 1'), ('mcopy', 'exit 3'), ('mcopy', 'kill -9 $$'),
                             ('mformat', 'exit 0'), ('mcopy', 'exit 0')):
            with self.subTest(tool=tool, script=script):
                self.refuses(IO, 'mformat|mcopy|MIRROR.INI|[.]img', self.dir / 'out.img',
                             **self.stand_in(tool, script))
            (self.dir / 'bin' / tool).unlink()

    def test_interrupted(self):
        """Ctrl-C, kill and a closed terminal, while mtools run."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            started = self.dir / 'bin' / 'started'
            options = self.stand_in('mcopy', ': > %s; exec sleep 30\n' % started)
            self.write('out.img', b'old')
            before = snapshot(self.dir)
            child = subprocess.Popen([TOOL, 'build', '-o', self.dir / 'out.img', self.a, self.b],
                                     env=self.env(**options['env']), cwd=self.dir / 'cwd', start_new_session=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            while not started.exists() and child.poll() is None:
                time.sleep(0.01)
            self.assertIsNone(child.poll())
            os.killpg(child.pid, number)  # as a terminal does: to the tool and to mcopy
            child.communicate(timeout=10)
            started.unlink()
            with self.subTest(signal=number.name):
                self.assertEqual(before, snapshot(self.dir))
                self.assertIn(child.returncode, (128 + number, -number))

    def test_killed_alone_leaves_no_child_writing(self):
        """A signal to the tool alone: what it made vanishes although mcopy still runs."""
        started = self.dir / 'bin' / 'started'
        options = self.stand_in('mcopy', ': > %s; exec sleep 2\n' % started)
        before = snapshot(self.dir)
        child = subprocess.Popen([TOOL, 'build', '-o', self.dir / 'out.img', self.a, self.b],
                                 env=self.env(**options['env']), cwd=self.dir / 'cwd',
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not started.exists() and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=10)
        started.unlink()
        self.assertEqual(before, snapshot(self.dir))

    def test_output_goes_nowhere(self):
        """A full or closed standard output is an I/O error, not a success."""
        with open('/dev/full', 'wb') as full:
            for command in (['survey', self.a, self.b], ['survey', '--json', self.a, self.b], ['--help'],
                            ['build', '--help'], ['--version']):
                with self.subTest(command=command[0]):
                    self.unchanged(IO, *command, stdout=full)

    def test_broken_pipe(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = self.run_tool('survey', self.a, self.b, stdout=writer, restore_signals=True)
        os.close(writer)
        self.assertIn(result.code, (IO, -signal.SIGPIPE))


class BadFiles(CliCase):
    """What is given to be copied onto the boot disk."""

    def setUp(self):
        super().setUp()
        self.pair()

    def refuses(self, code, says, option, path, *more, **options):
        return self.complains(code, says, 'build', '-o', self.dir / 'out.img', option, path, *more, self.a, self.b,
                              **options)

    def test_each(self):
        (self.dir / 'folder').mkdir()
        cases = {'missing': (self.dir / 'none', IO, 'none'), 'empty': (self.write('empty'), IO, 'is empty'),
                 'folder': (self.dir / 'folder', USAGE, 'folder'), '/dev/zero': ('/dev/zero', USAGE, '/dev/zero'),
                 'huge': (self.write('huge', bytes(3 << 20)), IO, '3145728 bytes'),
                 'packed': (self.write('ntldr.ex_', b'SZDD\x88\xf0\x27\x33A' + bytes(99)), IO, 'packed'),
                 'kwaj': (self.write('kwaj', b'KWAJ\x88\xf0\x27\xd1' + bytes(99)), IO, 'packed'),
                 'cabinet': (self.write('cab', b'MSCF' + bytes(99)), IO, 'packed')}
        for option in ('--ntldr', '--ntdetect', '--ntbootdd', '--bootsect'):
            for name, (path, code, says) in cases.items():
                with self.subTest(option=option, name=name):
                    self.refuses(code, [says], option, path)

    def test_too_large_for_the_floppy(self):
        large = self.write('ntldr', b'N' * 800000)
        self.refuses(IO, ['ntldr', '800000', '720 KB', '--format 2880'], '--ntldr', large, '--format', '720')
        larger = self.write('ntbootdd', b'N' * 900000)
        self.refuses(IO, ['ntbootdd', '1440 KB', '--format'], '--ntldr', large, '--ntbootdd', larger)

    def test_hint_fits_the_format(self):
        """Who has the largest floppy already is not told to take it."""
        files = [self.write('n%d' % n, b'N' * 1500000) for n in range(2)]
        result = self.unchanged(IO, 'build', '-o', self.dir / 'out.img', '--format', '2880', '--ntldr', files[0],
                                '--ntdetect', files[1], self.a, self.b)
        self.assertNotIn('Use --format 2880', result.err)

    def test_fifo_does_not_hang(self):
        fifo = self.dir / 'fifo'
        os.mkfifo(fifo)
        try:
            self.refuses(USAGE, 'fifo', '--ntldr', fifo, timeout=3)
        except subprocess.TimeoutExpired:
            self.fail('build waits for a FIFO')

    def test_unreadable(self):
        secret = self.write('ntldr', b'N' * 999)
        secret.chmod(0)
        (self.dir).chmod(0o777)
        self.refuses(IO, ['ntldr', 'denied'], '--ntldr', secret, **self.anyone())

    def test_a_disk_is_no_file(self):
        self.refuses(IO, [r'a\.img', '8388608 bytes'], '--ntldr', self.a)

    def test_large_driver_is_only_a_warning(self):
        driver = self.write('driver.sys', b'D' * 70000)
        result = self.must(DONE, 'build', '-o', self.dir / 'out.img', '--ntbootdd', driver, self.a, self.b)
        self.assertRegex(result.err, r'driver\.sys.*64 KB')


if __name__ == '__main__':
    unittest.main()
