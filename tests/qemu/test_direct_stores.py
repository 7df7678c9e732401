# SPDX-License-Identifier: Apache-2.0
"""Every form of store to live page tables does what it does on a machine without Latch."""
import re

import pytest

from conftest import Latch, Machine, bare, case_of, direct, guest, machine_options, newest

CPUS = ["cortex-a72", "cortex-a76", "max"]
POLICIES = ["predict", "emulate", "open"]


def pytest_generate_tests(metafunc):
    if "cpu" in metafunc.fixturenames:
        metafunc.parametrize("cpu", CPUS)


class Form:
    """One line of tests/qemu/guests/common/stores.c."""

    def __init__(self, text):
        result, _, counts = text.partition(" |")
        self.result = result
        self.counts = {name: int(value) for name, value in re.findall(r" (\w+)=(\d+)", counts)}


def forms(lines):
    assert "forms done" in lines, lines[-5:]
    found = [re.fullmatch(r"form (\S+)(.*)", line) for line in lines]
    return {m[1]: Form(m[2]) for m in found if m}


@pytest.fixture(scope="module")
def machine_forms():
    """machine_forms(cpu): what the forms do on that machine, entered at EL1."""
    made = {}

    def run(cpu):
        if cpu not in made:
            made[cpu] = forms(bare(Machine(cpu, 3), "stores"))
        return made[cpu]

    return run


@pytest.fixture(scope="module")
def guest_forms(tmp_path_factory):
    """guest_forms(cpu, policy, slots): what they do to page tables of a direct guest."""
    made = {}

    def run(cpu, policy, slots):
        key = (cpu, policy, slots)
        if key not in made:
            latch = Latch(tmp_path_factory.mktemp("stores"))
            done = latch(direct("guest", "stores", policy=policy, slots=slots, action="refuse"),
                         *machine_options(Machine(cpu, 3)), timeout=60)
            assert done.status == 0, done
            made[key] = forms(done.of("guest"))
        return made[key]

    return run


@pytest.mark.parametrize("policy, slots", [("predict", 1), ("emulate", 1), ("open", 1),
                                           ("open", 2)])
def test_same_result(machine_forms, guest_forms, cpu, policy, slots):
    wanted, seen = machine_forms(cpu), guest_forms(cpu, policy, slots)
    assert len(wanted) > 3000
    assert set(seen) == set(wanted)
    # Some of the random words would make an entry valid that may not be.
    refused = [name for name, form in seen.items() if "refused" in form.counts]
    assert all(name.endswith("@word") for name in refused) and len(refused) < 10
    wrong = [f"{name}:{seen[name].result} {seen[name].counts}, not{wanted[name].result}"
             for name in wanted
             if seen[name].result != wanted[name].result and name not in refused]
    assert not wrong, "\n".join(wrong)


def touches_a_table(form):
    return any(0x1000 <= int(at, 16) < 0x3000 for at in re.findall(r" \+([0-9a-f]+)=", form.result))


# What is more than bytes in memory, and no calculation with one entry that can be done again
OPENED = r"""line-(flags|jumped-into|counts)|ldxr-(long|load-between|branch-between|base-moves)
    |ldxp-.*|ldaxp-.*|casp-.*|caspal-.*|cas-w-even@even"""


def test_only_these_open_a_table_that_is_to_be_emulated(guest_forms, cpu):
    seen = guest_forms(cpu, "emulate", 1)
    opened = [name for name, form in seen.items()
              if "opened" in form.counts and not name.endswith("@word")]
    assert [name for name in opened
            if not re.fullmatch(OPENED, name.split("@")[0], re.VERBOSE)
            and not re.fullmatch(OPENED, name, re.VERBOSE)] == []
    assert len(opened) > 15


@pytest.mark.parametrize("policy", POLICIES)
def test_each_is_emulated_or_opens_its_table(guest_forms, cpu, policy):
    seen = guest_forms(cpu, policy, 1)
    assert [name for name, form in seen.items()
            if touches_a_table(form) and not set(form.counts)] == []
    if policy == "open":
        # By pieces only if the two tables do not fit the slots.
        assert [name for name, form in seen.items()
                if "emulated" in form.counts and "@table-table" not in name
                and not name.endswith("@word")] == []


# What does not store there (its comparison fails, it is no store), or is not EL0's to execute
NOT_BY_EL0 = {"cmpxchg-different": 0x15, "stxr-alone": 0x15, "prefetch": 0x15, "dc-zva": 0x18,
              "sttr-x-uao": 0, "sttr-w-uao": 0}
PERMISSION, ALIGNMENT = "ec=24 iss=4f", "ec=24 iss=61"


def refused_at_el0(name, result):
    if name in NOT_BY_EL0:
        return result.startswith(f"ec={NOT_BY_EL0[name]:x} ")
    return result == PERMISSION or (name == "stlr-x-odd" and result == ALIGNMENT)


def test_el0_stores_in_no_form(latch, cpu):
    run = latch(direct("guest", "stores", "el0"), *machine_options(Machine(cpu, 3)), timeout=60)
    assert run.status == 0, run
    assert "forms done" in run.of("guest"), run
    found = [re.fullmatch(r"el0 (\S+) (.*) \|(.*)", line) for line in run.of("guest")]
    seen = {m[1]: (m[2], m[3]) for m in found if m}
    assert len(seen) > 180
    wrong = [f"{name} {result}{counts}" for name, (result, counts) in seen.items()
             if counts or not refused_at_el0(name, result)]
    assert not wrong, "\n".join(wrong)


# tests/qemu/guests/direct/el0.c
EL0 = """read_only leaf_to_table table_of_leaf stale_translation unprivileged freed_table
    el1_is_little no_big_el1""".split()


@pytest.mark.parametrize("order", ["", "_big"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", EL0)
def test_el0_reaches_no_table(direct_cases, machine, name, policy, order):
    cases = direct_cases("el0", machine, policy=policy, action="refuse")
    assert set(cases) == {*EL0, *(f"{case}_big" for case in EL0)}
    case = case_of(cases, name + order)
    assert case.ok, case.text


# tests/qemu/guests/direct/corners.c
CORNERS = """behind_is_nothing behind_is_readonly behind_is_m2p behind_is_anothers behind_is_a_device
    behind_is_a_parent refused_in_the_middle tagged end_of_page loop_across_pages code_is_a_table
    code_is_gone code_is_uncached""".split()


@newest
@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", CORNERS)
def test_corner(direct_cases, machine, name, policy, slots):
    cases = direct_cases("corners", machine, policy=policy, slots=slots, action="refuse")
    assert set(cases) == set(CORNERS)
    assert case_of(cases, name).ok, cases[name].text


def test_neighbour_loses_nothing(latch, machine):
    session = latch.session(direct("corners", "corners", action="refuse")
                            + direct("stores", "stores", action="refuse")
                            + guest("victim", "bystander", bootargs="key"),
                            *machine_options(machine))
    session.expect(r"latch: domain stores ended")
    session.send("\x012q")
    run = session.wait_for_end()
    assert run.status == 0, run
    assert "cases done" in run.of("corners") and "forms done" in run.of("stores"), run
    run.checks("victim")


# tests/qemu/guests/direct/contention.c
CONTENTION = ["add-and-lose", "add-and-keep", "add-half", "add-at-once", "store-across",
              "store-byte", "text-changes"]


@pytest.mark.parametrize("policy, option", [("emulate", "--icount"), ("predict", "--icount"),
                                            ("open", "--icount"), ("emulate", None)])
def test_vcpus_that_store_to_the_same_entries(latch, policy, option):
    run = latch(direct("guest", "contention", policy=policy, cpus=3), "--cpu", "max", "--smp", "3",
                *([option] if option else []), timeout=120)
    assert run.status == 0, run
    cases = run.cases("guest")
    assert list(cases) == CONTENTION
    assert [case.text for case in cases.values() if not case.ok] == []
