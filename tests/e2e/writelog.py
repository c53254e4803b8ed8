# SPDX-License-Identifier: MIT
"""What a power cut leaves, out of QEMU's own log of writes: one run is logged, and every state of its media in which
the power might have gone is made from the log.

Owns the reading of the logs (the format of dm-log-writes, from QEMU's blklogwrites), the one order of the writes to
several media, and which states there are. Media are {node: {LBA: sector}} over the images the run began with; what such
a state must be good for is the test's business.
"""
import dataclasses
import itertools
import struct

from qemu import recipes

SECTOR = recipes.SECTOR
MAGIC, VERSION = 0x6A736677736872, 1
SUPER = struct.Struct('<QQQI')   # magic, version, entries, bytes of a sector
ENTRY = struct.Struct('<QQQQ')   # first sector, sectors, flags, bytes of a mark
FLUSH = 1
TORN_AT = SECTOR // 2


@dataclasses.dataclass(frozen=True)
class Write:
    node: str
    lba: int
    data: bytes  # of one sector

    def __str__(self):
        return '%s:%d' % (self.node, self.lba)


def read_log(path):
    """[(LBA, data)] of one log, in its order. A flush is passed over at the end, where QEMU makes one on leaving; one
    between two writes would say that a cache was emptied, which crash_states() knows nothing of."""
    log = path.read_bytes()
    if not log:
        return []  # its header comes with the first write
    magic, version, count, sector_bytes = SUPER.unpack_from(log)
    if (magic, version, sector_bytes) != (MAGIC, VERSION, SECTOR):
        raise ValueError('%s: not a log of writes in sectors of %d bytes' % (path, SECTOR))
    found, at, flushed = [], SECTOR, False
    for _ in range(count):
        lba, sectors, flags, _ = ENTRY.unpack_from(log, at)
        at += SECTOR
        if flags == FLUSH and sectors == 0:
            flushed = True
            continue
        if flags or flushed:
            raise ValueError('%s: a write with flags %d%s' % (path, flags, ' after a flush' * flushed))
        found.append((lba, log[at:at + sectors * SECTOR]))
        at += sectors * SECTOR
    if at != len(log):
        raise ValueError('%s: ends at %d, not at %d' % (path, len(log), at))
    return found


def writes_in_order(machine, nodes):
    """Every write of a run to these logged media, sector by sector, in the order in which they were done.

    A log holds the data, and the order of its own medium alone. The trace of the block layer holds no data, but one
    order for all media: it is one file, to which QEMU's one thread adds a line as a device begins a request. Where the
    two agree write for write on each medium, a line of the trace gets the data of the next entry of its medium's log.
    That a request which was begun first was also done first, not_read_back() shows: the machine had each sector back
    before it began to write the next."""
    logs = {node: iter(read_log(machine.write_log(node))) for node in nodes}
    found = []
    for kind, node, lba, sectors in machine.accesses():
        if kind != 'write':
            continue
        logged_lba, data = next(logs[node], (None, b''))
        if (logged_lba, len(data)) != (lba, sectors * SECTOR):
            raise ValueError('trace: %s:%d+%d, log: %s+%d' % (node, lba, sectors, logged_lba, len(data) // SECTOR))
        found += [Write(node, lba + n, data[n * SECTOR:(n + 1) * SECTOR]) for n in range(sectors)]
    for node, rest in logs.items():
        if left := list(rest):
            raise ValueError('%s: %d writes of the log are not in the trace' % (node, len(left)))
    return found


def not_read_back(machine):
    """The writes of a run whose sector was not read from its medium before the next write to any medium began; with the
    last write of all, which nothing follows."""
    accesses, found = machine.accesses(), []
    for at, (kind, node, lba, sectors) in enumerate(accesses):
        if kind != 'write':
            continue
        before_next = itertools.takewhile(lambda access: access[0] == 'read', accesses[at + 1:])
        if not any(other == node and first <= lba and lba + sectors <= first + count
                   for _, other, first, count in before_next):
            found.append((node, lba))
    return found


def media_after(writes):
    media = {}
    for write in writes:
        media.setdefault(write.node, {})[write.lba] = write.data
    return media


def torn(writes, images):
    """The last write was cut in the middle of its sector."""
    *done, last = writes
    media = media_after(done)
    sectors = media.setdefault(last.node, {})
    before = sectors.get(last.lba) or recipes.read_at(images[last.node], last.lba)
    sectors[last.lba] = last.data[:TORN_AT] + before[TORN_AT:]
    return media


def losses(writes, cached, window):
    """Every choice of the last few writes to some media, as those that were still in their caches."""
    recent = [n for n, write in enumerate(writes) if write.node in cached][-window:]
    for count in range(1, len(recent) + 1):
        yield from itertools.combinations(recent, count)


def crash_states(writes, images, cached, window=3):
    """[(kind, name, media)]: every state of the media in which the power may go. `images` are those the run began with.
    Kinds: 'whole', between two writes; 'torn', in the middle of one; 'lost', the `cached` disks had taken some of the
    last writes in, and wrote them in an order of their own or not at all. A floppy drive has no such cache: what it
    took is there. A state that two ways lead to comes once, under the first of these kinds."""
    found, seen = [], set()

    def add(kind, name, media):
        key = frozenset((node, lba, data) for node, sectors in media.items() for lba, data in sectors.items()
                        if recipes.read_at(images[node], lba) != data)
        if key not in seen:
            seen.add(key)
            found.append((kind, name, media))

    for count in range(len(writes) + 1):
        add('whole', 'after write %d of %d' % (count, len(writes)), media_after(writes[:count]))
    for count in range(1, len(writes) + 1):
        add('torn', 'in write %d of %d' % (count, len(writes)), torn(writes[:count], images))
    for count in range(1, len(writes) + 1):
        for lost in losses(writes[:count], cached, window):
            media = media_after(write for n, write in enumerate(writes[:count]) if n not in lost)
            add('lost', 'after write %d of %d, without %s' % (count, len(writes), ' '.join(str(n + 1) for n in lost)),
                media)
    return found


def apply(media, images):
    """Writes a state into images that hold what the run began with."""
    for node, image in images.items():
        for lba, data in media.get(node, {}).items():
            recipes.write_at(image, lba * SECTOR, data)
