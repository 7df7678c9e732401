# SPDX-License-Identifier: Apache-2.0
"""Runs guests with QEMU's instruction counter: under Latch by tools/latch, and on the bare machine.

With -icount shift=0 an instruction takes one nanosecond of virtual time, so a guest's counter
counts instructions, its own and the hypervisor's; what depends on chance is switched off.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from latchlib import board as boards  # noqa: E402

ICOUNT = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm", "-seed", "42"]
DIRECTORY = os.environ.get("BUILD") or os.path.join(ROOT, "build")
GUESTS = os.path.join(DIRECTORY, "guests")


class Unmeasured(Exception):
    """A figure that could not be taken, and why."""


@dataclass(frozen=True)
class Machine:
    cpu: str = "cortex-a72"
    gic: int = 3
    memory: str = "1G"
    cpus: int = 1

    @property
    def short(self):
        """What is not as usual."""
        return f"GICv{self.gic}" if self.gic != 3 else self.cpu


def guest(name):
    path = os.path.join(GUESTS, name + ".elf")
    if not os.path.exists(path):
        raise Unmeasured(f"{path} was not built")
    return path


def domain(name, kernel, memory_mib, properties="", bootargs="", ramdisk=None, tree=None, cpus=1):
    """A domain, as text for a system description."""
    def module(kind, path, more=""):
        return (f'        {kind} {{ compatible = "multiboot,{kind}", "multiboot,module"; '
                f'latch,file = "{path}"; {more} }};\n')

    modules = module("kernel", kernel, f'bootargs = "{bootargs}";' if bootargs else "")
    modules += module("ramdisk", ramdisk) if ramdisk else ""
    modules += module("device-tree", tree) if tree else ""
    return (f'    {name} {{ compatible = "xen,domain"; memory = <0 {memory_mib * 1024}>; '
            f'cpus = <{cpus}>; {properties}\n{modules}    }};\n')


class Output:
    """What one run printed."""

    def __init__(self, text):
        self.lines = text.replace("\r", "").splitlines()

    def of(self, name):
        """The lines of one domain, without its prefix."""
        prefix = f"[{name}] "
        return Output("\n".join(line[len(prefix):] for line in self.lines
                                if line.startswith(prefix)))

    def counts(self, per_operation=True):
        """Instructions for each "bench: NAME OPERATIONS TICKS", for one operation or for all."""
        frequency = None
        found = {}
        for line in self.lines:
            words = line.split()
            if words[:2] == ["bench:", "frequency"]:
                frequency = int(words[2])
            elif words[:1] == ["bench:"] and len(words) == 4 and frequency:
                operations, ticks = int(words[2]), int(words[3])
                total = ticks * 1e9 / frequency
                found[words[1]] = total / operations if per_operation else total
        return found

    def counted(self):
        """The numbers of each "count: NAME OPERATIONS NUMBER...", for one operation."""
        found = {}
        for line in self.lines:
            words = line.split()
            if words[:1] == ["count:"]:
                found[words[1]] = [int(word) / int(words[2]) for word in words[3:]]
        return found

    def tail(self):
        return "\n".join(self.lines[-20:])


def run(command, limit, end):
    """The Output of a QEMU run; it must have a line that matches `end`."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit, check=False, cwd=ROOT,
                              encoding="utf-8", errors="replace")
    except subprocess.TimeoutExpired:
        raise Unmeasured(f"still running after {limit} s: {' '.join(command)}") from None
    output = Output(done.stdout)
    if not any(re.search(end, line) for line in output.lines):
        raise Unmeasured(f"it did not end as it should ('{end}'):\n{output.tail()}")
    return output


def latch(domains, machine, limit=120):
    """Runs a system of these domains under Latch; every domain must end in order."""
    with tempfile.TemporaryDirectory(prefix="latch-bench-") as folder:
        path = os.path.join(folder, "system.dts")
        with open(path, "w", encoding="utf-8") as file:
            file.write("/dts-v1/;\n/ { chosen {\n" + "".join(domains) + "}; };\n")
        command = [os.path.join(ROOT, "tools", "latch"), "run", path, "--icount", "--no-input",
                   "--timeout", str(limit), "--cpu", machine.cpu, "--gic", str(machine.gic),
                   "--memory", machine.memory, "--smp", str(machine.cpus),
                   "--latch", os.path.join(DIRECTORY, "latch.bin"),
                   "--checker", os.path.join(DIRECTORY, "latch-check")]
        return run(command, limit + 30, r"^latch: end: \d+ ended, 0 stopped$")


def bare(kernel, machine, extra=(), limit=120, end=r"^bench: end$"):
    """Runs a guest at EL1 of the same machine without EL2, PSCI being QEMU's."""
    board = boards.find("virt", ROOT)
    board.machine_options = {}
    wanted = boards.Machine(machine.cpu, machine.gic, machine.cpus,
                            boards.parse_size(machine.memory))
    command = board.qemu_command(wanted, True)
    command += ["-monitor", "none", "-serial", "stdio", "-no-reboot", *ICOUNT, "-kernel", kernel]
    return run([*command, *extra], limit, end)
