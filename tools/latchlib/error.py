"""The one exception that ends the program with a line instead of a traceback."""

OK = 0
STOPPED = 1
USAGE = 2
TIME_LIMIT = 124


class Fail(Exception):
    """Says what is wrong and where, in one line; status is the program's exit status."""

    def __init__(self, text, status=USAGE):
        super().__init__(text)
        self.status = status
