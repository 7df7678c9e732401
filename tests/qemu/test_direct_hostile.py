# SPDX-License-Identifier: Apache-2.0
"""A direct guest that does its worst, beside a guest that wants to work; and restarts."""
import re

import pytest

from conftest import case_of, direct, domain, guest, machine_options


def refused(run, name):
    match = re.search(rf"hostile: {name}: survived, refused=(\d+)", "\n".join(run.of("hostile")))
    assert match, run
    return int(match[1])


@pytest.mark.parametrize("what, policy", [
    ("calls", "predict"), ("registers", "predict"),
    ("entries", "emulate"), ("entries", "open"), ("entries", "predict"),
    ("stale", "emulate"), ("stale", "open"), ("stale", "predict")])
def test_hostile_guest_beside_a_neighbour(latch, machine, what, policy):
    session = latch.session(
        direct("hostile", "hostile", what, policy=policy, action="refuse")
        + guest("victim", "bystander", bootargs="key"), *machine_options(machine))
    session.expect(r"latch: domain hostile (ended|stopped)")
    # Until now the neighbour looked after its memory.
    session.send("\x011q")
    run = session.wait_for_end()
    assert run.status == 0, run
    assert "hostile: done" in run.of("hostile"), run
    run.checks("victim")
    if what == "stale":
        # A table that was taken out of use may be written like any page.
        assert refused(run, what) == 0, run
    else:
        assert refused(run, what) > 0, run


def test_hostile_guest_beside_linux(latch):
    run = latch(direct("hostile", "hostile", "calls entries registers stale", action="refuse")
                + domain("linux", "quiet latch.mode=demo"))
    assert run.status == 0, run
    assert "hostile: done" in run.of("hostile"), run
    assert "linux: all work done" in run.of("linux"), run


@pytest.mark.parametrize("how", ["by-psci", "by-shutdown"])
def test_each_life_starts_pristine(latch, machine, how):
    run = latch(direct("again", "reset", how, policy="open", cpus=2), *machine_options(machine, 2),
                timeout=4 if machine.board == "virt" else 12)  # others take a while to start
    # It restarts for ever, so the time limit ends the run.
    assert run.status == 124, run
    assert run.latch().count("latch: domain again restarts") >= 3, run
    # The limit may cut the last line.
    assert set(run.of("again")[:-1]) == {"reset: pristine"}, run


# tests/qemu/guests/direct/arguments.c
CALLS = """
    mmu_update mmuext_op update_va_mapping decrease_reservation increase_reservation
    populate_physmap current_reservation machphys_mfn_list xen_version console_io vm_assist
    latch_op unknown""".split()


def test_each_argument_wrong_beside_a_neighbour(latch, machine):
    session = latch.session(
        direct("hostile", "arguments", action="refuse") + guest("victim", "bystander",
                                                                bootargs="key"),
        *machine_options(machine))
    session.expect(r"latch: domain hostile (ended|stopped)")
    # Until now the neighbour looked after its memory.
    session.send("\x011q")
    run = session.wait_for_end()
    assert run.status == 0, run
    cases = run.cases("hostile")
    assert set(cases) == set(CALLS), run
    for name, case in cases.items():
        assert case.ok and case.counts["tried"] >= 35, f"{name}: {case.text}\n{run}"
    run.checks("victim")


@pytest.mark.parametrize("options", [["--icount"], []], ids=["icount", "threads"])
def test_arguments_change_while_they_are_read(latch, options):
    run = latch(direct("racer", "racing", cpus=2), "--smp", "2", *options, timeout=60)
    assert run.status == 0, run
    cases = run.cases("racer")
    assert set(cases) == {"racing_update", "racing_pin"}, run
    assert all(case.ok for case in cases.values()), run


# tests/qemu/guests/direct/walks.c; on gem5, tests/walks runs it with TLBs that would show a mistake
@pytest.mark.parametrize("name", ["detached", "reconnected", "unlinked", "many_reconnected",
                                  "replaced"])
def test_translations_that_were_taken_away(direct_cases, machine, name):
    cases = direct_cases("walks", machine, policy="open", slots=16, action="refuse")
    assert case_of(cases, name).ok, cases[name].text
