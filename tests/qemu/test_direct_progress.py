# SPDX-License-Identifier: Apache-2.0
"""Stores that need the table they are written to: every one comes to an end."""
import pytest

from conftest import case_of

CASES = ["code", "stack", "self", "self-remap", "self-pieces", "self-exclusive",
         "self-hopeless", "ping-pong", "two-tables", "no-change", "no-change-vector", "long-run", "singles"]


@pytest.mark.parametrize("slots", [1, 2, 16])
@pytest.mark.parametrize("policy", ["emulate", "open", "predict"])
@pytest.mark.parametrize("name", CASES)
def test_ends(direct_cases, machine, policy, slots, name):
    cases = direct_cases("progress", machine, policy=policy, slots=slots)
    case = case_of(cases, name)
    assert case.ok, case.text


def test_no_case_goes_unseen(direct_cases, machine):
    assert set(direct_cases("progress", machine, policy="open", slots=2)) == set(CASES)


def test_store_through_its_own_table_is_emulated_after_an_empty_batch(direct_cases, machine):
    cases = direct_cases("progress", machine, policy="open", slots=2)
    case_of(cases, "self").expect(opened=20, walk=20, emulated=20)


@pytest.mark.parametrize("policy, name, counts", [
    ("emulate", "long-run", {"emulated": 300}),
    ("emulate", "singles", {"emulated": 20}),
    ("open", "long-run", {"opened": 1}),
    ("open", "singles", {"opened": 20, "changed": 20, "walk": 20}),
])
def test_what_the_policy_does(direct_cases, machine, policy, name, counts):
    case_of(direct_cases("progress", machine, policy=policy, slots=2), name).expect(**counts)


def test_prediction(direct_cases, machine):
    cases = direct_cases("progress", machine, policy="predict", slots=2)
    # A run is noticed after some stores; what is none is mistaken for one, but not for long.
    case = case_of(cases, "singles")
    assert case.counts["emulated"] >= 15, case.text
    case = case_of(cases, "long-run")
    assert case.counts["opened"] == 1 and case.counts["emulated"] < 30, case.text


def test_two_tables_by_turns_fit_two_slots_and_fight_for_one(direct_cases, machine):
    two = direct_cases("progress", machine, policy="open", slots=2)
    case_of(two, "ping-pong").expect(opened=2)
    one = direct_cases("progress", machine, policy="open", slots=1)
    case_of(one, "ping-pong").expect(opened=40, changed=39, slot=39)


def test_stores_to_two_tables_with_one_slot_are_emulated_in_the_end(direct_cases, machine):
    two = direct_cases("progress", machine, policy="open", slots=2)
    case_of(two, "two-tables").expect(opened=2)
    one = direct_cases("progress", machine, policy="open", slots=1)
    assert case_of(one, "two-tables").counts["emulated"] > 0
