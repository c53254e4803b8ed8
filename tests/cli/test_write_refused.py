# SPDX-License-Identifier: MIT
"""`mkbootdisk write`: everything that must not be overwritten is refused, is named with the reason, and stays as it is.
"""
import errno
import os
import shutil
import struct
import subprocess
import unittest

from cli import DONE, IO, REFUSED, SECTOR, SMALL, USAGE, cut_library, defects, disks
from writecase import FLOPPY, NUMBER, OLD, Kernel, WriteCase, built_floppy, sbin

GIB = 1 << 30
MD = 0xA92B4EFC  # how a superblock begins


class InUse(WriteCase):
    """What the kernel says; the options that permit other things change nothing of it."""
    ALL = ('--yes-really', '--replace-undo')

    def busy(self, says, **env):
        self.refuses(['medium: is in use', says, 'nothing was changed'], *self.ALL, **env)
        self.complains(REFUSED, says, 'write', '--dry-run', self.image, self.medium, **self.preload(**env))

    def test_mounted(self):
        self.block().mount(NUMBER, '/media/with\\040blank')
        self.busy('sdz is mounted on /media/with blank')

    def test_mounted_by_its_name(self):
        """Btrfs has a number of its own."""
        self.block().mount('0:33', '/data', '/dev/sdz', 'btrfs')
        self.busy('sdz is mounted on /data')

    def test_partition_is_mounted(self):
        kernel = self.block()
        kernel.partition(1, '8:17')
        kernel.partition(2, '8:18')
        kernel.mount('8:18', '/mnt')
        self.busy('sdz2 is mounted on /mnt')

    def test_running_system(self):
        """Whatever else is mounted of it."""
        kernel = self.block()
        for n, where in ((1, '/boot/efi'), (2, '/'), (3, '/home')):
            kernel.partition(n, '8:%d' % (16 + n))
            kernel.mount('8:%d' % (16 + n), where)
        self.busy(r'it holds the running system \(sdz2\)')

    def test_running_system_on_a_stack(self):
        """A volume in an encrypted partition in an md array."""
        kernel = self.block()
        md = kernel.hold('md0', '9:0', kernel.partition(1, '8:17'))
        crypt = kernel.hold('dm-0', '254:0', md)
        kernel.hold('dm-1', '254:1', crypt)
        kernel.mount('254:1', '/')
        self.busy(r'it holds the running system \(dm-1\)')

    def test_swap(self):
        kernel = self.block()
        kernel.partition(1, '8:17')
        with open(kernel.root / 'proc/swaps', 'a') as file:
            file.write('/dev/sdz1 partition 1000 0 -2\n')
        self.busy('sdz1 is swap space')

    def test_member_of_a_running_array(self):
        kernel = self.block()
        kernel.hold('md127', '9:127', kernel.partition(1, '8:17'))
        self.busy('sdz1 is part of md127')

    def test_others_are_mounted(self):
        """Another disk, and one whose number is that of this disk's controller."""
        kernel = self.block()
        kernel.mount('8:32', '/')
        kernel.mount('8:99', '/home', '/dev/sdy')
        self.must(DONE, *self.call(), **self.preload())

    def test_nobody_says_who(self):
        """Mounted where this process does not see it."""
        self.block()
        self.busy('by the kernel or another program', DEVICE_BUSY='1')

    def test_no_sysfs(self):
        """The kernel's refusal is enough; what it does not call removable is not."""
        self.kernel = Kernel(self.dir / 'kernel')
        self.busy('by the kernel or another program', DEVICE_BUSY='1')
        self.must(DONE, *self.call(), **self.preload())
        self.fill(5761)
        self.refuses('cannot be taken out')

    def test_file_behind_a_loop_device(self):
        self.kernel = Kernel(self.dir / 'kernel')
        other = self.write('other', bytes(9))
        self.kernel.put('sys/block/loop0/loop/backing_file', '%s\n' % other)
        self.kernel.put('sys/block/loop7/loop/backing_file', '%s\n' % self.medium)
        self.kernel.put('sys/block/sda/removable', '0\n')
        self.complains(REFUSED, ['medium: is in use as /dev/loop7', 'losetup -d /dev/loop7'], *self.call(),
                       **self.preload(DEVICE_NUMBER=''))

    def preload(self, **env):
        options = super().preload(**{name: value for name, value in env.items() if name != 'DEVICE_NUMBER'})
        options['env'].update(env)
        return options


class Unsuitable(WriteCase):
    def test_smaller_than_the_image(self):
        self.fill(FLOPPY - 1)
        self.refuses(['medium: holds 1474048 bytes, but .*ft.img has 1474560'], '--yes-really')
        self.fill(0)
        self.refuses(['medium: holds 0 bytes'])
        self.block()
        self.fill(1440)
        self.refuses(['medium: holds 737280 bytes'], '--yes-really')

    def test_hard_disk(self):
        """Larger than a floppy, and it cannot be taken out."""
        self.block(removable=False)
        for sectors, fits in ((5760, True), (5761, False)):
            self.fill(sectors)
            with self.subTest(sectors=sectors):
                if not fits:
                    self.refuses([r'medium: has 2949632 bytes and cannot be taken out', '--yes-really'])
                    self.fill(sectors)
                self.must(DONE, *self.call(*([] if fits else ['--yes-really'])), **self.preload())
                self.assert_written()
        self.block(removable=True)
        self.must(DONE, *self.call(), **self.preload())

    def test_too_large_for_a_stick(self):
        for block in (False, True):
            with self.subTest(block=block):
                if block:
                    self.block()
                self.medium.write_bytes(b'')
                os.truncate(self.medium, 64 * GIB)
                self.must(DONE, *self.call(), **self.preload())
                os.truncate(self.medium, 64 * GIB + SECTOR)
                self.refuses(['medium: has 68719477248 bytes', '--yes-really'])
                self.must(DONE, *self.call('--yes-really'), **self.preload())
                self.assertTrue(disks.same_bytes(self.medium, 0, self.image, 0, FLOPPY * SECTOR))

    def test_partition(self):
        self.block()
        self.kernel.put('sys/devices/sdz/partition', '1\n')
        self.kernel.put('sys/devices/removable', '1\n')
        self.refuses(['medium: is a partition', '--yes-really'])
        self.must(DONE, *self.call('--yes-really'), **self.preload())

    def test_the_boot_disk_itself(self):
        link = self.dir / 'link'
        link.symlink_to(self.image)
        for path in (self.image, link):
            self.complains(REFUSED, 'also an input', 'write', '--write', self.image, path)
        self.block()
        shutil.copy(self.image, self.medium)
        self.image = self.dir / 'other name'
        self.image.symlink_to(self.medium)
        self.refuses(['is also the boot disk'])

    def test_write_protected(self):
        self.block(protected=True)
        self.refuses(['medium: is write-protected', 'tab'], code=IO)

    def test_no_medium(self):
        self.block()
        self.refuses(['medium: No medium found', 'Insert'], code=IO, DEVICE_OPEN=str(errno.ENOMEDIUM))
        self.refuses(['medium: Permission denied', 'permissions'], code=IO, DEVICE_OPEN=str(errno.EACCES))

    def test_no_place_for_a_file(self):
        (self.dir / 'cwd').chmod(0o755)
        cases = {'/dev/no-such-drive': (IO, 'no such device'), '/dev/full': (USAGE, 'neither a file nor a block device'),
                 self.dir: (USAGE, 'directory'), '': (IO, 'No such file'),
                 self.dir / 'nowhere' / 'x': (IO, 'No such file')}
        for path, (code, says) in cases.items():
            with self.subTest(path=path):
                self.complains(code, says, 'write', '--write', self.image, path)
        self.medium.chmod(0o444)
        self.complains(IO, 'Permission denied', *self.call(), **self.anyone())


class Precious(WriteCase):
    """What must not be lost, whatever is permitted."""
    ALL = ('--yes-really', '--replace-undo')

    def test_half_of_a_mirror(self):
        recipes = {'partition 1 \\(type 86h, LBA 63\\)': SMALL, 'type 87h': dict(SMALL, types=(0x87, 0x87)),
                   'type C6h': dict(SMALL, types=(0xC6, 0x86)), 'type 86h, LBA \\d{4}\\)': dict(SMALL, logical='both')}
        for says, recipe in recipes.items():
            for block in (False, True):
                self.medium, _ = self.pair(**recipe)
                self.kernel = None
                if block:
                    self.block()
                with self.subTest(says=says, block=block):
                    self.refuses([r'a\.img: partition', says, 'half of a mirror of Windows NT', 'retire'], *self.ALL)

    def test_half_on_a_damaged_disk(self):
        """Its table contradicts itself, so that nobody would start from it; what is on it may be all there is."""
        self.fill(9000)
        entry = struct.pack('<BBHBBHII', 0, 0, 0, 0x0C, 0, 0, 63, 8000)
        for half in (struct.pack('<BBHBBHII', 0x80, 0, 0, 0x87, 0, 0, 100, 8000), bytes(4) + b'\x87' + bytes(11)):
            disks.write_at(self.medium, 446, entry + half + bytes(32) + b'\x55\xaa')
            self.refuses(['medium: partition 2 .type 87h', 'half of a mirror of Windows NT'], *self.ALL)

    def test_stick_with_a_hybrid_image(self):
        """Its table is odd in every way: the first partition begins with the table itself."""
        self.fill(9000)
        disks.write_at(self.medium, 446, struct.pack('<BBHBBHII', 0x80, 0, 0, 0x17, 0, 0, 0, 9000) + struct.pack(
            '<BBHBBHII', 0, 0, 0, 0xEF, 0, 0, 100, 900) + bytes(32) + b'\x55\xaa')
        self.must(DONE, *self.call())

    def test_former_half(self):
        """After `retire` it is free."""
        self.pair()
        self.must(DONE, 'break', '--write', '--keep', 'primary', '--retire', self.a, self.b)
        self.medium = self.b
        self.must(DONE, *self.call())

    def test_floppy_whose_code_looks_like_a_table(self):
        """The bytes in the place of the first entry's type are those of a mirror."""
        self.fill(9000)
        subprocess.run(['mkfs.fat', self.medium], check=True, env=sbin(), stdout=subprocess.DEVNULL)
        disks.write_at(self.medium, 446, struct.pack('<BBHBBHII', 0x80, 1, 1, 0x86, 5, 5, 0x6F6E2021, 0x6C6C6967))
        self.must(DONE, *self.call())

    def superblock(self, kind, start, sectors):
        """(where, what): an md superblock without a checksum. 1.x says at byte 144 where it lies (md_p.h of Linux)."""
        if kind == '0.90':
            return start + sectors // 128 * 128 - 128, struct.pack('<III', MD, 0, 90)
        at = {'1.0': (sectors - 16) // 8 * 8, '1.1': 0, '1.2': 8}[kind]
        return start + at, struct.pack('<II136xQ', MD, 1, at)

    def test_member_of_an_array(self):
        for kind in ('0.90', '1.0', '1.1', '1.2'):
            for table in (None, 'dos', 'gpt'):
                with self.subTest(kind=kind, table=table):
                    self.medium.write_bytes(bytes(20000 * SECTOR))
                    start, sectors = (2048, 12345) if table else (0, 20000)
                    if table:
                        subprocess.run(['sfdisk', '-q', self.medium], check=True, env=sbin(), input=b'label: %s\n'
                                       b'start=2048,size=12345\n' % table.encode())
                    at, begin = self.superblock(kind, start, sectors)
                    disks.write_at(self.medium, at * SECTOR, begin)
                    self.refuses(['medium: %sholds a member of a Linux md array' % ('partition 1.*' if table else ''),
                                  'mdadm --zero-superblock'], *self.ALL)
                    disks.write_at(self.medium, at * SECTOR, bytes(len(begin)))
                    self.must(DONE, *self.call())

    def test_mdadm_knows_these_superblocks(self):
        """What the test above calls a superblock is one for mdadm: it looks at the same place, and finds it damaged."""
        if not shutil.which('mdadm', path=sbin()['PATH']):
            self.skipTest('no mdadm')
        for kind in ('0.90', '1.0', '1.1', '1.2'):
            with self.subTest(kind=kind):
                self.medium.write_bytes(bytes(20000 * SECTOR))
                at, begin = self.superblock(kind, 0, 20000)
                disks.write_at(self.medium, at * SECTOR, begin)
                found = subprocess.run(['mdadm', '--examine', '--metadata=' + kind, self.medium], env=sbin(),
                                       capture_output=True, text=True)
                self.assertRegex(found.stdout, r'Magic : a92b4efc', found.stderr)

    def test_dynamic_disk(self):
        self.medium, _ = self.pair()
        defects.dynamic(self.medium)
        self.refuses([r'a\.img: is a dynamic disk'], *self.ALL)

    def test_what_it_is_cannot_be_read(self):
        """It may be anything; a floppy is a floppy, and will be read back."""
        self.block()
        self.fill(9000)
        for fault in ('read:0', 'read:8', 'read:%d' % (9000 // 128 * 128 - 128)):
            with self.subTest(fault=fault):
                self.refuses(['medium: sectors of it cannot be read', '--yes-really'], DEVICE_BAD=fault)
        self.must(DONE, *self.call('--yes-really'), **self.preload(DEVICE_BAD='read:8832'))
        self.assert_written()

    def test_what_can_be_read_of_it_is_looked_at(self):
        """A member with its superblock at one end, and bad sectors at the other."""
        self.block()
        for kind, fault in (('1.2', 'read:19985'), ('1.1', 'read:8'), ('1.0', 'read:0')):
            with self.subTest(kind=kind):
                self.medium.write_bytes(bytes(20000 * SECTOR))
                at, begin = self.superblock(kind, 0, 20000)
                disks.write_at(self.medium, at * SECTOR, begin)
                self.refuses('holds a member of a Linux md array', *self.ALL, DEVICE_BAD=fault)

    def undo_on(self, medium, state):
        """A boot disk whose journal holds a change: 1 it was begun, 2 it was written, 3 it was taken back."""
        pair = self.pair()
        shutil.copy(built_floppy(), medium)
        self.must(DONE, 'break', '--write', '--keep', 'primary', '--bootdisk', medium, *pair)
        if state == 3:
            self.must(DONE, 'undo', '--write', medium, *pair)

    def test_an_undo(self):
        for block in (False, True):
            self.undo_on(self.medium, 2)
            if block:
                self.block()
            with self.subTest(block=block):
                self.refuses(['medium: is a boot disk with a change that can still be undone', 'state done',
                              "'mkbootdisk undo'", '--replace-undo'], '--yes-really')
                self.must(DONE, *self.call('--replace-undo'), **self.preload())
                self.assert_written()

    def test_an_undo_that_is_pending(self):
        pair = self.pair()
        shutil.copy(built_floppy(), self.medium)
        self.run_tool('break', '--write', '--keep', 'primary', '--bootdisk', self.medium, *pair,
                      env=dict(LD_PRELOAD=cut_library(), CUT_HOW='after', CUT_AT='5'))
        self.assertIn('pending', self.must(DONE, 'journal', self.medium).out)
        self.refuses(['state pending', '--replace-undo'])

    def test_an_undo_that_was_done(self):
        self.undo_on(self.medium, 3)
        self.must(DONE, *self.call())
        self.assert_written()

    def test_an_undo_on_a_stick(self):
        self.undo_on(self.medium, 2)
        with open(self.medium, 'ab') as file:
            file.write(OLD * SECTOR * 9000)
        self.block()
        self.refuses(['state done', '--replace-undo'], '--yes-really')


if __name__ == '__main__':
    unittest.main()
