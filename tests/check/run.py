#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make check`: runs every test program, two at a time, and closes with one line that counts them.

Owns the order (the quick ones first) and the counting; knows nothing of what is tested.
A test program is a make target of tests.mk or a Python file with unittest cases.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGETS = ('check-static', 'check-unit', 'check-fuzz-smoke', 'check-sweep')
FOLDERS = ('tests/unit', 'tests/diff', 'tests/cli', 'tests/e2e')
NEEDED = 'diff-programs'  # what the tests of a folder run, built before any of them starts
WORKERS = 2


def programs():
    for target in TARGETS:
        yield target, ['make', '--no-print-directory', target]
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).glob('test_*.py')):
            yield str(file.relative_to(ROOT)), [sys.executable, '-B', str(file)]


def count(output, failed):
    """(passed, failed, skipped) tests in a program's output; a program that counts nothing is one test."""
    ran = re.search(r'^Ran (\d+) tests? in', output, re.M)
    if not ran:
        cmocka = re.search(r'(\d+) tests passed', output)
        return (0, 1, 0) if failed else (int(cmocka[1]) if cmocka else 1, 0, 0)
    bad = sum(int(n) for n in re.findall(r'(?:failures|errors|unexpected successes)=(\d+)', output))
    skipped = sum(int(n) for n in re.findall(r'skipped=(\d+)', output))
    if failed and bad == 0:
        bad = 1
    return max(int(ran[1]) - bad - skipped, 0), bad, skipped


def run(program):
    name, command = program
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace',
                          env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'})
    passed, failed, skipped = count(done.stdout, done.returncode != 0)
    verdict = 'FAIL' if done.returncode else 'ok  '
    skips = f', {skipped} skipped' if skipped else ''
    print(f'{verdict} {name:34} {passed:4} passed {failed:3} failed {time.monotonic() - start:7.1f} s{skips}', flush=True)
    if done.returncode:
        print(done.stdout[-12000:], flush=True)
    return passed, failed, skipped


def main():
    os.environ.pop('MAKEFLAGS', None)  # the sub-makes are ours to schedule
    subprocess.run(['make', '--no-print-directory', '--silent', NEEDED], cwd=ROOT, check=True)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(run, programs()))
    passed, failed, skipped = (sum(column) for column in zip(*results))
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
