# SPDX-License-Identifier: Apache-2.0
"""A Raspberry Pi 4 as QEMU's raspi4b plays it: what Latch finds there instead of virt's devices.

What other files show of guests runs there too: tests with `boards`, and with --matrix all that have
a `machine`."""
import re
import subprocess

import pytest

from conftest import ROOT, RPI4, Run, direct, domain, guest, machine_options

OPTIONS = machine_options(RPI4)
PL011 = 'stdout-path = "serial0";'
MINI_UART = 'stdout-path = "serial1";'
CONSOLES = pytest.mark.parametrize("console", [PL011, MINI_UART], ids=["pl011", "mini-uart"])


def test_what_latch_finds(latch):
    run = latch(guest("hello"), *OPTIONS, timeout=30)
    assert run.status == 0, run
    assert "latch: 960 MiB of memory" in run.latch()[1], run
    assert run.latch()[2].endswith("GICv2, 4 list registers"), run
    # From the spin-table.
    assert run.latch()[3] == "latch: 4 of 4 CPUs in EL2", run


@CONSOLES
def test_either_uart_is_the_console(latch, console):
    session = latch.session(console + guest("one", "keys"), *OPTIONS)
    session.expect(r"\[one\] ready\s+")
    text = "0123456789abcdefghijklmnop"
    session.send(text + "q")
    run = session.wait_for_end()
    assert run.status == 0, run
    assert run.of("one")[1:] == [f"key 0x{ord(letter):02x}" for letter in text + "q"], run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


def test_console_that_nobody_knows_is_silent_and_the_end_comes_all_the_same(latch):
    run = latch('stdout-path = "/soc/spi@7e204000";' + guest("hello"), *OPTIONS, timeout=30)
    # QEMU ended, but nobody said that all is well.
    assert run.status == 1 and run.lines == [], run


def test_panic_powers_off_too(latch):
    # Only the image's size tells that it does not fit.
    run = latch(direct("guest", "triggers", memory_mib=2), *OPTIONS, timeout=30)
    assert run.status == 1, run
    assert any(line.startswith("latch: panic: domain guest cannot be built")
               for line in run.latch()), run


def test_cpus_and_their_interrupts(latch):
    run = latch(guest("smp", cpus=2, extra="latch,cpus = <3 1>;"), *OPTIONS, "--icount", timeout=60)
    assert run.status == 0, run
    assert "2 CPUs, GICv2" in run.of("smp"), run
    run.checks("smp")


def test_guarded_linux_on_four_cpus(latch):
    run = latch(domain("linux", "quiet latch.mode=demo", cpus=4, extra='latch,paging = "guarded";'),
                *OPTIONS, "--icount", timeout=140)
    assert run.status == 0, run
    assert "linux: all work done" in run.of("linux"), run
    assert any(line.startswith("latch: linux: page tables: ") and line.endswith(" 0 refused, 0 audited")
               for line in run.latch()), run


@pytest.mark.parametrize("system", ["demo", "smp"])
def test_demo_as_on_virt(system):
    done = subprocess.run([str(ROOT / "tools/latch"), "run", str(ROOT / f"dts/{system}.dts"),
                           *OPTIONS, "--icount", "--no-input", "--timeout", "120"],
                          stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                          errors="replace", check=False, timeout=150)
    run = Run(done.returncode, done.stdout, done.stderr)
    assert run.status == 0, run
    assert "linux: all work done" in run.of("linux"), run
    assert "direct: all work done" in run.of("direct"), run
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run


def test_card_boots_as_firmware_would_boot_it(tmp_path):
    """QEMU does not play the firmware itself: here config.txt is read in its place."""
    card = tmp_path / "card.img"
    subprocess.run([str(ROOT / "tools/latch"), "image", str(ROOT / "dts/demo.dts"), "--output",
                    str(card)], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", f"{card}@@1M", "::*", str(tmp_path)], check=True)
    config = dict(re.match(r"(\w+)[= ](.*)", line).groups() for line in
                  (tmp_path / "config.txt").read_text().splitlines() if not line.startswith("#"))
    bundle, address = config["initramfs"].split()
    assert config["arm_64bit"] == "1" and int(config["kernel_address"], 0) == 0x200000  # as QEMU's
    command = ["timeout", "120", "qemu-system-aarch64", "-M", "raspi4b", "-display", "none",
               "-monitor", "none", "-serial", "null", "-serial", "stdio", "-no-reboot",
               "-icount", "shift=0,sleep=off", "-kernel", config["kernel"],
               "-dtb", config["device_tree"], "-device",
               f"loader,file={bundle},addr={address},force-raw=on"]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True,
                          encoding="utf-8", errors="replace", check=False)
    run = Run(done.returncode, done.stdout, done.stderr)
    assert run.status == 0, run
    assert "linux: all work done" in run.of("linux"), run
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run
