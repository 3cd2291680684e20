"""Comparing answers with what is expected: the one rule of what counts as the same, and what is said of the rest.

``what_differs`` knows no exercise. It says what is true of the numbers (the sign, a factor, a turned table, the rows
that went wrong), so that it helps with mistakes that nobody foresaw and never names one that was not made.
"""

from __future__ import annotations

import numpy as np

from rlbook.checks.calling import SHOWN_ENTRIES, given_as_text, kind_of, show

# What an answer may be in place of the numbers asked for: sentence -> what it then returns.
_INSTEAD = {
    "The sign of every number is wrong.": np.negative,
    "It returns one minus each of the numbers asked for: the share or chance of the opposite.": lambda wanted: (
        1 - wanted
    ),
    "It cuts its answer to whole numbers, as `int`, `//` and arrays made for whole numbers do.": np.trunc,
    "It rounds its answer to whole numbers.": np.round,
    "It returns the sizes of the numbers asked for, without their signs.": np.abs,
    "It returns the squares of the numbers asked for.": np.square,
    "It returns the square roots of the numbers asked for.": lambda wanted: np.sqrt(np.abs(wanted)),
}
# The same where rows are asked for.
_INSTEAD_OF_ROWS = {
    "It returns the mean of the numbers asked for: return them all.": np.mean,
    "It returns the sum of the numbers asked for: return them all.": np.sum,
    "It returns the largest of the numbers asked for: return them all.": np.max,
    "It returns the first row only: return all of them.": lambda wanted: wanted[0],
    "It returns the last row only: return all of them.": lambda wanted: wanted[-1],
    "It stops after the first row: return all of them.": lambda wanted: wanted[:1],
    "The last entry is missing.": lambda wanted: wanted[:-1],
    "Rows and columns have changed places.": np.transpose,
    "The order is turned round: what stands last should stand first.": lambda wanted: wanted[::-1],
}
# Where one number is expected: sentence -> what an array must give for it to be true.
_UNREDUCED = {
    "It returns the terms one by one: add them up.": np.sum,
    "It returns one number for each row: take their mean.": np.mean,
    "It returns every value on the way: only the last one is asked for.": lambda answer: answer.ravel()[-1],
    "It returns an array: only its first entry is asked for.": lambda answer: answer.ravel()[0],
}


def same(answer: np.ndarray, wanted: np.ndarray, case: tuple, tolerance: float) -> bool:
    """Same shape, and no entry further off than ``tolerance`` times the largest number that went in or is expected.

    float32 rounds a number by 6e-8 of its size, and differences of large numbers keep that error: hence the size of
    what went in. The whole numbers among the arguments are counts, not sizes.
    """
    if answer.shape != wanted.shape:
        return False
    sizes = [np.abs(a).max() for a in (wanted, *case) if np.asarray(a).dtype.kind == "f" and np.size(a)]
    scale = max((size for size in sizes if np.isfinite(size)), default=1.0)
    return np.allclose(answer, wanted, rtol=0, atol=tolerance * scale, equal_nan=True)


def what_differs(arguments: tuple[str, ...], cases: list[tuple], answers: list, wanted: list, tolerance: float) -> str:
    """One sentence or two on answers that are wrong and no known mistake of their exercise."""
    right = [same(*one, tolerance) for one in zip(answers, wanted, cases, strict=True)]

    def everywhere(candidates) -> bool:
        return all(same(c, a, case, tolerance) for c, a, case in zip(candidates, answers, cases, strict=True))

    rows = all(w.ndim for w in wanted)
    for sentence, instead in (_INSTEAD | (_INSTEAD_OF_ROWS if rows else {})).items():
        candidates = [np.asarray(instead(w)) for w in wanted]
        if any(c.any() for c in candidates) and everywhere(candidates):
            return sentence
    for name, given in zip(arguments, zip(*cases, strict=True), strict=True):
        if everywhere([np.asarray(value) for value in given]):
            return f"It returns `{name}` as it was given."
    if all(a.shape == w.shape for a, w in zip(answers, wanted, strict=True)):
        return _numbers_differ(arguments, cases, answers, wanted, right, tolerance)
    if all(w.ndim == 0 and a.size for a, w in zip(answers, wanted, strict=True)):
        for sentence, reduced in _UNREDUCED.items():
            if all(
                same(np.asarray(reduced(a)), w, c, tolerance) for a, w, c in zip(answers, wanted, cases, strict=True)
            ):
                return sentence
    wrong_shapes = [i for i, (a, w) in enumerate(zip(answers, wanted, strict=True)) if a.shape != w.shape]
    return _shapes_differ(answers[wrong_shapes[-1]].shape, wanted[wrong_shapes[-1]].shape)


def _numbers_differ(arguments, cases, answers, wanted, right, tolerance) -> str:
    """The shapes are right."""
    bad = next((a[~np.isfinite(a)] for a in answers if not np.isfinite(a).all()), None)
    if bad is not None:
        return f"It returns {bad.ravel()[0]:g} where a finite number is expected."
    if any(a.dtype.kind == "f" and a.itemsize < 4 for a in answers) and all(
        same(*one, 1e-2) for one in zip(answers, wanted, cases, strict=True)
    ):
        return "It is right in its first digits only: compute in float32 or float64."
    ratio = _factor(answers, wanted)
    if ratio is not None and all(
        same(a, ratio * w, c, tolerance) for a, w, c in zip(answers, wanted, cases, strict=True)
    ):
        return f"Every number is {ratio:.6g} times what is expected."
    where = _where(arguments, cases, answers, wanted, right, tolerance)
    return "It returns other numbers than expected." + (f" {where}" if where else "")


def _factor(answers, wanted) -> float | None:
    """The number that all expected ones would be multiplied with, if there is one other than 0 and 1."""
    a, w = (np.concatenate([array.ravel() for array in arrays]) for arrays in (answers, wanted))
    largest = np.abs(w).argmax()
    ratio = a[largest] / w[largest] if w[largest] else 0.0
    return float(ratio) if ratio not in (0.0, 1.0) else None


def _where(arguments, cases, answers, wanted, right, tolerance) -> str:
    """Which rows or which cases went wrong, if one argument tells them apart from those that did not."""
    limit = lambda w: tolerance * max(1.0, np.abs(w).max(initial=0))  # noqa: E731
    rows = [
        (np.abs(a - w) > limit(w)).reshape(len(w), -1).any(axis=1) if np.ndim(w) else np.array([not ok])
        for a, w, ok in zip(answers, wanted, right, strict=True)
    ]
    wrong = np.concatenate(rows)
    for name, given in zip(arguments, zip(*cases, strict=True), strict=True):
        flags = [np.asarray(value) for value in given]
        if all(f.dtype == bool and f.shape == row.shape for f, row in zip(flags, rows, strict=True)):
            flag = np.concatenate(flags)
            for state in (True, False):
                if not wrong[flag != state].any() and (~wrong[flag != state]).sum() > 1:
                    return f"It goes wrong only where `{name}` is {state}."
        elif all(np.ndim(value) == 0 for value in given):
            for special in (0, 1):
                if {value == special for value, ok in zip(given, right, strict=True) if ok} == {True} and all(
                    ok for value, ok in zip(given, right, strict=True) if value == special
                ):
                    return f"It is right where {name} is {special}, and only there."
    return ""


def _shapes_differ(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    what = f"It returns {kind_of(got)}; expected is {kind_of(expected)}."
    if got == (*expected, 1):
        return f"{what} Take the last axis off, `[..., 0]`: shapes (B, 1) and (B,) do not mean the same."
    if len(expected) == 1 and got == expected * 2:
        return (
            f"{what} Shapes (B, 1) and (B,) that meet give a number for every pair of rows, and so do `[:, action]` "
            "and `@` with a turned table: combine every row with itself alone."
        )
    if len(got) == len(expected) == 1 and abs(got[0] - expected[0]) == 1:
        return f"{what} That is one entry too {'many' if got > expected else 'few'}."
    return what


def comparison(arguments: tuple[str, ...], case: tuple, answer: np.ndarray, wanted: np.ndarray) -> str:
    """What went in, what came out and what was expected, in one line; of a large array the worst entry only."""
    what = "it returns"
    if answer.shape == wanted.shape and wanted.size > SHOWN_ENTRIES:
        difference = np.where(np.isfinite(answer), np.abs(answer - wanted), np.inf)
        worst = np.unravel_index(difference.argmax(), wanted.shape)
        what = f"at [{', '.join(str(i) for i in worst)}] it returns"
        answer, wanted = answer[worst], wanted[worst]
    digits = 6 if show(answer) != show(wanted) else 16
    got, expected = show(answer, digits), show(wanted, digits)
    return f"With {given_as_text(arguments, case)}: {what} {got}, expected is {expected}."
