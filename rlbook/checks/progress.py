"""How far a reader is: exercises done, tried and untouched, points, predictions, and what comes next."""

from __future__ import annotations

import ast
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlbook.checks.cards import card

DONE, TRIED, UNTOUCHED = "done", "tried", "untouched"
_MARKS = {DONE: "\N{CHECK MARK}", TRIED: "\N{MULTIPLICATION X}", UNTOUCHED: "\N{WHITE CIRCLE}"}


@dataclass(frozen=True)
class ChapterProgress:
    """A chapter's exercises, each with its state, and the points that the solved ones earn.

    chapter : such as "01_mdp".   states : {exercise: "done", "tried" or "untouched"}, in the notebook's order.
    following : the chapter after it, or "" after the last.
    """

    chapter: str
    states: Mapping[str, str]
    points: int
    out_of: int
    following: str = ""

    @property
    def next_exercise(self) -> str | None:
        """The first exercise that is not solved."""
        return next((name for name, state in self.states.items() if state != DONE), None)

    def count(self, state: str) -> int:
        return list(self.states.values()).count(state)

    @property
    def in_numbers(self) -> str:
        tried = f", {self.count(TRIED)} tried" if self.count(TRIED) else ""
        done = f"{self.count(DONE)} of {len(self.states)} exercises done{tried}"
        return f"{done} \N{MIDDLE DOT} {self.points} of {self.out_of} points"

    def __repr__(self) -> str:
        lines = [f"  {_MARKS[state]} {name}: {state}" for name, state in self.states.items()]
        return "\n".join([f"Chapter {self.chapter}: {self.in_numbers}", *lines, f"Next: {self._next()}"])

    def _repr_html_(self) -> str:
        rows = (f"{_MARKS[state]} <code>{html.escape(name)}</code> {state}" for name, state in self.states.items())
        return card(f"<b>Chapter {self.chapter}</b>: {self.in_numbers}", *rows, f"<b>Next:</b> {self._next(link=True)}")

    def _next(self, link: bool = False) -> str:
        if self.next_exercise:
            return f"<code>{self.next_exercise}</code>, above" if link else f"{self.next_exercise}, above"
        if not self.following:
            return "all is solved, and this was the last chapter with exercises"
        file = f"notebooks/{self.following}.ipynb"
        return f'<a href="../{file}">{file}</a>' if link else file


def chapter_progress(chapter: str, exercises: Mapping, record: Mapping, following: str = "") -> ChapterProgress:
    """A chapter's progress, of its exercises {name: Exercise} and a record as ``read_record`` gives it."""
    states = {}
    for name in exercises:
        entry = record["exercises"].get(name)
        states[name] = UNTOUCHED if entry is None else DONE if entry["done"] else TRIED
    points = {name: exercise.points for name, exercise in exercises.items()}
    earned = sum(points[name] for name, state in states.items() if state == DONE)
    return ChapterProgress(chapter, states, earned, sum(points.values()), following)


def questions_in(notebook: Path) -> list[str]:
    """The questions that a notebook asks with ``predict``, in order; none of one that cannot be read."""
    questions = []
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return questions
    for source in sources:
        try:
            calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        except SyntaxError:  # a cell that the reader is still writing
            continue
        asked = (call.args[0] for call in calls if call.args and getattr(call.func, "id", "") == "predict")
        questions += [node.value for node in asked if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return questions


def predictions_in_numbers(questions: list[str], record: Mapping) -> str:
    """Such as "predictions: 3 of 7 made, 2 came out as said"; "" where nothing was asked."""
    if not questions:
        return ""
    entries = [record["predictions"].get(question, {}) for question in questions]
    made = [entry for entry in entries if entry.get("said") is not None]
    right = [entry for entry in made if entry["said"] == entry["came"]]
    return f"predictions: {len(made)} of {len(questions)} made, {len(right)} came out as said"


def what_next(chapters: list[ChapterProgress]) -> str:
    """The first thing that is left to do, with its file."""
    for chapter in chapters:
        if chapter.next_exercise:
            exercise = f"{chapter.next_exercise} in exercises/{chapter.chapter}.ipynb"
            begun = chapter.count(UNTOUCHED) < len(chapter.states)
            return exercise if begun else f"notebooks/{chapter.chapter}.ipynb, then {exercise}"
    return "all exercises are solved"
