# SPDX-License-Identifier: MIT
"""survey against sfdisk and against what the images were made to be; check for every scenario and for boot disks that
are damaged, foreign or none. JSON and text must say the same.

Owns the answers; how bad disks are refused is test_bad_input.py's business.
"""
import json
import os
import re
import subprocess
import unittest

from cli import DONE, FOUND, IO, REFUSED, SECTOR, SMALL, USAGE, CliCase, defects, disks, recipe_pair

SCENARIOS = ['both-present', 'primary-absent', 'primary-dead', 'shadow-absent', 'shadow-dead', 'swapped', 'third-disk']
EXPECTED = ['primary', 'shadow', 'shadow', 'primary', 'primary', 'primary', 'primary']
NT = dict(fs='ntfs', size_mib=16, nt={})
LAYOUTS = {
    'plain': SMALL,
    'ntfs type': dict(SMALL, types=(0x87, 0x87)),
    'fat32 type': dict(SMALL, types=(0x8B, 0x8B)),
    'other places': dict(SMALL, shadow_start=1071, sectors=5000),
    'logical shadow': dict(SMALL, logical='shadow'),
    'logical both': dict(SMALL, logical='both'),
    'unmirrored neighbours': dict(SMALL, primary_start=4095, sectors=4000, primary_extra=((63, 2000, 0x06),
                                                                                          (2063, 1000, 0x83)),
                                  shadow_extra=((63, 3969, 0x07),)),
    'two sets': dict(SMALL, primary_start=4095, primary_extra=((63, 3969, 0x87),), shadow_extra=((63, 3969, 0x87),)),
    'fat16': dict(fs='fat16', size_mib=32),
    'ntfs': dict(fs='ntfs', size_mib=32),
}


class SurveyCase(CliCase):
    def survey(self, code, *paths):
        """The parsed survey; the text must agree with it, and nothing may change."""
        paths = paths or (self.a, self.b)
        found = json.loads(self.unchanged(code, 'survey', '--json', *paths).out)
        text = self.unchanged(code, 'survey', *paths).out
        for disk in found['disks']:
            self.assertIn('%s: %d sectors, signature %s, %s' % (disk['path'], disk['sectors'], disk['signature'],
                                                              disk['state']), text)
            for entry in disk['partitions']:
                self.assertRegex(text, r'partition %d: type %02Xh .*LBA %d, %d sectors?\b' % (
                    entry['number'], entry['type'], entry['start_lba'], entry['sectors']))
            self.assertNotRegex(text, r'\b1 sectors|\b1 times')
        for mirror in found['sets']:
            letter = ' (%s:)' % mirror['letter'] if 'letter' in mirror else ''
            self.assertIn('mirror %d%s: %s. %s' % (mirror['id'], letter, mirror['state'], mirror['text']), text)
            for member in mirror['members']:
                self.assertRegex(text, r'%s +%s' % (member['role'], member['state']))
                for why in member['why']:
                    self.assertIn(why, text)
        for finding in found['findings']:
            self.assertIn('%s %s: %s' % (finding['id'], found['disks'][finding['disk']]['path'], finding['text']), text)
        return found

    def ids(self, found):
        return sorted((finding['id'], finding['disk']) for finding in found['findings'])

    def states(self, code, *paths):
        """(state, source, state of the primary, state of the shadow) of the first set."""
        mirror = self.survey(code, *paths)['sets'][0]
        return (mirror['state'], mirror['source']) + tuple(member['state'] for member in mirror['members'])


class Survey(SurveyCase):
    def sfdisk(self, path):
        done = subprocess.run(['sfdisk', '-J', path], capture_output=True, check=True,
                              env=dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin'))
        table = json.loads(done.stdout)['partitiontable']
        entries = [(int(p['type'], 16), p['start'], p['size'], p.get('bootable', False))
                   for p in table['partitions'] if p['type'] not in ('5', 'f', '85')]
        return table['id'], entries

    def test_against_sfdisk(self):
        for name, recipe in LAYOUTS.items():
            self.pair(**recipe)
            found = self.survey(DONE)
            for index, path in enumerate((self.a, self.b)):
                with self.subTest(layout=name, disk=index):
                    disk = found['disks'][index]
                    identity, entries = self.sfdisk(path)
                    self.assertEqual('0x' + disk['signature'], identity)
                    self.assertEqual(disk['sectors'] * SECTOR, os.path.getsize(path))
                    self.assertEqual([(p['type'], p['start_lba'], p['sectors'], p['active'])
                                      for p in disk['partitions']], entries)
                    self.assertEqual([p['number'] for p in disk['partitions']], list(range(1, len(entries) + 1)))

    def test_members(self):
        for name, recipe in LAYOUTS.items():
            with self.subTest(layout=name):
                self.pair(**recipe)
                made, found = recipe_pair(**recipe), self.survey(DONE)
                mirror = found['sets'][0]  # the one whose primary is active
                self.assertEqual((mirror['kind'], mirror['state'], mirror['source']), ('mirror', 'healthy', 'primary'))
                for member, disk, role in zip(mirror['members'], (made.a, made.b), ('primary', 'shadow')):
                    self.assertEqual((member['role'], member['state'], member['why']), (role, 'good', []))
                    entry = found['disks'][member['disk']]['partitions'][member['partition'] - 1]
                    self.assertEqual((entry['start_lba'], entry['sectors']), (disk.member_start, disk.sectors))
                self.assertEqual(self.ids(found), self.without_file_system(recipe))
                self.assertEqual(len(found['sets']), 2 if name == 'two sets' else 1)

    def without_file_system(self, recipe):
        """What must be found where a recipe makes no file system: of which kind, the types of the halves tell."""
        if recipe['fs'] != 'none':
            return []
        kinds = [*recipe.get('types', (0x86,)), *(kind for _, _, kind in recipe.get('primary_extra', ()))]
        codes = {'A15' if kind & 0x3F == 7 else 'A16' for kind in kinds if kind & 0x80}
        return sorted((code, disk) for code in codes for disk in (0, 1))

    def test_order_of_the_call_decides_the_roles(self):
        self.pair()
        mirror = self.survey(DONE, self.b, self.a)
        self.assertEqual(mirror['disks'][0]['signature'], '5e6f7a8b')
        self.assertEqual(mirror['sets'][0]['members'][0]['disk'], 0)

    def test_other_disks_around(self):
        self.pair()
        blank, plain = defects.blank(self.dir / 'blank.img', 8), self.dir / 'plain.img'
        disks.copy_sparse(self.a, plain)
        defects.signature(plain, 0x77777777)
        defects.unmirrored(plain)
        for name, paths in {'behind': (self.a, self.b, plain), 'in front': (plain, self.a, self.b),
                            'between': (self.a, plain, self.b)}.items():
            with self.subTest(plain=name):
                mirror = self.survey(DONE, *paths)['sets'][0]
                self.assertEqual([m['disk'] for m in mirror['members']], [paths.index(self.a), paths.index(self.b)])
        self.assertEqual(self.survey(FOUND, blank, self.a, self.b)['sets'][0]['state'], 'healthy')


class Defects(SurveyCase):
    def damaged(self, damage, expected, **recipe):
        self.pair(**(recipe or SMALL))
        damage()
        self.assertEqual(self.states(FOUND), expected)

    def test_disabled_halves(self):
        self.damaged(lambda: defects.orphaned(self.a), ('stale', 'shadow', 'stale', 'good'))
        self.damaged(lambda: defects.orphaned(self.b), ('degraded', 'primary', 'good', 'stale'))
        self.damaged(lambda: (defects.orphaned(self.a), defects.orphaned(self.b)), ('split', 'none', 'stale', 'stale'))

    def test_disabled_logical_member(self):
        recipe = dict(SMALL, logical='both')
        ebr = recipe_pair(**recipe).a.ebr
        self.damaged(lambda: defects.orphaned(self.a, 0, ebr), ('stale', 'shadow', 'stale', 'good'), **recipe)

    def test_disabled_halves_of_other_types(self):
        recipe = dict(SMALL, types=(0xC7, 0x87))
        self.damaged(lambda: None, ('stale', 'shadow', 'stale', 'good'), **recipe)

    def test_halves_differ(self):
        self.damaged(lambda: defects.garbage(self.b, 63), ('split', 'none', 'good', 'good'))
        found = self.survey(FOUND)['sets'][0]
        self.assertIn('first at sector 0', found['text'])

    def test_one_half_given(self):
        self.pair()
        for path, number in ((self.a, 0), (self.b, 0)):
            found = self.survey(FOUND, path)
            mirror = found['sets'][0]
            self.assertEqual(mirror['state'], 'degraded')
            good = [m for m in mirror['members'] if m['state'] == 'good']
            absent = [m for m in mirror['members'] if m['state'] == 'absent']
            self.assertEqual((len(good), len(absent), good[0]['disk']), (1, 1, number))
            self.assertTrue(absent[0]['why'])

    def test_broken_primary_before_a_mirrored_shadow(self):
        """Somebody cleared the primary's bits by hand: the shadow is still a member and must be found."""
        self.pair()
        defects.unmirrored(self.a)
        found = self.survey(FOUND)
        self.assertEqual(len(found['sets']), 1)
        self.pair()
        defects.unmirrored(self.b)
        self.assertEqual(len(self.survey(FOUND)['sets']), 1)

    def test_truncated(self):
        self.damaged(lambda: os.truncate(self.a, 4 << 20), ('degraded', 'shadow', 'failing', 'good'))
        self.assertEqual(self.survey(FOUND)['findings'][0]['id'], 'M6')
        self.damaged(lambda: os.truncate(self.b, 4 << 20), ('degraded', 'primary', 'good', 'failing'))

    def test_findings(self):
        for damage, code in ((defects.no_magic, 'M1'), (defects.dynamic, 'M7'), (defects.past_end, 'M6')):
            with self.subTest(code=code):
                self.pair(fs='fat16', size_mib=16)
                damage(self.b)
                found = self.survey(FOUND)
                self.assertEqual([(f['id'], f['disk']) for f in found['findings']], [(code, 1)])
                self.assertEqual(found['disks'][1]['state'], 'damaged')

    def test_boot_sectors_gone(self):
        """A15, A16: the halves agree, and neither starts."""
        for fs, code in (('ntfs', 'A15'), ('fat16', 'A16')):
            with self.subTest(fs=fs):
                self.pair(fs=fs, size_mib=16)
                for image in (self.a, self.b):
                    defects.wiped(image, 63)
                found = self.survey(DONE)
                self.assertEqual((found['sets'][0]['state'], self.ids(found)), ('healthy', [(code, 0), (code, 1)]))
                self.assertIn('sector 63', found['findings'][0]['text'])
                self.must(DONE, 'explain', code)

    def test_one_boot_sector_gone(self):
        self.pair(fs='ntfs', size_mib=16)
        defects.garbage(self.b, 63)
        self.assertEqual(self.ids(self.survey(FOUND)), [('A15', 1)])

    def test_unreadable_is_no_damaged_boot_sector(self):
        """The image ends before the half begins: its sectors are what is wrong."""
        self.pair(fs='fat16', size_mib=16)
        os.truncate(self.b, 40 * SECTOR)
        self.assertEqual(self.ids(self.survey(FOUND)), [('M6', 1)])

    def test_one_sector(self):
        """Numbers agree with their nouns."""
        self.pair(**dict(SMALL, primary_start=4095, sectors=4000, primary_extra=((63, 1, 0x06),)))
        self.survey(DONE)
        tiny = self.write('tiny.img', bytes(510) + b'\x55\xaa')
        self.assertIn('tiny.img: 1 sector, ', self.unchanged(FOUND, 'survey', tiny, self.a).out)

    def test_odd_size(self):
        """A copy that ended in the middle of a sector."""
        self.pair()
        boot = self.floppy()
        with open(self.b, 'ab') as image:
            image.write(b'x' * 100)
        for words in (('survey',), ('check', boot), ('build', '-o', self.dir / 'other.img')):
            with self.subTest(command=words[0]):
                result = self.must(DONE, *words, self.a, self.b)
                self.assertRegex(result.err, r'^mkbootdisk: warning: \S*b\.img: ends 100 bytes into a sector.*\n$')

    def test_names_in_json(self):
        self.pair()
        odd = self.dir / 'a "quoted\\ \n\u00fc.img'
        os.rename(self.a, odd)
        out = json.loads(self.must(DONE, 'survey', '--json', odd, self.b).out)
        self.assertEqual(out['disks'][0]['path'], str(odd))


class AfterABreak(SurveyCase):
    """What is left is an ordinary volume, and nothing is wrong with it."""

    def broken(self, keep, *options):
        self.pair(**NT)
        self.must(DONE, 'break', '--write', '--keep', keep, '--undo-file', self.dir / 'undo', *options, self.a, self.b)
        return {'primary': self.a, 'shadow': self.b}[keep]

    def test_survivor(self):
        for keep in ('primary', 'shadow'):
            with self.subTest(keep=keep):
                survivor = self.broken(keep)
                self.assertEqual(self.survey(DONE, survivor)['sets'], [])
                result = self.must(DONE, 'survey', survivor)
                self.assertIn('%s, partition 1: an ordinary volume now; the registry of \\WINNT knows of no mirror' %
                              survivor, result.out)
                self.assertEqual(result.err, '')
                (self.dir / 'undo').unlink()

    def test_only_the_type_was_changed(self):
        """Then Disk Administrator has something left to do."""
        survivor = self.broken('primary', '--partial')
        result = self.unchanged(FOUND, 'survey', survivor)
        self.assertRegex(result.err, r'a\.img, partition 1: .*registry of \\WINNT still lists it.*Disk Administrator')

    def test_disks_without_nt(self):
        """Nothing says that they ever were in a mirror, nor that they were not."""
        self.pair(fs='fat16', size_mib=16)
        for image in (self.a, self.b):
            defects.unmirrored(image)
        self.assertIn('Give the two disks of a mirror', self.unchanged(FOUND, 'survey', self.a, self.b).err)


class WrongPlace(CliCase):
    """A boot disk where a disk should be."""

    def setUp(self):
        super().setUp()
        self.pair()
        self.boot = self.floppy()

    def test_check(self):
        for words in ((self.a, self.b, self.boot), (self.a, self.boot, self.b)):
            self.complains(IO, r'a\.img: is no boot disk, but \S*ft\.img is: the boot disk comes first', 'check',
                           *words)

    def test_classic(self):
        ntldr = self.write('ntldr', b'N' * 3000)
        boot = self.floppy('--loader=ntldr', '--ntldr', ntldr, '--ntdetect', ntldr)
        self.complains(IO, 'the boot disk comes first', 'check', self.a, self.b, boot)

    def test_survey(self):
        self.complains(USAGE, r'ft\.img: is a boot disk.*the boot disk comes first', 'survey', self.boot, self.a,
                       self.b)

    def test_lab(self):
        self.complains(REFUSED, r'a\.img holds a half of a mirror; the boot disk comes first', 'lab', self.a, self.boot)
        other = self.floppy(name='other.img')
        self.complains(REFUSED, r'other\.img is a boot disk; the boot disk comes first', 'lab', self.boot, self.a,
                       other)


class Explain(CliCase):
    def test_sorted(self):
        """By letter, then by number, in the text and in JSON."""
        found = json.loads(self.must(DONE, 'explain', '--json').out)['ids']
        for kind in ('site', 'failure'):
            ids = [entry['id'] for entry in found if entry['kind'] == kind]
            self.assertEqual(ids, sorted(ids, key=lambda name: (name[0], int(name[1:]))))
        text = re.findall(r'(?m)^([A-Z]\d+) ', self.must(DONE, 'explain').out)
        self.assertEqual(text, [entry['id'] for entry in found])


class Check(CliCase):
    def check(self, code, boot, *paths):
        """{scenario: outcome}; the text must agree, and nothing may change."""
        paths = paths or (self.a, self.b)
        found = json.loads(self.unchanged(code, 'check', '--json', boot, *paths).out)['scenarios']
        text = self.unchanged(code, 'check', boot, *paths).out.splitlines()
        text = [line for line in text if re.match('ok |ask|BAD', line)]
        self.assertEqual([outcome['scenario'] for outcome in found], SCENARIOS)
        self.assertEqual(len(text), len(found))
        for line, outcome in zip(text, found):
            self.assertEqual(line.startswith('ok'), outcome['ok'], line)
            self.assertIn(outcome['state'], line)
            if outcome['starts']:
                self.assertIn('starts the ' + outcome['source'], line)
            self.assertEqual(outcome['breaks'], 'breaks' in line)
        self.assertEqual(code == DONE, all(outcome['ok'] for outcome in found))
        return {outcome['scenario']: outcome for outcome in found}

    def test_healthy(self):
        for name, recipe in LAYOUTS.items():
            with self.subTest(layout=name):
                self.pair(**recipe)
                found = self.check(DONE, self.floppy())
                self.assertEqual([found[name]['source'] for name in SCENARIOS], EXPECTED)
                self.assertEqual([found[name]['state'] for name in SCENARIOS],
                                 ['healthy'] + ['degraded'] * 4 + ['healthy'] * 2)
                self.assertFalse(any(outcome['breaks'] for outcome in found.values()))

    def test_automatic_break(self):
        self.pair()
        found = self.check(DONE, self.floppy('--break', 'auto'))
        self.assertEqual([found[name]['breaks'] for name in SCENARIOS], [False, True, True, True, True, False, False])

    def test_classic_floppy(self):
        """It starts what the BIOS shows first; the rest needs a person, and check says so."""
        self.pair(**NT)
        ntldr = self.write('ntldr', b'N' * 3000)
        boot = self.floppy('--loader=ntldr', '--ntldr', ntldr, '--ntdetect', ntldr)
        found = self.check(FOUND, boot)
        self.assertEqual([found[name]['method'] for name in SCENARIOS if found[name]['starts']],
                         ['ntldr-floppy'] * sum(outcome['starts'] for outcome in found.values()))
        self.assertTrue(found['both-present']['ok'] and found['shadow-absent']['ok'] and found['primary-absent']['ok'])
        for name in ('swapped', 'third-disk'):
            self.assertFalse(found[name]['ok'], name)
        self.assertFalse(found['primary-dead']['ok'])  # the shadow is then the second disk still

    def ntldr_floppy(self):
        ntldr = self.write('ntldr', b'N' * 3000)
        return self.floppy('--ntldr', ntldr, '--ntdetect', ntldr)

    def test_ntldr_from_the_floppy(self):
        """With its boot code gone, a half starts by the floppy's NTLDR, whose default must name its partition."""
        self.pair(**NT)
        for image in (self.a, self.b):
            defects.put(image, 63, 0, b'\0\0\0')
        found = self.check(DONE, self.ntldr_floppy())
        self.assertEqual({outcome['method'] for outcome in found.values()}, {'ntldr-floppy'})
        self.assertEqual([found[name]['source'] for name in SCENARIOS], EXPECTED)

    def test_ntldr_needs_another_entry(self):
        """As a logical drive the shadow has another number than the primary, so the default entry misses it."""
        recipe = dict(NT, logical='shadow', shadow_extra=((63, 200, 0x06),))
        made = recipe_pair(**recipe)
        self.pair(**recipe)
        for image, disk in ((self.a, made.a), (self.b, made.b)):
            defects.put(image, disk.member_start, 0, b'\0\0\0')
        boot = self.ntldr_floppy()
        found = self.check(FOUND, boot)
        self.assertTrue(found['both-present']['ok'])
        self.assertFalse(found['primary-absent']['starts'])
        self.assertIn('choose entry 2 for the shadow', self.run_tool('check', boot, self.a, self.b).out)

    def test_boot_ini_that_ntldr_rejects(self):
        self.pair()
        good = 'multi(0)disk(0)rdisk(0)partition(1)\\WINNT'
        for default, entry, message in ((good, good.replace('rdisk', 'disk'), 'C04'), (good + 'X', good, 'C02'),
                                        ('', good, 'C02')):
            boot = self.ntldr_floppy()
            text = '[boot loader]\r\ndefault=%s\r\n[operating systems]\r\n%s="x"\r\n' % (default, entry)
            subprocess.run(['mcopy', '-o', '-i', boot, self.write('boot.ini', text.encode()), '::BOOT.INI'], check=True)
            with self.subTest(default=default, entry=entry):
                self.complains(FOUND, ['BOOT.INI', message], 'check', boot, self.a, self.b)

    def test_no_boot_sector_on_the_half(self):
        """Neither half can start itself: only NTLDR on the floppy helps, and each row says so."""
        for types, code in (((0x86, 0x86), 'A16'), ((0x87, 0x87), 'A15')):
            with self.subTest(types=types):
                self.pair(**dict(SMALL, types=types))
                for image in (self.a, self.b):
                    defects.wiped(image, 63)
                boot = self.floppy()
                found = self.check(FOUND, boot)
                self.assertFalse(any(outcome['starts'] for outcome in found.values()))
                for outcome in found.values():
                    self.assertRegex(' '.join(outcome['problems']),
                                     r'boot sector starts nothing \(%s\).*--ntldr' % code)
                text = self.run_tool('check', boot, self.a, self.b).out
                self.assertEqual(len(re.findall(r'(?m)^BAD .*\n {8}its boot sector starts nothing', text)), len(found))

    def test_default_entry_that_stops(self):
        """The entry is the right one, so choosing it does not help."""
        self.pair(**NT)
        for image in (self.a, self.b):
            defects.put(image, 63, 0, b'\0\0\0')
        boot = self.ntldr_floppy()
        subprocess.run(['mdel', '-i', boot, '::NTDETECT.COM'], check=True)
        found = self.check(FOUND, boot)
        text = self.run_tool('check', boot, self.a, self.b).out
        self.assertEqual({outcome['method'] for outcome in found.values()}, {'ntldr-floppy'})
        self.assertNotIn('choose entry', text)
        self.assertRegex(text, r'BAD both disks are there .*cannot start the primary\n {8}NTDETECT\.COM is missing')

    def test_stage2_is_gone_or_short(self):
        self.pair()
        for damage in ('deleted', 'short', 'first cluster gone'):
            boot = self.floppy()
            if damage != 'first cluster gone':
                subprocess.run(['mdel', '-i', boot, '::STAGE2.BIN'], check=True)
            if damage == 'short':
                subprocess.run(['mcopy', '-i', boot, self.write('short', b'S' * 100), '::STAGE2.BIN'], check=True)
            if damage == 'first cluster gone':
                raw = bytearray(boot.read_bytes())
                at = raw.index(b'STAGE2  BIN', SECTOR)
                raw[at + 26:at + 28] = b'\xf0\x0f'
                boot.write_bytes(raw)
            with self.subTest(damage=damage):
                result = self.unchanged(FOUND, 'check', boot, self.a, self.b)
                self.assertRegex(result.err, r'ft\.img: STAGE2')
                json.loads(self.unchanged(FOUND, 'check', '--json', boot, self.a, self.b).out)

    def test_stage2_is_damaged(self):
        """Bytes of the loader rotted on the floppy."""
        self.pair()
        boot = self.floppy()
        raw = bytearray(boot.read_bytes())
        code = (disks.build_dir() / 'STAGE2.BIN').read_bytes()
        raw[raw.index(code) + len(code) // 2] ^= 0x40
        boot.write_bytes(raw)
        self.assertRegex(self.unchanged(FOUND, 'check', boot, self.a, self.b).err, r'ft\.img: STAGE2')

    def test_boot_sector_is_damaged(self):
        """What the BIOS reads first: jump, code and the loader's name; on a stick the MBR's code comes before them."""
        self.pair()
        stick = 2048 * SECTOR  # where its partition begins
        for options, places in (((), (0, 0x3E, 0x1F0, 0x1F3, 0x1FE)), (('--format', 'usb'), (0, 439, stick, stick + 0x80)),
                                (('--format', '720'), (0x80,))):
            boot = self.floppy(*options)
            good = boot.read_bytes()
            self.must(DONE, 'check', boot, self.a, self.b)
            for at in places:
                with self.subTest(options=options, at=at):
                    boot.write_bytes(good[:at] + bytes((good[at] ^ 0x20,)) + good[at + 1:])
                    self.assertRegex(self.unchanged(FOUND, 'check', boot, self.a, self.b).err,
                                     r'ft\.img: its boot sector is damaged')

    def test_other_files_are_gone(self):
        self.pair()
        for name in ('MIRROR.INI', 'FTJOURNL.DAT'):
            boot = self.floppy()
            subprocess.run(['mdel', '-i', boot, '::' + name], check=True)
            with self.subTest(name=name):
                self.complains(IO, [r'ft\.img', name], 'check', boot, self.a, self.b)

    def test_mirror_ini_is_nonsense(self):
        self.pair()
        boot = self.floppy()
        for content in (b'[set 1]\r\nprimary=xyz\r\n', b'\0' * 600, b'[set 1]\r\n', os.urandom(100)):
            subprocess.run(['mcopy', '-o', '-i', boot, self.write('ini', content), '::MIRROR.INI'], check=True)
            with self.subTest(content=content[:20]):
                self.complains(IO, [r'ft\.img', 'MIRROR.INI'], 'check', boot, self.a, self.b)

    def test_built_for_other_disks(self):
        self.pair('other', **dict(SMALL, signatures=(0x11111111, 0x22222222)))
        boot = self.floppy()
        self.pair()
        result = self.unchanged(FOUND, 'check', boot, self.a, self.b)
        self.assertFalse(any(outcome['ok'] for outcome in self.check(FOUND, boot).values()))
        self.assertRegex(result.out + result.err, r'(?i)other disks|not .*built for|11111111')

    def test_no_boot_disk(self):
        self.pair()
        for name, content in {'random': os.urandom(1440 * 1024), 'zeros': bytes(1440 * 1024), 'short': b'x' * 600,
                              'text': b'not a floppy\n' * 999}.items():
            with self.subTest(name=name):
                self.complains(IO, name, 'check', self.write(name, content), self.a, self.b)

    def test_truncated_boot_disk(self):
        self.pair()
        boot = self.floppy()
        whole = boot.read_bytes()
        for size in (512, 5000, 9000, 20000, 60000):
            boot.write_bytes(whole[:size])
            with self.subTest(size=size):
                result = self.run_tool('check', boot, self.a, self.b)
                self.assertIn(result.code, (FOUND, IO), str(result))
                self.assertRegex(result.err, r'ft\.img')

    def test_a_disk_given_as_boot_disk(self):
        self.pair(fs='fat16', size_mib=32)
        self.complains(IO, r'a\.img', 'check', self.a, self.a, self.b)

    def test_one_disk_left(self):
        self.pair()
        boot = self.floppy()
        text = self.unchanged(FOUND, 'check', boot, self.b)
        self.assertNotIn('both disks are there', text.out)
        self.assertIn('ok  as now, without the primary ', text.out)
        self.assertIn('the primary, disk 1a2b3c4d, is not among the disks', text.err)
        other = self.unchanged(FOUND, 'check', boot, self.a)
        self.assertIn('ok  as now, without the shadow ', other.out)
        self.assertIn('the shadow, disk 5e6f7a8b, is not among the disks', other.err)
        found = json.loads(self.run_tool('check', '--json', boot, self.b).out)['scenarios']
        for outcome in found:
            if outcome['scenario'] not in ('shadow-absent', 'shadow-dead'):
                self.assertEqual((outcome['state'], outcome['source'], outcome['starts']), ('degraded', 'shadow', True))
            else:
                self.assertFalse(outcome['starts'])

    def test_two_disks_with_one_signature(self):
        """A copy of a disk beside it: which of them is meant, nobody can tell."""
        self.pair()
        boot = self.floppy()
        third = self.dir / 'c.img'
        disks.copy_sparse(self.b, third)
        text = self.unchanged(FOUND, 'check', boot, self.a, self.b, third).out
        self.assertIn('ask both disks are there ', text)
        self.assertRegex(text, r'(?s)Two of these disks carry the signature.*has to be unplugged')

    def test_stale_primary(self):
        self.pair()
        boot = self.floppy()
        defects.orphaned(self.a)
        found = self.check(self.run_tool('check', boot, self.a, self.b).code, boot)
        self.assertEqual((found['both-present']['state'], found['both-present']['source']), ('stale', 'shadow'))
        self.assertTrue(found['both-present']['ok'])
        self.assertFalse(found['shadow-absent']['starts'])  # nobody starts the old half unasked


if __name__ == '__main__':
    unittest.main()
