#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our MBR code, on disks that sfdisk partitioned: which boot sector it starts, in which state, and what it says when it
cannot.

Owns those disks. Each of their boot sectors carries its own LBA, which is how it tells that it was the one. The BIOS is
QEMU's or Bochs's, or, by mbr_bios.asm, one of the many that were worse. Takes mbr.bin from $MKB_BUILD (default: build).
"""
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import time
import unittest

import defects
import qemu
import test_bochs
from programs import assemble
from qemu import PATIENCE, PAYLOAD_EXIT, Disk, Machine, recipes

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get('MKB_BUILD', ROOT / 'build')).resolve()
CODE_SIZE, COPY, SECTOR = 440, 0x0600, 512
STARTS = (63, 5040, 20160, 100_000)
SIGNATURE = 0x1A2B3C4D
CYLINDERS = 1024  # what CHS can tell
FOREVER = 0xFF
STATE = ('ss', 'es', 'ds', 'di', 'si', 'bp', 'sp', 'bx', 'dx', 'cx', 'ax', 'ip', 'cs', 'flags', 'low', 'high')
SCRATCH = None


def setUpModule():
    global SCRATCH, CODE, BIOS
    SCRATCH = tempfile.TemporaryDirectory(prefix='mkb-mbr-')
    CODE = (BUILD / 'mbr.bin').read_bytes()
    BIOS = assemble('mbr_bios')


def tearDownModule():
    SCRATCH.cleanup()


def scratch(name):
    return pathlib.Path(SCRATCH.name, name)


def payload(lba, index):
    """A boot sector that tells all by itself: its letter is the entry's, its hidden sectors are its LBA."""
    sector = recipes.payload('ABCD'[index])
    return sector[:0x1C] + struct.pack('<I', lba) + sector[0x20:]


def breakpoint_at(lba, _=0):
    """A boot sector that has mbr_bios.asm tell the registers, and the LBA behind the INT 3."""
    return b'\xCC' + struct.pack('<I', lba) + bytes(505) + b'\x55\xAA'


def disk(active=0, starts=STARTS, sector=payload, name='disk.img', code=None, spare=2048):
    """A disk with a partition at each start, one of them active, and our MBR code."""
    path = scratch(name)
    recipes.new_image(path, (max(starts) + spare) * SECTOR)
    lines = ['label: dos', 'label-id: 0x%08x' % SIGNATURE, 'unit: sectors', 'grain: 512', '']
    lines += ['start=%d, size=1, type=6%s' % (start, ', bootable' if n == active else '')
              for n, start in enumerate(starts)]
    recipes.run('sfdisk', '-q', '--no-reread', '--no-tell-kernel', path, stdin='\n'.join(lines + ['']).encode())
    recipes.write_at(path, 0, code or CODE)
    for n, start in enumerate(starts):
        recipes.write_at(path, start * SECTOR, sector(start, n))
    return path


def table_entry(path, index):
    """The sixteen bytes of a partition entry, in hexadecimal."""
    return recipes.read_at(path, 0)[446 + 16 * index:][:16].hex()


def wrong_chs(path, index, chs):
    defects.put(path, 0, 446 + 16 * index + 1, chs)


def odd_bios(disk=0x80, dl=0x80, cs=0, edd=0, bad=0, status=4, silent=0, geometry=0, heads=0, sectors=0, dirty=0):
    """A floppy with mbr_bios.asm; geometry may be (heads, sectors), and mbr_bios.asm tells the rest."""
    if isinstance(geometry, tuple):
        geometry, heads, sectors = 3, geometry[0] - 1, geometry[1]
    path = scratch('bios.img')
    recipes.new_image(path, 1440 << 10)
    recipes.write_at(path, 0, BIOS)
    recipes.write_at(path, 2, struct.pack('<BBHBBBBBBBB', disk, dl, cs, edd, bad, status, silent, geometry, heads,
                                          sectors, dirty))
    return path


class Case(unittest.TestCase):
    def starts(self, path, index=0, lba=None, fault=None, **machine):
        """Starts the machine from this disk; the payload is that of the entry, and its state right."""
        with Machine([Disk(path, fault)], **machine) as running:
            running.wait_for('^PAYLOAD .*')
            self.assertEqual(running.wait_exit(), PAYLOAD_EXIT)
            said = running.payload()
        expected = dict(tag='ABCD'[index], hidden='%08x' % (lba or STARTS[index]), dl='80', sig80='%08x' % SIGNATURE,
                        cs='0000', ss='0000', sp='7c00', ds='0000', si='%04x' % (COPY + 446 + 16 * index),
                        part=table_entry(path, index))
        self.assertEqual({key: said[key] for key in expected}, expected)
        return said

    def starts_on(self, disks, lba, index=0, dl=0x80, **bios):
        """Starts the disks on an odd BIOS: the boot sector with this LBA runs, its state right. Returns the story."""
        with Machine(disks, floppy=odd_bios(dl=dl, **bios)) as running:
            running.wait_for('=.*')
            self.assertEqual(running.wait_exit(), PAYLOAD_EXIT)
            return self.check_story(running.output, lba, index, 0x80 | dl & 0x0F if 0x80 <= dl < 0x90 else 0x80)

    def check_story(self, output, lba, index, drive):
        story, _, words = output.partition('=')
        said = dict(zip(STATE, (int(word, 16) for word in words.split())))
        entry = COPY + 446 + 16 * index
        self.assertEqual({key: said[key] for key in ('ss', 'es', 'ds', 'cs', 'ip', 'sp', 'si', 'bp')},
                         {'ss': 0, 'es': 0, 'ds': 0, 'cs': 0, 'ip': 0x7C01, 'sp': 0x7C00 - 6, 'si': entry, 'bp': entry})
        self.assertEqual(said['dx'] & 0xFF, drive)
        self.assertEqual(said['flags'] & 0x600, 0x200, 'interrupts on, direction up')
        self.assertEqual(said['low'] | said['high'] << 16, lba)
        return story

    def refuses(self, path, reason, fault=None, **machine):
        """The message comes, and after a key the BIOS goes on to what else there is, which is nothing."""
        with Machine([Disk(path, fault)], **machine) as running:
            self.wait_message(running, reason)
            self.assertFalse(any(re.search('(?i)no bootable', line) for line in running.screen()), 'no key yet')
            running.send_key('spc')
            running.wait_screen('(?i)no bootable')
            self.assertNotIn('PAYLOAD', running.output)

    def refuses_on(self, path, reason, **bios):
        """The same on an odd BIOS, whose INT 18h returns: that is the end. Returns the story up to there."""
        with Machine([path], floppy=odd_bios(**bios)) as running:
            self.wait_message(running, reason)
            self.assertNotIn('18', running.output, 'no key yet')
            running.send_key('spc')
            running.wait_for('18', whole_line=False)
            self.wait_halt(running)
            story, _, rest = running.output.partition('18')
            self.assertEqual(rest, '')
            return story

    def wait_message(self, running, reason):
        running.wait_screen('^Start mkbootdisk or press a key: ' + re.escape(reason) + '$')

    def wait_halt(self, running):
        """The processor sleeps in the MBR code's copy."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = running.qmp('human-monitor-command', **{'command-line': 'info registers'})
            at = int(re.search(r'EIP=(\w+)', text)[1], 16) + int(re.search(r'CS =\w+ (\w+)', text)[1], 16)
            if 'HLT=1' in text and COPY <= at < COPY + CODE_SIZE:
                return
            time.sleep(0.02)
        self.fail('still runs at %x' % at)


class Code(unittest.TestCase):
    def test_it_fits_before_the_disk_signature(self):
        self.assertEqual(len(CODE), CODE_SIZE)
        self.assertIn(b'mkbootdisk', CODE)

    def test_a_c_compiler_makes_the_same_bytes_of_its_text(self):
        text = BUILD / 'mbr_code.inc'
        recipes.run('make', '-s', '-C', ROOT, 'BUILD=%s' % BUILD, text)
        source, program = scratch('code.c'), scratch('code')
        source.write_text('#include <stdio.h>\nstatic const unsigned char code[] = {\n#include "%s"\n};\n'
                          'int main(void) { return fwrite(code, sizeof code, 1, stdout) != 1; }\n' % text)
        recipes.run('gcc', '-Wall', '-Werror', '-o', program, source)
        self.assertEqual(recipes.run(program), CODE)


class Starts(Case):
    def test_each_entry_on_each_controller(self):
        for machine in ({}, {'machine': 'q35'}, {'controller': 'lsi'}, {'controller': 'virtio'},
                        {'machine': 'isapc', 'cpu': '486', 'mem': 2}):
            for index in range(4):
                with self.subTest(str(machine), entry=index):
                    self.starts(disk(index), index, **machine)

    def test_same_state_as_from_syslinux(self):
        """But for SP, whose place a boot sector must not rely on."""
        others = (recipes.SYSLINUX / 'mbr' / 'mbr.bin').read_bytes()[:CODE_SIZE]
        said = []
        for code in (CODE, others):
            with Machine([disk(2, code=code)]) as running:
                running.wait_for('^PAYLOAD .*')
                said.append(running.payload())
        for each in said:
            del each['sp']
        self.assertEqual(*said)

    def test_a_boot_sector_that_nobody_here_wrote(self):
        made = recipes.make_pair(scratch('syslinux'), boot='none', primary_start=6048)
        recipes.run('syslinux', '--install', '--offset', 6048 * SECTOR, made.a.path)
        recipes.write_at(made.a.path, 0, CODE)
        with Machine([made.a.path]) as running:
            running.wait_screen(r'^SYSLINUX \d')

    def test_beyond_what_chs_reaches(self):
        for lba in (CYLINDERS * 255 * 63, 20_000_000, 0x90000000):
            with self.subTest(lba):
                self.starts(disk(3, (*STARTS[:3], lba)), 3, lba)

    def test_wrong_chs_in_the_entry(self):
        decoy = bytes((1, 1, 5))  # STARTS[1] on a disk of 16 heads with 63 sectors
        for chs in (decoy, b'\0\0\0', b'\xFF\xFF\xFF', b'\xFE\xFF\xFF'):
            path = disk(2)
            wrong_chs(path, 2, chs)
            with self.subTest(chs.hex()):
                self.starts(path, 2)
                path = disk(2, sector=breakpoint_at)
                wrong_chs(path, 2, chs)
                self.assertEqual(self.starts_on([path], STARTS[2], 2, edd=1), '41-08+02+')

    def test_second_disk(self):
        first = disk(1, (63, 5040), breakpoint_at)
        second = disk(1, (63, 7056), breakpoint_at, 'second.img')
        self.starts_on([first, second], 7056, 1, disk=0x81, dl=0x81)
        self.starts_on([first, second], 7056, 1, disk=0x81, dl=0x81, edd=1, geometry=(16, 63))

    def test_rubbish_in_dl_means_the_first_disk(self):
        path = disk(sector=breakpoint_at)
        for dl in (0x00, 0x01, 0x7F, 0x90, 0xFF):
            with self.subTest(dl):
                self.starts_on([path], STARTS[0], dl=dl)

    def test_dl_up_to_8f_is_believed(self):
        self.refuses_on(disk(sector=breakpoint_at), 'read error 01', dl=0x8F)

    def test_entered_at_either_segment(self):
        for cs in (0, 0x07C0):
            with self.subTest(cs):
                self.assertEqual(self.starts_on([disk(3, sector=breakpoint_at)], STARTS[3], 3, cs=cs), '41+42+')


class WithoutExtensions(Case):
    def test_each_way_of_not_having_them(self):
        path = disk(1, sector=breakpoint_at)
        for edd, answer in ((1, '-'), (2, '+'), (3, '+'), (4, ''), (5, '-')):
            with self.subTest(edd):
                self.assertEqual(self.starts_on([path], STARTS[1], 1, edd=edd), f'41{answer}08+02+')

    def test_every_geometry_at_the_edges_of_chs(self):
        for heads, sectors in ((16, 63), (255, 63), (256, 63), (15, 17), (1, 1)):
            track, cylinder = sectors, heads * sectors
            for where, lba in (('last of 256', 256 * cylinder - 1), ('first of next', 256 * cylinder),
                               ('track', 700 * cylinder + track), ('last', CYLINDERS * cylinder - 1)):
                with self.subTest(where, heads=heads, sectors=sectors):
                    path = disk(0, (lba,), breakpoint_at)
                    self.assertEqual(self.starts_on([path], lba, edd=1, geometry=(heads, sectors)), '41-08+02+')

    def test_geometry_of_the_bios(self):
        """QEMU guesses it from where the partition ends, and SeaBIOS reads by it."""
        for heads, sectors, lba in ((16, 63, 600_001), (4, 17, 60_003), (255, 63, 3_000_003), (255, 63, 12_345_678)):
            with self.subTest(lba):
                path = disk(0, (lba,), breakpoint_at, spare=3 * heads * sectors)
                defects.put(path, 0, 446 + 5, bytes((heads - 1, sectors, 0)))
                self.assertEqual(self.starts_on([path], lba, edd=1), '41-08+02+')

    def test_partition_that_chs_cannot_reach(self):
        for heads, sectors, lba in ((16, 63, CYLINDERS * 16 * 63), (256, 63, CYLINDERS * 256 * 63),
                                    (16, 63, 0x10000 * 16 * 63), (1, 1, CYLINDERS), (16, 63, 0xFFFFFFFF),
                                    (1, 1, 0xFFFFFFFF)):
            with self.subTest(lba, heads=heads):
                path = disk()
                defects.set_entry(path, 0, start=lba)
                self.assertEqual(self.refuses_on(path, 'needs LBA mode', edd=1, geometry=(heads, sectors)), '41-08+')

    def test_no_geometry_either(self):
        for geometry, answer, status in ((1, '-', '01'), (2, '+', '00'), (4, '', '08')):
            with self.subTest(geometry):
                story = self.refuses_on(disk(), 'read error ' + status, edd=3, geometry=geometry)
                self.assertEqual(story, '00+'.join([f'41+08{answer}'] * 3))


class Refuses(Case):
    def test_no_active_partition(self):
        self.refuses(disk(None), 'no active partition')
        self.assertEqual(self.refuses_on(disk(None), 'no active partition'), '')

    def test_two_active_partitions(self):
        for pair in ((0, 1), (0, 3), (2, 3)):
            with self.subTest(pair):
                path = disk(pair[0])
                defects.set_entry(path, pair[1], flag=0x80)
                self.refuses(path, 'bad partition table')

    def test_flag_that_is_none(self):
        for active, index, flag in ((1, 0, 0x01), (1, 3, 0x01), (None, 0, 0x81), (None, 2, 0x7F), (None, 3, 0xFF)):
            with self.subTest(index, flag=flag):
                path = disk(active)
                defects.set_entry(path, index, flag=flag)
                self.refuses(path, 'bad partition table')

    def test_partition_at_sector_0(self):
        """It would start the MBR code again, for ever."""
        path = disk(1)
        defects.set_entry(path, 1, start=0)
        self.refuses(path, 'bad partition table')

    def test_boot_sector_without_its_mark(self):
        for mark in (b'\0\0', b'\x55\0', b'\0\xAA', b'\xAA\x55'):
            with self.subTest(mark.hex()):
                path = disk(2)
                defects.put(path, STARTS[2], 510, mark)
                self.assertEqual(self.refuses_on(path, 'no boot sector'), '41+42+')

    def test_boot_sector_of_zeros(self):
        path = disk(2)
        defects.wiped(path, STARTS[2])
        self.refuses(path, 'no boot sector')

    def test_partition_beyond_the_end_of_the_disk(self):
        path = disk()
        defects.set_entry(path, 0, start=0xFFFFFF00)
        self.refuses(path, 'read error 01')


class BadReads(Case):
    READS = (('extensions', 0, '41+42'), ('CHS', 1, '41-08+02'))

    def test_errors_that_go_away(self):
        path = disk(1, sector=breakpoint_at)
        for name, edd, read in self.READS:
            for bad in (1, 2):
                with self.subTest(name, bad=bad):
                    story = self.starts_on([path], STARTS[1], 1, edd=edd, bad=bad)
                    self.assertEqual(story, (read + '-00+') * bad + read + '+')

    def test_errors_that_stay(self):
        for name, edd, read in self.READS:
            with self.subTest(name):
                story = self.refuses_on(disk(), 'read error 04', edd=edd, bad=FOREVER)
                self.assertEqual(story, '00+'.join([read + '-'] * 3))

    def test_status_is_told_in_hexadecimal(self):
        for status in (0x10, 0x80, 0x9A, 0xAA, 0xBC, 0xFF):
            with self.subTest(status):
                self.refuses_on(disk(), 'read error %02X' % status, bad=FOREVER, status=status)

    def test_sector_that_a_disk_cannot_read(self):
        """As QEMU's BIOS reports it; the boot sectors of the other partitions are not touched."""
        for machine in ('pc', 'q35'):
            with self.subTest(machine):
                path = disk(1)
                self.refuses(path, 'read error 0C', fault='bad:%d' % STARTS[1], machine=machine)
                self.starts(path, 1, fault='bad:%d,%d' % (STARTS[0], STARTS[2]), machine=machine)

    def test_success_that_delivers_nothing(self):
        path = disk(1, sector=breakpoint_at)
        for name, edd, read in self.READS:
            with self.subTest(name):
                story = self.starts_on([path], STARTS[1], 1, edd=edd, bad=2, silent=1)
                self.assertEqual(story, (read + '+00+') * 2 + read + '+')
                story = self.refuses_on(path, 'read error 00', edd=edd, bad=FOREVER, silent=1)
                self.assertEqual(story, '00+'.join([read + '+'] * 3))

    def test_error_that_leaves_rubbish_before_a_success_that_delivers_nothing(self):
        path = disk(1, sector=breakpoint_at)
        for name, edd, read in self.READS:
            with self.subTest(name):
                story = self.starts_on([path], STARTS[1], 1, edd=edd, bad=2, silent=2)
                self.assertEqual(story, read + '-00+' + read + '+00+' + read + '+')

    def test_bios_that_loses_registers(self):
        path = disk(1, sector=breakpoint_at)
        for name, edd, read in self.READS:
            with self.subTest(name):
                story = self.starts_on([path], STARTS[1], 1, edd=edd, bad=1, dirty=1)
                self.assertEqual(story, read + '-00+' + read + '+')
                self.refuses_on(path, 'read error 04', edd=edd, bad=FOREVER, dirty=1)


class OtherBios(Case):
    """Bochs's BIOS, which shares no code with QEMU's."""

    def run_bochs(self, path, pattern, floppy=None):
        """What the serial line says, from a start of the disk, or of the floppy beside it."""
        folder = scratch('bochs')
        folder.mkdir(exist_ok=True)
        lines = [line for line in test_bochs.CONFIGURATION.splitlines() if not line.startswith(('floppya', 'boot:'))]
        lines += [f'ata0-master: type=disk, path={path}, mode=volatile']
        lines += [f'floppya: 1_44={floppy}, status=inserted', 'boot: floppy'] if floppy else ['boot: disk']
        (folder / 'bochsrc').write_text('\n'.join(lines) + '\n')
        (folder / 'go').write_text('c\n')
        serial = folder / 'serial.txt'
        serial.unlink(missing_ok=True)
        with subprocess.Popen(['bochs-bin', '-q', '-f', 'bochsrc', '-rc', 'go'], cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as bochs:
            try:
                return self.wait_serial(serial, pattern)
            finally:
                bochs.kill()

    def wait_serial(self, serial, pattern):
        end, text = time.monotonic() + PATIENCE, ''
        while time.monotonic() < end:
            text = serial.read_text('latin1') if serial.exists() else ''
            if re.search(pattern, text):
                return text
            time.sleep(0.1)
        self.fail('no %r on the serial line:\n%s' % (pattern, text))

    def test_from_the_disk(self):
        for index in (0, 3):
            with self.subTest(index):
                path = disk(index)
                text = self.run_bochs(path, r'part=\w{32}')
                said = dict(word.split('=', 1) for word in text.split() if '=' in word)
                expected = {'tag': 'ABCD'[index], 'hidden': '%08x' % STARTS[index], 'dl': '80', 'cs': '0000',
                            'ds': '0000', 'part': table_entry(path, index)}
                self.assertEqual({key: said[key] for key in expected}, expected)

    def test_without_extensions(self):
        path = disk(3, sector=breakpoint_at)
        text = self.run_bochs(path, r'=.*\n', odd_bios(edd=1))
        self.assertEqual(self.check_story(text, STARTS[3], 3, 0x80), '41-08+02+')


if __name__ == '__main__':
    unittest.main()
