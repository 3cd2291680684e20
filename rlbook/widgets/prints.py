"""What one thread prints, kept apart from what the rest of the program prints."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager

_LONGEST = 200  # characters of a line that are kept
_listeners: dict[int, Printed] = {}  # by the number of the thread


class Printed:
    """How many lines were printed, and the last one that says anything."""

    def __init__(self):
        self.n_lines, self.last, self._unfinished = 0, "", ""

    def write(self, text: str) -> None:
        *lines, unfinished = (self._unfinished + text).split("\n")
        self._unfinished = unfinished[:_LONGEST]
        self.n_lines += len(lines)
        self.last = next((line[:_LONGEST] for line in reversed(lines) if line.strip()), self.last)

    def __str__(self):
        if not self.n_lines:
            return ""
        lines = "1 line" if self.n_lines == 1 else f"{self.n_lines:,} lines, the last"
        return f"Printed {lines}: {self.last}"


class _Divided:
    """Stands in for sys.stdout or sys.stderr: the words of a thread that is listened to go to its listener."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        (_listeners.get(threading.get_ident()) or self.stream).write(text)
        return len(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


@contextmanager
def listening(printed: Printed):
    """Within this, `printed` takes what this thread prints. Other threads print as ever.

    (contextlib.redirect_stdout would take the words of all threads.) The divided streams stay in place afterwards:
    whoever replaced them meanwhile could not be told from the one who was there before.
    """
    if not isinstance(sys.stdout, _Divided):
        sys.stdout = _Divided(sys.stdout)
    if not isinstance(sys.stderr, _Divided):
        sys.stderr = _Divided(sys.stderr)
    me = threading.get_ident()
    _listeners[me] = printed
    try:
        yield
    finally:
        _listeners.pop(me, None)
