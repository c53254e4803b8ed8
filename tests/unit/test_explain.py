#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mkbootdisk explain`: every id there is can be looked up, and an id there is not is told from its neighbours.

Needs the host tool at $MKB_BUILD/mkbootdisk."""
import json
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get('MKB_BUILD', ROOT / 'build')).resolve() / 'mkbootdisk'
SITES = dict(re.findall(r'^SITE\(\w+, "(\w+)", "(.*)"\)$',
                        (ROOT / 'loader/base/sites.def').read_text(), re.MULTILINE))
# How many failure ids each letter has; they are an interface and none may get lost.
FAILURES = {'A': 22, 'B': 13, 'C': 15, 'D': 17, 'E': 12, 'F': 6, 'G': 8, 'H': 5, 'I': 5}
IDS = ['%s%02d' % (letter, n + 1) for letter, count in FAILURES.items() for n in range(count)]


def explain(*words):
    return subprocess.run([TOOL, 'explain', *words], check=False, capture_output=True, text=True)


class Explain(unittest.TestCase):
    def test_list_has_every_id_once(self):
        result = explain('--json')
        self.assertEqual(result.returncode, 0, result.stderr)
        entries = json.loads(result.stdout)['ids']
        self.assertEqual([entry['id'] for entry in entries if entry['kind'] == 'site'],
                         sorted(SITES, key=lambda code: (code[0], int(code[1:]))))
        self.assertEqual([entry['id'] for entry in entries if entry['kind'] == 'failure'], IDS)

    def test_every_entry_says_something(self):
        for entry in json.loads(explain('--json').stdout)['ids']:
            for key in ('text',) if entry['kind'] == 'site' else ('symptom', 'cause', 'next'):
                with self.subTest(id=entry['id'], key=key):
                    self.assertRegex(entry[key], r'^\S.*\S$')
                    self.assertNotIn('  ', entry[key])

    def test_plain_list(self):
        result = explain()
        self.assertEqual(result.returncode, 0)
        for name in [*SITES, *IDS]:
            self.assertRegex(result.stdout, r'(?m)^%s ' % name)
        self.assertLessEqual(max(map(len, result.stdout.splitlines())), 100)
        self.assertNotRegex(result.stdout, r'(?m) $')

    def test_site(self):
        for name in ('M1', 'm1'):
            result = explain(name)
            self.assertEqual(result.returncode, 0)
            self.assertIn(SITES['M1'][:40], result.stdout)

    def test_failure(self):
        for name in ('D04', 'd04'):
            result = explain(name)
            self.assertEqual(result.returncode, 0)
            self.assertIn('FTDISK_INTERNAL_ERROR', result.stdout)
            self.assertIn('Q128630', result.stdout)
            self.assertRegex(result.stdout, r'(?m)^Next ')

    def test_json_of_one(self):
        self.assertEqual(json.loads(explain('--json', 'r1').stdout), {'id': 'R1', 'kind': 'site', 'text': SITES['R1']})
        self.assertEqual(set(json.loads(explain('A01', '--json').stdout)),
                         {'id', 'kind', 'symptom', 'cause', 'next'})

    def test_no_site_looks_like_a_failure(self):
        self.assertEqual([code for code in SITES if code[0] in 'ABCDEFGHI'], [])

    def test_unknown(self):
        for name, suggestion in (('A3', 'A03'), ('r01', 'R1'), ('A99', 'A22'), ('Q128630', 'explain'),
                                 ('', 'explain'), ('B', 'B13'), ('%s%n', 'explain')):
            with self.subTest(id=name):
                result = explain(name)
                self.assertEqual((result.returncode, result.stdout), (2, ''))
                self.assertIn(suggestion, result.stderr)

    def test_usage(self):
        self.assertEqual(explain('A01', 'A02').returncode, 2)
        self.assertEqual(explain('--nonsense').returncode, 2)
        result = explain('--help')
        self.assertEqual(result.returncode, 0)
        self.assertIn('usage: mkbootdisk explain', result.stdout)


if __name__ == '__main__':
    unittest.main()
