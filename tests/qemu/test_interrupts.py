# SPDX-License-Identifier: Apache-2.0
"""The emulated GIC and the virtual timer, as a guest programs them."""
from conftest import boards, guest, machine_options


@boards
def test_gic(latch, machine):
    # See let_in_until() of the guest for the neighbour.
    neighbour = guest("spin", bootargs="1000") if machine.gic == 2 else ""
    run = latch(guest("gic") + neighbour, *machine_options(machine), timeout=20)
    assert run.status == 0, run
    assert f"GICv{machine.gic}" in run.of("gic"), run
    run.checks("gic")


def test_gic_beside_a_busy_neighbour(latch, machine):
    # Each of them is unloaded in the middle of everything, with interrupts in any state.
    run = latch(guest("one", "gic") + guest("two", "gic") + guest("spin"),
                *machine_options(machine), "--icount", timeout=30)
    assert run.status == 0, run
    run.checks("one")
    run.checks("two")
