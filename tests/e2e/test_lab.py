# SPDX-License-Identifier: MIT
"""`mkbootdisk lab`, as a person or a script runs it: faults, what it leaves behind, the terminal, and what it refuses.

Needs the host tool at $MKB_BUILD/mkbootdisk and QEMU."""
import errno
import hashlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import time
import unittest

import qemu
from qemu import PATIENCE, recipes

TOOL = recipes.build_dir().resolve() / 'mkbootdisk'
NOBODY = 65534
LAB_MOMENT_S = 5  # as its --help says
MAC = '52:54:00:ab:cd:01'
MAC_FILE = 'machines/52-54-00-ab-cd-01.ini'
SCRATCH, DIR = None, None


def tool(*words, **keywords):
    return subprocess.run([TOOL, *words], check=False, capture_output=True, text=True, errors='replace',
                          stdin=keywords.pop('stdin', subprocess.DEVNULL) if 'input' not in keywords else None,
                          timeout=3 * PATIENCE, **keywords)


def build(name, timeout_s):
    result = tool('build', '-o', DIR / name, '--timeout', str(timeout_s), DIR / 'a.img', DIR / 'b.img')
    if result.returncode:
        raise RuntimeError('mkbootdisk build: exit %d: %s' % (result.returncode, result.stderr))


def setUpModule():
    global SCRATCH, DIR
    SCRATCH = tempfile.TemporaryDirectory(prefix='mkb-lab-')
    DIR = pathlib.Path(SCRATCH.name)
    for made, name in zip(recipes.make_pair(DIR / 'pair'), ('a.img', 'b.img')):
        os.rename(made, DIR / name)
    build('ft.img', 1)
    build('patient.img', 30)
    build('asking.img', 'forever')
    make_media()


def make_media():
    """The boot disk as a stick with loaders for UEFI, as a CD with that stick's contents, and as a large stick."""
    recipes.copy_sparse(DIR / 'ft.img', DIR / 'efi.img')
    listing = recipes.run('mdir', '-b', '-/', '-i', DIR / 'efi.img', '::')
    if b'BOOTX64' not in listing:
        recipes.run('mmd', '-i', DIR / 'efi.img', '::EFI', '::EFI/BOOT')
        for name in ('BOOTX64.EFI', 'BOOTIA32.EFI'):
            recipes.run('mcopy', '-i', DIR / 'efi.img', TOOL.parent / name, '::EFI/BOOT/' + name)
    (DIR / 'cd').mkdir()
    recipes.copy_sparse(DIR / 'efi.img', DIR / 'cd' / 'efi.img')
    recipes.run('xorriso', '-as', 'mkisofs', '-quiet', '-o', DIR / 'ft.iso', '-b', 'efi.img', '-eltorito-alt-boot',
                '-e', 'efi.img', '-no-emul-boot', DIR / 'cd')
    recipes.new_image(DIR / 'large.img', 4 << 20)
    recipes.copy_range(DIR / 'ft.img', 0, DIR / 'large.img', 0, os.path.getsize(DIR / 'ft.img'))


    for words in ((), ('--machine', MAC)):
        done = tool('build', '-o', DIR / 'server,1', '--format', 'pxe', '--timeout', '1', *words, DIR / 'a.img', DIR / 'b.img')
        if done.returncode:
            raise RuntimeError(done.stderr)


def tearDownModule():
    SCRATCH.cleanup()


def digests():
    return {name: hashlib.sha1((DIR / name).read_bytes()).hexdigest()
            for name in ('a.img', 'b.img', 'ft.img', 'patient.img', 'efi.img', 'ft.iso')}


def lab(*words, floppy='ft.img', disks=('a.img', 'b.img'), **keywords):
    return tool('lab', floppy, *disks, *words, cwd=DIR, **keywords)


def children_of(pid):
    return [int(child) for child in pathlib.Path('/proc/%d/task/%d/children' % (pid, pid)).read_text().split()]


def is_running(pid):
    try:
        return pathlib.Path('/proc/%d/stat' % pid).read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Faults(unittest.TestCase):
    """What was started, and that nothing of the user's changes without --write."""

    def setUp(self):
        self.before = digests()

    def started(self, half, *words, **keywords):
        result = lab(*words, **keywords)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertRegex(result.stdout.splitlines()[-1], r'^lab: started the %s, BIOS disk 8\dh as 80h, ' % half)
        self.assertEqual(digests(), self.before)
        return result

    def test_healthy(self):
        result = self.started('primary')
        self.assertIn('PAYLOAD ', result.stdout)
        self.assertRegex(result.stderr, r'(?m)^\+ qemu-system-i386 -accel tcg ')

    def test_primary_absent(self):
        result = self.started('shadow', '--fail', 'primary=absent')
        self.assertIn('sig80=5e6f7a8b', result.stdout)

    def test_primary_dead(self):
        result = self.started('shadow', '--fail', 'primary=dead')
        self.assertIn('sig80=5e6f7a8b', result.stdout)
        self.assertRegex(result.stdout, r'ft: disk drive=0x80 .*state=dead')

    def test_primary_bad(self):
        result = self.started('shadow', '--fail', 'primary=bad:63-70,72')
        self.assertRegex(result.stdout, r'ft: member .*role=primary .*state=failing')

    def test_shadow_dead(self):
        self.started('primary', '--fail=shadow=dead')

    def test_two_at_once(self):
        result = lab('--fail', 'primary=dead,shadow=absent', '--timeout', '5')
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn('lab: nothing was started: no half is started unasked\n', result.stdout)
        self.assertEqual(digests(), self.before)

    def test_other_machines(self):
        self.started('shadow', '--machine', 'q35', '--fail', 'disk0=dead')
        self.started('shadow', '--machine', 'isapc', '--cpu', '486', '--memory', '4', '--fail', 'primary=absent')

    def test_until_boot_ends_before_the_payload(self):
        self.assertNotIn('PAYLOAD ', self.started('primary', '--until-boot').stdout)

    def test_write(self):
        for name in ('a.img', 'b.img', 'ft.img'):
            recipes.copy_sparse(DIR / name, DIR / ('w-' + name))
        result = lab('--write', '--fail', 'primary=absent', floppy='w-ft.img', disks=('w-a.img', 'w-b.img'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotEqual((DIR / 'w-ft.img').read_bytes(), (DIR / 'ft.img').read_bytes(), 'no line in FTLOG.TXT')
        self.assertEqual(digests(), self.before)

    def test_overlays_are_gone(self):
        with tempfile.TemporaryDirectory(dir=DIR) as overlays:
            self.started('primary', env=dict(os.environ, TMPDIR=overlays))
            self.assertEqual(os.listdir(overlays), [])

    def test_odd_names(self):
        odd = "it's a,disk=1.img"
        os.link(DIR / 'a.img', DIR / odd)
        self.addCleanup(os.unlink, DIR / odd)
        self.started('primary', disks=(odd, 'b.img'))


class Media(unittest.TestCase):
    """How the boot disk is attached, as the loader says where it came from; and the firmware that starts it."""

    def setUp(self):
        self.before = digests()

    def from_bios(self, floppy, drive, *words):
        result = lab('--until-boot', *words, floppy=floppy)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertRegex(result.stdout, r'ft: start .* firmware=bios bootdrive=0x%02x' % drive)
        self.assertRegex(result.stdout.splitlines()[-1], '^lab: started the primary, BIOS disk %02xh as 80h, ' %
                         (0x81 if drive == 0x80 else 0x80))
        self.assertEqual(digests(), self.before)
        return result.stderr

    def from_uefi(self, *words, floppy='efi.img', **keywords):
        result = lab(*words, floppy=floppy, **keywords)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertRegex(result.stdout, r'ft: start .* firmware=efi ')
        self.assertEqual(result.stdout.splitlines()[-1],
                         'lab: nothing was started: Windows NT starts from a BIOS only')
        self.assertEqual(digests(), self.before)
        return result

    def test_the_bios_starts_every_medium(self):
        for attach, floppy, drive in (('floppy', 'ft.img', 0), ('usb', 'ft.img', 0x80), ('disk', 'ft.img', 0x80),
                                      ('cd', 'ft.iso', 0)):
            with self.subTest(attach):
                self.from_bios(floppy, drive, '--attach', attach)

    def test_the_folder_of_a_server(self):
        """The machine's address chooses between its own file and that for all."""
        for words, name in (((), 'MIRROR.INI'), (('--attach', 'net', '--mac', MAC), MAC_FILE)):
            with self.subTest(name):
                result = lab('--until-boot', '--fail', 'primary=absent', *words, floppy='server,1')
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                self.assertIn('ft: config file="%s"' % name, result.stdout)
                self.assertRegex(result.stdout.splitlines()[-1], '^lab: started the shadow, ')
        result = self.from_uefi('--firmware', 'uefi64', '--until-boot', '--mac', MAC, floppy='server,1')
        self.assertIn('ft: config file="%s"' % MAC_FILE, result.stdout)

    def test_the_image_says_how_it_is_attached(self):
        self.assertIn('floppy,drive=boot', self.from_bios('ft.img', 0))
        self.assertIn('media=cdrom', self.from_bios('ft.iso', 0))
        self.assertIn('usb-storage,drive=boot', self.from_bios('large.img', 0x80))

    def test_uefi_of_64_bits_starts_every_medium(self):
        for attach, floppy in (('usb', 'efi.img'), ('disk', 'efi.img'), ('cd', 'ft.iso')):
            with self.subTest(attach):
                self.from_uefi('--firmware', 'uefi64', '--attach', attach, '--until-boot', floppy=floppy)

    def test_uefi_of_32_bits(self):
        result = self.from_uefi('--firmware', 'uefi32', '--until-boot', '--fail', 'primary=dead')
        self.assertRegex(result.stdout, r'ft: verdict .*state=degraded source=shadow')

    def test_uefi_ends_by_itself_when_nobody_is_there(self):
        begun = time.monotonic()
        self.from_uefi('--firmware', 'uefi64')
        self.assertLess(time.monotonic() - begun, 100, 'before the time of a lab that says nothing is up')

    def test_piped_keys_reach_the_menu_of_uefi(self):
        """The dry run, after the last word of the look."""
        result = self.from_uefi('--firmware', 'uefi64', input='1')
        self.assertRegex(result.stdout, r'ft: end (.|\r|\n)*ft: dryrun role=primary')

    def test_another_ovmf(self):
        """A CODE file with its VARS beside it, and one file that holds both. They are only read."""
        code, both = DIR / 'my_CODE.fd', DIR / 'whole,firmware.fd'
        shutil.copy('/usr/share/OVMF/OVMF_CODE_4M.fd', code)
        shutil.copy('/usr/share/OVMF/OVMF_VARS_4M.fd', DIR / 'my_VARS.fd')
        both.write_bytes((DIR / 'my_VARS.fd').read_bytes() + code.read_bytes())
        for file in (code, both):
            with self.subTest(file.name):
                before = file.read_bytes(), (DIR / 'my_VARS.fd').read_bytes()
                result = self.from_uefi('--firmware', 'uefi64', '--until-boot', '--ovmf', file)
                self.assertIn(str(file).replace(',', ',,'), result.stderr)
                self.assertEqual((file.read_bytes(), (DIR / 'my_VARS.fd').read_bytes()), before)

    def test_the_printed_line_for_uefi(self):
        for name, parts in (('uefi64', ('qemu-system-x86_64 ', 'OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd', '-m 128')),
                            ('uefi32', ('qemu-system-i386 ', 'OVMF32_VARS_4M.fd', 'smm=on', 'property=secure'))):
            line = lab('--dry-run', '--write', '--firmware', name, floppy='efi.img').stdout
            for part in (*parts, '-machine q35', 'unit=0,readonly=on', 'unit=1,snapshot=on'):
                self.assertIn(part, line)
            self.assertEqual(line.count('snapshot=on'), 1, 'the variables alone have an overlay')
        self.assertNotIn('secure', lab('--dry-run', '--firmware', 'uefi64', floppy='efi.img').stdout)

    def test_a_cd_is_never_written(self):
        line = lab('--dry-run', '--write', floppy='ft.iso').stdout
        self.assertRegex(line, r'media=cdrom,readonly=on,\S*filename=ft\.iso ')


class Refusals(unittest.TestCase):
    def refused(self, code, text, *words, **keywords):
        result = lab(*words, '--dry-run', **keywords)
        self.assertEqual((result.returncode, result.stdout), (code, ''), result.stderr)
        self.assertRegex(result.stderr, text)

    def test_files(self):
        (DIR / 'empty.img').touch()
        os.symlink('a.img', DIR / 'alias.img')
        self.refused(3, r'gone\.img: No such file', disks=('gone.img',))
        self.refused(4, r'neither a file nor', disks=('.',))
        self.refused(4, r'neither a file nor', disks=('/dev/null',))
        self.refused(4, r'empty', disks=('empty.img',))
        self.refused(4, r'same disk', disks=('a.img', 'a.img'))
        self.refused(4, r'same disk', disks=('a.img', 'b.img', 'alias.img'))
        self.refused(4, r'same disk', disks=('a.img', 'ft.img'))
        self.refused(4, r'a\.img holds a half of a mirror; the boot disk comes first', floppy='a.img', disks=('b.img',))

    def test_permissions(self):
        who = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []} if os.geteuid() == 0 else {}
        reach = tempfile.mkdtemp(prefix='mkb-lab-', dir='/tmp')  # where another user can get at
        self.addCleanup(shutil.rmtree, reach)
        os.chmod(reach, 0o755)
        program = shutil.copy(TOOL, reach)
        for name, mode in (('ft.img', 0o444), ('secret.img', 0), ('a.img', 0o444)):
            recipes.copy_sparse(DIR / name.replace('secret', 'b'), pathlib.Path(reach, name))
            os.chmod(pathlib.Path(reach, name), mode)
        for words, text in ((('secret.img',), r'secret\.img: Permission denied; .*read'),
                            (('a.img', '--write'), r'ft\.img: Permission denied; --write')):
            result = subprocess.run([program, 'lab', 'ft.img', *words, '--dry-run'], cwd=reach, check=False,
                                    capture_output=True, text=True, **who)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertRegex(result.stderr, text)

    def test_fail_texts(self):
        for text in ('', 'primary', 'primary=', 'primary=ill', 'third=dead', 'primary=bad:', 'primary=bad:9-8',
                     'primary=bad:1-', 'primary=bad:x', 'primary=bad:-1', '12', 'primary=dead,5', 'diskx=dead',
                     'primary=bad:99999999999999999999'):
            with self.subTest(fail=text):
                self.refused(2, r"--fail: '.*' is not understood", '--fail', text)
        self.refused(2, r'only 2 disks are given', '--fail', 'disk2=dead')
        self.refused(2, r'past the end of a\.img', '--fail', 'primary=bad:99999999')
        self.refused(2, r'more than 256', '--fail', 'primary=bad:0-256')
        self.refused(2, r'more than 256', '--fail', 'primary=bad:0-255,300')
        self.refused(2, r'one way only', '--fail', 'primary=dead', '--fail', 'primary=slow')

    def test_usage(self):
        self.refused(2, r'at least one disk', disks=())
        self.refused(2, r'pc, isapc or q35', '--machine', 'vax')
        self.refused(2, r'4 disks at most', disks=('a.img',) * 5)
        self.refused(2, r'--memory takes', '--memory', '0')
        self.refused(2, r'--help', '--nonsense')
        self.assertIn('usage: mkbootdisk lab', tool('lab', '--help').stdout)

    def test_media_and_firmware(self):
        self.refused(2, r'bios, uefi64 or uefi32', '--firmware', 'uefi')
        self.refused(2, r'floppy, usb, cd, disk or net', '--attach', 'tape')
        self.refused(4, r'is no folder.*--format pxe', '--attach', 'net')
        self.refused(4, r'is a folder; --attach net', '--attach', 'usb', floppy='server,1')
        self.refused(4, r'mkbootdisk\.0: No such file.*--format pxe', floppy='cd')
        self.refused(2, r'isapc has no network card', '--machine', 'isapc', floppy='server,1')
        self.refused(2, r'--mac goes with --attach net', '--mac', MAC)
        self.refused(2, r'--mac takes', '--mac', '52:54:00', floppy='server,1')
        self.refused(2, r'--attach usb takes', '--firmware', 'uefi64', '--attach', 'floppy')
        self.refused(4, r'larger than a floppy', '--attach', 'floppy', floppy='large.img')
        self.refused(4, r'no image of a CD', '--attach', 'cd')
        for attach, floppy in (('usb', 'ft.img'), ('disk', 'ft.img'), ('cd', 'ft.iso')):
            self.refused(2, r'isapc starts from floppies only', '--machine', 'isapc', '--attach', attach, floppy=floppy)
        self.refused(2, r'UEFI needs --machine q35', '--firmware', 'uefi32', '--machine', 'pc')
        self.refused(2, r'UEFI needs --memory 64', '--firmware', 'uefi64', '--memory', '32')
        self.refused(2, r'--ovmf goes with', '--ovmf', 'x.fd')

    def test_no_firmware(self):
        (DIR / 'lone_CODE.secboot.fd').touch()
        self.refused(3, r'gone\.fd: No such file .*package ovmf on Debian', '--firmware', 'uefi64', '--ovmf', 'gone.fd')
        self.refused(3, r'gone\.fd: .*package ovmf-ia32 on Debian', '--firmware', 'uefi32', '--ovmf', 'gone.fd')
        self.refused(3, r'/lone_VARS\.fd: No such file', '--firmware', 'uefi32', '--ovmf', 'lone_CODE.secboot.fd')

    def test_no_qemu(self):
        with tempfile.TemporaryDirectory() as nowhere:
            result = lab(env=dict(os.environ, PATH=nowhere))
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertRegex(result.stderr, r'not found; install .*qemu-system-x86')
        self.assertEqual(lab('--qemu', '/dev/null').returncode, 3)

    def test_qemu_fails(self):
        result = lab('--cpu', 'no-such-cpu')
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn('QEMU failed', result.stderr)


class Command(unittest.TestCase):
    def test_dry_run(self):
        result = lab('--dry-run', '--fail', 'primary=bad:5-6', '--fail', 'shadow=slow')
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertEqual(result.stdout.count('\n'), 1)
        for part in ('-accel tcg', '-nodefaults', '-vga std', '-net none', 'sector=6 ', 'iotype=read', 'errno=5',
                     'throttle-group', 'snapshot=on'):
            self.assertIn(part, result.stdout)
        self.assertNotIn('snapshot', lab('--dry-run', '--write').stdout)

    def test_a_shell_takes_the_line_back(self):
        line = lab('--dry-run', '--fail', 'primary=absent').stdout
        result = subprocess.run(['sh', '-c', line], cwd=DIR, check=False, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, qemu.PAYLOAD_EXIT, result.stderr)
        self.assertIn('ft: boot source=shadow', result.stdout)


class Terminal(unittest.TestCase):
    """A person at a terminal: a pseudo-terminal is standard input and output of the lab."""

    def start(self, *words):
        self.master, self.slave = pty.openpty()
        self.modes = termios.tcgetattr(self.slave)
        self.output = ''
        self.process = subprocess.Popen([TOOL, 'lab', 'patient.img', 'a.img', 'b.img', *words], cwd=DIR,
                                        stdin=self.slave, stdout=self.slave, stderr=self.slave)
        self.addCleanup(os.close, self.master)
        self.addCleanup(os.close, self.slave)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def wait_for(self, regex):
        end = time.monotonic() + PATIENCE
        while not re.search(regex, self.output):
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                self.fail('no %r in:\n%s' % (regex, self.output))
            try:
                self.output += os.read(self.master, 4096).decode('latin1')
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                self.fail('no %r in:\n%s' % (regex, self.output))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ended(self):
        status = self.process.wait(PATIENCE)
        self.assertEqual(termios.tcgetattr(self.slave), self.modes, 'the terminal was not put back')
        return status

    def test_keys_reach_the_loader(self):
        self.start('--until-boot')
        self.wait_for(r'Ctrl-\] leaves')
        self.wait_for('Any key stops the clock')
        self.assertNotEqual(termios.tcgetattr(self.slave)[3] & termios.ICANON, self.modes[3] & termios.ICANON)
        self.press(' ')
        self.wait_for('number, or arrows and Enter')
        number = re.search(r'(\d)  Start the shadow', self.output)[1]
        self.press(number)
        self.wait_for(r'lab: started the shadow, .*\n')
        self.assertEqual(self.ended(), 0)

    def test_arrows_reach_the_loader(self):
        self.start('--until-boot')
        self.wait_for('Any key stops the clock')
        self.press(' ')
        self.wait_for('number, or arrows and Enter')
        self.press('\x1b[B')
        self.wait_for(r' > 2  Start the shadow')
        self.press('\r')
        self.wait_for(r'lab: started the shadow, .*\n')
        self.assertEqual(self.ended(), 0)

    def test_leaving(self):
        self.start()
        self.wait_for('Any key stops the clock')
        children = children_of(self.process.pid)
        self.assertEqual(len(children), 1)
        self.press('\x1d')
        self.wait_for(r'you left with Ctrl-\]')
        self.assertEqual(self.ended(), 1)
        self.assertFalse(is_running(children[0]))

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with self.subTest(signal=number):
                self.start()
                self.wait_for('ft: start')
                machine, = children_of(self.process.pid)
                self.process.send_signal(number)
                self.assertEqual(self.ended(), 1)
                self.assertFalse(is_running(machine))

    def test_no_machine_survives_a_killed_lab(self):
        self.start()
        self.wait_for('ft: start')
        machine, = children_of(self.process.pid)
        self.process.kill()
        self.assertTrue(wait_until(lambda: not is_running(machine)))

    def test_piped_keys(self):
        result = lab('--until-boot', floppy='patient.img', input=' 2')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('lab: started the shadow', result.stdout)

    def test_until_boot_ends_where_nothing_is_started(self):
        for floppy, faults, why in (('asking.img', (), 'MIRROR.INI says to wait for a key'),
                                    ('ft.img', ('--fail', 'primary=absent', '--fail', 'shadow=absent'), 'no hard disk answers'),
                                    ('ft.img', ('--fail', 'primary=dead', '--fail', 'shadow=dead'), 'no half is started unasked')):
            with self.subTest(why):
                result = lab('--until-boot', '--timeout', '%d' % PATIENCE, *faults, floppy=floppy)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn('lab: nothing was started: %s\n' % why, result.stdout)
                self.assertEqual(len(re.findall(r'(?m)^ft: end ', result.stdout)), 1)

    def test_keys_that_come_late(self):
        """Who pipes them in may take longer than the moment that a lab allows when nobody is there."""
        process = subprocess.Popen([TOOL, 'lab', '--until-boot', 'asking.img', 'a.img', 'b.img'], cwd=DIR, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        while not process.stdout.readline().startswith('ft: end '):
            self.assertIsNone(process.poll())
        time.sleep(LAB_MOMENT_S + 2)
        self.assertIn('lab: started the shadow', process.communicate('2', timeout=PATIENCE)[0])

    def test_one_end_of_uefi_without_disks(self):
        result = lab('--firmware', 'uefi64', '--until-boot', '--fail', 'primary=absent', '--fail', 'shadow=absent',
                     floppy='efi.img')
        self.assertEqual(len(re.findall(r'(?m)^ft: end ', result.stdout)), 1, result.stdout)

    def test_piped_keys_where_nothing_is_started_unasked(self):
        result = lab('--until-boot', floppy='asking.img', input='2')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('lab: started the shadow', result.stdout)

    def test_closed_output(self):
        process = subprocess.Popen([TOOL, 'lab', 'ft.img', 'a.img', 'b.img'], cwd=DIR, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE), 1)


if __name__ == '__main__':
    unittest.main()
