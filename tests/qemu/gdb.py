# SPDX-License-Identifier: Apache-2.0
"""Runs Latch under gdb, to put it into states that no guest can bring about."""
import os
import re
import shlex
import subprocess

from conftest import ROOT

# Where QEMU puts an arm64 Image that does not ask for an offset.
LOAD_ADDRESS = 0x40200000
ELF = ROOT / "build/latch.elf"
ADDR2LINE = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-") + "addr2line"

HEAD = """
set pagination off
set confirm off
set architecture aarch64
target remote {socket}
add-symbol-file {elf} -o {base:#x}
"""


def debug(folder, command, script, timeout=20):
    """What the machine printed and what gdb did, of `command` (QEMU) under a gdb script."""
    socket = folder / "gdb.socket"
    console = folder / "console"
    commands = folder / "script"
    commands.write_text(HEAD.format(socket=socket, elf=ELF, base=LOAD_ADDRESS) + script)
    with open(console, "wb") as output:
        qemu = subprocess.Popen([*command, "-S", "-chardev",
                                 f"socket,path={socket},server=on,wait=off,id=debugger",
                                 "-gdb", "chardev:debugger"],
                                stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                if socket.exists() or qemu.poll() is not None:
                    break
                # Nothing announces the socket.
                subprocess.run(["sleep", "0.05"], check=True)
            done = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-x", str(commands)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
                                  timeout=timeout, check=False)
            try:
                # Latch powers the machine off when it is done.
                qemu.wait(10)
            except subprocess.TimeoutExpired:
                pass
        finally:
            if qemu.poll() is None:
                qemu.kill()
            qemu.wait()
    text = console.read_text(encoding="utf-8", errors="replace").replace("\r", "")
    return text.splitlines(), done.stdout


def functions(line):
    """The functions that the offsets of a backtrace line of Latch belong to."""
    offsets = re.findall(r"0x[0-9a-f]+", line)
    done = subprocess.run([ADDR2LINE, "-f", "-e", str(ELF), *offsets], capture_output=True,
                          encoding="utf-8", check=True)
    return done.stdout.splitlines()[0::2]


def command_of(latch, domains, *options):
    """QEMU's command line for a system of domains, as tools/latch would run it."""
    dtb = latch.folder / "system.dtb"
    command = latch.command(domains, ["--print", "--dtb", str(dtb), *options])
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return shlex.split(done.stdout)
