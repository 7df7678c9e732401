# SPDX-License-Identifier: Apache-2.0
"""Emulate, open or predict: tests/bench/guests/direct/policy.c under each, and the traces of
tests/unit/test_policy_traces.c."""

import os
import subprocess

from . import direct, machine
from .report import Group, Row

POLICIES = ("emulate", "open", "predict")
LENGTHS = [2 ** n for n in range(10)]
NOTE_RUNS = """Instructions per entry of runs of stores to live level-3 tables, the walk after each
run included, under the fixed policies and under `predict`; beside it the same by one mmu_update
for each run. The aim is 1.1 times the better fixed policy; for the mix, the better one."""
NOTE_TRACES = """Traces of page-table work by the program places of a kernel, run by the engine on the
build machine: operations counted, priced with the costs of cortex-a72. Millions of instructions."""
PROGRAM = os.path.join(machine.DIRECTORY, "host-gcc", "test_policy_traces")


def row(name, costs, exact, scale=1, **cells):
    """The row of `predict`; costs are of emulate, open, predict."""
    better = min(costs[:2])
    aim = better if exact else better * 1.1
    return Row(name, round(costs[2] / scale, 2), round(aim / scale, 2),
               {"emulate": round(costs[0] / scale, 2), "open": round(costs[1] / scale, 2), **cells})


def runs():
    group = Group("Runs of stores to live tables (cortex-a72, GICv3)", "predict", NOTE_RUNS)
    yield group
    found = [direct.run(policy, "", guest="bench-direct-policy").counts() for policy in POLICIES]
    for length in LENGTHS:
        costs = [direct.need(counts, f"runs_{length}")[0] for counts in found]
        lists = direct.need(found[2], f"lists_{length}")[0]
        group.rows.append(row(f"runs of {length}", costs, False, mmu_update=round(lists, 1)))
    group.rows.append(row("mix of these", [direct.need(c, "mix")[0] for c in found], True))


def traces():
    group = Group("Traces, by the counted operations", "predict", NOTE_TRACES)
    yield group
    if not os.path.exists(PROGRAM):
        raise machine.Unmeasured(f"{PROGRAM} was not built")
    done = subprocess.run([PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    lines = [line.split() for line in (done.stdout + done.stderr).splitlines()
             if line.startswith("trace: ")]
    if done.returncode != 0 or not lines:
        raise machine.Unmeasured(f"{PROGRAM} failed")
    for _, name, *costs, _ in lines:
        group.rows.append(row(name, [int(cost) for cost in costs], name == "mix", 1e6))


def measure():
    yield from runs()
    yield from traces()
