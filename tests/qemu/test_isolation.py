# SPDX-License-Identifier: Apache-2.0
"""What a plain domain cannot reach, and what it gets when it tries."""
from conftest import guest, machine_options


def test_access_to_nothing_is_an_external_abort(latch, machine):
    run = latch(guest("aborts"), *machine_options(machine), timeout=20)
    assert run.status == 0, run
    run.checks("aborts")
