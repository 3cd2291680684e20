"""Exercises as data, and the one function that judges an answer.

An exercise names a reference (the library's own equation), inputs drawn from a seed, and the wrong answers people
really give, each with the sentence that helps. ``judge`` compares a function with that data and says what it found.
It is pure: notebook, tests and grader all call it, with a student's function or with a proxy that runs it elsewhere.
"""

from __future__ import annotations

import copy
import html
import importlib
import itertools
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from rlbook.checks.calling import Fault, NotAttempted, answer_of, is_untouched
from rlbook.checks.comparing import comparison, same, what_differs
from rlbook.checks.mistakes import AsIf, arguments_of

CORRECT, NOT_YET, NOT_ATTEMPTED = "Correct", "Not yet", "Not attempted"

_RAISED = (IndexError, ValueError, ArithmeticError)  # by shapes, rows and numbers; LinAlgError is a ValueError
_ERRORS = ("IndexError", "ValueError", "LinAlgError", "AxisError", "ZeroDivisionError", "OverflowError")
_OWN_CHANCE = (
    "Called twice with the same arguments it gives different answers: draw no random numbers of your own, use those "
    "that are given."
)

# A mark, and a colour that is readable as text on white and on black (the words carry the meaning, not the colour).
_LOOK = {
    CORRECT: ("\N{CHECK MARK}", "#0a8f6a", "10, 143, 106"),
    NOT_YET: ("\N{MULTIPLICATION X}", "#d0561b", "208, 86, 27"),
    NOT_ATTEMPTED: ("\N{WHITE CIRCLE}", "#7a7f87", "122, 127, 135"),
}


@dataclass(frozen=True)
class Exercise:
    """One exercise: a function to write, and everything needed to judge it, to help with it and to test it.

    Parameters
    ----------
    name : the function's name.
    reference : the right answer; its argument names are the ones shown to the student.
    inputs : ``inputs(rng)`` yields cases, each a tuple of arguments (arrays and numbers); all are drawn from ``rng``.
    points, minutes, difficulty : what it is worth, how long it takes, and how hard it is from 1 to 5.
    hints : sentences, each giving away more than the one before.
    mistakes : the sentence that helps -> a function that gives that wrong answer, of the reference's arguments; those
        that ``known_mistakes`` reads are also recognised two at once.
    alternatives : other answers that the exercise's text allows, such as another order of sweeps.
    tolerance : how far off an answer may be, relative to the sizes of what goes in and out. float32 passes.
    starter : for an exercise whose starting code runs but is wrong: that code, as the student gets it.
    chapter : filled in by the registry.

    Raises
    ------
    ValueError : for a field that cannot be; the message names exercise, field and value.
    """

    name: str
    _: KW_ONLY
    reference: Callable
    inputs: Callable[[np.random.Generator], Iterable[tuple]]
    points: int
    minutes: int
    difficulty: int
    hints: tuple[str, ...]
    mistakes: Mapping[str, Callable]
    alternatives: tuple[Callable, ...] = ()
    tolerance: float = 1e-5
    starter: Callable | None = None
    chapter: str = ""

    one_seed_is_enough: ClassVar[bool] = False  # its cases are few: the grader takes several seeds

    def __post_init__(self):
        starter = self.starter if self.starter is not None else self.reference
        functions = {"reference": self.reference, "inputs": self.inputs, "starter": starter}
        rules = (
            ("name", self.name, isinstance(self.name, str) and self.name.isidentifier(), "a function's name"),
            *((field, value, callable(value), "a function") for field, value in functions.items()),
            ("points", self.points, _is_count(self.points), "whole numbers from 1"),
            ("minutes", self.minutes, _is_count(self.minutes), "whole numbers from 1"),
            ("difficulty", self.difficulty, self.difficulty in range(1, 6), "whole numbers from 1 to 5"),
            ("alternatives", self.alternatives, all(map(callable, self.alternatives)), "functions"),
            ("tolerance", self.tolerance, 0 < self.tolerance < 1, "numbers between 0 and 1"),
            ("hints", self.hints, len(self.hints) > 0 and _are_sentences(self.hints), "one sentence or more"),
            (
                "mistakes",
                list(self.mistakes),
                len(self.mistakes) >= 3
                and _are_sentences(self.mistakes)
                and all(map(callable, self.mistakes.values())),
                "three or more, each a sentence with the function that makes the mistake",
            ),
        )
        for field, value, accepted, what in rules:
            if not accepted:
                raise ValueError(f"exercise {self.name!r}: {field} is {value!r}; accepted are {what}")
        bound = {
            s: replace(m, reference=self.reference) if isinstance(m, AsIf) else m for s, m in self.mistakes.items()
        }
        object.__setattr__(self, "mistakes", bound)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the function's arguments."""
        return arguments_of(self.reference)

    def cases(self, seed: int) -> list[tuple]:
        """The argument tuples that ``seed`` gives, smallest first: the first failing one is the easiest to read."""
        cases = list(self.inputs(np.random.default_rng(seed)))
        odd = [case for case in cases if not isinstance(case, tuple) or len(case) != len(self.arguments)]
        if odd or not cases:
            what = f"tuples of {', '.join(self.arguments)}"
            raise ValueError(f"exercise {self.name!r}: inputs give {odd[:1]}; accepted are one or more {what}")
        return sorted(cases, key=lambda case: sum(np.size(argument) for argument in case))

    def judge(self, fn: Callable, seed: int = 0) -> CheckResult:
        """Judge ``fn`` on the inputs that ``seed`` gives. Whatever ``fn`` raises or returns, this returns a result."""

        def verdict(status, message, case="", points=0):
            return CheckResult(self.name, status, message, points, self.points, case)

        if self.starter and is_untouched(fn, self.starter):
            return verdict(NOT_ATTEMPTED, "It is still the code you were given: find what is wrong in it.")
        cases = self.cases(seed)
        try:
            answers = [_outcome(self, fn, case) for case in cases]
            if any(_matches(answers, right, cases, self.tolerance) for right in (self.reference, *self.alternatives)):
                _look_for_whole_numbers(self, fn, cases)
                return verdict(CORRECT, f"It agrees with the reference in all {len(cases)} cases.", points=self.points)
        except NotAttempted:
            return verdict(NOT_ATTEMPTED, "Write your code in place of `raise NotImplementedError`, then check again.")
        except Fault as fault:
            return verdict(NOT_YET, *fault.args)
        wanted = [_answer(self.reference, case) for case in cases]
        raised = next((answer for answer in answers if isinstance(answer, Fault)), None)
        if raised:
            case = " ".join(raised.args)
        else:
            first = [same(*one, self.tolerance) for one in zip(answers, wanted, cases, strict=True)].index(False)
            case = comparison(self.arguments, cases[first], answers[first], wanted[first])
        for sentence, mistake in itertools.chain(self.mistakes.items(), _two_at_once(self.mistakes)):
            if _matches(answers, mistake, cases, self.tolerance):
                return verdict(NOT_YET, sentence, case)
        if raised:
            return verdict(NOT_YET, *raised.args)
        if _draws_its_own_numbers(self, fn, cases, answers):
            return verdict(NOT_YET, _OWN_CHANCE, case)
        return verdict(NOT_YET, what_differs(self.arguments, cases, answers, wanted, self.tolerance), case)


@dataclass(frozen=True)
class CheckResult:
    """What a check found: a status, one message, the points earned, and the smallest case that went wrong, if any."""

    name: str
    status: str
    message: str
    points: int = 0
    out_of: int = 0
    case: str = ""

    @property
    def correct(self) -> bool:
        return self.status == CORRECT

    def __repr__(self) -> str:
        score = f", {self.points} of {self.out_of} points" if self.out_of else ""
        return "\n".join(line for line in (f"{self.status}: {self.name}{score}", self.message, self.case) if line)

    def _repr_html_(self) -> str:
        mark, colour, background = _LOOK[self.status]
        score = f" &middot; {self.points} of {self.out_of} points" if self.out_of else ""
        box = (
            f"border-left: 5px solid {colour}; background: rgba({background}, 0.10); border-radius: 4px; "
            "padding: 8px 14px; margin: 4px 0; max-width: 60em; line-height: 1.5"
        )
        head = f'<b style="color: {colour}">{mark} {self.status}</b> <code>{html.escape(self.name)}</code>{score}'
        lines = [head, *(_with_code(line) for line in (self.message, self.case) if line)]
        return f'<div style="{box}">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>"


class Registry(Mapping):
    """All exercises by name. A chapter's module is imported when it is first needed: chapter 1 must not wait for torch.

    chapters : {chapter: module}; the module holds its exercises, in the notebook's order, as ``EXERCISES``.
    """

    def __init__(self, chapters: Mapping[str, str]):
        self.chapters = dict(chapters)
        self._loaded: dict[str, dict[str, Exercise]] = {}

    def chapter(self, chapter: str) -> dict[str, Exercise]:
        """The exercises of one chapter such as "01_mdp", by name. Raises ValueError for a chapter that is not there."""
        if chapter not in self.chapters:
            raise ValueError(f"the chapter is {chapter!r}; accepted are {', '.join(self.chapters)}")
        if chapter not in self._loaded:
            exercises = importlib.import_module(self.chapters[chapter]).EXERCISES
            self._loaded[chapter] = {e.name: replace(e, chapter=chapter) for e in exercises}
        return self._loaded[chapter]

    def __getitem__(self, name: str) -> Exercise:
        for chapter in self.chapters:
            if name in self.chapter(chapter):
                return self.chapter(chapter)[name]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for chapter in self.chapters for name in self.chapter(chapter))

    def __len__(self) -> int:
        return sum(len(self.chapter(chapter)) for chapter in self.chapters)


def evaluate(exercise, fn: Callable, seed: int = 0) -> CheckResult:
    """Judge ``fn``, an answer to an exercise of any kind, on what ``seed`` gives."""
    return exercise.judge(fn, seed)


def _answer(fn: Callable, case: tuple) -> np.ndarray:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(fn(*copy.deepcopy(case)), dtype=float)


def _outcome(exercise: Exercise, fn: Callable, case: tuple) -> np.ndarray | Fault:
    """The answer to one case, or the Fault of an error that a known mistake may raise as well."""
    try:
        return answer_of(fn, exercise.name, exercise.arguments, case)
    except Fault as fault:
        if _error_of(fault) is None:
            raise
        return fault


def _error_of(fault: Fault) -> str | None:
    """The name of the error that a Fault tells of, if it is one that wrong shapes, rows and matrices raise."""
    named = re.match(r"It raised (\w+Error)", fault.args[0])  # the text alone comes out of the grader's box
    return named[1] if named and named[1] in _ERRORS else None


def _matches(answers: list[np.ndarray | Fault], fn: Callable, cases: list[tuple], tolerance: float) -> bool:
    """Whether ``fn`` answers so, and raises the same errors where errors were raised; errors alone prove nothing."""

    def alike(answer, case) -> bool:
        try:
            known = _answer(fn, case)
        except _RAISED as error:
            return isinstance(answer, Fault) and type(error).__name__ == _error_of(answer)
        return not isinstance(answer, Fault) and same(answer, known, case, tolerance)

    return all(map(alike, answers, cases)) and not all(isinstance(answer, Fault) for answer in answers)


def _draws_its_own_numbers(exercise: Exercise, fn: Callable, cases: list[tuple], answers: list[np.ndarray]) -> bool:
    """Whether it answers otherwise when it is asked the same again."""
    try:
        again = [answer_of(fn, exercise.name, exercise.arguments, case) for case in cases]
    except Fault:
        return False
    return not all(same(*one, exercise.tolerance) for one in zip(again, answers, cases, strict=True))


def _two_at_once(mistakes: Mapping[str, Callable]) -> Iterator[tuple[str, Callable]]:
    """Both sentences, and what then comes out."""
    changes = [(sentence, mistake) for sentence, mistake in mistakes.items() if isinstance(mistake, AsIf)]
    for (one, first), (other, second) in itertools.combinations(changes, 2):
        both = first.and_also(second)
        if both:
            yield f"Two things: {one} {other}", both


def _look_for_whole_numbers(exercise: Exercise, fn: Callable, cases: list[tuple]) -> None:
    """Raise Fault if a right answer becomes another one where the same numbers come as ``int``.

    An answer that raises there is let pass: torch refuses to mix types aloud, ``np.zeros_like`` cuts in silence.
    """
    for case in cases:
        whole = tuple(map(_as_whole_numbers, case))
        try:
            answer = answer_of(fn, exercise.name, exercise.arguments, whole)
        except Fault:
            continue
        wanted = _answer(exercise.reference, whole)
        if not any(
            same(answer, _answer(right, whole), whole + case, exercise.tolerance)
            for right in (exercise.reference, *exercise.alternatives)
        ):
            raise Fault(
                "Given whole numbers (`int`) it cuts its answer to whole numbers too, as `np.zeros_like` and "
                "`.copy()` of such an array do: make room for fractions, `np.zeros(shape)` or `.astype(float)`.",
                comparison(exercise.arguments, whole, answer, wanted),
            )


def _as_whole_numbers(argument):
    """The argument as ``int`` where it holds floating-point numbers that are all whole, else as it is."""
    array = np.asarray(argument)
    if array.dtype.kind != "f" or (array % 1).any():
        return argument
    return array.astype(int) if array.ndim else int(array)


def _with_code(line: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(line, quote=False))


def _is_count(value) -> bool:
    return isinstance(value, int) and value >= 1


def _are_sentences(texts) -> bool:
    return not isinstance(texts, str) and all(isinstance(text, str) and text.strip() for text in texts)
