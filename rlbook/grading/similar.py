"""Answers that are alike after normalising names and layout: pairs worth a look, and no proof of anything."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rlbook.grading.marks import Result
from rlbook.grading.report import csv_text
from rlbook.grading.run import write

LEAST = 90.0  # per cent of the tokens that two answers must share to be listed
COMMON = 3  # an answer that more students than this give in the very same form is what one writes, and counts no more


def pairs(students: dict[str, list[Result]], least: float = LEAST) -> list[tuple[float, str, str, list[str]]]:
    """(similarity in per cent, student, student, exercises that are alike), the most similar first.

    Compared are the answers that both gave and that are not common; similarity is that of their token sequences
    (rapidfuzz's normalised indel similarity), together. Raises ValueError where rapidfuzz is not installed.
    """
    try:
        from rapidfuzz import fuzz
    except ImportError:
        raise ValueError("--similar needs the package rapidfuzz: pip install rapidfuzz") from None
    forms = {name: _forms(results) for name, results in students.items()}
    seen = Counter(item for answers in forms.values() for item in answers.items())
    rare = {
        name: {exercise: form.split() for exercise, form in answers.items() if seen[exercise, form] <= COMMON}
        for name, answers in forms.items()
    }
    found, names = [], sorted(rare)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = sorted(rare[one].keys() & rare[other].keys())
            whole = [[token for exercise in both for token in rare[name][exercise]] for name in (one, other)]
            score = fuzz.ratio(*whole, score_cutoff=least) if both else 0.0
            if score >= least:
                alike = [
                    exercise for exercise in both if fuzz.ratio(rare[one][exercise], rare[other][exercise]) >= least
                ]
                found.append((score, one, other, alike))
    return sorted(found, key=lambda pair: (-pair[0], *pair[1:3]))


def _forms(results: list[Result]) -> dict[str, str]:
    return {f"{result.chapter}/{name}": form for result in results for name, form in result.forms.items() if form}


def write_similar(out: Path, students: dict[str, list[Result]]) -> Path:
    """Write similar.csv: one row a pair. Returns its path."""
    rows = [[f"{score:.0f}", one, other, " ".join(alike)] for score, one, other, alike in pairs(students)]
    write(out / "similar.csv", csv_text([["per_cent", "student", "student", "exercises"], *rows]))
    return out / "similar.csv"
