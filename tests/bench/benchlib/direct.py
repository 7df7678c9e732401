# SPDX-License-Identifier: Apache-2.0
"""What the update of a page table costs a direct guest: tests/bench/guests/direct/tables.c."""

from . import machine, peers
from .machine import Machine
from .report import Group, Row

MEMORY = 8
NOTE_STEPS = """Instructions of one step, what the guest itself does for it included: a store that
detaches a live level-3 table, a store to one that is emulated instead, and the walk that reconnects
a detached table in which so many entries became valid, or invalid. Beside them what Latch asks the
processor for in one step: invalidations of all that the domain has in TLBs, by address, of a
stage-2 entry, and lines cleaned."""
NOTE_ENTRIES = """Instructions per entry to make the 512 entries of a live level-3 table valid,
invalid, or map another page, all included: the change, the barriers or the flush that a guest needs,
and the next walk. The bare machine stores them without a hypervisor. Peers: Xen 4.17 on x86,
hypervisor only, not taken here."""
NOTE_COUNTS = """What Latch asks the processor for in one call, or one change of the 512 entries of a
live level-3 table, the walk behind it included: invalidations of all that the domain has in TLBs,
by address, of a stage-2 entry, and lines cleaned."""
NOTE_START = """Instructions of EL2 from its first to the first of a direct guest. What a plain guest's
memory costs (zeroing it) is subtracted from what a GiB costs a direct one."""
BLOCKS = [(1, "1 entry"), (64, "64 entries"), (512, "512 entries")]
AIM_EMULATED = 200
AIM_DECODED = 300
AIMS_BATCH = {"stores": 30, "mmu_update": 50}
KINDS = {"map": "made valid", "replace": "replaced", "unmap": "made invalid"}
COSTS = ("all", "by VA", "by IPA", "lines")


def run(policy, words, where=Machine(), memory=MEMORY, guest="bench-direct-tables"):
    text = machine.domain("guest", machine.guest(guest), memory,
                          f'latch,paging = "direct"; latch,ptwr-policy = "{policy}";', words)
    return machine.latch([text], where).of("guest")


def need(counts, *names):
    for name in names:
        if name not in counts:
            raise machine.Unmeasured(f"the guest did not print '{name}'")
    return [counts[name] for name in names]


def rounded(value):
    """As it is printed: counts of one operation are whole numbers, or nearly 0."""
    return round(value) if abs(value - round(value)) < 0.005 else round(value, 2)


def costs(output, name, operations=1):
    """Invalidations and lines of so many operations, as cells."""
    counted, = need(output.counted(), name)
    return {column: rounded(value * operations) for column, value in zip(COSTS, counted)}


def steps(open_, emulate, open_max):
    group = Group("Steps of a page-table update (cortex-a72, GICv3)", "instructions", NOTE_STEPS)
    yield group

    def add(name, loop, output=open_, other=open_max, aim=None, peer=None):
        value, = need(output.counts(), loop)
        extra = {"max": round(need(other.counts(), loop)[0])} if other else {}
        if peer:
            extra["Xen, x86"] = peer
        group.rows.append(Row(name, round(value), aim, {**costs(output, loop), **extra}))

    xen = peers.TABLES["emulated"]
    add("store emulated, entry made valid", "stores_map", emulate, None, AIM_EMULATED,
        f"{xen[0]:,}-{xen[1]:,}")
    add("store emulated, entry replaced", "stores_replace", emulate, None)
    add("store emulated, entry made invalid", "stores_unmap", emulate, None, AIM_EMULATED)
    add("store without a full syndrome (post-index) emulated, made valid", "stores_next_map",
        emulate, None, AIM_DECODED)
    add("compare-and-swap by LDXR and STXR emulated, made valid", "stores_exclusive_map", emulate,
        None, AIM_DECODED)
    add("detach", "detach_512")
    for count, name in BLOCKS:
        add(f"reconnect, {name} made valid", f"reconnect_map_{count}")
        add(f"reconnect, {name} made invalid", f"reconnect_unmap_{count}")


WAYS = [
    ("plain stores, table detached", "open", "stores"),
    ("plain stores, policy predict", "predict", "stores"),
    ("plain stores, each emulated", "emulate", "stores"),
    ("mmu_update, one call", "predict", "mmu_update"),
    ("update_va_mapping, one call each", "predict", "update_va_mapping"),
]


def entries(runs, bare):
    group = Group("512 entries of a live table (cortex-a72, GICv3)", "made valid", NOTE_ENTRIES)
    yield group
    xen = peers.TABLES
    known = {"emulate": f"{xen['emulated'][0]:,}-{xen['emulated'][1]:,}",
             "mmu_update": f"{xen['batched'][0]:,}-{xen['batched'][1]:,}",
             "update_va_mapping": f"{xen['single']:,}"}
    for name, policy, way in WAYS:
        made, replaced, unmade = need(runs[policy].counts(),
                                      *(f"{way}_{kind}" for kind in KINDS))
        aim = AIM_EMULATED if policy == "emulate" else AIMS_BATCH.get(way)
        peer = known.get(way) or known.get(policy)
        group.rows.append(Row(name, round(made, 1), aim,
                              {"replaced": round(replaced, 1), "made invalid": round(unmade, 1),
                               "Xen, x86": peer}))
    made, unmade = need(bare, "stores_map", "stores_unmap")
    group.rows.append(Row("bare machine, plain stores", round(made, 1), None,
                          {"made invalid": round(unmade, 1)}))


def invalidations(runs):
    group = Group("Invalidations and cleans (cortex-a72, GICv3)", COSTS[0], NOTE_COUNTS)
    yield group
    for name, policy, way in WAYS:
        for kind, verb in KINDS.items():
            # A call of update_va_mapping is one entry's.
            operations = 1 if way == "update_va_mapping" else 512
            cells = costs(runs[policy], f"{way}_{kind}", operations)
            first = cells.pop(COSTS[0])
            group.rows.append(Row(f"{name}: {verb}", first, None, cells))


def calls(output):
    group = Group("Other calls of a direct guest (cortex-a72, GICv3)", "instructions",
                  "Instructions of one call, the guest's own included.")
    yield group
    for name, loop, counted in (
            ("xen_version", "xen_version", "xen_version_call"),
            ("TTBR0_EL1 write, to another pinned root", "ttbr0", "ttbr0_write")):
        value, = need(output.counts(), loop)
        group.rows.append(Row(name, round(value), None, costs(output, counted)))


def start():
    group = Group("Start of a direct guest (cortex-a72, GICv3)", "instructions", NOTE_START)
    yield group
    sizes = (32, 256, 1024)
    where = Machine(memory="2G")
    first = {size: round(need(run("predict", "start", where, size).counts(), "start")[0])
             for size in sizes}
    for size in sizes:
        group.rows.append(Row(f"{size} MiB", first[size]))
    plain = {}
    for size in (256, 1024):
        text = machine.domain("guest", machine.guest("bench-plain-start"), size, "vpl011;")
        counts = machine.latch([text], where).of("guest").counts()
        plain[size] = need(counts, "start")[0]
    direct_gib = (first[1024] - first[256]) * 4 / 3
    plain_gib = (plain[1024] - plain[256]) * 4 / 3
    group.rows.append(Row("each GiB", round(direct_gib), None, {"plain": round(plain_gib)}))
    group.rows.append(Row("each GiB, less a plain guest's", round(direct_gib - plain_gib),
                          800_000))


def measure():
    runs = {policy: run(policy, words) for policy, words in
            (("open", "open"), ("emulate", ""), ("predict", "calls"))}
    bare = machine.bare(machine.guest("bench-plain-tables"), Machine()).counts()
    open_max = run("open", "open", Machine(cpu="max"))
    yield from steps(runs["open"], runs["emulate"], open_max)
    yield from entries(runs, bare)
    yield from invalidations(runs)
    yield from calls(runs["predict"])
    yield from start()
