"""From a notebook to marks: every exercise of its chapter on several secret seeds, judged outside the box."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from rlbook.checks import EXERCISES
from rlbook.checks.exercise import NOT_ATTEMPTED, Exercise
from rlbook.grading.box import Box, Limits
from rlbook.grading.forms import form_of
from rlbook.grading.session import Cell, Proxy, Session, Unreadable, plain, read_cells

GRADED, UNREADABLE, UNGRADED = "graded", "unreadable", "ungraded"
N_SEEDS = 5


@dataclass(frozen=True)
class Mark:
    """What one exercise earned, and the sentence that says why."""

    exercise: str
    status: str
    points: float
    out_of: int
    message: str
    case: str = ""


@dataclass
class Result:
    """What became of one notebook.

    Attributes
    ----------
    status : graded, unreadable (the file is no notebook of the workbook: no points) or ungraded (the grader could not
        do its work: no marks at all, and the reason in ``notes``).
    notes : sentences on the notebook as a whole.
    cells : of every code cell its number, text, output and problem.
    forms : of every exercise that was attempted the answer without its own names and layout, to compare with others'.
    seconds, grader_memory : what grading cost: time, and the most bytes that the judging process held.
    """

    student: str
    chapter: str
    status: str = GRADED
    marks: list[Mark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[dict] = field(default_factory=list)
    forms: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    grader_memory: int = 0

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    @property
    def out_of(self) -> int:
        return sum(mark.out_of for mark in self.marks)

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict) -> Result:
        return cls(**{**record, "marks": [Mark(**mark) for mark in record["marks"]]})


def secret_seeds(seed: int, n_seeds: int = N_SEEDS) -> list[int]:
    """The seeds of the inputs in one run, the same for every submission."""
    return [int(word) for word in np.random.SeedSequence(seed).generate_state(n_seeds)]


def chapter_of(name: str, cells: list[Cell]) -> str:
    """The chapter that a notebook answers: the one in its file's name, if the notebook defines any of its functions,
    else the one most of whose functions it defines.

    Raises Unreadable where there is none.
    """
    defined = frozenset().union(*(cell.defines for cell in cells))
    named = [chapter for chapter in EXERCISES.chapters if chapter in name][:1]
    best, most = "", 0
    # a chapter is imported when its turn comes, and that may take a while
    for chapter in (*named, *EXERCISES.chapters):
        exercises = EXERCISES.chapter(chapter)
        count = len(defined & exercises.keys())
        if 2 * count > len(exercises) or (count and chapter in named):
            return chapter
        if count > most:
            best, most = chapter, count
    if not best and not named:
        raise Unreadable(f"It holds no exercise, and its name none of the chapters {', '.join(EXERCISES.chapters)}.")
    return best or named[0]


def mark_notebook(
    student: str, name: str, notebook: bytes, *, open_box: Callable[[str], Box], limits: Limits, seeds: list[int]
) -> Result:
    """Judge one notebook, given as its file's name and bytes; ``open_box(chapter)`` gives a box for that chapter."""
    try:
        cells = read_cells(notebook)
        chapter = chapter_of(name, cells)
    except Unreadable as problem:
        return Result(student, "", UNREADABLE, notes=[str(problem)])
    exercises = EXERCISES.chapter(chapter)
    result = Result(student, chapter, notes=_remarks(cells, exercises))
    session = Session(cells, lambda: open_box(chapter), limits)
    try:
        for exercise in exercises.values():
            result.marks.append(mark_exercise(exercise, session, seeds))
            if session.refused:
                return Result(student, chapter, UNGRADED, notes=[f"The box did not start: {session.refused}."])
    finally:
        session.close()
    attempted = [mark.exercise for mark in result.marks if mark.status != NOT_ATTEMPTED]
    result.forms = {name: form_of(cells, name) for name in attempted}
    result.cells = [
        {"number": c.number, "source": plain(c.source, 20_000), "printed": c.printed, "problem": c.problem}
        for c in cells
    ]
    return result


def mark_exercise(exercise: Exercise, session: Session, seeds: list[int]) -> Mark:
    """The worst verdict over the seeds; the first one that is not Correct ends it."""
    proxy = Proxy(session, exercise.name, exercise.arguments)
    verdict = None
    for seed in seeds[:1] if exercise.one_seed_is_enough else seeds:
        found = exercise.judge(proxy, seed)
        if verdict is None or found.points < verdict.points:
            verdict = found
        if not found.correct:
            break
    message, case = plain(verdict.message), plain(verdict.case)
    return Mark(exercise.name, verdict.status, verdict.points, exercise.points, message, case)


def _remarks(cells: list[Cell], exercises: Mapping[str, Exercise]) -> list[str]:
    """Sentences on functions that are defined nowhere, or more than once."""
    remarks = []
    for name in exercises:
        places = [str(cell.number) for cell in cells if name in cell.defines]
        if not places:
            remarks.append(f"There is no cell that defines {name}.")
        elif len(places) > 1:
            remarks.append(f"{name} is defined in cells {' and '.join(places)}: the last one that runs counts.")
    return remarks
