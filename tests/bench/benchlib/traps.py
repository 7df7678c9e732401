# SPDX-License-Identifier: Apache-2.0
"""What a trap costs a plain guest: tests/bench/guests/plain/traps.c."""

from . import machine, peers
from .machine import Machine
from .report import Group, Row

MACHINES = [Machine(), Machine(cpu="max"), Machine(gic=2)]

# The guest's loops, what they are called here, and the most that Latch may add.
OPERATIONS = [
    (["psci_version"], "PSCI_VERSION by HVC", 58),
    (["hypercall_unknown"], "hypercall that does not exist", 58),
    (["gicd_read"], "distributor read", 115),
    (["gicd_enable"], "distributor write, one interrupt enabled", None),
    (["uart_write"], "PL011 register write", None),
    (["self_sgi"], "SGI to itself, sent, taken and ended", 279),
    (["timer"], "timer interrupt, taken and ended", 305),
    (["id_pfr0", "id_isar0", "id_mmfr0"], "ID register read", 89),
    (["eoi"], "end of interrupt", 0),
    (["tlbi"], "TLBI VMALLE1", 0),
    (["sctlr"], "SCTLR_EL1 write", 0),
]
NOTE = """Instructions that a hypervisor adds to one operation of a guest: under Latch minus on the
bare machine. The other CPU and GIC stand beside it; ID register read is the dearest of
three. Peers: their figures minus the bare machine's of their measurement, not taken here."""


def measure():
    group = Group("Traps of a plain guest (cortex-a72, GICv3)", "added", NOTE)
    yield group
    runs = []
    for where in MACHINES:
        kernel = machine.guest("bench-plain-traps")
        under = machine.latch([machine.domain("guest", kernel, 16, "vpl011;")], where)
        runs.append((under.of("guest").counts(), machine.bare(kernel, where).counts()))
    for loops, name, aim in OPERATIONS:
        for loop in loops:
            if not all(loop in counts for pair in runs for counts in pair):
                raise machine.Unmeasured(f"the guest did not print '{loop}'")
        values = [max(under[loop] - bare[loop] for loop in loops) for under, bare in runs]
        under, bare = runs[0]
        loop = max(loops, key=lambda each: under[each] - bare[each])
        cells = {"Latch": round(under[loop]), "bare": round(bare[loop])}
        cells.update((where.short, round(value))
                     for where, value in zip(MACHINES[1:], values[1:]))
        known = peers.added("id" if len(loops) > 1 else loop)
        cells.update((f"{peer} adds", known.get(peer)) for peer in ("Bao", "Xen", "KVM"))
        group.rows.append(Row(name, round(values[0]), aim, cells))
