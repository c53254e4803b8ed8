#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Recipes for the disks of the lab, the tests and the demo: two raw images with one NT mirror set on them.

Owns how such a pair is laid out. Everything is made by tools nobody here wrote (sfdisk, mkfs.fat, mkntfs, mtools,
ntfscp, mke2fs, syslinux, grub-mkimage, nasm), never by the project's own code, so that a pair can bear witness against
that code. The images are sparse, and only their data is ever copied. A recipe comes out the same byte for byte every
time, but for the time stamps of files that were put on an NTFS or ext4 volume.

    python3 images/disks.py DIR [--fs fat16|fat32|ntfs|ntfs12|ext4|none] [--boot payload|syslinux|grub|none] [--help]
"""
import argparse
import dataclasses
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

SECTOR = 512
ROOT = pathlib.Path(__file__).resolve().parent.parent
PAYLOAD_SOURCE = ROOT / 'tests' / 'e2e' / 'payload.asm'
SYSLINUX = pathlib.Path('/usr/lib/syslinux')
GRUB = pathlib.Path('/usr/lib/grub/i386-pc')
NETBOOT = pathlib.Path('/usr/lib/debian-installer/images')
EPOCH = '820454400'  # 1 January 1996, the time stamp of every file on a FAT volume
VOLUME_SERIAL = 0x4D4B4244
VOLUME_UUID = '4d4b4244-0000-0000-0000-000000000000'
# The volume's type with FtDisk's bit 80h.
MIRRORED = {'none': 0x86, 'fat16': 0x86, 'fat32': 0x8B, 'ntfs': 0x87, 'ntfs12': 0x87, 'ext4': 0x86}
SYSLINUX_CFG = b"""SERIAL 0 115200
DEFAULT linux
PROMPT 0
SAY SYSLINUX started
LABEL linux
KERNEL /linux
INITRD /initrd.gz
APPEND console=ttyS0,115200 rdinit=/bin/sh
"""
GRUB_MODULES = 'biosdisk part_msdos ext2 serial terminal echo linux boot'.split()
GRUB_CFG = """serial --unit=0 --speed=115200
terminal_output serial
echo GRUB started
linux /linux console=ttyS0,115200 rdinit=/bin/sh
initrd /initrd.gz
boot
"""
EXT4_BLOCK = 4096
KERNEL_SECTOR = 0x5C   # in boot.img: the LBA of core.img
BLOCK_LIST = 0x1F4     # in the first sector of core.img: the LBA of its second one


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is to be made. Sizes and positions are sectors where the name does not say otherwise."""
    fs: str = 'fat16'                  # fat16, fat32, ntfs, ntfs12 (NT 4's: ntfs12.py), ext4, none: the payload alone
    size_mib: int = 64                 # of each disk
    primary_start: int | None = None   # of the member; None: 63, or one cylinder + 63 when logical
    shadow_start: int | None = None    # None: as the primary
    sectors: int | None = None         # length of a member; None: the largest that ends on a cylinder on the primary
    logical: bool | str = False        # members in an extended partition: False, 'shadow', 'both'
    types: tuple | None = None         # type bytes (primary, shadow); None: the file system's with bit 80h
    signatures: tuple = (0x1A2B3C4D, 0x5E6F7A8B)
    active: tuple = (True, False)      # NT never marks a shadow active
    boot_code: tuple = (True, False)   # ... and never writes boot code into its MBR
    boot: str = 'payload'              # payload, syslinux, grub (ext4), none: the volume's boot sector as mkfs left it
    tag: str = 'A'                     # the payload's name; the members are copies, so it names the volume
    heads: int = 16
    spt: int = 63
    files: dict = dataclasses.field(default_factory=dict)  # path -> bytes
    shadow_files: dict = dataclasses.field(default_factory=dict)  # what is different on the shadow: it went on alone
    nt: dict | None = None             # options of nt.files(): Windows NT is installed, and knows the mirror
    shadow_nt: dict | None = None      # the same for the shadow's half, where it differs
    ntfs12: dict = dataclasses.field(default_factory=dict)  # options of ntfs12.make(), such as lsn
    primary_extra: tuple = ()          # further partitions (start, sectors, type), before the member in the table
    shadow_extra: tuple = ()


@dataclasses.dataclass(frozen=True)
class Disk:
    """One finished disk; member_start and sectors say where its half of the mirror lies."""
    path: pathlib.Path
    signature: int
    member_start: int
    sectors: int
    ebr: int | None  # LBA of the extended partition that holds the member


@dataclasses.dataclass(frozen=True)
class Pair:
    recipe: Recipe
    a: Disk
    b: Disk

    def __iter__(self):
        return iter((self.a.path, self.b.path))


def run(*command, stdin=None):
    """Runs a tool, quietly unless it fails."""
    env = dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, E2FSPROGS_FAKE_TIME=EPOCH, TZ='UTC', LC_ALL='C',
               MTOOLS_SKIP_CHECK='1', PATH=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    done = subprocess.run([str(word) for word in command], input=stdin, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError('%s: exit %d: %s' % (' '.join(map(str, command)), done.returncode,
                                                done.stdout.decode('latin1').strip()))
    return done.stdout


# ---- sparse files ----

def data_ranges(fd, start, length):
    """(offset, length) of what is not a hole in a byte range of a file."""
    end, at = min(start + length, os.fstat(fd).st_size), start
    while at < end:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        stop = min(os.lseek(fd, at, os.SEEK_HOLE), end)
        if at < stop:
            yield at, stop - at
        at = stop


def copy_range(source, source_at, target, target_at, length):
    """Copies the data in a range into a file whose own range is still a hole."""
    with open(source, 'rb') as src, open(target, 'r+b') as dst:
        for at, size in data_ranges(src.fileno(), source_at, length):
            while size:
                chunk = os.pread(src.fileno(), min(size, 1 << 20), at)
                os.pwrite(dst.fileno(), chunk, target_at + at - source_at)
                at, size = at + len(chunk), size - len(chunk)


def copy_sparse(source, target):
    """Copies a whole image, holes kept."""
    new_image(target, os.path.getsize(source))
    copy_range(source, 0, target, 0, os.path.getsize(source))


def same_bytes(one, one_at, other, other_at, length):
    """True if two ranges read alike, holes being zeros."""
    with open(one, 'rb') as f, open(other, 'rb') as g:
        spots = {at - one_at + n for at, size in data_ranges(f.fileno(), one_at, length) for n in range(0, size, 4096)}
        spots |= {at - other_at + n for at, size in data_ranges(g.fileno(), other_at, length)
                  for n in range(0, size, 4096)}
        return all(os.pread(f.fileno(), min(8192, length - at), one_at + at) ==
                   os.pread(g.fileno(), min(8192, length - at), other_at + at) for at in spots)


def new_image(path, size):
    with open(path, 'wb') as image:
        image.truncate(size)


def read_at(path, lba, count=1):
    with open(path, 'rb') as image:
        return os.pread(image.fileno(), count * SECTOR, lba * SECTOR)


def write_at(path, offset, data):
    """Writes bytes at a byte offset."""
    with open(path, 'r+b') as image:
        os.pwrite(image.fileno(), data, offset)


# ---- the volume ----

def build_dir():
    path = pathlib.Path(os.environ.get('MKB_BUILD', ROOT / 'build'))
    path.mkdir(parents=True, exist_ok=True)
    return path


def payload(tag='A'):
    """The payload's 512 bytes, assembled if need be."""
    binary = build_dir() / 'payload.bin'
    if not binary.exists() or binary.stat().st_mtime < PAYLOAD_SOURCE.stat().st_mtime:
        fresh = binary.with_suffix('.%d' % os.getpid())  # tests run side by side
        run('nasm', '-f', 'bin', '-o', fresh, PAYLOAD_SOURCE)
        os.replace(fresh, binary)
    code = bytearray(binary.read_bytes())
    code[code.index(b'PAYLOAD tag=') + 12] = ord(tag)
    return bytes(code)


def overlay_payload(volume, recipe, sectors):
    """Lays the payload over the boot sector, and over NTFS's copy of it at the volume's end."""
    code = payload(recipe.tag)
    for lba in (0, sectors - 1) if recipe.fs.startswith('ntfs') else (0,):
        write_at(volume, lba * SECTOR, code[:3])
        write_at(volume, lba * SECTOR + 0x5A, code[0x5A:])


def ntfsmake():
    """The program that fills NTFS volumes by the library of ntfs-3g, built if need be."""
    run('make', '-s', '-C', ROOT, 'BUILD=%s' % build_dir().resolve(), build_dir().resolve() / 'tests/diff/ntfsmake')
    return build_dir() / 'tests/diff/ntfsmake'


def put_files(volume, fs, files, there=()):
    """Puts files, with the directories they are in, onto a volume that mkfs made. Those in `there` are replaced."""
    with tempfile.TemporaryDirectory(prefix='mkbootdisk-') as scratch:
        script = []
        for number, (name, content) in enumerate(files.items()):
            path = pathlib.Path(scratch, 'tree' if fs != 'ntfs' else str(number), name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (int(EPOCH), int(EPOCH)))
            script.append('delete\t%s\n' % name if name in there else '')
            script.append('file\t%s\t%s\n' % (name, path))
        if fs == 'ntfs':
            run(ntfsmake(), volume, stdin=''.join(script).encode())
            return
        tree = pathlib.Path(scratch, 'tree')
        for folder in sorted(tree.rglob('*')):
            os.utime(folder, (int(EPOCH), int(EPOCH)))
        run('mcopy', '-s', '-m', '-D', 'o', '-i', volume, *sorted(tree.iterdir()), '::')


def make_file_system(volume, recipe, sectors, hidden):
    if recipe.fs == 'ntfs':
        run('mkntfs', '-F', '-Q', '-q', '-T', '-s', SECTOR, '-p', hidden, '-H', recipe.heads, '-S', recipe.spt,
            '-L', 'MIRROR', volume, sectors)
        for lba in (0, sectors - 1):  # mkntfs takes no serial number and makes one up
            write_at(volume, lba * SECTOR + 0x48, struct.pack('<Q', VOLUME_SERIAL))
    elif recipe.fs.startswith('fat'):
        run('mkfs.fat', '-F', recipe.fs[3:], '--invariant', '-i', '%08x' % VOLUME_SERIAL, '-n', 'MIRROR', '-h', hidden,
            '-g', '%d/%d' % (recipe.heads, recipe.spt), volume)


def linux_files():
    """Debian's i386 installer kernel and initrd: a real system that nobody here wrote."""
    for kernel in sorted(NETBOOT.glob('*/i386/text/debian-installer/i386/linux')):
        return {'linux': kernel.read_bytes(), 'initrd.gz': kernel.with_name('initrd.gz').read_bytes()}
    raise RuntimeError('no Debian netboot kernel: install debian-installer-12-netboot-i386')


def grub_core():
    """GRUB's core image with what it takes to start Linux from ext4."""
    with tempfile.TemporaryDirectory(prefix='mkbootdisk-') as scratch:
        config, core = pathlib.Path(scratch, 'grub.cfg'), pathlib.Path(scratch, 'core.img')
        config.write_text(GRUB_CFG)
        run('grub-mkimage', '-O', 'i386-pc', '-p', '(,msdos1)/', '-c', config, '-o', core, *GRUB_MODULES)
        return core.read_bytes()


def install_grub(volume, start_lba):
    """GRUB in a volume's boot sector, as grub-install does it on a mounted one: boot.img, told where core.img lies."""
    blocks = [int(word) for word in run('debugfs', '-R', 'blocks /core.img', volume).split() if word.isdigit()]
    if blocks != list(range(blocks[0], blocks[0] + len(blocks))):
        raise RuntimeError('core.img lies in pieces: blocks %s' % blocks)
    core_at = blocks[0] * EXT4_BLOCK
    core_lba = start_lba + core_at // SECTOR
    write_at(volume, 0, (GRUB / 'boot.img').read_bytes())
    write_at(volume, KERNEL_SECTOR, struct.pack('<Q', core_lba))
    write_at(volume, core_at + BLOCK_LIST, struct.pack('<Q', core_lba + 1))


def make_ext4(volume, files):
    """An ext4 file system with these files in it; its first two sectors are the boot sector's."""
    with tempfile.TemporaryDirectory(prefix='mkbootdisk-') as tree:
        for name, content in files.items():
            path = pathlib.Path(tree, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        run('mke2fs', '-q', '-t', 'ext4', '-b', EXT4_BLOCK, '-O', '^metadata_csum_seed,^orphan_file', '-L', 'MIRROR',
            '-U', VOLUME_UUID, '-E', 'hash_seed=%s,root_owner=0:0' % VOLUME_UUID, '-d', tree, volume)


def all_files(recipe, options, disks):
    """Every file of a half. `options` are those of nt.files(); `disks` is what DISK\\Information tells of."""
    files = dict(recipe.files)
    if recipe.boot == 'syslinux':
        files.update(linux_files(), **{'syslinux.cfg': SYSLINUX_CFG})
    elif recipe.boot == 'grub':
        files.update(linux_files(), **{'core.img': grub_core()})
    if options is not None:
        import ftinfo
        import nt
        options = dict(options)
        states = options.pop('states', (ftinfo.HEALTHY, ftinfo.HEALTHY))
        options.setdefault('information', ftinfo.mirror(disks, states=states))
        files = {**nt.files(**options), **files}
    return files


def make_volume(volume, recipe, sectors, hidden, files):
    """Makes the file system of a half."""
    if recipe.fs == 'ntfs12':
        import ntfs12
        new_image(volume, 0)
        ntfs12.make(volume, sectors, files, hidden=hidden, heads=recipe.heads, spt=recipe.spt,
                    **recipe.ntfs12)
    elif recipe.fs == 'ext4':
        new_image(volume, sectors * SECTOR)
        make_ext4(volume, files)
    else:
        new_image(volume, sectors * SECTOR)
        make_file_system(volume, recipe, sectors, hidden)
        if files:
            put_files(volume, recipe.fs, files)
    if recipe.boot == 'syslinux':
        run('syslinux', '--install', volume)
    elif recipe.boot == 'grub':
        install_grub(volume, hidden)
    elif recipe.boot == 'payload':
        overlay_payload(volume, recipe, sectors)


def make_volumes(scratch, recipe, sectors, hidden, disks):
    """The volume of each half: the same one, unless the shadow went on alone."""
    volume = pathlib.Path(scratch, 'volume')
    changed = dict(recipe.shadow_files)
    before = all_files(recipe, recipe.nt, disks)
    make_volume(volume, recipe, sectors, hidden, before)
    if recipe.shadow_nt is not None:
        after = all_files(recipe, recipe.shadow_nt, disks)
        changed.update({name: data for name, data in after.items() if before.get(name) != data})
    if not changed:
        return volume, volume
    other = pathlib.Path(scratch, 'other')
    if recipe.fs in ('ntfs12', 'ext4'):
        make_volume(other, recipe, sectors, hidden, {**before, **changed})
    else:
        copy_sparse(volume, other)
        put_files(other, recipe.fs, changed, before)
    return volume, other


# ---- the disks ----

def chs(lba, recipe):
    """A packed CHS address as an IBM-type partition entry holds it."""
    track, sector = divmod(lba, recipe.spt)
    cylinder, head = divmod(track, recipe.heads)
    if cylinder > 1023:
        cylinder, head, sector = 1023, recipe.heads - 1, recipe.spt - 1
    return bytes((head, (sector + 1) | (cylinder >> 2 & 0xC0), cylinder & 0xFF))


def fix_chs(image, recipe):
    """Rewrites the CHS fields of the whole chain: sfdisk thinks 255/63, NT writes the disk's own geometry, and both
    boot code and QEMU's BIOS believe what stands there."""
    table, extended = 0, None
    while table is not None:
        sector, following = bytearray(read_at(image, table)), None
        for at in range(446, 510, 16):
            kind, start, count = sector[at + 4], *struct.unpack_from('<II', sector, at + 8)
            if not kind:
                continue
            is_link = kind in (0x05, 0x0F)
            start += (extended or 0) if is_link else table
            if is_link:
                following = start
            sector[at + 1:at + 4] = chs(start, recipe)
            sector[at + 5:at + 8] = chs(start + count - 1, recipe)
        write_at(image, table * SECTOR, sector)
        extended, table = extended if extended is not None else following, following


def partition(disk, recipe, member, logical, extra, kind, active, code):
    """Writes disk's partition table, and boot code if asked."""
    lines = ['label: dos', 'label-id: 0x%08x' % disk.signature, 'unit: sectors', 'grain: 512', '']
    lines += ['start=%d, size=%d, type=%x' % entry for entry in extra]
    if logical:
        lines.append('start=%d, size=%d, type=5' % (disk.ebr, member + disk.member_start - disk.ebr))
    lines.append('start=%d, size=%d, type=%x%s' % (disk.member_start, member, kind, ', bootable' if active else ''))
    run('sfdisk', '-q', '--no-reread', '--no-tell-kernel', disk.path, stdin='\n'.join(lines + ['']).encode())
    if code:
        write_at(disk.path, 0, (SYSLINUX / 'mbr' / 'mbr.bin').read_bytes()[:440])
    fix_chs(disk.path, recipe)


def layout(recipe):
    """(logical?, start) for each disk, and the length of a member."""
    cylinder = recipe.heads * recipe.spt
    logical = (recipe.logical == 'both', recipe.logical in ('both', 'shadow'))
    first = recipe.primary_start or recipe.spt + cylinder * logical[0]
    second = recipe.shadow_start or (first if logical[0] == logical[1] else recipe.spt + cylinder)
    room = recipe.size_mib * 2048 - max(0, second - first)
    return logical, (first, second), recipe.sectors or room // cylinder * cylinder - first


def make_pair(directory, recipe=None, **changes):
    """Makes a.img (primary) and b.img (shadow) in a directory; returns a Pair, which unpacks into the two paths."""
    recipe = dataclasses.replace(recipe or Recipe(), **changes)
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    logical, starts, sectors = layout(recipe)
    types = recipe.types or (MIRRORED[recipe.fs],) * 2
    disks = []
    with tempfile.TemporaryDirectory(dir=directory, prefix='.make-') as scratch:
        told = [(recipe.signatures[n], starts[n] * SECTOR, sectors * SECTOR) for n in range(2)]
        volumes = make_volumes(scratch, recipe, sectors, starts[0] if not logical[0] else recipe.spt, told)
        for n, extra in enumerate((recipe.primary_extra, recipe.shadow_extra)):
            ebr = starts[n] - recipe.spt if logical[n] else None
            disk = Disk(directory / ('a.img', 'b.img')[n], recipe.signatures[n], starts[n], sectors, ebr)
            fresh = dataclasses.replace(disk, path=pathlib.Path(scratch, disk.path.name))
            new_image(fresh.path, recipe.size_mib << 20)
            copy_range(volumes[n], 0, fresh.path, starts[n] * SECTOR, sectors * SECTOR)
            partition(fresh, recipe, sectors, logical[n], extra, types[n],
                      recipe.active[n] and not logical[n], recipe.boot_code[n])
            os.replace(fresh.path, disk.path)
            disks.append(disk)
    return Pair(recipe, *disks)


def options():
    parser = argparse.ArgumentParser(description='make two disks with a Windows NT mirror set on them: DIR/a.img '
                                                 '(primary) and DIR/b.img (shadow)')
    number = lambda text: int(text, 0)
    parser.add_argument('directory', metavar='DIR')
    parser.add_argument('--fs', choices=sorted(MIRRORED), default='fat16')
    parser.add_argument('--size', dest='size_mib', type=int, metavar='MIB',
                        help='size of each disk (64; syslinux, grub 128)')
    parser.add_argument('--boot', choices=('payload', 'syslinux', 'grub', 'none'), default='payload')
    parser.add_argument('--primary-start', type=number, metavar='LBA')
    parser.add_argument('--shadow-start', type=number, metavar='LBA')
    parser.add_argument('--sectors', type=number, help='length of a member')
    parser.add_argument('--logical', choices=('shadow', 'both'), default=False)
    parser.add_argument('--types', nargs=2, type=lambda text: int(text, 16), metavar='HEX', help='partition types')
    parser.add_argument('--signatures', nargs=2, type=lambda text: int(text, 16), metavar='HEX')
    parser.add_argument('--tag', help='letter the payload prints')
    parser.add_argument('--nt', dest='nt_version', choices=('3.51', '4.0', '5.0'),
                        help='install what a start of Windows NT reads (its registry knows the mirror)')
    parser.add_argument('--file', action='append', default=[], metavar='NAME=PATH', help='put a file on the volume')
    return parser


def main():
    wanted = {key: value for key, value in vars(options().parse_args()).items() if value is not None}
    directory, files = wanted.pop('directory'), wanted.pop('file')
    if 'nt_version' in wanted:
        wanted['nt'] = {'version': wanted.pop('nt_version')}
    if wanted['boot'] in ('syslinux', 'grub'):
        wanted.setdefault('size_mib', 128)
    wanted['files'] = {name: pathlib.Path(path).read_bytes() for name, path in (f.split('=', 1) for f in files)}
    try:
        pair = make_pair(directory, **wanted)
    except (OSError, RuntimeError) as error:
        sys.exit('disks.py: %s' % error)
    for disk in (pair.a, pair.b):
        print('%s: signature %08x, member at LBA %d, %d sectors' %
              (disk.path, disk.signature, disk.member_start, disk.sectors))


if __name__ == '__main__':
    main()
