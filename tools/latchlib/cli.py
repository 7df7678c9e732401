"""The command line of tools/latch."""

import argparse
import os
import shlex
import sys
import tempfile

from . import board as boards
from . import card, session, system
from .error import OK, USAGE, Fail

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.path.join(ROOT, "build")

DESCRIPTION = """\
SYSTEM.dts describes the guests of a board in Xen's dom0less bindings: each is a node of /chosen
compatible with "xen,domain", each of its files a node below it (compatible "multiboot,kernel",
"multiboot,ramdisk" or "multiboot,device-tree") with latch,file = "PATH". PATH is relative to
SYSTEM.dts; $NAME or ${NAME} in it is an environment variable or a --define. docs/configuration.md
has all properties. A node /chosen/latch,run may ask for a machine: cpu = "...", gic = <3>,
smp = <1>, memory = "1G"; options of the command line come before it.
"""

STATUS = """\
exit status of run: 0 every domain ended in order; 1 Latch stopped a domain or gave up, or the
simulator ended early; 2 wrong description or usage; 124 time limit.
"""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(USAGE, f"latch: {message} ({self.prog} --help)\n")


def parser():
    text = argparse.RawDescriptionHelpFormatter
    top = Parser(prog="tools/latch", formatter_class=text, epilog=DESCRIPTION + "\n" + STATUS,
                 description="Checks and runs systems of guests under the Latch hypervisor.")
    commands = top.add_subparsers(dest="command", metavar="check | run | image", required=True)
    check = commands.add_parser("check", formatter_class=text, epilog=DESCRIPTION,
                                help="say whether Latch would accept a description",
                                description="Says whether Latch would accept SYSTEM.dts.")
    run = commands.add_parser("run", formatter_class=text, epilog=DESCRIPTION + "\n" + STATUS,
                              help="check it, then run it in QEMU or gem5",
                              description="Checks SYSTEM.dts and runs it in its board's simulator.",
                              usage="tools/latch run SYSTEM.dts [options] [-- simulator arguments]")
    image = commands.add_parser("image", formatter_class=text, epilog=DESCRIPTION,
                                help="check it, then make an SD card for a board",
                                description="Checks SYSTEM.dts and makes an SD card's image.")
    for sub, board in (check, "virt"), (run, "virt"), (image, "rpi4"):
        sub.add_argument("system", metavar="SYSTEM.dts")
        sub.add_argument("--board", default=board, metavar="B",
                         help=f"one of: {', '.join(boards.names(ROOT))} (default {board})")
        sub.add_argument("--define", action="append", default=[], metavar="NAME=PATH",
                         help="replaces $NAME in latch,file; may be repeated")
        sub.add_argument("--checker", default=os.path.join(BUILD, "latch-check"), metavar="FILE",
                         help="Latch's parser built for the host (default build/latch-check)")
        sub.add_argument("--dtb", metavar="FILE", help="keep the merged device tree")
    for sub in (check, run):
        sub.add_argument("--cpu", metavar="C", help="the CPU's model: QEMU's (default cortex-a72), or "
                         "gem5's atomic (default), timing, minor, o3")
        sub.add_argument("--gic", type=int, choices=(2, 3), help="GIC version (default 3)")
        sub.add_argument("--smp", type=int, metavar="N", help="number of CPUs (default 1)")
        sub.add_argument("--memory", metavar="M", help="RAM, as 512M or 2G (default 1G)")
        sub.add_argument("--icount", action="store_true",
                         help="count instructions: time and outcome are the same in each run")
    image.add_argument("--output", metavar="FILE", help="the image (default build/BOARD.img)")
    image.add_argument("--firmware", metavar="FOLDER",
                       help="where the board's own files are; without it they are left out, and said")
    run.add_argument("--timeout", type=float, default=0, metavar="S",
                     help="end after S seconds of real time (default: never)")
    run.add_argument("--log", metavar="FILE", help="write the console to FILE too")
    run.add_argument("--no-input", action="store_true",
                     help="the guests get no keys, and Ctrl-C ends the run")
    for sub in (run, image):
        sub.add_argument("--latch", default=os.path.join(BUILD, "latch.bin"), metavar="FILE",
                         help="the hypervisor (default build/latch.bin)")
    tlbs = run.add_argument_group("TLBs (gem5 only)")
    tlbs.add_argument("--walk-cache", choices=("none", "default", "all"),
                      help="levels whose table pointers the TLBs keep")
    tlbs.add_argument("--combined", action="store_true",
                      help="keep entries that hold both stages, as most processors do")
    tlbs.add_argument("--tlbi", choices=("now", "dsb", "mixed"),
                      help="when a TLBI takes effect: at once, at the DSB, or by IPA at the DSB")
    run.add_argument("--print", action="store_true", dest="only_print",
                     help="print the simulator's command line instead of running it (wants --dtb)")
    return top


def defines_of(options):
    found = {}
    for text in options.define:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise Fail(f"--define {text}: must be NAME=PATH")
        # Unlike a path in the description, this one is relative to where the user stands.
        found[name] = os.path.abspath(value)
    return found


def machine_of(options):
    if options.smp is not None and options.smp < 1:
        raise Fail(f"--smp {options.smp}: must be 1 or more")
    memory = boards.parse_size(options.memory) if options.memory else None
    return boards.Machine(options.cpu, options.gic, options.smp, memory)


def gem5_options(options, board):
    """What the command line says about TLBs, for the one simulator that has them."""
    found = []
    if options.walk_cache:
        found += ["--walk-cache", options.walk_cache]
    if options.combined:
        found.append("--combined")
    if options.tlbi:
        found += ["--tlbi", options.tlbi]
    if found and board.simulator != "gem5":
        raise Fail(f"{found[0]}: only gem5 has that (--board gem5)")
    return found


def perform(options, extra, folder):
    board = boards.find(options.board, ROOT)
    board.require()
    cache = os.path.join(BUILD, "unpacked")
    if options.command == "image":
        if board.card is None:
            raise Fail(f"board {board.name} has no SD card that Latch knows of")
        made = system.build_for_card(options.system, board, defines_of(options), cache)
    else:
        made = system.build(options.system, board, machine_of(options), options.icount,
                            defines_of(options), cache)
    dtb = options.dtb or os.path.join(folder, "system.dtb")
    try:
        with open(dtb, "wb") as file:
            file.write(made.blob)
    except OSError as error:
        raise Fail(f"{dtb}: {error.strerror}") from None
    report = system.check(options.checker, dtb, options.system)
    if options.command == "check":
        sys.stdout.write(report)
        print(f"{options.system}: good")
        return OK
    if not os.path.isfile(options.latch):
        raise Fail(f"{options.latch}: no such file: run make")
    if options.command == "image":
        path = options.output or os.path.join(BUILD, f"{board.name}.img")
        print("\n".join(card.make(board, made, options.latch, path, options.firmware)))
        return OK
    if options.only_print:
        folder = os.path.dirname(os.path.abspath(dtb))
    wanted = boards.Run(options.latch, dtb, folder, options.icount, not options.no_input,
                        options.timeout)
    line = board.command(made, wanted, [*gem5_options(options, board), *extra])
    if options.only_print:
        print(shlex.join(line))
        return OK
    return session.run(board, line, options.log, options.timeout, not options.no_input)


def main(arguments):
    extra = []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, extra = arguments[:split], arguments[split + 1:]
    try:
        options = parser().parse_args(arguments)
        with tempfile.TemporaryDirectory(prefix="latch-") as folder:
            return perform(options, extra, folder)
    except Fail as error:
        sys.stdout.flush()
        for text in str(error).splitlines():
            print(f"latch: {text}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
