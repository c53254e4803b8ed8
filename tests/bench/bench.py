#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py BUILD [--json FILE] [--profile]: what our boot floppy and host tool cost, next to their peers.

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
import hosttool  # noqa: E402
import peers  # noqa: E402

PEERS = ('GRUB', 'SYSLINUX', 'min')
OURS, WAITING = 'ours', 'ours, time-out'  # built with --timeout 0, and with the time-out of a user who gives none
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
TRAFFIC = ('healthy', 'first absent', 'first dead')
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


# ---- 1, 2, 4, 5: the boots ----

def disks_of(pair, blank, faults):
    return [(blank, None) if fault == 'blank' else (disk, fault) for disk, fault in zip(pair, faults)]


def all_boots(pool, floppies, pair, blank):
    """{(floppy, scenario or machine): Boot}. The machines' first disk is dead, so that the drive map must be there."""
    jobs = {}

    def start(name, case, faults, limit, **machine):
        jobs[name, case] = pool.submit(boots.boot, floppies[name], disks_of(pair, blank, faults), limit, **machine)

    for case, (faults, survivor) in SCENARIOS.items():
        for name in floppies:
            limit = PEER_LIMIT_S if name in PEERS else OUR_LIMIT_S if survivor else NO_DISK_LIMIT_S
            start(name, case, faults, limit)
    for case, machine in MACHINES.items():
        for name in (OURS, *(PEERS if case in PEER_MACHINES else ())):
            start(name, case, ('dead', None), PEER_LIMIT_S if name in PEERS else OUR_LIMIT_S, **machine)
    return {key: job.result() for key, job in jobs.items()}


def of_all(found, case, figure):
    """{name: figure of that boot, None if it did not start a disk}."""
    return {name: figure(found[name, case]) if found[name, case].survivor else None for name in (OURS, *PEERS)}


def traffic_rows(found):
    for case in TRAFFIC:
        yield at_most('floppy', 'read commands, ' + case, of_all(found, case, lambda b: len(b.commands)), 6)
        yield at_most('floppy', 'sectors, ' + case, of_all(found, case, lambda b: b.sectors), 36)
        yield at_most('floppy', 'track crossings, ' + case, of_all(found, case, lambda b: b.crossings), 0)


def model_rows(found):
    for name, overhead, limit in (('slow', boots.SLOW_BIOS_MS, 2.0), ('fast', boots.FAST_BIOS_MS, None)):
        for case in TRAFFIC:
            yield at_most('300 rpm model', '%s BIOS, seconds, %s' % (name, case),
                          of_all(found, case, lambda b: boots.floppy_seconds(b.commands, overhead)), limit,
                          '{:.2f}'.format)


def dead_rows(found):
    for case, disk in (('first dead', 'disk0'), ('second dead', 'disk1')):
        yield at_most('dead disk', 'reads sent to it, ' + case,
                      {name: found[name, case].reads[disk] for name in (OURS, *PEERS)}, 2)


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
        yield Row('machine', 'base KiB left, first dead, ' + case, show.pop(OURS), '>= 638',
                  (kib[OURS] or 0) >= 638, show)


# ---- 3: instructions ----

def instruction_counts(pool, floppies, pair, directory):
    plugin = directory / 'count.so'
    boots.build_plugin(plugin, HERE / 'count_plugin.c')
    jobs = {name: pool.submit(boots.instructions, floppy, [boots.Disk(path) for path in pair], plugin,
                              directory / ('count%d' % number), OUR_LIMIT_S)
            for number, (name, floppy) in enumerate(floppies.items())}
    return {name: job.result() for name, job in jobs.items()}


def instruction_rows(counts):
    outside = {name: count and count[0] for name, count in counts.items()}
    form = lambda number: '{:.2f} M'.format(number / 1e6) if number >= 10000 else str(number)
    waiting = outside.pop(WAITING)
    yield at_most('instructions', 'outside the BIOS, no menu', outside, 2_000_000, form)
    yield at_most('instructions', 'outside the BIOS, default time-out', {OURS: waiting}, None, form)
    yield at_most('instructions', 'inside the BIOS, no menu',
                  {name: counts[name] and counts[name][1] for name in (OURS, *PEERS)}, None, form)


def profile(build, counts):
    """The functions that the loader's instructions belong to, most first."""
    symbols = []
    for line in subprocess.run(['nm', '-n', build / 'stage2.elf'], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        address, kind, name = line.split()
        if kind in 'tT':
            symbols.append((int(address, 16), name))
    starts = [address for address, _ in symbols]
    spent = collections.Counter()
    for address, count in counts[OURS][2].items():
        if 0x8000 <= address < 0x18000:
            spent[symbols[max(0, bisect.bisect_right(starts, address) - 1)][1]] += count
        else:
            spent['boot sector' if address < 0x8000 else 'entry and unpack' if address < 0x80000 else 'int13'] += count
    print('\nInstructions of our loader by function (%d in all)' % counts[OURS][0])
    for name, count in spent.most_common(15):
        print('%10d %5.1f %%  %s' % (count, 100 * count / counts[OURS][0], name))


# ---- 6: the host tool ----

def host_rows(build, directory):
    ours, theirs, count = hosttool.measure(build / 'mkbootdisk', build / 'fat12.bin', directory)
    allowed = (theirs + hosttool.ALLOWED_S) / theirs
    yield at_most('host tool', 'build / (mformat -B + mcopy), 20 ms allowed', {OURS: ours / theirs}, allowed,
                  '{:.2f} x'.format)
    yield at_most('host tool', 'KiB read from two disks of 1 GiB', {OURS: count and count // 1024}, None)


# ---- the table ----

def show(row):
    verdict = {True: 'ok', False: 'OVER', None: ''}[row.ok]
    print('%-13s %-44s %12s %10s %-5s' % (row.section, row.what, row.value, row.target, verdict) +
          ''.join(' %12s' % row.peers.get(name, '') for name in PEERS), flush=True)


def build_floppies(build, pair, directory):
    floppies = {OURS: directory / 'ours0.img', WAITING: directory / 'ours10.img'}
    for name, more in ((OURS, ['--timeout', '0']), (WAITING, [])):
        hosttool.quiet(build / 'mkbootdisk', 'build', '-o', floppies[name], *more, *pair)
    floppies.update(peers.build(directory, pair.b.signature))
    return floppies


def measure(build, directory, with_profile):
    """Makes everything, prints the rows as they come; returns them."""
    # NT neither marks a shadow active nor writes boot code into its MBR; without both, no peer could start it.
    pair = boots.recipes.make_pair(directory / 'pair', active=(True, True), boot_code=(True, True))
    blank = directory / 'blank.img'
    boots.recipes.new_image(blank, os.path.getsize(pair.a.path))
    floppies, rows = build_floppies(build, pair, directory), []

    def take(more):
        for row in more:
            rows.append(row)
            show(row)

    print('%-13s %-44s %12s %10s %-5s' % ('', '', 'ours', 'target', '') + ''.join(' %12s' % name for name in PEERS))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        found = all_boots(pool, floppies, pair, blank)
        counts = instruction_counts(pool, floppies, pair, directory)
    for make in (traffic_rows, model_rows, dead_rows, matrix_rows, memory_rows):
        take(make(found))
    take(instruction_rows(counts))
    take(host_rows(build, directory))
    for (name, case), boot in found.items():
        if not boot.survivor and (name in PEERS or case != 'no disk'):
            print('%s stops, %s: %s' % (name, case, boot.screen[-1] if boot.screen else 'blank screen'))
    if with_profile and counts[OURS]:
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
        except (peers.PeerError, OSError, subprocess.CalledProcessError) as error:
            sys.exit('bench.py: %s' % error)
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1) + '\n')
    missed = sum(row.ok is False for row in rows)
    print('%d targets, %d missed' % (sum(row.ok is not None for row in rows), missed))
    return missed > 0


if __name__ == '__main__':
    sys.exit(main())
