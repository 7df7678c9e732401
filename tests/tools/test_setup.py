# SPDX-License-Identifier: Apache-2.0
"""tools/setup on machines that lack something: one clear line each. The machine is a folder of
links to this one's programs, less what is missing, plus stand-ins; nothing is ever installed."""
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGES = os.environ.get("LATCH_PACKAGES") or os.path.join(ROOT, "build/packages")
NEVER = "echo 'this must not run' >&2; exit 99"


class Machine:
    def __init__(self, folder):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.packages = folder / "packages"
        self.env = {"PATH": str(self.bin), "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        for directory in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
            for name in os.listdir(directory):
                if not os.path.lexists(self.bin / name):
                    os.symlink(os.path.join(directory, name), self.bin / name)
        # Whatever happens, this machine's packages stay as they are.
        self.program("apt-get", NEVER)
        self.program("sudo", NEVER)

    def remove(self, name):
        if os.path.lexists(self.bin / name):
            os.unlink(self.bin / name)

    def program(self, name, body):
        self.remove(name)
        (self.bin / name).write_text(f"#!/bin/bash\n{body}\n")
        (self.bin / name).chmod(0o755)

    def user(self, number):
        self.program("id", f"echo {number}")

    def without_package(self, name):
        self.program("dpkg-query", f"/usr/bin/dpkg-query \"$@\" | grep -v '^{name} '")

    def setup(self, *arguments, packages=PACKAGES, **keywords):
        return subprocess.run(["/bin/bash", os.path.join(ROOT, "tools/setup"), *arguments],
                              env=dict(self.env, LATCH_PACKAGES=str(packages)),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              check=False, **keywords)

    def refusal(self, **keywords):
        """What it says at last, in one line, on its way out."""
        done = self.setup(**keywords)
        assert done.returncode == 1, done
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("setup: "), done
        assert all(line.startswith("setup: ") for line in done.stdout.splitlines()), done
        return lines[0]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_nothing_missing_says_and_does_nothing(machine):
    machine.program("apt-cache", NEVER)
    done = machine.setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def test_package_missing_and_no_way_to_be_root(machine):
    machine.user(1000)
    machine.remove("sudo")
    machine.without_package("cppcheck")
    line = machine.refusal(packages=machine.packages)
    assert line == "setup: not root and no sudo: cannot install cppcheck"


def test_old_qemu_and_no_way_to_be_root(machine):
    machine.user(1000)
    machine.remove("sudo")
    machine.program("qemu-system-aarch64", "echo QEMU emulator version 7.2.1")
    assert "cannot install QEMU" in machine.refusal(packages=machine.packages)
    machine.remove("qemu-system-aarch64")
    assert "cannot install QEMU" in machine.refusal(packages=machine.packages)


def test_not_debian(machine):
    machine.remove("dpkg-query")
    line = machine.refusal()
    assert line.startswith("setup: this is not Debian: install by hand ") and " cppcheck " in line


@pytest.mark.parametrize("message, said", [
    ("E: Unable to locate package cppcheck", "E: Unable to locate package cppcheck"),
    ("E: Failed to fetch http://packages.example/x  Could not connect to packages.example:80",
     "is there a network?"),
    ("Err:1 http://packages.example/debian  Temporary failure resolving 'packages.example'",
     "is there a network?")], ids=["unknown-package", "no-connection", "no-name-service"])
def test_installing_fails(machine, message, said):
    machine.user(0)
    machine.without_package("cppcheck")
    # Debian's own entry for backports, so that it is not asked to write one.
    machine.program("apt-get", f"[ $1 = update ] && exit 0; echo \"{message}\" >&2; exit 100")
    if not has_backports():
        pytest.skip("this machine has no backports: tools/setup would add them")
    line = machine.refusal(packages=machine.packages)
    assert line.startswith("setup: cannot install packages: ") and said in line, line
    assert message.split(":")[0] in (machine.packages / "setup.log").read_text()


def has_backports():
    folder = "/etc/apt/sources.list.d"
    return any("bookworm-backports" in open(os.path.join(folder, name), encoding="utf-8").read()
               for name in os.listdir(folder))


def test_guest_packages_without_network(machine):
    machine.remove("apt-get")
    os.symlink("/usr/bin/apt-get", machine.bin / "apt-get")
    # Port 9 is nobody's. The lists are private, and downloading them needs no root.
    for name in ("http_proxy", "https_proxy", "ftp_proxy"):
        machine.env[name] = "http://127.0.0.1:9"
    line = machine.refusal(packages=machine.packages)
    assert line == ("setup: cannot read arm64's package lists: apt cannot reach its package "
                    "sources (is there a network?)")


def test_folder_that_cannot_be_written(machine):
    line = machine.refusal(packages="/proc/latch")
    assert line == "setup: cannot write to /proc/latch (LATCH_PACKAGES says where else)"


def test_unknown_argument(machine):
    done = machine.setup("--everything")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "setup: unknown argument '--everything'"
    assert "usage: tools/setup" in done.stderr


def test_make_stops_with_the_same_line(machine):
    machine.user(1000)
    machine.remove("sudo")
    machine.without_package("cppcheck")
    done = subprocess.run(["make", "hypervisor", f"BUILD={machine.packages}/build",
                           f"LATCH_PACKAGES={machine.packages}"], cwd=ROOT, env=machine.env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert lines == ["setup: not root and no sudo: cannot install cppcheck"], done
