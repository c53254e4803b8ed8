# SPDX-License-Identifier: MIT
"""How fast a file is read from NTFS and FAT32 by our core and by other people's tools (ntfscat, mtype).

Owns the volumes and that the programs take turns. The volumes lie in memory where the machine has /dev/shm, so that no
disk is measured: a program never waits there, and what it takes is the processor's time, which does not depend on what
else the machine does. What was read is compared once with the file that was put there."""
import dataclasses
import os
import pathlib
import random
import re
import statistics
import struct
import subprocess
import tempfile

from qemu import recipes

RUNS = 11
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
SECTOR = 512
VOLUME_BYTES = 320 << 20
FILE_BYTES = 64 << 20
PIECES = 4096
FAT_CLUSTER_SECTORS = 8
MANY = 100_000
DEEP = '/'.join('level %d' % n for n in range(1, 17))
DEEP_TEXT = b'the last of them\n'
WHOLE, PARTS = 'WHOLE.BIN', 'PARTS.BIN'


@dataclasses.dataclass
class Speed:
    """Medians, in seconds of the processor's time, of reading `bytes` bytes."""
    what: str
    peer: str
    bytes: int
    ours: float
    theirs: float


def fsread():
    """The program that reads by our core, built if need be."""
    build = recipes.build_dir().resolve()
    recipes.run('make', '-s', '-C', recipes.ROOT, 'BUILD=%s' % build, build / 'tests/bench/fsread')
    return build / 'tests/bench/fsread'


# ---- the volumes ----

def new_ntfs(volume):
    recipes.new_image(volume, VOLUME_BYTES)
    recipes.make_file_system(volume, recipes.Recipe(fs='ntfs'), VOLUME_BYTES // SECTOR, 0)


def make_ntfs(volume, source):
    new_ntfs(volume)
    recipes.run(recipes.ntfsmake(), volume, stdin='file\t{0}\t{2}\nfragment\t{1}\t{2}\t{3}\n'.format(
        WHOLE, PARTS, source, PIECES).encode())


def make_deep(volume, directory):
    """A small file at the end of a deep path, with many files around it."""
    new_ntfs(volume)
    text = directory / 'small'
    text.write_bytes(DEEP_TEXT)
    recipes.run(recipes.ntfsmake(), volume,
                stdin='many\t{0}\t{1}\nfile\t{0}/wanted.txt\t{2}\n'.format(DEEP, MANY, text).encode())


def make_fat32(volume, source):
    recipes.new_image(volume, VOLUME_BYTES)
    recipes.run('mkfs.fat', '-F', 32, '-s', FAT_CLUSTER_SECTORS, '--invariant', volume)
    for name in (WHOLE, PARTS):
        recipes.run('mcopy', '-i', volume, source, '::' + name)
    scatter(volume, PARTS)


def scatter(volume, name):
    """Cuts a file of FAT32, which lies in one piece, into PIECES pieces and puts them into another order."""
    shown = recipes.run('mshowfat', '-i', volume, '::' + name).decode()
    first, last = (int(number) for number in re.search(r'<(\d+)-(\d+)>', shown).groups())
    clusters, bytes_of = last + 1 - first, FAT_CLUSTER_SECTORS * SECTOR
    piece = clusters // PIECES
    order = list(range(1, PIECES))
    random.Random(1996).shuffle(order)
    places = [first + piece * at + n for at in (0, *order) for n in range(piece)]  # the file's first stays the first
    with open(volume, 'r+b') as image:
        boot = os.pread(image.fileno(), SECTOR, 0)
        reserved, fats = struct.unpack_from('<HB', boot, 14)
        fat_bytes = struct.unpack_from('<I', boot, 36)[0] * SECTOR
        data_at = lambda cluster: reserved * SECTOR + fats * fat_bytes + (cluster - 2) * bytes_of
        content = os.pread(image.fileno(), clusters * bytes_of, data_at(first))
        chain = bytearray(clusters * 4)
        for number, (place, following) in enumerate(zip(places, (*places[1:], 0x0FFFFFFF))):
            os.pwrite(image.fileno(), content[number * bytes_of:(number + 1) * bytes_of], data_at(place))
            struct.pack_into('<I', chain, (place - first) * 4, following)
        for copy in range(fats):
            os.pwrite(image.fileno(), chain, reserved * SECTOR + copy * fat_bytes + first * 4)


# ---- the race ----

def seconds_of(command):
    """The processor's time that a program takes."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise OSError('%s: exit %d' % (command[0], process.returncode))
    return used.ru_utime + used.ru_stime


def check(command, wanted):
    got = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout
    if got != wanted:
        raise OSError('%s: not the bytes that were put there' % ' '.join(map(str, command)))


def race(what, ours, theirs, wanted):
    for command in (ours, theirs):
        check(command, wanted)
    times = [(seconds_of(ours), seconds_of(theirs)) for _ in range(RUNS)]
    return Speed(what, theirs[0], len(wanted), *(statistics.median(column) for column in zip(*times)))


def measure():
    """[Speed] of a file in one piece and in many, on NTFS and FAT32, and of opening a small file among many."""
    os.environ['MTOOLS_SKIP_CHECK'] = '1'
    program, sectors, found = fsread(), VOLUME_BYTES // SECTOR, []
    with tempfile.TemporaryDirectory(prefix='mkb-bench-', dir=MEMORY) as directory:
        directory = pathlib.Path(directory)
        source, volume = directory / 'source', directory / 'volume'
        content = random.Random(1993).randbytes(FILE_BYTES)
        source.write_bytes(content)
        ntfscat = lambda path: ['ntfscat', '-q', volume, path]
        mtype = lambda path: ['mtype', '-i', volume, '::' + path]
        for name, make, peer in (('NTFS', make_ntfs, ntfscat), ('FAT32', make_fat32, mtype)):
            make(volume, source)
            for path, shape in ((WHOLE, 'one piece'), (PARTS, '%d pieces' % PIECES)):
                found.append(race('%s, %s' % (name, shape), [program, volume, 0, sectors, path], peer(path), content))
        make_deep(volume, directory)
        found.append(race('NTFS, small file', [program, volume, 0, sectors, DEEP + '/wanted.txt'],
                          ntfscat(DEEP + '/wanted.txt'), DEEP_TEXT))
    return found
