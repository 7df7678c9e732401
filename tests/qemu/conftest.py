# SPDX-License-Identifier: Apache-2.0
"""Starts Latch in QEMU through tools/latch, as a user would."""
import io
import pathlib
import re
import signal
import subprocess
import textwrap
import typing

import pexpect
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

CPUS = ["cortex-a53", "cortex-a72", "cortex-a76", "max"]
GICS = [2, 3]


class Machine(typing.NamedTuple):
    cpu: str
    gic: int
    board: str = "virt"
    cpus: int = None  # of a board that has so many, no more and no less

    def __str__(self):
        return f"{self.cpu}-gicv{self.gic}" if self.board == "virt" else self.board


USUAL = Machine("cortex-a72", 3)
NEWEST = Machine("max", 3)
RPI4 = Machine("cortex-a72", 2, "rpi4", 4)
ZCU102 = Machine("cortex-a53", 2, "zcu102")
BOARDS = [RPI4, ZCU102]


# For tests of what Latch hides: they need a CPU that has all of it, even without --matrix.
newest = pytest.mark.newest

# For tests that show a board's devices at work: they run on a Raspberry Pi 4 even without --matrix.
boards = pytest.mark.boards

# For tests that take minutes: with --matrix only, on one machine if they do not ask for more.
thorough = pytest.mark.thorough


def pytest_configure(config):
    config.addinivalue_line("markers", "newest: also on the CPU with every feature")
    config.addinivalue_line("markers", "boards: also on a Raspberry Pi 4")
    config.addinivalue_line("markers", "thorough: with --matrix only")


def pytest_addoption(parser):
    parser.addoption("--matrix", action="store_true", help="every CPU with every GIC, every board")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--matrix"):
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


def pytest_generate_tests(metafunc):
    if "machine" not in metafunc.fixturenames:
        return
    machines = [USUAL]
    if metafunc.definition.get_closest_marker("newest"):
        machines.append(NEWEST)
    if metafunc.definition.get_closest_marker("boards"):
        machines.append(RPI4)
    if metafunc.config.getoption("--matrix"):
        machines = [Machine(cpu, gic) for cpu in CPUS for gic in GICS] + BOARDS
    metafunc.parametrize("machine", machines, ids=str)


class Run:
    """What one run of tools/latch left behind."""

    def __init__(self, status, text, errors=""):
        self.status = status
        self.lines = text.replace("\r", "").splitlines()
        self.errors = errors

    def of(self, name):
        """The lines of one domain, without its prefix."""
        prefix = f"[{name}] "
        return [line[len(prefix):] for line in self.lines if line.startswith(prefix)]

    def latch(self):
        return [line for line in self.lines if line.startswith("latch: ")]

    def checks(self, name):
        """The checks that a guest made (tests/qemu/guests/plain/check.h); all of them passed."""
        lines = self.of(name)
        failed = [line for line in lines if line.startswith("FAIL ")]
        assert not failed, "\n".join(failed) + f"\n{self}"
        passed = [line[len("ok "):] for line in lines if line.startswith("ok ")]
        assert f"checks: {len(passed)}" in lines and passed, f"{name} did not finish\n{self}"
        return passed

    def cases(self, name):
        """What a direct guest's cases (demos/lib/direct/cases.h) came to: name -> Case."""
        found = {}
        for line in self.of(name):
            match = re.fullmatch(r"case ([^:]+): (.*)", line)
            if match:
                found[match[1]] = Case(match[2])
        assert "cases done" in self.of(name), self
        return found

    def __str__(self):
        return "\n".join([f"status {self.status}"] + self.lines[-60:] + [self.errors])


class Case:
    """One line of a direct guest: was it as expected, and what Latch counted meanwhile."""

    def __init__(self, text):
        self.text = text
        self.ok = text.startswith("ok")
        self.counts = {name: int(value) for name, value in re.findall(r" ([\w-]+)=(\d+)", text)}

    def expect(self, **counts):
        assert self.ok, self.text
        assert self.counts == {name.replace("_", "-"): n for name, n in counts.items()}, self.text


def domain(name, bootargs="", memory_mib=192, extra="", ramdisk="linux-initramfs", cpus=1,
           kernel="vmlinuz-cloud", nodes=""):
    """A Linux domain, plain if `extra` says nothing else, as text for a system description."""
    initrd = f"""
        ramdisk {{
            compatible = "multiboot,ramdisk", "multiboot,module";
            latch,file = "$ROOT/build/{ramdisk}.cpio.gz";
        }};""" if ramdisk else ""
    return f"""
    {name} {{
        compatible = "xen,domain";
        memory = <0 {memory_mib * 1024}>;
        cpus = <{cpus}>;
        vpl011;
        {extra}
        kernel {{
            compatible = "multiboot,kernel", "multiboot,module";
            latch,file = "$ROOT/build/packages/{kernel}";
            bootargs = "console=ttyAMA0 {bootargs}";
        }};{initrd}
        {nodes}
    }};"""


def guest(name, kernel=None, bootargs="", memory_mib=8, extra="", cpus=1):
    """A plain domain with one of our own guests: a name, or the path of any kernel file."""
    kernel = kernel or name
    if "/" not in str(kernel):
        kernel = f"$ROOT/build/guests/plain-{kernel}.elf"
    return f"""
    {name} {{
        compatible = "xen,domain";
        memory = <0 {memory_mib * 1024}>;
        cpus = <{cpus}>;
        vpl011;
        {extra}
        kernel {{
            compatible = "multiboot,kernel", "multiboot,module";
            latch,file = "{kernel}";
            bootargs = "{bootargs}";
        }};
    }};"""


def direct(name, kernel, bootargs="", memory_mib=8, policy=None, slots=None, action=None,
           on_reset=None, cpus=1, nodes=""):
    """A direct domain with one of our guests: build/guests/direct-KERNEL.elf."""
    extra = ""
    if policy:
        extra += f'latch,ptwr-policy = "{policy}"; '
    if slots:
        extra += f"latch,slots = <{slots}>; "
    if action:
        extra += f'latch,guard-action = "{action}"; '
    if on_reset:
        extra += f'latch,on-reset = "{on_reset}"; '
    return f"""
    {name} {{
        compatible = "xen,domain";
        memory = <0 {memory_mib * 1024}>;
        cpus = <{cpus}>;
        latch,paging = "direct";
        {extra}
        kernel {{
            compatible = "multiboot,kernel", "multiboot,module";
            latch,file = "$ROOT/build/guests/direct-{kernel}.elf";
            bootargs = "{bootargs}";
        }};
        {nodes}
    }};"""


def machine_options(machine, cpus=None):
    """Options of tools/latch for a machine, with so many CPUs at least."""
    smp = ["--smp", str(cpus)] if cpus and not machine.cpus else []
    if machine.board != "virt":
        return ["--board", machine.board, *smp]
    return ["--cpu", machine.cpu, "--gic", str(machine.gic), *smp]


def steady_timer(machine):
    """
    QEMU's GICv2 does not look at a level-triggered line again when a guest ends its interrupt. With
    one busy CPU, a timer that fires again before that is lost, and on a busy machine one does; not
    where instructions are time.
    """
    return ["--icount"] if machine.gic == 2 else []


def bare(machine, name):
    """The lines of a guest that runs at EL1 of a machine without Latch; of virt, for all boards."""
    command = ["timeout", "20", "qemu-system-aarch64", "-M", f"virt,gic-version={machine.gic}",
               "-cpu", machine.cpu, "-m", "128", "-nic", "none", "-nographic", "-kernel",
               str(ROOT / f"build/guests/plain-{name}.elf")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True,
                          encoding="utf-8", errors="replace")
    return done.stdout.replace("\r", "").splitlines()


class Session(pexpect.spawn):
    """A run of tools/latch with a terminal, for tests that type."""

    def __init__(self, command):
        super().__init__(command[0], command[1:], timeout=30, encoding="utf-8",
                         codec_errors="replace", echo=False)
        self.logfile_read = io.StringIO()

    def wait_for_end(self):
        """The Run, when all domains have ended."""
        self.expect(pexpect.EOF)
        self.close()
        return Run(self.exitstatus, self.logfile_read.getvalue())

    def leave(self):
        """Ends all by Latch's key, as a user would."""
        self.send("\x01x")
        run = self.wait_for_end()
        assert run.status == 0, run
        return run


class Latch:
    """Runs systems of domains by tools/latch, as a user would."""

    def __init__(self, folder):
        self.folder = folder
        self.sessions = []

    def command(self, domains, options):
        system = self.folder / "system.dts"
        system.write_text("/dts-v1/;\n/ { chosen {\n" + textwrap.dedent(domains) + "\n}; };\n")
        return [str(ROOT / "tools/latch"), "run", str(system), "--define", f"ROOT={ROOT}", *options]

    def __call__(self, domains, *options, timeout=150):
        command = self.command(domains, ["--no-input", "--timeout", str(timeout), *options])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              encoding="utf-8", errors="replace", check=False,
                              timeout=timeout + 30)
        return Run(done.returncode, done.stdout, done.stderr)

    def session(self, domains, *options):
        self.sessions.append(Session(self.command(domains, ["--timeout", "60", *options])))
        return self.sessions[-1]


@pytest.fixture
def latch(tmp_path):
    """latch(domains, option, ...) runs a system and returns a Run; latch.session(...) a Session."""
    made = Latch(tmp_path)
    yield made
    for session in made.sessions:
        # SIGTERM, which tools/latch passes on: it must not leave QEMU behind.
        if session.isalive():
            session.kill(signal.SIGTERM)
            session.wait()
        session.close()


@pytest.fixture(scope="session")
def direct_cases(tmp_path_factory):
    """direct_cases(guest, machine, bootargs, ...): its cases, from one run however many tests ask."""
    runs = {}

    def cases(kernel, machine, bootargs="", **properties):
        key = (kernel, machine, bootargs, *sorted(properties.items()))
        if key not in runs:
            made = Latch(tmp_path_factory.mktemp(kernel))
            runs[key] = made(direct("guest", kernel, bootargs, **properties),
                             *machine_options(machine), timeout=60)
        run = runs[key]
        assert run.status == 0, run
        assert "latch: domain guest ended" in run.latch(), run
        return run.cases("guest")

    return cases


def case_of(cases, name):
    assert name in cases, f"no case {name}"
    return cases[name]
