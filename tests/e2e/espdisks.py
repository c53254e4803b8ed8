# SPDX-License-Identifier: MIT
"""Disks with one EFI system partition each, made by sgdisk and mtools, and the program that is started from them.

Owns their layout: a GPT with one partition of type EF00, a FAT file system that ends before the partition does, so that
a superblock of Linux md has room behind it. Knows nothing of what the loader decides.
"""
import calendar
import functools
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid
import zlib

HERE = pathlib.Path(__file__).resolve().parent
for folder in ('images', 'tests/diff'):
    sys.path.insert(0, str(HERE.parent.parent / folder))
import disks as recipes  # noqa: E402
import test_md as md  # noqa: E402  (the writer of superblocks that mdadm agrees with)

SECTOR = 512
START, SECTORS = 2048, 20480  # of the partition
FAT_SECTORS = SECTORS - 256
DISK_SECTORS = START + SECTORS + 2048
BOOT = '/EFI/BOOT/BOOTX64.EFI'
OLD, NEW = (2021, 3, 4, 5, 6, 8), (2023, 9, 8, 7, 6, 4)  # UTC; FAT counts in two seconds
LIBRARY = {'x64': ('/usr/lib', 'x86_64'), 'ia32': ('/usr/lib32', 'ia32')}
FLAGS = {'x64': ('-m64', '-mno-red-zone', '-maccumulate-outgoing-args', '-DGNU_EFI_USE_MS_ABI'),
         'ia32': ('-m32', '-mgeneral-regs-only', '-malign-double')}
SECTIONS = [word for name in ('.text', '.rodata', '.data', '.dynamic', '.dynsym', '.rel', '.rela', '.reloc')
            for word in ('-j', name)]


@functools.lru_cache(None)
def payload(arch='x64'):
    """esp_payload.c as an EFI program."""
    library, name = LIBRARY[arch]
    with tempfile.TemporaryDirectory() as folder:
        linked, made = pathlib.Path(folder, 'payload.so'), pathlib.Path(folder, 'payload.efi')
        recipes.run('gcc', '-std=c11', '-Wall', '-Wextra', '-Werror', '-Os', '-ffreestanding', '-fpic', '-fshort-wchar',
                    '-fvisibility=hidden', '-fno-stack-protector', '-fcf-protection=none', '-fno-builtin',
                    '-fno-asynchronous-unwind-tables', *FLAGS[arch], '-isystem', '/usr/include/efi', '-isystem',
                    '/usr/include/efi/' + name, '-shared', '-nostdlib', '-Wl,-Bsymbolic', '-Wl,-z,nocombreloc',
                    '-Wl,-z,noexecstack', '-Wl,--no-undefined', '-Wl,-T,%s/elf_%s_efi.lds' % (library, name),
                    '-o', linked, '%s/crt0-efi-%s.o' % (library, name), HERE / 'esp_payload.c', '-L' + library,
                    '-lgnuefi', '-lgcc')
        recipes.run('objcopy', *SECTIONS, '--target', 'efi-app-' + name, '--subsystem=10', linked, made)
        return made.read_bytes()


class EspDisk:
    """Disk `number` (1, 2, ...), with these files: {path: (bytes, date)}."""

    def __init__(self, path, number, files):
        self.path = pathlib.Path(path)
        self.guid = uuid.UUID(int=0x11111111222243338444555555555500 + number)
        self.partition = uuid.UUID(int=0x99999999888847778666555555555500 + number)
        self.signature = zlib.crc32(self.guid.bytes_le)
        self.volume = '%s@@%d' % (path, START * SECTOR)
        with open(path, 'wb') as file:
            file.truncate(DISK_SECTORS * SECTOR)
        recipes.run('sgdisk', '-U', self.guid, '-n', '1:%d:%d' % (START, START + SECTORS - 1), '-t', '1:EF00', '-u',
                    '1:%s' % self.partition, path)
        recipes.run('mformat', '-i', self.volume, '-T', FAT_SECTORS, '-h', 16, '-s', 63, '-H', START, '-N',
                    '%08x' % number, '::')
        for name, (data, date) in files.items():
            self.put(name, data, date)

    def put(self, name, data, date=OLD):
        """A file in place of the one there may be; its folders are made."""
        parents = [str(folder) for folder in pathlib.PurePosixPath(name).parents][-2::-1]
        for folder in parents:
            subprocess.run(['mmd', '-D', 's', '-i', self.volume, '::' + folder], env=self.env(), check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            seconds = calendar.timegm(date)
            os.utime(file.name, (seconds, seconds))
            recipes.run('mcopy', '-m', '-D', 'o', '-i', self.volume, file.name, '::' + name)

    @staticmethod
    def env():
        return dict(os.environ, MTOOLS_SKIP_CHECK='1', TZ='UTC')

    def remove(self, name):
        recipes.run('mdel', '-i', self.volume, '::' + name)

    def files(self, path=None):
        """{path: (bytes, date as mdir shows it)} of the volume on this image or on another one."""
        volume = '%s@@%d' % (path or self.path, START * SECTOR)
        names = recipes.run('mdir', '-i', volume, '-b', '-/', '::').decode().split('\n')
        found = {}
        for name in names:
            name = name.strip().removeprefix('::')
            if name and not name.endswith('/'):
                line = recipes.run('mdir', '-i', volume, '::' + name).decode()
                date = next(row.split() for row in line.split('\n') if '-' in row and ':' in row[20:])
                found[name] = (recipes.run('mtype', '-i', volume, '::' + name), tuple(date[3:5]))
        return found

    def join(self, number, events, roles=(0, 1), updated=1700000000, features=0):
        """A superblock of md behind the file system: member `number` of an array of two."""
        place = md.place_1_0(SECTORS)
        with open(self.path, 'r+b') as file:
            file.seek((START + place) * SECTOR)
            file.write(md.super_1_0(place, number, roles, events=events, updated=updated, features=features))

    def examine(self):
        """What mdadm says of the partition."""
        with tempfile.TemporaryDirectory() as folder:
            part = pathlib.Path(folder, 'part.img')
            with open(self.path, 'rb') as file:
                file.seek(START * SECTOR)
                part.write_bytes(file.read(SECTORS * SECTOR))
            return md.theirs(part)


def make_pair(folder, program, first=OLD, second=OLD, tail=b''):
    """Two disks with the program as \\EFI\\BOOT\\BOOTX64.EFI; `tail` makes the second one's another file."""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    return (EspDisk(folder / 'a.img', 1, {BOOT: (program, first)}),
            EspDisk(folder / 'b.img', 2, {BOOT: (program + tail, second)}))


def mirror_ini(pair, *lines, timeout=1):
    """MIRROR.INI for a pair, with more lines for its set."""
    text = ['[loader]', 'timeout=%s' % timeout, 'break=ask', 'serial=com1', '[set 1]', 'kind=esp', *lines]
    text += ['%s=%08x start %d sectors %d' % (role, disk.signature, START, SECTORS)
             for role, disk in zip(('primary', 'shadow'), pair)]
    return '\r\n'.join(text + ['']).encode()
