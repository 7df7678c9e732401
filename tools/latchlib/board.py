"""What the host tool knows of a board: boards/NAME/board.json, and the device tree that QEMU
makes for it."""

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

from .error import Fail

QEMU_MAJOR = 10
KIB = 1 << 10
MIB = 1 << 20


@dataclass
class Machine:
    """The machine a run asks for; None means: as the description or the board says."""

    cpu: str = None
    gic: int = None
    smp: int = None
    memory: int = None

    def filled_from(self, other):
        """This machine, with what it leaves open taken from another."""
        return Machine(**{name: value if value is not None else getattr(other, name)
                          for name, value in vars(self).items()})


def parse_size(text):
    """Bytes from 512M, 1G, 0x40000000; a bare small number is MiB, as in QEMU."""
    match = re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)([KMG]?)(?:i?B)?", text)
    if not match:
        raise Fail(f"'{text}' is not a memory size such as 512M or 2G")
    number = int(match[1], 0)
    if match[2]:
        return number << {"K": 10, "M": 20, "G": 30}[match[2]]
    return number if match[1].startswith("0x") else number * MIB


class Board:
    def __init__(self, name, root):
        path = os.path.join(root, "boards", name, "board.json")
        try:
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
        except FileNotFoundError:
            raise Fail(f"board {name}: {path}: no such file (boards: "
                       f"{', '.join(names(root))})") from None
        except ValueError as error:
            raise Fail(f"{path}: {error}") from None
        self.name = name
        self.qemu = os.environ.get("LATCH_QEMU") or data["qemu"]
        self.machine = data["machine"]
        self.machine_options = data["machine_options"]
        self.gic_option = data["gic_option"]
        self.device_tree = data["device_tree"]
        self.ram_base = int(data["ram_base"], 0)
        self.reserved_low = int(data["reserved_low"], 0)
        self.defaults = Machine(**data["defaults"])
        self.defaults.memory = parse_size(self.defaults.memory)

    def machine_argument(self, machine, icount, extra=()):
        options = [self.machine]
        options += [f"{name}={value}" for name, value in self.machine_options.items()]
        options.append(f"{self.gic_option}={machine.gic}")
        if icount:
            options.append("dtb-randomness=off")
        return ",".join([*options, *extra])

    def qemu_command(self, machine, icount, extra=()):
        """The part of QEMU's command line that decides what machine it is."""
        return [self.qemu, "-nodefaults", "-display", "none",
                "-M", self.machine_argument(machine, icount, extra),
                "-cpu", machine.cpu, "-smp", str(machine.smp), "-m", f"{machine.memory // KIB}K"]

    def require_qemu(self):
        try:
            done = subprocess.run([self.qemu, "--version"], capture_output=True, text=True,
                                  check=False)
        except (FileNotFoundError, PermissionError):
            raise Fail(f"{self.qemu} is missing: run tools/setup") from None
        found = re.search(r"version (\d+)\.(\S+)", done.stdout)
        if not found:
            raise Fail(f"{self.qemu} --version says nothing of a version")
        if int(found[1]) < QEMU_MAJOR:
            raise Fail(f"{self.qemu} is version {found[1]}.{found[2]}, Latch needs {QEMU_MAJOR}: "
                       "run tools/setup")

    def dump(self, machine, icount):
        """The flattened device tree of the machine."""
        with tempfile.TemporaryDirectory(prefix="latch-") as folder:
            path = os.path.join(folder, "board.dtb")
            command = self.qemu_command(machine, icount, [f"{self.device_tree}={path}"])
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False,
                                      stdin=subprocess.DEVNULL, timeout=60)
            except subprocess.TimeoutExpired:
                raise Fail(f"{self.qemu} does not print the board's device tree") from None
            if done.returncode != 0 or not os.path.exists(path):
                reason = done.stderr.strip().splitlines()
                raise Fail(reason[-1] if reason else f"{self.qemu} failed")
            with open(path, "rb") as file:
                return file.read()


def names(root):
    folder = os.path.join(root, "boards")
    if not os.path.isdir(folder):
        return []
    return sorted(name for name in os.listdir(folder)
                  if os.path.exists(os.path.join(folder, name, "board.json")))
