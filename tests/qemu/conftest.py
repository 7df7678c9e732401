# SPDX-License-Identifier: Apache-2.0
"""Starts Latch in QEMU through tools/latch, as a user would."""
import pathlib
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

CPUS = ["cortex-a53", "cortex-a72", "cortex-a76", "max"]
GICS = [2, 3]


def pytest_addoption(parser):
    parser.addoption("--matrix", action="store_true", help="every CPU with every GIC")


def pytest_generate_tests(metafunc):
    if "machine" not in metafunc.fixturenames:
        return
    machines = [("cortex-a72", 3)]
    if metafunc.config.getoption("--matrix"):
        machines = [(cpu, gic) for cpu in CPUS for gic in GICS]
    metafunc.parametrize("machine", machines, ids=lambda m: f"{m[0]}-gicv{m[1]}")


class Run:
    """What one run of tools/latch left behind."""

    def __init__(self, done):
        self.status = done.returncode
        self.lines = done.stdout.replace("\r", "").splitlines()
        self.errors = done.stderr

    def of(self, name):
        """The lines of one domain, without its prefix."""
        prefix = f"[{name}] "
        return [line[len(prefix):] for line in self.lines if line.startswith(prefix)]

    def latch(self):
        return [line for line in self.lines if line.startswith("latch: ")]

    def __str__(self):
        return "\n".join([f"status {self.status}"] + self.lines[-60:] + [self.errors])


def domain(name, bootargs="", memory_mib=192, extra="", ramdisk=True):
    """A plain Linux domain, as text for a system description."""
    initrd = """
        ramdisk {
            compatible = "multiboot,ramdisk", "multiboot,module";
            latch,file = "$ROOT/build/linux-initramfs.cpio.gz";
        };""" if ramdisk else ""
    return f"""
    {name} {{
        compatible = "xen,domain";
        memory = <0 {memory_mib * 1024}>;
        cpus = <1>;
        vpl011;
        {extra}
        kernel {{
            compatible = "multiboot,kernel", "multiboot,module";
            latch,file = "$ROOT/build/packages/vmlinuz-cloud";
            bootargs = "console=ttyAMA0 {bootargs}";
        }};{initrd}
    }};"""


@pytest.fixture
def latch(tmp_path):
    """latch(domains, option, ...) runs a system of these domains and returns a Run."""

    def run(domains, *options, timeout=150):
        system = tmp_path / "system.dts"
        system.write_text("/dts-v1/;\n/ { chosen {\n" + textwrap.dedent(domains) + "\n}; };\n")
        command = [str(ROOT / "tools/latch"), "run", str(system), "--no-input",
                   "--define", f"ROOT={ROOT}", "--timeout", str(timeout), *options]
        return Run(subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  encoding="utf-8", errors="replace", check=False,
                                  timeout=timeout + 30))

    return run
