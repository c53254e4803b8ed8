# SPDX-License-Identifier: MIT
"""`mkbootdisk build --format pxe`: the folder of a server, whose machines it is for, and `check` of what a machine gets.

Owns the files and their names. How machines start from them is tests/e2e/test_net.py's business.
"""
import unittest

from cli import BUILD, DONE, FOUND, IO, ROOT, USAGE, CliCase, snapshot

OWN = {'mkbootdisk.0', 'boot.ipxe', 'BOOTX64.EFI', 'BOOTIA32.EFI'}
MAC = '52:54:00:AB:CD:01'
MAC_FILE = 'machines/52-54-00-ab-cd-01.ini'
UUID = '8B3A1F00-1111-2222-3333-444455556666'


class NetCase(CliCase):
    def setUp(self):
        super().setUp()
        self.pair()
        self.folder = self.dir / 'server'

    def build(self, *options):
        return self.must(DONE, 'build', '-o', self.folder, '--format', 'pxe', *options, self.a, self.b).out

    def refuses(self, code, says, *options, **more):
        return self.complains(code, says, 'build', '-o', self.folder, '--format', 'pxe', *options, self.a, self.b,
                              **more)

    def names(self):
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob('*') if path.is_file()}


class Folder(NetCase):
    def test_for_every_machine(self):
        said = self.build()
        self.assertEqual(self.names(), OWN | {'MIRROR.INI'})
        for name in OWN - {'boot.ipxe'}:
            self.assertEqual((self.folder / name).read_bytes(), (BUILD / name).read_bytes(), name)
        self.assertEqual((self.folder / 'boot.ipxe').read_bytes(), (ROOT / 'images' / 'boot.ipxe').read_bytes())
        self.assertIn('every machine without a file of its own', said)

    def test_for_machines(self):
        said = self.build('--machine', MAC, '--machine', UUID)
        files = {MAC_FILE, 'machines/%s.ini' % UUID.lower()}
        self.assertEqual(self.names(), OWN | files)
        self.assertEqual(len({(self.folder / name).read_bytes() for name in files}), 1)
        self.assertIn(MAC_FILE, said)

    def test_ways_to_write_an_address(self):
        for given in (MAC, MAC.lower(), MAC.replace(':', '-')):
            with self.subTest(given):
                self.folder = self.dir / given
                self.build('--machine', given)
                self.assertIn(MAC_FILE, self.names())

    def test_another_machine_is_left_alone(self):
        self.build('--machine', MAC)
        before = snapshot(self.folder)
        self.build('--machine', UUID, '--timeout', '5')
        after = snapshot(self.folder)
        self.assertEqual({name: after[name] for name in before if name != 'machines'},
                         {name: before[name] for name in before if name != 'machines'})
        self.assertNotEqual(after['machines/%s.ini' % UUID.lower()], before[MAC_FILE])

    def test_no_address(self):
        for given in ('', '52:54:00:ab:cd', '52:54:00:ab:cd:01:02', '52:54-00:ab:cd:01', '525400abcd01', 'g2:54:00:ab:cd:01',
                      '../../../../etc/x', UUID + '0', UUID.replace('-', ':'), UUID[1:]):
            with self.subTest(given):
                self.refuses(USAGE, '--machine takes', '--machine', given)

    def test_too_many_machines(self):
        self.refuses(USAGE, 'more than 8', *(word for n in range(9) for word in ('--machine', '52:54:00:ab:cd:0%d' % n)))

    def test_machines_are_for_the_network(self):
        self.complains(USAGE, '--machine goes with --format pxe', 'build', '-o', self.dir / 'ft.img', '--machine', MAC,
                       self.a, self.b)

    def test_the_classic_loader_is_for_floppies(self):
        self.refuses(USAGE, 'floppy', '--loader=ntldr')

    def test_where_no_folder_can_be(self):
        self.folder = self.dir / 'nowhere' / 'server'
        self.refuses(IO, 'nowhere/server: No such file')
        self.folder = self.write('file', b'x')
        self.refuses(IO, 'Not a directory')

    def test_a_folder_that_cannot_be_written(self):
        self.folder.mkdir(mode=0o555)
        self.refuses(IO, 'Permission denied', **self.anyone())

    def test_dry_run(self):
        result = self.unchanged(DONE, 'build', '--dry-run', '-o', self.folder, '--format', 'pxe', '--machine', MAC, self.a,
                                self.b)
        for name in OWN | {'MIRROR.INI'}:
            self.assertIn('  %s ' % name, result.out)
        self.assertIn('  as %s:' % MAC_FILE, result.out)


class Check(NetCase):
    def test_what_a_machine_would_do(self):
        self.build('--machine', MAC)
        result = self.unchanged(DONE, 'check', self.folder / MAC_FILE, self.a, self.b)
        self.assertEqual({line.split()[0] for line in result.out.splitlines()[:7]}, {'ok'})
        self.assertRegex(result.out, 'the primary is gone +degraded +starts the shadow as drive 80h')

    def test_other_disks(self):
        self.build()
        disk = self.write('c.img', bytes(8 << 20))
        self.complains(FOUND, 'not here', 'check', self.folder / 'MIRROR.INI', disk)

    def test_damaged(self):
        self.build()
        config = self.folder / 'MIRROR.INI'
        text = config.read_bytes()
        for says, bad in (('line 3 cannot be understood', text.replace(b'timeout', b'timeour')),
                          ('too long', text + b' ' * 2048), ('names no mirror', b'')):
            with self.subTest(says):
                config.write_bytes(bad)
                self.complains(IO, says, 'check', config, self.a, self.b)
        config.unlink()
        self.complains(IO, 'MIRROR.INI: No such file', 'check', config, self.a, self.b)

    def test_it_keeps_no_journal(self):
        self.build()
        for command in ('undo', 'journal', 'log'):
            disks = [self.a, self.b] if command == 'undo' else []
            with self.subTest(command):
                self.complains(IO, 'is a MIRROR.INI, not a boot disk', command, self.folder / 'MIRROR.INI', *disks)


if __name__ == '__main__':
    unittest.main()
