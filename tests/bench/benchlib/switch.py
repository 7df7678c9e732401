# SPDX-License-Identifier: Apache-2.0
"""What a switch between two domains on one CPU costs: sleeper.c and spinner.c of the guests."""

from . import machine
from .machine import Machine
from .report import Group, Row

MACHINES = [Machine(), Machine(cpu="max"), Machine(gic=2)]
NOTE = """Two plain domains share a CPU: one sleeps in WFI until a deadline, the other spins.
Instructions from the last one of the domain that stops to the first of the one that goes on, all
state of EL1, FP, GIC and timer included. Means of 200 rounds; the spinner's loop (8 instructions)
is the error."""


def both(where):
    """Instructions of the switch at the deadline and of the switch at WFI."""
    output = machine.latch([machine.domain(name, machine.guest("bench-plain-" + name), 16,
                                           "vpl011;")
                            for name in ("sleeper", "spinner")], where)
    counts = {**output.of("sleeper").counts(), **output.of("spinner").counts()}
    for name in ("blocked", "woken", "lost", "regained"):
        if name not in counts:
            raise machine.Unmeasured(f"no '{name}' in:\n{output.tail()}")
    return (counts["woken"] - counts["lost"], counts["regained"] - counts["blocked"])


def measure():
    group = Group("Switch between two domains (cortex-a72, GICv3)", "switch", NOTE)
    yield group
    runs = [both(where) for where in MACHINES]
    names = ["a deadline passes: to the sleeper", "WFI: to the spinner"]
    for i, name in enumerate(names):
        cells = {where.short: round(run[i]) for where, run in zip(MACHINES[1:], runs[1:])}
        group.rows.append(Row(name, round(runs[0][i]), None, cells))
