#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the cmocka programs given, prints what fails and one line about all of them. Owns no test."""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def run(program):
    """One program: (its name, exit status, tests passed, everything it printed)."""
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300)
    text = done.stdout.decode(errors='replace')
    passed = re.search(r'\[  PASSED  \] (\d+) test', text)
    return os.path.basename(program), done.returncode, int(passed[1]) if passed else 0, text


def main(programs):
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, programs))
    failed = [result for result in results if result[1] != 0 or result[2] == 0]
    for name, status, _, text in failed:
        print(f'--- {name}: exit status {status}\n{text}')
    print(f'unit: {len(results)} programs, {sum(result[2] for result in results)} tests passed, '
          f'{len(failed)} programs failed' + ''.join(f' {result[0]}' for result in failed))
    return 1 if failed or not results else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
