"""Finds an address in the board's RAM for each file that is loaded beside Latch."""

from .error import Fail

MIB = 1 << 20
BLOCK = 2 * MIB


class Ram:
    """What of RAM is taken, as (start, end, by whom), every piece in 2 MiB blocks of its own."""

    def __init__(self, base, size):
        self.base = base
        self.end = base + size
        self.taken = []

    def reserve(self, start, size, owner):
        self.taken.append((max(start, self.base), min(start + size, self.end), owner))

    def conflict(self, start, end):
        for low, high, owner in self.taken:
            if start < high and low < end:
                return owner, high
        return None

    def place(self, size, owner):
        """The lowest free address for `size` bytes."""
        size = round_up(size)
        start = round_up(self.base)
        while start + size <= self.end:
            found = self.conflict(start, start + size)
            if found is None:
                self.taken.append((start, start + size, owner))
                return start
            start = round_up(found[1])
        raise Fail(f"{owner}: no {size // MIB} MiB of the board's "
                   f"{(self.end - self.base) // MIB} MiB of memory are free (--memory)")

    def place_at(self, start, size, owner):
        size = round_up(size)
        if start % BLOCK != 0:
            raise Fail(f"{owner}: address {start:#x} is not a multiple of 2 MiB")
        if start < self.base or start + size > self.end:
            raise Fail(f"{owner}: {start:#x} to {start + size:#x} is not in the board's memory")
        found = self.conflict(start, start + size)
        if found is not None:
            raise Fail(f"{owner}: {start:#x} to {start + size:#x} overlaps {found[0]}")
        self.taken.append((start, start + size, owner))


def round_up(value):
    return (value + BLOCK - 1) // BLOCK * BLOCK
