# SPDX-License-Identifier: MIT
"""The bench's peers: boot floppies that also start a surviving disk, made of Debian's packages.

Owns how each is put together, in the form in which it does fail over:
GRUB      FAT12 floppy, normal mode, a script that tries the first disk and then the second
SYSLINUX  FAT12 floppy, chain.c32 looking for the second disk's signature
min       one sector, minscan.asm
"""
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
GRUB = pathlib.Path('/usr/lib/grub/i386-pc')
MODULES = pathlib.Path('/usr/lib/syslinux/modules/bios')
FLOPPY_BYTES = 1440 << 10
SECTOR = 512
BPB_END = 62  # of a FAT12 boot sector; boot.img leaves bytes 3..61 to the file system
GRUB_MODULES = ('biosdisk part_msdos fat ntfs chain drivemap boot normal configfile test search search_fs_uuid '
                'search_label search_fs_file').split()
GRUB_SCRIPT = """set root=hd0
if chainloader (hd0)+1; then boot; fi
set root=hd1
drivemap -s hd0 hd1
if chainloader (hd1)+1; then boot; fi
"""
SYSLINUX_SCRIPT = """DEFAULT survivor
PROMPT 0
LABEL survivor
COM32 chain.c32
APPEND mbr=0x%08x swap
"""


class PeerError(RuntimeError):
    """A peer could not be built; the message names the tool."""


def run(*command):
    """Runs a tool, quietly unless it fails."""
    env = dict(os.environ, MTOOLS_SKIP_CHECK='1', MTOOLSRC='/dev/null', LC_ALL='C',
               PATH=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    try:
        done = subprocess.run([str(word) for word in command], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise PeerError('%s is not installed' % command[0]) from None
    if done.returncode:
        raise PeerError('%s: exit %d: %s' % (command[0], done.returncode, done.stdout.decode('latin1').strip()))


def blank(path):
    with open(path, 'wb') as image:
        image.truncate(FLOPPY_BYTES)


def grub(directory):
    image, core, script = (directory / name for name in ('grub.img', 'grub-core.img', 'grub.cfg'))
    script.write_text(GRUB_SCRIPT)
    run('grub-mkimage', '-O', 'i386-pc', '-p', '(fd0)/boot/grub', '-o', core, *GRUB_MODULES)
    code = core.read_bytes()
    blank(image)
    run('mkfs.fat', '-F', '12', '-R', -(-len(code) // SECTOR) + 1, '-n', 'GRUB', image)
    run('mmd', '-i', image, '::/boot', '::/boot/grub')
    run('mcopy', '-i', image, script, '::/boot/grub/grub.cfg')
    boot = (GRUB / 'boot.img').read_bytes()
    with open(image, 'r+b') as file:
        os.pwrite(file.fileno(), boot[:3], 0)
        os.pwrite(file.fileno(), boot[BPB_END:SECTOR], BPB_END)
        os.pwrite(file.fileno(), code, SECTOR)
    return image


def syslinux(directory, signature):
    image, script = directory / 'syslinux.img', directory / 'syslinux.cfg'
    script.write_text(SYSLINUX_SCRIPT % signature)
    blank(image)
    run('mkfs.fat', '-F', '12', '-n', 'SYSLINUX', image)
    run('syslinux', '--install', image)
    run('mcopy', '-i', image, *(MODULES / name for name in ('chain.c32', 'libcom32.c32', 'libutil.c32')), script, '::')
    return image


def minscan(directory):
    image = directory / 'min.img'
    run('nasm', '-f', 'bin', '-o', image, HERE / 'minscan.asm')
    with open(image, 'r+b') as file:
        file.truncate(FLOPPY_BYTES)
    return image


def build(directory, signature):
    """Makes all peers; returns {name: image}. The signature is the shadow's disk."""
    return {'GRUB': grub(directory), 'SYSLINUX': syslinux(directory, signature), 'min': minscan(directory)}
