# SPDX-License-Identifier: MIT
"""A Debian that mirrors its EFI system partitions with mdadm, and what becomes of it when the first disk is pulled and
comes back: which half our UEFI loader starts, what it says, and what Linux then makes of the same disks.

Owns the story, told once for arrays with metadata 1.0 and 0.90, stage after stage; every stage starts from the disks
that the one before has left. The guest (mdguest) partitions, mirrors and fills the disks itself, and says from which
partition systemd-boot was started; mdadm, sgdisk and fsck.fat say what is on the disks. Needs Debian's packages
linux-image-cloud-amd64 (or another kernel with md), busybox and systemd-boot-efi: without them the tests are skipped,
but fail where CI is set.
"""
import dataclasses
import functools
import json
import os
import re
import struct
import time
import unittest

import mdguest
from espdisks import md
from qemu import Disk, Machine, recipes
from test_boot import copy, mkbootdisk, scratch
from test_media import inner_disk, stick

ESP_START, ESP_SECTORS = 2048, 40 * 2048  # as md_guest_init.sh has sgdisk make it
MADE, RAN, ALONE, BACK = '2024-03-01 10:00', '2024-03-02 11:00', '2024-03-09 12:00', '2024-03-10 13:00'
PLUGS = {'usb': lambda image: stick(image, 'xhci'), '1440': lambda image: stick(image, 'xhci'), 'esp': inner_disk}
GOOD = ('good', '')
LOST = 'md went on without it (fewer events)'


@dataclasses.dataclass
class Stage:
    """The disks after a start, and what was said during it."""
    pairs: dict  # metadata: (first, second)
    output: str
    events: list

    def of(self, name):
        return [values for event, values in self.events if event == name]


@functools.lru_cache(None)
def made():
    folder = scratch('made')
    folder.mkdir()
    return mdguest.make(folder, MADE)


@functools.lru_cache(None)
def boot_disk(metadata, kind):
    """Built when both disks were new; the loader's image on it, plugged in."""
    path = scratch('%s.img' % kind)
    mkbootdisk('build', '-o', path, '--format', kind, '--timeout', 0, *made()[metadata])
    return PLUGS[kind](path)


def start(pairs, boot, clock, first=None, until=None):
    """One start from a boot disk (metadata, format) with the disks of all pairs in the machine, at that time; the first
    disks have this fault. The guest runs to its end, or until it has said this."""
    pairs = {metadata: tuple(map(copy, pair)) for metadata, pair in pairs.items()}
    disks = [Disk(path, fault, writable=True) for pair in pairs.values() for path, fault in zip(pair, (first, None))]
    with Machine(disks, firmware='ovmf', extra=(*boot_disk(*boot), *mdguest.clock(clock)),
                 **mdguest.MACHINE) as machine:
        machine.wait_for('^ft: boot .*')
        if until:
            machine.wait_for(until)
        else:
            mdguest.finish(machine)
        return Stage(pairs, machine.output.replace('\r', ''), machine.events())


@functools.lru_cache(None)
def cut():
    """What was made; of 0.90 one half has missed an event."""
    pairs = {metadata: tuple(map(copy, pair)) for metadata, pair in made().items()}
    miss_an_event(pairs['0.90'][0])
    return pairs


@functools.lru_cache(None)
def ran():
    return start(cut(), ('1.0', 'usb'), RAN)


@functools.lru_cache(None)
def alone():
    return start(ran().pairs, ('0.90', 'esp'), ALONE, first='absent')


@functools.lru_cache(None)
def back(metadata):
    """The first disks are as they were when they were pulled. Of 0.90 only as far as the guest's first words."""
    return start(alone().pairs, (metadata, '1440'), BACK, until=None if metadata == '1.0' else '^GUEST esp=.*')


@functools.lru_cache(None)
def apart():
    """The second disks are those that ran without the first ones, and then the first ones ran without the second."""
    pairs = {metadata: (copy(first), alone().pairs[metadata][1]) for metadata, (first, _) in ran().pairs.items()}
    disks = [disk for first, second in pairs.values() for disk in (Disk(first, writable=True), Disk(second, 'absent'))]
    mdguest.start(disks, ALONE)
    return pairs


def miss_an_event(disk):
    """The power went before md could write the 0.90 superblock of this disk's EFI system partition once more."""
    for word in (39, 38):  # the events, and the checksum, which is a sum
        at = (ESP_START + md.place_0_90(ESP_SECTORS)) * recipes.SECTOR + 4 * word
        with open(disk, 'r+b') as file:
            number, = struct.unpack('<I', os.pread(file.fileno(), 4, at))
            os.pwrite(file.fileno(), struct.pack('<I', number - 1), at)


def partition_file(disk):
    """The EFI system partition of a disk, as a file."""
    path = scratch('partition.img')
    with open(disk, 'rb') as file:
        file.seek(ESP_START * recipes.SECTOR)
        path.write_bytes(file.read(ESP_SECTORS * recipes.SECTOR))
    return path


def said_by_mdadm(disk):
    """(events, time of the last update as our loader writes it) of its EFI system partition."""
    found = md.theirs(partition_file(disk))
    return found['events'], time.strftime('%Y-%m-%d %H:%M', time.gmtime(found['updated']))


def story(disk):
    """How often the guest has used the disk's EFI system partition, by the file it writes to."""
    names = recipes.run('mdir', '-b', '-i', '%s@@%d' % (disk, ESP_START * recipes.SECTOR), '::').decode()
    if 'story.txt' not in names:
        return 0
    return recipes.run('mtype', '-i', '%s@@%d' % (disk, ESP_START * recipes.SECTOR), '::story.txt').count(b'UTC')


def survey(*disks, status=0):
    """(state, source, sentence, [(state, why) of each half]) by the host tool."""
    found, = json.loads(mkbootdisk('survey', '--json', *disks, status=status))['sets']
    return found['state'], found['source'], found['text'], [(half['state'], half['why']) for half in found['members']]


def arrays(first, second):
    """What the guest says of its arrays if they consist of the partitions of these disks: pair 1.0's, pair 0.90's."""
    return {'md%d%d' % (number, partition): dict(metadata=metadata, degraded=2 - len(disks), members=[
        '%s%d' % (disk, partition) for disk in disks]) for (metadata, number), disks in
        zip(mdguest.PAIRS.items(), (first, second)) for partition in (1, 2)}


class Guest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            made()
        except mdguest.Missing as error:
            if os.environ.get('CI'):
                raise
            raise unittest.SkipTest(str(error)) from None

    def assert_sound(self, disk):
        """By those who know: the table, the file system, and md's superblock."""
        self.assertIn(b'No problems found', recipes.run('sgdisk', '-v', disk))
        said = recipes.run('fsck.fat', '-n', '-v', partition_file(disk)).decode('latin1')
        self.assertNotRegex(said, '(?i)dirty|differ|lost|orphan|wrong|reclaim')
        self.assertEqual(md.theirs(partition_file(disk))['status'], 'ok')

    def assert_started(self, stage, disk):
        """The firmware gave systemd-boot this disk's EFI system partition, and from there it had its kernel."""
        table = json.loads(recipes.run('sfdisk', '-J', disk))['partitiontable']
        partition, = re.findall('^GUEST esp=(.*)$', stage.output, re.MULTILINE)
        self.assertEqual(partition.lower(), table['partitions'][0]['uuid'].lower())

    def assert_verdict(self, stage, state, source, *members):
        self.assertEqual([(verdict['state'], verdict['source']) for verdict in stage.of('verdict')], [(state, source)])
        self.assertEqual([(member['state'], member['why']) for member in stage.of('member')], list(members))
        self.assertEqual([boot['source'] for boot in stage.of('boot')], [source])

    def assert_superblocks(self, stage, before, roles):
        """Our loader's numbers are mdadm's, of the disks as they were before."""
        found = {esp['role']: (int(esp['events']), esp['updated']) for esp in stage.of('esp') if esp['md'] == '1'}
        self.assertEqual(found, {role: said_by_mdadm(disk) for role, disk in zip(('primary', 'shadow'), before)
                                 if role in roles})

    # ---- the stages ----

    def test_what_the_guest_has_made(self):
        for metadata, pair in made().items():
            with self.subTest(metadata):
                for disk in pair:
                    self.assert_sound(disk)
                self.assertEqual(said_by_mdadm(pair[0]), said_by_mdadm(pair[1]))
                state, source, _, halves = survey(*pair)
                self.assertEqual((state, source, halves), ('healthy', 'primary', [('good', []), ('good', [])]))

    def test_both_disks(self):
        stage = ran()
        self.assert_verdict(stage, 'healthy', 'primary', GOOD, GOOD)
        self.assert_superblocks(stage, made()['1.0'], ('primary', 'shadow'))
        self.assert_started(stage, made()['1.0'][0])
        self.assertEqual(mdguest.arrays(stage.output), arrays(('vda', 'vdb'), ('vdc', 'vdd')))
        for pair in stage.pairs.values():
            self.assertEqual([story(disk) for disk in pair], [1, 1])

    def test_the_first_disk_is_pulled(self):
        stage = alone()
        before, after = ran().pairs, stage.pairs
        self.assert_verdict(stage, 'degraded', 'shadow', ('absent', 'no disk with this signature answers'), GOOD)
        self.assert_superblocks(stage, before['0.90'], ('shadow',))
        self.assert_started(stage, before['0.90'][1])
        self.assertEqual(mdguest.arrays(stage.output), arrays(['vda'], ['vdb']))
        for metadata in mdguest.PAIRS:
            self.assertEqual([story(disk) for disk in after[metadata]], [1, 2])
            self.assert_sound(after[metadata][1])
            events, updated = said_by_mdadm(after[metadata][1])
            self.assertGreater(events, said_by_mdadm(before[metadata][1])[0])
            self.assertEqual(updated[:10], ALONE[:10])

    def test_the_first_disk_comes_back(self):
        for metadata in mdguest.PAIRS:
            with self.subTest(metadata):
                stage, before = back(metadata), alone().pairs[metadata]
                since = said_by_mdadm(before[0])[1]
                self.assertEqual(since[:10], RAN[:10])
                self.assert_verdict(stage, 'stale', 'shadow', ('stale', LOST), GOOD)
                self.assert_superblocks(stage, before, ('primary', 'shadow'))
                self.assertRegex(stage.output, r'stale .*%s(.*\n){1,4} +md: \d+ events, out of date since %s UTC' %
                                 (re.escape(LOST), since))
                self.assert_started(stage, before[1])
                self.assertEqual(before[0].read_bytes(), stage.pairs[metadata][0].read_bytes())

    def test_linux_agrees(self):
        """Its own md does not take the first disk back either."""
        self.assertEqual(mdguest.arrays(back('1.0').output), arrays(['vdb'], ['vdd']))

    def test_a_power_cut_between_two_superblocks(self):
        """Linux takes both halves then, and so must we."""
        pair = cut()['0.90']
        first, second = (said_by_mdadm(disk)[0] for disk in pair)
        self.assertEqual(first + 1, second)
        self.assertEqual(survey(*pair)[:2], ('healthy', 'primary'))
        self.assertEqual(mdguest.arrays(ran().output)['md91']['members'], ['vdc1', 'vdd1'])

    def test_each_disk_went_on_without_the_other(self):
        """Their counters may even be the same: nobody but a person can tell whose changes are to be kept."""
        for metadata, pair in apart().items():
            with self.subTest(metadata):
                self.assertEqual([story(disk) for disk in pair], [2, 2])
                state, source, text, halves = survey(*pair, status=1)
                self.assertEqual((state, source, [half for half, _ in halves]), ('split', 'none', ['good', 'good']))
                self.assertIn('contradict each other', text)

    def test_the_host_tool_says_the_same(self):
        for metadata, pair in alone().pairs.items():
            with self.subTest(metadata):
                state, source, text, halves = survey(*pair, status=1)
                self.assertEqual((state, source), ('stale', 'shadow'))
                self.assertEqual(halves, [('stale', [LOST]), ('good', [])])
                self.assertIn('went on without the primary (%s) after %s UTC' % (pair[0], said_by_mdadm(pair[0])[1]),
                              text)


if __name__ == '__main__':
    unittest.main()
