# SPDX-License-Identifier: Apache-2.0
"""Direct guests on a machine whose TLBs keep partial and combined walks until told otherwise."""
import os
import re
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "qemu"))

from conftest import Latch, case_of, direct, guest  # noqa: E402
from test_direct_refusals import BAD, GOOD, STRICT  # noqa: E402
from test_direct_triggers import NO_TRIGGERS, TRIGGERS  # noqa: E402

TIMEOUT = int(os.environ.get("LATCH_WALKS_TIMEOUT", "400"))
CACHES = ["--board", "gem5", "--walk-cache", "all", "--combined"]
# A TLBI takes effect at the DSB of its CPU; or those by IPA do, and all others at once.
DSB = [*CACHES, "--tlbi", "dsb"]
MIXED = [*CACHES, "--tlbi", "mixed", "--gic", "2"]
MODES = {"dsb": DSB, "mixed": MIXED}

NOT_HERE = {"walk-at": "gem5's AT takes no stage-2 fault for its walk: PAR_EL1.F says so"}


@pytest.fixture(scope="session")
def run_of(tmp_path_factory):
    """run_of(domains, options): one run, however many tests ask for it."""
    runs = {}

    def run(domains, *options):
        key = (domains, options)
        if key not in runs:
            latch = Latch(tmp_path_factory.mktemp("walks"))
            runs[key] = latch(domains, *options, timeout=TIMEOUT)
        assert runs[key].status == 0, runs[key]
        return runs[key]

    return run


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*TRIGGERS, *NO_TRIGGERS])
def test_trigger(run_of, mode, name):
    cases = run_of(direct("guest", "triggers", policy="open"), *MODES[mode]).cases("guest")
    if name in NOT_HERE:
        pytest.skip(NOT_HERE[name])
    case = case_of(cases, name)
    assert case.ok, case.text
    assert case.counts == TRIGGERS.get(name, {"opened": 1}), case.text


@pytest.mark.parametrize("name", STRICT)
def test_assist_off(run_of, name):
    case = case_of(run_of(direct("guest", "strict"), *DSB).cases("guest"), name)
    assert case.ok, case.text


@pytest.mark.parametrize("name", [*BAD, *GOOD])
def test_batched_entry(run_of, name):
    run = run_of(direct("guest", "refusals", "by-batch", policy="open", action="refuse"), *DSB)
    expected = {"opened": 1, "changed": 1, "hypercall": 1}
    if name in BAD:
        expected["refused"] = 1
    case_of(run.cases("guest"), name).expect(**expected)


@pytest.mark.parametrize("mode, policy", [("dsb", "open"), ("mixed", "predict")])
def test_hostile_guest(run_of, mode, policy):
    what = "stale registers calls entries"
    domain = direct("hostile", "hostile", what + " short", policy=policy, action="refuse")
    run = run_of(domain + guest("hello"), *MODES[mode])
    assert "hostile: done" in run.of("hostile"), run
    found = re.findall(r"hostile: (\w+): survived, refused=(\d+)", "\n".join(run.of("hostile")))
    assert [name for name, _ in found] == what.split(), run
    assert all((count == "0") == (name == "stale") for name, count in found), run


@pytest.mark.parametrize("mode, cpus", [("dsb", 2), ("mixed", 4)])
def test_vcpus_write_tables_at_once(run_of, mode, cpus):
    run = run_of(direct("smp", "smp", cpus=cpus, action="refuse"), *MODES[mode], "--smp", str(cpus))
    for name, case in run.cases("smp").items():
        assert case.ok, f"{name}: {case.text}\n{run}"


# tests/qemu/guests/direct/walks.c
ALONE = ["detached", "reconnected", "unlinked", "many_reconnected", "replaced"]
BY_TWO = ["detached_elsewhere", "reconnected_elsewhere"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ALONE)
def test_taken_away(run_of, mode, name):
    run = run_of(direct("guest", "walks", policy="open", slots=16, action="refuse"), *MODES[mode])
    case = case_of(run.cases("guest"), name)
    assert case.ok, case.text
    opened = {"detached": 1, "reconnected": 1, "many_reconnected": 12}
    assert case.counts.get("opened", 0) == opened.get(name, 0), case.text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", BY_TWO)
def test_taken_away_on_another_cpu(run_of, mode, name):
    domain = direct("guest", "walks", " ".join(BY_TWO), policy="open", action="refuse", cpus=2)
    run = run_of(domain, *MODES[mode], "--smp", "2")
    case_of(run.cases("guest"), name).expect(opened=1, changed=1, walk=1)
