# SPDX-License-Identifier: MIT
"""What Windows NT recorded of a mirror, as survey tells it: halves that were orphaned, rebuilt, disabled, left behind,
given another signature or that no registry knows; on every file system, for every version, wherever NT is installed.

Owns the verdict's evidence at the command line. Expected states follow from what the recipe says happened to the disks.
What the loader does with the same evidence is tests/e2e/test_evidence.py's business.
"""
import json
import re
import struct
import unittest

from cli import DONE, FOUND, REFUSED, SECTOR, defects, disks, recipe_pair
from test_survey_check import SurveyCase
import ftinfo
import nt
import regf

NT = dict(fs='fat16', size_mib=16, nt={})
A, B = 0x1A2B3C4D, 0x5E6F7A8B
CONFIG = 'WINNT/SYSTEM32/CONFIG/'
START = 63
SECTORS = 32 * 16 * 63 - START  # of a half on 16 MiB
IDS = [(signature, START * SECTOR, SECTORS * SECTOR) for signature in (A, B)]
DATA_IS_EMPTY = [('A15', 0), ('A15', 1)]  # two_sets' second mirror has no file system
OLD = dict(sequence=7, written=regf.WRITTEN)  # 1998-03-01 00:00


def later(days, sequence, **more):
    """A registry that was written again, so many days after the first of March."""
    return dict(sequence=sequence, written=regf.WRITTEN + days * 86400 * 10**7, **more)


def two_sets(states=((0, 0), (0, 0)), missing=False):
    """DISK\\Information of a system mirror behind a data mirror on two disks; `missing`: a third disk as well."""
    parts = []
    for disk, signature in enumerate((A, B)):
        data = ftinfo.Partition(63 * SECTOR, 3969 * SECTOR, ftinfo.MIRROR, states[1][disk], 'D', 1, 1, disk, 1)
        system = ftinfo.Partition(4095 * SECTOR, 26145 * SECTOR, ftinfo.MIRROR, states[0][disk], 'C', 1, 0, disk, 2)
        parts.append(ftinfo.Disk(signature, [data, system]))
    sets = [ftinfo.Set([(0, index, states[1 - index][0]), (1, index, states[1 - index][1])]) for index in (1, 0)]
    if missing:
        parts.append(ftinfo.Disk(0x33333333, [ftinfo.Partition(63 * SECTOR, 5000 * SECTOR, letter='E')]))
    return ftinfo.encode(parts, sets)


class Evidence(SurveyCase):
    def look(self, code=FOUND, damage=None, **recipe):
        self.pair(**{**NT, **recipe})
        if damage:
            damage()
        self.found = self.survey(code)
        return self.found

    def check_set(self, expected, index=0):
        """(state, source, state of the primary, state of the shadow) of a set."""
        mirror = self.found['sets'][index]
        self.assertEqual((mirror['state'], mirror['source']) + tuple(m['state'] for m in mirror['members']), expected)

    def check_text(self, *patterns, index=0):
        for pattern in patterns:
            self.assertRegex(self.found['sets'][index]['text'], pattern)

    def check_why(self, *patterns, index=0):
        """A regex for the primary and one for the shadow; None: nothing is wrong with it."""
        for member, pattern in zip(self.found['sets'][index]['members'], patterns):
            if pattern is None:
                self.assertEqual(member['why'], [])
            else:
                self.assertRegex(' '.join(member['why']), pattern)

    def check_findings(self, *expected):
        """Pairs of an id and a disk, in any order, and no others."""
        self.assertEqual(sorted((finding['id'], finding['disk']) for finding in self.found['findings']),
                         sorted(expected))

    def finding(self, wanted):
        return next(finding['text'] for finding in self.found['findings'] if finding['id'] == wanted)


class Healthy(Evidence):
    def test_every_file_system(self):
        for fs, options in (('fat16', {}), ('ntfs', {}), ('ntfs12', {}), ('fat32', {'version': '5.0'}),
                            ('ntfs', {'version': '5.0'}), ('ntfs12', {'version': '3.51'})):
            with self.subTest(fs=fs, **options):
                self.look(DONE, fs=fs, size_mib=40 if fs == 'fat32' else 16, nt=options)
                self.check_set(('healthy', 'primary', 'good', 'good'))
                self.check_why(None, None)
                self.check_findings()
                self.assertEqual(self.found['sets'][0]['letter'], 'C')
                for member in self.found['sets'][0]['members']:
                    self.assertEqual(member['registry'], {'path': '\\WINNT', 'written': '1998-03-01 00:00',
                                                          'sequence': 7, 'clean': True})

    def test_products(self):
        for version, product in (('3.51', 'Windows NT 3.51, build 1057, Service Pack 5'),
                                 ('4.0', 'Windows NT 4.0, build 1381, Service Pack 6'),
                                 ('5.0', 'Microsoft Windows 2000 5.0, build 2195, Service Pack 4')):
            with self.subTest(version=version):
                found = self.look(DONE, nt={'version': version})['installations']
                self.assertEqual([(one['disk'], one['partition'], one['path']) for one in found],
                                 [(0, 1, '\\WINNT'), (1, 1, '\\WINNT')])
                for one in found:
                    self.assertEqual((one['version'], one['product']), (version, product))
                    self.assertEqual((one['registry'], one['disk_information']), ('SYSTEM', 'speaks'))

    def test_letters_of_windows_2000(self):
        """They stand in MountedDevices, whichever half the entry names."""
        for signature, start, expected in ((A, START, 'F'), (B, START, 'F'), (A, START + 1, None), (7, START, None)):
            mounted = {'\\DosDevices\\F:': struct.pack('<IQ', signature, start * SECTOR),
                       '\\??\\Volume{0}': struct.pack('<IQ', A, START * SECTOR), '\\DosDevices\\G:': b'short'}
            with self.subTest(signature=signature, start=start):
                self.look(DONE, fs='ntfs', nt={'version': '5.0', 'information': None, 'mounted': mounted})
                self.check_set(('healthy', 'primary', 'good', 'good'))
                self.assertEqual(self.found['sets'][0].get('letter'), expected)

    def test_two_sets(self):
        recipe = dict(primary_start=4095, sectors=26145, primary_extra=((63, 3969, 0x87),),
                      shadow_extra=((63, 3969, 0x87),))
        self.look(DONE, **recipe, nt={'information': two_sets()})
        self.assertEqual([mirror['letter'] for mirror in self.found['sets']], ['C', 'D'])
        for index in (0, 1):
            self.check_set(('healthy', 'primary', 'good', 'good'), index)
        self.check_findings(*DATA_IS_EMPTY)
        # A data mirror is judged by the system's registry, for it has none of its own.
        self.look(**recipe, nt={'information': two_sets(((0, 0), (1, 0)))})
        self.check_set(('healthy', 'primary', 'good', 'good'))
        self.check_set(('stale', 'shadow', 'stale', 'good'), 1)
        self.check_why('orphaned', None, index=1)

    def test_disk_that_is_gone(self):
        """D16: Disk Administrator saw a third disk once. That is no fault of the mirror."""
        self.look(DONE, primary_start=4095, sectors=26145, primary_extra=((63, 3969, 0x87),),
                  shadow_extra=((63, 3969, 0x87),), nt={'information': two_sets(missing=True)})
        self.check_findings(('D16', 0), ('D16', 1), *DATA_IS_EMPTY)
        self.assertIn('33333333', self.finding('D16'))

    def drivers(self, text, **services):
        """The drivers of disks that start with NT, with these services changed."""
        self.look(DONE, nt={'more_services': services})
        for one in self.found['installations']:
            self.assertEqual(', '.join(one['boot_storage']), text)
        printed = self.run_tool('survey', self.a, self.b).out
        self.assertEqual(re.findall(r'(?m)^ +starts from disks by (.*)$', printed), [text] * 2 if text else [])

    def test_drivers_of_the_start(self):
        """E06: on another kind of controller NT starts only if its driver is one of them."""
        self.drivers('Atapi')
        self.check_findings()
        self.drivers('aic78xx, Atdisk', Atapi=regf.service(3, group='SCSI miniport'),
                     aic78xx=regf.service(0, group='SCSI miniport'), Atdisk=regf.service(0, group='Primary disk'),
                     ncrc810=regf.service(1, group='SCSI miniport'))
        self.check_findings()
        self.drivers('', Atapi=regf.service(4, group='SCSI miniport'))
        self.check_findings(('E06', 0), ('E06', 1))
        self.assertIn('0x7B', self.finding('E06'))

    def test_ftdisk_does_not_start(self):
        self.look(DONE, nt={'more_services': {'Ftdisk': regf.service(4, group='Filter')}})
        self.check_findings(('D15', 0), ('D15', 1))
        self.assertRegex(self.finding('D15'), r'FTDISK.*\b4\b')


class Folders(Evidence):
    def installed(self, *expected):
        found = self.found['installations']
        self.assertEqual([(one['disk'], one['path'].upper()) for one in found], list(expected))

    def test_long_name(self):
        for fs in ('fat16', 'ntfs', 'ntfs12'):
            with self.subTest(fs=fs):
                self.look(DONE, fs=fs, nt={'directory': 'Windows NT Server'})
                self.installed((0, '\\WINDOWS NT SERVER'), (1, '\\WINDOWS NT SERVER'))
                self.assertEqual(self.found['sets'][0]['letter'], 'C')

    def test_nested_folder(self):
        """Not in the root: BOOT.INI tells where."""
        for fs in ('fat16', 'ntfs'):
            with self.subTest(fs=fs):
                self.look(DONE, fs=fs, nt={'directory': 'SYSTEMS/NT4'})
                self.installed((0, '\\SYSTEMS\\NT4'), (1, '\\SYSTEMS\\NT4'))

    def test_nested_folder_with_a_long_name(self):
        """... and it is asked about the mirror."""
        self.look(fs='ntfs', nt={'directory': 'Operating Systems/Server 4.0', 'states': (1, 0)})
        self.installed((0, '\\OPERATING SYSTEMS\\SERVER 4.0'), (1, '\\OPERATING SYSTEMS\\SERVER 4.0'))
        self.check_set(('stale', 'shadow', 'stale', 'good'))

    def test_nested_folder_on_another_volume(self):
        """The small volume in front holds NTLDR and BOOT.INI, which names a folder of the large one."""
        def system_volume():
            volume = self.dir / 'system'
            disks.new_image(volume, 3969 * SECTOR)
            disks.run('mkfs.fat', '-F', '12', '-s', '4', '--invariant', '-h', '63', volume)
            disks.put_files(volume, 'fat16', {'NTLDR': nt.ntldr(), 'NTDETECT.COM': b'detects',
                                              'BOOT.INI': nt.boot_ini('SYSTEMS\\NT4', 2)})
            for image in (self.a, self.b):
                defects.put(image, 63, 0, volume.read_bytes())
                defects.set_entry(image, 1, flag=0)
            defects.set_entry(self.a, 0, flag=0x80)
        extra = ((63, 3969, 0x86),)
        self.look(damage=system_volume, primary_start=4095, sectors=26145, primary_extra=extra, shadow_extra=extra,
                  nt={'directory': 'SYSTEMS/NT4', 'with_loader': False, 'information': two_sets(((1, 0), (1, 0)))})
        self.installed((0, '\\SYSTEMS\\NT4'), (1, '\\SYSTEMS\\NT4'))
        self.assertEqual([one['partition'] for one in self.found['installations']], [2, 2])
        for index in (0, 1):
            self.check_set(('stale', 'shadow', 'stale', 'good'), index)
            self.check_why('orphaned', None, index=index)
        said = json.loads(self.must(DONE, 'break', '--keep', 'shadow', '--dry-run', '--json', self.a, self.b).out)
        places = [(change['disk'], change['lba'] >= 4095) for change in said['changes'] if 'Information' in change['why']]
        self.assertEqual(set(places), {('5e6f7a8b', True)}, said)

    def second(self, **options):
        """Files of another NT on the same volume."""
        return nt.files(directory='WINNT35', with_loader=False, version='3.51', **options)

    def test_two_installations(self):
        """Only one knows the mirror: it is believed."""
        self.look(nt={'states': (1, 0)}, files=self.second())
        self.installed(*((disk, path) for disk in (0, 1) for path in ('\\WINNT', '\\WINNT35')))
        self.check_set(('stale', 'shadow', 'stale', 'good'))
        self.look(nt={'information': None}, files=self.second(information=ftinfo.mirror(IDS, (1, 0))))
        self.check_set(('stale', 'shadow', 'stale', 'good'))

    def test_two_installations_claim_the_mirror(self):
        """Each keeps its own record, so an older one may call healthy what the newer knows better."""
        for one, other in (((0, 0), (1, 0)), ((1, 0), (0, 0))):
            with self.subTest(one=one, other=other):
                self.look(nt={'states': one}, files=self.second(information=ftinfo.mirror(IDS, other)))
                self.check_set(('stale', 'shadow', 'stale', 'good'))
                self.check_findings(('D04', 0), ('T2', 0), ('T2', 1))
                self.assertRegex(self.finding('T2'), r'WINNT\b.*WINNT35|WINNT35.*WINNT\b')


class Recorded(Evidence):
    """The registry says that a half is not whole."""

    def test_rebuilding(self):
        """D02, on either side, in every file system, and by whichever of the two states."""
        shadow, primary = ('resyncing', 'primary', 'good', 'rebuilding'), ('resyncing', 'shadow', 'rebuilding', 'good')
        for fs, states, expected, disk in (('fat16', (0, 2), shadow, 1), ('ntfs12', (0, 3), shadow, 1),
                                           ('fat16', (3, 0), primary, 0), ('ntfs', (2, 0), primary, 0)):
            with self.subTest(fs=fs, states=states):
                self.look(fs=fs, nt={'states': states})
                self.check_set(expected)
                self.check_findings(('D02', disk))
                names = ('primary', 'shadow') if disk else ('shadow', 'primary')
                self.check_text('had not finished copying the %s to the %s' % names,
                                'only the %s is complete' % names[0], 'Nothing has to be done but to start it')

    def test_nothing_to_break(self):
        """While NT copies, a break would throw its work away; who wants that says which half is complete."""
        self.pair(**{**NT, 'nt': {'states': (0, 2)}})
        result = self.complains(REFUSED, ['is resyncing', 'Nothing has to be done', '--keep primary'], 'break', '--write',
                                self.a, self.b)
        self.assertNotIn('--keep shadow', result.err)

    def test_set_is_rebuilding(self):
        """FT_REGISTRY says it of the set and nothing of a member: then it is the second one (Q115579)."""
        for state in (ftinfo.SET_REGENERATING, ftinfo.SET_INITIALIZING):
            with self.subTest(state=state):
                self.look(nt={'information': ftinfo.mirror(IDS, set_state=state)})
                self.check_set(('resyncing', 'primary', 'good', 'rebuilding'))
                self.check_findings(('D02', 1))

    def test_orphaned_primary(self):
        """D04: the shadow ran alone, and its registry knows. Whoever comes with the old primary must be told."""
        for fs in ('fat16', 'ntfs', 'ntfs12'):
            with self.subTest(fs=fs):
                self.look(fs=fs, nt=OLD, shadow_nt=later(3, 40, states=(1, 0)))
                self.check_set(('stale', 'shadow', 'stale', 'good'))
                self.check_why('orphaned', None)
                self.check_findings(('D04', 0))
                self.check_text(r'The shadow \(\S*b\.img\) went on without the primary \(\S*a\.img\)',
                                r'after 1998-03-01', r'starting the primary would lose')
                self.assertIn('0x58', self.finding('D04'))

    def test_orphaned_shadow(self):
        self.look(nt=later(3, 40, states=(0, 1)), shadow_nt=OLD)
        self.check_set(('degraded', 'primary', 'good', 'stale'))
        self.check_why(None, 'orphaned')
        self.check_findings(('D04', 1))
        self.check_text(r'The primary \(\S*a\.img\) went on without the shadow', r'after 1998-03-01')

    def test_orphaned_only_in_the_set(self):
        """The set's member says it, the partition does not (and the other way round, below)."""
        info = ftinfo.encode([ftinfo.Disk(signature, [ftinfo.Partition(start, length, ftinfo.MIRROR)])
                              for signature, start, length in IDS], [ftinfo.Set([(0, 0, 1), (1, 0, 0)])])
        self.look(nt={'information': info})
        self.check_set(('stale', 'shadow', 'stale', 'good'))

    def test_offsets_from_the_registry(self):
        """OffsetToPartitionInfo may count from either place."""
        self.look(nt={'information': ftinfo.mirror(IDS, (1, 0), base='registry')})
        self.check_set(('stale', 'shadow', 'stale', 'good'))

    def test_only_the_orphan_is_here(self):
        """A half alone knows nothing of what came after it."""
        self.pair(**NT, shadow_nt=later(3, 40, states=(1, 0)))
        self.found = self.survey(FOUND, self.a)
        self.check_set(('degraded', 'primary', 'good', 'absent'))

    def test_both_orphaned(self):
        self.look(nt=later(2, 30, states=(0, 1)), shadow_nt=later(3, 40, states=(1, 0)))
        self.check_set(('split', 'none', 'stale', 'stale'))
        self.check_why('orphaned', 'orphaned')
        self.check_findings(('D04', 0), ('D04', 1))
        self.check_text('Each half went on without the other', '1998-03-03', '1998-03-04', 'a person must choose')

    def test_orphan_of_an_older_time(self):
        """The record holds even where the accused half has the later registry: then nothing is left to believe."""
        self.look(nt=OLD, shadow_nt=later(3, 40, states=(0, 1)))
        self.check_set(('split', 'none', 'stale', 'stale'))
        self.check_text('contradicts itself', 'Of the primary: .*older', 'Of the shadow: .*orphaned', 'a person must')

    def test_disabled_by_type(self):
        """D08: C6h or C7h, whatever the registry says."""
        for fs, types, expected, disk in (('fat16', (0xC6, 0x86), ('stale', 'shadow', 'stale', 'good'), 0),
                                          ('ntfs', (0x87, 0xC7), ('degraded', 'primary', 'good', 'stale'), 1)):
            with self.subTest(fs=fs):
                self.look(fs=fs, types=types)
                self.check_set(expected)
                self.check_findings(('D08', disk))
                self.assertIn('disabled', self.finding('D08'))


class Unrecorded(Evidence):
    """D05: the type says mirror, the registry does not: NT stops with C000021A."""

    def test_both(self):
        self.look(nt={'information': None})
        self.check_set(('split', 'none', 'good', 'good'))
        self.check_findings(('D05', 0), ('D05', 1))
        self.check_text('C000021A', 'Break the mirror')
        self.assertIn('C000021A', self.finding('D05'))

    def test_sets_of_other_disks(self):
        other = [(0x11111111,) + IDS[0][1:], (0x22222222,) + IDS[1][1:]]
        self.look(nt={'information': ftinfo.mirror(other)})
        self.check_set(('split', 'none', 'good', 'good'))
        self.check_findings(*((code, disk) for code in ('D05', 'D16') for disk in (0, 1)))

    def test_known_but_no_member(self):
        """Somebody broke the mirror in the registry; the types still have the bits."""
        plain = [ftinfo.Disk(signature, [ftinfo.Partition(start, length, letter='C')])
                 for signature, start, length in IDS]
        self.look(nt={'information': ftinfo.encode(plain, with_ft=False)})
        self.check_set(('split', 'none', 'good', 'good'))
        self.check_findings(('D05', 0), ('D05', 1))

    def test_one_half(self):
        self.look(shadow_nt={'information': None})
        self.check_set(('degraded', 'primary', 'good', 'failing'))
        self.check_findings(('D05', 1))
        self.look(nt={'information': None}, shadow_nt={})
        self.check_set(('degraded', 'shadow', 'failing', 'good'))
        self.check_findings(('D05', 0))

    def test_windows_2000_needs_no_record(self):
        """It writes what it knows onto the disks themselves (Q231376)."""
        self.look(DONE, fs='ntfs', nt={'information': None, 'version': '5.0'})
        self.check_set(('healthy', 'primary', 'good', 'good'))
        self.check_findings()


class Age(Evidence):
    """Neither half accuses the other, but one registry went on."""

    def test_newer_shadow(self):
        for what, after in (('both', later(3, 40)), ('only the time', later(3, 7)), ('only the count', later(0, 40))):
            with self.subTest(later=what):
                self.look(nt=OLD, shadow_nt=after)
                self.check_set(('stale', 'shadow', 'stale', 'good'))
                self.check_why('registry is the older', None)
                self.check_findings(('D04', 0))
                self.check_text('went on without the primary', 'after 1998-03-01')

    def test_newer_primary(self):
        self.look(fs='ntfs', nt=later(3, 40), shadow_nt=OLD)
        self.check_set(('degraded', 'primary', 'good', 'stale'))
        self.check_findings(('D04', 1))

    def test_counts_wrap(self):
        self.look(nt=later(0, 0xFFFFFFF0), shadow_nt=later(3, 5))
        self.check_set(('stale', 'shadow', 'stale', 'good'))

    def test_contradiction(self):
        """Written more often, but earlier: somebody's clock was wrong, or it is another registry."""
        self.look(nt=later(2, 30), shadow_nt=later(3, 20))
        self.check_set(('split', 'none', 'good', 'good'))
        self.check_text('contradict', '1998-03-03', '1998-03-04')
        self.check_findings()

    def test_power_cut_in_a_write(self):
        """Both halves got the same write, one of them only its beginning: they are of one age."""
        hive = regf.system_hive(ftinfo.mirror(IDS), sequence=(8, 7))
        self.look(DONE, shadow_files={CONFIG + 'SYSTEM': hive, CONFIG + 'SYSTEM.ALT': b''})
        self.check_set(('healthy', 'primary', 'good', 'good'))

    def pages(self, states, done):
        """SYSTEM and SYSTEM.LOG as a power cut left them while NT recorded these states."""
        before = regf.system_hive(ftinfo.mirror(IDS))
        after = regf.system_hive(ftinfo.mirror(IDS, states))
        hive, log = regf.interrupted(before, after, done)
        return {CONFIG + 'SYSTEM': hive, CONFIG + 'SYSTEM.LOG': log}

    def test_log_of_an_interrupted_write(self):
        """What was to be written is in SYSTEM.LOG: NT went on with the shadow alone. SYSTEM.ALT is whole, and older."""
        for done in (0, 1):
            with self.subTest(pages_written=done):
                self.look(shadow_files=self.pages((1, 0), done))
                self.check_set(('stale', 'shadow', 'stale', 'good'))
                self.check_why('orphaned', None)

    def test_alternate_hive(self):
        """NT falls back on SYSTEM.ALT, and so does the survey."""
        hive = regf.system_hive(ftinfo.mirror(IDS, (1, 0)))
        self.look(shadow_files={CONFIG + 'SYSTEM': b'\xF6' * len(hive), CONFIG + 'SYSTEM.ALT': hive})
        self.check_set(('stale', 'shadow', 'stale', 'good'))
        self.assertEqual([one['registry'] for one in self.found['installations']], ['SYSTEM', 'SYSTEM.ALT'])
        lines = re.findall(r'(?m)^\S*/([ab]\.img), partition 1: Windows NT 4\.0.* in \\WINNT(.*)$', self.text())
        self.assertEqual([name for name, _ in lines], ['a.img', 'b.img'])
        self.assertEqual(lines[0][1], '')
        self.assertRegex(lines[1][1], r'SYSTEM is damaged or was not written to its end, so SYSTEM\.ALT was read')

    def text(self):
        return self.run_tool('survey', self.a, self.b).out


class Log(Evidence):
    """Where no registry speaks, NTFS's log tells which half wrote last."""

    def combine(self, primary, shadow, recipe):
        """The primary of one pair with the shadow of another, whose logs ended elsewhere."""
        one = recipe_pair(**recipe, ntfs12={'lsn': primary})
        other = recipe_pair(**recipe, ntfs12={'lsn': shadow})
        self.a, self.b = self.dir / 'a.img', self.dir / 'b.img'
        disks.copy_sparse(one.a.path, self.a)
        disks.copy_sparse(other.b.path, self.b)

    def test_log(self):
        recipe = dict(fs='ntfs12', size_mib=16, files={'README.TXT': b'data\r\n'})
        for primary, shadow, expected in ((0x100000, 0x200000, ('stale', 'shadow', 'stale', 'good')),
                                          (0x900000, 0x200000, ('degraded', 'primary', 'good', 'stale')),
                                          (0x100000, 0x100000, ('healthy', 'primary', 'good', 'good'))):
            with self.subTest(primary=primary, shadow=shadow):
                self.combine(primary, shadow, recipe)
                self.found = self.survey(DONE if primary == shadow else FOUND)
                self.check_set(expected)
                self.check_findings(*[('D04', int(primary > shadow))] * (primary != shadow))

    def test_contents_differ(self):
        """Where the contents differ under equal registries, the log decides."""
        self.combine(0x100000, 0x200000, dict(fs='ntfs12', size_mib=16, nt={}))
        defects.stale_copy(self.b, START)
        self.found = self.survey(FOUND)
        self.check_set(('stale', 'shadow', 'stale', 'good'))
        self.check_why('log is the older', None)


class Signatures(Evidence):
    def test_no_signature(self):
        """A19: FDISK /MBR wiped it. No set can be told by its signatures then."""
        self.look(damage=lambda: defects.signature(self.a, 0))
        self.assertIn(('A19', 0), [(finding['id'], finding['disk']) for finding in self.found['findings']])
        self.assertEqual(self.found['sets'], [])
        self.assertRegex(self.run_tool('survey', self.a, self.b).err, r'a\.img.*signature 0.*A19')

    def test_another_signature(self):
        """The registries know the old one: NT would stop with C000021A on the half that lost it."""
        self.look(damage=lambda: defects.signature(self.a, 0x77777777))
        self.check_set(('degraded', 'shadow', 'failing', 'good'))
        self.assertIn(('D05', 0), [(finding['id'], finding['disk']) for finding in self.found['findings']])
        self.assertNotIn(('D05', 1), [(finding['id'], finding['disk']) for finding in self.found['findings']])

    def test_signature_of_another_disk(self):
        """A disk that is no half carries a half's signature: which of the two is meant, nobody can tell."""
        self.pair(**NT)
        third = defects.blank(self.dir / 'c.img', 16)
        defects.same_signature(third, self.b)
        defects.put(third, 0, 510, b'\x55\xaa')
        self.found = self.survey(FOUND, self.a, self.b, third)
        self.check_set(('split', 'none', 'good', 'foreign'))
        self.check_text('Two disks carry the signature 5e6f7a8b of the shadow', 'unplugged')

    def test_equal_signatures(self):
        self.look(damage=lambda: defects.same_signature(self.b, self.a))
        self.assertIn(('A20', 1), [(finding['id'], finding['disk']) for finding in self.found['findings']])
        self.assertRegex(self.finding('A20'), r'same signature.*a\.img')
        self.assertRegex(self.run_tool('survey', self.a, self.b).err, r'A20')


if __name__ == '__main__':
    unittest.main()
