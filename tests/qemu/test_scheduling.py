# SPDX-License-Identifier: Apache-2.0
"""Who gets the CPU. Instructions are counted as time, so that every run is the same."""
import re

from conftest import guest

SLICE = 10000


def spin(run, name):
    """Gaps, longest and sum of what others had of the CPU, in us (tests/qemu/guests/plain/spin.c)."""
    found = re.search(r"spin: (\d+) gaps, longest (\d+) us, lost (\d+) us", "\n".join(run.of(name)))
    assert found, run
    return [int(number) for number in found.groups()]


def test_two_that_compute_take_turns(latch):
    run = latch(guest("one", "spin") + guest("two", "spin"), "--icount", timeout=30)
    assert run.status == 0, run
    for name in ("one", "two"):
        gaps, longest, lost = spin(run, name)
        assert 8 <= gaps <= 12, run
        assert SLICE * 0.95 < longest < SLICE * 1.1, run
        assert 80000 < lost < 120000, run


def test_alone_nothing_is_lost(latch):
    run = latch(guest("spin"), "--icount", timeout=30)
    assert spin(run, "spin") == [0, 0, 0], run


def test_sleeper_leaves_the_cpu_and_wakes_in_time(latch):
    # 200 ms of computing in the 250 ms that the other one sleeps.
    run = latch(guest("sleep") + guest("spin"), "--icount", timeout=30)
    assert run.status == 0, run
    run.checks("sleep")
    _, longest, lost = spin(run, "spin")
    assert longest < SLICE / 2 and lost < SLICE, run
    late = int(re.search(r"sleep: latest by (\d+) us", "\n".join(run.of("sleep")))[1])
    assert late <= SLICE * 1.1, run


def test_sleeper_alone_wakes_at_once(latch):
    run = latch(guest("sleep"), "--icount", timeout=30)
    assert run.status == 0, run
    run.checks("sleep")
    assert int(re.search(r"sleep: latest by (\d+) us", "\n".join(run.of("sleep")))[1]) < 100, run


def test_endless_loop_with_interrupts_masked_stops_no_other(latch):
    session = latch.session(guest("loop") + guest("spin"))
    session.expect(r"\[loop\] loop: for ever")
    session.expect(r"\[spin\] spin: \d+ gaps")
    session.expect("latch: domain spin ended")
    run = session.leave()
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run


def test_one_ends_and_the_other_goes_on(latch):
    run = latch(guest("hello") + guest("spin"), timeout=30)
    assert run.status == 0, run
    ends = [line for line in run.latch() if line.endswith((" ended", " stopped"))]
    assert ends == ["latch: domain hello ended", "latch: domain spin ended",
                    "latch: end: 2 ended, 0 stopped"], run
