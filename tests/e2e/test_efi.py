# SPDX-License-Identifier: MIT
"""The UEFI loader under OVMF: it looks at the disks, says what the BIOS loader would say, and writes nothing.

Owns the boot medium it starts from: an unpartitioned 1.44 MB FAT12 image made by mtools, with our floppy's boot sector
when it is built, so that one medium serves both firmwares. Takes BOOTX64.EFI from $MKB_BUILD (default: build). OVMF's
AHCI driver reports a failed read as a success with the buffer untouched; its virtio driver reports a device error.
Only event lines are asserted: OVMF's own console on the serial line drops letters when the host reads late.
"""
import os
import pathlib
import tempfile
import time
import unittest

from qemu import Disk, Machine, recipes

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get('MKB_BUILD', HERE.parent.parent / 'build'))
SCRATCH = PAIR = None
USB = ('-device', 'qemu-xhci', '-device', 'usb-storage,drive=boot,bootindex=1,removable=on')
VIRTIO = ('-device', 'virtio-blk-pci,drive=boot,bootindex=1')


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


def medium(config):
    """The boot medium, with MIRROR.INI if there is a text for it."""
    path = scratch('boot.img')
    path.unlink(missing_ok=True)
    sector = BUILD / 'fat12.bin'
    recipes.run('mformat', '-C', '-i', path, '-f', '1440', *(('-B', sector) if sector.exists() else ()), '::')
    recipes.run('mmd', '-i', path, '::EFI', '::EFI/BOOT')
    recipes.run('mcopy', '-i', path, BUILD / 'BOOTX64.EFI', '::EFI/BOOT/BOOTX64.EFI')
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


class Efi(unittest.TestCase):
    def start(self, disks, boot=VIRTIO, config=True, extra=(), **machine):
        """A running machine that was just started from the medium."""
        path = medium(mirror_ini(PAIR) if config is True else config)
        drive = ('-drive', 'if=none,id=boot,format=raw,readonly=on,file=%s' % path)
        return Machine(disks, machine='q35', firmware='ovmf', qemu='qemu-system-x86_64', mem=128,
                       extra=(*drive, *boot, *extra), **machine)

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
        """No stick, no disk of 4096-byte sectors, no CD; and without MIRROR.INI the set is found by its types."""
        others = ('-drive', 'if=none,id=stick,format=raw,snapshot=on,file=%s' % PAIR.a.path,
                  '-device', 'qemu-xhci', '-device', 'usb-storage,drive=stick,removable=on',
                  '-drive', 'if=none,id=large,format=raw,snapshot=on,file=%s' % PAIR.a.path,
                  '-device', 'virtio-blk-pci,drive=large,logical_block_size=4096,physical_block_size=4096',
                  '-drive', 'if=none,id=cd,format=raw,readonly=on,file=%s' % PAIR.b.path,
                  '-device', 'ide-cd,drive=cd,bus=ide.4')
        found = self.look(PAIR, config=None, extra=others)
        self.assertEqual([d['signature'] for d in found['disk']], ['1a2b3c4d', '5e6f7a8b'])
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
            machine.send_key('spc')
            try:
                return machine.wait_for('BdsDxe|Shell', timeout=1)
            except AssertionError:
                self.assertIsNone(machine.process.poll())
        return self.fail('a key does not lead back to the firmware')


if __name__ == '__main__':
    unittest.main()
