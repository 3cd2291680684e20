"""Calling a student's function and reading what comes back: numbers, or the one sentence that says why not."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import dis
import inspect
import io
import linecache
import logging
import numbers
import os
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np

SECONDS = 15.0
PRINTED_LINES = 20
SHOWN_ENTRIES = 16


class NotAttempted(Exception):
    """The function is still the blank one."""


class Fault(Exception):
    """What came back is not an answer: (message,) or (message, case)."""


class TimeIsUp(BaseException):
    """Thrown into a call that does not end; no Exception, so that an ``except Exception`` in it lets it through."""


def answer_of(fn: Callable, name: str, arguments: tuple[str, ...], case: tuple) -> np.ndarray:
    """What ``fn`` answers to one case, as an array of real numbers of any width, or of truth values.

    Raises NotAttempted or Fault. A KeyboardInterrupt passes: the stop button is how one leaves an endless loop.
    """
    given = copy.deepcopy(case)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong shows in the numbers
            answer = fn(*given)
            answer = None if answer is None else _numbers(answer)
    except Fault:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not _raised_by_hand(error):
            raise
        if isinstance(error, NotImplementedError):
            _look_for_blanks(error, fn, name)
        called = f"It was called as `{name}({', '.join(arguments)})`, with {given_as_text(arguments, case)}."
        raise Fault(_what_was_raised(error, fn), called) from None
    if answer is None:
        raise Fault("It returns None: end the function with `return` and the answer.")
    changed = [f"`{n}`" for n, a, b in zip(arguments, case, given, strict=True) if not _unchanged(a, b)]
    if changed:
        copied = changed[0].strip("`")
        raise Fault(f"It changes its input {' and '.join(changed)}: work on a copy, `{copied}.copy()`.")
    return answer


def is_untouched(fn: Callable, starter: Callable) -> bool:
    """Whether ``fn`` is the code of ``starter``, comments, spaces and the text that documents it apart."""
    code = getattr(inspect.unwrap(fn), "__code__", None)
    # Compiled alone, as a cell is: where ``np`` is imported in the same file, calls of it become other steps.
    cell = compile(inspect.getsource(starter), "starter", "exec")
    given = next(constant for constant in cell.co_consts if isinstance(constant, types.CodeType))
    parts = lambda c: (c.co_code, c.co_names, c.co_varnames, c.co_consts[1:])  # noqa: E731
    return code is not None and parts(code) == parts(given)


# ---------------------------------------------------------------- while it runs


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Throw an exception into this thread once ``SECONDS`` have passed, and again every second until it gets through.

    It works in every thread and on every system, unlike an alarm signal; what it cannot end is one long call into
    compiled code. Raised inside ``answer_of``, it becomes a Fault like any other exception.
    """
    thread, lock, over = ctypes.c_ulong(threading.get_ident()), threading.Lock(), threading.Event()

    def throw(exception) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, exception)

    def watch() -> None:
        wait = SECONDS
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    throw(ctypes.py_object(TimeIsUp))
            wait = 1.0

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        while not over.is_set():
            with contextlib.suppress(TimeIsUp), lock:  # thrown at the last moment, it arrives here
                over.set()
        throw(None)  # takes back what was thrown and has not arrived


@contextlib.contextmanager
def kept_quiet() -> Iterator[None]:
    """Nothing reaches stderr, where a progress bar would cost all points under nbgrader, and little reaches stdout."""
    logging_was_off, stdout = logging.root.manager.disable, _FirstLines(sys.stdout)
    logging.disable(logging.CRITICAL)  # handlers made earlier hold the stderr of that time
    try:
        with _silent_descriptor(2), contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(stdout):
            yield
    finally:
        logging.disable(logging_was_off)
        stdout.close_with_count()


@contextlib.contextmanager
def _silent_descriptor(number: int) -> Iterator[None]:
    """What compiled code and child processes write to this file descriptor goes nowhere."""
    try:
        kept = os.dup(number)
    except OSError:  # there is none, as in a Windows program without a console
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, number)
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)
        os.close(nowhere)


class _FirstLines(io.TextIOBase):
    """Passes the first lines on to a stream and counts the others."""

    def __init__(self, stream):
        self.stream, self.room, self.left_out = stream, 100 * PRINTED_LINES, 0
        self.lines = PRINTED_LINES

    def write(self, text: str) -> int:
        for line in text.splitlines(keepends=True):
            if self.lines > 0 and len(line) <= self.room:
                self.stream.write(line)
                self.room -= len(line)
                self.lines -= line.endswith("\n")
            else:
                self.lines = 0
                self.left_out += line.endswith("\n")
        return len(text)

    def close_with_count(self) -> None:
        if self.left_out:
            self.stream.write(f"... and {self.left_out:,} printed lines more.\n")


# ---------------------------------------------------------------- what came back


def _numbers(answer: Any) -> np.ndarray:
    """The answer as an array of bool, int or float; lists, tensors and arrays of Python numbers are answers too."""
    kind = type(answer).__name__
    if callable(answer) and not hasattr(answer, "__array__"):
        raise Fault("It returns a function, not what the function gives: are its brackets `()` missing?")
    try:
        array = np.asarray(answer)
    except Exception:
        if hasattr(answer, "detach"):
            raise Fault("It returns a tensor that NumPy cannot read: return `.detach().cpu().numpy()` of it.") from None
        raise Fault(f"It returns a {kind} that is no array of numbers.") from None
    if array.dtype.kind == "O" and (array.ndim or isinstance(answer, numbers.Number)):
        array = _unpacked(array)
    if array.dtype.kind == "c":
        raise Fault(
            f"It returns complex numbers, such as {array.ravel()[0]:.6g}; expected are real ones. "
            "Roots and fractional powers of negative numbers are complex."
        )
    if array.dtype.kind not in "biuf":
        raise Fault(f"It returns a {kind} that is no array of numbers.")
    return array


def _unpacked(array: np.ndarray) -> np.ndarray:
    """An array of Python objects as one of numbers."""
    odd = [entry for entry in array.ravel() if not isinstance(entry, (numbers.Real, Decimal, np.bool_))]
    if odd:
        what = "None" if odd[0] is None else f"a {type(odd[0]).__name__}"
        raise Fault(f"It returns an array in which not every entry is a number: one is {what}.")
    return array.astype(float)


def _unchanged(before: Any, after: Any) -> bool:
    return not isinstance(before, np.ndarray) or np.array_equal(before, after)


# ---------------------------------------------------------------- what was raised


def _look_for_blanks(error: NotImplementedError, fn: Callable, name: str) -> None:
    """Raise NotAttempted if ``fn`` is still blank, Fault if it calls another function of the notebook that is."""
    written = inspect.unwrap(fn)
    if not isinstance(written, types.FunctionType):  # a proxy: what it reports is about the function it stands for
        raise NotAttempted from None
    if not _raised_by_hand(error):
        return  # compiled code says that something is not implemented, as torch does of some number types
    frame = _last_frame(error).tb_frame
    if frame.f_code in _codes(written.__code__) or frame.f_code.co_name == name:
        raise NotAttempted from None
    if frame.f_globals is written.__globals__:
        raise Fault(f"It calls `{frame.f_code.co_name}`, which is not written yet: solve that first.") from None


def _raised_by_hand(error: BaseException) -> bool:
    """Whether a ``raise`` statement raised it, not compiled code, a signal or a clock."""
    last = _last_frame(error)
    return last.tb_frame.f_code.co_code[last.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _last_frame(error: BaseException) -> types.TracebackType:
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    return last


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of every function written inside it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _codes(inner)


def _what_was_raised(error: BaseException, fn: Callable) -> str:
    """Type and message of an exception, and the last line of the student's own cell that led to it."""
    cell = getattr(getattr(fn, "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == cell]
    where = ""
    if lines:
        source = linecache.getline(cell, lines[-1]).strip()
        where = f" in line {lines[-1]} of its cell" + (f", `{source}`" if source else "")
    if isinstance(error, TimeIsUp):
        return (
            f"It did not finish within {SECONDS:g} seconds and was stopped{where}. Does a loop never end, because "
            "what it waits for does not come true?"
        )
    if isinstance(error, SystemExit):
        return f"It stops Python{where}: give the answer back with `return` instead."
    message = " ".join(str(error).split()) or "no message"
    return f"It raised {type(error).__name__}{where}: {message}"


# ---------------------------------------------------------------- how it is shown


def given_as_text(arguments: tuple[str, ...], case: tuple) -> str:
    return ", ".join(f"{name} = {show(value)}" for name, value in zip(arguments, case, strict=True))


def show(value: Any, digits: int = 6) -> str:
    array = np.asarray(value)
    if max((array.size, *array.shape)) > SHOWN_ENTRIES:  # a billion rows of nothing have size 0
        return kind_of(array.shape)
    return str(array.tolist() if array.dtype.kind in "biu" else _rounded(array.tolist(), digits)).replace("'", "")


def _rounded(values, digits: int):
    return [_rounded(v, digits) for v in values] if isinstance(values, list) else f"{values + 0.0:.{digits}g}"


def kind_of(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if shape else "a single number"
