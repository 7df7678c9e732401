# SPDX-License-Identifier: Apache-2.0
"""Unmodified guests in guarded domains: Debian's kernels at work, and a small one of ours.

What they do is all allowed, so that Latch must refuse nothing, and their results are those of a
plain domain."""
import re
import struct
import subprocess

import pytest

from conftest import ROOT, direct, domain, guest, machine_options, steady_timer, thorough

DONE = "linux: all work done"
KERNELS = ["vmlinuz-cloud", "vmlinuz", "vmlinuz-cloud-6.12"]
POLICIES = ["emulate", "open", "predict"]


def guarded(extra=""):
    return f'latch,paging = "guarded"; {extra}'


def settings(policy="predict", slots=2, user_writers="off"):
    return guarded(f'latch,ptwr-policy = "{policy}"; latch,slots = <{slots}>; '
                   f'latch,user-writers = "{user_writers}";')


def linux(name="linux", mode="demo", extra="", **properties):
    return domain(name, f"quiet latch.mode={mode}", extra=guarded(extra), **properties)


def storm(name, *words, extra="", **properties):
    """A Linux that does the heavy work of tests/qemu/linux."""
    return domain(name, f"quiet latch.mode=storm latch.storm={','.join(words)}", memory_mib=256,
                  extra=extra, ramdisk="linux-storm", **properties)


def results(run, name):
    """What each part of storm came to: all parts did their work."""
    assert DONE in run.of(name), run
    return dict(re.fullmatch(r"storm: (\w+) (\w+)", line).groups()
                for line in run.of(name) if line.startswith("storm: "))


def tables(run, name):
    """The counters of a domain's last line about its page tables."""
    lines = [line for line in run.latch() if line.startswith(f"latch: {name}: page tables: ")]
    assert len(lines) == 1, run
    return {match[2]: int(match[1]) for match in re.finditer(r"(\d+) (\w+)", lines[0])}


def refusals(run, name):
    """What Latch said to refuse a domain: rules of entries, and other things."""
    said = f"latch: domain {name}: "
    return [line[len(said):].split(";")[0] for line in run.latch()
            if line.startswith(said) and "; vcpu" in line]


def assert_unharmed(run, *names):
    """Each of them was guarded, ended as it meant to, and nothing of it was refused."""
    assert run.status == 0, run
    for name in names:
        assert not refusals(run, name), run
        assert f"latch: domain {name} ended" in run.latch(), run
        assert any(line.startswith(f"latch: {name}: guarded, ended in order")
                   for line in run.latch()), run
        counts = tables(run, name)
        assert counts["refused"] == 0 and counts["stores"] > 0 and counts["entries"] > 0, run


# --- Linux


def test_linux_does_real_work(latch, machine):
    run = latch(linux(), *machine_options(machine), *steady_timer(machine), timeout=300)
    assert_unharmed(run, "linux")
    assert DONE in run.of("linux"), run


def test_heavy_work_gives_what_a_plain_domain_gives(latch):
    # The guarded one's CPUs leave and come back; the plain one has none that could.
    run = latch(storm("guarded", "short", extra=guarded("latch,cpus = <0 1>;"), cpus=2) +
                storm("plain", "short", extra="latch,cpus = <2>;"), "--smp", "3", timeout=300)
    assert_unharmed(run, "guarded")
    is_guarded, is_plain = results(run, "guarded"), results(run, "plain")
    assert int(is_guarded.pop("hotplug"), 16) != 0 and int(is_plain.pop("hotplug"), 16) == 0, run
    assert is_guarded == is_plain and len(is_plain) == 9, run
    assert all(int(value, 16) != 0 for value in is_plain.values()), run


@thorough
def test_linux_on_four_cpus(latch, machine):
    run = latch(linux(cpus=4), *machine_options(machine, 4), *steady_timer(machine),
                timeout=600)
    assert_unharmed(run, "linux")
    assert DONE in run.of("linux"), run


@thorough
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cpu", ["cortex-a72", "max"])
def test_kernels(latch, kernel, cpu):
    if not (ROOT / "build/packages" / kernel).exists():
        pytest.skip("tools/setup --all fetches it")
    run = latch(linux(kernel=kernel), "--cpu", cpu, timeout=300)
    assert_unharmed(run, "linux")
    assert DONE in run.of("linux"), run


@thorough
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("slots", [1, 2, 16])
@pytest.mark.parametrize("user_writers", ["off", "on"])
def test_settings(latch, policy, slots, user_writers):
    run = latch(storm("linux", "short", "processes", "threads", "transparent", "reclaim",
                      extra=settings(policy, slots, user_writers)), timeout=300)
    assert_unharmed(run, "linux")
    assert len(results(run, "linux")) == 4, run
    counts = tables(run, "linux")
    assert (counts["tables"] == 0) == (policy == "emulate"), run


@thorough
@pytest.mark.parametrize("cpus", [1, 4])
@pytest.mark.parametrize("cpu", ["cortex-a72", "max"])
def test_long_heavy_work(latch, cpu, cpus):
    found = {}
    for name, extra in (("guarded", guarded()), ("plain", "")):
        run = latch(storm(name, "long", extra=extra, cpus=cpus), "--cpu", cpu, "--smp", str(cpus),
                    timeout=1800)
        if name == "guarded":
            assert_unharmed(run, name)
        found[name] = results(run, name)
    assert found["guarded"] == found["plain"] and len(found["plain"]) == 10, found


@thorough
def test_restarts(latch):
    session = latch.session(linux("again", "reset", 'latch,on-reset = "restart";'))
    for _ in range(3):
        session.expect("latch: domain again restarts", timeout=120)
    run = session.leave()
    assert "latch: domain again ended" in run.latch() and not refusals(run, "again"), run


@thorough
def test_images_in_place(latch):
    run = latch(linux("once", "reset", 'latch,on-reset = "stop";'), timeout=300)
    assert run.status == 0, run
    assert any("(in place)" in line for line in run.latch()), run
    assert any(line.startswith("latch: domain once ended (reset") for line in run.latch()), run
    assert tables(run, "once")["refused"] == 0, run


@thorough
def test_beside_a_direct_and_a_plain_domain(latch):
    demo = direct("direct", "demo").replace("guests/direct-demo.elf", "guests/direct.elf")
    demo = demo.replace(f"<0 {8 * 1024}>", f"<0 {32 * 1024}>")
    run = latch(linux("one") + demo + domain("plain", "quiet latch.mode=demo") + linux("two"),
                timeout=600)
    assert_unharmed(run, "one", "two")
    for name in ("one", "plain", "two"):
        assert DONE in run.of(name), run
    assert "latch: domain direct ended" in run.latch(), run
    assert run.latch()[-1] == "latch: end: 4 ended, 0 stopped", run


# --- KASLR, and with it page tables of its own for EL0


def image_span(kernel):
    """The size of the kernel in memory, from the Image's header, in whole 2 MiB."""
    with open(ROOT / "build/packages" / kernel, "rb") as file:
        size = struct.unpack_from("<Q", file.read(64), 16)[0]
    return (size + 0x1fffff) & ~0x1fffff


def tree_with_seed(folder, kernel, memory_mib):
    """As Latch would write it, with a seed for the kernel's addresses."""
    ramdisk = 0x40000000 + image_span(kernel) + 0x200000
    end = ramdisk + (ROOT / "build/linux-initramfs.cpio.gz").stat().st_size
    (folder / "guest.dts").write_text(f"""/dts-v1/;
    / {{
        compatible = "latch,guest"; #address-cells = <2>; #size-cells = <2>;
        interrupt-parent = <&gic>;
        chosen {{
            bootargs = "console=ttyAMA0 latch.mode=demo"; stdout-path = "/pl011@9000000";
            linux,initrd-start = <0 {ramdisk:#x}>; linux,initrd-end = <0 {end:#x}>;
            kaslr-seed = <0x12345678 0x9abcdef1>;
        }};
        cpus {{
            #address-cells = <1>; #size-cells = <0>;
            cpu@0 {{ device_type = "cpu"; compatible = "arm,armv8"; reg = <0>;
                    enable-method = "psci"; }};
        }};
        psci {{ compatible = "arm,psci-1.0", "arm,psci-0.2"; method = "hvc"; }};
        memory@40000000 {{ device_type = "memory"; reg = <0 0x40000000 0 {memory_mib << 20:#x}>; }};
        gic: interrupt-controller@8000000 {{
            compatible = "arm,gic-v3"; reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0x20000>;
            interrupt-controller; #interrupt-cells = <3>; #address-cells = <0>;
        }};
        timer {{ compatible = "arm,armv8-timer"; always-on;
                interrupts = <1 13 8>, <1 14 8>, <1 11 8>, <1 10 8>; }};
        clock: clk {{ compatible = "fixed-clock"; #clock-cells = <0>;
                     clock-frequency = <24000000>; }};
        pl011@9000000 {{
            compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>;
            interrupts = <0 1 4>; clocks = <&clock>, <&clock>;
            clock-names = "uartclk", "apb_pclk";
        }};
    }};""")
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", folder / "guest.dtb",
                    folder / "guest.dts"], check=True)
    return folder / "guest.dtb"


@thorough
@pytest.mark.parametrize("cpu", ["cortex-a72", "max"])
def test_linux_at_random_addresses(latch, tmp_path, cpu):
    # Without E0PD (on cortex-a72) each way into the kernel and out of it changes TTBR1_EL1.
    tree = tree_with_seed(tmp_path, "vmlinuz-cloud", 192)
    nodes = f"""device-tree {{
            compatible = "multiboot,device-tree", "multiboot,module"; latch,file = "{tree}"; }};"""
    run = latch(linux(nodes=nodes), "--cpu", cpu, timeout=600)
    assert_unharmed(run, "linux")
    assert DONE in run.of("linux"), run
    said = "\n".join(run.of("linux"))
    assert "KASLR enabled" in said, run
    assert ("Kernel page table isolation (KPTI)" in said) == (cpu == "cortex-a72"), run


# --- A kernel with 39-bit addresses


@pytest.mark.parametrize("policy,slots", [("predict", 2), ("open", 1), ("open", 16), ("emulate", 2)])
def test_a_kernel_with_39_bit_addresses(latch, machine, policy, slots):
    run = latch(guest("va39", extra=settings(policy, slots)), *machine_options(machine), "--icount",
                timeout=60)
    assert_unharmed(run, "va39")
    run.checks("va39")


@pytest.mark.parametrize("policy", POLICIES)
def test_what_a_guest_may_not_have(latch, machine, policy):
    run = latch(guest("va39", bootargs="refuse", extra=settings(policy)),
                *machine_options(machine), "--icount", timeout=60)
    assert run.status == 0, run
    denied = [check for check in run.checks("va39") if check.startswith("denied: ")]
    assert len(denied) == 4 == tables(run, "va39")["refused"], run
    assert refusals(run, "va39") == [
        "refused: wrong window", "refused: page table writable at EL0",
        "refused: wrong memory type", "refused: no such entry at this level"], run


def test_a_plain_domain_refuses_nothing_of_it(latch):
    # The same guest without the engine gets what is denied above: the checks can fail.
    run = latch(guest("va39", bootargs="refuse"), "--icount", timeout=60)
    assert "FAIL denied: a table that EL0 can write" in run.of("va39"), run
