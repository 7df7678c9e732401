# SPDX-License-Identifier: Apache-2.0
"""What a direct guest may ask for, call by call: docs/abi.md as tests."""
import pytest

from conftest import case_of

# tests/qemu/guests/direct/operations.c
OPERATIONS = """
    pin_each_level flush_everywhere flush_multi operations_of_others other_domains
    operations_partly done_nowhere va_flushes va_bad_flags machphys machphys_refused""".split()

# tests/qemu/guests/direct/balloon.c
BALLOON = """
    down_and_up increase_keeps_pfns many_at_once no_translation_stays away_is_foreign in_use
    in_use_by_unjudged limits bad_pfn bad_lists whose_reservation""".split()


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(direct_cases, machine, name):
    cases = direct_cases("operations", machine)
    assert set(cases) == set(OPERATIONS)
    assert case_of(cases, name).ok, cases[name].text


@pytest.mark.parametrize("name", BALLOON)
def test_balloon(direct_cases, machine, name):
    cases = direct_cases("balloon", machine, memory_mib=16)
    assert set(cases) == set(BALLOON)
    assert case_of(cases, name).ok, cases[name].text
