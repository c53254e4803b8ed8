# SPDX-License-Identifier: MIT
"""A boot floppy that can be read only in part, and halves that do not start by themselves.

Owns the bad floppy (shim.asm fails INT 13h reads of one sector, since QEMU cannot), the floppy whose MIRROR.INI is of
no use, the floppy that is a USB stick, and the ways that lead over NTLDR, whose place ntldr_payload.asm takes. Whatever
happens to the floppy, the right half is started, or a message says why nothing is.
"""
import itertools
import random
import re
import struct
import unittest

import defects
import test_boot
from programs import assemble, checksum
from qemu import PAYLOAD_EXIT, Disk, Machine, recipes
from test_boot import Story, build, copy, floppy_file, make_pair, put_together, scratch, start, started

SECTOR = recipes.SECTOR
FOREVER = 0xFFFF
FAST = ('-icount', 'shift=0,sleep=off')  # ten times slower, but a clock that leaps while the machine only waits


def ntldr(seed, size=150 * 1024 + 22):
    """The payload, drawn out by noise."""
    code = assemble('ntldr_payload')
    return code[:4] + struct.pack('<I', size) + code[8:] + random.Random(seed).randbytes(size - len(code))


class BadFloppy(unittest.TestCase):
    """One sector of the floppy is bad, for ever or for two reads, and the primary is dead."""

    def setUp(self):
        self.pair = make_pair()
        self.floppy = build(self.pair)

    def shimmed(self, lba, times, status=0x10):
        """The floppy under the shim; the boot sector itself moves to the last sector."""
        image, boot = copy(self.floppy), recipes.read_at(self.floppy, 0)
        sectors, track, heads = (struct.unpack_from('<H', boot, at)[0] for at in (0x13, 0x18, 0x1A))
        shim = assemble('shim')
        header = struct.pack('<HHHHHBB', lba, times, sectors - 1, track, heads, status, 0)
        recipes.write_at(image, 0, shim[:2] + header + shim[2 + len(header):])
        recipes.write_at(image, (sectors - 1) * SECTOR, boot)
        return image

    def starts_shadow(self, lba, times, message=None, bad=True, extra=()):
        disks = [Disk(self.pair.a.path, 'dead'), self.pair.b.path]
        with Machine(disks, floppy=self.shimmed(lba, times), extra=extra) as machine:
            self.assertEqual(machine.wait_exit(), PAYLOAD_EXIT, machine.output)
            text, said = machine.output, machine.payload()
        self.assertEqual(int(said['sig80'], 16), self.pair.b.signature, text)
        self.assertIn('boot source=shadow drive=0x81 as=0x80 method=vbr', text)
        self.assertEqual(bool(re.search('E(0|ft:)', text)), bad, text)  # the shim's own word on it
        if message:
            self.assertRegex(text, message)

    def test_good_floppy(self):
        self.starts_shadow(0, 0, bad=False)

    def test_what_the_boot_sector_reads(self):
        stage2 = floppy_file(self.floppy, 'STAGE2.BIN')
        places = {'root': 19, 'FAT': 1, 'first of STAGE2.BIN': stage2[0], 'last of STAGE2.BIN': stage2[-1]}
        for place, lba in places.items():
            with self.subTest(place), Machine([self.pair.b.path], floppy=self.shimmed(lba, FOREVER)) as machine:
                machine.wait_screen('^Press a key: 10 STAGE2  BIN')
                self.assertNotIn('PAYLOAD', machine.output)
            with self.subTest(place, twice=True):
                self.starts_shadow(lba, 2)

    def test_mirror_ini(self):
        lba, = floppy_file(self.floppy, 'MIRROR.INI')
        self.starts_shadow(lba, FOREVER, r'MIRROR\.INI cannot be (used|read)', extra=FAST)
        self.starts_shadow(lba, 2)

    def test_journal(self):
        sectors = floppy_file(self.floppy, 'FTJOURNL.DAT')
        for n, times in itertools.product((0, 1), (2, FOREVER)):
            with self.subTest(n, times=times):
                self.starts_shadow(sectors[n], times)
        self.starts_shadow(sectors[2], FOREVER)  # comes along when the slots are read again, and costs nothing

    def test_log(self):
        lba = floppy_file(self.floppy, 'FTLOG.TXT')[0]
        self.starts_shadow(lba, 2)
        self.starts_shadow(lba, FOREVER, r'FTLOG\.TXT cannot be|be noted in FTLOG')

    def test_files_nobody_needs_now(self):
        for name in ('SAVED.BIN', 'BOOT.INI'):
            with self.subTest(name):
                self.starts_shadow(floppy_file(self.floppy, name)[0], FOREVER, bad=False)


class Config(test_boot.Case):
    """A floppy whose MIRROR.INI is of no use: mirrors are found by their type."""

    def play_without(self, floppy, message, extra=()):
        pair = make_pair()
        for machine in ('a b', 'a:dead b', 'a:absent b'):
            with self.subTest(machine):
                disks = [disk for _, disk in put_together(machine, pair)]
                story = start(disks, floppy, extra=extra)
                self.assertRegex(story.text, message)
                self.check_entered(story, pair.a if machine == 'a b' else pair.b, pair)
                self.assertFalse(story.written.get(0) or story.written[1])

    def test_damaged(self):
        floppy, text = build(make_pair()), scratch('MIRROR.INI')
        recipes.run('mcopy', '-n', '-i', floppy, '::MIRROR.INI', text)
        good = text.read_bytes()
        for old, new in ((b'primary=1a2b3c4d', b'primary=1a2b3c4x'), (b'[set 1]', b'[\xe5\xe5\xe5 1]'),
                         (b'[loader]', bytes(8)), (b'shadow=', b'\0hadow=')):
            with self.subTest(old):
                broken, bad = scratch('MIRROR.INI'), copy(floppy)
                broken.write_bytes(good.replace(old, new))
                recipes.run('mcopy', '-o', '-i', bad, broken, '::MIRROR.INI')
                line = good[:good.index(old)].count(b'\n') + 1
                self.play_without(bad, r'MIRROR\.INI.*line %d\b' % line, FAST if line < 3 else ())

    def test_missing(self):
        floppy = build(make_pair())
        recipes.run('mdel', '-i', floppy, '::MIRROR.INI')
        self.play_without(floppy, r'MIRROR\.INI cannot be (used|read)', FAST)

    def test_serial_none(self):
        pair = make_pair()
        story = start([Disk(pair.a.path, 'dead'), pair.b.path], build(pair, '--serial', 'none'))
        self.assertEqual(started(story), pair.b.signature)
        self.assertEqual(story.text.split('PAYLOAD')[0].strip(), '')


class Ntldr(unittest.TestCase):
    """Halves whose boot sector is of no use."""

    @classmethod
    def setUpClass(cls):
        cls.on_disk, cls.on_floppy = ntldr(1), ntldr(2)
        cls.given = scratch('NTLDR')
        cls.given.write_bytes(cls.on_floppy)
        path = scratch('pair')
        cls.pair = recipes.make_pair(path, files={'NTLDR': cls.on_disk}, shadow_start=63 + 1008 * 2)

    def play(self, floppy, damage, method, fault='dead', b_fault=None):
        """Starts the shadow after its boot sector was damaged."""
        self.b = copy(self.pair.b.path)
        damage(self.b, self.pair.b.member_start)
        story = start([Disk(self.pair.a.path, fault), Disk(self.b, b_fault)], floppy)
        boot, = story.event('boot')
        self.assertEqual((boot['source'], boot['method']), ('shadow', method), story.text)
        self.assertEqual((started(story), story.payload['rd80']), (self.pair.b.signature, '00'))
        self.assertEqual(story.written[1], [])
        return story.payload

    def check_entered(self, said, file, drive):
        self.assertEqual([int(said[key], 16) for key in ('dl', 'cs')], [drive, 0x2000])
        self.assertEqual(int(said['sum'], 16), checksum(file[SECTOR:]), 'the file, and which of the two')

    def test_from_the_floppy(self):
        floppy = build(self.pair, '--ntldr', self.given)
        gone = f'bad:{self.pair.b.member_start}'
        cases = (('wiped', 'absent', defects.boot_sector_gone, None), ('wiped', 'dead', defects.boot_sector_gone, None),
                 ('garbage', 'dead', lambda image, lba: defects.put(image, lba, 0, b'\xa5' * 512), None),
                 ('unreadable', 'absent', lambda image, lba: None, gone))
        for what, fault, damage, b_fault in cases:
            with self.subTest(what, primary=fault):
                said = self.play(floppy, damage, 'ntldr-floppy', fault, b_fault)
                self.check_entered(said, self.on_floppy, 0x00)
                self.assertEqual(int(said['boot'], 16), checksum(recipes.read_at(floppy, 0)))

    def test_from_the_volume(self):
        """The boot sector has lost its mark but not its BPB, which NTLDR gets, patched for the shadow's place."""
        for options in ((), ('--ntldr', self.given)):
            with self.subTest(options):
                said = self.play(build(self.pair, *options), defects.no_magic, 'ntldr-disk')
                self.check_entered(said, self.on_disk, 0x80)
                wanted = bytearray(recipes.read_at(self.b, self.pair.b.member_start))
                self.assertEqual(struct.unpack_from('<I', wanted, 0x1C)[0], self.pair.a.member_start)
                struct.pack_into('<I', wanted, 0x1C, self.pair.b.member_start)
                wanted[0x24] = 0x80
                self.assertEqual([int(said[key], 16) for key in ('hidden', 'drv', 'mark')],
                                 [self.pair.b.member_start, 0x80, 0])
                self.assertEqual(int(said['boot'], 16), checksum(wanted))

    def test_classic_floppy(self):
        """Its boot sector starts NTLDR; ours is not there, so the BIOS's first disk is 80h."""
        floppy = build(self.pair, '--loader', 'ntldr', '--ntldr', self.given)
        for disks, half in (([Disk(self.pair.a.path, 'absent'), self.pair.b.path], self.pair.b),
                            (list(self.pair), self.pair.a)):
            story = start(disks, floppy)
            self.assertEqual(started(story), half.signature)
            self.check_entered(story.payload, self.on_floppy, 0x00)
            self.assertEqual(int(story.payload['boot'], 16), checksum(recipes.read_at(floppy, 0)))
            self.assertEqual((story.events, story.written['floppy']), ([], []))


class Stick(test_boot.Case):
    """The same image on a USB stick: the BIOS calls it 80h, and the disks come after it."""

    def test_both_halves_are_found(self):
        pair = make_pair()
        for machine, half, sees in (('a b', pair.a, 'ab'), ('b a', pair.a, 'ab'), ('a:absent b', pair.b, 'b'),
                                    ('a:dead b', pair.b, 'b')):
            with self.subTest(machine):
                stick = build(pair)
                extra = ('-device', 'usb-ehci', '-drive', 'if=none,id=stick,format=raw,file=%s' % stick,
                         '-device', 'usb-storage,drive=stick,bootindex=0')
                with Machine([disk for _, disk in put_together(machine, pair)], extra=extra) as pc:
                    self.assertEqual(pc.wait_exit(), PAYLOAD_EXIT, pc.output)
                    story = Story(pc.output, pc.events(), pc.payload(), {}, {})
                self.assertEqual(story.event('start')[0]['bootdrive'], '0x80')
                self.check_entered(story, half, pair)
                self.check_sees(story, 'stick', list(sees), {'a': pair.a.signature, 'b': pair.b.signature})


if __name__ == '__main__':
    unittest.main()
