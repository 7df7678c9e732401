# SPDX-License-Identifier: Apache-2.0
"""What may not enter a page table, in each way that it could; and what is refused as a whole."""
import pytest

from conftest import boards, case_of, direct, machine_options

# case of tests/qemu/guests/direct/refusals.c, which knows the rule that each breaks
BAD = """
    reserved-page reserved-bits guarded-page contiguous-page contiguous-block shareability
    table-bits-in-page nonsecure-table block-unaligned block-level1 block-level0
    table-without-walk page-with-walk page-beyond-walk page-of-others page-of-others-ro
    page-of-hypervisor page-of-nobody page-of-uart block-of-others table-of-others
    table-of-device m2p-writable m2p-as-table ram-as-device ram-of-unset-type device-as-normal
    table-for-el0 table-of-el0 table-of-garbage same-level wrong-level root-below""".split()
GOOD = """
    table-for-el1 table-read-by-el0 m2p-readonly ram-noncacheable invalid-garbage""".split()

RULES = {
    "reserved-page": "reserved encoding, or contiguous",
    "block-level1": "no such entry at this level",
    "page-with-walk": "wrong window",
    "page-of-others": "not a frame of this domain",
    "ram-as-device": "wrong memory type",
    "wrong-level": "frame is in use as something else",
    "table-for-el0": "page table writable at EL0",
    "m2p-writable": "frame that others write",
}


@pytest.fixture
def by_hypercall(direct_cases, machine):
    return direct_cases("refusals", machine, "by-hypercall")


@pytest.fixture
def by_store(direct_cases, machine):
    return direct_cases("refusals", machine, "by-store", policy="emulate")


@pytest.fixture
def by_batch(direct_cases, machine):
    return direct_cases("refusals", machine, "by-batch", policy="open", action="refuse")


@pytest.mark.parametrize("name", BAD)
def test_hypercall_is_refused(by_hypercall, name):
    case_of(by_hypercall, name).expect(refused=1)


@pytest.mark.parametrize("name", GOOD)
def test_hypercall_is_performed(by_hypercall, name):
    case_of(by_hypercall, name).expect(updates=1)


@pytest.mark.parametrize("name", BAD)
def test_emulated_store_gets_a_permission_fault(by_store, name):
    case_of(by_store, name).expect(refused=1)


@pytest.mark.parametrize("name", GOOD)
def test_emulated_store_is_performed(by_store, name):
    case_of(by_store, name).expect(emulated=1)


@boards
@pytest.mark.parametrize("name", BAD)
def test_batched_entry_loses_its_valid_bit(by_batch, name):
    case_of(by_batch, name).expect(opened=1, changed=1, hypercall=1, refused=1)


@pytest.mark.parametrize("name", GOOD)
def test_batched_entry_stays(by_batch, name):
    case_of(by_batch, name).expect(opened=1, changed=1, hypercall=1)


def test_no_case_goes_unseen(by_hypercall):
    assert set(by_hypercall) == {*BAD, *GOOD}


@pytest.mark.parametrize("name", RULES)
def test_batched_entry_stops_the_domain(latch, name):
    run = latch(direct("guest", "refusals", f"by-batch {name}", policy="open"), timeout=20)
    assert run.status == 1, run
    assert f"latch: domain guest stopped: page table entry refused: {RULES[name]}" in run.latch()
    assert "cases done" not in run.of("guest"), run
    report = [line for line in run.latch()
              if line.startswith(f"latch: domain guest: refused: {RULES[name]}; vcpu 0, pc 0xffff")]
    assert len(report) == 1 and "index 200, old 0x0, new " in report[0], run


# tests/qemu/guests/direct/requests.c
REQUESTS = """
    pin_of_others pin_other_level pin_twice pin_bad_tree unpin_not_pinned update_of_others
    update_of_m2p update_with_walk update_unaligned update_unknown_kind update_partly update_plain
    update_many registers_kept
    update_preserving va_without_table va_bad_entry foreign_domain unknown_calls results_elsewhere
    give_away_mapped take_too_much count_writers count_references""".split()
REGISTERS = """
    sctlr_m sctlr_c sctlr_ee tcr_t0sz tcr_t1sz tcr_irgn0 tcr_orgn1 tcr_sh1 tcr_ips tcr_hpd0 tcr_ds
    tcr_hardware_updates mair_device mair_normal ttbr0_data_window ttbr1_data_window
    ttbr0_unaligned ttbr0_other_level ttbr0_of_others ttbr0_garbage ttbr1_garbage
    new_base_garbage""".split()


@pytest.fixture
def requests(direct_cases, machine):
    return direct_cases("requests", machine)


@boards
@pytest.mark.parametrize("name", REQUESTS)
def test_request(requests, name):
    assert case_of(requests, name).ok, requests[name].text


@pytest.mark.parametrize("name", REGISTERS)
def test_register(requests, name):
    assert case_of(requests, name).ok, requests[name].text


def test_no_request_goes_unseen(requests):
    assert set(requests) == {*REQUESTS, *REGISTERS}


def test_other_granule_stops_the_domain(latch, machine):
    run = latch(direct("guest", "requests", "tcr_granule"), *machine_options(machine), timeout=20)
    assert run.status == 1, run
    assert any(line.startswith("latch: domain guest stopped: TCR_EL1 0x")
               and "granule other than 4 KiB" in line for line in run.latch()), run


# tests/qemu/guests/direct/strict.c
STRICT = """
    el0_works store_to_table writable_by_update writable_by_va writable_by_dbm table_with_writer
    table_with_el0_writer stale_writer stale_el0_writer el0_reads_table on_and_off unknown_assist""".split()


@pytest.mark.parametrize("name", STRICT)
def test_assist_off(direct_cases, machine, name):
    cases = direct_cases("strict", machine)
    assert set(cases) == set(STRICT)
    assert cases[name].ok, cases[name].text
