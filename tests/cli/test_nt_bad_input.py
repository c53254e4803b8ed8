# SPDX-License-Identifier: MIT
"""Disks whose Windows NT is damaged: registries that are empty, cut off, wrong or of another version, volumes that were
not shut down, file systems and BOOT.INIs full of nonsense. Every command ends, says what it found and with a documented
exit code, and nobody's disk is changed.

Owns what is wrong inside of volumes; disks and tables that are wrong are test_bad_input.py's business.
"""
import json
import random
import re
import struct
import unittest

from cli import DONE, FOUND, REFUSED, SECTOR, CliCase, defects, disks, recipe_pair
from test_dryrun import Fat
import ftinfo
import regf

NT = dict(fs='fat16', size_mib=16, nt={})
START, SECTORS = 63, 32193
CONFIG = 'WINNT/SYSTEM32/CONFIG/'
IDS = [(signature, START * SECTOR, SECTORS * SECTOR) for signature in (0x1A2B3C4D, 0x5E6F7A8B)]
HIVE = regf.system_hive(ftinfo.mirror(IDS))


def wrong_sum(hive):
    return hive[:508] + bytes((hive[508] ^ 1,)) + hive[509:]


def patched(hive, at, data):
    return regf.seal(hive[:at] + data + hive[at + len(data):])


REGISTRIES = {
    'empty': b'',
    'cut in the base block': HIVE[:300],
    'cut in the bins': HIVE[:6000],
    'wrong checksum': wrong_sum(HIVE),
    'zeros': bytes(len(HIVE)),
    'noise': random.Random(3).randbytes(len(HIVE)),
    'version 2.0': patched(HIVE, 20, struct.pack('<I', 2)),
    'root outside': patched(HIVE, 36, struct.pack('<I', 0x7FFFFFF0)),
    'larger than the file': patched(HIVE, 40, struct.pack('<I', 0x40000000)),
}


class NtBadInput(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.floppies = {}

    def good_floppy(self, fs='fat16'):
        """A boot disk that was built before anything was damaged."""
        if fs not in self.floppies:
            self.floppies[fs] = self.floppy(pair=recipe_pair(**{**NT, 'fs': fs})).read_bytes()
        return self.write('good.img', self.floppies[fs])

    def prepare(self, **recipe):
        boot = self.good_floppy(recipe.get('fs', 'fat16'))
        self.pair(**{**NT, **recipe})
        return boot

    def survey(self, code):
        """Parsed; the text must end with the same code."""
        self.text = self.unchanged(code, 'survey', self.a, self.b).out
        return json.loads(self.unchanged(code, 'survey', '--json', self.a, self.b).out)

    def findings(self, found):
        return sorted((finding['id'], finding['disk']) for finding in found['findings'])

    def state(self, found):
        mirror = found['sets'][0]
        return (mirror['state'], mirror['source']) + tuple(member['state'] for member in mirror['members'])

    def build(self, code=DONE, *options):
        out = self.dir / 'out.img'
        out.unlink(missing_ok=True)
        return self.must(code, 'build', *options, '-o', out, self.a, self.b)

    def floppy_text(self, name):
        return disks.run('mtype', '-i', self.dir / 'out.img', '::' + name)


class Registry(NtBadInput):
    def test_damaged_on_both(self):
        """SYSTEM and SYSTEM.ALT: nothing speaks, so only the disks do; NT itself does not start from it."""
        for name, hive in REGISTRIES.items():
            with self.subTest(registry=name):
                boot = self.prepare(files={CONFIG + 'SYSTEM': hive, CONFIG + 'SYSTEM.ALT': hive})
                found = self.survey(DONE)
                self.assertEqual(self.state(found), ('healthy', 'primary', 'good', 'good'))
                self.assertEqual(self.findings(found), [('B09', 0), ('B09', 1)])
                self.assertIn('registry of \\WINNT on partition 1 is damaged', self.text)
                self.assertEqual([one['disk_information'] for one in found['installations']], ['damaged'] * 2)
                checked = self.unchanged(FOUND, 'check', boot, self.a, self.b)
                self.assertRegex(checked.out, r'BAD both disks are there.*\n( {8}.*\n)* {8}the registry is damaged')
                self.build()

    def test_never_called_healthy(self):
        """What the registry did not say, build does not say in its name."""
        for what, options, files in (('damaged', {}, {CONFIG + 'SYSTEM': b'', CONFIG + 'SYSTEM.ALT': b''}),
                                     ('unknown', {'information': ftinfo.mirror(IDS, version=4)}, {}),
                                     ('silent', {'information': None, 'version': '5.0'}, {})):
            with self.subTest(registry=what):
                self.prepare(nt=options, files=files)
                self.assertNotRegex(self.build().out, 'knows the mirror')

    def failing(self, bad):
        """That half is named. The other one is the one to start, or, where what differs between them was sampled, a
        person is asked: the registry that cannot be read may be the newer one."""
        found = self.survey(FOUND)
        good = 'shadow' if bad == 'primary' else 'primary'
        state, source, *members = self.state(found)
        self.assertIn((state, source), [('degraded', good), ('split', 'none')])
        self.assertEqual(members, ['failing' if role == bad else 'good' for role in ('primary', 'shadow')])
        self.assertIn('its registry is damaged', self.text)
        return found

    def test_damaged_on_one(self):
        """No boot disk is built before that is mended."""
        for name in ('empty', 'cut in the bins', 'wrong checksum', 'noise'):
            with self.subTest(registry=name):
                damaged = {CONFIG + 'SYSTEM': REGISTRIES[name], CONFIG + 'SYSTEM.ALT': b'x' * 4096}
                boot = self.prepare(shadow_files=damaged)
                self.assertEqual(self.findings(self.failing('shadow')), [('B09', 1)])
                self.complains(FOUND, 'mirror 1 is (degraded|split)', 'build', '-o', self.dir / 'out.img',
                               self.a, self.b)
                self.unchanged(FOUND, 'check', boot, self.a, self.b)
                self.prepare(files=damaged,
                             shadow_files={CONFIG + 'SYSTEM': HIVE, CONFIG + 'SYSTEM.ALT': HIVE})
                self.failing('primary')

    def test_alternate_is_as_good(self):
        """... where SYSTEM is no hive."""
        for name in ('empty', 'cut in the bins', 'wrong checksum', 'noise', 'version 2.0'):
            with self.subTest(registry=name):
                self.prepare(files={CONFIG + 'SYSTEM': REGISTRIES[name]})
                found = self.survey(DONE)
                self.assertEqual([one['registry'] for one in found['installations']], ['SYSTEM.ALT'] * 2)
                self.assertEqual(self.findings(found), [])

    def test_write_that_was_cut(self):
        """Neither log nor alternative fits: SYSTEM is read as it is."""
        self.prepare(files={CONFIG + 'SYSTEM': regf.system_hive(ftinfo.mirror(IDS, (1, 0)), sequence=(9, 8)),
                            CONFIG + 'SYSTEM.ALT': b'', CONFIG + 'SYSTEM.LOG': random.Random(4).randbytes(1024)})
        found = self.survey(FOUND)
        self.assertEqual(self.state(found), ('stale', 'shadow', 'stale', 'good'))
        self.assertFalse(found['sets'][0]['members'][0]['registry']['clean'])
        self.assertIn('the last write was cut off', self.text)

    def test_software_is_damaged(self):
        """It only tells the version."""
        self.prepare(files={CONFIG + 'SOFTWARE': b'noise' * 999})
        found = self.survey(DONE)
        self.assertEqual(self.state(found), ('healthy', 'primary', 'good', 'good'))
        self.assertIn('unknown version', found['installations'][0]['product'])


class Information(NtBadInput):
    """DISK\\Information that cannot be used."""

    def look(self, information, **recipe):
        boot = self.prepare(nt={'information': information}, **recipe)
        found = self.survey(DONE)
        self.assertEqual(self.state(found), ('healthy', 'primary', 'good', 'good'))
        self.build()
        self.unchanged(DONE, 'check', boot, self.a, self.b)
        return found

    def test_unknown_version(self):
        for version in (0, 1, 4, 0xFFFFFFFF):
            with self.subTest(version=version):
                found = self.look(ftinfo.mirror(IDS, (1, 0), version=version))
                self.assertEqual(self.findings(found), [('T1', 0), ('T1', 1)])
                self.assertIn('not known', self.text)
                self.assertEqual([one['disk_information'] for one in found['installations']], ['unknown'] * 2)

    def test_unknown_version_is_never_edited(self):
        """A break is refused; with --partial it changes the partition's type and not one byte of the volume."""
        self.prepare(nt={'information': ftinfo.mirror(IDS, version=4)})
        before = [image.read_bytes() for image in (self.a, self.b)]
        call = ('break', '--write', '--keep', 'primary', '--undo-file', self.dir / 'undo')
        self.complains(REFUSED, ['version that is not known', '--partial'], *call, self.a, self.b)
        self.must(DONE, *call, '--partial', self.a, self.b)
        after = [image.read_bytes() for image in (self.a, self.b)]
        self.assertTrue(before[1] == after[1])
        self.assertNotEqual(before[0][:SECTOR], after[0][:SECTOR])
        self.assertTrue(before[0][SECTOR:] == after[0][SECTOR:])

    def test_nonsense(self):
        """Sizes and offsets that contradict each other; more than fits; nothing at all."""
        good = ftinfo.mirror(IDS)
        for name, information in {'empty': b'', 'three bytes': b'\3\0\0', 'cut': good[:100],
                                  'long': b'\3\0\0\0' * 9000, 'too many disks': good[:44] + b'\xff\xff' + good[46:],
                                  'offset outside': good[:20] + b'\xf0\xff\xff\x7f' + good[24:],
                                  'noise': b'\3\0\0\0' + random.Random(5).randbytes(400)}.items():
            with self.subTest(information=name):
                found = self.look(information)
                self.assertEqual(self.findings(found), [('B09', 0), ('B09', 1)])

    def test_not_binary(self):
        """A key DISK without the value, a value of another type."""
        tree = regf.system_tree()
        for name, disk in {'no value': {}, 'text': {'Information': regf.sz('hello')},
                           'a key': {'Information': {}}}.items():
            with self.subTest(disk=name):
                hive = regf.build({**tree, 'DISK': disk})
                self.prepare(files={CONFIG + 'SYSTEM': hive, CONFIG + 'SYSTEM.ALT': hive})
                found = self.run_tool('survey', self.a, self.b)
                self.assertIn(found.code, (DONE, FOUND), str(found))
                self.assertRegex(found.out, 'D05|B09')

    def test_unknown_states(self):
        """Numbers nobody has explained say nothing."""
        self.look(ftinfo.mirror(IDS, states=(9, 0), set_state=77))


class Volumes(NtBadInput):
    def test_not_shut_down(self):
        """A dirty volume is what every power cut leaves: told, and no reason to stop."""
        for fs, options in (('fat16', {}), ('ntfs12', {'flags': 1, 'lsn': 0x100000}),
                            ('ntfs12', {'lsn': 0x100000, 'clean': False})):
            with self.subTest(fs=fs):
                boot = self.prepare(fs=fs, ntfs12=options)
                if fs == 'fat16':
                    for image in (self.a, self.b):
                        defects.put(image, START, 0x25, b'\1')
                found = self.survey(DONE)
                self.assertEqual(self.state(found), ('healthy', 'primary', 'good', 'good'))
                self.assertEqual(self.text.count('the volume was not shut down'), 2)
                self.build()
                self.unchanged(DONE, 'check', boot, self.a, self.b)

    def test_log_file_is_noise(self):
        """$LogFile's restart pages: no evidence then."""
        boot = self.prepare(fs='ntfs12', ntfs12={'lsn': 0x100000})
        for image in (self.a, self.b):
            raw = image.read_bytes()
            places = [match.start() for match in re.finditer(b'RSTR', raw) if match.start() % SECTOR == 0]
            self.assertEqual(len(places), 2)
            for at in places:
                disks.write_at(image, at, random.Random(6).randbytes(2048))
        self.assertEqual(self.state(self.survey(DONE)), ('healthy', 'primary', 'good', 'good'))
        self.unchanged(DONE, 'check', boot, self.a, self.b)

    def test_chain_of_the_hive_loops(self):
        """SYSTEM cannot be read; SYSTEM.ALT may still be."""
        for names, registry in ((('SYSTEM     ',), 'SYSTEM.ALT'), (('SYSTEM     ', 'SYSTEM  ALT'), None)):
            with self.subTest(loops=names):
                boot = self.prepare()
                for image in (self.a, self.b):
                    for name in names:
                        Fat(image, name + ' ').loop()
                found = self.survey(DONE)
                self.assertEqual([one.get('registry') for one in found['installations']], [registry] * 2)
                self.assertEqual(self.findings(found), [] if registry else [('B09', 0), ('B09', 1)])
                checked = self.unchanged(FOUND, 'check', boot, self.a, self.b)
                self.assertIn('\\WINNT\\SYSTEM32\\CONFIG\\SYSTEM is damaged', checked.out)

    def test_chain_of_a_directory_loops(self):
        """The folder SYSTEM32: what is in its first cluster is found, whatever is looked for behind it ends."""
        boot = self.prepare()
        for image in (self.a, self.b):
            Fat(image, 'SYSTEM32   ').loop()
        for words in (('survey',), ('check', boot), ('build', '-o', self.dir / 'out.img')):
            result = self.run_tool(*words, self.a, self.b, timeout=10)
            self.assertIn(result.code, (DONE, FOUND), str(result))

    def damaged_ntfs(self, pattern, replacement):
        """Index blocks or records of NT's volume."""
        for fs in ('ntfs12', 'ntfs'):
            with self.subTest(fs=fs):
                boot = self.prepare(fs=fs)
                for image in (self.a, self.b):
                    raw = image.read_bytes()
                    places = [match.start() for match in re.finditer(pattern, raw) if match.start() % SECTOR == 0]
                    self.assertTrue(places)
                    for at in places:
                        disks.write_at(image, at, replacement)
                self.assertEqual(self.state(self.survey(DONE)), ('healthy', 'primary', 'good', 'good'))
                checked = self.complains(FOUND, r'no longer has Windows NT where it was', 'check', boot, self.a, self.b)
                self.assertNotIn('Dry run: all', checked.out)
                self.build()

    def test_ntfs_index(self):
        self.damaged_ntfs(b'INDX', b'BAAD')

    def test_ntfs_records(self):
        self.damaged_ntfs(b'FILE(?=.[\0])', b'BAAD')

    def test_noise_in_the_volume(self):
        """Wherever it hits, the commands end."""
        boot = self.prepare()
        dice = random.Random(8)
        for fs in ('fat16', 'ntfs'):
            for n in range(4):
                with self.subTest(fs=fs, n=n):
                    self.prepare(fs=fs)
                    for _ in range(40):
                        at, data = dice.randrange(1, 5000), dice.randbytes(SECTOR)
                        for image in (self.a, self.b):
                            defects.put(image, START + at, 0, data)
                    for words in (('survey',), ('check', boot), ('build', '-o', self.dir / 'out.img')):
                        result = self.run_tool(*words, self.a, self.b, timeout=20)
                        self.assertIn(result.code, (DONE, FOUND), str(result))


class BootIni(NtBadInput):
    def test_odd_files(self):
        """Too long, binary, without line ends, of one line: the installation is found all the same."""
        entry = b'[operating systems]\r\nmulti(0)disk(0)rdisk(0)partition(1)\\WINNT="NT"\r\n'
        for name, ini in {'100 KB': b'[boot loader]\r\n' * 7000 + entry, 'binary': bytes(range(256)) * 20,
                          'zeros': bytes(700), 'no line end': b'x' * 5000, 'empty lines': b'\r\n' * 3000,
                          'no quotes': entry.replace(b'"', b''),
                          'two equals': b'[operating systems]\r\n==\r\n=\r\n="\r\n'}.items():
            with self.subTest(ini=name):
                boot = self.prepare(files={'BOOT.INI': ini})
                found = self.survey(DONE)
                self.assertEqual([one['path'] for one in found['installations']], ['\\WINNT'] * 2)
                self.build()
                self.assertIn(b'default=multi(0)disk(0)rdisk(0)partition(1)\\WINNT\r\n', self.floppy_text('BOOT.INI'))
                self.assertIn(self.run_tool('check', boot, self.a, self.b).code, (DONE, FOUND))

    def test_only_plain_text_goes_onto_the_boot_disk(self):
        """Illegal bytes can crash NTLDR (B09: Q303418)."""
        path = b'multi(0)disk(0)rdisk(0)partition(1)\\WINNT'
        ini = b'[boot loader]\r\ndefault=%s\r\n[operating systems]\r\n' % path
        ini += b'%s="N\x01T\x1b \xff\x80" /sos\x02\r\n%s\xfe\x03="b"\r\n' % (path, path)
        self.prepare(files={'BOOT.INI': ini})
        self.build()
        text = self.floppy_text('BOOT.INI')
        self.assertEqual(re.findall(rb'[^\x20-\x7e\r\n]', text), [])

    def test_many_entries(self):
        lines = b''.join(b'multi(0)disk(0)rdisk(0)partition(1)\\NT%d="Number %d"\r\n' % (n, n) for n in range(60))
        self.prepare(files={'BOOT.INI': b'[boot loader]\r\ndefault=multi(0)disk(0)rdisk(0)partition(1)\\NT7\r\n'
                                        b'[operating systems]\r\n' + lines})
        self.build()
        text = self.floppy_text('BOOT.INI')
        self.assertIn(b'default=multi(0)disk(0)rdisk(0)partition(1)\\NT7\r\n', text)
        self.assertLessEqual(text.split(b'[operating systems]')[1].count(b'='), 10)

    def test_long_path(self):
        """Longer than any folder may be: not offered, never cut."""
        long = b'multi(0)disk(0)rdisk(0)partition(1)\\' + b'F' * 300
        ini = b'[boot loader]\r\ndefault=%s\r\n[operating systems]\r\n%s="x"\r\n' % (long, long)
        self.prepare(files={'BOOT.INI': ini})
        self.build()
        self.assertNotIn(b'FFFF', self.floppy_text('BOOT.INI'))


if __name__ == '__main__':
    unittest.main()
