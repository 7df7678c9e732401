# SPDX-License-Identifier: Apache-2.0
"""How Latch itself starts: machine sizes, CPUs, and bad starts that must be said."""
import subprocess

import pytest

from conftest import ROOT, domain


def bare_qemu(*options, timeout=20):
    """Latch without tools/latch: QEMU's own device tree, which has no domain."""
    command = ["timeout", str(timeout), "qemu-system-aarch64", "-nic", "none", "-nographic", "-kernel",
               str(ROOT / "build/latch.bin"), *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                          encoding="utf-8", errors="replace", check=False)
    return done.stdout.replace("\r", "").splitlines()


@pytest.mark.parametrize("memory", ["128M", "16G"])
def test_smallest_and_largest_memory(latch, memory):
    run = latch(domain("linux", "quiet latch.mode=demo", memory_mib=80, ramdisk=True),
                "--memory", memory)
    assert run.status == 0, run
    assert "linux: all work done" in run.of("linux"), run


@pytest.mark.parametrize("gic", ["2", "3"])
def test_other_cpus_come_into_el2(latch, gic):
    run = latch(domain("linux", "quiet latch.mode=demo"), "--smp", "4", "--gic", gic)
    assert run.status == 0, run
    assert "latch: 4 of 4 CPUs in EL2; guests run on CPU 0" in run.latch(), run


def test_no_domain_is_said_with_its_node():
    lines = bare_qemu("-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72")
    assert any(line.startswith("latch: config: /chosen: no domain") for line in lines), lines
    assert any(line == "latch: panic: no valid configuration" for line in lines), lines


def test_entry_at_el1_is_said():
    lines = bare_qemu("-M", "virt", "-cpu", "cortex-a72", timeout=5)
    assert any(line.startswith("latch: panic: entered at EL1") for line in lines), lines
