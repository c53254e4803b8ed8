#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An installation of Windows NT as far as a start needs it, made of nothing of Microsoft's: every file NTLDR reads is
there by name and form (drivers are PE files with imports, the registry is a real hive), and none of them runs.

Owns which files those are; disks.py puts them on a volume. Files that run nothing cannot start a machine: what boots in
the lab is the payload in the volume's boot sector.

    files = nt.files(information=ftinfo.mirror(...))     # {'NTLDR': ..., 'WINNT/SYSTEM32/HAL.DLL': ..., ...}
"""
import struct

import regf

NTLDR_BYTES = 156496
NTDETECT_BYTES = 26816
BOOT_INI = """[boot loader]\r
timeout=30\r
default=multi(0)disk(0)rdisk(0)partition({partition})\\{directory}\r
[operating systems]\r
multi(0)disk(0)rdisk(0)partition({partition})\\{directory}="Windows NT Server Version {version}"\r
multi(0)disk(0)rdisk(0)partition({partition})\\{directory}="Windows NT Server Version {version} [VGA mode]" /basevideo /sos\r
"""


def filler(name, count):
    """Bytes that name their file and place, so that a wrong cluster shows."""
    return b''.join(('%-12s%08x\n' % (name[-12:], at)).encode() for at in range(0, count, 21))[:count]


def version_resource(version, build):
    """VS_FIXEDFILEINFO of the public SDK: signature, structure version, file version."""
    major, minor = (int(part) for part in version.split('.'))
    return struct.pack('<IIHHHH', 0xFEEF04BD, 0x10000, minor, major, 1, int(build))


def program(name, imports=(), version='4.0', build='1381', count=20000, machine=0x14C):
    """A PE file for the native subsystem with a table of imports: headers of 200h bytes, one section at RVA 1000h."""
    at = 20 * (len(imports) + 1)
    table, names = b'', b''
    for dll in imports:
        table += struct.pack('<IIIII', 0, 0, 0, 0x1000 + at + len(names), 0x1000)
        names += dll.encode() + b'\0'
    section = table + bytes(20) + names
    section += bytes(-len(section) % 16) + version_resource(version, build)
    section += filler(name, max(16, count - 0x200 - len(section)))
    section += bytes(-len(section) % 0x200)
    directories = struct.pack('<IIII', 0, 0, 0x1000 if imports else 0, at if imports else 0) + bytes(8 * 14)
    optional = struct.pack('<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII', 0x10B, 3, 10, len(section), 0, 0, 0x1000, 0x1000, 0x1000,
                           0x10000, 0x1000, 0x200, 4, 0, 4, 0, 4, 0, 0, 0x1000 + len(section), 0x200, 0, 1, 0,
                           0x40000, 0x1000, 0x100000, 0x1000, 0, 16) + directories
    header = b'MZ' + bytes(58) + struct.pack('<I', 0x80)
    header += bytes(0x80 - len(header)) + b'PE\0\0'
    header += struct.pack('<HHIIIHH', machine, 1, 0, 0, 0, len(optional), 0x10E) + optional
    header += b'.text\0\0\0' + struct.pack('<IIIIIIHHI', len(section), 0x1000, len(section), 0x200, 0, 0, 0, 0, 0x60000020)
    return header + bytes(0x200 - len(header)) + section


def ntldr(version='4.0', count=NTLDR_BYTES):
    """A file that calls itself NTLDR the way the real one does."""
    banner = b'\xE9\xD5\x01\xEB\x04\x90' + b'OS Loader V%s\0' % version.ljust(4, '0').encode() + b'NTDETECT\0NTLDR is corrupt\0'
    return banner + filler('NTLDR', count - len(banner))


def boot_ini(directory='WINNT', partition=1, version='4.00'):
    return BOOT_INI.format(directory=directory, partition=partition, version=version).encode()


def registry(information=None, version='4.0', sequence=7, written=regf.WRITTEN, clean=True, **system):
    """The files of SYSTEM32\\CONFIG. `sequence` and `written` date the SYSTEM hive."""
    numbers = (sequence, sequence if clean else sequence - 1)
    if version >= '5':
        system.setdefault('mounted', {})
    hive = regf.system_hive(information, sequence=numbers, written=written, **system)
    alternate = regf.system_hive(information, sequence=(sequence, sequence), written=written, **system)
    build, csd, product = {'3.51': ('1057', 'Service Pack 5', None), '4.0': ('1381', 'Service Pack 6', None),
                           '5.0': ('2195', 'Service Pack 4', 'Microsoft Windows 2000')}[version]
    return {'SYSTEM': hive, 'SYSTEM.ALT': alternate, 'SYSTEM.LOG': bytes(1024),
            'SOFTWARE': regf.software_hive(version=version, build_number=build, csd=csd, product=product),
            'SOFTWARE.LOG': bytes(1024)}


def system32(version='4.0'):
    build = {'3.51': '1057', '4.0': '1381', '5.0': '2195'}[version]
    kernel = ['HAL.DLL', 'BOOTVID.DLL'] if version >= '5' else ['HAL.DLL']
    made = lambda name, imports, count: program(name, imports, version, build, count)
    files = {'NTOSKRNL.EXE': made('NTOSKRNL.EXE', kernel, 930000), 'HAL.DLL': made('HAL.DLL', ['NTOSKRNL.EXE'], 53000),
             'c_1252.nls': filler('c_1252.nls', 66082), 'c_437.nls': filler('c_437.nls', 66594),
             'l_intl.nls': filler('l_intl.nls', 7046)}
    if version >= '5':
        files['BOOTVID.DLL'] = made('BOOTVID.DLL', ['NTOSKRNL.EXE', 'HAL.DLL'], 12000)
    drivers = {'atapi.sys': ['SCSIPORT.SYS', 'NTOSKRNL.EXE'], 'SCSIPORT.SYS': ['NTOSKRNL.EXE', 'HAL.DLL'],
               'Disk.sys': ['NTOSKRNL.EXE', 'CLASS2.SYS'], 'CLASS2.SYS': ['NTOSKRNL.EXE'],
               'Ftdisk.sys': ['NTOSKRNL.EXE'], 'Fastfat.sys': ['NTOSKRNL.EXE', 'HAL.DLL'],
               'Ntfs.sys': ['NTOSKRNL.EXE', 'HAL.DLL']}
    files.update({'DRIVERS/' + name: made(name, imports, 34000) for name, imports in drivers.items()})
    return files


def files(information=None, version='4.0', directory='WINNT', partition=1, with_loader=True, **options):
    """All files of the volume, by path. The other options are those of registry()."""
    made = {f'{directory}/SYSTEM32/{name}': data for name, data in system32(version).items()}
    made.update({f'{directory}/SYSTEM32/CONFIG/{name}': data
                 for name, data in registry(information, version, **options).items()})
    if with_loader:
        made.update({'NTLDR': ntldr(version), 'NTDETECT.COM': filler('NTDETECT.COM', NTDETECT_BYTES),
                     'BOOT.INI': boot_ini(directory.replace('/', '\\'), partition, version)})
    return made
