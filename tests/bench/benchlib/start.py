# SPDX-License-Identifier: Apache-2.0
"""How many instructions pass between EL2's first and the first guest's first."""

import os
import struct
import tempfile

from . import machine, peers
from .machine import Machine
from .report import Group, Row

from latchlib import files  # noqa: E402  machine has set the path

RAM = 0x40000000
PT_LOAD = 1
KERNEL = os.path.join(machine.ROOT, "build/packages/vmlinuz-cloud")
RAMDISK = os.path.join(machine.DIRECTORY, "linux-initramfs.cpio.gz")
STOP = 'vpl011; latch,on-reset = "stop";'
RESTART = 'vpl011; latch,on-reset = "restart";'
NOTE = """Instructions of EL2 from its first to the guest's first, Latch's own messages included.
The guest reads the physical counter, which starts at 0 with the machine; what it reads on the bare
machine is subtracted; the error is one tick, 16 instructions. Linux is Debian's cloud kernel and
initramfs, its first instructions replaced by those that report the counter."""


def segments(path):
    """(address, bytes) of what an ELF64 file loads, and its entry."""
    with open(path, "rb") as file:
        data = file.read()
    entry, table = struct.unpack_from("<QQ", data, 0x18)
    size, count = struct.unpack_from("<HH", data, 0x36)
    found = []
    for i in range(count):
        kind, _, offset, _, address, length = struct.unpack_from("<IIQQQQ", data, table + i * size)
        if kind == PT_LOAD:
            found.append((address, data[offset:offset + length]))
    return found, entry


def linux_with(guest, folder):
    """A file like the kernel, of its size and with its header, that starts `guest` instead."""
    with open(KERNEL, "rb") as file:
        image = file.read()
    image = bytearray(files.unpacked(image) or image)
    loaded, entry = segments(guest)
    for address, data in loaded:
        image[address - RAM:address - RAM + len(data)] = data
    # code0 of the header, which the kernel's loader runs: B entry.
    image[0:4] = struct.pack("<I", 0x14000000 | (entry - RAM) >> 2)
    path = os.path.join(folder, "Image")
    with open(path, "wb") as file:
        file.write(image)
    return path


def first(output, name=None):
    counts = (output.of(name) if name else output).counts()
    if "start" not in counts:
        raise machine.Unmeasured(f"the guest did not say when it started:\n{output.tail()}")
    return counts["start"]


def measure():
    group = Group("Start (cortex-a72, GICv3)", "instructions", NOTE)
    yield group
    elf = machine.guest("bench-plain-start")
    where = Machine()
    base = first(machine.bare(elf, where))
    with tempfile.TemporaryDirectory(prefix="latch-bench-") as folder:
        linux = linux_with(elf, folder)

        def start(kernel, memory, properties, ramdisk=None, at=where):
            text = machine.domain("guest", kernel, memory, properties, ramdisk=ramdisk)
            return round(first(machine.latch([text], at), "guest") - base)

        small = start(elf, 16, RESTART)
        group.rows.append(Row("bare-metal guest, 16 MiB", small, None,
                              {"Bao": peers.START_BARE_METAL["Bao"]}))
        in_place = start(linux, 256, STOP, RAMDISK)
        more = start(linux, 512, STOP, RAMDISK)
        group.rows.append(Row("Linux in place, 256 MiB", in_place, 2_000_000, peers.START_LINUX))
        group.rows.append(Row("Linux from a pristine copy, 256 MiB",
                              start(linux, 256, RESTART, RAMDISK), None, peers.START_LINUX))
        per_gib = (more - in_place) * 4
        group.rows.append(Row("each GiB of a plain guest's memory", per_gib))
        group.rows.append(Row("Linux in place, 256 MiB, less its memory", in_place - per_gib // 4))
