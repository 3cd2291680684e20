"""The background thread of a panel, which survives whatever the reader's functions do in it.

A reader's function may raise anything, print without end, or never return. So it runs outside of every lock that an
event on the page needs, and the time it may take is limited: a thread that is over its time is stopped by an exception
inside it. One that does not even notice that (it sleeps, or catches everything) is left behind, and the next piece of
work gets a new thread.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

import numpy as np

PATIENCE = 5.0  # seconds that a function of the reader's may take
SHORT_PATIENCE = 1.0  # the same after the reader has asked for something else, and for a thread that was stopped
_LONGEST = 400  # characters of an error on show
# This package, Python's own library and what is installed beside it.
_NOT_THE_READERS = (
    str(Path(__file__).parents[1]),
    str(Path(threading.__file__).parent),
    str(Path(np.__file__).parents[1]),
)


class Stopped(BaseException):
    """Raised inside work that is over its time. No Exception, so that `except Exception` does not hold it back."""


class Worker:
    """Does one job after the other in a thread of its own, which ends when there is nothing left to do.

    next_job : called with `signal` held. Returns the job to do now, a function; or the seconds to wait; or None when
        nothing is left.
    failed : told every exception that a job ends with.
    left_behind : told the exception in place of a job that could not be stopped; its thread holds nothing any more.
    """

    def __init__(self, name: str, next_job: Callable, failed: Callable, left_behind: Callable):
        self.signal = threading.Condition(threading.RLock())  # held for moments only, never while working
        self._name, self._next_job, self._failed, self._left_behind = name, next_job, failed, left_behind
        self._thread: threading.Thread | None = None
        self._whose_turn: threading.Thread | None = None
        self._deadline: float | None = None  # of the limited work that is under way
        self._watch: threading.Thread | None = None

    def wake(self) -> None:
        """There may be something to do. Call it with `signal` held."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"{self._name}-worker", daemon=True)
            self._thread.start()
        self.signal.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; True if that came about within `timeout` seconds."""
        with self.signal:
            return self.signal.wait_for(lambda: self._thread is None, timeout)

    def is_here(self) -> bool:
        """Whether this is asked in the worker's own thread."""
        return threading.current_thread() is self._thread

    @contextmanager
    def turn(self):
        """Within this no other thread works for the panel. Turns may be nested; a thread left behind loses its turn."""
        me = threading.current_thread()
        with self.signal:
            self.signal.wait_for(lambda: self._whose_turn in (None, me))
            outer, self._whose_turn = self._whose_turn, me
        try:
            yield
        finally:
            with self.signal:
                if self._whose_turn is me:
                    self._whose_turn = outer
                    self.signal.notify_all()

    @contextmanager
    def limited(self):
        """Within this, work in the worker's thread has a limited time, because it may call a reader's function."""
        if not self.is_here():  # in the reader's own thread, where Ctrl-C stops it
            yield
            return
        with self.signal:
            self._deadline = time.monotonic() + PATIENCE
            if self._watch is None:
                self._watch = threading.Thread(target=self._watch_over, args=(self._thread,), daemon=True)
                self._watch.start()
            self.signal.notify_all()
        try:
            yield
        finally:
            with self.signal:
                if not self.is_here():
                    raise Stopped
                self._deadline = None

    def hurry(self) -> None:
        """The reader has asked for something else: limited work under way gets little more time."""
        with self.signal:
            if self._deadline is not None:
                self._deadline = min(self._deadline, time.monotonic() + SHORT_PATIENCE)
                self.signal.notify_all()

    # ------------------------------------------------------------------ the two threads

    def _run(self) -> None:
        while (job := self._wait_for_job()) is not None:
            try:
                with self.turn():
                    job()
            except BaseException as error:
                if self.is_here():
                    self._failed(_overdue(error.__traceback__) if isinstance(error, Stopped) else error)

    def _wait_for_job(self) -> Callable | None:
        with self.signal:
            while self.is_here():
                job = self._next_job()
                if callable(job):
                    return job
                if job is None:
                    self._thread = None
                    self.signal.notify_all()
                else:
                    self.signal.wait(job)
            return None

    def _watch_over(self, worker: threading.Thread) -> None:
        """Stop the worker when it is over its time; leave it behind when that does not help."""
        stopped = None  # the deadline of the work that was told to stop
        with self.signal:
            while self._thread is worker:
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is None or left > 0:
                    self.signal.wait(left)
                elif stopped != self._deadline:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(Stopped))
                    stopped = self._deadline = time.monotonic() + SHORT_PATIENCE
                else:
                    frame = sys._current_frames().get(worker.ident)
                    self._thread = self._whose_turn = self._deadline = None
                    self._left_behind(_overdue(frame))
            self._watch = None
            self.signal.notify_all()


def _overdue(where: TracebackType | FrameType | None) -> TimeoutError:
    """What to tell of work that was stopped where this traceback or frame says."""
    stack = traceback.extract_stack(where) if isinstance(where, FrameType) else traceback.extract_tb(where)
    return TimeoutError(f"a step did not end and was stopped{_own_place(stack)}")


def in_words(error: BaseException) -> str:
    """The error in one line, with the place in the reader's own code where it happened."""
    lines = traceback.TracebackException.from_exception(error).format_exception_only()
    words = " ".join(" ".join(lines).split())
    # Python puts a StopIteration into a RuntimeError: then the place is that of the cause.
    places = (_own_place(traceback.extract_tb(one.__traceback__)) for one in (error, error.__cause__) if one)
    return f"{words[:_LONGEST]}{next(filter(None, places), '')}"


def _own_place(stack: traceback.StackSummary) -> str:
    own = [frame for frame in stack if not frame.filename.startswith(_NOT_THE_READERS)]
    return f" (in {own[-1].name}, line {own[-1].lineno})" if own else ""
