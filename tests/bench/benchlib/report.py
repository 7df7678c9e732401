# SPDX-License-Identifier: Apache-2.0
"""Figures, and the table and the file that they are reported in."""

import json
from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    """One figure. `cells` are what it is compared with; `aim` is the most that `value` may be."""

    name: str
    value: float
    aim: float = None
    cells: dict = field(default_factory=dict)

    @property
    def met(self):
        return None if self.aim is None else self.value <= self.aim

    @property
    def verdict(self):
        return {None: "", True: "met", False: "MISSED"}[self.met]


@dataclass
class Group:
    """Figures of one kind: `unit` names the figure itself, `note` says what is counted."""

    title: str
    unit: str
    note: str
    rows: list = field(default_factory=list)
    error: str = None


def number(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 10000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3f}"


def table(group):
    """The lines of a group."""
    columns = []
    for row in group.rows:
        columns += [name for name in row.cells if name not in columns]
    with_aim = any(row.aim is not None for row in group.rows)
    head = ["", group.unit, *columns] + (["aim", ""] if with_aim else [])
    body = [[row.name, number(row.value), *(number(row.cells.get(name)) for name in columns)]
            + ([number(row.aim), row.verdict] if with_aim else []) for row in group.rows]
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]

    def format_line(line):
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        return "  " + "  ".join(cells).rstrip()

    return [format_line(line) for line in [head, *body]]


def wrap(text, width=98):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def show(group):
    print(f"== {group.title}")
    for line in wrap(group.note):
        print(f"  {line}")
    if group.rows:
        print("\n".join(table(group)))
    if group.error:
        print("  NOT MEASURED: " + group.error.replace("\n", "\n    "))
    print(flush=True)


def summary(groups):
    rows = [row for group in groups for row in group.rows]
    met = sum(row.met is True for row in rows)
    missed = [f"{group.title}: {row.name}" for group in groups for row in group.rows
              if row.met is False]
    lines = [f"  missed: {name}" for name in missed]
    unmeasured = sum(group.error is not None for group in groups)
    return [*lines, f"{len(rows)} figures, {met} aims met, {len(missed)} missed, "
            f"{unmeasured} groups not measured in full"]


def write(groups, path, machine):
    data = {"unit": "instructions, if nothing else is said", "qemu": machine,
            "groups": [{**asdict(group), "rows": [
                {**asdict(row), "met": row.met} for row in group.rows]} for group in groups]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")
