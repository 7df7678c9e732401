# SPDX-License-Identifier: Apache-2.0
"""A user at the terminal: a shell in one guest, another guest beside it, and the way out."""
import io
import re

import pexpect

from conftest import ROOT, domain, guest


def test_shell_beside_another_guest(latch):
    session = latch.session(domain("linux", "quiet latch.mode=shell") + guest("keys"))
    session.expect(r"\[keys\] ready")
    session.expect("linux# ")
    # The shell's line editing and echo, not the terminal's: the sum is only in the answer.
    session.send("echo $((6 * 7))\r")
    session.expect(r"42\s")
    session.send("\x011")
    session.expect("latch: keys go to keys")
    session.send("x")
    session.expect(r"\[keys\] key 0x78")
    session.send("\x010")
    session.expect("latch: keys go to linux")
    # Ctrl-C interrupts what the shell runs, not the run.
    session.send("sleep 1000\r")
    session.expect("sleep 1000")
    session.send("\x03")
    session.expect("linux# ")
    session.send("echo $((70 + 7))\r")
    session.expect(r"77\s")
    run = session.leave()
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run


def test_make_run_has_a_shell_and_a_way_out():
    child = pexpect.spawn("make", ["--no-print-directory", "SETUP=", "run"], cwd=str(ROOT),
                          timeout=120, encoding="utf-8", codec_errors="replace", echo=False)
    child.logfile_read = io.StringIO()
    try:
        child.expect("linux# ")
        child.send("\x01h")
        child.expect(r"latch:   0 linux \(has the keys\)")
        child.expect("latch:   1 direct")
        child.send("\x01x")
        child.expect(r"latch: end: 2 ended, 0 stopped")
        child.expect(pexpect.EOF)
    finally:
        if child.isalive():
            child.sendintr()
        child.close()
    assert child.exitstatus == 0, child.logfile_read.getvalue()
    # The other guest has done its work meanwhile.
    assert re.search(r"^\[direct\] ", child.logfile_read.getvalue(), re.MULTILINE)
