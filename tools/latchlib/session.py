"""Runs a board's simulator and watches the console: Latch's own lines tell how the run ended.

Latch's lines start with "latch: " in the first column. A guest's line starts with the guest's
name in brackets, so no guest can write one of these.
"""

import os
import re
import selectors
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass

from .error import OK, STOPPED, TIME_LIMIT, USAGE, Fail

END = re.compile(rb"latch: end: (\d+) ended, (\d+) stopped")
PANIC = b"latch: panic:"
# Ctrl-A x tells Latch to end everything; if it does not, the terminal must not be lost.
ESCAPE, LEAVE = 0x01, ord("x")
# How long the simulator may go on after Latch has said that it is done, or was told to be.
GRACE = 5.0


@dataclass
class Outcome:
    ended: bool = False
    stopped: int = 0
    panic: bool = False
    output: bool = False


class Console:
    """Splits the console's bytes into lines and remembers what Latch said of the end."""

    def __init__(self):
        self.line = b""
        self.outcome = Outcome()

    def feed(self, data):
        self.outcome.output = True
        *lines, self.line = (self.line + data).split(b"\n")
        # A guest may print without end: nothing of interest starts beyond this.
        self.line = self.line[:4096]
        for line in lines:
            self.see(line.rstrip(b"\r"))

    def see(self, line):
        end = END.fullmatch(line)
        if end:
            self.outcome.ended = True
            self.outcome.stopped = int(end[2])
        elif line.startswith(PANIC):
            self.outcome.panic = True

    @property
    def over(self):
        return self.outcome.ended or self.outcome.panic


class RawTerminal:
    """The terminal without line editing, echo and signals while a guest has it."""

    def __init__(self, wanted):
        self.fd = sys.stdin.fileno() if wanted and sys.stdin.isatty() else None

    def __enter__(self):
        if self.fd is not None:
            self.saved = termios.tcgetattr(self.fd)
            raw = termios.tcgetattr(self.fd)
            raw[0] &= ~(termios.ICRNL | termios.INLCR | termios.IXON | termios.ISTRIP)
            raw[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
            raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self.fd, termios.TCSADRAIN, raw)
        return self

    def __exit__(self, *_):
        if self.fd is not None:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


class Run:
    def __init__(self, child, log, limit):
        self.child = child
        self.log = log
        self.console = Console()
        self.limit = time.monotonic() + limit if limit else None
        # When the simulator is ended although it did not end by itself; why decides the status.
        self.deadline = None
        self.escaped = False
        self.left = False

    def hurry(self):
        if self.deadline is None:
            self.deadline = time.monotonic() + GRACE

    def wait_time(self):
        times = [t for t in (self.limit, self.deadline) if t is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def from_guest(self):
        """Passes console output on; False when there is no more."""
        data = os.read(self.child.stdout.fileno(), 65536)
        if not data:
            return False
        write_all(sys.stdout.fileno(), data)
        if self.log:
            self.log.write(data)
            self.log.flush()
        self.console.feed(data)
        if self.console.over:
            self.hurry()
        return True

    def from_user(self):
        """Passes keys on; False at the end of the input."""
        data = os.read(sys.stdin.fileno(), 4096)
        if not data:
            return False
        for byte in data:
            if self.escaped and byte == LEAVE:
                self.left = True
                self.hurry()
            self.escaped = byte == ESCAPE and not self.escaped
        try:
            write_all(self.child.stdin.fileno(), data)
        except BrokenPipeError:
            return False
        return True

    def loop(self, interactive):
        """Copies until QEMU closes its console; the name of the limit that ended it, or None."""
        # Not epoll, which refuses a file or /dev/null as the input.
        with selectors.PollSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ, self.from_guest)
            if interactive:
                selector.register(sys.stdin, selectors.EVENT_READ, self.from_user)
            while True:
                for key, _ in selector.select(self.wait_time()):
                    if not key.data():
                        if key.fileobj is self.child.stdout:
                            return None
                        selector.unregister(key.fileobj)
                now = time.monotonic()
                if self.deadline is not None and now >= self.deadline:
                    return "grace"
                if self.limit is not None and now >= self.limit:
                    return "limit"


def end(child, board):
    """Ends the simulator, by its process id, politely first."""
    if child.poll() is None:
        child.send_signal(board.stop_signal)
        try:
            child.wait(board.stop_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def status(run, limit_hit, code, limit, name):
    """The program's exit status, with a line for every ending that Latch did not announce."""
    outcome = run.console.outcome
    if outcome.ended:
        return OK if outcome.stopped == 0 and not outcome.panic else STOPPED
    if outcome.panic:
        return STOPPED
    if run.left:
        raise Fail("ended from the keyboard", STOPPED)
    if limit_hit == "limit":
        raise Fail(f"time limit of {limit:g} s reached", TIME_LIMIT)
    if code != 0 and not outcome.output:
        raise Fail(f"{name} could not run this (status {code})", USAGE)
    raise Fail(f"{name} ended (status {code}) before Latch said `latch: end:`", STOPPED)


def heed_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(board, line, log_path, limit, interactive):
    """Runs a board's simulator to its end or to the time limit; the exit status."""
    log = None
    if log_path:
        try:
            log = open(log_path, "wb")
        except OSError as error:
            raise Fail(f"{log_path}: {error.strerror}") from None
    sys.stdout.flush()

    def stop(number, _):
        raise KeyboardInterrupt(number)

    # A terminal that is closed sends SIGHUP: the simulator would go on without anybody to see it.
    previous = {name: signal.signal(name, stop) for name in (signal.SIGTERM, signal.SIGHUP)}
    # Who starts us in the background has us ignore SIGINT; the simulator is not to inherit that.
    child = subprocess.Popen(line, stdout=subprocess.PIPE, bufsize=0, preexec_fn=heed_interrupts,
                             env=board.environment,
                             stdin=subprocess.PIPE if interactive else subprocess.DEVNULL)
    session = Run(child, log, limit)
    try:
        with RawTerminal(interactive):
            limit_hit = session.loop(interactive)
            # A console that closes is the simulator going away: that takes it a moment.
            if limit_hit is None:
                try:
                    child.wait(GRACE)
                except subprocess.TimeoutExpired:
                    pass
    except KeyboardInterrupt:
        raise Fail("interrupted", STOPPED) from None
    finally:
        code = end(child, board)
        for name, handler in previous.items():
            signal.signal(name, handler)
        if log:
            log.close()
    return status(session, limit_hit, code, limit, board.simulator)
