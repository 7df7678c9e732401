# SPDX-License-Identifier: Apache-2.0
"""What a plain domain cannot reach, and what it gets when it tries."""
from conftest import boards, guest, machine_options


def test_access_to_nothing_is_an_external_abort(latch, machine):
    run = latch(guest("aborts"), *machine_options(machine), timeout=20)
    assert run.status == 0, run
    run.checks("aborts")


@boards
def test_hostile_guest_reaches_nothing_of_its_neighbour(latch, machine):
    session = latch.session(guest("hostile") + guest("victim", "bystander", bootargs="key"),
                            *machine_options(machine))
    session.expect("latch: domain hostile ended")
    # Until now the neighbour looked after its memory.
    session.send("\x011q")
    run = session.wait_for_end()
    assert run.status == 0, run
    run.checks("hostile")
    run.checks("victim")
