# SPDX-License-Identifier: MIT
"""Mirrored EFI system partitions under OVMF: which half is started, from which disk, and what is copied.

The boot medium is as in test_efi, an unpartitioned FAT12 image. What runs in the end is esp_payload.c, which says which
partition the firmware started it from; that is the proof, not our loader's own event. Takes BOOTX64.EFI and
BOOTIA32.EFI from $MKB_BUILD (default: build).
"""
import os
import pathlib
import tempfile
import unittest

import espdisks
from espdisks import BOOT, NEW, OLD, START, md, recipes
from qemu import PATIENCE, PAYLOAD_EXIT, Disk, Machine, RigError

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get('MKB_BUILD', HERE.parent.parent / 'build'))
MEDIUM = ('-device', 'virtio-blk-pci,drive=boot,bootindex=1')
FAST_CLOCK = ('-icount', 'shift=8,sleep=off')  # it jumps while nothing happens
DIFFERENT = b'another version'
IN_HEADER, IN_LIST = 512 + 0x38, 1024 + 0x38  # of the first GPT: the disk's GUID, a partition's name


class Esp(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mkb-esp-')
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def pair(self, **how):
        """Two disks; each is `self.a` or `self.b`, which stay as they are unless the machine may write to them."""
        self.a, self.b = espdisks.make_pair(self.dir / 'pair', espdisks.payload(how.pop('arch', 'x64')), **how)
        return self.a, self.b

    def medium(self, config, arch='X64'):
        path = self.dir / 'boot.img'
        recipes.run('mformat', '-C', '-i', path, '-f', '1440', '::')
        recipes.run('mmd', '-i', path, '::EFI', '::EFI/BOOT')
        recipes.run('mcopy', '-i', path, BUILD / ('BOOT%s.EFI' % arch), '::EFI/BOOT')
        if config is not None:
            (self.dir / 'mirror.ini').write_bytes(config)
            recipes.run('mcopy', '-i', path, self.dir / 'mirror.ini', '::MIRROR.INI')
        return ('-drive', 'if=none,id=boot,format=raw,readonly=on,file=%s' % path, *MEDIUM)

    def machine(self, disks=None, *lines, config=True, timeout=1, arch='X64', extra=None, more=(),
                **options):
        config = espdisks.mirror_ini((self.a, self.b), *lines, timeout=timeout) if config is True else config
        disks = [self.a.path, self.b.path] if disks is None else disks
        firmware = {'X64': 'ovmf', 'IA32': 'ovmf32'}[arch]
        extra = self.medium(config, arch) if extra is None else extra
        return Machine(disks, machine='q35', firmware=firmware, qemu='qemu-system-x86_64', mem=128,
                       extra=(*extra, *more), **options)

    def events(self, machine, name):
        return [values for event, values in machine.events() if event == name]

    def assert_started(self, machine, disk, file=r'\EFI\BOOT\BOOTX64.EFI'):
        """The payload ran, from this disk, and said so itself; our loader's event says the same."""
        self.assertEqual(machine.wait_exit(), PAYLOAD_EXIT)
        self.assertEqual(machine.payload(), {'partition': disk.partition.bytes_le.hex(), 'file': file})
        drive = next(seen['drive'] for seen in self.events(machine, 'disk')
                     if seen['signature'] == '%08x' % disk.signature)
        boot = self.events(machine, 'boot')[-1]
        self.assertEqual((boot['drive'], boot['as'], boot['method']), (drive, drive, 'efi'))
        self.assertEqual(boot['source'], 'primary' if disk is self.a else 'shadow')

    def assert_verdict(self, machine, state, source, primary, shadow):
        self.assertEqual([(member['state'], member['why']) for member in self.events(machine, 'member')],
                         [primary, shadow])
        self.assertEqual([(verdict['state'], verdict['source']) for verdict in self.events(machine, 'verdict')],
                         [(state, source)])

    def assert_starts(self, disk, state, primary, shadow, disks=None, *lines, **options):
        with self.machine(disks, *lines, **options) as machine:
            self.assert_started(machine, disk, **({'file': lines[0][4:]} if lines else {}))
            self.assert_verdict(machine, state, 'primary' if disk is self.a else 'shadow', primary, shadow)
            return machine.events()

    def assert_asks(self):
        """Nothing starts until somebody chooses, though the menu's time runs out."""
        with self.machine() as machine:
            machine.wait_for('^ft: verdict .*')
            reason = 'the halves differ, none is provably newer'
            self.press(machine, '2', '^PAYLOAD .*')
            self.assert_verdict(machine, 'split', 'none', ('good', reason), ('good', reason))
            self.assert_started(machine, self.b)

    def press(self, machine, key, until):
        """Presses a key until it has had its effect: keys from before the question do not count."""
        for _ in range(60):
            machine.send_key(key)
            try:
                return machine.wait_for(until, timeout=1)
            except RigError:
                self.assertIsNone(machine.process.poll())
        return self.fail('%s has no effect: %s' % (key, machine.output[-2000:]))

    good = ('good', '')

    # ---- which half is started ----

    def test_healthy_starts_the_primary(self):
        self.pair()
        self.assert_starts(self.a, 'healthy', self.good, self.good)

    def test_the_order_of_the_disks_does_not_matter(self):
        self.pair()
        self.assert_starts(self.a, 'healthy', self.good, self.good, [self.b.path, self.a.path])

    def test_the_primary_alone(self):
        self.pair()
        self.assert_starts(self.a, 'degraded', self.good, ('absent', 'no disk with this signature answers'),
                           [self.a.path])

    def test_the_shadow_alone(self):
        self.pair()
        self.assert_starts(self.b, 'degraded', ('absent', 'no disk with this signature answers'), self.good,
                           [self.b.path])

    def test_a_dead_primary(self):
        self.pair()
        for controller in ('ahci', 'virtio'):
            with self.subTest(controller):
                self.assert_starts(self.b, 'degraded', ('dead', 'a disk is there, but cannot be read'), self.good,
                                   [Disk(self.a.path, 'dead'), self.b.path], controller=controller)

    def test_a_primary_whose_loader_cannot_be_read(self):
        """By a single sector of the file; found with other eyes than ours: the program's first bytes on the disk."""
        self.pair()
        image = self.a.path.read_bytes()
        lba = image.index(espdisks.payload()[:512]) // 512
        self.assert_starts(self.b, 'degraded', ('failing', 'sectors cannot be read'), self.good,
                           [Disk(self.a.path, 'bad:%d' % (lba + 2)), self.b.path])

    def test_the_older_loader_is_stale(self):
        self.pair(first=OLD, second=NEW, tail=DIFFERENT)
        self.assert_starts(self.b, 'stale', ('stale', 'its boot loader is the older one'), self.good)
        self.pair(first=NEW, second=OLD, tail=DIFFERENT)
        self.assert_starts(self.a, 'degraded', self.good, ('stale', 'its boot loader is the older one'))

    def test_dates_alone_make_nothing_stale(self):
        self.pair(first=OLD, second=NEW)
        self.assert_starts(self.a, 'healthy', self.good, self.good)

    def test_fewer_md_events_are_stale(self):
        """The superblock counts, even where the loader's date says otherwise."""
        self.pair(first=NEW, second=OLD, tail=DIFFERENT)
        self.a.join(0, 17)
        self.b.join(1, 42, roles=(0xFFFE, 1))
        self.assertEqual([self.a.examine()[key] for key in ('status', 'events', 'role')], ['ok', 17, 0])
        self.assertEqual([self.b.examine()[key] for key in ('status', 'events', 'role')], ['ok', 42, 1])
        events = self.assert_starts(self.b, 'stale', ('stale', 'md went on without it (fewer events)'), self.good)
        seen = [values for name, values in events if name == 'esp']
        self.assertEqual([(values['role'], values['md'], values['events'], values['updated']) for values in seen],
                         [('primary', '1', '17', '2023-11-14 22:13'), ('shadow', '1', '42', '2023-11-14 22:13')])

    def test_each_half_ran_without_the_other(self):
        """By their superblocks; that the counters differ does not make the one with more the newer one."""
        self.pair()
        self.a.join(0, 17, roles=(0, 0xFFFE))
        self.b.join(1, 42, roles=(0xFFFE, 1))
        self.assert_asks()

    def test_a_power_cut_between_two_superblocks(self):
        """md takes both halves then."""
        self.pair()
        self.a.join(0, 17)
        self.b.join(1, 18)
        self.assert_starts(self.a, 'healthy', self.good, self.good)

    def test_what_md_had_not_finished_is_not_started(self):
        self.pair()
        self.a.join(0, 17, features=md.RECOVERY_OFFSET)
        self.b.join(1, 17)
        self.assertEqual([disk.examine()['in_sync'] for disk in (self.a, self.b)], [False, True])
        self.assert_starts(self.b, 'resyncing', ('rebuilding', 'md had not finished copying to it'), self.good)

    def test_a_half_without_the_loader_is_stale(self):
        self.pair()
        self.a.remove(BOOT)
        self.assert_starts(self.b, 'stale', ('stale', 'the boot loader is not on it'), self.good)

    def test_another_loader_by_its_path(self):
        """efi= names it; what lies in the default place is nobody's business then."""
        self.pair()
        for disk in (self.a, self.b):
            disk.put('/EFI/debian/grubx64.efi', espdisks.payload())
            disk.put(BOOT, b'no program' + disk.path.name.encode())
        self.assert_starts(self.a, 'healthy', self.good, self.good, None, 'efi=\\EFI\\debian\\grubx64.efi')

    def test_the_watchdog_does_not_bite_while_it_waits(self):
        """The firmware would restart the machine after five minutes."""
        self.pair()
        with self.machine(timeout=310, more=FAST_CLOCK) as machine:
            machine.wait_for('^ft: verdict .*')
            next_line = machine.wait_for('^(PAYLOAD|ft: start) .*', timeout=5 * PATIENCE)
            self.assertEqual(next_line[1], 'PAYLOAD')
            self.assert_started(machine, self.a)

    def test_the_watchdog_bites_when_what_was_started_hangs(self):
        """As it would if the firmware had started it. Our loader is then there again."""
        self.pair()
        for disk in (self.a, self.b):
            disk.put('/EFI/HANG.EFI', espdisks.payload())
        with self.machine(None, 'efi=\\EFI\\HANG.EFI', more=FAST_CLOCK) as machine:
            self.assertIn(self.a.partition.bytes_le.hex(), machine.wait_for('^PAYLOAD .*')[0])
            machine.wait_for('^ft: start .*', timeout=5 * PATIENCE)

    def test_without_mirror_ini_the_pair_is_found(self):
        self.pair(first=OLD, second=NEW, tail=DIFFERENT)
        with self.machine(config=None) as machine:
            machine.wait_for('^ft: verdict .*')
            self.press(machine, '1', '^PAYLOAD .*')
            self.assert_started(machine, self.b)

    def damage_first_table(self, offset):
        """A bit turned over in the first copy of the primary's GPT."""
        with open(self.a.path, 'r+b') as file:
            file.seek(offset)
            value = file.read(1)[0] ^ 1
            file.seek(offset)
            file.write(bytes([value]))

    def test_a_table_of_which_only_the_backup_is_left(self):
        """OVMF repairs the first copy, so that it may be whole again when our loader reads it."""
        self.pair()
        self.damage_first_table(IN_HEADER)
        self.assert_starts(self.a, 'healthy', self.good, self.good)

    def test_such_a_table_on_a_disk_that_cannot_be_written(self):
        """With a damaged list OVMF goes by the backup, as our loader does."""
        self.pair()
        self.damage_first_table(IN_LIST)
        self.assert_starts(self.a, 'healthy', self.good, self.good, [Disk(self.a.path, 'protected'), self.b.path],
                           controller='virtio')

    def test_a_partition_that_the_firmware_does_not_find(self):
        """With a damaged header it does not: our loader finds the half good, says why it cannot be started, and starts
        the other one."""
        self.pair()
        self.damage_first_table(IN_HEADER)
        with self.machine([Disk(self.a.path, 'protected'), self.b.path], controller='virtio') as machine:
            machine.wait_for('^ft: boot source=primary')
            machine.wait_for('The firmware finds no file system there')
            told = machine.wait_for(r'^ft: error site=(\S+) status=(\S+) drive=(\S+) lba=(\d+)')
            self.assertEqual(told.groups(), ('S1', 'not-found', '0x80', str(START)))
            self.assert_verdict(machine, 'healthy', 'primary', self.good, self.good)
            self.press(machine, '2', '^PAYLOAD .*')
            self.assert_started(machine, self.b)

    # ---- what asks ----

    def test_split_asks(self):
        """Different loaders of one date."""
        self.pair(tail=DIFFERENT)
        self.assert_asks()

    def test_both_without_a_loader_ask(self):
        self.pair()
        for disk in (self.a, self.b):
            disk.remove(BOOT)
        with self.machine() as machine:
            machine.wait_for('^ft: verdict .*')
            self.press(machine, '1', '^ft: error .*status=not-found')
            self.assertIsNone(machine.payload())
            lost = ('stale', 'the boot loader is not on it')
            self.assert_verdict(machine, 'split', 'none', lost, lost)

    def test_never_itself(self):
        """Installed on the half that it is started from, it would start itself for ever."""
        self.pair()
        for disk in (self.a, self.b):
            disk.put(BOOT, (BUILD / 'BOOTX64.EFI').read_bytes())
            disk.put('/MIRROR.INI', espdisks.mirror_ini((self.a, self.b)))
        with self.machine(extra=()) as machine:
            refused = machine.wait_for('^ft: error site=(\\S+) status=(\\S+) drive=(\\S+) lba=(\\d+)')
            self.assertEqual(refused.groups()[1:], ('refused', '0x80', str(START)))
            self.assertEqual(len(self.events(machine, 'start')), 1)
            self.press(machine, '2', '^ft: start .*')  # the other half's may be started: it is another file
            machine.wait_for('^ft: error .*status=(refused)')

    def test_what_was_started_may_come_back(self):
        self.pair()
        for disk in (self.a, self.b):
            disk.put('/EFI/XSHELL.EFI', espdisks.payload())
        with self.machine(None, 'efi=\\efi\\xshell.efi') as machine:
            first = machine.wait_for('^PAYLOAD .*')[0]
            self.assertIn(self.a.partition.bytes_le.hex(), first)
            self.press(machine, '2', '^PAYLOAD partition=' + self.b.partition.bytes_le.hex())

    def test_what_is_no_program_is_told(self):
        self.pair()
        for disk in (self.a, self.b):
            disk.put(BOOT, b'no program')
        with self.machine() as machine:
            machine.wait_for('^ft: boot source=primary')
            machine.wait_for('^ft: error .*status=')
            self.assertEqual(len(self.events(machine, 'boot')), 1)

    def test_32_bit_firmware(self):
        self.pair(arch='ia32', first=OLD, second=NEW, tail=DIFFERENT)
        for disk, date in ((self.a, OLD), (self.b, NEW)):
            disk.put('/EFI/BOOT/BOOTIA32.EFI', disk.files()[BOOT][0], date)
        self.assert_starts(self.b, 'stale', ('stale', 'its boot loader is the older one'), self.good, None,
                           'efi=\\EFI\\BOOT\\BOOTIA32.EFI', arch='IA32')

    # ---- bringing a half up to date ----

    def outside_the_volume(self, path):
        """What may not change: all of the disk but the file system."""
        image = pathlib.Path(path).read_bytes()
        return image[:START * 512] + image[(START + espdisks.FAT_SECTORS) * 512:]

    def fill(self):
        """A newer primary with more files; the shadow has some that differ, and one of its own."""
        self.pair(first=NEW, second=OLD, tail=DIFFERENT)
        for name, data in (('/EFI/debian/grub.cfg', b'new'), ('/EFI/debian/Long name of a file.txt', b'z' * 70000),
                           ('/EFI/empty.txt', b''), ('/EFI/same.bin', b's' * 131072), ('/EFI/A/B/C/deep.txt', b'deep')):
            self.a.put(name, data, NEW)
        self.b.put('/EFI/debian/grub.cfg', b'a longer one that is old')
        self.b.put('/EFI/same.bin', b's' * 131072)
        self.b.put('/EFI/own/keep.txt', b'keep')

    def copy(self, machine, key='3'):
        machine.wait_for('^ft: verdict .*')
        match = self.press(machine, key, r'^ft: copied role=(\w+) files=(\d+) status=([\w-]+)')
        return match.groups()

    def test_bringing_the_shadow_up_to_date(self):
        self.fill()
        before = [disk.path.read_bytes() for disk in (self.a, self.b)]
        disks = [Disk(self.a.path, writable=True), Disk(self.b.path, writable=True)]
        with self.machine(disks, timeout='forever') as machine:
            self.assertEqual(self.copy(machine), ('shadow', '5', 'ok'))
            machine.wait_for('^ft: verdict .*state=healthy source=primary')
        self.assertEqual(self.a.path.read_bytes(), before[0])
        self.assertEqual(self.outside_the_volume(self.b.path),
                         before[1][:START * 512] + before[1][(START + espdisks.FAT_SECTORS) * 512:])
        wanted = dict(self.a.files())
        wanted['/EFI/same.bin'] = (b's' * 131072, self.b.files()['/EFI/same.bin'][1])
        found = self.b.files()
        self.assertEqual(found.pop('/EFI/own/keep.txt')[0], b'keep')
        self.assertEqual({name: data for name, (data, _) in found.items()},
                         {name: data for name, (data, _) in wanted.items()})
        self.assertEqual(found, wanted)  # dates, too: a later one would call the copy the newer half
        self.fsck(self.b)

    def fsck(self, disk):
        part = self.dir / 'part.img'
        part.write_bytes(disk.path.read_bytes()[START * 512:(START + espdisks.FAT_SECTORS) * 512])
        said = recipes.run('fsck.fat', '-n', '-v', part).decode('latin1')
        self.assertNotRegex(said, '(?i)dirty|differ|lost|orphan|wrong|reclaim')

    def test_bringing_the_primary_up_to_date(self):
        self.pair(first=OLD, second=NEW, tail=DIFFERENT)
        self.b.put('/EFI/debian/grub.cfg', b'new', NEW)
        disks = [Disk(self.a.path, writable=True), Disk(self.b.path, writable=True)]
        with self.machine(disks, timeout='forever') as machine:
            self.assertEqual(self.copy(machine), ('primary', '2', 'ok'))
        self.assertEqual(self.a.files(), self.b.files())
        self.fsck(self.a)

    def test_a_copy_that_was_interrupted_is_done_again(self):
        self.pair(first=NEW, second=OLD, tail=DIFFERENT)
        self.b.put('/EFI/BOOT/MKBOOTDK.NEW', b'half of it')
        disks = [Disk(self.a.path, writable=True), Disk(self.b.path, writable=True)]
        with self.machine(disks, timeout='forever') as machine:
            self.assertEqual(self.copy(machine), ('shadow', '1', 'ok'))
        self.assertEqual(self.b.files(), self.a.files())
        self.fsck(self.b)

    def test_a_read_only_destination_is_left_alone(self):
        self.fill()
        before = [disk.path.read_bytes() for disk in (self.a, self.b)]
        disks = [Disk(self.a.path, writable=True), Disk(self.b.path, 'protected')]
        with self.machine(disks, timeout='forever', controller='virtio') as machine:
            role, files, status = self.copy(machine)
            self.assertEqual((role, files), ('shadow', '0'))
            self.assertNotEqual(status, 'ok')
            self.press(machine, '1', '^PAYLOAD .*')  # and what was good still starts
            self.assert_started(machine, self.a)
        self.assertEqual([disk.path.read_bytes() for disk in (self.a, self.b)], before)

    def test_a_full_destination_keeps_its_old_file(self):
        self.pair(first=NEW, second=OLD, tail=DIFFERENT)
        self.a.put('/EFI/big.bin', bytes(range(256)) * 20000, NEW)
        self.b.put('/EFI/big.bin', b'the old one')
        self.b.put('/FILLER', b'f' * 7000000)
        disks = [Disk(self.a.path, writable=True), Disk(self.b.path, writable=True)]
        with self.machine(disks, timeout='forever') as machine:
            self.assertEqual((self.copy(machine)[0::2]), ('shadow', 'no-space'))
        found = self.b.files()
        self.assertEqual(found['/EFI/big.bin'][0], b'the old one')
        self.assertFalse([name for name in found if 'MKBOOTDK' in name])
        self.fsck(self.b)

    def test_members_of_an_array_are_not_copied(self):
        """md copies by itself; whatever is pressed, nothing is written."""
        self.pair(first=NEW, second=OLD, tail=DIFFERENT)
        self.a.join(0, 42)
        self.b.join(1, 17)
        before = [disk.path.read_bytes() for disk in (self.a, self.b)]
        disks = [Disk(self.a.path, writable=True), Disk(self.b.path, writable=True)]
        with self.machine(disks, timeout='forever') as machine:
            machine.wait_for('^ft: verdict .*')
            self.press(machine, '3', 'BdsDxe|Shell')  # "Return to the firmware"
            self.assertEqual(self.events(machine, 'copied'), [])
        self.assertEqual([disk.path.read_bytes() for disk in (self.a, self.b)], before)


if __name__ == '__main__':
    unittest.main()
