"""An SD card for a board whose firmware reads a FAT partition: everything but that firmware."""

import os
import shutil
import struct
import subprocess
import tempfile

from .error import Fail

MIB = 1 << 20
SECTOR = 512
PARTITION_START = MIB
FAT32_LBA = 0x0c
# FAT32 has 65,525 clusters or more: some room above that, and above what is on it.
SMALLEST = 64 * MIB
ROOM = 32 * MIB
BUNDLE_MAX = 512 * MIB

CONFIG = """\
# Written by tools/latch for {system}.
arm_64bit=1
# The mini UART on GPIO 14 and 15, at 115200, and a core clock that does not change its speed.
enable_uart=1
kernel={kernel}
kernel_address={kernel_address:#x}
device_tree={tree}
device_tree_address={tree_address:#x}
# The guests' files, each at the address that the device tree says.
initramfs {bundle} {bundle_address:#x}
"""


def mtools(name, *arguments):
    try:
        done = subprocess.run([name, *arguments], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Fail(f"{name} is missing: run tools/setup") from None
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise Fail(f"{name}: {reason[-1] if reason else 'failed'}")


def bundle(files, path):
    """Writes the files, each at its address, as one file; returns where that is to be loaded."""
    base = min(address for _, address in files)
    end = max(address + os.path.getsize(name) for name, address in files)
    if end - base > BUNDLE_MAX:
        raise Fail(f"modules from {base:#x} to {end:#x} are too far apart for one file")
    with open(path, "wb") as out:
        for name, address in files:
            out.seek(address - base)
            with open(name, "rb") as data:
                shutil.copyfileobj(data, out)
    return base


def partition_table(sectors):
    """A master boot record with one partition, from PARTITION_START to the end."""
    start = PARTITION_START // SECTOR
    # No cylinders: what reads this goes by sector numbers.
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", FAT32_LBA, b"\xfe\xff\xff", start,
                        sectors - start)
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def write(path, contents):
    """A card image at `path` with these files in the root of its partition."""
    size = max(SMALLEST, sum(os.path.getsize(name) + MIB for name in contents) + ROOM)
    size = (size + PARTITION_START + MIB - 1) // MIB * MIB
    try:
        with open(path, "wb") as out:
            out.write(partition_table(size // SECTOR))
            out.truncate(size)
    except OSError as error:
        raise Fail(f"{path}: {error.strerror}") from None
    where = f"{path}@@{PARTITION_START}"
    mtools("mformat", "-i", where, "-F", "-v", "LATCH", "-h", "255", "-s", "63", "-H",
           str(PARTITION_START // SECTOR), "-T", str((size - PARTITION_START) // SECTOR), "::")
    mtools("mcopy", "-i", where, *contents, "::")
    return size


def firmware_files(wanted, folder):
    """The paths of the board's own files in the user's folder."""
    found = [os.path.join(folder, name) for name in wanted]
    for name in found:
        if not os.path.isfile(name):
            raise Fail(f"{name}: no such file: {' and '.join(wanted)} are needed")
    return found


def make(board, system, latch, path, firmware):
    """The card image for a System; `firmware` is a folder or None. Says what the user needs."""
    plan = board.card
    with tempfile.TemporaryDirectory(prefix="latch-") as folder:
        names = {key: os.path.join(folder, plan[key]) for key in ("kernel", "tree", "bundle")}
        shutil.copyfile(latch, names["kernel"])
        with open(names["tree"], "wb") as file:
            file.write(system.blob)
        address = bundle(system.files, names["bundle"])
        names["config"] = os.path.join(folder, "config.txt")
        with open(names["config"], "w", encoding="utf-8") as file:
            file.write(CONFIG.format(
                system=os.path.basename(system.path), kernel=plan["kernel"], tree=plan["tree"],
                bundle=plan["bundle"], bundle_address=address,
                kernel_address=int(plan["kernel_address"], 0),
                tree_address=int(plan["tree_address"], 0)))
        wanted = plan["firmware"]
        extra = firmware_files(wanted, firmware) if firmware else []
        size = write(path, [*names.values(), *extra])
    shown = ", ".join([*map(os.path.basename, names.values()), *(wanted if firmware else [])])
    lines = [f"{path}: {size // MIB} MiB: {shown}"]
    if not firmware:
        lines.append(f"{path}: lacks {' and '.join(wanted)}, from {plan['firmware_source']}: copy "
                     "them to its partition, or name their folder with --firmware")
    lines.append(f"{path}: dd if={path} of=/dev/CARD bs=4M conv=fsync writes it to a card")
    return lines
