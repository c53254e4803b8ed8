# SPDX-License-Identifier: MIT
"""From the firmware's hand-over to the survivor's loader, under UEFI: ours, GRUB and systemd-boot on the same two disks
with an EFI system partition each, each from a medium of its own, which OVMF starts.

Owns how the peers' media are put together, in the form in which each starts quickest, and the figures between the first
instruction of \\EFI\\BOOT\\BOOTX64.EFI on the medium and the first one of esp_payload.c. GRUB looks for the first
partition, then for the second, by the volumes' serial numbers. systemd-boot starts nothing from another disk, so the
payload is on its own medium: what it costs, not what it can do."""
import dataclasses
import pathlib
import statistics
import struct

import boots
import espdisks
import hosttool
import peers
from qemu import PAYLOAD_EXIT, Disk, Machine, RigError

OURS = 'ours'
BOOTS = 3
LIMIT_S, PEER_LIMIT_S = 120, 30
ENTRY_BYTES = 64
SYSTEMD_BOOT = pathlib.Path('/usr/lib/systemd/boot/efi/systemd-bootx64.efi')
MEDIUM_NUMBER = 9  # of the disks of espdisks
GRUB_MODULES = ('part_gpt part_msdos fat chain boot normal configfile test search search_fs_uuid search_label '
                'search_fs_file').split()
GRUB_SCRIPT = ''.join('if search --set=root --fs-uuid %s; then if chainloader %s; then boot; fi; fi\n' %
                      (serial, espdisks.BOOT) for serial in ('0000-0001', '0000-0002'))
ENTRY = 'title survivor\nefi /EFI/survivor.efi\n'
# Faults of the two disks, and whether the firmware has looked for disks beside the medium: a quick one does not.
CASES = {'healthy': ((None, None), True), 'first absent': (('absent', None), True),
         'first dead': (('dead', None), True), 'disks not connected': ((None, None), False)}
FIGURES = {'own': "the loader's own instructions", 'instructions': 'instructions, with the firmware',
           'seconds': 'seconds'}


@dataclasses.dataclass
class Start:
    """Medians; the seconds are of the fastest boot. own: instructions in the loader's image."""
    instructions: int
    own: int
    seconds: float


@dataclasses.dataclass
class Medium:
    path: pathlib.Path
    loader: bytes


def entry_point(program):
    """(offset in the image in memory, that image's size, the first bytes) of a PE program's entry."""
    header, = struct.unpack_from('<I', program, 0x3C)
    sections, optional_bytes = (struct.unpack_from('<H', program, header + at)[0] for at in (6, 20))
    entry, size = (struct.unpack_from('<I', program, header + at)[0] for at in (40, 80))
    for at in range(header + 24 + optional_bytes, header + 24 + optional_bytes + 40 * sections, 40):
        memory_bytes, memory_at, _, file_at = struct.unpack_from('<4I', program, at + 8)
        if memory_at <= entry < memory_at + memory_bytes:
            begin = file_at + entry - memory_at
            return entry, size, program[begin:begin + ENTRY_BYTES]
    raise peers.PeerError('a program without an entry point')


def our_medium(build, pair, directory):
    path = directory / 'uefi-ours.img'
    hosttool.quiet(build / 'mkbootdisk', 'build', '-o', path, '--format', 'esp', '--timeout', '0',
                   *(disk.path for disk in pair))
    return Medium(path, (build / 'BOOTX64.EFI').read_bytes())


def peer_medium(path, loader, files):
    texts = {name: (data if isinstance(data, bytes) else data.encode(), espdisks.OLD) for name, data in files.items()}
    espdisks.EspDisk(path, MEDIUM_NUMBER, {espdisks.BOOT: (loader, espdisks.OLD), **texts})
    return Medium(path, loader)


def grub(directory):
    core = directory / 'grubx64.efi'
    peers.run('grub-mkimage', '-O', 'x86_64-efi', '-p', '/boot/grub', '-o', core, *GRUB_MODULES)
    return peer_medium(directory / 'uefi-grub.img', core.read_bytes(), {'/boot/grub/grub.cfg': GRUB_SCRIPT})


def systemd_boot(directory):
    files = {'/loader/loader.conf': 'timeout 0\n', '/loader/entries/survivor.conf': ENTRY,
             '/EFI/survivor.efi': espdisks.payload()}
    return peer_medium(directory / 'uefi-systemd.img', SYSTEMD_BOOT.read_bytes(), files)


def boot(medium, pair, case, plugin, limit):
    """A Start of one boot, or None if the payload did not run."""
    faults, connected = CASES[case]
    out = medium.path.with_suffix('.count')
    out.unlink(missing_ok=True)
    entry, size, begin = entry_point(medium.loader)
    end = entry_point(espdisks.payload())[2]
    extra = ['-drive', 'if=none,id=boot,format=raw,readonly=on,file=%s' % medium.path,
             '-device', 'virtio-blk-pci,drive=boot,bootindex=0']
    for number, fault in enumerate(faults):  # OVMF connects what has a place in the boot order
        if connected and fault != 'absent':
            extra += ['-set', 'device.dev%d.bootindex=%d' % (number, number + 1)]
    counting = '%s,begin=%s,end=%s,entry=%d,size=%d,out=%s' % (plugin, begin.hex(), end.hex(), entry, size, out)
    with Machine([Disk(disk.path, fault) for disk, fault in zip(pair, faults)], machine='q35', firmware='ovmf',
                 qemu='qemu-system-x86_64', mem=128, plugin=counting, extra=extra) as pc:
        try:
            if pc.wait_exit(limit) != PAYLOAD_EXIT or not pc.payload():
                return None
        except RigError:
            return None
    _, instructions, _, own, _, seconds = out.read_text().split()
    return Start(int(instructions), int(own), float(seconds))


def some_boots(medium, pair, case, plugin, limit):
    starts = []
    while len(starts) < BOOTS:
        starts.append(boot(medium, pair, case, plugin, limit))
        if starts[-1] is None:
            return None
    return Start(*(statistics.median(getattr(start, name) for start in starts) for name in ('instructions', 'own')),
                 min(start.seconds for start in starts))


def measure(build, directory):
    """({(name, case): Start or None}, {name: bytes of its loader})."""
    plugin = directory / 'handover.so'
    boots.build_plugin(plugin, pathlib.Path(__file__).with_name('handover_plugin.c'))
    pair = espdisks.make_pair(directory / 'esp', espdisks.payload())
    made = {OURS: our_medium(build, pair, directory), 'GRUB': grub(directory),
            'systemd-boot': systemd_boot(directory)}
    return ({(name, case): some_boots(medium, pair, case, plugin, LIMIT_S if name == OURS else PEER_LIMIT_S)
             for case in CASES for name, medium in made.items()},
            {name: len(medium.loader) for name, medium in made.items()})
