# SPDX-License-Identifier: MIT
"""A Debian guest that mirrors its own disks: Debian's kernel with its modules, mdadm, sgdisk and mkfs.vfat, in an
initramfs that is packed here, with systemd-boot in front of it.

Owns what the guest consists of, how it is started and how its words are read; what it does is in md_guest_init.sh.
Everything is taken from the packages of this machine. Knows nothing of our loader.
"""
import functools
import gzip
import lzma
import os
import pathlib
import re
import stat
import subprocess
import tempfile

from qemu import PATIENCE, Disk, Machine, RigError, recipes

HERE = pathlib.Path(__file__).resolve().parent
MODULES = pathlib.Path('/lib/modules')
SYSTEMD_BOOT = pathlib.Path('/usr/lib/systemd/boot/efi/systemd-bootx64.efi')
PROGRAMS = ('/bin/busybox', '/sbin/mdadm', '/sbin/sgdisk', '/sbin/mkfs.vfat')
DRIVERS = ('virtio_pci', 'virtio_blk', 'raid1', 'nls_cp437', 'nls_ascii', 'vfat', 'crc32c_generic', 'ext4', 'efivarfs')
FOLDERS = ('bin', 'dev', 'etc', 'lib', 'lib64', 'mnt', 'modules', 'proc', 'run', 'run/mdadm', 'source', 'sys', 'tmp')
CONSOLE = (5, 1)
# quiet: or the kernel speaks in the middle of the guest's lines. What it need not do takes a second under TCG.
OPTIONS = 'console=ttyS0,115200 quiet panic=-1 nokaslr mitigations=off cryptomgr.notests'
ENTRY = 'title Debian\nlinux /vmlinuz\ninitrd /initrd.gz\noptions %s\n' % OPTIONS
DISK_MIB, SOURCE_MIB = 56, 32
PAIRS = {'1.0': 1, '0.90': 9}  # metadata: how the guest numbers its arrays, ESP 11 and 91, system 12 and 92
MACHINE = dict(machine='q35', controller='virtio', qemu='qemu-system-x86_64', cpu='qemu64,+rdrand', mem=256)


class Missing(RuntimeError):
    """A package of the guest is not installed."""


def need(path):
    path = pathlib.Path(path)
    if not path.exists():
        raise Missing('no %s: see .ci/deps' % path)
    return path


# ---- the initramfs ----

def entry(name, mode, data=b'', device=(0, 0)):
    """One file of a cpio archive in the format that the kernel takes (Documentation/driver-api/early-userspace)."""
    name = name.encode() + b'\0'
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
    head = b'070701' + b''.join(b'%08x' % number for number in numbers) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def file(name, data, mode=0o644):
    return entry(name, stat.S_IFREG | mode, data)


def kernel():
    """(vmlinuz, folder of its modules) of the newest kernel that can mirror."""
    for driver in sorted(MODULES.glob('*/kernel/drivers/md/raid1.ko*'), reverse=True):
        folder = MODULES / driver.relative_to(MODULES).parts[0]
        image = pathlib.Path('/boot/vmlinuz-' + folder.name)
        if os.access(image, os.R_OK):
            return image, folder
    raise Missing('no kernel with md: install linux-image-cloud-amd64')


def drivers(folder):
    """Paths of the modules, each behind those that it needs."""
    needs, order = {}, []
    for line in (folder / 'modules.dep').read_text().splitlines():
        path, _, others = line.partition(':')
        needs[path] = others.split()
    names = {pathlib.PurePath(path).name.partition('.')[0].replace('-', '_'): path for path in needs}

    def add(path):
        for other in needs[path]:
            add(other)
        if path not in order:
            order.append(path)
    for name in DRIVERS:
        if name in names:  # else it is part of the kernel
            add(names[name])
    return [folder / path for path in order]


def libraries():
    """The shared libraries of the guest's programs, with the loader of programs. (A static busybox makes ldd fail.)"""
    said = subprocess.run(['ldd', *map(need, PROGRAMS)], capture_output=True, text=True, check=False).stdout
    return sorted(set(re.findall(r'(/\S+) \(0x', said)))


@functools.lru_cache(None)
def initramfs():
    parts = [entry(name, stat.S_IFDIR | 0o755) for name in FOLDERS]
    parts += [entry('dev/console', stat.S_IFCHR | 0o600, device=CONSOLE)]
    names = [pathlib.Path(program).name for program in PROGRAMS]
    parts += [file('bin/' + name, need(program).read_bytes(), 0o755) for program, name in zip(PROGRAMS, names)]
    for applet in subprocess.run(['busybox', '--list'], capture_output=True, text=True, check=True).stdout.split():
        if applet not in names:
            parts.append(entry('bin/' + applet, stat.S_IFLNK | 0o777, b'busybox'))
    for library in map(pathlib.Path, libraries()):
        place = 'lib64/' if 'ld-linux' in library.name else 'lib/'
        parts.append(file(place + library.name, library.read_bytes(), 0o755))
    order = []
    for driver in drivers(kernel()[1]):
        data = driver.read_bytes()
        order.append('/modules/' + driver.name.partition('.')[0])
        parts.append(file(order[-1][1:], lzma.decompress(data) if driver.suffix == '.xz' else data))
    parts.append(file('modules/order', '\n'.join([*order, '']).encode()))
    parts.append(file('init', (HERE / 'md_guest_init.sh').read_bytes(), 0o755))
    return gzip.compress(b''.join(parts) + entry('TRAILER!!!', 0), 6, mtime=0)


# ---- its disks ----

def source(folder):
    """A disk with what the guest copies into its EFI system partitions, its own initramfs among it."""
    image = folder / 'source.img'
    files = {'EFI/BOOT/BOOTX64.EFI': need(SYSTEMD_BOOT).read_bytes(), 'loader/loader.conf': b'timeout 0\n',
             'loader/entries/debian.conf': ENTRY.encode(), 'vmlinuz': kernel()[0].read_bytes(),
             'initrd.gz': initramfs()}
    recipes.run('mformat', '-C', '-i', image, '-T', SOURCE_MIB * 2048, '-h', 16, '-s', 63, '::')
    recipes.run('mmd', '-i', image, '::EFI', '::EFI/BOOT', '::loader', '::loader/entries')
    for name, data in files.items():
        recipes.run('mcopy', '-i', image, '-', '::' + name, stdin=data)
    return image


def clock(time):
    """The machine starts at this time, UTC, and only once."""
    return ('-rtc', 'base=%s:00' % time.replace(' ', 'T'), '-no-reboot')


def make(folder, time):
    """{metadata: (disk, disk)}: the guest has made them out of empty ones."""
    disks = [folder / (name + metadata + '.img') for metadata in PAIRS for name in 'ab']
    for disk in disks:
        with open(disk, 'wb') as file:
            file.truncate(DISK_MIB << 20)
    start([*(Disk(disk, writable=True) for disk in disks), Disk(source(folder), 'protected')], time, ' make')
    return {metadata: (disks[2 * n], disks[2 * n + 1]) for n, metadata in enumerate(PAIRS)}


def start(disks, time, option=''):
    """The guest works with these disks, started by QEMU itself."""
    with tempfile.NamedTemporaryFile() as initrd:
        initrd.write(initramfs())
        initrd.flush()
        extra = ('-kernel', kernel()[0], '-initrd', initrd.name, '-append', OPTIONS + option, *clock(time))
        with Machine(disks, extra=extra, **MACHINE) as machine:
            finish(machine)


def finish(machine):
    """Waits until the guest has done what it does and has switched the machine off."""
    status = machine.wait_exit(8 * PATIENCE)
    if status != 0 or not re.search('^GUEST done', machine.output, re.MULTILINE):
        raise RigError('the guest ended with %d:\n%s' % (status, machine.output[-4000:]))


# ---- what it says ----

def arrays(output):
    """{name: {metadata, degraded, members}} of a guest that has run."""
    lines = re.findall(r'^GUEST array=(\w+) metadata=(\S+) degraded=(\d+) members=(.*?)\r?$', output, re.MULTILINE)
    return {name: dict(metadata=metadata, degraded=int(degraded), members=members.split())
            for name, metadata, degraded, members in lines}
