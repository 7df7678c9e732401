# SPDX-License-Identifier: Apache-2.0
"""An i.MX 8M Plus EVK as QEMU's imx8mp-evk plays it. On QEMU 10.0.2 its guests take no virtual
interrupt: only those that wait for none can run."""
import pytest

from conftest import guest

OPTIONS = ["--board", "imx8mp"]


@pytest.mark.parametrize("serial", [0, 1, 2, 3])
def test_each_uart_is_the_console(latch, serial):
    run = latch(f'stdout-path = "serial{serial}:115200n8";' + guest("hello"), *OPTIONS, "--smp", "4",
                timeout=30)
    assert run.status == 0, run
    assert run.latch()[2] == "latch: CPU 0x410fd034, GICv3, 4 list registers", run
    assert run.latch()[3] == "latch: 4 of 4 CPUs in EL2", run
    assert any(line.endswith("EL1") for line in run.of("hello")), run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


def test_keys_reach_latch(latch):
    # Latch's own key: it comes by a physical interrupt.
    session = latch.session(guest("one", "spin", bootargs="100000"), *OPTIONS)
    session.expect(r"latch: domain one")
    session.send("\x01h")
    session.expect(r"latch:   0 one \(has the keys\)")
    run = session.leave()
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run
