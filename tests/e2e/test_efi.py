# SPDX-License-Identifier: MIT
"""The UEFI loaders under OVMF, of 64 and of 32 bits: they look at the disks, say what the BIOS loader would say, and
write what the host tool would write, once a person has agreed.

Owns the boot medium they start from: an unpartitioned 1.44 MB FAT12 image made by mtools, with our floppy's boot sector
when it is built, so that one medium serves both firmwares; for changes, one that the host tool built. Takes the loaders
and mkbootdisk from $MKB_BUILD (default: build). OVMF's AHCI driver reports a failed read as a success with the buffer
untouched; its virtio driver reports a device error. Only event lines are asserted: OVMF's own console on the serial
line drops letters when the host reads late. So keys are pressed for questions that need not have been seen yet; they
wait in the keyboard's queue.
"""
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from qemu import Disk, Machine, recipes
import regf

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get('MKB_BUILD', HERE.parent.parent / 'build'))
SCRATCH = PAIR = None
USB = ('-device', 'qemu-xhci', '-device', 'usb-storage,drive=boot,bootindex=1,removable=on')
VIRTIO = ('-device', 'virtio-blk-pci,drive=boot,bootindex=1')
LOADERS = {'ovmf': 'BOOTX64.EFI', 'ovmf32': 'BOOTIA32.EFI'}
QEMUS = {'ovmf': 'qemu-system-x86_64', 'ovmf32': 'qemu-system-i386'}
SIZE_MIB = 16  # of the disks that are changed
# Items of the menu, as keys: nothing can be started from here, so what is left is in these places.
BREAK, UNDO_OF_ALL, UNDO_OF_BREAK = '1', '2', '3'


def scratch(name):
    return pathlib.Path(SCRATCH.name, name)


def setUpModule():
    global SCRATCH, PAIR
    SCRATCH = tempfile.TemporaryDirectory(prefix='mkb-efi-')
    PAIR = recipes.make_pair(scratch('pair'))


def tearDownModule():
    SCRATCH.cleanup()


def mirror_ini(pair, serial='com1'):
    """MIRROR.INI for a pair."""
    lines = ['[loader]', 'timeout=10', 'break=ask', 'serial=' + serial, '[set 1]']
    lines += ['%s=%08x start %d sectors %d' % (role, disk.signature, disk.member_start, disk.sectors)
              for role, disk in (('primary', pair.a), ('shadow', pair.b))]
    return '\r\n'.join(lines + ['']).encode()


def add_loaders(path):
    """Puts the loaders for both firmwares onto a medium."""
    recipes.run('mmd', '-i', path, '::EFI', '::EFI/BOOT')
    for name in LOADERS.values():
        recipes.run('mcopy', '-i', path, BUILD / name, '::EFI/BOOT/' + name)


def medium(config):
    """The boot medium, with MIRROR.INI if there is a text for it."""
    path = scratch('boot.img')
    path.unlink(missing_ok=True)
    sector = BUILD / 'fat12.bin'
    recipes.run('mformat', '-C', '-i', path, '-f', '1440', *(('-B', sector) if sector.exists() else ()), '::')
    add_loaders(path)
    if config is not None:
        scratch('mirror.ini').write_bytes(config)
        recipes.run('mcopy', '-i', path, scratch('mirror.ini'), '::MIRROR.INI')
    return path


class LateReader:
    """A machine's serial line with someone at the other end who looks away: the guest's port stands still."""

    def __init__(self, line):
        self.line, self.close = line, line.close

    def recv(self, size):
        time.sleep(0.3)
        return self.line.recv(size)


def start(disks, path, boot, read_only, firmware='ovmf', extra=(), **machine):
    drive = 'if=none,id=boot,format=raw,readonly=%s,file=%s' % ('on' if read_only else 'off', path)
    return Machine(disks, machine='q35', firmware=firmware, qemu=QEMUS[firmware], mem=128,
                   extra=('-drive', drive, *boot, *extra), **machine)


class Efi(unittest.TestCase):
    def start(self, disks, boot=VIRTIO, config=True, extra=(), **machine):
        """A running machine that was just started from the medium."""
        path = medium(mirror_ini(PAIR) if config is True else config)
        return start(disks, path, boot, True, extra=extra, **machine)

    def look(self, disks, late=False, **options):
        """The events of one look, as {name: [values]}. Whatever it saw, no disk was written to."""
        found = {}
        with self.start(disks, paused=True, **options) as machine:
            if late:
                machine.serial = LateReader(machine.serial)
            machine.start()
            machine.wait_for('^ft: end .*')
            for n, disk in enumerate(machine.disks):
                if disk.fault != 'absent':
                    self.assertEqual(machine.stats(n)['wr_operations'], 0)
            for name, values in machine.events():
                found.setdefault(name, []).append(values)
        self.assertEqual((found['start'][0]['firmware'], found['start'][0]['bootdrive']), ('efi', '0x00'))
        self.assertEqual(found['end'], [{'started': 'none', 'why': 'Windows NT starts from a BIOS only'}])
        return found

    def assert_members(self, found, primary, shadow, state, source):
        self.assertEqual([(m['role'], m['state']) for m in found['member']],
                         [('primary', primary), ('shadow', shadow)])
        self.assertEqual([(v['state'], v['source']) for v in found['verdict']], [(state, source)])

    def assert_dead_primary(self, found, status):
        self.assertEqual([(d['drive'], d['state'], d['status']) for d in found['disk']],
                         [('0x80', 'dead', status), ('0x81', 'ok', '0x00')])
        self.assert_members(found, 'dead', 'good', 'degraded', 'shadow')
        self.assertIn(('0x80', '0', 'io'), [(e['drive'], e['lba'], e['status']) for e in found['error']])

    def test_healthy(self):
        for boot in (USB, VIRTIO):
            with self.subTest(boot[-1]):
                found = self.look(PAIR, boot=boot)
                self.assertEqual([(d['drive'], d['signature'], d['sectors'], d['state']) for d in found['disk']],
                                 [('0x80', '1a2b3c4d', '131072', 'ok'), ('0x81', '5e6f7a8b', '131072', 'ok')])
                self.assert_members(found, 'good', 'good', 'healthy', 'primary')
                self.assertNotIn('error', found)

    def test_32_bits(self):
        """BOOTIA32.EFI finds the same, by drivers that report failures and by those that do not."""
        found = self.look(PAIR, boot=USB, firmware='ovmf32')
        self.assertEqual([(d['signature'], d['sectors'], d['state']) for d in found['disk']],
                         [('1a2b3c4d', '131072', 'ok'), ('5e6f7a8b', '131072', 'ok')])
        self.assert_members(found, 'good', 'good', 'healthy', 'primary')
        for controller, status in (('ahci', '0x00'), ('virtio', '0x07')):
            with self.subTest(controller):
                found = self.look([Disk(PAIR.a.path, 'dead'), PAIR.b.path], controller=controller, firmware='ovmf32')
                self.assert_dead_primary(found, status)

    def test_absent_primary(self):
        found = self.look([Disk(PAIR.a.path, 'absent'), PAIR.b.path])
        self.assertEqual([(d['drive'], d['signature']) for d in found['disk']], [('0x80', '5e6f7a8b')])
        self.assert_members(found, 'absent', 'good', 'degraded', 'shadow')

    def test_dead_primary_that_reports_success(self):
        """AHCI: nothing but the untouched buffer tells."""
        found = self.look([Disk(PAIR.a.path, 'dead'), PAIR.b.path], controller='ahci')
        self.assert_dead_primary(found, '0x00')

    def test_dead_primary_that_reports_an_error(self):
        found = self.look([Disk(PAIR.a.path, 'dead'), PAIR.b.path], controller='virtio')
        self.assert_dead_primary(found, '0x07')

    def test_no_event_is_lost_on_a_slow_line(self):
        found = self.look([Disk(PAIR.a.path, 'dead'), PAIR.b.path], controller='virtio', late=True)
        self.assert_dead_primary(found, '0x07')
        self.assertEqual([len(found[name]) for name in ('start', 'disk', 'member', 'verdict', 'error')],
                         [1, 2, 2, 1, 1])

    def test_failing_primary_that_reports_success(self):
        """A bad boot sector of the volume, behind a sector 0 that can be read."""
        lba = PAIR.a.member_start
        found = self.look([Disk(PAIR.a.path, 'bad:%d' % lba), PAIR.b.path], controller='ahci')
        self.assert_members(found, 'failing', 'good', 'degraded', 'shadow')
        self.assertIn(('0x80', str(lba)), [(e['drive'], e['lba']) for e in found['error']])

    def test_only_hard_disks_count(self):
        """No stick, no CD; 4096-byte sectors are told. And without MIRROR.INI the set is found by its types."""
        others = ('-drive', 'if=none,id=stick,format=raw,snapshot=on,file=%s' % PAIR.a.path,
                  '-device', 'qemu-xhci', '-device', 'usb-storage,drive=stick,removable=on',
                  '-drive', 'if=none,id=large,format=raw,snapshot=on,file=%s' % PAIR.a.path,
                  '-device', 'virtio-blk-pci,drive=large,logical_block_size=4096,physical_block_size=4096',
                  '-drive', 'if=none,id=cd,format=raw,readonly=on,file=%s' % PAIR.b.path,
                  '-device', 'ide-cd,drive=cd,bus=ide.4')
        found = self.look(PAIR, config=None, extra=others)
        self.assertEqual([(d['drive'], d.get('signature'), d['state']) for d in found['disk']],
                         [('0x80', '1a2b3c4d', 'ok'), ('0x81', '5e6f7a8b', 'ok'), ('0x82', None, 'unsupported')])
        self.assert_members(found, 'good', 'good', 'healthy', 'primary')

    def test_silence_and_key(self):
        """serial=none: no events after it was read. A key leads back to the firmware."""
        with self.start(PAIR, config=mirror_ini(PAIR, 'none')) as machine:
            machine.wait_for('mkbootdisk', whole_line=False)
            self.until_back(machine)
            self.assertEqual(machine.events(), [])

    def until_back(self, machine):
        """Presses a key until the firmware goes on: keys from before the question do not count."""
        for _ in range(60):
            machine.send_key('2')  # "Return to the firmware", below the dry run
            try:
                return machine.wait_for('BdsDxe|Shell', timeout=1)
            except AssertionError:
                self.assertIsNone(machine.process.poll())
        return self.fail('a key does not lead back to the firmware')


def tool(*words):
    return subprocess.run([BUILD.resolve() / 'mkbootdisk', *words], check=True, capture_output=True, text=True).stdout


def same(one, other):
    return recipes.same_bytes(one, 0, other, 0, os.path.getsize(other))


class Bench:
    """A mirror with Windows NT on it whose primary was left behind after the medium was built. Disks and medium keep
    what is written; `before` is the pair as it was."""
    OLD = dict(sequence=7, written=regf.WRITTEN)
    NEW = dict(sequence=40, written=regf.WRITTEN + 3 * 86400 * 10**7, states=(1, 0))

    def __init__(self, *more):
        """`more` is what the host tool's plan has beyond a break."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH.name))
        fresh = recipes.make_pair(folder / 'fresh', size_mib=SIZE_MIB, nt=self.OLD)
        self.medium = folder / 'boot.img'
        tool('build', '-o', self.medium, '--timeout', 'forever', *fresh)
        if b'BOOTX64' not in recipes.run('mdir', '-b', '-/', '-i', self.medium, '::'):
            add_loaders(self.medium)
        self.before = list(recipes.make_pair(folder / 'pair', size_mib=SIZE_MIB, nt=self.OLD, shadow_nt=self.NEW))
        self.images = [folder / name for name in ('a.img', 'b.img')]
        for image, path in zip(self.before, self.images):
            recipes.copy_sparse(image, path)
        plan = tool('break', '--keep', 'shadow', *more, '--dry-run', '--json', *self.before)
        self.plan = json.loads(plan)['changes']

    def disk_of(self, change):
        return ('1a2b3c4d', '5e6f7a8b').index(change['disk'])

    def planned(self):
        """The pair as the plan leaves it."""
        images = [image.with_name('planned-' + image.name) for image in self.before]
        for image, path in zip(self.before, images):
            recipes.copy_sparse(image, path)
        for change in self.plan:
            lba, at = change['lba'], change['lba'] * recipes.SECTOR + change['offset']
            old, path = bytes.fromhex(change['old']), images[self.disk_of(change)]
            assert recipes.read_at(path, lba)[change['offset']:change['offset'] + len(old)] == old
            recipes.write_at(path, at, bytes.fromhex(change['new']))
        return images

    def start(self, boot, read_only=False, **machine):
        """A machine whose menu is there."""
        machine = start([Disk(image, writable=True) for image in self.images], self.medium, boot, read_only,
                        trace=('bdrv_open_common', 'blk_co_pwritev'), **machine)
        machine.wait_for('^ft: end')
        return machine

    def writes(self, n, backwards=False):
        """What the plan writes to a disk, as the trace has it."""
        found = [(change['lba'], 1) for change in self.plan if self.disk_of(change) == n]
        return found[::-1] if backwards else found


class Changes(unittest.TestCase):
    maxDiff = None

    def assert_nothing_written(self, machine):
        medium, = [entry['stats'] for entry in machine.qmp('query-blockstats') if entry['device'] == 'boot']
        self.assertEqual([stats['wr_operations'] for stats in (medium, machine.stats(0), machine.stats(1))], [0, 0, 0])

    def assert_pair(self, bench, images):
        self.assertEqual([same(*pair) for pair in zip(bench.images, images)], [True, True])

    def agree(self, bench, machine, answers):
        """Takes the break, answers what is asked of it, and then says yes to what is to be written."""
        for key in (BREAK, *answers):
            machine.send_key(key)
        machine.wait_for('^ft: change planned n=%d ' % len(bench.plan))
        shown = [(values['disk'], int(values['lba'])) for name, values in machine.events() if name == 'change planned']
        self.assertEqual(shown, [(change['disk'], change['lba']) for change in bench.plan])
        self.assert_nothing_written(machine)
        machine.send_key('y')

    def break_and_undo(self, answers, undo, *more, **machine):
        """In two starts, so that the journal is all that the second one knows."""
        bench = Bench(*more)
        self.assertIn(True, [change['lba'] != 0 for change in bench.plan], 'the registry is part of it')
        with bench.start(**machine) as first:
            self.agree(bench, first, answers)
            first.wait_for('^ft: change done n=%d ' % len(bench.plan))
            first.wait_for('^ft: end')
            self.assertEqual([first.writes(n) for n in range(2)], [bench.writes(n) for n in range(2)])
        self.assert_pair(bench, bench.planned())
        state = json.loads(tool('journal', '--json', bench.medium))
        self.assertEqual((state['state'], len(state['changes'])), ('done', len(bench.plan)))
        with bench.start(**machine) as second:
            self.assert_nothing_written(second)
            second.send_key(undo)
            second.wait_for(r'Undo this\? \(y/n\)', whole_line=False)
            self.assert_nothing_written(second)
            second.send_key('y')
            second.wait_for('^ft: change undone n=1 ')
            second.wait_for('^ft: end')
            self.assertEqual([second.writes(n) for n in range(2)], [bench.writes(n, True) for n in range(2)])
        self.assert_pair(bench, bench.before)
        self.assertEqual(json.loads(tool('journal', '--json', bench.medium))['state'], 'undone')

    def test_from_a_stick(self):
        self.break_and_undo('nn', UNDO_OF_BREAK, boot=USB, controller='ahci')

    def test_from_a_fixed_disk_with_all_that_is_offered(self):
        self.break_and_undo('yy', UNDO_OF_ALL, '--promote', '--retire', boot=VIRTIO, controller='virtio')

    def test_with_32_bits(self):
        self.break_and_undo('nn', UNDO_OF_BREAK, boot=USB, controller='ahci', firmware='ovmf32')

    def test_no_is_no(self):
        """Also: nobody writes before the answer; the menu comes back after all that a yes would have led to."""
        bench = Bench()
        with bench.start(USB) as machine:
            for key in (BREAK, 'n', 'n', 'n'):
                machine.send_key(key)
            machine.wait_for('^ft: change planned n=%d ' % len(bench.plan))
            machine.wait_for('^ft: end')
            self.assert_nothing_written(machine)
        self.assert_pair(bench, bench.before)

    def test_write_protected_medium(self):
        """It has a journal that cannot be written: then no disk is, unless a person wants it so."""
        for boot in (USB, VIRTIO):
            with self.subTest(boot[-1]):
                bench = Bench()
                with bench.start(boot, read_only=True) as machine:
                    self.agree(bench, machine, 'nn')
                    machine.wait_for('Go on without an undo', whole_line=False)
                    self.assert_nothing_written(machine)
                    machine.send_key('n')
                    machine.wait_for('^ft: error site=J4 ')
                    self.assert_nothing_written(machine)
                self.assert_pair(bench, bench.before)

    def test_medium_exchanged_for_another(self):
        """A larger stick in its place, with the same file system: by its media id it is another medium all the same."""
        bench = Bench()
        other = bench.medium.with_name('other.img')
        other.write_bytes(bench.medium.read_bytes() * 2)
        with bench.start(USB) as machine:
            machine.qmp('blockdev-change-medium', device='boot', filename=str(other), format='raw')
            for key in (BREAK, 'n', 'n', 'y'):
                machine.send_key(key)
            machine.wait_for('^ft: error site=J5 status=refused drive=0x00')
            machine.wait_for('^ft: end')
            self.assert_nothing_written(machine)
        self.assert_pair(bench, bench.before)

    def test_medium_without_a_journal(self):
        """A write-protected one on top of that. It is asked for, and a yes to the change alone writes nothing."""
        bench = Bench()
        recipes.run('mdel', '-i', bench.medium, '::FTJOURNL.DAT')
        with bench.start(USB, read_only=True) as machine:
            self.agree(bench, machine, 'nn')
            machine.send_key('n')
            machine.wait_for('^ft: end')
            self.assert_nothing_written(machine)
            for key in (BREAK, 'n', 'n', 'y', 'y'):
                machine.send_key(key)
            machine.wait_for('^ft: change done n=%d ' % len(bench.plan))
            self.assertEqual([machine.writes(n) for n in range(2)], [bench.writes(n) for n in range(2)])
        self.assert_pair(bench, bench.planned())


if __name__ == '__main__':
    unittest.main()
