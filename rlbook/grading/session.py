"""A submission at work: its cells run in a box, its functions are called there, and what breaks is left out."""

from __future__ import annotations

import ast
import json
import re
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from symtable import symtable
from typing import Any

import numpy as np

from rlbook.checks.calling import Fault
from rlbook.grading.box import Box, BoxError, Ended, Limits, Lost

MAX_NOTEBOOK, MAX_CELLS = 16 * 1024**2, 1000
MAX_VALUES = 1_000_000  # in a notebook's file: one takes up to 90 bytes of memory, and as few as 3 of the file
MAX_CODE = 3_000_000  # characters in all code cells: what Python makes of one, to look into it, takes up to 30 bytes
MAX_READ = 100_000  # characters of a cell that is looked into; a longer one is only executed
MAX_ANSWER = 4 * 1024**2  # bytes; the answers to all cases are held at once
SKIPPED_TAGS = {"check", "demo", "training"}
FOR_NOTEBOOKS = "NotWhileGrading: "  # how the stand-ins of ``library`` refuse

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Unreadable(ValueError):
    """A file that is no notebook; the message is for the student."""


@dataclass
class Cell:
    """A code cell: its number among all cells from 1, its text, and what became of it.

    ``lost`` is True for a cell that never ended or broke the box: it is left out from then on.
    """

    number: int
    source: str
    tags: frozenset[str] = frozenset()
    printed: str = ""
    problem: str = ""
    lost: bool = False
    defines: frozenset[str] = field(init=False)

    def __post_init__(self):
        self.defines = _defined(self.source)

    @property
    def skipped(self) -> bool:
        """A tag alone does not lose an answer: a cell that defines something is always executed."""
        return bool(self.tags & SKIPPED_TAGS) and not self.defines


def read_cells(notebook: bytes) -> list[Cell]:
    """The code cells of a notebook's file. Raises Unreadable, in one sentence, for anything else."""
    if not notebook.strip():
        raise Unreadable("The file is empty.")
    if len(notebook) > MAX_NOTEBOOK:
        raise Unreadable(f"The file has {len(notebook)} bytes; accepted are {MAX_NOTEBOOK}.")
    if sum(map(notebook.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise Unreadable(f"The file holds more than {MAX_VALUES:,} values: clear its outputs, and hand it in again.")
    try:
        content = json.loads(notebook.decode("utf-8-sig"))
        cells = content["cells"]
        if not isinstance(cells, list) or len(cells) > MAX_CELLS:
            raise ValueError(f"the list of cells is none, or has more than {MAX_CELLS}")
        code = [(n, *_text_and_tags(cell)) for n, cell in enumerate(cells, start=1) if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"The file is not a Jupyter notebook of format 4 ({type(error).__name__}).") from None
    del content, cells  # its pictures and words, before memory is taken to look into its code
    if sum(len(text) for _, text, _ in code) > MAX_CODE:
        raise Unreadable(f"Its code cells hold more than {MAX_CODE:,} characters: clear away what is no code.")
    return [Cell(*parts) for parts in code]


def _text_and_tags(cell: dict) -> tuple[str, frozenset[str]]:
    source, tags = cell["source"], (cell.get("metadata") or {}).get("tags") or []
    text = source if isinstance(source, str) else "".join(source)
    return text, frozenset(tag for tag in tags if isinstance(tag, str))


def _defined(source: str) -> frozenset[str]:
    """The names that a cell gives to functions, classes, modules and values; where it cannot be read, its `def`s."""
    table = syntax_of(source, symtable)
    if table is None:
        return frozenset(re.findall(r"^[ \t]*def[ \t]+(\w+)", source, re.MULTILINE))
    return frozenset(name.get_name() for name in table.get_symbols() if name.is_assigned() or name.is_imported())


def syntax_of(source: str, read: Callable = ast.parse) -> Any:
    """What ``read`` makes of a cell (or ``symtable``, ``compile``); None where it is no Python, or too much."""
    if len(source) > MAX_READ:
        return None
    try:
        return read(source, "a cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def plain(text: object, length: int = 4000) -> str:
    """Words from the box, without what could steer a terminal or hide in a page, cut to a length."""
    return _CONTROL.sub("", _COLOUR.sub("", text[:length])) if isinstance(text, str) else ""


class Session:
    """The notebook's cells in a box, and calls of its functions. ``close`` it in the end.

    open_box : gives a new box. It may raise BoxError, which ``refused`` keeps: what calls a function takes every error
        for the answer's own.
    """

    def __init__(self, cells: list[Cell], open_box: Callable[[], Box], limits: Limits):
        self.cells, self._open, self._limits = cells, open_box, limits
        self._end = time.monotonic() + limits.total
        self._box: Box | None = None
        self.refused: BoxError | None = None  # why there is no box: nobody's fault who wrote an answer

    def call(self, name: str, arguments: tuple[str, ...], given: tuple) -> object:
        """What a function of the submission answers. Raises Fault, and NotImplementedError where it is blank."""
        reply = self._call(name=name, arguments=list(arguments), given=list(given))
        if reply.get("blank") is True:
            raise NotImplementedError
        if reply.get("missing") is True:
            raise Fault(self._why_missing(name))
        if "fault" in reply:
            said = reply["fault"] if isinstance(reply["fault"], list) else []
            raise Fault(*[plain(text) for text in said[:2]] or ["It raised an error."])
        answer = reply.get("answer")
        if not isinstance(answer, np.ndarray | int | float):
            raise Fault("It returns no array of numbers.")  # a forged answer: the box sends nothing else
        if isinstance(answer, np.ndarray) and answer.nbytes > MAX_ANSWER:
            raise Fault(f"It returns {answer.size} numbers, far more than are asked for.")
        return answer

    def close(self) -> None:
        if self._box is not None:
            self._box.close()
            self._box = None

    def _why_missing(self, name: str) -> str:
        for cell in self.cells:
            if name in cell.defines and cell.problem:
                return f"Its cell, number {cell.number}, did not run: {cell.problem}"
        return f"There is no function named `{name}` in the notebook."

    def _call(self, **request) -> dict:
        """Ask the box. One that has ended of itself, perhaps by what an earlier call left, is asked anew once."""
        try:
            try:
                return self._ask_once(request)
            except Ended:
                return self._ask_once(request)
        except Lost as lost:
            raise Fault(str(lost)) from None

    def _ask_once(self, request: dict) -> dict:
        while self._box is None:
            try:
                self._box = self._prepared()
            except BoxError as error:
                self.refused = error
                raise
        try:
            return self._box.ask("call", self._seconds(self._limits.call), **request)
        except Lost:
            self._box = None
            raise

    def _prepared(self) -> Box | None:
        """A box in which all cells have run but those known to break it; None where one more is known now."""
        box = self._open()
        for cell in self.cells:
            if cell.lost or cell.skipped:
                continue
            text = cell.source.encode("utf-8", "replace")
            try:
                reply = box.ask("run", self._seconds(self._limits.cell), source=np.frombuffer(text, np.uint8))
            except Lost as lost:
                cell.lost, cell.problem = True, str(lost)
                return None
            except Fault:
                box.close()
                raise
            cell.printed, cell.problem = plain(reply.get("printed")), plain(reply.get("raised"), 500)
            if cell.problem.startswith(FOR_NOTEBOOKS):
                # a demonstration, not a mistake of the student's: the sentence tells all, without a traceback
                cell.printed, cell.problem = "", cell.problem.removeprefix(FOR_NOTEBOOKS)
        return box

    def _seconds(self, limit: float) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise Fault(f"The {self._limits.total:.0f} seconds for the whole notebook are used up.")
        return min(limit, left)


@dataclass(frozen=True)
class Proxy:
    """Stands for a function of the submission wherever one is called, as in ``judge``."""

    session: Session
    name: str
    arguments: tuple[str, ...]

    def __call__(self, *given):
        return self.session.call(self.name, self.arguments, given)

    @property
    def __code__(self) -> types.CodeType | None:
        """The function's code, compiled and never run here: ``judge`` sees by it what is still as it was given.

        None where the notebook defines the function more than once: which one counts shows only when it is called.
        """
        cells = (cell for cell in self.session.cells if self.name in cell.defines)
        codes = (syntax_of(cell.source, compile) for cell in cells)
        found = [part for code in codes if code for part in code.co_consts if getattr(part, "co_name", "") == self.name]
        return found[0] if len(found) == 1 else None
