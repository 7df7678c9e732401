# SPDX-License-Identifier: Apache-2.0
"""How large the hypervisor is."""

import os
import struct

from . import machine, peers
from .report import Group, Row

NOTE = """Bytes of build/latch.elf's sections, libfdt included. Data is what the image holds
of it; bss is memory, not image."""
SHF_ALLOC = 2
SHT_NOBITS = 8
AIM_TEXT = 96 * 1024


def sections(path):
    """(name, type, flags, size) of each section of an ELF64 file."""
    with open(path, "rb") as file:
        data = file.read()
    table, = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3a)
    found = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    strings = found[names][4]
    for name, kind, flags, _, _, length in found:
        start = strings + name
        yield data[start:data.index(b"\0", start)].decode(), kind, flags, length


def measure():
    group = Group("Size", "bytes", NOTE)
    yield group
    path = os.path.join(machine.DIRECTORY, "latch.elf")
    total = {"text": 0, "rodata": 0, "data": 0, "bss": 0}
    for name, kind, flags, length in sections(path):
        if not flags & SHF_ALLOC:
            continue
        if kind == SHT_NOBITS:
            total["bss"] += length
        else:
            total[name[1:] if name in (".text", ".data") else "rodata"] += length
    for name, value in total.items():
        cells = {"Bao": peers.SIZE["Bao (text)"]} if name == "text" else {}
        group.rows.append(Row(name, value, AIM_TEXT if name == "text" else None, cells))
    image = os.path.getsize(os.path.join(machine.DIRECTORY, "latch.bin"))
    group.rows.append(Row("image on disk", image, None, {"Xen": peers.SIZE["Xen (image)"]}))
