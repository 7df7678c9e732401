# SPDX-License-Identifier: Apache-2.0
"""How Latch itself starts: machine sizes, CPUs, boot loaders, and bad starts that must be said."""
import re
import struct
import subprocess

import pexpect
import pytest

from conftest import ROOT, boards, guest, machine_options
from gdb import LOAD_ADDRESS, command_of, debug

IMAGE = ROOT / "build/latch.bin"
VIRT = ["qemu-system-aarch64", "-m", "512", "-nic", "none", "-nographic", "-cpu", "cortex-a72"]
DTB_ADDRESS = 0x48000000
U_BOOT = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"


def lines_of(command, timeout=20):
    """What a machine prints that may never end by itself."""
    done = subprocess.run(["timeout", str(timeout), *command], stdin=subprocess.DEVNULL,
                          capture_output=True, encoding="utf-8", errors="replace", check=False)
    return done.stdout.replace("\r", "").splitlines()


def test_image_header_is_that_of_linux():
    image = IMAGE.read_bytes()
    code0, _, offset, size, flags, _, _, _, magic, _ = struct.unpack("<IIQQQQQQ4sI", image[:64])
    assert magic == b"ARM\x64"
    # A branch over the header, at whichever 2 MiB block; little-endian, 4 KiB pages.
    assert code0 >> 26 == 0x05 and offset == 0 and flags == 0xa
    # What follows the file (bss, stacks) belongs to it, too.
    assert len(image) < size < 4 << 20


@boards
def test_hello_on_every_machine(latch, machine):
    run = latch(guest("hello"), *machine_options(machine), timeout=20)
    assert run.status == 0, run
    assert any(line.endswith("EL1") for line in run.of("hello")), run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


@pytest.mark.parametrize("memory, mib", [("128M", 64), ("3G", 1100), ("16G", 64)])
def test_small_and_large_memory(latch, memory, mib):
    run = latch(guest("ram", memory_mib=mib, bootargs=str(mib)), "--memory", memory, timeout=60)
    assert run.status == 0, run
    run.checks("ram")


def test_guest_sees_nothing_of_what_was_in_memory(latch, tmp_path):
    # All of the memory's top, which guests' RAM is taken from.
    rest = tmp_path / "rest"
    rest.write_bytes(b"\xa5" * (64 << 20))
    run = latch(guest("ram", memory_mib=32, bootargs="32"), "--", "-device",
                f"loader,file={rest},addr={(1 << 31) - (64 << 20):#x},force-raw=on", timeout=20)
    assert run.status == 0, run
    run.checks("ram")


@pytest.mark.parametrize("gic", ["2", "3"])
def test_other_cpus_come_into_el2(latch, gic):
    run = latch(guest("hello"), "--smp", "4", "--gic", gic, timeout=20)
    assert run.status == 0, run
    assert "latch: 4 of 4 CPUs in EL2" in run.latch(), run


def test_other_cpus_sleep_while_guests_run(latch):
    script = """
hbreak all_ended
continue
info threads
thread apply all backtrace 2
kill
"""
    _, log = debug(latch.folder, command_of(latch, guest("hello"), "--smp", "3"), script)
    assert len(re.findall(r"\(CPU#[12] \[halted *\]\)", log)) >= 2, log
    assert len(re.findall(r"#1 .* sched_switch \(\)", log)) == 2, log


def test_no_domain_is_said_with_its_node():
    lines = lines_of([*VIRT, "-M", "virt,virtualization=on,gic-version=3", "-kernel", str(IMAGE)])
    assert any(line.startswith("latch: config: /chosen: no domain") for line in lines), lines
    assert "latch: panic: no valid configuration" in lines, lines


@pytest.mark.parametrize("machine_argument", ["virt", "virt,secure=on", "virt,gic-version=3"])
def test_entry_at_el1_is_said(machine_argument):
    lines = lines_of([*VIRT, "-M", machine_argument, "-kernel", str(IMAGE)], timeout=2)
    assert lines == ["latch: panic: entered at EL1, needs EL2 (QEMU: -M virt,virtualization=on)"]


def raw_start(latch, machine_argument, blob, script):
    """Latch entered as it is by gdb, at the reset state of the machine's highest EL."""
    dtb = latch.folder / "board.dtb"
    dtb.write_bytes(blob)
    command = [*VIRT[:-2], "-cpu", "cortex-a72", "-M", machine_argument, "-device",
               f"loader,file={IMAGE},addr={LOAD_ADDRESS:#x},force-raw=on", "-device",
               f"loader,file={dtb},addr={DTB_ADDRESS:#x},force-raw=on"]
    return debug(latch.folder, command, f"set $pc = {LOAD_ADDRESS:#x}\n" + script)


def board_tree(latch, machine_argument):
    path = latch.folder / "dump.dtb"
    subprocess.run([*VIRT, "-M", f"{machine_argument},dumpdtb={path}"], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    return path.read_bytes()


def waiting(function):
    """A script that shows Latch in the WFI that this function goes to and never leaves."""
    return f"""
python
text = gdb.execute("disassemble {function}", to_string=True)
first = [line.split()[0] for line in text.splitlines() if line.split()[-1] == "wfi"][0]
gdb.execute("hbreak *" + first)
end
continue
printf "$$el %d\\n", ($cpsr >> 2) & 3
x/i $pc
kill
"""


def test_entry_at_el3_is_said(latch):
    machine_argument = "virt,secure=on,virtualization=on"
    lines, log = raw_start(latch, machine_argument, board_tree(latch, machine_argument),
                           f"set $x0 = {DTB_ADDRESS:#x}\n" + waiting("boot_wrong_el"))
    assert "$$el 3" in log, log
    assert lines == ["latch: panic: entered at EL3, needs EL2 (firmware must lower it)"], log


@pytest.mark.parametrize("x0", [0, DTB_ADDRESS + 4, DTB_ADDRESS + 0x100000],
                         ids=["none", "unaligned", "not-a-tree"])
def test_without_a_device_tree_it_waits(latch, x0):
    # There is no UART that it could know of.
    lines, log = raw_start(latch, "virt,virtualization=on", board_tree(
        latch, "virt,virtualization=on"), f"set $x0 = {x0:#x}\n" + waiting("boot_check_fdt"))
    assert "$$el 2" in log and re.search(r"=> .*wfi", log), log
    assert lines == [], lines


def test_damaged_device_tree_is_said(latch):
    blob = bytearray(board_tree(latch, "virt,virtualization=on"))
    # The memory reservations lie outside; the rest is whole, so the UART is found.
    blob[16:20] = bytes([0x7f, 0xff, 0xff, 0xf8])
    lines, _ = raw_start(latch, "virt,virtualization=on", bytes(blob),
                         f"set $x0 = {DTB_ADDRESS:#x}\n" + waiting("firmware_system_off"))
    assert any(re.fullmatch(r"latch: panic: the device tree at 0x48000000 is damaged", line)
               for line in lines), lines


def test_u_boot_starts_it_with_booti(latch):
    command = command_of(latch, guest("hello"))
    modules = command[command.index("-device"):]
    image, dtb = 0x60000000, 0x61000000
    child = pexpect.spawn("qemu-system-aarch64", [
        "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72", "-m", "1G", "-nographic",
        "-nic", "none", "-bios", U_BOOT, *modules,
        "-device", f"loader,file={IMAGE},addr={image:#x},force-raw=on",
        "-device", f"loader,file={latch.folder}/system.dtb,addr={dtb:#x},force-raw=on"],
        timeout=30, encoding="utf-8", codec_errors="replace")
    try:
        child.expect("Hit any key to stop autoboot")
        child.send("\r")
        child.expect("=> ")
        child.send(f"booti {image:#x} - {dtb:#x}\r")
        child.expect(r"\[hello\] hello, device tree at 0x\w+, EL1")
        child.expect("latch: end: 1 ended, 0 stopped")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
