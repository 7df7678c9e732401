# SPDX-License-Identifier: Apache-2.0
"""One UART for several guests: whose line it is, and who gets the keys."""
from conftest import guest

OWNERS = ("latch: ", "[one]", "[two]")


def test_lines_of_two_guests_do_not_mix(latch):
    run = latch(guest("one", "chatter", bootargs="uno") + guest("two", "chatter", bootargs="due"),
                "--icount", timeout=20)
    assert run.status == 0, run
    assert all(line.startswith(OWNERS) for line in run.lines), run
    for name, word in (("one", "uno"), ("two", "due")):
        # A line that was interrupted goes on under its owner's name.
        text = "".join(run.of(name))
        assert text.startswith("".join(f"{word}{i}-{word}{i}" for i in range(10))), run
        assert sum(line.endswith("-") for line in run.of(name)) >= 5, run


def test_guest_cannot_forge_or_move_the_cursor(latch):
    run = latch(guest("one", "chatter", bootargs="uno"), timeout=20)
    lines = run.of("one")
    # Control characters, a carriage return, an empty line, a line without end.
    assert "a?b?c?de" in lines, run
    assert "[one]" in run.lines, run
    assert "x" * 1000 in lines, run
    assert lines[-1] == "last", run
    assert run.latch()[-1] == "latch: end: 1 ended, 0 stopped", run


def both_ready(session):
    for _ in range(2):
        session.expect(r"\[(one|two)\] ready\s+")


def test_keys_go_to_the_guest_that_has_them(latch):
    session = latch.session(guest("one", "keys") + guest("two", "keys"))
    both_ready(session)
    session.send("a")
    session.expect(r"\[one\] key 0x61\s+")
    session.send("\x011")
    session.expect(r"latch: keys go to two\s+")
    session.send("b")
    session.expect(r"\[two\] key 0x62\s+")
    session.send("\x01n")
    session.expect(r"latch: keys go to one\s+")
    session.send("\x01\x01")
    session.expect(r"\[one\] key 0x01\s+")
    session.send("\x03\r")
    session.expect(r"\[one\] key 0x03\s+\[one\] key 0x0d\s+")
    session.send("\x01n\x019b")
    session.expect(r"latch: keys go to two\s+latch: no domain 9\s+")
    session.expect(r"\[two\] key 0x62\s+")
    session.send("q")
    session.expect("latch: domain two ended")
    session.send("\x010q")
    session.expect("latch: domain one ended")
    session.expect("latch: end: 2 ended, 0 stopped")
    run = session.wait_for_end()
    assert run.status == 0, run
    assert run.of("one")[1:] == [f"key {key}" for key in ("0x61", "0x01", "0x03", "0x0d", "0x71")]
    assert run.of("two")[1:] == [f"key {key}" for key in ("0x62", "0x62", "0x71")]


def test_help_lists_the_domains_and_who_has_the_keys(latch):
    session = latch.session(guest("one", "keys") + guest("two", "keys"))
    both_ready(session)
    session.send("\x01n\x01h")
    session.expect("latch: Ctrl-A, then: .*x end everything")
    session.expect(r"latch:   0 one\s+")
    session.expect(r"latch:   1 two \(has the keys\)\s+")
    run = session.leave()
    assert run.latch()[-1] == "latch: end: 2 ended, 0 stopped", run


def test_many_keys_at_once_all_arrive_in_order(latch):
    session = latch.session(guest("one", "keys"))
    session.expect(r"\[one\] ready\s+")
    text = "0123456789abcdefghijklmnop"
    session.send(text + "q")
    run = session.wait_for_end()
    assert run.of("one")[1:] == [f"key 0x{ord(letter):02x}" for letter in text + "q"], run


def test_keys_typed_before_latch_listens_are_kept(latch):
    session = latch.session(guest("one", "keys"))
    session.send("abc")
    session.expect(r"\[one\] ready\s+")
    session.send("q")
    run = session.wait_for_end()
    assert run.status == 0, run
    assert run.of("one")[1:] == [f"key {key}" for key in ("0x61", "0x62", "0x63", "0x71")], run
