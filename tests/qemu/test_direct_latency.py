# SPDX-License-Identifier: Apache-2.0
"""No call of a direct guest keeps an interrupt waiting for long, however much it asks for."""
import pytest

from conftest import Latch, case_of, direct

# Instructions, from the timer's deadline to the guest's handler.
LIMIT = 20_000

# tests/qemu/guests/direct/latency.c
CASES = """
    nothing pin_same pin_mixed pin_blocks pin_wide pin_refused unpin_mixed unpin_blocks flushes
    invlpgs new_user_baseptr msr_ttbr0 new_baseptr update_same update_mixed update_replacing
    update_blocks update_links update_machphys stores assist memory_op machphys_list""".split()


@pytest.fixture(scope="module")
def latencies(tmp_path_factory):
    """With instructions as time, on one CPU: the same figures in each run."""
    run = Latch(tmp_path_factory.mktemp("latency"))(
        direct("guest", "latency", memory_mib=64, slots=16), "--cpu", "cortex-a72", "--icount",
        timeout=120)
    assert run.status == 0, run
    return run.cases("guest")


@pytest.mark.parametrize("name", CASES)
def test_interrupt_is_not_kept_waiting(latencies, name):
    case = case_of(latencies, name)
    assert case.ok, case.text
    # Some came in the middle of the call: else nothing was measured.
    assert case.counts["interrupts"] >= 5 and 0 < case.counts["worst"] <= LIMIT, case.text


def test_no_case_goes_unseen(latencies):
    assert set(latencies) == set(CASES)
