#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seeds.py DIR FILE...: makes a fuzzer's seed directory; hex vectors become bytes, other files are copied."""
import pathlib
import sys


def decode(text):
    """The bytes of a hex vector: `offset: bytes` lines, zeros between."""
    image = bytearray()
    for line in text.splitlines():
        offset, colon, values = line.split('#')[0].partition(':')
        if not colon:
            continue
        values = bytes.fromhex(values)
        start = int(offset, 16)
        image.extend(bytes(max(0, start + len(values) - len(image))))
        image[start:start + len(values)] = values
    return bytes(image)


def main(directory, files):
    out = pathlib.Path(directory)
    out.mkdir(parents=True, exist_ok=True)
    for file in map(pathlib.Path, files):
        data = decode(file.read_text()) if file.suffix == '.hex' else file.read_bytes()
        (out / file.name).write_bytes(data)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
