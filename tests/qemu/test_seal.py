# SPDX-License-Identifier: Apache-2.0
"""The seal of guarded domains: unmodified Linux is sealed, and works on with nothing refused."""

import re

from test_guarded import DONE, assert_unharmed, guarded, linux, results, storm

ENFORCE = 'latch,guard = "enforce";'


def sealed(run, name):
    """KiB of code, constants and data that were sealed, once."""
    said = f"latch: domain {name}: sealed: "
    lines = [line for line in run.latch() if line.startswith(said)]
    assert len(lines) == 1, run
    return [int(size) for size in re.findall(r"(\d+) KiB", lines[0])]


def test_linux_is_sealed(latch):
    run = latch(linux(extra=ENFORCE), timeout=300)
    assert_unharmed(run, "linux")
    assert DONE in run.of("linux"), run
    assert all(size > 1024 for size in sealed(run, "linux")), run


def test_sealed_linux_takes_cpus_off_and_on(latch):
    run = latch(storm("guarded", "short", extra=guarded("latch,cpus = <0 1>; " + ENFORCE), cpus=2),
                "--smp", "2", timeout=300)
    assert_unharmed(run, "guarded")
    assert int(results(run, "guarded")["hotplug"], 16) != 0, run
    sealed(run, "guarded")
