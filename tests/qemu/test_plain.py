# SPDX-License-Identifier: Apache-2.0
"""A plain domain's machine: registers, firmware calls, reset, and the kinds of kernel files."""
import os
import struct
import subprocess

from conftest import ROOT, guest, machine_options

LINK_ADDRESS = 0x40100000  # demos/lib/plain/guest.lds
RAM_BASE = 0x40000000


def test_registers_survive_a_neighbour_that_uses_them(latch, machine):
    run = latch(guest("one", "registers", bootargs="A") + guest("two", "registers", bootargs="B"),
                *machine_options(machine), "--icount", timeout=30)
    assert run.status == 0, run
    for name in ("one", "two"):
        run.checks(name)
        if machine.cpu == "max":
            assert any(line.endswith("pauth 1") for line in run.of(name)), run


def test_psci_by_hvc_and_smc(latch):
    run = latch(guest("psci"), timeout=20)
    assert run.status == 0, run
    run.checks("psci")
    assert [line for line in run.of("psci") if line.startswith("by")] == ["by HVC", "by SMC"]
    assert "latch: domain psci ended" in run.latch(), run


def test_reset_starts_from_the_pristine_image(latch, machine):
    run = latch(guest("reset") + guest("bystander"), *machine_options(machine), "--icount",
                timeout=30)
    assert run.status == 0, run
    starts = [line for line in run.of("reset") if line.startswith("start: ")]
    assert starts.pop() == "start: enough", run
    assert len(starts) >= 8, run
    assert set(starts[0::2]) == {
        "start: data 0x600d bss 0x0 const 0xc0 ram 0x0 dtb 0xedfe0dd0"}, run
    assert set(starts[1::2]) == {
        "start: mmu 0 timer 0 enabled 0 priority 0x0 tpidr 0x0 early 1"}, run
    assert run.latch().count("latch: domain reset restarts") == len(starts) / 2 - 1, run
    run.checks("bystander")


# --- Kernel files


def flat(folder):
    binary = folder / "hello.bin"
    objcopy = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-") + "objcopy"
    subprocess.run([objcopy, "-O", "binary", ROOT / "build/guests/plain-hello.elf", binary],
                   check=True)
    return binary


def said_hello(run, kind):
    assert run.status == 0, run
    assert any(line.startswith("hello, device tree at 0x4") for line in run.of("hello")), run
    assert any(f"plain, {kind} of" in line for line in run.latch()), run


def test_elf_file(latch):
    said_hello(latch(guest("hello"), timeout=20), "ELF")


def test_flat_binary_with_load_address(latch, tmp_path):
    run = latch(guest("hello", flat(tmp_path), extra=f"latch,load-address = <0 {LINK_ADDRESS:#x}>;"),
                timeout=20)
    said_hello(run, "flat binary")
    assert any(line.endswith(f"at {LINK_ADDRESS:#x}") for line in run.latch()), run


def test_flat_binary_without_address_starts_at_the_start_of_ram(latch, tmp_path):
    # x0 and PC of the first instruction, sent to nobody: movz x0, #0x8400, lsl #16; movk x0, #8;
    # hvc #0 is all that runs at any address.
    code = struct.pack("<3I", 0xd2b08000, 0xf2800100, 0xd4000002)
    (tmp_path / "off.bin").write_bytes(code)
    run = latch(guest("off", tmp_path / "off.bin"), timeout=20)
    assert run.status == 0, run
    assert any("plain, flat binary of 0 KiB at 0x40000000" in line for line in run.latch()), run
    assert "latch: domain off ended" in run.latch(), run


def test_linux_image_is_placed_by_its_header(latch, tmp_path):
    # A header one page below the guest's code, which is linked to its address.
    offset = LINK_ADDRESS - RAM_BASE - 0x1000
    body = flat(tmp_path).read_bytes()
    header = struct.pack("<IIQQQQQQ4sI", 0x14000000 | 0x1000 // 4, 0, offset, 0x100000, 0xa,
                         0, 0, 0, b"ARM\x64", 0)
    (tmp_path / "Image").write_bytes(header.ljust(0x1000, b"\0") + body)
    run = latch(guest("hello", tmp_path / "Image"), timeout=20)
    said_hello(run, "Linux Image")
    assert any(line.endswith(f"at {RAM_BASE + offset:#x}") for line in run.latch()), run


def test_kernel_too_big_for_its_memory_is_said(latch, tmp_path):
    (tmp_path / "big.bin").write_bytes(bytes(3 << 20))
    run = latch(guest("big", tmp_path / "big.bin", memory_mib=4), timeout=20)
    assert run.status == 1, run
    assert any(line.startswith("latch: domain big: ") and "4 MiB" in line
               for line in run.latch()), run
