# SPDX-License-Identifier: MIT
"""How long the host tool takes for media other than floppies, next to the tools with which one makes such a medium.

Owns the command sequences. The peers put the very files of our medium onto theirs, and find nothing out: a CD by
`xorriso -as mkisofs`, with our floppy as its boot image, and by grub-mkrescue, which adds GRUB; a stick by mformat and
mcopy, without the table of partitions; a disk with a system partition by sfdisk and them. All are timed in turns, and
the fastest of each counts, as xorriso sleeps in steps of 100 ms while it waits for its own writing."""
import dataclasses
import shutil

import hosttool
from qemu import recipes

RUNS = 11
SYSTEM_PARTITION = b'label: gpt\nstart=2048, type=U\n'
VOLUME_AT = '@@1M'  # of a stick's and a disk's partition, for mtools
VOLUME_LBA = 2048


@dataclasses.dataclass
class Build:
    """Seconds of the fastest; peers: {commands: seconds}."""
    ours: float
    peers: dict


def take_files(image, folder):
    folder.mkdir()
    hosttool.quiet('mcopy', '-s', '-i', image, '::*', folder)


def cd_peers(ours, directory):
    """{commands: what they do}, for a CD."""
    files, target = directory / 'iso-files', directory / 'theirs.iso'
    hosttool.quiet('xorriso', '-osirrox', 'on', '-indev', ours, '-extract', '/ft.img', directory / 'ft.img')
    take_files(directory / 'ft.img', files)
    shutil.move(directory / 'ft.img', files / 'ft.img')
    (files / 'ft.img').chmod(0o644)

    def by_xorriso():
        target.unlink(missing_ok=True)
        hosttool.quiet('xorriso', '-as', 'mkisofs', '-quiet', '-r', '-V', 'PEER', '-o', target, '-c', 'boot.cat', '-b',
                       'ft.img', '-eltorito-alt-boot', '-e', 'ft.img', '-no-emul-boot', files)

    def by_grub():
        target.unlink(missing_ok=True)
        hosttool.quiet('grub-mkrescue', '-o', target, files)

    return {'xorriso': by_xorriso, 'grub-mkrescue': by_grub}


def volume_peers(ours, directory):
    """The same for a partition with a FAT file system of the same size."""
    files, target = directory / (ours.name + '-files'), directory / 'theirs.img'
    take_files('%s%s' % (ours, VOLUME_AT), files)
    sectors = ours.stat().st_size // recipes.SECTOR - 2 * VOLUME_LBA  # room for a GPT's second copy

    def by_mtools(table=None):
        target.unlink(missing_ok=True)
        recipes.new_image(target, ours.stat().st_size)
        if table:
            recipes.run('sfdisk', '--quiet', target, stdin=table)
        volume = '%s%s' % (target, VOLUME_AT)
        hosttool.quiet('mformat', '-i', volume, '-T', sectors, '-h', 255, '-s', 63, '-H', VOLUME_LBA, '::')
        hosttool.quiet('mcopy', '-s', '-i', volume, *sorted(files.iterdir()), '::')

    if ours.suffix == '.esp':
        return {'(sfdisk + mformat + mcopy)': lambda: by_mtools(SYSTEM_PARTITION)}
    return {'(mformat + mcopy)': by_mtools}


def measure(tool, directory):
    """{format: Build}, from two sparse disks of 1 GiB."""
    pair = recipes.make_pair(directory / 'media', size_mib=1024)
    found = {}
    for kind in ('iso', 'usb', 'esp'):
        ours = directory / ('medium.' + kind)

        def build_ours(ours=ours, kind=kind):
            ours.unlink(missing_ok=True)
            hosttool.quiet(tool, 'build', '-o', ours, '--format', kind, *pair)

        build_ours()
        works = {'ours': build_ours, **(cd_peers if kind == 'iso' else volume_peers)(ours, directory)}
        times = [[hosttool.timed(work) for work in works.values()] for _ in range(RUNS)]
        fastest = dict(zip(works, map(min, zip(*times))))
        found[kind] = Build(fastest.pop('ours'), fastest)
    return found
