# SPDX-License-Identifier: Apache-2.0
"""A Linux whose kernel is an attacker's: tests/qemu/attack has a kernel's powers by a module, and
goes at its own page tables. In a plain domain each attack has its effect; in a guarded one none has,
each is reported, and whoever is beside it loses nothing."""
import re

import pytest

from conftest import domain, guest, machine_options, thorough

DONE = "linux: all work done"

# Which rule is reported first. None: the guest finds an entry as it is, or has an answer of PSCI's.
CODE = "kernel code that is writable, or in reach of user space"
SEALED = "sealed kernel image"
REGIME = "register that gives descriptors their meaning"

RULES = {
    "leaf-to-code": CODE,
    "leaf-to-constants": SEALED,
    "leaf-to-data": SEALED,
    "block-to-data": SEALED,
    "alias-of-constants": SEALED,
    "constants-elsewhere": SEALED,
    "data-as-code": CODE,
    "user-code": CODE,
    "user-page-as-code": CODE,
    "forged-kernel-root": SEALED,
    "user-root": SEALED,
    "mmu-off": REGIME,
    "cpu-on": None,
    "big-endian": REGIME,
    "memory-types": REGIME,
    "leaf-to-table": "page table writable at EL0",
    "batch-to-table": "page table writable at EL0",
    "block-to-table": "page table writable at EL0",
    "table-as-leaves": "no such entry at this level",
    "root-to-kernel-table": "page table writable at EL0",
    "root-to-user-table": "page table writable at EL0",
    "contiguous-group": "page table writable at EL0",
    "page-becomes-table": "page table writable at EL0",
    "not-cached": "page table writable at EL0",
    "relinked": "page table writable at EL0",
    "linked-while-open": "page table writable at EL0",
    "page-of-stale-tlb": None,
    "race": "page table writable at EL0",
}

# A block has many frames: what is found first may be a module's code.
OTHERS = {"block-to-table": CODE}


def attacker(name, extra=""):
    # Linux says much of entries without their valid bit, which it takes for those of swapped pages.
    return domain(name, "loglevel=1 latch.mode=attack", extra=extra, ramdisk="linux-attack", cpus=2,
                  memory_mib=128)


def guarded(user_writers="on", policy="predict"):
    return (f'latch,paging = "guarded"; latch,guard = "enforce"; latch,ptwr-policy = "{policy}"; '
            f'latch,user-writers = "{user_writers}";')


def outcomes(run, name):
    """attack -> what came of it, and the rules that were reported meanwhile."""
    found, rules = {}, []
    for line in run.lines:
        assert not line.startswith(f"[{name}] attack: "), line  # one that could not be tried
        outcome = re.fullmatch(rf"\[{name}\] attack ([\w-]+): (\w+)", line)
        report = re.match(rf"latch: domain {name}: (?:refused: )?([^;]*); vcpu", line)
        if outcome:
            found[outcome[1]] = (outcome[2], rules)
            rules = []
        elif report:
            rules.append(report[1])
    assert DONE in run.of(name), run
    return found


def attack(latch, extra, *options):
    """The same system, with the attacker's kernel beside a guest that looks after its memory."""
    session = latch.session(attacker("linux", extra) +
                            guest("victim", "bystander", bootargs="key", extra="latch,cpus = <1>;"),
                            "--smp", "2", "--timeout", "150", *options)
    session.expect("latch: domain linux ended", timeout=150)
    session.send("\x011k")
    run = session.wait_for_end()
    assert run.status == 0, run
    run.checks("victim")
    return outcomes(run, "linux")


def test_each_has_its_effect_in_a_plain_domain(latch, machine):
    found = attack(latch, "", *machine_options(machine))
    assert {name: outcome for name, (outcome, _) in found.items()} == dict.fromkeys(
        RULES, "succeeded")


@pytest.mark.parametrize("user_writers,policy", [("on", "predict")] + [
    pytest.param(*settings, marks=thorough)
    for settings in [("off", "predict"), ("off", "open"), ("on", "open"), ("on", "emulate")]])
def test_each_is_refused_and_reported(latch, machine, user_writers, policy):
    found = attack(latch, guarded(user_writers, policy), *machine_options(machine))
    # Where user space's own mappings are not counted, a page of its may become the kernel's code.
    allowed = {"user-page-as-code"} if user_writers == "off" else set()
    assert {name: outcome for name, (outcome, _) in found.items()} == {
        name: "succeeded" if name in allowed else "refused" for name in RULES}
    for name in RULES.keys() - allowed:
        assert (found[name][1] or [None])[0] in (RULES[name], OTHERS.get(name)), (name, found[name])
