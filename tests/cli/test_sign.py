# SPDX-License-Identifier: MIT
"""`mkbootdisk build --sign-key KEY --sign-cert CERT`: sbverify finds the UEFI loaders of every medium signed with that
key and no other, and they are our loaders still. What firmware makes of it is tests/e2e/test_secure_boot.py's."""
import os
import re
import tempfile
import unittest

from cli import BUILD, DONE, IO, REFUSED, USAGE, snapshot
import test_formats
from test_formats import LOADERS, FormatCase, Volume, tool

HEADERS = 1024  # where a signature is entered: the checksum, and one of the directories
KEYS = None


def setUpModule():
    """Two keys with certificates: NAME.key and NAME.pem."""
    global KEYS
    KEYS = tempfile.TemporaryDirectory(prefix='mkb-keys-')
    for name in ('mine', 'other'):
        tool('openssl', 'req', '-new', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=' + name,
             '-keyout', key(name), '-out', certificate(name))


def tearDownModule():
    KEYS.cleanup()


def key(name):
    return os.path.join(KEYS.name, name + '.key')


def certificate(name):
    return os.path.join(KEYS.name, name + '.pem')


class Sign(FormatCase):
    sign = property(lambda self: ['--sign-key', key('mine'), '--sign-cert', certificate('mine')])

    def signed(self, loader, name):
        """The loader, as it came from the build, is in there with one signature, which is by our key."""
        path = self.write('tmp/loader.efi', loader)
        tool('sbverify', '--cert', certificate('mine'), path)
        self.assertEqual(re.findall(rb'^signature \d+', tool('sbverify', '--list', path), re.M), [b'signature 1'])
        tool('sbverify', '--cert', certificate('other'), path, status=1)
        path.unlink()
        original = (BUILD / name).read_bytes()
        self.assertEqual(loader[HEADERS:len(original)], original[HEADERS:], name)

    def test_every_medium(self):
        for kind, start in (('1440', 0), ('2880', 0), ('usb', 2048), ('esp', 2048), ('iso', None)):
            with self.subTest(kind):
                path, said = self.build(kind, *self.sign)
                volume = Volume(path, test_formats.Cds.images(self, path)[0][1][2] if start is None else start)
                for name in LOADERS:
                    self.signed(volume.read('EFI/BOOT/' + name), name)
                self.assertRegex(said, r'UEFI loaders are signed: .* trusts \S*mine\.pem')

    def test_folder(self):
        folder = self.dir / 'esp'
        folder.mkdir()
        self.must(DONE, 'build', '-o', folder, '--format', 'esp', *self.sign, self.a, self.b)
        for name in LOADERS:
            self.signed((folder / 'EFI' / 'mkbootdisk' / name).read_bytes(), name)

    def test_one_more_machine_in_a_signed_network_folder(self):
        folder = self.dir / 'server'
        build = ['build', '-o', folder, '--format', 'pxe', self.a, self.b]
        self.must(DONE, *build, *self.sign)
        for more in ([], ['--machine', '52:54:00:12:34:56']):
            self.must(DONE, *build, *more)
            for name in LOADERS:
                self.signed((folder / name).read_bytes(), name)

    def test_nothing_is_signed_unasked(self):
        path, said = self.build('1440')
        loader = self.write('loader.efi', Volume(path).read('EFI/BOOT/BOOTX64.EFI'))
        self.assertEqual(tool('sbverify', '--list', loader), b'')
        self.assertNotIn('signed', said)

    def refuses(self, code, says, *options, **more):
        return self.complains(code, says, 'build', '-o', self.dir / 'out.img', *options, self.a, self.b, **more)

    def test_both_or_none(self):
        for option, file in (('--sign-key', key('mine')), ('--sign-cert', certificate('mine'))):
            self.refuses(USAGE, '--sign-key and --sign-cert', option, file)

    def test_a_medium_that_only_a_bios_starts(self):
        for kind in ('720', '1200'):
            self.refuses(USAGE, '--sign-key.*UEFI', '--format', kind, *self.sign)

    def test_files_that_are_not_there(self):
        for option in ('--sign-key', '--sign-cert'):
            self.refuses(IO, "'nowhere': No such file", *self.sign, option, 'nowhere')

    def test_a_key_that_is_not_the_certificates(self):
        self.refuses(IO, ['does not match certificate', 'sbsign failed'], *self.sign, '--sign-key', key('other'))

    def test_what_is_no_key(self):
        self.refuses(IO, ["Can't load key", 'sbsign failed'], *self.sign, '--sign-key', certificate('mine'))

    def test_without_sbsign(self):
        folder = self.dir / 'bin'
        folder.mkdir()
        for name in ('mformat', 'mcopy', 'mmd'):
            (folder / name).symlink_to(tool('sh', '-c', 'command -v ' + name).decode().strip())
        self.refuses(IO, 'sbsign.*Install sbsigntool', *self.sign, env=dict(PATH=str(folder)))

    def test_an_sbsign_that_does_nothing(self):
        folder = self.dir / 'bin'
        folder.mkdir()
        (folder / 'sbsign').symlink_to('/bin/true')
        self.refuses(IO, 'sbsign did not make a signed BOOTX64.EFI', *self.sign,
                     env=dict(PATH='%s:%s' % (folder, os.environ['PATH'])))

    def test_the_key_is_not_written_over(self):
        for name in (key('mine'), certificate('mine')):
            before = snapshot(KEYS.name)
            self.complains(REFUSED, 'also an input', 'build', '-o', name, *self.sign, self.a, self.b)
            self.assertEqual(snapshot(KEYS.name), before)

    def test_dry_run(self):
        result = self.unchanged(DONE, 'build', '--dry-run', '-o', self.dir / 'out.img', *self.sign, self.a, self.b)
        self.assertEqual(len([line for line in result.out.splitlines() if '.EFI' in line and 'a signature' in line]), 2)


if __name__ == '__main__':
    unittest.main()
