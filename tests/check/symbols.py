#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Symbols of the core's objects: nothing undefined but the four memory routines, libgcc's 64-bit division and other
parts of the core; nothing writable. Reads what nm prints; compiles nothing."""
import subprocess
import sys

OUTSIDE = {'memcpy', 'memmove', 'memset', 'memcmp', '__udivdi3', '__umoddi3', '__divdi3', '__moddi3', '__udivmoddi4'}
WRITABLE = set('dDbBgGsSC')


def symbols(path):
    """The (kind, name) pairs of one object."""
    text = subprocess.run(['nm', path], capture_output=True, text=True, check=True).stdout
    return [tuple(line.split()[-2:]) for line in text.splitlines() if line.strip()]


def main(paths):
    table = {path: symbols(path) for path in paths}
    defined = {name for entries in table.values() for kind, name in entries if kind.isupper() and kind != 'U'}
    problems = []
    for path, entries in table.items():
        problems += [f'{path}: {name} comes from outside the core' for kind, name in entries
                     if kind == 'U' and name not in OUTSIDE | defined]
        problems += [f'{path}: {name} is writable data' for kind, name in entries if kind in WRITABLE]
    print('\n'.join(problems + [f'symbols: {len(table)} objects, {len(defined)} names, {len(problems)} problems']))
    return 1 if problems or not defined else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
