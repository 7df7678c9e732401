# SPDX-License-Identifier: Apache-2.0
"""Domains with several vCPUs, and domains on several CPUs."""
import pytest

from conftest import direct, domain, guest, machine_options


def smp(bootargs="", name="smp", cpus=4, extra=""):
    return guest(name, "smp", bootargs=bootargs, cpus=cpus, extra=extra)


@pytest.mark.parametrize("cpus", [2, 4, 8])
def test_cpus_and_their_interrupts(latch, machine, cpus):
    if machine.board != "virt" and cpus > 4:
        pytest.skip(f"{machine} has four CPUs")
    run = latch(smp(cpus=cpus), *machine_options(machine, cpus), "--icount", timeout=60)
    assert run.status == 0, run
    assert f"{cpus} CPUs, GICv{machine.gic}" in run.of("smp"), run
    run.checks("smp")


@pytest.mark.parametrize("gic", ["2", "3"])
def test_cpus_that_run_at_the_same_time(latch, gic):
    # Without --icount QEMU gives each CPU a thread.
    run = latch(smp(cpus=3), "--smp", "3", "--gic", gic, timeout=120)
    assert run.status == 0, run
    run.checks("smp")


def test_further_cpu_ends_the_domain(latch):
    run = latch(smp("off") + guest("hello"), "--smp", "4", "--icount", timeout=60)
    assert run.status == 0, run
    run.checks("smp")
    assert "latch: end: 2 ended, 0 stopped" in run.lines, run


def test_further_cpu_restarts_the_domain(latch):
    run = latch(smp("reset", cpus=2), "--smp", "2", "--icount", timeout=90)
    assert run.status == 0, run
    lines = run.of("smp")
    lives = [n for n, line in enumerate(lines) if line.startswith("2 CPUs")]
    assert len(lives) >= 2, run
    assert not [line for line in lines if line.startswith("FAIL")], run
    assert len([line for line in lines if line.startswith("checks: ")]) == len(lives), run


def test_cpus_that_hang_leave_with_their_domain(latch):
    run = latch(smp("hang") + guest("spin", bootargs="100", extra="latch,cpus = <3>;"),
                "--smp", "4", "--icount", timeout=60)
    assert run.status == 0, run
    run.checks("smp")
    assert "latch: end: 2 ended, 0 stopped" in run.lines, run


def test_vcpus_run_where_they_are_placed(latch):
    run = latch(guest("hello", extra="latch,cpus = <2>;") +
                smp(cpus=2, extra="latch,cpus = <2 1>;"), "--smp", "3", "--icount", timeout=60)
    assert run.status == 0, run
    assert [line for line in run.latch() if "2 vCPUs on CPUs 2, 1, plain" in line], run
    assert [line for line in run.latch() if "1 vCPU on CPU 2, plain" in line], run
    run.checks("smp")


def test_cpu_that_the_board_has_not_is_refused(latch):
    run = latch(smp(cpus=2), "--smp", "1")
    assert run.status != 0, run
    assert "cpus: 2, but the board has 1 CPUs" in run.errors + "\n".join(run.lines), run


def linux_words(run):
    assert "linux: all work done" in run.of("linux"), run
    return [line for line in run.of("linux") if "Brought up" in line or "BUG" in line]


@pytest.mark.parametrize("options", [["--icount"], [], ["--gic", "2"]],
                         ids=["icount", "threads", "gicv2"])
def test_linux_on_four_cpus(latch, options):
    run = latch(domain("linux", "latch.mode=demo", cpus=4), "--smp", "4", *options, timeout=140)
    assert run.status == 0, run
    words = linux_words(run)
    assert len(words) == 1 and words[0].endswith("1 node, 4 CPUs"), run


@pytest.mark.parametrize("policy", ["predict", "emulate", "open"])
def test_direct_vcpus_write_tables_at_once(latch, machine, policy):
    run = latch(direct("smp", "smp", cpus=4, policy=policy, action="refuse"),
                *machine_options(machine, 4), "--icount", timeout=120)
    assert run.status == 0, run
    for name, case in run.cases("smp").items():
        assert case.ok, f"{name}: {case.text}\n{run}"


def test_direct_vcpus_on_threads(latch):
    run = latch(direct("smp", "smp", cpus=2, action="refuse") + guest("hello"), "--smp", "2",
                timeout=140)
    assert run.status == 0, run
    assert all(case.ok for case in run.cases("smp").values()), run


def test_refused_entry_of_one_vcpu_stops_all(latch):
    run = latch(direct("smp", "smp", "bring-up race", cpus=3) +
                guest("spin", bootargs="100", extra="latch,cpus = <1>;"), "--smp", "3",
                "--icount", timeout=60)
    assert any(line.startswith("latch: domain smp stopped: page table entry refused")
               for line in run.latch()), run
    assert "latch: end: 1 ended, 1 stopped" in run.lines, run


@pytest.mark.parametrize("options", [["--icount"], []], ids=["icount", "threads"])
def test_vcpu_attacks_what_another_works_on(latch, options):
    run = latch(direct("races", "races", cpus=3, action="refuse") +
                guest("hello", extra="latch,cpus = <1>;"), "--smp", "3", *options, timeout=140)
    assert run.status == 0, run
    for name, case in run.cases("races").items():
        assert case.ok, f"{name}: {case.text}\n{run}"
    assert "latch: end: 2 ended, 0 stopped" in run.lines, run
