# SPDX-License-Identifier: Apache-2.0
"""Every form of store to a live page table does what the bare machine does."""
import pytest

from conftest import case_of, newest

# case of tests/qemu/guests/direct/stores.c: entries stored by emulation
EMULATED = {name: 1 for name in (
    "str-x str-w str-w-high strh strb str-xzr str-wzr str-offset stur sturb str-pre str-post "
    "strb-post str-register str-sxtw strb-uxtw str-sp stp-w stlr stlr-w stlrb first-entry "
    "last-entry ldxr-keep ldxr-byte cmpxchg-equal").split()}
EMULATED.update({name: 2 for name in "stp-x stp-pre stp-post stnp".split()})
# sttr has EL0's permissions, which are none; cmpxchg-different has nothing to store.
EMULATED.update({"sttr": 0, "cmpxchg-different": 0})
EMULATED_LSE = {name: 1 for name in (
    "cas-equal casal-w casb swp swpal-w ldadd ldclr ldeor ldset ldsmax ldsmin ldumax ldumin ldaddh "
    "stadd stset-w").split()}
EMULATED_LSE["cas-different"] = 0
# What cannot be emulated: tables that have to be opened
OPENED = {name: 1 for name in (
    "ldxr-add ldxp unaligned-x unaligned-w unaligned-h unaligned-stp str-q str-d stp-q st1 dc-zva "
    "cross-page-table cross-table-page cross-page-table-stp cross-table-page-stp").split()}
OPENED.update({name: 2 for name in (
    "cross-table-table cross-table-table-stp cross-table-table-q").split()})
OPENED_LSE = {"casp": 1}


def has_lse(machine):
    return machine[0] in ("cortex-a76", "max")


def nothing_is_zero(**counts):
    return {name: count for name, count in counts.items() if count != 0}


@pytest.fixture
def cases(direct_cases, machine):
    return direct_cases("stores", machine, policy="emulate")


@newest
@pytest.mark.parametrize("name", [*EMULATED, *EMULATED_LSE])
def test_emulated(cases, machine, name):
    if name in EMULATED_LSE and not has_lse(machine):
        assert name not in cases
        return
    case_of(cases, name).expect(**nothing_is_zero(emulated={**EMULATED, **EMULATED_LSE}[name]))


@newest
@pytest.mark.parametrize("name", [*OPENED, *OPENED_LSE])
def test_opened_because_it_cannot_be_emulated(cases, machine, name):
    if name in OPENED_LSE and not has_lse(machine):
        assert name not in cases
        return
    case_of(cases, name).expect(opened={**OPENED, **OPENED_LSE}[name])


@newest
@pytest.mark.parametrize("policy", ["open", "predict"])
def test_same_result_whatever_the_policy(direct_cases, machine, policy):
    cases = direct_cases("stores", machine, policy=policy)
    wanted = {*EMULATED, *OPENED}
    if has_lse(machine):
        wanted |= {*EMULATED_LSE, *OPENED_LSE}
    assert set(cases) == wanted
    assert [case.text for case in cases.values() if not case.ok] == []
