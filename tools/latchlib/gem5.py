"""gem5 as a board: an Arm system whose TLBs keep walks apart and combined, as processors' do.

gem5 itself is started by a program `run`, which LATCH_GEM5 names. It takes an image, a device tree
and options; docs/testing.md says what it has to be.
"""

import os
import shutil
import signal
import tempfile

from .board import KIB, Board
from .error import Fail

RUN = os.path.join("..", "shared", "tools", "gem5", "run")
MISSING = (
    "gem5 is missing: it is a simulator of Arm systems whose TLBs hold partial and combined walks. "
    "Set LATCH_GEM5 to its `run` program; to build one, take gem5 24.0 (scons "
    "build/ARM/gem5.fast) and a `run` as docs/testing.md describes it")
GIC_BOARDS = {2: "v1", 3: "v2"}
PADDING = 4096
CPUS = ("atomic", "timing", "minor", "o3")


def program(root):
    """The path of gem5's `run`; None if there is none."""
    path = os.environ.get("LATCH_GEM5") or os.path.normpath(os.path.join(root, RUN))
    return path if os.access(path, os.X_OK) and os.path.isfile(path) else None


def pad(source, target):
    """Copies a file behind some bytes: gem5 would unpack an ELF or gzip file that it knows."""
    try:
        with open(source, "rb") as data, open(target, "wb") as out:
            out.write(bytes(PADDING))
            shutil.copyfileobj(data, out)
    except OSError as error:
        raise Fail(f"{error.filename}: {error.strerror}") from None


class Gem5Board(Board):
    simulator = "gem5"
    # Its `run` passes this on and waits.
    stop_signal = signal.SIGINT
    stop_seconds = 25

    def __init__(self, name, data, root):
        super().__init__(name, data)
        self.program = program(root)
        # To `run` itself the variable would mean gem5's binary.
        self.environment = {name: value for name, value in os.environ.items()
                            if name != "LATCH_GEM5"}
        self.latch_base = int(data["latch_base"], 0)

    def require(self):
        if self.program is None:
            raise Fail(MISSING)

    def machine_options(self, machine):
        if machine.cpu not in CPUS:
            raise Fail(f"--cpu {machine.cpu}: gem5 has {', '.join(CPUS)}")
        return [self.program, "--board", GIC_BOARDS[machine.gic], "--cpu", machine.cpu,
                "--cpus", str(machine.smp), "--mem", f"{machine.memory // KIB}KiB"]

    def dump(self, machine, icount):
        with tempfile.TemporaryDirectory(prefix="latch-") as folder:
            path = os.path.join(folder, "board.dtb")
            return self.dump_by([*self.machine_options(machine), "--smp", "psci",
                                 "--dump-dtb", path], path)

    def command(self, system, run, extra):
        """Time is simulated, and the same in each run: nothing is to be done for --icount."""
        dtb = system.dtb_address
        line = [*self.machine_options(system.machine), "--load", f"{run.latch}@{self.latch_base:#x}",
                "--dtb", f"{run.dtb}@{dtb:#x}"]
        # Downwards: where a file's padding meets the end of the one below, that one comes after it.
        files = sorted(system.files, key=lambda file: -file[1])
        for index, (name, address) in enumerate(files):
            padded = os.path.join(run.folder, f"module{index}")
            pad(name, padded)
            line += ["--load", f"{padded}@{address - PADDING:#x}"]
        if run.interactive:
            line.append("--input")
        if run.timeout:
            # Should nobody be there any more to end it.
            line += ["--timeout", f"{run.timeout + 60:g}"]
        return line + list(extra)
