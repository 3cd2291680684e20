"""What runs inside the box: it executes a submission's cells and calls its functions, as it is asked over the wire.

Nothing here is trusted once the first cell has run: the student's code lives in the same process and may change all of
it. The grader believes no more of what comes back than that these are some numbers and some words.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import socket
import sys

import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from rlbook.checks.calling import Fault, NotAttempted, answer_of
from rlbook.grading.wire import Channel

SHOWN = 4000  # characters of what one cell prints, and of what an error says


def serve(descriptor: int, limits: dict[str, int], folders: list[str]) -> None:
    """Do what is asked for until the other end is closed.

    limits : the names and values of resource limits.   folders : in which files can be made; the grader counts them.
    """
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))
    channel, submission = Channel(socket.socket(fileno=descriptor)), Submission()
    # What went wrong until here was told on stderr; from here on the standard streams lead nowhere.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    socket.send_fds(channel.socket, [b"."], [os.open(folder, os.O_RDONLY) for folder in folders])
    channel.send({"id": 0})
    work = {"run": submission.run, "call": submission.call}
    while True:
        request = channel.receive()
        number = request.pop("id")
        reply = work[request.pop("do")](**request)
        try:
            channel.send({"id": number, **reply})
        except ValueError:
            channel.send({"id": number, "fault": ["It returns more numbers than the grader reads."]})


class Submission:
    """A notebook's names, in IPython's own shell: magics work, history and other programs do not."""

    def __init__(self):
        quiet = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
        self.shell = Shell.instance(config=quiet)

    def run(self, source: np.ndarray) -> dict:
        """Execute one cell, given as the bytes of its text; the reply holds what it printed and what it raised."""
        printed = Printed()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                result = self.shell.run_cell(source.tobytes().decode(), store_history=True)
                error = result.error_before_exec or result.error_in_exec
            except BaseException as stopped:  # a cell's own clean-up can still raise what IPython does not catch
                error = stopped
        raised = None if error is None else f"{type(error).__name__}: {error}"[:SHOWN]
        return {"printed": printed.getvalue(), "raised": raised}

    def call(self, name: str, arguments: list[str], given: list) -> dict:
        """Call a function of the notebook and read its answer just as ``check`` does there."""
        function = self.shell.user_ns.get(name)
        if function is None:
            return {"missing": True}
        with contextlib.redirect_stdout(Printed()), contextlib.redirect_stderr(Printed()):
            try:
                return {"answer": answer_of(function, name, tuple(arguments), tuple(given))}
            except NotAttempted:
                return {"blank": True}
            except Fault as fault:
                return {"fault": [str(text)[:SHOWN] for text in fault.args]}
            except BaseException as error:
                return {"fault": [f"It raised {type(error).__name__}."]}


class Shell(InteractiveShell):
    """IPython without a window and without other programs."""

    def enable_gui(self, gui=None):
        pass

    def system(self, cmd):
        print("No programs are started while answers are graded.")


class Printed(io.StringIO):
    """The beginning of what is printed; the rest is dropped, so that printing for ever costs no memory."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, SHOWN - self.tell())])
        return len(text)


if __name__ == "__main__":
    serve(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
