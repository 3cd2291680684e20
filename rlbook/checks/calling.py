"""Calling a student's function and reading what comes back: numbers, or the one sentence that says why not."""

from __future__ import annotations

import copy
import dis
import inspect
import linecache
import numbers
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_SHOWN_ENTRIES = 16


class NotAttempted(Exception):
    """The function is still the blank one."""


class Fault(Exception):
    """What came back is not an answer: (message,) or (message, case)."""


def answer_of(fn: Callable, name: str, arguments: tuple[str, ...], case: tuple) -> np.ndarray:
    """What ``fn`` answers to one case, as an array of real numbers of any width, or of truth values.

    Raises NotAttempted or Fault. A KeyboardInterrupt passes: the stop button is how one leaves an endless loop.
    """
    given = copy.deepcopy(case)
    try:
        # A warning on stderr costs all points under nbgrader; what is wrong shows in the numbers anyway.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = fn(*given)
            answer = None if answer is None else _numbers(answer)
    except Fault:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, NotImplementedError):
            _look_for_blanks(error, fn)
        called = f"It was called as `{name}({', '.join(arguments)})`, with {given_as_text(arguments, case)}."
        raise Fault(_what_was_raised(error, fn), called) from None
    if answer is None:
        raise Fault("It returns None: end the function with `return` and the answer.")
    changed = [f"`{n}`" for n, a, b in zip(arguments, case, given, strict=True) if not _unchanged(a, b)]
    if changed:
        copied = changed[0].strip("`")
        raise Fault(f"It changes its input {' and '.join(changed)}: work on a copy, `{copied}.copy()`.")
    return answer


# ---------------------------------------------------------------- what came back


def _numbers(answer: Any) -> np.ndarray:
    """The answer as an array of bool, int or float; lists, tensors and arrays of Python numbers are answers too."""
    kind = type(answer).__name__
    if callable(answer) and not hasattr(answer, "__array__"):
        raise Fault("It returns a function, not what the function gives: are its brackets `()` missing?")
    if hasattr(answer, "detach"):  # a torch tensor, perhaps one that keeps track of gradients or lives on a GPU
        answer = answer.detach().cpu()
    try:
        array = np.asarray(answer)
    except Exception:
        raise Fault(f"It returns a {kind} that is no array of numbers.") from None
    if array.dtype.kind == "O" and (array.ndim or isinstance(answer, numbers.Number)):
        array = _unpacked(array)
    if array.dtype.kind == "c":
        array = _real(array)
    if array.dtype.kind not in "biuf":
        raise Fault(f"It returns a {kind} that is no array of numbers.")
    return array


def _unpacked(array: np.ndarray) -> np.ndarray:
    """An array of Python objects as one of numbers."""
    odd = [entry for entry in array.ravel() if not isinstance(entry, (numbers.Number, np.bool_))]
    if odd:
        what = "None" if odd[0] is None else f"a {type(odd[0]).__name__}"
        raise Fault(f"It returns an array in which not every entry is a number: one is {what}.")
    return array.astype(complex if any(isinstance(entry, complex) for entry in array.ravel()) else float)


def _real(array: np.ndarray) -> np.ndarray:
    imaginary = array[array.imag != 0]
    if imaginary.size:
        raise Fault(
            f"It returns complex numbers, such as {imaginary.ravel()[0]:.6g}; expected are real ones. "
            "Roots and fractional powers of negative numbers are complex."
        )
    return array.real


def _unchanged(before: Any, after: Any) -> bool:
    return not isinstance(before, np.ndarray) or np.array_equal(before, after)


# ---------------------------------------------------------------- what was raised


def _look_for_blanks(error: NotImplementedError, fn: Callable) -> None:
    """Raise NotAttempted if ``fn`` is still blank, Fault if it calls another function of the notebook that is."""
    written = inspect.unwrap(fn)
    if not isinstance(written, types.FunctionType):  # a proxy: what it reports is about the function it stands for
        raise NotAttempted from None
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    code = last.tb_frame.f_code
    if code.co_code[last.tb_lasti] != dis.opmap["RAISE_VARARGS"]:
        return  # compiled code says that something is not implemented, as torch does of some number types
    if code in _codes(written.__code__):
        raise NotAttempted from None
    if last.tb_frame.f_globals is written.__globals__:
        raise Fault(f"It calls `{code.co_name}`, which is not written yet: solve that first.") from None


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
    if isinstance(error, SystemExit):
        return f"It stops Python{where}: give the answer back with `return` instead."
    message = " ".join(str(error).split()) or "no message"
    return f"It raised {type(error).__name__}{where}: {message}"


# ---------------------------------------------------------------- how it is shown


def given_as_text(arguments: tuple[str, ...], case: tuple) -> str:
    return ", ".join(f"{name} = {show(value)}" for name, value in zip(arguments, case, strict=True))


def comparison(arguments: tuple[str, ...], case: tuple, answer: np.ndarray, wanted: np.ndarray) -> str:
    """What went in, what came out and what was expected, in one line; of a large array the worst entry only."""
    what = "it returns"
    if answer.shape == wanted.shape and wanted.size > _SHOWN_ENTRIES:
        difference = np.where(np.isfinite(answer), np.abs(answer - wanted), np.inf)
        worst = np.unravel_index(difference.argmax(), wanted.shape)
        what = f"at [{', '.join(str(i) for i in worst)}] it returns"
        answer, wanted = answer[worst], wanted[worst]
    digits = 6 if show(answer) != show(wanted) else 16
    got, expected = show(answer, digits), show(wanted, digits)
    return f"With {given_as_text(arguments, case)}: {what} {got}, expected is {expected}."


def what_differs(answer: np.ndarray, wanted: np.ndarray) -> str:
    """One sentence on an answer that is wrong and no known mistake."""
    if answer.shape != wanted.shape:
        return f"It returns {_kind(answer)}; expected is {_kind(wanted)}."
    if not np.isfinite(answer).all():
        return f"It returns {answer[~np.isfinite(answer)].ravel()[0]:g} where a finite number is expected."
    if answer.dtype.kind == "b":
        return "It returns True and False; expected are numbers."
    if answer.dtype.kind == "f" and answer.itemsize < 8 and np.allclose(answer, wanted, rtol=1e-4, atol=1e-6):
        return f"It is right in its first digits only: compute in float64, not {answer.dtype}."
    return "It returns other numbers than expected."


def show(value: Any, digits: int = 6) -> str:
    array = np.asarray(value)
    if array.size > _SHOWN_ENTRIES:
        return _kind(array)
    return str(array.tolist() if array.dtype.kind in "biu" else _rounded(array.tolist(), digits)).replace("'", "")


def _rounded(values, digits: int):
    return [_rounded(v, digits) for v in values] if isinstance(values, list) else f"{values + 0.0:.{digits}g}"


def _kind(array: np.ndarray) -> str:
    return f"an array of shape {array.shape}" if array.ndim else "a single number"
