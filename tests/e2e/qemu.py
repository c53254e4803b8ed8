# SPDX-License-Identifier: MIT
"""The rig: a PC in QEMU whose disks can fail, watched over its serial line, its screen and its block layer.

Owns everything between a test and a QEMU process: how the machine is put together, how a disk is made to fail, how the
test waits (for events, with a hard limit, never for a fixed time) and that no QEMU outlives its test. It is always
TCG: a nested software KVM opens and then hangs. A test reads like

    with Machine([Disk(pair.a.path, 'dead'), Disk(pair.b.path)], floppy='ft.img') as machine:
        machine.wait_for(r'PAYLOAD .*')
        assert machine.wait_exit() == 33
        assert machine.payload()['sig80'] == '5e6f7a8b'
"""
import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

for folder in ('images', 'tests/rig'):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / folder))
import disks as recipes  # noqa: E402

PATIENCE = float(os.environ.get('MKB_TIMEOUT', 60))  # seconds; generous, the machine may be loaded
PAYLOAD_EXIT = 33  # isa-debug-exit turns the payload's 10h into (10h << 1) | 1
TRACES = ('bdrv_open_common', 'blk_co_preadv', 'blk_co_pwritev', 'fdc_ioport_write')
OVMF = pathlib.Path('/usr/share/OVMF')
FIRMWARE = {'ovmf': ('OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd'),
            'ovmf-secure': ('OVMF_CODE_4M.secboot.fd', 'OVMF_VARS_4M.fd'),
            'ovmf32': ('OVMF32_CODE_4M.secboot.fd', 'OVMF32_VARS_4M.fd')}
# Parameter bytes of each floppy controller command that has any, by its low five bits.
FDC_PARAMETERS = {0x02: 8, 0x03: 2, 0x04: 1, 0x05: 8, 0x06: 8, 0x07: 1, 0x09: 8, 0x0A: 1, 0x0C: 8, 0x0D: 5, 0x0F: 2,
                  0x11: 8, 0x12: 1, 0x13: 3, 0x16: 8, 0x19: 8, 0x1D: 8}


class RigError(AssertionError):
    """The machine did not do what the test waited for; the message ends with what the serial line said."""


@dataclasses.dataclass
class Disk:
    """A disk of the machine. Faults:
    absent              not there; the disks after it keep their place on the controller
    dead                present, every read and write fails
    bad:LBA[-LBA][,..]  reads of these sectors fail (up to some hundred)
    writes-fail         reads work, every write fails
    bad-write:LBA..     writes of these sectors fail
    protected           it can only be read (controller virtio: ide refuses, and SeaBIOS's lsi driver goes astray)
    slow                one request a second
    Machine.fail() and Machine.heal() change a disk while the machine runs. Once it has started, machine.disks[n].path
    (machine.floppy.path) is the file that QEMU writes to."""
    path: str | os.PathLike
    fault: str | None = None
    writable: bool = False  # False: the machine writes to a private copy
    logged: bool = False    # True: every write is kept, for Machine.write_log(); not with Machine.fail()


def fault_node(fault, image):
    """The blockdev that stands between a disk and its image, or None."""
    kind, _, where = (fault or '').partition(':')
    rule = {'event': 'none', 'errno': 5}
    if kind in ('bad-write', 'writes-fail'):
        rule['iotype'] = 'write'
    elif kind == 'bad':
        rule['iotype'] = 'read'
    elif kind == 'slow':
        return {'driver': 'throttle', 'throttle-group': 'slow', 'file': image}
    elif kind != 'dead':
        if kind in ('', 'absent', 'protected'):
            return None
        raise ValueError('no such fault: %r' % fault)
    rules = [rule]
    if where:
        spans = [span.partition('-') for span in where.split(',')]
        rules = [dict(rule, sector=lba) for first, _, last in spans
                 for lba in range(int(first), int(last or first) + 1)]
    return {'driver': 'blkdebug', 'image': image, 'inject-error': rules}


def parse_event(line):
    """('change done', {'n': '3'}) out of 'ft: change done n=3'; quotes are honoured and dropped."""
    words = re.findall(r'([^\s=]+)(=?)("[^"]*"|\S*)', line.removeprefix('ft:'))
    return ' '.join(word for word, equals, _ in words if not equals), \
        {word: value.strip('"') for word, equals, value in words if equals}


class Machine:
    """A running PC. disks are Disks or paths, in the order the controller numbers them.

    machine     pc, q35, isapc; controller: ide (ahci on q35), lsi, virtio; default as the machine has it
    floppy      Disk or path to start from; QEMU's controller ignores failing floppy reads, but failing writes do fail
    protected   True: the floppy's write-protect tab is open
    boot        QEMU's -boot order; default a with a floppy, else c
    firmware    bios, ovmf, ovmf32; ovmf-secure, which knows Secure Boot, as ovmf32 does
    variables   a variable store for that firmware instead of an empty one; it is copied
    trace       True: keep the block and floppy traces that reads(), writes() and floppy_reads() need
    plugin      a TCG plugin, 'path,arg=..'; its output goes to machine.dir/qemu.log
    paused      True: start() is left to the test (to fail a disk first, say)"""

    def __init__(self, disks=(), *, floppy=None, protected=False, machine='pc', cpu=None, mem=32, controller=None,
                 boot=None, firmware='bios', variables=None, qemu='qemu-system-i386', extra=(), trace=(), plugin=None,
                 paused=False):
        self.disks = [disk if isinstance(disk, Disk) else Disk(disk) for disk in disks]
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='mkb-'))
        self.output, self.closed, self.changed = '', False, threading.Condition()
        self.process = self.serial = self.monitor = None
        self.nodes, self.bads, self.at = [], 0, 0
        self.trace_names = TRACES if trace is True else tuple(trace)
        try:
            command = [qemu, '-accel', 'tcg', '-M', machine, '-m', str(mem), '-nodefaults', '-vga', 'std', '-display',
                       'none', '-S', '-device', 'isa-debug-exit,iobase=0x501,iosize=1',
                       '-boot', boot or ('a' if floppy else 'c'), *(('-cpu', cpu) if cpu else ())]
            command += self._firmware(firmware, variables) + self._tracing(plugin)
            command += self._disks(controller or {'q35': 'ahci'}.get(machine, 'ide'))
            if floppy:
                command += self._floppy(floppy, protected, machine)
            self._launch(command + [str(word) for word in extra])
            if not paused:
                self.start()
        except BaseException:
            self.close()  # a QEMU left behind would hold the images' locks
            raise

    # ---- putting it together ----

    def _blockdev(self, name, node):
        self.nodes.append(name)
        return ['-blockdev', json.dumps({'node-name': name, **node})]

    def write_log(self, name):
        """The file of a logged disk's writes, in the format of dm-log-writes; it is complete even after power_off()."""
        return self.dir / (name + '.writes')

    def _image(self, name, disk, read_only=False):
        """Nodes for one image: NAME-file, NAME-log and NAME-fault if wanted, and NAME, which the device gets."""
        path, read_only = pathlib.Path(disk.path), read_only or disk.fault == 'protected'
        if not disk.writable and not read_only:
            private = self.dir / (name + '.img')
            recipes.copy_sparse(path, private)
            path = disk.path = private
        below = name + '-file'
        words = self._blockdev(below, {'driver': 'file', 'filename': str(path), 'read-only': read_only})
        if disk.logged:
            self.write_log(name).touch()
            words += self._blockdev(name + '-writes', {'driver': 'file', 'filename': str(self.write_log(name))})
            words += self._blockdev(name + '-log', {'driver': 'blklogwrites', 'file': below, 'log': name + '-writes',
                                                    'log-super-update-interval': 1})
            below = name + '-log'
        fault = fault_node(disk.fault, below)
        if fault:
            words += self._blockdev(name + '-fault', dict(fault, **{'read-only': read_only}))
            below = name + '-fault'
        return words + self._blockdev(name, {'driver': 'raw', 'file': below, 'read-only': read_only})

    def _disks(self, controller):
        words = ['-object', 'throttle-group,id=slow,x-iops-total=1']
        if controller == 'lsi':
            words += ['-device', 'lsi53c895a,id=scsi']
        for n, disk in enumerate(self.disks):
            disk = self.disks[n] = dataclasses.replace(disk)
            if disk.fault == 'absent':
                continue
            device = {'ide': 'ide-hd,bus=ide.%d,unit=%d' % divmod(n, 2), 'ahci': 'ide-hd,bus=ide.%d' % n,
                      'lsi': 'scsi-hd,bus=scsi.0,scsi-id=%d' % n, 'virtio': 'virtio-blk-pci'}[controller]
            words += self._image('disk%d' % n, disk) + ['-device', '%s,drive=disk%d,id=dev%d' % (device, n, n)]
        return words

    def _floppy(self, disk, protected, machine):
        self.floppy = dataclasses.replace(disk) if isinstance(disk, Disk) else Disk(disk)
        words = self._image('floppy', self.floppy, read_only=protected)
        if machine == 'q35':
            words += ['-device', 'isa-fdc']
        return words + ['-device', 'floppy,drive=floppy,id=floppy-drive']

    def _firmware(self, firmware, variables):
        if firmware == 'bios':
            return []
        code, empty = (OVMF / name for name in FIRMWARE[firmware])
        shutil.copy(variables or empty, self.dir / 'vars.fd')
        words = ['-machine', 'smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'] \
            if 'secboot' in code.name else []
        return words + ['-drive', 'if=pflash,unit=0,readonly=on,format=raw,file=%s' % code,
                        '-drive', 'if=pflash,unit=1,format=raw,file=%s' % (self.dir / 'vars.fd')]

    def _tracing(self, plugin):
        words = [word for name in self.trace_names for word in ('-trace', name)]
        words += ['-plugin', plugin, '-d', 'plugin'] if plugin else []
        return words + ['-D', str(self.dir / 'qemu.log')] if words else []

    def _launch(self, command):
        """Starts QEMU, which connects to our sockets, so nothing it says can be lost."""
        servers = {}
        for name in ('serial', 'qmp'):
            servers[name] = socket.socket(socket.AF_UNIX)
            servers[name].bind(str(self.dir / name))
            servers[name].listen(1)
        command += ['-chardev', 'socket,id=serial,path=%s' % (self.dir / 'serial'), '-serial', 'chardev:serial',
                    '-chardev', 'socket,id=qmp,path=%s' % (self.dir / 'qmp'), '-mon', 'chardev=qmp,mode=control']
        self.command = command
        with open(self.dir / 'stderr', 'wb') as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        self.serial, self.qmp_socket = (self._accept(servers[name]) for name in ('serial', 'qmp'))
        threading.Thread(target=self._listen, daemon=True).start()
        self.qmp_socket.settimeout(PATIENCE)
        self.monitor = self.qmp_socket.makefile('rw')
        self.monitor.readline()
        self.qmp('qmp_capabilities')

    def _accept(self, server):
        server.settimeout(0.2)
        end = time.monotonic() + PATIENCE
        with server:
            while time.monotonic() < end:
                try:
                    return server.accept()[0]
                except TimeoutError:
                    if self.process.poll() is not None:
                        break
        raise RigError('QEMU did not start: %s\n%s' % (self.errors(), ' '.join(self.command)))

    def _listen(self):
        """Thread: collects the serial line."""
        while True:
            try:
                data = self.serial.recv(65536)
            except OSError:
                data = b''
            with self.changed:
                self.output += data.decode('latin1')
                self.closed |= not data
                self.changed.notify_all()
            if not data:
                return

    # ---- running it ----

    def qmp(self, command, **arguments):
        """Executes a QMP command and returns its answer."""
        try:
            self.monitor.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
            self.monitor.flush()
            while True:
                line = self.monitor.readline()
                if not line:
                    raise ConnectionError('QEMU has gone')
                answer = json.loads(line)  # an event has neither key, and is passed over
                if 'error' in answer:
                    raise RigError('%s: %s' % (command, answer['error']['desc']))
                if 'return' in answer:
                    return answer['return']
        except OSError as error:
            raise RigError('%s: %s: %s' % (command, error, self.errors())) from None

    def start(self):
        self.qmp('cont')

    def errors(self):
        """What QEMU wrote to stderr."""
        return (self.dir / 'stderr').read_text(errors='replace')

    def wait_for(self, regex, timeout=PATIENCE, whole_line=True):
        """Waits for a pattern (. and ^ within a line) after what the last wait_for found; returns the match. A match
        counts once its line is whole, as it may still grow; whole_line=False is for prompts."""
        pattern, end = re.compile(regex, re.MULTILINE), time.monotonic() + timeout
        with self.changed:
            while True:
                match = pattern.search(self.output, self.at)
                if match and (not whole_line or self.closed or '\n' in self.output[max(0, match.end() - 1):]):
                    self.at = match.end()
                    return match
                left = end - time.monotonic()
                if left <= 0 or self.closed:
                    why = 'QEMU ended before' if self.closed else 'after %g s no' % timeout
                    raise RigError('%s %r on the serial line, which said:\n%s%s' %
                                   (why, regex, self.output[-3000:], self.errors()))
                self.changed.wait(left)

    def wait_exit(self, timeout=PATIENCE):
        """Waits for the machine to leave; returns QEMU's exit status (PAYLOAD_EXIT after the payload)."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise RigError('still running after %g s; serial line:\n%s' % (timeout, self.output[-3000:])) from None
        with self.changed:
            self.changed.wait_for(lambda: self.closed, 10)
        return status

    def events(self):
        """The loader's event lines so far: [(name, {key: value})], in order."""
        lines = self.output.replace('\r', '').split('\n')
        return [parse_event(line) for line in lines[:-1] if line.startswith('ft:')]

    def payload(self):
        """The payload's line as a dict, or None."""
        match = re.search(r'^PAYLOAD (.*)$', self.output.replace('\r', ''), re.MULTILINE)
        return dict(word.split('=', 1) for word in match[1].split()) if match else None

    def send_key(self, *keys):
        """Presses keys together, by QEMU's names: 'f8', 'ret', 'down'; 'shift', 'a'."""
        self.qmp('send-key', keys=[{'type': 'qcode', 'data': key} for key in keys])

    def send_serial(self, text):
        self.serial.sendall(text.encode('latin1'))

    def cells(self):
        """The text screen as 25 rows of 80 (character, attribute)."""
        self.qmp('pmemsave', val=0xB8000, size=4000, filename=str(self.dir / 'screen'))
        raw = (self.dir / 'screen').read_bytes()
        text = raw[::2].decode('cp437').replace('\0', ' ')
        return [list(zip(text[at:at + 80], raw[2 * at + 1:2 * at + 160:2])) for at in range(0, 2000, 80)]

    def screen(self):
        """The text screen as 25 lines, blanks on the right removed."""
        return [''.join(char for char, _ in row).rstrip() for row in self.cells()]

    def wait_screen(self, regex, timeout=PATIENCE):
        """Waits until a line of the screen matches; for the few things that are not on the serial line."""
        end = time.monotonic() + timeout
        while True:
            for line in self.screen():
                if match := re.search(regex, line):
                    return match
            if time.monotonic() > end:
                raise RigError('after %g s no %r on the screen:\n%s' % (timeout, regex, '\n'.join(self.screen())))
            time.sleep(0.05)

    def screendump(self, png):
        self.qmp('screendump', filename=str(pathlib.Path(png).resolve()), format='png')

    # ---- failing disks while it runs; what was read ----

    def fail(self, n, fault='dead'):
        """Disk n gets a fault now, whatever it had before."""
        self.bads += 1
        name = 'disk%d-bad%d' % (n, self.bads)
        self.qmp('blockdev-add', **{'node-name': name, **fault_node(fault, 'disk%d-file' % n)})
        self._reopen(n, name)

    def heal(self, n):
        self._reopen(n, 'disk%d-file' % n)

    def _reopen(self, n, file):
        self.qmp('blockdev-reopen', options=[{'driver': 'raw', 'node-name': 'disk%d' % n, 'file': file}])

    def change_floppy(self, path=None):
        """Takes the floppy out; puts another one in."""
        self.qmp('blockdev-open-tray', id='floppy-drive', force=True)
        self.qmp('blockdev-remove-medium', id='floppy-drive')
        if path:
            self.qmp('blockdev-add', **{'node-name': 'other', 'driver': 'raw',
                                        'file': {'driver': 'file', 'filename': str(path)}})
            self.qmp('blockdev-insert-medium', id='floppy-drive', **{'node-name': 'other'})
            self.qmp('blockdev-close-tray', id='floppy-drive')

    def stats(self, n):
        """QEMU's own counters of disk n (rd_operations, failed_rd_operations, wr_bytes, ...) while it runs."""
        return next(entry['stats'] for entry in self.qmp('query-blockstats') if 'dev%d' % n in entry.get('qdev', ''))

    def accesses(self):
        """[('read' or 'write', node, LBA, sectors)] that the devices asked for, out of the trace, in order; a node is
        'disk0', 'disk1', ... or 'floppy'. Needs trace=True, works after the end. QEMU itself reads sector 0 of a hard
        disk once or twice before the machine starts."""
        nodes, found = {}, []
        for line in (self.dir / 'qemu.log').read_text(errors='replace').splitlines():
            words = line.split()
            if words[:1] == ['bdrv_open_common'] and len(nodes) < len(self.nodes):
                nodes[words[2]] = self.nodes[len(nodes)]  # opened in the order of the command line
            elif words[:1] in (['blk_co_preadv'], ['blk_co_pwritev']) and words[4] in nodes:
                found.append(('read' if words[0] == 'blk_co_preadv' else 'write', nodes[words[4]],
                              int(words[6]) // 512, int(words[8]) // 512))
        return found

    def reads(self, n='floppy'):
        """Read requests of disk n or the floppy, as [(LBA, sectors)]: see accesses()."""
        return self._spans('read', n)

    def writes(self, n='floppy'):
        return self._spans('write', n)

    def _spans(self, kind, n):
        node = n if n == 'floppy' else 'disk%d' % n
        return [access[2:] for access in self.accesses() if access[:2] == (kind, node)]

    def floppy_reads(self):
        """The READ DATA commands that the floppy controller got, as [(cylinder, head, sector)]: needs trace=True."""
        log = (self.dir / 'qemu.log').read_text(errors='replace')
        values = iter(int(value, 16) for value in re.findall(r'fdc_ioport_write write reg 0x05 val 0x(\w\w)', log))
        found = []
        for command in values:
            operands = [value for _, value in zip(range(FDC_PARAMETERS.get(command & 0x1F, 0)), values)]
            if command & 0x1F == 0x06 and len(operands) == 8:
                found.append(tuple(operands[1:4]))
        return found

    # ---- the end of it ----

    def power_off(self):
        """Kills the machine at once, as a power cut would; images and traces stay until close()."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def close(self):
        self.power_off()
        for channel in (self.serial, self.monitor, getattr(self, 'qmp_socket', None)):
            if channel:
                try:
                    channel.close()
                except OSError:
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
