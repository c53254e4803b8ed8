#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our partition tables against sfdisk's and our FAT files against mtools', on images those tools made themselves.
Random, but the same every time."""
import json
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

DUMP = os.path.join(os.environ.get('MKB_BUILD', 'build'), 'tests/diff/dump')
SFDISK = '/sbin/sfdisk' if os.path.exists('/sbin/sfdisk') else 'sfdisk'
WRITE = (SFDISK, '-q', '--no-reread', '--no-tell-kernel')
MEMORY = '/dev/shm' if os.path.isdir('/dev/shm') else None
TABLES = 48
EXTENDED = {0x05, 0x0F, 0x85}
TYPES = ['6', '7', 'b', 'c', 'e', '1', '4', '86', '87', '8b', 'c6', 'c7', '83', '82', '46', 'a5']


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout


def ours(image):
    """The header and the partitions as the core sees them."""
    lines = [json.loads(line) for line in run(DUMP, 'partitions', image).splitlines()]
    return lines[0], lines[1:]


def theirs(image):
    """The same from sfdisk: the table's label id, and partitions in ARC order, extended ones left out."""
    table = json.loads(run(SFDISK, '-J', image))['partitiontable']
    found = []
    for entry in table.get('partitions', []):
        number = int(entry['node'][len(str(image)):])
        if int(entry['type'], 16) in EXTENDED:
            continue
        found.append({'type': int(entry['type'], 16), 'start': entry['start'], 'size': entry['size'],
                      'active': bool(entry.get('bootable')), 'logical': number > 4})
    for number, entry in enumerate(found, 1):
        entry['number'] = number
    return f"{int(table['id'], 16):08x}", found


def random_script(dice, sectors):
    """An sfdisk script: some primaries, perhaps an extended partition at any slot with logical drives in it."""
    lines = [f'label: dos\nlabel-id: 0x{dice.randrange(1 << 32):08x}\nunit: sectors\n']
    primaries = dice.randint(0, 3)
    logicals = dice.choice([0, 0, 1, 2, 5, 12])
    slots = ['p'] * primaries + (['x'] if logicals else [])
    room = (sectors - 2048) // max(1, len(slots))
    starts = [2048 + index * room for index in range(len(slots))]
    extended = None
    dice.shuffle(slots)
    order = list(range(len(slots)))
    if dice.random() < 0.4:
        dice.shuffle(order)  # table order is not disk order
    for number, index in enumerate(order, 1):
        if slots[index] == 'x':
            extended = starts[index]
            lines.append(f'{number}: start={starts[index]}, size={room}, type={dice.choice("5f")}')
        else:
            start = starts[index] + dice.randrange(100)
            size = dice.randint(1, room - 100)
            flag = ', bootable' if dice.random() < 0.3 else ''
            lines.append(f'{number}: start={start}, size={size}, type={dice.choice(TYPES)}{flag}')
    part = room // max(1, logicals)
    for index in range(logicals if extended is not None else 0):
        start = extended + index * part + dice.randint(1, 63)
        lines.append(f'{5 + index}: start={start}, size={dice.randint(1, part - 128)}, type={dice.choice(TYPES)}')
    return '\n'.join(lines) + '\n'


class Partitions(unittest.TestCase):
    def test_random_tables(self):
        dice = random.Random(1898)
        seen = logical = 0
        with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
            for case in range(TABLES):
                image = pathlib.Path(directory) / f'disk{case}-'
                sectors = dice.choice([20000, 131072, 8 << 20])
                with open(image, 'wb') as file:
                    file.truncate(sectors * 512)
                script = random_script(dice, sectors)
                run(*WRITE, str(image), text=script.encode())
                with self.subTest(case=case, script=script):
                    header, partitions = ours(image)
                    label, expected = theirs(image)
                    self.assertEqual(header, {'signature': label, 'status': 'ok'})
                    self.check_entries(image, partitions)
                    self.assertEqual([{key: entry[key] for key in expected[0]} if expected else entry
                                      for entry in partitions], expected)
                seen += len(partitions)
                logical += sum(entry['logical'] for entry in partitions)
        self.assertGreater(seen, 100)
        self.assertGreater(logical, 50)

    def test_chain_out_of_order(self):
        """A logical drive deleted and made again in the gap: sfdisk links it where it likes."""
        with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
            image = pathlib.Path(directory) / 'disk-'
            with open(image, 'wb') as file:
                file.truncate(40000 * 512)
            run(*WRITE, str(image), text=b'label: dos\nstart=2048,size=30000,type=5\n'
                b'start=4000,size=1000,type=86\nstart=8000,size=1000,type=7\nstart=12000,size=1000,type=83\n')
            run(*WRITE, '--delete', str(image), '6')
            run(*WRITE, '--append', str(image), text=b'start=8100,size=900,type=c6\n')
            self.assertEqual([entry['start'] for entry in ours(image)[1]],
                             [entry['start'] for entry in theirs(image)[1]])

    def check_entries(self, image, partitions):
        """Where an entry is said to stand, its type byte and its length do stand."""
        with open(image, 'rb') as file:
            for entry in partitions:
                lba, offset = entry['entry']
                file.seek(lba * 512 + offset)
                raw = file.read(16)
                self.assertEqual((raw[4], int.from_bytes(raw[12:16], 'little')), (entry['type'], entry['size']))


class Files(unittest.TestCase):
    VOLUMES = [('mformat', '-C', '-f', '1440'), ('mformat', '-C', '-f', '720'), ('mformat', '-C', '-f', '1200'),
               ('mformat', '-C', '-f', '2880'), ('mkfs', '-F', '16', '-s', '1', '8192'), ('mkfs', '-F', '12', '4096'),
               ('mkfs', '-F', '16', '-s', '8', '40960'), ('mkfs', '-F', '16', '-f', '1', '-R', '9', '16384')]

    def make(self, image, recipe):
        if recipe[0] == 'mformat':
            run('mformat', '-i', str(image), *recipe[1:], '::')
        else:
            run('/sbin/mkfs.fat', '-C', *recipe[1:-1], str(image), recipe[-1])

    def name11(self, name):
        stem, _, extension = name.partition('.')
        return stem.ljust(8) + extension.ljust(3)

    def compare(self, image, names, lba=0, target=None):
        for name in names:
            expected = run('mtype', '-i', target or str(image), f'::{name}')
            with self.subTest(image=image.name, name=name, bytes=len(expected)):
                self.assertEqual(run(DUMP, 'file', str(image), str(lba), self.name11(name)), expected)

    def fill(self, directory, dice, target):
        """Files of all lengths; then every second one is deleted, and the holes are filled with larger ones."""
        names = []
        for index, size in enumerate([0, 1, 511, 512, 513, 4096, 5000, 20000, 33333, 60000]):
            names += self.copy(directory, dice, target, f'A{index}.BIN', size)
        for name in names[1::2]:
            run('mdel', '-i', target, f'::{name}')
        names = names[::2]
        for index in range(3):
            names += self.copy(directory, dice, target, f'FRAG{index}.X', dice.randint(20000, 40000))
        return names

    def copy(self, directory, dice, target, name, size):
        source = pathlib.Path(directory) / 'source'
        source.write_bytes(dice.randbytes(size))
        run('mcopy', '-o', '-i', target, str(source), f'::{name}')
        return [name]

    def test_volumes(self):
        dice = random.Random(147690)
        for recipe in self.VOLUMES:
            with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
                image = pathlib.Path(directory) / ('_'.join(recipe))
                self.make(image, recipe)
                self.compare(image, self.fill(directory, dice, str(image)))

    def test_volume_in_a_partition(self):
        dice = random.Random(114841)
        with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
            image = pathlib.Path(directory) / 'disk'
            volume = pathlib.Path(directory) / 'volume'
            run('/sbin/mkfs.fat', '-C', '-F', '16', str(volume), '16384')
            image.write_bytes(bytes(63 * 512) + volume.read_bytes())
            target = f'{image}@@{63 * 512}'
            self.compare(image, self.fill(directory, dice, target), 63, target)

    def test_what_is_not_there(self):
        with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
            image = pathlib.Path(directory) / 'image'
            self.make(image, self.VOLUMES[0])
            run('mmd', '-i', str(image), '::DIR')
            for name in ('NOTHING.BIN', 'DIR'):
                done = subprocess.run([DUMP, 'file', str(image), '0', self.name11(name)], capture_output=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (1, b'', b'not-found\n'))


if __name__ == '__main__':
    unittest.main()
