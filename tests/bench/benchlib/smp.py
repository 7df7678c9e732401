# SPDX-License-Identifier: Apache-2.0
"""What CPUs cost each other, and what four of them cost the paths that one has: smp.c of the plain
and of the direct guests, and the plain guest's traps.c in a domain of four vCPUs."""

from . import direct, machine
from .machine import Machine
from .report import Group, Row

CPUS = 4
WHERE = Machine(cpus=CPUS)
GICV2 = Machine(gic=2, cpus=CPUS)
NOTE_CALLS = """A domain of four vCPUs, each with its CPU, two of them in WFI. Instructions of all CPUs
together, since QEMU runs one at a time: no figure holds what two do at once. An SGI is timed from
the counter's reading before it to the one at the handler's begin, a call until its answer is seen,
CPU_ON until the new vCPU's first instruction. The bare machine's PSCI is QEMU's, and free."""
NOTE_TRAPS = """What Latch adds to one operation on CPU 0 of a domain of one vCPU and of four, on a
machine of four CPUs: with several, what they share is under a lock."""
NOTE_TABLES = """Instructions of vCPU 0 for one step, or an entry of 512 (then all divided by 512): a
domain of one vCPU, and of four of which the others are in WFI, or store to live tables of their own
between any two steps. 8 slots, so that nobody closes another's table. QEMU changes CPUs at each
invalidation: where a step has one, the busy ones' work could not be told from it."""
CALLS = [
    ("sgi_loop", "SGI to a CPU that loops, until its handler"),
    ("sgi_wfi", "SGI to a CPU in WFI, until its handler"),
    ("call_loop", "call by SGI and its answer, of a CPU that loops"),
    ("call_wfi", "call by SGI and its answer, of a CPU in WFI"),
    ("cpu_on", "CPU_ON, until the first instruction"),
    ("cpu_off", "CPU_OFF, until AFFINITY_INFO says so"),
    ("hotplug", "CPU_OFF, CPU_ON, until the first instruction"),
]
TRAPS = [
    ("psci_version", "PSCI_VERSION by HVC"),
    ("gicd_read", "distributor read"),
    ("gicd_enable", "distributor write, one interrupt enabled"),
    ("self_sgi", "SGI to itself, sent, taken and ended"),
    ("timer", "timer interrupt, taken and ended"),
    ("id_pfr0", "ID register read"),
]
TABLES = [
    ("emulate", "stores_map", "store emulated, entry made valid"),
    ("emulate", "stores_unmap", "store emulated, entry made invalid"),
    ("emulate", "updates_map", "mmu_update, per entry of 512, made valid"),
    ("emulate", "updates_unmap", "mmu_update, per entry of 512, made invalid"),
    ("open", "detach", "detach"),
    ("open", "reconnect", "reconnect, 64 entries changed"),
]
OTHERS = ("idle", "busy")


def under(name, where, vcpus):
    text = machine.domain("guest", machine.guest(name), 16, "vpl011;", cpus=vcpus)
    return machine.latch([text], where).of("guest").counts()


def calls():
    group = Group("CPUs of a plain guest (cortex-a72, GICv3, four CPUs)", "added", NOTE_CALLS)
    yield group
    name = "bench-plain-smp"
    runs = [(under(name, where, CPUS), machine.bare(machine.guest(name), where).counts())
            for where in (WHERE, GICV2)]
    for loop, title in CALLS:
        latch, bare, latch2, bare2 = (direct.need(counts, loop)[0] for pair in runs
                                      for counts in pair)
        group.rows.append(Row(title, round(latch - bare), None, {
            "Latch": round(latch), "bare": round(bare), "GICv2": round(latch2 - bare2)}))


def traps():
    group = Group("Traps of a plain guest of 1 and 4 vCPUs (cortex-a72, GICv3)", "4 vCPUs",
                  NOTE_TRAPS)
    yield group
    name = "bench-plain-traps"
    one, four = under(name, WHERE, 1), under(name, WHERE, CPUS)
    bare = machine.bare(machine.guest(name), WHERE).counts()
    for loop, title in TRAPS:
        base, = direct.need(bare, loop)
        single, = direct.need(one, loop)
        several, = direct.need(four, loop)
        group.rows.append(Row(title, round(several - base), None,
                              {"1 vCPU": round(single - base)}))


def tables():
    group = Group("Page tables of a direct guest of 1 and 4 vCPUs (cortex-a72, GICv3)", "1 vCPU",
                  NOTE_TABLES)
    yield group

    def run(policy, others):
        text = machine.domain("guest", machine.guest("bench-direct-smp"), 8,
                              f'latch,paging = "direct"; latch,ptwr-policy = "{policy}"; '
                              'latch,slots = <8>;',
                              " ".join(word for word in (policy, others) if word),
                              cpus=CPUS if others else 1)
        output = machine.latch([text], WHERE).of("guest")
        worked, = direct.need(output.counted(), "others")
        if (worked[0] > 0) != (others == "busy"):
            raise machine.Unmeasured(f"the other vCPUs ({others or 'none'}) stored {worked[0]:g}")
        return output.counts()

    runs = {(policy, others): run(policy, others) for policy in ("emulate", "open")
            for others in (None, *OTHERS)}
    for policy, loop, title in TABLES:
        scale = 512 if loop.startswith("updates") else 1
        cells = {}
        for others in (None, *OTHERS):
            value, = direct.need(runs[policy, others], loop)
            known = others != "busy" or policy != "open"
            cells[others] = round(value / scale, 1 if scale > 1 else None) if known else None
        single = cells.pop(None)
        group.rows.append(Row(title, single, None, {f"4, others {others}": value
                                                    for others, value in cells.items()}))


def measure():
    yield from calls()
    yield from traps()
    yield from tables()
