# SPDX-License-Identifier: Apache-2.0
"""Debian's unmodified arm64 kernel in a plain domain."""
from conftest import domain, machine_options, steady_timer

DONE = "linux: all work done"


def test_linux_does_real_work_and_powers_off(latch, machine):
    run = latch(domain("linux", "quiet latch.mode=demo"), *machine_options(machine),
                *steady_timer(machine))
    assert run.status == 0, run
    assert DONE in run.of("linux"), run
    assert "latch: domain linux ended" in run.latch(), run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


def test_two_linuxes_share_a_cpu(latch):
    run = latch(domain("one", "quiet latch.mode=demo") + domain("two", "quiet latch.mode=demo"))
    assert run.status == 0, run
    assert DONE in run.of("one"), run
    assert DONE in run.of("two"), run
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run


def test_reset_starts_it_again(latch):
    # test_plain.py shows the same of everything that a small guest can look at.
    session = latch.session(domain("again", "quiet latch.mode=reset",
                                   extra='latch,on-reset = "restart";'))
    for _ in range(2):
        session.expect("latch: domain again restarts")
    run = session.leave()
    assert "latch: domain again ended" in run.latch(), run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


def test_reset_ends_a_domain_whose_images_are_used_in_place(latch):
    run = latch(domain("once", "quiet latch.mode=reset", extra='latch,on-reset = "stop";'))
    assert run.status == 0, run
    assert any("(in place)" in line for line in run.latch()), run
    assert any(line.startswith("latch: domain once ended (reset") for line in run.latch()), run


def test_every_line_says_whose_it_is(latch):
    run = latch(domain("linux", "latch.mode=demo"))
    assert run.status == 0, run
    strangers = [line for line in run.lines if line and not line.startswith(("latch: ", "[linux]"))]
    assert strangers == [], strangers


def test_latch_sees_and_reports_a_damaged_kernel(latch, tmp_path):
    bad = tmp_path / "bad.elf"
    bad.write_bytes(b"\x7fELF" + bytes(100))
    text = domain("broken", ramdisk=False).replace("$ROOT/build/packages/vmlinuz-cloud", str(bad))
    run = latch(text)
    assert run.status in (1, 2), run
    assert any("broken: kernel: ELF file: not 64-bit little-endian" in line
               for line in run.latch()), run
