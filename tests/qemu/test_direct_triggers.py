# SPDX-License-Identifier: Apache-2.0
"""What reconnects an open page table of a direct guest: each trigger by itself."""
import pytest

from conftest import USUAL, boards, case_of, direct, guest, machine_options

# case of tests/qemu/guests/direct/triggers.c: what Latch counts from the store that opens the
# table to the thing that needs it. One table, one changed entry, one reason.
ONE = {"opened": 1, "changed": 1}
TRIGGERS = {
    "walk-load": {**ONE, "walk": 1},
    "walk-store": {**ONE, "walk": 1},
    "walk-fetch": {**ONE, "walk": 1},
    "walk-load-el0": {**ONE, "walk": 1},
    "walk-store-el0": {**ONE, "walk": 1},
    "walk-fetch-el0": {**ONE, "walk": 1},
    "walk-at": {**ONE, "walk": 1},
    "walk-to-nothing": {**ONE, "walk": 1},
    "walk-removed": {**ONE, "walk": 1},
    "walk-level2": {**ONE, "walk": 1},
    "walk-level1": {**ONE, "walk": 1},
    "walk-level0": {**ONE, "walk": 1},
    "walk-kernel": {**ONE, "walk": 1},
    "hypercall-mmu-update": {**ONE, "hypercall": 1, "updates": 1},
    "hypercall-update-va": {**ONE, "hypercall": 1, "updates": 1},
    "hypercall-mmuext": {**ONE, "hypercall": 1},
    "regime-ttbr0": {**ONE, "regime": 1},
    "regime-tcr": {**ONE, "regime": 1},
    "regime-sctlr": {**ONE, "regime": 1},
    "regime-mair": {**ONE, "regime": 1},
    "regime-new-user-base": {**ONE, "hypercall": 1},
    "assist-disable": {**ONE, "assist": 1},
    "memory-balloon": {**ONE, "memory": 1},
    "life-cpu-on": {**ONE, "life": 1},
    "life-cpu-off": {**ONE, "life": 1},
    "el2-walk": {**ONE, "el2-walk": 1},
    # Two tables are open: the walk needs one, and that one needs the other.
    "conflict": {"opened": 2, "changed": 2, "walk": 1, "conflict": 1},
    "reference": {"opened": 2, "changed": 2, "walk": 1, "reference": 1},
}
# What looks at no table leaves it open; the case's last load reconnects it, uncounted.
NO_TRIGGERS = ["hypercall-version", "regime-ttbr0-asid", "regime-ttbr1", "memory-op",
               "life-version"]


@pytest.fixture
def cases(direct_cases, machine):
    return direct_cases("triggers", machine, policy="open")


@boards
@pytest.mark.parametrize("name", TRIGGERS)
def test_reconnects(cases, name):
    case = case_of(cases, name)
    assert case.ok, case.text
    assert case.counts == TRIGGERS[name], case.text


@pytest.mark.parametrize("name", NO_TRIGGERS)
def test_leaves_it_open(cases, name):
    case_of(cases, name).expect(opened=1)


def test_no_case_goes_unseen(cases):
    assert set(cases) == {*TRIGGERS, *NO_TRIGGERS, "slots"}


def test_hypercall_reads_text_through_an_open_table(latch):
    run = latch(direct("guest", "triggers", "el2-walk", policy="open"), timeout=20)
    assert "written through an open table" in run.of("guest"), run


def test_latch_fetches_an_instruction_through_an_open_table(direct_cases, machine):
    if machine.board == "rpi4":
        pytest.skip("raspi4b drops its whole TLB at a TLBI by address: the CPU's walk comes first")
    cases = direct_cases("triggers", machine, "el2-fetch", policy="emulate")
    case_of(cases, "el2-fetch").expect(opened=1, changed=2, emulated=1, el2_walk=1)


@pytest.mark.parametrize("slots", [None, 1, 2, 16])
def test_one_table_more_than_slots_takes_the_oldest(direct_cases, slots):
    cases = direct_cases("triggers", USUAL, "slots", policy="open", slots=slots)
    taken = 17 - (slots or 2)
    case_of(cases, "slots").expect(opened=17, changed=taken, slot=taken)


def test_oldest_table_and_no_other_is_taken(direct_cases):
    cases = direct_cases("triggers", USUAL, "slots-order", policy="open")
    case_of(cases, "slots-order").expect(opened=4, changed=2, slot=2)


def with_neighbour(latch, machine, name):
    run = latch(direct("guest", "triggers", name, policy="open")
                + guest("other", "spin", bootargs="150"), *machine_options(machine), "--icount",
                timeout=30)
    assert run.status == 0, run
    return case_of(run.cases("guest"), name)


def test_preemption_reconnects(latch, machine):
    with_neighbour(latch, machine, "preempt").expect(opened=1, changed=1, preempt=1)


@pytest.mark.parametrize("name", ["block", "block-by-wfi"])
def test_blocking_for_another_domain_reconnects(latch, machine, name):
    with_neighbour(latch, machine, name).expect(opened=1, changed=1, block=1)


@pytest.mark.parametrize("name", ["preempt", "block", "block-by-wfi"])
def test_a_cpu_of_its_own_keeps_it_open(direct_cases, machine, name):
    cases = direct_cases("triggers", machine, name, policy="open")
    case_of(cases, name).expect(opened=1, changed=1, walk=1)


def test_suspend_reconnects(direct_cases, machine):
    cases = direct_cases("triggers", machine, "life-suspend", policy="open")
    case_of(cases, "life-suspend").expect(opened=1, changed=1, life=1)


def ended_with_one_table(run):
    summary = [line for line in run.latch() if line.startswith("latch: guest: page tables: ")]
    assert len(summary) == 1 and ", 1 tables detached and reconnected, " in summary[0], run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


@pytest.mark.parametrize("name", ["life-system-off", "life-shutdown"])
def test_end_with_an_open_table(latch, machine, name):
    run = latch(direct("guest", "triggers", name, policy="open"), *machine_options(machine),
                timeout=20)
    assert run.status == 0, run
    assert "latch: domain guest ended" in run.latch(), run
    ended_with_one_table(run)


@pytest.mark.parametrize("name", ["life-system-reset", "life-reboot"])
def test_reset_with_an_open_table(latch, machine, name):
    run = latch(direct("guest", "triggers", name, policy="open", on_reset="stop"),
                *machine_options(machine), timeout=20)
    assert run.status == 0, run
    assert "latch: domain guest ended (reset; latch,on-reset = \"stop\")" in run.latch(), run
    ended_with_one_table(run)
