# SPDX-License-Identifier: MIT
"""The loader and what Windows NT recorded: with a boot disk that was built while all was well, the disks come back
orphaned, half copied, unknown to their registry, renamed, repartitioned or damaged; which half starts, or that none
does unasked, and what the dry run says.

Owns those starts. That a start as such is right (drive map, boot sector, what is written) is test_boot.py's business,
which half a registry speaks for is tests/cli/test_evidence.py's.
"""
import functools
import re
import struct
import unittest

import defects
from qemu import Disk, Machine, recipes
from test_boot import PROMPT, SECTOR, build, choose, copy, scratch, start, started
import ftinfo
import regf

A, B = 0x1A2B3C4D, 0x5E6F7A8B
START, SECTORS = 63, 32193
CONFIG = 'WINNT/SYSTEM32/CONFIG/'
OLD = dict(sequence=7, written=regf.WRITTEN)                             # 1998-03-01 00:00
NEW = dict(sequence=40, written=regf.WRITTEN + 3 * 86400 * 10**7)        # 1998-03-04 00:00
FILES = 15  # that NTLDR reads: see tests/cli/test_dryrun.py


def pair(fs='fat16', **recipe):
    """A pair with Windows NT 4.0 on it."""
    return recipes.make_pair(scratch('pair'), fs=fs, size_mib=16, **{'nt': OLD, **recipe})


@functools.lru_cache
def floppy(fs='fat16', timeout=0):
    """Built before anything happened to the disks."""
    return build(pair(fs), timeout=timeout)


class EvidenceCase(unittest.TestCase):
    maxDiff = None

    def starts(self, disks, signature, verdict, members, fs='fat16'):
        """The half with this signature starts by itself."""
        story = start(disks, floppy(fs))
        self.assertEqual(started(story), signature, story.text)
        self.told(story.event, verdict, members)
        boot, = story.event('boot')
        self.assertEqual((boot['source'], boot['as']), (verdict[1], '0x80'))
        return story

    def told(self, event, verdict, members):
        """(state, source), and for each half (state, part of the reason)."""
        self.assertEqual(event('verdict'), [dict(zip(('set', 'state', 'source'), ('1',) + verdict))])
        for told, role, (state, why) in zip(event('member'), ('primary', 'shadow'), members):
            self.assertEqual((told['role'], told['state']), (role, state))
            self.assertRegex(told['why'], why or '^$')

    def waits(self, disks, verdict, members, fs='fat16', then=None):
        """Nothing starts although the time-out is a second: the machine's own clock passes it."""
        with Machine(disks, floppy=floppy(fs, 1)) as machine:
            machine.wait_for(PROMPT)
            begin = self.ticks(machine)
            while self.ticks(machine) < begin + 37:
                self.assertIsNone(machine.process.poll())
            self.assertNotIn('is taken in', machine.output)
            self.assertNotIn('boot', [name for name, _ in machine.events()])
            self.told(lambda name: [fields for kind, fields in machine.events() if kind == name], verdict, members)
            text = machine.output
            if then:
                machine.at = 0
                choose(machine, then)
                machine.wait_exit()
                return text, int(machine.payload()['sig80'], 16)
            return text, None

    def ticks(self, machine):
        target = machine.dir / 'ticks'
        machine.qmp('pmemsave', val=0x46C, size=4, filename=str(target))
        return struct.unpack('<I', target.read_bytes())[0]


class Verdicts(EvidenceCase):
    def test_unfinished_copy(self):
        """D02: the complete half starts; the other one alone is not started unasked."""
        a, b = pair(nt={**OLD, 'states': (0, 2)})
        self.starts([a, b], A, ('resyncing', 'primary'), [('good', ''), ('rebuilding', 'not finished')])
        text, chosen = self.waits([Disk(a, 'dead'), b], ('split', 'none'), [('dead', 'cannot be read'),
                                                                            ('rebuilding', 'not finished')],
                                  then='Start the shadow, an UNFINISHED copy')
        self.assertEqual(chosen, B)

    def test_orphaned_primary(self):
        """D04: the old primary is back. The shadow's registry knows better than the primary's."""
        for fs in ('fat16', 'ntfs', 'ntfs12'):
            with self.subTest(fs=fs):
                story = self.starts(list(pair(fs, shadow_nt={**NEW, 'states': (1, 0)})), B, ('stale', 'shadow'),
                                    [('stale', 'orphaned'), ('good', '')], fs)
                told = [{key: fields[key] for key in ('role', 'path', 'written', 'sequence')}
                        for fields in story.event('registry')]
                self.assertEqual(told, [
                    {'role': 'primary', 'path': '\\WINNT', 'written': '1998-03-01 00:00', 'sequence': '7'},
                    {'role': 'shadow', 'path': '\\WINNT', 'written': '1998-03-04 00:00', 'sequence': '40'}])
                self.assertEqual(story.payload['count'], '01')  # the old half is hidden

    def test_newer_registry(self):
        """Nobody recorded an orphan, but the primary went on alone."""
        self.starts(list(pair('ntfs', nt=NEW, shadow_nt=OLD)), A, ('degraded', 'primary'),
                    [('good', ''), ('stale', 'registry is the older')], 'ntfs')

    def test_both_orphaned(self):
        """Each half was started without the other."""
        a, b = pair(nt={**NEW, 'states': (0, 1)}, shadow_nt={**NEW, 'states': (1, 0)})
        text, chosen = self.waits([a, b], ('split', 'none'), [('stale', 'orphaned')] * 2,
                                  then='Start the shadow: what only the other half has would be lost')
        self.assertIn('No half is started unasked', text)
        self.assertEqual(chosen, B)

    def test_registry_does_not_know_the_mirror(self):
        """D05: NT would stop with C000021A, so neither the two halves nor the one that is left start unasked."""
        a, b = pair(nt={**OLD, 'information': None})
        why = 'registry does not know the mirror'
        self.waits([a, b], ('split', 'none'), [('good', why)] * 2)
        self.waits([Disk(a, 'dead'), b], ('degraded', 'shadow'), [('dead', 'cannot be read'), ('good', why)])

    def test_disabled_half(self):
        """D08: C6h stands in the table, and the registries say nothing of it."""
        self.starts(list(pair(types=(0xC6, 0x86))), B, ('stale', 'shadow'), [('stale', 'disabled'), ('good', '')])

    def test_empty_registry(self):
        """The primary's SYSTEM has no bytes, and no alternative: NT starts from the other half."""
        ids = [(signature, START * SECTOR, SECTORS * SECTOR) for signature in (A, B)]
        hive = regf.system_hive(ftinfo.mirror(ids))
        damaged = pair(files={CONFIG + 'SYSTEM': b'', CONFIG + 'SYSTEM.ALT': b''},
                       shadow_files={CONFIG + 'SYSTEM': hive, CONFIG + 'SYSTEM.ALT': hive})
        self.starts(list(damaged), B, ('degraded', 'shadow'), [('failing', 'registry is damaged'), ('good', '')])


    def test_a_volume_that_was_not_shut_down(self):
        """The halves differ and nothing tells which is newer. Which one was in use to its end is told, and proves
        nothing."""
        a, b = map(copy, pair())
        defects.stale_copy(b, START)
        defects.put(a, START, 0x25, b'\1')
        text, _ = self.waits([a, b], ('split', 'none'), [('good', 'differ')] * 2)
        screen = re.sub(r'(?m)^ft: .*\n', '', text)
        self.assertRegex(screen, r'primary  .*differ.*\s+\\WINNT: registry of 1998-03-01 00:00 UTC, written 7 times\s+'
                                 r'the volume was not shut down\s+shadow ')
        self.assertEqual(screen.count('not shut down'), 1)


class NothingToDecide(EvidenceCase):
    """What the survey warns of, and no reason not to start the primary."""

    def fine(self, disks):
        story = self.starts(disks, A, ('healthy', 'primary'), [('good', ''), ('good', '')])
        self.assertEqual(story.event('outdated'), [])
        self.assertEqual([story.written[n] for n in (0, 1, 'floppy')], [[], [], []])

    def test_primary_is_still_there(self):
        """D03: the shadow beside a primary that answers is started by choice only, with what NT does then."""
        self.fine(list(pair()))
        def act(machine):
            choose(machine, r'Start the shadow \(NT stops while the primary is connected\)')
        story = start(list(pair()), floppy(timeout='forever'), act)
        self.assertEqual(started(story), B)
        self.assertEqual([story.written[n] for n in (0, 1)], [[], []])

    def test_ftdisk_does_not_start(self):
        """D15"""
        self.fine(list(pair(nt={**OLD, 'more_services': {'Ftdisk': regf.service(4, group='Filter')}})))

    def test_disk_that_is_gone(self):
        """D16: the registry still lists a third disk."""
        parts = [ftinfo.Disk(signature, [ftinfo.Partition(START * SECTOR, SECTORS * SECTOR, ftinfo.MIRROR)])
                 for signature in (A, B)]
        parts.append(ftinfo.Disk(0x33333333, [ftinfo.Partition(START * SECTOR, 5000 * SECTOR, letter='E')]))
        self.fine(list(pair(nt={**OLD, 'information': ftinfo.encode(parts, [ftinfo.Set([(0, 0, 0), (1, 0, 0)])])})))


class Signatures(EvidenceCase):
    def test_wiped(self):
        """A19: FDISK /MBR on the primary. The boot disk knows which signature was there."""
        a, b = pair()
        a = copy(a)
        defects.signature(a, 0)
        self.starts([a, b], B, ('degraded', 'shadow'), [('foreign', 'another signature'), ('good', '')])

    def test_copied(self):
        """A20: one disk was copied onto the other, signature and all."""
        a, b = pair()
        b = copy(b)
        defects.same_signature(b, a)
        text, _ = self.waits([a, b], ('split', 'none'), [('foreign', 'two disks carry this signature'),
                                                         ('absent', 'no disk with this signature')])
        self.assertIn('No half is started unasked', text)


class Freshness(EvidenceCase):
    def test_partitioned_anew(self):
        """F06: said at every start; the machine starts all the same."""
        a, b = pair()
        b = copy(b)
        defects.set_entry(b, 1, start=32256, sectors=400, kind=0x06)
        story = self.starts([a, b], A, ('healthy', 'primary'), [('good', ''), ('good', '')])
        self.assertEqual(story.event('outdated'), [{'disk': '%08x' % B, 'why': 'was partitioned anew'}])
        self.assertIn('Disk %08x was partitioned anew: build this boot disk again.' % B, story.text)

    def test_windows_moved(self):
        story = self.starts(list(pair(nt={**OLD, 'directory': 'NT40'})), A, ('healthy', 'primary'),
                            [('good', ''), ('good', '')])
        self.assertEqual([fields['disk'] for fields in story.event('outdated')], ['%08x' % A, '%08x' % B])
        self.assertIn('no longer has Windows NT where it was', story.text)

    def test_as_it_was(self):
        for fs in ('fat16', 'ntfs'):
            story = self.starts(list(pair(fs)), A, ('healthy', 'primary'), [('good', ''), ('good', '')], fs)
            self.assertEqual(story.event('outdated'), [])


class DryRun(EvidenceCase):
    def dry_run(self, disks, role, says, fs='fat16'):
        """{file: fields} and the result; what is started in the end is the primary, and only by a key."""
        def act(machine):
            self.assertEqual(len(machine.disks), 2)
            choose(machine, r'Dry run: would the %s start\?' % role)
            machine.wait_for(says)
            choose(machine, r'Start the primary\r?$')
        story = start(disks, floppy(fs, 'forever'), act)
        self.assertEqual(started(story), A)
        self.assertEqual(len(story.event('boot')), 1)
        self.assertEqual([story.written[n] for n in (0, 1)], [[], []])
        result, = [fields for fields in story.event('dryrun') if 'result' in fields]
        files = {fields['file']: fields for fields in story.event('dryrun') if 'file' in fields}
        self.assertEqual((result['role'], int(result['files'])), (role, len(files)))
        bad = {name: fields['why'] for name, fields in files.items() if fields['state'] == 'bad'}
        self.assertEqual(int(result['problems']), len(bad))
        return result['result'], len(files), bad, story.text

    def test_all_is_there(self):
        for fs in ('fat16', 'ntfs', 'ntfs12'):
            with self.subTest(fs=fs):
                a, b = pair(fs)
                result = self.dry_run([a, b], 'primary', 'YES: the primary would start', fs)
                self.assertEqual(result[:3], ('yes', FILES, {}))
                self.assertIn('Start the shadow (NT stops while the primary is connected)', result[3])  # D03

    def damaged(self, name):
        """A copy of the primary on which a name of a directory is another."""
        a, b = pair()
        a = copy(a)
        at = a.read_bytes().index(name)
        recipes.write_at(a, at, b'X' * len(name))
        return [a, b]

    def test_driver_is_missing(self):
        result = self.dry_run(self.damaged(b'CLASS2  SYS'), 'primary', 'NO: the primary would not start')
        self.assertEqual(result[:3], ('no', FILES, {'\\WINNT\\SYSTEM32\\DRIVERS\\CLASS2.SYS': 'is missing'}))

    def test_sector_of_the_kernel(self):
        """Read to its end, the kernel shows a sector that nothing else would have touched before the start."""
        a, b = pair()
        lba = a.read_bytes().index(b'NTOSKRNL.EXE%08x\n' % (21 * 20000)) // SECTOR
        result = self.dry_run([Disk(a, 'bad:%d' % lba), b], 'primary', 'NO: the primary would not start')
        self.assertEqual(result[:3], ('no', FILES, {'\\WINNT\\SYSTEM32\\NTOSKRNL.EXE': 'cannot be read'}))


if __name__ == '__main__':
    unittest.main()
