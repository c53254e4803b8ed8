# SPDX-License-Identifier: MIT
"""The folder of `mkbootdisk build --format pxe`, given out by QEMU's own DHCP and TFTP server and by an HTTP server on
this machine: a BIOS starts it by PXE or by iPXE's script, UEFI by its own PXE or by iPXE's.

Owns the network between a machine and the folder. Which half was started the payload says; which MIRROR.INI a machine
was given it shows by naming the halves, for without one the signature of the absent half cannot be known.
"""
import contextlib
import functools
import http.server
import shutil
import threading
import unittest

from qemu import Disk, Machine, recipes
from test_boot import changed_sectors, choose, copy, make_pair, mkbootdisk, scratch
from test_media import UEFI, BiosCase

MAC = '52:54:00:ab:cd:01'
MAC_FILE = 'machines/52-54-00-ab-cd-01.ini'
UUID = '8b3a1f00-1111-2222-3333-444455556666'
OWN_ROM = ',romfile='  # no iPXE from QEMU: the firmware's own driver and PXE
NO_JOURNAL = 'there is no journal'


def build(*options, pair=None, timeout=0):
    folder = scratch('server')
    mkbootdisk('build', '-o', folder, '--format', 'pxe', '--timeout', timeout, *options, *(pair or make_pair()))
    return folder


def network(folder, bootfile, card=''):
    return ('-netdev', 'user,id=net,tftp=%s,bootfile=%s' % (folder, bootfile), '-device',
            'virtio-net-pci,netdev=net,bootindex=0,mac=%s%s' % (MAC, card), '-uuid', UUID)


class Requests(http.server.SimpleHTTPRequestHandler):
    def log_message(self, _format, *words):
        self.server.asked.append((words[0].split()[1], words[1]))

    def log_error(self, *_words):
        pass


@contextlib.contextmanager
def served(folder):
    """An HTTP server for this machine only: what the guest calls it, and the list of what was asked and answered."""
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Requests, directory=folder)) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield 'http://10.0.2.2:%d/' % server.server_port, server.asked
        finally:
            server.shutdown()
            thread.join()


def events(found, name):
    return [fields for kind, fields in found if kind == name]


class Bios(BiosCase):
    def start(self, plugged, disks=None, act=None):
        """The primary is not there; the shadow is started."""
        pair = make_pair()
        disks = disks or [Disk(pair.a.path, 'absent'), pair.b.path]
        return self.run_bios(disks, plugged, act)

    def check(self, story, config):
        self.assert_started(story, make_pair().b.signature, '0xff', 'degraded')
        self.assertEqual([e['file'] for e in events(story[0], 'config')], [config] if config else [], story[2])
        self.assertEqual(events(story[0], 'disk')[-1]['signature'], '%08x' % make_pair().b.signature)
        # PXE has given its memory back, or what it kept is reserved: the started system sees either.
        self.assertGreaterEqual(int(story[1]['base'], 16), 600)

    def test_machine_is_known_by_its_address_or_its_uuid(self):
        for given, name in ((MAC, MAC_FILE), (MAC.replace(':', '-').upper(), MAC_FILE),
                            (UUID.upper(), 'machines/%s.ini' % UUID)):
            with self.subTest(given):
                folder = build('--machine', given)
                self.assertFalse((folder / 'MIRROR.INI').exists())
                self.check(self.start(network(folder, 'mkbootdisk.0')), name)

    def test_one_file_for_all(self):
        self.check(self.start(network(build('--machine', '52:54:00:ab:cd:02'), 'mkbootdisk.0')), None)
        self.check(self.start(network(build(), 'mkbootdisk.0')), 'MIRROR.INI')

    def test_files_lie_beside_the_program(self):
        folder = build()
        shutil.move(folder, folder.with_suffix('.deep'))
        (folder / 'a').mkdir(parents=True)
        shutil.move(folder.with_suffix('.deep'), folder / 'a' / 'b')
        self.check(self.start(network(folder, 'a/b/mkbootdisk.0')), 'a/b/MIRROR.INI')

    def test_the_dead_primary_is_hidden(self):
        pair = make_pair()
        story = self.start(network(build(), 'mkbootdisk.0'), [Disk(pair.a.path, 'dead'), pair.b.path])
        self.check(story, 'MIRROR.INI')
        self.assertEqual(events(story[0], 'boot'),
                         [{'source': 'shadow', 'drive': '0x81', 'as': '0x80', 'method': 'vbr'}])

    def test_without_a_file_mirrors_are_found_by_their_type(self):
        folder = build()
        (folder / 'MIRROR.INI').unlink()
        story = self.start(network(folder, 'mkbootdisk.0'))
        self.check(story, None)
        self.assertIn('MIRROR.INI cannot be used (not-found', story[2])

    def test_damaged_file(self):
        folder = build()
        text = (folder / 'MIRROR.INI').read_bytes()
        for name, bad in (('odd', text.replace(b'timeout=', b'timeour=')), ('long', text + b' ' * 2048)):
            with self.subTest(name):
                (folder / 'MIRROR.INI').write_bytes(bad)
                story = self.start(network(folder, 'mkbootdisk.0'), act=lambda machine: choose(machine, 'Start the shadow'))
                self.check(story, None)
                self.assertIn('MIRROR.INI cannot be used (corrupt, line 3' if name == 'odd' else
                              'MIRROR.INI cannot be fetched, or is too long', story[2])

    def test_own_file_that_cannot_be_had_is_named(self):
        """And the one for all is taken."""
        folder = build('--machine', MAC)
        shutil.copy(folder / MAC_FILE, folder / 'MIRROR.INI')
        with open(folder / MAC_FILE, 'ab') as file:
            file.write(b' ' * 2048)
        story = self.start(network(folder, 'mkbootdisk.0'))
        self.check(story, 'MIRROR.INI')
        self.assertIn(MAC_FILE + ' cannot be fetched, or is too long', story[2])

    def test_file_of_another_machine(self):
        """Its disks are not here; these are looked at as if there was no file."""
        folder = build()
        config = folder / 'MIRROR.INI'
        text = config.read_bytes()
        for half in (make_pair().a, make_pair().b):
            text = text.replace(b'%08x' % half.signature, b'%08x' % (half.signature ^ 0x11111111))
        config.write_bytes(text)
        story = self.start(network(folder, 'mkbootdisk.0'))
        self.check(story, 'MIRROR.INI')
        self.assertIn('MIRROR.INI is for other disks', story[2])

    def test_largest_file(self):
        folder = build()
        for size in (512, 1024, 2048):  # a file that ends with a packet has an empty one behind it
            with self.subTest(size):
                text = (folder / 'MIRROR.INI').read_bytes().rstrip()
                (folder / 'MIRROR.INI').write_bytes(text + b' ' * (size - len(text)))
                self.check(self.start(network(folder, 'mkbootdisk.0')), 'MIRROR.INI')

    def test_nothing_is_written_unattended(self):
        pair = make_pair()
        b, folder = copy(pair.b.path), build()
        config = folder / 'MIRROR.INI'
        config.write_bytes(config.read_bytes().replace(b'break=ask', b'break=auto'))  # which build does not make
        story = self.start(network(folder, 'mkbootdisk.0'),
                           [Disk(pair.a.path, 'absent'), Disk(b, writable=True)])
        self.check(story, 'MIRROR.INI')
        self.assertEqual(changed_sectors(pair.b.path, b), [])
        self.assertIn(NO_JOURNAL, story[2])
        self.assertEqual(events(story[0], 'change planned'), [])

    def test_a_person_may_break_the_mirror_without_an_undo(self):
        pair = make_pair()
        b = copy(pair.b.path)

        def act(machine):
            machine.wait_for(NO_JOURNAL, whole_line=False)
            choose(machine, 'Break the mirror, keeping the shadow, then start it')
            for question, key in (('without this boot disk', 'n'), ('Write this', 'y'), ('No journal', 'y')):
                machine.wait_for(question + r'.*\(y/n\)', whole_line=False)
                machine.send_key(key)

        story = self.start(network(build(timeout='forever'), 'mkbootdisk.0'),
                           [Disk(pair.a.path, 'absent'), Disk(b, writable=True)], act)
        self.check(story, 'MIRROR.INI')
        self.assertEqual(changed_sectors(pair.b.path, b), [0])

    def test_ipxe_by_tftp(self):
        self.check(self.start(network(build('--machine', MAC), 'boot.ipxe')), MAC_FILE)

    def test_ipxe_by_http(self):
        folder = build('--machine', MAC)
        with served(folder) as (address, asked):
            self.check(self.start(network(folder, address + 'boot.ipxe')), address + MAC_FILE)
        self.assertEqual([path for path, status in asked if status == '200'],
                         ['/boot.ipxe', '/mkbootdisk.0', '/' + MAC_FILE])

    def test_without_pxe_it_says_so(self):
        """The program is written to a disk's boot sector, where no PXE ROM is."""
        image = scratch('disk.img')
        recipes.new_image(image, 1 << 20)
        code = (build() / 'mkbootdisk.0').read_bytes()[:510] + b'\x55\xAA'
        recipes.write_at(image, 0, code)
        with Machine([image]) as machine:
            machine.wait_screen('mkbootdisk.0 wants to be started by a PXE ROM')


class Uefi(unittest.TestCase):
    def look(self, plugged, firmware, config, says=''):
        pair = make_pair()
        with Machine([Disk(pair.a.path, 'absent'), pair.b.path], machine='q35', mem=256, firmware=firmware,
                     controller='virtio', extra=plugged, **UEFI[firmware]) as machine:
            machine.wait_for('^ft: verdict .*')
            found = machine.events()
        self.assertEqual([(s['firmware'], s['bootdrive']) for s in events(found, 'start')], [('efi', '0xff')])
        self.assertEqual([c['file'] for c in events(found, 'config')], [config] if config else [])
        self.assertEqual([(v['state'], v['source']) for v in events(found, 'verdict')], [('degraded', 'shadow')])
        self.assertIn(says, machine.output)

    def test_by_the_firmware(self):
        for firmware, program in (('ovmf', 'BOOTX64.EFI'), ('ovmf32', 'BOOTIA32.EFI')):
            with self.subTest(firmware):
                self.look(network(build('--machine', MAC), program, OWN_ROM), firmware, MAC_FILE)
        self.look(network(build('--machine', UUID), 'BOOTX64.EFI', OWN_ROM), 'ovmf', 'machines/%s.ini' % UUID)
        self.look(network(build('--machine', '52:54:00:ab:cd:02'), 'BOOTX64.EFI', OWN_ROM), 'ovmf', None)

    def test_file_that_is_too_long(self):
        folder = build()
        with open(folder / 'MIRROR.INI', 'ab') as file:
            file.write(b'\r\n' * 1024)
        for words in ((folder, 'BOOTX64.EFI', OWN_ROM), (folder, 'boot.ipxe')):
            with self.subTest(words[1]):
                self.look(network(*words), 'ovmf', None, 'MIRROR.INI cannot be fetched, or is too long')

    def test_by_ipxe_and_http(self):
        folder = build('--machine', MAC)
        with served(folder) as (address, asked):
            self.look(network(folder, address + 'boot.ipxe'), 'ovmf', 'MIRROR.INI')
        self.assertEqual([path for path, status in asked if status == '200'],
                         ['/boot.ipxe', '/' + MAC_FILE, '/BOOTX64.EFI'])


if __name__ == '__main__':
    unittest.main()
