# SPDX-License-Identifier: Apache-2.0
"""What a direct guest may ask for, call by call: docs/abi.md as tests."""
import pytest

from conftest import case_of

# tests/qemu/guests/direct/operations.c
OPERATIONS = """
    pin_each_level flush_everywhere flush_multi operations_of_others other_domains
    operations_partly done_nowhere va_flushes va_bad_flags machphys machphys_refused""".split()


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(direct_cases, machine, name):
    cases = direct_cases("operations", machine)
    assert set(cases) == set(OPERATIONS)
    assert case_of(cases, name).ok, cases[name].text
