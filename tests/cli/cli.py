# SPDX-License-Identifier: MIT
"""What the command-line tests share: running the tool, pairs of disks, and the proof that nothing was changed.

Owns the scratch folder of a test (removed at its end), in which every input, output and temporary file lies, and the
snapshot of that folder. The tool is $MKB_BUILD/mkbootdisk (default: build), copied first.
Pairs are made once per recipe and copied.
"""
import atexit
import functools
import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
for folder in (ROOT / 'images', ROOT / 'tests' / 'e2e', ROOT / 'tests' / 'rig'):
    sys.path.insert(0, str(folder))
import defects  # noqa: E402
import disks  # noqa: E402
import nt  # noqa: E402

BUILD = pathlib.Path(os.environ.get('MKB_BUILD', ROOT / 'build')).resolve()
DONE, FOUND, USAGE, IO, REFUSED = range(5)
NOBODY = 65534
SMALL = dict(fs='none', size_mib=8)
SECTOR = disks.SECTOR
WINDOW = 65536
ZEROS = bytes(WINDOW)

# A message that ends without telling what to do is no help on the day it is needed.
NEXT_STEP = re.compile(r'--[a-z]|\b(name|is this|give|choose|copy|copied|build|make|set|use|say|see|install|unmount|'
                       r'leave|insert|try|check|explain|expand|another|again|undo|move|takes|needs|instead|close|'
                       r'free|break|retire|first)\b', re.I)

for maker in ('system32', 'ntldr'):  # always the same bytes, and they take their time
    setattr(nt, maker, functools.lru_cache(getattr(nt, maker)))

_cache = {}
_store = tempfile.TemporaryDirectory(prefix='mkb-cli-store-')
atexit.register(_store.cleanup)
os.chmod(_store.name, 0o755)
TOOL = pathlib.Path(shutil.copy(BUILD / 'mkbootdisk', _store.name))  # where others may run it, and no build replaces it


@functools.lru_cache(None)
def cut_library():
    """The library cut.c, to be preloaded: writes and reads that fail."""
    path = os.path.join(_store.name, 'cut.so')
    subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', path,
                    HERE / 'cut.c', '-ldl'], check=True)
    return path


def recipe_pair(**recipe):
    """A pair that nobody writes to."""
    key = repr(sorted(recipe.items()))
    if key not in _cache:
        _cache[key] = disks.make_pair(pathlib.Path(_store.name, str(len(_cache))), **recipe)
    return _cache[key]


def digest(path):
    """Of a file's data and size; holes are skipped, so that large sparse images cost nothing."""
    found = hashlib.sha1(str(os.path.getsize(path)).encode())
    if not os.access(path, os.R_OK):  # taken away on purpose, and this is not root: what can be seen must do
        return str((os.path.getsize(path), os.stat(path).st_mtime_ns))
    with open(path, 'rb') as file:
        spots = {n for at, size in disks.data_ranges(file.fileno(), 0, os.path.getsize(path))
                 for n in range(at // WINDOW, -(-(at + size) // WINDOW))}
        for n in sorted(spots):
            block = os.pread(file.fileno(), WINDOW, n * WINDOW)
            if block != ZEROS[:len(block)]:
                found.update(b'%d:' % n + block)
    return found.hexdigest()


def snapshot(folder):
    """Every path below a folder, with its mode and contents."""
    found = {}
    for base, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(base, name)
            mode = os.lstat(path).st_mode
            content = digest(path) if stat.S_ISREG(mode) else os.readlink(path) if stat.S_ISLNK(mode) else ''
            found[os.path.relpath(path, folder)] = (oct(mode), content)
    return found


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = (done.stdout or b'').decode('utf-8', 'replace')
        self.err = (done.stderr or b'').decode('utf-8', 'replace')

    def __str__(self):
        return 'exit %d\n--- stdout\n%s--- stderr\n%s' % (self.code, self.out, self.err)


class CliCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mkb-cli-')
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.dir.chmod(0o755)
        for name in ('tmp', 'cwd'):
            (self.dir / name).mkdir()
            (self.dir / name).chmod(0o777)

    def env(self, **extra):
        keep = {name: os.environ[name] for name in ('PATH', 'HOME', 'ASAN_OPTIONS') if name in os.environ}
        env = {**keep, 'TMPDIR': str(self.dir / 'tmp'), 'LC_ALL': 'C', **extra}
        return {name: value for name, value in env.items() if value is not None}

    def run_tool(self, *arguments, env=None, cwd=None, tool=TOOL, **options):
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('timeout', 60)
        options.setdefault('stdout', subprocess.PIPE)
        options.setdefault('stderr', subprocess.PIPE)
        return Result(subprocess.run([str(tool)] + [str(word) for word in arguments], env=self.env(**(env or {})),
                                     cwd=cwd or self.dir / 'cwd', **options))

    def must(self, code, *arguments, **options):
        """Run it; the exit code must be this one."""
        result = self.run_tool(*arguments, **options)
        self.assertEqual(result.code, code, '%s\n%s' % (' '.join(map(str, arguments)), result))
        return result

    def unchanged(self, code, *arguments, **options):
        """... and nothing may have changed anywhere."""
        before = snapshot(self.dir)
        result = self.must(code, *arguments, **options)
        self.assertEqual(before, snapshot(self.dir), str(result))
        return result

    def complains(self, code, says, *arguments, **options):
        """... and each regex of `says` must be in the message, which must tell a next step."""
        result = self.unchanged(code, *arguments, **options)
        for pattern in [says] if isinstance(says, str) else says:
            self.assertRegex(result.err, pattern, str(result))
        self.assertRegex(result.err, r'(?m)^mkbootdisk: ', str(result))
        text = re.sub(r'\S*/\S*', '', result.err)  # paths must not count as words
        if not NEXT_STEP.search(text.replace('mkbootdisk: ', '')):
            self.fail('no next step in: ' + result.err)
        return result

    def pair(self, into='', **recipe):
        """A pair of one's own."""
        made = recipe_pair(**(recipe or SMALL))
        folder = self.dir / into
        folder.mkdir(exist_ok=True)
        for disk in made:
            disks.copy_sparse(disk, folder / disk.name)
            (folder / disk.name).chmod(0o666)
        self.a, self.b = folder / 'a.img', folder / 'b.img'
        return self.a, self.b

    def floppy(self, *options, name='ft.img', pair=None):
        path = self.dir / name
        self.must(DONE, 'build', '-o', path, *options, *(pair or (self.a, self.b)))
        return path

    def write(self, name, content=b''):
        path = self.dir / name
        path.write_bytes(content)
        return path

    def anyone(self):
        """Options that make the tool run without root's rights."""
        return dict(user=NOBODY, group=NOBODY, extra_groups=[]) if os.geteuid() == 0 else {}


def type_byte(image, index=0, table=0):
    return defects.entry(image, index, table)[2]
