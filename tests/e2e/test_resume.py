# SPDX-License-Identifier: MIT
"""The power goes while the host tool breaks, promotes and retires, with its undo on the boot disk: the loader goes on
from there, either way, and the survivor starts.

Owns that what one of the two left half done is at home in the other. Cuts of each by itself are tests/cli's and
test_writelog.py's.
"""
import os
import pathlib
import subprocess
import unittest

from qemu import recipes
from test_boot import TOOL, changed_sectors, choose, mkbootdisk, replay, scratch
from test_repair import START, Case, Stale

CUT = pathlib.Path(__file__).resolve().parent.parent / 'cli' / 'cut.c'


class CutOnTheHost(Case):
    @classmethod
    def setUpClass(cls):
        cls.library = scratch('cut.so')
        recipes.run('cc', '-shared', '-fPIC', '-O1', '-o', cls.library, CUT, '-ldl')

    def cut(self, bench, how, number):
        done = subprocess.run([TOOL, 'break', *bench.EVERYTHING, '--write', '--bootdisk', bench.floppy, bench.a, bench.b],
                              env={**os.environ, 'LD_PRELOAD': str(self.library), 'CUT_HOW': how,
                                   'CUT_AT': str(number)}, capture_output=True)
        self.assertEqual(done.returncode, 137, done.stderr)

    def go_on(self, bench, item):
        def act(machine):
            replay(machine, item)
            choose(machine, START)
        self.check_shadow(bench, bench.start(None, act=act))

    def test_the_loader_finishes_or_undoes(self):
        for fs in ('fat16', 'ntfs'):
            at_once = Stale(fs=fs)
            count = len(at_once.plan())
            first = 3 * count + 2  # behind the records and the journal's mark
            mkbootdisk('break', *at_once.EVERYTHING, '--write', '--undo-file', scratch('undo'), at_once.a, at_once.b)
            for how, number in (('after', first), ('torn', first + 1), ('after', first + count - 1)):
                with self.subTest(fs, how=how, write=number, do='undo'):
                    bench = Stale(fs=fs)
                    self.cut(bench, how, number)
                    self.assertNotEqual(changed_sectors(bench.pair.b.path, bench.b), [])
                    self.go_on(bench, 'Undo the interrupted change')
                    self.check_untouched(bench)
                with self.subTest(fs, how=how, write=number, do='finish'):
                    bench = Stale(fs=fs)
                    self.cut(bench, how, number)
                    self.go_on(bench, 'Finish the interrupted change')
                    self.assertEqual(changed_sectors(at_once.a, bench.a), [])
                    self.assertEqual(changed_sectors(at_once.b, bench.b), [])


if __name__ == '__main__':
    unittest.main()
