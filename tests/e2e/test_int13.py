#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The resident drive map on real BIOS code in QEMU: what a program sees through it, compared with the bare drives.

Builds boot/int13.asm and the monitor itself, so it needs nasm and qemu-system-x86_64 and nothing else. Knows the
header of the drive map and the monitor's protocol; knows nothing of the loader, whose part (copy, fill in, hook) it
plays. DRIVE_MAP=FILE in the environment tests that file instead of a fresh build."""
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 30
SECTOR = 512
SIZES_MIB = (16, 20, 24)                        # different, so that AH=08, 15 and 48 tell the disks apart
MACHINES = {'pc': ['-M', 'pc', '-m', '16'],
            'isapc': ['-M', 'isapc', '-cpu', '486', '-m', '4', '-vga', 'none', '-device', 'isa-vga'],
            'q35': ['-M', 'q35', '-m', '16']}   # AHCI

PACKED = struct.Struct('<8L3H')
FIELDS = ('edi', 'esi', 'ebp', 'esp', 'ebx', 'edx', 'ecx', 'eax', 'es', 'ds', 'flags')
STACK_OUT = 0x7900
ESP_AFTER = STACK_OUT - 2 * 3                   # what PUSHAD stores when the handler kept the stack
CARRY = 0x0001
FLAGS_IN = 0x0AD7                               # IF and every arithmetic flag but DF
PACKET, BUFFER = 0x0600, 0x1000                 # DAP and answers in segment 0, data in segment 1000h
SMAP = 0x534D4150


def disk_byte(disk, lba, index):
    return (disk * 73 + lba * 7 + index) & 0xFF


def disk_sector(disk, lba):
    return bytes(disk_byte(disk, lba, i) for i in range(SECTOR))


class Machine:
    """One QEMU with the monitor in its floppy drive and the given disk images as 80h, 81h, ..."""

    def __init__(self, kind, folder, floppy, disks):
        path = str(folder / 'serial')
        command = ['qemu-system-x86_64', '-accel', 'tcg', '-display', 'none', '-nodefaults', '-no-reboot',
                   *MACHINES[kind], '-chardev', f'socket,id=s,path={path},server=on,wait=on', '-serial', 'chardev:s',
                   '-drive', f'if=floppy,format=raw,readonly=on,file={floppy}', '-boot', 'a']
        for index, disk in enumerate(disks):
            command += ['-drive', f'if=ide,index={index},media=disk,format=raw,file={disk}']
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.serial = socket.socket(socket.AF_UNIX)
        self.serial.settimeout(TIMEOUT)
        try:
            self._connect(path)
            seen = b''
            while not seen.endswith(b'monitor'):
                seen += self._receive(1)
            self.spy, self.spy_in, self.spy_out = struct.unpack('<3H', self._receive(6))
        except BaseException:
            self.close()
            raise

    def _connect(self, path):
        for _ in range(TIMEOUT * 20):
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read().decode())
            try:
                return self.serial.connect(path)
            except OSError:
                time.sleep(0.05)
        raise TimeoutError('QEMU opened no serial port')

    def close(self):
        self.serial.close()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def _receive(self, count):
        data = b''
        while len(data) < count:
            part = self.serial.recv(count - len(data))
            if not part:
                raise EOFError('QEMU ended')
            data += part
        return data

    def _command(self, request, answer_size):
        self.serial.sendall(request)
        answer = self._receive(answer_size + 1)
        if answer[-1:] != b'.':
            raise RuntimeError(f'the monitor lost step: {answer!r}')
        return answer[:-1]

    def read(self, segment, offset, count):
        return self._command(b'r' + struct.pack('<3H', segment, offset, count), count)

    def write(self, segment, offset, data):
        self._command(b'w' + struct.pack('<3H', segment, offset, len(data)) + data, 0)

    def call(self, vector, **registers):
        """Executes INT vector; returns all registers, the flags included, as a dictionary."""
        values = dict.fromkeys(FIELDS, 0) | {'flags': FLAGS_IN} | registers
        answer = self._command(b'x' + bytes([vector]) + PACKED.pack(*(values[f] for f in FIELDS)), PACKED.size)
        return dict(zip(FIELDS, PACKED.unpack(answer)))

    def install(self, blob, visible):
        """Does what the loader does. visible: real BIOS drives in the order they shall be shown, 0 for a gap."""
        base_kib = struct.unpack('<H', self.read(0x40, 0x13, 2))[0] - 1
        self.base = base_kib << 10
        segment = self.base >> 4
        count = sum(1 for drive in visible if drive)
        entry13, entry15 = struct.unpack_from('<2H', blob, 16)
        head = b'FTMP' + self.read(0, 0x13 * 4, 4) + self.read(0, 0x15 * 4, 4)
        head += struct.pack('<LHHB3x16s', self.base, entry13, entry15, count, bytes(visible))
        self.write(segment, 0, head + blob[len(head):])
        self.write(0x40, 0x13, struct.pack('<H', base_kib))
        self.write(0x40, 0x75, bytes([count]))
        self.write(0, 0x13 * 4, struct.pack('<2H', entry13, segment))
        self.write(0, 0x15 * 4, struct.pack('<2H', entry15, segment))

    def memory_map(self):
        """All (base, length, type) of INT 15h E820."""
        entries, ebx = [], 0
        while True:
            self.write(0, PACKET, bytes(24))
            out = self.call(0x15, eax=0xE820, edx=SMAP, ebx=ebx, ecx=20, edi=PACKET)
            if out['flags'] & CARRY:
                return entries
            assert out['eax'] == SMAP and out['ecx'] == 20 and out['esp'] == ESP_AFTER, out
            entries.append(struct.unpack('<QQL', self.read(0, PACKET, 20)))
            ebx = out['ebx']
            if not ebx:
                return entries


def packet(lba, count=1):
    return struct.pack('<BBHHHQ', 16, 0, count, 0, BUFFER, lba)


# name, registers, what to store at PACKET first. All read-only; each is done with DL = drive.
CALLS = [('reset', {'eax': 0x0000}, b''),
         ('status', {'eax': 0x0100}, b''),
         ('read CHS 0', {'eax': 0x0201, 'ecx': 0x0001, 'es': BUFFER}, b''),
         ('read CHS, three sectors', {'eax': 0x0203, 'ecx': 0x0205, 'edx': 0x0100, 'es': BUFFER}, b''),
         ('read CHS, sector 0 of a track', {'eax': 0x0201, 'ecx': 0x0000, 'es': BUFFER}, b''),
         ('status after an error', {'eax': 0x0100}, b''),
         ('verify', {'eax': 0x0401, 'ecx': 0x0001, 'es': BUFFER}, b''),
         ('parameters', {'eax': 0x0800}, b''),
         ('seek', {'eax': 0x0C00, 'ecx': 0x0001}, b''),
         ('alternate reset', {'eax': 0x0D00}, b''),
         ('ready', {'eax': 0x1000}, b''),
         ('recalibrate', {'eax': 0x1100}, b''),
         ('diagnostic', {'eax': 0x1400}, b''),
         ('type', {'eax': 0x15FF, 'ecx': 0x1111, 'edx': 0x2200}, b''),
         ('extensions?', {'eax': 0x4100, 'ebx': 0x55AA}, b''),
         ('read LBA', {'eax': 0x4200, 'esi': PACKET}, packet(5, 2)),
         ('read LBA past the end', {'eax': 0x4200, 'esi': PACKET}, packet(1 << 30)),
         ('verify LBA', {'eax': 0x4400, 'esi': PACKET}, packet(5)),
         ('seek LBA', {'eax': 0x4700, 'esi': PACKET}, packet(5)),
         ('parameters LBA', {'eax': 0x4800, 'esi': PACKET}, struct.pack('<H', 0x1E) + bytes(0x1C)),
         ('unknown', {'eax': 0xEE00}, b'')]


class DriveMap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix='int13-'))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.floppy = cls.folder / 'monitor.img'
        blob = cls.folder / 'int13.bin'
        for source, target in (('boot/int13.asm', blob), ('tests/e2e/int13_monitor.asm', cls.floppy)):
            subprocess.run(['nasm', '-f', 'bin', ROOT / source, '-o', target], check=True)
        cls.blob = pathlib.Path(os.environ.get('DRIVE_MAP', blob)).read_bytes()

    def start(self, kind, count):
        self.doCleanups()                       # the machine before this one holds the images
        self.images = []
        for index in range(count):
            image = self.folder / f'disk{index}.img'
            with open(image, 'wb') as file:
                for lba in range(64):
                    file.write(disk_sector(index, lba))
                file.truncate(SIZES_MIB[index] << 20)
            self.images.append(image)
        machine = Machine(kind, self.folder, self.floppy, self.images)
        self.addCleanup(machine.close)
        return machine

    def observe(self, machine, drive):
        """The result of every call in CALLS: registers, data buffer and packet."""
        results = {}
        for name, registers, memory in CALLS:
            if name.startswith('read'):
                machine.write(BUFFER, 0, bytes(4 * SECTOR))
            machine.write(0, PACKET, memory.ljust(64, b'\0'))
            given = {'edi': 0x1234D1D1, 'esi': 0x5678A5A5, 'ebp': 0x9ABCBEBE, 'ebx': 0xDEF00000, 'edx': 0x77770000,
                     'ecx': 0x33330000, 'ds': 0}
            given |= {key: given.get(key, 0) & ~0xFFFF | value for key, value in registers.items()}
            given['edx'] |= drive
            out = machine.call(0x13, **given)
            results[name] = out | {'packet': machine.read(0, PACKET, 64)}
            if name.startswith('read'):
                results[name]['buffer'] = machine.read(BUFFER, 0, 4 * SECTOR)
        return results

    def through_map(self, result, name, real, shown, count):
        """What the program has to see when the bare drive `real` gave this result and is shown as `shown`."""
        failed = result['flags'] & CARRY
        if name == 'parameters' and not failed:
            drive = count
        elif name == 'type' and not failed:
            return result
        else:
            self.assertEqual(result['edx'] & 0xFF, real, f'{name}: the BIOS itself changed DL')
            drive = shown
        return result | {'edx': result['edx'] & ~0xFF | drive}

    def check_map(self, kind, disks, visible):
        machine = self.start(kind, disks)
        bare = {0x80 + i: self.observe(machine, 0x80 + i) for i in range(disks)}
        absent = self.observe(machine, 0x80 + disks)
        floppy = machine.call(0x13, eax=0x0201, ecx=1, es=BUFFER)
        memory = machine.memory_map()
        extended = machine.call(0x15, eax=0xE801), machine.call(0x15, eax=0x8800)
        machine.install(self.blob, visible)
        count = sum(1 for drive in visible if drive)

        for shown, real in enumerate(visible, 0x80):
            if not real:
                continue
            seen = self.observe(machine, shown)
            for name in bare[real]:
                with self.subTest(call=name, shown=hex(shown), real=hex(real)):
                    self.assertEqual(bare[real][name]['esp'], ESP_AFTER)
                    self.assertEqual(seen[name], self.through_map(bare[real][name], name, real, shown, count))
            self.assertEqual(seen['read CHS 0']['buffer'][:SECTOR], disk_sector(real - 0x80, 0))
            self.assertEqual(seen['read LBA']['buffer'][:SECTOR * 2],
                             disk_sector(real - 0x80, 5) + disk_sector(real - 0x80, 6))
            self.assertEqual(seen['extensions?']['ebx'] & 0xFFFF, 0xAA55)

        gaps = [shown for shown in range(0x80, 0x90) if shown - 0x80 >= len(visible) or not visible[shown - 0x80]]
        for shown in gaps[:1] + [0x8F, 0x90, 0xFF]:
            seen = self.observe(machine, shown)
            for name, result in seen.items():
                with self.subTest(call=name, absent=hex(shown)):
                    self.assertEqual(result['eax'] >> 8 & 0xFF, 1)
                    self.assertEqual(result['flags'], FLAGS_IN | CARRY)
                    self.assertEqual(result['edx'] & 0xFF, shown)
                    self.assertEqual(result.get('buffer', b'').strip(b'\0'), b'')
                    if name != 'status after an error':     # SeaBIOS gives the last drive's there
                        bios = absent[name]
                        same = ('edi', 'esi', 'ebp', 'esp', 'ebx', 'ecx', 'eax', 'es', 'ds', 'packet')
                        self.assertEqual([result[f] for f in same], [bios[f] for f in same])
        self.assertEqual(machine.call(0x13, eax=0x0201, ecx=1, es=BUFFER), floppy)

        self.assertEqual(machine.call(0x12)['eax'] & 0xFFFF, 638)
        self.assertEqual((machine.call(0x15, eax=0xE801), machine.call(0x15, eax=0x8800)), extended)
        cut = [(b, machine.base - b, t) if t == 1 and b < machine.base < b + n else (b, n, t) for b, n, t in memory]
        self.assertEqual(machine.memory_map(), cut)
        self.assertEqual(sum(1 for old, new in zip(memory, cut) if old != new), 1)
        self.assertEqual(cut[0][:2], (0, machine.base))

        self.check_writes(machine, visible)

    def check_writes(self, machine, visible):
        """AH=03 and AH=43 change the mapped disk there and nothing else anywhere."""
        for shown, real in enumerate(visible, 0x80):
            if not real:
                continue
            expected = [image.read_bytes() for image in self.images]
            with self.subTest(write=hex(shown), real=hex(real)):
                data = bytes([shown ^ 0x55]) * SECTOR
                machine.write(BUFFER, 0, data)
                out = machine.call(0x13, eax=0x0301, ecx=0x000A, edx=shown, es=BUFFER)      # LBA 9
                self.assertFalse(out['flags'] & CARRY)
                machine.write(0, PACKET, packet(11))
                out = machine.call(0x13, eax=0x4300, esi=PACKET, edx=shown)
                self.assertFalse(out['flags'] & CARRY)
                disk = bytearray(expected[real - 0x80])
                disk[9 * SECTOR:10 * SECTOR] = disk[11 * SECTOR:12 * SECTOR] = data
                expected[real - 0x80] = bytes(disk)
                for image, content in zip(self.images, expected):
                    self.assertTrue(image.read_bytes() == content, f'{image.name} is not as expected')
        for shown in (0x8E, 0x90):
            out = machine.call(0x13, eax=0x0301, ecx=0x000A, edx=shown, es=BUFFER)
            self.assertTrue(out['flags'] & CARRY)
        for image, content in zip(self.images, expected):
            self.assertTrue(image.read_bytes() == content, f'{image.name}: written through an absent drive')

    def test_identity(self):
        self.check_map('pc', 2, [0x80, 0x81])

    def test_swap(self):
        for kind in MACHINES:
            with self.subTest(machine=kind):
                self.check_map(kind, 2, [0x81, 0x80])

    def test_hide(self):
        for kind in MACHINES:
            with self.subTest(machine=kind):
                self.check_map(kind, 2, [0x81])

    def test_three_rotated(self):
        for kind in ('pc', 'q35'):
            with self.subTest(machine=kind):
                self.check_map(kind, 3, [0x82, 0x80, 0x81])

    def test_three_one_hidden(self):
        self.check_map('pc', 3, [0x82, 0x81])

    def test_gap(self):
        self.check_map('pc', 3, [0x81, 0, 0x82])

    def test_what_the_old_handler_gets_and_gives(self):
        """The spy as the old handler: every register and flag in both directions."""
        machine = self.start('pc', 2)
        for vector in (0x13, 0x15):
            machine.write(0, vector * 4, struct.pack('<2H', machine.spy, 0))
        machine.install(self.blob, [0x81, 0x80])
        given = dict(zip(FIELDS, (0xA1B2C3D4, 0xB2C3D4E5, 0xC3D4E5F6, 0, 0xD4E5F607, 0xE5F60000, 0xF6071829, 0x07180000,
                                  0x1111, 0x2222, 0)))
        gives = dict(zip(FIELDS, (0x10203040, 0x20304050, 0x30405060, 0, 0x40506070, 0x50607033, 0x60708090, 0x708090A0,
                                  0x3333, 0x4444, 0)))
        for function in (0x00, 0x02, 0x08, 0x15, 0x41, 0x42, 0x48):
            for flags in (0x0202, 0x0ED7, 0x0003):                  # IF; all with DF; CF alone
                for out_flags in (0x0203, 0x0ED6, 0x0002):
                    for drive in (0x00, 0x80, 0x81):
                        self.check_spy(machine, 0x13, given | {'eax': 0x07180000 | function << 8 | 0x5A,
                                       'edx': 0xE5F60900 | drive, 'flags': flags}, gives | {'flags': out_flags})
        for eax, edx in ((0x07188800, 0), (0x0718E820, 0x534D4151), (0x0718E820, SMAP), (0x0718E801, SMAP)):
            for flags in (0x0202, 0x0ED7):
                for out_flags in (0x0202, 0x0ED7):
                    self.check_spy(machine, 0x15, given | {'eax': eax, 'edx': edx, 'flags': flags},
                                   gives | {'flags': out_flags})

    def check_spy(self, machine, vector, given, gives):
        machine.write(0, machine.spy_out, PACKED.pack(*(gives[f] for f in FIELDS)))
        out = machine.call(vector, **given)
        seen = machine.read(0, machine.spy_in, PACKED.size + 6)
        image = struct.unpack_from('<H', seen, PACKED.size + 4)[0]
        entered = dict(zip(FIELDS, PACKED.unpack_from(seen)))
        drive, function, failed = given['edx'] & 0xFF, given['eax'] >> 8 & 0xFF, gives['flags'] & CARRY
        expected, back = dict(given), dict(gives)
        if vector == 0x13 and drive >= 0x80:
            expected['edx'] ^= 1
            if function == 8 and not failed:
                back['edx'] = gives['edx'] & ~0xFF | 2
            elif function != 0x15 or failed:
                back['edx'] = gives['edx'] & ~0xFF | drive
        expected['flags'] &= ~0x0200                                # INT clears IF
        with self.subTest(vector=hex(vector), ax=hex(given['eax']), dl=hex(drive), flags=hex(given['flags']),
                          out=hex(gives['flags'])):
            self.assertEqual(entered | {'esp': 0}, expected)
            self.assertEqual(image, given['flags'])
            self.assertEqual(out, back | {'esp': ESP_AFTER})

    def test_absent_never_reaches_the_old_handler(self):
        machine = self.start('pc', 1)
        machine.write(0, 0x13 * 4, struct.pack('<2H', machine.spy, 0))
        machine.install(self.blob, [0x80, 0, 0x81])
        machine.write(0, machine.spy_in, bytes(PACKED.size))
        for drive in (0x81, 0x83, 0x8F, 0x90, 0xA0, 0xFF):
            for eax in (0x0201, 0x0800, 0x1500, 0x4100, 0x4200):
                for flags in (0x0202, 0x0ED7, 0x0003):
                    given = dict.fromkeys(FIELDS, 0x1234) | {'eax': eax, 'edx': drive, 'flags': flags}
                    out = machine.call(0x13, **given)
                    with self.subTest(drive=hex(drive), eax=hex(eax), flags=hex(flags)):
                        self.assertEqual(out, given | {'eax': 0x0100 | eax & 0xFF, 'flags': flags | CARRY,
                                                       'esp': ESP_AFTER})
        self.assertEqual(machine.read(0, machine.spy_in, PACKED.size), bytes(PACKED.size))

    def test_memory_map_entries(self):
        """Entries no BIOS here gives: only a RAM entry that runs into the reserved area is cut."""
        machine = self.start('pc', 1)
        machine.write(0, 0x15 * 4, struct.pack('<2H', machine.spy, 0))
        machine.install(self.blob, [0x80])
        base, gib = machine.base, 1 << 30
        answer = dict.fromkeys(FIELDS, 0) | {'eax': SMAP, 'ecx': 20, 'edi': PACKET, 'flags': 0x0202}
        cases = [((0, base + 1024, 1), base), ((0, base + 1, 1), base), ((0, base, 1), None), ((0, base - 1, 1), None),
                 ((base - 1, 2, 1), 1), ((base - 1, 1, 1), None), ((base, 1024, 1), None), ((base + 1, 9, 1), None),
                 ((0, base + 1024, 2), None), ((0, base + 1024, 3), None), ((0, 5 * gib, 1), base),
                 ((0, 4 * gib, 1), base), ((4 * gib, gib, 1), None), ((4 * gib, base + 1024, 1), None),
                 ((1 << 20, gib, 1), None), ((0, 0, 1), None), ((4096, base, 1), base - 4096)]
        for entry, cut in cases:
            for eax, flags in ((SMAP, 0x0202), (SMAP, 0x0203), (0, 0x0202)):
                machine.write(0, machine.spy_out, PACKED.pack(*((answer | {'eax': eax, 'flags': flags})[f]
                                                                for f in FIELDS)))
                machine.write(0, PACKET, struct.pack('<QQL', *entry) + b'tail')
                machine.call(0x15, eax=0xE820, edx=SMAP, ecx=20, edi=PACKET)
                length = cut if cut is not None and (eax, flags) == (SMAP, 0x0202) else entry[1]
                with self.subTest(entry=entry, eax=hex(eax), flags=hex(flags)):
                    self.assertEqual(machine.read(0, PACKET, 24),
                                     struct.pack('<QQL', entry[0], length, entry[2]) + b'tail')

    def test_size(self):
        self.assertLessEqual(len(self.blob), 1024)
        self.assertEqual(self.blob[:4], b'FTMP')


if __name__ == '__main__':
    unittest.main()
