"""A device tree in memory: read from and written to a flattened one with libfdt."""

import struct

import libfdt

from .error import Fail


class Node:
    def __init__(self, name, parent=None):
        self.name = name
        self.parent = parent
        self.properties = {}
        self.children = []
        # Of the root only: /memreserve/, as (address, size).
        self.reserved = []

    @property
    def path(self):
        if self.parent is None:
            return "/"
        return self.parent.path.rstrip("/") + "/" + self.name

    def child(self, name):
        """The child of that name, or of that name with any unit address; None if there is none."""
        for node in self.children:
            if node.name == name or node.name.split("@")[0] == name:
                return node
        return None

    def find(self, path):
        node = self
        for name in path.strip("/").split("/"):
            node = node and node.child(name) if name else node
        return node

    def walk(self):
        yield self
        for node in self.children:
            yield from node.walk()

    def strings(self, name):
        """A property's strings; an empty list if the property is absent."""
        data = self.properties.get(name)
        if not data:
            return []
        try:
            return data.rstrip(b"\0").decode().split("\0")
        except UnicodeDecodeError:
            raise Fail(f"node {self.path}: {name} is not a string") from None

    def string(self, name):
        """A property's only string; None if the property is absent."""
        if name not in self.properties:
            return None
        values = self.strings(name)
        if len(values) != 1 or not values[0]:
            raise Fail(f"node {self.path}: {name} is not a string")
        return values[0]

    def cell(self, name):
        """A property's only 32-bit cell; None if the property is absent."""
        data = self.properties.get(name)
        if data is None:
            return None
        if len(data) != 4:
            raise Fail(f"node {self.path}: {name} is not one 32-bit number")
        return int.from_bytes(data, "big")

    def is_compatible(self, name):
        return name in self.strings("compatible")


def parse(blob):
    """The root Node of a flattened device tree."""
    fdt = libfdt.FdtRo(blob)

    def read(offset, parent):
        node = Node(fdt.get_name(offset), parent)
        position = fdt.first_property_offset(offset, (libfdt.NOTFOUND,))
        while position >= 0:
            prop = fdt.get_property_by_offset(position)
            node.properties[prop.name] = bytes(prop)
            position = fdt.next_property_offset(position, (libfdt.NOTFOUND,))
        child = fdt.first_subnode(offset, (libfdt.NOTFOUND,))
        while child >= 0:
            node.children.append(read(child, node))
            child = fdt.next_subnode(child, (libfdt.NOTFOUND,))
        return node

    root = read(0, None)
    # Debian 12's binding of fdt_get_mem_rsv() gives the size alone.
    start = fdt.off_mem_rsvmap()
    pairs = struct.iter_unpack(">QQ", blob[start:start + 16 * fdt.num_mem_rsv()])
    root.reserved = list(pairs)
    return root


def flatten(root):
    """The flattened device tree of a root Node."""
    total = sum(64 + len(node.name) + sum(64 + len(name) + len(data)
                                          for name, data in node.properties.items())
                for node in root.walk())
    writer = libfdt.FdtSw(total + 16 * len(root.reserved) + 4096)
    for address, size in root.reserved:
        writer.add_reservemap_entry(address, size)
    writer.finish_reservemap()

    def write(node):
        writer.begin_node(node.name)
        for name, data in node.properties.items():
            writer.property(name, data)
        for child in node.children:
            write(child)
        writer.end_node()

    write(root)
    return bytes(writer.as_fdt().as_bytearray())


def cells64(*values):
    """64-bit numbers as a property of pairs of cells."""
    return b"".join(value.to_bytes(8, "big") for value in values)
