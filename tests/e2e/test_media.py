# SPDX-License-Identifier: MIT
"""Every kind of boot disk that `mkbootdisk build --format` makes, started as the machine it is for starts it: floppies by
a BIOS (tests of their own: test_boot), sticks and CDs by BIOS and UEFI of both widths, a system partition by UEFI.

Owns how a medium is plugged in. Under a BIOS the payload in the survivor's boot sector says which half was started, and
as which drive; under UEFI nothing of Windows NT can start, so the verdict must do. What was written to a medium is read
back with mtools, and where it must not have been written, compared byte for byte.
"""
import re
import struct
import unittest

from qemu import PAYLOAD_EXIT, Disk, Machine, recipes
from test_boot import changed_sectors, choose, copy, make_pair, mkbootdisk, scratch

SECTOR = recipes.SECTOR
VOLUME = '@@1M'  # where a stick's and a disk's partition is, for mtools
DONE, EMPTY = 2, 0     # a journal's states, docs/formats.md
USB = {'uhci': 'piix3-usb-uhci', 'ehci': 'usb-ehci', 'xhci': 'qemu-xhci'}
UEFI = {'ovmf': dict(qemu='qemu-system-x86_64'), 'ovmf32': dict(qemu='qemu-system-i386')}


def build(kind, *options, pair=None, timeout=0):
    path = scratch(kind + '.img')
    mkbootdisk('build', '-o', path, '--format', kind, '--timeout', timeout, *options, *(pair or make_pair()))
    return path


def drive(path, read_only=False):
    return ('-drive', 'if=none,id=boot,format=raw,readonly=%s,file=%s' % ('on' if read_only else 'off', path))


def stick(path, bus='ehci'):
    return (*drive(path), '-device', USB[bus], '-device', 'usb-storage,drive=boot,bootindex=0,removable=on')


def cd(path, bus='ide.1'):
    return (*drive(path, True), '-device', 'ide-cd,drive=boot,bootindex=0,bus=%s' % bus)


def inner_disk(path):
    return (*drive(path), '-device', 'virtio-blk-pci,drive=boot,bootindex=0')


def journal_state(image, volume=''):
    """The state in the newer of the journal's two slots, with no code of the project."""
    raw = recipes.run('mtype', '-i', '%s%s' % (image, volume), '::FTJOURNL.DAT')
    slots = [struct.unpack_from('<8sII', raw, at) for at in (0, SECTOR)]
    return max((number, state) for magic, number, state in slots if magic == b'FTJRNL01')[1]


class BiosCase(unittest.TestCase):
    def run_bios(self, disks, plugged, act=None, **options):
        """One start until the payload has spoken: (events, payload, serial line)."""
        with Machine(disks, extra=plugged, boot='c', **options) as machine:
            if act:
                act(machine)
            status = machine.wait_exit()
            self.assertEqual(status, PAYLOAD_EXIT, machine.output)
            return machine.events(), machine.payload(), machine.output.replace('\r', '')

    def assert_started(self, story, signature, bootdrive, verdict):
        events, payload, text = story
        starts = [fields for name, fields in events if name == 'start']
        self.assertEqual([(s['firmware'], s['bootdrive']) for s in starts], [('bios', bootdrive)])
        self.assertEqual([f['state'] for name, f in events if name == 'verdict'], [verdict], text)
        self.assertEqual(payload['sig80'], '%08x' % signature)

    def assert_disks(self, story, count):
        """What the loader took for the machine's disks."""
        found = [fields['signature'] for name, fields in story[0] if name == 'disk']
        self.assertEqual(len(found), count, found)


class Stick(BiosCase):
    def test_starts_on_every_bus_and_is_no_disk_of_the_machine(self):
        pair = make_pair()
        for bus in USB:
            with self.subTest(bus):
                story = self.run_bios(pair, stick(build('usb'), bus))
                self.assert_started(story, pair.a.signature, '0x80', 'healthy')
                self.assert_disks(story, 2)

    def test_the_survivor_starts_when_the_primary_is_dead(self):
        pair = make_pair()
        story = self.run_bios([Disk(pair.a.path, 'dead'), pair.b.path], stick(build('usb')))
        self.assert_started(story, pair.b.signature, '0x80', 'degraded')

    def test_a_break_is_in_the_journal_on_the_stick_and_can_be_undone(self):
        pair = make_pair()
        b, image = copy(pair.b.path), build('usb', '--break', 'auto')
        self.assertEqual(journal_state(image, VOLUME), EMPTY)
        story = self.run_bios([Disk(pair.a.path, 'absent'), Disk(b, writable=True)], stick(image))
        self.assert_started(story, pair.b.signature, '0x80', 'degraded')
        self.assertEqual(changed_sectors(pair.b.path, b), [0])
        self.assertEqual(journal_state(image, VOLUME), DONE)
        log = recipes.run('mtype', '-i', '%s%s' % (image, VOLUME), '::FTLOG.TXT').decode()
        self.assertRegex(log, r'^degraded: started the shadow by vbr, disks changed')
        mkbootdisk('undo', '--write', image, b)
        self.assertEqual(changed_sectors(pair.b.path, b), [])

    def test_our_boot_code_says_what_is_missing(self):
        """The partition's boot sector speaks, so the code in the MBR has found it."""
        image = build('usb')
        recipes.run('mdel', '-i', '%s%s' % (image, VOLUME), '::STAGE2.BIN')
        with Machine([], extra=stick(image), boot='c') as machine:
            machine.wait_screen(r'Press a key: no STAGE2  BIN')


class Cd(BiosCase):
    def test_a_bios_starts_it_as_a_floppy(self):
        pair = make_pair()
        story = self.run_bios(pair, cd(build('iso')))
        self.assert_started(story, pair.a.signature, '0x00', 'healthy')

    def test_a_person_is_told_that_there_is_no_journal(self):
        pair = make_pair()
        b = copy(pair.b.path)

        def act(machine):
            machine.wait_for('there is no journal', whole_line=False)
            choose(machine, 'Break the mirror, keeping the shadow, then start it')
            for question, key in (('without this boot disk', 'n'), ('Write this', 'y'), ('No journal', 'y')):
                machine.wait_for(question + r'.*\(y/n\)', whole_line=False)
                machine.send_key(key)

        story = self.run_bios([Disk(pair.a.path, 'absent'), Disk(b, writable=True)],
                              cd(build('iso', timeout='forever')), act)
        self.assert_started(story, pair.b.signature, '0x00', 'degraded')
        self.assertEqual(changed_sectors(pair.b.path, b), [0])


class Uefi(unittest.TestCase):
    """Firmware of 64 and 32 bits; the primary is dead, and what is on the medium says so."""

    def look(self, plugged, firmware):
        pair = make_pair()
        disks = [Disk(pair.a.path, 'absent'), pair.b.path]
        with Machine(disks, machine='q35', mem=128, firmware=firmware, controller='virtio', extra=plugged,
                     **UEFI[firmware]) as machine:
            machine.wait_for('^ft: verdict .*')
            found = {}
            for name, fields in machine.events():
                found.setdefault(name, []).append(fields)
        self.assertEqual([s['firmware'] for s in found['start']], ['efi'])
        self.assertEqual([(v['state'], v['source']) for v in found['verdict']], [('degraded', 'shadow')])
        # MIRROR.INI was read: without it the missing half's signature could not be known.
        self.assertEqual([(m['role'], m['state']) for m in found['member']], [('primary', 'absent'), ('shadow', 'good')])
        return found

    def test_stick(self):
        for firmware in UEFI:
            with self.subTest(firmware):
                found = self.look(stick(build('usb'), 'xhci'), firmware)
                self.assertEqual([d['signature'] for d in found['disk']], ['5e6f7a8b'])

    def test_cd(self):
        for firmware in UEFI:
            with self.subTest(firmware):
                self.look(cd(build('iso'), 'ide.4'), firmware)

    def test_floppy_image_on_a_stick(self):
        for firmware in UEFI:
            with self.subTest(firmware):
                self.look(stick(build('1440'), 'xhci'), firmware)

    def test_system_partition(self):
        for firmware in UEFI:
            with self.subTest(firmware):
                self.look(inner_disk(build('esp')), firmware)

    def test_a_break_is_in_the_journal_on_the_medium_and_can_be_undone(self):
        pair = make_pair()
        for kind, plug in (('usb', lambda image: stick(image, 'xhci')), ('esp', inner_disk)):
            with self.subTest(kind):
                b, image = copy(pair.b.path), build(kind, timeout='forever')
                self.assertEqual(journal_state(image, VOLUME), EMPTY)
                with Machine([Disk(pair.a.path, 'absent'), Disk(b, writable=True)], machine='q35', mem=128,
                             firmware='ovmf', controller='virtio', extra=plug(image), **UEFI['ovmf']) as machine:
                    machine.wait_for('^ft: end')
                    for key in '1n':  # the break, and nothing beyond it
                        machine.send_key(key)
                    machine.wait_for('^ft: change planned n=1 ')
                    machine.send_key('y')
                    machine.wait_for('^ft: change done n=1 ')
                    machine.wait_for('^ft: end')
                self.assertEqual(changed_sectors(pair.b.path, b), [0])
                self.assertEqual(journal_state(image, VOLUME), DONE)
                mkbootdisk('undo', '--write', image, b)
                self.assertEqual(changed_sectors(pair.b.path, b), [])

    def test_files_for_a_system_partition_of_others(self):
        """Copied into a partition on which something else is \\EFI\\BOOT's; the shell of the firmware starts ours."""
        folder, image = scratch('folder'), scratch('shared.img')
        folder.mkdir()
        mkbootdisk('build', '-o', folder, '--format', 'esp', '--timeout', 0, *make_pair())
        recipes.run('mformat', '-C', '-i', image, '-T', 65536, '-h', 255, '-s', 63, '-c', 8, '::')
        for name in ('EFI', 'MIRROR.INI', 'FTJOURNL.DAT', 'FTLOG.TXT'):
            recipes.run('mcopy', '-s', '-i', image, folder / name, '::')
        script = scratch('startup.nsh')
        script.write_text('fs0:\\EFI\\mkbootdisk\\BOOTX64.EFI\r\n')
        recipes.run('mcopy', '-i', image, script, '::startup.nsh')
        self.look(inner_disk(image), 'ovmf')


if __name__ == '__main__':
    unittest.main()
