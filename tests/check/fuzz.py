#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs one libFuzzer program in the directory that keeps what it finds. It ends after --seconds, or with --until-quiet
as soon as no new edge was reached for as long as it took to reach the last one, and for --seconds at least. Says how far
it came; fails as the program does. Owns no target and no seed."""
import argparse
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

INTERRUPTED = 72  # libFuzzer's exit status after a SIGINT
ONE_INPUT_SECONDS = 20


class Progress:
    """What the fuzzer's lines have told: edges reached, runs made, and when the last edge came."""

    def __init__(self):
        self.start = time.monotonic()
        self.edges = self.runs = 0
        self.last_edge = 0.0

    def elapsed(self):
        return time.monotonic() - self.start

    def read(self, line):
        edges = re.match(r'#\d+\s.*\bcov: (\d+)', line)
        runs = re.match(r'stat::number_of_executed_units: (\d+)', line)
        if runs:
            self.runs = int(runs[1])
        if edges and int(edges[1]) > self.edges:
            self.edges = int(edges[1])
            self.last_edge = self.elapsed()

    def quiet(self, seconds):
        return self.elapsed() - self.last_edge >= max(seconds, self.last_edge)


def stop_when(is_over, program, asked):
    """Asks the fuzzer to end as soon as `is_over` says so, and notes it in `asked`."""
    while program.poll() is None:
        if is_over():
            asked.set()
            program.send_signal(signal.SIGINT)
            return
        time.sleep(1)


def fuzz(arguments):
    """Runs the program to its end: (its exit status, what it reached, the last of what it printed)."""
    found = pathlib.Path(arguments.found)
    found.mkdir(parents=True, exist_ok=True)
    command = [str(pathlib.Path(arguments.program).absolute()), f'-max_len={arguments.bytes}', '-print_final_stats=1',
               f'-timeout={ONE_INPUT_SECONDS}', '.', str(pathlib.Path(arguments.seeds).absolute())]
    progress = Progress()
    lines = []
    asked = threading.Event()

    def is_over():
        return progress.quiet(arguments.seconds) if arguments.until_quiet else progress.elapsed() >= arguments.seconds

    with (found / 'log').open('w', encoding='utf-8') as log, \
            subprocess.Popen(command, cwd=found, stderr=subprocess.PIPE, text=True, errors='replace') as program:
        threading.Thread(target=stop_when, args=(is_over, program, asked), daemon=True).start()
        for line in program.stderr:
            log.write(line)
            lines = lines[-40:] + [line]
            progress.read(line)
        status = program.wait()
    return 0 if status == INTERRUPTED and asked.is_set() else status or 1, progress, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ('program', 'found', 'seeds'):
        parser.add_argument(name)
    parser.add_argument('--bytes', type=int, required=True, help='the longest input')
    parser.add_argument('--seconds', type=int, required=True)
    parser.add_argument('--until-quiet', action='store_true')
    arguments = parser.parse_args()
    status, progress, lines = fuzz(arguments)
    if status != 0:
        sys.stderr.writelines(lines)
    print(f'{pathlib.Path(arguments.program).name}: {progress.edges} edges, the last new one after '
          f'{progress.last_edge:.0f} s of {progress.elapsed():.0f}; {progress.runs} runs'
          + (f'; failed, exit status {status}' if status != 0 else ''), flush=True)
    return 1 if status != 0 else 0


if __name__ == '__main__':
    sys.exit(main())
