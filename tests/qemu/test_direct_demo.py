# SPDX-License-Identifier: Apache-2.0
"""The demo: dts/demo.dts as a user runs it, and the direct guest alone with its shell."""
import re
import subprocess

import pytest

from conftest import ROOT, Run, boards, direct, machine_options

WORK = ["start", "spaces", "ranges", "fork", "switch", "hypercalls"]


def demo(name, bootargs=""):
    return direct(name, "", bootargs, memory_mib=32).replace("direct-.elf", "direct.elf")


@pytest.mark.parametrize("system", ["demo", "smp"])
def test_demo_of_two_domains(system):
    done = subprocess.run([str(ROOT / "tools/latch"), "run", str(ROOT / f"dts/{system}.dts"),
                           "--no-input", "--timeout", "120"], stdin=subprocess.DEVNULL,
                          capture_output=True, encoding="utf-8", errors="replace", check=False,
                          timeout=150)
    run = Run(done.returncode, done.stdout, done.stderr)
    assert run.status == 0, run
    assert "linux: all work done" in run.of("linux"), run
    assert "direct: all work done" in run.of("direct"), run
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run


@boards
def test_direct_demo_alone(latch, machine):
    run = latch(demo("direct"), *machine_options(machine), timeout=60)
    assert run.status == 0, run
    lines = run.of("direct")
    assert [line for line in lines if "FAILED" in line] == [], run
    for part in WORK:
        assert any(line.startswith(f"direct: {part}: ") for line in lines), f"{part}\n{run}"
    # Each refusal names its rule, and Latch reported each that an entry broke.
    refusals = [line for line in lines if line.startswith("direct: refused: ")]
    assert len(refusals) == 24, run
    assert all(re.search(r"\((rule: .+|permission fault)\)$", line) for line in refusals), run
    assert lines[-1] == "direct: all work done", run
    counters = "\n".join(lines)
    assert re.search(r"stores: [1-9]\d* emulated, [1-9]\d* tables opened", counters), run
    assert re.search(r"reconnected by walk: [1-9]", counters), run


def test_shell_of_the_direct_demo(latch):
    session = latch.session(demo("direct", "interactive"))
    session.expect("direct> ")
    session.send("help\r")
    session.expect("fork N .*direct> ")
    session.send("forl\x7fk 3\r")
    session.expect("direct: fork: 3 children .*direct> ")
    session.send("counters\r")
    session.expect("direct: traps: .*direct> ")
    session.send("quit\r")
    run = session.wait_for_end()
    assert run.status == 0, run
    assert "direct: all work done" in run.of("direct"), run
