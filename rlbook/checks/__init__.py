"""Checks for the exercises: ``check(fn)``, ``hint("fn")``, ``ready(fn, ...)`` and ``progress("01_mdp")``.

The exercises themselves are data, one file a chapter; ``EXERCISES`` holds them all by name.
"""

from __future__ import annotations

import inspect
import os

from rlbook.checks.calling import SECONDS, TimeIsUp, kept_quiet, time_limit
from rlbook.checks.exercise import NOT_ATTEMPTED, NOT_YET, CheckResult, Exercise, Registry, evaluate
from rlbook.checks.progress import ChapterProgress, chapter_progress
from rlbook.checks.record import note_check, present_record

__all__ = ["EXERCISES", "CheckResult", "Exercise", "check", "evaluate", "hint", "progress", "ready"]

EXERCISES = Registry(
    {
        "01_mdp": "rlbook.checks.mdp",
        "02_q_learning": "rlbook.checks.q_learning",
        "03_dqn": "rlbook.checks.dqn",
        "04_ppo": "rlbook.checks.ppo",
        "05_sim_to_real": "rlbook.checks.sim_to_real",
    }
)

_hints_given: dict[str, int] = {}


def check(fn, seed: int = 0) -> CheckResult | None:
    """Judge your function; the exercise is the one of its name. The last line of a cell shows the result.

    Under nbgrader, which gives a cell's points unless it raises, an answer that is not right raises AssertionError; a
    right one is printed and None returned, because nbgrader reads a cell's value as partial credit.
    """
    result = _judged(fn, seed, _callers_names())
    if result.status != NOT_ATTEMPTED:
        note_check(result.name, result.correct)
    # nbgrader sets the variable to "autograde" or "validate" while it runs a notebook (its pull request 1425).
    if "NBGRADER_EXECUTION" not in os.environ:
        return result
    if not result.correct:
        raise AssertionError(str(result))
    print(result)
    return None


def hint(name, number: int | None = None) -> None:
    """Print the next hint of an exercise, or hint ``number``, counted from 1."""
    name = getattr(name, "__name__", name)
    if name not in EXERCISES:
        print(_unknown(name))
        return
    hints = EXERCISES[name].hints
    if number is None:
        number = _hints_given.get(name, 0) + 1
    if number not in range(1, len(hints) + 1):
        print(f'{name} has {len(hints)} hints. See one again with hint("{name}", 1).')
        return
    _hints_given[name] = max(number, _hints_given.get(name, 0))
    print(f"Hint {number} of {len(hints)}: {hints[number - 1]}")


def progress(chapter: str) -> ChapterProgress:
    """How far you are in a chapter such as "01_mdp". The last line of a cell shows it."""
    chapters = list(EXERCISES.chapters)
    exercises = EXERCISES.chapter(chapter)
    following = "".join(chapters[chapters.index(chapter) + 1 :][:1])
    return chapter_progress(chapter, exercises, present_record(), following)


def ready(*fns) -> bool:
    """True when all these functions are solved; else says which to solve first."""
    given = _callers_names()
    missing = [result.name for result in (_judged(fn, 0, given) for fn in fns) if not result.correct]
    if missing:
        names = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
        print(f"Solve {names} first, then run this cell again.")
    return not missing


def _judged(fn, seed: int, names: dict) -> CheckResult:
    if not callable(fn):
        message = f"check takes the function itself, as in check(td_update), not a {type(fn).__name__}."
        return CheckResult(repr(fn)[:40], NOT_ATTEMPTED, message)
    name = getattr(fn, "__name__", None)
    if name not in EXERCISES:  # ``name = lambda ...``, a partial, a method: the notebook knows it by another name
        name = next((other for other, value in names.items() if value is fn and other in EXERCISES), name)
    if name not in EXERCISES:
        return CheckResult(str(name), NOT_ATTEMPTED, _unknown(name))
    try:
        with kept_quiet(), time_limit():
            return EXERCISES[name].judge(fn, seed)
    except TimeIsUp:  # after the answers came, while they were being compared
        return CheckResult(name, NOT_YET, f"It did not finish within {SECONDS:g} seconds: its answers took too long.")


def _callers_names() -> dict:
    """The names in the cell, or function, that called ``check`` or ``ready``."""
    caller = inspect.currentframe().f_back.f_back
    return caller.f_globals | caller.f_locals


def _unknown(name) -> str:
    return f"There is no exercise named {name}. There are {', '.join(EXERCISES)}."
