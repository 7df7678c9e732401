"""Builds what a board boots: the device tree of board and description merged, with an address
for each file that the description names."""

import os
import subprocess
from dataclasses import dataclass, field

from . import files, place, source, tree
from .board import MIB, Machine, parse_size
from .error import Fail

# QEMU puts -dtb at the base of RAM plus half of it, but at most this much; so do we elsewhere.
DTB_OFFSET = 128 * MIB
DTB_ROOM = 4 * MIB
TOP_ROOM = 4 * MIB

MODULES = ("multiboot,kernel", "multiboot,ramdisk", "multiboot,device-tree")
# The description's wishes for the machine: properties of /chosen/latch,run.
HINTS = "latch,run"


@dataclass
class System:
    path: str
    machine: Machine
    blob: bytes
    dtb_address: int = 0
    console: str = ""  # the path of the UART that /chosen/stdout-path names
    # (path, address) of each file to load beside Latch.
    files: list = field(default_factory=list)


def build(path, board, asked, icount, defines, cache):
    """The System of the description at `path` on a board, for the machine that was asked for."""
    machine = board.machine(asked, Machine())
    root = merge(path, board.dump(machine, icount))
    wished = board.machine(asked, hints(root))
    if wished != machine:
        machine = wished
        root = merge(path, board.dump(machine, icount))
    return place_all(path, board, machine, root, defines, cache)


def build_for_card(path, board, defines, cache):
    """The same for a card of the board."""
    return place_all(path, board, board.defaults, merge(path, board.card_tree()), defines, cache)


def place_all(path, board, machine, root, defines, cache):

    chosen = root.child("chosen")
    if chosen is None or not domains(chosen):
        raise Fail(f"{path}: /chosen has no node compatible with \"xen,domain\"")
    chosen.children = [node for node in chosen.children if node.name != HINTS]

    ram = place.Ram(board.ram_base, machine.memory)
    dtb = board.ram_base + min(machine.memory // 2, DTB_OFFSET)
    system = System(path, machine, b"", dtb, console(root))
    ram.reserve(board.ram_base, board.reserved_low, "the hypervisor")
    ram.reserve(dtb, DTB_ROOM, "the device tree")
    ram.reserve(ram.end - TOP_ROOM, TOP_ROOM, "the top of memory")
    folder = os.path.dirname(os.path.abspath(path))
    modules = [(module, module_file(module, folder, defines, cache))
               for domain in domains(chosen) for module in domain_modules(domain)]
    # Fixed addresses first: the others go around them.
    modules.sort(key=lambda item: "reg" not in item[0].properties)
    for module, name in modules:
        system.files.append((name, place_module(module, name, ram)))
    system.blob = tree.flatten(root)
    return system


def merge(path, blob):
    """The tree of the description at `path` over a board's."""
    text = source.decompile(blob)
    return tree.parse(source.compile_over(text, path))


def hints(root):
    """The Machine that the description's /chosen/latch,run asks for."""
    node = root.find(f"/chosen/{HINTS}")
    if node is None:
        return Machine()
    known = {"cpu", "gic", "smp", "memory"}
    for name in node.properties:
        if name not in known | {"phandle"}:
            raise Fail(f"node {node.path}: unknown property {name} "
                       f"(known: {', '.join(sorted(known))})")
    memory = node.string("memory")
    try:
        size = parse_size(memory) if memory is not None else None
    except Fail as error:
        raise Fail(f"node {node.path}: memory: {error}") from None
    return Machine(cpu=node.string("cpu"), gic=node.cell("gic"), smp=node.cell("smp"),
                   memory=size)


def console(root):
    """The path of the UART that /chosen/stdout-path names, perhaps by an alias; "" for none."""
    name = (root.child("chosen").string("stdout-path") or "").partition(":")[0]
    aliases = root.child("aliases")
    if name.startswith("/") or aliases is None:
        return name
    return aliases.string(name) or "" if name else ""


def domains(chosen):
    return [node for node in chosen.children if node.is_compatible("xen,domain")]


def domain_modules(domain):
    """The module nodes of a domain; says so if a node with a file is not a module."""
    found = []
    for node in domain.children:
        if node.is_compatible("multiboot,module") or any(map(node.is_compatible, MODULES)):
            found.append(node)
        elif "latch,file" in node.properties:
            raise Fail(f"node {node.path}: has latch,file but its compatible names none of "
                       f"{', '.join(MODULES)}")
    for name in ("#address-cells", "#size-cells"):
        cells = domain.cell(name)
        if cells not in (None, 2):
            raise Fail(f"node {domain.path}: {name} is {cells}, must be 2 or left out")
        domain.properties[name] = (2).to_bytes(4, "big")
    return found


def module_file(module, folder, defines, cache):
    """The file to load for a module, unpacked where that is needed."""
    text = module.string("latch,file")
    if text is None:
        raise Fail(f"node {module.path}: no latch,file: which file is this module?")
    name = files.resolve(text, folder, defines, module)
    if module.is_compatible("multiboot,kernel"):
        return files.kernel(name, cache, module)
    return name


def place_module(module, name, ram):
    """Gives a module an address (its reg, if it has one) and writes its reg."""
    size = os.path.getsize(name)
    owner = f"node {module.path} ({os.path.basename(name)})"
    reg = module.properties.get("reg")
    if reg is None:
        address = ram.place(size, owner)
    else:
        if len(reg) not in (8, 16):
            raise Fail(f"{owner}: reg must be one address of two cells, and perhaps a size")
        address = int.from_bytes(reg[:8], "big")
        ram.place_at(address, size, owner)
    module.properties["reg"] = tree.cells64(address, size)
    # A path of the build machine means nothing to the board.
    del module.properties["latch,file"]
    return address


def check(checker, dtb, path):
    """Runs the hypervisor's own parser on a merged tree; it explains what it refuses."""
    if not os.access(checker, os.X_OK):
        raise Fail(f"{checker} is missing: run make {os.path.relpath(checker)}")
    done = subprocess.run([checker, dtb], capture_output=True, text=True, check=False,
                          errors="replace")
    if done.returncode == 0:
        return done.stdout
    lines = (done.stderr + done.stdout).strip().splitlines()
    if done.returncode < 0 or not lines:
        raise Fail(f"{path}: {checker} ended with status {done.returncode}")
    raise Fail("\n".join(f"{path}: {line}" for line in lines))
