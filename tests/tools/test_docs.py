"""What the documents say of the tests is true: each test they name exists."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ["tests/mmu", "tests/unit", "tests/qemu"]


def known_tests():
    """The names of all test functions: C's, which their program lists, and Python's."""
    names = set()
    for folder in FOLDERS:
        for file in os.listdir(os.path.join(ROOT, folder)):
            with open(os.path.join(ROOT, folder, file), encoding="utf-8") if file.endswith(
                    (".c", ".py")) else open(os.devnull, encoding="utf-8") as source:
                text = source.read()
            names.update(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))
            functions = re.findall(r"^(?:static )?void (\w+)\(void(?: \*\*\w+)?\)", text, re.MULTILINE)
            names.update(name for name in functions
                         if re.search(rf"(?:X\(|cmocka_unit_test\w*\(|T\(|TEST\(){name}\b", text))
    return names


def rows():
    """(number, tests named in the last column) of each line of the tables."""
    with open(os.path.join(ROOT, "docs/soundness.md"), encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) == 6 and re.fullmatch(r"[PABF]\d+", cells[1]):
                yield cells[1], re.findall(r"`([a-z0-9_]+)`", cells[4])


def test_soundness_names_tests_that_exist():
    known = known_tests()
    missing = [f"{number}: {name}" for number, names in rows() for name in names
               if name not in known]
    assert not missing


def test_soundness_has_a_line_for_each_finding():
    expected = [f"{letter}{i}" for letter, count in [("P", 25), ("A", 17), ("B", 19), ("F", 14)]
                for i in range(1, count + 1)]
    assert [number for number, _ in rows()] == expected
