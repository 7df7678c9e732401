# SPDX-License-Identifier: Apache-2.0
"""What a plain guest sees of the CPU, against docs/sysregs.md and the same CPU without Latch."""
import re

from conftest import bare, guest, machine_options, newest


def id_registers(lines):
    assert "id end" in lines, lines
    found = [re.fullmatch(r"id (\d) (\d) 0x([0-9a-f]{16})", line) for line in lines]
    return {(int(m[1]), int(m[2])): int(m[3], 16) for m in found if m}


def others(lines):
    return dict(line.split(" ") for line in lines if re.fullmatch(r"[a-z]+ 0x[0-9a-f]+", line))


def fields(*shifts):
    return sum(0xf << shift for shift in shifts)


ALL = (1 << 64) - 1
# docs/sysregs.md, "ID registers", column "Fields", for plain domains: what passes unchanged.
PASS = {
    (4, 0): fields(16, 20, 48, 60),                      # PFR0: FP, AdvSIMD, DIT, CSV3
    (4, 1): fields(0, 4),                                # PFR1: BT, SSBS
    (6, 0): ALL & ~fields(24),                           # ISAR0: not TME
    (6, 1): ALL & ~fields(56, 60),                       # ISAR1: not XS, LS64
    (6, 2): fields(4, 8, 12, 20, 24, 28),                # ISAR2
    (7, 0): fields(4, 24),                               # MMFR0: ASIDBits, TGran64
    (7, 1): fields(20, 36, 44, 48, 60),                  # MMFR1
    (7, 2): fields(4, 8, 16, 20, 28, 32, 36, 48, 52, 60),  # MMFR2
}
# Those that are made up or limited, by register: (shift, what the guest may see of the CPU's).
LIMITED = {
    (4, 0): [(0, lambda _: 1), (4, lambda _: 1), (56, lambda v: min(v, 1)), (24, lambda v: v)],
    (5, 0): [(0, lambda _: 6), (12, lambda _: 1), (20, lambda _: 1)],
    (7, 0): [(0, lambda v: min(v, 1)), (20, lambda v: min(v, 1)), (28, lambda _: 0)],
    (7, 1): [(0, lambda v: min(v, 2)), (12, lambda v: min(v, 1))],
}


def expected(register, value):
    passed = PASS.get(register, 0)
    result = value & passed
    for shift, limit in LIMITED.get(register, []):
        result &= ~(0xf << shift)
        result |= limit((value >> shift) & 0xf) << shift
    return result


@newest
def test_id_registers_are_an_allow_list(latch, machine):
    run = latch(guest("idregs"), *machine_options(machine), timeout=20)
    assert run.status == 0, run
    seen, hardware = id_registers(run.of("idregs")), id_registers(bare(machine, "idregs"))
    assert len(seen) == len(hardware) == 56
    wrong = [f"ID register {crm},{op2}: {seen[crm, op2]:#018x}, "
             f"wanted {expected((crm, op2), hardware[crm, op2]):#018x} of {hardware[crm, op2]:#018x}"
             for crm, op2 in seen if seen[crm, op2] != expected((crm, op2), hardware[crm, op2])]
    assert not wrong, "\n".join(wrong)


def test_what_always_passes_is_the_cpus_own(latch, machine):
    run = latch(guest("idregs"), *machine_options(machine), timeout=20)
    assert others(run.of("idregs")) == others(bare(machine, "idregs")), run


@newest
def test_every_row_of_the_document(latch, machine):
    run = latch(guest("sysregs"), *machine_options(machine), timeout=20)
    assert run.status == 0, run
    run.checks("sysregs")
