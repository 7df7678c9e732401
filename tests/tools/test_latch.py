"""tools/latch as a user meets it: what it builds, what it refuses, how a run ends.

The hypervisor's place is taken by a few instructions (fake_latch.S) that print the first module
and power off; the checker's by a shell script.
"""

import gzip
import lzma
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from latchlib import files, place, tree  # noqa: E402
from latchlib.error import Fail  # noqa: E402

SYSTEM = """/dts-v1/;
/ {
    chosen {
        guest {
            compatible = "xen,domain";
            memory = <0 0x1000>;
            cpus = <1>;
            kernel {
                compatible = "multiboot,kernel", "multiboot,module";
                latch,file = "kernel";
            };
        };
    };
};
"""
IMAGE = bytes(56) + b"ARM\x64" + bytes(68)
KERNEL = "/chosen/guest/kernel"


@pytest.fixture(scope="session")
def fake_latch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latch")
    prefix = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-")
    source = os.path.join(os.path.dirname(__file__), "fake_latch.S")
    subprocess.run([prefix + "gcc", "-c", source, "-o", folder / "latch.o"], check=True)
    subprocess.run([prefix + "objcopy", "-O", "binary", "-j", ".text", folder / "latch.o",
                    folder / "latch.bin"], check=True)
    return folder / "latch.bin"


class Tool:
    def __init__(self, folder, latch):
        self.folder = folder
        self.latch = latch
        self.env = dict(os.environ)
        self.checker("exit 0")
        self.system(SYSTEM)
        self.file("kernel", IMAGE)

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def system(self, text):
        return self.file("system.dts", text)

    def edit(self, old, new):
        assert old in SYSTEM
        self.system(SYSTEM.replace(old, new))

    def checker(self, body):
        self.file("checker", f"#!/bin/sh\n{body}\n").chmod(0o755)

    def command(self, *arguments):
        return [os.path.join(ROOT, "tools", "latch"), arguments[0], str(self.folder / "system.dts"),
                "--checker", str(self.folder / "checker"), *arguments[1:]]

    def start(self, *arguments, **keywords):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60,
                              env=self.env, check=False, **keywords)

    def check(self, *arguments):
        """The merged tree that `check` made."""
        dtb = self.folder / "out.dtb"
        done = self.start("check", "--dtb", str(dtb), *arguments)
        assert done.returncode == 0, done.stderr
        return tree.parse(dtb.read_bytes())

    def refusal(self, *arguments):
        """The only line that `check` complains with."""
        done = self.start("check", *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("latch: ")
        return done.stderr.strip()

    def run(self, text, *arguments, **keywords):
        """Runs the stand-in with `text` to print."""
        self.file("kernel", text.encode() + b"\0")
        return self.start("run", "--latch", str(self.latch), *arguments, **keywords)


@pytest.fixture
def tool(tmp_path, fake_latch):
    return Tool(tmp_path, fake_latch)


def reg(root, path=KERNEL):
    data = root.find(path).properties["reg"]
    return int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big")


# --- What it builds


def test_module_gets_address_and_size(tool):
    root = tool.check()
    assert reg(root) == (0x42000000, len(IMAGE))
    guest = root.find("/chosen/guest")
    assert guest.cell("#address-cells") == 2 and guest.cell("#size-cells") == 2
    assert "latch,file" not in root.find(KERNEL).properties


def test_board_tree_and_overrides_are_merged(tool):
    tool.system(SYSTEM + '&{/pl011@9000000} { status = "disabled"; };\n'
                "/ { /delete-node/ pl031@9010000; };\n")
    root = tool.check()
    assert root.find("/pl011@9000000").string("status") == "disabled"
    assert root.find("/pl031@9010000") is None
    assert root.find("/psci") is not None


def test_phandles_of_description_do_not_collide_with_the_boards(tool):
    tool.edit("cpus = <1>;", "cpus = <1>; other = <&label>; label: x {};")
    root = tool.check()
    handles = [node.properties["phandle"] for node in root.walk() if "phandle" in node.properties]
    assert len(handles) == len(set(handles))


def test_modules_lie_in_blocks_of_their_own_and_off_the_device_tree(tool):
    nodes = "".join(f'm{i} {{ compatible = "multiboot,ramdisk"; latch,file = "big"; }};'
                    for i in range(8))
    tool.edit("cpus = <1>;", "cpus = <1>; " + nodes)
    tool.file("big", bytes((18 << 20) + 1))
    root = tool.check("--memory", "512M")
    spans = sorted(reg(root, f"/chosen/guest/m{i}") for i in range(8)) + [(0x60000000, 0)]
    for (start, size), (after, _) in zip(spans, spans[1:]):
        assert start % 0x200000 == 0
        assert start + size <= after
        assert start + size <= 0x48000000 or start >= 0x48400000


def test_machine_options_reach_the_board(tool):
    root = tool.check("--smp", "3", "--gic", "2", "--cpu", "cortex-a53", "--memory", "2G")
    cpus = [node for node in root.find("/cpus").children if node.name.startswith("cpu@")]
    assert len(cpus) == 3 and cpus[0].is_compatible("arm,cortex-a53")
    assert any(node.is_compatible("arm,cortex-a15-gic") for node in root.walk())


def test_description_asks_for_a_machine_and_the_command_line_wins(tool):
    tool.edit("chosen {", 'chosen { latch,run { cpu = "cortex-a53"; smp = <2>; };')
    root = tool.check("--smp", "4")
    cpus = [node for node in root.find("/cpus").children if node.name.startswith("cpu@")]
    assert len(cpus) == 4 and cpus[0].is_compatible("arm,cortex-a53")
    assert root.find("/chosen/latch,run") is None


def test_fixed_board_has_the_memory_and_devices_that_firmware_tells_of(tool):
    root = tool.check("--board", "rpi4", "--smp", "4", "--gic", "2", "--memory", "960M")
    assert root.child("memory").properties["reg"] == bytes.fromhex("00000000 00000000 3c000000")
    assert root.reserved == [(0, 0x1000)]  # the CPUs' spin-table
    assert root.find("/cpus/cpu@3").string("enable-method") == "spin-table"
    assert root.find("/scb").child("pcie") is None
    assert reg(root)[0] >= 0x2000000


def test_reserved_memory_is_kept_in_order(tool):
    root = tool.check()
    root.reserved = [(0x40000000, 0x1000), (1 << 40, 1 << 33)]
    assert tree.parse(tree.flatten(root)).reserved == root.reserved


@pytest.mark.parametrize("path, serials", [
    (None, "-serial null -serial chardev:console"), ("serial0", "-serial chardev:console"),
    ("/soc/serial@7e215040:115200", "-serial null -serial chardev:console")],
    ids=["default", "alias", "path"])
def test_terminal_is_at_the_uart_that_the_tree_names(tool, path, serials):
    if path:
        tool.edit("chosen {", f'chosen {{ stdout-path = "{path}";')
    done = tool.start("run", "--board", "rpi4", "--latch", str(tool.latch), "--print", "--dtb",
                      str(tool.folder / "out.dtb"))
    assert f"signal=off {serials} -no-reboot" in done.stdout


def test_file_name_from_definition_and_environment(tool):
    tool.edit('"kernel";', '"$KERNEL";')
    tool.file("other", bytes(7))
    assert reg(tool.check("--define", f"KERNEL={tool.folder}/other"))[1] == 7
    tool.env["KERNEL"] = "kernel"
    assert reg(tool.check())[1] == len(IMAGE)


def zboot(payload, kind):
    head = (b"MZ\0\0zimg" + (64).to_bytes(4, "little") + len(payload).to_bytes(4, "little")
            + bytes(8) + kind.encode())
    return head.ljust(64, b"\0") + payload


@pytest.mark.parametrize("packed", [
    gzip.compress(IMAGE), lzma.compress(IMAGE), zboot(gzip.compress(IMAGE), "gzip"),
    zboot(lzma.compress(IMAGE), "xz"), gzip.compress(IMAGE) + bytes(100)],
    ids=["gzip", "xz", "zboot-gzip", "zboot-xz", "gzip-padded"])
def test_compressed_kernel_is_unpacked(packed):
    assert files.unpacked(packed) == IMAGE


def test_ramdisk_stays_compressed(tool):
    packed = gzip.compress(IMAGE)
    tool.edit('"multiboot,kernel"', '"multiboot,ramdisk"')
    tool.file("kernel", packed)
    assert reg(tool.check())[1] == len(packed)


def test_fixed_address_is_kept_and_others_go_around_it(tool):
    tool.edit("cpus = <1>;", 'cpus = <1>; fixed { compatible = "multiboot,ramdisk"; '
              'latch,file = "kernel"; reg = <0 0x42000000>; };')
    root = tool.check()
    assert reg(root, "/chosen/guest/fixed")[0] == 0x42000000
    assert reg(root)[0] == 0x42200000


# --- What it refuses


def test_missing_system(tool):
    (tool.folder / "system.dts").unlink()
    assert "system.dts: No such file" in tool.refusal()


def test_syntax_error_names_file_and_line(tool):
    tool.edit("cpus = <1>;", "cpus = <1>")
    assert "system.dts:8: syntax error" in tool.refusal()


def test_missing_file_names_node_and_file(tool):
    (tool.folder / "kernel").unlink()
    line = tool.refusal()
    assert f"node {KERNEL}: " in line and "kernel: no such file" in line


def test_empty_file(tool):
    tool.file("kernel", b"")
    assert "is empty" in tool.refusal()


def test_undefined_name(tool):
    tool.edit('"kernel";', '"${NOWHERE}/x";')
    assert "$NOWHERE is not set" in tool.refusal()


def test_module_without_file(tool):
    tool.edit('latch,file = "kernel";', "")
    assert f"node {KERNEL}: no latch,file" in tool.refusal()


def test_file_without_module(tool):
    tool.edit('"multiboot,kernel", "multiboot,module"', '"kernel"')
    assert f"node {KERNEL}: has latch,file but" in tool.refusal()


def test_no_domain(tool):
    tool.edit('"xen,domain"', '"xen,guest"')
    assert 'no node compatible with "xen,domain"' in tool.refusal()


def test_other_cells(tool):
    tool.edit("cpus = <1>;", "cpus = <1>; #address-cells = <1>;")
    assert "#address-cells is 1, must be 2" in tool.refusal()


def test_broken_compressed_kernel(tool):
    tool.file("kernel", gzip.compress(IMAGE * 50)[:60])
    assert "cannot unpack this kernel" in tool.refusal()
    tool.file("kernel", zboot(b"abc", "zstd"))
    assert "compressed with zstd" in tool.refusal()


def test_modules_that_do_not_fit(tool):
    with open(tool.folder / "kernel", "wb") as file:
        file.truncate(60 << 20)
    line = tool.refusal("--memory", "64M")
    assert KERNEL in line and "no 60 MiB of the board's 64 MiB" in line


@pytest.mark.parametrize("address, reason", [
    ("0x42100000", "not a multiple of 2 MiB"), ("0x40200000", "overlaps the hypervisor"),
    ("0x48000000", "overlaps the device tree"), ("0x90000000", "not in the board's memory")],
    ids=["unaligned", "hypervisor", "device-tree", "outside"])
def test_fixed_address_in_a_bad_place(tool, address, reason):
    tool.edit('"kernel";', f'"kernel"; reg = <0 {address}>;')
    assert reason in tool.refusal()


def test_modules_that_overlap(tool):
    tool.edit('"kernel";', '"kernel"; reg = <0 0x44000000>;')
    text = (tool.folder / "system.dts").read_text()
    tool.system(text.replace("kernel {", 'twin { compatible = "multiboot,ramdisk"; '
                'latch,file = "kernel"; reg = <0 0x44000000>; }; kernel {'))
    assert "overlaps node /chosen/guest/twin" in tool.refusal()


def test_checkers_refusal_is_passed_on(tool):
    tool.checker("echo '/chosen/guest: memory is missing'; exit 2")
    assert tool.refusal().endswith("system.dts: /chosen/guest: memory is missing")


def test_missing_checker(tool):
    (tool.folder / "checker").unlink()
    assert "is missing: run make" in tool.refusal()


@pytest.mark.parametrize("arguments", [
    ("--board", "nothing"), ("--gic", "4"), ("--memory", "lots"), ("--smp", "0"),
    ("--define", "X"), ("--cpu", "pentium"), ("--what",)], ids=" ".join)
def test_wrong_usage(tool, arguments):
    tool.refusal(*arguments)


@pytest.mark.parametrize("arguments, reason", [
    (("--smp", "2"), "--smp: board rpi4 always has 4"), (("--gic", "3"), "always has 2"),
    (("--memory", "2G"), "--memory: board rpi4 always has 960M"),
    (("--cpu", "max"), "always has cortex-a72")], ids=["smp", "gic", "memory", "cpu"])
def test_fixed_board_cannot_be_changed(tool, arguments, reason):
    assert reason in tool.refusal("--board", "rpi4", *arguments)


def test_firmware_tree_is_missing(tool):
    tool.env["LATCH_PACKAGES"] = "/nonexistent"
    line = tool.refusal("--board", "rpi4")
    assert "/nonexistent/bcm2711-rpi-4-b.dtb is missing: run tools/setup" in line


def test_bad_hint(tool):
    tool.edit("chosen {", "chosen { latch,run { cpus = <2>; };")
    assert "unknown property cpus" in tool.refusal()


def test_qemu_missing_or_old(tool):
    tool.env["LATCH_QEMU"] = "/nonexistent/qemu"
    assert "is missing" in tool.refusal()
    old = tool.file("old", "#!/bin/sh\necho QEMU emulator version 7.2.1\n")
    old.chmod(0o755)
    tool.env["LATCH_QEMU"] = str(old)
    assert "is version 7.2.1, Latch needs 10" in tool.refusal()


def test_same_kernel_name_in_folder_with_comma(tool):
    # A comma separates QEMU's options; the run below would fail if it were not doubled.
    tool.edit('"kernel";', '"a,b";')
    tool.file("a,b", b"latch: end: 1 ended, 0 stopped\n\0")
    assert tool.start("run", "--latch", str(tool.latch), "--timeout", "20").returncode == 0


# --- How a run ends

GOOD = "latch: end: 2 ended, 0 stopped\n"


def test_run_that_ends_in_order(tool):
    done = tool.run("latch: hello\n" + GOOD, "--timeout", "20", "--log", str(tool.folder / "log"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "latch: hello\n" + GOOD
    assert (tool.folder / "log").read_text() == done.stdout


def test_run_counting_instructions(tool):
    assert tool.run(GOOD, "--timeout", "20", "--icount").returncode == 0


@pytest.mark.parametrize("text", [
    "latch: end: 1 ended, 1 stopped\n", "latch: panic: why\n", "latch: panic: why\n" + GOOD,
    "[guest] latch: end: 1 ended, 0 stopped\n", " latch: end: 1 ended, 0 stopped\n",
    "latch: end: 1 ended, 0 stopped, or so\n", "latch: end: 1 ended, 0 stop\n"],
    ids=["stopped", "panic", "panic-then-end", "forged", "indented", "longer", "shorter"])
def test_run_that_ends_badly(tool, text):
    assert tool.run(text, "--timeout", "20").returncode == 1


def test_time_limit(tool):
    start = time.monotonic()
    done = tool.run("latch: hello\n\2", "--timeout", "2")
    assert done.returncode == 124 and "time limit of 2 s" in done.stderr
    assert time.monotonic() - start < 10


def test_panic_that_hangs_does_not_last(tool):
    done = tool.run("latch: panic: why\n\2", "--timeout", "50")
    assert done.returncode == 1


def test_wrong_qemu_argument(tool):
    assert tool.run(GOOD, "--", "-nonsense").returncode == 2


def test_missing_hypervisor(tool):
    done = tool.start("run", "--latch", "/nonexistent")
    assert done.returncode == 2 and done.stderr == "latch: /nonexistent: no such file: run make\n"


def test_keys_reach_the_guest(tool):
    done = tool.run("\1\1" + "\n" + GOOD, "--timeout", "20", input="ab")
    assert done.returncode == 0 and done.stdout.startswith("ab\n")


def test_no_input_keeps_keys_away(tool):
    done = tool.run("\1" + GOOD, "--timeout", "3", "--no-input", input="ab")
    assert done.returncode == 124


def test_escape_key_ends_a_hypervisor_that_hangs(tool):
    """On a terminal: keys go through raw, and Ctrl-A x works even if Latch does not."""
    tool.file("kernel", b"latch: hello\n\2\0")
    master, slave = pty.openpty()
    child = subprocess.Popen(tool.command("run", "--latch", str(tool.latch), "--timeout", "40"),
                             stdin=slave, stdout=slave, stderr=slave, env=tool.env)
    os.close(slave)
    seen = b""
    while b"hello" not in seen:
        seen += os.read(master, 4096)
    os.write(master, b"\x03\x01x")
    try:
        while True:
            seen += os.read(master, 4096)
    except OSError:
        pass
    os.close(master)
    assert child.wait(20) == 1 and b"ended from the keyboard" in seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
def test_signal_leaves_no_qemu_behind(tool, number):
    pid = tool.folder / "pid"
    tool.file("kernel", b"latch: hello\n\2\0")
    child = subprocess.Popen(tool.command("run", "--latch", str(tool.latch), "--no-input", "--",
                                          "-pidfile", str(pid)),
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=tool.env)
    assert child.stdout.readline() == b"latch: hello\n"
    qemu = int(pid.read_text())
    child.send_signal(number)
    assert child.wait(20) == 1
    assert not os.path.exists(f"/proc/{qemu}")


# --- The allocator


def test_place_skips_what_is_taken():
    ram = place.Ram(0x40000000, 64 << 20)
    ram.reserve(0x40000000, 1, "low")
    ram.reserve(0x40500000, 0x100000, "middle")
    assert ram.place(1, "a") == 0x40200000
    assert ram.place(0x200001, "b") == 0x40600000
    assert ram.place(1, "c") == 0x40a00000
    with pytest.raises(Fail, match="d: no 64 MiB"):
        ram.place(64 << 20, "d")


# --- gem5


def test_missing_gem5_is_explained(tool):
    tool.env["LATCH_GEM5"] = "/nonexistent"
    line = tool.refusal("--board", "gem5")
    assert "gem5 is missing" in line and "LATCH_GEM5" in line and "build" in line


def test_gem5_runs_as_its_options_say(tool):
    stand_in = tool.file("gem5", f"""#!/bin/sh
[ -z "$LATCH_GEM5" ] || exit 1
while [ $# -gt 0 ]; do
    if [ "$1" = --dump-dtb ]; then
        echo '/dts-v1/; / {{ #address-cells = <2>; #size-cells = <2>; }};' | dtc -q -O dtb -o "$2"
        exit
    fi
    case $1 in --load) cp "${{2%@*}}" {tool.folder}/loaded ;; esac
    words="$words $1"
    shift
done
echo "$words"
""")
    stand_in.chmod(0o755)
    tool.env["LATCH_GEM5"] = str(stand_in)
    done = tool.run("module", "--board", "gem5", "--gic", "2", "--smp", "2", "--tlbi", "mixed",
                    "--walk-cache", "all", "--combined", "--no-input", "--", "--clock", "1GHz")
    assert "--board v1 --cpu atomic --cpus 2 --mem 65536KiB" in done.stdout, done.stderr
    assert "--walk-cache all --combined --tlbi mixed --clock 1GHz" in done.stdout
    # Behind a page of nothing, so that gem5 does not take it for a file that it knows.
    assert "module0@0x803ff000" in done.stdout
    assert (tool.folder / "loaded").read_bytes() == bytes(4096) + b"module\0"


def test_options_of_gem5_are_refused_elsewhere(tool):
    done = tool.run("", "--combined")
    assert done.returncode == 2 and "--combined: only gem5 has that" in done.stderr
