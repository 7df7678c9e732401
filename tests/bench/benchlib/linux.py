# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel in a plain domain against the same kernel on the bare machine.

Both get the same device tree: the one that Latch writes for the guest, read back from a guest, with
a seed for the kernel's random numbers, without which most of a system call is waiting for entropy.
"""

import math
import os
import tempfile

from . import machine, peers, start
from .machine import Machine
from .report import Group, Row

from latchlib import tree  # noqa: E402  machine has set the path

MEMORY = 256
BOOTARGS = "console=ttyAMA0 latch.mode=bench"
NAMES = {
    "boot": "boot to user space, console on",
    "getppid": "system call",
    "fork_exit": "fork, exit, wait",
    "fork_exec": "fork, exec, exit, wait",
    "vfork_exec": "vfork, exec, exit, wait",
    "pipe": "pipe ping-pong of two processes",
    "fork_dirty": "fork with 64 MiB written",
    "exit_dirty": "exit of that child",
    "fork_ro": "fork with 64 MiB read-only",
    "exit_ro": "exit of that child",
    "touch": "page touched for the first time",
    "populate": "mmap of 1 MiB, populated",
    "munmap": "munmap of 1 MiB",
    "cow_break": "write of 1 MiB shared with a child",
    "cow_reuse": "the same after the child's end",
    "mprotect_4k": "mprotect of 4 KiB",
    "mprotect": "mprotect of 1 MiB",
    "mprotect_64m": "mprotect of 64 MiB",
    "mremap": "mremap of 64 MiB, by 2 MiB",
    "mremap_off": "mremap of 64 MiB, by 64 KiB",
    "file": "file of 1 MiB: mmap, read, munmap",
    "dontneed": "madvise DONTNEED of 1 MiB",
    "find_sort": "find, sort, md5sum",
    "tar_tar": "tar, tar",
    "gzip": "gzip, gunzip of 256 KiB",
}
NOTE = """Instructions per operation, the same kernel, initramfs, device tree and 256 MiB, under
Latch and entered at EL1 on the bare machine. Ratio: Latch / bare. EL2 is what Latch adds to one
operation: the difference of the two. Peers: the ratios of their measurement, not taken here."""
AIM_EACH = 1.01


def guest_tree(folder):
    """The file of the device tree that Latch gives to this guest, with a seed added."""
    kernel = start.linux_with(machine.guest("bench-plain-start"), folder)
    text = machine.domain("guest", kernel, MEMORY, start.STOP, BOOTARGS, start.RAMDISK)
    output = machine.latch([text], Machine())
    lines = [line.split()[1] for line in output.of("guest").lines if line.startswith("tree: ")]
    root = tree.parse(bytes.fromhex("".join(lines)))
    root.child("chosen").properties["rng-seed"] = bytes(range(64))
    path = os.path.join(folder, "guest.dtb")
    with open(path, "wb") as file:
        file.write(tree.flatten(root))
    return path


def under_latch(blob):
    text = machine.domain("linux", start.KERNEL, MEMORY, start.STOP, BOOTARGS, start.RAMDISK, blob)
    return machine.latch([text], Machine(), 300).of("linux").counts()


def on_bare_machine(blob):
    where = Machine(memory=f"{MEMORY}M")
    extra = ["-initrd", start.RAMDISK, "-append", BOOTARGS, "-dtb", blob]
    return machine.bare(start.KERNEL, where, extra, 300, "linux: all work done").counts()


def measure():
    group = Group("Linux in a plain domain (cortex-a72, GICv3)", "ratio", NOTE)
    yield group
    with tempfile.TemporaryDirectory(prefix="latch-bench-") as folder:
        blob = guest_tree(folder)
        under, bare = under_latch(blob), on_bare_machine(blob)
    ratios = []
    for loop, name in NAMES.items():
        if loop not in under or loop not in bare:
            raise machine.Unmeasured(f"the guest did not print '{loop}'")
        ratio = under[loop] / bare[loop]
        ratios.append(ratio)
        cells = {"Latch": round(under[loop]), "bare": round(bare[loop]),
                 "EL2": round(under[loop] - bare[loop])}
        cells.update((peer, round(value, 3)) for peer, value in peers.LINUX.get(loop, {}).items())
        group.rows.append(Row(name, round(ratio, 4), AIM_EACH, cells))
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    group.rows.append(Row("geometric mean", round(mean, 4), AIM_EACH))
