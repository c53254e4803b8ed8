#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Small volumes with Windows NT on them, in all the states that the loader must tell apart, for the tests in C.

Owns which volumes there are; how a volume, a hive and a record look is known by images/, which shares nothing with the
loader. Each is one half of the mirror that ntpair.h describes. What the tests expect of them is written in the tests.

    python3 tests/rig/ntdisks.py DIR
"""
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'images'))
import disks  # noqa: E402
import ftinfo  # noqa: E402
import nt  # noqa: E402
import ntfs12  # noqa: E402
import regf  # noqa: E402

SECTORS = 5000  # of a volume; ntpair.h says the same of these and the place of a half
START_BYTES = 63 * disks.SECTOR
SIGNATURES = (0xAAAA0001, 0xBBBB0002)
CONFIG = 'WINNT/SYSTEM32/CONFIG/'
DRIVERS = 'WINNT/SYSTEM32/DRIVERS/'
DAY = 24 * 3600 * 10**7
ORPHANED, REGENERATING, INITIALIZING = ftinfo.ORPHANED, ftinfo.REGENERATING, ftinfo.INITIALIZING
# NT ran on after the last moment the halves were the same
LATER = {'sequence': 40, 'written': regf.WRITTEN + 3 * DAY}
SOONER = {'sequence': 30, 'written': regf.WRITTEN + 2 * DAY}


def make_small():
    """Files only as large as a test needs: two pieces of the kernel, a few sectors of all others."""
    program, filler = nt.program, nt.filler
    nt.program = lambda name, imports, version, build, count: program(name, imports, version, build,
                                                                      36000 if name == 'NTOSKRNL.EXE' else 1800)
    nt.filler = lambda name, count: filler(name, count if count < 40000 else 1500)


def information(states=(0, 0), signatures=SIGNATURES, **options):
    return ftinfo.mirror([(signature, START_BYTES, SECTORS * disks.SECTOR) for signature in signatures], states,
                         **options)


def installation(states=(0, 0), **options):
    options.setdefault('information', information(states))
    return nt.files(**options)


def broken(hive):
    """A hive whose base block does not fit its checksum."""
    return hive[:100] + bytes((hive[100] ^ 1,)) + hive[101:]


def in_place(hive, before, after):
    """The hive with a value's data replaced by shorter ones: the rest of the cell stays, the value's cell says less."""
    at = hive.index(before)
    value = hive.index(struct.pack('<II', len(before), at - 4 - regf.BLOCK)) - 4  # vk: magic, bytes of the name
    assert hive.count(before) == 1 and hive[value:value + 2] == b'vk' and len(after) < len(before)
    hive = hive[:at] + after + hive[at + len(after):]
    return hive[:value + 4] + struct.pack('<I', len(after)) + hive[value + 8:]


def record(states=None, more=0):
    """The record of a mirror whose halves have these states; None: after it was broken in favour of the shadow, so that
    there are two ordinary healthy partitions, the letter is the shadow's, and the list of sets is empty. Each disk has
    `more` partitions behind its half."""
    length, is_set = SECTORS * disks.SECTOR, states is not None
    kind = ftinfo.MIRROR if is_set else ftinfo.NOT_A_MEMBER
    more_of_them = [ftinfo.Partition(START_BYTES + length + (at << 20), 1 << 20, letter=chr(ord('F') + at))
                    for at in range(more)]
    halves = [ftinfo.Partition(START_BYTES, length, kind, state, letter, 1, 0, member, 1, length)
              for member, (state, letter) in enumerate(zip(states or (0, 0), ('C', '') if is_set else ('', 'C')))]
    sets = []
    if is_set:
        state = ftinfo.SET_HAS_ORPHAN if ORPHANED in states else ftinfo.SET_OK
        sets = [ftinfo.Set([(0, 0, states[0]), (1, 0, states[1])], state=state)]
    return ftinfo.encode([ftinfo.Disk(signature, [half] + more_of_them)
                          for signature, half in zip(SIGNATURES, halves)], sets)


def after_break(before, more=0, **options):
    """An installation with this record, and what breaking the mirror leaves of it."""
    files, after = installation(information=before, **options), record(more=more)
    return {**files, **{CONFIG + name: in_place(files[CONFIG + name], before, after)
                        for name in ('SYSTEM', 'SYSTEM.ALT')}}


def to_break():
    """Each installation that a mirror is broken around, and as it shall be then: with a record in one sector, and with
    one that spreads over several; and promoted, where it starts from the second partition of its disk."""
    spread = record((ORPHANED, 0), more=12)
    broken_one = after_break(information((ORPHANED, 0)), **LATER)
    return {
        'broken': after_break(information()),
        'orphaned-broken': broken_one,
        'orphaned-promoted': {**broken_one, 'BOOT.INI': nt.boot_ini(partition=2, version='4.0')},
        'spread': installation(information=spread, **LATER),
        'spread-broken': after_break(spread, more=12, **LATER),
        'contrary-broken': after_break(information(), sequence=5, written=regf.WRITTEN + DAY),
    }


def with_registry(system, alternate, log=bytes(1024)):
    return {**installation(), CONFIG + 'SYSTEM': system, CONFIG + 'SYSTEM.ALT': alternate, CONFIG + 'SYSTEM.LOG': log}


def unclean():
    """A write that was cut off, and nothing that tells how it would have ended."""
    return regf.system_hive(information(), sequence=(8, 7))


def interrupted(alternate):
    """The power went while NT wrote down that the primary is orphaned; the log is complete."""
    before = regf.system_hive(information(), sequence=(7, 7))
    after = regf.system_hive(information((ORPHANED, 0)), sequence=(9, 9))
    hive, log = regf.interrupted(before, after, 0)
    return with_registry(hive, alternate(before), log)


def two_installations(first, second):
    """One of them knows nothing of the orphan."""
    other = installation(second, directory='WINNT.2', with_loader=False, **LATER)
    return {**installation(first, **LATER), **other}


def services():
    """Everything an ImagePath may be, and services that NTLDR does not load."""
    more = {
        'Aaa': regf.service(0, path='\\SystemRoot\\System32\\Drivers\\aaa.sys', group='Base'),
        'Bbb': regf.service(0, 2, path='%SystemRoot%\\odd\\bbb.sys'),
        'Ccc': regf.service(0, 16, path='System32\\ccc.exe'),  # a program
        'Ddd': regf.service(2, path='System32\\ddd.sys'),      # started later
        'Eee': {'Type': regf.dword(1)},                        # without Start
        'Fff': {**regf.service(0), 'ImagePath': regf.dword(7)},
        'Ggg': {**regf.service(0), 'ImagePath': regf.sz('')},
    }
    tree = regf.system_tree(information(), more_services=more, codepage=850)
    tree['Select'].update(Current=regf.dword(1), Default=regf.dword(2))
    tree['ControlSet001'] = {}
    return tree


def with_tree(tree):
    hive = regf.build(tree)
    return with_registry(hive, hive)


def without_default():
    tree = regf.system_tree(information())
    del tree['Select']['Default'], tree['ControlSet002'], tree['ControlSet001']['Control']
    return tree


def boot_ini(path):
    return {**installation(), 'BOOT.INI': ('[boot loader]\r\ndefault=%s\r\n[operating systems]\r\n%s="NT"\r\n' %
                                           (path, path)).encode()}


def other_kernel(options, *left_out):
    """BOOT.INI names another kernel and HAL; the description, which does so too, is only text."""
    path = 'multi(0)disk(0)rdisk(0)partition(1)\\WINNT'
    lines = ['[boot loader]', 'default=' + path.upper(), '[operating systems]', '%s="NT /KERNEL=text" %s' % (path, options), '']
    files = {**installation(), 'BOOT.INI': '\r\n'.join(lines).encode()}
    for name, new in (('NTOSKRNL.EXE', 'NTKRNLMP.EXE'), ('HAL.DLL', 'HALMPS.DLL')):
        files['WINNT/SYSTEM32/' + new] = files['WINNT/SYSTEM32/' + name]
    return {path: data for path, data in files.items() if path.rpartition('/')[2] not in left_out}


def without(name):
    return {path: data for path, data in installation().items() if path != name}


def fat_volumes():
    system = regf.system_hive(information())
    lies = bytearray(information())
    struct.pack_into('<I', lies, 0x10, 60000)  # more disks than the value has bytes
    return {
        'healthy': installation(),
        'orphaned': installation((ORPHANED, 0), **LATER),
        'other-orphaned': installation((0, ORPHANED), **SOONER),
        **to_break(),
        'newer': installation(**LATER),
        'contrary': installation(sequence=5, written=regf.WRITTEN + DAY),
        'initializing': installation((0, INITIALIZING)),
        'regenerating': installation((REGENERATING, 0)),
        'initializing-set': installation(information=information(set_state=ftinfo.SET_INITIALIZING)),
        'unrecorded': installation(information=None),
        'other-disks': installation(information=information(signatures=(0x11111111, 0x22222222))),
        'version-4': installation(information=b'\4' + information()[1:]),
        'lying-record': installation(information=bytes(lies)),
        'damaged': with_registry(broken(system), broken(system)),
        'empty': with_registry(b'', b''),
        'cut-off': with_registry(system[:5000], system[:5000]),
        'bad-alternate': with_registry(system, broken(system)),
        'alternate': with_registry(broken(system), regf.system_hive(information((ORPHANED, 0)))),
        'empty-alternate': with_registry(b'', system),
        'unclean': with_registry(unclean(), broken(system)),
        'unclean-alternate': with_registry(unclean(), regf.system_hive(information((ORPHANED, 0)))),
        'log': interrupted(broken),
        'log-alternate': interrupted(lambda before: before),
        'two': two_installations((0, 0), (ORPHANED, 0)),
        'two-reversed': two_installations((ORPHANED, 0), (0, 0)),
        'windows-2000': installation(information=None, version='5.0'),
        'deep': installation(directory='OS/NT4'),
        'deep-without-boot-ini': installation((ORPHANED, 0), directory='OS/NT4', with_loader=False),
        'boot-ini-alone': {'BOOT.INI': nt.boot_ini('OS\\NT4', 2)},
        'far': {**installation(), 'OFILL.BIN': bytes(1 << 20)},  # mcopy goes by name
        'far-ntldr': {**installation(directory='AWINNT'), 'FILL.BIN': bytes(1 << 20)},
        'far-2000': {**installation(information=None, version='5.0'), 'FILL.BIN': bytes(1 << 20)},
        'far-new-ntldr': {**installation(), 'NTLDR': nt.ntldr('5.0', 9000), 'OFILL.BIN': bytes(1 << 20)},
        '2000-old-ntldr': {**installation(information=None, version='5.0'), 'NTLDR': nt.ntldr('4.0', 9000)},
        'kernel': other_kernel('/fastdetect /kernel=NTKRNLMP.EXE /HAL=HALMPS.DLL', 'HAL.DLL'),
        'kernel-lost': other_kernel('/KERNEL=NTKRNLMP.EXE/HAL=HALMPS.DLL', 'NTKRNLMP.EXE', 'HALMPS.DLL'),
        'kernel-long': other_kernel('/KERNEL=NTKRNLMP_LONG.EXE', 'NTKRNLMP.EXE'),
        'hal-long': other_kernel('/HAL=HALMPSLONG.DLL', 'HAL.DLL'),
        'no-nt': {'README.TXT': b'nothing of Windows here\r\n'},
        'services': with_tree(services()),
        'no-default': with_tree(without_default()),
        'scsi': boot_ini('scsi(0)disk(1)rdisk(0)partition(1)\\WINNT'),
        'other-half': boot_ini('signature(bbbb0002)disk(0)rdisk(0)partition(1)\\WINNT'),
        'own-signature': boot_ini('signature(aaaa0001)disk(0)rdisk(0)partition(1)\\WINNT'),
        'no-partition': boot_ini('multi(0)disk(0)rdisk(0)partition(2)\\WINNT'),
        'no-disk': boot_ini('multi(0)disk(0)rdisk(3)partition(1)\\WINNT'),
        'no-path': boot_ini('C:\\'),
        'no-boot-ini': without('BOOT.INI'),
        'no-ntldr': without('NTLDR'),
        'no-driver': without(DRIVERS + 'atapi.sys'),
        'no-import': without(DRIVERS + 'CLASS2.SYS'),
        'no-hal': without('WINNT/SYSTEM32/HAL.DLL'),
        'not-a-program': {**installation(), DRIVERS + 'Disk.sys': nt.filler('Disk.sys', 1800)},
        'kernel-is-folder': {'WINNT/SYSTEM32/NTOSKRNL.EXE/README.TXT': b'x'},
    }


def ntfs_volumes():
    return {
        'healthy': (installation(), {'lsn': 1000}),
        'orphaned': (installation((ORPHANED, 0), **LATER), {'lsn': 2000}),
        **{name: (files, {'lsn': 1000 if name == 'broken' else 2000}) for name, files in to_break().items()},
        'contrary': (installation(sequence=5, written=regf.WRITTEN + DAY), {'lsn': 2000}),
        'log-only': (installation(), {'lsn': 2000}),
        'dirty': (installation(), {'lsn': 1000, 'flags': 1}),
        'log-open': (installation(), {'lsn': 1000, 'clean': False}),
        'no-nt': ({'README.TXT': b'nothing of Windows here\r\n'}, {'lsn': 1000}),
        'no-nt-newer': ({'README.TXT': b'nothing of Windows here\r\n'}, {'lsn': 1001}),
    }


def make_fat(path, files):
    disks.new_image(path, SECTORS * disks.SECTOR)
    disks.run('mkfs.fat', '-F', '16', '-s', '1', '--invariant', '-n', 'MIRROR', '-h', '63', path)
    disks.put_files(path, 'fat16', files)


def main():
    directory = pathlib.Path(sys.argv[1])
    make_small()
    for name, files in fat_volumes().items():
        make_fat(directory / ('fat-%s.img' % name), files)
    for name, (files, options) in ntfs_volumes().items():
        path = directory / ('ntfs-%s.img' % name)
        disks.new_image(path, 0)
        ntfs12.make(path, SECTORS, files, hidden=63, log_bytes=65536, **options)


if __name__ == '__main__':
    main()
