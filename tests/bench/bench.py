#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py BUILD [--json FILE] [--profile]: what our boot media and host tool cost, next to their peers.

Owns the table: which figures, their targets and verdicts. Everything in it is measured in this one run, the peers too;
exit status 1 says that a target was missed. How each figure comes about: README.md."""
import argparse
import bisect
import collections
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'e2e'))
import boots  # noqa: E402
import changes  # noqa: E402
import filesystems  # noqa: E402
import hosttool  # noqa: E402
import media  # noqa: E402
import peers  # noqa: E402
import uefi  # noqa: E402
import volumes  # noqa: E402

# The targets that are a number of their own.
FLOPPY_COMMANDS_MAX, FLOPPY_SECTORS_MAX = 10, 100  # 9 and 96 when nothing is noted in FTLOG.TXT
MODEL_SECONDS_MAX = 3.5  # on a slow BIOS
DEAD_DISK_READS_MAX = 2
BASE_KIB_MIN = 638
INSTRUCTIONS_MAX = 2_000_000
VOLUMES_RATIO_MAX = 1.10  # the dearest of the NTFS volumes to the cheapest
SPEED_RATIO_MIN = 1.0  # ours to theirs
BREAK_SECTORS_MAX = 12  # of one mirror on NTFS
UEFI_OWN_INSTRUCTIONS_MAX = 10_000_000
ISO_RATIO_MAX = 1.0  # to grub-mkrescue

PEERS = ('GRUB', 'SYSLINUX', 'min')
COLUMNS = (*PEERS, 'systemd-boot')  # which is a peer under UEFI only
OURS, WAITING = 'ours', 'ours, time-out'  # built with --timeout 0, and with the time-out of a user who gives none
OURS_NT = 'ours, Windows NT'  # --timeout 0
WORKERS = 3
PEER_LIMIT_S, OUR_LIMIT_S, NO_DISK_LIMIT_S = 10, 60, 14
# Each scenario: faults of the first and the second disk ('blank': readable, all zeros), who is to be started.
SCENARIOS = {'healthy': ((None, None), 'primary'),
             'first absent': (('absent', None), 'shadow'),
             'first blank': (('blank', None), 'shadow'),
             'first dead': (('dead', None), 'shadow'),
             'second absent': ((None, 'absent'), 'primary'),
             'second blank': ((None, 'blank'), 'primary'),
             'second dead': ((None, 'dead'), 'primary'),
             'no disk': (('absent', 'absent'), None)}
WITH_NT = 'healthy, Windows NT'  # whose files the loader reads; the other pair has none
TRAFFIC = ('healthy', WITH_NT, 'first absent', 'first dead')
MACHINES = {'-m 1': {'mem': 1}, '-m 2': {'mem': 2}, '-cpu 486': {'cpu': '486'},
            'isapc, 486, -m 4': {'machine': 'isapc', 'cpu': '486', 'mem': 4}, 'pc': {}, 'q35': {'machine': 'q35'}}
PEER_MACHINES = ('-m 1', '-m 2', 'pc')
NO_DISK_MESSAGE = 'No hard disk answers'  # the loader's


@dataclasses.dataclass
class Row:
    """One line of the table. ok None: for information."""
    section: str
    what: str
    value: object
    target: str
    ok: bool | None
    peers: dict


def at_most(section, what, values, limit, form=str):
    """A row whose value must not exceed a limit; values: {name: number or None}, OURS among them."""
    value = values[OURS]
    show = {name: '-' if number is None else form(number) for name, number in values.items()}
    return Row(section, what, show.pop(OURS), '' if limit is None else '<= ' + form(limit),
               None if limit is None else value is not None and value <= limit, show)


def at_least(section, what, value, limit, form=str):
    return Row(section, what, form(value), '' if limit is None else '>= ' + form(limit),
               None if limit is None else value >= limit, {})


# ---- 1, 2, 4, 5: the boots ----

def disks_of(pair, blank, faults):
    return [(blank, None) if fault == 'blank' else (disk, fault) for disk, fault in zip(pair, faults)]


def all_boots(pool, floppies, pair, pair_nt, blank):
    """{(floppy, scenario or machine): Boot}. The machines' first disk is dead, so that the drive map must be there."""
    jobs = {(OURS, WITH_NT): pool.submit(boots.boot, floppies[OURS_NT], disks_of(pair_nt, blank, (None, None)),
                                         OUR_LIMIT_S)}

    def start(name, case, faults, limit, **machine):
        jobs[name, case] = pool.submit(boots.boot, floppies[name], disks_of(pair, blank, faults), limit, **machine)

    for case, (faults, survivor) in SCENARIOS.items():
        for name in (OURS, WAITING, *PEERS):
            limit = PEER_LIMIT_S if name in PEERS else OUR_LIMIT_S if survivor else NO_DISK_LIMIT_S
            start(name, case, faults, limit)
    for case, machine in MACHINES.items():
        for name in (OURS, *(PEERS if case in PEER_MACHINES else ())):
            start(name, case, ('dead', None), PEER_LIMIT_S if name in PEERS else OUR_LIMIT_S, **machine)
    return {key: job.result() for key, job in jobs.items()}


def of_all(found, case, figure):
    """{name: figure of that boot, None if it did not start a disk}."""
    boot_of = {name: found.get((name, case)) for name in (OURS, *PEERS)}
    return {name: figure(boot) if boot and boot.survivor else None for name, boot in boot_of.items()}


def traffic_rows(found):
    for case in TRAFFIC:
        yield at_most('floppy', 'read commands, ' + case, of_all(found, case, lambda b: len(b.commands)),
                      FLOPPY_COMMANDS_MAX)
        yield at_most('floppy', 'sectors, ' + case, of_all(found, case, lambda b: b.sectors), FLOPPY_SECTORS_MAX)
        yield at_most('floppy', 'track crossings, ' + case, of_all(found, case, lambda b: b.crossings), 0)


def model_rows(found):
    for name, overhead, limit in (('slow', boots.SLOW_BIOS_MS, MODEL_SECONDS_MAX), ('fast', boots.FAST_BIOS_MS, None)):
        for case in TRAFFIC:
            yield at_most('300 rpm model', '%s BIOS, seconds, %s' % (name, case),
                          of_all(found, case, lambda b: boots.floppy_seconds(b.commands, overhead)), limit,
                          '{:.2f}'.format)


def dead_rows(found):
    for case, disk in (('first dead', 'disk0'), ('second dead', 'disk1')):
        yield at_most('dead disk', 'reads sent to it, ' + case,
                      {name: found[name, case].reads[disk] for name in (OURS, *PEERS)}, DEAD_DISK_READS_MAX)


def outcome(boot, wanted):
    """A cell of the failover matrix."""
    if not boot.survivor:
        return 'message' if wanted is None and NO_DISK_MESSAGE in ' '.join(boot.screen) else 'stops'
    words = ['boots']
    if boot.survivor != wanted:
        words.append(boot.survivor)
    if boot.payload['dl'] != '80':
        words.append('as %sh' % boot.payload['dl'])
    return ' '.join(words)


def matrix_rows(found):
    for case, (_, wanted) in SCENARIOS.items():
        target = 'boots' if wanted else 'message'
        value = outcome(found[WAITING, case], wanted)
        yield Row('failover', case + ', no key', value, target, value == target,
                  {name: outcome(found[name, case], wanted) for name in PEERS})


def memory_rows(found):
    for case in MACHINES:
        kib = {name: int(boot.payload['base'], 16) if boot.survivor else None
               for (name, where), boot in found.items() if where == case}
        show = {name: 'stops' if number is None else str(number) for name, number in kib.items()}
        yield Row('machine', 'base KiB left, first dead, ' + case, show.pop(OURS),
                  '>= %d' % BASE_KIB_MIN, (kib[OURS] or 0) >= BASE_KIB_MIN, show)


# ---- 3: instructions ----

def instruction_counts(pool, build, floppies, pair, pair_nt, directory):
    """{floppy: (outside the BIOS, inside it, {address: count})}, our own waits for the serial port left out."""
    plugin = directory / 'count.so'
    boots.build_plugin(plugin, HERE / 'count_plugin.c')
    jobs = {name: pool.submit(boots.instructions, floppy,
                              [boots.Disk(path) for path in (pair_nt if name == OURS_NT else pair)], plugin,
                              directory / ('count%d' % number), OUR_LIMIT_S)
            for number, (name, floppy) in enumerate(floppies.items())}
    counts = {name: job.result() for name, job in jobs.items()}
    for name in (OURS, OURS_NT, WAITING):
        if counts[name]:
            load, bios, by_address = counts[name]
            counts[name] = load - boots.waiting(by_address, build / 'stage2.elf'), bios, by_address
    return counts


def millions(number):
    return '{:.2f} M'.format(number / 1e6) if number >= 10000 else str(number)


def instruction_rows(counts):
    outside = {name: count and count[0] for name, count in counts.items()}
    waiting, with_nt = outside.pop(WAITING), outside.pop(OURS_NT)
    yield at_most('instructions', 'outside the BIOS, no menu', outside, INSTRUCTIONS_MAX, millions)
    yield at_most('instructions', 'outside the BIOS, no menu, Windows NT', {OURS: with_nt}, None, millions)
    yield at_most('instructions', 'outside the BIOS, default time-out', {OURS: waiting}, None, millions)
    yield at_most('instructions', 'inside the BIOS, no menu',
                  {name: counts[name] and counts[name][1] for name in (OURS, *PEERS)}, None, millions)


def profile(build, counts):
    """The functions that the loader's instructions belong to, most first."""
    symbols = boots.symbols(build / 'stage2.elf')
    starts = [address for address, _ in symbols]
    spent = collections.Counter()
    for address, count in counts[OURS_NT][2].items():
        if 0x8000 <= address < 0x20000:
            spent[symbols[max(0, bisect.bisect_right(starts, address) - 1)][1]] += count
        else:
            spent['boot sector' if address < 0x8000 else 'entry and unpack' if address < 0x80000 else 'int13'] += count
    print('\nInstructions of our loader by function, Windows NT on the disks (%d in all)' % counts[OURS_NT][0])
    for name, count in spent.most_common(15):
        print('%10d %5.1f %%  %s' % (count, 100 * count / counts[OURS_NT][0], name))


# ---- 6: the host tool ----

def host_rows(build, directory):
    for number, (what, recipe) in enumerate((('', {}), (', NT on NTFS', {'fs': 'ntfs', 'nt': {}}))):
        ours, theirs, count = hosttool.measure(build / 'mkbootdisk', build / 'fat12.bin',
                                               directory / ('tool%d' % number), **recipe)
        allowed = None if recipe else (theirs + hosttool.ALLOWED_S) / theirs
        yield at_most('host tool', 'build / (mformat -B + mcopy)' + (what or ', 150 ms allowed'), {OURS: ours / theirs},
                      allowed, '{:.2f} x'.format)
        if recipe:
            yield at_most('host tool', 'what a build takes beyond that, ms' + what, {OURS: (ours - theirs) * 1000},
                          None, '{:.1f}'.format)
        yield at_most('host tool', 'KiB read from two disks of 1 GiB' + what, {OURS: count and count // 1024}, None)


# ---- 7: large volumes ----

def spread_row(alike, what, figure, limit):
    values = [figure(cost) for cost in alike.values()]
    return at_most('volumes', what + ', most / fewest', {OURS: max(values) / min(values)}, limit, '{:.3f} x'.format)


def volume_rows(build, directory):
    alike, other = volumes.measure(build, directory)
    for case, cost in {**alike, **other}.items():
        yield Row('volumes', 'sectors to the verdict, ' + case, str(cost.sectors), '', None, {})
        yield Row('volumes', 'instructions, ' + case, '{:.3f} M'.format(cost.instructions / 1e6), '', None, {})
    yield spread_row(alike, 'sectors to the verdict', lambda cost: cost.sectors, VOLUMES_RATIO_MAX)
    yield spread_row(alike, 'instructions', lambda cost: cost.instructions, VOLUMES_RATIO_MAX)
    yield spread_row(alike, 'seconds from power-on to the verdict', lambda cost: cost.seconds, None)


# ---- 8: the file systems on the host ----

def speed_rows():
    for speed in filesystems.measure():
        is_small = speed.bytes < 1024
        yield at_least('file systems', speed.what + ', %s / ours' % speed.peer, speed.theirs / speed.ours,
                       None if is_small else SPEED_RATIO_MIN, '{:.2f} x'.format)
        if not is_small:
            yield Row('file systems', speed.what + ', MiB/s', '%.0f' % (speed.bytes / speed.ours / 2**20), '', None, {})


# ---- 9: a break at the keyboard ----

def change_rows(build, directory):
    for what, change in changes.measure(build, directory).items():
        yield at_most('changes', what + ', Windows NT on NTFS: sectors written to the disk',
                      {OURS: change.disk_sectors}, BREAK_SECTORS_MAX)
        yield Row('changes', what + ': sectors written to the floppy', str(change.floppy_sectors), '', None, {})
        yield Row('changes', what + ': seconds from the last key to the start', '%.2f' % change.seconds, '', None, {})


# ---- 10: under UEFI ----

def uefi_rows(build, directory):
    starts, loader_bytes = uefi.measure(build, directory)
    yield at_most('UEFI', 'KiB of the loader that the firmware reads', loader_bytes, None,
                  lambda number: '%.0f' % (number / 1024))
    for case in uefi.CASES:
        found = {name: starts[name, case] for name in loader_bytes}
        show = {name: 'boots' if start else 'stops' for name, start in found.items()}
        yield Row('UEFI', case, show.pop(OURS), 'boots', found[OURS] is not None, show)
        for what, limit, form in (('own', UEFI_OWN_INSTRUCTIONS_MAX, millions), ('instructions', None, millions),
                                  ('seconds', None, '{:.2f}'.format)):
            yield at_most('UEFI', '%s: %s' % (case, uefi.FIGURES[what]),
                          {name: start and getattr(start, what) for name, start in found.items()}, limit, form)
        if found[OURS] and found['GRUB']:
            for what in ('instructions', 'seconds'):
                yield at_most('UEFI', "%s: %s, ours / GRUB's" % (case, uefi.FIGURES[what]),
                              {OURS: getattr(found[OURS], what) / getattr(found['GRUB'], what)}, None,
                              '{:.1f} x'.format)


# ---- 11: media ----

def media_rows(build, directory):
    for kind, made in media.measure(build / 'mkbootdisk', directory).items():
        yield at_most('media', 'build --format %s, ms' % kind, {OURS: made.ours * 1000}, None, '{:.0f}'.format)
        for peer, seconds in made.peers.items():
            limit = ISO_RATIO_MAX if peer == 'grub-mkrescue' else None
            yield at_most('media', 'build --format %s / %s' % (kind, peer), {OURS: made.ours / seconds}, limit,
                          '{:.2f} x'.format)


# ---- the table ----

def show(row):
    verdict = {True: 'ok', False: 'OVER', None: ''}[row.ok]
    print('%-13s %-58s %12s %10s %-5s' % (row.section, row.what, row.value, row.target, verdict) +
          ''.join(' %12s' % row.peers.get(name, '') for name in COLUMNS), flush=True)


def build_floppies(build, pair, pair_nt, directory):
    floppies = {OURS: directory / 'ours0.img', WAITING: directory / 'ours10.img', OURS_NT: directory / 'oursnt.img'}
    for name, disks, more in ((OURS, pair, ['--timeout', '0']), (WAITING, pair, []),
                              (OURS_NT, pair_nt, ['--timeout', '0'])):
        hosttool.quiet(build / 'mkbootdisk', 'build', '-o', floppies[name], *more, *disks)
    floppies.update(peers.build(directory, pair.b.signature))
    return floppies


def measure(build, directory, with_profile):
    """Makes everything, prints the rows as they come; returns them."""
    # NT neither marks a shadow active nor writes boot code into its MBR; without both, no peer could start it.
    pair = boots.recipes.make_pair(directory / 'pair', active=(True, True), boot_code=(True, True))
    pair_nt = boots.recipes.make_pair(directory / 'nt', fs='ntfs', nt={})
    blank = directory / 'blank.img'
    boots.recipes.new_image(blank, os.path.getsize(pair.a.path))
    floppies, rows = build_floppies(build, pair, pair_nt, directory), []

    def take(more):
        for row in more:
            rows.append(row)
            show(row)

    print('%-13s %-58s %12s %10s %-5s' % ('', '', 'ours', 'target', '') + ''.join(' %12s' % name for name in COLUMNS))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        found = all_boots(pool, floppies, pair, pair_nt, blank)
        counts = instruction_counts(pool, build, floppies, pair, pair_nt, directory)
    for make in (traffic_rows, model_rows, dead_rows, matrix_rows, memory_rows):
        take(make(found))
    take(instruction_rows(counts))
    take(host_rows(build, directory))
    take(volume_rows(build, directory))
    take(speed_rows())
    take(change_rows(build, directory))
    take(uefi_rows(build, directory))
    take(media_rows(build, directory))
    for (name, case), boot in found.items():
        if not boot.survivor and (name in PEERS or case != 'no disk'):
            print('%s stops, %s: %s' % (name, case, boot.screen[-1] if boot.screen else 'blank screen'))
    if with_profile and counts[OURS_NT]:
        profile(build, counts)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('--json', type=pathlib.Path)
    parser.add_argument('--profile', action='store_true', help='also show where our instructions go')
    arguments = parser.parse_args()
    os.environ['MKB_BUILD'] = str(arguments.build)  # the recipes keep their payload there
    with tempfile.TemporaryDirectory(prefix='mkb-bench-') as directory:
        try:
            rows = measure(arguments.build.resolve(), pathlib.Path(directory), arguments.profile)
        except (peers.PeerError, boots.RigError, RuntimeError, OSError, subprocess.CalledProcessError) as error:
            sys.exit('bench.py: %s' % error)
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1) + '\n')
    missed = sum(row.ok is False for row in rows)
    print('%d targets, %d missed' % (sum(row.ok is not None for row in rows), missed))
    return missed > 0


if __name__ == '__main__':
    sys.exit(main())
