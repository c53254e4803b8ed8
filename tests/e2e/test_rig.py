# SPDX-License-Identifier: MIT
"""The rig and the recipes, proved by things that are not ours: SYSLINUX's MBR code, Debian's kernel, fsck.fat, mtools,
ntfs-3g and sfdisk. What is green here may be relied upon by every other end-to-end test.
"""
import hashlib
import json
import pathlib
import tempfile
import unittest

import defects
import qemu
from qemu import Disk, Machine, recipes

SCRATCH, PAIRS = None, {}


def setUpModule():
    global SCRATCH
    SCRATCH = tempfile.TemporaryDirectory(prefix='mkb-rig-')


def tearDownModule():
    SCRATCH.cleanup()


def pair(name='fat16', **changes):
    """A pair by recipe, made once for each name; tests that damage one make their own."""
    if name not in PAIRS:
        PAIRS[name] = recipes.make_pair(pathlib.Path(SCRATCH.name, name), **changes)
    return PAIRS[name]


def table(image):
    return json.loads(recipes.run('sfdisk', '-J', image))['partitiontable']


def volume_of(disk):
    """The member as a file of its own, for tools that take no offset."""
    path = pathlib.Path(SCRATCH.name, 'volume-' + hashlib.sha1(str(disk.path).encode()).hexdigest())
    recipes.new_image(path, disk.sectors * 512)
    recipes.copy_range(disk.path, disk.member_start * 512, path, 0, disk.sectors * 512)
    return path


class Recipes(unittest.TestCase):
    def check(self, made):
        """What holds for every pair, told by sfdisk."""
        for disk, active in ((made.a, True), (made.b, False)):
            found = table(disk.path)
            self.assertEqual(int(found['id'], 16), disk.signature)
            member = found['partitions'][-1]
            self.assertEqual((member['start'], member['size']), (disk.member_start, disk.sectors))
            self.assertEqual(member.get('bootable', False), active and disk.ebr is None)
            self.assertEqual(int(member['type'], 16), recipes.MIRRORED[made.recipe.fs])
            self.assertIn(b'No errors', recipes.run('sfdisk', '-V', disk.path))
        self.assertTrue(recipes.same_bytes(made.a.path, made.a.member_start * 512, made.b.path,
                                           made.b.member_start * 512, made.a.sectors * 512))
        self.assertEqual(any(recipes.read_at(made.b.path, 0)[:440]), False)

    def test_fat16(self):
        made = pair('fat16-file', files={'BOOT.INI': b'[boot loader]\r\n'})
        self.check(made)
        recipes.run('fsck.fat', '-n', volume_of(made.b))
        text = recipes.run('mtype', '-i', '%s@@%d' % (made.b.path, made.b.member_start * 512), '::BOOT.INI')
        self.assertEqual(text, b'[boot loader]\r\n')

    def test_fat32(self):
        made = pair('fat32', fs='fat32', size_mib=128)
        self.check(made)
        recipes.run('fsck.fat', '-n', volume_of(made.a))

    def test_ntfs(self):
        made = pair('ntfs-file', fs='ntfs', files={'boot.ini': b'[boot loader]\r\n'})
        self.check(made)
        volume = volume_of(made.b)
        self.assertIn(b'successfully', recipes.run('ntfsfix', '-n', volume))
        self.assertIn(b'MIRROR', recipes.run('ntfsinfo', '-m', volume))
        self.assertEqual(recipes.run('ntfscat', volume, 'boot.ini'), b'[boot loader]\r\n')

    def test_ext4(self):
        made = pair('ext4-file', fs='ext4', files={'etc/motd': b'mirror\n'})
        self.check(made)
        volume = volume_of(made.b)
        recipes.run('e2fsck', '-f', '-n', volume)
        self.assertEqual(recipes.run('debugfs', '-R', 'cat /etc/motd', volume).splitlines()[-1], b'mirror')

    def test_starts_and_extended_partitions(self):
        self.check(pair('moved', primary_start=2048, shadow_start=6048))
        self.check(pair('logical-both', logical='both'))
        made = pair('logical-shadow', logical='shadow', fs='ntfs', shadow_extra=((63, 945, 0x12),))
        self.check(made)
        self.assertEqual([entry['type'] for entry in table(made.b.path)['partitions']], ['12', '5', '87'])

    def test_reproducible(self):
        for fs in ('fat16', 'ntfs'):
            one, two = (pair('%s-%d' % (fs, n), fs=fs) for n in (1, 2))
            for left, right in zip(one, two):
                self.assertTrue(recipes.same_bytes(left, 0, right, 0, left.stat().st_size), fs)

    def test_same_bytes_sees_one_bit(self):
        made = recipes.make_pair(pathlib.Path(SCRATCH.name, 'bit'))
        recipes.write_at(made.b.path, 50_000_007, b'\x01')
        self.assertFalse(recipes.same_bytes(made.a.path, 63 * 512, made.b.path, 63 * 512, made.a.sectors * 512))


class Start(unittest.TestCase):
    """The payload through SYSLINUX's MBR code, and no loader of ours."""

    def start(self, disks, **machine):
        with Machine(disks, **machine) as running:
            running.wait_for('^PAYLOAD .*')
            self.assertEqual(running.wait_exit(), qemu.PAYLOAD_EXIT)
            return running.payload()

    def test_payload_says_what_it_found(self):
        said = self.start(pair())
        self.assertEqual(said['part'][:2] + said['part'][8:10], '8086')
        expected = {'tag': 'A', 'dl': '80', 'rd80': '00', 'sig80': '1a2b3c4d', 'rd81': '00', 'sig81': '5e6f7a8b',
                    'count': '02', 'hidden': '0000003f', 'spt': '003f', 'heads': '0010', 'drv': '80'}
        self.assertEqual({key: said[key] for key in expected}, expected)

    def test_each_file_system_and_machine(self):
        ntfs = pair('ntfs', fs='ntfs', tag='N')
        for disks, machine in ((ntfs, {}), (pair('fat32', fs='fat32', size_mib=128), {}), (ntfs, {'machine': 'q35'}),
                               (ntfs, {'controller': 'lsi'}), (ntfs, {'controller': 'virtio'}),
                               (ntfs, {'machine': 'isapc', 'cpu': '486', 'mem': 2})):
            with self.subTest(str(machine), fs=disks.recipe.fs):
                said = self.start(disks, **machine)
                self.assertEqual((said['tag'], said['sig80']), (disks.recipe.tag, '1a2b3c4d'))

    def test_missing_disk_and_third_disk(self):
        a, b = pair()
        self.assertEqual(self.start([a])['count'], '01')
        said = self.start([Disk(b, 'absent'), a, b])
        self.assertEqual((said['sig80'], said['sig81'], said['count']), ('1a2b3c4d', '5e6f7a8b', '02'))
        self.assertEqual(self.start([a, b, defects.blank(pathlib.Path(SCRATCH.name, 'blank.img'))])['count'], '03')

    def test_syslinux_and_linux(self):
        made = pair('syslinux', boot='syslinux', size_mib=128)
        with Machine([made.a.path], mem=256) as running:
            running.wait_for(r'SYSLINUX \d')
            running.wait_for(r'Linux version \d', timeout=4 * qemu.PATIENCE)


class Faults(unittest.TestCase):
    """The faults are real: what should not start does not, and the BIOS sees the error."""

    def never(self, disks, **machine):
        """Starts what must not start, and waits until the BIOS has given up on the disk."""
        with Machine(disks, **machine) as running:
            running.wait_screen('(?i)boot failed|no bootable|missing operating system|operating system load error')
            self.assertNotIn('PAYLOAD', running.output)

    def test_dead_primary_never_starts(self):
        a, b = pair()
        for machine in ('pc', 'q35', 'isapc'):
            with self.subTest(machine):
                self.never([Disk(a, 'dead'), b], machine=machine)

    def test_bad_boot_sector_never_starts(self):
        a, b = pair()
        self.never([Disk(a, 'bad:63'), b])
        self.never([Disk(a, 'bad:20,60-70'), b])

    def test_bad_sectors_elsewhere_do_no_harm(self):
        a, b = pair()
        with Machine([Disk(a, 'bad:100-299'), b]) as running:
            self.assertEqual(running.wait_exit(), qemu.PAYLOAD_EXIT)

    def test_payload_sees_a_dead_second_disk(self):
        a, b = pair()
        for fault, status in (('dead', '0c'), ('bad:0', '0c'), ('writes-fail', '00'), ('bad-write:0', '00'),
                              ('slow', '00')):
            with self.subTest(fault), Machine([a, Disk(b, fault)]) as running:
                running.wait_exit()
                self.assertEqual(running.payload()['rd81'], status)

    def test_write_protected_disk_can_be_read(self):
        a, b = pair()
        with Machine([a, Disk(b, 'protected')], controller='virtio') as running:
            running.wait_exit()
            self.assertEqual(running.payload()['rd81'], '00')

    def test_fails_and_heals_while_it_runs(self):
        for heal, status in ((False, '0c'), (True, '00')):
            with self.subTest(heal=heal), Machine(pair(), paused=True) as running:
                running.fail(1)
                if heal:
                    running.heal(1)
                running.start()
                running.wait_exit()
                self.assertEqual(running.payload()['rd81'], status)

    def test_defects_are_seen_by_others(self):
        made = recipes.make_pair(pathlib.Path(SCRATCH.name, 'damaged'), logical='both')
        defects.signature(made.b.path, 0xDEADBEEF)
        self.assertEqual(table(made.b.path)['id'], '0xdeadbeef')
        defects.same_signature(made.b.path, made.a.path)
        self.assertEqual(table(made.b.path)['id'], '0x1a2b3c4d')
        defects.orphaned(made.b.path, table=made.b.ebr)
        self.assertEqual(table(made.b.path)['partitions'][-1]['type'], 'c6')
        defects.unmirrored(made.b.path, table=made.b.ebr)
        self.assertEqual(table(made.b.path)['partitions'][-1]['type'], '6')
        defects.shorter(made.b.path, table=made.b.ebr, by=63)
        self.assertEqual(table(made.b.path)['partitions'][-1]['size'], made.b.sectors - 63)
        defects.past_end(made.b.path)
        extended = table(made.b.path)['partitions'][0]
        self.assertGreater(extended['start'] + extended['size'], 64 * 2048)
        defects.no_magic(made.a.path)
        self.assertRaises(RuntimeError, recipes.run, 'sfdisk', '-J', made.a.path)


class Rig(unittest.TestCase):
    def floppy(self):
        """A floppy whose boot sector is the payload."""
        path = pathlib.Path(SCRATCH.name, 'floppy.img')
        recipes.new_image(path, 1440 * 1024)
        recipes.write_at(path, 0, recipes.payload('F'))
        return path

    def test_floppy_on_every_machine(self):
        for options in ({}, {'machine': 'q35'}, {'machine': 'isapc'}, {'protected': True}):
            with self.subTest(str(options)), Machine(pair(), floppy=self.floppy(), trace=True, **options) as running:
                self.assertEqual(running.wait_exit(), qemu.PAYLOAD_EXIT)
                self.assertEqual((running.payload()['tag'], running.payload()['dl']), ('F', '00'))
                self.assertEqual(running.floppy_reads()[-1], (0, 0, 1))
                self.assertIn((0, 1), running.reads())
                self.assertNotIn(63, [lba for lba, _ in running.reads(0)])
        with Machine(floppy=Disk(self.floppy(), 'writes-fail')) as running:
            self.assertEqual(running.wait_exit(), qemu.PAYLOAD_EXIT)

    def test_another_floppy_is_put_in(self):
        """Or none: the machine, stopped before its first instruction, starts from what is there then."""
        blank = defects.blank(pathlib.Path(SCRATCH.name, 'other.img'), 1)
        with Machine(floppy=blank, paused=True) as running:
            running.change_floppy(self.floppy())
            running.start()
            self.assertEqual(running.wait_exit(), qemu.PAYLOAD_EXIT)
        with Machine(floppy=self.floppy(), paused=True) as running:
            running.change_floppy()
            running.start()
            running.wait_screen('(?i)no bootable')
            self.assertNotIn('PAYLOAD', running.output)

    def test_reads_are_told_apart(self):
        with Machine(pair(), trace=True) as running:
            running.wait_exit()
            self.assertIn((63, 1), running.reads(0))
            self.assertEqual({lba for lba, _ in running.reads(1)}, {0})
            self.assertEqual(running.writes(0), [])

    def test_images_are_left_alone_unless_writable(self):
        a, b = pair()
        with Machine([a, Disk(b, writable=True)], paused=True) as running:
            self.assertNotEqual(running.disks[0].path, a)
            self.assertEqual(running.disks[1].path, b)
            self.assertEqual(running.stats(0)['failed_rd_operations'], 0)

    def test_screen_keys_and_screendump(self):
        with Machine([], extra=['-boot', 'menu=on,splash-time=60000']) as running:
            running.wait_screen('(?i)press .* for boot menu')
            running.send_key('esc')
            running.wait_screen('Select boot device')
            self.assertEqual(len(running.cells()), 25)
            png = pathlib.Path(SCRATCH.name, 'screen.png')
            running.screendump(png)
            self.assertEqual(png.read_bytes()[1:4], b'PNG')

    def test_events(self):
        self.assertEqual(qemu.parse_event('ft: change n=3 disk=1a2b3c4d lba=0 why="clear FT bits"'),
                         ('change', {'n': '3', 'disk': '1a2b3c4d', 'lba': '0', 'why': 'clear FT bits'}))
        self.assertEqual(qemu.parse_event('ft: change done n=3 why='), ('change done', {'n': '3', 'why': ''}))

    def test_failure_tells_why_and_leaves_nothing_behind(self):
        with self.assertRaisesRegex(qemu.RigError, 'no-such'):
            Machine(pair(), extra=['-device', 'no-such'])
        with Machine(pair()) as running:
            with self.assertRaisesRegex(qemu.RigError, 'PAYLOAD tag=A'):
                running.wait_for('never said', timeout=5)
        self.assertIsNotNone(running.process.poll())
        self.assertFalse(running.dir.exists())

    def test_ovmf(self):
        with Machine(pair(), machine='q35', firmware='ovmf', qemu='qemu-system-x86_64', mem=128) as running:
            running.wait_for('BdsDxe|UEFI|Shell', timeout=2 * qemu.PATIENCE)


if __name__ == '__main__':
    unittest.main()
