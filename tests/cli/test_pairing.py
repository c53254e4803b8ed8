# SPDX-License-Identifier: MIT
"""Which disks belong together, and as what: disks of several machines that are partitioned alike, disks in the wrong
order, a half alone, a half that has left the mirror, one that became dynamic.

Owns the pairing at the command line. Which disk is whose twin is what the recipe says; the registries on the disks were
written by images/ftinfo.py.
"""
import re
import unittest

from cli import DONE, FOUND, REFUSED, SECTOR, defects, disks, recipe_pair
from test_survey_check import SurveyCase
import ftinfo
import nt
import regf

NT = dict(fs='fat16', size_mib=16, nt={})
PLAIN = dict(fs='fat16', size_mib=16)
ONE, TWO = (0x1A2B3C4D, 0x5E6F7A8B), (0x11112222, 0x33334444)  # the disks' signatures of two machines
START, SECTORS = 63, 32 * 16 * 63 - 63  # of a half on 16 MiB
SECOND = START + SECTORS + 63  # of another behind it
LATER = dict(sequence=40, written=regf.WRITTEN + 3 * 86400 * 10**7)


def record(signatures, **options):
    """DISK\\Information of a mirror on these two disks."""
    return ftinfo.mirror([(signature, START * SECTOR, SECTORS * SECTOR) for signature in signatures], **options)


class PairingCase(SurveyCase):
    def machine(self, name, signatures=ONE, **recipe):
        """The disks of one machine, primary first."""
        return self.pair(into=name, signatures=signatures, **{**NT, **recipe})

    def copy(self, source, name):
        path = self.dir / name
        disks.copy_sparse(source, path)
        return path

    def sets(self, code, *paths):
        """The paths of every set's (primary, shadow); None: it is not there."""
        found = self.survey(code, *paths)
        by_role = lambda mirror: tuple(found['disks'][member['disk']]['path'] if 'disk' in member else None
                                       for member in mirror['members'])
        return {by_role(mirror) for mirror in found['sets']}

    def refuse(self, says, *paths):
        """No command takes these for a mirror, and none writes to them."""
        self.complains(FOUND, says, 'build', '-o', self.dir / 'none.img', *paths)
        self.complains(FOUND, says, 'break', '--write', *paths)
        self.complains(FOUND, says, 'survey', *paths)
        self.assertEqual(self.sets(FOUND, *paths), set())

    def mirror_ini(self, boot):
        text = disks.run('mtype', '-i', boot, '::MIRROR.INI').decode()
        return [line for line in text.split('\r\n') if re.match(r'\[set|primary=|shadow=', line)]

    def paths(self, *machines):
        return {(str(a), str(b)) for a, b in machines}


class Machines(PairingCase):
    def test_halves_of_two_machines_are_no_mirror(self):
        (a, b), (c, d) = self.machine('one'), self.machine('two', TWO)
        for here, there, wanted in ((a, d, ONE[1]), (a, c, ONE[1]), (b, d, ONE[0]), (d, a, TWO[0])):
            with self.subTest(here=here, there=there):
                self.refuse([r'the registry of %s names disk %08x as the other half' % (here, wanted),
                             r'not among these disks', r'%s\b.* another mirror' % there, r'or %s alone' % here],
                            here, there)

    def test_one_registry_is_enough(self):
        """The other disk tells nothing: no Windows NT is on it, or it cannot be read."""
        (a, b), (_, d) = self.machine('one'), self.pair(into='two', signatures=TWO, **PLAIN)
        for paths, speaker, wanted in (((a, d), a, ONE[1]), ((d, a), a, ONE[1]), ((d, b), b, ONE[0])):
            with self.subTest(paths=paths):
                self.refuse(r'registry of %s names disk %08x ' % (speaker, wanted), *paths)

    def test_two_machines_are_two_mirrors(self):
        """In any order."""
        one, two = self.machine('one'), self.machine('two', TWO)
        for order in ((0, 1, 2, 3), (0, 2, 1, 3), (3, 0, 1, 2), (3, 2, 1, 0)):
            with self.subTest(order=order):
                found = self.sets(DONE, *((one + two)[n] for n in order))
                self.assertEqual(found, self.paths(one, two))

    def test_the_first_system_given_is_the_first_mirror(self):
        one, two = self.machine('one'), self.machine('two', TWO)
        self.must(DONE, 'build', '-o', self.dir / 'ft.img', *two, *one)
        self.assertIn('primary=%08x' % TWO[0], self.mirror_ini(self.dir / 'ft.img')[1])

    def test_without_registries_four_alike_are_too_many(self):
        one, two = self.pair(into='one', **PLAIN), self.pair(into='two', signatures=TWO, **PLAIN)
        self.refuse('more than one twin', *one, *two)

    def test_a_third_disk(self):
        """The mirror is found; what is said of the third, is said of it."""
        one, (c, d) = self.machine('one'), self.machine('two', TWO)
        for third, wanted in ((c, TWO[1]), (d, TWO[0])):
            for paths in ((*one, third), (third, *one), (one[0], third, one[1])):
                with self.subTest(paths=paths):
                    self.assertEqual(self.sets(FOUND, *paths), self.paths(one))
                    self.complains(FOUND, r'registry of %s names disk %08x ' % (third, wanted), 'build', '-o',
                                   self.dir / 'none.img', *paths)

    def test_a_third_disk_without_windows_nt(self):
        one, plain = self.machine('one'), self.pair(into='two', signatures=TWO, **PLAIN)[1]
        for paths in ((*one, plain), (plain, *one)):
            self.assertEqual(self.sets(FOUND, *paths), self.paths(one))
            self.complains(FOUND, r'registry of \S+/one/.\.img names disk .*, so %s\b.* is not\. Leave %s out' %
                           (plain, plain), 'build', '-o', self.dir / 'none.img', *paths)

    def test_a_twin_that_was_replaced(self):
        """The primary was mirrored onto a new disk, and the old shadow turns up again."""
        (a, _), (_, old) = self.machine('one', (ONE[0], TWO[1]), nt=LATER), self.machine('two', ONE)
        new = self.dir / 'one' / 'b.img'
        for paths in ((a, new, old), (a, old, new), (old, a, new)):
            with self.subTest(paths=paths):
                self.assertEqual(self.sets(FOUND, *paths), self.paths((a, new)))
                self.complains(FOUND, r'registry of %s names disk %08x \(%s\) .*, so %s\b.* is not\. Leave %s out' %
                               (a, TWO[1], new, old, old), 'build', '-o', self.dir / 'none.img', *paths)
        self.refuse(r'registry of %s names disk %08x as .*not among these' % (a, TWO[1]), a, old)

    def test_copies(self):
        """A20: which of two disks with one signature is the right one, no registry knows."""
        a, b = self.machine('one')
        copy = self.copy(a, 'copy.img')
        self.refuse('same signature.*A20', a, copy)
        self.refuse(r'%s\b.* more than one twin' % b, a, copy, b)
        defects.signature(copy, TWO[0])  # it got one of its own: the registries do not mean it
        for paths in ((a, copy, b), (copy, a, b)):
            self.assertEqual(self.sets(FOUND, *paths), self.paths((a, b)))


class Registries(PairingCase):
    """Whatever state they are in, they know the twin; and what they cannot know they do not decide."""

    def test_old_accusing_and_interrupted_ones(self):
        two = self.machine('two', TWO)
        for options in ({'shadow_nt': dict(LATER, states=(1, 0))}, {'nt': dict(LATER, states=(0, 1)), 'shadow_nt': {}},
                        {'nt': {'states': (0, 2)}}, {'nt': {'clean': False}}, {'types': (0xC6, 0x86)},
                        {'nt': {'information': record(ONE, base='registry')}}):
            with self.subTest(**options):
                one = self.machine('one', **options)
                self.assertIn(tuple(map(str, one)), self.sets(self.run_tool('survey', *one).code, *one))
                self.assertEqual(self.sets(self.run_tool('survey', *one, *two).code, *two, *one), self.paths(one, two))

    def test_what_is_no_mirror_of_two_disks(self):
        """Such records are passed over: the tables decide, by type, length and order."""
        entry = lambda signature, start=START, sectors=SECTORS, kind=ftinfo.MIRROR: ftinfo.Disk(
            signature, [ftinfo.Partition(start * SECTOR, sectors * SECTOR, kind)])
        a, b, c = ONE[0], ONE[1], 0x55555555
        for name, listed, members, kind in (
                ('a stripe set', (entry(a), entry(c)), (0, 1), ftinfo.STRIPE),
                ('three members', (entry(a), entry(b), entry(c)), (0, 1, 2), ftinfo.MIRROR),
                ('one member', (entry(a), entry(c)), (0,), ftinfo.MIRROR),
                ('one disk twice', (entry(a), entry(a, 20000)), (0, 1), ftinfo.MIRROR),
                ('no signature', (entry(a), entry(0)), (0, 1), ftinfo.MIRROR),
                ('no length', (entry(a), entry(c, sectors=0)), (0, 1), ftinfo.MIRROR),
                ('beyond what a table can tell', (entry(a), entry(c, start=2**32)), (0, 1), ftinfo.MIRROR),
                ('length that wraps', (entry(a), entry(c, sectors=2**55 - 10)), (0, 1), ftinfo.MIRROR)):
            information = ftinfo.encode(listed, [ftinfo.Set([(n, 0, 0) for n in members], kind)])
            with self.subTest(name=name):
                one = self.machine('one', nt={'information': information}, shadow_nt={'information': None})
                self.assertEqual(len(self.sets(self.run_tool('survey', *one).code, *one)), 1)
                self.assertEqual(self.sets(FOUND, one[0]), {(str(one[0]), None)})
                self.complains(FOUND, 'has no twin', 'build', '-o', self.dir / 'none.img', one[0])

    def test_two_installations_that_dispute_the_twin(self):
        """An old Windows NT remembers a mirror of its own time: none is known to be wrong, so the tables decide."""
        old = nt.files(directory='WINNT35', with_loader=False, version='3.51', information=record((ONE[0], TWO[1])))
        one = self.machine('one', files=old, shadow_nt={'information': None})
        self.assertEqual(self.sets(self.run_tool('survey', *one).code, *one), self.paths(one))
        self.complains(FOUND, 'has no twin', 'build', '-o', self.dir / 'none.img', one[0])

    def test_a_disk_that_another_mirror_misses(self):
        """Two mirrors alike, one of them on disks that are not all here: a known disk is never taken for a lost one."""
        ids = (*ONE, *TWO)
        listed = [ftinfo.Disk(signature, [ftinfo.Partition(START * SECTOR, SECTORS * SECTOR, ftinfo.MIRROR)])
                  for signature in ids]
        information = ftinfo.encode(listed, [ftinfo.Set([(2, 0, 0), (3, 0, 0)]), ftinfo.Set([(0, 0, 0), (1, 0, 0)])])
        (a, b), (_, d) = self.machine('one', nt={'information': information}), self.pair(into='two', signatures=TWO,
                                                                                       **PLAIN)
        self.assertEqual(self.sets(self.run_tool('survey', a, b, d).code, a, b, d), self.paths((a, b)))


    def test_a_half_that_no_registry_knows(self):
        """It lies where the other disk's half lies, on the disk of that one's twin."""
        _, b = self.machine('one', size_mib=32, shadow_start=SECOND, sectors=SECTORS,
                            shadow_extra=((START, SECTORS, 0x86),))
        self.assertEqual(self.sets(FOUND, b), {(None, str(b))})


class Order(PairingCase):
    """The registry knows which half is the primary, whatever comes first on the command line."""

    def test_survey(self):
        for options in ({}, {'fs': 'ntfs'}, {'active': (False, False)}, {'active': (False, True)},
                        {'shadow_nt': {'information': None}}, {'nt': {'information': None}, 'shadow_nt': {}}):
            with self.subTest(**options):
                a, b = self.machine('one', **options)
                for paths in ((a, b), (b, a)):
                    self.assertEqual(self.sets(self.run_tool('survey', *paths).code, *paths), self.paths((a, b)))

    def test_without_a_registry_the_order_decides(self):
        a, b = self.pair(**PLAIN)
        self.assertEqual(self.sets(DONE, b, a), self.paths((b, a)))

    def test_build(self):
        a, b = self.machine('one', primary_start=1071, sectors=31185)
        boot, other = self.dir / 'ft.img', self.dir / 'other.img'
        self.must(DONE, 'build', '-o', boot, a, b)
        result = self.must(DONE, 'build', '-o', other, b, a)
        self.assertEqual(self.mirror_ini(other), self.mirror_ini(boot))
        self.assertIn('disk %08x (primary) and disk %08x (shadow)' % ONE, result.out)
        self.must(DONE, 'check', other, a, b)

    def test_break(self):
        a, b = self.machine('one')
        self.must(DONE, 'break', '--keep', 'shadow', '--partial', '--write', b, a)
        self.assertEqual([defects.entry(path)[2] for path in (a, b)], [0x86, 0x06])

    def test_every_mirror_of_the_disks(self):
        """The registry of the system mirror knows the data mirror as well, in which the roles are the other way round;
        and the shadows lie in the other order."""
        parts = ((START, SECTORS, 'C'), (SECOND, SECTORS, 'D'))
        listed = [ftinfo.Disk(signature, [ftinfo.Partition(start * SECTOR, count * SECTOR, ftinfo.MIRROR, letter=letter)
                                          for start, count, letter in parts]) for signature in ONE]
        information = ftinfo.encode(listed, [ftinfo.Set([(0, 0, 0), (1, 1, 0)]), ftinfo.Set([(1, 0, 0), (0, 1, 0)])])
        recipe = dict(size_mib=32, shadow_start=SECOND, sectors=SECTORS, nt={'information': information},
                      primary_extra=((SECOND, SECTORS, 0x86),), shadow_extra=((START, SECTORS, 0x86),))
        a, b = self.machine('one', **recipe)
        for paths in ((a, b), (b, a)):
            found = self.survey(DONE, *paths)
            members = [[(found['disks'][member['disk']]['path'],
                         found['disks'][member['disk']]['partitions'][member['partition'] - 1]['start_lba'])
                        for member in mirror['members']] for mirror in found['sets']]
            self.assertCountEqual(members, [[(str(a), START), (str(b), SECOND)], [(str(b), START), (str(a), SECOND)]])


class Alone(PairingCase):
    """What is left after a failure. Its registry names the disk that is missing."""

    def test_its_role_is_known(self):
        a, b = self.machine('one', active=(False, False))
        self.assertEqual(self.sets(FOUND, a), {(str(a), None)})
        self.assertEqual(self.sets(FOUND, b), {(None, str(b))})

    def test_boot_disk_of_a_survivor(self):
        """It knows the missing half by the registry's word, so it is good when that one returns."""
        a, b = self.machine('one', shadow_start=1071, sectors=31185)
        self.must(DONE, 'build', '-o', self.dir / 'ft.img', a, b)
        for path, missing, role in ((a, ONE[1], 'shadow'), (b, ONE[0], 'primary')):
            with self.subTest(missing=role):
                boot = self.dir / (role + '.img')
                result = self.must(DONE, 'build', '-o', boot, path)
                self.assertIn('Disk %08x, the %s of mirror 1, was not there' % (missing, role), result.out)
                self.assertNotIn('calls it healthy', result.out)
                self.assertEqual(self.mirror_ini(boot), self.mirror_ini(self.dir / 'ft.img'))
                self.assertIn('system=1 \\WINNT', disks.run('mtype', '-i', boot, '::MIRROR.INI').decode())
                self.must(DONE, 'check', boot, a, b)
                self.assertRegex(self.must(FOUND, 'check', boot, path).out, r'(?m)^ok .*degraded +starts the %s ' %
                                 {'shadow': 'primary', 'primary': 'shadow'}[role])

    def test_nothing_is_known_without_a_registry(self):
        a, b = self.pair(**PLAIN)
        for path in (a, b):
            self.complains(FOUND, r'%s: .* has no twin' % path, 'build', '-o', self.dir / 'none.img', path)
            self.assertEqual(len(self.sets(FOUND, path)), 1)

    def test_a_half_that_is_not_whole_is_no_survivor(self):
        for states, says in (((2, 0), 'resyncing|split'), ((1, 0), 'split')):
            a, _ = self.machine('one', nt={'states': states})
            self.complains(FOUND, says, 'build', '-o', self.dir / 'none.img', a)

    def test_a_half_that_is_there_is_not_missing(self):
        for options in ({'shadow_nt': {'information': None}}, {'types': (0x86, 0xC6)}):
            with self.subTest(**options):
                self.complains(FOUND, 'mirror 1 is degraded', 'build', '-o', self.dir / 'none.img',
                               *self.machine('one', **options))
        a, b = self.machine('one')
        defects.truncated(b, 2000)
        self.unchanged(FOUND, 'build', '-o', self.dir / 'none.img', a, b)


class Left(PairingCase):
    """One half is an ordinary volume: a break, or a partition tool."""

    def test_build_says_which(self):
        for recipe in (NT, PLAIN, dict(NT, fs='ntfs')):
            kind = 0x07 if recipe['fs'] == 'ntfs' else 0x06
            for left in (0, 1):
                paths = self.machine('one', **{'nt': None, **recipe})
                defects.unmirrored(paths[left])
                with self.subTest(fs=recipe['fs'], nt='nt' in recipe, left=left):
                    for order in (paths, paths[::-1]):
                        self.complains(FOUND, r'%s has left the mirror \(type %02Xh\)' % (paths[left], kind), 'build',
                                       '-o', self.dir / 'none.img', *order)

    def test_the_registry_knows_which_it_was(self):
        """Its contents need not be those of the other half any more."""
        a, b = self.machine('one', shadow_files={'NEW.TXT': b'x'})
        defects.unmirrored(b)
        defects.put(b, START, 0x27, b'other')  # its serial number: another boot sector
        self.assertEqual(self.sets(FOUND, b, a), self.paths((a, b)))
        self.assertEqual(self.states(FOUND, b, a), ('stale', 'shadow', 'stale', 'good'))


class Dynamic(PairingCase):
    """A disk that Windows 2000 took over after the boot disk was built."""

    def test_check_does_not_start_it(self):
        a, b = self.machine('one')
        boot = self.floppy(pair=(a, b))
        for path, role, other in ((b, 'shadow', 'primary'), (a, 'primary', 'shadow')):
            a, b = self.machine('one')
            defects.dynamic(path)
            with self.subTest(role=role):
                result = self.unchanged(FOUND, 'check', boot, a, b)
                self.assertRegex(result.out, r'(?m)^ok +both disks are there +degraded +starts the %s ' % other)
                self.assertNotRegex(result.out, 'starts the ' + role)
                self.assertIn('foreign', self.survey(FOUND, a, b)['sets'][0]['members'][role == 'shadow']['state'])
                self.unchanged(REFUSED, 'build', '-o', self.dir / 'none.img', a, b)


if __name__ == '__main__':
    unittest.main()
