# SPDX-License-Identifier: MIT
"""Firmware with Secure Boot on and one key of our own in it, and what that key has signed.

Owns the keys (openssl's), the signatures (sbsign's), and a copy of OVMF's empty variable store with PK, KEK, db and
SecureBootEnable entered. UEFI 2.10, 32.4.1 has the signature lists; the store is EDK II's, as in
MdeModulePkg/Include/Guid/VariableFormat.h. That it was understood is for a test to show: it must refuse something.
"""
import pathlib
import shutil
import struct
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / 'images'))
import disks as recipes  # noqa: E402

GLOBAL = uuid.UUID('8be4df61-93ca-11d2-aa0d-00e098032b8c')
IMAGE_SECURITY = uuid.UUID('d719b2cb-3d3a-4596-a3bc-dad00e67656f')
SECURE_BOOT_ENABLE = uuid.UUID('f0a30bc7-af08-4556-99c4-001009c93a44')
CERT_X509 = uuid.UUID('a5c059a1-94e4-4aa7-87b5-ab155c2bf072')
AUTHENTICATED_STORE = uuid.UUID('aaf32c78-947b-439a-a180-2e144ec37792')
OWNER = uuid.UUID('11111111-2222-4333-8444-555555555555')
VOLUME_HEADER_BYTES, STORE_HEADER_BYTES = 72, 28
NON_VOLATILE, BOOT_SERVICE, RUNTIME, TIME_AUTHENTICATED = 1, 2, 4, 0x20
ADDED = 0x3F  # the state of a variable that is there
TIME = struct.pack('<H6BIHBB', 2024, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)


class Key:
    """A private key and its certificate, as NAME.key and NAME.pem of a folder."""

    def __init__(self, folder, name):
        self.key, self.certificate = (pathlib.Path(folder, name + end) for end in ('.key', '.pem'))
        recipes.run('openssl', 'req', '-new', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '3650',
                    '-subj', '/CN=' + name, '-keyout', self.key, '-out', self.certificate)

    def sign(self, program):
        """The bytes of an EFI program, signed."""
        path = self.key.with_suffix('.efi')
        path.write_bytes(program)
        recipes.run('sbsign', '--key', self.key, '--cert', self.certificate, '--output', path, path)
        return path.read_bytes()

    def signature_list(self):
        der = recipes.run('openssl', 'x509', '-in', self.certificate, '-outform', 'DER')
        entry = OWNER.bytes_le + der
        return CERT_X509.bytes_le + struct.pack('<III', 28 + len(entry), 0, len(entry)) + entry


def variable(name, guid, attributes, data):
    """One variable of the store, with what fills it up to the next."""
    letters = (name + '\0').encode('utf-16le')
    time = TIME if attributes & TIME_AUTHENTICATED else bytes(16)
    head = struct.pack('<HBBIQ16sIII16s', 0x55AA, ADDED, 0, attributes, 0, time, 0, len(letters), len(data),
                       guid.bytes_le)
    raw = head + letters + data
    return raw + b'\xFF' * (-len(raw) % 4)


def enrol(key, empty, path):
    """Copies an empty variable store to `path` and makes `key` the one that is trusted, for everything."""
    shutil.copy(empty, path)
    always = NON_VOLATILE | BOOT_SERVICE | RUNTIME | TIME_AUTHENTICATED
    variables = b''.join((variable('PK', GLOBAL, always, key.signature_list()),
                          variable('KEK', GLOBAL, always, key.signature_list()),
                          variable('db', IMAGE_SECURITY, always, key.signature_list()),
                          variable('SecureBootEnable', SECURE_BOOT_ENABLE, NON_VOLATILE | BOOT_SERVICE, b'\1')))
    with open(path, 'r+b') as file:
        file.seek(VOLUME_HEADER_BYTES)
        assert file.read(16) == AUTHENTICATED_STORE.bytes_le
        file.seek(VOLUME_HEADER_BYTES + STORE_HEADER_BYTES)
        assert file.read(len(variables)).count(0xFF) == len(variables), 'the store is not empty'
        file.seek(VOLUME_HEADER_BYTES + STORE_HEADER_BYTES)
        file.write(variables)
