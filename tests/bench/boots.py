# SPDX-License-Identifier: MIT
"""One boot from a floppy, counted.

Owns what a boot cost until the survivor's boot sector ran: floppy commands, reads of each disk, instructions, and what
those floppy commands would take on a real drive; and what a disk gave up to the loader's verdict. All counts come from
QEMU's traces and from count_plugin.c; none depends on how fast this machine is. A boot that does not get to the payload
is watched until its limit."""
import dataclasses
import re
import subprocess
import time

from qemu import FDC_PARAMETERS, PAYLOAD_EXIT, TRACES, Disk, Machine, RigError, recipes  # noqa: F401

SECTORS_PER_TRACK = 18
TURN_MS, STEP_MS, SETTLE_MS, SPIN_UP_MS = 200.0, 3.0, 15.0, 500.0  # a 300 rpm drive
GAP_SECTORS = 0.15  # the gap before a sector's mark: a command that comes within it still catches the sector
FAST_BIOS_MS, SLOW_BIOS_MS = 1.0, 4.0  # from the end of one command until the drive can look for the next sector
READ_DATA = 0x06
VERDICT = 'ft: verdict'
WAITS_IN = 'com1_send'  # the loader's function that waits for the serial port


@dataclasses.dataclass
class Boot:
    """payload: what the started system said, or None. commands: READ DATA as (cylinder, head, sector, count). reads:
    per disk, requests from the machine until the payload. screen: the lines that say anything, of one that stops."""
    payload: dict | None
    status: int | None
    commands: list
    reads: dict
    screen: list

    @property
    def survivor(self):
        """'primary' or 'shadow', by where the payload finds the disk it was started from; None: did not start."""
        if not self.payload or self.status != PAYLOAD_EXIT:
            return None
        signature = self.payload.get('sig' + self.payload['dl'], '')
        return {'1a2b3c4d': 'primary', '5e6f7a8b': 'shadow'}.get(signature, 'unknown')

    @property
    def sectors(self):
        return sum(count for *_, count in self.commands)

    @property
    def crossings(self):
        return sum(sector + count - 1 > SECTORS_PER_TRACK for _, _, sector, count in self.commands)


def floppy_seconds(commands, overhead_ms):
    """What the commands take on a real drive, head movement and rotation replayed. A model, not a measurement."""
    slot, now, at = TURN_MS / SECTORS_PER_TRACK, SPIN_UP_MS, 0
    for cylinder, _, sector, count in commands:
        now += overhead_ms
        if cylinder != at:
            now += STEP_MS * abs(cylinder - at) + SETTLE_MS
            at = cylinder
        wait = (sector - 1 - now % TURN_MS / slot) % SECTORS_PER_TRACK
        if SECTORS_PER_TRACK - wait < GAP_SECTORS:
            wait -= SECTORS_PER_TRACK
        now += (wait + count) * slot
    return now / 1000


def guest_events(machine, skip):
    """[('fdc', byte)], [('serial', letter)] and [(node, LBA, sectors)] of the trace after `skip` bytes, in order."""
    log = (machine.dir / 'qemu.log').read_bytes()
    nodes, events = {}, []
    for number, part in enumerate((log[:skip], log[skip:])):
        for line in part.decode('latin1').splitlines():
            words = line.split()
            if words[:1] == ['bdrv_open_common'] and len(nodes) < len(machine.nodes):
                nodes[words[2]] = machine.nodes[len(nodes)]  # opened in the order of the command line
            elif number and words[:1] == ['blk_co_preadv'] and words[4] in nodes:
                events.append((nodes[words[4]], int(words[6]) // 512, int(words[8]) // 512))
            elif number and words[:4] == ['fdc_ioport_write', 'write', 'reg', '0x05']:
                events.append(('fdc', int(words[5], 16)))
            elif number and words[:4] == ['serial_write', 'write', 'addr', '0x00']:
                events.append(('serial', chr(int(words[5], 16))))
    return events


def before_payload(events, payload, present):
    """The events up to the payload's own reads, which begin with sector 0 of the disk it knows as 80h."""
    if not payload or not present:
        return events
    drive80 = {'1a2b3c4d': 'disk0', '5e6f7a8b': 'disk1'}.get(payload['sig80'], present[0])
    own = [n for n, event in enumerate(events) if event[:2] == (drive80, 0)]
    return events[:own[-1]] if own else events


def floppy_commands(events):
    """READ DATA commands as (cylinder, head, sector, sectors that were read)."""
    found, command, missing = [], [], 0
    for event in events:
        if event[0] == 'floppy' and found:
            found[-1][3] += event[2]
        if event[0] != 'fdc':
            continue
        if not missing:
            command, missing = [], FDC_PARAMETERS.get(event[1] & 0x1F, 0) + 1
        command.append(event[1])
        missing -= 1
        if not missing and command[0] & 0x1F == READ_DATA:
            found.append([*command[2:5], 0])
    return [tuple(command) for command in found if command[3]]


def screen_lines(machine):
    """The lines on the screen that hold a word. The screen, as the serial line may lose text on a busy machine."""
    try:
        return [line.strip() for line in machine.screen() if re.search(r'\w', line)]
    except RigError:
        return []  # QEMU has gone


def boot(floppy, disks, limit, **machine):
    """Starts a machine with disks [(path, fault)] from a floppy; returns a Boot."""
    disks = [Disk(path, fault) for path, fault in disks]
    with Machine(disks, floppy=floppy, trace=True, paused=True, **machine) as pc:
        skip = (pc.dir / 'qemu.log').stat().st_size  # QEMU's own look at sector 0 of each disk
        pc.start()
        status, screen = None, []
        try:
            status = pc.wait_exit(limit)
        except RigError:
            screen = screen_lines(pc)
        pc.power_off()
        present = ['disk%d' % n for n, disk in enumerate(disks) if disk.fault != 'absent']
        events = before_payload(guest_events(pc, skip), pc.payload(), present)
        reads = {name: sum(event[0] == name for event in events) for name in present}
        return Boot(pc.payload(), status, floppy_commands(events), reads, screen)


def to_verdict(floppy, disks, limit):
    """([sectors read from each disk], seconds) from power-on to the loader's verdict. The images are not copied, as
    they may be large; a machine that writes to one is an error."""
    with Machine([Disk(path, writable=True) for path in disks], floppy=floppy, trace=(*TRACES, 'serial_write'),
                 paused=True) as pc:
        skip = (pc.dir / 'qemu.log').stat().st_size
        begin = time.perf_counter()
        pc.start()
        pc.wait_for(VERDICT, limit, whole_line=False)
        seconds = time.perf_counter() - begin
        if pc.wait_exit(limit) != PAYLOAD_EXIT or any(pc.writes(n) for n in range(len(disks))):
            raise RigError('started nothing, or wrote to a disk:\n' + pc.output[-3000:])
        said, sectors = '', dict.fromkeys(('disk%d' % n for n in range(len(disks))), 0)
        for event in guest_events(pc, skip):
            if event[0] == 'serial':
                said += event[1]
                if VERDICT in said:
                    break
            elif event[0] in sectors:
                sectors[event[0]] += event[2]
        return list(sectors.values()), seconds


def symbols(elf):
    """[(address, name)] of the loader's functions, in order."""
    lines = subprocess.run(['nm', '-n', elf], check=True, capture_output=True, text=True).stdout.splitlines()
    return [(int(address, 16), name) for address, kind, name in map(str.split, lines) if kind in 'tT']


def waiting(count, elf):
    """How many of the instructions {address: count} did nothing but wait for the serial port: what was executed more
    often than its function was called."""
    functions = symbols(elf)
    for (begin, name), (end, _) in zip(functions, functions[1:]):
        if name == WAITS_IN:
            return sum(max(0, count.get(at, 0) - count.get(begin, 0)) for at in range(begin, end))
    raise OSError('%s: no function %s' % (elf, WAITS_IN))


def build_plugin(path, source):
    subprocess.run(['gcc', '-std=gnu11', '-O2', '-Wall', '-shared', '-fPIC', '-o', path, source], check=True)


def instructions(floppy, disks, plugin, out, limit):
    """(outside the BIOS, inside it, {address: count}) from 7C00h to the payload, or None if it did not get there."""
    with Machine(disks, floppy=floppy, plugin='%s,out=%s' % (plugin, out)) as pc:
        try:
            status = pc.wait_exit(limit)
        except RigError:
            return None
        if status != PAYLOAD_EXIT or not pc.payload():
            return None
    first, *rest = out.read_text().splitlines()
    _, load, _, bios = first.split()
    return int(load), int(bios), {int(line.split()[0], 16): int(line.split()[1]) for line in rest}
