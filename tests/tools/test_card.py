"""tools/latch image: what is on the card, and what is refused. tests/qemu boots one."""

import os
import re
import struct
import subprocess

import pytest

from test_latch import IMAGE, KERNEL, Tool, reg, tree

PARTITION = 1 << 20


@pytest.fixture
def tool(tmp_path):
    return Tool(tmp_path, None)


class Card:
    def __init__(self, tool, *arguments, latch=b"latch"):
        self.path = tool.folder / "card.img"
        tool.file("latch", latch)
        self.done = tool.start("image", "--output", str(self.path), "--latch",
                               str(tool.folder / "latch"), *arguments)

    def file(self, name):
        return subprocess.run(["mtype", "-i", f"{self.path}@@{PARTITION}", f"::{name}"], check=True,
                              capture_output=True).stdout

    def names(self):
        shown = subprocess.run(["mdir", "-b", "-i", f"{self.path}@@{PARTITION}", "::"], check=True,
                               capture_output=True, text=True).stdout
        return sorted(re.findall(r"^::/(\S+)$", shown, re.MULTILINE))


def test_card_has_all_but_the_firmware_and_says_so(tool):
    card = Card(tool)
    assert card.done.returncode == 0, card.done.stderr
    assert card.names() == ["config.txt", "latch.bin", "modules.img", "system.dtb"]
    assert card.file("latch.bin") == b"latch"
    lacks = [line for line in card.done.stdout.splitlines() if " lacks " in line]
    assert len(lacks) == 1 and "start4.elf and fixup4.dat, from https://" in lacks[0]
    assert "--firmware" in lacks[0]


def test_partition_is_one_fat32_at_one_mib(tool):
    data = Card(tool).path.read_bytes()
    assert data[510:512] == b"\x55\xaa" and data[PARTITION + 510:PARTITION + 512] == b"\x55\xaa"
    _, _, kind, _, start, sectors = struct.unpack("<B3sB3sII", data[446:462])
    assert kind == 0x0c and start * 512 == PARTITION and (start + sectors) * 512 == len(data)
    assert data[462:510] == bytes(48)
    assert data[PARTITION + 82:PARTITION + 90] == b"FAT32   "
    # What the boot sector says of itself: hidden sectors, and all of them.
    assert struct.unpack("<II", data[PARTITION + 28:PARTITION + 36]) == (start, sectors)


def test_modules_lie_where_the_tree_says(tool):
    tool.edit("cpus = <1>;", 'cpus = <1>; initrd { compatible = "multiboot,ramdisk"; '
              'latch,file = "initrd"; };')
    tool.file("initrd", b"the ramdisk" * 1000)
    card = Card(tool)
    root = tree.parse(card.file("system.dtb"))
    config = card.file("config.txt").decode()
    base = int(re.search(r"^initramfs modules.img (0x\w+)$", config, re.MULTILINE)[1], 0)
    modules = card.file("modules.img")
    for path, data in (KERNEL, IMAGE), ("/chosen/guest/initrd", b"the ramdisk" * 1000):
        address, size = reg(root, path)
        assert size == len(data) and modules[address - base:address - base + size] == data


def test_tree_is_that_of_the_board_and_not_qemus(tool):
    root = tree.parse(Card(tool).file("system.dtb"))
    assert root.find("/scb/pcie@7d500000") is not None
    assert root.reserved == [(0, 0x1000)]
    # Firmware's latest addresses are below what is loaded.
    assert reg(root)[0] >= 0x2000000


def test_firmware_is_copied_from_its_folder(tool):
    for name in ("start4.elf", "fixup4.dat"):
        tool.file(name, name * 5)
    card = Card(tool, "--firmware", str(tool.folder))
    assert card.done.returncode == 0 and " lacks " not in card.done.stdout
    assert card.file("start4.elf") == b"start4.elf" * 5
    assert card.names() == ["config.txt", "fixup4.dat", "latch.bin", "modules.img", "start4.elf",
                            "system.dtb"]


def refusal(tool, *arguments):
    done = Card(tool, *arguments).done
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done
    assert done.stderr.startswith("latch: ")
    return done.stderr


def test_firmware_that_is_not_there(tool):
    tool.file("start4.elf", "x")
    assert "fixup4.dat: no such file" in refusal(tool, "--firmware", str(tool.folder))


def test_board_without_a_card(tool):
    assert "board virt has no SD card" in refusal(tool, "--board", "virt")


def test_output_that_cannot_be_written(tool):
    assert "No such file" in refusal(tool, "--output", "/nonexistent/card.img")


def test_modules_too_far_apart(tool):
    tool.edit("cpus = <1>;", 'cpus = <1>; far { compatible = "multiboot,ramdisk"; '
              'latch,file = "kernel"; reg = <0 0x30000000>; };')
    assert "too far apart" in refusal(tool)


def test_checker_is_asked(tool):
    tool.checker("echo '/chosen/guest: memory is missing'; exit 2")
    assert refusal(tool).endswith("system.dts: /chosen/guest: memory is missing\n")


def test_mtools_are_missing(tool):
    bare = tool.folder / "bin"
    bare.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name not in ("mformat", "mtools") and not os.path.lexists(bare / name):
                os.symlink(os.path.join(folder, name), bare / name)
    tool.env["PATH"] = str(bare)
    assert "mformat is missing: run tools/setup" in refusal(tool)
