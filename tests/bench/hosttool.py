# SPDX-License-Identifier: MIT
"""The host tool against mtools: how long `mkbootdisk build` takes, and how much of the disks it reads.

Owns the two command sequences and that they are timed in turns, so that whatever else this machine does meets both."""
import os
import re
import shutil
import statistics
import subprocess
import time

from qemu import recipes

RUNS = 21
ALLOWED_S = 0.15  # looking at the disks, and the UEFI loaders, which the peer does without


def quiet(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def bytes_read(build, pair, directory):
    """Bytes of the disk images that the tool asked for, or None without strace."""
    if not shutil.which('strace'):
        return None
    log = directory / 'strace'
    quiet('strace', '-f', '-y', '-e', 'trace=read,pread64,readv,preadv,mmap', '-o', log, *build)
    total = 0
    for line in log.read_text(errors='replace').splitlines():
        found = re.search(r'\bp?readv?(?:64)?\(\d+<(.*?)>.*\) = (\d+)$', line)
        if found and os.path.realpath(found[1]) in {os.path.realpath(disk) for disk in pair}:
            total += int(found[2])
    return total


def measure(tool, boot_sector, directory, **recipe):
    """(seconds of ours, seconds of the peer, bytes read): medians of interleaved runs on two sparse 1 GiB disks."""
    directory.mkdir()
    pair = recipes.make_pair(directory / 'gib', size_mib=1024, **recipe)
    ours, theirs, files = directory / 'ours.img', directory / 'theirs.img', directory / 'files'
    build = [tool, 'build', '-o', ours, *pair]

    def build_ours():
        ours.unlink(missing_ok=True)
        quiet(*build)

    def build_theirs():
        theirs.unlink(missing_ok=True)
        quiet('mformat', '-C', '-f', '1440', '-B', boot_sector, '-i', theirs, '::')
        quiet('mcopy', '-i', theirs, *sorted(files.iterdir()), '::')

    build_ours()
    files.mkdir()
    quiet('mcopy', '-i', ours, '::*', files)
    build_theirs()
    times = [(timed(build_ours), timed(build_theirs)) for _ in range(RUNS)]
    return *(statistics.median(column) for column in zip(*times)), bytes_read(build, pair, directory)
