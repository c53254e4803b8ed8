#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual's table of what break=auto does is the one that test_auto_break enumerates: this reads both, and knows
neither's contents."""
import itertools
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEADING = "| verdict | kept half: good | other half | `break=auto` | with `--retire` |"
# The order of test_auto_break's enum kind, in the manual's words.
KINDS = ('absent', 'dead', 'failing', 'foreign', 'foreign', 'stale', 'rebuilding', 'good')
ROLES = ('primary', 'shadow')
NOTHING = 'nothing is written'


def of_the_manual():
    """[cells] of each row of the table."""
    lines = (ROOT / 'README.md').read_text().splitlines()
    rows = itertools.takewhile(lambda line: line.startswith('|'), lines[lines.index(HEADING) + 2:])
    return [[cell.strip() for cell in row.strip('|').split('|')] for row in rows]


def letter(kept, retires):
    """In the letters of test_auto_break: whose mirror half is kept, a capital where the other one is retired."""
    found = ROLES[kept][0]
    return found.upper() if retires else found


def grid(rows):
    """What the manual says of two halves: [primary's kind][shadow's kind]. Rows that name no state of the table above it
    are about two good halves, which the C test enumerates by themselves."""
    found = [['.'] * len(KINDS) for _ in KINDS]
    for _, kept, other, breaks, retires in rows:
        for role, kind in itertools.product(range(2), range(len(KINDS))):
            if breaks == NOTHING or ROLES[role] not in kept.split() or KINDS[kind] not in re.split(r',? ', other):
                continue
            place = (KINDS.index('good'), kind) if role == 0 else (kind, KINDS.index('good'))
            found[place[0]][place[1]] = letter(role, bool(retires))
    return [''.join(row) for row in found]


class TheTable(unittest.TestCase):
    def test_the_manual_says_what_is_enumerated(self):
        source = (ROOT / 'tests/unit/test_auto_break.c').read_text()
        body = re.search(r'static const char table\[KINDS\]\[KINDS \+ 1\] = \{(.*?)\};', source, re.S)[1]
        self.assertEqual(grid(of_the_manual()), re.findall(r'"([^"]*)"', body))

    def test_every_verdict_is_in_it(self):
        text = (ROOT / 'loader/mirror/decide.c').read_text()
        names = re.search(r'set_state_name.*?\{(.*?)\}', text, re.S)[1]
        verdicts = {word for row in of_the_manual() for word in row[0].split(', ')}
        self.assertEqual(verdicts, set(re.findall(r'"(\w+)"', names)))


if __name__ == '__main__':
    unittest.main()
