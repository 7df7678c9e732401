# SPDX-License-Identifier: Apache-2.0
"""`tools/latch check` with Latch's own parser: each mistake in a description is said with its node
and its reason, exit status 2. tests/unit/test_config_refusals.c has every rule of the parser."""
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHECKER = os.path.join(ROOT, os.environ.get("BUILD", "build"), "latch-check")

GOOD = """/dts-v1/;
/ {
    chosen {
        guest {
            compatible = "xen,domain";
            memory = <0 0x8000>;
            cpus = <1>;
            vpl011;
            kernel {
                compatible = "multiboot,kernel", "multiboot,module";
                latch,file = "kernel";
                bootargs = "console=ttyAMA0";
            };
            ramdisk {
                compatible = "multiboot,ramdisk", "multiboot,module";
                latch,file = "ramdisk";
            };
        };
    };
};
"""
GUEST = "/chosen/guest: "

# What is changed in it, into what, and what is said.
MISTAKES = {
    "unknown-latch-property": ("vpl011;", "latch,pagin = \"plain\";", GUEST + "latch,pagin"),
    "unknown-property": ("vpl011;", "direct-map;", GUEST + "direct-map"),
    "unknown-value": ("vpl011;", 'latch,paging = "magic";', GUEST + "latch,paging"),
    "wrong-type": ("cpus = <1>;", 'cpus = "one";', GUEST + "cpus"),
    "too-many-cpus": ("cpus = <1>;", "cpus = <2>;", GUEST + "cpus"),
    "no-memory": ("memory = <0 0x8000>;", "", GUEST + "memory"),
    "odd-memory": ("<0 0x8000>", "<0 0x8001>", GUEST + "memory"),
    "too-much-memory": ("<0 0x8000>", "<0 0x200000>", GUEST + "memory"),
    "no-kernel": ('"multiboot,kernel", ', '"multiboot,ramdisk", ', GUEST),
    "too-big-for-its-memory": ("<0 0x8000>", "<0 0x1000>", "/chosen/guest/"),
    "unknown-module-property": ("bootargs =", "boot-args =", "/chosen/guest/kernel: boot-args"),
    "address-for-a-linux-only": ("vpl011;", "latch,load-address = <0 0x40080001>;",
                                 GUEST + "latch,load-address"),
}


class Description:
    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "system.dts"
        (folder / "kernel").write_bytes(bytes(5 << 20))
        (folder / "ramdisk").write_bytes(bytes(100))

    def check(self, text, *options):
        self.path.write_text(text)
        return subprocess.run([os.path.join(ROOT, "tools/latch"), "check", str(self.path),
                               "--checker", CHECKER, *options], capture_output=True, text=True,
                              timeout=60, check=False)


@pytest.fixture
def description(tmp_path):
    return Description(tmp_path)


def test_good_description(description):
    done = description.check(GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("guest: plain, 32 MiB, 1 vCPU, kernel 5120 KiB at 0x42000000, "
                           f"ramdisk 1 KiB at 0x42600000, PL011\n{description.path}: good\n")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_said_with_its_node(description, mistake):
    old, new, said = MISTAKES[mistake]
    assert GOOD.count(old) == 1 or mistake == "no-kernel"
    done = description.check(GOOD.replace(old, new, 1))
    assert done.returncode == 2, done
    lines = [line for line in done.stderr.splitlines() if f"system.dts: {said}" in line]
    assert len(lines) == 1 and lines[0].startswith("latch: "), done.stderr
    # A reason follows the name.
    assert len(lines[0].split(said)[1]) > 5, done.stderr


def test_every_mistake_is_said_at_once(description):
    text = GOOD.replace("cpus = <1>;", "cpus = <9>;").replace("vpl011;", "latch,what = <1>;")
    done = description.check(text.replace("bootargs", "bootarg"))
    assert done.returncode == 2
    assert [word in done.stderr for word in ("cpus", "latch,what", "bootarg")] == [True] * 3
    assert "Traceback" not in done.stderr


def test_two_modules_in_one_place(description):
    text = GOOD.replace('"kernel";', '"kernel"; reg = <0 0x44000000>;')
    done = description.check(text.replace('"ramdisk";', '"ramdisk"; reg = <0 0x44200000>;'))
    assert done.returncode == 2
    assert "/chosen/guest/" in done.stderr and "overlaps node /chosen/guest/" in done.stderr


def test_missing_file_names_node_and_file(description):
    os.unlink(description.folder / "ramdisk")
    done = description.check(GOOD)
    assert done.returncode == 2
    assert done.stderr == ("latch: node /chosen/guest/ramdisk: "
                           f"{description.folder}/ramdisk: no such file\n"), done.stderr


def test_domains_of_one_name(description):
    done = description.check(GOOD + GOOD.split("/dts-v1/;")[1].replace("chosen {", "chosen { group {")
                             .replace("};\n};", "}; };\n};"))
    assert done.returncode == 2
    assert "/chosen/group/guest: " in done.stderr or "/chosen/guest: " in done.stderr, done.stderr


def test_memory_of_all_together(description):
    half = GOOD.replace("<0 0x8000>", "<0 0x90000>")
    other = half.split("/dts-v1/;")[1].replace("guest {", "other {")
    done = description.check(half + other)
    assert done.returncode == 2 and "memory" in done.stderr, done.stderr
    assert description.check(half + other, "--memory", "2G").returncode == 0


SHARE = """
            ring {
                compatible = "xen,domain-shared-memory-v1";
                xen,shm-id = "ring";
                role = "ROLE";
                latch,access = "ACCESS";
                size = <0 64>;
            };
            kernel {"""


def sharing(name, role, access):
    text = GOOD.split("/dts-v1/;")[1].replace("guest {", f"{name} {{")
    text = text.replace("vpl011;", 'latch,paging = "direct";')
    return text.replace("kernel {", SHARE.replace("ROLE", role).replace("ACCESS", access), 1)


def test_shared_memory(description):
    done = description.check("/dts-v1/;" + sharing("one", "owner", "rw")
                             + sharing("two", "borrower", "ro"))
    assert done.returncode == 0, done.stderr
    assert [line.split(", shares ")[1] for line in done.stdout.splitlines()[:2]] == [
        '"ring" (64 KiB, rw)', '"ring" (64 KiB, ro)'], done.stdout
    done = description.check("/dts-v1/;" + sharing("one", "owner", "rw"))
    assert done.returncode == 2
    assert "xen,shm-id: no other domain has this memory" in done.stderr, done.stderr
