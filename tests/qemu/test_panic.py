# SPDX-License-Identifier: Apache-2.0
"""Latch's own faults: its memory is not writable where it is executable, its stacks end, and what
it says then is of use. gdb brings the faults about."""
import re

import pytest

from conftest import guest
from gdb import command_of, debug, functions

# At the start of a function that is called deep below latch_main().
START = """
hbreak s2_load
continue
{poke}
continue
"""
DATA_ABORT, FETCH_ABORT = 0x25, 0x21
PERMISSION, TRANSLATION = 0x3, 0x1


def fault(latch, poke):
    """ESR_EL2 and FAR_EL2 of the panic, all lines, and what the poke printed."""
    lines, log = debug(latch.folder, command_of(latch, guest("hello")), START.format(poke=poke))
    found = [re.fullmatch(r"latch: panic: exception in EL2, vector 0x([0-9a-f]+), "
                          r"ESR_EL2 0x([0-9a-f]+), FAR_EL2 0x([0-9a-f]+), at 0x[0-9a-f]+", line)
             for line in lines]
    found = [match for match in found if match]
    assert len(found) == 1, "\n".join(lines) + log
    vector, esr, far = (int(number, 16) for number in found[0].groups())
    assert vector == 0x200
    printed = dict(re.findall(r"^\$\$(\w+) (0x[0-9a-f]+)$", log, re.MULTILINE))
    return esr, far, lines, {name: int(value, 16) for name, value in printed.items()}


def kind(esr):
    return esr >> 26, (esr >> 2) & 0xf


@pytest.mark.parametrize("target", ["vectors", "gicv3_ops"], ids=["text", "rodata"])
def test_text_and_rodata_cannot_be_written(latch, target):
    esr, far, _, printed = fault(latch, f"""
printf "$$target 0x%lx\\n", (unsigned long)&{target}
set $x0 = (unsigned long)&{target}
set $x1 = 0
set $x2 = 8
set $pc = (unsigned long)&memset""")
    assert kind(esr) == (DATA_ABORT, PERMISSION) and esr & 1 << 6, hex(esr)
    assert far == printed["target"]


@pytest.mark.parametrize("target", ["(unsigned long)&domains", "(unsigned long)$sp",
                                    "0x50000000", "(unsigned long)&gicv3_ops"],
                         ids=["data", "stack", "guests-memory", "rodata"])
def test_what_is_not_text_cannot_be_executed(latch, target):
    esr, far, _, printed = fault(latch, f"""
printf "$$target 0x%lx\\n", {target}
set $pc = {target}""")
    assert kind(esr) == (FETCH_ABORT, PERMISSION), hex(esr)
    assert far == printed["target"]


def test_null_pointer_faults(latch):
    esr, far, _, _ = fault(latch, """
set $x0 = 0
set $x2 = 8
set $pc = (unsigned long)&memset""")
    assert kind(esr) == (DATA_ABORT, TRANSLATION) and far == 0, hex(esr)


def test_stack_ends_at_a_guard_page(latch):
    esr, far, lines, printed = fault(latch, """
printf "$$guard 0x%lx\\n", (unsigned long)&stacks[0].guard
set $sp = (unsigned long)&stacks[0].stack + 16
set $pc = (unsigned long)&printk
set $x0 = (unsigned long)image_start""")
    assert kind(esr) == (DATA_ABORT, TRANSLATION) and esr & 1 << 6, hex(esr)
    assert printed["guard"] <= far < printed["guard"] + 4096, hex(far)
    # It was said all the same: the panic has a stack of its own, with a guard of its own.
    assert any(line.startswith("latch: backtrace") for line in lines), lines


def test_panic_says_all_registers_and_a_backtrace(latch):
    marks = "\n".join(f"set $x{n} = 0x1234567800000000 + {n}" for n in range(29))
    _, _, lines, printed = fault(latch, f"""
{marks}
printf "$$sp 0x%lx\\n", (unsigned long)$sp
printf "$$x30 0x%lx\\n", (unsigned long)$x30
set $pc = 0""")
    text = "\n".join(lines)
    registers = dict(re.findall(r"\b(x\d+|sp) +([0-9a-f]{16})", text))
    for n in range(29):
        assert int(registers[f"x{n}"], 16) == 0x1234567800000000 + n, text
    assert int(registers["x30"], 16) == printed["x30"], text
    assert int(registers["sp"], 16) == printed["sp"], text
    backtrace = [line for line in lines if line.startswith("latch: backtrace")]
    assert len(backtrace) == 1, text
    names = functions(backtrace[0])
    assert names[-3:] == ["sched_start", "latch_main", "primary"], names
    assert "??" not in names, names
