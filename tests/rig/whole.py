# SPDX-License-Identifier: MIT
"""What those who made them say of a volume and of a registry that a power cut may have left: they are whole.

Owns the one exception: while the boot sector of an NTFS volume and its copy in the last sector are being mended, they
differ, which no order of writes avoids, and ntfsfix says so. Then it must say that alone; nothing that starts reads the
copy.
"""
import base64
import os
import re
import subprocess
import xml.etree.ElementTree

SECTOR = 512
HALF_MENDED = (r'MFTMirr completed successfully\.\nChecking the alternate boot sector\.\.\. BAD\n'
               r'Error: Failed to fix the alternate boot sector\s*$')


def run(*command):
    """What a tool says; it must be content with what it is given."""
    done = subprocess.run([str(word) for word in command], capture_output=True,
                          env={**os.environ, 'PATH': os.environ['PATH'] + ':/usr/sbin:/sbin', 'MTOOLS_SKIP_CHECK': '1'})
    if done.returncode:
        raise AssertionError('%s: %d\n%s' % (' '.join(map(str, command)), done.returncode,
                                             (done.stdout + done.stderr).decode('utf-8', 'replace')))
    return done.stdout


def is_half_mended(volume):
    with open(volume, 'rb') as file:
        first = file.read(SECTOR)
        file.seek(-SECTOR, os.SEEK_END)
        return first != file.read(SECTOR)


def check_volume(volume, is_fat):
    if is_fat:
        run('fsck.fat', '-n', volume)
    elif not is_half_mended(volume):
        run('ntfsfix', '-n', volume)
    else:
        done = subprocess.run(['ntfsfix', '-n', volume], capture_output=True, text=True)
        if not done.returncode or not re.search(HALF_MENDED, done.stdout + done.stderr):
            raise AssertionError('ntfsfix of %s, whose boot sectors differ: %s' % (volume, done.stdout + done.stderr))


def read_file(volume, is_fat, name):
    return run('mtype', '-i', volume, '::' + name) if is_fat else run('ntfscat', volume, name)


def check_hive(hive):
    """Every key and value of it can be read, and there are as many as there should be."""
    tree = xml.etree.ElementTree.fromstring(run('hivexml', hive))
    value = tree.find(".//node[@name='DISK']/value[@key='Information']")
    if value is None or base64.b64decode(value.get('value'))[:1] != b'\3' or len(tree.findall('.//value')) < 20:
        raise AssertionError('%s: the registry is not what it was' % hive)
