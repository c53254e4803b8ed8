# SPDX-License-Identifier: MIT
"""What the loader reads and does up to its verdict on NTFS volumes small and large, with few files and with many.

Owns those volumes: sparse, made by mkntfs and the library of ntfs-3g, Windows NT on both halves. Half of the many files
are older than Windows NT and half of them newer, as on a machine that was used before and after. Each pair is gone
before the next is made."""
import dataclasses
import os
import pathlib
import tempfile

import boots
import hosttool
from qemu import Disk, recipes

import ftinfo  # of images/, which qemu has put on the path
import nt

MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
SMALL, LARGE = 1 << 22, 1 << 32  # sectors; no partition of an MBR is larger
MANY = 100_000
SCATTERED = ('many\tOlder\t%d\n' % (MANY // 2), 'many\tNewer\t%d\n' % (MANY // 2))
CROWDED = ('', 'many\tWINNT/SYSTEM32\t%d\n' % MANY)
SIGNATURES = (0x1A2B3C4D, 0x5E6F7A8B)
BOOTS = 5
LIMIT_S = 60


@dataclasses.dataclass
class Cost:
    """sectors: of the disk that gave most, up to the verdict. seconds: of the fastest boot, from power-on.
    instructions: outside of the BIOS and until the payload, waits for the serial port left out."""
    sectors: int
    seconds: float
    instructions: int


def name_of(sectors):
    gib = sectors >> 21
    return '%d GiB' % gib if gib < 1024 else '%d TiB' % (gib >> 10)


def fits(directory, sectors):
    """Whether files may be so large there."""
    path = pathlib.Path(directory, 'probe')
    try:
        recipes.new_image(path, (sectors + 2048) * recipes.SECTOR)
    except OSError:
        return False
    finally:
        path.unlink(missing_ok=True)
    return True


def largest(directory):
    """The size of the large volume, unless the file system is not made for such files."""
    sectors = LARGE
    while sectors > SMALL and not fits(directory, sectors):
        sectors //= 2
    return sectors


def make_volume(volume, recipe, sectors, before, after):
    told = [(signature, recipe.spt * recipes.SECTOR, sectors * recipes.SECTOR) for signature in SIGNATURES]
    recipes.new_image(volume, sectors * recipes.SECTOR)
    recipes.make_file_system(volume, recipe, sectors, recipe.spt)
    recipes.run(recipes.ntfsmake(), volume, stdin=before.encode())
    recipes.put_files(volume, recipe.fs, nt.files(information=ftinfo.mirror(told)))
    recipes.run(recipes.ntfsmake(), volume, stdin=after.encode())
    recipes.overlay_payload(volume, recipe, sectors)


def make_disks(directory, size, scripts):
    """Two disks of some more than `size` sectors, whose halves have some less. `scripts`: what ntfsmake is told before
    and after Windows NT is put on them."""
    recipe = recipes.Recipe(fs='ntfs')
    cylinder = recipe.heads * recipe.spt
    sectors = (size - 1) // cylinder * cylinder - recipe.spt
    volume, paths = directory / 'volume', (directory / 'a.img', directory / 'b.img')
    make_volume(volume, recipe, sectors, *scripts)
    for path, signature, primary in zip(paths, SIGNATURES, (True, False)):
        recipes.new_image(path, (size // cylinder + 1) * cylinder * recipes.SECTOR)
        recipes.copy_range(volume, 0, path, recipe.spt * recipes.SECTOR, sectors * recipes.SECTOR)
        recipes.partition(recipes.Disk(path, signature, recipe.spt, sectors, None), recipe, sectors, False, (),
                          recipes.MIRRORED['ntfs'], primary, primary)
    volume.unlink()
    return paths


def cost(build, plugin, size, scripts):
    with tempfile.TemporaryDirectory(prefix='mkb-bench-', dir=MEMORY) as directory:
        directory = pathlib.Path(directory)
        paths = make_disks(directory, size, scripts)
        floppy, out = directory / 'floppy.img', directory / 'count'
        hosttool.quiet(build / 'mkbootdisk', 'build', '-o', floppy, '--timeout', '0', *paths)
        found = [boots.to_verdict(floppy, paths, LIMIT_S) for _ in range(BOOTS)]
        counted = boots.instructions(floppy, [Disk(path, writable=True) for path in paths], plugin, out, LIMIT_S)
    if counted is None:
        raise boots.RigError('did not start, on a volume of ' + name_of(size))
    return Cost(max(found[0][0]), min(seconds for _, seconds in found),
                counted[0] - boots.waiting(counted[2], build / 'stage2.elf'))


def measure(build, directory):
    """({case: Cost} of four cases that are to be alike, {case: Cost} of one that is not)."""
    plugin = directory / 'count.so'
    boots.build_plugin(plugin, pathlib.Path(__file__).with_name('count_plugin.c'))
    alike = {}
    for size in (SMALL, largest(MEMORY or tempfile.gettempdir())):
        for kind, scripts in (('few files', ('', '')), ('%d files' % MANY, SCATTERED)):
            alike['%s, %s' % (name_of(size), kind)] = cost(build, plugin, size, scripts)
    return alike, {'%s, %d files in SYSTEM32' % (name_of(SMALL), MANY): cost(build, plugin, SMALL, CROWDED)}
