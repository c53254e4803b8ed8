# SPDX-License-Identifier: MIT
"""What the tests of `mkbootdisk write` share: a boot floppy, a medium, and a kernel's words about it.

Owns the preloaded library (device.c) that makes a file a block device, and the folder from which it answers.
"""
import functools
import os
import pathlib
import shutil
import subprocess

import cli
from cli import HERE, REFUSED, SECTOR, SMALL, CliCase

FLOPPY = 2880  # sectors
PIECE = 36     # ... that are written at a time
OLD = b'\xa5'  # what a medium holds before
NUMBER = '8:16'


@functools.lru_cache(None)
def device_library():
    path = os.path.join(cli._store.name, 'device.so')
    subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', path,
                    HERE / 'device.c', '-ldl'], check=True)
    return path


@functools.lru_cache(None)
def built_floppy(*options):
    """A boot floppy that nobody writes to."""
    path = pathlib.Path(cli._store.name, 'built%d.img' % len(os.listdir(cli._store.name)))
    subprocess.run([cli.TOOL, 'build', '-o', path, *options, *cli.recipe_pair(**SMALL)], check=True, stdout=subprocess.DEVNULL)
    return path


def sbin():
    return dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin', LC_ALL='C')


class Kernel:
    """The folder from which the library answers for the kernel: one disk, and what is built on it."""

    def __init__(self, root):
        self.root = root
        self.put('proc/self/mountinfo', '')
        self.put('proc/swaps', 'Filename Type Size Used Priority\n')
        (root / 'sys/dev/block').mkdir(parents=True)
        (root / 'dev').mkdir()

    def put(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def node(self, number, folder, name):
        """A device, with its file in /dev."""
        self.put('dev/' + name, number)
        self.put('%s/dev' % folder, number + '\n')
        self.put('%s/uevent' % folder, 'MAJOR=%s\nMINOR=%s\nDEVNAME=%s\nDEVTYPE=x\n' % (*number.split(':'), name))
        (self.root / folder / 'holders').mkdir()
        (self.root / 'sys/dev/block' / number).symlink_to(self.root / folder)

    def disk(self, removable=True, model='Memory Key   ', protected=False):
        self.node(NUMBER, 'sys/devices/sdz', 'sdz')
        self.put('sys/devices/sdz/removable', '%d\n' % removable)
        self.put('sys/devices/sdz/ro', '%d\n' % protected)
        if model:
            self.put('sys/devices/sdz/device/model', model + '\n')
            self.put('sys/devices/sdz/device/dev', '8:99\n')  # some buses' controllers have a number too: a character's
        return self

    def partition(self, n, number):
        folder = 'sys/devices/sdz/sdz%d' % n
        self.node(number, folder, 'sdz%d' % n)
        self.put(folder + '/partition', '%d\n' % n)
        return folder

    def hold(self, holder, number, *folders):
        """Something built on these."""
        folder = 'sys/devices/' + holder
        self.node(number, folder, holder)
        for below in folders:
            (self.root / below / 'holders' / holder).symlink_to(self.root / folder)
        return folder

    def mount(self, number, where, node='none', kind='ext4'):
        line = '36 1 %s / %s rw,relatime shared:1 - %s %s rw\n' % (number, where, kind, node)
        with open(self.root / 'proc/self/mountinfo', 'a') as file:
            file.write(line)


class WriteCase(CliCase):
    def setUp(self):
        super().setUp()
        self.image = self.dir / 'ft.img'
        shutil.copy(built_floppy(), self.image)
        self.medium = self.dir / 'medium'
        self.fill(FLOPPY)

    def fill(self, sectors):
        self.medium.write_bytes(OLD * SECTOR * sectors)

    def block(self, **kernel):
        """From now on the medium is a block device."""
        shutil.rmtree(self.dir / 'kernel', ignore_errors=True)
        self.kernel = Kernel(self.dir / 'kernel')
        self.kernel.disk(**kernel)
        return self.kernel

    kernel = None

    def preload(self, **env):
        if self.kernel:
            env = dict(DEVICE_NUMBER=NUMBER, DEVICE_ROOT=str(self.kernel.root), **env)
        return dict(env=dict(LD_PRELOAD=device_library(), DEVICE=str(self.medium), **env))

    def call(self, *options):
        return ['write', '--write', *options, self.image, self.medium]

    def refuses(self, says, *options, code=REFUSED, **env):
        return self.complains(code, says, *self.call(*options), **self.preload(**env))

    def assert_written(self, image=None):
        raw = (image or self.image).read_bytes()
        found = self.medium.read_bytes()
        self.assertTrue(found.startswith(raw), 'not the image')
        self.assertFalse(found[len(raw):].strip(OLD), 'more was written than the image')

    def assert_does_not_start(self):
        first = self.medium.read_bytes()[:SECTOR]
        self.assertEqual(first.strip(b'\0'), b'', 'its first sector is not blank')
