# SPDX-License-Identifier: Apache-2.0
"""What the update of a page table costs a direct guest: tests/bench/guests/direct/tables.c."""

from . import machine, peers
from .machine import Machine
from .report import Group, Row

MEMORY = 8
NOTE_STEPS = """Instructions of one step, what the guest itself does for it included: a store that
detaches a live level-3 table, a store to one that is emulated instead, and the walk that reconnects
a detached table in which so many entries became valid, or invalid."""
NOTE_ENTRIES = """Instructions per entry to make the 512 entries of a live level-3 table valid, or
invalid, all included: the change, the barriers or the flush that a guest needs, and the next walk.
The bare machine stores them without a hypervisor. Invalidations: what the processor is asked for
beside that, for all 512 in both directions (flushes of everything, by address, of stage 2; pages
cleaned). Peers: Xen 4.17 on x86, hypervisor only, not taken here."""
NOTE_START = """Instructions of EL2 from its first to the first of a direct guest. What a plain guest's
memory costs (zeroing it) is subtracted from what a GiB costs a direct one."""
BLOCKS = [(1, "1 entry"), (64, "64 entries"), (512, "512 entries")]
AIM_EMULATED = 300
AIM_BATCH = 30


def run(policy, words, where=Machine(), memory=MEMORY, guest="bench-direct-tables"):
    text = machine.domain("guest", machine.guest(guest), memory,
                          f'latch,paging = "direct"; latch,ptwr-policy = "{policy}";', words)
    return machine.latch([text], where).of("guest")


def need(counts, *names):
    for name in names:
        if name not in counts:
            raise machine.Unmeasured(f"the guest did not print '{name}'")
    return [counts[name] for name in names]


def steps(open_, emulate, open_max):
    group = Group("Steps of a page-table update (cortex-a72, GICv3)", "instructions", NOTE_STEPS)
    yield group

    def add(name, loop, counts=open_, other=open_max, aim=None, cells=None):
        value, = need(counts, loop)
        extra = {"max": round(need(other, loop)[0])} if other else {}
        group.rows.append(Row(name, round(value), aim, {**extra, **(cells or {})}))

    xen = peers.TABLES["emulated"]
    add("store emulated, entry made valid", "stores_map", emulate, None, AIM_EMULATED,
        {"Xen, x86": f"{xen[0]:,}-{xen[1]:,}"})
    add("store emulated, entry made invalid", "stores_unmap", emulate, None, AIM_EMULATED)
    add("store without a full syndrome (post-index) emulated, made valid", "stores_next_map",
        emulate, None, AIM_EMULATED)
    add("detach", "detach_512")
    for count, name in BLOCKS:
        add(f"reconnect, {name} made valid", f"reconnect_map_{count}")
        add(f"reconnect, {name} made invalid", f"reconnect_unmap_{count}")


def entries(runs, bare):
    group = Group("512 entries of a live table (cortex-a72, GICv3)", "made valid", NOTE_ENTRIES)
    yield group
    xen = peers.TABLES
    rows = [
        ("plain stores, table detached", "open", "stores", AIM_BATCH, None),
        ("plain stores, policy predict", "predict", "stores", AIM_BATCH, None),
        ("plain stores, each emulated", "emulate", "stores", AIM_EMULATED,
         f"{xen['emulated'][0]:,}-{xen['emulated'][1]:,}"),
        ("mmu_update, one call", "predict", "mmu_update", None,
         f"{xen['batched'][0]:,}-{xen['batched'][1]:,}"),
        ("update_va_mapping, one call each", "predict", "update_va_mapping", None,
         f"{xen['single']:,}"),
    ]
    for name, policy, way, aim, peer in rows:
        output = runs[policy]
        made, unmade = need(output.counts(), f"{way}_map", f"{way}_unmap")
        values = output.values()
        rounds = values[f"{way}_operations"] / 1024
        cells = {"made invalid": round(unmade, 1), "Xen, x86": peer}
        for column, value in (("all", "flushes"), ("address", "flushes_va"),
                              ("stage 2", "flushes_ipa"), ("cleaned", "cleaned")):
            cells[column] = round(values[f"{way}_{value}"] / rounds)
        group.rows.append(Row(name, round(made, 1), aim, cells))
    made, unmade = need(bare, "stores_map", "stores_unmap")
    group.rows.append(Row("bare machine, plain stores", round(made, 1), None,
                          {"made invalid": round(unmade, 1)}))


def calls(counts):
    group = Group("Other calls of a direct guest (cortex-a72, GICv3)", "instructions",
                  "Instructions of one call, the guest's own included.")
    yield group
    for name, loop in (("xen_version", "xen_version"),
                       ("TTBR0_EL1 write, to another pinned root", "ttbr0")):
        group.rows.append(Row(name, round(need(counts, loop)[0])))


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
    open_max = run("open", "open", Machine(cpu="max")).counts()
    yield from steps(runs["open"].counts(), runs["emulate"].counts(), open_max)
    yield from entries(runs, bare)
    yield from calls(runs["predict"].counts())
    yield from start()
