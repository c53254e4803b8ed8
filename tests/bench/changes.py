# SPDX-License-Identifier: MIT
"""What breaking a mirror costs: a person does it at the loader's menu, while the primary is dead.

Owns the sectors that are written, which are the same every time, and the seconds from the key that agrees to the last
question until the survivor's boot sector is about to run, which are this machine's."""
import dataclasses
import time

import hosttool
from qemu import PAYLOAD_EXIT, Disk, Machine, RigError, recipes

BOOTS = 3
LIMIT_S = 120
BREAK = r'[> ] (\d)  Break the mirror, keeping the shadow'
QUESTIONS = ('Shall it start without this boot disk', 'Write this')


@dataclasses.dataclass
class Change:
    disk_sectors: int
    floppy_sectors: int
    seconds: float


def answer(pc, question, key):
    pc.wait_for(question + r'.*\(y/n\)', LIMIT_S, whole_line=False)
    begin = time.perf_counter()
    pc.send_key(key)
    return begin


def break_once(floppy, pair, promote):
    disks = [Disk(pair.a.path, 'dead'), Disk(pair.b.path, writable=True)]
    with Machine(disks, floppy=Disk(floppy, writable=True), trace=True) as pc:
        pc.send_key(pc.wait_for(BREAK, LIMIT_S)[1])
        answer(pc, QUESTIONS[0], 'y' if promote else 'n')
        begin = answer(pc, QUESTIONS[1], 'y')
        pc.wait_for('^ft: boot', LIMIT_S, whole_line=False)
        seconds = time.perf_counter() - begin
        if pc.wait_exit(LIMIT_S) != PAYLOAD_EXIT:
            raise RigError('the broken half does not start:\n' + pc.output[-3000:])
        written = [sum(count for _, count in pc.writes(where)) for where in (1, 'floppy')]
    return Change(*written, seconds)


def median(floppy, pair, directory, promote):
    """Of some breaks, each of media that were copied for it."""
    found = []
    for _ in range(BOOTS):
        survivor, boot = directory / 'survivor.img', directory / 'boot.img'
        recipes.copy_sparse(pair.b.path, survivor)
        recipes.copy_sparse(floppy, boot)
        copied = dataclasses.replace(pair, b=dataclasses.replace(pair.b, path=survivor))
        found.append(break_once(boot, copied, promote))
    return sorted(found, key=lambda change: change.seconds)[BOOTS // 2]


def measure(build, directory):
    """{what is done: Change}. The shadow lies elsewhere than the primary did, so that its boot sectors change too."""
    pair = recipes.make_pair(directory / 'changes', fs='ntfs', nt={}, shadow_start=4095)
    floppy = directory / 'floppy.img'
    hosttool.quiet(build / 'mkbootdisk', 'build', '-o', floppy, *pair)
    return {'break': median(floppy, pair, directory, False),
            'break and promote': median(floppy, pair, directory, True)}
