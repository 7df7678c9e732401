# SPDX-License-Identifier: Apache-2.0
"""Memory that two direct domains share, each with its own right to it."""
import pytest

from conftest import direct, machine_options

# tests/qemu/guests/direct/share.c
WRITER = "listed zero writes exchange other-restarts other-ends".split()
READER = """
    listed reads exchange writable-leaf stores device-leaf blocks beyond tables updates pointers
    gives-away executes kept reads-on""".split()


def share(name, kib, role, access):
    return f"""
        {name} {{
            compatible = "xen,domain-shared-memory-v1";
            xen,shm-id = "{name}";
            role = "{role}";
            latch,access = "{access}";
            size = <0 {kib}>;
        }};"""


def run_both(latch, machine, writer, reader, option=""):
    """Two domains; `writer` and `reader` are their roles in the configuration."""
    domains = direct("writer", "share", "writer",
                     nodes=share("down", 8, writer, "rw") + share("both", 2048, writer, "rw"))
    domains += direct("reader", "share", f"reader {option}",
                      nodes=share("down", 8, reader, "ro") + share("both", 2048, reader, "rw"))
    return latch(domains, *machine_options(machine), timeout=60)


def expect_all(run):
    for name, wanted in (("writer", WRITER), ("reader", READER)):
        cases = run.cases(name)
        assert set(cases) == set(wanted), run
        assert all(case.ok for case in cases.values()), run


def end_before(run, message):
    """The reader's end comes before what the writer does then."""
    lines = [line.strip() for line in run.lines]
    end = [i for i, line in enumerate(lines) if line.startswith(message)]
    assert end and end[0] < lines.index("[writer] case other-ends: ok"), run


@pytest.mark.parametrize("owner", ["writer", "reader"])
def test_two_domains(latch, machine, owner):
    """Whichever owns it: the other one's restart and end change nothing."""
    other = "borrower" if owner == "writer" else "owner"
    mine = "owner" if owner == "writer" else "borrower"
    run = run_both(latch, machine, mine, other)
    assert run.status == 0, run
    expect_all(run)
    end_before(run, "latch: domain reader ended")


def test_one_is_stopped(latch, machine):
    run = run_both(latch, machine, "owner", "borrower", "crash")
    assert run.status == 1, run
    expect_all(run)
    end_before(run, "latch: domain reader stopped")
