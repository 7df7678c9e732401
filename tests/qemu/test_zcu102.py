# SPDX-License-Identifier: Apache-2.0
"""A ZCU102 as QEMU's xlnx-zcu102 plays it: what Latch finds there instead of virt's devices.

With --matrix all tests that have a `machine` run there."""
import pytest

from conftest import ZCU102, direct, domain, guest, machine_options


def options(cpus=1):
    return [*machine_options(ZCU102, cpus), "--icount"]


def test_what_latch_finds(latch):
    run = latch(guest("hello"), *options(4), timeout=30)
    assert run.status == 0, run
    assert "latch: 1024 MiB of memory" in run.latch()[1], run
    assert run.latch()[2] == "latch: CPU 0x410fd034, GICv2, 4 list registers", run
    assert run.latch()[3] == "latch: 4 of 4 CPUs in EL2", run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


def test_interrupts_and_their_pages_that_are_64_kib_apart(latch):
    # Ending one in two steps takes the second page of the CPU interface, at which it goes on.
    run = latch(guest("gic") + guest("spin", bootargs="1000"), *machine_options(ZCU102), timeout=60)
    assert run.status == 0, run
    assert "GICv2" in run.of("gic"), run
    run.checks("gic")


@pytest.mark.parametrize("serial", ["serial0", "serial1"])
def test_either_uart_is_the_console(latch, serial):
    session = latch.session(f'stdout-path = "{serial}:115200n8";' + guest("one", "keys"),
                            *machine_options(ZCU102))
    session.expect(r"\[one\] ready\s+")
    text = "0123456789abcdefghijklmnop"
    session.send(text + "q")
    run = session.wait_for_end()
    assert run.status == 0, run
    assert run.of("one")[1:] == [f"key 0x{ord(letter):02x}" for letter in text + "q"], run


def test_guarded_linux_beside_a_direct_guest(latch):
    demo = direct("direct", "", memory_mib=32).replace("direct-.elf", "direct.elf")
    run = latch(domain("linux", "quiet latch.mode=demo", cpus=2, extra='latch,paging = "guarded";') +
                demo, *options(2), timeout=140)
    assert run.status == 0, run
    assert "linux: all work done" in run.of("linux"), run
    assert "direct: all work done" in run.of("direct"), run
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run
