"""What the host tool knows of a board: boards/NAME/board.json, and the device tree that the
board's simulator makes for it."""

import json
import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass

from . import tree
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
    """A board that a simulator plays: where its memory lies, and what a run has by default."""

    simulator = None
    # How the simulator is told to end, and how long that may take.
    stop_signal = signal.SIGTERM
    stop_seconds = 2
    environment = None  # of the simulator; None: ours

    def __init__(self, name, data):
        self.name = name
        self.ram_base = int(data["ram_base"], 0)
        self.reserved_low = int(data["reserved_low"], 0)
        self.defaults = Machine(**data["defaults"])
        self.defaults.memory = parse_size(self.defaults.memory)
        # What of the machine cannot be chosen.
        self.fixed = data.get("fixed", [])
        self.said = data["defaults"]
        # What is on an SD card for it; None: it has none.
        self.card = data.get("card")

    def card_tree(self):
        """The flattened tree that firmware of a card would start from; for boards with a card."""
        raise NotImplementedError

    def machine(self, asked, wished):
        """The Machine for what the command line asks for and what the description wishes."""
        machine = asked.filled_from(wished).filled_from(self.defaults)
        for name in self.fixed:
            if getattr(asked, name) not in (None, getattr(self.defaults, name)):
                raise Fail(f"--{name}: board {self.name} always has {self.said[name]}")
            setattr(machine, name, getattr(self.defaults, name))
        return machine

    def require(self):
        """Fails with one line if the simulator is not there."""
        raise NotImplementedError

    def dump(self, machine, icount):
        """The flattened device tree of the machine."""
        raise NotImplementedError

    def command(self, system, run, extra):
        """The simulator's command line for a System, as a Run asks for it."""
        raise NotImplementedError

    def dump_by(self, command, path):
        """What `command` writes to the file `path`."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  stdin=subprocess.DEVNULL, timeout=60, env=self.environment)
        except subprocess.TimeoutExpired:
            raise Fail(f"{self.simulator} does not print the board's device tree") from None
        if done.returncode != 0 or not os.path.exists(path):
            reason = done.stderr.strip().splitlines()
            raise Fail(reason[-1] if reason else f"{self.simulator} failed")
        with open(path, "rb") as file:
            return file.read()


@dataclass
class Run:
    """How a system is to be run: the files, and what the user wants of the simulator."""

    latch: str
    dtb: str
    folder: str  # for files that the simulator reads
    icount: bool
    interactive: bool
    timeout: float = 0


class QemuBoard(Board):
    simulator = "QEMU"

    def __init__(self, name, data, root):
        super().__init__(name, data)
        self.qemu = os.environ.get("LATCH_QEMU") or data["qemu"]
        self.model = data["machine"]
        self.machine_options = data.get("machine_options", {})
        self.icount_options = data.get("icount_options", {})
        self.gic_option = data.get("gic_option")
        self.arguments = data.get("arguments", [])
        self.device_tree = data["device_tree"]
        # Of a board whose firmware brings its tree along: QEMU changes it as firmware would.
        self.firmware_tree = None
        if "firmware_tree" in data:
            packages = os.environ.get("LATCH_PACKAGES") or os.path.join(root, "build", "packages")
            self.firmware_tree = os.path.join(packages, data["firmware_tree"])
        # Nodes of the UARTs in the order of QEMU's -serial.
        self.serials = data.get("serials", [])

    def machine_argument(self, machine, icount, extra=()):
        wanted = dict(self.machine_options)
        if self.gic_option:
            wanted[self.gic_option] = machine.gic
        if icount:
            wanted |= self.icount_options
        options = [f"{name}={value}" for name, value in wanted.items()]
        return ",".join([self.model, *options, *extra])

    def qemu_command(self, machine, icount, extra=()):
        """The part of QEMU's command line that decides what machine it is."""
        line = [self.qemu, "-nodefaults", "-display", "none", *self.arguments,
                "-M", self.machine_argument(machine, icount, extra)]
        for name, option in (("cpu", ["-cpu", machine.cpu]), ("smp", ["-smp", str(machine.smp)]),
                             ("memory", ["-m", f"{machine.memory // KIB}K"])):
            if name not in self.fixed:
                line += option
        return line

    def serial(self, console):
        """QEMU's arguments that put the UART at the path `console` on the terminal."""
        before = self.serials.index(console) if console in self.serials else 0
        return ["-serial", "null"] * before + ["-serial", "chardev:console"]

    def require(self):
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
        if self.firmware_tree and not os.path.isfile(self.firmware_tree):
            raise Fail(f"{self.firmware_tree} is missing: run tools/setup")

    def dump(self, machine, icount):
        with tempfile.TemporaryDirectory(prefix="latch-") as folder:
            path = os.path.join(folder, "board.dtb")
            line = self.qemu_command(machine, icount, [f"{self.device_tree}={path}"])
            if self.firmware_tree:
                line += ["-dtb", self.firmware_tree]
            return self.dump_by(line, path)

    def card_tree(self):
        """Firmware fills in the memory of the board at hand: here is the least that it has."""
        with open(self.firmware_tree, "rb") as file:
            root = tree.parse(file.read())
        memory = root.child("memory")
        memory.properties["reg"] = (self.ram_base.to_bytes(8, "big") +
                                    self.defaults.memory.to_bytes(4, "big"))
        return tree.flatten(root)

    def command(self, system, run, extra):
        line = self.qemu_command(system.machine, run.icount)
        line += ["-monitor", "none", "-chardev", "stdio,id=console,signal=off",
                 *self.serial(system.console), "-no-reboot", "-kernel", run.latch,
                 "-dtb", run.dtb]
        if run.icount:
            line += ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm", "-seed", "42"]
        for name, address in system.files:
            # A comma in a value is written twice.
            name = name.replace(",", ",,")
            line += ["-device", f"loader,file={name},addr={address:#x},force-raw=on"]
        return line + list(extra)


def names(root):
    folder = os.path.join(root, "boards")
    if not os.path.isdir(folder):
        return []
    return sorted(name for name in os.listdir(folder)
                  if os.path.exists(os.path.join(folder, name, "board.json")))


def find(name, root):
    """The Board of that name."""
    from .gem5 import Gem5Board

    path = os.path.join(root, "boards", name, "board.json")
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except FileNotFoundError:
        raise Fail(f"board {name}: {path}: no such file (boards: "
                   f"{', '.join(names(root))})") from None
    except ValueError as error:
        raise Fail(f"{path}: {error}") from None
    return Gem5Board(name, data, root) if "gem5" in data else QemuBoard(name, data, root)
