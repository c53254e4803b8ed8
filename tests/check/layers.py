#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every include of the core against its table of dependencies: they point one way, and never out of the core.
Knows directories and headers, not what is in them."""
import pathlib
import re
import sys

FREESTANDING = {'stdint.h', 'stddef.h', 'stdbool.h', 'stdarg.h'}
MAY_USE = {
    'base': {'base'},
    'net': {'base', 'net'},
    'disk': {'base', 'disk'},
    'fs': {'base', 'disk', 'fs'},
    'nt': {'base', 'disk', 'fs', 'nt'},
    'mirror': {'base', 'disk', 'fs', 'nt', 'mirror'},
    'change': {'base', 'disk', 'fs', 'nt', 'mirror', 'change'},
}
TOP = set(MAY_USE) | {'ui', ''}
# Judgement without I/O: these see no device, although their directory may.
PURE = {
    'nt/arcpath': {'base/bytes.h', 'base/status.h', 'base/text.h', 'nt/arcpath.h'},
    'nt/bootini': {'base/status.h', 'base/text.h', 'nt/arcpath.h', 'nt/bootini.h'},
    'nt/hive': {'base/bytes.h', 'base/source.h', 'base/status.h', 'base/text.h', 'base/unicode.h', 'nt/hive.h',
                'nt/hive_list.h'},
    'nt/pe': {'base/bytes.h', 'base/source.h', 'base/status.h', 'nt/pe.h'},
    'nt/banner': {'nt/banner.h'},
    'nt/ftdisk': {'base/bytes.h', 'base/status.h', 'nt/ftdisk.h'},
    'mirror/decide': {'base/status.h', 'base/text.h', 'mirror/config.h', 'mirror/decide.h'},
    'mirror/config': {'base/bytes.h', 'base/status.h', 'base/text.h', 'mirror/config.h'},
    'change/changeset': {'base/bytes.h', 'base/status.h', 'base/text.h', 'change/changeset.h'},
    'change/journal': {'base/bytes.h', 'base/crc32.h', 'base/status.h', 'base/trail.h', 'change/changeset.h',
                       'change/journal.h'},
}
# Bytes that the build makes of other sources, and who holds them.
GENERATED = {('change/promote.c', 'mbr_code.inc')}
DIRECTIVE = re.compile(r'^\s*#\s*(\w+)\s*(.*)')


def check_include(name, target):
    """What is wrong with including `target` (as written, with its quotes) in file `name`; or None."""
    layer = str(pathlib.PurePath(name).parent).replace('.', '')
    if target.startswith('<'):
        header = target.strip('<>')
        return None if header in FREESTANDING else f'<{header}> is not freestanding'
    header = target.strip('"')
    if (name, header) in GENERATED:
        return None
    used = str(pathlib.PurePath(header).parent).replace('.', '')
    if used not in MAY_USE.get(layer, TOP):
        return f'{layer or "the top"} must not use "{header}"'
    pure = PURE.get(name.rsplit('.', 1)[0])
    if pure is not None and header not in pure:
        return f'it is pure, and must not use "{header}"'
    return None


def check_file(root, path):
    name = str(path.relative_to(root))
    guard = name.upper().replace('/', '_').replace('.', '_')
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = DIRECTIVE.match(line)
        if not found:
            continue
        keyword, rest = found[1], found[2].strip()
        if keyword == 'include':
            problem = check_include(name, rest)
        elif keyword in ('if', 'ifdef', 'ifndef', 'elif', 'else') and rest != guard:
            problem = f'#{keyword} {rest}: no conditional compilation in the core'
        else:
            problem = None
        if problem:
            yield f'{path}:{number}: {problem}'


def main(root):
    root = pathlib.Path(root)
    files = [path for path in sorted(root.rglob('*')) if path.suffix in ('.c', '.h', '.def')
             and path.relative_to(root).parts[0] != 'efi']
    problems = [problem for path in files for problem in check_file(root, path)]
    print('\n'.join(problems + [f'layers: {len(files)} files, {len(problems)} problems']))
    return 1 if problems or not files else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
