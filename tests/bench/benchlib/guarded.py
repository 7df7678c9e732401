# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel in a guarded domain, against the same kernel in a plain one and on the bare
machine."""

import math
import tempfile

from . import linux, machine, start
from .machine import Machine
from .report import Group, Row

PROPERTIES = start.STOP + ' latch,paging = "guarded"; latch,guard = "enforce";'
AIMS = {"touch": 1.12, "fork_exit": 1.12, "fork_exec": 1.12, "pipe": 1.12}
AIM_MEAN = 1.06
NOTE = """Instructions per operation, the same kernel, initramfs and device tree, in a guarded and
in a plain domain under Latch and entered at EL1 on the bare machine. Ratio: guarded / bare."""


def under_latch(blob, properties, where):
    text = machine.domain("linux", start.KERNEL, linux.MEMORY, properties, linux.BOOTARGS,
                          start.RAMDISK, blob)
    return machine.latch([text], where, 300).of("linux").counts()


def on_bare_machine(blob, cpu):
    where = Machine(cpu=cpu, memory=f"{linux.MEMORY}M")
    extra = ["-initrd", start.RAMDISK, "-append", linux.BOOTARGS, "-dtb", blob]
    return machine.bare(start.KERNEL, where, extra, 300, "linux: all work done").counts()


def rows(blob, cpu):
    where = Machine(cpu=cpu)
    guarded = under_latch(blob, PROPERTIES, where)
    plain = under_latch(blob, start.STOP, where)
    bare = on_bare_machine(blob, cpu)
    ratios = []
    for loop, name in linux.NAMES.items():
        if not all(loop in found for found in (guarded, plain, bare)):
            raise machine.Unmeasured(f"a guest did not print '{loop}'")
        ratios.append(guarded[loop] / bare[loop])
        cells = {"guarded": round(guarded[loop]), "plain": round(plain[loop]),
                 "bare": round(bare[loop])}
        yield Row(name, round(ratios[-1], 4), AIMS.get(loop), cells)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    yield Row("geometric mean", round(mean, 4), AIM_MEAN)


def measure():
    with tempfile.TemporaryDirectory(prefix="latch-bench-") as folder:
        blob = linux.guest_tree(folder)
        for cpu in ("cortex-a72", "max"):
            group = Group(f"Linux in a guarded domain ({cpu}, GICv3)", "ratio", NOTE)
            yield group
            group.rows.extend(rows(blob, cpu))
